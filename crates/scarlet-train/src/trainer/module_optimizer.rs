//! [`ModuleOptimizer`]: Burn's optimizers over the weights of a whole network.
//!
//! Burn has a type of this name, and this one reads and writes its records. But Burn's puts a record
//! on `Device::default()` when it is read, which the environment variable `BURN_DEVICE` decides on
//! and which panics for a device that is not compiled in; and it unwraps what a damaged record
//! lacks.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::{DynOptimizer, DynState, GradientsParams, StateSink, StateSource};
use burn::tensor::kind::BridgeTensor;
use burn::tensor::{Bytes, DType, Device, Tensor, TensorData};
use burn_pack::{Reader, Scalar, Writer};
use rayon::prelude::*;
use scarlet::is_cpu;

/// Parameters without weight decay, by their names in Burn's modules.
const NO_DECAY: [&str; 3] = ["gamma", "beta", "bias"];
/// Key of a parameter's rank in a record, after its number.
const RANK: &str = "__rank";

/// Updates a network's weights, each by its own gradient and state.
#[derive(Clone)]
pub(super) struct ModuleOptimizer {
    with_decay: Arc<dyn DynOptimizer>,
    without_decay: Arc<dyn DynOptimizer>,
    states: HashMap<ParamId, State>,
}

/// What is known of a parameter from earlier steps.
#[derive(Clone)]
struct State {
    path: String,
    state: DynState,
}

impl ModuleOptimizer {
    /// One optimizer for the weights that decay, and one for those that do not.
    pub(super) fn new(
        with_decay: impl DynOptimizer + 'static,
        without_decay: impl DynOptimizer + 'static,
    ) -> Self {
        Self {
            with_decay: Arc::new(with_decay),
            without_decay: Arc::new(without_decay),
            states: HashMap::new(),
        }
    }

    fn method(&self, path: &str) -> &dyn DynOptimizer {
        let name = path.rsplit('.').next().unwrap_or(path);
        match NO_DECAY.contains(&name) {
            true => &*self.without_decay,
            false => &*self.with_decay,
        }
    }

    /// Updates every weight that has a gradient, on a CPU with all threads.
    pub(super) fn step<M: Module>(
        &mut self,
        rate: f64,
        module: M,
        gradients: GradientsParams,
    ) -> M {
        let mut collect = Collect {
            states: &mut self.states,
            gradients,
            path: Vec::new(),
            due: Vec::new(),
            on_cpu: true,
        };
        module.visit(&mut collect);
        let Collect { due, on_cpu, .. } = collect;
        let update = |due: Due| {
            let method = self.method(&due.path);
            let (value, state) =
                method.step_dyn(due.rank, rate, due.weight, due.gradient, due.state);
            (due.id, due.path, value, state)
        };
        // Each by itself, so that the number of threads changes no bits.
        let updated: Vec<_> = if on_cpu {
            due.into_par_iter().with_max_len(1).map(update).collect()
        } else {
            due.into_iter().map(update).collect()
        };
        let mut values = HashMap::with_capacity(updated.len());
        for (id, path, value, state) in updated {
            values.insert(id, value);
            if let Some(state) = state {
                self.states.insert(id, State { path, state });
            }
        }
        module.map(&mut Replace(values))
    }

    /// The states of all weights that have one, as Burn's optimizers write them.
    pub(super) fn to_bytes(&self) -> Result<Bytes, burn_pack::Error> {
        let (mut tensors, mut scalars) = (Vec::new(), Vec::new());
        for (id, State { path, state }) in &self.states {
            let prefix = id.val().to_string();
            let mut sink = StateSink::default();
            self.method(path).state_flatten(&prefix, state, &mut sink);
            scalars.push((format!("{prefix}.{RANK}"), Scalar::from(state.rank())));
            scalars.extend(sink.scalars);
            for (name, data) in sink.tensors {
                let (bytes, shape, dtype) = data.into_parts();
                let id = Some(id.val());
                tensors.push(burn_pack::Tensor::new(name, dtype, shape, id, bytes));
            }
        }
        let writer = scalars
            .iter()
            .fold(Writer::new(tensors), |writer, (key, value)| {
                writer.with_scalar(key, *value)
            });
        let paths = self.states.iter();
        let writer = paths.fold(writer, |writer, (id, State { path, .. })| {
            writer.with_metadata(&id.val().to_string(), path)
        });
        writer.into_bytes()
    }

