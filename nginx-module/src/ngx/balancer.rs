//! What an `upstream` block says about its servers.

use super::conf::Upstream;
use super::text;
use module_logic::upstream::PeerSettings;
use nginx_sys::{ngx_addr_t, ngx_http_upstream_server_t};
use socket2::SockAddr;
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
