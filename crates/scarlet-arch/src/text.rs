//! The text form of networks: `E3K7 E6K5s - L H288K7@96/2`, or a whole one from its stem to its
//! head: `[relu6] C3@32/2 E1K3@16 E6K3@24/2 P1280`.
//!
//! ```text
//! network = [ "[" activation [ ", se " activation " " gate ] "]" ] { token }
//! token   = core [ "@" channels ] [ "/" stride ] [ ":" activation ]
//! core    = operation                                           see `blocks`
//!         | "P" channels                                        convolution before the mean
//!         | "F" channels [ "n" ]                                fully connected layer after it
//! ```

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::blocks::HeadToken;
use crate::error::excerpt;
use crate::limits::*;
use crate::presets::{SCARLET_PLAN, SCARLET_SEPARABLE, is_scarlets, scarlet};
use crate::style::Style;
use crate::{Activation, Architecture, ArchitectureError, Block, Gate, Head, Operation, TextError};

/// What is wrong with a token or a part of one, wherever it stands, and the nearest right one.
pub(crate) struct Problem<Nearest> {
    expected: String,
    nearest: Option<Nearest>,
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

/// A word of a network's text.
enum Token {
    Block(BlockToken),
    Head(HeadToken),
}

/// A block as it is written.
struct BlockToken {
    operation: Operation,
    channels: Option<usize>,
    stride: Option<usize>,
}

impl BlockToken {
    fn text(&self, style: &Style) -> String {
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
    fn text(&self, style: &Style) -> String {
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

impl From<Operation> for String {
    fn from(operation: Operation) -> Self {
        operation.to_string()
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&Style::SCARLET.operation(self))
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

impl fmt::Display for Architecture {
    /// Writes the blocks such that they read back the same, as shortly as reading allows: of a
    /// network with SCARLET's stem and head the layers alone, with channels and strides only where
    /// they are not the ones that reading would assume.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = Style::of(self);
        let mut words: Vec<String> = style.header().into_iter().collect();
        if is_scarlets(self) {
            words.extend(layer_words(self.layers(), &style));
        } else {
            let mut before = 0;
            words.extend(self.blocks.iter().map(|block| {
                let channels = std::mem::replace(&mut before, block.channels);
                let token = BlockToken {
                    operation: block.operation,
                    channels: (channels != block.channels).then_some(block.channels),
                    stride: (block.stride != 1).then_some(block.stride),
                };
                token.text(&style)
            }));
            words.extend(self.head.text(&style));
        }
        f.pad(&words.join(" "))
    }
}

impl Architecture {
    /// The layers alone, whatever the network's stem and head are, as its text has them.
    pub fn layers_text(&self) -> String {
        layer_words(self.layers(), &Style::of(self)).join(" ")
    }

    /// The same with the head behind them.
    pub fn layers_and_head_text(&self) -> String {
        let style = Style::of(self);
        let layers = layer_words(self.layers(), &style).into_iter();
        let words: Vec<String> = layers.chain(self.head.text(&style)).collect();
        words.join(" ")
    }
}

fn layer_words(layers: &[Block], style: &Style) -> Vec<String> {
    let mut previous = None;
    let words = layers.iter().enumerate().map(|(index, layer)| {
        let (channels, stride) = default_place(index, layers.len(), layer.operation, previous);
        previous = Some(layer);
        let token = BlockToken {
            operation: layer.operation,
            channels: (channels != Some(layer.channels)).then_some(layer.channels),
            stride: (stride != layer.stride).then_some(layer.stride),
        };
        token.text(style)
    });
    words.collect()
}

/// Channels, where there is a natural choice, and stride of a layer that does not give them.
fn default_place(
    index: usize,
    count: usize,
    operation: Operation,
    previous: Option<&Block>,
) -> (Option<usize>, usize) {
    if count == SCARLET_PLAN.len() {
        let (channels, stride) = SCARLET_PLAN[index];
        return (Some(channels), stride);
    }
    let channels = (operation == Operation::Identity)
        .then(|| previous.map_or(SCARLET_SEPARABLE, |layer| layer.channels));
    (channels, 1)
}

impl Block {
    /// The block as a word that says everything, such as `E6K3@24/2:relu6`.
    pub(crate) fn word(&self) -> String {
        let token = BlockToken {
            operation: self.operation,
            channels: Some(self.channels),
            stride: (self.stride != 1).then_some(self.stride),
        };
        token.text(&Style::SCARLET)
    }
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

fn check_length(text: &str) -> Result<(), TextError> {
    if text.len() <= MAX_TEXT {
        return Ok(());
    }
    let expected = format!("at most {MAX_TEXT} bytes, found {}", text.len());
    Err(whole(expected))
}

/// An error of the text as a whole.
fn whole(expected: impl Into<String>) -> TextError {
    located("", 1, 0..0, Problem::<String>::new(expected, None))
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

fn located(
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

fn shortened(token: &str) -> String {
    const SHOWN: usize = 40;
    let mut short: String = token.chars().take(SHOWN).collect();
    if short.len() < token.len() {
        short.push('…');
    }
    short
}

fn parse_token(text: &str, style: &Style) -> Result<Token, Problem<Token>> {
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

fn parse_block(text: &str, style: &Style) -> Result<BlockToken, Problem<BlockToken>> {
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
fn finished<T>(token: Option<T>, expected: Vec<String>) -> Result<T, Problem<T>> {
    match (token, expected.into_iter().next()) {
        (Some(token), None) => Ok(token),
        (nearest, expected) => Err(Problem::new(expected.unwrap_or_default(), nearest)),
    }
}

/// A part of a token, or the nearest right one while noting what was expected.
fn part<T>(read: Result<T, Problem<T>>, expected: &mut Vec<String>) -> Option<T> {
    match read {
        Ok(part) => Some(part),
        Err(problem) => {
            expected.push(problem.expected);
            problem.nearest
        }
    }
}

/// The activation of that name, if there is one; `None` when nothing is like it.
fn named_activation(name: Option<&str>, expected: &mut Vec<String>) -> Option<Option<Activation>> {
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
fn suffix(
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

fn split_suffix(text: &str, separator: char) -> (&str, Option<&str>) {
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
