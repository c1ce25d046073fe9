//! What an `upstream` block says about its servers and how they are chosen.

use super::conf::{Conf, Upstream};
use super::request::Request;
use super::text;
use module_logic::upstream::PeerSettings;
use nginx_sys::{ngx_addr_t, ngx_http_complex_value_t, ngx_http_upstream_server_t, ngx_module_t, ngx_str_t};
use socket2::SockAddr;
use std::ffi::CStr;
use std::io;
use std::ptr::NonNull;
use std::time::Duration;

/// A server: one address of a `server` line.
#[derive(Clone, Debug)]
pub struct Server {
    /// What the line says.
    pub settings: PeerSettings,
    /// Where to connect to.
    pub address: SockAddr,
}

impl Upstream<'_> {
    /// Every address of every `server` line, in order.
    ///
    /// # Errors
    ///
    /// An address of a form that the system does not know.
    pub fn addresses(&self) -> io::Result<Vec<Server>> {
        let addresses = self.servers().iter().flat_map(|line| line_addresses(line).iter().map(move |one| (line, one)));
        addresses.map(|(line, one)| Ok(Server { settings: settings(line, one), address: address(one)? })).collect()
    }
}

fn line_addresses(line: &ngx_http_upstream_server_t) -> &[ngx_addr_t] {
    match NonNull::new(line.addrs) {
        // SAFETY: NGINX keeps `naddrs` addresses for a line, which live as long as the configuration.
        Some(addresses) => unsafe { std::slice::from_raw_parts(addresses.as_ptr(), line.naddrs) },
        None => &[],
    }
}

fn settings(line: &ngx_http_upstream_server_t, address: &ngx_addr_t) -> PeerSettings {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    // SAFETY: the name lives as long as the configuration.
    let name = unsafe { text::bytes(&address.name) };
    PeerSettings {
        name: String::from_utf8_lossy(name).into(),
        weight: number(line.weight),
        max_conns: number(line.max_conns),
        max_fails: number(line.max_fails),
        fail_timeout: Duration::from_secs(u64::try_from(line.fail_timeout).unwrap_or(0)),
        backup: line.backup() != 0,
        down: line.down != 0,
    }
}

/// A copy of an address.
fn address(address: &ngx_addr_t) -> io::Result<SockAddr> {
    let length = address.socklen as usize;
    // SAFETY: the closure fills the storage with an address of the length that it reports.
    let ((), copy) = unsafe {
        SockAddr::try_init(|storage, room| {
            if address.sockaddr.is_null() || length > *room as usize {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            storage.cast::<u8>().copy_from_nonoverlapping(address.sockaddr.cast(), length);
            *room = address.socklen;
            Ok(())
        })
    }?;
    Ok(copy)
}

/// The key by which the directive `hash` of an `upstream` block chooses servers.
#[derive(Clone, Copy)]
pub struct HashKey(NonNull<ngx_http_complex_value_t>);

impl HashKey {
    /// The key of a block, if it has one.
    ///
    /// The directive belongs to a module of NGINX whose configuration is private; in every version since 1.7.2 it begins with the key.
    #[must_use]
    pub fn of(conf: &Conf, block: &Upstream<'_>) -> Option<Self> {
        let module = module_named(conf, c"ngx_http_upstream_hash_module")?;
        let entries = NonNull::new(block.0.srv_conf)?;
        // SAFETY: the list of configurations has an entry for every HTTP module.
        let conf = unsafe { *entries.as_ptr().add(module.ctx_index) };
        let key = NonNull::new(conf.cast::<ngx_http_complex_value_t>())?;
        // SAFETY: the configuration begins with the key, which is all zeros if the directive was not used.
        let text = unsafe { key.as_ref().value };
        (text.len > 0).then_some(Self(key))
    }

    /// The key of a request. `None` when memory is exhausted.
    #[must_use]
    pub fn evaluate<'r>(&self, request: &'r Request) -> Option<&'r [u8]> {
        let mut value = ngx_str_t::default();
        // SAFETY: the request belongs to the configuration of the key, and NGINX does not write to the key.
        let done = unsafe { nginx_sys::ngx_http_complex_value(request.raw(), self.0.as_ptr(), &raw mut value) };
        // SAFETY: NGINX puts the text into the request's pool, or points into the configuration.
        (done == nginx_sys::NGX_OK as isize).then(|| unsafe { text::bytes(&value) })
    }
}

/// A module of the configuration that is being read.
fn module_named(conf: &Conf, name: &CStr) -> Option<&'static ngx_module_t> {
    // SAFETY: NGINX lists the modules before it reads a configuration; modules are never unloaded while it is used.
    unsafe {
        let cycle = NonNull::new(conf.0.as_ref().cycle)?.as_ref();
        (0..cycle.modules_n).find_map(|place| {
            let module = NonNull::new(*cycle.modules.add(place))?.as_ref();
            (!module.name.is_null() && CStr::from_ptr(module.name) == name).then_some(module)
        })
    }
}
