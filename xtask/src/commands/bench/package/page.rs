//! The figures as tables and as a picture, for the terminal and for the documentation.

use super::results::{Results, Row};
use crate::commands::bench::markdown::{self, Table};
use crate::commands::bench::plot::{Axis, Bar, Chart, Group};
use crate::report;

/// Prints the tables.
pub fn show(results: &Results) {
    let (head, rows) = figures(results);
    report::table(head, &rows);
    report::line("");
    let (head, rows) = goals(results);
    report::table(head, &rows);
}

fn figures(results: &Results) -> Table<6> {
    let mut rows = Vec::new();
    for row in &results.jobs {
        for (number, cell) in row.contenders.iter().enumerate() {
            rows.push([
                if number == 0 { row.job.to_owned() } else { String::new() },
                cell.name.to_owned(),
                format!("{:.2} s", cell.seconds),
                format!("{:.2} s", cell.cpu_seconds),
                // Whole bytes: the medians are of whole bytes or half of one between two.
                report::bytes(cell.resident as u64),
                markdown::thousands(cell.size),
            ]);
        }
    }
    (["Package", "", "Time", "CPU", "Memory", "Size, bytes"], rows)
}

fn goals(results: &Results) -> Table<6> {
    let row = |row: &Row| {
        let goal = row.goal.as_ref()?;
        Some([
            row.job.to_owned(),
            goal.peer.to_owned(),
            format!("{:.2} ×", goal.time),
            format!("{:.3} ×", goal.size),
            format!("time ≤ {} ×, size ≤ {} ×", goal.time_limit, goal.size_limit),
            markdown::yes(goal.met()),
        ])
    };
    (["Package", "Beside", "Time", "Size", "Goal", "Met"], results.jobs.iter().filter_map(row).collect())
}

/// The page `docs/benchmarks/package.md`.
pub fn page(results: &Results) -> String {
    let mut text = format!(
        "# What packing costs\n\n\
         `cargo xtask bench package --record` writes this page and its picture. One ELF file of {} bytes (`{}`, a stripped binary that comes with Rust) \
         was packed by all in turn, on one machine of {} processors, each as a process of its own; every figure is the median of {} rounds. Time is the clock's, CPU is \
         user and kernel time of all processes together, memory the most that one of them had. The ratios are medians of the ratios within a round. \
         Peers: {}, at their own levels (rpmbuild: 6). What they take as given, a staged tree or a configuration, was made before. This project ran as `cargo xtask` \
         is built, in the profile `dev` with optimised compression.\n",
        markdown::thousands(results.input.bytes),
        results.input.name,
        results.processors,
        results.rounds,
        if results.versions.is_empty() { "none".to_owned() } else { results.versions.join(", ") },
    );
    for remark in &results.left_out {
        text.push_str(&format!("\n{remark}.\n"));
    }
    text.push_str("\n![Time and size](package.svg)\n");
    text.push_str(&markdown::section("Figures", figures(results)));
    text.push_str(&markdown::section("Goals", goals(results)));
    text
}

/// The picture of the page.
pub fn svg(results: &Results) -> String {
    let group = |row: &Row| {
        let goal = row.goal.as_ref().and_then(|goal| {
            let peer = row.contenders.iter().find(|cell| cell.name == goal.peer)?;
            Some(goal.time_limit * peer.seconds)
        });
        let bars = row.contenders.iter().enumerate().map(|(number, cell)| Bar {
            name: cell.name.to_owned(),
            value: cell.seconds,
            label: format!("{:.2} s, {}", cell.seconds, report::bytes(cell.size)),
            ours: number == 0,
            goal: goal.filter(|_| number == 0),
        });
        Group { name: row.job.to_owned(), bars: bars.collect() }
    };
    Chart {
        title: format!("Time to pack a binary of {}, s", report::bytes(results.input.bytes)),
        remark: "the black mark is the goal".to_owned(),
        axis: Axis::Linear,
        groups: results.jobs.iter().map(group).collect(),
    }
    .svg()
}
