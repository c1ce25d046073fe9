//! The two ends of a request's connection, and its times.

use super::request::Request;
use super::text;
use nginx_sys::{AF_INET, AF_INET6, NGX_OK, ngx_connection_t, ngx_str_t, sockaddr, sockaddr_in, sockaddr_in6};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr::NonNull;
use std::time::Duration;

/// Room for the text of an address; NGINX's own limit is that of a path of a unix socket.
const TEXT: usize = 128;
/// What stands for the address of a unix socket.
const NO_ADDRESS: &[u8] = b"0.0.0.0";

/// An end of a connection.
pub struct End {
    text: [u8; TEXT],
    length: usize,
    /// The port; 0 for a unix socket.
    pub port: u16,
}

impl End {
    /// The address as text; `0.0.0.0` for a unix socket.
    #[must_use]
    pub fn ip(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    fn new(ip: &[u8], port: u16) -> Self {
        let mut end = Self { text: [0; TEXT], length: ip.len().min(TEXT), port };
        end.text.iter_mut().zip(ip).for_each(|(to, from)| *to = *from);
        end
    }
}

fn connection(request: &Request) -> NonNull<ngx_connection_t> {
    // SAFETY: the request is valid, and has a connection while it lives.
    unsafe { NonNull::new_unchecked((*request.raw()).connection) }
}

/// The port of an address; `None` for a unix socket.
fn port(address: *mut sockaddr) -> Option<u16> {
    // SAFETY: the address is null or valid.
    let family = u32::from(unsafe { address.as_ref() }?.sa_family);
    if family == nginx_sys::AF_UNIX {
        return None;
    }
    // SAFETY: as above; NGINX looks at the family itself.
    Some(unsafe { nginx_sys::ngx_inet_get_port(address) })
}

/// The client's end, after NGINX's `realip` module.
#[must_use]
pub fn remote(request: &Request) -> End {
    // SAFETY: the connection lives as long as the request.
    let connection = unsafe { connection(request).as_ref() };
    match port(connection.sockaddr) {
        // SAFETY: the text lives as long as the connection.
        Some(port) => End::new(unsafe { text::bytes(&connection.addr_text) }, port),
        None => End::new(NO_ADDRESS, 0),
    }
}

/// The address of the client's end, after NGINX's `realip` module; `0.0.0.0` for a unix socket.
#[must_use]
pub fn remote_address(request: &Request) -> IpAddr {
    // SAFETY: the connection lives as long as the request.
    let address = unsafe { connection(request).as_ref() }.sockaddr;
    // SAFETY: the address is null or valid.
    match unsafe { address.as_ref() }.map(|address| u32::from(address.sa_family)) {
        Some(AF_INET) => {
            // SAFETY: an address of this family has this form.
            let address = unsafe { address.cast::<sockaddr_in>().read_unaligned() };
            Ipv4Addr::from(address.sin_addr.s_addr.to_ne_bytes()).into()
        }
        Some(AF_INET6) => {
            // SAFETY: as above; every member of the union is the same 16 bytes.
            let bytes = unsafe { address.cast::<sockaddr_in6>().read_unaligned().sin6_addr.__in6_u.__u6_addr8 };
            Ipv6Addr::from(bytes).into()
        }
        _ => Ipv4Addr::UNSPECIFIED.into(),
    }
}

/// Our end.
#[must_use]
pub fn local(request: &Request) -> End {
    let mut end = End::new(NO_ADDRESS, 0);
    let mut room = [0; TEXT];
    let mut text = ngx_str_t { len: TEXT, data: room.as_mut_ptr() };
    let connection = connection(request).as_ptr();
    // SAFETY: the connection is valid, and the text has room for as many bytes as it says.
    let done = unsafe { nginx_sys::ngx_connection_local_sockaddr(connection, &raw mut text, 0) };
    // SAFETY: NGINX has set the address now, if it did not know it before.
    let address = unsafe { (*connection).local_sockaddr };
    if done == NGX_OK as isize
        && let Some(port) = port(address)
    {
        end = End::new(room.get(..text.len).unwrap_or_default(), port);
    }
    end
}

/// Whether the client came over TLS.
#[must_use]
pub fn is_encrypted(request: &Request) -> bool {
    // SAFETY: the connection lives as long as the request.
    !unsafe { connection(request).as_ref() }.ssl.is_null()
}

/// The host that the request names, in lower case and without a port.
#[must_use]
pub fn host(request: &Request) -> Option<&[u8]> {
    // SAFETY: the request is valid, and its strings live as long as it does.
    let host = unsafe { text::bytes(&(*request.raw()).headers_in.server) };
    (!host.is_empty()).then_some(host)
}

/// Bytes of the response's header, as sent.
#[must_use]
pub fn header_size(request: &Request) -> u64 {
    // SAFETY: the request is valid.
    unsafe { (*request.raw()).header_size as u64 }
}

/// When the request came, since 1970, and how long ago that is.
#[must_use]
pub fn times(request: &Request) -> (Duration, Duration) {
    let moment = |seconds: i64, millis: u64| {
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).saturating_add(Duration::from_millis(millis))
    };
    let (seconds, millis) = request.arrival();
    let arrival = moment(seconds, millis);
    // SAFETY: NGINX's time is set before a worker starts, and always points to a valid slot.
    let now = unsafe { nginx_sys::ngx_cached_time.as_ref() };
    let now = now.map_or(arrival, |now| moment(now.sec, now.msec as u64));
    (arrival, now.saturating_sub(arrival))
}
