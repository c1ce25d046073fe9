//! Checks the `upstream` block of the postanalytics servers.
//!
//! The number of `keepalive` is private to NGINX's module of that name, so it is read from the file in which the block stands.
//! Tokens are those of <https://nginx.org/en/docs/beginners_guide.html#conf_structure>.

/// A server of the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name, as written.
    pub name: String,
    /// Its `max_conns`; 0 is none.
    pub max_conns: usize,
}

/// What the block says about idle connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keepalive {
    /// This many stay open.
    Connections(usize),
    /// The directive is missing.
    Missing,
    /// It cannot be told: the block was not found, or includes another file.
    Unknown,
}

/// What is wrong with the block, for warnings.
#[must_use]
pub fn complaints(servers: &[Server], keepalive: Keepalive) -> Vec<String> {
    let mut complaints = Vec::new();
    for server in servers.iter().filter(|server| server.max_conns == 0) {
        complaints.push(format!("\"server {}\" has no \"max_conns\"; write \"max_conns=1\"", server.name));
    }
    let needed = servers.len();
    match keepalive {
        Keepalive::Connections(found) if found < needed => complaints
            .push(format!("\"keepalive {found}\" is less than the number of servers; write \"keepalive {needed}\"")),
        Keepalive::Missing => complaints.push(format!("\"keepalive\" is missing; write \"keepalive {needed}\"")),
        Keepalive::Connections(_) | Keepalive::Unknown => {}
    }
    complaints
}

/// Finds what the block of this name, whose brace opens on `line` (from 1), says about idle connections.
#[must_use]
pub fn keepalive(text: &str, name: &str, line: usize) -> Keepalive {
    let mut tokens = Tokens { rest: text, line: 1 };
    if !enter(&mut tokens, name, line) {
        return Keepalive::Unknown;
    }
    let (mut depth, mut words, mut found) = (1, Vec::new(), Keepalive::Missing);
    for (token, _) in tokens {
        match token {
            Token::Word(word) => words.push(word),
            Token::Open => {
                depth += 1;
                words.clear();
            }
            Token::Close => {
                depth -= 1;
                words.clear();
                if depth == 0 {
                    return found;
                }
            }
            Token::End => {
                match words.as_slice() {
                    [first, ..] if first == "include" => return Keepalive::Unknown,
                    [first, number, ..] if first == "keepalive" => {
                        found = number.parse().map_or(Keepalive::Unknown, Keepalive::Connections);
                    }
                    _ => {}
                }
                words.clear();
            }
        }
    }
    Keepalive::Unknown
}

/// Finds the key of the directive `hash` in the block of this name, whose brace opens on `line` (from 1).
#[must_use]
pub fn hash_key(text: &str, name: &str, line: usize) -> Option<String> {
    let mut tokens = Tokens { rest: text, line: 1 };
    if !enter(&mut tokens, name, line) {
        return None;
    }
    let mut words = Vec::new();
    for (token, _) in tokens {
        match token {
            Token::Word(word) => words.push(word),
            Token::Open => words.clear(),
            Token::Close => return None,
            Token::End => match words.as_slice() {
                [first, key, ..] if first == "hash" => return Some(key.clone()),
                _ => words.clear(),
            },
        }
    }
    None
}

/// Reads up to the opening brace of the block; whether it is there.
fn enter(tokens: &mut Tokens<'_>, name: &str, line: usize) -> bool {
    let mut words: Vec<String> = Vec::new();
    for (token, at) in tokens.by_ref() {
        match token {
            Token::Word(word) => words.push(word),
            Token::Open => {
                let ours = matches!(words.as_slice(), [first, second] if first == "upstream" && second.eq_ignore_ascii_case(name));
                if ours && at == line {
                    return true;
                }
                words.clear();
            }
            Token::Close | Token::End => words.clear(),
        }
    }
    false
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Open,
    Close,
    End,
}

/// The tokens of a configuration file, each with the line it ends on.
struct Tokens<'a> {
    rest: &'a str,
    line: usize,
}

impl Tokens<'_> {
    fn bump(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = self.rest.get(next.len_utf8()..).unwrap_or_default();
        if next == '\n' {
            self.line += 1;
        }
        Some(next)
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// A word in quotes, up to the closing one.
    fn quoted(&mut self, quote: char) -> String {
        let mut word = String::new();
        while let Some(next) = self.bump() {
            match next {
                '\\' => word.extend(self.bump()),
                next if next == quote => break,
                next => word.push(next),
            }
        }
        word
    }

    /// A word without quotes, which starts with `first`.
    fn plain(&mut self, first: char) -> String {
        let mut word = String::new();
        let mut current = Some(first);
        while let Some(next) = current {
            match next {
                '\\' => word.extend(self.bump()),
                next => word.push(next),
            }
            let ends = |next: char| next.is_ascii_whitespace() || matches!(next, ';' | '{');
            // The brace of `${name}` belongs to the word.
            current = match self.peek() {
                Some('{') if next == '$' => self.bump(),
                Some(peeked) if !ends(peeked) => self.bump(),
                _ => None,
            };
        }
        word
    }
}

