//! Configurations: one for the `http` block, one for each block inside.

use crate::commands::{CONF_ERROR, CONF_OK};
use crate::ngx::Answer;
use crate::ngx::conf::Conf;
use crate::ngx::guard;
use crate::ngx::log::{Level, Log};
use crate::ngx::owned;
use crate::ngx::template::Template;
use crate::rulesets::{Rulesets, Slot};
use crate::{module, phases, variables};
use module_logic::mode::Mode;
use module_logic::settings::{Backend, Block, BlockRead, Dynamic, Global, GlobalRead, TemplateId};
use nginx_sys::{ngx_conf_t, ngx_http_phases_NGX_HTTP_LOG_PHASE, ngx_http_phases_NGX_HTTP_PREACCESS_PHASE, ngx_int_t};
use std::collections::BTreeSet;
use std::ffi::{c_char, c_void};
use std::rc::Rc;

/// The configuration of the `http` block.
#[derive(Default)]
pub struct MainConf {
    /// What directives said.
    pub read: GlobalRead,
    /// What holds, once the block was read.
    pub holds: Option<Global>,
    /// Where records go.
    pub backend: Option<Backend>,
    /// The texts with variables that directives named.
    pub templates: Vec<Template>,
    /// Old names that a warning was written for.
    pub warned: BTreeSet<&'static str>,
    /// The rule sets that locations use.
    pub rulesets: Rulesets,
}

impl MainConf {
    /// A text with variables.
    #[must_use]
    pub fn template(&self, id: TemplateId) -> Option<&Template> {
        self.templates.get(id.0)
    }
}

/// The configuration of an `http`, `server` or `location` block.
#[derive(Default)]
pub struct LocationConf {
    /// What directives said.
    pub read: BlockRead,
    /// What holds, once the outer blocks were merged in.
    pub holds: Option<Block>,
    /// The rule set, unless nothing is ever analysed here.
    pub ruleset: Option<Rc<Slot>>,
}

/// Makes a value in the pool of the configuration.
unsafe fn create<T: Default>(cf: *mut ngx_conf_t) -> *mut c_void {
    guard::run(Log::of_cycle(), std::ptr::null_mut(), || {
        // SAFETY: NGINX gives the configuration being read.
        let Some(conf) = (unsafe { Conf::new(cf) }) else { return std::ptr::null_mut() };
        // SAFETY: its pool is valid.
        let value = unsafe { owned::give(conf.pool(), T::default()) };
        value.map_or(std::ptr::null_mut(), |value| value.as_ptr().cast())
    })
}

/// Called by NGINX when an `http` block opens.
pub unsafe extern "C" fn create_main(cf: *mut ngx_conf_t) -> *mut c_void {
    guard::quieten();
    // SAFETY: NGINX's argument is passed on.
    unsafe { create::<MainConf>(cf) }
}

/// Called by NGINX when a block opens.
pub unsafe extern "C" fn create_location(cf: *mut ngx_conf_t) -> *mut c_void {
    // SAFETY: NGINX's argument is passed on.
    unsafe { create::<LocationConf>(cf) }
}

/// Called by NGINX before it reads the `http` block: declares the variables.
pub unsafe extern "C" fn preconfiguration(cf: *mut ngx_conf_t) -> ngx_int_t {
    guard::run(Log::of_cycle(), Answer::Error.code(), || {
        // SAFETY: NGINX gives the configuration being read.
        let Some(conf) = (unsafe { Conf::new(cf) }) else { return Answer::Error.code() };
        // SAFETY: as above.
        match unsafe { variables::declare(cf, &conf) } {
            Ok(()) => Answer::Ok.code(),
            Err(_) => Answer::Error.code(),
        }
    })
}

/// Called by NGINX when the `http` block was read, before [`merge_location`].
pub unsafe extern "C" fn init_main(cf: *mut ngx_conf_t, main: *mut c_void) -> *mut c_char {
    guard::run(Log::of_cycle(), CONF_ERROR, || {
        // SAFETY: NGINX gives the configuration being read, and what `create_main` made.
        let (conf, main) = unsafe { (Conf::new(cf), main.cast::<MainConf>().as_mut()) };
        let (Some(conf), Some(main)) = (conf, main) else { return CONF_ERROR };
        match main.read.backend() {
            Ok(backend) => main.backend = Some(backend),
            Err(contradiction) => {
                conf.message(Level::Emergency, &contradiction.to_string());
                return CONF_ERROR;
            }
        }
        main.holds = Some(main.read.resolve());
        CONF_OK
    })
}

/// Called by NGINX for each block, outer ones first.
pub unsafe extern "C" fn merge_location(cf: *mut ngx_conf_t, outer: *mut c_void, inner: *mut c_void) -> *mut c_char {
    guard::run(Log::of_cycle(), CONF_ERROR, || {
        // SAFETY: NGINX gives the configuration being read, and two different values that `create_location` made.
        let (conf, outer, inner) =
            unsafe { (Conf::new(cf), outer.cast::<LocationConf>().as_ref(), inner.cast::<LocationConf>().as_mut()) };
        let (Some(conf), Some(outer), Some(inner)) = (conf, outer, inner) else { return CONF_ERROR };
        let Some(main) = conf.main_conf::<MainConf>(module::this()) else { return CONF_ERROR };
        // SAFETY: `create_main` made it; nobody else holds a reference now.
        let main = unsafe { &mut *main.as_ptr() };
        inner.read.inherit(&outer.read);
        let holds = inner.read.resolve();
        if holds.mode != Dynamic::Fixed(Mode::Off) {
            match main.rulesets.slot(&holds, conf.log()) {
                Ok(slot) => inner.ruleset = Some(slot),
                Err(error) => {
                    conf.message(Level::Emergency, &error.to_string());
                    return CONF_ERROR;
                }
            }
        }
        inner.holds = Some(holds);
        CONF_OK
    })
}

/// Called by NGINX when everything was merged: installs the handlers.
pub unsafe extern "C" fn postconfiguration(cf: *mut ngx_conf_t) -> ngx_int_t {
    guard::run(Log::of_cycle(), Answer::Error.code(), || {
        // SAFETY: NGINX gives the configuration being read.
        let Some(conf) = (unsafe { Conf::new(cf) }) else { return Answer::Error.code() };
        let installed = conf
            .add_handler(ngx_http_phases_NGX_HTTP_PREACCESS_PHASE, Some(phases::preaccess))
            .and_then(|()| conf.add_handler(ngx_http_phases_NGX_HTTP_LOG_PHASE, Some(phases::log)));
        match installed {
            Ok(()) => Answer::Ok.code(),
            Err(_) => Answer::Error.code(),
        }
    })
}
