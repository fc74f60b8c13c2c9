//! The text form of layers: `E3K7 E6K5s - L H288K7@96/2`.
//!
//! ```text
//! layer     = operation [ "@" channels ] [ "/" stride ]
//! operation = ( "E" factor | "H" hidden ) "K" kernel [ "s" ]    inverted residual
//!           | "-"                                               identity
//!           | "L"                                               linear 1×1 convolution
//! ```

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::error::excerpt;
use crate::limits::*;
use crate::presets::{SCARLET_PLAN, SCARLET_SEPARABLE, scarlet};
use crate::{Architecture, ArchitectureError, Block, Expansion, Layer, Operation, TextError};

const OPERATION: &str = "an operation such as E3K7 (expansion 3, kernel 7), E6K5s (with \
                         squeeze-excite), H288K3 (288 hidden channels), - (identity) or L (linear)";

/// What is wrong with a token or a part of one, wherever it stands, and the nearest right one.
struct Problem<Nearest> {
    expected: String,
    nearest: Option<Nearest>,
}

impl<Nearest> Problem<Nearest> {
    fn new(expected: impl Into<String>, nearest: Option<Nearest>) -> Self {
        Self {
            expected: expected.into(),
            nearest,
        }
    }
}

/// A layer as it is written.
struct Token {
    operation: Operation,
    channels: Option<usize>,
    stride: Option<usize>,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.operation)?;
        if let Some(channels) = self.channels {
            write!(f, "@{channels}")?;
        }
        if let Some(stride) = self.stride {
            write!(f, "/{stride}")?;
        }
        Ok(())
    }
}

impl FromStr for Operation {
    type Err = TextError;

    /// Reads an operation such as `E3K7`, `E6K5s`, `H288K3`, `-` or `L`.
    fn from_str(text: &str) -> Result<Self, TextError> {
        check_length(text)?;
        parse_operation(text).map_err(|problem| located(text, 1, 0..text.len(), problem))
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
        match self {
            Self::Identity => write!(f, "-"),
            Self::Linear => write!(f, "L"),
            Self::InvertedResidual(block) => {
                match block.expansion {
                    Expansion::Times(factor) => write!(f, "E{factor}")?,
                    Expansion::To(hidden) => write!(f, "H{hidden}")?,
                }
                let squeeze_excite = if block.squeeze_excite { "s" } else { "" };
                write!(f, "K{}{squeeze_excite}", block.kernel)
            }
        }
    }
}

impl FromStr for Architecture {
    type Err = ArchitectureError;

    /// Reads layers such as `E3K7 E6K5s | -`, separated by spaces or `|`, into a network named
    /// `custom` with SCARLET's stem, head and preprocessing.
    ///
    /// Nineteen layers have SCARLET's channels and strides, where they do not say otherwise
    /// (`E6K3@24/2`). Another number of layers must give their channels; their stride is 1 where
    /// they do not say otherwise, and identities need neither. The resolution is 224, or the next
    /// multiple of the network's total stride.
    ///
    /// # Errors
    ///
    /// [`ArchitectureError::Text`] points at the token; the network is then
    /// [validated](Architecture::validate).
    fn from_str(text: &str) -> Result<Self, ArchitectureError> {
        check_length(text)?;
        let mut tokens = Vec::new();
        for (index, span) in token_spans(text).enumerate() {
            let token = if index < MAX_LAYERS {
                parse_token(&text[span.clone()])
            } else {
                Err(Problem::new(format!("at most {MAX_LAYERS} layers"), None))
            };
            match token {
                Ok(token) => tokens.push((token, span)),
                Err(problem) => return Err(located(text, index + 1, span, problem).into()),
            }
        }
        if tokens.is_empty() {
            return Err(whole("at least one layer, such as E3K7").into());
        }

        let count = tokens.len();
        let mut layers: Vec<Layer> = Vec::with_capacity(count);
        for (index, (token, span)) in tokens.into_iter().enumerate() {
            let place = default_place(index, count, token.operation, layers.last());
            let Some(channels) = token.channels.or(place.0) else {
                let problem = Problem::<Token>::new(
                    format!(
                        "channels, as in {}@32: this text has {count} layers, and only one of {} \
                         has SCARLET's plan of channels",
                        token.operation,
                        SCARLET_PLAN.len(),
                    ),
                    None,
                );
                return Err(located(text, index + 1, span, problem).into());
            };
            layers.push(Layer {
                operation: token.operation,
                channels,
                stride: token.stride.unwrap_or(place.1),
            });
        }

        let mut network = scarlet("custom", layers);
        network.validate_fields()?;
        let stride = network.total_stride();
        let resolution = &mut network.preprocessing.resolution;
        *resolution = resolution.next_multiple_of(stride);
        network.validate()?;
        Ok(network)
    }
}

