use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroI64;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const NOW: u64 = 1_790_000_000;

fn entry(list: List, network: &str) -> Entry {
    Entry { list, network: network.parse().unwrap(), applications: Vec::new(), expires_at: None }
}

fn ids(numbers: &[i64]) -> Vec<NonZeroI64> {
    numbers.iter().filter_map(|number| NonZeroI64::new(*number)).collect()
}

/// Where an address stands, for no application.
fn found(entries: &[Entry], address: &str) -> Option<List> {
    Table::new(0, entries).find(address.parse().unwrap(), -1, NOW)
}

#[test]
fn the_order_of_the_lists_decides_and_not_the_size_of_the_network() {
    let entries =
        [entry(List::Gray, "203.0.113.7"), entry(List::Deny, "203.0.113.0/24"), entry(List::Allow, "203.0.113.0/28")];
    assert_eq!(found(&entries, "203.0.113.7"), Some(List::Allow));
    assert_eq!(found(&entries, "203.0.113.16"), Some(List::Deny));
    assert_eq!(found(&entries[..2], "203.0.113.7"), Some(List::Deny));
    assert_eq!(found(&entries[..1], "203.0.113.7"), Some(List::Gray));
    assert_eq!(found(&entries, "203.0.114.0"), None);
}

#[test]
fn an_entry_ends_at_its_time_and_gives_way_to_the_next_list() {
    let entries = [Entry { expires_at: Some(NOW), ..entry(List::Allow, "192.0.2.1") }, entry(List::Deny, "192.0.2.1")];
    let table = Table::new(0, &entries);
    let at = |now| table.find([192, 0, 2, 1].into(), -1, now);
    assert_eq!([at(NOW - 1), at(NOW), at(u64::MAX - 1)], [Some(List::Allow), Some(List::Deny), Some(List::Deny)]);
}

#[test]
fn an_entry_may_be_for_some_applications() {
    let entries = [Entry { applications: ids(&[2, 7]), ..entry(List::Deny, "192.0.2.0/24") }];
    let table = Table::new(0, &entries);
    let of = |application| table.find([192, 0, 2, 1].into(), application, NOW);
    assert_eq!([of(2), of(7), of(3), of(-1)], [Some(List::Deny), Some(List::Deny), None, None]);
    let without = [Entry { applications: ids(&[-1]), ..entry(List::Deny, "192.0.2.0/24") }];
    assert_eq!(found(&without, "192.0.2.1"), Some(List::Deny));
}

#[test]
fn ipv4_inside_ipv6_is_ipv4_and_the_families_are_apart() {
    let entries = [entry(List::Deny, "192.0.2.0/24"), entry(List::Gray, "::/0")];
    assert_eq!(found(&entries, "::ffff:192.0.2.1"), Some(List::Deny));
    assert_eq!(found(&entries, "::ffff:192.0.3.1"), None);
    assert_eq!(found(&entries, "2001:db8::1"), Some(List::Gray));
    assert_eq!(found(&[entry(List::Deny, "::ffff:0:0/96")], "198.51.100.1"), Some(List::Deny));
    assert_eq!(found(&[entry(List::Deny, "0.0.0.0/0")], "::1"), None);
}

#[test]
fn networks_may_lie_inside_each_other_to_the_last_bit() {
    // As deep as it gets.
    let entries: Vec<Entry> = (0..=128).map(|length| entry(List::Gray, &format!("::/{length}"))).collect();
    assert_eq!(found(&entries, "::"), Some(List::Gray));
    assert_eq!(found(&entries, "8000::"), Some(List::Gray), "in ::/0 alone");
    assert_eq!(found(&entries[1..], "8000::"), None);
}

