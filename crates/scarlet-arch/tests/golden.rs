//! Costs against the figures that PyTorch's networks have.
#![allow(clippy::unwrap_used)]

use scarlet_arch::{Cost, efficientnet_lite0, scarlet_a, scarlet_b, scarlet_c};

#[test]
fn costs_are_those_of_the_reference_networks() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("golden/models.json")).unwrap();
    for (name, sizes) in golden.as_object().unwrap() {
        let network = match name.as_str() {
            "scarlet_a" => scarlet_a(),
            "scarlet_b" => scarlet_b(),
            "scarlet_c" => scarlet_c(),
            other => panic!("{other}"),
        };
        for (resolution, expected) in sizes.as_object().unwrap() {
            let cost = Cost::of(&network, resolution.parse().unwrap()).unwrap();
            assert_eq!(cost.mult_adds, expected["mult_adds"], "{name} {resolution}");
            assert_eq!(cost.parameters, expected["params"], "{name} {resolution}");
        }
    }
}

#[test]
fn efficientnet_lite0_has_its_known_parameters() {
    let cost = Cost::of(&efficientnet_lite0(), 224).unwrap();
    assert_eq!(cost.parameters, 4_652_008);
    println!("{}", cost.mult_adds);
}
