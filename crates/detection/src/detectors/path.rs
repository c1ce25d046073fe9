//! Path traversal: paths that climb out of a folder, and paths to the files of the system.
//!
//! A path is resolved as a file system would do it, and judged by where it leads. The same words inside of an application's own path
//! lead nowhere: `/docs/etc/readme` is clean.

use std::ops::Range;

use super::text::{find, is_one_of, range_of, starts_with, trimmed, words};
use crate::scan::Place;

/// The bytes of the path.
pub fn confirm(value: &[u8], place: Place) -> Option<Range<usize>> {
    let (start, path) = trimmed(value);
    let whole = range_of(start, path);
    match place {
        Place::Path => request_path(path).then_some(whole),
        Place::Uri | Place::RawBody | Place::FileContent => None,
        _ => pieces(path).into_iter().flatten().find_map(|(at, piece)| {
            let alone = at == 0 && piece.len() == path.len();
            leads_out(piece, alone, place).then(|| range_of(start + at, piece))
        }),
    }
}

/// The most bytes of a path: what Linux allows.
const PATH_LENGTH: usize = 4096;

/// The parts of a value that may be a path: all of it, what follows `=` or a scheme, and its last word when there are few.
fn pieces(value: &[u8]) -> [Option<(usize, &[u8])>; 3] {
    if value.len() > PATH_LENGTH {
        return [None; 3];
    }
    let behind = |at: usize| value.get(at..).map(|piece| (at, piece));
    let assigned =
        value.iter().position(|byte| matches!(byte, b'=' | b'|' | b',' | b'<')).and_then(|at| behind(at + 1));
    let few = words(value, 5) < 5;
    let last = value.iter().rposition(u8::is_ascii_whitespace).and_then(|at| behind(at + 1)).filter(|_| few);
    let spaced = value.contains(&b' ') && last.is_some() && !value.contains(&b'\\');
    [if spaced { None } else { Some((0, value)) }, assigned.filter(|_| few), last]
}

/// Whether the path of a request leads to a file of the system, or out of the root.
fn request_path(path: &[u8]) -> bool {
    let resolved = Resolved::of(path);
    resolved.climbs > 0
        || resolved.lowest < 0
        || resolved.hidden_climb
        || leads_to_system(path, &resolved)
        || is_private_file(path)
}

/// Whether a value is a path that leads out of where it should stay.
fn leads_out(piece: &[u8], alone: bool, place: Place) -> bool {
    let scheme = ["file://", "file:", "netdoc:", "jar:file:", "view-source:file:"]
        .iter()
        .find(|scheme| starts_with(piece, scheme.as_bytes()));
    let path = scheme.and_then(|scheme| piece.get(scheme.len()..)).unwrap_or(piece);
    let path = path.strip_prefix(b"localhost").unwrap_or(path);
    let resolved = Resolved::of(path);
    if leads_to_system(path, &resolved) {
        return true;
    }
    if scheme.is_some() && place != Place::BodyValue && path.starts_with(b"/") {
        return true;
    }
    if !alone {
        return resolved.lowest <= -3;
    }
    resolved.lowest <= -2
        || resolved.hidden_climb && resolved.lowest < 0
        || resolved.lowest < 0 && is_private_file(path)
}

/// What a path comes to.
#[derive(Debug, Default)]
struct Resolved {
    /// Where `..` leads to at the lowest, counted in folders from the start.
    lowest: i32,
    /// Folders from the start at the end.
    depth: i32,
    /// How many `..` it has that leave nothing behind.
    climbs: u32,
    /// One of its `..` is disguised: `....//`, `..;/`, `..\`.
    hidden_climb: bool,
    /// It begins with a slash or a drive.
    absolute: bool,
    /// Where the part begins that the last climb leads to.
    tail: usize,
}

impl Resolved {
    fn of(path: &[u8]) -> Self {
        let mut resolved =
            Self { absolute: path.first().is_some_and(|byte| is_slash(*byte)) || has_drive(path), ..Self::default() };
        let mut start = 0;
        for (end, byte) in path.iter().enumerate().chain([(path.len(), &b'/')]) {
            if !is_slash(*byte) {
                continue;
            }
            let part = path.get(start..end).unwrap_or_default();
            resolved.enter(part, *byte == b'\\' && end < path.len());
            start = end + 1;
            if is_climb(part) {
                resolved.tail = start;
            }
        }
        resolved
    }

    fn enter(&mut self, part: &[u8], backslash: bool) {
        match part {
            b"" | b"." => {}
            _ if is_climb(part) => {
                self.depth -= 1;
                self.lowest = self.lowest.min(self.depth);
                self.hidden_climb |= part != b".." || backslash;
                self.climbs += u32::from(self.depth < 0);
            }
            _ => self.depth += 1,
        }
    }
}

