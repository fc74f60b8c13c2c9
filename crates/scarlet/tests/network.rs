//! Networks as their users meet them: shapes, heads, freezing, initialisation, printing.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use common::{signal, values_by_name, with_formula_weights};
use scarlet::blocks::ConvBn;
use scarlet::{
    BlockModule, ConfigError, EfficientNetLite0, InputError, Scarlet, ScarletA, ScarletA2,
    ScarletA4, ScarletB, ScarletC, ScarletConfig,
};

fn stem(network: &Scarlet) -> &ConvBn {
    let BlockModule::Conv(stem) = &network.blocks[0] else {
        panic!("a network begins with a convolution")
    };
    stem
}

fn head_conv(network: &Scarlet) -> &ConvBn {
    network.head_conv.as_ref().unwrap()
}

/// A network small enough to be trained in a test.
fn small(device: &Device) -> Scarlet {
    let architecture = "E3K3@8/2 E3K5s@8 L@8 E1K3@8 E3K3@12/2 - E3K7@16/2"
        .parse::<scarlet::Architecture>()
        .unwrap();
    ScarletConfig::from(architecture)
        .with_classes(4)
        .try_init_seeded(1, device)
        .unwrap()
}

#[test]
fn parameters_are_those_of_the_published_networks() {
    let device = Device::flex();
    for (config, expected) in [
        (ScarletA::new(), 6_707_720),
        (ScarletB::new(), 6_531_556),
        (ScarletC::new(), 6_073_684),
        (EfficientNetLite0::new(), 4_652_008),
    ] {
        let network = config.init(&device);
        assert_eq!(network.count_parameters(), expected);
        // Burn counts running statistics too; that would be another number.
        assert!(network.num_params() > expected);
    }
}

#[test]
fn a_network_in_grey_sees_what_it_saw_in_every_channel() {
    for device in [Device::flex(), Device::flex().autodiff()] {
        let network = small(&device);
        let grey = network.clone().in_grey();
        assert_eq!(grey.architecture().input_channels, 1);
        assert_eq!(grey.architecture().preprocessing.mean, [0.456; 3]);
        let images = signal("grey", [2, 1, 32, 32], &device);
        let expected = network.forward(images.clone().repeat_dim(1, 3)).into_data();
        let found = grey.forward(images.clone()).into_data();
        let pairs = found.iter::<f32>().zip(expected.iter::<f32>());
        for (found, expected) in pairs {
            assert!(
                (found - expected).abs() < 1e-5 * (1.0 + expected.abs()),
                "{found} instead of {expected}"
            );
        }
        // It can be trained as the other.
        let trainable = |network: &Scarlet| stem(network).conv.weight.is_require_grad();
        assert_eq!(trainable(&grey), trainable(&network));
        if device.is_autodiff() {
            let gradients = grey.forward(images).sum().backward();
            let kernels = stem(&grey).conv.weight.val();
            assert_eq!(kernels.grad(&gradients).unwrap().dims(), kernels.dims());
        }
        assert_eq!(
            grey.count_parameters() + 32 * 9 * 2,
            network.count_parameters()
        );
    }
}

#[test]
fn counted_and_built_parameters_agree_for_scaled_networks() {
    for config in [ScarletA2::new(), ScarletA4::new()] {
        let network = config.init(&Device::flex());
        let architecture = network.architecture();
        let cost =
            scarlet::arch::Cost::of(architecture, architecture.preprocessing.resolution).unwrap();
        assert_eq!(network.count_parameters() as u64, cost.parameters);
    }
}

