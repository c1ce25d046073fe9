//! One command with its arguments, as a shell would take it apart.

use super::super::text::{find, is_one_of, starts_with};
use super::names::{Name, name};

/// The most bytes of a command's name as written, disguises included.
const WRITTEN: usize = 96;

/// The most bytes of a command's name.
const LONGEST: usize = 16;

/// The most bytes of the arguments that are looked at.
const ARGUMENTS: usize = 256;

/// A command whose name is known.
#[derive(Debug)]
pub struct Command<'a> {
    name: Name,
    /// The name in lower case, without disguise and folder.
    word: [u8; LONGEST],
    word_length: usize,
    /// Quotes, backslashes, empty expansions or a folder of programs stand in or before the name.
    disguised: bool,
    arguments: &'a [u8],
    /// Where the arguments begin.
    start: usize,
}

impl<'a> Command<'a> {
    /// The command at the start of `line`.
    pub fn at(line: &'a [u8]) -> Option<Self> {
        let blank = line
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'|' | b'&' | b'\n' | b'\r' | b'(' | b'{'))
            .take(16)
            .count();
        let braced = blank.checked_sub(1).and_then(|at| line.get(at)) == Some(&b'{');
        let mut word = Word::default();
        let mut length = 0;
        for byte in line.get(blank..)?.iter().take(WRITTEN) {
            if !word.push(*byte) {
                break;
            }
            length += 1;
        }
        let start = blank + length;
        let rest = line.get(start..)?;
        let end = rest
            .iter()
            .take(ARGUMENTS)
            .position(|byte| matches!(byte, b';' | b'\n' | b'`'))
            .unwrap_or(rest.len().min(ARGUMENTS));
        let arguments = rest.get(..end)?;
        let known = if word.globs { Name::Word } else { name(word.bytes())? };
        let expands =
            starts_with(arguments, b"$IFS") || starts_with(arguments, b"${IFS") || starts_with(arguments, b"$9");
        let disguised = word.disguised || expands || braced && arguments.starts_with(b",") || word.globs;
        Some(Self { name: known, word: word.bytes, word_length: word.length, disguised, arguments, start })
    }

    fn word(&self) -> &[u8] {
        self.word.get(..self.word_length).unwrap_or_default()
    }

    /// What its name says.
    pub const fn name(&self) -> Name {
        self.name
    }

    /// How many bytes it has.
    pub const fn length(&self) -> usize {
        self.start + self.arguments.len()
    }

    /// Whether somebody has taken pains to hide the name.
    pub const fn is_disguised(&self) -> bool {
        self.disguised
    }

    /// Whether it has no arguments: the value, the list or the quote ends behind it.
    pub fn is_alone(&self) -> bool {
        match self.arguments.trim_ascii_start() {
            [] => true,
            [b'#' | b'&' | b')' | b'}' | b'\'' | b'"', ..] => true,
            [b'|', rest @ ..] => rest.trim_ascii().is_empty() || rest.starts_with(b"|"),
            _ => false,
        }
    }

    /// The arguments, as words.
    fn words(&self) -> impl Iterator<Item = &'a [u8]> {
        self.arguments
            .split(|byte| byte.is_ascii_whitespace() || matches!(byte, b',' | b'|' | b'&' | b')'))
            .map(|word| word.strip_prefix(b"$IFS").or_else(|| word.strip_prefix(b"<")).unwrap_or(word))
            .filter(|word| !word.is_empty())
            .take(12)
    }

    /// Whether an argument is a path, an address or a redirection.
    pub fn leads_somewhere(&self) -> bool {
        self.arguments.is_empty()
            || self.words().any(is_path)
            || find(self.arguments, b"IFS", 0).is_some()
            || self.has_option()
    }

    fn has_option(&self) -> bool {
        self.words().any(is_option)
    }

    /// Whether its arguments are those of a command rather than the rest of a sentence.
    pub fn is_technical(&self) -> bool {
        if !self
            .arguments
            .first()
            .is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'<' | b'>' | b'$' | b'/' | b'+' | b'.'))
        {
            return false;
        }
        let first = self.words().next().unwrap_or_default();
        if is_option(first)
            || is_path(first)
            || first.starts_with(b"$")
            || first.starts_with(b"<")
            || first.starts_with(b">")
        {
            return true;
        }
        let more = self.words().nth(1).unwrap_or_default();
        let redirected = is_option(more)
            || is_path(more)
            || more.starts_with(b">") && more.len() > 1
            || find(self.arguments, b"> /", 0).is_some();
        match self.name {
            Name::Waiting => first.first().is_some_and(u8::is_ascii_digit),
            Name::Network => is_host(first),
            Name::Interpreter => first.starts_with(b"'") || first.starts_with(b"\""),
            Name::Telling => redirected,
            Name::Word | Name::Short => redirected || self.is_known_phrase(first),
        }
    }

    /// Whether it says one word, as a trial does to see whether it is run.
    pub fn is_trial(&self) -> bool {
        self.word() == b"echo" && self.words().count() == 1
    }

    /// Arguments that belong to one command: `net user`, `echo token`.
    fn is_known_phrase(&self, first: &[u8]) -> bool {
        match self.word() {
            b"net" => is_one_of(first, &["user", "localgroup", "view", "use", "start", "share", "group", "accounts"]),
            b"ip" => is_one_of(first, &["a", "addr", "route", "link"]),
            b"ps" => is_one_of(first, &["aux", "ef", "axu"]),
            b"cat" | b"type" | b"more" => is_one_of(
                first,
                &[
                    "passwd",
                    "shadow",
                    "boot.ini",
                    "win.ini",
                    "flag",
                    "flag.txt",
                    "index.php",
                    "config.php",
                    "web.config",
                    ".env",
                ],
            ),
            b"echo" | b"printf" | b"expr" => {
                let token = first.iter().any(u8::is_ascii_digit) || first.starts_with(b"'") || first.starts_with(b"\"");
                token && self.words().count() == 1
            }
            _ => false,
        }
    }

    /// Whether a whole value may be this command line, and not a note that begins with the word.
    pub fn is_command_line(&self) -> bool {
        if !self.arguments.first().is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'<')) {
            return false;
        }
        let first = self.words().next().unwrap_or_default();
        let rooted = self
            .words()
            .any(|word| word.starts_with(b"/") && word.len() > 2 || word.starts_with(b"~/") || has_drive(word));
        match self.name {
            Name::Telling => is_option(first),
            Name::Interpreter => matches!(first, [b'-', _, ..]) || is_one_of(first, &["/c", "/k"]) || rooted,
            Name::Network => is_address(first) || is_option(first) && self.words().count() > 1,
            Name::Short => is_option(first) && first != b"-" || rooted && self.words().count() < 4,
            Name::Word => match self.word() {
                b"rm" | b"chmod" | b"tar" | b"systemctl" | b"useradd" => is_option(first) || rooted,
                b"cat" | b"head" | b"tail" | b"type" | b"more" | b"less" | b"cp" | b"mv" | b"touch" | b"find"
                | b"grep" | b"echo" | b"cd" | b"tac" | b"nl" | b"del" => rooted && self.words().count() < 8,
                b"net" => self.is_known_phrase(first),
                _ => false,
            },
            Name::Waiting => false,
        }
    }
}

