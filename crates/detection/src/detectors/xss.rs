//! Cross-site scripting: HTML and JavaScript that would run in the browser of someone else.
//!
//! A value ends up as text of a page, in an attribute, in an address or in a script, and is read in each of these ways. HTML that
//! only formats – what an editor for rich text sends – is clean; so is the mention of a tag in a sentence.

use std::ops::Range;

use super::html::{Attribute, Attributes, Tag, is_event};
use super::text::{Budget, find, is_one_of, range_of, starts_with, trimmed, words};
use crate::scan::Place;

/// The bytes of the tag, the attribute or the address that would run.
pub fn confirm(value: &[u8], _place: Place) -> Option<Range<usize>> {
    in_text(value).or_else(|| in_attribute(value)).or_else(|| as_address(value))
}

/// Reads the value as the text of a page.
fn in_text(value: &[u8]) -> Option<Range<usize>> {
    let mut budget = Budget::of(value);
    let mut from = 0;
    loop {
        let start = from + memchr::memchr(b'<', value.get(from..)?)?;
        from = start + 1;
        let rest = value.get(start..)?;
        let rest = rest.get(..TAG_LENGTH).unwrap_or(rest);
        let Some(tag) = Tag::at(rest) else { continue };
        // Without a `>` the tag reaches to the end; that many such tags are read again and again, the budget bounds.
        let length = rest.iter().position(|byte| *byte == b'>').map_or(rest.len(), |end| end + 1);
        if !budget.spend(length) {
            return None;
        }
        if is_active(&tag, value.get(..start)?) {
            return Some(start..start + length);
        }
    }
}

/// The furthest that the attributes of a tag, or the script behind it, are looked at.
const TAG_LENGTH: usize = 4096;

/// Whether a tag runs something.
fn is_active(tag: &Tag<'_>, before: &[u8]) -> bool {
    let name =
        tag.name.iter().rposition(|byte| *byte == b':').and_then(|colon| tag.name.get(colon + 1..)).unwrap_or(tag.name);
    if is_one_of(name, &["script"]) {
        return is_script(tag, before);
    }
    if tag.attributes().any(|attribute| is_active_attribute(&attribute)) {
        return true;
    }
    let has = |name: &str| tag.attribute(name.as_bytes());
    let refresh = || has("http-equiv").is_some_and(|kind| is_one_of(kind.value, &["refresh", "set-cookie"]));
    let names_script =
        |value: &[u8]| starts_with(value, b"href") || starts_with(value, b"xlink") || starts_with(value, b"on");
    match name {
        name if is_one_of(name, &["iframe", "frame", "embed", "object"]) => is_foreign_frame(tag),
        name if is_one_of(name, &["meta"]) => {
            refresh() && has("content").is_some_and(|content| !content.value.is_empty())
        }
        name if is_one_of(name, &["base"]) => has("href").is_some_and(|address| address.value.contains(&b'/')),
        name if is_one_of(name, &["link"]) => {
            has("rel").is_some_and(|kind| is_one_of(kind.value, &["import", "stylesheet"])) && has("href").is_some()
        }
        name if is_one_of(name, &["applet", "bgsound", "isindex", "xss"]) => tag.attributes().next().is_some(),
        name if is_one_of(name, &["animate", "set", "animatetransform"]) => {
            has("attributename").is_some_and(|target| names_script(target.value))
        }
        name if is_one_of(name, &["form"]) => {
            breaks_out(before) && has("action").is_some_and(|action| find(action.value, b"//", 0).is_some())
        }
        name if is_one_of(name, &["svg", "math"]) => breaks_out(before),
        name if is_one_of(name, &["style"]) => is_active_style(tag.behind()),
        _ => false,
    }
}

/// Whether the text in front of a tag closes an attribute or a tag first.
fn breaks_out(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    before.ends_with(b"\">") || before.ends_with(b"'>") || before.ends_with(b"/>") && before.len() < 4
}

