//! rpms as rpm sees them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed fact")]

mod golden;
mod sample;
mod tools;

use std::fs;
use std::path::Path;

use formats::rpm_header::{Rpm, Tag, verify_digests};
use golden::assert_golden;
use packaging::distro::Compression;
use packaging::lifecycle::Unit;
use packaging::rpm::{self, NoSigner};
use sample::sample;
use tools::{run, try_run};

fn rpm_tool(arguments: &[&str]) -> String {
    run("rpm", "rpm", arguments)
}

fn written(distro: &str, folder: &Path) -> String {
    rpm::write(&sample(distro), folder, None::<NoSigner>).unwrap().path.to_str().unwrap().to_owned()
}

/// One line a value, for comparing with a golden file and with rpmbuild.
const FACTS: &str = "\
name %{NAME}\nversion %{VERSION}\nrelease %{RELEASE}\narch %{ARCH}\nos %{OS}\nsummary %{SUMMARY}\n\
description %{DESCRIPTION}\nlicence %{LICENSE}\nurl %{URL}\npackager %{PACKAGER}\ngroup %{GROUP}\n\
source %{SOURCERPM}\nbuild host %{BUILDHOST}\nbuild time %{BUILDTIME}\npayload %{PAYLOADFORMAT}\n\
[requires %{REQUIRENAME} %{REQUIREFLAGS:deptype} %{REQUIREFLAGS:depflags} %{REQUIREVERSION}\n]\
[provides %{PROVIDENAME} %{PROVIDEFLAGS:depflags} %{PROVIDEVERSION}\n]\
[conflicts %{CONFLICTNAME} %{CONFLICTFLAGS:depflags} %{CONFLICTVERSION}\n]\
[obsoletes %{OBSOLETENAME} %{OBSOLETEFLAGS:depflags} %{OBSOLETEVERSION}\n]\
[recommends %{RECOMMENDNAME}\n]\
[file %{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} flags:%{FILEFLAGS:fflags} to:%{FILELINKTOS} \
verify:%{FILEVERIFYFLAGS:hex} digest:%{FILEDIGESTS}\n]\
digest algorithm %{FILEDIGESTALGO}\n\
[changelog %{CHANGELOGTIME} %{CHANGELOGNAME}\n%{CHANGELOGTEXT}\n]";

fn facts(rpm: &str) -> String {
    rpm_tool(&["-qp", "--qf", FACTS, rpm])
}

/// What comes from this repository's own files changes with them.
fn without_digest_of_manifest(facts: &str) -> String {
    facts
        .lines()
        .map(|line| if line.contains("/manifest ") { line.split(" digest:").next().unwrap() } else { line })
        .flat_map(|line| [line, "\n"])
        .collect()
}

#[test]
fn every_tag_is_as_written_down() {
    let folder = tempfile::tempdir().unwrap();
    assert_golden("sample.el8.facts", &without_digest_of_manifest(&facts(&written("el8", folder.path()))));
}

#[test]
fn rpm_checks_every_digest_and_finds_all_right() {
    let folder = tempfile::tempdir().unwrap();
    for distro in ["el7", "el8", "el9"] {
        let said = rpm_tool(&["-K", "-v", &written(distro, folder.path())]);
        for digest in ["Header SHA256 digest", "Header SHA1 digest", "Payload SHA256 digest", "MD5 digest"] {
            assert!(said.contains(&format!("{digest}: OK")), "{said}");
        }
    }
}

#[test]
fn a_flipped_byte_is_found_by_rpm_and_by_us() {
    let folder = tempfile::tempdir().unwrap();
    let rpm = written("el7", folder.path());
    let mut bytes = fs::read(&rpm).unwrap();
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    fs::write(&rpm, &bytes).unwrap();
    assert!(!try_run("rpm", "rpm", &["-K", &rpm]).status.success());
    assert!(verify_digests(&mut bytes.as_slice()).is_err());
}

