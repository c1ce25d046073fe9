//! `$wallarm_…`.

use crate::analysis::Analysis;
use crate::module;
use crate::ngx::conf::{Conf, OutOfMemory};
use crate::ngx::guard;
use crate::ngx::log::Log;
use crate::ngx::request::Request;
use crate::ngx::{Answer, variable};
use detection::attack::Attack;
use nginx_sys::{ngx_conf_t, ngx_http_request_t, ngx_http_variable_value_t, ngx_int_t};
use std::time::Duration;

/// The value of a variable; an analysis is there only for a request that was looked at.
type Value = fn(Option<&Analysis>) -> String;

/// The variables: name, and value.
const VARIABLES: [(&str, Value); 7] = [
    ("wallarm_request_cpu_time", |analysis| seconds(analysis.map(|analysis| analysis.outcome.cpu))),
    ("wallarm_request_mono_time", |analysis| seconds(analysis.map(|analysis| analysis.outcome.elapsed))),
    ("wallarm_serialized_size", |analysis| analysis.map_or(0, |analysis| analysis.outcome.serialized).to_string()),
    ("wallarm_is_input_valid", |analysis| {
        let invalid = analysis.is_some_and(|analysis| analysis.outcome.attacks.contains(Attack::InvalidXml));
        u8::from(invalid).to_string()
    }),
    ("wallarm_attack_type", |analysis| analysis.map_or(0, |analysis| analysis.outcome.attacks.bits()).to_string()),
    ("wallarm_attack_type_list", |analysis| {
        analysis.map(|analysis| analysis.outcome.attacks.to_string()).unwrap_or_default()
    }),
    ("wallarm_dollar", |_| "$".to_owned()),
];

/// Seconds with microseconds; `0` for a request that was not analysed.
fn seconds(time: Option<Duration>) -> String {
    time.map_or_else(|| "0".to_owned(), |time| format!("{:.6}", time.as_secs_f64()))
}

/// Declares the variables.
///
/// # Errors
///
/// When memory is exhausted or a name is taken.
///
/// # Safety
///
/// `raw` must be the configuration that is being read, and `conf` its wrapper.
pub unsafe fn declare(raw: *mut ngx_conf_t, conf: &Conf) -> Result<(), OutOfMemory> {
    for (place, (name, _)) in VARIABLES.iter().enumerate() {
        // SAFETY: as the caller promises.
        unsafe { variable::add(raw, conf, name, place, Some(get)) }?;
    }
    Ok(())
}

/// Called by NGINX when a variable is evaluated.
unsafe extern "C" fn get(
    raw: *mut ngx_http_request_t,
    value: *mut ngx_http_variable_value_t,
    data: usize,
) -> ngx_int_t {
    guard::run(Log::of_cycle(), Answer::Error.code(), || {
        // SAFETY: NGINX gives a valid request, which lives during this call.
        let Some(request) = (unsafe { Request::new(raw) }) else { return Answer::Error.code() };
        let Some((_, read)) = VARIABLES.get(data) else { return Answer::Error.code() };
        let analysis = if request.is_main() { request.context::<Analysis>(module::this()) } else { None };
        // SAFETY: the context lives as long as the request, and nobody changes it while a variable is evaluated.
        let content = read(analysis.as_ref().map(|analysis| unsafe { analysis.as_ref() }));
        // SAFETY: NGINX gave the value.
        unsafe { variable::set(&request, value, content.as_bytes()) }
    })
}
