//! Configurations: one for the `http` block, one for each block inside.

use crate::block_page::Pages;
use crate::cloud;
use crate::commands::{CONF_ERROR, CONF_OK};
use crate::ngx::Answer;
use crate::ngx::body_filter;
use crate::ngx::conf::{Conf, OutOfMemory};
use crate::ngx::guard;
use crate::ngx::log::{Level, Log};
use crate::ngx::owned;
use crate::ngx::process;
use crate::ngx::shared_zone::Zone;
use crate::ngx::template::Template;
use crate::rulesets::Keeper;
use crate::upstream::Destination;
use crate::{module, phases, rate_limit, responses, status, variables};
use module_logic::mode::Mode;
use module_logic::rulesets::PairId;
use module_logic::settings::{Backend, Block, BlockRead, Dynamic, Global, GlobalRead, TemplateId};
use module_logic::upstream_block;
use nginx_sys::{
    ngx_conf_t, ngx_http_phases_NGX_HTTP_CONTENT_PHASE, ngx_http_phases_NGX_HTTP_LOG_PHASE,
    ngx_http_phases_NGX_HTTP_PREACCESS_PHASE, ngx_int_t,
};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::{c_char, c_void};

/// The configuration of the `http` block.
#[derive(Default)]
pub struct MainConf {
    /// What directives said.
    pub read: GlobalRead,
    /// What holds, once the block was read.
    pub holds: Option<Global>,
    /// Where records go.
    pub backend: Option<Backend>,
    /// How they get there; `None` if they go to the API.
    pub destination: Option<Destination>,
    /// Where attacks go, if they go to the API.
    pub cloud: Option<cloud::Destination>,
    /// The texts with variables that directives named.
    pub templates: Vec<Template>,
    /// Old names that a warning was written for.
    pub warned: BTreeSet<&'static str>,
    /// The rule sets that locations use, once the block was read.
    pub keeper: Option<Keeper>,
    /// The memory of the counters.
    pub counters: Option<Zone>,
    /// The memory of the rate limit, if any block has one.
    pub limits: Option<rate_limit::Memory>,
    /// Whether any block limits rates.
    pub limited: bool,
    /// Whether any block looks at responses.
    pub responses: bool,
    /// How many workers there will be; known once the whole configuration was read.
    pub workers: Cell<usize>,
    /// The pages that blocked clients are shown.
    pub pages: Pages,
}

impl MainConf {
    /// A text with variables.
    #[must_use]
    pub fn template(&self, id: TemplateId) -> Option<&Template> {
        self.templates.get(id.0)
    }
}

/// The configuration of the `http` block that this process runs; none without such a block.
#[must_use]
pub fn running() -> Option<&'static MainConf> {
    // SAFETY: NGINX sets the cycle before it starts workers, and a worker keeps it until it ends.
    unsafe { process::main_conf(nginx_sys::ngx_cycle, module::this()) }
}

/// The configuration of an `http`, `server` or `location` block.
#[derive(Default)]
pub struct LocationConf {
    /// What directives said.
    pub read: BlockRead,
    /// What holds, once the outer blocks were merged in.
    pub holds: Option<Block>,
    /// The rule set, unless nothing is ever analysed here.
    pub ruleset: Option<PairId>,
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
                // The line being read is the last one of the `http` block.
                match contradiction.place() {
                    Some(place) => conf.log().write(Level::Emergency, &format!("{contradiction} in {place}")),
                    None => conf.message(Level::Emergency, &contradiction.to_string()),
                }
                return CONF_ERROR;
            }
        }
        if let Err(message) = check_upstream(&conf, main) {
            conf.log().write(Level::Emergency, &message);
            return CONF_ERROR;
        }
        let holds = main.read.resolve();
        main.keeper = Some(Keeper::new(&holds.cache_path, holds.file_check_interval));
        if let Some(backend) = &main.backend {
            match Destination::read(&conf, backend, &holds, main.read.queue_limits()) {
                Ok(destination) => main.destination = destination,
                Err(error) => {
                    conf.message(Level::Emergency, &error.to_string());
                    return CONF_ERROR;
                }
            }
            match cloud::Destination::read(&conf, backend, main.read.queue_limits()) {
                Ok(destination) => main.cloud = destination,
                Err(error) => {
                    conf.log().write(Level::Emergency, &error.to_string());
                    return CONF_ERROR;
                }
            }
        }
        main.holds = Some(holds);
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
        // A block that is off analyses nothing, so a server on which nothing is configured needs no rules.
        if holds.mode != Dynamic::Fixed(Mode::Off) {
            inner.ruleset = main.keeper.as_mut().map(|keeper| keeper.add(&holds));
            main.responses |= holds.parse_response;
        }
        main.limited |= !holds.rate_limits.is_empty();
        if let Err(error) = main.pages.add_all(&holds, &conf) {
            conf.message(Level::Emergency, &error);
            return CONF_ERROR;
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
        let Some(main) = conf.main_conf::<MainConf>(module::this()) else { return Answer::Error.code() };
        // SAFETY: `create_main` made it; nobody else holds a reference now.
        match complete(&conf, unsafe { &mut *main.as_ptr() }) {
            Ok(()) => Answer::Ok.code(),
            Err(message) => {
                conf.log().write(Level::Emergency, &message);
                Answer::Error.code()
            }
        }
    })
}

