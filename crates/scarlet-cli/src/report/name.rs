//! Names as a report can hold them.

use std::borrow::Cow;

/// A name on one line, its control characters shown: a card may name a class whatever it likes. JSON
/// has names as they are.
pub(crate) fn on_one_line(name: &str) -> Cow<'_, str> {
    match name.contains(char::is_control) {
        false => Cow::Borrowed(name),
        true => name
            .chars()
            .map(|c| match c.is_control() {
                true => c.escape_unicode().to_string(),
                false => c.to_string(),
            })
            .collect::<String>()
            .into(),
    }
}

/// Names in a row.
pub(crate) fn in_a_row(names: &[String]) -> String {
    let names: Vec<Cow<'_, str>> = names.iter().map(|name| on_one_line(name)).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line() {
        assert_eq!(on_one_line("tea\nrose\t\r"), r"tea\u{a}rose\u{9}\u{d}");
        assert_eq!(on_one_line("größe 漢"), "größe 漢");
        let names = ["a\nb", "c"].map(str::to_owned);
        assert_eq!(in_a_row(&names), r"a\u{a}b, c");
    }
}
