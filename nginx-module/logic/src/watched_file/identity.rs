//! Names of users and groups, for messages.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// User and group of this process.
pub(super) fn of_this_process() -> (String, String) {
    (name("/etc/passwd", rustix::process::geteuid().as_raw()), name("/etc/group", rustix::process::getegid().as_raw()))
}

/// Owner, group and mode of a file, if they can be seen.
pub(super) fn of_file(path: &Path) -> Option<String> {
    let metadata = path.metadata().ok()?;
    let (user, group) = (name("/etc/passwd", metadata.uid()), name("/etc/group", metadata.gid()));
    Some(format!("{user}:{group}, mode {:04o}", metadata.mode() & 0o7777))
}

/// The name that a file in the form of passwd(5) gives a number, else the number. Names that only a directory service knows
/// stay numbers: the message is right all the same, and nothing has to be loaded into NGINX for it.
fn name(file: &str, number: u32) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let number = number.to_string();
    let mut lines = text.lines().map(|line| line.split(':'));
    let found = lines.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    });
    found.unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_names_where_the_file_knows_one() {
        assert_eq!(name("/etc/passwd", 0), "root");
        assert_eq!(name("/etc/group", 0), "root");
        assert_eq!(name("/etc/passwd", 4_000_000_001), "4000000001");
        assert_eq!(name("/nonexistent", 7), "7");
    }
}
