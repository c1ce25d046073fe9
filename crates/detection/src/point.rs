//! Request points: where in a request a value stands.
//!
//! A point is a path of tags and keys, as in `[query, 'id', array, 1]`. During an inspection it is a chain of nodes, each of
//! which knows its parent; text is made of it only when something was found there.

use std::fmt::{self, Display, Write as _};

use crate::values::{Buffers, Slice};

/// Declares each tag with the text that stands for it.
macro_rules! tags {
    ($($variant:ident = $text:literal,)+) => {
        /// What a step of a point is called.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Tag {
            $($variant,)+
        }

        impl Tag {
            /// The tag in points and custom rules.
            pub(crate) const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

tags! {
    Uri = "uri",
    Path = "path",
    ActionName = "action_name",
    ActionExt = "action_ext",
    Query = "query",
    Method = "method",
    Proto = "proto",
    Header = "header",
    Post = "post",
    Array = "array",
    Hash = "hash",
    Pollution = "pollution",
    Percent = "percent",
    Cookie = "cookie",
    FormUrlencoded = "form_urlencoded",
    Multipart = "multipart",
    File = "file",
    Base64 = "base64",
    Gzip = "gzip",
    Htmljs = "htmljs",
    JsonDoc = "json_doc",
    Xml = "xml",
    XmlElement = "xml_tag",
    XmlTagArray = "xml_tag_array",
    XmlAttr = "xml_attr",
    XmlComment = "xml_comment",
    XmlPi = "xml_pi",
    XmlDtd = "xml_dtd",
    XmlDtdEntity = "xml_dtd_entity",
    Jwt = "jwt",
    JwtPrefix = "jwt_prefix",
    JwtHeader = "jwt_header",
    JwtPayload = "jwt_payload",
    Grpc = "grpc",
    Protobuf = "protobuf",
    Viewstate = "viewstate",
    ViewstateArray = "viewstate_array",
    ViewstatePair = "viewstate_pair",
    ViewstateTriplet = "viewstate_triplet",
    ViewstateDict = "viewstate_dict",
    ViewstateDictKey = "viewstate_dict_key",
    ViewstateDictValue = "viewstate_dict_value",
    ViewstateSparseArray = "viewstate_sparse_array",
    Response = "response",
}

/// One step of a point.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A tag.
    Tag(Tag),
    /// Every name under a tag, such as `query_name`: the value is a name itself.
    NameOf(Tag),
    /// The key that follows a tag.
    Key(Slice),
    /// The name of a header, which is shown in upper case.
    HeaderName(Slice),
    /// The position that follows a tag.
    Index(u32),
    /// A number as a key: the field of a protobuf message.
    Number(u64),
}

/// A point: the last node of its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PointId(u32);

impl PointId {
    /// The request itself.
    pub(crate) const ROOT: Self = Self(u32::MAX);
}

#[derive(Clone, Copy, Debug)]
struct Node {
    parent: PointId,
    step: Step,
}

/// The chains of all points in use. Like the output of decoders, they are cut off when their values are done.
#[derive(Debug, Default)]
pub(crate) struct Points {
    nodes: Vec<Node>,
}

impl Points {
    pub(crate) fn clear(&mut self) {
        self.nodes.clear();
        self.nodes.shrink_to(4096);
    }

    /// Bytes held.
    pub(crate) fn held(&self) -> usize {
        self.nodes.len() * size_of::<Node>()
    }

    /// The number of nodes now, to come back to with [`Points::release`].
    pub(crate) const fn mark(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn release(&mut self, mark: usize) {
        self.nodes.truncate(mark);
    }

    /// The point one step below `parent`.
    pub(crate) fn add(&mut self, parent: PointId, step: Step) -> PointId {
        let id = PointId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node { parent, step });
        id
    }

    /// The point below `parent` with this tag.
    pub(crate) fn tag(&mut self, parent: PointId, tag: Tag) -> PointId {
        self.add(parent, Step::Tag(tag))
    }

    /// The point below `parent` with this tag and key.
    pub(crate) fn key(&mut self, parent: PointId, tag: Tag, key: Slice) -> PointId {
        let tag = self.tag(parent, tag);
        self.add(tag, Step::Key(key))
    }

    /// The point below `parent` with this tag and position.
    pub(crate) fn index(&mut self, parent: PointId, tag: Tag, index: u32) -> PointId {
        let tag = self.tag(parent, tag);
        self.add(tag, Step::Index(index))
    }

    /// The point, ready to be shown.
    pub(crate) const fn show<'a>(&'a self, point: PointId, buffers: &'a Buffers) -> Shown<'a> {
        Shown { points: self, point, buffers }
    }
}

/// A point of a running inspection, as a JSON list.
pub(crate) struct Shown<'a> {
    points: &'a Points,
    point: PointId,
    buffers: &'a Buffers,
}

impl Shown<'_> {
    /// Writes the steps above `point`, then its own. Chains are as deep as values lie in each other, which is bounded.
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut steps = Vec::new();
        let mut point = self.point;
        while let Some(node) = usize::try_from(point.0).ok().and_then(|at| self.points.nodes.get(at)) {
            steps.push(node.step);
            point = node.parent;
        }
        for (position, step) in steps.iter().rev().enumerate() {
            if position > 0 {
                f.write_char(',')?;
            }
            self.write_step(*step, f)?;
        }
        Ok(())
    }

    fn write_step(&self, step: Step, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match step {
            Step::Tag(tag) => write!(f, "\"{}\"", tag.text()),
            Step::NameOf(tag) => write!(f, "\"{}_name\"", tag.text()),
            Step::Key(key) => write_key(&String::from_utf8_lossy(self.buffers.get(key)), f),
            Step::HeaderName(name) => {
                write_key(&String::from_utf8_lossy(self.buffers.get(name)).to_ascii_uppercase(), f)
            }
            Step::Index(index) => write!(f, "{index}"),
            Step::Number(number) => write!(f, "\"{number}\""),
        }
    }
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('[')?;
        self.write(f)?;
        f.write_char(']')
    }
}

/// Characters of a key that a point shows at most.
const SHOWN_KEY: usize = 256;

/// Writes a JSON string (RFC 8259 §7).
fn write_key(key: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for character in key.chars().take(SHOWN_KEY) {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            control if u32::from(control) < 0x20 => write!(f, "\\u{:04x}", u32::from(control))?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}

/// Where something was found, in the notation of custom rules: a JSON list of tags and keys, such as `["query","id","array",1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Point<'a>(pub(crate) &'a str);

impl<'a> Point<'a> {
    /// The JSON list.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

impl Display for Point<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_json_strings() {
        let mut buffers = Buffers::default();
        let key = buffers.keep_head(b"a\"b\\c\n\xff");
        let mut points = Points::default();
        let query = points.tag(PointId::ROOT, Tag::Query);
        let point = points.add(query, Step::Key(key));
        let point = points.index(point, Tag::Array, 1);
        assert_eq!(points.show(point, &buffers).to_string(), r#"["query","a\"b\\c\u000a�","array",1]"#);
    }

    #[test]
    fn header_names_are_in_upper_case() {
        let mut buffers = Buffers::default();
        let name = buffers.keep_head(b"x-Trace");
        let mut points = Points::default();
        let header = points.tag(PointId::ROOT, Tag::Header);
        let point = points.add(header, Step::HeaderName(name));
        assert_eq!(points.show(point, &buffers).to_string(), r#"["header","X-TRACE"]"#);
    }
}