/// The name of a command while it is read.
#[derive(Debug, Default)]
struct Word {
    bytes: [u8; LONGEST],
    length: usize,
    disguised: bool,
    /// It is a path with jokers.
    globs: bool,
    slashes: u8,
    expanding: bool,
}

impl Word {
    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Takes another byte; false ends the name.
    fn push(&mut self, byte: u8) -> bool {
        if std::mem::take(&mut self.expanding) && matches!(byte, b'@' | b'*' | b'(' | b')' | b'!' | b'1'..=b'9') {
            return byte != b'(';
        }
        match byte {
            b'\'' | b'"' | b'\\' | b'^' => {
                // A quote around the whole name is common; one inside of it is not.
                self.disguised |= self.length > 0;
                true
            }
            b'$' if self.length > 0 => {
                self.expanding = true;
                false
            }
            b'/' => {
                let folder = self.length == 0
                    || is_one_of(self.bytes(), &["bin", "usr", "sbin", "local", "system32"])
                    || self.globs
                    || self.bytes() == b".";
                self.slashes += 1;
                self.disguised |= self.slashes > 1 || self.length > 0;
                self.length = 0;
                folder && self.slashes < 6
            }
            b'?' | b'*' if self.slashes > 0 => {
                self.globs = true;
                true
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => match self.bytes.get_mut(self.length) {
                Some(place) => {
                    *place = byte.to_ascii_lowercase();
                    self.length += 1;
                    true
                }
                None => false,
            },
            _ => false,
        }
    }
}

fn is_option(word: &[u8]) -> bool {
    match word {
        [b'-', b'-', letter, ..] | [b'-', letter, ..] => letter.is_ascii_alphanumeric(),
        [b'/', letter] => letter.is_ascii_alphabetic(),
        _ => is_one_of(word, &["/all", "/add", "/s/b", "/node", "/create", "/query"]),
    }
}

fn has_drive(word: &[u8]) -> bool {
    matches!(word, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
}

fn is_path(word: &[u8]) -> bool {
    let word = word.trim_ascii_start();
    let word = word.strip_prefix(b"'").or_else(|| word.strip_prefix(b"\"")).unwrap_or(word);
    let rooted =
        matches!(word, [b'/', second, ..] if second.is_ascii_alphanumeric() || matches!(second, b'?' | b'*' | b'.'));
    let home = word.starts_with(b"~/")
        || word.starts_with(b"./")
        || word.starts_with(b"../")
        || word == b"/"
        || word.starts_with(b"..\\");
    rooted
        || home
        || has_drive(word)
        || is_address(word)
        || starts_with(word, b"%SYSTEMROOT%")
        || starts_with(word, b"%windir%")
}

fn is_address(word: &[u8]) -> bool {
    let word = word.strip_prefix(b"'").or_else(|| word.strip_prefix(b"\"")).unwrap_or(word);
    starts_with(word, b"http://") || starts_with(word, b"https://") || starts_with(word, b"ftp://") || is_ip(word)
}

fn is_ip(word: &[u8]) -> bool {
    word.iter().filter(|byte| **byte == b'.').count() == 3
        && word.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// Whether a word is the name of a machine: it has a dot inside, or is `localhost`.
fn is_host(word: &[u8]) -> bool {
    let dotted = word.iter().position(|byte| *byte == b'.').is_some_and(|at| at > 0 && at + 2 < word.len());
    let machine =
        word.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'$' | b'(' | b'`'));
    dotted && machine || is_one_of(word, &["localhost", "0"]) || is_address(word)
}
