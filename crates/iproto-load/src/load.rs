//! All connections of one load, from the first request to the last answer.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};

use crate::connection::{Connection, Refused};
use crate::latency::Times;
use crate::requests::Requests;
use crate::{LoadError, Outcome, Plan, Refusals};

/// A server that is silent for so long has hung.
const PATIENCE: Duration = Duration::from_secs(30);

/// Carries out `plan`.
///
/// # Errors
///
/// [`LoadError`] if a connection fails, an answer is missing or cannot be read, or a request is refused that must not be.
pub fn run(plan: &Plan, requests: &mut Requests) -> Result<Outcome, LoadError> {
    if requests.is_empty() || plan.connections == 0 || plan.window == 0 {
        return Err(LoadError::Nothing);
    }
    let open = |place| Connection::open(plan.address, (place, plan.connections), plan.first_key, plan.window, requests);
    let mut connections = (0..plan.connections).map(open).collect::<Result<Vec<_>, _>>()?;
    let (mut times, mut refused, mut left) = (Times::default(), Refused::default(), plan.at_most);
    let (cpu, begun) = (thread_time(), Instant::now());
    let mut now = begun;
    loop {
        if now - begun >= plan.time {
            left = 0;
        }
        for connection in &mut connections {
            connection.send(requests, &mut left, now)?;
        }
        if connections.iter().all(|connection| connection.in_flight() == 0) {
            break;
        }
        let ready = wait(&connections)?;
        for (connection, ready) in connections.iter_mut().zip(ready) {
            if ready.contains(PollFlags::OUT) {
                connection.unblock();
            }
            if !ready.difference(PollFlags::OUT).is_empty() {
                connection.receive(&mut times, &mut refused)?;
            }
        }
        if plan.refusals == Refusals::Fail
            && let Some(refusal) = refused.first
        {
            return Err(LoadError::Refused(refusal));
        }
        now = Instant::now();
    }
    if !connections.iter().all(Connection::is_balanced) {
        return Err(LoadError::Numbers);
    }
    Ok(Outcome {
        answered: connections.iter().map(Connection::answered).sum(),
        refused: refused.count,
        first_refusal: refused.first,
        elapsed: now - begun,
        own_cpu: thread_time() - cpu,
        latency: times.percentiles(),
    })
}

/// Waits until something can be done, and says what, for each connection.
fn wait(connections: &[Connection]) -> Result<Vec<PollFlags>, LoadError> {
    let interest = |connection: &Connection| {
        if connection.is_blocked() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN }
    };
    let mut polled: Vec<PollFd<'_>> =
        connections.iter().map(|connection| PollFd::new(connection.stream(), interest(connection))).collect();
    let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
    match poll(&mut polled, Some(&patience)) {
        Ok(0) => Err(LoadError::Silent(PATIENCE)),
        Ok(_) => Ok(polled.iter().map(PollFd::revents).collect()),
        Err(rustix::io::Errno::INTR) => Ok(vec![PollFlags::empty(); connections.len()]),
        Err(error) => Err(LoadError::Io(error.into())),
    }
}

/// Processor time of this thread.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
