//! What an inverted residual does between its pointwise convolutions.

use burn::backend::Dispatch;
use burn::tensor::{DType, Tensor};
use scarlet_kernels::Padding;

use crate::batch_norm::{BatchStatistics, Norm};
use crate::convolution::{check, convolve_plainly};
use crate::host::{self, DepthwiseShape, TrainingOps};

/// A depthwise convolution between two normalisations with their activations: all of it works
/// channel by channel.
#[derive(Debug, Clone)]
pub struct DepthwiseStage {
    /// In front of the convolution, if there is one.
    pub norm_before: Option<Norm>,
    /// `[channels, 1, kernel, kernel]`.
    pub weight: Tensor<4>,
    /// In both directions.
    pub stride: usize,
    /// Zeros around the convolution's input.
    pub padding: Padding,
    /// After the convolution.
    pub norm_after: Norm,
}

/// What [`DepthwiseStage::train`] computes.
#[derive(Debug, Clone)]
pub struct TrainedStage {
    /// `[batch, channels, (height + top + bottom − kernel) / stride + 1, …]`.
    pub output: Tensor<4>,
    /// Of the input, where a normalisation is in front.
    pub norm_before: Option<BatchStatistics>,
    /// Of what comes out of the convolution.
    pub norm_after: BatchStatistics,
}

impl DepthwiseStage {
    /// Takes `[batch, channels, height, width]` through the stage, both normalisations over the
    /// batch.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit each other, or the stride is 0.
    pub fn train(self, x: Tensor<4>) -> TrainedStage {
        check(&x, &self.weight, 1, self.stride, self.padding);
        let channels = x.dims()[1];
        assert_eq!(self.weight.dims()[0], channels, "one filter a channel");
        if !host::has_kernels(&x, self.dtypes()) {
            return self.train_plainly(x);
        }
        let shape = DepthwiseShape {
            stride: self.stride,
            padding: self.padding,
            norm_before: self.norm_before.as_ref().map(Norm::constants),
            norm_after: Some(self.norm_after.constants()),
        };
        let none = Tensor::<1>::empty([0], &x.device());
        let has_before = self.norm_before.is_some();
        let (gamma, beta) = match self.norm_before {
            Some(norm) => (norm.gamma, norm.beta),
            None => (none.clone(), none),
        };
        let result = Dispatch::depthwise(
            x.into_dispatch(),
            self.weight.into_dispatch(),
            gamma.into_dispatch(),
            beta.into_dispatch(),
            self.norm_after.gamma.into_dispatch(),
            self.norm_after.beta.into_dispatch(),
            shape,
        );
        TrainedStage {
            output: Tensor::from_dispatch(result.output),
            norm_before: has_before.then(|| BatchStatistics {
                mean: Tensor::from_dispatch(result.before_mean),
                variance: Tensor::from_dispatch(result.before_variance),
            }),
            norm_after: BatchStatistics {
                mean: Tensor::from_dispatch(result.after_mean),
                variance: Tensor::from_dispatch(result.after_variance),
            },
        }
    }

    fn dtypes(&self) -> impl Iterator<Item = DType> {
        let norms = self.norm_before.iter().chain([&self.norm_after]);
        norms
            .flat_map(|norm| [norm.gamma.dtype(), norm.beta.dtype()])
            .chain([self.weight.dtype()])
    }

    /// By Burn's operations.
    fn train_plainly(self, x: Tensor<4>) -> TrainedStage {
        let (x, norm_before) = match &self.norm_before {
            Some(norm) => {
                let (x, statistics) = norm.train_plainly(x);
                (x, Some(statistics))
            }
            None => (x, None),
        };
        let channels = x.dims()[1];
        let x = convolve_plainly(x, self.weight, self.stride, self.padding, channels);
        let (output, norm_after) = self.norm_after.train_plainly(x);
        TrainedStage {
            output,
            norm_before,
            norm_after,
        }
    }
}
