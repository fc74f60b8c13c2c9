//! Texts as they are read.

use std::ops::Range;
use std::str::FromStr;

use super::default_place;
use super::problem::{Problem, check_length, located, whole};
use super::token::{BlockToken, Token, parse_block, parse_token};
use crate::blocks::HeadToken;
use crate::limits::*;
use crate::presets::{SCARLET_PLAN, scarlet};
use crate::style::Style;
use crate::{Activation, Architecture, ArchitectureError, Block, Gate, Head, Operation, TextError};

impl FromStr for Operation {
    type Err = TextError;

    /// Reads an operation such as `E3K7`, `E6K5s`, `H288K3:relu6`, `-` or `L`.
    fn from_str(text: &str) -> Result<Self, TextError> {
        check_length(text)?;
        let style = Style::SCARLET;
        let token = parse_block(text, &style).and_then(|token| match token {
            BlockToken {
                operation,
                channels: None,
                stride: None,
            } => Ok(operation),
            placed => Err(Problem::new(
                "an operation without channels or stride",
                Some(BlockToken {
                    channels: None,
                    stride: None,
                    ..placed
                }),
            )),
        });
        token.map_err(|problem| {
            let problem = problem.map(|nearest| nearest.operation);
            located(text, 1, 0..text.len(), problem)
        })
    }
}

impl TryFrom<String> for Operation {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        text.parse()
    }
}

impl FromStr for Architecture {
    type Err = ArchitectureError;

    /// Reads a network named `custom`, with SCARLET's padding, batch normalisation and
    /// preprocessing, from words separated by spaces or `|`.
    ///
    /// A text that begins with a convolution, such as `C3@16/2 E1K3@16:relu E4K3@24/2:relu P960
    /// F1280`, is that of a whole network up to its head. A block that does not give its channels
    /// has those of the block before, and its stride is 1 where it does not say otherwise.
    ///
    /// Any other text, such as `E3K7 E6K5s | -`, is that of the layers between SCARLET's stem and
    /// head. Nineteen layers have SCARLET's channels and strides, where they do not say otherwise
    /// (`E6K3@24/2`). Another number of layers must give their channels; identities need not.
    ///
    /// # Errors
    ///
    /// [`ArchitectureError::Text`] points at the word; the network is then
    /// [validated](Architecture::validate).
    fn from_str(text: &str) -> Result<Self, ArchitectureError> {
        check_length(text)?;
        let (style, start) = parse_header(text)?;
        let mut blocks = Vec::new();
        let mut head = None::<Head>;
        for (index, span) in token_spans(text, start).enumerate() {
            let fail = |problem| located(text, index + 1, span.clone(), problem);
            let token = if index < MAX_BLOCKS + 2 {
                parse_token(&text[span.clone()], &style)
            } else {
                Err(Problem::new(format!("at most {MAX_BLOCKS} blocks"), None))
            };
            let token = token.map_err(|problem| fail(problem.map(|token| token.text(&style))));
            match token? {
                Token::Block(_) if head.is_some() => {
                    let problem = "the end of the text: nothing comes after a network's head";
                    return Err(fail(Problem::new(problem, None)).into());
                }
                Token::Block(token) => blocks.push((token, span)),
                Token::Head(token) => {
                    head = Some(add_to_head(head, token).map_err(fail)?);
                }
            }
        }
        let Some((first, _)) = blocks.first() else {
            return Err(whole("at least one layer, such as E3K7").into());
        };
        let network = match first.operation {
            Operation::Conv(_) => whole_network(blocks, head),
            _ => around_layers(text, &style, blocks, head)?,
        };
        network.validate()?;
        Ok(network)
    }
}

/// A head with one more word.
fn add_to_head(head: Option<Head>, token: HeadToken) -> Result<Head, Problem<String>> {
    let mut all = head.unwrap_or(Head {
        conv: None,
        hidden: None,
    });
    let twice =
        |what: &str| Problem::new(format!("a head of one form: it already has {what}"), None);
    match token {
        HeadToken::Conv(_) if all.hidden.is_some() => Err(Problem::new(
            "the head's convolution before its fully connected layer",
            None,
        )),
        HeadToken::Conv(_) if all.conv.is_some() => Err(twice("a convolution")),
        HeadToken::Hidden(_) if all.hidden.is_some() => Err(twice("a fully connected layer")),
        HeadToken::Conv(conv) => {
            all.conv = Some(conv);
            Ok(all)
        }
        HeadToken::Hidden(hidden) => {
            all.hidden = Some(hidden);
            Ok(all)
        }
    }
}

