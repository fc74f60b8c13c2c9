//! Burn's optimizers as this crate uses them, and what they do not do: clipping by the norm of
//! all gradients together.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamWConfig, GradientsParams, SgdConfig};
use burn::tensor::Tensor;

use super::module_optimizer::ModuleOptimizer;
use super::{Optimizer, TrainConfig};

pub(super) fn optimizer(config: &TrainConfig) -> ModuleOptimizer {
    let decay = config.weight_decay as f32;
    match config.optimizer {
        Optimizer::Sgd { momentum, nesterov } => {
            // Burn's momentum dampens by default, as none of the recipes does.
            let momentum = (momentum > 0.0).then(|| {
                MomentumConfig::new()
                    .with_momentum(momentum)
                    .with_dampening(0.0)
                    .with_nesterov(nesterov)
            });
            let sgd = SgdConfig::new().with_momentum(momentum);
            let decayed = sgd
                .clone()
                .with_weight_decay(Some(WeightDecayConfig::new(decay)));
            ModuleOptimizer::new(decayed.build(), sgd.build())
        }
        Optimizer::AdamW {
            beta_1,
            beta_2,
            epsilon,
        } => {
            let adam = |decay| {
                AdamWConfig::new()
                    .with_beta_1(beta_1 as f32)
                    .with_beta_2(beta_2 as f32)
                    .with_epsilon(epsilon as f32)
                    .with_weight_decay(decay)
            };
            ModuleOptimizer::new(adam(decay).build(), adam(0.0).build())
        }
    }
}

/// Scales all gradients of a module down to a common norm of at most `limit` (Pascanu et al.,
/// arXiv 1211.5063).
pub(super) fn clip_norm(module: &impl Module, gradients: &mut GradientsParams, limit: f64) {
    let mut squares = Squares {
        gradients,
        sums: Vec::new(),
    };
    module.visit(&mut squares);
    let sums = squares.sums;
    if sums.is_empty() {
        return;
    }
    let norm = f64::from(Tensor::cat(sums, 0).sum().into_scalar::<f32>()).sqrt();
    if norm > limit {
        module.visit(&mut Scale {
            gradients,
            factor: limit / norm,
        });
    }
}

struct Squares<'a> {
    gradients: &'a GradientsParams,
    sums: Vec<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.sums.push(gradient.square().sum());
        }
    }
}

