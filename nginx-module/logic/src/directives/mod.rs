//! The directives of the module.
//!
//! [`TABLE`] declares each once: where it may stand, the form of its value, its default, and what it sets. NGINX's own list of
//! commands, the checks, the messages and `docs/directives.md` all come from it.

mod document;
mod table;

pub use document::document;
pub use table::TABLE;

use crate::settings::{BlockRead, Dynamic, GlobalRead, TemplateId};
use crate::value::ValueError;
use std::ffi::CStr;
use std::path::PathBuf;

/// The blocks in which a directive may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contexts {
    /// `http`: it holds for the whole server.
    Http,
    /// `http`, `server`, `location`.
    HttpServerLocation,
    /// `server`, `location`.
    ServerLocation,
    /// Outside of all blocks.
    Main,
}

impl Contexts {
    /// The names of the blocks.
    #[must_use]
    pub const fn names(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::HttpServerLocation => "http, server, location",
            Self::ServerLocation => "server, location",
            Self::Main => "main",
        }
    }
}

/// How many arguments a directive takes; NGINX checks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// Exactly one.
    One,
    /// Exactly two.
    Two,
    /// None to two.
    UpToTwo,
    /// One or more.
    Some,
    /// Any number: the directive is gone, and says so whatever follows it.
    Any,
}

/// What a directive does.
pub enum Effect {
    /// Sets something.
    Set(fn(&mut Reading<'_>, Arguments<'_>) -> Result<(), ValueError>),
    /// The same, but nothing in this version asks for what is set.
    Idle(fn(&mut Reading<'_>, Arguments<'_>) -> Result<(), ValueError>),
    /// Does what the directive of this name does, after a warning.
    Renamed(&'static str),
    /// Is an error which names what to do instead.
    Removed(&'static str),
}

/// A directive.
pub struct Directive {
    /// Its name.
    pub name: &'static str,
    /// Its name as C has it, since NGINX compares names so.
    pub c_name: &'static CStr,
    /// Where it may stand.
    pub contexts: Contexts,
    /// The number of arguments.
    pub arity: Arity,
    /// The form of its value, for people.
    pub syntax: &'static str,
    /// What holds when nobody sets it, for people; a dash is nothing.
    pub default: &'static str,
    /// What it is for, in one line.
    pub summary: &'static str,
    /// What it does.
    pub effect: Effect,
}

/// What NGINX offers while it reads a configuration.
pub trait Host {
    /// Compiles a text with variables.
    ///
    /// # Errors
    ///
    /// When a variable does not exist or the text is malformed; the string says which.
    fn template(&mut self, text: &str) -> Result<TemplateId, String>;

    /// The absolute path: relative ones start at NGINX's configuration folder.
    fn path(&self, text: &str) -> PathBuf;

    /// `file:line` that is being read.
    fn place(&self) -> String;
}

/// The state of reading one block.
pub struct Reading<'a> {
    /// What holds for the whole `http` block.
    pub global: &'a mut GlobalRead,
    /// What holds for this block.
    pub block: &'a mut BlockRead,
    /// NGINX.
    pub host: &'a mut dyn Host,
}

impl Reading<'_> {
    /// A value that may hold variables: `read` is asked only when it holds none.
    fn dynamic<T>(
        &mut self,
        text: &str,
        read: impl FnOnce(&str) -> Result<T, ValueError>,
    ) -> Result<Dynamic<T>, ValueError> {
        if !text.contains('$') {
            return read(text).map(Dynamic::Fixed);
        }
        self.template(text).map(Dynamic::Template)
    }

    /// A text that NGINX evaluates for each request.
    fn template(&mut self, text: &str) -> Result<TemplateId, ValueError> {
        self.host.template(text).map_err(|reason| ValueError::Text { value: text.to_owned(), reason })
    }

    /// A path, made absolute.
    fn path(&self, text: &str) -> Result<PathBuf, ValueError> {
        crate::value::text(text).map(|text| self.host.path(&text))
    }
}

/// The arguments of a directive, without its name.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a>(pub &'a [&'a str]);

impl<'a> Arguments<'a> {
    /// The first one; empty when there is none, which the arity excludes where it matters.
    fn first(self) -> &'a str {
        self.0.first().copied().unwrap_or_default()
    }

    /// The argument in this place.
    fn get(self, place: usize) -> &'a str {
        self.0.get(place).copied().unwrap_or_default()
    }
}

/// What reading a directive led to, besides the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Nothing to say.
    None,
    /// The name is old; this is the new one.
    Deprecated(&'static str),
}

/// Why a directive is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectiveError {
    /// The value is wrong.
    #[error("\"{name}\" directive: {source}")]
    Value {
        /// The directive.
        name: &'static str,
        /// What is wrong with the value.
        source: ValueError,
    },
    /// The directive no longer exists.
    #[error("\"{name}\" is no longer supported: {instead}")]
    Removed {
        /// The directive.
        name: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// The table names a replacement that it does not hold.
    #[error("\"{0}\" directive: its replacement is unknown, which is a defect of this module")]
    NoReplacement(&'static str),
}

impl Directive {
    /// The directive with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        TABLE.iter().find(|directive| directive.name == name)
    }

    /// Reads one occurrence of it.
    ///
    /// # Errors
    ///
    /// When the value is wrong, stands twice, or the directive is gone.
    pub fn read(&self, reading: &mut Reading<'_>, arguments: Arguments<'_>) -> Result<Note, DirectiveError> {
        match self.effect {
            Effect::Set(set) | Effect::Idle(set) => {
                set(reading, arguments).map_err(|source| DirectiveError::Value { name: self.name, source })?;
                Ok(Note::None)
            }
            Effect::Renamed(new) => {
                let new = Self::by_name(new).ok_or(DirectiveError::NoReplacement(self.name))?;
                let (Effect::Set(set) | Effect::Idle(set)) = new.effect else {
                    return Err(DirectiveError::NoReplacement(self.name));
                };
                set(reading, arguments).map_err(|source| DirectiveError::Value { name: self.name, source })?;
                Ok(Note::Deprecated(new.name))
            }
            Effect::Removed(instead) => Err(DirectiveError::Removed { name: self.name, instead }),
        }
    }
}

#[cfg(test)]
mod tests;
