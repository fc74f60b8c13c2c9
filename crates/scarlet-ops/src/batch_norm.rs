//! Batch normalisation over the batch at hand.

use burn::backend::Dispatch;
use burn::tensor::{Tensor, module};
use scarlet_kernels::Activation;

use crate::activation::activate;
use crate::host::{self, NormConstants, TrainingOps};

/// A batch normalisation and the activation behind it.
#[derive(Debug, Clone)]
pub struct Norm {
    /// Factors of the normalised values, `[channels]`.
    pub gamma: Tensor<1>,
    /// Added to them, `[channels]`.
    pub beta: Tensor<1>,
    /// Added to the variance.
    pub epsilon: f64,
    /// Applied last.
    pub activation: Activation,
}

/// Mean and biased variance of each channel over a batch, `[channels]` each, detached.
#[derive(Debug, Clone)]
pub struct BatchStatistics {
    /// Means.
    pub mean: Tensor<1>,
    /// Biased variances.
    pub variance: Tensor<1>,
}

impl Norm {
    pub(crate) fn constants(&self) -> NormConstants {
        NormConstants {
            epsilon: self.epsilon,
            activation: self.activation,
        }
    }

    /// By Burn's operations.
    pub(crate) fn train_plainly(&self, x: Tensor<4>) -> (Tensor<4>, BatchStatistics) {
        let (gamma, beta) = (self.gamma.clone(), self.beta.clone());
        let result = module::batch_norm_train(x, gamma, beta, self.epsilon);
        let statistics = BatchStatistics {
            mean: result.mean,
            variance: result.variance,
        };
        (activate(self.activation, result.output), statistics)
    }
}

/// Normalises each channel of `[batch, channels, height, width]` over the batch and applies the
/// activation (Ioffe and Szegedy, arXiv 1502.03167).
///
/// The gradient goes through the statistics too.
///
/// # Panics
///
/// If `gamma` or `beta` has another length than there are channels.
pub fn batch_norm_train(x: Tensor<4>, norm: Norm) -> (Tensor<4>, BatchStatistics) {
    if !host::has_kernels(&x, [norm.gamma.dtype(), norm.beta.dtype()]) {
        return norm.train_plainly(x);
    }
    let constants = norm.constants();
    let result = Dispatch::batch_norm(
        x.into_dispatch(),
        norm.gamma.into_dispatch(),
        norm.beta.into_dispatch(),
        constants,
    );
    let statistics = BatchStatistics {
        mean: Tensor::from_dispatch(result.mean),
        variance: Tensor::from_dispatch(result.variance),
    };
    (Tensor::from_dispatch(result.output), statistics)
}
