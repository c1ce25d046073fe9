//! Shell text with its indentation kept right.

/// A shell script under construction.
#[derive(Default)]
pub struct Shell {
    text: String,
    depth: usize,
}

impl Shell {
    /// One line.
    pub fn line(&mut self, line: impl AsRef<str>) -> &mut Self {
        for _ in 0..self.depth {
            self.text.push_str("    ");
        }
        self.text.push_str(line.as_ref());
        self.text.push('\n');
        self
    }

    /// Text that is indented already.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// `if <condition>; then … fi`.
    pub fn when(&mut self, condition: impl AsRef<str>, body: impl FnOnce(&mut Self)) -> &mut Self {
        self.line(format!("if {}; then", condition.as_ref())).deeper(body).line("fi")
    }

    /// `if <condition>; then … else … fi`.
    pub fn either(&mut self, condition: &str, yes: impl FnOnce(&mut Self), no: impl FnOnce(&mut Self)) -> &mut Self {
        self.line(format!("if {condition}; then")).deeper(yes).line("else").deeper(no).line("fi")
    }

    /// One arm of a `case`; nothing when its body is empty.
    pub fn arm(&mut self, pattern: &str, body: impl FnOnce(&mut Self)) -> &mut Self {
        let before = self.text.len();
        self.line(format!("{pattern})"));
        let empty = self.text.len();
        self.deeper(body);
        if self.text.len() == empty {
            self.text.truncate(before);
        } else {
            self.depth += 1;
            self.line(";;");
            self.depth -= 1;
        }
        self
    }

    fn deeper(&mut self, body: impl FnOnce(&mut Self)) -> &mut Self {
        self.depth += 1;
        body(self);
        self.depth -= 1;
        self
    }

    /// The text, or nothing when no line was written.
    pub fn finish(self) -> Option<String> {
        (!self.text.is_empty()).then_some(self.text)
    }
}
