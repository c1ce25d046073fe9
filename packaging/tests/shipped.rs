//! Facts about the packages of this repository, for every distro of the matrix.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap in a test is a failed fact")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use packaging::changelog::Changelog;
use packaging::distro::{Distro, Format, Matrix};
use packaging::lint::{self, Exceptions, Tool};
use packaging::manifest::Manifest;
use packaging::model::{Content, EntryKind, Package, Role};
use packaging::modules::Module;
use packaging::names::Arch;
use packaging::nginx::{Build, Builds};
use packaging::project::Project;
use packaging::resolve::{Inputs, Release, resolve};
use packaging::scripts;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn matrix() -> Matrix {
    Matrix::load(&Path::new(ROOT).join("distros.toml")).unwrap()
}

fn manifest(name: &str) -> Manifest {
    Manifest::load(&Path::new(ROOT).join("packages").join(name).join("package.toml")).unwrap()
}

fn release() -> Release {
    let changelog = std::fs::read_to_string(Path::new(ROOT).join("../CHANGELOG.md")).unwrap();
    Release {
        project: Project::load(&Path::new(ROOT).join("project.toml")).unwrap(),
        upstream: "4.8.9".parse().unwrap(),
        revision: 1,
        changelog: Changelog::parse(&changelog).unwrap(),
        epoch: 1_700_000_000,
    }
}

fn builds() -> Builds {
    Builds::load(&Path::new(ROOT).join("nginx.toml"), &matrix()).unwrap()
}

/// This test program stands in for the server and for every module: it is an ELF file that needs a C library.
fn inputs() -> Inputs {
    let mut inputs = Inputs::default();
    let program = std::env::current_exe().unwrap();
    let module = |build: &Build| Module { build: build.clone(), arch: Arch::X86_64, path: program.clone() };
    inputs.modules = builds().iter().map(module).collect();
    inputs.binaries.insert(("wtarantool".to_owned(), Arch::X86_64), program);
    for asset in
        ["signing-key.asc", "signing-keys.gpg", "third-party-licences", "module-third-party-licences", "proton.db"]
    {
        inputs.assets.insert(asset.to_owned(), asset.as_bytes().to_vec());
    }
    inputs
}

/// The newest C library there is, so that a binary of the building machine fits everywhere.
fn roomy(distro: &Distro) -> Distro {
    Distro { glibc: "2.99".parse().unwrap(), ..distro.clone() }
}

fn package(name: &str, distro: &str) -> Package {
    let distro = roomy(matrix().get(distro).unwrap());
    resolve(&manifest(name), &release(), &distro, &inputs()).unwrap().remove(0)
}

fn paths(package: &Package) -> BTreeSet<&str> {
    package.contents.keys().map(packaging::names::InstallPath::as_str).collect()
}

#[test]
fn every_package_resolves_for_every_distro() {
    let manifests = Manifest::load_all(&Path::new(ROOT).join("packages")).unwrap();
    assert_eq!(
        manifests.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(),
        [
            "libnginx-mod-http-wallarm",
            "nginx-mod-http-wallarm",
            "nginx-module-wallarm",
            "nginx-plus-module-wallarm",
            "wallarm-archive-keyring",
            "wallarm-common",
            "wallarm-monitoring",
            "wallarm-node",
            "wallarm-node-nginx",
            "wallarm-node-repo",
            "wallarm-node-tarantool",
            "wallarm-tarantool",
        ]
    );
    let builds = builds();
    for distro in matrix().iter().map(roomy) {
        for manifest in &manifests {
            let packages = resolve(manifest, &release(), &distro, &inputs()).unwrap();
            let has_nginx = manifest.nginx.is_none_or(|flavour| !builds.of(flavour, &distro.id).is_empty());
            let expected = usize::from(manifest.formats.contains(&distro.format()) && has_nginx);
            assert_eq!(packages.len(), expected, "{} for {}", manifest.name, distro.id);
        }
    }
}

#[test]
fn settings_are_in_etc_default_on_debian_and_in_etc_sysconfig_on_el() {
    for distro in matrix().iter() {
        let package = package("wallarm-tarantool", distro.id.as_str());
        let expected = match distro.format() {
            Format::Deb => "/etc/default/wallarm-tarantool",
            Format::Rpm => "/etc/sysconfig/wallarm-tarantool",
        };
        let entry = package.contents.iter().find(|(path, _)| path.as_str() == expected);
        let (_, entry) = entry.unwrap_or_else(|| panic!("{}: no {expected}", distro.id));
        assert_eq!((entry.role, entry.mode), (Role::Config, 0o644), "{}", distro.id);
    }
}