/// `<script>` runs when it has something to run; a sentence may name it.
fn is_script(tag: &Tag<'_>, before: &[u8]) -> bool {
    let only_data = tag
        .attribute(b"type")
        .is_some_and(|kind| is_one_of(kind.value, &["application/ld+json", "application/json", "text/template"]));
    if tag
        .attributes()
        .any(|attribute| is_one_of(attribute.name, &["src", "href", "xlink:href"]) || is_event(attribute.name))
    {
        return true;
    }
    let behind = tag.behind();
    let end = behind.iter().position(|byte| *byte == b'<').unwrap_or(behind.len());
    let (code, closing) = behind.split_at_checked(end).unwrap_or((behind, &[]));
    let start = code.get(..48).unwrap_or(code);
    let mentioned = start.first().is_some_and(u8::is_ascii_whitespace) && words(start, 3) == 3;
    if only_data || mentioned {
        return false;
    }
    let code = code.trim_ascii();
    let few_words = words(code, 3) < 3;
    let runs = is_code(code) || few_words && code.iter().any(|byte| matches!(byte, b'=' | b'`' | b'{' | b'[' | b'\\'));
    let closed = starts_with(closing, b"</script") && !code.is_empty() && few_words;
    let alone = code.is_empty() && (before.trim_ascii().is_empty() || breaks_out(before)) && behind.len() < 64;
    runs || closed || alone
}

/// Whether an attribute runs what it holds.
fn is_active_attribute(attribute: &Attribute<'_>) -> bool {
    const ADDRESSES: &[&str] = &[
        "href",
        "src",
        "action",
        "formaction",
        "data",
        "xlink:href",
        "poster",
        "background",
        "dynsrc",
        "lowsrc",
        "from",
        "to",
        "values",
        "srcset",
        "code",
        "codebase",
        "content",
        "cite",
        "manifest",
    ];
    if is_event(attribute.name) {
        return !attribute.value.is_empty();
    }
    if is_one_of(attribute.name, ADDRESSES) {
        return is_script_address(attribute.value);
    }
    if is_one_of(attribute.name, &["srcdoc"]) {
        return attribute.value.contains(&b'<') || find(attribute.value, b"&lt", 0).is_some();
    }
    is_one_of(attribute.name, &["style"]) && is_active_style(attribute.value)
}

/// Whether a style runs script, in browsers of old.
fn is_active_style(style: &[u8]) -> bool {
    let style = style.get(..TAG_LENGTH).unwrap_or(style);
    ["expression(", "javascript:", "behavior:", "-moz-binding", "vbscript:", "@import"]
        .iter()
        .any(|sign| find(style, sign.as_bytes(), 0).is_some())
}

/// Whether a frame shows something that an editor would not have put there: editors write whole addresses in quotes, and a size.
fn is_foreign_frame(tag: &Tag<'_>) -> bool {
    let address = tag.attributes().find(|attribute| is_one_of(attribute.name, &["src", "data", "code"]));
    let shaped = tag.attributes().any(|attribute| {
        is_one_of(attribute.name, &["width", "height", "allow", "allowfullscreen", "frameborder", "title"])
    });
    address.is_some_and(|address| !(address.value.is_empty() || address.quoted && shaped))
}

/// Reads the value as the inside of an attribute: a quote ends it, or a space when there are no quotes.
fn in_attribute(value: &[u8]) -> Option<Range<usize>> {
    // Whatever runs is the value of an attribute.
    memchr::memchr(b'=', value)?;
    let mut budget = Budget::of(value);
    let quote = value.iter().position(|byte| matches!(byte, b'"' | b'\'')).unwrap_or(value.len());
    let mut from = 0;
    loop {
        let at = find_on(value, from)?;
        from = at + 2;
        let edge = at.checked_sub(1).and_then(|before| value.get(before)).unwrap_or(&b' ');
        if !(edge.is_ascii_whitespace() || matches!(edge, 0x0b | b'/' | b'"' | b'\'')) {
            continue;
        }
        let rest = value.get(at..)?;
        let rest = rest.get(..TAG_LENGTH).unwrap_or(rest);
        let Some(attribute) = Attributes::inside(rest).next() else { continue };
        if !budget.spend(attribute.name.len() + attribute.value.len()) {
            return None;
        }
        // Behind a quote anything that runs is enough; elsewhere it has to look like script.
        if is_event(attribute.name) && (is_code(attribute.value) || quote < at && is_short_code(attribute.value)) {
            return Some(at..value.len());
        }
    }
}

/// Where the next `on` of any case stands.
fn find_on(value: &[u8], from: usize) -> Option<usize> {
    let found = value.get(from..)?.windows(2).position(|pair| pair.eq_ignore_ascii_case(b"on"))?;
    Some(from + found)
}

/// Whether a text calls or sets something: a name followed by a bracket, a backtick or an equals sign.
fn is_code(text: &[u8]) -> bool {
    let called = text.windows(2).any(|pair| {
        let [name, sign] = pair else { return false };
        (name.is_ascii_alphanumeric() || matches!(name, b'_' | b']' | b')' | b'\'' | b'"' | b'/'))
            && matches!(sign, b'(' | b'`')
    });
    called
        || find(text, b"javascript:", 0).is_some()
        || find(text, b"location=", 0).is_some()
        || find(text, b"&#", 0).is_some()
        || find(text, b"&lpar", 0).is_some()
}

