//! What all pages share.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use signing::UtcTime;

use super::{Front, KeyFacts, PAGE, PAGE_SIGNATURE, System};
use crate::{KEY_FILE, KEY_FILE_ARMORED};

const STYLE: &str = include_str!("style.css");

/// Nothing is run, nothing is fetched: whatever a package smuggles in cannot do either.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// An icon that needs no request.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M8 1l6 3v8l-6 3-6-3V4z' \
                    fill='%230b5fad'/%3E%3Cpath d='M2.8 4.4L8 7l5.2-2.6M8 7v7' fill='none' stroke='%23fff'/%3E%3C/svg%3E";

/// A whole page.
pub(super) fn document(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" href=(ICON);
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    page.into_string() + "\n"
}

/// What to type on one system.
pub(super) fn steps(system: &System) -> Markup {
    html! {
        @for step in &system.steps {
            section.step {
                h3 { (step.title) }
                // One element a line: a click selects the whole of it, and what is copied has no line break but the last.
                div.commands { @for command in &step.commands { code { (command) } } }
            }
        }
    }
}

/// The keys that vouch for everything; two while one follows the other.
pub(super) fn keys(keys: &[KeyFacts], up: &str) -> Markup {
    html! {
        section #key {
            h2 { @if keys.len() > 1 { "Signing keys" } @else { "Signing key" } }
            @for (number, key) in keys.iter().enumerate() {
                dl.facts {
                    dt { "Fingerprint" }
                    dd { code id=[(number == 0).then_some("fingerprint")] { (grouped(&key.fingerprint)) } }
                    dt { "Owner" }
                    dd { bdi { (key.user_id) } }
                    dt { "Expires" }
                    dd id=[(number == 0).then_some("expires")] { (key.expires.as_deref().unwrap_or("never")) }
                }
            }
            dl.facts {
                dt { "Files" }
                dd {
                    a href={ (up) (KEY_FILE) } { (KEY_FILE) } " for apt, "
                    a href={ (up) (KEY_FILE_ARMORED) } { (KEY_FILE_ARMORED) } " for rpm"
                }
            }
        }
    }
}

/// When and from what, and how to check the page itself.
pub(super) fn foot(front: &Front, when: UtcTime, address: &str) -> Markup {
    html! {
        footer {
            p {
                "Packages of "
                time #date { (when.release_date()) }
                @if let Some(commit) = &front.commit { ", from commit " code #commit { (commit) } }
                "."
                @if is_address(&front.homepage) { " " a href=(front.homepage) rel="noreferrer" { "Project page" } }
            }
            p { "This page is signed by the key above: " a href=(PAGE_SIGNATURE) { (PAGE_SIGNATURE) } "." }
            div.commands {
                code { "curl -fsSO " (address) (PAGE) " -O " (address) (PAGE_SIGNATURE) }
                code { "gpg --verify " (PAGE_SIGNATURE) " " (PAGE) }
            }
        }
    }
}

/// In fours, as `gpg` shows it and people compare it.
fn grouped(fingerprint: &str) -> String {
    let digits: Vec<char> = fingerprint.chars().filter(|c| !c.is_whitespace()).collect();
    digits.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}
