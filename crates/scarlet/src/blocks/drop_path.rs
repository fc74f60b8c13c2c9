//! Drop path, also known as stochastic depth.

use burn::module::{Flag, Module, Param};
use burn::tensor::Tensor;

use crate::random::{Masks, Purpose};

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

    /// The branch `[batch, channels, height, width]`, zero for the images it is dropped for. Burn's
    /// generator of the device decides on them.
    pub fn forward(&self, branch: Tensor<4>) -> Tensor<4> {
        self.forward_with(branch, Masks::Device)
    }

    /// As [`forward`](Self::forward), but a random stream named by `seed` decides: the same images
    /// are dropped on every device, whatever else draws from its generator.
    pub fn forward_seeded(&self, branch: Tensor<4>, seed: u64) -> Tensor<4> {
        self.forward_with(branch, Masks::Seeded(seed))
    }

    pub(crate) fn forward_with(&self, branch: Tensor<4>, masks: Masks) -> Tensor<4> {
        let device = branch.device();
        if self.rate == 0.0 || !self.training.is_enabled() || !device.is_autodiff() {
            return branch;
        }
        let keep = 1.0 - self.rate;
        let [batch, ..] = branch.dims();
        branch * masks.draw(Purpose::DropPath, keep, [batch, 1, 1, 1], &device)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn drops_whole_images_and_keeps_the_mean() {
        let device = Device::flex().autodiff();
        let (path, images) = (
            DropPath::new(0.25),
            Tensor::ones([40_000, 2, 1, 1], &device),
        );
        for dropped in [path.forward(images.clone()), path.forward_seeded(images, 1)] {
            let mean = dropped.clone().mean().into_scalar::<f64>();
            // Seven standard deviations: the numbers of `forward` are others every time.
            assert!((mean - 1.0).abs() < 0.02, "mean {mean}");
            let values = dropped.into_data().iter::<f32>().collect::<Vec<_>>();
            for pair in values.chunks(2) {
                assert_eq!(pair[0], pair[1]);
                assert!(pair[0] == 0.0 || (pair[0] - 4.0 / 3.0).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_seed_names_the_images() {
        let device = Device::flex().autodiff();
        let path = DropPath::new(0.5);
        let of = |seed| {
            let images = Tensor::ones([64, 1, 1, 1], &device);
            path.forward_seeded(images, seed).into_data()
        };
        let first = of(1);
        device.seed(7);
        assert_eq!(of(1), first);
        assert_ne!(of(2), first);
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
