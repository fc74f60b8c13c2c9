//! Every network of the zoo against logits that timm 1.0.31 computed in f64, at its own resolution
//! and at 97 pixels: as it is trained, folded, deployed, and under its own names.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use burn::tensor::Device;
use common::{Golden, assert_close, assert_images_differ, signal, timm};
use scarlet::weights::{LoadOptions, LoadReport, recognise, reference_entries};
use scarlet::{DeployOptions, Scarlet, ScarletConfig, zoo};

const TOLERANCE: f64 = 1e-4;

/// timm's names of the networks whose logits are known.
fn names() -> Vec<String> {
    let logits = Golden::open("zoo/logits.safetensors");
    let names = logits.names().into_iter();
    let mut names: Vec<String> = names
        .map(|name| name.rsplit_once('.').unwrap().0.to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

fn check(name: &str, logits: &Golden) {
    let device = Device::flex();
    let architecture = zoo::by_name(name).unwrap();
    let statistics = Golden::open(&format!("zoo/statistics/{name}.safetensors"));
    let weights = timm::state_dict(&architecture, &statistics);

    // Without being told, the file is known for what it is but for twins of the same shapes.
    let found = recognise(&weights).unwrap().architecture;
    assert_eq!(reference_entries(&found), reference_entries(&architecture));
    let report = LoadReport::compare(&architecture, &weights, &LoadOptions::new());
    assert!(report.is_exact(), "{name}: {report}");

    let own = architecture.preprocessing.resolution;
    let config = ScarletConfig::from(architecture);
    let network = config.init(&device).load(&weights).unwrap();
    let folded = network.fold_batch_norm();
    let reread = config.init(&device).load(&network.state_dict()).unwrap();
    for side in [own, 97] {
        let expected = logits.get(&format!("{name}.{side}"));
        assert_images_differ(name, &expected);
        let input = signal(&format!("input.{side}"), [2, 3, side, side], &device);
        let run = |network: &Scarlet| network.forward(input.clone()).into_data();
        let what = |form: &str| format!("{name} at {side}, {form}");
        assert_close(&what("trained"), run(&network), &expected, TOLERANCE);
        assert_close(&what("folded"), run(&folded), &expected, TOLERANCE);
        assert_eq!(run(&reread), run(&network), "{}", what("saved"));
        let options = DeployOptions::new().with_batch(2).with_size(side, side);
        let mut deployed = network.deploy(&options).unwrap();
        let found = deployed.forward(input.clone()).unwrap().into_data();
        assert_close(&what("deployed"), found, &expected, TOLERANCE);
    }
}

#[test]
fn every_network_agrees_with_timm() {
    let logits = Golden::open("zoo/logits.safetensors");
    let names = names();
    assert_eq!(names.len(), 50);
    for name in names {
        println!("{name}");
        check(&name, &logits);
    }
}
