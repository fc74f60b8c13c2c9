//! What earlier versions wrote is still read: files of format 1, as they wrote them.
#![allow(clippy::unwrap_used)]

use scarlet_arch::{
    Architecture, Cost, SearchSpace, Skip, efficientnet_lite0, scarlet_a, scarlet_a2, scarlet_b,
};

fn read(json: &str) -> Architecture {
    Architecture::from_json(json).unwrap()
}

#[test]
fn networks_are_those_of_their_names() {
    assert_eq!(read(include_str!("format1/scarlet-a.json")), scarlet_a());
    assert_eq!(read(include_str!("format1/scarlet-b.json")), scarlet_b());
    assert_eq!(read(include_str!("format1/scarlet-a2.json")), scarlet_a2());
    let lite0 = read(include_str!("format1/efficientnet-lite0.json"));
    assert_eq!(lite0, efficientnet_lite0());
    // The activation was the whole network's.
    let text = lite0.to_string();
    assert!(
        text.starts_with("[relu6] E6K3@24/2 E6K3@24 E6K5@40/2"),
        "{text}"
    );
}

#[test]
fn a_network_of_its_own_is_what_it_was() {
    let network = read(include_str!("format1/custom.json"));
    let text = "E3K3@24/2 E6K5s@24 - E1K3@24 L@40/2 H77K7s@40";
    assert_eq!(network, text.parse().unwrap());
    assert_eq!(network.to_string(), text);
    // Written anew, it has the format of today.
    assert!(network.to_json().starts_with("{\n  \"format\": 2,"));
    let cost = Cost::of(&network, 224).unwrap();
    assert_eq!((cost.parameters, cost.mult_adds), FIGURES);
}

/// What the version that wrote the file counted.
const FIGURES: (u64, u64) = (1_376_051, 120_897_982);

#[test]
fn a_search_space_is_what_it_was() {
    let mut json: serde_json::Value =
        serde_json::from_str(include_str!("format1/space.json")).unwrap();
    json.as_object_mut().unwrap().remove("checksum");
    let space: SearchSpace = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(space.choices(0).len(), 3);
    assert_eq!(space.skip(), Some((Skip::Linear, 2)));
    let network = space.decode(&"01".parse().unwrap()).unwrap();
    assert_eq!(network.layers_text(), "E3K3@8/2 E3K3s@8");
    // Stem and separable convolution are of eight channels, and nothing is added to anything.
    assert_eq!(network.blocks[1].channels, 8);
    assert!(!network.placed_blocks()[1].has_shortcut());
    // Of ReLU6, which the template alone said.
    json["template"]["activation"] = "relu6".into();
    let space: SearchSpace = serde_json::from_value(json).unwrap();
    assert_eq!(space.choices(0)[1].to_string(), "E3K3s:relu6");
}
