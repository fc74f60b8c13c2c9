//! What is wrong with a text, and where.

use std::fmt;
use std::ops::Range;

use crate::TextError;
use crate::error::excerpt;
use crate::limits::MAX_TEXT;

/// What is wrong with a token or a part of one, wherever it stands, and the nearest right one.
pub(crate) struct Problem<Nearest> {
    pub(super) expected: String,
    pub(super) nearest: Option<Nearest>,
}

impl<Nearest> Problem<Nearest> {
    pub(crate) fn new(expected: impl Into<String>, nearest: Option<Nearest>) -> Self {
        Self {
            expected: expected.into(),
            nearest,
        }
    }

    pub(crate) fn map<Other>(self, function: impl FnOnce(Nearest) -> Other) -> Problem<Other> {
        Problem {
            expected: self.expected,
            nearest: self.nearest.map(function),
        }
    }
}

pub(super) fn located(
    text: &str,
    index: usize,
    span: Range<usize>,
    problem: Problem<impl fmt::Display>,
) -> TextError {
    TextError {
        token: shortened(&text[span.clone()]),
        index,
        excerpt: excerpt(text, &span),
        span,
        expected: problem.expected,
        nearest: problem.nearest.map(|nearest| nearest.to_string()),
    }
}

/// An error of the text as a whole.
pub(super) fn whole(expected: impl Into<String>) -> TextError {
    located("", 1, 0..0, Problem::<String>::new(expected, None))
}

pub(super) fn check_length(text: &str) -> Result<(), TextError> {
    if text.len() <= MAX_TEXT {
        return Ok(());
    }
    let expected = format!("at most {MAX_TEXT} bytes, found {}", text.len());
    Err(whole(expected))
}

fn shortened(token: &str) -> String {
    const SHOWN: usize = 40;
    let mut short: String = token.chars().take(SHOWN).collect();
    if short.len() < token.len() {
        short.push('…');
    }
    short
}
