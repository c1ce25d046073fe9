//! Packages made by the real tools, a key, a site.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use repo_layout::{
    AptSuite, Bootstrap, Error, Front, Job, Silent, Site, Step, Summary, System, TreePath, YumRepository,
};
use signing::{KeySpec, SecretKey, Signer};

/// The time of the commit that the packages are made from.
pub fn commit_time() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_780_000_000)
}

/// The key of the repository.
pub fn key() -> &'static SecretKey {
    static KEY: OnceLock<SecretKey> = OnceLock::new();
    KEY.get_or_init(|| new_key(Some(Duration::from_secs(10 * 365 * 86_400))))
}

/// Signed by `signer`, dated as the commit is, without caches.
pub fn job(signer: &dyn Signer) -> Job<'_> {
    Job { signer, when: commit_time(), caches: None, listener: &Silent }
}

pub fn new_key(validity: Option<Duration>) -> SecretKey {
    SecretKey::generate(&KeySpec {
        user_id: "Test Packages <test@example.org>".to_owned(),
        validity,
        passphrase: None,
        created: commit_time() - Duration::from_secs(86_400),
    })
    .unwrap()
}

/// Runs a command and gives what it printed; a failure shows both streams.
pub fn run(command: &mut Command, debian_package: &str) -> String {
    let output = output(command, debian_package);
    assert!(output.status.success(), "{command:?}\n{}", both(&output));
    both(&output)
}

pub fn output(command: &mut Command, debian_package: &str) -> Output {
    command
        .env("LC_ALL", "C")
        .env("SOURCE_DATE_EPOCH", "1780000000")
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; install the Debian package {debian_package}"))
}

pub fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A deb of one file, by dpkg-deb.
pub fn deb(folder: &Path, name: &str, version: &str, architecture: &str) -> PathBuf {
    deb_with(folder, name, version, architecture, "content\n")
}

pub fn deb_with(folder: &Path, name: &str, version: &str, architecture: &str, content: &str) -> PathBuf {
    let file = format!("usr/share/{name}/file");
    deb_of(folder, name, version, architecture, &[(Path::new(&file), content)])
}

/// A deb of these files.
pub fn deb_of(folder: &Path, name: &str, version: &str, architecture: &str, files: &[(&Path, &str)]) -> PathBuf {
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir(tree.path().join("DEBIAN")).unwrap();
    for (file, content) in files {
        let at = tree.path().join(file);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(&at, content).unwrap();
    }
    let control = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nSection: web\n\
         Maintainer: Test <test@example.org>\n\
         Description: a test package\n It has a long text,\n .\n of two paragraphs.\n"
    );
    fs::write(tree.path().join("DEBIAN/control"), control).unwrap();
    let mut sum = Command::new("md5sum");
    let sums = run(sum.args(files.iter().map(|(file, _)| file)).current_dir(tree.path()), "coreutils");
    fs::write(tree.path().join("DEBIAN/md5sums"), sums).unwrap();
    let package = folder.join(format!("{name}_{version}_{architecture}.deb"));
    let mut build = Command::new("dpkg-deb");
    build.args(["--root-owner-group", "-Zxz", "--build"]).arg(tree.path()).arg(&package);
    run(&mut build, "dpkg");
    package
}

/// An unsigned rpm of one file, by rpmbuild.
pub fn unsigned_rpm(folder: &Path, name: &str, version: &str, release: &str, architecture: &str) -> PathBuf {
    let top = tempfile::tempdir().unwrap();
    let spec = top.path().join("package.spec");
    let text = format!(
        "Name: {name}\nVersion: {version}\nRelease: {release}\nSummary: a test package & <more>\nLicense: Apache-2.0\n\
         URL: https://example.org/\nProvides: {name}-extra = 1:2.0-3\nConflicts: {name}-old < 2\n\n\
         %description\nA test package.\n\n%install\nmkdir -p %{{buildroot}}/usr/share/{name} %{{buildroot}}/etc\n\
         echo content > %{{buildroot}}/usr/share/{name}/file\necho x > %{{buildroot}}/etc/{name}.conf\n\n\
         %files\n/usr/share/{name}\n%config(noreplace) /etc/{name}.conf\n\n\
         %changelog\n* Tue Jan 06 2026 Test <test@example.org> - {version}-{release}\n- First & only.\n"
    );
    fs::write(&spec, text).unwrap();
    let mut build = Command::new("rpmbuild");
    build
        .arg("-bb")
        .args(["--target", &format!("{architecture}-linux")])
        .args(["--define", &format!("_topdir {}", top.path().display())])
        .args(["--define", &format!("_rpmdir {}", folder.display())])
        .args(["--define", "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm"])
        .args([
            "--define",
            "_binary_payload w9.gzdio",
            "--define",
            "_buildhost none",
            "--define",
            "__os_install_post %{nil}",
        ])
        .args(["--define", "use_source_date_epoch_as_buildtime 1", "--define", "clamp_mtime_to_source_date_epoch 1"])
        .arg(&spec);
    run(&mut build, "rpm");
    folder.join(format!("{name}-{version}-{release}.{architecture}.rpm"))
}

