//! A module's weights out of it, and back into one like it.

use std::collections::BTreeMap;
use std::fs::File;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Tensor, TensorData};

use super::{Failed, Tensors};

/// The first weight or running statistic of a module that is no finite number, by its name.
pub(in crate::trainer) fn first_not_finite(module: &impl Module) -> Option<String> {
    Weight::all_of(module)
        .into_iter()
        .find_map(|weight| match weight.read_finite() {
            Err(Failed::NotFinite(name)) => Some(name),
            _ => None,
        })
}

/// A weight or running statistic of a module, still on its device.
pub(super) struct Weight {
    pub(super) name: String,
    pub(super) id: ParamId,
    pub(super) shape: Vec<usize>,
    read: Box<dyn FnOnce() -> TensorData>,
}

impl Weight {
    pub(super) fn all_of(module: &impl Module) -> Vec<Self> {
        let mut collect = Collect::default();
        // `valid` brings the last step into the running statistics.
        module.valid().visit(&mut collect);
        collect.weights
    }

    /// Its values in f32; [`Failed::NotFinite`] when one is no finite number.
    pub(super) fn read_finite(self) -> Result<TensorData, Failed> {
        let data = (self.read)().convert::<f32>();
        let is_finite = data.iter::<f32>().all(f32::is_finite);
        match is_finite {
            true => Ok(data),
            false => Err(Failed::NotFinite(self.name)),
        }
    }
}

#[derive(Default)]
struct Collect {
    path: Vec<String>,
    weights: Vec<Weight>,
}

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        self.weights.push(Weight {
            name: self.path.join("."),
            id: param.id,
            shape: tensor.dims().to_vec(),
            read: Box::new(move || tensor.into_data()),
        });
    }

    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }
}

/// A module with the weights of a checkpoint, which must be those of one like it.
pub(super) fn restore<M: Module>(
    module: M,
    tensors: Tensors,
    ids: &BTreeMap<String, u64>,
    file: &File,
) -> Result<M, String> {
    let mut restore = Restore {
        path: Vec::new(),
        tensors,
        ids,
        file,
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
    file: &'a File,
    problem: Option<String>,
}

impl ModuleMapper for Restore<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.join(".");
        let (Some(place), Some(&id)) = (self.tensors.remove(&name), self.ids.get(&name)) else {
            self.problem
                .get_or_insert(format!("it lacks `{name}`, which this network has"));
            return param;
        };
        let shape = param.lazy_shape();
        if place.shape != shape.as_slice() {
            self.problem.get_or_insert(format!(
                "`{name}` has the shape {:?}, but {:?} in this network",
                place.shape,
                shape.as_slice(),
            ));
            return param;
        }
        let data = match place.read_f32(self.file) {
            Ok(data) => data,
            Err(error) => {
                self.problem
                    .get_or_insert(format!("`{name}` cannot be read: {error}"));
                return param;
            }
        };
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