struct Scale<'a> {
    gradients: &'a mut GradientsParams,
    factor: f64,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            let scaled = gradient.mul_scalar(self.factor);
            self.gradients.register(param.id, scaled);
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::module::ModuleMapper;
    use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
    use burn::tensor::Device;
    use scarlet::{Architecture, ScarletConfig};

    use super::*;

    #[derive(Module, Debug)]
    struct Small {
        linear: Linear,
        bn: BatchNorm,
    }

    fn small() -> Small {
        let device = Device::flex().autodiff();
        Small {
            linear: LinearConfig::new(2, 2).init(&device),
            bn: BatchNormConfig::new(2).init(&device),
        }
    }

    /// Gradients of 1 for every parameter.
    fn ones(module: &Small) -> GradientsParams {
        struct Ones(GradientsParams);
        impl ModuleVisitor for Ones {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                self.0.register(param.id, param.val().inner().ones_like());
            }
        }
        let mut ones = Ones(GradientsParams::new());
        module.visit(&mut ones);
        ones.0
    }

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    #[test]
    fn decay_applies_to_weights_only() {
        let with_decay = |optimizer| TrainConfig {
            optimizer,
            weight_decay: 0.5,
            ..TrainConfig::default()
        };
        let sgd = with_decay(Optimizer::Sgd {
            momentum: 0.9,
            nesterov: false,
        });
        let module = small();
        let before = values(module.linear.weight.val());
        let gradients = ones(&module);
        let module = optimizer(&sgd).step(0.1, module, gradients);
        for (before, after) in before.iter().zip(values(module.linear.weight.val())) {
            assert!((before - 0.1 * (1.0 + 0.5 * before) - after).abs() < 1e-6);
        }
        assert!(
            values(module.bn.gamma.val())
                .iter()
                .all(|v| (v - 0.9).abs() < 1e-6)
        );
        assert!(
            values(module.bn.beta.val())
                .iter()
                .all(|v| (v + 0.1).abs() < 1e-6)
        );

        let adam = with_decay(Optimizer::AdamW {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
        });
        let module = small();
        let before = values(module.linear.weight.val());
        let gradients = ones(&module);
        let module = optimizer(&adam).step(0.1, module, gradients);
        for (before, after) in before.iter().zip(values(module.linear.weight.val())) {
            assert!((before * (1.0 - 0.1 * 0.5) - 0.1 - after).abs() < 1e-5);
        }
        assert!(
            values(module.bn.gamma.val())
                .iter()
                .all(|v| (v - 0.9).abs() < 1e-5)
        );
    }

    /// Sets every weight of a module to 0.5, and gives a gradient of 0 to each.
    #[derive(Default)]
    struct Halves(GradientsParams);

    impl ModuleMapper for Halves {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            if !param.is_require_grad() {
                return param;
            }
            self.0.register(param.id, param.val().inner().zeros_like());
            param.map(|value| value.zeros_like().add_scalar(0.5).detach().require_grad())
        }
    }

    /// Names and first values of what is trained.
    #[derive(Default)]
    struct Named {
        path: Vec<String>,
        values: Vec<(String, usize, f32)>,
    }

    impl ModuleVisitor for Named {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if param.is_require_grad() {
                let first = values(param.val())[0];
                self.values.push((self.path.join("."), D, first));
            }
        }

        fn enter_module(&mut self, name: &str, _container: &str) {
            self.path.push(name.to_owned());
        }

        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.path.pop();
        }
    }

    #[test]
    fn of_a_network_only_kernels_and_the_classifiers_matrix_decay() {
        let architecture: Architecture = "E3K3s@8/2 L@8".parse().unwrap();
        let adam = Optimizer::AdamW {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
        };
        for kind in [Optimizer::default(), adam] {
            let config = TrainConfig {
                optimizer: kind,
                weight_decay: 0.25,
                ..TrainConfig::default()
            };
            let network = ScarletConfig::from(architecture.clone())
                .with_classes(3)
                .try_init(&Device::flex().autodiff())
                .unwrap();
            let mut halves = Halves::default();
            let network = network.map(&mut halves);
            let network = optimizer(&config).step(0.1, network, halves.0);
            let mut named = Named::default();
            network.visit(&mut named);
            // Gammas, betas, and the biases of squeeze-excite and the classifier.
            let vectors = named.values.iter().filter(|(_, rank, _)| *rank == 1);
            assert!(vectors.clone().any(|(name, ..)| name.ends_with(".beta")));
            assert!(
                vectors
                    .clone()
                    .any(|(name, ..)| name.ends_with("excite_conv.bias"))
            );
            assert_eq!(vectors.count(), 2 * 7 + 2 + 1);
            for (name, rank, value) in named.values {
                let expected = match rank {
                    1 => 0.5,
                    _ => 0.5 * (1.0 - 0.1 * 0.25),
                };
                assert!((value - expected).abs() < 1e-6, "{name}: {value}");
            }
        }
    }

    #[test]
    fn momentum_is_not_dampened() {
        let config = TrainConfig {
            optimizer: Optimizer::Sgd {
                momentum: 0.5,
                nesterov: false,
            },
            weight_decay: 0.0,
            ..TrainConfig::default()
        };
        let mut module = small();
        let mut sgd = optimizer(&config);
        for _ in 0..2 {
            let gradients = ones(&module);
            module = sgd.step(1.0, module, gradients);
        }
        // 1, then 1 + 0.5.
        assert!(
            values(module.bn.beta.val())
                .iter()
                .all(|v| (v + 2.5).abs() < 1e-6)
        );
    }

    #[test]
    fn all_gradients_are_clipped_together() {
        let module = small();
        // 4 weights, 2 biases, 2 scales, 2 shifts, and Burn counts the running statistics too.
        let mut gradients = ones(&module);
        clip_norm(&module, &mut gradients, 100.0);
        assert_eq!(
            values(gradients.get::<1>(module.bn.beta.id).unwrap()),
            [1.0; 2]
        );
        clip_norm(&module, &mut gradients, 1.0);
        let clipped = values(gradients.get::<2>(module.linear.weight.id).unwrap());
        let expected = 1.0 / 14.0f32.sqrt();
        assert!(
            clipped.iter().all(|v| (v - expected).abs() < 1e-6),
            "{clipped:?}"
        );
    }
}
