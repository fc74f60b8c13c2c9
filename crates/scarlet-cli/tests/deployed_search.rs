//! `scarlet search --deploy`: candidates are judged in the numbers in which the network will run.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Ran, scarlet, tiny_data, tiny_run};
use serde_json::Value;
use tempfile::TempDir;

struct Place {
    folder: TempDir,
    data: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    tiny_data(&data);
    Place { folder, data }
}

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, command: &str, out: &str, more: &[&str]) -> Ran {
        let run = tiny_run(command, &self.data, &self.path(out));
        scarlet(run.iter().map(String::as_str).chain(more.iter().copied()))
    }

    fn search(&self, out: &str, more: &[&str]) -> Ran {
        self.run("search", out, more)
    }

    fn resume(&self, out: &str, more: &[&str]) -> Ran {
        let run = self.path(out).display().to_string();
        scarlet(["search", "--resume", &run].iter().chain(more))
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }
}

/// Right answers of a run's network among the test images, as `eval` counts them.
fn right(place: &Place, weights: &Path) -> u64 {
    let (data, weights) = (&place.data, weights.display().to_string());
    let data = data.display().to_string();
    let json = scarlet(["eval", &data, "--weights", &weights, "--json"]).json();
    (json["top1"].as_f64().unwrap() * json["images"].as_f64().unwrap()).round() as u64
}

/// The scores of all candidates, whatever they are filed under.
fn scores(place: &Place, run: &str) -> Vec<Value> {
    let text = place.read(&format!("{run}/search/scores.jsonl"));
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines
        .map(|line: Value| {
            ["genome", "correct", "loss"]
                .map(|key| line[key].clone())
                .into()
        })
        .collect()
}

