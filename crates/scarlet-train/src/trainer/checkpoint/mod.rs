//! Checkpoints: everything a run needs to go on to the same result.
//!
//! A checkpoint is one safetensors file: the network's weights and running statistics under
//! `model.`, those of its moving average under `average.` and of the best epoch under `best.`, and
//! the optimizer's state as Burn writes it. The metadata holds the rest as JSON, and a
//! [checksum] of the file; checkpoints of earlier versions (format 1) have none.
//!
//! Weights pass through memory one at a time, in both directions; only of the optimizer's state
//! Burn makes copies as a whole: two, for a moment, while it is written, one while it is read.

mod weights;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use burn::module::Module;
use burn::tensor::{DType, Device, TensorData};
use safetensors::Dtype;
use safetensors::tensor::{Metadata as Header, TensorInfo};
use scarlet_io::checksum;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use self::weights::{Weight, restore};
use super::module_optimizer::ModuleOptimizer;
use super::old_names;
use crate::TrainError;

pub(super) use self::weights::first_not_finite;

const METADATA_KEY: &str = "scarlet.checkpoint";
const MODEL: &str = "model.";
const AVERAGE: &str = "average.";
const BEST: &str = "best.";
const OPTIMIZER: &str = "optimizer";
/// Raised when a file is written that earlier versions would misread, or that must be checked for
/// something new.
const FORMAT: u32 = 3;
/// The first in which networks are lists of blocks.
const WITH_BLOCKS: u32 = 3;
/// The first format with a checksum.
const WITH_CHECKSUM: u32 = 2;
/// Bytes of the header's length, which a safetensors file begins with, and what the header is
/// padded to.
const WORD: usize = 8;

/// What a checkpoint holds besides tensors.
#[derive(Debug, Serialize, Deserialize)]
struct Metadata<P> {
    format: u32,
    progress: P,
    /// Burn's numbers of the network's parameters, which the optimizer's state refers to.
    ids: BTreeMap<String, u64>,
}

/// Writes a checkpoint, whole or not at all.
///
/// # Errors
///
/// [`Failed::NotFinite`] when a weight is no number any more: such a checkpoint must not take the
/// place of a good one.
pub(super) fn save<M: Module, P: Serialize>(
    path: &Path,
    model: &M,
    average: Option<&M>,
    best: Option<&M>,
    optimizer: &ModuleOptimizer,
    progress: &P,
) -> Result<(), Failed> {
    let mut ids = BTreeMap::new();
    let mut weights = Vec::new();
    let parts = [(MODEL, Some(model)), (AVERAGE, average), (BEST, best)];
    for (prefix, module) in parts
        .iter()
        .filter_map(|(p, m)| m.map(|module| (*p, module)))
    {
        for weight in Weight::all_of(module) {
            if prefix == MODEL {
                ids.insert(weight.name.clone(), weight.id.val());
            }
            weights.push((prefix, weight));
        }
    }
    let state = optimizer.to_bytes().map_err(Failed::encode)?;
    let metadata = Metadata {
        format: FORMAT,
        progress,
        ids,
    };
    let metadata = serde_json::to_string(&metadata).map_err(Failed::encode)?;
    let header = header(&weights, state.len(), metadata)?;
    let head = [&(header.len() as u64).to_le_bytes()[..], &header].concat();
    checksum::write_file(path, &head, |file| {
        for (_, weight) in weights {
            file.write_all(weight.read_finite()?.as_bytes())?;
        }
        Ok(file.write_all(&state)?)
    })
}

