//! `scarlet train --folds` and `scarlet finetune --folds`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Ran, kill_when, lines, photographs, scarlet, tiny_data, wait_until};
use serde_json::Value;

const NETWORK: &str = "E3K3@8/2 E3K3@8";

fn arguments<'a>(data: &'a Path, out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let (data, out) = (data.to_str().unwrap(), out.to_str().unwrap());
    let fixed = [
        "train",
        "--data",
        data,
        "--out",
        out,
        "--model",
        NETWORK,
        "--set",
        "network.resolution=16",
        "--set",
        "train.epochs=4",
        "--set",
        "train.batch_size=4",
    ];
    fixed.iter().chain(more).copied().collect()
}

fn train(data: &Path, out: &Path, more: &[&str]) -> Ran {
    scarlet(arguments(data, out, more))
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).unwrap()
}

fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&read(folder, name)).unwrap()
}

/// The rows of a CSV file by their path, each by its columns' names. No field here has a comma.
fn rows(file: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    let text = fs::read_to_string(file).unwrap();
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| -> BTreeMap<String, String> {
        let fields = line.split(',').map(str::to_owned);
        columns
            .iter()
            .map(|it| (*it).to_owned())
            .zip(fields)
            .collect()
    };
    lines
        .map(|line| (row(line)["path"].clone(), row(line)))
        .collect()
}

