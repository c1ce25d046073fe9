//! The values behind `${word}` in manifests and templates.

use std::collections::BTreeMap;

use crate::distro::Distro;
use crate::names::Arch;
use crate::nginx::Flavour;
use crate::resolve::Release;
use crate::version::Version;

/// A word that stands for nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown variable `${{{word}}}` in {place}; known: {known}")]
pub struct UnknownVariable {
    /// The word.
    pub word: String,
    /// Where it stands.
    pub place: String,
    /// All words that would do, comma-separated.
    pub known: String,
}

/// The values for one package, distro and architecture.
#[derive(Debug, Clone)]
pub struct Variables(BTreeMap<&'static str, String>);

impl Variables {
    /// Takes them from where each is declared.
    pub fn new(
        release: &Release,
        distro: &Distro,
        version: &Version,
        arch: Option<Arch>,
        nginx: Option<Flavour>,
    ) -> Self {
        let line = release.upstream.line();
        let url = release.project.repository_url.trim_end_matches('/');
        // An independent package is served from the folder of each architecture; the first one is its home.
        let folder_arch = arch.or(distro.architectures.first().copied()).unwrap_or(Arch::X86_64);
        let mut values = BTreeMap::from([
            ("baseurl", format!("{url}/{}/", distro.yum_path(&line, folder_arch))),
            ("collectd", distro.family.collectd_folder().to_owned()),
            ("line", line),
            ("modules", distro.family.nginx_modules().to_owned()),
            ("release", distro.release.clone()),
            ("settings", distro.family.settings_folder().to_owned()),
            ("title", distro.title.clone()),
            ("units", distro.family.unit_folder().to_owned()),
            ("version", version.to_string()),
        ]);
        if let Some(flavour) = nginx {
            values.insert("worker", distro.family.nginx_worker(flavour).to_owned());
        }
        Self(values)
    }

    /// Replaces `${word}`; what is no plain word in lower case, such as the shell's `${1:-.}`, is left alone.
    ///
    /// # Errors
    /// When a word stands for nothing; `place` says where that was.
    pub fn replace(&self, text: &str, place: &str) -> Result<String, UnknownVariable> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let word = after.split_once('}').filter(|(word, _)| word.bytes().all(|byte| byte.is_ascii_lowercase()));
            rest = if let Some((word, tail)) = word {
                out.push_str(self.value(word, place)?);
                tail
            } else {
                out.push_str("${");
                after
            };
        }
        out.push_str(rest);
        Ok(out)
    }

    fn value(&self, word: &str, place: &str) -> Result<&str, UnknownVariable> {
        self.0.get(word).map(String::as_str).ok_or_else(|| UnknownVariable {
            word: word.to_owned(),
            place: place.to_owned(),
            known: self.0.keys().copied().collect::<Vec<_>>().join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_replaced_and_the_shells_own_expansions_are_left_alone() {
        let variables = Variables(BTreeMap::from([("line", "4.8".to_owned())]));
        let replace = |text| variables.replace(text, "a file");
        assert_eq!(replace("a ${line} b ${line}").unwrap(), "a 4.8 b 4.8");
        for shell in ["${1:-.}", "${log##*/}", "$HOME", "${", "a ${b"] {
            assert_eq!(replace(shell).unwrap(), shell);
        }
        assert_eq!(replace("${lien}").unwrap_err().to_string(), "unknown variable `${lien}` in a file; known: line");
    }
}
