//! Reading the configuration: messages with file and line, arguments, paths, handlers of phases.

use super::log::{Level, Log};
use super::template::Template;
use super::text;
use nginx_sys::{
    NGX_HTTP_UPSTREAM_CREATE, ngx_array_t, ngx_conf_t, ngx_http_conf_ctx_t, ngx_http_core_main_conf_t,
    ngx_http_core_module, ngx_http_handler_pt, ngx_http_phases, ngx_http_upstream_main_conf_t,
    ngx_http_upstream_module, ngx_http_upstream_server_t, ngx_http_upstream_srv_conf_t, ngx_module_t, ngx_pool_t,
    ngx_str_t,
};
use std::path::PathBuf;
use std::ptr::NonNull;

/// The configuration that NGINX is reading.
pub struct Conf(pub(super) NonNull<ngx_conf_t>);

impl Conf {
    /// Wraps it.
    ///
    /// # Safety
    ///
    /// The pointer must be the one that NGINX gave to a callback, and must not be used after that callback.
    #[must_use]
    pub unsafe fn new(raw: *mut ngx_conf_t) -> Option<Self> {
        NonNull::new(raw).map(Self)
    }

    fn raw(&self) -> &ngx_conf_t {
        // SAFETY: `new` demands validity for the life of this value.
        unsafe { self.0.as_ref() }
    }

    /// The pool that lives as long as the configuration.
    #[must_use]
    pub fn pool(&self) -> *mut ngx_pool_t {
        self.raw().pool
    }

    /// The log, for messages that name no line.
    #[must_use]
    pub fn log(&self) -> Log<'_> {
        // SAFETY: NGINX's log outlives the configuration being read.
        unsafe { Log::new(self.raw().log) }
    }

    /// Writes a message followed by the file and line that is being read.
    pub fn message(&self, level: Level, message: &str) {
        // SAFETY: the format takes a length and a pointer, which are those of a live string; NGINX does not keep them.
        unsafe {
            nginx_sys::ngx_conf_log_error(
                level.number(),
                self.0.as_ptr(),
                0,
                c"%*s".as_ptr(),
                message.len(),
                message.as_ptr(),
            );
        }
    }

    /// The words of the current directive, its name first.
    #[must_use]
    pub fn words(&self) -> Vec<&[u8]> {
        let Some(words) = NonNull::new(self.raw().args) else { return Vec::new() };
        // SAFETY: while a directive is read, NGINX keeps its words in this array of strings.
        let words = unsafe { words.as_ref().as_slice::<ngx_str_t>() };
        // SAFETY: the words live in the pool of the configuration.
        words.iter().map(|word| unsafe { text::bytes(word) }).collect()
    }

    /// The file and line that is being read, as `file:line`.
    #[must_use]
    pub fn place(&self) -> String {
        let Some(file) = NonNull::new(self.raw().conf_file) else { return "the command line".to_owned() };
        // SAFETY: NGINX keeps the description of the file while it reads it.
        let file = unsafe { file.as_ref() };
        // SAFETY: as above, for the name.
        let name = unsafe { text::bytes(&file.file.name) };
        format!("{}:{}", String::from_utf8_lossy(name), file.line)
    }

    /// The absolute form of a path; relative ones start at the folder of `nginx.conf`.
    #[must_use]
    pub fn full_path(&self, path: &str) -> PathBuf {
        // SAFETY: the pool is that of the configuration being read.
        let Some(mut name) = (unsafe { text::copy(self.pool(), path.as_bytes()) }) else { return PathBuf::from(path) };
        // SAFETY: the cycle is being built, and the string is ours; NGINX replaces it by one in the cycle's pool.
        let done = unsafe { nginx_sys::ngx_conf_full_name(self.raw().cycle, &raw mut name, 1) };
        if done != nginx_sys::NGX_OK as isize {
            return PathBuf::from(path);
        }
        // SAFETY: NGINX just set the string.
        let full = unsafe { text::bytes(&name) };
        PathBuf::from(String::from_utf8_lossy(full).into_owned())
    }

    /// Compiles a text with variables.
    ///
    /// # Errors
    ///
    /// When NGINX refuses it; NGINX has then said why, with file and line.
    pub fn template(&self, value: &str) -> Result<Template, String> {
        // SAFETY: the configuration and its pool are valid.
        unsafe { Template::compile(self.0.as_ptr(), value) }
    }

    /// The configuration of a module for the whole `http` block that is being read.
    #[must_use]
    pub fn main_conf<T>(&self, module: &ngx_module_t) -> Option<NonNull<T>> {
        let context = NonNull::new(self.raw().ctx.cast::<ngx_http_conf_ctx_t>())?;
        // SAFETY: callbacks of HTTP modules are given an HTTP context, whose list has an entry for each module.
        let entry = unsafe { *context.as_ref().main_conf.add(module.ctx_index) };
        NonNull::new(entry.cast())
    }

    /// Adds a handler to a phase. Of the handlers before the content phase, those that are added later run earlier.
    ///
    /// # Errors
    ///
    /// When memory is exhausted.
    pub fn add_handler(&self, phase: ngx_http_phases, handler: ngx_http_handler_pt) -> Result<(), OutOfMemory> {
        let handlers = self.handlers(phase)?;
        // SAFETY: NGINX initialised the array of handlers before it calls `postconfiguration`.
        let slot = unsafe { nginx_sys::ngx_array_push(handlers) }.cast::<ngx_http_handler_pt>();
        let slot = NonNull::new(slot).ok_or(OutOfMemory)?;
        // SAFETY: NGINX gave room for one handler.
        unsafe { slot.as_ptr().write(handler) };
        Ok(())
    }

    /// As [`Conf::add_handler`], in front of the handlers that are there. Those of the log phase run in this order, so that
    /// `access_log` finds the variables that this one sets. Those before the content phase run from the last to the first, so that
    /// this one runs after them.
    ///
    /// # Errors
    ///
    /// When memory is exhausted.
    pub fn add_first_handler(&self, phase: ngx_http_phases, handler: ngx_http_handler_pt) -> Result<(), OutOfMemory> {
        self.add_handler(phase, handler)?;
        let handlers = self.handlers(phase)?;
        // SAFETY: the array holds optional handlers, and nothing else refers to it while the configuration is read.
        unsafe { (*handlers).as_slice_mut::<ngx_http_handler_pt>() }.rotate_right(1);
        Ok(())
    }

    /// The handlers of a phase.
    fn handlers(&self, phase: ngx_http_phases) -> Result<*mut ngx_array_t, OutOfMemory> {
        // SAFETY: the module is NGINX's own; its index is set before configurations are read.
        let core = unsafe { ngx_http_core_module.ctx_index };
        let module = ngx_module_t { ctx_index: core, ..ngx_module_t::default() };
        let conf = self.main_conf::<ngx_http_core_main_conf_t>(&module).ok_or(OutOfMemory)?;
        // SAFETY: the configuration of the core module is valid while the http block is read.
        let phases = unsafe { &mut (*conf.as_ptr()).phases };
        let phase = phases.get_mut(phase as usize).ok_or(OutOfMemory)?;
        Ok(&raw mut phase.handlers)
    }

    /// The `upstream` block with this name.
    #[must_use]
    pub fn upstream(&self, name: &str) -> Option<Upstream<'_>> {
        // SAFETY: the module is NGINX's own; its index is set before configurations are read.
        let index = unsafe { ngx_http_upstream_module.ctx_index };
        let module = ngx_module_t { ctx_index: index, ..ngx_module_t::default() };
        let conf = self.main_conf::<ngx_http_upstream_main_conf_t>(&module)?;
        // SAFETY: the module's configuration holds an array of pointers to the blocks seen so far.
        let blocks = unsafe { conf.as_ref().upstreams.as_slice::<*mut ngx_http_upstream_srv_conf_t>() };
        blocks.iter().find_map(|block| {
            // SAFETY: the blocks live as long as the configuration.
            let block = unsafe { NonNull::new(*block)?.as_ref() };
            // SAFETY: so do their names.
            let host = unsafe { text::bytes(&block.host) };
            let written = block.flags & NGX_HTTP_UPSTREAM_CREATE as usize != 0;
            (written && host.eq_ignore_ascii_case(name.as_bytes())).then_some(Upstream(block))
        })
    }
}

