//! Configures a source as the target's NGINX was, with zig as the compiler and a few headers of our own.

use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use super::source::{Source, SourceError};
use super::{Recipe, hex};
use crate::zig::{ZIG_VERSION, Zig};

/// Raised when configured folders of an older layout must not be used any more.
const LAYOUT: &str = "1";
/// The folder of our headers, inside the source: a relative path, so that nothing of this machine reaches what is generated.
const OWN: &str = "wallarm-headers";
/// The compiler as `configure` is told to call it: found through `PATH`, for the same reason.
const COMPILER: &str = "nginx-cc";
/// Where the signature that came out is kept.
const SIGNATURE_FILE: &str = "wallarm-signature";
const STUB: (&str, &str) = ("stub.c", include_str!("headers/stub.c"));
const HEADERS: [(&str, &str); 5] = [
    ("crypt.h", include_str!("headers/crypt.h")),
    ("openssl/ssl.h", include_str!("headers/openssl/ssl.h")),
    ("pcre.h", include_str!("headers/pcre.h")),
    ("pcre2.h", include_str!("headers/pcre2.h")),
    ("zlib.h", include_str!("headers/zlib.h")),
];
/// Headers of OpenSSL that NGINX includes for types which `openssl/ssl.h` here has already.
const OPENSSL: [&str; 14] =
    ["bn", "conf", "crypto", "dh", "engine", "err", "evp", "hmac", "kdf", "ocsp", "rand", "rsa", "x509", "x509v3"];
/// What `configure` links its probes against.
const LIBRARIES: [&str; 6] = ["crypt", "crypto", "pcre", "pcre2-8", "ssl", "z"];

/// Why a source could not be configured.
#[derive(Debug, thiserror::Error)]
pub enum ConfigureError {
    /// The source cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A file or folder cannot be written.
    #[error("{path}: {source}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// A command failed.
    #[error("{what} for NGINX {version} failed: {why}")]
    Failed {
        /// What was done.
        what: &'static str,
        /// For which version.
        version: String,
        /// The end of what it said.
        why: String,
    },
    /// What came out is another NGINX than the data says.
    #[error(
        "NGINX {version}, configured as packaging/nginx.toml says, has the signature\n  {found}\nbut the file says\n  {expected}\nA module built so would not load: correct `arguments` or `signature` of this build"
    )]
    Signature {
        /// Which version.
        version: String,
        /// What came out.
        found: String,
        /// What the data says.
        expected: String,
    },
}

/// A source that is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// Its folder; `objs` inside has what `configure` made.
    pub folder: PathBuf,
    /// What changes when anything of it does.
    pub key: String,
}

impl Configured {
    /// What `configure` made.
    pub fn objects(&self) -> PathBuf {
        self.folder.join("objs")
    }
}

/// Configures sources.
#[derive(Debug, Clone)]
pub struct Configurer {
    /// Where configured sources are kept.
    pub cache: PathBuf,
    /// The compiler.
    pub zig: Zig,
    /// The processor as rustc says it; the one of this machine, since `configure` runs its probes.
    pub arch: String,
    /// The oldest glibc that the module may meet.
    pub glibc: String,
}

impl Configurer {
    /// Configures a source, or finds it configured. The folder appears whole or not at all; a second run waits for the first.
    ///
    /// # Errors
    /// When a command fails, a folder cannot be written, or the signature is not the recipe's.
    pub fn configure(&self, recipe: &Recipe, source: &Source) -> Result<Configured, ConfigureError> {
        let key = self.key(recipe, source)?;
        let folder = self.cache.join(format!("configured-{}-{}", recipe.version, key.get(..16).unwrap_or(&key)));
        let configured = Configured { folder: folder.clone(), key };
        if !folder.is_dir() {
            std::fs::create_dir_all(&self.cache).map_err(at(&self.cache))?;
            let lock = self.cache.join(format!(".lock-{}", recipe.version));
            File::create(&lock)
                .and_then(|file| file.lock().map(|()| file))
                .map_err(at(&lock))
                .and_then(|_held| if folder.is_dir() { Ok(()) } else { self.make(recipe, source, &folder) })?;
        }
        let record = folder.join(SIGNATURE_FILE);
        let found = std::fs::read_to_string(&record).map_err(at(&record))?;
        if found == recipe.signature {
            return Ok(configured);
        }
        let (version, expected) = (recipe.version.clone(), recipe.signature.clone());
        Err(ConfigureError::Signature { version, found, expected })
    }

    fn key(&self, recipe: &Recipe, source: &Source) -> Result<String, ConfigureError> {
        let mut hasher = Sha256::new();
        let source = source.digest()?;
        let fixed = [LAYOUT, ZIG_VERSION, &self.arch, &self.glibc, &recipe.version, &source, STUB.1];
        let headers = HEADERS.iter().flat_map(|(name, text)| [*name, *text]);
        for part in fixed.into_iter().chain(headers).chain(OPENSSL).chain(recipe.arguments.iter().map(String::as_str)) {
            hasher.update(part);
            hasher.update([0]);
        }
        Ok(hex(&hasher.finalize()))
    }

    fn make(&self, recipe: &Recipe, source: &Source, folder: &Path) -> Result<(), ConfigureError> {
        let aside =
            tempfile::Builder::new().prefix(".configuring-").tempdir_in(&self.cache).map_err(at(&self.cache))?;
        let tree = aside.path().join("nginx");
        source.lay_out(&tree)?;
        let work = Work { recipe, tree: &tree, bin: aside.path().join("bin") };
        self.write_compiler(&work)?;
        write_headers(&tree)?;
        work.make_stub_libraries(&self.zig)?;
        work.configure()?;
        let signature = work.signature()?;
        let record = tree.join(SIGNATURE_FILE);
        std::fs::write(&record, signature).map_err(at(&record))?;
        std::fs::rename(&tree, folder).map_err(at(folder))
    }

