//! Where the random numbers of a network come from: its first weights, and what dropout and drop
//! path leave out.
//!
//! Burn draws from one generator a device, which everything in the process that uses the device
//! shares. Where a seed is given, numbers are drawn here instead, from streams of their own on the
//! CPU: they depend on nothing but the seed, and are the same for every device.

use burn::module::{Param, ParamId};
use burn::nn::{Dropout, Initializer};
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use scarlet_random::{Random, seed_of};

/// What a stream is for. The numbers are part of what a seed means: never reuse one.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(crate) enum Purpose {
    /// First values of a weight.
    Weight = 1,
    /// Dropout in front of the classifier.
    Dropout = 2,
    /// Drop path of a layer.
    DropPath = 3,
}

impl From<Purpose> for u64 {
    fn from(purpose: Purpose) -> Self {
        purpose as Self
    }
}

/// What first weights are drawn from, when they are first used.
#[derive(Debug)]
pub(crate) enum FirstWeights {
    /// The device's generator.
    Device,
    /// A stream for every weight.
    Seeded {
        seed: u64,
        /// How many weights have got theirs.
        given: u64,
    },
}

impl FirstWeights {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self::Seeded { seed, given: 0 }
    }

    /// A weight of the normal distribution around 0.
    pub(crate) fn normal<const D: usize>(
        &mut self,
        deviation: f64,
        shape: [usize; D],
        device: &Device,
    ) -> Param<Tensor<D>> {
        let initializer = Initializer::Normal {
            mean: 0.0,
            std: deviation,
        };
        self.weight(initializer, shape, device, move |random| {
            random.normal_pair().map(|value| value * deviation)
        })
    }

    /// A weight of the uniform distribution over ±`bound`.
    pub(crate) fn uniform<const D: usize>(
        &mut self,
        bound: f64,
        shape: [usize; D],
        device: &Device,
    ) -> Param<Tensor<D>> {
        let initializer = Initializer::Uniform {
            min: -bound,
            max: bound,
        };
        self.weight(initializer, shape, device, move |random| {
            [random.between(-bound, bound), random.between(-bound, bound)]
        })
    }

    fn weight<const D: usize>(
        &mut self,
        of_device: Initializer,
        shape: [usize; D],
        device: &Device,
        pair: impl Fn(&mut Random) -> [f64; 2] + Send + Sync + 'static,
    ) -> Param<Tensor<D>> {
        let Self::Seeded { seed, given } = self else {
            return of_device.init(shape, device);
        };
        let random = Random::new(*seed, Purpose::Weight, *given);
        *given += 1;
        let draw = move |device: &Device, require_grad: bool| {
            let mut random = random.clone();
            let count: usize = shape.iter().product();
            let pairs = (0..count.div_ceil(2)).flat_map(|_| pair(&mut random));
            let values: Vec<f32> = pairs.take(count).map(|value| value as f32).collect();
            let values = TensorData::new(values, shape);
            // As Burn makes its own weights: they live as long as the network.
            device.memory_persistent_allocations(values, |values| {
                Tensor::from_data(values, device).set_require_grad(require_grad)
            })
        };
        Param::uninitialized(ParamId::new(), draw, device.clone(), true, shape.into())
    }
}

/// What dropout and drop path draw from in a pass.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Masks {
    /// The device's generator.
    Device,
    /// A stream for every layer.
    Seeded(u64),
}

impl Masks {
    /// Those of one layer.
    pub(crate) fn of_layer(self, layer: usize) -> Self {
        match self {
            Self::Device => Self::Device,
            Self::Seeded(seed) => Self::Seeded(seed_of(seed, Purpose::DropPath, layer as u64)),
        }
    }

    /// `1 / keep` with probability `keep`, 0 otherwise.
    pub(crate) fn draw<const D: usize>(
        self,
        purpose: Purpose,
        keep: f64,
        shape: [usize; D],
        device: &Device,
    ) -> Tensor<D> {
        let kept = 1.0 / keep;
        match self {
            Self::Device => {
                Tensor::random(shape, Distribution::Bernoulli(keep), device).mul_scalar(kept)
            }
            Self::Seeded(seed) => {
                let mut random = Random::new(seed, purpose, 0);
                let value = |_| {
                    if random.chance(keep) {
                        kept as f32
                    } else {
                        0.0
                    }
                };
                let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
                Tensor::from_data(TensorData::new(values, shape), device)
            }
        }
    }

    /// What Burn's dropout makes of `[batch, features]`.
    pub(crate) fn drop_features(self, dropout: &Dropout, x: Tensor<2>) -> Tensor<2> {
        let device = x.device();
        let is_active = dropout.training.is_enabled() && device.is_autodiff();
        if !is_active || dropout.prob == 0.0 {
            return x;
        }
        let mask = self.draw(Purpose::Dropout, 1.0 - dropout.prob, x.dims(), &device);
        x * mask
    }
}
