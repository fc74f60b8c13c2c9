//! Packed networks on disk.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use memmap2::Mmap;

use crate::{
    activation::{Activation, unsaid},
    network::{Network, Operation},
    packed::{PackedNetwork, file::PackedFileError, precision::Precision},
};

use super::{
    super::{Weights, precision::Numbers},
    CACHE_LINE, CHECKSUM, HEAD, MAGIC, Stored, VERSION, checksum, packing, read,
};

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
    /// a new file in its place does no harm. Where the system maps no files, it is read.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no packed network, of another version or packing, cut
    /// short or damaged.
    pub fn open(path: &Path) -> Result<(Self, String), PackedFileError> {
        let name = path.display().to_string();
        let io_error = |source| PackedFileError::Io {
            file: name.clone(),
            source,
        };
        let file = File::open(path).map_err(io_error)?;
        if file.metadata().map_err(io_error)?.is_dir() {
            return Err(io_error(io::ErrorKind::IsADirectory.into()));
        }
        if cfg!(not(any(unix, windows))) {
            return Self::from_bytes(&std::fs::read(path).map_err(io_error)?, &name);
        }
        // SAFETY: nobody changes the file while it is mapped: this program writes such files in
        // another place and renames them, and the documentation asks others for the same.
        let map = unsafe { Mmap::map(&file) }.map_err(io_error)?;
        let (network, numbers, weights, description) = read(&map, &name)?;
        let packed = Self {
            network,
            numbers,
            weights: Arc::new(Weights::Mapped(map, weights)),
        };
        Ok((packed, description))
    }

    /// Whether a file begins as a packed network does.
    pub fn is_packed_file(path: &Path) -> bool {
        let mut magic = [0; MAGIC.len()];
        File::open(path)
            .and_then(|mut file| io::Read::read_exact(&mut file, &mut magic))
            .is_ok_and(|()| magic == MAGIC)
    }
}

fn as_bytes(floats: &[f32]) -> &[u8] {
    // SAFETY: floats are plain bytes, without gaps.
    unsafe { core::slice::from_raw_parts(floats.as_ptr().cast(), size_of_val(floats)) }
}
