//! The zoo's networks against what timm 1.0.31 counted of them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use scarlet::arch::{self, Cost, ResizeFilter};
use scarlet::zoo;
use serde::Deserialize;

#[derive(Deserialize)]
struct Counted {
    resolution: usize,
    mult_adds: u64,
    parameters: u64,
    crop: f64,
    interpolation: ResizeFilter,
    mean: [f32; 3],
    std: [f32; 3],
    tags: Vec<String>,
}

/// By timm's names.
fn counted() -> BTreeMap<String, Counted> {
    serde_json::from_str(include_str!("golden/zoo.json")).unwrap()
}

#[test]
fn every_network_costs_what_timm_counts() {
    let networks = counted();
    assert_eq!(networks.len(), 50);
    for (name, counted) in networks {
        let architecture = zoo::by_name(&name).unwrap();
        architecture.validate().unwrap();
        assert_eq!(architecture.preprocessing.resolution, counted.resolution);
        let cost = Cost::of(&architecture, counted.resolution).unwrap();
        assert_eq!(cost.mult_adds, counted.mult_adds, "{name}");
        assert_eq!(cost.parameters, counted.parameters, "{name}");
    }
}

#[test]
fn every_public_tag_is_known_and_wants_what_timm_gives_it() {
    for (name, counted) in counted() {
        let network = zoo::find(&name).unwrap();
        assert_eq!(network.aliases()[0], name);
        let found = network.weights().iter().filter_map(|weights| weights.tag());
        let found: Vec<&str> = found.collect();
        for tag in &counted.tags {
            assert!(found.contains(&tag.as_str()), "{tag}");
            assert_eq!(zoo::find(tag).unwrap().name(), network.name());
        }
        assert_eq!(found.len(), counted.tags.len(), "{name}");

        // timm's default weights come first; where it has none, its network still sees so.
        let first = found.first().copied().unwrap_or(&name);
        let sees = zoo::by_name(first).unwrap().preprocessing;
        assert_eq!(sees.resolution, counted.resolution, "{name}");
        assert_eq!(sees.crop_ratio, counted.crop, "{name}");
        assert_eq!(sees.filter, counted.interpolation, "{name}");
        assert_eq!((sees.mean, sees.std), (counted.mean, counted.std), "{name}");
    }
}

#[test]
fn lite0_is_the_network_it_was() {
    for name in [
        "efficientnet-lite0",
        "EfficientNetLite0",
        "tf_efficientnet_lite0",
    ] {
        assert_eq!(zoo::by_name(name).unwrap(), arch::efficientnet_lite0());
    }
}

#[test]
fn networks_without_weights_cost_what_their_papers_say() {
    for name in ["fairnas-a", "fairnas-b", "fairnas-c", "moga-a"] {
        let network = zoo::find(name).unwrap();
        let cost = Cost::of(&network.architecture(), 224).unwrap();
        let published = network.published().unwrap();
        let millions = |count: u64| count as f64 / 1e6;
        assert_eq!(
            Some(millions(cost.mult_adds).round()),
            published.mult_adds,
            "{name}"
        );
        let parameters = published.parameters.unwrap();
        assert!(
            (millions(cost.parameters) - parameters).abs() < 0.1,
            "{name}"
        );
        assert!(network.weights().is_empty() && network.without_weights().is_some());
    }
}

#[test]
fn a_builder_stands_for_its_network() {
    let built = scarlet::MobileNetV3Large::new();
    assert_eq!(
        built.architecture(),
        &zoo::by_name("mobilenetv3-large").unwrap()
    );
    assert_eq!(scarlet::FbNetV3B::NETWORK.name(), "fbnetv3-b");
}
