//! Loopback addresses that nobody else uses.
//!
//! All of 127.0.0.0/8 is this machine. An address made from the process number belongs to this run alone, so that a port which
//! the kernel just called free is still free when NGINX binds it a moment later.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context as _, Result};

/// An address with a free port.
///
/// # Errors
///
/// If the kernel has no free port.
pub fn free() -> Result<SocketAddr> {
    let listener = listener()?;
    listener.local_addr().context("a listener has no address")
}

/// A listener on an address of its own.
///
/// # Errors
///
/// If the kernel has no free port.
pub fn listener() -> Result<TcpListener> {
    let address = own(std::process::id());
    TcpListener::bind((address, 0)).with_context(|| format!("cannot listen on {address}"))
}

/// Never 127.0.x.y, where other servers are, nor a network or broadcast address.
fn own(pid: u32) -> Ipv4Addr {
    static COUNT: AtomicU8 = AtomicU8::new(0);
    let [_, high, middle, low] = pid.to_be_bytes();
    // Process numbers have 22 bits (proc(5), pid_max): the counter takes the rest.
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    Ipv4Addr::new(127, 64 | (high & 0x3f), middle ^ count.rotate_left(4), low.clamp(1, 254))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stay_in_the_loopback_network_and_off_its_usual_part() {
        for pid in [1, 255, 256, 65_535, 4_194_303] {
            let address = own(pid);
            assert!(address.is_loopback() && address.octets()[1] >= 64, "{address}");
        }
    }
}
