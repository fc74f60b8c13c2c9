//! Networks of other families than SCARLET's: every form of block and head, in every form in which a
//! network can be.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor};
use common::reference::{Statistics, logits};
use common::{KINDS, cpu_devices, relative_error, signal, values_by_name};
use scarlet::arch::Padding;
use scarlet::fold::FoldOptions;
use scarlet::weights::{Precision, formula};
use scarlet::{Architecture, DeployOptions, Deployed, Scarlet, ScarletConfig};

/// Heights and widths of images: neither even, nor of one shape, nor much larger than a kernel.
const SIZES: [[usize; 2]; 4] = [[32, 32], [97, 97], [33, 47], [5, 2]];

/// Of single precision.
const TOLERANCE: f64 = 1e-5;

/// All kinds, with both ways of padding.
fn architectures() -> Vec<Architecture> {
    let kinds = KINDS.iter().flat_map(|text| {
        let symmetric: Architecture = text.parse().unwrap();
        let symmetric = symmetric.with_classes(5).with_resolution(33);
        let same = Architecture {
            padding: Padding::Same,
            ..symmetric.clone()
        };
        [symmetric, same]
    });
    kinds.collect()
}

fn build(architecture: &Architecture, device: &Device) -> Scarlet {
    let weights = formula::state_dict(architecture);
    let network = ScarletConfig::from(architecture.clone()).try_init(device);
    network.unwrap().load(&weights).unwrap()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// Name of a case.
fn case(architecture: &Architecture, [height, width]: [usize; 2]) -> String {
    format!(
        "{architecture}, {:?}, {height}×{width}",
        architecture.padding
    )
}

/// Asserts that logits agree to single precision.
fn assert_near(what: &str, found: &[f64], expected: &[f64]) {
    let error = relative_error(found, expected);
    assert!(error < TOLERANCE, "{what}: {error:e}");
}

#[test]
fn they_compute_what_their_architecture_says() {
    for architecture in architectures() {
        let weights = formula::state_dict(&architecture);
        for (name, device) in cpu_devices() {
            let network = build(&architecture, &device);
            for [height, width] in SIZES {
                let shape = [2, 3, height, width];
                let images = formula::signal("kinds", &shape);
                let running = Statistics::Running;
                let expected = logits(&architecture, &weights, running, &images, shape);
                let found = values(network.forward(signal("kinds", shape, &device)));
                let what = case(&architecture, [height, width]);
                assert_near(&format!("{what} on {name}"), &found, &expected);
            }
        }
    }
}

/// Where a channel has a handful of values, its normalisation divides by next to nothing.
#[test]
fn they_are_trained_as_their_architecture_says() {
    let device = Device::flex().autodiff();
    for architecture in architectures() {
        let weights = formula::state_dict(&architecture);
        let network = build(&architecture, &device);
        for [height, width] in [[97, 97], [33, 47]] {
            let shape = [4, 3, height, width];
            let images = formula::signal("kinds", &shape);
            let expected = logits(&architecture, &weights, Statistics::Batch, &images, shape);
            let found = values(network.forward(signal("kinds", shape, &device)));
            assert_near(&case(&architecture, [height, width]), &found, &expected);
        }
    }
}

/// The same in double precision.
fn in_f64(network: Scarlet) -> Scarlet {
    struct Cast;
    impl ModuleMapper for Cast {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|tensor| tensor.cast(DType::F64))
        }
    }
    network.map(&mut Cast)
}

#[test]
fn folded_they_compute_the_same() {
    let device = Device::flex();
    let options = FoldOptions { max_condition: 1e3 };
    let mut removed = 0;
    for architecture in architectures() {
        let single = build(&architecture, &device);
        let double = in_f64(build(&architecture, &device));
        for (network, dtype, tolerance) in
            [(single, DType::F32, TOLERANCE), (double, DType::F64, 1e-12)]
        {
            let (stabilizers, report) = network.fold_stabilizers(&options).unwrap();
            removed += report.stabilizers.len();
            for folded in [
                network.fold_batch_norm(),
                stabilizers,
                network.fold(&options).unwrap().0,
            ] {
                folded.architecture().validate().unwrap();
                for [height, width] in SIZES {
                    let images = signal("kinds", [2, 3, height, width], &device).cast(dtype);
                    let expected = values(network.forward(images.clone()));
                    let found = values(folded.forward(images));
                    let error = relative_error(&found, &expected);
                    let what = case(&architecture, [height, width]);
                    assert!(error < tolerance, "{what}, {dtype:?}: {error:e}");
                }
            }
        }
    }
    assert!(removed > 0);
}

