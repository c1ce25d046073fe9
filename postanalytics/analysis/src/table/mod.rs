//! A table that cannot outgrow its memory: a hash table of small sets.
//!
//! A key belongs to one set and is looked for nowhere else. In a full set, the entry that matters least makes room. Sets are grouped
//! into pages, and a page is allocated when the first entry comes to it: a table that is little used takes little memory.

use crate::hash::Key;

/// Entries of a set.
pub(crate) const WAYS: usize = 8;
/// Sets of a page.
const PAGE_SETS: usize = 16;
/// What the allocator keeps for itself of a page.
const ALLOCATION: usize = 16;

/// What is kept under a key.
pub(crate) trait Value: Copy + Default {
    /// How much it matters at this second.
    fn worth(&self, now: u32) -> Worth;
}

/// How much an entry matters: the first field decides, then the second. With a weight of 0 it matters no more, and can be
/// forgotten without any loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Worth {
    /// For instance, how often it was seen.
    pub(crate) weight: u32,
    /// When it was seen last, in seconds.
    pub(crate) seen: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry<V> {
    /// 0 where nothing is kept.
    tag: u64,
    value: V,
}

type Set<V> = [Entry<V>; WAYS];

/// The table.
#[derive(Debug)]
pub(crate) struct Table<V> {
    pages: Vec<Option<Box<[Set<V>]>>>,
    figures: TableFigures,
}

/// Figures of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableFigures {
    /// Entries that are kept, some of which may matter no more.
    pub entries: u64,
    /// Entries for which there is room.
    pub room: u64,
    /// Entries that still mattered and had to make room.
    pub pushed_out: u64,
    /// Bytes that are allocated.
    pub memory: u64,
}

/// The place of a key.
pub(crate) struct Place<'t, V> {
    /// What is kept there; the default if the key is new.
    pub(crate) value: &'t mut V,
    /// Whether the key is new.
    pub(crate) is_new: bool,
    /// What had to make room and still mattered.
    pub(crate) pushed_out: Option<V>,
}

impl<V: Value> Table<V> {
    /// A table that takes at most so many bytes, but for the smallest one: it has one page.
    pub(crate) fn new(bytes: usize) -> Self {
        let pages = (bytes / (Self::page_bytes() + size_of::<Option<Box<[Set<V>]>>>())).max(1);
        // Cloned nothing is zeros, which the system gives as they are asked for: the list of a large table takes no memory either.
        let mut table = Self { pages: vec![None; pages], figures: TableFigures::default() };
        table.figures.room = (pages * PAGE_SETS * WAYS) as u64;
        table.figures.memory = (pages * size_of::<Option<Box<[Set<V>]>>>()) as u64;
        table
    }

    const fn page_bytes() -> usize {
        PAGE_SETS * size_of::<Set<V>>() + ALLOCATION
    }

    /// Which page, and which set of it.
    fn find(&self, key: Key) -> (usize, usize) {
        let sets = (self.pages.len() * PAGE_SETS) as u128;
        let set = ((u128::from(key.place) * sets) >> 64) as usize;
        (set / PAGE_SETS, set % PAGE_SETS)
    }

    /// What is kept under a key.
    pub(crate) fn get(&self, key: Key) -> Option<&V> {
        let (page, set) = self.find(key);
        let set = self.pages.get(page)?.as_ref()?.get(set)?;
        set.iter().find(|entry| entry.tag == key.tag).map(|entry| &entry.value)
    }

    /// The place of a key, made if there is none. Of a full set, what matters least makes room.
    pub(crate) fn claim(&mut self, key: Key, now: u32) -> Option<Place<'_, V>> {
        let (page, set) = self.find(key);
        let page = self.pages.get_mut(page)?;
        if page.is_none() {
            self.figures.memory += Self::page_bytes() as u64;
        }
        let page = page.get_or_insert_with(|| vec![Set::default(); PAGE_SETS].into_boxed_slice());
        let set = page.get_mut(set)?;
        let (at, is_new) = match set.iter().position(|entry| entry.tag == key.tag) {
            Some(at) => (at, false),
            None => (least(set, now), true),
        };
        let entry = set.get_mut(at)?;
        let mut pushed_out = None;
        if is_new {
            if entry.tag == 0 {
                self.figures.entries += 1;
            } else if entry.value.worth(now).weight > 0 {
                self.figures.pushed_out += 1;
                pushed_out = Some(entry.value);
            }
            *entry = Entry { tag: key.tag, value: V::default() };
        }
        Some(Place { value: &mut entry.value, is_new, pushed_out })
    }

    /// Pages, allocated or not.
    pub(crate) fn pages(&self) -> usize {
        self.pages.len()
    }

    /// Everything that is kept on these pages.
    pub(crate) fn values_mut(&mut self, pages: std::ops::Range<usize>) -> impl Iterator<Item = &mut V> {
        let pages = self.pages.get_mut(pages).unwrap_or_default();
        let sets = pages.iter_mut().flatten().flat_map(|page| page.iter_mut());
        sets.flat_map(|set| set.iter_mut()).filter(|entry| entry.tag != 0).map(|entry| &mut entry.value)
    }

    pub(crate) fn figures(&self) -> TableFigures {
        self.figures
    }
}

/// The entry of a set that matters least; a free one if there is any.
fn least<V: Value>(set: &Set<V>, now: u32) -> usize {
    let worth = |entry: &Entry<V>| (entry.tag != 0).then(|| entry.value.worth(now));
    (0..WAYS).min_by_key(|at| set.get(*at).and_then(worth)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
