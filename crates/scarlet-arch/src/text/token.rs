//! Words of a network's text: a block, or a part of the head.

use super::problem::Problem;
use crate::blocks::HeadToken;
use crate::limits::*;
use crate::style::Style;
use crate::{Activation, Head, Operation};

/// A word of a network's text.
pub(super) enum Token {
    Block(BlockToken),
    Head(HeadToken),
}

/// A block as it is written.
pub(super) struct BlockToken {
    pub(super) operation: Operation,
    pub(super) channels: Option<usize>,
    pub(super) stride: Option<usize>,
}

impl BlockToken {
    pub(super) fn text(&self, style: &Style) -> String {
        let mut text = self.operation.core(style);
        if let Some(channels) = self.channels {
            text += &format!("@{channels}");
        }
        if let Some(stride) = self.stride {
            text += &format!("/{stride}");
        }
        if let Some(activation) = self.operation.activation() {
            text += &style.activation(activation);
        }
        text
    }
}

impl Token {
    pub(super) fn text(&self, style: &Style) -> String {
        match self {
            Self::Block(block) => block.text(style),
            Self::Head(token) => head_of(*token).text(style).concat(),
        }
    }
}

fn head_of(token: HeadToken) -> Head {
    let mut head = Head {
        conv: None,
        hidden: None,
    };
    match token {
        HeadToken::Conv(conv) => head.conv = Some(conv),
        HeadToken::Hidden(hidden) => head.hidden = Some(hidden),
    }
    head
}

pub(super) fn parse_token(text: &str, style: &Style) -> Result<Token, Problem<Token>> {
    let (core, activation) = split_suffix(text, ':');
    match HeadToken::parse(core, style) {
        Some(read) => {
            let mut expected = Vec::new();
            let token = part(read, &mut expected);
            let activation = named_activation(activation, &mut expected);
            let token = token.map(|token| match activation {
                Some(Some(activation)) => Token::Head(token.with_activation(activation)),
                _ => Token::Head(token),
            });
            finished(token, expected)
        }
        None => parse_block(text, style)
            .map(Token::Block)
            .map_err(|problem| problem.map(Token::Block)),
    }
}

pub(super) fn parse_block(text: &str, style: &Style) -> Result<BlockToken, Problem<BlockToken>> {
    let (rest, activation) = split_suffix(text, ':');
    let (rest, stride) = split_suffix(rest, '/');
    let (operation, channels) = split_suffix(rest, '@');

    // Every part is read even when one before it is wrong, for the nearest token as a whole.
    let mut expected = Vec::new();
    let operation = part(Operation::parse(operation, style), &mut expected);
    let channels = suffix(channels, &mut expected, 1, MAX_CHANNELS, || {
        format!("channels from 1 to {MAX_CHANNELS} after the @")
    });
    let stride = suffix(stride, &mut expected, 1, 2, || {
        "a stride of 1 or 2 at its end, as in E6K3@24/2".to_owned()
    });
    let activation = named_activation(activation, &mut expected);

    let token = match (operation, channels, stride, activation) {
        (Some(operation), Some(channels), Some(stride), Some(activation)) => Some(BlockToken {
            operation: match activation {
                Some(activation) => operation.with_activation(activation),
                None => operation,
            },
            channels,
            stride,
        }),
        _ => None,
    };
    if let Some(token) = &token
        && activation.flatten().is_some()
        && token.operation.activation().is_none()
    {
        expected.push("no activation: this operation has none".to_owned());
    }
    finished(token, expected)
}

/// A token, if nothing else was expected in its place.
pub(super) fn finished<T>(token: Option<T>, expected: Vec<String>) -> Result<T, Problem<T>> {
    match (token, expected.into_iter().next()) {
        (Some(token), None) => Ok(token),
        (nearest, expected) => Err(Problem::new(expected.unwrap_or_default(), nearest)),
    }
}

/// A part of a token, or the nearest right one while noting what was expected.
pub(super) fn part<T>(read: Result<T, Problem<T>>, expected: &mut Vec<String>) -> Option<T> {
    match read {
        Ok(part) => Some(part),
        Err(problem) => {
            expected.push(problem.expected);
            problem.nearest
        }
    }
}

/// The activation of that name, if there is one; `None` when nothing is like it.
pub(super) fn named_activation(
    name: Option<&str>,
    expected: &mut Vec<String>,
) -> Option<Option<Activation>> {
    let Some(name) = name else {
        return Some(None);
    };
    let read = name.parse::<Activation>().map_err(|error| {
        let nearest = error.nearest.and_then(|name| name.parse().ok());
        Problem::new(format!("an activation at its end: {error}"), nearest)
    });
    part(read, expected).map(Some)
}

/// A number within bounds, if there is a suffix; `None` when it is not even a number.
pub(super) fn suffix(
    text: Option<&str>,
    expected: &mut Vec<String>,
    min: usize,
    max: usize,
    range: impl Fn() -> String,
) -> Option<Option<usize>> {
    let Some(text) = text else {
        return Some(None);
    };
    let read = match number(text) {
        Some(value) if (min..=max).contains(&value) => Ok(value),
        value => Err(Problem::new(
            range(),
            value.map(|value| value.clamp(min, max)),
        )),
    };
    part(read, expected).map(Some)
}

pub(super) fn split_suffix(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, suffix)) => (before, Some(suffix)),
        None => (text, None),
    }
}

/// A decimal number; one that is too large for a `usize` saturates.
pub(crate) fn number(text: &str) -> Option<usize> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(usize::MAX))
}