/// Whether a text in the place of a script may be one: something stands there, and it is not a sentence.
fn is_short_code(text: &[u8]) -> bool {
    !text.is_empty()
        && words(text, 2) < 2
        && text.iter().any(|byte| matches!(byte, b'(' | b'=' | b'`' | b'.' | b'[' | b'+' | b'\\' | b';'))
}

/// Reads the value as an address.
fn as_address(value: &[u8]) -> Option<Range<usize>> {
    let (start, address) = trimmed(value);
    is_script_address(address).then(|| range_of(start, address))
}

/// Whether an address runs script. Browsers skip control characters and white space in the scheme.
fn is_script_address(address: &[u8]) -> bool {
    if let Some(code) = behind_scheme(address, b"javascript:") {
        return is_scripted(code);
    }
    if behind_scheme(address, b"vbscript:").is_some_and(|code| !code.trim_ascii().is_empty() && words(code, 3) < 3) {
        return true;
    }
    let Some(data) = behind_scheme(address, b"data:") else { return false };
    let active = [
        "text/html",
        "text/javascript",
        "application/javascript",
        "image/svg+xml",
        "text/xml",
        "application/xhtml",
        ",<script",
    ];
    let kind = active.iter().position(|kind| starts_with(data.trim_ascii_start(), kind.as_bytes()));
    match kind {
        // A picture that holds no script is what many a page inlines.
        Some(3) => find(data, b"<script", 0).is_some() || find(data, b"onload", 0).is_some(),
        found => found.is_some(),
    }
}

/// Whether what follows `javascript:` is script that does something. `void(0)` does nothing, and a sentence is none.
fn is_scripted(code: &[u8]) -> bool {
    let text = code.trim_ascii();
    let idle = text.strip_suffix(b";").unwrap_or(text);
    if idle.is_empty() || is_one_of(idle, &["void(0)", "void 0", "void(null)", "false", "return false"]) {
        return false;
    }
    let sentence = code.first().is_some_and(u8::is_ascii_whitespace) && words(text, 3) >= 2;
    if sentence {
        return ["alert(", "document.", "window.", "eval("].iter().any(|sign| find(text, sign.as_bytes(), 0).is_some());
    }
    is_code(text) || text.iter().any(|byte| matches!(byte, b'=' | b'[' | b'%' | b'/' | b'`' | b'\\'))
}

/// What follows `scheme` at the start of an address.
fn behind_scheme<'a>(address: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let mut wanted = scheme.iter();
    let mut next = wanted.next()?;
    for (at, byte) in address.iter().enumerate().skip_while(|(_, byte)| **byte <= b' ') {
        if matches!(byte, b'\t' | b'\n' | b'\r' | 0) {
            continue;
        }
        if !byte.eq_ignore_ascii_case(next) {
            return None;
        }
        match wanted.next() {
            Some(letter) => next = letter,
            None => return address.get(at + 1..),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_attack(value: &str) -> bool {
        confirm(value.as_bytes(), Place::QueryValue).is_some()
    }

    #[test]
    fn what_a_browser_would_run_is_an_attack() {
        for attack in [
            "<script>alert(1)</script>",
            "<SCRIPT SRC=//x.example/a.js>",
            "<img src=x onerror=alert(1)>",
            "\" onmouseover=alert(1) x=\"",
            "<svg/onload=alert`1`>",
            "<a href=' java\tscript:alert(1)'>x</a>",
            "javascript:alert(document.domain)",
            "data:text/html,<script>alert(1)</script>",
            "<iframe src=//x.example>",
            "x onfocus=alert(1) autofocus",
            "<body onload=\"fetch('//x')\">",
        ] {
            assert!(is_attack(attack), "{attack}");
        }
    }

    #[test]
    fn formatting_mentions_and_comparisons_are_clean() {
        for clean in [
            "1 < 2 and 3 > 2",
            "Vec<String>",
            "<3 you",
            "<p style=\"color: red\">Hello <b>you</b></p>",
            "<a href=\"https://example.com/a?b=c\">link</a>",
            "Put the <script> tag at the end of the body",
            "JavaScript: The Good Parts (2008)",
            "<iframe width=\"560\" src=\"https://video.example/embed/7\" allowfullscreen></iframe>",
            "javascript:void(0)",
            "turn it on = good",
            "Jane <jane@example.com>",
            "based on error=5 in the log",
        ] {
            assert!(!is_attack(clean), "{clean}");
        }
    }
}
