//! `wallarm_block_page`: what a blocked client is shown.

mod template;

use std::path::PathBuf;

use crate::verdict::BlockReason;

pub use template::{LARGEST_PAGE, PageError, Template};

/// What a line of `wallarm_block_page` sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockPage {
    /// What is shown.
    pub target: Target,
    /// The status code of the response; a redirect takes its own from [`BlockPage::redirect_code`].
    pub code: u16,
    reasons: Reasons,
}

/// What a blocked client is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `&/path`: a file, in which `${variable}` is replaced.
    Page(PathBuf),
    /// `/path`: the client is sent there. May hold variables.
    Redirect(String),
    /// `@name`: a named location answers.
    Location(String),
    /// `$var`, `&$var`: one of the above, which the value chooses.
    Chosen {
        /// The text with variables, without the `&`.
        text: String,
        /// Whether the value is the path of a file.
        page: bool,
    },
}

/// For which reasons a page is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reasons {
    attack: bool,
    acl_ip: bool,
    acl_source: bool,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockPageError {
    /// No target, or none that is known.
    #[error(
        "\"{0}\" is no page: write \"&/path\" for a file, \"/path\" for a redirect, \"@name\" for a named location, or a variable"
    )]
    Target(String),
    /// Not a code.
    #[error("\"response_code={0}\" is not a status code between 200 and 599")]
    Code(String),
    /// Not a reason.
    #[error("\"{0}\" is not a type of blocking: known are attack, acl_ip and acl_source")]
    Reason(String),
    /// A parameter that does not exist.
    #[error("unknown parameter \"{0}\": known are response_code= and type=")]
    Unknown(String),
    /// A parameter given twice.
    #[error("\"{0}\" is given twice")]
    Twice(String),
}

impl BlockPage {
    /// The code that NGINX gives a blocked request when nothing is set.
    pub const DEFAULT_CODE: u16 = 403;

    /// Reads the arguments of the directive.
    ///
    /// # Errors
    ///
    /// When one is missing, unknown, given twice or out of range.
    pub fn parse<T: AsRef<str>>(arguments: &[T]) -> Result<Self, BlockPageError> {
        let mut arguments = arguments.iter().map(AsRef::as_ref);
        let target = Target::parse(arguments.next().unwrap_or_default())?;
        let (mut code, mut reasons) = (None, None);
        for argument in arguments {
            let again = match argument.split_once('=') {
                Some(("response_code", value)) => code.replace(parse_code(value)?).is_some(),
                Some(("type", value)) => reasons.replace(Reasons::parse(value)?).is_some(),
                _ => return Err(BlockPageError::Unknown(argument.to_owned())),
            };
            if again {
                return Err(BlockPageError::Twice(argument.to_owned()));
            }
        }
        let reasons = reasons.unwrap_or(Reasons { attack: true, ..Reasons::default() });
        Ok(Self { target, code: code.unwrap_or(Self::DEFAULT_CODE), reasons })
    }

    /// Whether the page is for this reason. A virtual patch is an attack.
    #[must_use]
    pub const fn is_for(&self, reason: BlockReason) -> bool {
        match reason {
            BlockReason::Attack | BlockReason::VirtualPatch => self.reasons.attack,
            BlockReason::AclIp => self.reasons.acl_ip,
            BlockReason::AclSource => self.reasons.acl_source,
        }
    }

    /// The code of a redirect: the one that was set if it is one of a redirect with a place (RFC 9110, section 15.4), else 302.
    #[must_use]
    pub const fn redirect_code(&self) -> u16 {
        match self.code {
            301 | 302 | 303 | 307 | 308 => self.code,
            _ => 302,
        }
    }
}

impl Target {
    fn parse(text: &str) -> Result<Self, BlockPageError> {
        let error = || BlockPageError::Target(text.to_owned());
        let (rest, page) = text.strip_prefix('&').map_or((text, false), |rest| (rest, true));
        match rest.bytes().next() {
            Some(b'$') if rest.len() > 1 => Ok(Self::Chosen { text: rest.to_owned(), page }),
            _ => Self::fixed(rest, page).ok_or_else(error),
        }
    }

    /// The target that a variable's value names; `page` as in [`Target::Chosen`]. None when it names nothing: the client then gets
    /// the bare code.
    #[must_use]
    pub fn by_value(value: &str, page: bool) -> Option<Self> {
        let (rest, page) = value.strip_prefix('&').map_or((value, page), |rest| (rest, true));
        Self::fixed(rest, page)
    }