/// Signs an rpm in its header, with its own name, into another folder.
pub fn sign_rpm(package: &Path, folder: &Path, key: &SecretKey) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    let signed = folder.join(package.file_name().unwrap());
    let mut from = BufReader::new(File::open(package).unwrap());
    let mut to = File::create(&signed).unwrap();
    let sign = |header: &[u8]| key.sign_detached(header, commit_time()).map_err(|error| error.to_string().into());
    formats::rpm_header::resign(&mut from, &mut to, Some(sign)).unwrap();
    signed
}

/// Everything a test needs, in one temporary folder: packages beside the tree.
pub struct Fixture {
    pub folder: tempfile::TempDir,
    pub site: Site,
}

impl Fixture {
    /// Two debs and two rpms: each package once for a machine and once for all, and a bootstrap rpm.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pool = folder.path().join("pool");
        for (name, bytes) in packages() {
            fs::create_dir_all(&pool).unwrap();
            fs::write(pool.join(name), bytes).unwrap();
        }
        let site = site(&pool, &["alpha_1.0-1_amd64.deb", "beta_2.0-1_all.deb"], "gamma-1.0-1.el8.x86_64.rpm");
        Self { folder, site }
    }

    pub fn apt_only() -> Self {
        let mut this = Self::new();
        this.site.yum.clear();
        this
    }

    pub fn yum_only() -> Self {
        let mut this = Self::new();
        this.site.suites.clear();
        this
    }

    pub fn pool(&self) -> PathBuf {
        self.folder.path().join("pool")
    }

    pub fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    pub fn build(&self) -> Result<Summary, Error> {
        repo_layout::build(&self.site, &self.tree(), &job(key()))
    }
}

/// One apt suite with these debs, one yum repository with this rpm and the bootstrap package.
pub fn site(pool: &Path, debs: &[&str], rpm: &str) -> Site {
    Site {
        suites: vec![suite(debs.iter().map(|name| pool.join(name)).collect())],
        yum: vec![YumRepository {
            path: TreePath::new("centos/wallarm-node/8/4.8/x86_64").unwrap(),
            architecture: "x86_64".to_owned(),
            packages: vec![pool.join(rpm), pool.join("wallarm-node-repo-4.8-0.el8.noarch.rpm")].into(),
            bootstrap: vec![Bootstrap {
                package: "wallarm-node-repo".to_owned(),
                file_name: "wallarm-node-repo-4.8-0.el8.noarch.rpm".to_owned(),
            }],
        }],
        front: Some(front()),
    }
}

/// Pages with commands for the suite of [`suite`].
pub fn front() -> Front {
    let step = Step { title: "Install".to_owned(), commands: vec!["sudo apt install alpha".to_owned()] };
    let repository = TreePath::new("debian/wallarm-node/bookworm/4.8").unwrap();
    Front {
        name: "Test".to_owned(),
        homepage: "https://example.org".to_owned(),
        url: "https://repo.example.org".to_owned(),
        commit: None,
        systems: vec![System { title: "Debian 12".to_owned(), repository, steps: vec![step] }],
    }
}

/// A package that documented commands fetch under the name of its revision 0.
pub fn suite(packages: Vec<PathBuf>) -> AptSuite {
    AptSuite {
        root: TreePath::new("debian/wallarm-node").unwrap(),
        suite: TreePath::new("bookworm/4.8").unwrap(),
        origin: "Test".to_owned(),
        label: "Test node".to_owned(),
        description: "Test packages for bookworm".to_owned(),
        architectures: vec!["amd64".to_owned()],
        contents: true,
        packages: packages.into(),
    }
}

/// The packages of a [`Fixture`], made once: rpmbuild takes its time.
fn packages() -> &'static BTreeMap<String, Vec<u8>> {
    static PACKAGES: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let raw = tempfile::tempdir().unwrap();
        deb(folder.path(), "alpha", "1.0-1", "amd64");
        deb(folder.path(), "beta", "2.0-1", "all");
        for (name, version, release, architecture) in
            [("gamma", "1.0", "1.el8", "x86_64"), ("wallarm-node-repo", "4.8", "0.el8", "noarch")]
        {
            sign_rpm(&unsigned_rpm(raw.path(), name, version, release, architecture), folder.path(), key());
        }
        files_below(folder.path())
            .into_iter()
            .map(|path| (path.clone(), fs::read(folder.path().join(path)).unwrap()))
            .collect()
    })
}

/// Every file below a folder, relative and sorted; the publisher's state is left out.
pub fn files_below(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.retain(|path| !path.starts_with(repo_layout::STATE_FOLDER));
    found.sort();
    found
}

/// The content of every file below a folder.
pub fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    files_below(root).into_iter().map(|path| (path.clone(), fs::read(root.join(path)).unwrap())).collect()
}

/// Fails with the names of the files that differ: their bytes tell nobody anything.
pub fn assert_same_files(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>) {
    let paths = found.keys().chain(expected.keys());
    let mut differ: Vec<&String> = paths.filter(|path| found.get(*path) != expected.get(*path)).collect();
    differ.sort();
    differ.dedup();
    assert!(differ.is_empty(), "these files differ: {differ:#?}");
}
