//! Files of weights that scarlet wrote: safetensors with the network's architecture in the metadata.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use scarlet_arch::{Architecture, ArchitectureError};
use scarlet_io::checksum::{self, ChecksumError};
use scarlet_io::limited;
use scarlet_io::printable::excerpt;
use thiserror::Error;

use super::NetworkWeights;
use crate::metadata::{ARCHITECTURE_KEY, CARD_KEY, FORMAT, later_format, must_have_checksum};
use crate::{ClassifierError, Model, ModelCard};

/// Bytes of the header's length, which a file begins with.
const LENGTH_BYTES: usize = 8;
/// The longest header that the format allows.
const LONGEST_HEADER: u64 = 100_000_000;
/// The most bytes of a file that is read: of the largest network in double precision, and its header.
const LARGEST: u64 = 9 << 30;

/// Why a file of weights cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WeightsFileError {
    /// It is no whole safetensors file.
    #[error("{} is damaged, or not copied or downloaded as a whole: {detail}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// Its content does not fit its checksum.
    #[error("{}: {source}; get it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The checksums.
        source: ChecksumError,
    },
    /// It was written by a later version.
    #[error(
        "{} is of format {}, and this program reads up to format {FORMAT}: use a later version of it",
        path.display(), excerpt(.found)
    )]
    LaterFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: String,
    },
    /// It does not say which network it holds.
    #[error(
        "{} does not say which network its weights are of: `scarlet-weights convert` makes a file of it \
         that does",
        path.display()
    )]
    NoArchitecture {
        /// The file.
        path: PathBuf,
    },
    /// The network that it says it holds cannot be used.
    #[error("the network that {} says it holds cannot be used: {source}", path.display())]
    Architecture {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<ArchitectureError>,
    },
    /// Its tensors are not those of its network.
    #[error(
        "the weights in {} are not those of its network: {}; it was changed by another program",
        path.display(), excerpt(.detail)
    )]
    Misfit {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        detail: String,
    },
    /// A weight that no network can have.
    #[error(
        "`{entry}` in {} holds {value} at index {index}, which {why}: the training that wrote it diverged, \
         or the file is damaged",
        path.display()
    )]
    Value {
        /// The file.
        path: PathBuf,
        /// Name of the tensor.
        entry: String,
        /// Index of the first such value, in row-major order.
        index: usize,
        /// The value.
        value: f32,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Whether a file begins as safetensors does: the length of a JSON header, and a brace.
pub(crate) fn is_weights(start: &[u8]) -> bool {
    let Some(length) = start.first_chunk::<LENGTH_BYTES>() else {
        return false;
    };
    u64::from_le_bytes(*length) <= LONGEST_HEADER && start.get(LENGTH_BYTES) == Some(&b'{')
}

/// The same of a file, which is none where it cannot be read.
pub(crate) fn is_weights_file(path: &Path) -> bool {
    // Reading a pipe or a device might never end.
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut start = [0; LENGTH_BYTES + 1];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut start))
        .is_ok_and(|()| is_weights(&start))
}

/// Opens a file of weights.
pub(crate) fn open(path: &Path) -> Result<Model, ClassifierError> {
    let bytes = limited::read(path, LARGEST).map_err(|source| ClassifierError::Read {
        path: path.to_owned(),
        source,
    })?;
    read(&bytes, path)
}

/// The network in a file's bytes.
pub(crate) fn read(bytes: &[u8], name: &Path) -> Result<Model, ClassifierError> {
    let file = WeightsFile::read(bytes, name)?;
    let weights = file.weights()?;
    // A card that is damaged or of other classes never stops the weights.
    let card = file.metadata.get(CARD_KEY);
    let card = card.and_then(|json| ModelCard::from_json(json).ok());
    let classes = weights.architecture().classes;
    let card = card.filter(|card| card.check(classes).is_ok());
    Ok(Model {
        card,
        ..Model::of(weights)?
    })
}

struct WeightsFile<'a> {
    name: &'a Path,
    metadata: BTreeMap<String, String>,
    tensors: SafeTensors<'a>,
}

