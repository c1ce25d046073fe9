//! What a regular expression cannot tell: detectors that know a language, a file each.
//!
//! A detector gets one decoded value for which a rule found a sign, and answers with the bytes that are the attack, or nothing.
//! It holds no state, allocates nothing, looks at each byte a bounded number of times, and never fails.

mod html;
mod path;
mod redirect;
mod shell;
pub mod sql;
mod text;
mod url;
mod xss;

use std::ops::Range;

use crate::scan::Place;

macro_rules! detectors {
    ($($(#[doc = $doc:literal])+ $variant:ident = $number:literal, $name:literal, $confirm:path;)+) => {
        /// A detector that a rule may ask.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Detector {
            $($(#[doc = $doc])+ $variant = $number,)+
        }

        impl Detector {
            /// Every detector, by number.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name in rule sources.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The part of the value that is an attack in this detector's language.
            #[must_use]
            pub fn confirm(self, value: &[u8], place: Place) -> Option<Range<usize>> {
                match self { $(Self::$variant => $confirm(value, place),)+ }
            }
        }
    };
}

detectors! {
    /// SQL that breaks out of, or stands in for, a value in a query.
    Sql = 1, "sql", sql::confirm;
    /// HTML and JavaScript that a browser would run.
    Xss = 2, "xss", xss::confirm;
    /// Commands for a Unix or Windows shell.
    Shell = 3, "shell", shell::confirm;
    /// Paths that climb out of a folder or lead to a file of the system.
    Path = 4, "path", path::confirm;
    /// Addresses that only the server itself can reach.
    InnerUrl = 5, "inner-url", url::confirm;
    /// Addresses in disguise, which lead a browser elsewhere.
    Redirect = 6, "redirect", redirect::confirm;
}

impl Detector {
    /// Its number in a `proton.db`, never 0.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The detector with this number.
    #[must_use]
    pub fn by_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|detector| detector.number() == number)
    }

    /// The detector with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|detector| detector.name() == name)
    }
}