#[test]
fn a_look_up_among_many_entries_allocates_nothing() {
    let line = |number: u32| Entry {
        expires_at: Some(NOW + 1),
        ..entry(List::Deny, &format!("{}/32", Ipv4Addr::from(number * 7)))
    };
    let entries: Vec<Entry> = (0..100_000).map(line).collect();
    let table = Table::new(0, &entries);
    let mut listed = 0;
    let allocations = allocation_counter::measure(|| {
        let numbers = (0..700_000).step_by(10);
        listed = numbers.filter(|number| table.find(Ipv4Addr::from(*number).into(), -1, NOW).is_some()).count();
    });
    assert_eq!((listed, allocations.count_total), (10_000, 0));
}

/// What the table must say: the first list with an entry that fits.
fn naive(entries: &[Entry], address: IpAddr, application: i64, now: u64) -> Option<List> {
    let holds = |network: &Network| match (network, address.to_canonical()) {
        (Network::V4(first, last), IpAddr::V4(address)) => (*first..=*last).contains(&address.to_bits()),
        (Network::V6(first, last), IpAddr::V6(address)) => (*first..=*last).contains(&address.to_bits()),
        _ => false,
    };
    let fitting = entries.iter().filter(|entry| {
        let applies = entry.applications.is_empty() || entry.applications.iter().any(|id| id.get() == application);
        applies && entry.expires_at.is_none_or(|end| now < end) && holds(&entry.network)
    });
    fitting.map(|entry| entry.list).min()
}

/// Addresses of few bits that differ, so that networks meet.
fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0_u8..4, 0_u8..4, any::<u8>()).prop_map(|(a, b, c)| Ipv4Addr::new(10, a, b, c & 0x83).into()),
        (0_u16..4, 0_u16..4).prop_map(|(a, b)| Ipv6Addr::new(0x2001, a << 14, 0, 0, 0, 0, 0, b).into()),
        (0_u8..4).prop_map(|a| Ipv4Addr::new(10, a, 0, 0).to_ipv6_mapped().into()),
        any::<IpAddr>(),
    ]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let list = proptest::sample::select(&List::ALL[..]);
    let applications = proptest::collection::vec(prop_oneof![Just(-1_i64), 1_i64..4], 0..3);
    let end = proptest::option::of(NOW - 2..NOW + 3);
    (list, address(), 0_u8..=128, applications, end).prop_map(|(list, address, length, applications, expires_at)| {
        let length = if address.is_ipv4() { length % 33 } else { length };
        let network = format!("{address}/{length}").parse().unwrap();
        Entry { list, network, applications: ids(&applications), expires_at }
    })
}

proptest! {
    #[test]
    fn a_look_up_finds_what_a_search_through_all_entries_finds(
        entries in proptest::collection::vec(any_entry(), 0..40),
        addresses in proptest::collection::vec(address(), 1..40),
        application in prop_oneof![Just(-1_i64), 1_i64..4],
        now in NOW - 3..NOW + 4,
    ) {
        let table = Table::new(0, &entries);
        for address in addresses {
            let expected = naive(&entries, address, application, now);
            prop_assert_eq!(table.find(address, application, now), expected, "{}", address);
        }
    }
}

/// A folder with a file of lists.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("ip_lists")
    }

    /// Replaces the file as every tool does that changes a file readers see: aside, then renamed.
    fn write(&self, text: &str) {
        let aside = self.0.path().join("aside");
        fs::write(&aside, text).unwrap();
        fs::rename(aside, self.path()).unwrap();
    }

    fn load(&self) -> (IpLists, Option<Event>) {
        let mut lists = IpLists::new(&self.path());
        let event = lists.load();
        (lists, event)
    }
}

