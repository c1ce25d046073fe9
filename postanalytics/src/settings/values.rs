//! How the values of the settings file are written, and the types that they become.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// An amount of memory or disk: `SLAB_ALLOC_ARENA`, `SPOOL_SIZE`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gigabytes {
    gigabytes: f64,
}

impl Gigabytes {
    /// The least, in GB: below it a single large request would push out everything else.
    pub const MIN_GIGABYTES: f64 = 0.05;
    /// The most, in GB: beyond it is a slip of the pen.
    pub const MAX_GIGABYTES: f64 = 16384.0;

    /// What a server takes whose settings say nothing.
    pub const DEFAULT: Self = Self { gigabytes: 1.0 };

    /// The amount in bytes; a GB is 1024³.
    #[must_use]
    pub fn bytes(self) -> u64 {
        (self.gigabytes * 1024.0 * 1024.0 * 1024.0) as u64
    }

    /// Reads an integer or a decimal number with a point.
    ///
    /// # Errors
    ///
    /// What is wrong, to be put behind variable and value.
    pub fn parse(text: &str) -> Result<Self, String> {
        let plain = text.chars().all(|next| next.is_ascii_digit() || next == '.');
        let gigabytes = text.parse().ok().filter(|_| plain);
        let gigabytes: f64 =
            gigabytes.ok_or("expected a number of GB such as 2 or 1.5, with a point and without a unit")?;
        if gigabytes < Self::MIN_GIGABYTES {
            return Err(format!("the least is {} GB", Self::MIN_GIGABYTES));
        }
        if gigabytes > Self::MAX_GIGABYTES {
            return Err(format!("the most is {} GB", Self::MAX_GIGABYTES));
        }
        Ok(Self { gigabytes })
    }
}

impl fmt::Display for Gigabytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.gigabytes)
    }
}

/// An address to bind to.
pub(super) fn host(text: &str) -> Result<IpAddr, String> {
    // The one name that needs no resolver, and the one that is written most.
    if text == "localhost" {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    text.parse().map_err(|_| "expected an IP address such as 127.0.0.1, 0.0.0.0 or ::".to_owned())
}

/// A port to bind to.
pub(super) fn port(text: &str) -> Result<u16, String> {
    number(text, 1, u64::from(u16::MAX)).map(|port| port as u16)
}

/// A whole number within limits.
pub(super) fn number(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let digits = !text.is_empty() && text.chars().all(|next| next.is_ascii_digit());
    let value = text.parse().ok().filter(|value| digits && (least..=most).contains(value));
    value.ok_or_else(|| format!("expected a whole number from {least} to {most}"))
}

/// An absolute path.
pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_absolute() { Ok(path) } else { Err("expected an absolute path".to_owned()) }
}

/// `address:port`, or nothing.
pub(super) fn listen(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let address = text.parse().map(Some);
    address.map_err(|_| "expected address:port such as 127.0.0.1:9313 or [::1]:9313".to_owned())
}

/// Who may connect: `ALLOW_FROM`. Empty means everyone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    networks: Vec<Network>,
}

impl AllowList {
    /// Reads addresses and networks in CIDR form, separated by commas.
    ///
    /// # Errors
    ///
    /// What is wrong, to be put behind variable and value.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let networks = text.split(',').map(|entry| Network::parse(entry.trim())).collect::<Result<_, _>>()?;
        Ok(Self { networks })
    }

    /// Whether `peer` may connect. IPv4 peers of an IPv6 socket count as IPv4.
    #[must_use]
    pub fn allows(&self, peer: IpAddr) -> bool {
        self.networks.is_empty() || self.networks.iter().any(|network| network.contains(peer.to_canonical()))
    }
}

impl fmt::Display for AllowList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, network) in self.networks.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(formatter, "{comma}{}/{}", network.address, network.prefix)?;
        }
        Ok(())
    }
}

