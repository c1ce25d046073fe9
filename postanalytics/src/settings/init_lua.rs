//! Two numbers out of `init.lua`, read as data: `readahead` and `net_msg_max` of its `box.cfg { … }` block.
//!
//! Upstream documents these two as edits of that file. There is no Lua here: comments are stripped, the block is cut out
//! and its `name = number` entries are looked at; a number may be a product such as `8 * 1024 * 1024`.

/// What the block sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoxCfg {
    /// `readahead`, as it is written.
    pub readahead: Option<String>,
    /// `net_msg_max`, as it is written.
    pub net_msg_max: Option<String>,
}

/// Reads the text of `init.lua`.
#[must_use]
pub fn parse(text: &str) -> BoxCfg {
    let text = without_comments(text);
    let mut found = BoxCfg::default();
    for entry in block(&text).unwrap_or_default().split([',', ';', '\n']) {
        let Some((name, value)) = entry.split_once('=') else { continue };
        let value = product(value.trim()).unwrap_or_else(|| value.trim().to_owned());
        match name.trim() {
            "readahead" => found.readahead = Some(value),
            "net_msg_max" => found.net_msg_max = Some(value),
            _ => {}
        }
    }
    found
}

/// What stands between the braces after `box.cfg`.
fn block(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("box.cfg")?;
    let (between, inside) = after.split_once('{')?;
    // `box.cfg { … }` and `box.cfg({ … })` are calls; anything else between the two is another statement.
    if !between.chars().all(|next| next.is_whitespace() || next == '(') {
        return None;
    }
    inside.split_once('}').map(|(block, _)| block)
}

/// `8 * 1024 * 1024` as one number; `None` if it is none.
fn product(text: &str) -> Option<String> {
    let mut factors = text.split('*').map(|factor| factor.trim().parse::<u64>().ok());
    factors.try_fold(1u64, |product, factor| product.checked_mul(factor?)).map(|number| number.to_string())
}

/// Lua's comments: `--` to the end of the line, `--[[ … ]]` over lines.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((code, comment)) = rest.split_once("--") {
        kept.push_str(code);
        rest = match comment.strip_prefix("[[") {
            Some(long) => long.split_once("]]").map_or("", |(_, after)| after),
            None => comment.find('\n').map_or("", |end| &comment[end..]),
        };
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> (Option<String>, Option<String>) {
        let found = parse(text);
        (found.readahead, found.net_msg_max)
    }

    #[test]
    fn the_documented_edits_are_read() {
        let text = "-- settings\nbox.cfg {\n    readahead = 8 * 1024 * 1024, -- bytes\n    net_msg_max = 1024;\n}\n";
        assert_eq!(numbers(text), (Some("8388608".into()), Some("1024".into())));
        assert_eq!(numbers("box.cfg({readahead=1048576})"), (Some("1048576".into()), None));
    }

    #[test]
    fn comments_set_nothing() {
        assert_eq!(numbers("box.cfg {\n  -- readahead = 1,\n --[[ net_msg_max = 2,\n ]] }"), (None, None));
    }

    #[test]
    fn only_the_block_counts() {
        assert_eq!(numbers("readahead = 1\nbox.cfg { listen = 3313 }\nnet_msg_max = 2"), (None, None));
        assert_eq!(numbers("local old = box.cfg\nlocal t = { readahead = 1 }"), (None, None));
        assert_eq!(numbers("box.cfg { readahead = 1"), (None, None));
    }

    #[test]
    fn what_is_no_number_is_handed_on_so_that_the_error_can_show_it() {
        assert_eq!(numbers("box.cfg { readahead = size_of(x) }").0, Some("size_of(x)".into()));
    }
}
