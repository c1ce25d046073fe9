//! One line of a list: which addresses, for which applications, until when.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroI64;
use std::str::FromStr;

/// A list. They are searched in this order, and the first that has the address ends the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    /// Nothing is checked.
    Allow,
    /// Blocked.
    Deny,
    /// Attacks are blocked in mode `safe_blocking`.
    Gray,
}

impl List {
    /// Every list, in the order of the search.
    pub const ALL: [Self; 3] = [Self::Allow, Self::Deny, Self::Gray];

    /// The name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Gray => "gray",
        }
    }

    /// The list with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.name() == name)
    }
}

/// An address or a block of addresses.
///
/// IPv4 addresses that are mapped into IPv6 are IPv4 addresses (RFC 4291, section 2.5.5.2). A network of IPv6 never holds IPv4
/// addresses: `::/0` is all of IPv6 and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// From the first number to the last, of IPv4.
    V4(u32, u32),
    /// The same of IPv6.
    V6(u128, u128),
}

/// A text that names no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no address and no network, such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32")]
pub struct NoNetwork;

/// Bits of an address of each family, and of what goes before an IPv4 address that is mapped into IPv6.
const BITS_V4: u32 = 32;
const BITS_V6: u32 = 128;
const BITS_MAPPED: u32 = BITS_V6 - BITS_V4;

impl FromStr for Network {
    type Err = NoNetwork;

    /// Bits behind the prefix are cleared, as NGINX does it for `allow` and `deny`.
    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().map_err(|_| NoNetwork)?;
        let bits = if address.is_ipv4() { BITS_V4 } else { BITS_V6 };
        let length = match length {
            None => bits,
            // `parse` alone would take a sign.
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| NoNetwork)?
            }
            Some(_) => return Err(NoNetwork),
        };
        if length > bits {
            return Err(NoNetwork);
        }
        Ok(match address {
            IpAddr::V4(address) => Self::v4(address.to_bits(), length),
            IpAddr::V6(address) => Self::v6(address, length),
        })
    }
}

impl Network {
    fn v4(address: u32, length: u32) -> Self {
        // A shift by all bits is none in the machine.
        let rest = u32::MAX.checked_shr(length).unwrap_or(0);
        Self::V4(address & !rest, address | rest)
    }

    fn v6(address: Ipv6Addr, length: u32) -> Self {
        match (address.to_ipv4_mapped(), length.checked_sub(BITS_MAPPED)) {
            (Some(address), Some(length)) => Self::v4(address.to_bits(), length),
            _ => {
                let (address, rest) = (address.to_bits(), u128::MAX.checked_shr(length).unwrap_or(0));
                Self::V6(address & !rest, address | rest)
            }
        }
    }
}

/// A line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its list.
    pub list: List,
    /// The addresses.
    pub network: Network,
    /// The applications that it is for, -1 for requests that belong to none; empty for all.
    pub applications: Vec<NonZeroI64>,
    /// Unix time at which it ends; none for never.
    pub expires_at: Option<u64>,
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn v4(first: [u8; 4], last: [u8; 4]) -> Network {
        Network::V4(Ipv4Addr::from(first).to_bits(), Ipv4Addr::from(last).to_bits())
    }

    fn v6(first: &str, last: &str) -> Network {
        let [first, last] = [first, last].map(|text| text.parse::<Ipv6Addr>().unwrap().to_bits());
        Network::V6(first, last)
    }

    #[test]
    fn a_network_goes_from_its_first_address_to_its_last() {
        for (text, network) in [
            ("203.0.113.7", v4([203, 0, 113, 7], [203, 0, 113, 7])),
            ("203.0.113.7/24", v4([203, 0, 113, 0], [203, 0, 113, 255])),
            ("0.0.0.0/0", v4([0; 4], [255; 4])),
            ("2001:db8::1", v6("2001:db8::1", "2001:db8::1")),
            ("2001:db8::1/32", v6("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")),
            ("::/0", v6("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")),
        ] {
            assert_eq!(text.parse(), Ok(network), "{text}");
        }
    }

    #[test]
    fn an_ipv4_address_inside_ipv6_is_an_ipv4_address() {
        assert_eq!("::ffff:203.0.113.7".parse(), Ok(v4([203, 0, 113, 7], [203, 0, 113, 7])));
        assert_eq!("::ffff:203.0.113.7/120".parse(), Ok(v4([203, 0, 113, 0], [203, 0, 113, 255])));
        assert_eq!("::ffff:0:0/96".parse(), Ok(v4([0; 4], [255; 4])));
        // Larger than what is mapped: it is of IPv6.
        assert_eq!("::ffff:0:0/95".parse(), Ok(v6("::fffe:0:0", "::ffff:ffff:ffff")));
    }

    #[test]
    fn other_texts_are_no_networks() {
        for text in [
            "",
            "/",
            "/8",
            "203.0.113",
            "203.0.113.7/",
            "203.0.113.7/33",
            "203.0.113.7/-1",
            "203.0.113.7/+8",
            "203.0.113.7/8/8",
            " 203.0.113.7",
            "203.0.113.7 ",
            "203.0.113.07",
            "2001:db8::/129",
            "2001:db8::%eth0",
            "example.com",
            "203.0.113.7/4294967297",
        ] {
            assert_eq!(text.parse::<Network>(), Err(NoNetwork), "{text:?}");
        }
    }
}
