//! Texts with variables, as `/pages/${host}.html`, which NGINX compiles once and evaluates for each request.

use super::text;
use nginx_sys::{
    ngx_conf_t, ngx_http_compile_complex_value_t, ngx_http_complex_value_t, ngx_http_request_t, ngx_str_t,
};
use std::mem;

/// A compiled text.
pub struct Template(ngx_http_complex_value_t);

impl Template {
    /// Compiles a text.
    ///
    /// # Safety
    ///
    /// `conf` must be the configuration that is being read.
    ///
    /// # Errors
    ///
    /// When NGINX refuses it.
    pub unsafe fn compile(conf: *mut ngx_conf_t, value: &str) -> Result<Self, String> {
        const MEMORY: &str = "memory is exhausted";
        // SAFETY: the configuration is valid, as the caller promises.
        let pool = unsafe { (*conf).pool };
        // SAFETY: so is its pool. NGINX keeps pointers into the text, hence the copy in the pool.
        let mut source = unsafe { text::copy(pool, value.as_bytes()) }.ok_or_else(|| MEMORY.to_owned())?;
        // SAFETY: the struct holds numbers and pointers only, for which zeros are valid.
        let mut compiled: ngx_http_complex_value_t = unsafe { mem::zeroed() };
        // SAFETY: as above.
        let mut request: ngx_http_compile_complex_value_t = unsafe { mem::zeroed() };
        request.cf = conf;
        request.value = &raw mut source;
        request.complex_value = &raw mut compiled;
        // SAFETY: every pointer is valid during the call; NGINX keeps only what it allocates in the pool.
        let done = unsafe { nginx_sys::ngx_http_compile_complex_value(&raw mut request) };
        if done == nginx_sys::NGX_OK as isize {
            Ok(Self(compiled))
        } else {
            Err("NGINX does not know one of its variables, or cannot read it".to_owned())
        }
    }

    /// The text for one request; it lives as long as the request. `None` when memory is exhausted.
    ///
    /// # Safety
    ///
    /// The request must be valid and belong to the configuration of this template.
    #[must_use]
    pub unsafe fn evaluate<'r>(&self, request: *mut ngx_http_request_t) -> Option<&'r [u8]> {
        let mut value = ngx_str_t::empty();
        // SAFETY: the caller promises a valid request; NGINX does not write to the compiled value.
        let done =
            unsafe { nginx_sys::ngx_http_complex_value(request, (&raw const self.0).cast_mut(), &raw mut value) };
        // SAFETY: NGINX puts the text into the request's pool, or points into the configuration.
        (done == nginx_sys::NGX_OK as isize).then(|| unsafe { text::bytes(&value) })
    }
}
