//! What can be wrong with a network's description.

use std::fmt;
use std::ops::Range;

/// Why a description is not a network, and what would mend it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchitectureError {
    /// A value is outside its range.
    #[error("{place}: {field} is {found}, but must be {allowed}")]
    OutOfRange {
        /// Part of the network, such as `layer 3`.
        place: String,
        /// Name of the value.
        field: &'static str,
        /// The value.
        found: String,
        /// The range, in words.
        allowed: String,
    },

    /// Images of this size would not come out even.
    #[error(
        "an input of {resolution} pixels is not a multiple of {stride}, this network's total \
         stride; the nearest that is: {nearest}"
    )]
    Resolution {
        /// Height and width that were asked for.
        resolution: usize,
        /// Total stride of the network.
        stride: usize,
        /// The valid size next to it.
        nearest: usize,
    },

    /// The network as a whole exceeds a limit.
    #[error("the network has too many {what}: the limit is {limit} ({hint})")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The most there may be.
        limit: u64,
        /// How to get below it.
        hint: &'static str,
    },

    /// No preset has this name.
    #[error("no network is named {name:?}{}; known: {}", suggestion(.nearest), .known.join(", "))]
    UnknownName {
        /// The name that was asked for.
        name: String,
        /// The known name most like it.
        nearest: Option<&'static str>,
        /// All names.
        known: &'static [&'static str],
    },

    /// A JSON text is not a network.
    #[error("line {line}, column {column}: {message}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What was expected.
        message: String,
    },

    /// A layer text does not parse.
    #[error(transparent)]
    Text(#[from] TextError),
}

/// A layer text that does not parse: which token, where, and what would stand there.
///
/// Its `Display` form is three lines, the last with a caret under the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextError {
    /// The token, shortened when it is very long; empty when the text as a whole is meant.
    pub token: String,
    /// Number of the token, from 1.
    pub index: usize,
    /// Bytes of the token in the text.
    pub span: Range<usize>,
    /// What was expected in its place.
    pub expected: String,
    /// The valid token most like it.
    pub nearest: Option<String>,
    /// The line of the text that holds the token, shortened around it.
    pub(crate) excerpt: Excerpt,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.token.is_empty() {
            return write!(f, "layer text: expected {}", self.expected);
        }
        write!(
            f,
            "token {} {:?} (bytes {}..{}): expected {}{}\n{}",
            self.index,
            self.token,
            self.span.start,
            self.span.end,
            self.expected,
            suggestion(&self.nearest.as_deref()),
            self.excerpt,
        )
    }
}

impl std::error::Error for TextError {}

fn suggestion(nearest: &Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| {
        format!("; did you mean {nearest:?}?")
    })
}

/// One line of a text with a caret line under a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excerpt {
    line: String,
    indent: usize,
    carets: usize,
}

impl Excerpt {
    /// Characters shown on either side of the marked part.
    const AROUND: usize = 32;
    /// Characters of the marked part that are shown at most.
    const MARKED: usize = 40;

    /// The surroundings of `span`, which must lie on character boundaries.
    pub(crate) fn new(text: &str, span: &Range<usize>) -> Self {
        let before = text[..span.start].rsplit('\n').next().unwrap_or_default();
        let marked = &text[span.clone()];
        let after = text[span.end..].split('\n').next().unwrap_or_default();

        let mut line = String::new();
        let skipped = before.chars().count().saturating_sub(Self::AROUND);
        if skipped > 0 {
            line.push('…');
        }
        line.extend(before.chars().skip(skipped).map(visible));
        let indent = line.chars().count();
        let carets = push_start(&mut line, marked, Self::MARKED);
        push_start(&mut line, after, Self::AROUND);
        Self {
            line,
            indent,
            carets: carets.max(1),
        }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}", self.line.trim_end())?;
        write!(f, "  {:indent$}", "", indent = self.indent)?;
        write!(f, "{:^<carets$}", "", carets = self.carets)
    }
}

/// Appends at most `limit` characters of `text`, with an ellipsis for the rest; returns how many.
fn push_start(line: &mut String, text: &str, limit: usize) -> usize {
    let mut characters = text.chars();
    let mut count = 0;
    for character in characters.by_ref().take(limit) {
        line.push(visible(character));
        count += 1;
    }
    if characters.next().is_some() {
        line.push('…');
        count += 1;
    }
    count
}

/// Tabs and other control characters would shift the caret line.
fn visible(character: char) -> char {
    if character.is_control() {
        ' '
    } else {
        character
    }
}
