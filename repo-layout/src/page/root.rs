//! The page at the root: which system takes which commands.

use std::collections::BTreeSet;

use maud::html;
use signing::UtcTime;

use super::{Front, KeyFacts, layout};
use crate::TreePath;

/// The page; systems without packages in the tree are not on it.
pub(super) fn page(front: &Front, keys: &[KeyFacts], when: UtcTime, present: &BTreeSet<TreePath>) -> String {
    let systems: Vec<_> = front.systems.iter().filter(|system| present.contains(&system.repository)).collect();
    let others = present.iter().filter(|path| front.systems_of(path).next().is_none());
    let body = html! {
        header {
            h1 { (front.name) " packages" }
            p.lead { "Signed apt and yum repositories at " code { (front.url) } }
        }
        main {
            section {
                h2 { "Choose your system" }
                p.hint { "Click a command to select it." }
                @for system in systems {
                    details name="system" {
                        summary { (system.title) }
                        (layout::steps(system))
                        p { a.onward href={ (system.repository) "/" } { "All packages for this system" } }
                    }
                }
                ul.plain {
                    @for path in others { li { a href={ (path) "/" } { (path) } } }
                }
            }
            (layout::keys(keys, ""))
        }
        (layout::foot(front, when, &format!("{}/", front.url)))
    };
    layout::document(&format!("{} packages", front.name), &body)
}
