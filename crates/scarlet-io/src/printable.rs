//! Text that is safe to show in a terminal, whatever names are in it.
//!
//! Names of classes, tensors, files and networks come from files, and messages from servers. A
//! terminal obeys the escape sequences in them: they could clear the screen, change the window's
//! title, or have a message read as another. Programs pass what they print through here, at the
//! very end.

use std::borrow::Cow;
use std::fmt::Write;

/// The longest word of a [`message`], in characters: enough for any path that people type.
const LONGEST_WORD: usize = 400;
/// The longest line of a [`message`].
const LONGEST_LINE: usize = 4_000;
/// The longest [`message`].
const LONGEST_MESSAGE: usize = 40_000;

/// `text` with every character written out, as `\u{1b}`, that a terminal obeys or does not show:
/// control characters, those that change the direction of writing, and invisible ones. Line
/// breaks and tabs stay.
///
/// ```
/// use scarlet_io::printable::printable;
///
/// assert_eq!(printable("rose\u{1b}[2J"), r"rose\u{1b}[2J");
/// assert_eq!(printable("Rosé\n"), "Rosé\n");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_unsafe(c) {
            true => safe.extend(c.escape_unicode()),
            false => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// A text of JSON with the same characters written as JSON writes them, `\u001b`: the same value,
/// safe to show.
///
/// ```
/// use scarlet_io::printable::json;
///
/// assert_eq!(json("[\"rose\u{9b}2J\"]"), r#"["rose\u009b2J"]"#);
/// ```
pub fn json(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unsafe(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// `name`, cut in the middle if it has more characters than `most`, which counts the mark of the
/// cut.
///
/// ```
/// use scarlet_io::printable::shortened;
///
/// assert_eq!(shortened("a_very_long_name", 9), "a_ve…name");
/// assert_eq!(shortened("name", 9), "name");
/// ```
pub fn shortened(name: &str, most: usize) -> Cow<'_, str> {
    // No character takes less than a byte.
    if name.len() <= most || name.chars().count() <= most {
        return Cow::Borrowed(name);
    }
    let kept = most.saturating_sub(1);
    let (first, last) = (kept.div_ceil(2), kept / 2);
    let end_of_first = name
        .char_indices()
        .nth(first)
        .map_or(name.len(), |(at, _)| at);
    let begin_of_last = match last {
        0 => name.len(),
        last => name
            .char_indices()
            .nth_back(last - 1)
            .map_or(0, |(at, _)| at),
    };
    Cow::Owned(format!(
        "{}…{}",
        &name[..end_of_first],
        &name[begin_of_last..]
    ))
}

/// Something short from a file, such as a name, in one line that is [`printable`] and not too long.
pub fn excerpt(text: &str) -> String {
    const LONGEST: usize = 120;
    shortened(&printable(text), LONGEST).replace('\n', "\\n")
}

/// A message for people: [`printable`], and with overlong words, lines and all of it
/// [shortened].
pub fn message(text: &str) -> String {
    let lines: Vec<Cow<'_, str>> = text.split('\n').map(line).collect();
    let text = lines.join("\n");
    shortened(&printable(&text), LONGEST_MESSAGE).into_owned()
}

fn line(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST_WORD {
        return Cow::Borrowed(text);
    }
    let words: Vec<Cow<'_, str>> = text
        .split(' ')
        .map(|word| shortened(word, LONGEST_WORD))
        .collect();
    Cow::Owned(shortened(&words.join(" "), LONGEST_LINE).into_owned())
}

fn is_unsafe(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // Directions, invisible characters, separators of lines and paragraphs, tags. The joiners
        // U+200C and U+200D belong to the writing of several languages.
        '\u{61c}'
        | '\u{200b}'
        | '\u{200e}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => true,
        c => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_out() {
        for (text, expected) in [
            ("\u{1b}]0;title\u{7}", r"\u{1b}]0;title\u{7}"),
            ("\u{9b}2J", r"\u{9b}2J"),
            ("a\rb\u{8}c\u{7f}\0", r"a\u{d}b\u{8}c\u{7f}\u{0}"),
            ("gpj.\u{202e}exe", r"gpj.\u{202e}exe"),
            ("\u{2066}a\u{2069}\u{200f}", r"\u{2066}a\u{2069}\u{200f}"),
            ("\u{feff}a\u{200b}b", r"\u{feff}a\u{200b}b"),
        ] {
            assert_eq!(printable(text), expected);
        }
        for text in [
            "Bäume, 木, عربي",
            "two\nlines\tand a tab",
            "क्\u{200d}ष",
            "👩\u{200d}🔬",
        ] {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn json_keeps_its_value() {
        let value = serde_json::json!({"name\u{9b}": "\u{1b}[2J\u{7f}\u{202e}\u{e0041}Ä\n"});
        for text in [
            serde_json::to_string(&value).unwrap(),
            serde_json::to_string_pretty(&value).unwrap(),
        ] {
            let safe = json(&text);
            assert!(!safe.contains(is_unsafe), "{safe:?}");
            let read: serde_json::Value = serde_json::from_str(&safe).unwrap();
            assert_eq!(read, value);
        }
    }

    #[test]
    fn names_are_cut_in_the_middle_between_characters() {
        assert_eq!(shortened("äöüß€äöüß", 5), "äö…üß");
        assert_eq!(shortened("äöüß€", 5), "äöüß€");
        assert_eq!(shortened("abc", 2), "a…");
        assert_eq!(shortened("abc", 1), "…");
        assert_eq!(shortened("", 0), "");
    }

    #[test]
    fn messages_have_an_end() {
        let long = "x".repeat(1 << 20);
        let text = message(&format!(
            "error: no tensor `{long}` in {long}\nthe next line"
        ));
        assert!(text.len() < 3 * LONGEST_WORD, "{}", text.len());
        assert!(text.starts_with("error: no tensor `xxx"), "{text}");
        assert!(text.ends_with("\nthe next line"), "{text}");
        let words = "word ".repeat(1 << 20);
        assert!(message(&words).chars().count() <= LONGEST_LINE);
        let lines = "line\n".repeat(1 << 20);
        assert!(message(&lines).chars().count() <= LONGEST_MESSAGE);
        let path = format!("/{}", "folder/".repeat(40));
        assert_eq!(message(&path), path);
        assert_eq!(message("\u{1b}c"), r"\u{1b}c");
    }
}
