//! HTML as a browser takes it apart: tags, their names and attributes. See the tokenization of the HTML Standard, section 13.2.5.

/// A start tag.
#[derive(Clone, Copy, Debug)]
pub struct Tag<'a> {
    /// Its name as written.
    pub name: &'a [u8],
    /// What stands behind the name, up to the end of the value.
    inside: &'a [u8],
}

/// One attribute of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its name as written.
    pub name: &'a [u8],
    /// Its value without quotes; nothing if there is none.
    pub value: &'a [u8],
    /// Whether the value stands in quotes.
    pub quoted: bool,
}

impl<'a> Tag<'a> {
    /// The start tag at the start of `html`, which begins with `<`.
    pub fn at(html: &'a [u8]) -> Option<Self> {
        let inside = html.strip_prefix(b"<")?;
        if !inside.first()?.is_ascii_alphabetic() {
            return None;
        }
        let length = inside.iter().position(|byte| ends_name(*byte)).unwrap_or(inside.len());
        let (name, inside) = inside.split_at_checked(length)?;
        Some(Self { name, inside })
    }

    /// Its attributes, in order.
    pub const fn attributes(&self) -> Attributes<'a> {
        Attributes { rest: self.inside }
    }

    /// The value of the attribute with this name in lower case.
    pub fn attribute(&self, name: &[u8]) -> Option<Attribute<'a>> {
        self.attributes().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }

    /// What follows the tag.
    pub fn behind(&self) -> &'a [u8] {
        let mut attributes = self.attributes();
        attributes.by_ref().for_each(drop);
        attributes.rest.strip_prefix(b">").unwrap_or(attributes.rest)
    }
}

/// The attributes of a tag, or what would be attributes if the value stood inside a tag.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// Reads `inside` as the inside of a tag.
    pub const fn inside(inside: &'a [u8]) -> Self {
        Self { rest: inside }
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().take_while(|byte| wanted(**byte)).count();
        self.take(length)
    }

    /// The value behind `=`, and whether it stands in quotes.
    fn value(&mut self) -> (&'a [u8], bool) {
        self.take_while(is_space);
        match self.rest.first() {
            Some(&quote @ (b'"' | b'\'' | b'`')) => {
                self.take(1);
                let value = self.take_while(|byte| byte != quote);
                self.take(1);
                (value, quote != b'`')
            }
            _ => (self.take_while(|byte| !is_space(byte) && byte != b'>'), false),
        }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        self.take_while(|byte| is_space(byte) || matches!(byte, b'/' | b'"' | b'\''));
        let name = match self.rest.first()? {
            b'>' => return None,
            _ => self.take_while(|byte| !ends_name(byte) && byte != b'='),
        };
        let before = self.rest;
        self.take_while(is_space);
        if self.rest.first() != Some(&b'=') {
            self.rest = before;
            return if name.is_empty() { None } else { Some(Attribute { name, value: &[], quoted: false }) };
        }
        self.take(1);
        let (value, quoted) = self.value();
        Some(Attribute { name, value, quoted })
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ' | 0x0b | 0)
}

const fn ends_name(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'/' | b'>')
}

/// Whether an attribute with this name holds script: `onclick` and its like. Only names that browsers know count, since `only=` and
/// `once=` are the names of many a parameter.
pub fn is_event(name: &[u8]) -> bool {
    const EVENTS: [&str; 70] = [
        "abort",
        "after",
        "animation",
        "auxclick",
        "before",
        "begin",
        "blur",
        "bounce",
        "cancel",
        "canplay",
        "change",
        "click",
        "close",
        "content",
        "context",
        "copy",
        "cue",
        "cut",
        "dblclick",
        "drag",
        "drop",
        "duration",
        "emptied",
        "end",
        "error",
        "finish",
        "focus",
        "form",
        "fullscreen",
        "gesture",
        "gotpointer",
        "hash",
        "input",
        "invalid",
        "key",
        "load",
        "lostpointer",
        "message",
        "mouse",
        "page",
        "paste",
        "pause",
        "play",
        "pointer",
        "popstate",
        "progress",
        "readystate",
        "repeat",
        "reset",
        "resize",
        "scroll",
        "search",
        "seek",
        "select",
        "show",
        "start",
        "submit",
        "toggle",
        "touch",
        "transition",
        "unhandled",
        "unload",
        "webkit",
        "wheel",
        "volume",
        "waiting",
        "ratechange",
        "stalled",
        "suspend",
        "timeupdate",
    ];
    if !super::text::starts_with(name, b"on") {
        return false;
    }
    let event = name.get(2..).unwrap_or_default();
    let known = |start: &&str| super::text::starts_with(event, start.as_bytes());
    event.iter().all(u8::is_ascii_alphabetic) && EVENTS.iter().any(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(html: &str) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let tag = Tag::at(html.as_bytes()).unwrap();
        tag.attributes().map(|attribute| (text(attribute.name), text(attribute.value))).collect()
    }

    #[test]
    fn attributes_are_read_with_any_quotes_and_any_space() {
        let pairs = attributes("<img/src=x onerror = 'a b' alt=\"c\" hidden>text x=y");
        let expected = [("src", "x"), ("onerror", "a b"), ("alt", "c"), ("hidden", "")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_follows_a_tag_is_found() {
        assert_eq!(Tag::at(b"<a href='>'>x</a>").unwrap().behind(), b"x</a>");
        assert_eq!(Tag::at(b"<a href").unwrap().behind(), b"");
    }

    #[test]
    fn events_are_those_of_browsers() {
        for event in ["onclick", "ONERROR", "onpointerrawupdate", "onanimationstart", "onwebkittransitionend"] {
            assert!(is_event(event.as_bytes()), "{event}");
        }
        for other in ["online", "only", "once", "on", "one", "click", "on-click"] {
            assert!(!is_event(other.as_bytes()), "{other}");
        }
    }
}
