//! Checkpoints: everything a run needs to go on to the same result.
//!
//! A checkpoint is one safetensors file: the network's weights and running statistics under
//! `model.`, those of its moving average under `average.` and of the best epoch under `best.`, and
//! the optimizer's state as Burn writes it. The metadata holds the rest as JSON.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::Path;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::ModuleOptimizer;
use burn::tensor::{Bytes, Tensor, TensorData};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use scarlet::atomic_file;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::TrainError;

const METADATA_KEY: &str = "scarlet.checkpoint";
const MODEL: &str = "model.";
const AVERAGE: &str = "average.";
const BEST: &str = "best.";
const OPTIMIZER: &str = "optimizer";
/// Raised when a file is written that earlier versions would misread.
const FORMAT: u32 = 1;

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
    let mut tensors: Vec<(String, Vec<usize>, Dtype, Vec<u8>)> = Vec::new();
    let parts = [(MODEL, Some(model)), (AVERAGE, average), (BEST, best)];
    for (prefix, module) in parts
        .iter()
        .filter_map(|(p, m)| m.map(|module| (*p, module)))
    {
        let mut collect = Collect::default();
        // `valid` brings the last step into the running statistics.
        module.valid().visit(&mut collect);
        for (name, id, data) in collect.tensors {
            if data.iter::<f32>().any(|value| !value.is_finite()) {
                return Err(Failed::NotFinite(name));
            }
            let shape = data.shape().as_slice().to_vec();
            let bytes = data.convert::<f32>().as_bytes().to_vec();
            tensors.push((format!("{prefix}{name}"), shape, Dtype::F32, bytes));
            if prefix == MODEL {
                ids.insert(name, id.val());
            }
        }
    }
    let state = optimizer
        .into_bytes()
        .map_err(|error| Failed::Encode(error.to_string()))?;
    let state = state.to_vec();
    tensors.push((OPTIMIZER.to_owned(), vec![state.len()], Dtype::U8, state));

    let metadata = Metadata {
        format: FORMAT,
        progress,
        ids,
    };
    let metadata =
        serde_json::to_string(&metadata).map_err(|error| Failed::Encode(error.to_string()))?;
    let mut views = Vec::with_capacity(tensors.len());
    for (name, shape, dtype, bytes) in &tensors {
        let view = TensorView::new(*dtype, shape.clone(), bytes)
            .map_err(|error| Failed::Encode(error.to_string()))?;
        views.push((name.as_str(), view));
    }
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), metadata)]);
    let bytes = safetensors::serialize(views, Some(metadata))
        .map_err(|error| Failed::Encode(error.to_string()))?;
    atomic_file::write(path, |file| file.write_all(&bytes)).map_err(Failed::Write)
}

/// Why a checkpoint was not written.
#[derive(Debug)]
pub(super) enum Failed {
    NotFinite(String),
    Encode(String),
    Write(io::Error),
}

/// A checkpoint that was read, not yet applied.
pub(super) struct Checkpoint<P> {
    pub(super) progress: P,
    ids: BTreeMap<String, u64>,
    model: Tensors,
    average: Option<Tensors>,
    best: Option<Tensors>,
    optimizer: Vec<u8>,
}

type Tensors = HashMap<String, TensorData>;

impl<P: DeserializeOwned> Checkpoint<P> {
    pub(super) fn open(path: &Path) -> Result<Self, TrainError> {
        let bytes = fs::read(path).map_err(TrainError::read(path))?;
        Self::parse(&bytes).map_err(|problem| TrainError::Checkpoint {
            path: path.to_owned(),
            problem,
        })
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| text(&error))?;
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
        if format != FORMAT {
            return Err(format!(
                "its format is version {format}, and this program knows version {FORMAT}"
            ));
        }
        let metadata: Metadata<P> = serde_json::from_str(metadata).map_err(|error| text(&error))?;

