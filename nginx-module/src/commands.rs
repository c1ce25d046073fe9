//! The directives, handed to NGINX.

use crate::conf::{LocationConf, MainConf};
use crate::module;
use crate::ngx::conf::Conf;
use crate::ngx::guard;
use crate::ngx::log::{Level, Log};
use module_logic::directives::{Arguments, Arity, Contexts, Directive, Host, Note, Reading, TABLE};
use module_logic::settings::{BlockRead, GlobalRead, TemplateId};
use nginx_sys::{
    NGX_CONF_1MORE, NGX_CONF_ANY, NGX_CONF_NOARGS, NGX_CONF_TAKE1, NGX_CONF_TAKE2, NGX_CONF_TAKE12, NGX_DIRECT_CONF,
    NGX_HTTP_LOC_CONF, NGX_HTTP_LOC_CONF_OFFSET, NGX_HTTP_MAIN_CONF, NGX_HTTP_SRV_CONF, NGX_MAIN_CONF, ngx_command_t,
    ngx_conf_t, ngx_str_t,
};
use std::ffi::{c_char, c_void};
use std::path::PathBuf;

/// The number of directives that stand outside of all blocks.
const OUTSIDE: usize = {
    let (mut count, mut place) = (0, 0);
    while place < TABLE.len() {
        count += is_outside(TABLE[place].contexts) as usize;
        place += 1;
    }
    count
};

/// A command for each directive of the `http` block and the blocks inside, and one that ends the list.
pub static mut COMMANDS: [ngx_command_t; TABLE.len() - OUTSIDE + 1] = commands(false);

/// The same for directives outside of all blocks, which NGINX takes from modules of its core only.
pub static mut OUTSIDE_COMMANDS: [ngx_command_t; OUTSIDE + 1] = commands(true);

const fn is_outside(contexts: Contexts) -> bool {
    matches!(contexts, Contexts::Main)
}

const fn commands<const N: usize>(outside: bool) -> [ngx_command_t; N] {
    let mut commands = [ngx_command_t::empty(); N];
    let (mut place, mut next) = (0, 0);
    while place < TABLE.len() {
        let directive = &TABLE[place];
        if is_outside(directive.contexts) == outside {
            commands[next] = ngx_command_t {
                name: ngx_str_t { len: directive.name.len(), data: directive.c_name.as_ptr().cast::<u8>().cast_mut() },
                type_: places(directive.contexts) | arguments(directive.arity),
                set: if outside { Some(check) } else { Some(set) },
                conf: if outside { 0 } else { NGX_HTTP_LOC_CONF_OFFSET },
                // The place in the table, by which `set` and `check` find the directive.
                offset: place,
                post: std::ptr::null_mut(),
            };
            next += 1;
        }
        place += 1;
    }
    commands
}

const fn places(contexts: Contexts) -> usize {
    let bits = match contexts {
        Contexts::Http => NGX_HTTP_MAIN_CONF,
        Contexts::HttpServerLocation => NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF,
        Contexts::ServerLocation => NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF,
        Contexts::Main => NGX_MAIN_CONF | NGX_DIRECT_CONF,
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

/// Reads directives of the `http` block and of blocks inside.
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
        let arguments = words(self.conf, directive)?;
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

/// The arguments of a directive.
fn words<'a>(conf: &'a Conf, directive: &Directive) -> Result<Vec<&'a str>, String> {
    let words = conf.words().into_iter().skip(1).map(std::str::from_utf8);
    words.collect::<Result<_, _>>().map_err(|_| format!("\"{}\" directive: the value is not UTF-8", directive.name))
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

/// Checks a directive outside of all blocks, where nothing is kept. Called by NGINX.
unsafe extern "C" fn check(cf: *mut ngx_conf_t, command: *mut ngx_command_t, _conf: *mut c_void) -> *mut c_char {
    guard::run(Log::of_cycle(), CONF_ERROR, || {
        // SAFETY: NGINX gives the configuration being read, and a command of `OUTSIDE_COMMANDS`.
        let (conf, command) = unsafe { (Conf::new(cf), command.as_ref()) };
        let (Some(conf), Some(command)) = (conf, command) else { return CONF_ERROR };
        let Some(directive) = TABLE.get(command.offset) else { return CONF_ERROR };
        let (mut global, mut block, mut templates) = (GlobalRead::default(), BlockRead::default(), Vec::new());
        let mut host = NginxHost { conf: &conf, templates: &mut templates };
        let mut reading = Reading { global: &mut global, block: &mut block, host: &mut host };
        let read = words(&conf, directive).and_then(|arguments| {
            directive.read(&mut reading, Arguments(&arguments)).map_err(|error| error.to_string())
        });
        match read {
            Ok(_) => CONF_OK,
            Err(message) => {
                conf.message(Level::Emergency, &message);
                CONF_ERROR
            }
        }
    })
}
