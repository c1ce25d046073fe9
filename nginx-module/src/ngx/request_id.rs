//! `$request_id`, given to a request before NGINX makes one.
//!
//! Every record has it. NGINX draws each from OpenSSL's random generator, which costs more than all other variables of a
//! request together.

use super::conf::Conf;
use super::request::Request;
use super::text;
use module_logic::request_id::Generator;
use nginx_sys::{NGX_ERROR, ngx_uint_t};
use std::cell::RefCell;

thread_local! {
    /// The worker's; made after the worker was, so that no two share a key.
    static GENERATOR: RefCell<Generator> = RefCell::new(Generator::new());
}

/// The variable, found once.
pub struct RequestId {
    index: ngx_uint_t,
}

impl RequestId {
    /// Finds it while the configuration is read. `None` when memory is exhausted.
    #[must_use]
    pub fn find(conf: &Conf) -> Option<Self> {
        // SAFETY: the pool is that of the configuration being read.
        let mut name = unsafe { text::copy(conf.pool(), b"request_id") }?;
        // SAFETY: both pointers are valid during the call, and NGINX's variables are declared by now.
        let index = unsafe { nginx_sys::ngx_http_get_variable_index(conf.0.as_ptr(), &raw mut name) };
        (index != NGX_ERROR as isize).then(|| Self { index: index.unsigned_abs() })
    }

    /// The id of a request: the one it has, if something asked before; otherwise a new one, which is then its `$request_id` for
    /// whoever asks later. `None` when memory is exhausted.
    #[must_use]
    pub fn of<'r>(&self, request: &'r Request) -> Option<&'r [u8]> {
        // SAFETY: the request is valid, and NGINX made it with a value for every index.
        let value = unsafe { (*request.raw()).variables.add(self.index).as_mut() }?;
        if value.valid() == 0 {
            let id = GENERATOR.with_borrow_mut(Generator::next_id);
            // SAFETY: the pool of a living request is valid.
            let id = unsafe { text::copy((*request.raw()).pool, &id) }?;
            value.data = id.data;
            value.set_len(u32::try_from(id.len).unwrap_or(0));
            value.set_valid(1);
            value.set_no_cacheable(0);
            value.set_not_found(0);
        }
        // SAFETY: a valid value has this many bytes, which live as long as the request.
        Some(unsafe { std::slice::from_raw_parts(value.data, value.len() as usize) })
    }
}
