//! Tables in Markdown, and what all of them say alike.

use std::fmt::Write as _;

/// A head and its rows.
pub type Table<const N: usize> = ([&'static str; N], Vec<[String; N]>);

/// A heading with a table below.
pub fn section<const N: usize>(title: &str, (head, rows): Table<N>) -> String {
    let mut text = format!("\n## {title}\n\n| {} |\n|{}\n", head.join(" | "), "---|".repeat(N));
    for row in rows {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// Whether a goal is met.
pub fn yes(met: bool) -> String {
    if met { "yes" } else { "no" }.to_owned()
}
