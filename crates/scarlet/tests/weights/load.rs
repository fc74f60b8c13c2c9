//! Loading into networks: what fits, and what is said when it does not.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use scarlet::weights::{Entry, LoadOptions, StateDict, WeightsError, formula};
use scarlet::{
    Architecture, BlockModule, EfficientNetLite0, Scarlet, ScarletB, ScarletC, ScarletConfig,
};

use super::pickle::{Value, write_legacy};

/// A network small enough for many tests, with every kind of layer.
pub(crate) fn small() -> Architecture {
    let text = "C3@8/2:relu6 E1K3n@8:relu6 E3K3@24/2 - E6K5s@24 L@24 E1K3@32/2 P48:relu6";
    let architecture: Architecture = text.parse().unwrap();
    architecture.with_classes(5)
}

pub(crate) fn build(architecture: &Architecture) -> Scarlet {
    ScarletConfig::from(architecture.clone())
        .try_init_seeded(1, &Device::flex())
        .unwrap()
}

/// Logits of one image of 64×64 pixels.
pub(crate) fn logits(network: &Scarlet) -> TensorData {
    let shape = [1, 3, 64, 64];
    let image = TensorData::new(formula::signal("image", &shape), shape);
    network
        .forward(Tensor::from_data(
            image,
            &network.device().without_autodiff(),
        ))
        .into_data()
}

/// Asserts that two state dicts hold the same values under the same names.
pub(crate) fn assert_equal(found: &StateDict, expected: &StateDict) {
    let names = |weights: &StateDict| -> Vec<String> {
        let names = weights.entries().iter().map(Entry::name);
        names.map(str::to_owned).collect()
    };
    assert_eq!(names(found), names(expected));
    for (found, expected) in found.entries().iter().zip(expected.entries()) {
        assert_eq!(found.shape(), expected.shape(), "{}", found.name());
        let same = found.read_f32().unwrap() == expected.read_f32().unwrap();
        assert!(same, "{} differs", found.name());
    }
}

/// The same weights with one entry changed, or left out.
fn changed(weights: &StateDict, change: impl Fn(Entry) -> Option<Entry>) -> StateDict {
    StateDict::from_entries(weights.entries().iter().cloned().filter_map(change))
}

fn fails(network: Scarlet, weights: &StateDict) -> WeightsError {
    network.load(weights).map(|_| ()).unwrap_err()
}

fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn what_is_loaded_is_what_is_in_the_network() {
    for architecture in [small(), ScarletC::new().architecture().clone()] {
        let weights = formula::state_dict(&architecture);
        let network = build(&architecture).load(&weights).unwrap();
        assert_equal(&network.state_dict(), &weights);
    }
}

#[test]
fn a_published_kind_of_file_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let config = ScarletC::new();
    let weights = formula::state_dict(config.architecture());
    let counter = Entry::from_f32("stem.1.num_batches_tracked", vec![], || vec![7.0]);
    let with_counter = StateDict::from_entries(weights.entries().iter().cloned().chain([counter]));
    let file = Value::dict([
        ("epoch", Value::Int(240)),
        ("model_state", Value::state_dict(&with_counter)),
    ]);
    let path = write_legacy(folder.path(), "ScarletC.pth.tar", &file);
    let network = config
        .init(&Device::flex())
        .load(&StateDict::open(path).unwrap())
        .unwrap();
    assert_equal(&network.state_dict(), &weights);
}

#[test]
fn missing_and_unused_entries_are_named_with_their_nearest() {
    let architecture = small();
    let weights = formula::state_dict(&architecture);
    let renamed = changed(&weights, |entry| match entry.name() {
        "mb_module.2.conv1.weight" => Some(entry.renamed("mb_module.2.conv_1.weight")),
        "stem.1.bias" => None,
        _ => Some(entry),
    });
    let text = fails(build(&architecture), &renamed).to_string();
    assert_says(
        &text,
        &[
            "2 missing in the file:",
            "stem.1.bias [8]",
            "mb_module.2.conv1.weight [144, 24, 1, 1] (nearest: mb_module.2.conv_1.weight)",
            "1 unused:",
            "mb_module.2.conv_1.weight [144, 24, 1, 1] (nearest: mb_module.2.conv1.weight)",
        ],
    );
    assert!(!text.contains("num_batches_tracked"), "{text}");
}

#[test]
fn a_wrong_shape_is_named() {
    let architecture = small();
    let weights = formula::state_dict(&architecture);
    let reshaped = changed(&weights, |entry| match entry.name() {
        "mb_module.0.conv2.weight" => {
            Some(Entry::from_f32(entry.name(), vec![24, 1, 5, 5], || {
                vec![0.0; 600]
            }))
        }
        _ => Some(entry),
    });
    let text = fails(build(&architecture), &reshaped).to_string();
    assert_says(
        &text,
        &[
            "1 of another shape:",
            "mb_module.0.conv2.weight: expected [24, 1, 3, 3], found [24, 1, 5, 5]",
        ],
    );
}

