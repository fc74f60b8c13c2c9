//! `scarlet bench`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use common::{TINY, scarlet};

#[test]
fn latencies_are_in_order_and_settings_are_told() {
    let json = scarlet([
        "bench",
        "--model",
        TINY,
        "--size",
        "32",
        "--batch",
        "2",
        "--runs",
        "7",
        "--warmup",
        "1",
        "--threads",
        "1",
        "--json",
    ])
    .json();
    for (field, expected) in [
        ("batch", 2),
        ("resolution", 32),
        ("runs", 7),
        ("threads", 1),
    ] {
        assert_eq!(json[field], expected, "{field}");
    }
    assert_eq!(json["device"], "cpu");
    let latency = |field: &str| json["latency_ms"][field].as_f64().unwrap();
    assert!(0.0 < latency("min"));
    assert!(latency("min") <= latency("median"));
    assert!(latency("median") <= latency("p95"));
    assert!(latency("p95") <= latency("p99"));
    assert!(latency("p99") <= latency("max"));
    let speed = json["images_per_second"].as_f64().unwrap();
    assert!((speed * latency("median") / 2e3 - 1.0).abs() < 1e-9);
    let price = scarlet(["info", TINY, "--size", "32", "--json"]).json();
    assert_eq!(json["mult_adds"], price["cost"]["mult_adds"]);
}

#[test]
fn the_text_names_what_was_measured() {
    let text = scarlet(["bench", "--model", TINY, "--size", "32", "--runs", "2"]).stdout;
    for part in [
        "custom, 32×32, batch 1, on cpu",
        "median",
        "p95",
        "p99",
        "images/s",
    ] {
        assert!(text.contains(part), "{text}");
    }
}
