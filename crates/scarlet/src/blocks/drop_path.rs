//! Drop path, also known as stochastic depth.

use burn::module::{Flag, Module, Param};
use burn::tensor::{Distribution, Tensor};

/// Leaves out the residual branch of whole images during training (Huang et al., *Deep
/// Networks with Stochastic Depth*, arXiv 1603.09382).
///
/// Kept branches are scaled by `1 / (1 − rate)`, so that nothing changes on average. Without
/// autodiff, or when frozen, it passes its input on.
#[derive(Module, Debug)]
pub struct DropPath {
    /// Probability of leaving a branch out, in [0, 1).
    pub rate: f64,
    /// Cleared when the block is frozen.
    pub training: Param<Flag>,
}

impl DropPath {
    /// Drops a branch with probability `rate`.
    ///
    /// # Panics
    ///
    /// If `rate` is not in [0, 1).
    pub fn new(rate: f64) -> Self {
        assert!(
            (0.0..1.0).contains(&rate),
            "a drop path rate lies in [0, 1), found {rate}"
        );
        Self {
            rate,
            training: Param::from_bool(true),
        }
    }

    /// The branch `[batch, channels, height, width]`, zero for the images it is dropped for.
    pub fn forward(&self, branch: Tensor<4>) -> Tensor<4> {
        let device = branch.device();
        if self.rate == 0.0 || !self.training.is_enabled() || !device.is_autodiff() {
            return branch;
        }
        let keep = 1.0 - self.rate;
        let [batch, ..] = branch.dims();
        let mask = Tensor::<4>::random([batch, 1, 1, 1], Distribution::Bernoulli(keep), &device);
        branch * mask.div_scalar(keep)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn drops_whole_images_and_keeps_the_mean() {
        let device = Device::flex().autodiff();
        device.seed(1);
        let images = 4_000;
        let dropped = DropPath::new(0.25).forward(Tensor::ones([images, 2, 1, 1], &device));
        let mean = dropped.clone().mean().into_scalar::<f64>();
        assert!((mean - 1.0).abs() < 0.05, "mean {mean}");
        let values = dropped.into_data().iter::<f32>().collect::<Vec<_>>();
        for pair in values.chunks(2) {
            assert_eq!(pair[0], pair[1]);
            assert!(pair[0] == 0.0 || (pair[0] - 4.0 / 3.0).abs() < 1e-6);
        }
    }

    #[test]
    fn is_inactive_in_inference_and_when_frozen() {
        let plain = Device::flex();
        let x = Tensor::<4>::ones([64, 1, 1, 1], &plain);
        let out = DropPath::new(0.9).forward(x.clone());
        assert_eq!(out.into_data(), x.into_data());

        let autodiff = Device::flex().autodiff();
        let x = Tensor::<4>::ones([64, 1, 1, 1], &autodiff);
        let out = DropPath::new(0.9).freeze().forward(x.clone());
        assert_eq!(out.into_data(), x.into_data());
    }
}
