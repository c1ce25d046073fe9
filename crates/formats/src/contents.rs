//! `Contents` indexes: which packages have a file of this name.
//!
//! Format: <https://wiki.debian.org/DebianRepository/Format>, "Contents indices". A line is a path without a slash before
//! it, a blank or several, and the packages with commas between them, each with its section before it.
//!
//! A path may have blanks, so the last ones of a line end it. It is text of one line all the same: what other bytes a tar archive
//! can have as a name, no line can show, and [`path`] refuses.

use std::str;

/// Why the name of a file cannot stand in an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Debian Policy §10.10 wants UTF-8.
    #[error("it is not UTF-8")]
    Utf8,
    /// A line feed among them would begin a line of its own.
    #[error("it has a control character")]
    Control,
    /// Readers take blanks there for those around the path.
    #[error("it begins or ends with a blank")]
    Blank,
    /// A part is empty, `.` or `..`.
    #[error("it has an empty part, or one that is `.` or `..`")]
    Part,
}

/// The path of a file as an index has it, from its name in an archive: without `./` or a slash before it.
///
/// # Errors
/// See [`PathError`].
pub fn path(name: &[u8]) -> Result<&str, PathError> {
    let name = str::from_utf8(name).map_err(|_| PathError::Utf8)?;
    let path = name.strip_prefix('.').filter(|rest| rest.starts_with('/')).unwrap_or(name);
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.chars().any(char::is_control) {
        return Err(PathError::Control);
    }
    if path.trim() != path {
        return Err(PathError::Blank);
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(PathError::Part);
    }
    Ok(path)
}

/// A package as a line names it. A section that could not be told from the rest of the line is left out.
#[must_use]
pub fn package(section: Option<&str>, name: &str) -> String {
    let plain = |section: &&str| {
        let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
        section.split('/').all(|part| !part.is_empty() && part.bytes().all(of_name))
    };
    match section.filter(plain) {
        Some(section) => format!("{section}/{name}"),
        None => name.to_owned(),
    }
}

/// The name of a package that a line names.
#[must_use]
pub fn name_of(package: &str) -> &str {
    package.rsplit_once('/').map_or(package, |(_, name)| name)
}

/// A line is not a path and packages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a path, blanks, and packages with commas between them")]
pub struct LineError {
    /// Beginning of the line.
    pub text: String,
}

/// A file, and the packages that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its path, as [`path`] gives it.
    pub path: &'a str,
    /// The packages, as [`package`] gives them.
    pub packages: Vec<&'a str>,
}

impl<'a> Line<'a> {
    /// Reads a line, which is given without the line feed at its end.
    ///
    /// # Errors
    /// [`LineError`], also for a path that [`path`] refuses.
    pub fn parse(line: &'a str) -> Result<Self, LineError> {
        Self::split(line).ok_or_else(|| LineError { text: line.chars().take(80).collect() })
    }

    fn split(line: &'a str) -> Option<Self> {
        let (front, packages) = line.rsplit_once([' ', '\t'])?;
        let front = front.trim_end_matches([' ', '\t']);
        let packages: Vec<&str> = packages.split(',').collect();
        let sound = |package: &&str| !package.is_empty() && !package.contains(|c: char| c.is_control());
        let right = path(front.as_bytes()) == Ok(front) && packages.iter().all(sound);
        right.then_some(Self { path: front, packages })
    }

    /// Appends it with a line feed behind it.
    pub fn write(&self, out: &mut String) {
        out.push_str(self.path);
        for (number, package) in self.packages.iter().enumerate() {
            out.push(if number == 0 { ' ' } else { ',' });
            out.push_str(package);
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_is_what_follows_the_root() {
        for name in ["usr/bin/a b", "./usr/bin/a b", "/usr/bin/a b"] {
            assert_eq!(path(name.as_bytes()), Ok("usr/bin/a b"));
        }
        assert_eq!(path("./usr/share/größe".as_bytes()), Ok("usr/share/größe"));
        assert_eq!(path(b".hidden/.x"), Ok(".hidden/.x"));
    }

    #[test]
    fn a_name_that_no_line_can_show_is_refused() {
        for (name, error) in [
            (b"./usr/a\nbin/sh admin/evil".as_slice(), PathError::Control),
            (b"./usr/a\x1b[2J", PathError::Control),
            (b"./usr/\xff", PathError::Utf8),
            (b"./usr/../etc/passwd", PathError::Part),
            (b"./usr//a", PathError::Part),
            (b"//a", PathError::Part),
            (b"..", PathError::Part),
            (b"", PathError::Part),
            (b"./usr/a ", PathError::Blank),
            (b" usr/a", PathError::Blank),
        ] {
            assert_eq!(path(name), Err(error), "{}", name.escape_ascii());
        }
    }

    #[test]
    fn a_package_has_its_section_before_it_where_that_is_one() {
        assert_eq!(package(Some("web"), "a"), "web/a");
        assert_eq!(package(Some("contrib/web"), "a"), "contrib/web/a");
        for section in [None, Some(""), Some("a b"), Some("a,b"), Some("/web"), Some("web\t")] {
            assert_eq!(package(section, "a"), "a", "{section:?}");
        }
        assert_eq!(["web/a", "contrib/web/a", "a"].map(name_of), ["a"; 3]);
    }

    #[test]
    fn lines_of_other_programs_are_read_too() {
        let line = Line { path: "usr/bin/a b", packages: vec!["web/a", "b"] };
        for text in ["usr/bin/a b web/a,b", "usr/bin/a b        web/a,b", "usr/bin/a b\t\tweb/a,b"] {
            assert_eq!(Line::parse(text).as_ref(), Ok(&line));
        }
        for text in ["", "usr/bin/a", " web/a", "usr/bin/a web/a,", "usr/bin/a ", "./usr/bin/a web/a", "/usr web/a"] {
            assert!(Line::parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_line_is_read_as_written(names in proptest::collection::vec("\\PC{1,12}", 1..4), packages in proptest::collection::vec("([a-z]{1,4}/)?[a-z][a-z0-9+.-]{1,8}", 1..4)) {
            let name = names.join("/");
            let Ok(path) = path(name.as_bytes()) else { return Ok(()) };
            let line = Line { path, packages: packages.iter().map(String::as_str).collect() };
            let mut text = String::new();
            line.write(&mut text);
            prop_assert_eq!(text.pop(), Some('\n'));
            prop_assert_eq!(Line::parse(&text), Ok(line));
        }

        #[test]
        fn what_is_read_is_written_and_read_the_same(text in "(\\PC|[ \t/,.]){0,60}") {
            if let Ok(line) = Line::parse(&text) {
                let mut written = String::new();
                line.write(&mut written);
                prop_assert_eq!(Line::parse(written.trim_end_matches('\n')), Ok(line));
            }
        }
    }
}