#[test]
fn the_front_and_the_network_are_of_what_will_run() {
    let place = place();
    let ran = place.search("int8", &["--deploy", "int8", "--json"]);
    let json = ran.json();
    let deployed = &json["deployed"];
    assert_eq!(deployed["numbers"], "int8");
    assert_eq!(deployed["calibration_images"], 16);
    assert_eq!(json["network"]["judged_in"], "int8");
    for (file, test) in [
        ("network.scarlet", &deployed["test"]),
        ("network.safetensors", &json["test"]),
    ] {
        let weights = place.path("int8/network").join(file);
        assert_eq!(right(&place, &weights), test["correct"].as_u64().unwrap());
    }
    let file = place
        .path("int8/network/network.scarlet")
        .display()
        .to_string();
    assert_eq!(scarlet(["info", &file, "--json"]).json()["int8"], true);
    let report = place.read("int8/report.html");
    for said in [
        "All were evaluated in int8",
        "test accuracy in int8",
        "test accuracy in floats",
        "evaluated in int8",
        "Accuracy in int8 (%)",
    ] {
        assert!(report.contains(said), "{said}");
    }
    assert!(place.read("int8/front.svg").contains("ccuracy in int8"));
    let told = place.resume("int8", &[]).stdout;
    for line in [
        "test int8 ",
        "test f32 ",
        "held out, evaluated in int8",
        ", int8, calibrated on 16 training images",
    ] {
        assert!(told.contains(line), "no {line:?} in {told}");
    }

    // Where nothing is said, all is as it was: neither a word of it nor another score.
    let floats = place.search("floats", &[]);
    assert_eq!(floats.code, 0, "{floats:?}");
    for text in [
        &floats.stdout,
        &place.read("floats/result.json"),
        &place.read("floats/choice.json"),
    ] {
        for word in ["deployed", "judged_in", "f32", "int8"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }
    let named = place.search("named", &["--deploy", "f32"]);
    assert_eq!(named.code, 0, "{named:?}");
    for file in ["search/scores.jsonl", "network/network.scarlet"] {
        let bytes = |run: &str| fs::read(place.path(run).join(file)).unwrap();
        assert!(bytes("named") == bytes("floats"), "{file}");
    }
    assert_ne!(scores(&place, "floats"), scores(&place, "int8"));
}

#[test]
fn a_stopped_search_comes_to_the_same() {
    let place = place();
    let whole = place.search("whole", &["--deploy", "int8"]);
    assert_eq!(whole.code, 0, "{whole:?}");
    for until in ["supernet", "search", "train"] {
        let stopped = place.search(until, &["--deploy", "int8", "--until", until]);
        assert_eq!(stopped.code, 0, "{stopped:?}");
        place
            .resume(until, &["--deploy", "f32"])
            .assert_fails(2, &["leave out --deploy"]);
        let resumed = place.resume(until, &["--threads", "2"]);
        assert_eq!(resumed.code, 0, "{resumed:?}");
        for file in ["network/network.scarlet", "choice.json", "front.csv"] {
            let bytes = |run: &str| fs::read(place.path(run).join(file)).unwrap();
            assert!(bytes(until) == bytes("whole"), "{until} {file}");
        }
    }
    // Another budget of the same supernet may be for other numbers, whose scores are others.
    let whole = place.path("whole").display().to_string();
    let out = place.path("bf16").display().to_string();
    let more = ["search", "--supernet", &whole, "--out", &out];
    let json = scarlet(more.iter().chain(&["--deploy", "bf16", "--json"])).json();
    assert_eq!(json["deployed"]["numbers"], "bf16");
    assert!(json["deployed"]["calibration_images"].is_null());
    let (ours, theirs) = (scores(&place, "bf16"), scores(&place, "whole"));
    assert_eq!(ours[..theirs.len()], theirs);
    assert!(ours.len() > theirs.len());
}

#[test]
fn latencies_are_of_the_same_numbers() {
    let place = place();
    let wanted = ["--objectives", "maximize accuracy", "minimize latency_ms"];
    let budget = ["--set", "search.budget=[\"latency_ms <= 1e9\"]"];
    let more = [&wanted[..], &budget, &["--deploy", "int8"]].concat();
    let measured = place
        .search("measured", &[&more[..], &["--json"]].concat())
        .json();
    assert!(measured["network"]["latency_ms"].as_f64().unwrap() > 0.0);
    let known = place.read("measured/search/latencies.jsonl");
    assert!(known.contains("in int8"), "{known}");

    let table = |name: &str, deploy: &[&str]| {
        let quick = [
            "--rounds",
            "2",
            "--networks",
            "2",
            "--max-error=1e9",
            "--json",
        ];
        let made = place.run("latency-table", name, &[&quick, deploy].concat());
        (made.json(), place.path(name).display().to_string())
    };
    let (int8, int8_file) = table("int8.json", &["--deploy", "int8"]);
    assert_eq!(int8["deploy"], "int8");
    let (floats, floats_file) = table("floats.json", &[]);
    assert!(floats.get("deploy").is_none());
    let any_error = ["--set", "search.latency_error=1e9"];
    let by = |out: &str, table: &str, deploy: &str| {
        let more = [&wanted[..], &budget, &any_error, &["--deploy", deploy]].concat();
        place.search(
            out,
            &[&more[..], &["--latency-table", table, "--until", "search"]].concat(),
        )
    };
    by("a", &floats_file, "int8").assert_fails(
        2,
        &[
            "the latency table is of networks in f32, but those of this search are deployed in int8",
            "latency-table --deploy int8",
        ],
    );
    by("b", &int8_file, "f32").assert_fails(2, &["is of networks in int8", "deployed in f32"]);
    for run in ["a", "b"] {
        assert!(!place.path(run).exists());
    }
    let ran = by("c", &int8_file, "int8");
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_done() {
    let place = place();
    place.search("none", &["--deploy", "fp16"]).assert_fails(
        2,
        &["invalid value 'fp16' for '--deploy", "f32, bf16, int8"],
    );
    place
        .search("none", &["--set", "search.deploy=fp16"])
        .assert_fails(
            2,
            &["`search.deploy` is \"fp16\", but must be \"f32\", \"bf16\" or \"int8\""],
        );
    let uncalibrated = ["--deploy", "int8", "--set", "search.calibration_images=0"];
    place.search("none", &uncalibrated).assert_fails(
        2,
        &["`search.calibration_images` is 0, but must be at least 1 where networks are deployed in int8"],
    );
    assert!(!place.path("none").exists());
    let plan = place.search("none", &["--dry-run", "--deploy", "int8"]);
    assert!(plan.stdout.contains("evaluated   in int8"), "{plan:?}");
    let json = place
        .search("none", &["--dry-run", "--json", "--deploy", "bf16"])
        .json();
    assert_eq!(json["deploy"], "bf16");
    assert!(json["estimate"]["search_seconds"].as_f64().unwrap() > 0.0);
    let settings = scarlet(["config"]).stdout;
    assert!(settings.contains("deploy = \"f32\""), "{settings}");
}