fn whole_network(tokens: Vec<(BlockToken, Range<usize>)>, head: Option<Head>) -> Architecture {
    let mut channels = scarlet("custom", []).input_channels;
    let blocks = tokens.into_iter().map(|(token, _)| {
        channels = token.channels.unwrap_or(channels);
        Block {
            operation: token.operation,
            channels,
            stride: token.stride.unwrap_or(1),
        }
    });
    let blocks = blocks.collect();
    Architecture {
        blocks,
        head: head.unwrap_or(Head {
            conv: None,
            hidden: None,
        }),
        ..scarlet("custom", [])
    }
}

/// The network of these layers between SCARLET's stem and head.
fn around_layers(
    text: &str,
    style: &Style,
    tokens: Vec<(BlockToken, Range<usize>)>,
    head: Option<Head>,
) -> Result<Architecture, TextError> {
    let count = tokens.len();
    let mut layers: Vec<Block> = Vec::with_capacity(count);
    for (index, (token, span)) in tokens.into_iter().enumerate() {
        let place = default_place(index, count, token.operation, layers.last());
        let Some(channels) = token.channels.or(place.0) else {
            let problem = Problem::<String>::new(
                format!(
                    "channels, as in {}@32: this text has {count} layers, and only one of {} \
                     has SCARLET's plan of channels",
                    style.operation(&token.operation),
                    SCARLET_PLAN.len(),
                ),
                None,
            );
            return Err(located(text, index + 1, span, problem));
        };
        layers.push(Block {
            operation: token.operation,
            channels,
            stride: token.stride.unwrap_or(place.1),
        });
    }
    let network = scarlet("custom", layers);
    Ok(Architecture {
        head: head.unwrap_or(network.head),
        ..network
    })
}

/// Blocks and head of words that say everything, as [`Block::word`] writes them.
pub(crate) fn read_words(words: &[String]) -> Result<(Vec<Block>, Head), TextError> {
    let style = Style::SCARLET;
    let mut blocks = Vec::with_capacity(words.len());
    let mut head = None::<Head>;
    for (index, word) in words.iter().enumerate() {
        let fail = |problem| located(word, index + 1, 0..word.len(), problem);
        check_length(word)?;
        let token = parse_token(word, &style);
        match token.map_err(|problem| fail(problem.map(|token| token.text(&style))))? {
            Token::Block(_) if head.is_some() => {
                let problem = "the end of the blocks: nothing comes after a network's head";
                return Err(fail(Problem::new(problem, None)));
            }
            Token::Block(token) => {
                let Some(channels) = token.channels else {
                    let expected = format!("channels, as in {word}@32");
                    return Err(fail(Problem::new(expected, None)));
                };
                blocks.push(Block {
                    operation: token.operation,
                    channels,
                    stride: token.stride.unwrap_or(1),
                });
            }
            Token::Head(token) => head = Some(add_to_head(head, token).map_err(fail)?),
        }
    }
    let none = Head {
        conv: None,
        hidden: None,
    };
    Ok((blocks, head.unwrap_or(none)))
}

/// The style that stands at the beginning of a text in brackets, and where the words begin.
fn parse_header(text: &str) -> Result<(Style, usize), TextError> {
    let start = text.len() - text.trim_start().len();
    if !text[start..].starts_with('[') {
        return Ok((Style::SCARLET, 0));
    }
    let fail = |end: usize, expected: String| {
        located(text, 1, start..end, Problem::<String>::new(expected, None))
    };
    let Some(length) = text[start..].find(']') else {
        let expected = "a bracket that is closed, as in [relu6]".to_owned();
        return Err(fail(start + 1, expected));
    };
    let end = start + length + 1;
    let inside = &text[start + 1..end - 1];
    let (activation, excite) = match inside.split_once(',') {
        Some((activation, excite)) => (activation, Some(excite)),
        None => (inside, None),
    };
    let mut style = Style::SCARLET;
    let activation: Result<Activation, _> = activation.trim().parse();
    style.activation = activation.map_err(|error| fail(end, format!("an activation: {error}")))?;
    if let Some(excite) = excite {
        let words: Vec<&str> = excite.split_whitespace().collect();
        let ["se", activation, gate] = words[..] else {
            let expected = "an activation and a gate of squeeze-excite, as in [swish, se swish \
                            sigmoid]";
            return Err(fail(end, expected.to_owned()));
        };
        let activation: Result<Activation, _> = activation.parse();
        let gate: Result<Gate, _> = gate.parse();
        style.squeeze_excite = (
            activation.map_err(|error| fail(end, format!("an activation: {error}")))?,
            gate.map_err(|error| fail(end, format!("a gate: {error}")))?,
        );
    }
    Ok((style, end))
}

/// Spans of what stands between white space and `|`, from a byte on.
fn token_spans(text: &str, from: usize) -> impl Iterator<Item = Range<usize>> {
    text[from..]
        .split(|character: char| character.is_whitespace() || character == '|')
        .filter(|token| !token.is_empty())
        .map(|token| {
            let start = token.as_ptr() as usize - text.as_ptr() as usize;
            start..start + token.len()
        })
}
