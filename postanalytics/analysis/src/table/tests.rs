use proptest::prelude::*;

use super::*;
use crate::hash::{Hashing, Purpose};

/// A count that matters for an hour.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    number: u64,
    count: u32,
    seen: u32,
}

impl Value for Count {
    fn worth(&self, now: u32) -> Worth {
        let weight = if now.saturating_sub(self.seen) < 3600 { self.count } else { 0 };
        Worth { weight, seen: self.seen }
    }
}

fn key(number: u64) -> Key {
    Hashing::new(&[7; 16]).begin(Purpose::Identical).number(number).end()
}

fn count(table: &mut Table<Count>, number: u64, now: u32) -> u32 {
    let place = table.claim(key(number), now).unwrap();
    *place.value = Count { number, count: place.value.count + 1, seen: now };
    place.value.count
}

#[test]
fn what_is_counted_is_found_again() {
    let mut table = Table::new(1 << 20);
    for round in 1..=3 {
        assert!((0..1000).all(|number| count(&mut table, number, round) == round));
    }
    assert_eq!(table.figures().entries, 1000);
    assert_eq!((table.get(key(999)).unwrap().count, table.get(key(1000)).is_none()), (3, true));
}

#[test]
fn a_heavy_entry_outlives_millions_of_light_ones() {
    let mut table = Table::new(64 << 10);
    let heavy = 5000;
    (0..10).for_each(|_| _ = count(&mut table, heavy, 1));
    for number in 0..2_000_000 {
        count(&mut table, 1_000_000 + number, 1 + (number / 1000) as u32);
    }
    assert_eq!(table.get(key(heavy)).map(|kept| kept.count), Some(10));
    let figures = table.figures();
    assert!(figures.entries <= figures.room && figures.pushed_out > 1_900_000, "{figures:?}");
}

#[test]
fn what_matters_no_more_gives_way_to_anything() {
    let mut table = Table::new(0);
    (0..10_000).for_each(|number| _ = count(&mut table, number, 1));
    let full = table.figures();
    assert_eq!(full.entries, full.room);
    (0..8).for_each(|number| _ = count(&mut table, 20_000 + number, 3601));
    let later = table.figures();
    assert_eq!((later.entries, later.pushed_out), (full.entries, full.pushed_out));
}

#[test]
fn what_is_pushed_out_is_handed_over() {
    let mut table = Table::new(0);
    let lost: u64 = (0..10_000_u64)
        .map(|number| {
            let place = table.claim(key(number), 1).unwrap();
            *place.value = Count { number, count: 1, seen: 1 };
            u64::from(place.pushed_out.is_some_and(|lost| lost.number < number))
        })
        .sum();
    assert_eq!(lost, table.figures().pushed_out);
}

#[test]
fn memory_is_allocated_as_it_is_needed_and_is_what_the_figures_say() {
    let mut table = None;
    let made = allocation_counter::measure(|| table = Some(Table::<Count>::new(4 << 20)));
    let mut table = table.unwrap();
    assert!(made.bytes_max < 100 << 10, "{made:?}");
    let filled = allocation_counter::measure(|| (0..1_000_000).for_each(|number| _ = count(&mut table, number, 1)));
    let allocated = made.bytes_max + filled.bytes_max;
    assert!(
        allocated <= table.figures().memory && table.figures().memory <= 4 << 20,
        "{allocated} {:?}",
        table.figures()
    );
    assert!(allocated > 3 << 20, "{allocated}");
}

proptest! {
    #[test]
    fn a_table_counts_no_more_than_there_was(numbers in prop::collection::vec(0u64..400, 1..3000)) {
        let mut table = Table::new(0);
        let mut counts = vec![0; 400];
        for (at, number) in numbers.into_iter().enumerate() {
            counts[number as usize] += 1;
            prop_assert!(count(&mut table, number, at as u32 / 10) <= counts[number as usize]);
        }
        let kept: Vec<Count> = table.values_mut(0..table.pages()).map(|kept| *kept).collect();
        prop_assert!(kept.iter().all(|kept| kept.count <= counts[kept.number as usize]));
        prop_assert_eq!(kept.len() as u64, table.figures().entries);
    }
}