#[test]
fn feature_maps_come_at_strides_4_to_32() {
    let device = Device::flex();
    let network = ScarletC::new().init(&device);
    let info = network.feature_maps_info();
    let strides: Vec<_> = info.iter().map(|tap| tap.stride).collect();
    assert_eq!(strides, [4, 8, 16, 32]);
    let maps = network.feature_maps(signal("maps", [2, 3, 64, 96], &device));
    for (tap, map) in info.iter().zip(&maps) {
        let expected = [2, tap.channels, 64 / tap.stride, 96 / tap.stride];
        assert_eq!(map.dims(), expected);
    }
    let channels: Vec<_> = info.iter().map(|tap| tap.channels).collect();
    assert_eq!(channels, [32, 40, 96, 320]);
}

#[test]
fn the_deepest_map_is_what_the_head_reads() {
    let device = Device::flex();
    let network = with_formula_weights(small(&device), "maps.");
    let images = signal("maps", [1, 3, 32, 32], &device);
    let last = network.feature_maps(images.clone()).pop().unwrap();
    // With its activation, ReLU6.
    let head = head_conv(&network).forward(last);
    let greatest = head.clone().max().into_scalar::<f32>();
    assert!(greatest <= 6.0, "{greatest}");
    assert_eq!(
        head.into_data(),
        network.forward_features(images).into_data()
    );
}

#[test]
fn another_classifier_keeps_the_features() {
    let device = Device::flex();
    let network = with_formula_weights(small(&device), "head.");
    let images = signal("head", [2, 3, 32, 32], &device);
    let features = network.forward_features(images.clone()).into_data();
    let network = network.reset_classifier(7);
    assert_eq!(network.architecture().classes, 7);
    assert_eq!(network.forward(images.clone()).dims(), [2, 7]);
    assert_eq!(network.forward_features(images).into_data(), features);
}

#[test]
fn features_come_in_place_of_logits() {
    let device = Device::flex();
    let network = with_formula_weights(small(&device), "head.");
    let images = signal("head", [2, 3, 32, 32], &device);
    let logits = network.forward(images.clone());
    let classifier = network.classifier.clone();
    let bare = network.without_classifier();
    let features = bare.forward(images);
    assert_eq!(features.dims(), [2, bare.architecture().features()]);
    assert_eq!(classifier.forward(features).into_data(), logits.into_data());
}

/// Mean cross-entropy of logits `[batch, classes]`, the nth image's label being n.
fn loss(logits: Tensor<2>) -> f64 {
    let [batch, classes] = logits.dims();
    let values: Vec<f32> = logits.into_data().iter::<f32>().collect();
    let rows = values.chunks(classes).enumerate();
    let losses = rows.map(|(image, row)| {
        let sum: f64 = row.iter().map(|&it| f64::from(it).exp()).sum();
        sum.ln() - f64::from(row[image % classes])
    });
    losses.sum::<f64>() / batch as f64
}

#[test]
fn a_new_classifier_begins_at_chance() {
    for device in [Device::flex(), Device::flex().autodiff()] {
        let network = with_formula_weights(small(&device), "head.");
        let images = signal("head", [4, 3, 32, 32], &device);
        for classes in [2, 10, 100] {
            let network = network.clone().reset_classifier(classes);
            let (found, chance) = (loss(network.forward(images.clone())), (classes as f64).ln());
            assert!((found - chance).abs() < 0.1 * chance, "{classes}: {found}");
            // It is trained like any other.
            assert!(network.train().classifier.weight.is_require_grad());
        }
    }
}

#[test]
fn networks_begin_with_the_published_classifier() {
    let device = Device::flex();
    for classes in [10, 1000] {
        let config = EfficientNetLite0::new().with_classes(classes);
        let network = config.try_init_seeded(1, &device).unwrap();
        let weights = network.classifier.weight.val().into_data();
        let weights: Vec<f64> = weights.iter::<f32>().map(f64::from).collect();
        let bound = 1.0 / (classes as f64).sqrt();
        assert!(weights.iter().all(|weight| weight.abs() <= bound));
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        let deviation = (squares / weights.len() as f64).sqrt();
        let expected = bound / 3f64.sqrt();
        assert!((deviation / expected - 1.0).abs() < 0.05, "{deviation}");
        let bias = network.classifier.bias.as_ref().unwrap().val();
        assert!(bias.into_data().iter::<f32>().all(|value| value == 0.0));
    }
}

