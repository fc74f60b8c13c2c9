//! The deployed form computes what the network computes.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use burn::tensor::{Device, Tensor};
use common::{Golden, assert_close, cpu_devices, signal, with_formula_weights};
use proptest::prelude::*;
use scarlet::arch::{Activation, Block, Expansion, Layer, Operation, Padding};
use scarlet::weights::formula;
use scarlet::{
    Architecture, DeployError, DeployOptions, EfficientNetLite0, Scarlet, ScarletA, ScarletB,
    ScarletC, ScarletConfig,
};

const TOLERANCE: f64 = 1e-4;

#[test]
fn logits_agree_with_pytorch() {
    for (file, config) in [
        ("scarlet_a.safetensors", ScarletA::new()),
        ("scarlet_b.safetensors", ScarletB::new()),
        ("scarlet_c.safetensors", ScarletC::new()),
    ] {
        let golden = Golden::open(file);
        let weights = formula::state_dict(config.architecture());
        for (name, device) in cpu_devices() {
            let network = config.init(&device).load(&weights).unwrap();
            for side in [64, 224] {
                let options = DeployOptions::new().with_batch(2).with_size(side, side);
                let mut deployed = network.deploy(&options).unwrap();
                let images = signal(&format!("input.{side}"), [2, 3, side, side], &device);
                assert_close(
                    &format!("{file} at {side} on {name}"),
                    deployed.forward(images).unwrap().into_data(),
                    &golden.get(&format!("logits.{side}")),
                    TOLERANCE,
                );
            }
        }
    }
}

fn check(network: &Scarlet, images: Tensor<4>) {
    let [batch, _, height, width] = images.dims();
    let options = DeployOptions::new()
        .with_batch(batch)
        .with_size(height, width);
    let mut deployed = network.deploy(&options).unwrap();
    let expected: Vec<f32> = network.forward(images.clone()).into_data().iter().collect();
    let found = deployed.forward(images).unwrap().into_data();
    assert_close("deployed", found, &expected, TOLERANCE);
}

#[test]
fn efficientnet_lite0_with_its_asymmetric_padding_agrees() {
    let device = Device::flex();
    let network = with_formula_weights(EfficientNetLite0::new().init(&device), "lite0.");
    check(&network, signal("lite0", [1, 3, 96, 64], &device));
}

fn operation() -> impl Strategy<Value = Operation> {
    let block = |kernel, expansion, squeeze_excite| {
        Operation::InvertedResidual(Block {
            kernel,
            expansion,
            squeeze_excite,
        })
    };
    prop_oneof![
        Just(block(3, Expansion::Times(3), false)),
        Just(block(5, Expansion::Times(1), true)),
        Just(block(7, Expansion::To(20), true)),
        Just(Operation::Identity),
        Just(Operation::Linear),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_network_agrees(
        layers in prop::collection::vec((operation(), 4usize..20, 1usize..3), 1..6),
        relu6 in any::<bool>(),
        same in any::<bool>(),
        batch in 1usize..4,
    ) {
        let layers = layers
            .into_iter()
            .map(|(operation, channels, stride)| Layer { operation, channels, stride })
            .collect();
        let architecture = Architecture {
            stem: 6,
            separable: 5,
            layers,
            head: 18,
            classes: 7,
            activation: if relu6 { Activation::Relu6 } else { Activation::HSwish },
            padding: if same { Padding::Same } else { Padding::Symmetric },
            ..scarlet::arch::scarlet_a()
        }
        .with_resolution(64);
        let side = architecture.total_stride();
        let device = Device::flex();
        let network = with_formula_weights(ScarletConfig::from(architecture).init(&device), "any.");
        // Neither folding nor its limits are the question here.
        let options = scarlet::fold::FoldOptions { max_condition: 1e3 };
        prop_assume!(network.fold(&options).is_ok());
        check(&network, signal("any", [batch, 3, side, 2 * side], &device));
    }
}

#[test]
fn fewer_images_than_the_batch_are_welcome_and_the_same() {
    let device = Device::flex();
    let network = with_formula_weights(ScarletC::new().init(&device), "batch.");
    let options = DeployOptions::new().with_batch(3).with_size(32, 32);
    let mut deployed = network.deploy(&options).unwrap();
    let images = formula::signal("batch", &[3, 3, 32, 32]);
    let all = deployed.run(&images).unwrap().to_vec();
    let second = deployed.run(&images[3072..6144]).unwrap().to_vec();
    assert_eq!(second, all[1000..2000]);
}

#[test]
fn threads_change_no_bit() {
    let device = Device::flex();
    let network = with_formula_weights(ScarletC::new().init(&device), "threads.");
    let images = formula::signal("threads", &[1, 3, 64, 64]);
    let run = |threads| {
        let options = DeployOptions::new().with_size(64, 64).with_threads(threads);
        network
            .deploy(&options)
            .unwrap()
            .run(&images)
            .unwrap()
            .to_vec()
    };
    assert_eq!(run(1), run(2));
    assert_eq!(run(1), run(3));
}

#[test]
fn what_does_not_fit_is_refused_with_a_way_out() {
    let device = Device::flex();
    let network = ScarletC::new().init(&device);
    let error = network
        .deploy(&DeployOptions::new().with_size(100, 96))
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("resize them to 96×96"),
        "{error}"
    );

    let options = DeployOptions::new().with_size(32, 32);
    let mut deployed = network.deploy(&options).unwrap();
    let error = deployed
        .forward(Tensor::zeros([1, 3, 64, 64], &device))
        .unwrap_err();
    assert!(matches!(error, DeployError::Size { .. }));
    assert!(error.to_string().contains("deployed for 32×32"), "{error}");
    assert!(deployed.run(&[0.0; 5]).is_err());
    assert!(deployed.run(&[]).is_err());

    let error = network.deploy(&options.with_threads(0)).err().unwrap();
    assert!(error.to_string().contains("thread"), "{error}");
}
