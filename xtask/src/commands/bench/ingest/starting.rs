//! From the start of a process to its greeting, by the memory that it may use.

use anyhow::Result;

use super::Order;
use super::contender::Contender;
use super::results::{Start, median};

/// GB.
const ARENAS: [f64; 3] = [0.05, 1.0, 8.0];

/// Measures all arenas.
pub fn run(order: &Order, tell: &dyn Fn(&str)) -> Result<Vec<Start>> {
    let mut rows = Vec::new();
    let differ =
        |contender: &&Contender| matches!(contender, Contender::Ours | Contender::Insert | Contender::InsertWal);
    for arena in ARENAS {
        for contender in order.contenders.iter().filter(differ) {
            tell(&format!("start with {arena} GB: {}", contender.name()));
            let once = |_| Ok(order.workshop.start(*contender, arena)?.listening_after.as_secs_f64());
            let times = (0..order.rounds).map(once).collect::<Result<Vec<f64>>>()?;
            rows.push(Start { arena, contender: contender.name(), seconds: median(times.into_iter()) });
        }
    }
    Ok(rows)
}
