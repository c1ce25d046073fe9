//! The project's `CHANGELOG.md` as data: packages carry the same entries as changelog.Debian and as rpm's `%changelog`.
//!
//! The file follows "Keep a Changelog": a release is `## [4.8.9] - 2026-11-22`, a change is a `- ` bullet below it
//! whose text may go on in indented lines.

use crate::version::{Upstream, VersionError};

/// Why a changelog was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: {why}")]
pub struct ChangelogError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, and what is expected.
    pub why: String,
}

/// Releases, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changelog(pub Vec<Release>);

/// One released version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// What was released.
    pub version: Upstream,
    /// When.
    pub date: Date,
    /// What changed, one text a bullet.
    pub changes: Vec<String>,
}

/// A calendar day, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// For example 2026.
    pub year: u32,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
}

impl Changelog {
    /// Reads the Markdown; the section `[Unreleased]` is passed over.
    ///
    /// # Errors
    /// When a heading is no release or has no date, or when a bullet stands before the first heading.
    pub fn parse(markdown: &str) -> Result<Self, ChangelogError> {
        let mut releases: Vec<Release> = Vec::new();
        let mut unreleased = false;
        for (index, line) in markdown.lines().enumerate() {
            let error = |why: String| ChangelogError { line: index + 1, why };
            if let Some(heading) = line.strip_prefix("## ") {
                unreleased = heading == "[Unreleased]";
                if !unreleased {
                    releases.push(parse_heading(heading).map_err(error)?);
                }
            } else if !unreleased && let Some(release) = releases.last_mut() {
                if let Some(text) = line.strip_prefix("- ") {
                    release.changes.push(text.trim().to_owned());
                } else if let (Some(text), Some(last)) = (line.strip_prefix("  "), release.changes.last_mut()) {
                    last.push(' ');
                    last.push_str(text.trim());
                }
            }
        }
        Ok(Self(releases))
    }

    /// The file of Debian policy §12.7, for one package.
    pub fn to_debian(&self, package: &str, revision: &str, maintainer: &str) -> String {
        let mut text = String::new();
        for release in &self.0 {
            let changes: String = release.changes.iter().map(|change| fold_bullet(change)).collect();
            text += &format!(
                "{package} ({}-{revision}) stable; urgency=medium\n\n{changes}\n -- {maintainer}  {}\n\n",
                release.version,
                release.date.rfc5322(),
            );
        }
        text.truncate(text.trim_end().len());
        text + "\n"
    }
}

/// `  * text`, wrapped at 80 columns.
fn fold_bullet(text: &str) -> String {
    let mut lines = String::from("  *");
    let mut column = 3;
    for word in text.split_whitespace() {
        if column + 1 + word.len() > 80 {
            lines.push_str("\n   ");
            column = 3;
        }
        lines.push(' ');
        lines.push_str(word);
        column += 1 + word.len();
    }
    lines + "\n"
}

fn parse_heading(heading: &str) -> Result<Release, String> {
    let expected = || format!("`{heading}` is no release: write `[4.8.9] - 2026-11-22`");
    let (version, date) = heading.strip_prefix('[').and_then(|rest| rest.split_once("] - ")).ok_or_else(expected)?;
    let version = version.parse().map_err(|e: VersionError| e.to_string())?;
    Ok(Release { version, date: Date::parse(date).ok_or_else(expected)?, changes: Vec::new() })
}

impl Date {
    /// Reads `2026-11-22`; `None` for anything that is no day of the calendar.
    pub fn parse(text: &str) -> Option<Self> {
        let [year, month, day] = text.split('-').collect::<Vec<_>>()[..] else { return None };
        let date = Self { year: year.parse().ok()?, month: month.parse().ok()?, day: day.parse().ok()? };
        let leap = date.year.is_multiple_of(4) && (!date.year.is_multiple_of(100) || date.year.is_multiple_of(400));
        let days = match date.month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 => 28 + u32::from(leap),
            _ => return None,
        };
        (date.year >= 1970 && (1..=days).contains(&date.day)).then_some(date)
    }

    /// Days since 1970-01-01.
    pub fn days_since_epoch(self) -> u64 {
        // Years begin in March here, so that a leap day is a year's last (Howard Hinnant, "chrono-Compatible Low-Level
        // Date Algorithms").
        let year = u64::from(self.year) - u64::from(self.month <= 2);
        let month = u64::from((self.month + 9) % 12);
        let day_of_year = (153 * month + 2) / 5 + u64::from(self.day) - 1;
        year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
    }

    /// Noon UTC of that day, in Unix seconds, as rpm dates changelog entries.
    pub fn noon(self) -> u64 {
        self.days_since_epoch() * 86_400 + 43_200
    }

    /// `Sun, 22 Nov 2026 12:00:00 +0000` (RFC 5322 §3.3).
    pub fn rfc5322(self) -> String {
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let weekday = usize::try_from(self.days_since_epoch() % 7).unwrap_or_default();
        let month = usize::try_from(self.month - 1).unwrap_or_default();
        format!("{}, {:02} {} {} 12:00:00 +0000", DAYS[weekday], self.day, MONTHS[month], self.year)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "# Changelog\n\n## [Unreleased]\n\n- later\n\n## [4.8.9] - 2026-11-22\n\n### Added\n\n- One thing,\n  and its rest.\n- Two.\n\n## [4.8.8] - 2024-02-29\n\n- Old.\n";

    #[test]
    fn the_changelog_is_read_newest_first_without_the_unreleased() {
        let log = Changelog::parse(SAMPLE).unwrap();
        assert_eq!(log.0.iter().map(|r| r.version.to_string()).collect::<Vec<_>>(), ["4.8.9", "4.8.8"]);
        assert_eq!(log.0[0].changes, ["One thing, and its rest.", "Two."]);
    }

    #[test]
    fn debians_changelog_is_as_policy_has_it() {
        let log = Changelog::parse(SAMPLE).unwrap();
        assert_eq!(
            log.to_debian("wallarm-common", "1", "A B <a@b.example>"),
            "wallarm-common (4.8.9-1) stable; urgency=medium\n\n  * One thing, and its rest.\n  * Two.\n\n -- A B <a@b.example>  Sun, 22 Nov 2026 12:00:00 +0000\n\n\
             wallarm-common (4.8.8-1) stable; urgency=medium\n\n  * Old.\n\n -- A B <a@b.example>  Thu, 29 Feb 2024 12:00:00 +0000\n"
        );
    }

    #[test]
    fn a_heading_without_a_date_is_refused_with_its_line() {
        let error = Changelog::parse("# C\n\n## [4.8.9]\n").unwrap_err();
        assert_eq!(error.line, 3);
        assert!(Date::parse("2023-02-29").is_none() && Date::parse("2024-02-29").is_some());
    }

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        let days = |text| Date::parse(text).unwrap().days_since_epoch();
        assert_eq!((days("1970-01-01"), days("2000-03-01"), days("2026-11-22")), (0, 11_017, 20_779));
    }
}
