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

use std::{
    fs::File,
    io::{self, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use memmap2::Mmap;
use serde::{Deserialize, Serialize};

use crate::{
    Activation, Network, Operation, Precision, Quantisation,
    activation::unsaid,
    memory::{Buffer, LINE},
    simd::LANES,
    steps::{DENSE_PANEL, PANEL},
};

use super::{
    Numbers, Offset, PackedNetwork, Weights,
    layout::{Array, Layout},
};

const MAGIC: [u8; 8] = *b"scarlet\0";

/// The latest format. It has what networks of format 1 cannot say: swish, what is inside of a
/// squeeze-excite and at its end, activations behind fully connected layers, and depthwise
/// convolutions of any kernel and stride. Format 3 has depthwise and dense convolutions of bytes, scales
/// in steps of what they lead to, and bfloat16. Whatever needs none of that is written as format 1, for
/// programs that read nothing else.
const VERSION: u64 = 3;

/// The format that a network needs.
fn version_of<W>(network: &Network<W>, numbers: &Numbers) -> u64 {
    let is_swish = |activation| matches!(activation, Activation::Swish);
    let is_new = |operation: &Operation<W>| match operation {
        Operation::Convolution(c) => is_swish(c.activation),
        Operation::Depthwise(c) => {
            is_swish(c.activation) || !matches!((c.kernel, c.stride), (3 | 5 | 7, 1 | 2))
        }
        Operation::Pointwise(c) => is_swish(c.activation),
        Operation::SqueezeExcite(c) => (c.activation, c.gate) != (unsaid::inner(), unsaid::gate()),
        Operation::Linear(c) => c.activation != unsaid::linear(),
        Operation::Add(_) | Operation::GlobalMean => false,
    };
    let mut operations = network.operations.iter().enumerate();
    let is_in_bytes = |(index, operation): (_, &Operation<W>)| {
        matches!(
            operation,
            Operation::Convolution(_) | Operation::Depthwise(_)
        ) && numbers.of(index, operation) == Precision::Int8
    };
    if *numbers == Numbers::Bf16 || operations.any(is_in_bytes) {
        VERSION
    } else if network.operations.iter().any(is_new) {
        2
    } else {
        1
    }
}

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
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{} is no deployed network: it does not begin as one", path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by another version of this program.
    #[error(
        "{} is a deployed network of format {found}, but this program reads formats 1 to {known}: \
         deploy the network again from its weights, with this program",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The latest format that is read.
        known: u64,
    },
    /// The weights are in an order that the kernels of this program do not read.
    #[error(
        "the weights in {} are packed as `{found}`, but the kernels here read `{known}`: deploy \
         the network again from its weights, on this kind of machine",
        path.display()
    )]
    Packing {
        /// The file.
        path: PathBuf,
        /// Its packing.
        found: String,
        /// The packing that is read.
        known: String,
    },
    /// The file is shorter or longer than it says.
    #[error(
        "{} has {found} bytes, but should have {expected}: it was not copied or downloaded as a \
         whole; get it again, or deploy the network again",
        path.display()
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        found: u64,
        /// The length that it should have.
        expected: u64,
    },
    /// Something in the file changed after it was written.
    #[error("{} is damaged: {what}; get it again, or deploy the network again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl PackedNetwork {
    /// Writes the network, with a description that [`open`](Self::open) gives back.
    ///
    /// # Errors
    ///
    /// As `to` has them.
    pub fn write(&self, description: &str, to: &mut dyn Write) -> io::Result<()> {
        let network = serde_json::to_vec(&Stored {
            input_channels: self.network.input_channels,
            operations: self.network.operations.clone(),
            quantisation: self.quantisation().cloned(),
        })?;
        let weights = self.weights().as_slice();
        let mut front = vec![0; HEAD];
        front[..8].copy_from_slice(&MAGIC);
        front[16..32].copy_from_slice(&packing(self.precision()));
        let lengths = [network.len(), description.len(), size_of_val(weights)];
        let numbers = [(8, version_of(&self.network, &self.numbers))]
            .into_iter()
            .chain((32..).step_by(8).zip(lengths.map(|length| length as u64)));
        for (at, number) in numbers {
            front[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        front.extend(network);
        front.extend(description.as_bytes());
        front.resize(front.len().next_multiple_of(CACHE_LINE), 0);
        let weights = as_bytes(weights);
        let checksum = checksum(&[&front, weights]);
        front[CHECKSUM..HEAD].copy_from_slice(&checksum.to_le_bytes());
        to.write_all(&front)?;
        to.write_all(weights)
    }

    /// Maps a file that [`write`](Self::write) wrote into memory, checks it, and returns the
    /// network and its description. The file must not be changed as long as the network lives;
    /// a new file in its place does no harm.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no packed network, of another version or packing, cut
    /// short or damaged.
    pub fn open(path: &Path) -> Result<(Self, String), PackedFileError> {
        let io_error = |source| PackedFileError::Io {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(io_error)?;
        if file.metadata().map_err(io_error)?.is_dir() {
            return Err(io_error(io::ErrorKind::IsADirectory.into()));
        }
        // SAFETY: nobody changes the file while it is mapped: this program writes such files in
        // another place and renames them, and the documentation asks others for the same.
        let map = unsafe { Mmap::map(&file) }.map_err(io_error)?;
        let (network, numbers, weights, description) = read(&map, path)?;
        let packed = Self {
            network,
            numbers,
            weights: Arc::new(Weights::Mapped(map, weights)),
        };
        Ok((packed, description))
    }

    /// As [`open`](Self::open), for the bytes of a file, wherever they come from; the weights are copied.
    /// Errors call them `name`.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), without those of the file system.
    pub fn from_bytes(bytes: &[u8], name: &Path) -> Result<(Self, String), PackedFileError> {
        let (network, numbers, weights, description) = read(bytes, name)?;
        let weights = &bytes[weights];
        let buffer = Buffer::zeroed(weights.len() / size_of::<f32>());
        let mut buffer = buffer.map_err(|_| PackedFileError::Io {
            path: name.to_owned(),
            source: io::ErrorKind::OutOfMemory.into(),
        })?;
        let (floats, _) = weights.as_chunks::<4>();
        for (to, float) in buffer.as_mut_slice().iter_mut().zip(floats) {
            *to = f32::from_ne_bytes(*float);
        }
        let packed = Self {
            network,
            numbers,
            weights: Arc::new(Weights::Owned(buffer)),
        };
        Ok((packed, description))
    }

    /// Whether a file's bytes begin as a packed network's do.
    pub fn is_packed(bytes: &[u8]) -> bool {
        bytes.starts_with(&MAGIC)
    }

    /// Whether a file begins as a packed network does.
    pub fn is_packed_file(path: &Path) -> bool {
        let mut magic = [0; MAGIC.len()];
        File::open(path)
            .and_then(|mut file| io::Read::read_exact(&mut file, &mut magic))
            .is_ok_and(|()| magic == MAGIC)
    }
}

/// What a file holds: the network, its numbers, where the bytes of its weights are, and its description.
type Contents = (Network<Offset>, Numbers, Range<usize>, String);

/// Checks a file and says what it holds.
fn read(bytes: &[u8], path: &Path) -> Result<Contents, PackedFileError> {
    let front = Front::read(bytes, path)?;
    let damaged = |what: String| PackedFileError::Damaged {
        path: path.to_owned(),
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
    let description = std::str::from_utf8(front.description)
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
    fn read(bytes: &'a [u8], path: &Path) -> Result<Self, PackedFileError> {
        let path = || path.to_owned();
        if !bytes.starts_with(&MAGIC) {
            return Err(PackedFileError::OtherFormat { path: path() });
        }
        let wrong_length = |expected: u64| PackedFileError::Length {
            path: path(),
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
                path: path(),
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
                path: path(),
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

fn as_bytes(floats: &[f32]) -> &[u8] {
    // SAFETY: floats are plain bytes, without gaps.
    unsafe { std::slice::from_raw_parts(floats.as_ptr().cast(), size_of_val(floats)) }
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