impl Iterator for Tokens<'_> {
    type Item = (Token, usize);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let token = match self.bump()? {
                '#' => {
                    while self.peek().is_some_and(|next| next != '\n') {
                        self.bump();
                    }
                    continue;
                }
                next if next.is_ascii_whitespace() => continue,
                '{' => Token::Open,
                '}' => Token::Close,
                ';' => Token::End,
                quote @ ('"' | '\'') => Token::Word(self.quoted(quote)),
                first => Token::Word(self.plain(first)),
            };
            return Some((token, self.line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DOCUMENTED: &str = "\
upstream wallarm_tarantool {
    server 10.0.0.1:3313 max_fails=0 fail_timeout=0 max_conns=1;
    server 10.0.0.2:3313 max_fails=0 fail_timeout=0 max_conns=1;
    keepalive 2;
}
";

    fn server(name: &str, max_conns: usize) -> Server {
        Server { name: name.to_owned(), max_conns }
    }

    #[test]
    fn the_documented_block_has_two_idle_connections_and_nothing_to_complain_about() {
        let found = keepalive(DOCUMENTED, "wallarm_tarantool", 1);
        assert_eq!(found, Keepalive::Connections(2));
        assert_eq!(complaints(&[server("10.0.0.1:3313", 1), server("10.0.0.2:3313", 1)], found), [""; 0]);
    }

    #[test]
    fn a_block_inside_http_on_any_line_is_found_by_its_brace() {
        let text = format!(
            "http {{\n# upstream wallarm_tarantool {{ keepalive 9; }}\nupstream other {{ keepalive 7; }}\n{DOCUMENTED}}}"
        );
        assert_eq!(keepalive(&text, "wallarm_tarantool", 4), Keepalive::Connections(2));
        assert_eq!(keepalive(&text, "other", 3), Keepalive::Connections(7));
    }

    #[test]
    fn a_brace_on_the_next_line_counts_and_quotes_do_not_matter() {
        let text = "upstream \"x\"\n{\n  'keepalive' \"4\"; }";
        assert_eq!(keepalive(text, "x", 2), Keepalive::Connections(4));
    }

    #[test]
    fn the_key_of_hash_is_found_and_only_there() {
        let block = |inside: &str| format!("upstream a {{\n  server x;\n  {inside}\n}}\n");
        assert_eq!(hash_key(&block("hash \"$remote_addr\" consistent;"), "a", 1).as_deref(), Some("$remote_addr"));
        assert_eq!(hash_key(&block("# hash $uri;"), "a", 1), None);
        assert_eq!(hash_key(&format!("{}hash $uri;", block("")), "a", 1), None);
    }

    #[test]
    fn a_commented_keepalive_is_missing() {
        let text = "upstream x {\n  server a;\n  # keepalive 2;\n  keepalive_timeout 5s;\n}";
        assert_eq!(keepalive(text, "x", 1), Keepalive::Missing);
    }

    #[test]
    fn a_block_that_includes_a_file_or_is_not_there_is_unknown() {
        assert_eq!(keepalive("upstream x { include y; }", "x", 1), Keepalive::Unknown);
        assert_eq!(keepalive("upstream x { keepalive 1; }", "x", 2), Keepalive::Unknown);
        assert_eq!(keepalive("upstream x { keepalive 1;", "x", 1), Keepalive::Unknown);
    }

    #[test]
    fn a_variable_in_braces_does_not_open_a_block() {
        assert_eq!(keepalive("upstream x { hash ${remote_addr}a; keepalive 3; }", "x", 1), Keepalive::Connections(3));
    }

    #[test]
    fn what_is_missing_is_named_with_the_line_to_write() {
        let found = complaints(&[server("a:1", 0), server("b:1", 1)], Keepalive::Connections(1));
        assert_eq!(
            found,
            [
                "\"server a:1\" has no \"max_conns\"; write \"max_conns=1\"",
                "\"keepalive 1\" is less than the number of servers; write \"keepalive 2\""
            ]
        );
        assert_eq!(
            complaints(&[server("a:1", 1)], Keepalive::Missing),
            ["\"keepalive\" is missing; write \"keepalive 1\""]
        );
        assert_eq!(complaints(&[server("a:1", 1)], Keepalive::Unknown), [""; 0]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in r#"(upstream x|[ \n{};"'\\#$]|keepalive 1|\PC){0,40}"#, line in 0_usize..4) {
            let _ = keepalive(&text, "x", line);
        }

        #[test]
        fn any_number_is_found(number in 0_usize..1_000_000, blank in "[ \n\t]{1,5}") {
            let text = format!("upstream x {{{blank}keepalive{blank}{number}{blank};{blank}}}");
            prop_assert_eq!(keepalive(&text, "x", 1), Keepalive::Connections(number));
        }
    }
}