#[test]
fn every_image_is_judged_by_a_network_that_was_not_trained_on_it() {
    let data = photographs(7);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    let more = ["--folds", "3", "--threads", "1", "--learning-rate", "0.02"];
    let ran = train(data.path(), &run, &more);
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in ["3 folds: mean ", "of 21 images right", "out-of-fold.csv"] {
        assert!(ran.stdout.contains(part), "no {part:?} in {}", ran.stdout);
    }
    assert!(ran.stderr.contains("fold 2 of 3"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("trained on all 21 images"),
        "{}",
        ran.stderr
    );

    // Each fold's network, asked by another command, answers what is in the table.
    let table = rows(&run.join("out-of-fold.csv"));
    assert_eq!(table.len(), 21);
    let result = json(&run, "result.json");
    let crossed = &result["cross_validation"];
    let mut right = 0;
    for fold in 1..=3 {
        let inside: Vec<_> = table
            .iter()
            .filter(|(_, row)| row["fold"] == fold.to_string())
            .collect();
        assert_eq!(inside.len(), 7);
        let images = root.path().join(format!("fold-{fold}"));
        for (path, _) in &inside {
            let copy = images.join(path);
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(data.path().join(path), copy).unwrap();
        }
        let weights = run.join(format!("folds/{fold}/last.safetensors"));
        let results = root.path().join(format!("{fold}.csv"));
        let ran = scarlet([
            "eval",
            images.to_str().unwrap(),
            "--weights",
            weights.to_str().unwrap(),
            "--results",
            results.to_str().unwrap(),
            "--json",
        ]);
        let top1 = ran.json()["top1"].as_f64().unwrap();
        let told = &crossed["folds"][fold - 1];
        assert_eq!(told["accuracy"].as_f64().unwrap(), top1);
        right += (top1 * 7.0).round() as u64;
        let evaluated = rows(&results);
        for (path, row) in inside {
            let other = &evaluated[path];
            assert_eq!(row["predicted_name"], other["predicted_name"], "{path}");
            assert_eq!(row["right"], other["top1"], "{path}");
            let probability =
                |row: &BTreeMap<String, String>| -> f64 { row["probability"].parse().unwrap() };
            assert!(
                (probability(row) - probability(other)).abs() < 1e-5,
                "{path}"
            );
        }
        // It was trained on the others alone.
        let events = fs::read_to_string(run.join(format!("folds/{fold}/events.jsonl"))).unwrap();
        assert!(events.contains("\"images\":14"), "{events}");
        assert!(
            !run.join(format!("folds/{fold}/checkpoint.safetensors"))
                .exists()
        );
    }
    assert_eq!(crossed["right"], right);
    assert_eq!(crossed["images"], 21);

    // The network itself was trained on all, and says what it was judged by.
    let events = fs::read_to_string(run.join("events.jsonl")).unwrap();
    assert!(events.contains("\"images\":21"), "{events}");
    assert!(result["validation_accuracy"].is_null());
    let info = scarlet(["info", run.join("last.safetensors").to_str().unwrap()]);
    assert!(info.stdout.contains("images out of fold"), "{info:?}");
    let report = String::from_utf8(read(&run, "report.html")).unwrap();
    for part in [
        "21 training images, each classified by a network trained on the other folds",
        "mean accuracy of 3 folds",
        "accuracy of fold 3",
        "id=\"confusion\"",
        "on all 21 training images",
    ] {
        assert!(report.contains(part), "no {part:?}");
    }
    let all = json(&run, "out-of-fold.json");
    assert_eq!(all["classes"], serde_json::json!(["blue", "green", "red"]));
    for image in all["images"].as_array().unwrap() {
        let probabilities = image["probabilities"].as_array().unwrap();
        let sum: f64 = probabilities.iter().map(|it| it.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{image}");
    }

    // For any number of threads.
    let other = root.path().join("other");
    let more = ["--folds", "3", "--threads", "2", "--learning-rate", "0.02"];
    assert_eq!(train(data.path(), &other, &more).code, 0);
    for name in ["out-of-fold.csv", "last.safetensors"] {
        assert!(read(&run, name) == read(&other, name), "{name} differs");
    }
}

#[test]
#[cfg(unix)]
fn an_interrupted_cross_validation_goes_on_to_the_same_files() {
    let data = photographs(8);
    let root = tempfile::tempdir().unwrap();
    let (whole, run) = (root.path().join("whole"), root.path().join("run"));
    let more = ["--folds", "3", "--set", "train.epochs=15"];
    assert_eq!(train(data.path(), &whole, &more).code, 0);
    let resume = ["train", "--resume", run.to_str().unwrap()];
    let start = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_scarlet"))
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    // Killed within the second fold, and interrupted in the third; on a busy machine that may come too
    // late, and all begins again.
    let twice = || {
        let _ = fs::remove_dir_all(&run);
        let second = run.join("folds/2/events.jsonl");
        if !kill_when(start(&arguments(data.path(), &run, &more)), || {
            lines(&second) > 3
        }) {
            return false;
        }
        let first = fs::metadata(run.join("folds/1/answers.json")).unwrap();
        let mut child = start(&resume);
        let third = run.join("folds/3/events.jsonl");
        if !wait_until(&mut child, || lines(&third) > 3) {
            return false;
        }
        let id = child.id().to_string();
        Command::new("kill").args(["-INT", &id]).status().unwrap();
        let is_interrupted = child.wait().unwrap().code() == Some(130);
        // What is done is not done again.
        let still = fs::metadata(run.join("folds/1/answers.json")).unwrap();
        assert_eq!(first.modified().unwrap(), still.modified().unwrap());
        is_interrupted && !run.join("checkpoint.safetensors").exists()
    };
    assert!((0..50).any(|_| twice()), "it is never stopped twice");
    assert_eq!(json(&run, "result.json")["completed"], false);
    let ran = scarlet(resume);
    assert_eq!(ran.code, 0, "{ran:?}");
    // And once more, which changes nothing.
    for _ in 0..2 {
        for name in [
            "out-of-fold.csv",
            "out-of-fold.json",
            "last.safetensors",
            "result.json",
            "report.html",
        ] {
            assert!(read(&whole, name) == read(&run, name), "{name} differs");
        }
        assert_eq!(scarlet(resume).code, 0);
    }
    scarlet([&resume[..], &["--epochs", "20"]].concat()).assert_fails(
        2,
        &[
            "train.epochs, which the folds are trained for too",
            "was 15",
            "now is 20",
        ],
    );

    // A fold's answers go with images and weights.
    let path = data.path().join("red/00.png");
    fs::copy(data.path().join("blue/01.png"), &path).unwrap();
    scarlet(resume).assert_fails(
        2,
        &["folds/1/answers.json` was written by a run on other images"],
    );
}

#[test]
fn folds_that_cannot_be_are_refused() {
    let data = photographs(4);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    for (more, expected) in [
        (
            &["--folds", "1"][..],
            "`data.folds` is 1, but must be at least 2",
        ),
        (
            &["--folds", "0"],
            "`data.folds` is 0, but must be at least 2",
        ),
        (
            &["--folds", "5"],
            "5 folds cannot all have an image of class `blue`, which has 4",
        ),
        (
            &["--folds", "2", "--patience", "2"],
            "`train.patience` is 2, but must be left out with data.folds",
        ),
    ] {
        train(data.path(), &run, more).assert_fails(2, &[expected]);
        assert!(!run.exists());
    }
    train(data.path(), &run, &["--folds", "x"]).assert_fails(2, &["--folds"]);
}

#[test]
fn a_plan_counts_the_networks_of_the_folds() {
    let data = photographs(6);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    let plan = train(data.path(), &run, &["--folds", "3", "--dry-run"]);
    assert!(
        plan.stdout
            .contains("networks         3, each without one fold"),
        "{plan:?}"
    );
    let plan = train(data.path(), &run, &["--folds", "3", "--dry-run", "--json"]).json();
    assert_eq!(
        (&plan["folds"], &plan["train_images"]),
        (&Value::from(3), &Value::from(18))
    );
    assert_eq!(plan["validation_images"], 0);
}

#[test]
fn a_data_sets_own_test_images_stay_out_of_all_folds() {
    let root = tempfile::tempdir().unwrap();
    let (data, run) = (root.path().join("data"), root.path().join("run"));
    tiny_data(&data);
    let ran = scarlet([
        "train",
        "--data",
        data.to_str().unwrap(),
        "--model",
        "E3K3@8/2",
        "--epochs",
        "2",
        "--folds",
        "2",
        "--json",
        "--out",
        run.to_str().unwrap(),
    ]);
    let result = ran.json();
    assert_eq!(result["cross_validation"]["images"], 64);
    assert_eq!(result["test_images"], 8);
    assert!(result["test_accuracy"].is_number());
}