const fn is_slash(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

/// `..`, or what becomes of it in a careless filter or a server that knows path parameters.
fn is_climb(part: &[u8]) -> bool {
    let part = part.split(|byte| matches!(byte, b';' | 0)).next().unwrap_or(part);
    matches!(part, b".." | b"...." | b".. ")
}

fn has_drive(path: &[u8]) -> bool {
    matches!(path, [letter, b':', slash, ..] if letter.is_ascii_alphabetic() && is_slash(*slash))
}

/// The parts of a path without empty ones, `.` and what a NUL or a question mark cuts off.
fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = path.iter().position(|byte| matches!(byte, 0 | b'?' | b'#')).unwrap_or(path.len());
    path.get(..end).unwrap_or(path).split(|byte| is_slash(*byte)).filter(|part| !matches!(*part, b"" | b"."))
}

/// Whether a path, once resolved, is a file or folder of the system that no application offers.
fn leads_to_system(path: &[u8], resolved: &Resolved) -> bool {
    let tail = path.get(resolved.tail..).unwrap_or_default();
    let from_root = resolved.absolute && resolved.tail == 0
        || resolved.tail > 0 && (resolved.lowest < 0 || resolved.absolute && resolved.depth <= 4);
    from_root && is_system_path(tail)
}

/// Whether a path from the root leads to something secret.
fn is_system_path(path: &[u8]) -> bool {
    let path = if has_drive(path) { path.get(2..).unwrap_or_default() } else { path };
    let mut parts = parts(path);
    let first = parts.next().unwrap_or_default();
    let second = parts.next().unwrap_or_default();
    let third = parts.next();
    let last = third.into_iter().chain(parts).last();
    if is_one_of(first, &["etc"]) {
        return is_etc_file(second, last);
    }
    if is_one_of(first, &["proc"]) {
        let process =
            is_one_of(second, &["self", "thread-self"]) || !second.is_empty() && second.iter().all(u8::is_ascii_digit);
        return process && third.is_some()
            || is_one_of(
                second,
                &["version", "cmdline", "mounts", "cpuinfo", "net", "sched_debug", "environ", "kcore"],
            );
    }
    if is_one_of(first, &["windows", "winnt"]) {
        return is_one_of(
            second,
            &[
                "win.ini",
                "system32",
                "system.ini",
                "repair",
                "debug",
                "panther",
                "system",
                "php.ini",
                "temp",
                "explorer.exe",
                "iis.log",
            ],
        );
    }
    if is_one_of(first, &["var"]) {
        return is_one_of(second, &["log"]) && third.is_some()
            || is_one_of(second, &["run", "lib"])
                && third.is_some_and(|name| is_one_of(name, &["secrets", "docker.sock", "mysql", "dpkg", "mlocate"]));
    }
    let secret_name = |name: &[u8]| {
        is_one_of(
            name,
            &[
                ".ssh",
                ".bash_history",
                ".bashrc",
                ".aws",
                ".mysql_history",
                ".profile",
                ".netrc",
                ".kube",
                "id_rsa",
                ".my.cnf",
            ],
        )
    };
    if is_one_of(first, &["root"]) {
        return secret_name(second);
    }
    if is_one_of(first, &["home", "users"]) {
        return third.is_some_and(secret_name);
    }
    let windows = is_one_of(first, &["boot.ini", "autoexec.bat", "inetpub", "pagefile.sys", "ntldr"]);
    let unix = is_one_of(first, &["dev"])
        && is_one_of(second, &["tcp", "random", "urandom", "zero", "null", "mem", "kmem", "fd", "stdin"]);
    let programs = is_one_of(first, &["bin", "sbin"])
        && is_one_of(second, &["sh", "bash", "cat", "ls", "id", "nc", "ping", "uname", "dash", "zsh"]);
    let usr = is_one_of(first, &["usr"]) && is_one_of(second, &["bin", "sbin", "local"]) && last.is_some();
    let run = is_one_of(first, &["run", "sys"])
        && is_one_of(second, &["secrets", "class", "kernel", "docker.sock", "firmware"]);
    windows || unix || programs || usr && resolved_config(last) || run
}

/// Whether the last part of a path below `/usr` is a configuration or a log.
fn resolved_config(last: Option<&[u8]>) -> bool {
    last.is_some_and(|name| {
        name.ends_with(b".conf") || name.ends_with(b".ini") || name.ends_with(b".log") || name.ends_with(b"_log")
    })
}

