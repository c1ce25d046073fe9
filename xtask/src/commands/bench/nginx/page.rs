//! The figures as tables and as a picture, for the terminal and for the documentation.

use crate::commands::bench::markdown::{self, Table, yes};
use crate::commands::bench::plot::{Axis, Bar, Chart, Group};
use crate::nginx::bench::results::{Cell, P99_GOAL, Results, Row};
use crate::report;

/// Processor time, with the goals.
pub fn cost(results: &Results) -> Table<6> {
    let mut rows = Vec::new();
    for row in &results.cases {
        for (number, cell) in row.variants.iter().enumerate() {
            let added = if number == 0 { String::new() } else { format!("{:+.1} µs", cell.added_us) };
            let (goal, met) = match row.goal_us {
                Some(goal) if number == 1 => (format!("≤ +{goal:.0} µs"), yes(cell.added_us <= goal)),
                _ => (String::new(), String::new()),
            };
            let case = if number == 0 { row.case.to_owned() } else { String::new() };
            rows.push([case, cell.name.to_owned(), format!("{:.1} µs", cell.cpu_us), added, goal, met]);
        }
    }
    (["Request", "", "CPU a request", "Added", "Goal", "Met"], rows)
}

/// Throughput, latency, memory.
pub fn load(results: &Results) -> Table<7> {
    let mut rows = Vec::new();
    for row in &results.cases {
        for (number, cell) in row.variants.iter().enumerate() {
            let case = if number == 0 { row.case } else { "" };
            rows.push(loaded(case, cell));
        }
    }
    (["Request", "", "Requests/s", "p50, p99", "Memory", "Failed", "Records lost"], rows)
}

fn loaded(case: &str, cell: &Cell) -> [String; 7] {
    [
        case.to_owned(),
        cell.name.to_owned(),
        format!("{:.0}", cell.per_second),
        format!("{}, {}", markdown::time(cell.p50_us), markdown::time(cell.p99_us)),
        // Whole bytes: the medians are of whole bytes or half of one between two.
        report::bytes(cell.resident as u64),
        cell.failed.to_string(),
        cell.lost.map_or_else(String::new, |lost| lost.to_string()),
    ]
}

/// Postanalytics running, stopped, killed.
pub fn outage(results: &Results) -> Table<7> {
    let rows = results.outage.iter().enumerate().map(|(number, row)| {
        let (goal, met) = if number == 0 {
            (String::new(), String::new())
        } else {
            let met = row.failed == 0 && row.p99_ratio <= P99_GOAL;
            (format!("0 failed, p99 ≤ {P99_GOAL:.0} ×"), yes(met))
        };
        let p99 = format!("{} ({:.2} ×)", markdown::time(row.p99_us), row.p99_ratio);
        [row.event.to_owned(), row.requests.to_string(), row.failed.to_string(), row.lost.to_string(), p99, goal, met]
    });
    (["Postanalytics", "Requests", "Failed", "Records lost", "p99", "Goal", "Met"], rows.collect())
}

/// The page `docs/benchmarks/nginx.md`.
pub fn page(results: &Results) -> String {
    let mut page = format!(
        "# What the NGINX module costs\n\n\
         `cargo xtask bench nginx --record` writes this page and its picture. All variants ran side by side on one machine: NGINX {}, \
         one worker each; every figure is the median of {} rounds of {:.0} s. CPU is the worker's own time by the kernel's account \
         (`/proc/<pid>/schedstat`), divided by the requests that wrk got answers to; \"added\" is compared with NGINX alone \
         in the same round. The module runs in mode `block` with a postanalytics server behind it; ModSecurity is Debian's package \
         with its recommended settings, the Core Rule Set, rules on and the audit log off. wrk repeats its headers as a browser does, \
         and the module does not look again at headers that it found clean: see [the decision](../decisions/clean-headers.md). \
         After each load, every request that the module processed is found in postanalytics or in the module's count of lost records.\n\n\
         ![CPU a request](nginx.svg)\n",
        results.nginx, results.rounds, results.window_seconds
    );
    page.push_str(&markdown::section("Processor time", cost(results)));
    page.push_str(&markdown::section("Throughput, latency, memory", load(results)));
    page.push_str(&markdown::section("Postanalytics goes away", outage(results)));
    page
}

/// The picture of the page: on a logarithmic axis, since the peer is beyond any other.
pub fn svg(results: &Results) -> String {
    let group = |row: &Row| {
        let alone = row.variants.first().map_or(0.0, |cell| cell.cpu_us);
        let bars = row.variants.iter().enumerate().map(|(number, cell)| Bar {
            name: cell.name.to_owned(),
            value: cell.cpu_us,
            label: format!("{:.1}", cell.cpu_us),
            ours: number == 1,
            goal: row.goal_us.filter(|_| number == 1).map(|goal| alone + goal),
        });
        Group { name: row.case.to_owned(), bars: bars.collect() }
    };
    Chart {
        title: "Processor time of an NGINX worker by request, µs".to_owned(),
        remark: "logarithmic; the black mark is the goal".to_owned(),
        axis: Axis::Logarithmic,
        groups: results.cases.iter().map(group).collect(),
    }
    .svg()
}
