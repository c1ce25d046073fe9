//! `$variables` of this module.

use super::conf::{Conf, OutOfMemory};
use super::request::Request;
use super::{Answer, text};
use nginx_sys::{ngx_conf_t, ngx_http_get_variable_pt, ngx_http_variable_value_t, ngx_int_t};

/// Declares a variable whose values are never kept, since they change while a request is analysed.
///
/// # Errors
///
/// When memory is exhausted or the name is taken.
///
/// # Safety
///
/// `raw` must be the configuration that is being read, and `conf` its wrapper.
pub unsafe fn add(
    raw: *mut ngx_conf_t,
    conf: &Conf,
    name: &str,
    data: usize,
    get: ngx_http_get_variable_pt,
) -> Result<(), OutOfMemory> {
    // SAFETY: the pool is that of the configuration being read.
    let mut name = unsafe { text::copy(conf.pool(), name.as_bytes()) }.ok_or(OutOfMemory)?;
    // SAFETY: both pointers are valid during the call; NGINX copies the name.
    let variable =
        unsafe { nginx_sys::ngx_http_add_variable(raw, &raw mut name, nginx_sys::NGX_HTTP_VAR_NOCACHEABLE as usize) };
    // SAFETY: NGINX gave a valid variable or null.
    let variable = unsafe { variable.as_mut() }.ok_or(OutOfMemory)?;
    variable.get_handler = get;
    variable.data = data;
    Ok(())
}

/// Gives NGINX the value of a variable.
///
/// # Safety
///
/// `value` must be the one that NGINX gave to the callback.
pub unsafe fn set(request: &Request, value: *mut ngx_http_variable_value_t, content: &[u8]) -> ngx_int_t {
    // SAFETY: the caller promises a valid value.
    let Some(value) = (unsafe { value.as_mut() }) else { return Answer::Error.code() };
    // SAFETY: the pool of a living request is valid.
    let Some(content) = (unsafe { text::copy((*request.raw()).pool, content) }) else { return Answer::Error.code() };
    value.data = content.data;
    value.set_len(u32::try_from(content.len).unwrap_or(0));
    value.set_valid(1);
    value.set_no_cacheable(0);
    value.set_not_found(0);
    Answer::Ok.code()
}
