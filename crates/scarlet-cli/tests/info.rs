//! `scarlet info`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;

use common::{TINY, scarlet};

#[test]
fn the_zoo_is_listed_with_its_costs() {
    let ran = scarlet(["info"]);
    assert_eq!(ran.stdout, scarlet(["info", "--list"]).stdout);
    insta::assert_snapshot!("zoo", ran.stdout);

    let json = scarlet(["info", "--json"]).json();
    let networks = json["networks"].as_array().unwrap();
    assert_eq!(networks.len(), scarlet::zoo::networks().count());
    for network in networks {
        let name = network["name"].as_str().unwrap();
        for field in [
            "resolution",
            "mult_adds",
            "parameters",
            "weight_bytes",
            "peak_activation_bytes",
        ] {
            assert!(network[field].as_u64().unwrap() > 0, "{field}");
        }
        let public = !scarlet::zoo::find(name).unwrap().weights().is_empty();
        assert_eq!(network["public_weights"], public);
    }
    let costs: Vec<u64> = networks
        .iter()
        .map(|network| network["mult_adds"].as_u64().unwrap())
        .collect();
    assert!(costs.is_sorted());
}

/// The names in a list of networks.
fn listed(args: &[&str]) -> Vec<String> {
    let args = [&["info", "--json"], args].concat();
    let json = scarlet(args).json();
    let networks = json["networks"].as_array().unwrap().iter();
    networks
        .map(|network| network["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_list_is_filtered_and_sorted() {
    let small = listed(&[
        "--budget",
        "mult_adds <= 60M",
        "--budget",
        "accuracy >= 0.6",
    ]);
    assert!(small.contains(&"mobilenetv3-small".to_owned()), "{small:?}");
    assert!(
        !small.contains(&"mobilenetv3-large".to_owned()),
        "{small:?}"
    );
    let scarlet_family = listed(&["--family", "scarlet", "--sort", "accuracy"]);
    assert_eq!(scarlet_family[0], "scarlet-a4");
    assert_eq!(scarlet_family.len(), 5);
    assert!(listed(&["--family", "scarlet", "--public"]).is_empty());

    let ran = scarlet(["info", "--budget", "mult_adds <= 250M", "--public"]);
    let best = "The most accurate within mult_adds <= 250M: ";
    assert!(ran.stdout.contains(best), "{}", ran.stdout);
    let none = scarlet(["info", "--budget", "mult_adds <= 1K"]);
    assert!(none.stdout.contains("No network of the zoo matches"));

    scarlet(["info", "--family", "resnet"]).assert_fails(2, &["no family", "mobilenetv3"]);
    scarlet(["info", "--budget", "latency_ms <= 3"])
        .assert_fails(2, &["cannot be on \"latency_ms\"", "mult_adds"]);
    scarlet(["info", "mobilenetv9"]).assert_fails(2, &["did you mean", "scarlet info"]);
}

#[test]
fn networks_go_by_timms_names_and_those_of_weights() {
    let ours = scarlet(["info", "mobilenetv3-large", "--json"]).json();
    let theirs = scarlet(["info", "mobilenetv3_large_100", "--json"]).json();
    assert_eq!(ours, theirs);
    let tag = scarlet([
        "info",
        "mobilenetv3_large_100.ra4_e3600_r224_in1k",
        "--json",
    ])
    .json();
    assert_eq!(tag["cost"], ours["cost"]);
    let crop = &tag["architecture"]["preprocessing"]["crop_ratio"];
    assert_eq!(crop, 0.95);
}

#[test]
fn counted_and_published_figures_stand_side_by_side() {
    let text = scarlet(["info", "scarlet-b"]).stdout;
    assert!(text.contains("326,853,440"), "{text}");
    assert!(text.contains("6,531,556"), "{text}");
    assert!(
        text.contains("Published: 329 M mult-adds (counted here 326.9 M)"),
        "{text}"
    );
    assert!(text.contains("top-1 76.3 %, top-5 93.0 %"), "{text}");
}

#[test]
fn a_network_is_priced_part_by_part() {
    insta::assert_snapshot!("custom", scarlet(["info", TINY]).stdout);
    let json = scarlet(["info", TINY, "--size", "64", "--json"]).json();
    insta::assert_json_snapshot!("custom-json", json);
}

#[test]
fn names_layers_and_files_are_the_same_network() {
    let by_name = scarlet(["info", "scarlet-c", "--json"]).json();
    let layers = by_name["layers"].as_str().unwrap();
    let by_layers = scarlet(["info", layers, "--json"]).json();
    assert_eq!(by_layers["cost"], by_name["cost"]);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.json");
    fs::write(&path, by_name["architecture"].to_string()).unwrap();
    let by_file = scarlet(["info", path.to_str().unwrap(), "--json"]).json();
    assert_eq!(by_file, by_name);
}

#[test]
fn cost_follows_the_resolution() {
    let json = scarlet(["info", "scarlet-a", "--resolution", "448", "--json"]).json();
    assert_eq!(json["cost"]["resolution"], 448);
    assert!(json["cost"]["mult_adds"].as_u64().unwrap() > 4 * 360_000_000);
    assert_eq!(json["cost"]["parameters"], 6_707_720);
}

#[test]
fn files_that_are_no_networks_say_why() {
    scarlet(["info", "no-such.json"]).assert_fails(1, &["cannot read no-such.json"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.json");
    fs::write(&path, "{\"name\": 3}").unwrap();
    scarlet(["info", path.to_str().unwrap()])
        .assert_fails(1, &["net.json cannot be built: line 1, column "]);
    let path = folder.path().join("weights.pth.tar");
    fs::write(&path, "").unwrap();
    scarlet(["info", path.to_str().unwrap()])
        .assert_fails(1, &["weights.pth.tar` is empty", "scarlet info lists them"]);
}