/// A network in CIDR form (RFC 4632, RFC 4291 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    fn parse(entry: &str) -> Result<Self, String> {
        let wrong = || format!("'{entry}' is neither an address nor a network such as 10.0.0.0/8");
        let (address, prefix) =
            entry.split_once('/').map_or((entry, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => number(prefix, 0, widest).map_err(|_| wrong())?,
            None => widest,
        };
        Ok(Self { address, prefix: prefix as u32 }.canonical())
    }

    /// IPv4 written as IPv6 (`::ffff:10.0.0.0/104`) becomes IPv4: that is how peers are compared.
    fn canonical(self) -> Self {
        const MAPPED: u32 = 96;
        match self.address.to_canonical() {
            address @ IpAddr::V4(_) if self.address.is_ipv6() && self.prefix >= MAPPED => {
                Self { address, prefix: self.prefix - MAPPED }
            }
            _ => self,
        }
    }

    fn contains(self, peer: IpAddr) -> bool {
        // Shifting by the whole width is what a prefix of 0 asks for; checked_shr says None to it, and all hosts match.
        match (self.address, peer) {
            (IpAddr::V4(own), IpAddr::V4(peer)) => {
                (own.to_bits() ^ peer.to_bits()).checked_shr(32 - self.prefix).is_none_or(|differing| differing == 0)
            }
            (IpAddr::V6(own), IpAddr::V6(peer)) => {
                (own.to_bits() ^ peer.to_bits()).checked_shr(128 - self.prefix).is_none_or(|differing| differing == 0)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_an_integer_or_has_a_decimal_point() {
        assert_eq!(Gigabytes::parse("1.0").unwrap().bytes(), 1 << 30);
        assert_eq!(Gigabytes::parse("2").unwrap().bytes(), 2 << 30);
        assert_eq!(Gigabytes::parse("0.05").unwrap().bytes(), 53_687_091);
        for broken in ["1,5", "0", "-1", "1GB", "", "nan", "inf", "1e3", "0.04", "1.2.3", " 1", "99999999"] {
            assert!(Gigabytes::parse(broken).is_err(), "{broken:?} passed");
        }
    }

    #[test]
    fn ports_are_plain_numbers_from_1() {
        assert_eq!(port("3313"), Ok(3313));
        for broken in ["0", "65536", "-1", "+1", "3313 # port", "", "http"] {
            assert!(port(broken).is_err(), "{broken:?} passed");
        }
    }

    #[test]
    fn networks_contain_their_hosts_only() {
        let list = AllowList::parse("10.0.0.0/8, 192.0.2.7, 2001:db8::/32").unwrap();
        for (peer, allowed) in [
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("::ffff:10.1.1.1", true),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(list.allows(peer.parse().unwrap()), allowed, "{peer}");
        }
    }

    #[test]
    fn ipv4_networks_written_as_ipv6_never_matched() {
        let list = AllowList::parse("::ffff:10.0.0.0/104, ::ffff:192.0.2.7").unwrap();
        assert_eq!(list.to_string(), "10.0.0.0/8,192.0.2.7/32");
        assert!(list.allows("10.1.1.1".parse().unwrap()));
        assert!(list.allows("::ffff:192.0.2.7".parse().unwrap()));
        assert!(!list.allows("11.0.0.1".parse().unwrap()));
    }

    #[test]
    fn a_prefix_of_0_is_everyone_of_that_family() {
        let list = AllowList::parse("0.0.0.0/0").unwrap();
        assert!(list.allows("203.0.113.1".parse().unwrap()));
        assert!(!list.allows("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn an_empty_list_allows_everyone_and_a_broken_one_is_refused() {
        assert!(AllowList::parse("").unwrap().allows("203.0.113.1".parse().unwrap()));
        for broken in ["10.0.0.0/33", "10.0.0", "10.0.0.1,,", "::/129", "example.com", "1.2.3.4/-1"] {
            assert!(AllowList::parse(broken).is_err(), "{broken:?} passed");
        }
    }
}
