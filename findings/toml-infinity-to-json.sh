#!/usr/bin/env bash
# The Rust crates toml 1.2.1 and serde_json 1.0.154. Needs cargo.
#
# Guess:     TOML read into a serde_json::Value keeps its values, or fails where JSON has nothing to
#            hold them: infinity, not-a-number and dates.
# Behaviour: neither. `inf` and `nan` become null, which TOML cannot even write. A date becomes an object
#            with a key that is private to the toml crate. A setting `limit = inf`, passed on into an
#            Option, comes out as if it had not been given.
# Seen:      limit = inf                {"limit": null}, and as Option<f64> from there None
#            since = 1979-05-27         {"since": {"$__toml_private_datetime": "1979-05-27"}}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cd "$folder"
cat > Cargo.toml <<'TOML'
[package]
name = "reader"
version = "0.0.0"
edition = "2021"

[dependencies]
serde = { version = "=1.0.228", features = ["derive"] }
serde_json = "=1.0.154"
toml = "=1.2.1"
TOML
cat > src/main.rs <<'RUST'
use serde::Deserialize;
use serde_json::{json, Value};

#[derive(Deserialize)]
struct Settings {
    limit: Option<f64>,
}

fn main() {
    let text = "limit = inf";
    let direct: Settings = toml::from_str(text).expect("TOML");
    assert_eq!(direct.limit, Some(f64::INFINITY));
    let value: Value = toml::from_str(text).expect("infinity is refused now");
    println!("{text}: {value}");
    assert_eq!(value, json!({ "limit": null }), "infinity is kept now");
    assert!(toml::to_string(&value).is_err(), "toml writes null now");
    let through: Settings = serde_json::from_value(value).expect("JSON");
    println!("as Option<f64>: {:?} from TOML, {:?} by way of JSON", direct.limit, through.limit);
    assert_eq!(through.limit, None);

    let value: Value = toml::from_str("rate = nan").expect("nan is refused now");
    assert_eq!(value, json!({ "rate": null }), "nan is kept now");

    let text = "since = 1979-05-27";
    let value: Value = toml::from_str(text).expect("dates are refused now");
    println!("{text}: {value}");
    let private = json!({ "since": { "$__toml_private_datetime": "1979-05-27" } });
    assert_eq!(value, private, "dates are written otherwise now");
}
RUST
CARGO_TARGET_DIR="$folder/target" nice -n 10 cargo run --quiet
