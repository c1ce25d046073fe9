//! Entries, arranged for looking up an address while a request waits: without allocating, and in a time that hardly grows with
//! their number.
//!
//! Networks either lie inside each other or apart. Sorted by their first address, larger ones first, each network can know the
//! smallest one around it. A search finds the last network that begins at or before the address; those that hold the address are
//! found on the way from it outwards. For each network, the ends of its entries are kept by application and list.

use std::cmp::Reverse;
use std::net::IpAddr;

use super::entry::{Entry, List, Network};

/// What an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Scope(i64);

impl Scope {
    /// All applications: 0 is the number of none.
    const ALL: Self = Self(0);
}

/// When the entries of a network end, for one scope: in the order of the lists, in Unix time. 0 is no entry.
#[derive(Clone, Copy, Debug)]
struct Terms {
    scope: Scope,
    ends: [u64; List::ALL.len()],
}

/// The end of an entry that never ends.
const NEVER: u64 = u64::MAX;

impl Terms {
    /// The first list with an entry that has not ended.
    fn list(&self, now: u64) -> Option<List> {
        List::ALL.into_iter().zip(self.ends).find_map(|(list, end)| (now < end).then_some(list))
    }
}

/// The entries.
#[derive(Debug)]
pub struct Table {
    v4: Family<u32>,
    v6: Family<u128>,
    /// Which state of the lists this is.
    pub revision: u64,
    /// How many entries it was made of.
    pub entries: usize,
}

/// The networks of one family of addresses.
#[derive(Debug)]
struct Family<A> {
    /// Their first addresses, sorted.
    firsts: Vec<A>,
    /// The same networks in the same order.
    nodes: Vec<Node<A>>,
    terms: Vec<Terms>,
}

#[derive(Clone, Copy, Debug)]
struct Node<A> {
    last: A,
    /// The smallest network around it.
    around: Option<u32>,
    /// Its part of the terms, sorted by scope: from here to that of the next node.
    terms: u32,
}

/// An entry for one scope, while the table is made.
struct Single<A> {
    first: A,
    last: A,
    scope: Scope,
    list: List,
    end: u64,
}

impl Table {
    /// Arranges entries. There must be fewer than `u32::MAX`, one for `n` applications counted `n` times; those beyond are left out.
    #[must_use]
    pub fn new(revision: u64, entries: &[Entry]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for entry in entries {
            let end = entry.expires_at.unwrap_or(NEVER);
            let applications = entry.applications.iter().map(|id| Scope(id.get()));
            let scopes = applications.chain(entry.applications.is_empty().then_some(Scope::ALL));
            for scope in scopes {
                let list = entry.list;
                match entry.network {
                    Network::V4(first, last) => v4.push(Single { first, last, scope, list, end }),
                    Network::V6(first, last) => v6.push(Single { first, last, scope, list, end }),
                }
            }
        }
        Self { v4: Family::new(v4), v6: Family::new(v6), revision, entries: entries.len() }
    }

    /// The list in which an address stands for an application (-1 is none), at a Unix time.
    #[must_use]
    pub fn find(&self, address: IpAddr, application: i64, now: u64) -> Option<List> {
        match address.to_canonical() {
            IpAddr::V4(address) => self.v4.find(address.to_bits(), Scope(application), now),
            IpAddr::V6(address) => self.v6.find(address.to_bits(), Scope(application), now),
        }
    }
}

impl<A: Copy + Ord> Family<A> {
    fn new(mut singles: Vec<Single<A>>) -> Self {
        singles.truncate(u32::MAX as usize);
        singles.sort_unstable_by_key(|single| (single.first, Reverse(single.last), single.scope));
        let mut family = Self { firsts: Vec::new(), nodes: Vec::<Node<A>>::new(), terms: Vec::<Terms>::new() };
        for single in &singles {
            let last = family.firsts.last().copied().zip(family.nodes.last());
            let same = last.is_some_and(|(first, node)| (first, node.last) == (single.first, single.last));
            if !same {
                family.open(single);
            }
            family.add(single, same);
        }
        family.firsts.shrink_to_fit();
        family.nodes.shrink_to_fit();
        family.terms.shrink_to_fit();
        family
    }

    /// Adds the node of a network that is not there yet.
    fn open(&mut self, single: &Single<A>) {
        let around = self.outwards(self.nodes.len().checked_sub(1)).find(|(_, node)| single.first <= node.last);
        let around = around.and_then(|(place, _)| u32::try_from(place).ok());
        let terms = u32::try_from(self.terms.len()).unwrap_or(u32::MAX);
        self.firsts.push(single.first);
        self.nodes.push(Node { last: single.last, around, terms });
    }

    /// Adds an entry to the last node; `same` is whether that had entries before.
    fn add(&mut self, single: &Single<A>, same: bool) {
        let known = self.terms.last().is_some_and(|terms| same && terms.scope == single.scope);
        if !known {
            self.terms.push(Terms { scope: single.scope, ends: [0; List::ALL.len()] });
        }
        let ends = self.terms.last_mut().and_then(|terms| terms.ends.get_mut(single.list as usize));
        // Of several, the one that lasts longest decides.
        if let Some(end) = ends {
            *end = single.end.max(*end);
        }
    }

    /// A node, and those around it.
    fn outwards(&self, from: Option<usize>) -> impl Iterator<Item = (usize, &Node<A>)> {
        let node = |place: usize| Some((place, self.nodes.get(place)?));
        std::iter::successors(from.and_then(node), move |(_, inner)| node(usize::try_from(inner.around?).ok()?))
    }

    /// The terms of a node.
    fn terms(&self, place: usize, node: &Node<A>) -> &[Terms] {
        let end = self.nodes.get(place + 1).map_or(self.terms.len(), |next| next.terms as usize);
        self.terms.get(node.terms as usize..end).unwrap_or_default()
    }

    fn find(&self, address: A, application: Scope, now: u64) -> Option<List> {
        let from = self.firsts.partition_point(|first| *first <= address).checked_sub(1);
        let mut found: Option<List> = None;
        for (place, node) in self.outwards(from).filter(|(_, node)| address <= node.last) {
            let terms = self.terms(place, node);
            for scope in [Scope::ALL, application] {
                let terms = terms.binary_search_by_key(&scope, |terms| terms.scope).ok().and_then(|at| terms.get(at));
                let list = terms.and_then(|terms| terms.list(now));
                found = list.into_iter().chain(found).min();
            }
            if found == Some(List::Allow) {
                break;
            }
        }
        found
    }
}