        let file = SafeTensors::deserialize(bytes).map_err(|error| text(&error))?;
        let (mut model, mut average, mut best) = (Tensors::new(), Tensors::new(), Tensors::new());
        let mut optimizer = None;
        for (name, view) in file.tensors() {
            if name == OPTIMIZER {
                optimizer = Some(view.data().to_vec());
                continue;
            }
            if view.dtype() != Dtype::F32 {
                return Err(format!("`{name}` is {:?} instead of F32", view.dtype()));
            }
            let values: Vec<f32> = view
                .data()
                .chunks_exact(4)
                .map(|value| f32::from_le_bytes([value[0], value[1], value[2], value[3]]))
                .collect();
            let data = TensorData::new(values, view.shape().to_vec());
            if let Some(name) = name.strip_prefix(MODEL) {
                model.insert(name.to_owned(), data);
            } else if let Some(name) = name.strip_prefix(AVERAGE) {
                average.insert(name.to_owned(), data);
            } else if let Some(name) = name.strip_prefix(BEST) {
                best.insert(name.to_owned(), data);
            }
        }
        Ok(Self {
            progress: metadata.progress,
            ids: metadata.ids,
            model,
            average: (!average.is_empty()).then_some(average),
            best: (!best.is_empty()).then_some(best),
            optimizer: optimizer.ok_or("it has no optimizer state")?,
        })
    }

    /// Puts everything into a network of the same shape and its optimizer.
    pub(super) fn apply<M: Module>(
        self,
        path: &Path,
        model: M,
        optimizer: ModuleOptimizer,
    ) -> Result<Restored<M, P>, TrainError> {
        let failed = |problem| TrainError::Checkpoint {
            path: path.to_owned(),
            problem,
        };
        // Restored before the others are made, so that all have the same parameter numbers.
        let model = restore(model, self.model, &self.ids).map_err(failed)?;
        let copy = |tensors: Option<Tensors>| {
            tensors
                .map(|tensors| restore(model.valid(), tensors, &self.ids))
                .transpose()
                .map_err(failed)
        };
        let (average, best) = (copy(self.average)?, copy(self.best)?);
        let state = Bytes::from_bytes_vec(self.optimizer);
        let optimizer = optimizer
            .from_bytes(state)
            .map_err(|error| failed(error.to_string()))?;
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
/// its moving average where it has one, else those of the last step.
///
/// # Errors
///
/// When the file cannot be read, is no checkpoint, or one of another network.
pub fn load_checkpoint<M: Module>(path: impl AsRef<Path>, model: M) -> Result<M, TrainError> {
    let path = path.as_ref();
    let checkpoint = Checkpoint::<serde_json::Value>::open(path)?;
    let tensors = checkpoint.average.unwrap_or(checkpoint.model);
    restore(model, tensors, &checkpoint.ids).map_err(|problem| TrainError::Checkpoint {
        path: path.to_owned(),
        problem,
    })
}

/// Every tensor of a module with its name and number.
#[derive(Default)]
struct Collect {
    path: Vec<String>,
    tensors: Vec<(String, ParamId, TensorData)>,
}

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().to_data();
        self.tensors.push((self.path.join("."), param.id, data));
    }

    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }
}

fn restore<M: Module>(
    module: M,
    tensors: Tensors,
    ids: &BTreeMap<String, u64>,
) -> Result<M, String> {
    let mut restore = Restore {
        path: Vec::new(),
        tensors,
        ids,
        problem: None,
    };
    let module = module.map(&mut restore);
    if let Some(name) = restore.tensors.keys().min() {
        let found = format!("it holds `{name}`, which this network does not have");
        restore.problem.get_or_insert(found);
    }
    match restore.problem {
        Some(problem) => Err(problem),
        None => Ok(module),
    }
}

struct Restore<'a> {
    path: Vec<String>,
    tensors: Tensors,
    ids: &'a BTreeMap<String, u64>,
    problem: Option<String>,
}

impl ModuleMapper for Restore<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.join(".");
        let (Some(data), Some(&id)) = (self.tensors.remove(&name), self.ids.get(&name)) else {
            self.problem
                .get_or_insert(format!("it lacks `{name}`, which this network has"));
            return param;
        };
        let shape = param.lazy_shape();
        if data.shape().as_slice() != shape.as_slice() {
            self.problem.get_or_insert(format!(
                "`{name}` has the shape {:?}, but {:?} in this network",
                data.shape().as_slice(),
                shape.as_slice(),
            ));
            return param;
        }
        let (_, old, mapper) = param.consume();
        let tensor = Tensor::from_data(data, (&old.device(), old.dtype()))
            .set_require_grad(old.is_require_grad());
        Param::from_mapped_value(ParamId::from(id), tensor, mapper)
    }

    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }
}