/// The fragment `file` of a package, which must be a conffile in the folder of the distro.
fn fragment(name: &str, distro: &Distro, file: &str) -> String {
    let package = package(name, distro.id.as_str());
    let folder = match distro.format() {
        Format::Deb => "/etc/collectd/wallarm-collectd.conf.d",
        Format::Rpm => "/etc/wallarm-collectd.d",
    };
    let entry = |path: &str| package.contents.iter().find(|(at, _)| at.as_str() == path).unwrap().1;
    assert!(matches!(entry(folder).kind, EntryKind::Directory), "{name} for {}", distro.id);
    let fragment = entry(&format!("{folder}/{file}"));
    assert_eq!((fragment.role, fragment.mode), (Role::Config, 0o644), "{name} for {}", distro.id);
    let EntryKind::File(content) = &fragment.kind else { panic!("{:?}", fragment.kind) };
    let text = String::from_utf8(content.read().unwrap()).unwrap();
    assert!(text.contains(&format!("Include \"{folder}/*.conf\"")), "{text}");
    text
}

#[test]
fn collectds_fragments_are_conffiles_in_the_folder_of_their_system_and_have_the_documented_keys() {
    for distro in matrix().iter() {
        let text = fragment("wallarm-tarantool", distro, "wallarm-tarantool.conf");
        assert!(text.contains("Host \"127.0.0.1\"") && text.contains("Port \"3313\""), "{text}");
    }
    for (name, distro) in [
        ("libnginx-mod-http-wallarm", "bookworm"),
        ("nginx-mod-http-wallarm", "el8"),
        ("nginx-module-wallarm", "jammy"),
        ("nginx-plus-module-wallarm", "el7"),
    ] {
        let text = fragment(name, matrix().get(distro).unwrap(), "nginx-wallarm.conf");
        assert!(text.contains("<URL \"http://127.0.0.8/wallarm-status\">"), "{text}");
    }
}

/// `wallarm-node-nginx` recommends it: a server that came along would take memory on every filtering node.
#[test]
fn the_checks_are_where_they_are_documented_and_bring_no_server_along() {
    for distro in matrix().iter() {
        let package = package("wallarm-monitoring", distro.id.as_str());
        for name in ["check_wallarm_tarantool_timeframe", "check_wallarm_export_delay", "check_wallarm_export_drops"] {
            let path = format!("/usr/lib/nagios/plugins/{name}");
            let entry = package.contents.iter().find(|(at, _)| at.as_str() == path);
            let (_, entry) = entry.unwrap_or_else(|| panic!("{path} for {}", distro.id));
            assert_eq!((entry.mode, entry.owner.as_str()), (0o755, "root"), "{path} for {}", distro.id);
            let EntryKind::File(content) = &entry.kind else { panic!("{path} is no file") };
            assert_shell(&String::from_utf8(content.read().unwrap()).unwrap());
        }
        assert!(package.relations.depends.is_empty() && package.relations.recommends.is_empty(), "{}", distro.id);
        let suggests: Vec<String> = package.relations.suggests.iter().map(ToString::to_string).collect();
        let expected = if distro.weak { vec!["wallarm-tarantool"] } else { Vec::new() };
        assert_eq!(suggests, expected, "{}", distro.id);
    }
}

/// The documented commands install without recommended packages.
#[test]
fn whoever_installs_an_umbrella_on_debian_gets_the_keyring_and_nobody_on_el_misses_it() {
    for umbrella in ["wallarm-node-tarantool", "wallarm-node-nginx"] {
        for distro in matrix().iter() {
            let package = package(umbrella, distro.id.as_str());
            let needs = package.relations.depends.iter().any(|need| need.first.name == "wallarm-archive-keyring");
            assert_eq!(needs, distro.format() == Format::Deb, "{umbrella} for {}", distro.id);
        }
    }
}

#[test]
fn the_keyring_is_where_both_kinds_of_source_lines_look_and_touches_no_file_of_the_documented_commands() {
    let package = package("wallarm-archive-keyring", "bookworm");
    let keys = |path: &str| {
        let entry = package.contents.iter().find(|(at, _)| at.as_str() == path).unwrap().1;
        let EntryKind::File(content) = &entry.kind else { panic!("{path} is no file") };
        (content.read().unwrap(), entry.mode, entry.role)
    };
    let asset = b"signing-keys.gpg".to_vec();
    assert_eq!(keys("/usr/share/keyrings/wallarm-archive-keyring.gpg"), (asset.clone(), 0o644, Role::Plain));
    assert_eq!(keys("/etc/apt/trusted.gpg.d/wallarm-archive-keyring.gpg"), (asset, 0o644, Role::Config));
    let documented = ["/etc/apt/trusted.gpg.d/wallarm.gpg", "/etc/apt/trusted.gpg"];
    assert!(documented.iter().all(|path| !paths(&package).contains(path)));
}

