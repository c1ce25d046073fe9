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

/// `20,838,840`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Microseconds as people say them.
pub fn time(us: f64) -> String {
    if us < 1000.0 { format!("{us:.0} µs") } else { format!("{:.1} ms", us / 1000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_parted_by_thousands() {
        assert_eq!([1, 999, 1000, 20_838_840].map(thousands), ["1", "999", "1,000", "20,838,840"]);
    }

    #[test]
    fn times_change_unit_at_a_millisecond() {
        assert_eq!([999.0, 1000.0, 7360.0].map(time), ["999 µs", "1.0 ms", "7.4 ms"]);
    }
}