impl fmt::Display for Architecture {
    /// Writes the layers such that they read back the same, with channels and strides only where
    /// they are not the ones that reading would assume.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut previous = None;
        for (index, layer) in self.layers.iter().enumerate() {
            let (channels, stride) =
                default_place(index, self.layers.len(), layer.operation, previous);
            if index > 0 {
                write!(f, " ")?;
            }
            let token = Token {
                operation: layer.operation,
                channels: (channels != Some(layer.channels)).then_some(layer.channels),
                stride: (stride != layer.stride).then_some(layer.stride),
            };
            write!(f, "{token}")?;
            previous = Some(layer);
        }
        Ok(())
    }
}

/// Channels, where there is a natural choice, and stride of a layer that does not give them.
fn default_place(
    index: usize,
    count: usize,
    operation: Operation,
    previous: Option<&Layer>,
) -> (Option<usize>, usize) {
    if count == SCARLET_PLAN.len() {
        let (channels, stride) = SCARLET_PLAN[index];
        return (Some(channels), stride);
    }
    let channels = (operation == Operation::Identity)
        .then(|| previous.map_or(SCARLET_SEPARABLE, |layer| layer.channels));
    (channels, 1)
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
    located("", 1, 0..0, Problem::<Token>::new(expected, None))
}

/// Spans of what stands between white space and `|`.
fn token_spans(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.split(|character: char| character.is_whitespace() || character == '|')
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

fn parse_token(text: &str) -> Result<Token, Problem<Token>> {
    let (rest, stride) = split_suffix(text, '/');
    let (operation, channels) = split_suffix(rest, '@');

    // Every part is read even when one before it is wrong, for the nearest token as a whole.
    let mut expected = Vec::new();
    let operation = part(parse_operation(operation), &mut expected);
    let channels = suffix(channels, &mut expected, 1, MAX_CHANNELS, || {
        format!("channels from 1 to {MAX_CHANNELS} behind the @")
    });
    let stride = suffix(stride, &mut expected, 1, 2, || {
        "a stride of 1 or 2 at its end, as in E6K3@24/2".to_owned()
    });

    let token = match (operation, channels, stride) {
        (Some(operation), Some(channels), Some(stride)) => Some(Token {
            operation,
            channels,
            stride,
        }),
        _ => None,
    };
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

fn parse_operation(text: &str) -> Result<Operation, Problem<Operation>> {
    match text {
        "-" => return Ok(Operation::Identity),
        "L" => return Ok(Operation::Linear),
        _ => {}
    }
    let block =
        split_block(text).ok_or_else(|| Problem::new(OPERATION, nearest_operation(text)))?;
    let in_range = Block {
        kernel: (block.kernel | 1).min(MAX_KERNEL),
        expansion: match block.expansion {
            Expansion::Times(factor) => Expansion::Times(factor.clamp(1, MAX_EXPANSION)),
            Expansion::To(hidden) => Expansion::To(hidden.clamp(1, MAX_HIDDEN)),
        },
        ..block
    };
    let operation = Operation::InvertedResidual(in_range);
    let problem = |expected| Problem::new(expected, Some(operation));
    if block.expansion != in_range.expansion {
        return Err(problem(match block.expansion {
            Expansion::Times(_) => format!("an expansion factor from 1 to {MAX_EXPANSION}"),
            Expansion::To(_) => format!("hidden channels from 1 to {MAX_HIDDEN}"),
        }));
    }
    if block.kernel != in_range.kernel {
        return Err(problem(format!("an odd kernel from 1 to {MAX_KERNEL}")));
    }
    Ok(operation)
}

/// The numbers of `E3K7s` or `H288K7s`, whatever they are.
fn split_block(text: &str) -> Option<Block> {
    let squeezed = text.strip_suffix('s');
    let (width, kernel) = squeezed.unwrap_or(text).split_once('K')?;
    let expansion = if let Some(factor) = width.strip_prefix('E') {
        Expansion::Times(number(factor)?)
    } else {
        Expansion::To(number(width.strip_prefix('H')?)?)
    };
    Some(Block {
        kernel: number(kernel)?,
        expansion,
        squeeze_excite: squeezed.is_some(),
    })
}

/// A decimal number; one that is too large for a `usize` saturates.
fn number(text: &str) -> Option<usize> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(usize::MAX))
}

/// The customary operation most like `text`, if any is.
fn nearest_operation(text: &str) -> Option<Operation> {
    const FURTHEST: usize = 2;
    if text.chars().count() > 8 {
        return None;
    }
    let wanted = text.to_lowercase();
    let mut candidates = vec![Operation::Identity, Operation::Linear];
    for squeeze_excite in [false, true] {
        for factor in [3, 6, 1] {
            for kernel in [3, 5, 7] {
                candidates.push(Operation::InvertedResidual(Block {
                    kernel,
                    expansion: Expansion::Times(factor),
                    squeeze_excite,
                }));
            }
        }
    }
    candidates
        .into_iter()
        .map(|operation| {
            let name = operation.to_string().to_lowercase();
            (strsim::damerau_levenshtein(&name, &wanted), operation)
        })
        .filter(|(distance, _)| *distance <= FURTHEST)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, operation)| operation)
}