/// In a key rotation it brings the new key, which reaches machines only in a newer package.
#[test]
fn the_package_that_brings_the_yum_repository_is_newer_with_each_packing() {
    let version = |revision| {
        let release = Release { revision, ..release() };
        let distro = matrix().get("el8").unwrap().clone();
        resolve(&manifest("wallarm-node-repo"), &release, &distro, &inputs()).unwrap().remove(0).version.to_string()
    };
    assert_eq!([1, 2, 3].map(version), ["4.8-0.el8", "4.8-1.el8", "4.8-2.el8"]);
}

/// Scanners read them in place: not compressed, with the endings that they look for.
#[test]
fn every_package_brings_its_bill_of_materials_in_both_formats() {
    let manifests = Manifest::load_all(&Path::new(ROOT).join("packages")).unwrap();
    for distro in matrix().iter().map(roomy) {
        for package in manifests.iter().flat_map(|one| resolve(one, &release(), &distro, &inputs()).unwrap()) {
            for ending in ["cdx.json", "spdx.json"] {
                let path = format!("/usr/share/doc/{}/sbom.{ending}", package.name);
                let entry = package.contents.iter().find(|(at, _)| at.as_str() == path);
                let (_, entry) = entry.unwrap_or_else(|| panic!("{path} for {}", distro.id));
                let EntryKind::File(content) = &entry.kind else { panic!("{path} is no file") };
                let text = String::from_utf8(content.read().unwrap()).unwrap();
                assert!(text.contains(&format!("/{}@{}", package.name, package.version)), "{path}: {text}");
            }
        }
    }
}

#[test]
fn a_module_package_names_what_is_linked_into_it_and_every_nginx_that_it_is_built_for() {
    let mut inputs = inputs();
    let crates = |name: &str| packaging::sbom::Component {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        licence: None,
        sha256: None,
        ecosystem: "cargo",
        needs: Vec::new(),
    };
    inputs.linked_into_modules = vec![crates("in-the-module")];
    inputs.linked.insert("wtarantool".to_owned(), vec![crates("in-the-server")]);
    let bill = |name: &str| {
        let distro = roomy(matrix().get("bookworm").unwrap());
        let package = resolve(&manifest(name), &release(), &distro, &inputs).unwrap().remove(0);
        let path = format!("/usr/share/doc/{name}/sbom.cdx.json");
        let (_, entry) = package.contents.iter().find(|(at, _)| at.as_str() == path).unwrap();
        let EntryKind::File(content) = &entry.kind else { panic!("{path} is no file") };
        String::from_utf8(content.read().unwrap()).unwrap()
    };
    let module = bill("libnginx-mod-http-wallarm");
    assert!(
        module.contains("pkg:cargo/in-the-module@1.0.0") && module.contains("pkg:generic/nginx@1.22.1"),
        "{module}"
    );
    assert!(!module.contains("in-the-server"));
    let server = bill("wallarm-tarantool");
    assert!(server.contains("pkg:cargo/in-the-server@1.0.0") && !server.contains("in-the-module"), "{server}");
    assert!(!bill("wallarm-common").contains("pkg:cargo"));
}

#[test]
fn the_unit_reads_the_settings_of_its_own_system() {
    for (distro, settings, folder) in
        [("jammy", "/etc/default", "/lib/systemd/system"), ("el7", "/etc/sysconfig", "/usr/lib/systemd/system")]
    {
        let package = package("wallarm-tarantool", distro);
        let unit = format!("{folder}/wallarm-tarantool.service");
        let (_, entry) = package.contents.iter().find(|(path, _)| path.as_str() == unit).unwrap();
        let EntryKind::File(Content::Bytes(text)) = &entry.kind else { panic!("{:?}", entry.kind) };
        let text = String::from_utf8(text.clone()).unwrap();
        assert!(text.contains(&format!("--settings {settings}/wallarm-tarantool\n")), "{text}");
    }
}

#[test]
fn el7_has_no_weak_dependencies_since_its_rpm_ignores_them() {
    assert!(package("wallarm-node-tarantool", "el7").relations.recommends.is_empty());
    assert_eq!(package("wallarm-node-tarantool", "el8").relations.recommends.len(), 2);
}

