//! Layer-wise learning rates: the closer a layer is to the images, the less it changes.

use std::collections::HashMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use scarlet::Scarlet;

use super::module_optimizer::ModuleOptimizer;

/// How many parts of the network lie between each parameter and its end: the classifier's
/// parameters have 0.
pub(super) struct Depths(HashMap<ParamId, usize>);

impl Depths {
    pub(super) fn of(network: &Scarlet) -> Self {
        let parts = network.part_parameters().into_iter().rev().enumerate();
        let depths = parts.flat_map(|(depth, ids)| ids.into_iter().map(move |id| (id, depth)));
        Self(depths.collect())
    }

    /// One update of the weights, with the learning rate `rate · decay^depth` (Clark et al., arXiv
    /// 2003.10555, for networks of this kind Bao et al., arXiv 2106.08254).
    pub(super) fn step<M: Module>(
        &self,
        optimizer: &mut ModuleOptimizer,
        rate: f64,
        decay: f64,
        mut module: M,
        gradients: GradientsParams,
    ) -> M {
        let mut parts = Parts {
            depths: &self.0,
            gradients,
            parts: Vec::new(),
        };
        module.visit(&mut parts);
        // The optimizer changes nothing that has no gradient, so that it can go layer by layer.
        for (depth, part) in parts.parts.into_iter().enumerate() {
            if !part.is_empty() {
                let rate = rate * decay.powi(depth as i32);
                module = optimizer.step(rate, module, part);
            }
        }
        module
    }
}

struct Parts<'a> {
    depths: &'a HashMap<ParamId, usize>,
    gradients: GradientsParams,
    parts: Vec<GradientsParams>,
}

impl ModuleVisitor for Parts<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            let depth = self.depths.get(&param.id).copied().unwrap_or(0);
            if self.parts.len() <= depth {
                self.parts.resize_with(depth + 1, GradientsParams::new);
            }
            self.parts[depth].register(param.id, gradient);
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::optim::SgdConfig;
    use burn::tensor::Device;
    use scarlet::{Architecture, BlockModule, ScarletConfig};

    use super::*;

    struct Ones(GradientsParams);

    impl ModuleVisitor for Ones {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if param.is_require_grad() {
                self.0.register(param.id, param.val().inner().ones_like());
            }
        }
    }

    fn first<const D: usize>(tensor: &Param<Tensor<D>>) -> f32 {
        tensor.val().into_data().iter::<f32>().next().unwrap()
    }

    #[test]
    fn rates_fall_from_the_classifier_to_the_stem() {
        let architecture: Architecture = "E3K3@8/2 - E3K3@8".parse().unwrap();
        let network = ScarletConfig::from(architecture)
            .with_classes(3)
            .try_init(&Device::flex().autodiff())
            .unwrap();
        let values = |network: &Scarlet| {
            let [
                BlockModule::Conv(stem),
                BlockModule::InvertedResidual(separable),
                ..,
                BlockModule::InvertedResidual(last),
            ] = network.blocks.as_slice()
            else {
                panic!("stem, separable convolution, layers");
            };
            [
                first(&network.classifier.weight),
                first(&network.head_conv.as_ref().unwrap().conv.weight),
                first(&last.conv3.weight),
                first(&separable.conv3.weight),
                first(&stem.conv.weight),
            ]
        };
        let before = values(&network);
        let mut ones = Ones(GradientsParams::new());
        network.visit(&mut ones);
        let depths = Depths::of(&network);
        let sgd = SgdConfig::new();
        let mut sgd = ModuleOptimizer::new(sgd.build(), sgd.build());
        let after = values(&depths.step(&mut sgd, 1.0, 0.5, network, ones.0));
        for (change, depth) in before.iter().zip(after).zip([0, 1, 2, 5, 6]) {
            let moved = change.0 - change.1;
            assert!(
                (moved - 0.5f32.powi(depth)).abs() < 1e-6,
                "{depth}: {moved}"
            );
        }
    }
}
