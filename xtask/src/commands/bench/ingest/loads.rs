//! Records a second, processor time and latency, by connections and requests in flight.

use std::time::Duration;

use anyhow::{Context as _, Result};
use iproto_load::{Outcome, Plan, Refusals};

use super::Order;
use super::backing;
use super::contender::{Contender, Server};
use super::records::Size;
use super::requests::Encoded;
use super::results::{Load, Sample};

/// Connections, and requests in flight on each.
const SHAPES: [(usize, usize); 6] = [(1, 256), (4, 256), (16, 256), (1, 1), (4, 1), (16, 1)];

/// Memory for records, in GB, and as many records as fit into it: nobody's runs out.
const ARENA: f64 = 4.0;
const MOST: u64 = 3_000_000;

/// No request is answered sooner, so that this says how many there can be.
const LEAST_LATENCY: Duration = Duration::from_micros(20);

/// Records that are sent before anything is counted.
pub const WARM_UP: u64 = 2_000;

/// Measures all shapes.
pub fn run(order: &Order, tell: &dyn Fn(&str)) -> Result<Vec<Load>> {
    let mut encoded = Encoded::new(Size::Varied)?;
    let mut samples = vec![vec![Vec::new(); order.contenders.len()]; SHAPES.len()];
    for round in 1..=order.rounds {
        for ((connections, window), row) in SHAPES.into_iter().zip(&mut samples) {
            tell(&format!("round {round} of {}: {connections} connections, {window} in flight", order.rounds));
            for (contender, cell) in order.contenders.iter().zip(row) {
                let server = order.workshop.start(*contender, ARENA)?;
                let plan = Plan { connections, window, time: order.window, at_most: MOST, ..plan(&server) };
                cell.push(measure(*contender, &server, &plan, &mut encoded)?);
            }
        }
    }
    let rows = SHAPES.into_iter().zip(&samples);
    Ok(rows.map(|((connections, window), row)| Load::new(connections, window, &order.contenders, row)).collect())
}

/// One record after the other on one connection, without an end.
pub fn plan(server: &Server) -> Plan {
    Plan {
        address: server.address,
        connections: 1,
        window: 256,
        time: Duration::MAX,
        at_most: u64::MAX,
        first_key: 1,
        refusals: Refusals::Fail,
    }
}

/// Sends to a server that nobody else talks to.
pub fn send(contender: Contender, plan: &Plan, encoded: &mut Encoded) -> Result<Outcome> {
    iproto_load::run(plan, encoded.of(contender)).with_context(|| contender.name().to_owned())
}

fn measure(contender: Contender, server: &Server, plan: &Plan, encoded: &mut Encoded) -> Result<Sample> {
    send(contender, &Plan { at_most: WARM_UP, ..*plan }, encoded)?;
    let in_flight = (plan.connections * plan.window) as f64;
    let at_most = in_flight / LEAST_LATENCY.as_secs_f64() * plan.time.as_secs_f64();
    backing::prepare((at_most as u64).min(plan.at_most))?;
    let before = server.processor_time()?;
    let first_key = 1 + WARM_UP * plan.connections as u64;
    let outcome = send(contender, &Plan { first_key, ..*plan }, encoded)?;
    let used = server.processor_time()?.saturating_sub(before);
    Sample::new(&outcome, used).with_context(|| contender.name().to_owned())
}