#[test]
fn the_umbrella_depends_on_what_the_documented_steps_need() {
    for distro in ["jammy", "el8"] {
        let package = package("wallarm-node-tarantool", distro);
        let depends: Vec<_> = package.relations.depends.iter().map(ToString::to_string).collect();
        let expected = match distro {
            "el8" => ["wallarm-tarantool (>= 4.8.9-1.el8)", "wallarm-common (>= 4.8)", "crontabs"].as_slice(),
            _ => &[
                "wallarm-tarantool (>= 4.8.9-1)",
                "wallarm-common (>= 4.8)",
                "cron",
                "wallarm-archive-keyring (>= 4.8.9-1)",
            ],
        };
        assert_eq!(depends, expected, "{distro}");
    }
}

#[test]
fn the_repository_package_is_4_8_0_and_names_no_release_variable() {
    for (distro, release) in [("el7", "7"), ("el8", "8"), ("el9", "9")] {
        let package = package("wallarm-node-repo", distro);
        assert_eq!(package.version.to_string(), format!("4.8-0.el{release}"));
        let (_, entry) =
            package.contents.iter().find(|(path, _)| path.as_str() == "/etc/yum.repos.d/wallarm-node.repo").unwrap();
        let EntryKind::File(Content::Bytes(text)) = &entry.kind else { panic!("{:?}", entry.kind) };
        let text = String::from_utf8(text.clone()).unwrap();
        assert!(text.contains(&format!("/centos/wallarm-node/{release}/4.8/x86_64/\n")), "{text}");
        assert!(!text.contains("$releasever"), "{text}");
        assert!(paths(&package).contains("/etc/pki/rpm-gpg/RPM-GPG-KEY-wallarm"));
    }
}

#[test]
fn both_formats_install_the_same_files() {
    let strip = |path: &str| {
        let path = path.replace("/etc/sysconfig/", "/etc/default/");
        let path = path.replace("/etc/wallarm-collectd.d", "/etc/collectd/wallarm-collectd.conf.d");
        path.strip_prefix("/usr/lib/systemd").map_or(path.clone(), |rest| format!("/lib/systemd{rest}"))
    };
    for name in ["wallarm-common", "wallarm-tarantool", "wallarm-node-tarantool", "wallarm-monitoring"] {
        let [deb, rpm] = ["jammy", "el8"].map(|distro| package(name, distro));
        // rpm carries its changelog in the header.
        let deb: BTreeSet<_> =
            paths(&deb).into_iter().filter(|path| !path.ends_with("changelog.Debian.gz")).map(strip).collect();
        let rpm: BTreeSet<_> = paths(&rpm).into_iter().map(strip).collect();
        assert_eq!(deb, rpm, "{name}");
    }
}

/// Compares with a golden file; `UPDATE_GOLDEN=1` writes it.
fn assert_golden(name: &str, found: &str) {
    let path = Path::new(ROOT).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, golden, "{name} has changed: look at it, then run the test with UPDATE_GOLDEN=1");
}

#[test]
fn dpkgs_maintainer_scripts_are_these() {
    let jammy = ["wallarm-common", "wallarm-tarantool", "wallarm-node-tarantool"].map(|name| (name, "jammy"));
    for (name, distro) in
        jammy.into_iter().chain([("libnginx-mod-http-wallarm", "bookworm"), ("nginx-module-wallarm", "jammy")])
    {
        let package = package(name, distro);
        let scripts = scripts::debian(&package.name, &package.lifecycle);
        for (kind, text) in [
            ("preinst", scripts.preinst),
            ("postinst", scripts.postinst),
            ("prerm", scripts.prerm),
            ("postrm", scripts.postrm),
        ] {
            if let Some(text) = text {
                assert_golden(&format!("{name}.{kind}"), &text);
                assert_shell(&text);
            }
        }
    }
}

#[test]
fn rpms_scriptlets_are_these() {
    for name in ["wallarm-common", "wallarm-tarantool", "wallarm-node-tarantool", "nginx-mod-http-wallarm"] {
        let package = package(name, "el7");
        let scripts = scripts::rpm(&package.name, &package.lifecycle);
        let parts = [
            ("pre", scripts.pre),
            ("post", scripts.post),
            ("preun", scripts.preun),
            ("postun", scripts.postun),
            ("triggerin", scripts.trigger_in),
        ];
        for (kind, text) in parts {
            if let Some(text) = text {
                assert_golden(&format!("{name}.rpm-{kind}"), &text);
                assert_shell(&text);
            }
        }
    }
}

/// `sh -n`: every script is at least a script.
fn assert_shell(text: &str) {
    use std::io::Write as _;
    let mut shell = std::process::Command::new("sh").arg("-n").stdin(std::process::Stdio::piped()).spawn().unwrap();
    shell.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success(), "{text}");
}