/// Files below `/etc` that tell something, by name; an application may well have pages below `/etc` of its own.
fn is_etc_file(second: &[u8], last: Option<&[u8]>) -> bool {
    const FILES: &[&str] = &[
        "passwd",
        "shadow",
        "group",
        "gshadow",
        "hosts",
        "issue",
        "fstab",
        "crontab",
        "sudoers",
        "hostname",
        "resolv.conf",
        "passwd-",
        "shadow-",
        "motd",
        "mtab",
        "profile",
        "environment",
        "my.cnf",
        "redhat-release",
        "debian_version",
        "os-release",
        "lsb-release",
        "master.passwd",
        "httpd.conf",
        "php.ini",
        "nginx.conf",
        "exports",
        "services",
        "inittab",
        "networks",
        "security",
        "krb5.conf",
        "ld.so.conf",
    ];
    const FOLDERS: &[&str] = &[
        "apache2",
        "apache",
        "httpd",
        "nginx",
        "ssh",
        "mysql",
        "php",
        "php5",
        "ssl",
        "cron.d",
        "init.d",
        "sysconfig",
        "security",
        "network",
        "pki",
        "kubernetes",
        "redis",
        "tomcat",
        "samba",
        "ldap",
        "openvpn",
        "pam.d",
        "sudoers.d",
        "letsencrypt",
        "wireguard",
        "postgresql",
        "default",
        "phpmyadmin",
        "lighttpd",
        "proftpd",
        "vsftpd",
        "snmp",
        "sysctl.d",
        "alternatives",
        "postfix",
        "docker",
    ];
    let name =
        second.split(|byte| matches!(byte, b'%' | b'&' | b':' | b';' | b' ' | b'\'' | b'"')).next().unwrap_or(second);
    is_one_of(name, FILES) || is_one_of(second, FOLDERS) && last.is_some()
}

/// Whether a path ends in a file that a web server keeps for itself.
fn is_private_file(path: &[u8]) -> bool {
    const NAMES: &[&str] = &[
        ".env",
        ".htaccess",
        ".htpasswd",
        "web.config",
        "wp-config.php",
        ".bash_history",
        ".npmrc",
        ".pgpass",
        "id_rsa",
        ".netrc",
        "config.php",
        "database.yml",
        "settings.py",
        "configuration.php",
        "win.ini",
        "boot.ini",
        "passwd",
        "shadow",
        "secrets.yml",
        "credentials",
        "web.xml",
        ".mysql_history",
        "php.ini",
        "access.log",
        "error.log",
        "httpd.conf",
        "local.xml",
        "wp-config.php.bak",
        "config.inc.php",
        ".env.local",
        ".env.production",
        ".env.bak",
        "localsettings.php",
        "settings.local.php",
        "parameters.yml",
        "master.key",
    ];
    const OFFERED: &[&str] = &[
        "config.php",
        "settings.py",
        "credentials",
        "web.xml",
        "passwd",
        "shadow",
        "access.log",
        "error.log",
        "local.xml",
    ];
    const FOLDERS: &[&str] =
        &[".git", ".svn", ".hg", ".ssh", ".aws", "web-inf", "meta-inf", ".bzr", ".kube", ".docker"];
    let climbs = find(path, b"..", 0).is_some();
    let mut last: &[u8] = b"";
    let mut folder = false;
    for part in parts(path) {
        folder |= is_one_of(last, FOLDERS);
        last = part;
    }
    let named = is_one_of(last, NAMES) && (climbs || !is_one_of(last, OFFERED));
    named || folder && last != b"wiki"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_attack(value: &str, place: Place) -> bool {
        confirm(value.as_bytes(), place).is_some()
    }

    #[test]
    fn paths_that_climb_or_lead_to_the_system_are_attacks() {
        for attack in [
            "../../etc/passwd",
            "/etc/passwd",
            "....//....//etc/passwd",
            "..\\..\\windows\\win.ini",
            "C:\\Windows\\win.ini",
            "file:///etc/passwd",
            "/var/www/images/../../../etc/passwd",
            "/etc/passwd\0.png",
            "/proc/self/environ",
            "//etc//./passwd",
            "../.env",
            "..;/..;/manager",
            "x=../../../boot.ini",
        ] {
            assert!(is_attack(attack, Place::QueryValue), "{attack}");
        }
        for attack in [
            "/etc/passwd",
            "/a/../../b",
            "/.git/config",
            "/static/..;/manager",
            "/.env",
            "/WEB-INF/web.xml",
            "/x/..\\..\\y",
        ] {
            assert!(is_attack(attack, Place::Path), "{attack}");
        }
    }

    #[test]
    fn paths_of_applications_and_of_users_are_clean() {
        for clean in [
            "/docs/etc/readme",
            "../images/logo.png",
            "C:\\Users\\me\\Documents\\report.docx",
            "/home/me/file.txt",
            "wait... what",
            "See /etc/nginx/nginx.conf for the details of the server, and /etc/hosts for the names.",
            "a/../b",
            "and/or",
            "etc/passwd changes",
            "1..10",
        ] {
            assert!(!is_attack(clean, Place::QueryValue), "{clean}");
        }
        for clean in ["/docs/etc/readme", "/a/./b", "/etc", "/blog/etc/passwd-managers", "/a/b/../c", "/config.php"] {
            assert!(!is_attack(clean, Place::Path), "{clean}");
        }
    }
}
