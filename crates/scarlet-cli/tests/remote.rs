//! A search whose candidates are measured on another machine too: `cargo test --release
//! --features remote --test remote`.
#![cfg(feature = "remote")]
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use common::scarlet;

/// Ended with the test.
struct Server(Child, String);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(arguments: &[&str]) -> Server {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scarlet"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let errors = BufReader::new(child.stderr.take().unwrap());
    let mut lines = errors.lines();
    let line = lines.next().unwrap().unwrap();
    // Whoever writes to a closed pipe stops.
    std::thread::spawn(move || lines.for_each(drop));
    let address = line.split(' ').find(|word| word.starts_with("ws://"));
    let address = address.unwrap().trim_end_matches(';').to_owned();
    Server(child, address)
}

#[test]
fn candidates_are_measured_on_two_machines_to_the_same_end() {
    let server = serve(&[]);
    let folder = tempfile::tempdir().unwrap();
    let result = |name: &str, devices: &[&str]| {
        let out = folder.path().join(name).display().to_string();
        let settings = [
            "search",
            "--space",
            "tiny",
            "--choices",
            "few",
            "--supernet-epochs",
            "1",
            "--set",
            "supernet.batch_size=128",
            "--evaluations",
            "24",
            "--set",
            "search.algorithm.population=8",
            "--epochs",
            "1",
            "--json",
            "--out",
            &out,
        ];
        let mut json = scarlet(settings.iter().chain(devices).copied()).json();
        json.as_object_mut().unwrap().remove("seconds");
        json
    };
    let here = result("here", &[]);
    let both = result("both", &["--evaluate-on", "cpu", &server.1]);
    let losses = |name: &str| -> BTreeMap<String, f64> {
        let scores = folder.path().join(name).join("search/scores.jsonl");
        let scores = std::fs::read_to_string(scores).unwrap();
        let scores = scores.lines().map(|line| {
            let score: serde_json::Value = serde_json::from_str(line).unwrap();
            let genome = score["genome"].as_str().unwrap().to_owned();
            (genome, score["loss"].as_f64().unwrap())
        });
        scores.collect()
    };
    let (losses_here, losses_both) = (losses("here"), losses("both"));
    assert!(losses_here.keys().eq(losses_both.keys()));
    let differences = losses_here.iter().zip(&losses_both);
    let differences: Vec<f64> = differences.map(|(a, b)| (a.1 - b.1).abs()).collect();
    assert!(differences.iter().all(|&difference| difference < 1e-4));
    // The other machine computes with Burn's operations, which round otherwise.
    assert!(differences.iter().any(|&difference| difference > 0.0));
    assert_eq!(here["network"]["genome"], both["network"]["genome"]);
    assert_eq!(here["test_accuracy"], both["test_accuracy"]);
}

#[test]
fn only_who_has_the_token_is_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token.txt");
    std::fs::write(&file, "open sesame\n").unwrap();
    let server = serve(&["--token-file", file.to_str().unwrap()]);
    let bench = |name: &str, value: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_scarlet"))
            .args([
                "bench",
                "--model",
                common::TINY,
                "--random-init",
                "--size",
                "64",
            ])
            .args(["--runs", "1", "--device", &server.1])
            .env(name, value)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), said)
    };
    for (name, value) in [("UNRELATED", ""), ("SCARLET_TOKEN", "open barley")] {
        let (code, said) = bench(name, value);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("is protected by a token"), "{said}");
    }
    let (code, said) = bench("SCARLET_TOKEN", "");
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("SCARLET_TOKEN: it is empty"), "{said}");
    for (name, value) in [
        ("SCARLET_TOKEN", "open sesame"),
        ("SCARLET_TOKEN_FILE", file.to_str().unwrap()),
    ] {
        let (code, said) = bench(name, value);
        assert_eq!(code, 0, "{said}");
    }
    let absent = folder.path().join("absent");
    scarlet(["serve", "--token-file", absent.to_str().unwrap()]).assert_fails(2, &["absent"]);
}

#[test]
fn other_addresses_than_this_machines_are_warned_of() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scarlet"))
        .args(["serve", "--listen", "0.0.0.0:0"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let errors = BufReader::new(child.stderr.take().unwrap());
    let server = Server(child, String::new());
    let said: Vec<String> = errors.lines().take(2).map(Result::unwrap).collect();
    assert!(
        said[1].starts_with("warning: whoever reaches 0.0.0.0:"),
        "{said:?}"
    );
    drop(server);
}

#[test]
fn a_network_is_measured_there() {
    let server = serve(&[]);
    let bench = scarlet([
        "bench",
        "--model",
        "scarlet-c",
        "--size",
        "32",
        "--runs",
        "2",
        "--device",
        &server.1,
        "--json",
    ]);
    assert_eq!(bench.json()["device"], server.1.as_str());

    scarlet(["bench", "--device", "ws://127.0.0.1:1"])
        .assert_fails(1, &["cannot reach the device ws://127.0.0.1:1"]);
    let taken = server.1.trim_start_matches("ws://");
    scarlet(["serve", "--listen", taken]).assert_fails(1, &["cannot serve a device at", taken]);
}
