//! `docs/directives.md`, written from the table.

use super::{Effect, TABLE};
use std::fmt::Write as _;

/// The whole document.
#[must_use]
pub fn document() -> String {
    let mut text = String::from(
        "# Directives of the NGINX module\n\n\
         Written from the table in `nginx-module/logic/src/directives/table.rs`; a test compares the two. Inner blocks override \
         outer ones. Sizes take `k`, `m` and `g`; values may be quoted.\n\n\
         | Directive | Blocks | Value | Default | Meaning |\n|---|---|---|---|---|\n",
    );
    for directive in TABLE.iter().filter(|directive| matches!(directive.effect, Effect::Set(_) | Effect::Idle(_))) {
        let syntax = directive.syntax.replace('|', "\\|");
        let default = if directive.default == "-" { "–".to_owned() } else { format!("`{}`", directive.default) };
        let idle = if matches!(directive.effect, Effect::Idle(_)) { " *Read and checked, no effect yet.*" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {} | `{syntax}` | {default} | {}{idle} |",
            directive.name,
            directive.contexts.names(),
            directive.summary
        );
    }
    text.push_str("\n## Old names\n\nThey work, and log a warning.\n\n| Old | Now |\n|---|---|\n");
    for directive in TABLE {
        if let Effect::Renamed(new) = directive.effect {
            let _ = writeln!(text, "| `{}` | `{new}` |", directive.name);
        }
    }
    text.push_str("\n## Gone\n\nNGINX refuses to start with them.\n\n| Directive | Instead |\n|---|---|\n");
    for directive in TABLE {
        if let Effect::Removed(instead) = directive.effect {
            let _ = writeln!(text, "| `{}` | {instead} |", directive.name);
        }
    }
    text
}
