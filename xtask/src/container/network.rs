//! The link between this host and one machine: a veth pair with two addresses, in nobody's way.
//!
//! nspawn makes the pair (`--network-veth`): `ve-<machine>` here, `host0` inside. Addresses come from 198.18.0.0/15, which
//! RFC 2544 sets aside for tests, in networks of four.

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Interrupt, process};

const LIMIT: Duration = Duration::from_secs(10);
const FIRST: u32 = u32::from_be_bytes([198, 18, 0, 0]);
const NETWORKS: u32 = 1 << 15;

/// Both ends of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Address of this host.
    pub host: Ipv4Addr,
    /// Address of the machine.
    pub machine: Ipv4Addr,
}

impl Link {
    fn number(number: u32) -> Self {
        let network = FIRST + number % NETWORKS * 4;
        Self { host: Ipv4Addr::from(network + 1), machine: Ipv4Addr::from(network + 2) }
    }

    /// The first link from `seed` on that is not in `taken`, the output of `ip -o -4 address`.
    fn free(seed: u32, taken: &str) -> Option<Self> {
        let taken: Vec<&str> = taken.split([' ', '/']).collect();
        let links = (0..NETWORKS).map(|step| Self::number(seed.wrapping_add(step)));
        links.into_iter().find(|link| !taken.contains(&link.host.to_string().as_str()))
    }
}

/// Gives addresses to both ends of the link of `machine`, whose first process is `leader`.
///
/// # Errors
///
/// If `ip` or `nsenter` is missing or fails.
pub fn connect(machine: &str, leader: u32, seed: u32, interrupt: &Interrupt) -> Result<Link> {
    let taken = process::check(Command::new("ip").args(["-o", "-4", "address"]), LIMIT, interrupt)?;
    let link = Link::free(seed, &taken).context("every network of 198.18.0.0/15 is in use on this host")?;
    let outside = format!("ve-{machine}");
    let ip = |inside: bool, arguments: &[&str]| {
        let mut command = if inside {
            let mut command = Command::new("nsenter");
            command.args(["--target", &leader.to_string(), "--net", "--", "ip"]);
            command
        } else {
            Command::new("ip")
        };
        process::check(command.args(arguments), LIMIT, interrupt).map(drop)
    };
    for (inside, device, address) in [(true, "host0", link.machine), (false, outside.as_str(), link.host)] {
        ip(inside, &["address", "add", &format!("{address}/30"), "dev", device])?;
        ip(inside, &["link", "set", device, "up"])?;
    }
    Ok(link)
}

/// Connects two machines, whose first processes are `near` and `far`, by a link of their own. This host sees nothing of it.
/// `number` is the first free one of the near machine.
///
/// # Errors
///
/// If `ip` is missing or fails.
pub fn cable(near: u32, far: u32, number: u8, interrupt: &Interrupt) -> Result<Cable> {
    let cable = Cable::number(number)?;
    let device = format!("cable{number}");
    let ends = [(near, cable.near), (far, cable.far)];
    let [near, far] = [near, far].map(|leader| leader.to_string());
    process::check(
        Command::new("ip")
            .args(["link", "add", &device, "netns", &near, "type", "veth"])
            .args(["peer", "name", &device, "netns", &far]),
        LIMIT,
        interrupt,
    )?;
    for (leader, address) in ends {
        for arguments in
            [&["address", "add", &format!("{address}/30"), "dev", &device][..], &["link", "set", &device, "up"]]
        {
            let mut command = Command::new("nsenter");
            command.args(["--target", &leader.to_string(), "--net", "--", "ip"]).args(arguments);
            process::check(&mut command, LIMIT, interrupt)?;
        }
    }
    Ok(cable)
}

/// Both ends of a link between two machines. Its addresses come from 192.0.2.0/24, which RFC 5737 sets aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cable {
    /// Address of the machine that it was asked for.
    pub near: Ipv4Addr,
    /// Address of the other one.
    pub far: Ipv4Addr,
}

impl Cable {
    fn number(number: u8) -> Result<Self> {
        let network = number.checked_mul(4).context("a machine can have 64 cables")?;
        Ok(Self { near: Ipv4Addr::new(192, 0, 2, network + 1), far: Ipv4Addr::new(192, 0, 2, network + 2) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_two_addresses_of_one_network_of_four() {
        let link = Link::number(1);
        assert_eq!(link, Link { host: Ipv4Addr::new(198, 18, 0, 5), machine: Ipv4Addr::new(198, 18, 0, 6) });
        assert_eq!(Link::number(NETWORKS - 1).machine, Ipv4Addr::new(198, 19, 255, 254));
        assert_eq!(Link::number(NETWORKS + 1), link);
    }

    #[test]
    fn cables_of_one_machine_have_networks_of_their_own() {
        let cable = Cable::number(1).unwrap();
        assert_eq!(cable, Cable { near: Ipv4Addr::new(192, 0, 2, 5), far: Ipv4Addr::new(192, 0, 2, 6) });
        assert_eq!(Cable::number(63).unwrap().far, Ipv4Addr::new(192, 0, 2, 254));
        assert!(Cable::number(64).is_err());
    }

    #[test]
    fn an_address_in_use_is_passed_by() {
        let taken = "1: lo inet 127.0.0.1/8 scope host lo\n7: ve-x inet 198.18.0.5/30 scope global ve-x\n";
        assert_eq!(Link::free(1, taken), Some(Link::number(2)));
        // Part of a longer one.
        assert_eq!(Link::free(1, "2: a inet 198.18.0.51/30"), Some(Link::number(1)));
    }
}