#[test]
fn a_long_report_stays_short() {
    let architecture = small();
    let nothing = StateDict::from_entries([Entry::from_f32("x", vec![1], || vec![0.0])]);
    let text = fails(build(&architecture), &nothing).to_string();
    assert!(text.lines().count() < 20, "{text}");
    assert_says(&text, &["missing in the file:", "stem.0.weight", "more"]);
}

#[test]
fn another_known_network_is_named() {
    let weights = formula::state_dict(ScarletB::new().architecture());
    let error = fails(ScarletC::new().init(&Device::flex()), &weights);
    assert_eq!(
        error.to_string(),
        "this file holds scarlet-b; you asked for scarlet-c"
    );
    let WeightsError::OtherNetwork { report, .. } = error else {
        panic!("{error:?}");
    };
    assert!(!report.is_exact());

    let lite = formula::state_dict(EfficientNetLite0::new().architecture());
    let error = fails(ScarletC::new().init(&Device::flex()), &lite);
    assert_says(&error.to_string(), &["this file holds efficientnet-lite0"]);
}

#[test]
fn another_class_count_says_how_to_replace_the_head() {
    let weights = formula::state_dict(&small().with_classes(1000));
    let error = fails(build(&small()), &weights);
    assert_says(
        &error.to_string(),
        &[
            "1000 classes",
            "you asked for 5",
            "reset_classifier(5)",
            "without_classifier",
        ],
    );
}

#[test]
fn the_networks_own_classifier_can_be_kept() {
    let network = build(&small());
    let own = network.classifier.weight.val().into_data();
    let weights = formula::state_dict(&small().with_classes(1000));
    let options = LoadOptions::new().without_classifier();
    let network = network.load_with(&weights, &options).unwrap();
    assert_eq!(network.classifier.weight.val().into_data(), own);
    let body = |weights: &StateDict| {
        changed(weights, |entry| {
            (!entry.name().starts_with("classifier.")).then_some(entry)
        })
    };
    assert_equal(&body(&network.state_dict()), &body(&weights));

    // A file without any classifier will do as well.
    let network = build(&small())
        .load_with(&body(&weights), &options)
        .unwrap();
    assert_equal(&body(&network.state_dict()), &body(&weights));
}

#[test]
fn copies_keep_their_own_statistics() {
    let architecture = small();
    let first = build(&architecture)
        .load(&formula::state_dict(&architecture))
        .unwrap();
    let before = logits(&first);
    let zeros = changed(&formula::state_dict(&architecture), |entry| {
        let count = entry.value_count();
        let name = entry.name().to_owned();
        let value = if name.ends_with("running_var") {
            3.0
        } else {
            0.0
        };
        Some(Entry::from_f32(name, entry.shape().to_vec(), move || {
            vec![value; count]
        }))
    });
    let second = first.clone().load(&zeros).unwrap();
    assert_eq!(logits(&first), before);
    assert_ne!(logits(&second), before);
}

#[test]
fn a_failed_load_changes_nothing() {
    let architecture = small();
    let weights = formula::state_dict(&architecture);
    let network = build(&architecture).load(&weights).unwrap();
    // The last entry that is read is the one that fails.
    let diverged = changed(&weights, |entry| match entry.name() {
        "stem.1.weight" => Some(Entry::from_f32(entry.name(), vec![8], || {
            vec![1.0, 2.0, f32::INFINITY, 4.0, 5.0, 6.0, 7.0, 8.0]
        })),
        name => {
            let (name, shape, count) =
                (name.to_owned(), entry.shape().to_vec(), entry.value_count());
            Some(Entry::from_f32(name, shape, move || vec![0.5; count]))
        }
    });
    let error = fails(network.clone(), &diverged);
    assert_says(
        &error.to_string(),
        &["`stem.1.weight` holds inf at index 2"],
    );
    assert_equal(&network.state_dict(), &weights);
}

#[test]
fn gradients_and_freezing_survive_loading() {
    let device = Device::flex().autodiff();
    let architecture = small();
    let network = ScarletConfig::from(architecture.clone())
        .init(&device)
        .freeze_prefixes(&["stem"])
        .unwrap()
        .load(&formula::state_dict(&architecture))
        .unwrap();
    let BlockModule::Conv(stem) = &network.blocks[0] else {
        panic!("a network begins with a convolution")
    };
    assert!(!stem.conv.weight.is_require_grad());
    assert!(!stem.bn.training.is_enabled());
    assert!(network.classifier.weight.is_require_grad());
    let images = Tensor::<4>::ones([2, 3, 32, 32], &device);
    let gradients = network.forward(images).sum().backward();
    assert!(stem.conv.weight.grad(&gradients).is_none());
    assert!(network.classifier.weight.grad(&gradients).is_some());
}