    fn fixed(text: &str, page: bool) -> Option<Self> {
        match (text.bytes().next()?, page) {
            (b'/', true) => Some(Self::Page(PathBuf::from(text))),
            (b'/', false) => Some(Self::Redirect(text.to_owned())),
            (b'@', false) if text.len() > 1 => Some(Self::Location(text.to_owned())),
            _ => None,
        }
    }
}

impl Reasons {
    fn parse(list: &str) -> Result<Self, BlockPageError> {
        let mut reasons = Self::default();
        for name in list.split(',') {
            match name {
                "attack" => reasons.attack = true,
                "acl_ip" => reasons.acl_ip = true,
                "acl_source" => reasons.acl_source = true,
                _ => return Err(BlockPageError::Reason(name.to_owned())),
            }
        }
        Ok(reasons)
    }
}

fn parse_code(value: &str) -> Result<u16, BlockPageError> {
    let code = value.parse().ok().filter(|code| (200..600).contains(code) && value.len() == 3);
    code.ok_or_else(|| BlockPageError::Code(value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(line: &str) -> Result<BlockPage, BlockPageError> {
        BlockPage::parse(&line.split(' ').collect::<Vec<_>>())
    }

    #[test]
    fn the_first_characters_of_a_target_say_what_it_is() {
        let target = |line| page(line).unwrap().target;
        assert_eq!(target("&/usr/share/p.html"), Target::Page("/usr/share/p.html".into()));
        assert_eq!(target("/blocked"), Target::Redirect("/blocked".into()));
        assert_eq!(target("@blocked"), Target::Location("@blocked".into()));
        assert_eq!(target("$page"), Target::Chosen { text: "$page".into(), page: false });
        assert_eq!(target("&$page"), Target::Chosen { text: "$page".into(), page: true });
    }

    #[test]
    fn a_page_is_for_attacks_and_403_unless_told_otherwise() {
        let default = page("&/p").unwrap();
        assert_eq!(default.code, 403);
        let shown = |page: &BlockPage| {
            [BlockReason::Attack, BlockReason::VirtualPatch, BlockReason::AclIp, BlockReason::AclSource]
                .map(|reason| page.is_for(reason))
        };
        assert_eq!(shown(&default), [true, true, false, false]);
        let lists = page("&/p response_code=445 type=acl_ip,acl_source").unwrap();
        assert_eq!(lists.code, 445);
        assert_eq!(shown(&lists), [false, false, true, true]);
    }

    #[test]
    fn a_redirect_takes_a_code_that_clients_follow() {
        assert_eq!(page("/p").unwrap().redirect_code(), 302);
        assert_eq!(page("/p response_code=445").unwrap().redirect_code(), 302);
        assert_eq!(page("/p response_code=307").unwrap().redirect_code(), 307);
    }

    #[test]
    fn a_value_chooses_the_kind_of_target_too() {
        assert_eq!(Target::by_value("/p.html", true), Some(Target::Page("/p.html".into())));
        assert_eq!(Target::by_value("&/p.html", false), Some(Target::Page("/p.html".into())));
        assert_eq!(Target::by_value("/p", false), Some(Target::Redirect("/p".into())));
        assert_eq!(Target::by_value("@p", false), Some(Target::Location("@p".into())));
        for nothing in ["", "p", "@", "$p", "&", "&@p", "&&/p", "é"] {
            assert_eq!(Target::by_value(nothing, false), None, "{nothing}");
        }
    }

    #[test]
    fn lines_that_mean_nothing_are_refused_by_name() {
        for (line, part) in [
            ("", "\"\" is no page"),
            ("page.html", "\"page.html\" is no page"),
            ("&@name", "\"&@name\" is no page"),
            ("$", "\"$\" is no page"),
            ("/p response_code=99", "\"response_code=99\""),
            ("/p response_code=+403", "\"response_code=+403\""),
            ("/p type=attacks", "\"attacks\" is not a type"),
            ("/p type=", "\"\" is not a type"),
            ("/p type=attack type=acl_ip", "\"type=acl_ip\" is given twice"),
            ("/p code=403", "unknown parameter \"code=403\""),
        ] {
            let message = page(line).unwrap_err().to_string();
            assert!(message.contains(part), "{line}: {message}");
        }
    }
}
