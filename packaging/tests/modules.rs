//! Facts about the NGINX builds and the packages that carry modules for them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed fact")]

mod tools;

use std::collections::BTreeMap;
use std::path::Path;

use packaging::changelog::Changelog;
use packaging::distro::{Distro, Matrix};
use packaging::manifest::Manifest;
use packaging::model::{Content, EntryKind, Package, Role};
use packaging::modules::Module;
use packaging::names::{Arch, InstallPath};
use packaging::nginx::{Build, Builds, BuildsError, Flavour};
use packaging::project::Project;
use packaging::resolve::{Inputs, Release, resolve};
use packaging::rpm::NoSigner;
use packaging::symbols::{Symbols, SymbolsByBinary};

use tools::run;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn matrix() -> Matrix {
    Matrix::load(&Path::new(ROOT).join("distros.toml")).unwrap()
}

fn builds() -> Builds {
    Builds::load(&Path::new(ROOT).join("nginx.toml"), &matrix()).unwrap()
}

/// A package whose modules are those of the builds that `made` lets through. This test program stands in for each of them.
fn package_of(name: &str, distro: &str, made: impl Fn(&Build) -> bool) -> Option<Package> {
    packages_of(name, distro, made, SymbolsByBinary::new()).pop()
}

fn packages_of(name: &str, distro: &str, made: impl Fn(&Build) -> bool, symbols: SymbolsByBinary) -> Vec<Package> {
    let manifest = Manifest::load(&Path::new(ROOT).join("packages").join(name).join("package.toml")).unwrap();
    let changelog = std::fs::read_to_string(Path::new(ROOT).join("../CHANGELOG.md")).unwrap();
    let release = Release {
        project: Project::load(&Path::new(ROOT).join("project.toml")).unwrap(),
        upstream: "4.8.9".parse().unwrap(),
        revision: 1,
        changelog: Changelog::parse(&changelog).unwrap(),
        epoch: 1_700_000_000,
    };
    let builds = builds();
    let path = std::env::current_exe().unwrap();
    let module = |build: &Build| Module { build: build.clone(), arch: Arch::X86_64, path: path.clone() };
    let assets = ["module-third-party-licences", "proton.db"].map(|name| (name.to_owned(), name.as_bytes().to_vec()));
    let inputs = Inputs {
        assets: BTreeMap::from(assets),
        modules: builds.iter().filter(|build| made(build)).map(module).collect(),
        symbols,
        ..Inputs::default()
    };
    // The newest C library there is, so that a program of the building machine fits everywhere.
    let distro = Distro { glibc: "2.99".parse().unwrap(), ..matrix().get(distro).unwrap().clone() };
    resolve(&manifest, &release, &distro, &inputs).unwrap()
}

fn package(name: &str, distro: &str) -> Package {
    package_of(name, distro, |_| true).unwrap()
}

/// What a package requires of NGINX.
fn required(package: &Package) -> Vec<String> {
    let plain = package.relations.depends.iter().map(ToString::to_string).filter(|need| need.starts_with("nginx"));
    plain.chain(package.relations.rpm_rich.iter().cloned()).collect()
}

fn text(package: &Package, path: &str) -> String {
    let path: InstallPath = path.parse().unwrap();
    let entry = package.contents.get(&path).map(|entry| &entry.kind);
    let content = entry.and_then(|kind| if let EntryKind::File(content) = kind { Some(content) } else { None });
    String::from_utf8(content.unwrap().read().unwrap()).unwrap()
}

#[test]
fn every_row_of_the_specification_has_its_nginx() {
    use Flavour::{Distro, NginxOrg, Plus};
    let expected = [
        ("buster", vec![Distro]),
        ("bullseye", vec![NginxOrg, Plus, Distro]),
        ("bionic", vec![NginxOrg, Plus]),
        ("focal", vec![NginxOrg, Plus]),
        ("jammy", vec![NginxOrg, Plus]),
        ("el7", vec![NginxOrg, Plus, Distro]),
        ("el8", vec![NginxOrg, Plus, Distro]),
        // Not rows of the specification, but added the same way.
        ("bookworm", vec![NginxOrg, Distro]),
        ("trixie", vec![NginxOrg, Distro]),
        ("noble", vec![NginxOrg, Distro]),
        ("el9", vec![NginxOrg, Plus, Distro]),
    ];
    let (builds, matrix) = (builds(), matrix());
    for (distro, flavours) in expected {
        let id = &matrix.get(distro).unwrap().id;
        let found: Vec<_> = [NginxOrg, Plus, Distro].into_iter().filter(|f| !builds.of(*f, id).is_empty()).collect();
        assert_eq!(found, flavours, "{distro}");
    }
}