#[test]
fn defects_of_el7_payload_size_and_md5_are_present_and_right_with_gzip_and_xz() {
    let folder = tempfile::tempdir().unwrap();
    for compression in [Compression::Gzip, Compression::Xz] {
        let mut package = sample("el7");
        package.compression = compression;
        let path = rpm::write(&package, folder.path(), None::<NoSigner>).unwrap().path;
        let (rpm, checked) = verify_digests(&mut fs::read(&path).unwrap().as_slice()).unwrap();
        assert!(checked.md5 && checked.payload_size && checked.size && checked.sha1 && checked.sha256);
        let cpio = run("sh", "rpm2cpio", &["-c", &format!("rpm2cpio '{}' | wc -c", path.display())]);
        assert_eq!(rpm.signature.u32(Tag::SIG_PAYLOAD_SIZE).unwrap().unwrap().to_string(), cpio.trim());
        assert!(rpm.signature.entries().len() <= 32 && rpm.signature.store_len() <= 8192);
    }
}

#[test]
fn an_rpm_that_cannot_read_xz_is_told_before_it_unpacks() {
    let folder = tempfile::tempdir().unwrap();
    let needs = |distro| rpm_tool(&["-qp", "--requires", &written(distro, folder.path())]);
    let feature = "rpmlib(PayloadIsXz) <= 5.2-1\n";
    assert!(needs("el9").contains(feature));
    assert!(!needs("el8").contains(feature));
}

#[test]
fn the_signer_signs_the_main_header_as_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    let signer = |header: &[u8]| {
        seen = header.to_vec();
        Ok(vec![7; 566])
    };
    let path = rpm::write(&sample("el8"), folder.path(), Some(signer)).unwrap().path;
    let rpm = Rpm::read(&mut fs::read(path).unwrap().as_slice()).unwrap();
    assert_eq!(rpm.header.as_bytes(), seen);
    assert_eq!(rpm.signature.bin(Tag::SIG_RSA).unwrap(), Some(&[7; 566][..]));
}

/// A key pair of gpg, in a folder of its own.
struct Key(tempfile::TempDir);

impl Key {
    fn new() -> Self {
        let key = Self(tempfile::tempdir().unwrap());
        key.gpg(&["--passphrase", "", "--quick-generate-key", "test@node.example", "rsa4096", "sign", "never"]);
        key
    }

    fn gpg(&self, arguments: &[&str]) -> String {
        let home = self.0.path().to_str().unwrap();
        let always = ["--homedir", home, "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback"];
        run("gpg", "gnupg", &[&always[..], arguments].concat())
    }

    fn sign(&self, header: &[u8]) -> Vec<u8> {
        let (data, signature) = (self.0.path().join("header"), self.0.path().join("header.sig"));
        fs::write(&data, header).unwrap();
        let output = signature.to_str().unwrap();
        self.gpg(&["--digest-algo", "SHA256", "--output", output, "--detach-sign", data.to_str().unwrap()]);
        fs::read(signature).unwrap()
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // gpg leaves an agent behind, which would outlive the folder.
        let home = self.0.path().to_str().unwrap();
        try_run("gpgconf", "gnupg", &["--homedir", home, "--kill", "all"]);
    }
}

/// The argument that makes rpm work in an empty root which trusts `key`.
fn root_that_trusts(key: &Key, folder: &Path) -> String {
    let public = folder.join("key.asc");
    fs::write(&public, key.gpg(&["--armor", "--export"])).unwrap();
    let root = format!("--root={}", folder.join("root").display());
    rpm_tool(&[&root, "--import", public.to_str().unwrap()]);
    root
}

#[test]
fn rpm_accepts_the_signature_and_refuses_a_changed_header() {
    let (key, folder) = (Key::new(), tempfile::tempdir().unwrap());
    let rpm = rpm::write(&sample("el7"), folder.path(), Some(|header: &[u8]| Ok(key.sign(header)))).unwrap().path;
    let root = root_that_trusts(&key, folder.path());
    let said = rpm_tool(&[&root, "-K", "-v", rpm.to_str().unwrap()]);
    assert!(said.contains("Header V4 RSA/SHA256 Signature, key ID") && !said.contains("NOKEY"), "{said}");

    let mut bytes = fs::read(&rpm).unwrap();
    let summary = b"Sample of everything";
    let at = bytes.windows(summary.len()).position(|window| window == summary).unwrap();
    bytes[at] = b's';
    fs::write(&rpm, bytes).unwrap();
    assert!(!try_run("rpm", "rpm", &[&root, "-K", rpm.to_str().unwrap()]).status.success());
}

