//! The tables by which NGINX loads the module.
//!
//! NGINX's own build writes the three symbols at the end for each dynamic module (`auto/module`).

use crate::{commands, conf, phases};
use nginx_sys::{NGX_CORE_MODULE, NGX_HTTP_MODULE, ngx_core_module_t, ngx_http_module_t, ngx_module_t, ngx_str_t};
use std::ffi::{CStr, c_char};

static CONTEXT: ngx_http_module_t = ngx_http_module_t {
    preconfiguration: Some(conf::preconfiguration),
    postconfiguration: Some(conf::postconfiguration),
    create_main_conf: Some(conf::create_main),
    init_main_conf: Some(conf::init_main),
    create_srv_conf: None,
    merge_srv_conf: None,
    create_loc_conf: Some(conf::create_location),
    merge_loc_conf: Some(conf::merge_location),
};

/// The module. NGINX fills in its indexes.
#[unsafe(no_mangle)]
pub static mut ngx_http_wallarm_module: ngx_module_t = ngx_module_t {
    ctx: (&raw const CONTEXT).cast_mut().cast(),
    commands: (&raw mut commands::COMMANDS).cast(),
    type_: NGX_HTTP_MODULE as usize,
    init_module: Some(phases::init_module),
    init_process: Some(phases::init_process),
    exit_process: Some(phases::exit_process),
    ..ngx_module_t::default()
};

static OUTSIDE_CONTEXT: OutsideContext = OutsideContext(ngx_core_module_t {
    name: ngx_str_t { len: OUTSIDE_NAME.count_bytes(), data: OUTSIDE_NAME.as_ptr().cast::<u8>().cast_mut() },
    create_conf: None,
    init_conf: None,
});

const OUTSIDE_NAME: &CStr = c"wallarm";

/// A context that nobody writes to.
#[repr(transparent)]
struct OutsideContext(ngx_core_module_t);

// SAFETY: NGINX reads it from one thread; Rust never does.
unsafe impl Sync for OutsideContext {}

/// The module of the directives outside of all blocks.
#[unsafe(no_mangle)]
pub static mut ngx_wallarm_module: ngx_module_t = ngx_module_t {
    ctx: (&raw const OUTSIDE_CONTEXT).cast_mut().cast(),
    commands: (&raw mut commands::OUTSIDE_COMMANDS).cast(),
    type_: NGX_CORE_MODULE as usize,
    ..ngx_module_t::default()
};

/// The module, to look up its configurations and contexts.
pub fn this() -> &'static ngx_module_t {
    let this = &raw const ngx_http_wallarm_module;
    // SAFETY: NGINX writes the indexes before it calls any function of the module, and never again while it runs.
    unsafe { &*this }
}

/// A list of pointers that NGINX reads once, when it loads the library.
#[repr(transparent)]
pub struct Pointers<T, const N: usize>([*const T; N]);

// SAFETY: NGINX reads the list from one thread; Rust never does.
unsafe impl<T, const N: usize> Sync for Pointers<T, N> {}

/// The modules of this library.
#[unsafe(no_mangle)]
pub static ngx_modules: Pointers<ngx_module_t, 3> =
    Pointers([&raw const ngx_wallarm_module, &raw const ngx_http_wallarm_module, std::ptr::null()]);

/// Their names.
#[unsafe(no_mangle)]
pub static ngx_module_names: Pointers<c_char, 3> =
    Pointers([c"ngx_wallarm_module".as_ptr(), c"ngx_http_wallarm_module".as_ptr(), std::ptr::null()]);

/// Their place among the other modules; only filters have one.
#[unsafe(no_mangle)]
pub static ngx_module_order: Pointers<c_char, 1> = Pointers([std::ptr::null()]);
