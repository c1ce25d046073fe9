//! Addresses and blocks of them, as lists of addresses and counting scopes name them.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

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

    /// Whether the address lies in it. An IPv4 address that is mapped into IPv6 is looked for as what it is.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (*self, address.to_canonical()) {
            (Self::V4(first, last), IpAddr::V4(address)) => (first..=last).contains(&address.to_bits()),
            (Self::V6(first, last), IpAddr::V6(address)) => (first..=last).contains(&address.to_bits()),
            _ => false,
        }
    }
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

    #[test]
    fn a_network_holds_what_lies_between_its_ends_and_nothing_of_the_other_family() {
        let holds =
            |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(holds("203.0.113.0/24", "203.0.113.255") && holds("203.0.113.0/24", "::ffff:203.0.113.0"));
        assert!(holds("2001:db8::/32", "2001:db8::7"));
        assert!(!holds("203.0.113.0/24", "203.0.114.0") && !holds("::/0", "203.0.113.7") && !holds("0.0.0.0/0", "::1"));
    }
}
