//! One line of a list: which addresses, for which applications, until when.

use std::num::NonZeroI64;

pub use cloud_api::network::{Network, NoNetwork};

/// A list. They are searched in this order, and the first that has the address ends the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    /// Nothing is checked.
    Allow,
    /// Blocked.
    Deny,
    /// Attacks are blocked in mode `safe_blocking`.
    Gray,
}

impl List {
    /// Every list, in the order of the search.
    pub const ALL: [Self; 3] = [Self::Allow, Self::Deny, Self::Gray];

    /// The name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Gray => "gray",
        }
    }

    /// The list with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.name() == name)
    }
}

/// A line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its list.
    pub list: List,
    /// The addresses.
    pub network: Network,
    /// The applications that it is for, -1 for requests that belong to none; empty for all.
    pub applications: Vec<NonZeroI64>,
    /// Unix time at which it ends; none for never.
    pub expires_at: Option<u64>,
}