/// The header of the file, padded so that the tensors behind it are aligned.
fn header(weights: &[(&str, Weight)], state: usize, metadata: String) -> Result<Vec<u8>, Failed> {
    let mut end = 0;
    let mut info = |dtype: Dtype, shape: Vec<usize>| {
        let start = end;
        end += shape.iter().product::<usize>() * dtype.bitsize() / 8;
        TensorInfo {
            dtype,
            shape,
            data_offsets: (start, end),
        }
    };
    let mut tensors: BTreeMap<String, TensorInfo> = weights
        .iter()
        .map(|(prefix, weight)| {
            let name = format!("{prefix}{}", weight.name);
            (name, info(Dtype::F32, weight.shape.clone()))
        })
        .collect();
    tensors.insert(OPTIMIZER.to_owned(), info(Dtype::U8, vec![state]));
    /// As the library has it, but always in the same order.
    #[derive(Serialize)]
    struct Sorted {
        #[serde(rename = "__metadata__")]
        metadata: BTreeMap<&'static str, String>,
        #[serde(flatten)]
        tensors: BTreeMap<String, TensorInfo>,
    }
    let metadata = BTreeMap::from([
        (METADATA_KEY, metadata),
        (checksum::METADATA_KEY, checksum::PLACEHOLDER.to_owned()),
    ]);
    let header = Sorted { metadata, tensors };
    let mut header = serde_json::to_vec(&header).map_err(Failed::encode)?;
    header.resize(header.len().next_multiple_of(WORD), b' ');
    Ok(header)
}

/// Why a checkpoint was not written.
#[derive(Debug)]
pub(super) enum Failed {
    NotFinite(String),
    Encode(String),
    Write(io::Error),
}

impl Failed {
    fn encode(error: impl std::fmt::Display) -> Self {
        Self::Encode(error.to_string())
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// A checkpoint whose header was read. The tensors are still in the file.
pub(super) struct Checkpoint<P> {
    pub(super) progress: P,
    ids: BTreeMap<String, u64>,
    model: Tensors,
    average: Option<Tensors>,
    best: Option<Tensors>,
    optimizer: Place,
    file: File,
}

type Tensors = HashMap<String, Place>;

/// Where a tensor is in the file.
struct Place {
    shape: Vec<usize>,
    start: u64,
    bytes: usize,
}

impl Place {
    /// Through the open file rather than a memory map: it is replaced by the next checkpoint.
    fn read(&self, mut file: &File) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.bytes];
        file.seek(SeekFrom::Start(self.start))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn read_f32(&self, file: &File) -> io::Result<TensorData> {
        TensorData::try_from_bytes_vec(self.read(file)?, self.shape.clone(), DType::F32)
            .map_err(io::Error::other)
    }
}

impl<P: DeserializeOwned> Checkpoint<P> {
    pub(super) fn open(path: &Path) -> Result<Self, TrainError> {
        let mut file = File::open(path).map_err(TrainError::read(path))?;
        let size = file.metadata().map_err(TrainError::read(path))?.len();
        let failed = |problem: String| TrainError::Checkpoint {
            path: path.to_owned(),
            problem,
        };
        let mut word = [0; WORD];
        let cut_off = || failed("it ends within its header".to_owned());
        if size < WORD as u64 {
            return Err(cut_off());
        }
        file.read_exact(&mut word).map_err(TrainError::read(path))?;
        let length = u64::from_le_bytes(word);
        if length > size - WORD as u64 {
            return Err(cut_off());
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header)
            .map_err(TrainError::read(path))?;
        let place = checksum::place_in(&header);
        let header: Header =
            serde_json::from_slice(&header).map_err(|error| failed(error.to_string()))?;
        let data = WORD as u64 + length;
        let expected = data + header.data_len() as u64;
        if size != expected {
            return Err(failed(format!("it has {size} bytes instead of {expected}")));
        }
        if let Some(place) = &place {
            let [start, end] = [place.start, place.end].map(|at| (WORD + at) as u64);
            checksum::check_file(&mut file, start..end)
                .map_err(TrainError::read(path))?
                .map_err(|error| failed(error.to_string()))?;
        }
        Self::parse(&header, data, file, place.is_some()).map_err(failed)
    }