/// Everything was read and merged.
fn complete(conf: &Conf, main: &mut MainConf) -> Result<(), String> {
    if let Some(keeper) = main.keeper.as_mut().filter(|_| !process::only_signals()) {
        keeper.load(conf.log()).map_err(|error| error.to_string())?;
    }
    for page in main.holds.iter().flat_map(|holds| &holds.dynamic_pages) {
        main.pages.add(page, conf)?;
    }
    if main.responses {
        body_filter::put_first(responses::filter);
    }
    declare_memory(conf, main).and_then(|()| add_handlers(conf)).map_err(|_| "memory is exhausted".to_owned())
}

/// Declares what workers share.
fn declare_memory(conf: &Conf, main: &mut MainConf) -> Result<(), OutOfMemory> {
    let bytes = Zone::bytes_for(status::WORDS);
    main.counters = Some(Zone::declare(conf, status::ZONE, bytes, module::this())?);
    if let Some(holds) = main.holds.as_ref().filter(|_| main.limited) {
        let bytes = holds.rate_limit_shm_size;
        let zone = Zone::declare(conf, rate_limit::ZONE, usize::try_from(bytes).unwrap_or(usize::MAX), module::this())?;
        main.limits = Some(rate_limit::Memory { zone, bytes });
    }
    Ok(())
}

/// Adds the handlers of phases. Of those of one phase, the one that is added last runs first.
fn add_handlers(conf: &Conf) -> Result<(), OutOfMemory> {
    conf.add_handler(ngx_http_phases_NGX_HTTP_PREACCESS_PHASE, Some(phases::preaccess))?;
    conf.add_handler(ngx_http_phases_NGX_HTTP_PREACCESS_PHASE, Some(rate_limit::preaccess))?;
    conf.add_handler(ngx_http_phases_NGX_HTTP_CONTENT_PHASE, Some(status::content))?;
    conf.add_first_handler(ngx_http_phases_NGX_HTTP_LOG_PHASE, Some(phases::log))
}

/// Looks at the block of the postanalytics servers; only its absence is an error.
fn check_upstream(conf: &Conf, main: &MainConf) -> Result<(), String> {
    let (Some(Backend::Upstream(name)), Some(Some(named))) = (&main.backend, &main.read.upstream) else {
        return Ok(());
    };
    let upstream = conf.upstream(name).ok_or_else(|| {
        format!("\"wallarm_tarantool_upstream\" directive: there is no block \"upstream {name}\" in {}", named.place)
    })?;
    let (file, line) = (upstream.file(), upstream.line());
    // A file that cannot be read again is no reason to refuse what NGINX just read.
    let keepalive = std::fs::read_to_string(&file)
        .map_or(upstream_block::Keepalive::Unknown, |text| upstream_block::keepalive(&text, name, line));
    for complaint in upstream_block::complaints(&upstream.checked_servers(), keepalive) {
        let message = format!("wallarm: upstream \"{name}\": {complaint} in {}:{line}", file.display());
        conf.log().write(Level::Warning, &message);
    }
    Ok(())
}
