//! What the integration tests share: a small search space, and images to train it on.

#![allow(dead_code, reason = "not every test binary uses all of it")]
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use scarlet::arch::{
    Architecture, Block, Genome, Operation, Outline, SearchSpace, Skip, scarlet_like,
};
use scarlet_data::dataset::Images;
use scarlet_train::{PathSampler, Sampling, Supernet, SupernetConfig};

pub(crate) fn device() -> Device {
    Device::flex().autodiff()
}

/// 13 choices in 7 layers, two of which downsample and one changes channels only; 16×16 pixels,
/// 3 classes.
pub(crate) fn space(skip: Skip) -> SearchSpace {
    let small = SearchSpace::small_images(1, 16, 3).unwrap();
    let plan = [(8, 1), (12, 2), (12, 1), (12, 1), (12, 1), (16, 1), (16, 2)];
    let layers = plan.map(|(channels, stride)| Block {
        operation: Operation::Linear,
        channels,
        stride,
    });
    let outline = Outline {
        stem: 8,
        separable: 8,
        head: 24,
    };
    let template = Architecture {
        input_channels: 1,
        classes: 3,
        preprocessing: small.template().preprocessing,
        ..scarlet_like("small", outline, layers)
    };
    let choices = SearchSpace::scarlet().choices(0).to_vec();
    SearchSpace::new(template, choices)
        .unwrap()
        .with_skip(skip)
        .unwrap()
}

pub(crate) fn supernet(skip: Skip, seed: u64) -> Supernet {
    SupernetConfig::new(space(skip))
        .try_init(seed, &device())
        .unwrap()
}

/// Paths that use every choice of every layer, and more.
pub(crate) fn genomes(space: &SearchSpace, count: usize) -> Vec<Genome> {
    let mut sampler = PathSampler::new(Sampling::StrictFairness, space, 5);
    let mut genomes = Vec::new();
    while genomes.len() < count {
        genomes.extend(sampler.next_paths().unwrap());
    }
    genomes.truncate(count);
    genomes
}

/// Images whose class is where their bright half is.
pub(crate) fn images(count: usize) -> Images {
    let mut state = 1u32;
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 26) as u8
    };
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for image in 0..count {
        let label = (image % 3) as u32;
        for y in 0..16 {
            for x in 0..16 {
                let bright = match label {
                    0 => y < 8,
                    1 => x < 8,
                    _ => x + y < 16,
                };
                pixels.push(if bright { 150 + noise() } else { 20 + noise() });
            }
        }
        labels.push(label);
    }
    Images::new([1, 16, 16], pixels, labels, ["top", "left", "corner"]).unwrap()
}

/// Every value of a module, running statistics included, bit for bit.
pub(crate) fn bits(module: &impl Module) -> Vec<u32> {
    struct Bits(Vec<u32>);
    impl ModuleVisitor for Bits {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0
                .extend(param.val().to_data().iter::<f32>().map(f32::to_bits));
        }
    }
    let mut bits = Bits(Vec::new());
    module.valid().visit(&mut bits);
    bits.0
}

pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// The sizes of everything that gradients would change.
pub(crate) fn trainable(module: &impl Module) -> Vec<usize> {
    struct Trainable(Vec<usize>);
    impl ModuleVisitor for Trainable {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if param.is_require_grad() {
                self.0.push(param.lazy_shape().num_elements());
            }
        }
    }
    let mut sizes = Trainable(Vec::new());
    module.visit(&mut sizes);
    sizes.0
}

pub(crate) fn count_parameters(module: &impl Module) -> usize {
    trainable(&module.clone().train()).iter().sum()
}
