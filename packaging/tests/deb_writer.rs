//! Debs as dpkg sees them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed fact")]

mod golden;
mod sample;
mod tools;

use std::fs;
use std::path::Path;

use golden::assert_golden;
use packaging::deb;
use packaging::distro::Compression;
use packaging::model::{Content, EntryKind};
use sample::sample;
use tools::{run, try_run};

fn dpkg_deb(arguments: &[&str]) -> String {
    run("dpkg-deb", "dpkg", arguments)
}

/// Writes the sample and gives its path as text.
fn written(folder: &Path) -> String {
    deb::write(&sample("jammy"), folder).unwrap().path.to_str().unwrap().to_owned()
}

#[test]
fn the_control_file_is_as_policy_orders_it() {
    let folder = tempfile::tempdir().unwrap();
    assert_golden("sample.control", &dpkg_deb(&["--info", &written(folder.path()), "control"]));
}

#[test]
fn the_contents_have_the_root_first_all_parents_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    // The size of the file that comes from this repository changes with it.
    let listing = dpkg_deb(&["--contents", &written(folder.path())]);
    let without_size = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        [&words[..2], &words[3..]].concat().join(" ") + "\n"
    };
    assert_golden("sample.contents", &listing.lines().map(without_size).collect::<String>());
}

#[test]
fn md5sums_agree_with_what_is_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let deb = written(folder.path());
    let (root, control) = (folder.path().join("root"), folder.path().join("control"));
    dpkg_deb(&["--extract", &deb, root.to_str().unwrap()]);
    dpkg_deb(&["--control", &deb, control.to_str().unwrap()]);
    let sums = fs::read_to_string(control.join("md5sums")).unwrap();
    assert_eq!(sums.lines().count(), 5);
    assert!(!sums.contains("./") && !sums.contains("etc/default"), "{sums}");
    let check = format!("cd '{}' && md5sum --check --strict -", root.display());
    run("sh", "dash", &["-c", &format!("{check} < '{}'", control.join("md5sums").display())]);
}

#[test]
fn installed_size_is_what_dpkg_gencontrol_would_say() {
    let folder = tempfile::tempdir().unwrap();
    let deb = written(folder.path());
    let root = folder.path().join("root");
    dpkg_deb(&["--extract", &deb, root.to_str().unwrap()]);
    let mut expected = 0;
    for entry in walkdir::WalkDir::new(&root) {
        let metadata = entry.unwrap().path().symlink_metadata().unwrap();
        expected += if metadata.is_file() { metadata.len().div_ceil(1024) } else { 1 };
    }
    assert_eq!(dpkg_deb(&["--field", &deb, "Installed-Size"]).trim(), expected.to_string());
}

#[test]
fn members_are_named_as_dpkg_names_them_and_owned_by_root() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::open(written(folder.path())).unwrap();
    let mut archive = formats::ar::Reader::new(file).unwrap();
    let mut names = Vec::new();
    while let Some(member) = archive.next_member().unwrap() {
        let header = member.header();
        assert_eq!((header.uid, header.gid, header.mode, header.mtime), (0, 0, 0o100_644, sample::EPOCH));
        names.push(header.name.clone());
    }
    assert_eq!(names, ["debian-binary", "control.tar.xz", "data.tar.xz"]);
}

#[test]
fn the_same_package_gives_the_same_bytes() {
    let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    assert_eq!(fs::read(written(one.path())).unwrap(), fs::read(written(two.path())).unwrap());
}

#[test]
fn a_gzip_deb_is_read_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut package = sample("jammy");
    package.compression = Compression::Gzip;
    let deb = deb::write(&package, folder.path()).unwrap().path;
    assert!(dpkg_deb(&["--contents", deb.to_str().unwrap()]).contains("./usr/bin/wallarm-sample"));
}

#[test]
fn a_file_below_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut package = sample("jammy");
    let entry = package.contents[&"/usr/bin/wallarm-sample".parse().unwrap()].clone();
    package.contents.insert("/usr/bin/wallarm-sample/below".parse().unwrap(), entry);
    let error = deb::write(&package, folder.path()).unwrap_err().to_string();
    assert!(error.ends_with("/usr/bin/wallarm-sample is not a directory"), "{error}");
}

#[test]
fn a_missing_source_leaves_no_file_and_names_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let mut package = sample("jammy");
    let entry = package.contents.get_mut(&"/usr/bin/wallarm-sample".parse().unwrap()).unwrap();
    entry.kind = EntryKind::File(Content::Path("/nowhere/wtarantool".into()));
    let error = deb::write(&package, folder.path()).unwrap_err().to_string();
    assert!(error.contains("content of /usr/bin/wallarm-sample"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// dpkg with a database and a file system of its own.
struct Root(tempfile::TempDir);

impl Root {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("var/lib/dpkg");
        fs::create_dir_all(database.join("info")).unwrap();
        fs::create_dir_all(database.join("updates")).unwrap();
        fs::write(database.join("status"), "").unwrap();
        Self(folder)
    }

    fn dpkg(&self, arguments: &[&str]) -> String {
        let root = format!("--root={}", self.0.path().display());
        let always = [&root, "--force-depends", "--force-not-root", "--log=/dev/null"];
        let output = try_run("dpkg", "dpkg", &[&always[..], arguments].concat());
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "dpkg {arguments:?}: {text}");
        text
    }

    fn path(&self, relative: &str) -> std::path::PathBuf {
        self.0.path().join(relative)
    }
}

#[test]
fn dpkg_installs_keeps_an_edited_conffile_removes_and_purges() {
    let (folder, root) = (tempfile::tempdir().unwrap(), Root::new());
    let settings = root.path("etc/default/wallarm-sample");
    root.dpkg(&["--install", &written(folder.path())]);
    assert_eq!(fs::read_link(root.path("usr/bin/wallarm-again")).unwrap(), Path::new("wallarm-sample"));
    assert_eq!(root.dpkg(&["--verify", "wallarm-sample"]), "");

    fs::write(&settings, "KEY=mine\n").unwrap();
    let mut newer = sample("jammy");
    newer.version.upstream = "4.8.10".into();
    let newer = deb::write(&newer, folder.path()).unwrap().path;
    root.dpkg(&["--install", newer.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(&settings).unwrap(), "KEY=mine\n");

    root.dpkg(&["--remove", "wallarm-sample"]);
    assert!(settings.exists() && !root.path("usr/bin/wallarm-sample").exists());
    root.dpkg(&["--purge", "wallarm-sample"]);
    assert!(!settings.exists());
}
