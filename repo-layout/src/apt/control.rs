//! Fields of a package's control data as text, which an index copies as it stands.

/// The first line of a field's value.
pub(crate) fn field<'a>(control: &'a str, wanted: &str) -> Option<&'a str> {
    control.lines().find_map(|line| value(line, wanted))
}

/// A field's value with its continuation lines as they stand, without the line feed at its end.
pub(crate) fn whole_field(control: &str, wanted: &str) -> Option<String> {
    let mut lines = control.lines();
    let mut whole = lines.find_map(|line| value(line, wanted))?.to_owned();
    for line in lines.take_while(|line| line.starts_with([' ', '\t'])) {
        whole.push('\n');
        whole.push_str(line);
    }
    Some(whole)
}

/// What a line gives the field of this name; a continuation has a blank before it, so that it is no field's.
fn value<'a>(line: &'a str, wanted: &str) -> Option<&'a str> {
    let (name, value) = line.split_once(':')?;
    name.eq_ignore_ascii_case(wanted).then(|| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTROL: &str = "Package: a\nDescription: short\n Long:\n .\n  more\nSection: web\n";

    #[test]
    fn a_field_is_found_and_its_continuation_is_none() {
        assert_eq!(field(CONTROL, "section"), Some("web"));
        assert_eq!(field(CONTROL, "Description"), Some("short"));
        assert_eq!(field(CONTROL, "Descr"), None);
    }

    #[test]
    fn a_whole_field_ends_where_the_next_one_begins() {
        assert_eq!(whole_field(CONTROL, "Description"), Some("short\n Long:\n .\n  more".to_owned()));
        assert_eq!(whole_field(CONTROL, "Section"), Some("web".to_owned()));
        assert_eq!(whole_field(CONTROL, "Homepage"), None);
    }
}