#[test]
fn freezing_a_clone_leaves_the_network_to_be_trained() {
    let device = Device::flex().autodiff();
    let frozen: [fn(Scarlet) -> Scarlet; 2] = [
        |network| network.freeze_features(),
        |network| network.freeze_prefixes(&["stem"]).unwrap(),
    ];
    for freeze in frozen {
        // No weight is drawn before the clone is frozen.
        let network = small(&device);
        let clone = freeze(network.clone());
        assert!(!stem(&clone).conv.weight.val().is_require_grad());
        assert!(stem(&network).conv.weight.val().is_require_grad());
    }
}

#[test]
fn only_the_classifier_is_trained_where_features_are_frozen() {
    let device = Device::flex().autodiff();
    let network = with_formula_weights(small(&device), "freeze.").freeze_features();
    let before = values_by_name(&network.valid());
    let logits = network.forward(signal("freeze", [2, 3, 32, 32], &device));
    let gradients = logits.sum().backward();
    let has_gradient = |weight: Option<Tensor<2>>| weight.is_some();
    assert!(has_gradient(
        network.classifier.weight.val().grad(&gradients)
    ));
    assert!(!stem(&network).conv.weight.is_require_grad());
    assert!(!head_conv(&network).conv.weight.is_require_grad());
    // Statistics stay, too.
    assert_eq!(values_by_name(&network.valid()), before);
}

#[test]
fn images_that_do_not_fit_are_refused() {
    let device = Device::flex();
    let network = ScarletC::new().init(&device);
    for shape in [[1, 3, 0, 224], [1, 3, 224, 0]] {
        // As many values as there are, none, for devices that have no empty tensors.
        let images = Tensor::from_data(TensorData::new(Vec::<f32>::new(), shape), &device);
        let error = network.try_forward(images).unwrap_err().to_string();
        let [_, _, height, width] = shape;
        assert_eq!(
            error,
            format!(
                "the images measure {height}×{width} pixels, but both sides must be at least 1"
            )
        );
    }
    let error = network
        .try_forward(Tensor::zeros([1, 1, 224, 224], &device))
        .unwrap_err();
    assert_eq!(
        error,
        InputError::Channels {
            expected: 3,
            found: 1
        }
    );
}

#[test]
fn a_probability_out_of_range_is_refused() {
    let error = ScarletA::new()
        .with_drop_path(1.0)
        .try_init(&Device::flex())
        .unwrap_err();
    assert!(matches!(
        error,
        ConfigError::Probability {
            name: "drop_path",
            ..
        }
    ));
    assert!(error.to_string().contains("at least 0 and under 1"));
}

#[test]
fn no_classes_are_refused() {
    let error = ScarletA::new()
        .with_classes(0)
        .try_init(&Device::flex())
        .unwrap_err();
    assert!(error.to_string().contains("classes"), "{error}");
}

/// One training step's worth of gradients, and what the running statistics became.
fn step(network: &Scarlet) -> burn::tensor::Gradients {
    let images = signal("step", [4, 3, 32, 32], &network.device());
    network.forward(images).powf_scalar(2.0).sum().backward()
}

