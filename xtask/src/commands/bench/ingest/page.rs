//! The figures as tables and as a picture, for the terminal and for the documentation.

use super::contender::Contender;
use super::goals::{self, Bound};
use super::keeping::SMALL_ARENA;
use super::results::{Cell, Load, Results};
use crate::commands::bench::markdown::{self, Table, yes};
use crate::commands::bench::plot::{Axis, Bar, Chart, Group};
use crate::report;

/// Records a second, processor time, latency.
pub fn loads(results: &Results) -> Table<8> {
    let rows = results.loads.iter().flat_map(|load| {
        load.contenders.iter().enumerate().map(move |(number, cell)| {
            let (shape, ratio) = if number == 0 {
                (shape(load), String::new())
            } else {
                (String::new(), format!("{:.2} ×", cell.ratio))
            };
            [
                shape,
                cell.contender.to_owned(),
                format!("{:.0}", cell.per_second),
                ratio,
                format!("{:.2} µs", cell.cpu_us),
                format!("{:.2} µs", cell.generator_us),
                markdown::time(cell.p50_us),
                markdown::time(cell.p99_us),
            ]
        })
    });
    (["Load", "", "Records/s", "Ours by it", "CPU a record", "of the generator", "p50", "p99"], rows.collect())
}

fn shape(load: &Load) -> String {
    let connections = if load.connections == 1 { "connection" } else { "connections" };
    format!("{} {connections}, {} in flight", load.connections, load.window)
}

/// Memory of a record.
pub fn memory(results: &Results) -> Table<2> {
    let rows = results.memory.iter().map(|memory| [memory.contender.to_owned(), format!("{:.0} bytes", memory.bytes)]);
    (["A record of 1,000 bytes", "Resident memory"], rows.collect())
}

/// When memory ends.
pub fn limit(results: &Results) -> Table<6> {
    let rows = results.limit.iter().map(|limit| {
        let refused = match &limit.reason {
            Some(reason) => format!("{} ({reason})", limit.refused),
            None => limit.refused.to_string(),
        };
        [
            limit.contender.to_owned(),
            limit.taken.to_string(),
            refused,
            format!("{:.0}", limit.per_second),
            format!("{:.2} µs", limit.cpu_us),
            // Whole bytes: the medians are of whole bytes or half of one between two.
            report::bytes(limit.resident as u64),
        ]
    });
    (["Memory is full", "Taken", "Refused", "Answers/s", "CPU a record", "Resident memory"], rows.collect())
}

/// The cost of a record beside many.
pub fn growth(results: &Results) -> Table<3> {
    let rows = results.growth.iter().flat_map(|growth| {
        growth.costs.iter().enumerate().map(|(number, (stored, cost))| {
            let contender = if number == 0 { growth.contender.to_owned() } else { String::new() };
            [contender, markdown::thousands(*stored), format!("{cost:.2} µs")]
        })
    });
    (["", "Stored records", "CPU of one more"], rows.collect())
}

/// From start to greeting.
pub fn start(results: &Results) -> Table<3> {
    let rows = results.start.iter().map(|start| {
        [format!("{} GB", start.arena), start.contender.to_owned(), format!("{:.0} ms", start.seconds * 1000.0)]
    });
    (["Memory for records", "", "Listening after"], rows.collect())
}

/// The goals.
pub fn goals(results: &Results) -> Table<4> {
    let rows = goals::all(results).into_iter().map(|goal| {
        let bound = match goal.bound {
            Bound::AtLeast(least) => format!("≥ {least} {}", goal.unit),
            Bound::AtMost(most) => format!("≤ {most} {}", goal.unit),
        };
        let found = if goal.found >= 100.0 { format!("{:.0}", goal.found) } else { format!("{:.3}", goal.found) };
        [goal.what, bound, format!("{found} {}", goal.unit), yes(goal.met)].map(|cell| cell.trim().to_owned())
    });
    (["", "Goal", "Found", "Met"], rows.collect())
}

