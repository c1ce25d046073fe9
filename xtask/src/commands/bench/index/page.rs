//! The figures for people: a table, a page, a picture.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result};

use super::{Results, Row};
use crate::session::Session;

const HEAD: [&str; 8] = ["Job", "", "Wall", "CPU", "of that signing", "Memory", "Ratio", "Goal"];

/// One row for us and one for each peer.
pub fn table(results: &Results) -> ([&'static str; 8], Vec<[String; 8]>) {
    (HEAD, results.rows.iter().flat_map(rows).collect())
}

fn rows(row: &Row) -> Vec<[String; 8]> {
    let job = format!("{} {}s, {}", row.packages, row.format, row.job);
    let ratio = row.ratio();
    let goal = row.goal.map_or_else(String::new, |goal| {
        let met = ratio.map_or("", |ratio| if ratio <= goal { ": met" } else { ": missed" });
        format!("≤ {goal} ×{met}")
    });
    let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2} ×"));
    let mut rows = vec![[
        job,
        "this project".to_owned(),
        seconds(row.ours.wall),
        seconds(row.ours.cpu),
        seconds(row.ours.signing),
        format!("{:.0} MB", row.ours.memory),
        ratio,
        goal,
    ]];
    for (name, timing) in &row.peers {
        let empty = String::new;
        rows.push([
            empty(),
            (*name).to_owned(),
            seconds(timing.wall),
            seconds(timing.cpu),
            empty(),
            empty(),
            empty(),
            empty(),
        ]);
    }
    rows
}

fn seconds(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

/// Keeps the figures in the documentation.
pub fn record(results: &Results, session: &Session) -> Result<()> {
    let folder = session.root.join("docs/benchmarks");
    for (name, text) in [("index.md", page(results)), ("index.svg", picture(results))] {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        session.progress.note(&format!("Wrote {}", session.shown(&path)));
    }
    Ok(())
}

fn page(results: &Results) -> String {
    let mut page = format!(
        "# What indexing and publishing take\n\n\
         `cargo xtask bench index --record` writes this page and its picture. All ran in turns on one machine, over the same \
         packages; every figure is the median of {} rounds, each in a process of its own. A ratio is our time on the clock, divided by that of the first peer \
         below it; signatures (RSA-4096, in pure Rust) are left out of it where the peer makes none, and told apart in a column \
         of their own. Our `Packages` comes with SHA-256 and SHA-512, plain, as gzip and as xz; apt-ftparchive writes it \
         plain. We check every package while we read it: a deb's members, an rpm's signature and the digests of its header \
         and payload.\n\n![Times beside peers](index.svg)\n\n",
        results.rounds
    );
    let (head, rows) = table(results);
    let _ = writeln!(page, "| {} |\n|{}", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        let _ = writeln!(page, "| {} |", row.join(" | "));
    }
    page
}

const WIDTH: f64 = 860.0;
const LEFT: f64 = 330.0;
const BAR: f64 = 18.0;

/// A bar for each figure, on a logarithmic axis from 10 ms on.
fn picture(results: &Results) -> String {
    let bars: usize = results.rows.iter().map(|row| row.peers.len() + 1).sum();
    let height = 90.0 + bars as f64 * BAR + results.rows.len() as f64 * 26.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<title>Time of indexing and publishing</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"20\" y=\"30\" font-size=\"17\" font-weight=\"bold\">Indexing and publishing, time on the clock</text>\n\
         <text x=\"20\" y=\"50\" fill=\"#555\">logarithmic; blue is this project, without signatures where peers make none</text>\n"
    );
    let x = |seconds: f64| LEFT + (seconds.max(0.01) / 0.01).log10() / 3.2 * (WIDTH - LEFT - 90.0);
    for (seconds, label) in [(0.01, "10 ms"), (0.1, "100 ms"), (1.0, "1 s"), (10.0, "10 s")] {
        let at = x(seconds);
        let _ = write!(
            svg,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"64\" y2=\"{bottom:.1}\" stroke=\"#ddd\"/>\n\
             <text x=\"{at:.1}\" y=\"{label_y:.1}\" text-anchor=\"middle\" fill=\"#555\">{label}</text>\n",
            bottom = height - 24.0,
            label_y = height - 8.0
        );
    }
    let mut y = 60.0;
    for row in &results.rows {
        y += 26.0;
        let _ =
            writeln!(svg, "<text x=\"20\" y=\"{:.1}\">{} {}s, {}</text>", y - 6.0, row.packages, row.format, row.job);
        let ours = if row.job == super::peers::PUBLISH { row.ours.wall } else { row.ours.unsigned() };
        let peers = row.peers.iter().map(|(name, timing)| (*name, timing.wall, "#8a9099"));
        for (name, time, fill) in [("this project", ours, "#0072b2")].into_iter().chain(peers) {
            let end = x(time);
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#333\">{name}</text>\n\
                 <rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{fill}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\">{}</text>\n",
                LEFT - 8.0,
                y + 13.0,
                y + 2.0,
                (end - LEFT).max(1.0),
                BAR - 4.0,
                end.max(LEFT + 1.0) + 6.0,
                y + 13.0,
                seconds(time),
            );
            y += BAR;
        }
    }
    svg.push_str("</svg>\n");
    svg
}
