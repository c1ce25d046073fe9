//! The parsers by name, and sets of them.

/// Declares each parser once: its variant, its tag in points, and its name in `wallarm_parser_disable` if it has one there.
macro_rules! parsers {
    ($($(#[doc = $doc:literal])+ $variant:ident = $tag:literal, $directive:expr;)+) => {
        /// A parser that an operator or a rule can switch off.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Parser {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Parser {
            /// Every parser.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its tag in points and rules.
            #[must_use]
            pub const fn tag(self) -> &'static str {
                match self { $(Self::$variant => $tag,)+ }
            }

            /// Its name in `wallarm_parser_disable`; none for those that the directive does not know.
            #[must_use]
            pub const fn directive_name(self) -> Option<&'static str> {
                match self { $(Self::$variant => $directive,)+ }
            }
        }
    };
}

parsers! {
    /// The cookies of a `Cookie` header (RFC 6265 §4.2).
    Cookie = "cookie", Some("cookie");
    /// Gzip, zlib and deflate streams (RFC 1950 to 1952).
    Zlib = "gzip", Some("zlib");
    /// Character references of HTML, and escapes of JavaScript and CSS.
    Htmljs = "htmljs", Some("htmljs");
    /// JSON (RFC 8259).
    Json = "json_doc", Some("json");
    /// `multipart/form-data` (RFC 7578) and other multipart bodies.
    Multipart = "multipart", Some("multipart");
    /// Base64, with either alphabet (RFC 4648).
    Base64 = "base64", Some("base64");
    /// Percent-encoding (RFC 3986 §2.1).
    Percent = "percent", Some("percent");
    /// `application/x-www-form-urlencoded` bodies.
    Urlenc = "form_urlencoded", Some("urlenc");
    /// XML 1.0.
    Xml = "xml", Some("xml");
    /// JSON Web Tokens (RFC 7519).
    Jwt = "jwt", Some("jwt");
    /// gRPC bodies, and the protobuf messages in them.
    Grpc = "grpc", None;
    /// View states of ASP.NET (`System.Web.UI.ObjectStateFormatter`).
    Viewstate = "viewstate", None;
}

impl Parser {
    /// The parser that `wallarm_parser_disable` calls by this name.
    #[must_use]
    pub fn by_directive_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|parser| parser.directive_name() == Some(name))
    }

    const fn bit(self) -> u16 {
        1 << self as u8
    }
}

/// A set of parsers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParserSet(u16);

impl ParserSet {
    /// Every parser: nothing is switched off.
    pub const ALL: Self = Self(u16::MAX);

    /// No parser: only what was sent is examined, as it was sent.
    pub const EMPTY: Self = Self(0);

    /// Adds one.
    pub const fn insert(&mut self, parser: Parser) {
        self.0 |= parser.bit();
    }

    /// Takes one away.
    pub const fn remove(&mut self, parser: Parser) {
        self.0 &= !parser.bit();
    }

    /// Whether it is in the set.
    #[must_use]
    pub const fn contains(self, parser: Parser) -> bool {
        self.0 & parser.bit() != 0
    }
}

impl Default for ParserSet {
    fn default() -> Self {
        Self::ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directive_knows_ten_names() {
        let names: Vec<_> = Parser::ALL.iter().filter_map(|parser| parser.directive_name()).collect();
        assert_eq!(
            names,
            ["cookie", "zlib", "htmljs", "json", "multipart", "base64", "percent", "urlenc", "xml", "jwt"]
        );
        for name in names {
            assert_eq!(Parser::by_directive_name(name).and_then(Parser::directive_name), Some(name));
        }
        assert_eq!(Parser::by_directive_name("gzip"), None);
    }

    #[test]
    fn a_parser_that_was_removed_is_the_only_one_missing() {
        for removed in Parser::ALL {
            let mut set = ParserSet::ALL;
            set.remove(*removed);
            for parser in Parser::ALL {
                assert_eq!(set.contains(*parser), parser != removed);
            }
        }
    }
}
