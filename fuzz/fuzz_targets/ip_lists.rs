//! A file of lists of addresses: reading never panics, and a look-up finds what a search through all entries finds.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;
use module_logic::ip_lists::{Document, Entry, List, Network, Table};

/// Entries that are searched one by one for each address that is tried.
const TRIED: usize = 64;

fuzz_target!(|data: &[u8]| {
    let Ok(document) = Document::parse(data) else { return };
    let table = Table::new(document.revision, &document.entries);
    for entry in document.entries.iter().take(TRIED) {
        for address in edges(entry.network) {
            let application = entry.applications.first().map_or(-1, |id| id.get());
            for now in [0, entry.expires_at.unwrap_or(1), u64::MAX - 1] {
                let expected = search(&document.entries, address, application, now);
                assert_eq!(table.find(address, application, now), expected, "{address} for {application} at {now}");
            }
        }
    }
});

/// The first and the last address of a network, and those beside them.
fn edges(network: Network) -> [IpAddr; 4] {
    match network {
        Network::V4(first, last) => {
            [first, last, first.wrapping_sub(1), last.wrapping_add(1)].map(|bits| Ipv4Addr::from(bits).into())
        }
        Network::V6(first, last) => {
            [first, last, first.wrapping_sub(1), last.wrapping_add(1)].map(|bits| Ipv6Addr::from(bits).into())
        }
    }
}

fn search(entries: &[Entry], address: IpAddr, application: i64, now: u64) -> Option<List> {
    let holds = |network: Network| match (network, address.to_canonical()) {
        (Network::V4(first, last), IpAddr::V4(address)) => (first..=last).contains(&address.to_bits()),
        (Network::V6(first, last), IpAddr::V6(address)) => (first..=last).contains(&address.to_bits()),
        _ => false,
    };
    let fitting = entries.iter().filter(|entry| {
        let applies = entry.applications.is_empty() || entry.applications.iter().any(|id| id.get() == application);
        applies && entry.expires_at.is_none_or(|end| now < end) && holds(entry.network)
    });
    fitting.map(|entry| entry.list).min()
}
