//! Gradients of whole networks of different kinds in training against timm's: of each parameter the
//! gradient's norm, and its product with a random vector.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::collections::HashMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use common::{Golden, assert_close, cpu_devices, signal, timm};
use scarlet::weights::{Entry, StateDict, formula};
use scarlet::{Scarlet, ScarletConfig, zoo};

/// Of values: batches of few pixels make gradients large.
const TOLERANCE: f64 = 1e-4;
/// Of a gradient's norm, and of the product with a vector as a share of both lengths: where a value
/// lies on a kink, f32 may see the other side of it.
const OF_GRADIENTS: f64 = 1e-2;

#[test]
fn a_step_of_every_kind_of_network_agrees_with_timm() {
    let golden = Golden::open("steps.safetensors");
    for (device_name, device) in cpu_devices() {
        for (name, classes, side, batch) in [
            ("mobilenetv3_small_050", 10, 33, 4),
            ("lcnet_050", 10, 33, 4),
            ("tinynet_e", 10, 47, 3),
            ("tf_efficientnet_lite0", 10, 45, 2),
            ("mobilenetv1_100", 10, 33, 2),
        ] {
            println!("{name} on {device_name}");
            let config = ScarletConfig::from(zoo::by_name(name).unwrap()).with_classes(classes);
            check(name, &config, [batch, 3, side, side], &golden, &device);
        }
    }
}

fn check(name: &str, config: &ScarletConfig, shape: [usize; 4], golden: &Golden, device: &Device) {
    let device = device.clone().autodiff();
    let statistics = Golden::open(&format!("zoo/statistics/{name}.safetensors"));
    let names = timm::names(config.architecture(), &statistics);
    let weights = StateDict::from_entries(names.iter().map(|(_, theirs, shape)| {
        let values = formula::entry(theirs, shape);
        Entry::from_f32(theirs.clone(), shape.clone(), move || values.clone())
    }));
    let network = config.init(&device).load(&weights).unwrap();
    let logits = network.forward(signal(&format!("{name}.input"), shape, &device));
    let expected = golden.get(&format!("{name}.logits"));
    assert_close(name, logits.clone().into_data(), &expected, TOLERANCE);

    let cotangent = signal(&format!("{name}.cotangent"), logits.dims(), &device);
    let gradients = (logits * cotangent).sum().backward();
    let found = gradients_of(&network, &gradients);
    // What a normalisation undoes has no gradient but rounding errors.
    let norms = names.iter().filter(|(ours, ..)| found.contains_key(ours));
    let norms = norms.map(|(_, theirs, _)| golden.get(&format!("{name}.grad.{theirs}"))[0]);
    let noise = 1e-5 * f64::from(norms.fold(0.0f32, f32::max));
    let mut checked = 0;
    for (ours, theirs, shape) in &names {
        let Some(gradient) = found.get(ours) else {
            assert!(ours.contains(".running_"), "{ours} has no gradient");
            continue;
        };
        let expected = golden.get(&format!("{name}.grad.{theirs}"));
        let probe = formula::signal(&format!("{name}.probe.{theirs}"), shape);
        let gradient: Vec<f64> = gradient.iter::<f64>().collect();
        let norm = |values: &mut dyn Iterator<Item = f64>| {
            values.map(|value| value * value).sum::<f64>().sqrt()
        };
        let length = norm(&mut gradient.iter().copied());
        let product: f64 = gradient
            .iter()
            .zip(&probe)
            .map(|(a, &b)| a * f64::from(b))
            .sum();
        let expected = expected.into_iter().map(f64::from).collect::<Vec<_>>();
        let what = format!("{name}, {theirs}: {length} {product} instead of {expected:?}");
        let most = OF_GRADIENTS * expected[0] + noise;
        assert!((length - expected[0]).abs() <= most, "{what}");
        let most = most * norm(&mut probe.iter().map(|&x| f64::from(x)));
        assert!((product - expected[1]).abs() <= most, "{what}");
        checked += 1;
    }
    assert_eq!(checked, found.len());
}

/// Gradients by the names of entries, laid out as those.
fn gradients_of(network: &Scarlet, gradients: &Gradients) -> HashMap<String, TensorData> {
    struct Collect<'a> {
        gradients: &'a Gradients,
        found: HashMap<ParamId, TensorData>,
    }
    impl ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(mut gradient) = param.val().grad(self.gradients) {
                // Burn keeps `[inputs, outputs]`.
                if D == 2 {
                    gradient = gradient.swap_dims(0, 1);
                }
                self.found.insert(param.id, gradient.into_data());
            }
        }
    }
    let mut collect = Collect {
        gradients,
        found: HashMap::new(),
    };
    network.visit(&mut collect);
    let named = network.named_parameters().into_iter();
    named
        .map(|(name, id)| (name, collect.found.remove(&id).unwrap()))
        .collect()
}
