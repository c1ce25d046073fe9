//! What records cost once they are there: memory for each, what happens when memory ends, whether many make each one dearer.

use anyhow::{Context as _, Result, ensure};
use iproto_load::{Plan, Refusals};

use super::Order;
use super::backing;
use super::contender::{Contender, Server};
use super::loads::{plan, send};
use super::records::Size;
use super::requests::Encoded;
use super::results::{Growth, Limit, LimitSample, Memory};

/// Those who differ in how they keep records: the others are asked for them in another way.
fn keepers(order: &Order) -> impl Iterator<Item = Contender> {
    order.contenders.iter().copied().filter(|contender| matches!(contender, Contender::Ours | Contender::Insert))
}

/// Bytes of a record whose memory is measured.
pub const RECORD: usize = 1_000;

/// Resident memory that a record of 1,000 bytes takes.
pub fn memory(order: &Order, tell: &dyn Fn(&str)) -> Result<Vec<Memory>> {
    // Buffers have grown and tables are there when the count begins.
    const BEFORE: u64 = 10_000;
    const COUNTED: u64 = 500_000;
    let mut encoded = Encoded::new(Size::Exactly(RECORD))?;
    let one = |contender: Contender| {
        tell(&format!("memory of a record: {}", contender.name()));
        let server = order.workshop.start(contender, 1.0)?;
        let plan = plan(&server);
        send(contender, &Plan { at_most: BEFORE, ..plan }, &mut encoded)?;
        server.processor_time()?;
        let empty = server.resident()?;
        send(contender, &Plan { first_key: 1 + BEFORE, at_most: COUNTED, ..plan }, &mut encoded)?;
        server.processor_time()?;
        let full = server.resident()?;
        let bytes = full.saturating_sub(empty) as f64 / COUNTED as f64;
        Ok(Memory { contender: contender.name(), records: COUNTED, bytes })
    };
    keepers(order).map(one).collect()
}

/// GB for records in [`limit`].
pub const SMALL_ARENA: f64 = 0.0625;

/// Three times as many records as there is memory for.
pub fn limit(order: &Order, tell: &dyn Fn(&str)) -> Result<Vec<Limit>> {
    const FILLING: u64 = 100_000;
    const BEYOND: u64 = 100_000;
    let mut encoded = Encoded::new(Size::Varied)?;
    let mut one = |contender: Contender| {
        tell(&format!("when memory ends: {}", contender.name()));
        let mut samples = Vec::new();
        for _ in 0..order.rounds {
            let server = order.workshop.start(contender, SMALL_ARENA)?;
            let plan = Plan { refusals: Refusals::Count, ..plan(&server) };
            send(contender, &Plan { at_most: FILLING, ..plan }, &mut encoded)?;
            backing::prepare(BEYOND)?;
            let before = server.processor_time()?;
            let beyond = send(contender, &Plan { first_key: 1 + FILLING, at_most: BEYOND, ..plan }, &mut encoded)?;
            let used = server.processor_time()?.saturating_sub(before);
            samples.push(LimitSample::new(&beyond, used, server.resident()?)?);
        }
        Ok(Limit::new(contender.name(), &samples))
    };
    keepers(order).map(&mut one).collect()
}

/// The cost of a record beside many others.
pub fn growth(order: &Order, tell: &dyn Fn(&str)) -> Result<Vec<Growth>> {
    let available = backing::available()?;
    let fits = |stored: &u64| (stored + counted(*stored)) * backing::RECORD < available;
    let stored: Vec<u64> = order.stored.iter().copied().filter(fits).collect();
    for left_out in order.stored.iter().filter(|stored| !fits(stored)) {
        tell(&format!("{left_out} stored records are left out: {} MB of memory are free", available / 1_000_000));
    }
    let most = stored.last().context("there is no memory for even a few records")?;
    // Tarantool keeps slabs for each size of record; of few records these are a large part.
    let arena = ((most + counted(*most)) * backing::RECORD) as f64 / (1_u64 << 30) as f64 + 0.25;
    let mut encoded = Encoded::new(Size::Varied)?;
    let mut one = |contender: Contender| {
        let mut rounds = Vec::new();
        // Filling takes longer than all else; three times are enough to see whether a line is flat.
        for round in 1..=order.rounds.min(3) {
            tell(&format!("cost beside many, round {round}: {}", contender.name()));
            let server = order.workshop.start(contender, arena)?;
            rounds.push(fill(contender, &server, &stored, &mut encoded)?);
        }
        Ok(Growth::new(contender.name(), &stored, &rounds))
    };
    keepers(order).map(&mut one).collect()
}

/// Over how many records the cost is taken, beside so many stored ones.
fn counted(stored: u64) -> u64 {
    (stored / 2).clamp(20_000, 1_000_000)
}

/// Fills a server, and gives the processor time of a record in microseconds at each of the marks.
fn fill(contender: Contender, server: &Server, marks: &[u64], encoded: &mut Encoded) -> Result<Vec<f64>> {
    let (plan, mut sent) = (plan(server), 0);
    let mut costs = Vec::new();
    for mark in marks {
        ensure!(*mark >= sent, "the marks do not rise far enough");
        let mut send_up_to = |target: u64| {
            let outcome = send(contender, &Plan { first_key: 1 + sent, at_most: target - sent, ..plan }, encoded);
            sent = target;
            outcome
        };
        send_up_to(*mark)?;
        backing::prepare(counted(*mark))?;
        let before = server.processor_time()?;
        let outcome = send_up_to(mark + counted(*mark))?;
        let used = server.processor_time()?.saturating_sub(before);
        costs.push(used.as_secs_f64() * 1e6 / outcome.answered as f64);
    }
    Ok(costs)
}

#[cfg(test)]
mod tests {
    use super::super::STORED;
    use super::*;

    #[test]
    fn costs_are_taken_over_many_records_and_before_the_next_mark() {
        assert_eq!([10_000, 1_000_000, 10_000_000].map(counted), [20_000, 500_000, 1_000_000]);
        assert!(STORED.windows(2).all(|marks| marks[0] + counted(marks[0]) <= marks[1]));
    }
}
