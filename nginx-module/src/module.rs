//! The tables by which NGINX loads the module.
//!
//! NGINX's own build writes the three symbols at the end for each dynamic module (`auto/module`).

use crate::{commands, conf, phases};
use nginx_sys::{NGX_HTTP_MODULE, ngx_http_module_t, ngx_module_t};
use std::ffi::c_char;

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
#[expect(non_upper_case_globals, reason = "the name of the module, by which NGINX's logs and tools call it")]
pub static mut ngx_http_wallarm_module: ngx_module_t = ngx_module_t {
    ctx: (&raw const CONTEXT).cast_mut().cast(),
    // SAFETY: only the address is taken.
    commands: unsafe { (&raw mut commands::COMMANDS).cast() },
    type_: NGX_HTTP_MODULE as usize,
    init_process: Some(phases::init_process),
    ..ngx_module_t::default()
};

/// The module, to look up its configurations and contexts.
pub fn this() -> &'static ngx_module_t {
    // SAFETY: NGINX writes the indexes before it calls any function of the module, and never again while it runs.
    unsafe { &*&raw const ngx_http_wallarm_module }
}

/// A list of pointers that NGINX reads once, when it loads the library.
#[repr(transparent)]
pub struct Pointers<T, const N: usize>([*const T; N]);

// SAFETY: NGINX reads the list from one thread; Rust never does.
unsafe impl<T, const N: usize> Sync for Pointers<T, N> {}

/// The modules of this library.
#[unsafe(no_mangle)]
#[expect(non_upper_case_globals, reason = "NGINX looks this name up")]
pub static ngx_modules: Pointers<ngx_module_t, 2> = Pointers([&raw const ngx_http_wallarm_module, std::ptr::null()]);

/// Their names.
#[unsafe(no_mangle)]
#[expect(non_upper_case_globals, reason = "NGINX looks this name up")]
pub static ngx_module_names: Pointers<c_char, 2> = Pointers([c"ngx_http_wallarm_module".as_ptr(), std::ptr::null()]);

/// Their place among the other modules; only filters have one.
#[unsafe(no_mangle)]
#[expect(non_upper_case_globals, reason = "NGINX looks this name up")]
pub static ngx_module_order: Pointers<c_char, 1> = Pointers([std::ptr::null()]);