/// NGINX ran out of memory while it read its configuration.
#[derive(Debug, Clone, Copy)]
pub struct OutOfMemory;

/// An `upstream` block.
pub struct Upstream<'a>(pub(super) &'a ngx_http_upstream_srv_conf_t);

impl Upstream<'_> {
    /// The file in which it stands.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        let Some(name) = NonNull::new(self.0.file_name) else { return PathBuf::new() };
        // SAFETY: NGINX terminates the names of its files.
        let name = unsafe { std::ffi::CStr::from_ptr(name.as_ptr().cast()) };
        PathBuf::from(name.to_string_lossy().into_owned())
    }

    /// The line on which it opens.
    #[must_use]
    pub fn line(&self) -> usize {
        self.0.line
    }

    /// Its servers, for the checks of the configuration.
    #[must_use]
    pub fn checked_servers(&self) -> Vec<module_logic::upstream_block::Server> {
        let servers = self.servers().iter().map(|server| module_logic::upstream_block::Server {
            // SAFETY: names live as long as the configuration.
            name: String::from_utf8_lossy(unsafe { text::bytes(&server.name) }).into_owned(),
            max_conns: server.max_conns,
        });
        servers.collect()
    }

    /// Its servers.
    #[must_use]
    pub fn servers(&self) -> &[ngx_http_upstream_server_t] {
        // SAFETY: NGINX keeps an array of servers, or null for a block without any.
        NonNull::new(self.0.servers).map_or(&[], |servers| unsafe { servers.as_ref().as_slice() })
    }
}
