//! Maps of Grad-CAM against those of PyTorch's autograd in f64, which differentiates the whole network
//! with respect to its last map (`weights-tools/python/make_grad_cam.py`).
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use common::{Golden, assert_close, cpu_devices, relative_error, signal, timm, with_statistics};
use scarlet::weights::formula;
use scarlet::{GradCamError, Scarlet, ScarletA, ScarletConfig, unit_maps, zoo};

const TOLERANCE: f64 = 1e-4;
const CLASSES: [usize; 2] = [3, 700];

fn scarlet_a(device: &Device) -> Scarlet {
    let config = ScarletA::new();
    let golden = Golden::open("scarlet_a.safetensors");
    let weights = with_statistics(&formula::state_dict(config.architecture()), &golden);
    config.init(device).load(&weights).unwrap()
}

fn of_timm(name: &str, device: &Device) -> Scarlet {
    let architecture = zoo::by_name(name).unwrap();
    let statistics = Golden::open(&format!("zoo/statistics/{name}.safetensors"));
    let weights = timm::state_dict(&architecture, &statistics);
    let config = ScarletConfig::from(architecture);
    config.init(device).load(&weights).unwrap()
}

/// A network by its name in the golden file.
fn network(name: &str, device: &Device) -> Scarlet {
    match name {
        "scarlet-a" => scarlet_a(device),
        name => of_timm(name, device),
    }
}

const NETWORKS: [&str; 3] = [
    "scarlet-a",
    "tf_efficientnet_lite0",
    "mobilenetv3_large_100",
];

fn maps(network: &Scarlet, class: usize) -> TensorData {
    let images = signal("input.97", [2, 3, 97, 97], &network.device());
    let maps = network.grad_cam(images, &[class, class]).unwrap();
    assert_eq!(maps.dims(), [2, 4, 4]);
    maps.into_data()
}

fn values(data: &TensorData) -> Vec<f64> {
    data.iter::<f64>().collect()
}

#[test]
fn maps_are_those_of_pytorch() {
    let golden = Golden::open("grad_cam.safetensors");
    for (device_name, device) in cpu_devices() {
        for name in NETWORKS {
            let network = network(name, &device);
            for class in CLASSES {
                let what = format!("{name}, class {class}, on {device_name}");
                let expected = golden.get(&format!("{name}.{class}"));
                assert_close(&what, maps(&network, class), &expected, TOLERANCE);
            }
        }
    }
}

#[test]
fn maps_of_another_class_or_image_are_missed_by_far() {
    let golden = Golden::open("grad_cam.safetensors");
    for name in NETWORKS {
        let found = values(&maps(&network(name, &Device::flex()), CLASSES[0]));
        let expected = |class| -> Vec<f64> {
            let golden = golden.get(&format!("{name}.{class}")).into_iter();
            golden.map(f64::from).collect()
        };
        let error = relative_error(&found, &expected(CLASSES[1]));
        assert!(error > 0.1, "{name}: {error}");
        let (first, second) = found.split_at(16);
        let error = relative_error(&[second, first].concat(), &expected(CLASSES[0]));
        assert!(error > 0.1, "{name}: {error}");
    }
}

#[test]
fn a_network_in_training_is_looked_at_in_inference() {
    // A network as training leaves it: on a device of gradients, with a classifier of its own.
    let trained = |device: &Device| {
        let network = of_timm("mobilenetv3_large_100", device).reset_classifier(5);
        let weights = signal("classifier", network.classifier.weight.dims(), device);
        let mut network = network;
        network.classifier.weight = burn::module::Param::from_tensor(weights);
        network
    };
    let (plain, training) = (Device::flex(), Device::flex().autodiff());
    let expected = maps(&trained(&plain), 4);
    let network = trained(&training);
    assert_eq!(maps(&network, 4), expected);
    assert!(values(&expected).iter().any(|&it| it > 0.0));
    // And its statistics are as before.
    assert_eq!(maps(&network.valid(), 4), expected);
    // Folded it is another sum of the same numbers.
    let found = maps(&trained(&plain).fold_batch_norm(), 4);
    let expected: Vec<f32> = expected.iter::<f32>().collect();
    assert_close("folded", found, &expected, TOLERANCE);
}

#[test]
fn what_speaks_for_no_place_is_zero() {
    let network = scarlet_a(&Device::flex()).reset_classifier(3);
    let found = values(&maps(&network, 1));
    assert_eq!(found, [0.0; 32]);
}

#[test]
fn what_has_no_map_is_refused() {
    let device = Device::flex();
    let network = ScarletA::new().with_classes(4).init(&device);
    let images = |count, channels| Tensor::<4>::zeros([count, channels, 32, 32], &device);
    let error = network.grad_cam(images(2, 3), &[1]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 classes were given for 2 images, but each image needs one"
    );
    let error = network.grad_cam(images(2, 3), &[0, 4]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "class 4 was asked for, but the network has 4 classes, the first of them 0"
    );
    let error = network.grad_cam(images(1, 1), &[0]).unwrap_err();
    assert!(matches!(error, GradCamError::Input(_)), "{error}");
}

#[test]
fn unit_maps_end_at_one() {
    let device = Device::flex();
    let maps = [[[0.0, 2.0], [1.0, 0.5]], [[0.0, 0.0], [0.0, 0.0]]];
    let found = unit_maps(Tensor::from_floats(maps, &device)).into_data();
    let expected = [0.0, 1.0, 0.5, 0.25, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(values(&found), expected);
}
