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

    /// A JSON text is not a network.
    #[error("{}{message}", place(*line, *column))]
    Json {
        /// Line, from 1; 0 where the text as a whole is meant.
        line: usize,
        /// Column, from 1; 0 where the text as a whole is meant.
        column: usize,
        /// What was expected.
        message: String,
    },

    /// A layer text does not parse.
    #[error(transparent)]
    Text(#[from] TextError),

    /// A text is not a genome.
    #[error("genome {text:?}: {problem}")]
    GenomeText {
        /// The text, shortened when it is very long.
        text: String,
        /// What is wrong with it.
        problem: String,
    },

    /// A description is not that of a search space.
    #[error("search space: {problem}")]
    Space {
        /// What is wrong with it.
        problem: String,
    },

    /// A genome does not fit a search space.
    #[error("genome {genome}: {problem}")]
    Genome {
        /// The genome's text form.
        genome: String,
        /// What does not fit.
        problem: String,
    },

    /// A network is not part of a search space.
    #[error("{place}: {field} is {found}, but this search space has {expected}")]
    NotInSpace {
        /// Part of the network, such as `layer 3`.
        place: String,
        /// Name of the value.
        field: &'static str,
        /// The value.
        found: String,
        /// What the space has in its place.
        expected: String,
    },
}

/// What a message about a JSON text begins with.
fn place(line: usize, column: usize) -> String {
    match line {
        0 => String::new(),
        _ => format!("line {line}, column {column}: "),
    }
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
    /// Where it stands, for a reader: its line of the text and a line of carets.
    pub(crate) excerpt: String,
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
            suggestion(self.nearest.as_deref()),
            self.excerpt,
        )
    }
}

impl std::error::Error for TextError {}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| {
        format!("; did you mean {nearest:?}?")
    })
}

/// Characters shown on either side of the marked part of a line.
const AROUND: usize = 32;
/// Characters of the marked part that are shown at most.
const MARKED: usize = 40;

/// The line of `text` that holds `span`, shortened around it, with a line of carets under it.
/// The span must lie on character boundaries.
pub(crate) fn excerpt(text: &str, span: &Range<usize>) -> String {
    let before = text[..span.start].rsplit('\n').next().unwrap_or_default();
    let after = text[span.end..].split('\n').next().unwrap_or_default();

    let mut line = String::new();
    let skipped = before.chars().count().saturating_sub(AROUND);
    if skipped > 0 {
        line.push('…');
    }
    line.extend(before.chars().skip(skipped).map(visible));
    let indent = line.chars().count();
    push_start(&mut line, &text[span.clone()], MARKED);
    let carets = line.chars().count() - indent;
    push_start(&mut line, after, AROUND);
    format!("  {}\n  {:indent$}{:^<carets$}", line.trim_end(), "", "")
}

/// Appends at most `limit` characters of `text`, with an ellipsis for the rest.
fn push_start(line: &mut String, text: &str, limit: usize) {
    let mut characters = text.chars();
    line.extend(characters.by_ref().take(limit).map(visible));
    if characters.next().is_some() {
        line.push('…');
    }
}

/// Tabs and other control characters would shift the caret line.
fn visible(character: char) -> char {
    if character.is_control() {
        ' '
    } else {
        character
    }
}

/// The name most like what was asked for, if one is.
pub(crate) fn nearest_of(
    wanted: &str,
    names: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    const FURTHEST: usize = 3;
    if wanted.len() > 64 {
        return None;
    }
    let wanted = wanted.to_lowercase();
    let distances = names.map(|name| (strsim::damerau_levenshtein(name, &wanted), name));
    // A name of which nothing is left is not like it.
    let near = distances.filter(|&(distance, name)| distance <= FURTHEST.min(name.len() / 2));
    near.min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}