    /// The same optimizer with the states of a record, for the weights of `module`, which stand on
    /// `device`. The reason, where the record does not fit them.
    pub(super) fn with_states(
        mut self,
        record: Vec<u8>,
        module: &impl Module,
        device: &Device,
    ) -> Result<Self, String> {
        let text = |error: burn_pack::Error| format!("the state of its optimizer: {error}");
        let reader = Reader::from_bytes(Bytes::from_bytes_vec(record)).map_err(text)?;
        let scalars = reader.scalars().clone();
        let weights = Weights::of(module);
        let mut source = StateSource::new(scalars.clone());
        for tensor in reader.into_tensors().map_err(text)? {
            let weight = weights.named(&tensor.name)?;
            let (dtype, shape) = (tensor.dtype, tensor.shape.as_slice().to_vec());
            let expected = weight.shape.iter().product::<usize>() * size_of::<f32>();
            if dtype != DType::F32 || shape != weight.shape || tensor.byte_len() != expected {
                return Err(format!(
                    "the optimizer's state of `{}` is {dtype:?} of the shape {shape:?}, but {:?} \
                     in this network",
                    weight.path, weight.shape
                ));
            }
            let (name, _, _, _, bytes) = tensor.into_parts().map_err(text)?;
            source.insert_tensor(name, TensorData::from_bytes(bytes, shape, dtype));
        }
        let device = device.clone().inner();
        self.states.clear();
        for (key, rank) in &scalars {
            let Some(id) = key.strip_suffix(RANK) else {
                continue;
            };
            let weight = weights.named(id)?;
            let prefix = id.trim_end_matches('.');
            let state = usize::try_from(*rank)
                .ok()
                .filter(|&rank| rank == weight.shape.len())
                .and_then(|rank| {
                    let method = self.method(&weight.path);
                    method.state_unflatten(rank, prefix, &mut source, &device)
                })
                .ok_or_else(|| format!("the optimizer's state of `{}` is damaged", weight.path))?;
            let path = weight.path.clone();
            self.states.insert(weight.id, State { path, state });
        }
        Ok(self)
    }
}

/// A weight that is to be updated.
struct Due {
    id: ParamId,
    path: String,
    rank: usize,
    weight: BridgeTensor,
    gradient: BridgeTensor,
    state: Option<DynState>,
}

/// The weights that have a gradient.
struct Collect<'a> {
    states: &'a mut HashMap<ParamId, State>,
    gradients: GradientsParams,
    path: Vec<String>,
    due: Vec<Due>,
    /// Whether all are.
    on_cpu: bool,
}

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else {
            return;
        };
        let weight = param.val();
        self.on_cpu &= is_cpu(&weight.device());
        self.due.push(Due {
            id: param.id,
            path: self.path.join("."),
            rank: D,
            weight: weight.inner().into_bridge(),
            gradient: gradient.into_bridge(),
            state: self.states.remove(&param.id).map(|known| known.state),
        });
    }

    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }
}

/// Puts new values into weights.
struct Replace(HashMap<ParamId, BridgeTensor>);

impl ModuleMapper for Replace {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(value) = self.0.remove(&param.id) else {
            return param;
        };
        let (id, weight, mapper) = param.consume();
        let mut value = Tensor::<D>::from_inner(Tensor::from_bridge(value));
        if let Some(strategy) = weight.gradient_checkpointing_strategy() {
            value = value.with_gradient_checkpointing_strategy(strategy);
        }
        Param::from_mapped_value(id, value.set_require_grad(weight.is_require_grad()), mapper)
    }
}

struct Weight {
    id: ParamId,
    path: String,
    shape: Vec<usize>,
}

/// The weights of a network, by their numbers as records write them.
#[derive(Default)]
struct Weights {
    path: Vec<String>,
    by_number: BTreeMap<String, Weight>,
}

impl Weights {
    fn of(module: &impl Module) -> Self {
        let mut weights = Self::default();
        module.visit(&mut weights);
        weights
    }

    /// The weight that a name of a record begins with.
    fn named(&self, name: &str) -> Result<&Weight, String> {
        let number = name.split('.').next().unwrap_or_default();
        self.by_number
            .get(number)
            .ok_or_else(|| format!("its optimizer knows a weight {number}, which it does not hold"))
    }
}