    fn write_compiler(&self, work: &Work<'_>) -> Result<(), ConfigureError> {
        let path = work.bin.join(COMPILER);
        let target = format!("{}-linux-gnu.{}", self.arch, self.glibc);
        let zig = self.zig.zig();
        let text = format!("#!/bin/sh\nexec '{}' cc -target {target} \"$@\"\n", zig.display());
        std::fs::create_dir_all(&work.bin).map_err(at(&work.bin))?;
        std::fs::write(&path, text).map_err(at(&path))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).map_err(at(&path))
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> ConfigureError {
    let path = path.to_owned();
    move |source| ConfigureError::Io { path: path.clone(), source }
}

fn write_headers(tree: &Path) -> Result<(), ConfigureError> {
    let folder = tree.join(OWN);
    let openssl = folder.join("openssl");
    std::fs::create_dir_all(&openssl).map_err(at(&openssl))?;
    let empty = OPENSSL.map(|name| (format!("openssl/{name}.h"), "#include <openssl/ssl.h>\n"));
    let own = HEADERS.into_iter().chain([STUB]).map(|(name, text)| (name.to_owned(), text));
    for (name, text) in own.chain(empty) {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(at(&path))?;
    }
    Ok(())
}

/// One source on its way.
struct Work<'a> {
    recipe: &'a Recipe,
    tree: &'a Path,
    bin: PathBuf,
}

impl Work<'_> {
    /// Runs a program in the source's folder, with our compiler first in `PATH`.
    fn run(&self, what: &'static str, program: &Path, arguments: &[&str]) -> Result<(), ConfigureError> {
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new(program)
            .current_dir(self.tree)
            .args(arguments)
            .env("PATH", format!("{}:{path}", self.bin.display()))
            .env("LC_ALL", "C")
            .env_remove("CFLAGS")
            .output()
            .map_err(at(program))?;
        if output.status.success() {
            return Ok(());
        }
        // `configure` says what it misses on its standard output.
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        let why = lines.iter().skip(lines.len().saturating_sub(4)).copied().collect::<Vec<_>>().join("\n");
        Err(ConfigureError::Failed { what, version: self.recipe.version.clone(), why })
    }

    fn make_stub_libraries(&self, zig: &Zig) -> Result<(), ConfigureError> {
        let (source, object) = (format!("{OWN}/stub.c"), format!("{OWN}/stub.o"));
        let compiler = self.bin.join(COMPILER);
        self.run("compiling stub.c", &compiler, &["-w", "-fno-builtin", "-c", &source, "-o", &object])?;
        for library in LIBRARIES {
            let archive = format!("{OWN}/lib{library}.a");
            self.run("making a stub library", &zig.zig(), &["ar", "rcs", &archive, &object])?;
        }
        Ok(())
    }

    fn configure(&self) -> Result<(), ConfigureError> {
        // nginx.org's archives have the script at their top, the repository beside its parts.
        let script = if self.tree.join("configure").is_file() { "configure" } else { "auto/configure" };
        let own = [
            script.to_owned(),
            format!("--with-cc={COMPILER}"),
            format!("--with-cc-opt=-I{OWN}"),
            format!("--with-ld-opt=-L{OWN}"),
        ];
        let arguments: Vec<&str> = own.iter().chain(&self.recipe.arguments).map(String::as_str).collect();
        self.run("configuring the source", Path::new("/bin/sh"), &arguments)
    }

    /// Compiles the one expression that names the signature, and reads it back.
    fn signature(&self) -> Result<String, ConfigureError> {
        let (source, object) = (format!("{OWN}/signature.c"), format!("{OWN}/signature.o"));
        let text = "#include <ngx_config.h>\n#include <ngx_core.h>\nconst char signature[] = NGX_MODULE_SIGNATURE;\n";
        let path = self.tree.join(&source);
        std::fs::write(&path, text).map_err(at(&path))?;
        let folders = ["src/core", "src/event", "src/event/modules", "src/event/quic", "src/os/unix", "objs", OWN];
        let mut arguments: Vec<String> = folders.map(|folder| format!("-I{folder}")).into();
        arguments.extend(["-c", &source, "-o", &object].map(str::to_owned));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.run("compiling the signature", &self.bin.join(COMPILER), &arguments)?;
        let path = self.tree.join(&object);
        let bytes = std::fs::read(&path).map_err(at(&path))?;
        find_signature(&bytes).ok_or_else(|| ConfigureError::Failed {
            what: "reading the signature",
            version: self.recipe.version.clone(),
            why: format!("{} has none", path.display()),
        })
    }
}

/// The first `.,.,.,[01]{33,}` with digits for the dots.
fn find_signature(bytes: &[u8]) -> Option<String> {
    bytes.windows(6).enumerate().find_map(|(start, window)| {
        let [a, b',', c, b',', d, b','] = window else { return None };
        let sizes = [a, c, d].into_iter().all(u8::is_ascii_digit);
        let rest = bytes.get(start + 6..)?;
        let count = rest.iter().take_while(|byte| matches!(byte, b'0' | b'1')).count();
        (sizes && count >= 33).then(|| String::from_utf8(bytes.get(start..start + 6 + count)?.to_vec()).ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_found_between_other_bytes_and_a_shorter_row_is_none() {
        let signature = format!("8,4,8,{}", "01".repeat(17));
        assert_eq!(find_signature(format!("\0x,{signature}\0").as_bytes()), Some(signature.clone()));
        assert_eq!(find_signature(&signature.as_bytes()[..38]), None);
        assert_eq!(find_signature(&signature.as_bytes()[..39]).map(|found| found.len()), Some(39));
    }
}