#[test]
fn frozen_parts_get_no_gradients_and_keep_their_statistics() {
    let device = Device::flex().autodiff();
    let network = small(&device)
        .freeze_prefixes(&["stem", "mb_module.1", "mb_module.4.bn2"])
        .unwrap();
    let before = values_by_name(&network.valid());
    let gradients = step(&network);
    let after = values_by_name(&network.valid());

    assert!(stem(&network).conv.weight.grad(&gradients).is_none());
    let BlockModule::InvertedResidual(frozen) = &network.layers()[1] else {
        panic!("layer 1 is a block")
    };
    assert!(frozen.conv2.weight.grad(&gradients).is_none());
    assert!(frozen.bn3.gamma.grad(&gradients).is_none());
    assert!(network.classifier.weight.grad(&gradients).is_some());

    let is_frozen = |name: &str| {
        // The layers come after the stem and a separable convolution.
        name.starts_with("blocks.0.")
            || name.starts_with("blocks.3.")
            || name.starts_with("blocks.6.bn2.")
    };
    let mut moved = 0;
    for (name, value) in before.iter().filter(|(name, _)| name.contains("running_")) {
        let same = &after[name] == value;
        assert_eq!(same, is_frozen(name), "{name}");
        moved += usize::from(!same);
    }
    assert!(moved > 0);
}

#[test]
fn a_prefix_stands_for_whole_names() {
    let device = Device::flex().autodiff();
    let error = small(&device).freeze_prefixes(&["mb_mod"]).unwrap_err();
    let said = "no part of the network is named `mb_mod`; there are `stem`, `separable_conv`, \
                `mb_module.0` to `mb_module.6`, `conv_before_pooling` and `classifier`, and what is \
                inside them";
    assert_eq!(error.to_string(), said);
}

#[test]
fn training_and_inference_agree_with_and_without_autodiff() {
    let plain = with_formula_weights(small(&Device::flex()), "modes.");
    let autodiff = with_formula_weights(small(&Device::flex().autodiff()), "modes.").valid();
    let images = signal("modes", [2, 3, 32, 32], &Device::flex());
    assert_eq!(
        plain.forward(images.clone()).into_data(),
        autodiff.forward(images).into_data()
    );
}

#[test]
fn weights_are_initialised_as_in_the_released_code() {
    let device = Device::flex();
    initialised_as_in_the_released_code(&ScarletA::new().init(&device));
    initialised_as_in_the_released_code(&ScarletA::new().try_init_seeded(5, &device).unwrap());
}

fn initialised_as_in_the_released_code(network: &Scarlet) {
    let deviation =
        |weight: Tensor<4>| weight.flatten::<1>(0, 3).var(0).sqrt().into_scalar::<f64>();
    let head = &head_conv(network).conv;
    let expected = (2.0 / 1280.0f64).sqrt();
    let found = deviation(head.weight.val());
    assert!((found / expected - 1.0).abs() < 0.02, "{found} {expected}");
    let BlockModule::InvertedResidual(block) = &network.layers()[0] else {
        panic!("layer 0 is a block")
    };
    let expected = (2.0 / (49.0 * 48.0f64)).sqrt();
    let found = deviation(block.conv2.weight.val());
    assert!((found / expected - 1.0).abs() < 0.1, "{found} {expected}");
    let bound = 1.0 / 1000f64.sqrt();
    let largest = network
        .classifier
        .weight
        .val()
        .abs()
        .max()
        .into_scalar::<f64>();
    assert!(largest <= bound && largest > 0.99 * bound);
    let bias = network.classifier.bias.as_ref().unwrap().val();
    assert_eq!(bias.abs().max().into_scalar::<f64>(), 0.0);
}

#[test]
fn a_seed_names_first_weights_in_whatever_order_they_are_used() {
    let device = Device::flex();
    let built = |seed| {
        let architecture = "E3K3@8/2 L@8 E3K5s@8".parse::<scarlet::Architecture>();
        let config = ScarletConfig::from(architecture.unwrap()).with_classes(4);
        config.try_init_seeded(seed, &device).unwrap()
    };
    let expected = values_by_name(&built(9));
    let other = built(9);
    // From the last weight to the first, with others drawing in between.
    other.classifier.weight.val();
    device.seed(1);
    head_conv(&other).conv.weight.val();
    assert_eq!(values_by_name(&other), expected);
    assert_eq!(values_by_name(&other.clone()), expected);
    let different = values_by_name(&built(10));
    for (name, values) in &expected {
        // Vectors are zeros and ones at first.
        assert_eq!(&different[name] != values, values.rank() > 1, "{name}");
    }

    // By Marsaglia's polar method from xoshiro256++, computed outside of this crate, for the second
    // weight that is made.
    let network = built(9);
    let BlockModule::InvertedResidual(block) = &network.layers()[0] else {
        panic!("layer 0 is a block")
    };
    let numbers = [
        1.017_025_970_843_359_6,
        -1.440_389_448_682_655_8,
        0.796_635_653_242_579_7,
    ];
    let deviation = (2.0 / (9 * block.conv2.weight.dims()[0]) as f64).sqrt();
    let found = block.conv2.weight.val().into_data();
    for (found, expected) in found.iter::<f64>().zip(numbers) {
        assert!((found - expected * deviation).abs() < 1e-7, "{found}");
    }
}

