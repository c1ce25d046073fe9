//! The directives, handed to NGINX.

use crate::conf::{LocationConf, MainConf};
use crate::module;
use crate::ngx::conf::Conf;
use crate::ngx::guard;
use crate::ngx::log::{Level, Log};
use module_logic::directives::{Arguments, Arity, Contexts, Directive, Host, Note, Reading, TABLE};
use module_logic::settings::TemplateId;
use nginx_sys::{
    NGX_CONF_1MORE, NGX_CONF_ANY, NGX_CONF_NOARGS, NGX_CONF_TAKE1, NGX_CONF_TAKE2, NGX_CONF_TAKE12, NGX_HTTP_LOC_CONF,
    NGX_HTTP_LOC_CONF_OFFSET, NGX_HTTP_MAIN_CONF, NGX_HTTP_SRV_CONF, ngx_command_t, ngx_conf_t, ngx_str_t,
};
use std::ffi::{c_char, c_void};
use std::path::PathBuf;

/// One command for each directive of the table, and one that ends the list.
pub static mut COMMANDS: [ngx_command_t; TABLE.len() + 1] = commands();

const fn commands() -> [ngx_command_t; TABLE.len() + 1] {
    let mut commands = [ngx_command_t::empty(); TABLE.len() + 1];
    let mut place = 0;
    while place < TABLE.len() {
        let directive = &TABLE[place];
        commands[place] = ngx_command_t {
            name: ngx_str_t { len: directive.name.len(), data: directive.c_name.as_ptr().cast::<u8>().cast_mut() },
            type_: places(directive.contexts) | arguments(directive.arity),
            set: Some(set),
            conf: NGX_HTTP_LOC_CONF_OFFSET,
            // `set` finds the directive by this.
            offset: place,
            post: std::ptr::null_mut(),
        };
        place += 1;
    }
    commands
}

const fn places(contexts: Contexts) -> usize {
    let bits = match contexts {
        Contexts::Http => NGX_HTTP_MAIN_CONF,
        Contexts::HttpServerLocation => NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF,
        Contexts::ServerLocation => NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF,
        // NGINX offers directives outside of blocks to modules of its core only; they have a table of their own.
        Contexts::Main => 0,
    };
    bits as usize
}

const fn arguments(arity: Arity) -> usize {
    let bits = match arity {
        Arity::One => NGX_CONF_TAKE1,
        Arity::Two => NGX_CONF_TAKE2,
        Arity::UpToTwo => NGX_CONF_NOARGS | NGX_CONF_TAKE12,
        Arity::Some => NGX_CONF_1MORE,
        Arity::Any => NGX_CONF_ANY,
    };
    bits as usize
}

/// What NGINX does for the directives.
struct Reader<'a> {
    conf: &'a Conf,
    main: &'a mut MainConf,
}

/// NGINX while it reads one directive: the templates go to the configuration of the `http` block.
struct NginxHost<'a> {
    conf: &'a Conf,
    templates: &'a mut Vec<crate::ngx::template::Template>,
}

impl Host for NginxHost<'_> {
    fn template(&mut self, text: &str) -> Result<TemplateId, String> {
        self.templates.push(self.conf.template(text)?);
        Ok(TemplateId(self.templates.len() - 1))
    }

    fn path(&self, text: &str) -> PathBuf {
        self.conf.full_path(text)
    }

    fn place(&self) -> String {
        self.conf.place()
    }
}

impl Reader<'_> {
    /// Reads one directive.
    fn read(&mut self, directive: &Directive, location: &mut LocationConf) -> Result<(), String> {
        let words = self.conf.words();
        let mut arguments = Vec::with_capacity(words.len());
        for word in words.iter().skip(1) {
            let word = std::str::from_utf8(word);
            arguments.push(word.map_err(|_| format!("\"{}\" directive: the value is not UTF-8", directive.name))?);
        }
        let mut host = NginxHost { conf: self.conf, templates: &mut self.main.templates };
        let mut reading = Reading { global: &mut self.main.read, block: &mut location.read, host: &mut host };
        let note = directive.read(&mut reading, Arguments(&arguments)).map_err(|error| error.to_string())?;
        if let Note::Deprecated(new) = note
            && self.main.warned.insert(directive.name)
        {
            let message =
                format!("the \"{}\" directive is deprecated, use the \"{new}\" directive instead", directive.name);
            self.conf.message(Level::Warning, &message);
        }
        Ok(())
    }
}

/// NGINX's values of a `set` function: `NGX_CONF_OK` and `NGX_CONF_ERROR`.
pub const CONF_OK: *mut c_char = std::ptr::null_mut();
/// See [`CONF_OK`].
pub const CONF_ERROR: *mut c_char = std::ptr::without_provenance_mut(usize::MAX);

/// Reads one directive. Called by NGINX.
unsafe extern "C" fn set(cf: *mut ngx_conf_t, command: *mut ngx_command_t, location: *mut c_void) -> *mut c_char {
    guard::run(Log::of_cycle(), CONF_ERROR, || {
        // SAFETY: NGINX gives the configuration being read, a command of `COMMANDS`, and what `create_location` made.
        let (conf, command, location) =
            unsafe { (Conf::new(cf), command.as_ref(), location.cast::<LocationConf>().as_mut()) };
        let (Some(conf), Some(command), Some(location)) = (conf, command, location) else { return CONF_ERROR };
        let (Some(directive), Some(main)) = (TABLE.get(command.offset), conf.main_conf::<MainConf>(module::this()))
        else {
            return CONF_ERROR;
        };
        // SAFETY: `create_main` made it; nobody else holds a reference while a directive is read.
        let main = unsafe { &mut *main.as_ptr() };
        match (Reader { conf: &conf, main }).read(directive, location) {
            Ok(()) => CONF_OK,
            Err(message) => {
                conf.message(Level::Emergency, &message);
                CONF_ERROR
            }
        }
    })
}
