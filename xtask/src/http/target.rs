//! From the path of a URL to a file, never outside the root.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The folder with every symbolic link in its own path resolved, so that [`resolve`] can compare.
///
/// # Errors
///
/// If it is not there or no folder.
pub fn real_root(root: &Path) -> Result<PathBuf> {
    let real = root.canonicalize().with_context(|| format!("cannot serve {}", root.display()))?;
    ensure!(real.is_dir(), "cannot serve {}: not a folder", root.display());
    Ok(real)
}

/// The file that a request target names below `root`; `None` if there is none, or none that may be shown: the path climbs
/// (`..`), a symbolic link leaves the root, or it is no regular file. A target that ends in a slash names the folder's page.
#[must_use]
pub fn resolve(root: &Path, target: &str) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?;
    let decoded = String::from_utf8(decode(path.strip_prefix('/')?)?).ok()?;
    let page = if decoded.is_empty() || decoded.ends_with('/') { "index.html" } else { "" };
    let decoded = decoded + page;
    let relative = Path::new(&decoded);
    let plain = relative.components().all(|component| matches!(component, Component::Normal(_)));
    if !plain || decoded.contains('\0') {
        return None;
    }
    let real = root.join(relative).canonicalize().ok()?;
    (real.starts_with(root) && real.is_file()).then_some(real)
}

/// Percent-decoding, RFC 3986 section 2.1. apt sends `+` and `~` of file names encoded.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            decoded.push(*first);
            continue;
        }
        let (high, low) = (tail.first()?, tail.get(1)?);
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        decoded.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
        rest = &tail[2..];
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn tree() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("pool")).unwrap();
        std::fs::write(root.join("pool/a+b~c.deb"), "x").unwrap();
        std::fs::write(folder.path().join("secret"), "x").unwrap();
        symlink("../secret", root.join("way-out")).unwrap();
        symlink("pool", root.join("way-in")).unwrap();
        let root = real_root(&root).unwrap();
        (folder, root)
    }

    #[test]
    fn names_are_decoded_and_queries_dropped() {
        let (_folder, root) = tree();
        for target in ["/pool/a+b~c.deb", "/pool/a%2bb%7Ec.deb?x=1", "/way-in/a+b~c.deb"] {
            assert_eq!(resolve(&root, target), Some(root.join("pool/a+b~c.deb")), "{target}");
        }
    }

    #[test]
    fn a_folder_is_its_page() {
        let (_folder, root) = tree();
        assert_eq!(resolve(&root, "/"), None, "there is none yet");
        for page in ["index.html", "pool/index.html"] {
            std::fs::write(root.join(page), "x").unwrap();
        }
        assert_eq!(resolve(&root, "/?x"), Some(root.join("index.html")));
        assert_eq!(resolve(&root, "/pool/"), Some(root.join("pool/index.html")));
        for target in ["/pool", "//", "/../", "/pool/../"] {
            assert_eq!(resolve(&root, target), None, "{target}");
        }
    }

    #[test]
    fn nothing_outside_the_root_is_found() {
        let (_folder, root) = tree();
        let targets = [
            "/../secret",
            "/%2e%2e/secret",
            "/pool/../../secret",
            "/..%2fsecret",
            "/way-out",
            "//etc/passwd",
            "/%2fetc/passwd",
        ];
        for target in targets.into_iter().chain([
            "/",
            "",
            "*",
            "/pool",
            "/pool/a%2",
            "/pool/%zz",
            "/a%00b",
            "http://x/pool",
            "/pool/%ff",
        ]) {
            assert_eq!(resolve(&root, target), None, "{target}");
        }
    }
}
