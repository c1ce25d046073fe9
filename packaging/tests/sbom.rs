//! Bills of materials: as they are written down beside this test, and as the formats' own tools want them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap in a test is a failed fact")]

mod golden;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use golden::assert_golden;
use packaging::distro::Matrix;
use packaging::names::{Arch, PackageArch, PackageName};
use packaging::project::Project;
use packaging::sbom::{self, Bill, Component};
use packaging::version::{Revision, Version};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The judges, at versions that are known to read CycloneDX 1.6 and SPDX 2.3.
const TOOLS: [&str; 2] = ["cyclonedx-python-lib[json-validation]==11.12.0", "spdx-tools==0.8.5"];

fn component(name: &str, version: &str, needs: &[(&str, &str)]) -> Component {
    Component {
        name: name.to_owned(),
        version: version.to_owned(),
        licence: Some("MIT OR Apache-2.0".to_owned()),
        sha256: Some("ab".repeat(32)),
        ecosystem: "cargo",
        needs: needs.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect(),
    }
}

/// A module package with a small graph: names and versions with every character that needs care.
fn with_bill<T>(distro: &str, look: impl FnOnce(&Bill<'_>) -> T) -> T {
    let matrix = Matrix::load(&Path::new(ROOT).join("distros.toml")).unwrap();
    let distro = matrix.get(distro).unwrap();
    let project = Project::load(&Path::new(ROOT).join("project.toml")).unwrap();
    let name: PackageName = "nginx-module-wallarm".parse().unwrap();
    let version = Version { upstream: "4.8.9".to_owned(), revision: Revision::new(1, &distro.release_suffix()) };
    let own = Component { sha256: None, ..component("own_crate", "4.8.9", &[("dep-a", "1.0.0"), ("dep_a", "1.0.0")]) };
    let unlicensed = Component { licence: None, ..component("dep_a", "1.0.0", &[]) };
    let linked = vec![
        component("dep-a", "1.0.0", &[("zstd", "0.1.0+zstd.1.5")]),
        unlicensed,
        own,
        component("zstd", "0.1.0+zstd.1.5", &[]),
    ];
    let built_for = ["1.24.0", "1.26.3"].map(|version| sbom::nginx(version.parse().unwrap())).into();
    let arch = PackageArch::Native(Arch::X86_64);
    look(&Bill {
        name: &name,
        version: &version,
        arch,
        distro,
        project: &project,
        linked,
        built_for,
        epoch: 1_795_364_598,
    })
}

#[test]
fn both_documents_are_these() {
    with_bill("bookworm", |bill| {
        assert_golden("module.cdx.json", &sbom::cyclonedx(bill).unwrap());
        assert_golden("module.spdx.json", &sbom::spdx(bill).unwrap());
    });
}

#[test]
fn the_package_is_named_as_its_format_names_it() {
    let purl = |distro| {
        let mut purl = String::new();
        with_bill(distro, |bill| purl = bill.purl());
        purl
    };
    assert_eq!(purl("bookworm"), "pkg:deb/wallarm-node/nginx-module-wallarm@4.8.9-1?arch=amd64&distro=bookworm");
    assert_eq!(purl("el8"), "pkg:rpm/wallarm-node/nginx-module-wallarm@4.8.9-1.el8?arch=x86_64&distro=el8");
}

#[test]
fn serial_numbers_are_the_same_for_the_same_content_and_differ_otherwise() {
    let serial = |distro, change: fn(&mut Component)| {
        with_bill(distro, |bill| {
            let mut linked = bill.linked.clone();
            change(&mut linked[0]);
            let built_for = bill.built_for.clone();
            sbom::cyclonedx(&Bill { linked, built_for, ..*bill }).unwrap().lines().nth(4).unwrap().to_owned()
        })
    };
    let first = serial("bookworm", |_| {});
    assert!(first.contains("urn:uuid:"), "{first}");
    assert_eq!(first, serial("bookworm", |_| {}));
    assert_ne!(first, serial("el8", |_| {}));
    assert_ne!(first, serial("bookworm", |component| component.sha256 = None));
}

/// Python with the judges, kept in cargo's folder for this and later runs.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sbom-judges");
        let python = folder.join("bin/python3");
        let has_all = "import cyclonedx.validation.json, jsonschema, spdx_tools.spdx.validation.document_validator";
        if !Command::new(&python).args(["-c", has_all]).output().is_ok_and(|output| output.status.success()) {
            let venv = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).output();
            succeeded(
                &venv.unwrap_or_else(|error| panic!("python3: {error}; install the Debian package python3-venv")),
            );
            let pip = Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(TOOLS).output().unwrap();
            succeeded(&pip);
        }
        python
    })
}

fn succeeded(output: &Output) {
    let text = [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy).concat();
    assert!(output.status.success(), "{text}");
}

fn judge(program: &str, name: &str, document: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, document).unwrap();
    Command::new(python()).args(["-c", program]).arg(file).output().unwrap()
}

const CYCLONEDX_JUDGE: &str = "
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())
sys.exit(str(error) if error else 0)
";

const SPDX_JUDGE: &str = "
import sys
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
found = validate_full_spdx_document(parse_file(sys.argv[1]))
sys.exit('\\n'.join(one.validation_message for one in found) if found else 0)
";

#[test]
fn the_formats_own_tools_find_nothing_wrong() {
    for distro in ["bookworm", "el8"] {
        with_bill(distro, |bill| {
            succeeded(&judge(CYCLONEDX_JUDGE, "sbom.cdx.json", &sbom::cyclonedx(bill).unwrap()));
            succeeded(&judge(SPDX_JUDGE, "sbom.spdx.json", &sbom::spdx(bill).unwrap()));
        });
    }
}

/// The judges can say no.
#[test]
fn the_formats_own_tools_do_find_what_is_wrong() {
    with_bill("bookworm", |bill| {
        let wrong = sbom::cyclonedx(bill).unwrap().replace("\"library\"", "\"liberty\"");
        assert!(!judge(CYCLONEDX_JUDGE, "sbom.cdx.json", &wrong).status.success());
        let wrong = sbom::spdx(bill).unwrap().replace("SPDXRef-cargo-dep-a-1.0.0", "SPDXRef-gone");
        let wrong = wrong.replacen("SPDXRef-gone", "SPDXRef-here", 1);
        assert!(!judge(SPDX_JUDGE, "sbom.spdx.json", &wrong).status.success());
    });
}