/// The package of symbols that goes with another one.
fn symbols_of(name: &str, distro: &str) -> Package {
    let (build_id, file) = ("0123456789abcdef".to_owned(), Path::new(ROOT).join("Cargo.toml"));
    let symbols = [(std::env::current_exe().unwrap(), Symbols { build_id, file })].into_iter().collect();
    let [module, symbols] = packages_of(name, distro, |_| true, symbols).try_into().unwrap();
    assert_eq!((&symbols.version, symbols.arch), (&module.version, module.arch));
    symbols
}

#[test]
fn a_deb_of_symbols_links_the_documents_of_the_package_that_it_needs() {
    let package = symbols_of("libnginx-mod-http-wallarm", "bookworm");
    let paths: Vec<&str> = package.contents.keys().map(InstallPath::as_str).collect();
    let documents = "/usr/share/doc/libnginx-mod-http-wallarm-dbgsym";
    let folder = "/usr/lib/debug/.build-id";
    assert_eq!(paths, [folder, &format!("{folder}/01"), &format!("{folder}/01/23456789abcdef.debug"), documents]);
    let link = &package.contents[&documents.parse().unwrap()];
    assert_eq!((&link.kind, link.mode), (&EntryKind::Symlink("libnginx-mod-http-wallarm".to_owned()), 0o777));
}

#[test]
fn an_rpm_of_symbols_brings_documents_and_bills_of_its_own() {
    let package = symbols_of("nginx-mod-http-wallarm", "el8");
    let folder = "/usr/share/doc/nginx-mod-http-wallarm-debuginfo";
    assert!(package.contents.contains_key(&format!("{folder}/copyright").parse().unwrap()));
    let bill = text(&package, &format!("{folder}/sbom.cdx.json"));
    assert!(bill.contains("/nginx-mod-http-wallarm-debuginfo@"), "{bill}");
}

#[test]
fn a_module_for_several_versions_needs_any_of_them() {
    assert_eq!(required(&package("nginx-module-wallarm", "jammy")), ["nginx-r1.24.0 | nginx-r1.26.3 | nginx-r1.28.3"]);
    assert_eq!(required(&package("nginx-plus-module-wallarm", "jammy")), ["nginx-plus (>= 29)", "nginx-plus (<< 31)"]);
    assert_eq!(required(&package("libnginx-mod-http-wallarm", "bookworm")), ["nginx-abi-1.22.1-7"]);
    assert_eq!(
        required(&package("libnginx-mod-http-wallarm", "bullseye")),
        ["nginx-common (>= 1.18.0)", "nginx-common (<< 1.18.1~)", "nginx-core | nginx-light | nginx-extras"]
    );
    assert_eq!(required(&package("nginx-module-wallarm", "noble")), ["nginx-r1.26.3 | nginx-r1.28.3"]);
    assert_eq!(required(&package("libnginx-mod-http-wallarm", "noble")), ["nginx-abi-1.24.0-1"]);
}

#[test]
fn an_rpm_needs_the_same_in_the_words_that_its_rpm_knows() {
    assert_eq!(required(&package("nginx-module-wallarm", "el7")), ["nginx-r1.24.0"]);
    assert_eq!(
        required(&package("nginx-module-wallarm", "el8")),
        ["((nginx-r1.24.0 or nginx-r1.26.3 or nginx-r1.28.3) if nginx)"]
    );
    assert_eq!(required(&package("nginx-mod-http-wallarm", "el8")), ["nginx (>= 1:1.14.1)", "nginx (<< 1:1.14.2)"]);
    assert_eq!(
        required(&package("nginx-mod-http-wallarm", "el9")),
        ["nginx(abi) (>= 1.20.1)", "nginx(abi) (<< 1.20.2)"]
    );
    assert_eq!(required(&package("nginx-plus-module-wallarm", "el7")), ["nginx-plus (>= 29)", "nginx-plus (<< 31)"]);
}