fn deny(address: &str) -> String {
    format!(r#"{{"rev": 3, "entries": [{{"list": "deny", "object": "{address}"}}]}}"#)
}

fn stands(lists: &IpLists, address: &str) -> Option<List> {
    lists.table()?.find(address.parse().unwrap(), -1, NOW)
}

/// One check: what is due is done.
fn check(lists: &mut IpLists) -> Option<Event> {
    let outcome = lists.due()?.run();
    lists.finish(outcome)
}

#[test]
fn no_file_is_no_lists_and_nothing_to_tell() {
    let folder = Folder::new();
    let (lists, event) = folder.load();
    assert!(event.is_none() && lists.table().is_none() && lists.due().is_none());
}

#[test]
fn lists_come_change_and_go_with_their_file() {
    let folder = Folder::new();
    let (mut lists, _) = folder.load();
    folder.write(&deny("192.0.2.1"));
    let Some(Event::Replaced(text)) = check(&mut lists) else { panic!("no news") };
    assert!(text.contains("revision 3, 1 entries"), "{text}");
    assert_eq!(stands(&lists, "192.0.2.1"), Some(List::Deny));
    assert!(lists.due().is_none());
    folder.write(&deny("192.0.2.1"));
    assert!(lists.due().is_some() && check(&mut lists).is_none(), "a file that was only touched is no news");
    folder.write(&deny("192.0.2.2"));
    check(&mut lists);
    assert_eq!((stands(&lists, "192.0.2.1"), stands(&lists, "192.0.2.2")), (None, Some(List::Deny)));
    fs::remove_file(folder.path()).unwrap();
    let Some(Event::Replaced(text)) = check(&mut lists) else { panic!("no news") };
    assert!(text.contains("gone") && lists.table().is_none(), "{text}");
}

#[test]
fn a_start_with_lists_is_silent_and_one_with_broken_lists_has_none() {
    let folder = Folder::new();
    folder.write(&deny("192.0.2.1"));
    let (lists, event) = folder.load();
    assert!(event.is_none() && lists.table().is_some());
    folder.write("{\n\"entries\": [7]}");
    let (lists, event) = folder.load();
    let Some(Event::Error(text)) = event else { panic!("{event:?}") };
    assert!(text.contains("ip_lists: line 2, column") && text.contains("no lists are in use"), "{text}");
    assert!(lists.table().is_none());
}

#[test]
fn a_broken_update_keeps_the_loaded_lists_and_is_told_of_once() {
    let folder = Folder::new();
    folder.write(&deny("192.0.2.1"));
    let (mut lists, _) = folder.load();
    let whole = deny("192.0.2.2");
    folder.write(&whole[..whole.len() - 1]);
    let Some(Event::Error(text)) = check(&mut lists) else { panic!("no complaint") };
    assert!(text.contains("the loaded lists stay in use"), "{text}");
    assert_eq!(stands(&lists, "192.0.2.1"), Some(List::Deny));
    assert!(lists.due().is_some() && check(&mut lists).is_none(), "it is tried again and not told of again");
    folder.write(&whole);
    check(&mut lists);
    assert_eq!(stands(&lists, "192.0.2.2"), Some(List::Deny));
}

#[test]
fn a_field_that_has_no_effect_is_told_and_the_rest_holds() {
    let folder = Folder::new();
    folder.write(r#"{"entries": [{"list": "deny", "object": "192.0.2.1", "expire_at": 5}]}"#);
    let (lists, event) = folder.load();
    let Some(Event::Warning(text)) = event else { panic!("{event:?}") };
    assert!(text.contains("\"expire_at\""), "{text}");
    assert_eq!(stands(&lists, "192.0.2.1"), Some(List::Deny));
}

#[test]
fn a_file_that_is_too_long_or_no_file_is_refused_without_being_read() {
    let folder = Folder::new();
    let file = fs::File::create(folder.path()).unwrap();
    file.set_len(LONGEST + 1).unwrap();
    let Some(Event::Error(text)) = folder.load().1 else { panic!("no complaint") };
    assert!(text.contains("67108865 bytes"), "{text}");
    fs::remove_file(folder.path()).unwrap();
    fs::create_dir(folder.path()).unwrap();
    let Some(Event::Error(text)) = folder.load().1 else { panic!("no complaint") };
    assert!(text.contains("not a regular file"), "{text}");
}