    /// `data` is where the tensors begin.
    fn parse(header: &Header, data: u64, file: File, has_checksum: bool) -> Result<Self, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let metadata = header
            .metadata()
            .as_ref()
            .and_then(|entries| entries.get(METADATA_KEY))
            .ok_or("it is a safetensors file, but no training run wrote it")?;
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let Version { format } = serde_json::from_str(metadata).map_err(|error| text(&error))?;
        if !(1..=FORMAT).contains(&format) {
            return Err(format!(
                "its format is version {format}, and this program knows versions 1 to {FORMAT}"
            ));
        }
        if format >= WITH_CHECKSUM && !has_checksum {
            return Err("it has lost its checksum".to_owned());
        }
        let mut metadata: Metadata<P> =
            serde_json::from_str(metadata).map_err(|error| text(&error))?;
        let is_supernet = metadata.ids.keys().any(|name| name.starts_with("layers."));
        let today = |name: &str| match format >= WITH_BLOCKS {
            true => name.to_owned(),
            false => old_names::today(name, is_supernet),
        };
        let ids = std::mem::take(&mut metadata.ids).into_iter();
        metadata.ids = ids.map(|(name, id)| (today(&name), id)).collect();

        let (mut model, mut average, mut best) = (Tensors::new(), Tensors::new(), Tensors::new());
        let mut optimizer = None;
        for (name, info) in header.tensors() {
            let (start, end) = info.data_offsets;
            let place = Place {
                shape: info.shape.clone(),
                start: data + start as u64,
                bytes: end - start,
            };
            if name == OPTIMIZER {
                optimizer = Some(place);
                continue;
            }
            if info.dtype != Dtype::F32 {
                return Err(format!("`{name}` is {:?} instead of F32", info.dtype));
            }
            if let Some(name) = name.strip_prefix(MODEL) {
                model.insert(today(name), place);
            } else if let Some(name) = name.strip_prefix(AVERAGE) {
                average.insert(today(name), place);
            } else if let Some(name) = name.strip_prefix(BEST) {
                best.insert(today(name), place);
            }
        }
        Ok(Self {
            progress: metadata.progress,
            ids: metadata.ids,
            model,
            average: (!average.is_empty()).then_some(average),
            best: (!best.is_empty()).then_some(best),
            optimizer: optimizer.ok_or("it has no optimizer state")?,
            file,
        })
    }

    /// Puts everything into a network of the same shape and its optimizer.
    pub(super) fn apply<M: Module>(
        self,
        path: &Path,
        model: M,
        optimizer: ModuleOptimizer,
        device: &Device,
    ) -> Result<Restored<M, P>, TrainError> {
        let failed = |problem| TrainError::Checkpoint {
            path: path.to_owned(),
            problem,
        };
        // Restored before the others are made, so that all have the same parameter numbers.
        let model = restore(model, self.model, &self.ids, &self.file).map_err(failed)?;
        let copy = |tensors: Option<Tensors>| {
            tensors
                .map(|tensors| restore(model.valid(), tensors, &self.ids, &self.file))
                .transpose()
                .map_err(failed)
        };
        let (average, best) = (copy(self.average)?, copy(self.best)?);
        let state = self.optimizer.read(&self.file);
        let state = state.map_err(TrainError::read(path))?;
        let optimizer = optimizer
            .with_states(state, &model, device)
            .map_err(failed)?;
        Ok(Restored {
            model,
            average,
            best,
            optimizer,
            progress: self.progress,
        })
    }
}

/// What a run goes on with.
pub(super) struct Restored<M, P> {
    pub(super) model: M,
    pub(super) average: Option<M>,
    pub(super) best: Option<M>,
    pub(super) optimizer: ModuleOptimizer,
    pub(super) progress: P,
}

/// Puts the weights of a run's checkpoint into a network or supernet of the same shape: those of
/// its moving average where it has one, else those of the last step. Running statistics are those
/// that training gathered; [`recalibrate`](crate::recalibrate) measures them for use.
///
/// # Errors
///
/// When the file cannot be read, is no checkpoint, or one of another network.
pub fn load_checkpoint<M: Module>(path: impl AsRef<Path>, model: M) -> Result<M, TrainError> {
    let path = path.as_ref();
    let checkpoint = Checkpoint::<serde_json::Value>::open(path)?;
    let tensors = checkpoint.average.unwrap_or(checkpoint.model);
    restore(model, tensors, &checkpoint.ids, &checkpoint.file).map_err(|problem| {
        TrainError::Checkpoint {
            path: path.to_owned(),
            problem,
        }
    })
}