impl<'a> WeightsFile<'a> {
    /// Reads what is in front of the tensors, and checks that the file is whole.
    fn read(bytes: &'a [u8], name: &'a Path) -> Result<Self, WeightsFileError> {
        let malformed = |detail: String| WeightsFileError::Malformed {
            path: name.to_owned(),
            detail,
        };
        let invalid = |error: safetensors::SafeTensorError| malformed(error.to_string());
        let (length, metadata) = SafeTensors::read_metadata(bytes).map_err(invalid)?;
        let metadata = metadata.metadata().clone().unwrap_or_default();
        let metadata: BTreeMap<String, String> = metadata.into_iter().collect();
        if let Some(found) = later_format(&metadata) {
            return Err(WeightsFileError::LaterFormat {
                path: name.to_owned(),
                found: found.to_owned(),
            });
        }
        if metadata.contains_key(checksum::METADATA_KEY) {
            let header = bytes
                .get(LENGTH_BYTES..)
                .and_then(|rest| rest.get(..length));
            let place = checksum::place_in(header.unwrap_or_default())
                .ok_or_else(|| malformed("its checksum is not where it was written".to_owned()))?;
            let place = place.start + LENGTH_BYTES..place.end + LENGTH_BYTES;
            checksum::check_bytes(bytes, place).map_err(|source| WeightsFileError::Damaged {
                path: name.to_owned(),
                source,
            })?;
        } else if must_have_checksum(&metadata) {
            return Err(malformed("it has lost its checksum".to_owned()));
        }
        Ok(Self {
            name,
            metadata,
            tensors: SafeTensors::deserialize(bytes).map_err(invalid)?,
        })
    }

    fn architecture(&self) -> Result<Architecture, WeightsFileError> {
        let path = || self.name.to_owned();
        let Some(json) = self.metadata.get(ARCHITECTURE_KEY) else {
            return Err(WeightsFileError::NoArchitecture { path: path() });
        };
        Architecture::from_json(json).map_err(|source| WeightsFileError::Architecture {
            path: path(),
            source: Box::new(source),
        })
    }

    /// The weights of the network that the file says it holds: all of them, and no others.
    fn weights(&self) -> Result<NetworkWeights, WeightsFileError> {
        let architecture = self.architecture()?;
        let mut used = HashSet::new();
        let weights = NetworkWeights::try_collect(architecture, |entry, shape| {
            used.insert(entry.to_owned());
            self.values(entry, shape)
        })?;
        let is_used = |name: &str| used.contains(name) || name.ends_with("num_batches_tracked");
        let mut others = self.tensors.names();
        others.retain(|name| !is_used(name));
        others.sort_unstable();
        match others.first() {
            None => Ok(weights),
            Some(other) => Err(self.misfit(format!("it has no `{other}`"))),
        }
    }

    fn misfit(&self, detail: String) -> WeightsFileError {
        WeightsFileError::Misfit {
            path: self.name.to_owned(),
            detail,
        }
    }

    /// The values of a tensor of this shape.
    fn values(&self, entry: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsFileError> {
        let tensor = self.tensors.tensor(entry);
        let tensor = tensor.map_err(|_| self.misfit(format!("`{entry}` is missing")))?;
        if tensor.shape() != shape {
            let found = tensor.shape();
            return Err(self.misfit(format!("`{entry}` is {found:?}, and should be {shape:?}")));
        }
        let Some(values) = as_f32(&tensor) else {
            let found = tensor.dtype();
            return Err(self.misfit(format!("`{entry}` holds {found:?}, not floats")));
        };
        let is_variance = entry.ends_with(".running_var");
        let why = |value: f32| match value {
            value if !value.is_finite() => Some("is not finite"),
            value if is_variance && value < 0.0 => Some("no variance can be"),
            _ => None,
        };
        let mut wrong = values.iter().enumerate();
        match wrong.find_map(|(index, &value)| Some((index, value, why(value)?))) {
            None => Ok(values),
            Some((index, value, why)) => Err(WeightsFileError::Value {
                path: self.name.to_owned(),
                entry: entry.to_owned(),
                index,
                value,
                why,
            }),
        }
    }
}

/// A tensor's values; none where they are no floats.
fn as_f32(tensor: &TensorView<'_>) -> Option<Vec<f32>> {
    let bytes = tensor.data();
    let pairs = || bytes.as_chunks::<2>().0.iter();
    Some(match tensor.dtype() {
        Dtype::F32 => {
            let values = bytes.as_chunks::<4>().0.iter();
            values.map(|bytes| f32::from_le_bytes(*bytes)).collect()
        }
        Dtype::F16 => pairs().map(|it| f16::from_le_bytes(*it).to_f32()).collect(),
        Dtype::BF16 => pairs()
            .map(|it| bf16::from_le_bytes(*it).to_f32())
            .collect(),
        Dtype::F64 => {
            let values = bytes.as_chunks::<8>().0.iter();
            values
                .map(|bytes| f64::from_le_bytes(*bytes) as f32)
                .collect()
        }
        _ => return None,
    })
}