#[test]
fn a_package_has_a_module_for_each_build_that_was_made_and_does_not_exist_without_any() {
    let modules = |package: Option<Package>| {
        let paths = package.map(|package| package.contents.into_keys().collect::<Vec<_>>()).unwrap_or_default();
        paths.into_iter().map(|path| path.to_string()).filter(|path| path.ends_with(".so")).collect::<Vec<_>>()
    };
    let place = |version: &str| format!("/usr/lib/nginx/wallarm/nginx-{version}/ngx_http_wallarm_module.so");
    let made = |version: &'static str| move |build: &Build| build.version.to_string() == version;
    let name = "nginx-module-wallarm";
    assert_eq!(modules(package_of(name, "jammy", |_| true)), [place("1.24.0"), place("1.26.3"), place("1.28.3")]);
    assert_eq!(modules(package_of(name, "jammy", made("1.28.3"))), [place("1.28.3")]);
    assert!(package_of(name, "jammy", made("1.22.1")).is_none());
    assert!(package_of("libnginx-mod-http-wallarm", "jammy", |_| true).is_none());
}

#[test]
fn the_four_conflict_with_each_other() {
    let names =
        ["libnginx-mod-http-wallarm", "nginx-mod-http-wallarm", "nginx-module-wallarm", "nginx-plus-module-wallarm"];
    for name in names {
        let manifest = Manifest::load(&Path::new(ROOT).join("packages").join(name).join("package.toml")).unwrap();
        for other in names {
            // The distribution's two are of different formats and never meet.
            let never_meet = name == other || (name.contains("nginx-mod-http") && other.contains("nginx-mod-http"));
            let conflicts = manifest.relations.conflicts.iter().any(|conflict| conflict == other);
            assert_eq!(conflicts, !never_meet, "{name} with {other}");
        }
    }
}

#[test]
fn the_group_that_reads_rules_is_the_workers() {
    for (name, distro, worker) in [
        ("libnginx-mod-http-wallarm", "bookworm", "www-data"),
        ("nginx-mod-http-wallarm", "el7", "nginx"),
        ("nginx-module-wallarm", "bookworm", "nginx"),
        ("nginx-plus-module-wallarm", "el8", "nginx"),
    ] {
        let package = package(name, distro);
        let engine = format!("/usr/share/wallarm-common/engine/{name}");
        assert_eq!(text(&package, &engine), format!("nginx_group={worker}\n"), "{name}");
        let cache = &package.contents[&"/var/lib/nginx/wallarm".parse::<InstallPath>().unwrap()];
        assert_eq!((cache.owner.as_str(), cache.group.as_str(), cache.mode), (worker, worker, 0o750), "{name}");
    }
}

#[test]
fn only_the_distributions_nginx_is_told_to_load_the_module() {
    let stanza = |name, distro| package(name, distro).lifecycle.module.unwrap().stanza;
    assert_eq!(stanza("nginx-module-wallarm", "jammy"), None);
    let debian = stanza("libnginx-mod-http-wallarm", "bookworm").unwrap();
    assert_eq!(debian.available.as_str(), "/usr/share/nginx/modules-available/mod-http-wallarm.conf");
    assert_eq!(debian.enabled.as_str(), "/etc/nginx/modules-enabled/50-mod-http-wallarm.conf");
    let el = stanza("nginx-mod-http-wallarm", "el8").unwrap();
    assert_eq!(el.enabled.as_str(), "/usr/share/nginx/modules/mod-http-wallarm.conf");
    assert_eq!(
        text(&package("nginx-mod-http-wallarm", "el8"), el.available.as_str()),
        "load_module /usr/lib64/nginx/modules/ngx_http_wallarm_module.so;\n"
    );
}

#[test]
fn examples_are_installed_where_documentation_is_left_out_too() {
    let package = package("nginx-mod-http-wallarm", "el8");
    for file in ["wallarm.conf", "wallarm-status.conf"] {
        let path = format!("/usr/share/doc/nginx-mod-http-wallarm/examples/{file}");
        assert_eq!(package.contents[&path.parse::<InstallPath>().unwrap()].role, Role::Plain, "{file}");
    }
    let licences = "/usr/share/doc/nginx-mod-http-wallarm/third-party-licences.gz";
    assert_eq!(package.contents[&licences.parse::<InstallPath>().unwrap()].role, Role::Doc);
}

