//! A network's weights as plain numbers, and back.

use std::convert::Infallible;

use burn::module::{Module, Param, RunningState};
use burn::nn::Identity;
use burn::tensor::{Element as BurnElement, Tensor, TensorData};
use scarlet_arch::Operation;
use scarlet_arch::graph::Graph;
use scarlet_engine::{NetworkWeights, Number};

use crate::walk::Place;
use crate::{BlockModule, Scarlet};

/// Numbers that both Burn and folding know.
pub(super) trait Element: Number + BurnElement {}

impl Element for f32 {}
impl Element for f64 {}

impl Scarlet {
    /// The weights as they are in inference.
    pub(super) fn numbers<T: Element>(&self) -> NetworkWeights<T> {
        // `valid` also detaches the running statistics, which clones would share.
        let mut network = self.valid();
        let mut nodes = network.node_weights();
        let mut places = nodes.iter_mut().flat_map(|node| node.places());
        let values = |_: &str, _: &[usize]| {
            let values = places.next().map(Place::values);
            Ok::<_, Infallible>(values.unwrap_or_default())
        };
        match NetworkWeights::try_collect(self.architecture().clone(), values) {
            Ok(weights) => weights,
            Err(never) => match never {},
        }
    }

    /// This network in inference with these weights, which folding made of its own: it may lack
    /// stabilizers.
    pub(super) fn with_numbers<T: Element>(&self, weights: NetworkWeights<T>) -> Self {
        let architecture = weights.architecture().clone();
        let mut network = self.valid();
        for (module, block) in network.blocks.iter_mut().zip(&architecture.blocks) {
            if block.operation == Operation::Identity {
                *module = BlockModule::Identity(Identity::new());
            }
        }
        let layers = network.layers().to_vec();
        let mut network = network.with_layers(layers, architecture);
        let entries = Graph::of(network.architecture()).entries();
        let mut nodes = network.node_weights();
        let places = nodes.iter_mut().flat_map(|node| node.places());
        for ((place, values), (_, shape)) in places.zip(weights.into_values()).zip(entries) {
            place.set(values, shape);
        }
        network
    }
}

impl Place<'_> {
    /// The values in the order of a checkpoint.
    fn values<T: Element>(self) -> Vec<T> {
        let data = match self {
            Self::Kernel(param) => param.val().into_data(),
            Self::Vector(param) => param.val().into_data(),
            // Burn keeps `[inputs, outputs]`.
            Self::Matrix(param) => param.val().transpose().into_data(),
            Self::Statistic(state) => state.value().into_data(),
        };
        data.iter().collect()
    }

    /// Puts values of a checkpoint's shape here, which may differ from what is here.
    fn set<T: Element>(self, values: Vec<T>, shape: Vec<usize>) {
        let data = TensorData::new(values, shape);
        match self {
            Self::Kernel(param) => replace(param, |like| tensor(data, like)),
            Self::Vector(param) => replace(param, |like| tensor(data, like)),
            // In the order of a matrix that was read: by another one, sums round otherwise.
            Self::Matrix(param) => replace(param, |like| {
                let transposed = tensor::<2>(data, like).transpose().into_data();
                tensor(transposed, like)
            }),
            Self::Statistic(state) => *state = RunningState::new(tensor(data, &state.value())),
        }
    }
}

fn replace<const D: usize>(
    param: &mut Param<Tensor<D>>,
    tensor: impl FnOnce(&Tensor<D>) -> Tensor<D>,
) {
    // Mapped, so that it is trained or not as before.
    *param = param.clone().map(|like| tensor(&like));
}

/// A tensor of the device and type of `like`.
fn tensor<const D: usize>(data: TensorData, like: &Tensor<D>) -> Tensor<D> {
    Tensor::from_data(data, (&like.device(), like.dtype()))
}
