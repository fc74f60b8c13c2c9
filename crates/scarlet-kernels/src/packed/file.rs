//! Packed networks as files that are mapped into memory.
//!
//! A file is, with all numbers as unsigned 64-bit integers in little-endian order:
//!
//! | bytes | content |
//! |---|---|
//! | 0..8 | `scarlet` and a zero byte |
//! | 8..16 | version of this format |
//! | 16..32 | packing of the weights, as text filled up with zero bytes |
//! | 32..40 | length of the network |
//! | 40..48 | length of the description |
//! | 48..56 | length of the weights |
//! | 56..64 | checksum of all other bytes |
//! | 64.. | the network, and how it is rounded to bytes if it is, as JSON; the description, zeros up to a multiple of 64 |
//! | then | the weights as they lie in memory |

#[cfg(feature = "std")]
mod disk;

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{
    memory::{Buffer, LINE},
    network::{Network, Operation},
    packed::precision::Precision,
    quantisation::Quantisation,
    simd::LANES,
    steps::{PANEL, dense::DENSE_PANEL},
};

use super::{
    Offset, PackedNetwork, Weights,
    layout::{Array, Layout},
    precision::Numbers,
};

const MAGIC: [u8; 8] = *b"scarlet\0";

/// The latest format. It has what networks of format 1 cannot say: swish, what is inside of a
/// squeeze-excite and at its end, activations behind fully connected layers, and depthwise
/// convolutions of any kernel and stride. Format 3 has depthwise and dense convolutions of bytes, scales
/// in steps of what they lead to, and bfloat16. Whatever needs none of that is written as format 1, for
/// programs that read nothing else.
const VERSION: u64 = 3;

const HEAD: usize = 64;
const CHECKSUM: usize = 56;
const CACHE_LINE: usize = LINE * size_of::<f32>();

/// What the kernels of this program read: the numbers' types, and the blocks of `LANES` channels
/// in a panel of a convolution and of a fully connected layer.
fn packing(precision: Precision) -> [u8; 16] {
    let order = if cfg!(target_endian = "little") {
        "le"
    } else {
        "be"
    };
    let rounded = match precision {
        Precision::Float32 => "",
        Precision::Bfloat16 => "bf16/",
        Precision::Int8 => "i8/",
    };
    let text = format!("{rounded}f32{order} {LANES} {PANEL} {DENSE_PANEL}");
    let mut bytes = [0; 16];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    bytes
}

/// The network in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    input_channels: usize,
    operations: Vec<Operation<Offset>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quantisation: Option<Quantisation>,
}

/// Why a file is no packed network that can be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackedFileError {
    /// The file cannot be read.
    #[cfg(feature = "std")]
    #[error("cannot read {file}: {source}")]
    Io {
        /// The file.
        file: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// There is no memory for the weights.
    #[error("there are no {bytes} bytes of memory for the weights of {file}; close other programs")]
    Memory {
        /// The file.
        file: String,
        /// Bytes asked for.
        bytes: usize,
    },
    /// The file holds something else.
    #[error("{file} is no deployed network: it does not begin as one")]
    OtherFormat {
        /// The file.
        file: String,
    },
    /// The file was written by another version of this program.
    #[error(
        "{file} is a deployed network of format {found}, but this program reads formats 1 to {known}: \
         deploy the network again from its weights, with this program"
    )]
    Version {
        /// The file.
        file: String,
        /// Its format.
        found: u64,
        /// The latest format that is read.
        known: u64,
    },
    /// The weights are in an order that the kernels of this program do not read.
    #[error(
        "the weights in {file} are packed as `{found}`, but the kernels here read `{known}`: deploy \
         the network again from its weights, on this kind of machine"
    )]
    Packing {
        /// The file.
        file: String,
        /// Its packing.
        found: String,
        /// The packing that is read.
        known: String,
    },
    /// The file is shorter or longer than it says.
    #[error(
        "{file} has {found} bytes, but should have {expected}: it was not copied or downloaded as a \
         whole; get it again, or deploy the network again"
    )]
    Length {
        /// The file.
        file: String,
        /// Its length in bytes.
        found: u64,
        /// The length that it should have.
        expected: u64,
    },
    /// Something in the file changed after it was written.
    #[error("{file} is damaged: {what}; get it again, or deploy the network again")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        what: String,
    },
}

impl PackedNetwork {
    /// Reads the bytes of a packed network's file, wherever they come from, checks them, copies the weights,
    /// and returns the network and its description. Errors call the file `name`.
    ///
    /// # Errors
    ///
    /// When they are no packed network, or one of another version or packing, cut short or damaged, or
    /// there is no memory for the weights.
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<(Self, String), PackedFileError> {
        let (network, numbers, weights, description) = read(bytes, name)?;
        let weights = &bytes[weights];
        let floats = Buffer::zeroed(weights.len() / size_of::<f32>());
        let mut floats = floats.map_err(|_| PackedFileError::Memory {
            file: name.to_owned(),
            bytes: weights.len(),
        })?;
        let (words, _) = weights.as_chunks();
        for (to, word) in floats.as_mut_slice().iter_mut().zip(words) {
            *to = f32::from_ne_bytes(*word);
        }
        let packed = Self {
            network,
            numbers,
            weights: Arc::new(Weights::Owned(floats)),
        };
        Ok((packed, description))
    }

    /// Whether a file's bytes begin as a packed network's do.
    pub fn is_packed(bytes: &[u8]) -> bool {
        bytes.starts_with(&MAGIC)
    }
}

/// What a file holds: the network, its numbers, where the bytes of its weights are, and its description.
type Contents = (Network<Offset>, Numbers, Range<usize>, String);