#[test]
fn what_a_build_names_must_be_there() {
    let shipped = std::fs::read_to_string(Path::new(ROOT).join("nginx.toml")).unwrap();
    let refused = |from: &str, to: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(shipped.contains(from), "{from}");
        std::fs::write(&file, shipped.replacen(from, to, 1)).unwrap();
        match Builds::load(file.path(), &matrix()) {
            Err(error @ (BuildsError::Unknown { .. } | BuildsError::Twice { .. } | BuildsError::File(_))) => {
                error.to_string()
            }
            Ok(_) => panic!("{to} was taken"),
        }
    };
    for (from, to, expected) in [
        ("[source.\"1.28.3\"]", "[source.\"1.28.2\"]", "there is no source `1.28.3`"),
        ("arguments = \"el8\"", "arguments = \"el6\"", "there is no list of arguments `el6`"),
        ("distros = [\"buster\"]", "distros = [\"bustre\"]", "there is no distro `bustre`"),
        ("version = \"1.28.3\"", "version = \"1.24.0\"", "nginx.org 1.24.0 is there twice for bookworm"),
        ("version = \"1.28.3\"", "version = \"1.28\"", "is no NGINX version"),
        ("8,4,8,0010", "8,4,0010", "is no NGINX signature"),
    ] {
        let error = refused(from, to);
        assert!(error.contains(expected), "expected `{expected}` in `{error}`");
    }
}

/// Every script is at least a script, with the functions that it calls.
#[test]
fn the_installed_program_is_the_one_that_scripts_call() {
    let package = package("libnginx-mod-http-wallarm", "bookworm");
    let program = text(&package, "/usr/lib/nginx/wallarm/nginx-module");
    assert!(program.contains("builds='1.22.1 8,4,8,0011111111010111001111111111111111'"), "{program}");
    let entry = &package.contents[&"/usr/lib/nginx/wallarm/nginx-module".parse::<InstallPath>().unwrap()];
    assert_eq!((entry.mode, matches!(entry.kind, EntryKind::File(Content::Bytes(_)))), (0o755, true));
}

/// The same package with small modules: what is tested is not how well a test program compresses.
fn small(mut package: Package) -> Package {
    let modules = package.contents.iter_mut().filter(|(path, _)| path.as_str().ends_with(".so"));
    modules.for_each(|(_, entry)| entry.kind = EntryKind::File(Content::Bytes(b"a module".to_vec())));
    package
}

/// apt removed a module of the same priority as NGINX, to bring in an NGINX that it had no module for.
#[test]
fn apt_keeps_an_nginx_back_rather_than_remove_its_module() {
    let priority = |name| {
        let control = packaging::deb::control(&small(package(name, "bullseye")), 0).unwrap().to_string();
        control.lines().find_map(|line| line.strip_prefix("Priority: ")).unwrap().to_owned()
    };
    for name in ["nginx-module-wallarm", "nginx-plus-module-wallarm", "libnginx-mod-http-wallarm"] {
        assert_eq!(priority(name), "standard", "{name}");
    }
    assert_eq!(priority("wallarm-node-nginx"), "optional");
}

#[test]
fn dpkg_wakes_the_package_when_another_one_brings_nginx() {
    let folder = tempfile::tempdir().unwrap();
    let written = packaging::deb::write(&small(package("nginx-module-wallarm", "jammy")), folder.path()).unwrap();
    let triggers = run("dpkg-deb", "dpkg", &["--info", written.path.to_str().unwrap(), "triggers"]);
    assert_eq!(triggers, "interest-noawait /usr/sbin/nginx\n");
}

#[test]
fn rpm_wakes_the_package_when_nginx_is_installed_and_reads_its_conditional_relation() {
    let folder = tempfile::tempdir().unwrap();
    let written =
        packaging::rpm::write(&small(package("nginx-module-wallarm", "el8")), folder.path(), None::<NoSigner>).unwrap();
    let path = written.path.to_str().unwrap();
    let query = |words: &[&str]| run("rpm", "rpm", &[words, &[path]].concat());
    let triggers = query(&["-qp", "--triggers"]);
    assert!(triggers.contains("triggerin scriptlet (using /bin/sh) -- nginx, nginx-core, nginx-plus\n"), "{triggers}");
    assert!(triggers.contains("/usr/lib64/nginx/wallarm/nginx-module link\n"), "{triggers}");
    let needs = query(&["-qp", "--requires"]);
    assert!(needs.contains("((nginx-r1.24.0 or nginx-r1.26.3 or nginx-r1.28.3) if nginx)\n"), "{needs}");
    assert!(needs.contains("rpmlib(RichDependencies) <= 4.12.0-1\n"), "{needs}");
}
