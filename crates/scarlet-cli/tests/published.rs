//! `scarlet search --from` a supernet that Once-for-All's authors published.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::Path;

use common::{Ran, scarlet, tiny_data};
use scarlet::arch::OnceForAll;
use scarlet::weights::{Entry, OfaSupernet, Precision, StateDict, formula};

/// The supernet around MobileNetV3 with made-up weights, under its authors' names.
fn supernet(folder: &Path) -> String {
    let entries = OfaSupernet::entries(OnceForAll::MobileNetV3, 1000).into_iter();
    let entries = entries.map(|(name, shape)| {
        let values = formula::entry(&name, &shape);
        Entry::from_f32(name, shape, move || values.clone())
    });
    let path = folder.join("ofa_mbv3.safetensors").display().to_string();
    let weights = StateDict::from_entries(entries);
    weights.save(&path, Precision::F32).unwrap();
    path
}

fn search(data: &Path, from: &str, out: &Path, more: &[&str]) -> Ran {
    let [data, out] = [data, out].map(|path| path.display().to_string());
    let fixed = ["search", "--data", &data, "--from", from, "--out", &out];
    let settings = [
        "data.holdout=0.2",
        "data.resolution=32",
        "whole.epochs=1",
        "search.evaluations=6",
        "search.algorithm.population=3",
        "search.calibration_images=16",
        "train.epochs=1",
    ];
    let settings = settings.iter().flat_map(|setting| ["--set", setting]);
    let all = fixed.into_iter().chain(settings);
    scarlet(all.chain(more.iter().copied()))
}

#[test]
fn candidates_are_judged_by_a_classifier_on_what_they_see() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    tiny_data(&data);
    let from = supernet(root.path());
    let run = root.path().join("run");
    let plan = search(&data, &from, &run, &["--dry-run"]);
    assert_eq!(plan.code, 0, "{plan:?}");
    assert!(
        plan.stdout.contains("as published, without training"),
        "{plan:?}"
    );
    assert!(plan.stdout.contains("20 layers of"), "{plan:?}");
    assert!(plan.stdout.contains("supernet 0 seconds"), "{plan:?}");

    // In two parts, which come to what one does.
    let searched = search(&data, &from, &run, &["--until", "search"]);
    assert_eq!(searched.code, 0, "{searched:?}");
    assert!(
        !searched.stderr.contains("training the supernet"),
        "{searched:?}"
    );
    // The teacher is not needed yet.
    assert!(!run.join("whole/last.safetensors").exists());
    let scores = fs::read_to_string(run.join("search/scores.jsonl")).unwrap();
    let right = scores.lines().map(|line| {
        let score: serde_json::Value = serde_json::from_str(line).unwrap();
        let share = score["correct"].as_f64().unwrap() / score["images"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&share), "{line}");
        share
    });
    // Features of made-up weights still tell plain colours apart, which guessing does not.
    let best = right.fold(0.0, f64::max);
    assert!(best > 0.6, "{scores}");
    let run_text = run.display().to_string();
    let resumed = scarlet(["search", "--resume", &run_text, "--json"]).json();
    let again = root.path().join("again");
    let at_once = search(&data, &from, &again, &["--json"]).json();
    assert_eq!(resumed["network"], at_once["network"]);
    let network = |run: &Path| fs::read(run.join("network/network.safetensors")).unwrap();
    assert!(network(&run) == network(&again));
    let weights = run.join("network/network.safetensors");
    let eval = scarlet([
        "eval",
        &data.display().to_string(),
        "--weights",
        weights.to_str().unwrap(),
    ]);
    assert_eq!(eval.code, 0, "{eval:?}");

    // Any other of its networks too.
    let other = root.path().join("other.safetensors");
    let other = other.to_str().unwrap();
    let genome = "0".repeat(21);
    let taken = scarlet(["extract", &run_text, other, "--choose", &genome, "--json"]).json();
    assert_eq!(taken["genome"], genome.as_str());
    assert_eq!(taken["resolution"], 32);
    let without = scarlet(["extract", &run_text, other, "--uncalibrated"]);
    assert_eq!(without.code, 1, "{without:?}");
    assert!(
        without.stderr.contains("without --uncalibrated"),
        "{without:?}"
    );

    // Another budget, without training the whole again.
    let second = root.path().join("second");
    let second_text = second.display().to_string();
    let other = ["search", "--out", &second_text, "--supernet", &run_text];
    let other = scarlet(other.into_iter().chain(["--budget", "mult_adds <= 3M"]));
    assert_eq!(other.code, 0, "{other:?}");
    let whole = |run: &Path| fs::read(run.join("whole/last.safetensors")).unwrap();
    assert!(whole(&run) == whole(&second));
    assert!(network(&run) != network(&second));

    // With other weights, be it one kernel's matrix, the run does not go on.
    let weights = StateDict::open(&from).unwrap();
    let entries = weights.entries().iter().map(|entry| {
        let values = entry.read_f32().unwrap();
        let changes = entry.name() == "blocks.4.conv.depth_conv.conv.7to5_matrix";
        let factor = if changes { 1.5 } else { 1.0 };
        let values: Vec<f32> = values.iter().map(|it| it * factor).collect();
        Entry::from_f32(entry.name(), entry.shape().to_vec(), move || values.clone())
    });
    let changed = StateDict::from_entries(entries.collect::<Vec<_>>());
    changed.save(&from, Precision::F32).unwrap();
    let resumed = scarlet(["search", "--resume", &run_text]);
    assert_eq!(resumed.code, 2, "{resumed:?}");
    assert!(resumed.stderr.contains("space.from.weights"), "{resumed:?}");
}

#[test]
fn what_cannot_be_is_said() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    tiny_data(&data);
    let from = supernet(root.path());
    let run = root.path().join("run");
    let refused = |more: &[&str]| {
        let ran = search(&data, &from, &run, more);
        assert!(matches!(ran.code, 1 | 2), "{ran:?}");
        assert!(!run.join("result.json").exists());
        ran.stderr
    };
    let without = refused(&["--set", "search.calibration_images=0"]);
    assert!(without.contains("search.calibration_images"), "{without}");
    assert!(without.contains("published supernet"), "{without}");
    assert!(
        !without.contains("epoch"),
        "before anything is trained: {without}"
    );

    // A network is asked for where the file holds a supernet.
    let asked = scarlet([
        "finetune",
        "--data",
        data.to_str().unwrap(),
        "--weights",
        &from,
    ]);
    assert_eq!(asked.code, 1, "{asked:?}");
    assert!(
        asked.stderr.contains("ofa_mbv3_d234_e346_k357_w1.0"),
        "{asked:?}"
    );
    assert!(asked.stderr.contains("scarlet search --from"), "{asked:?}");

    let folder = search(&data, root.path().to_str().unwrap(), &run, &[]);
    assert_eq!(folder.code, 1, "{folder:?}");
    assert!(folder.stderr.contains("but a folder"), "{folder:?}");
}