impl ModuleVisitor for Weights {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let weight = Weight {
            id: param.id,
            path: self.path.join("."),
            shape: param.lazy_shape().as_slice().to_vec(),
        };
        self.by_number.insert(param.id.val().to_string(), weight);
    }

    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::{Linear, LinearConfig};
    use burn::optim::{AdamWConfig, SgdConfig, momentum::MomentumConfig};

    use super::*;

    fn device() -> Device {
        Device::flex().autodiff()
    }

    fn linear() -> Linear {
        LinearConfig::new(3, 2).init(&device())
    }

    fn gradients(linear: &Linear, factor: f64) -> GradientsParams {
        let images = Tensor::<2>::from_floats([[1.0, -2.0, 0.5], [0.3, 0.7, -1.1]], &device());
        let loss = linear.forward(images).powi_scalar(2).mul_scalar(factor);
        GradientsParams::from_grads(loss.sum().backward(), linear)
    }

    fn bits(linear: &Linear) -> Vec<u32> {
        let weight = linear.weight.val().into_data();
        let bias = linear.bias.as_ref().unwrap().val().into_data();
        let values = weight.iter::<f32>().chain(bias.iter::<f32>());
        values.map(f32::to_bits).collect()
    }

    fn sgd() -> SgdConfig {
        let momentum = MomentumConfig::new().with_momentum(0.9).with_dampening(0.0);
        SgdConfig::new().with_momentum(Some(momentum))
    }

    fn optimizers() -> [ModuleOptimizer; 2] {
        let (sgd, adam) = (sgd(), AdamWConfig::new());
        [
            ModuleOptimizer::new(sgd.build(), sgd.build()),
            ModuleOptimizer::new(adam.build(), adam.build()),
        ]
    }

    fn after_two_steps(optimizer: &mut ModuleOptimizer) -> Linear {
        let mut linear = linear();
        for factor in [1.0, 0.5] {
            let gradients = gradients(&linear, factor);
            linear = optimizer.step(0.1, linear, gradients);
        }
        linear
    }

    #[test]
    fn steps_and_records_are_burns() {
        for (mut ours, mut burns) in optimizers()
            .into_iter()
            .zip([sgd().init(), AdamWConfig::new().init()])
        {
            let (mut linear, fresh) = (linear(), ours.clone());
            let mut other = linear.clone();
            for factor in [1.0, 0.5] {
                let theirs = gradients(&other, factor);
                let gradients = gradients(&linear, factor);
                linear = ours.step(0.1, linear, gradients);
                other = burns.step(0.1, other, theirs);
                assert_eq!(bits(&linear), bits(&other));
                assert!(linear.weight.is_require_grad());
            }
            // Each reads what the other wrote.
            let record = burns.into_bytes().unwrap().to_vec();
            let mut ours = fresh.with_states(record, &linear, &device()).unwrap();
            let record = ours.to_bytes().unwrap();
            let mut burns = burns.from_bytes(record).unwrap();
            let last = gradients(&linear, -0.1);
            let theirs = gradients(&linear, -0.1);
            let expected = burns.step(0.1, linear.clone(), theirs);
            assert_eq!(bits(&ours.step(0.1, linear, last)), bits(&expected));
        }
    }

    #[test]
    fn what_has_no_gradient_is_not_even_drawn() {
        let mut optimizer = optimizers().into_iter().next().unwrap();
        let linear = optimizer.step(0.1, linear(), GradientsParams::new());
        assert!(!linear.weight.is_initialized());
    }

    #[test]
    fn a_record_that_does_not_fit_says_where() {
        for mut optimizer in optimizers() {
            let linear = after_two_steps(&mut optimizer);
            let record = optimizer.to_bytes().unwrap().to_vec();
            let refused = |record: Vec<u8>, linear: &Linear| {
                let read = optimizer.clone().with_states(record, linear, &device());
                read.map(|_| ()).unwrap_err()
            };
            let other = LinearConfig::new(3, 2).init(&device());
            let message = refused(record.clone(), &other);
            assert!(message.contains("which it does not hold"), "{message}");

            let mut other = linear.clone();
            other.weight = Param::initialized(linear.weight.id, Tensor::zeros([2, 2], &device()));
            let message = refused(record.clone(), &other);
            assert!(message.contains("`weight` is F32"), "{message}");
            assert!(message.contains("[3, 2], but [2, 2]"), "{message}");

            let mut other = linear.clone();
            let bias = linear.bias.as_ref().unwrap().id;
            other.bias = Some(Param::initialized(bias, Tensor::zeros([3], &device())));
            let message = refused(record.clone(), &other);
            assert!(message.contains("`bias`"), "{message}");

            for length in 0..record.len() {
                refused(record[..length].to_vec(), &linear);
            }
        }
    }

    #[test]
    fn no_changed_byte_of_a_record_is_a_panic() {
        for mut optimizer in optimizers() {
            let linear = after_two_steps(&mut optimizer);
            let record = optimizer.to_bytes().unwrap().to_vec();
            for place in 0..record.len() {
                for change in [1, 0x80, 0xFF] {
                    let mut damaged = record.clone();
                    damaged[place] ^= change;
                    let fresh = optimizer.clone();
                    if let Ok(mut read) = fresh.with_states(damaged, &linear, &device()) {
                        read.step(0.1, linear.clone(), gradients(&linear, 1.0));
                    }
                }
            }
        }
    }
}