#[test]
fn deployed_they_compute_the_same_and_so_does_their_file() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    for architecture in architectures() {
        let network = build(&architecture, &device);
        for [height, width] in SIZES {
            let shape = [2, 3, height, width];
            let options = DeployOptions::new().with_batch(2).with_size(height, width);
            let mut deployed = network.deploy(&options).unwrap();
            let expected = values(network.forward(signal("kinds", shape, &device)));
            let images = formula::signal("kinds", &shape);
            let logits = deployed.run(&images).unwrap().to_vec();
            let found: Vec<f64> = logits.iter().map(|&x| f64::from(x)).collect();
            let what = case(&architecture, [height, width]);
            assert_near(&what, &found, &expected);

            let path = folder.path().join("network.scarlet");
            deployed.save(&path).unwrap();
            let mut opened = Deployed::open(&path, &options).unwrap();
            assert_eq!(opened.architecture(), deployed.architecture());
            assert_eq!(opened.run(&images).unwrap(), logits, "{what}");
        }
    }
}

#[test]
fn saved_they_are_opened_as_they_were() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.safetensors");
    for architecture in architectures() {
        let network = build(&architecture, &device);
        network.save(&path, Precision::F32).unwrap();
        let opened = Scarlet::open(&path, &device).unwrap();
        assert_eq!(opened.architecture(), &architecture);
        for [height, width] in SIZES {
            let images = signal("kinds", [1, 3, height, width], &device);
            assert_eq!(
                values(opened.forward(images.clone())),
                values(network.forward(images)),
                "{architecture}"
            );
        }
        // With a classifier of its own, all else is the file's.
        let other = ScarletConfig::from(architecture.clone()).with_classes(3);
        let options = scarlet::weights::LoadOptions::new().without_classifier();
        let weights = scarlet::weights::StateDict::open(&path).unwrap();
        let other = other.init(&device).load_with(&weights, &options).unwrap();
        let images = signal("kinds", [1, 3, 33, 33], &device);
        assert_eq!(
            values(other.forward_features(images.clone())),
            values(network.forward_features(images)),
            "{architecture}"
        );
    }
}

#[test]
fn every_part_can_be_frozen() {
    let device = Device::flex().autodiff();
    for architecture in architectures() {
        let parts = scarlet::arch::graph::Graph::of(&architecture);
        let parts = parts.parts().iter().filter(|part| !part.nodes.is_empty());
        for part in parts {
            let network = build(&architecture, &device);
            let (all, total) = (trained(&network), network.count_parameters());
            let ids = network.part_parameters();
            let frozen = network.freeze_prefixes(&[&part.name]).unwrap();
            assert_eq!(frozen.count_parameters(), total);
            let index = frozen_index(&architecture, &part.name);
            let left = trained(&frozen);
            assert_eq!(left.len(), all.len() - ids[index].len(), "{}", part.name);
            assert!(
                left.iter().all(|id| !ids[index].contains(id)),
                "{}",
                part.name
            );

            // A step moves the statistics of all others, and none of its.
            let before = values_by_name(&frozen.valid());
            let images = signal("kinds", [4, 3, 33, 47], &device);
            let gradients = frozen.forward(images).powf_scalar(2.0).sum().backward();
            let reached = burn::optim::GradientsParams::from_grads(gradients, &frozen);
            assert_eq!(reached.len(), left.len(), "{} in {architecture}", part.name);
            let after = values_by_name(&frozen.valid());
            let module = module_name(&architecture, &part.name);
            for (name, value) in before.iter().filter(|(name, _)| name.contains("running_")) {
                let is_frozen = name.starts_with(&module);
                assert_eq!(&after[name] == value, is_frozen, "{name}, {}", part.name);
            }
        }
    }
}

/// The parameters that gradients would change.
fn trained(network: &Scarlet) -> Vec<burn::module::ParamId> {
    struct Trained(Vec<burn::module::ParamId>);
    impl burn::module::ModuleVisitor for Trained {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if param.is_require_grad() {
                self.0.push(param.id);
            }
        }
    }
    let mut trained = Trained(Vec::new());
    network.visit(&mut trained);
    trained.0
}

fn frozen_index(architecture: &Architecture, part: &str) -> usize {
    let graph = scarlet::arch::graph::Graph::of(architecture);
    let found = graph.parts().iter().position(|it| it.name == part);
    found.unwrap()
}

/// Where the weights of a part are in the module, as its values are named.
fn module_name(architecture: &Architecture, part: &str) -> String {
    match frozen_index(architecture, part) {
        index if index < architecture.blocks.len() => format!("blocks.{index}."),
        _ if part == "conv_before_pooling" => "head_conv.".to_owned(),
        _ => format!("{part}."),
    }
}
