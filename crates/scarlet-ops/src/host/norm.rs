//! A normalisation with its tensors.

use burn::backend::tensor::FloatTensor;
use scarlet_kernels::training::{BatchNormGradients, Norm, Statistics};

use super::NormConstants;
use super::storage::{HostBackend, from_vector};

#[derive(Debug, Clone)]
pub(super) struct NormTensors<B: HostBackend> {
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    constants: NormConstants,
}

impl<B: HostBackend> NormTensors<B> {
    pub(super) fn new(
        gamma: FloatTensor<B>,
        beta: FloatTensor<B>,
        constants: NormConstants,
    ) -> Self {
        Self {
            gamma: B::row_major(gamma),
            beta: B::row_major(beta),
            constants,
        }
    }

    pub(super) fn view(&self) -> Norm<'_> {
        Norm {
            gamma: B::values(&self.gamma),
            beta: B::values(&self.beta),
            epsilon: self.constants.epsilon,
            activation: self.constants.activation,
        }
    }
}

/// Mean and variance as tensors, empty if there are none.
pub(super) fn statistics_tensors<B: HostBackend>(
    statistics: Option<&Statistics>,
) -> [FloatTensor<B>; 2] {
    let (mean, variance) = match statistics {
        Some(Statistics { mean, variance }) => (mean.clone(), variance.clone()),
        None => Default::default(),
    };
    [mean, variance].map(from_vector::<B>)
}

/// Gradients by gamma and beta as tensors, if there are any.
pub(super) fn gradient_tensors<B: HostBackend>(
    gradients: Option<BatchNormGradients>,
) -> [Option<FloatTensor<B>>; 2] {
    match gradients {
        Some(BatchNormGradients { gamma, beta }) => {
            [gamma, beta].map(|values| Some(from_vector::<B>(values)))
        }
        None => [None, None],
    }
}
