//! An exponential moving average of a network's weights.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;
use burn::tensor::container::TensorContainer;
use burn::tensor::kind::BridgeTensor;
use rayon::prelude::*;
use scarlet::is_cpu;

/// `average · decay + current · (1 − decay)`, of weights and running statistics (Polyak and
/// Juditsky 1992). `average` must have begun as `current.valid()`.
pub(super) fn update<M: Module>(average: M, current: &M, decay: f64) -> M {
    let mut collect = Collect::default();
    // `valid` also brings the last step into the running statistics.
    current.valid().visit(&mut collect);
    let mut blend = Blend {
        current: collect.0,
        decay,
        due: Vec::new(),
        on_cpu: true,
    };
    average.visit(&mut blend);
    let values = if blend.on_cpu {
        let due = blend.due.into_par_iter().with_max_len(1);
        due.map(|(id, value)| (id, value())).collect()
    } else {
        let due = blend.due.into_iter();
        due.map(|(id, value)| (id, value())).collect()
    };
    average.map(&mut Replace(values))
}

/// The decay after so many steps: less at first, so that the random first weights are soon
/// forgotten.
pub(super) fn decay_at(decay: f64, steps: u64) -> f64 {
    decay.min((1 + steps) as f64 / (10 + steps) as f64)
}

#[derive(Default)]
struct Collect(TensorContainer<ParamId>);

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.register(param.id, param.val());
    }
}

type Value = Box<dyn FnOnce() -> BridgeTensor + Send>;

/// How each average becomes the next.
struct Blend {
    current: TensorContainer<ParamId>,
    decay: f64,
    due: Vec<(ParamId, Value)>,
    /// Whether all are.
    on_cpu: bool,
}

impl ModuleVisitor for Blend {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(current) = self.current.remove::<Tensor<D>>(&param.id) else {
            return;
        };
        let average = param.val();
        self.on_cpu &= is_cpu(&average.device());
        let share = 1.0 - self.decay;
        // In this form, what does not change (a frozen weight, say) stays to the bit.
        let blend = move || {
            let way = current - average.clone();
            (average + way.mul_scalar(share)).into_bridge()
        };
        self.due.push((param.id, Box::new(blend)));
    }
}

struct Replace(HashMap<ParamId, BridgeTensor>);

impl ModuleMapper for Replace {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.0.remove(&param.id) {
            Some(value) => param.map(|_| Tensor::from_bridge(value)),
            None => param,
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::module::RunningState;
    use burn::nn::BatchNormConfig;
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn weights_and_statistics_are_averaged_and_parted_from_the_network() {
        let device = Device::flex().autodiff();
        let mut current = BatchNormConfig::new(1).init(&device);
        let average = current.valid();
        current
            .running_mean
            .update(Tensor::from_floats([8.0], &device));
        current.beta = current
            .beta
            .map(|beta| (beta + 4.0).detach().require_grad());
        let average = update(average, &current, 0.75);
        let value = |tensor: Tensor<1>| tensor.into_scalar::<f32>();
        let mean = |state: &RunningState<Tensor<1>>| value(state.value());
        assert_eq!(value(average.beta.val()), 1.0);
        assert_eq!(value(average.gamma.val()), 1.0);
        assert_eq!(mean(&average.running_mean), 2.0);
        assert_eq!(mean(&current.running_mean), 8.0);
        assert!(!average.beta.val().is_autodiff());
    }

    #[test]
    fn the_first_weights_are_soon_forgotten() {
        assert_eq!(decay_at(0.999, 0), 0.1);
        assert_eq!(decay_at(0.999, 90), 0.91);
        assert_eq!(decay_at(0.999, 1_000_000), 0.999);
    }
}
