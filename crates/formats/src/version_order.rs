//! Which of two versions is the newer one, as dpkg and as rpm see it.

use std::cmp::Ordering;

/// By deb-version(7): `[epoch:]upstream[-revision]`.
#[must_use]
pub fn deb(a: &str, b: &str) -> Ordering {
    let (a, b) = (Parts::of_deb(a), Parts::of_deb(b));
    a.epoch.cmp(&b.epoch).then_with(|| deb_part(a.version, b.version)).then_with(|| deb_part(a.revision, b.revision))
}

/// By rpm's `rpmvercmp`: `[epoch:]version-release`.
#[must_use]
pub fn rpm(a: &str, b: &str) -> Ordering {
    let (a, b) = (Parts::of_rpm(a), Parts::of_rpm(b));
    a.epoch.cmp(&b.epoch).then_with(|| rpm_part(a.version, b.version)).then_with(|| rpm_part(a.revision, b.revision))
}

struct Parts<'a> {
    epoch: u64,
    version: &'a str,
    revision: &'a str,
}

impl<'a> Parts<'a> {
    /// A missing revision equals `0`.
    fn of_deb(text: &'a str) -> Self {
        let this = Self::of_rpm(text);
        Self { revision: if this.revision.is_empty() { "0" } else { this.revision }, ..this }
    }

    fn of_rpm(text: &'a str) -> Self {
        let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
        let (version, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        Self { epoch: epoch.parse().unwrap_or(0), version, revision }
    }
}

/// Splits at the first byte that is none of those wanted.
fn split(text: &str, wanted: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|byte| !wanted(byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Numbers of any length.
fn by_number(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Parts without and with digits take turns; in the first, `~` comes before the end, letters before all else.
fn deb_part(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let ((text_a, rest_a), (text_b, rest_b)) =
            (split(a, |byte| !byte.is_ascii_digit()), split(b, |byte| !byte.is_ascii_digit()));
        let weights = |text: &str| -> Vec<i32> {
            let weight = |byte: u8| match byte {
                b'~' => -1,
                letter if letter.is_ascii_alphabetic() => i32::from(letter),
                other => i32::from(other) + 256,
            };
            text.bytes().map(weight).chain([0]).collect()
        };
        let ((number_a, next_a), (number_b, next_b)) =
            (split(rest_a, |byte| byte.is_ascii_digit()), split(rest_b, |byte| byte.is_ascii_digit()));
        let order = weights(text_a).cmp(&weights(text_b)).then_with(|| by_number(number_a, number_b));
        if order.is_ne() {
            return order;
        }
        (a, b) = (next_a, next_b);
    }
    Ordering::Equal
}

/// Segments of letters or of digits; everything else separates. `~` comes before the end, `^` after it.
fn rpm_part(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let separator = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b'~' && byte != b'^';
        (a, b) = (split(a, separator).1, split(b, separator).1);
        match (a.strip_prefix('~'), b.strip_prefix('~')) {
            (Some(next_a), Some(next_b)) => {
                (a, b) = (next_a, next_b);
                continue;
            }
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        match (a.strip_prefix('^'), b.strip_prefix('^')) {
            (Some(next_a), Some(next_b)) => {
                (a, b) = (next_a, next_b);
                continue;
            }
            (Some(_), None) => return if b.is_empty() { Ordering::Greater } else { Ordering::Less },
            (None, Some(_)) => return if a.is_empty() { Ordering::Less } else { Ordering::Greater },
            (None, None) => {}
        }
        if a.is_empty() || b.is_empty() {
            return a.len().min(1).cmp(&b.len().min(1));
        }
        let digits = a.starts_with(|c: char| c.is_ascii_digit());
        let wanted = |byte: u8| if digits { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() };
        let ((part_a, next_a), (part_b, next_b)) = (split(a, wanted), split(b, wanted));
        if part_b.is_empty() {
            // Numbers are newer than letters.
            return if digits { Ordering::Greater } else { Ordering::Less };
        }
        let order = if digits { by_number(part_a, part_b) } else { part_a.cmp(part_b) };
        if order.is_ne() {
            return order;
        }
        (a, b) = (next_a, next_b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deb_versions_are_ordered_as_by_dpkg() {
        let rising = [
            "1.0~~",
            "1.0~~a",
            "1.0~rc1-1",
            "1.0",
            "1.0-1",
            "1.0-1+b1",
            "1.0-1.1",
            "1.0a",
            "1.0+git",
            "1.0.1",
            "1.2",
            "1.10",
            "4.8.9-1",
            "4.8.10-1",
            "1:0.1",
        ];
        for (place, a) in rising.iter().enumerate() {
            for (other, b) in rising.iter().enumerate() {
                assert_eq!(deb(a, b), place.cmp(&other), "{a} and {b}");
            }
        }
        assert_eq!(deb("1.0", "1.0-0"), Ordering::Equal);
        assert_eq!(deb("1.01", "1.1"), Ordering::Equal);
    }

    #[test]
    fn rpm_versions_are_ordered_as_by_rpm() {
        let rising = [
            "1.0~rc1-1",
            "1.0-1.el8",
            "1.0-1.el9",
            "1.0-2.el8",
            "1.0^git1-1",
            "1.0.a-1",
            "1.0.1-1",
            "1.2-1",
            "1.10-1",
            "4.8.9-1.el7",
            "4.8.10-1.el7",
            "2:0.1-1",
        ];
        for (place, a) in rising.iter().enumerate() {
            for (other, b) in rising.iter().enumerate() {
                assert_eq!(rpm(a, b), place.cmp(&other), "{a} and {b}");
            }
        }
        assert_eq!(rpm("1.0-1", "1_0-01"), Ordering::Equal);
    }
}
