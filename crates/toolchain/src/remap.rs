//! No path of the building machine may reach a binary or its symbols: it would tell of the machine, and two folders would give two different binaries.

use std::path::{Path, PathBuf};

/// What folders of this machine are called in everything that is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remapping {
    /// The shortest first: compilers take the last that fits, which is then the innermost folder.
    folders: Vec<(PathBuf, &'static str)>,
}

impl Remapping {
    /// The folders that compilers see: the workspace, what is built, crates, and the headers of zig.
    pub fn of(workspace: &Path, target_dir: &Path, zig: &Path) -> Self {
        let cargo_home = std::env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
        let named = [(Some(workspace), "/source"), (Some(target_dir), "/build"), (Some(zig), "/zig")];
        let named = named.into_iter().chain([(cargo_home.as_deref(), "/cargo")]);
        Self::named(named.filter_map(|(path, name)| Some((path?, name))))
    }

    fn named<'a>(folders: impl Iterator<Item = (&'a Path, &'static str)>) -> Self {
        // A compiler's working folder has no symbolic links in its name, whatever cargo was told.
        let spelt = |(path, name): (&Path, _)| {
            let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            [(path.to_owned(), name), (real, name)]
        };
        let mut folders: Vec<_> = folders.flat_map(spelt).collect();
        folders.sort_by_key(|(path, name)| (path.as_os_str().len(), path.clone(), *name));
        folders.dedup();
        Self { folders }
    }

    /// As rustc takes them.
    pub fn for_rustc(&self) -> impl Iterator<Item = String> {
        self.folders.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
    }

    /// As clang takes them, quoted as the crate `cc` reads its variables.
    pub fn for_c(&self) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        let flag = |(from, to): &(PathBuf, &str)| quoted(&format!("-ffile-prefix-map={}={to}", from.display()));
        self.folders.iter().map(flag).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remapping(folders: &[(&str, &'static str)]) -> Remapping {
        Remapping::named(folders.iter().map(|(path, name)| (Path::new(*path), *name)))
    }

    #[test]
    fn the_innermost_folder_comes_last_and_so_counts() {
        let nested = remapping(&[("/w/target", "/build"), ("/w/target/zig", "/zig"), ("/w", "/source")]);
        let flags: Vec<_> = nested.for_rustc().collect();
        let expected = ["/w=/source", "/w/target=/build", "/w/target/zig=/zig"];
        assert_eq!(flags, expected.map(|pair| format!("--remap-path-prefix={pair}")));
    }

    #[test]
    fn a_folder_behind_a_link_goes_by_both_names() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("l"));
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let [real, link] = [real, link].map(|path| path.display().to_string());
        let flags: Vec<_> = remapping(&[(&link, "/source")]).for_rustc().collect();
        assert_eq!(flags, [link, real].map(|path| format!("--remap-path-prefix={path}=/source")));
    }

    #[test]
    fn blanks_and_quotes_in_a_name_reach_the_c_compiler() {
        let flags = remapping(&[("/it's my, folder", "/source")]).for_c();
        let echo = std::process::Command::new("sh").args(["-c", &format!("printf '%s\n' {flags}")]).output().unwrap();
        assert_eq!(String::from_utf8(echo.stdout).unwrap(), "-ffile-prefix-map=/it's my, folder=/source\n");
    }
}