/// Checks a file and says what it holds.
fn read(bytes: &[u8], file: &str) -> Result<Contents, PackedFileError> {
    let front = Front::read(bytes, file)?;
    let damaged = |what: String| PackedFileError::Damaged {
        file: file.to_owned(),
        what,
    };
    if checksum(&[bytes]) != front.checksum {
        return Err(damaged("its checksum is wrong".into()));
    }
    let Stored {
        input_channels,
        operations,
        quantisation,
    } = serde_json::from_slice(front.network)
        .map_err(|error| damaged(format!("its network cannot be read ({error})")))?;
    let network = Network {
        input_channels,
        operations,
    };
    let numbers = match (front.precision, quantisation) {
        (Precision::Bfloat16, None) => Numbers::Bf16,
        (Precision::Bfloat16, Some(_)) => {
            return Err(damaged(
                "it is rounded both to bfloat16 and to bytes".into(),
            ));
        }
        (_, None) => Numbers::Floats,
        (_, Some(quantisation)) => {
            let checked = quantisation.check(&network);
            checked.map_err(|error| damaged(error.to_string()))?;
            Numbers::Bytes(quantisation)
        }
    };
    let mut layout = Layout::default();
    let place = |_, array: Array, _: &Offset| Ok::<_, PackedFileError>(array.place.start);
    let placed = layout.place(&network, &numbers, place)?;
    let weights = bytes.len() - front.weights..bytes.len();
    if placed != network || layout.floats().checked_mul(size_of::<f32>()) != Some(weights.len()) {
        return Err(damaged("its weights are not where they should be".into()));
    }
    let description = core::str::from_utf8(front.description)
        .map_err(|_| damaged("its description is no text".into()))?
        .to_owned();
    Ok((network, numbers, weights, description))
}

/// What is in front of the weights.
struct Front<'a> {
    precision: Precision,
    network: &'a [u8],
    description: &'a [u8],
    /// Bytes of the weights, with which the file ends.
    weights: usize,
    checksum: u64,
}

impl<'a> Front<'a> {
    fn read(bytes: &'a [u8], file: &str) -> Result<Self, PackedFileError> {
        let file = || file.to_owned();
        if !bytes.starts_with(&MAGIC) {
            return Err(PackedFileError::OtherFormat { file: file() });
        }
        let wrong_length = |expected: u64| PackedFileError::Length {
            file: file(),
            found: bytes.len() as u64,
            expected,
        };
        let Some((head, rest)) = bytes.split_at_checked(HEAD) else {
            return Err(wrong_length(HEAD as u64));
        };
        let number = |at: usize| {
            let bytes = head[at..].first_chunk().copied();
            u64::from_le_bytes(bytes.unwrap_or_default())
        };
        if !(1..=VERSION).contains(&number(8)) {
            return Err(PackedFileError::Version {
                file: file(),
                found: number(8),
                known: VERSION,
            });
        }
        let text = |packing: &[u8]| {
            let text = String::from_utf8_lossy(packing);
            text.trim_end_matches('\0').to_owned()
        };
        let precisions = [Precision::Float32, Precision::Bfloat16, Precision::Int8];
        let mut known = precisions.into_iter();
        let Some(precision) = known.find(|known| head[16..32] == packing(*known)) else {
            return Err(PackedFileError::Packing {
                file: file(),
                found: text(&head[16..32]),
                known: text(&packing(Precision::Float32)),
            });
        };
        let [network, description, weights] = [32, 40, 48].map(number);
        let end = (HEAD as u64)
            .checked_add(network)
            .and_then(|end| end.checked_add(description))
            .and_then(|end| end.checked_next_multiple_of(CACHE_LINE as u64))
            .and_then(|end| end.checked_add(weights));
        let expected = end.unwrap_or(u64::MAX);
        if bytes.len() as u64 != expected || !weights.is_multiple_of(CACHE_LINE as u64) {
            return Err(wrong_length(expected));
        }
        // All of them are less than the length of the file, which is in memory.
        let [network, description, weights] =
            [network, description, weights].map(|length| length as usize);
        Ok(Self {
            precision,
            network: &rest[..network],
            description: &rest[network..network + description],
            weights,
            checksum: number(CHECKSUM),
        })
    }
}

/// A checksum of all bytes but those of the checksum itself. Each part is a whole number of cache
/// lines, the first begins with the head.
///
/// FNV-1a on words of eight bytes, in four lanes that do not wait for each other: as fast as
/// memory. For a given rest of the file every step is a bijection, so whatever happens to one word
/// is noticed.
fn checksum(parts: &[&[u8]]) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    const BASIS: u64 = 0xCBF2_9CE4_8422_2325;
    let step = |hash: u64, word: u64| (hash ^ word).wrapping_mul(PRIME).rotate_left(29);
    let mut lanes = [BASIS, BASIS + 1, BASIS + 2, BASIS + 3];
    let mut lines = parts.iter().flat_map(|part| part.as_chunks::<32>().0);
    let mut take = |chunk: &[u8; 32], words: usize| {
        let (chunk, _) = chunk.as_chunks::<8>();
        for (lane, word) in lanes.iter_mut().zip(chunk).take(words) {
            *lane = step(*lane, u64::from_le_bytes(*word));
        }
    };
    // The second chunk ends with the checksum.
    for words in [4, 3] {
        if let Some(chunk) = lines.next() {
            take(chunk, words);
        }
    }
    lines.for_each(|chunk| take(chunk, 4));
    lanes.into_iter().fold(BASIS, step)
}