/// EL 9's rpm can be told to install nothing unsigned, and its cryptography to know neither MD5 nor SHA-1.
#[test]
fn the_strictest_rpm_installs_what_is_signed_and_needs_neither_md5_nor_sha1() {
    const NO_MD5_NO_SHA1: &str = "_pkgverify_flags 0x20100";
    let (key, folder) = (Key::new(), tempfile::tempdir().unwrap());
    let root = root_that_trusts(&key, folder.path());
    let arguments = [&root, "--define=_pkgverify_level all", "--define", NO_MD5_NO_SHA1, "-i", "--nodeps"];
    let install = |path: &str| try_run("rpm", "rpm", &[&arguments[..], &[path]].concat());

    let refused = install(&written("el9", folder.path()));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("does not verify: no signature"), "{said}");

    let signer = Some(|header: &[u8]| Ok(key.sign(header)));
    let signed = rpm::write(&sample("el9"), folder.path(), signer).unwrap().path;
    let installed = install(signed.to_str().unwrap());
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
}

#[test]
fn a_failing_signer_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let signer = |_: &[u8]| Err("the key has expired".into());
    let error = rpm::write(&sample("el8"), folder.path(), Some(signer)).unwrap_err().to_string();
    assert!(error.contains("the key has expired"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_same_package_gives_the_same_bytes() {
    let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    assert_eq!(fs::read(written("el8", one.path())).unwrap(), fs::read(written("el8", two.path())).unwrap());
}

#[test]
fn el7_is_spared_weak_dependencies_on_users() {
    let folder = tempfile::tempdir().unwrap();
    let rpm = fs::read(written("el7", folder.path())).unwrap();
    let rpm = Rpm::read(&mut rpm.as_slice()).unwrap();
    assert!(!rpm.header.contains(Tag::RECOMMEND_NAME));
}

#[test]
fn rpm_installs_keeps_an_edited_config_verifies_and_erases() {
    let (folder, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root_argument = format!("--root={}", root.path().display());
    // The root is empty: there is nothing to depend on, and no database of users.
    let rpm =
        |arguments: &[&str]| rpm_tool(&[&[root_argument.as_str(), "--dbpath=/var/lib/rpm"][..], arguments].concat());
    let settings = root.path().join("etc/default/wallarm-sample");
    rpm(&["-i", "--nodeps", &written("el8", folder.path())]);
    assert_eq!(fs::read_link(root.path().join("usr/bin/wallarm-again")).unwrap(), Path::new("wallarm-sample"));

    fs::write(&settings, "KEY=mine\n").unwrap();
    let mut newer = sample("el8");
    newer.version.upstream = "4.8.10".into();
    let newer = rpm::write(&newer, folder.path(), None::<NoSigner>).unwrap().path;
    rpm(&["-U", "--nodeps", newer.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(&settings).unwrap(), "KEY=mine\n");

    fs::write(root.path().join("usr/bin/wallarm-sample"), "changed").unwrap();
    let arguments =
        [&root_argument, "--dbpath=/var/lib/rpm", "-V", "--nodeps", "--nouser", "--nogroup", "wallarm-sample"];
    let said = String::from_utf8(try_run("rpm", "rpm", &arguments).stdout).unwrap();
    let changed: Vec<_> = said.lines().filter_map(|line| line.split_whitespace().last()).collect();
    assert_eq!(changed, ["/etc/default/wallarm-sample", "/usr/bin/wallarm-sample"]);

    rpm(&["-e", "--nodeps", "wallarm-sample"]);
    assert!(!root.path().join("usr/bin/wallarm-sample").exists());
    for folder in ["var/lib/wallarm-sample", "usr/share/wallarm-sample", "usr/share/doc/wallarm-sample"] {
        assert!(!root.path().join(folder).exists(), "{folder} was left behind");
    }
}

#[test]
fn systemd_is_installed_before_the_scripts_that_call_systemctl() {
    let folder = tempfile::tempdir().unwrap();
    let mut package = sample("el8");
    package.lifecycle.units.push(Unit { name: "wallarm-sample.service".into(), shipped: true });
    let path = rpm::write(&package, folder.path(), None::<NoSigner>).unwrap().path;
    let needs = rpm_tool(&["-qp", "--qf", "[%{REQUIRENAME} %{REQUIREFLAGS:deptype}\\n]", path.to_str().unwrap()]);
    assert!(needs.lines().any(|need| need == "systemd post,preun,postun"), "{needs}");
}