/// The page `docs/benchmarks/ingest.md`.
pub fn page(results: &Results) -> String {
    let mut page = format!(
        "# What postanalytics takes in\n\n\
         `cargo xtask bench ingest --record` writes this page and its picture. All ran on one machine of {} processors, over loopback, each figure in a server process \
         of its own, contenders in turns; figures are medians of {} rounds of {:.0} s at most, ratios medians of the ratios within a round. {}\n\n\
         The records are what the module writes: requests of a shop, 600 to 1,400 bytes, 1,000 on average, one in fifty an attack. They are encoded before the clock runs; each is sent \
         with an id of its own. The load generator is the same for all, one thread for all connections; it decodes every answer. With 256 in flight it sends \
         when half of them are answered, and latency is the time from sending a batch to its last answer; with one in flight it is that of a record. CPU is the server's, in user and kernel \
         mode, by the kernel's account (`/proc/<pid>/task/*/schedstat`), counted until it has nothing left to do. Ours analyses what it takes in, and is registered with a Cloud that is away: the \
         attacks that it finds are brought to disk (`fdatasync`) within half a second, and stay there. \
         Memory that a load will fill is touched before it, so that no hypervisor has to find it first.\n\n\
         ![Records a second](ingest.svg)\n",
        results.processors,
        results.rounds,
        results.window_seconds,
        peer(results),
    );
    page.push_str(&markdown::section("Goals", goals(results)));
    page.push_str(&markdown::section("Taking in", loads(results)));
    page.push_str(&markdown::section("Memory", memory(results)));
    page.push_str(&markdown::section("Memory is full", limit(results)));
    page.push_str(&format!(
        "\nWith {:.0} MB for records, 100,000 records of 1,000 bytes were sent, then 100,000 more, which these figures are of.\n",
        SMALL_ARENA * 1024.0
    ));
    page.push_str(&markdown::section("Many records", growth(results)));
    page.push_str("\nOne pipelined connection; memory for all of them.\n");
    page.push_str(&markdown::section("Start", start(results)));
    page
}

fn peer(results: &Results) -> String {
    match &results.tarantool {
        None => "Tarantool was not installed, so these are our figures alone.".to_owned(),
        Some(version) => format!(
            "The peer is Tarantool {version}, with its own settings where nothing else is said; our server has the same `readahead` and `net_msg_max` unless told otherwise. INSERT puts a record into \
             a space in memory under a number; it is a text to Tarantool, so that it need not look inside. CALL gets the very bytes that our server gets, and a function in Lua inserts \
             the record under its id. Without WAL nothing is kept on disk; with it, each record is written, without waiting for the disk (`wal_mode = 'write'`)."
        ),
    }
}

/// The picture of the page.
pub fn svg(results: &Results) -> String {
    let bar = |cell: &Cell| Bar {
        name: cell.contender.to_owned(),
        value: cell.per_second / 1000.0,
        label: format!("{:.0}", cell.per_second / 1000.0),
        ours: cell.contender == Contender::Ours.name(),
        goal: None,
    };
    let group = |load: &Load| Group { name: shape(load), bars: load.contenders.iter().map(bar).collect() };
    Chart {
        title: "Records of 1 KB taken in, thousands a second".to_owned(),
        remark: "one thread sends; loopback".to_owned(),
        axis: Axis::Linear,
        groups: results.loads.iter().map(group).collect(),
    }
    .svg()
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::results;
    use super::*;

    #[test]
    fn a_missed_goal_is_shown_as_missed() {
        let (_, rows) = goals(&results([400.0, 500.0, 600.0, 100.0, 80.0], 2.5));
        assert_eq!(rows[0][1..], ["≥ 1 ×".to_owned(), "0.800 ×".to_owned(), "no".to_owned()]);
        assert_eq!(rows[1][1..], ["≥ 3 ×".to_owned(), "4.000 ×".to_owned(), "yes".to_owned()]);
    }

    #[test]
    fn a_run_without_the_peer_says_so() {
        let mut results = results([400.0, 500.0, 600.0, 100.0, 80.0], 2.5);
        assert!(page(&results).contains("The peer is Tarantool 2.6.0"));
        results.tarantool = None;
        assert!(page(&results).contains("our figures alone"));
    }
}