#[test]
fn a_seed_names_what_a_pass_leaves_out() {
    let device = Device::flex().autodiff();
    let architecture = "E3K3@8 E3K3@8 E3K3@8".parse::<scarlet::Architecture>();
    let config = ScarletConfig::from(architecture.unwrap()).with_classes(4);
    let network = |dropout, drop_path| {
        let config = config.clone().with_dropout(dropout);
        let config = config.with_drop_path(drop_path);
        config.try_init_seeded(1, &device).unwrap()
    };
    let pass = |network: &Scarlet, seed| {
        let images = signal("masks", [8, 3, 32, 32], &device);
        network
            .try_forward_seeded(images, seed)
            .unwrap()
            .into_data()
    };
    let whole = pass(&network(0.0, 0.0), 1);
    for both in [(0.5, 0.0), (0.0, 0.9), (0.5, 0.9)] {
        let network = network(both.0, both.1);
        let first = pass(&network, 1);
        device.seed(3);
        assert_eq!(pass(&network, 1), first, "{both:?}");
        assert_eq!(pass(&network.clone(), 1), first, "{both:?}");
        assert_ne!(pass(&network, 2), first, "{both:?}");
        assert_ne!(first, whole, "{both:?}");
        // Nothing is left out of what does not train.
        let frozen = network.freeze();
        assert_eq!(pass(&frozen, 1), pass(&frozen, 2), "{both:?}");
    }
    let images = Tensor::<4>::zeros([1, 1, 32, 32], &device);
    assert!(network(0.5, 0.5).try_forward_seeded(images, 1).is_err());
}

#[test]
fn a_network_prints_itself_layer_by_layer() {
    let text = ScarletC::new().init(&Device::flex()).to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2 + 2 + 19 + 2 + 1);
    let identity = lines
        .iter()
        .find(|line| line.starts_with("mb_module.3 "))
        .unwrap();
    assert_eq!(
        identity.split_whitespace().collect::<Vec<_>>(),
        ["mb_module.3", "-", "40×28×28", "0", "0"]
    );
    let stem = lines.iter().find(|line| line.starts_with("stem "));
    assert!(stem.unwrap().contains(" 3×3 conv /2 "), "{text}");
    let total: Vec<_> = lines.last().unwrap().split_whitespace().collect();
    assert_eq!(total, ["total", "1000", "classes", "280082912", "6073684"]);
}

#[test]
fn a_stabilizer_may_begin_as_the_identity() {
    let device = Device::flex();
    let stabilizer = scarlet::blocks::Stabilizer::new(3, 5, 2, &device).with_identity();
    let images = signal("identity", [1, 3, 4, 4], &device);
    let out = stabilizer.forward(images.clone());
    assert_eq!(out.dims(), [1, 5, 2, 2]);
    let kept = out.clone().slice([0..1, 0..3]);
    let sampled = images.slice(burn::tensor::s![.., .., 0..4;2, 0..4;2]);
    assert_eq!(kept.into_data(), sampled.into_data());
    assert_eq!(
        out.slice([0..1, 3..5]).abs().sum().into_scalar::<f64>(),
        0.0
    );
}
