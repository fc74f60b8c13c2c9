//! `--find-learning-rate` of `scarlet train` and `scarlet finetune`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Ran, photographs, scarlet};
use serde_json::Value;

const NETWORK: &str = "E3K3@8/2 E3K3@8";

fn arguments<'a>(data: &'a Path, out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let fixed = [
        "train",
        "--data",
        data.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--model",
        NETWORK,
        "--resolution",
        "16",
        "--batch",
        "8",
        "--epochs",
        "3",
    ];
    fixed.iter().chain(more).copied().collect()
}

fn find(data: &Path, out: &Path, more: &[&str]) -> Ran {
    scarlet([&arguments(data, out, &["--find-learning-rate"])[..], more].concat())
}

fn written(out: &Path) -> Value {
    let text = fs::read_to_string(out.join("learning-rate.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_rate_is_suggested_drawn_and_can_be_used() {
    let data = photographs(12);
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("the run");
    let ran = find(data.path(), &out, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let file = fs::read(out.join("learning-rate.json")).unwrap();
    let report = written(&out);
    let suggestion = report["suggestion"].as_f64().unwrap();
    let own = report["run_learning_rate"].as_f64().unwrap();
    let points = report["points"].as_array().unwrap();
    let rate = |point: &Value| point["learning_rate"].as_f64().unwrap();
    assert!((rate(&points[0]) / (own / 1e3) - 1.0).abs() < 1e-9);
    let factors = points.windows(2).map(|two| rate(&two[1]) / rate(&two[0]));
    let expected = 1e6f64.powf(1.0 / 99.0);
    assert!(
        factors
            .into_iter()
            .all(|it| (it / expected - 1.0).abs() < 1e-9)
    );
    let lowest = report["lowest_at"].as_f64().unwrap();
    assert!(rate(&points[0]) < suggestion && suggestion <= 1.1 * lowest);
    for part in [
        &format!("falls fastest at {suggestion}"),
        "rule of thumb",
        &format!("--learning-rate {suggestion}"),
        "/the run'",
    ] {
        assert!(ran.stdout.contains(part), "no {part:?} in {}", ran.stdout);
    }
    let svg = fs::read_to_string(out.join("learning-rate.svg")).unwrap();
    assert!(
        svg.contains(&format!(">\nsuggested {suggestion}\n<")),
        "{svg}"
    );
    // Nothing else is kept, and the same bits come again.
    assert_eq!(fs::read_dir(&out).unwrap().count(), 2);
    let again = find(data.path(), &out, &["--json"]);
    let mut printed = again.json();
    let mut known = report.clone();
    for report in [&mut printed, &mut known] {
        report.as_object_mut().unwrap().remove("command");
    }
    assert_eq!(printed["points"], known["points"]);
    assert_eq!(printed["suggestion"], known["suggestion"]);
    let same: Value = serde_json::from_slice(&file).unwrap();
    assert_eq!(written(&out)["points"], same["points"]);
    let other = find(data.path(), &out, &["--seed", "1", "--json"]).json();
    assert_ne!(other["points"], known["points"]);
    // In the folder of the test, as the command says.
    let used = suggestion.to_string();
    let trained = scarlet(arguments(data.path(), &out, &["--learning-rate", &used]));
    assert_eq!(trained.code, 0, "{trained:?}");
    let config: Value =
        serde_json::from_slice(&fs::read(out.join("config.json")).unwrap()).unwrap();
    assert_eq!(config["config"]["train"]["learning_rate"], suggestion);
}

#[test]
fn what_suggests_nothing_says_why_and_is_drawn_all_the_same() {
    let data = photographs(12);
    let root = tempfile::tempdir().unwrap();
    for (rate, parts) in [
        ("1e30", ["diverged within the first", "smaller rate than"]),
        (
            "1e-12",
            ["never fell by more than it varies", "another rate than"],
        ),
    ] {
        let out = root.path().join(rate);
        let ran = find(data.path(), &out, &["--learning-rate", rate]);
        ran.assert_fails(
            1,
            &[
                "no learning rate can be suggested: the loss",
                parts[0],
                parts[1],
            ],
        );
        assert!(written(&out)["suggestion"].is_null());
        assert!(written(&out)["command"].is_null());
        assert!(out.join("learning-rate.svg").is_file());
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let data = photographs(4);
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("run");
    for more in [
        &["--dry-run"][..],
        &["--time", "1m"],
        &["--preview", "a.png"],
    ] {
        find(data.path(), &out, more).assert_fails(2, &["cannot be used with"]);
    }
    let blocked = root.path().join("file");
    fs::write(&blocked, "").unwrap();
    find(data.path(), &blocked, &[]).assert_fails(1, &["cannot write"]);
}

#[test]
#[cfg(unix)]
fn an_interrupted_test_leaves_nothing() {
    let data = photographs(10);
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("run");
    // Slow enough to be interrupted.
    let slow = [
        "train",
        "--data",
        data.path().to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--model",
        "efficientnet-b0",
        "--resolution",
        "128",
        "--find-learning-rate",
    ];
    let mut child = Command::new(env!("CARGO_BIN_EXE_scarlet"))
        .args(slow)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("100 steps") {
        assert!(stderr.read_line(&mut said).unwrap() > 0, "{said}");
    }
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(sent.success());
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("interrupted"), "{said}");
    assert!(!out.exists());
}