/// A package folder made for one test.
fn broken(name: &str, toml: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name).join("package.toml");
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    std::fs::write(&path, toml).unwrap();
    (folder, path)
}

const HEAD: &str =
    "name = \"x-y\"\nsummary = \"s\"\ndescription = \"d\"\nsection = \"net\"\narchitecture = \"independent\"\n";

#[test]
fn an_unknown_key_is_refused_with_file_and_line() {
    let (_folder, path) = broken("x-y", &format!("{HEAD}colour = \"red\"\n"));
    let error = Manifest::load(&path).unwrap_err().to_string();
    assert!(error.contains("x-y/package.toml") && error.contains("line 6") && error.contains("colour"), "{error}");
}

#[test]
fn a_folder_of_another_name_is_refused() {
    let (_folder, path) = broken("other", HEAD);
    let error = Manifest::load(&path).unwrap_err().to_string();
    assert!(error.contains("the package is called `x-y`, but its folder is not"), "{error}");
}

#[test]
fn what_cannot_be_resolved_is_refused_by_name() {
    let cases = [
        ("[[file]]\nfrom = \"gone\"\nto = \"/usr/x\"\n", "gone for /usr/x: No such file"),
        (
            "[[file]]\nasset = \"gone\"\nto = \"/usr/x\"\n",
            "asset `gone` was not handed over; at hand: module-third-party-licences, proton.db, signing-key.asc, signing-keys.gpg, third-party-licences",
        ),
        ("[[file]]\nbinary = \"wtarantool\"\nto = \"/usr/x\"\n", "architecture = \"independent\""),
        ("[[file]]\nto = \"/usr/x\"\n", "exactly one of `from`, `binary` and `asset`"),
        ("[[file]]\nasset = \"signing-key.asc\"\nto = \"usr/x\"\n", "is no installed path"),
        ("[[file]]\nasset = \"signing-key.asc\"\nto = \"/usr/${nope}\"\n", "unknown variable `${nope}`"),
        ("[[file]]\nasset = \"signing-key.asc\"\nto = \"/usr/x\"\nconfig = true\n", "belongs below /etc"),
        ("[[directory]]\npath = \"/usr/x\"\n[[directory]]\npath = \"/usr/x\"\n", "/usr/x is installed twice"),
        ("[relations]\ndepends = [\"@nope\"]\n", "relation `@nope`"),
        ("[relations]\ndepends = [\"Bad Name\"]\n", "is no relation"),
    ];
    for (toml, expected) in cases {
        let (_folder, path) = broken("x-y", &format!("{HEAD}{toml}"));
        let manifest = Manifest::load(&path).unwrap();
        let error = resolve(&manifest, &release(), matrix().get("jammy").unwrap(), &inputs()).unwrap_err().to_string();
        assert!(error.starts_with("package x-y for jammy: "), "{error}");
        assert!(error.contains(expected), "expected `{expected}` in `{error}`");
    }
}

#[test]
fn a_wrong_mode_is_refused() {
    let (_folder, path) = broken("x-y", &format!("{HEAD}[[directory]]\npath = \"/usr/x\"\nmode = \"999\"\n"));
    let error = Manifest::load(&path).unwrap_err().to_string();
    assert!(error.contains("is no file mode: write four octal digits"), "{error}");
}

#[test]
fn no_package_has_a_finding_but_those_that_are_explained() {
    let exceptions = Exceptions::load(&Path::new(ROOT).join("lint-exceptions.toml")).unwrap();
    let manifests = Manifest::load_all(&Path::new(ROOT).join("packages")).unwrap();
    // A small program stands in for binaries; it is bound late, as no binary of ours is.
    let mut inputs = inputs();
    let shell = PathBuf::from("/bin/sh").canonicalize().unwrap();
    inputs.modules.iter_mut().for_each(|module| module.path.clone_from(&shell));
    inputs.binaries.values_mut().for_each(|path| path.clone_from(&shell));
    let counts = |finding: &lint::Finding| {
        finding.rule != "lazy-binding"
            && exceptions.find(Tool::Own, false, finding.rule, &finding.to_string()).is_none()
    };
    for distro in matrix().iter().map(roomy) {
        for manifest in &manifests {
            for package in resolve(manifest, &release(), &distro, &inputs).unwrap() {
                let found = lint::check(&package, &distro).unwrap();
                let found: Vec<String> = found.iter().filter(|one| counts(one)).map(ToString::to_string).collect();
                assert_eq!(found, [""; 0], "{}", distro.id);
            }
        }
    }
}