#[test]
fn half_and_double_precision_are_converted() {
    use burn::tensor::DType;
    let architecture = small();
    let exact = formula::state_dict(&architecture);
    for (dtype, tolerance) in [
        (DType::F64, 0.0),
        (DType::F16, 1e-3f32),
        (DType::BF16, 1e-2),
    ] {
        let converted = changed(&exact, |entry| {
            let (name, shape) = (entry.name().to_owned(), entry.shape().to_vec());
            Some(Entry::new(name, shape, dtype, move || {
                let data = entry.read_finite(dtype).unwrap();
                Ok(data.as_bytes().to_vec())
            }))
        });
        let network = build(&architecture).load(&converted).unwrap();
        for entry in network.state_dict().entries() {
            assert_eq!(entry.dtype(), DType::F32);
            let expected = exact.get(entry.name()).unwrap().read_f32().unwrap();
            for (found, expected) in entry.read_f32().unwrap().iter().zip(expected) {
                let near = (found - expected).abs() <= tolerance * expected.abs().max(1e-3);
                assert!(near, "{}: {found} is not {expected}", entry.name());
            }
        }
    }
}

/// EfficientNet-Lite0 under EfficientNet-PyTorch's names.
pub(crate) fn under_efficientnet_names(weights: &StateDict) -> StateDict {
    changed(weights, |entry| {
        let name = entry.name().to_owned();
        let parts: Vec<&str> = name.split('.').collect();
        let theirs = match parts.as_slice() {
            ["stem", "0", rest] => format!("_conv_stem.{rest}"),
            ["stem", "1", rest] => format!("_bn0.{rest}"),
            ["separable_conv", "0", rest] => format!("_blocks.0._depthwise_conv.{rest}"),
            ["separable_conv", "1", rest] => format!("_blocks.0._bn1.{rest}"),
            ["separable_conv", "3", rest] => format!("_blocks.0._project_conv.{rest}"),
            ["separable_conv", "4", rest] => format!("_blocks.0._bn2.{rest}"),
            ["mb_module", layer, part, rest] => {
                let block = layer.parse::<usize>().unwrap() + 1;
                let part = match *part {
                    "conv1" => "_expand_conv",
                    "bn1" => "_bn0",
                    "conv2" => "_depthwise_conv",
                    "bn2" => "_bn1",
                    "conv3" => "_project_conv",
                    "bn3" => "_bn2",
                    other => panic!("{other}"),
                };
                format!("_blocks.{block}.{part}.{rest}")
            }
            ["conv_before_pooling", "0", rest] => format!("_conv_head.{rest}"),
            ["conv_before_pooling", "1", rest] => format!("_bn1.{rest}"),
            ["classifier", rest] => format!("_fc.{rest}"),
            other => panic!("{other:?}"),
        };
        Some(entry.renamed(theirs))
    })
}

/// EfficientNet-Lite0 under timm's names.
pub(crate) fn under_timm_names(weights: &StateDict) -> StateDict {
    const BLOCKS: [usize; 6] = [2, 2, 3, 3, 4, 1];
    changed(weights, |entry| {
        let name = entry.name().to_owned();
        let parts: Vec<&str> = name.split('.').collect();
        let theirs = match parts.as_slice() {
            ["stem", "0", rest] => format!("conv_stem.{rest}"),
            ["stem", "1", rest] => format!("bn1.{rest}"),
            ["separable_conv", "0", rest] => format!("blocks.0.0.conv_dw.{rest}"),
            ["separable_conv", "1", rest] => format!("blocks.0.0.bn1.{rest}"),
            ["separable_conv", "3", rest] => format!("blocks.0.0.conv_pw.{rest}"),
            ["separable_conv", "4", rest] => format!("blocks.0.0.bn2.{rest}"),
            ["mb_module", layer, part, rest] => {
                let (mut stage, mut block) = (0, layer.parse::<usize>().unwrap());
                while block >= BLOCKS[stage] {
                    block -= BLOCKS[stage];
                    stage += 1;
                }
                let part = match *part {
                    "conv1" => "conv_pw",
                    "conv2" => "conv_dw",
                    "conv3" => "conv_pwl",
                    bn => bn,
                };
                format!("blocks.{}.{block}.{part}.{rest}", stage + 1)
            }
            ["conv_before_pooling", "0", rest] => format!("conv_head.{rest}"),
            ["conv_before_pooling", "1", rest] => format!("bn2.{rest}"),
            _ => name.clone(),
        };
        Some(entry.renamed(theirs))
    })
}

#[test]
fn other_names_of_the_same_weights_are_understood() {
    let config = EfficientNetLite0::new();
    let weights = formula::state_dict(config.architecture());
    for theirs in [
        under_efficientnet_names(&weights),
        under_timm_names(&weights),
    ] {
        let network = config.init(&Device::flex()).load(&theirs).unwrap();
        assert_equal(&network.state_dict(), &weights);
    }
}

#[test]
fn statistics_of_other_threads_do_not_overwrite_what_is_loaded() {
    let device = Device::flex().autodiff();
    let architecture = small();
    let weights = formula::state_dict(&architecture);
    let network = ScarletConfig::from(architecture).init(&device);
    // A training step leaves statistics that are averaged in when they are next needed.
    network.forward(Tensor::<4>::ones([2, 3, 32, 32], &device));
    let network = network.load(&weights).unwrap();
    assert_equal(&network.valid().state_dict(), &weights);
}
