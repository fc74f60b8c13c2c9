//! Images of several labels each, as a CSV file gives them, in all commands.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Ran, photographs, scarlet};
use scarlet_data::{Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

const NETWORK: &str = "E3K3@8/2 E3K3@8";
const CLASSES: [&str; 3] = ["blue", "green", "red"];

/// Pictures whose channels are bright where they have the label of the colour: every set of labels 8 times
/// to train on, twice to choose epochs by, and twice to test on; listed in `labels.csv`.
fn data() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let mut text = "path,split,labels\n".to_owned();
    let mut state = 1u32;
    for index in 0..96 {
        let set = index % 8;
        let image = RgbImage::from_fn(20, 20, |_, _| {
            let bright = |channel: u32| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 26) as u8 + if set >> channel & 1 == 1 { 150 } else { 0 }
            };
            let mut bright = bright;
            Rgb([bright(2), bright(1), bright(0)])
        });
        image
            .save(root.path().join(format!("{index:02}.png")))
            .unwrap();
        let part = ["train", "val", "test"][match index / 8 {
            0..8 => 0,
            8..10 => 1,
            _ => 2,
        }];
        let labels = (0..3)
            .filter(|class| set >> class & 1 == 1)
            .map(|class| CLASSES[class]);
        let labels: Vec<&str> = labels.collect();
        text.push_str(&format!("{index:02}.png,{part},{}\n", labels.join(" ")));
    }
    fs::write(root.path().join("labels.csv"), text).unwrap();
    root
}

fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().to_str().unwrap().to_owned()
}

fn train(data: &Path, out: &Path, more: &[&str]) -> Ran {
    let (data, out) = (text(data), text(out));
    let fixed = [
        "train", "--data", &data, "--out", &out, "--model", NETWORK, "--epochs", "6",
    ];
    let settings = [
        "--size",
        "16",
        "--batch",
        "4",
        "--learning-rate",
        "0.01",
        "--threads",
        "1",
    ];
    scarlet(fixed.iter().chain(&settings).chain(more))
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// By its definition, for scores that all differ: the mean over the images with the label of the share of
/// such images among those with scores as high.
fn average_precision(images: &[(f64, bool)]) -> f64 {
    let present: Vec<f64> = images.iter().filter(|it| it.1).map(|it| it.0).collect();
    let precision = |score: &f64| {
        let high = |it: &&(f64, bool)| it.0 >= *score;
        let right = images.iter().filter(high).filter(|it| it.1).count();
        right as f64 / images.iter().filter(high).count() as f64
    };
    present.iter().map(precision).sum::<f64>() / present.len() as f64
}

#[test]
fn a_network_learns_several_labels_and_gives_them() {
    let data = data();
    let (labels, root) = (data.path().join("labels.csv"), tempfile::tempdir().unwrap());
    let run = root.path().join("run");
    let ran = train(&labels, &run, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in ["held out mean average precision", "kept as the best"] {
        assert!(ran.stderr.contains(part), "no {part:?} in {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("label smoothing"), "{}", ran.stderr);
    assert!(
        ran.stdout.contains("test mean average precision"),
        "{}",
        ran.stdout
    );
    let result = json(run.join("result.json"));
    let precision = result["test_mean_average_precision"].as_f64().unwrap();
    assert!(precision > 0.9, "{result}");
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    for part in [
        "mean average precision on 16 test images",
        "Classes, the worst first",
        ">red<",
    ] {
        assert!(page.contains(part), "no {part:?} in the page");
    }
    assert!(!page.contains("id=\"confusion\""));

    // The highest of all epochs, and of equals the last.
    let events = fs::read_to_string(run.join("events.jsonl")).unwrap();
    let epochs = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let epochs = epochs.filter(|event| event["event"] == "epoch");
    let epochs: Vec<(u64, f64)> = epochs
        .map(|it| {
            let precision = it["validation_mean_average_precision"].as_f64().unwrap();
            (it["epoch"].as_u64().unwrap(), precision)
        })
        .collect();
    let best = epochs
        .iter()
        .copied()
        .reduce(|a, b| if b.1 >= a.1 { b } else { a });
    let best = best.unwrap();
    assert_eq!(result["best_epoch"].as_u64(), Some(best.0), "{epochs:?}");
    assert_eq!(
        result["validation_mean_average_precision"].as_f64(),
        Some(best.1)
    );

    let weights = text(run.join("best.safetensors"));
    let (results, page) = (root.path().join("all.csv"), root.path().join("page.html"));
    let labels = text(labels);
    let report = scarlet([
        "eval",
        &labels,
        "--weights",
        &weights,
        "--json",
        "--results",
        &text(&results),
        "--report",
        &text(&page),
    ])
    .json();
    assert_eq!(report["part"], "test");
    assert_eq!(report["images"], 16);
    assert_eq!(report["thresholds_of"], "held-out images");
    assert!((report["mean_average_precision"].as_f64().unwrap() - precision).abs() < 1e-9);
    assert!(
        fs::read_to_string(page)
            .unwrap()
            .contains("What was evaluated")
    );
    let table = fs::read_to_string(results).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("path,labels,given,error,blue,green,red"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 16);
    let mut sum = 0.0;
    for (class, name) in CLASSES.iter().enumerate() {
        let scores = rows.iter().map(|row| {
            let has = row[1].split(';').any(|label| label == *name);
            (row[4 + class].parse::<f64>().unwrap(), has)
        });
        let found = average_precision(&scores.collect::<Vec<_>>());
        let told = report["classes"][class]["average_precision"]
            .as_f64()
            .unwrap();
        assert!((found - told).abs() < 1e-9, "{name}: {found} {told}");
        sum += found;
    }
    assert!((sum / 3.0 - precision).abs() < 1e-9);
    let ran = scarlet(["eval", &labels, "--weights", &weights]);
    assert!(ran.stdout.contains("mean average precision"), "{ran:?}");
    assert!(ran.stdout.contains("fitted on held-out images"), "{ran:?}");

    // What predict gives is what eval says is given, by weights and by a deployed network.
    let deployed = text(root.path().join("network.scarlet"));
    assert_eq!(
        scarlet(["deploy", &deployed, "--weights", &weights]).code,
        0
    );
    for weights in [&weights, &deployed] {
        for row in &rows {
            let photograph = text(data.path().join(row[0]));
            let found = scarlet(["predict", &photograph, "--weights", weights, "--json"]).json();
            let given = found["photographs"][0]["predictions"].as_array().unwrap();
            let mut given: Vec<&str> = given
                .iter()
                .map(|it| it["name"].as_str().unwrap())
                .collect();
            given.sort_unstable();
            assert_eq!(given.join(";"), row[2], "{photograph}");
            assert_eq!(found["several_labels"]["activation"], "sigmoid");
        }
    }
    let black = root.path().join("black.png");
    RgbImage::new(20, 20).save(&black).unwrap();
    let strict = [
        "predict",
        &text(&black),
        "--weights",
        &weights,
        "--threshold",
        "1",
    ];
    let ran = scarlet(strict);
    assert!(ran.stdout.contains("no label"), "{ran:?}");
    let all = [
        "predict",
        &text(&black),
        "--weights",
        &weights,
        "--threshold",
        "0",
    ];
    let ran = scarlet(all);
    assert!(
        CLASSES.iter().all(|name| ran.stdout.contains(name)),
        "{ran:?}"
    );

    let info = scarlet(["info", &weights]);
    for part in [
        "any number per image",
        "Thresholds: one per class",
        "Mean average precision on 16",
    ] {
        assert!(info.stdout.contains(part), "no {part:?} in {}", info.stdout);
    }
    for name in ["network.onnx", "network.tflite"] {
        let out = text(root.path().join(name));
        let ran = scarlet(["export", &out, "--weights", &weights]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let bytes = fs::read(out).unwrap();
        let has = bytes.windows(14).any(|part| part == b"several_labels");
        assert!(has, "{name} says that its logits are for a sigmoid");
    }
    refused_by(&labels, &weights);
}

/// What takes one class per image refuses such data and such networks.
fn refused_by(labels: &str, weights: &str) {
    let folder = photographs(4);
    let folder = text(folder.path());
    for args in [
        vec!["eval", &folder, "--weights", weights],
        vec!["eval", labels, "--weights", weights, "--against", weights],
        vec!["eval", labels, "--weights", weights, "--augment", "flip"],
        vec![
            "predict",
            &folder,
            "--weights",
            weights,
            "--augment",
            "flip",
        ],
        vec!["demo", "--weights", weights],
    ] {
        scarlet(&args).assert_fails(
            2,
            &["gives an image any number of labels", "one class per image"],
        );
    }
    let out = tempfile::tempdir().unwrap();
    let out = text(out.path().join("run"));
    let kept = [
        "finetune",
        "--data",
        &folder,
        "--weights",
        weights,
        "--keep-classifier",
        "--out",
        &out,
    ];
    scarlet(kept).assert_fails(2, &["a network of any number of labels per image"]);
}

#[test]
fn whatever_takes_one_class_refuses_a_csv_file() {
    let data = data();
    let labels = text(data.path().join("labels.csv"));
    let out = text(data.path().join("out"));
    for args in [
        vec!["search", "--data", &labels, "--out", &out],
        vec!["supernet", "train", "--data", &labels, "--out", &out],
        vec!["check-data", &labels],
        vec!["probe", "--data", &labels],
        vec!["latency-table", "--data", &labels, "--out", &out],
    ] {
        let ran = scarlet(&args);
        ran.assert_fails(
            2,
            &["any number of labels each", "exactly one class per image"],
        );
        assert!(!Path::new(&out).exists(), "{args:?}");
    }
    for (more, said) in [
        (vec!["--folds", "3"], "`data.folds` is 3"),
        (vec!["--balance"], "`balance.sampling` is 1"),
        (vec!["--balance", "loss"], "`balance.loss` is 1"),
        (vec!["--teacher", "teacher.safetensors"], "`teacher` is "),
    ] {
        let ran = train(Path::new(&labels), Path::new(&out), &more);
        ran.assert_fails(2, &[said, "several labels each"]);
        assert!(!Path::new(&out).exists(), "{more:?}");
    }
    let ran = scarlet([
        "eval",
        &labels,
        "--model",
        NETWORK,
        "--random-init",
        "--num-classes",
        "3",
    ]);
    ran.assert_fails(2, &["gives exactly one class", "scarlet finetune --data"]);
}

#[test]
fn the_same_run_gives_the_same_bits_and_mixes_labels() {
    let data = data();
    let labels = data.path().join("labels.csv");
    let runs = ["a", "b"].map(|name| data.path().join(name));
    for run in &runs {
        let more = [
            "--set",
            "train.mix.mixup=0.2",
            "--set",
            "train.mix.cutmix=1",
            "--set",
            "train.label_smoothing=0.1",
        ];
        let ran = train(&labels, run, &more);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let [a, b] = runs.map(|run| fs::read(run.join("best.safetensors")).unwrap());
    assert!(a == b, "two runs of the same settings differ");
}

#[test]
fn plans_previews_and_bad_lines_are_told() {
    let data = data();
    let labels = data.path().join("labels.csv");
    let out = data.path().join("out");
    let plan = train(&labels, &out, &["--dry-run", "--json"]).json();
    assert_eq!(
        (&plan["train_images"], &plan["validation_images"]),
        (&64.into(), &16.into())
    );
    assert_eq!(plan["settings"]["train"]["label_smoothing"], 0.0);
    let picture = text(data.path().join("preview.jpg.png"));
    let labels_text = text(&labels);
    let preview = [
        "train",
        "--data",
        &labels_text,
        "--model",
        NETWORK,
        "--preview",
        &picture,
        "--json",
    ];
    let rows = scarlet(preview).json();
    let rows = rows["rows"].as_array().unwrap().clone();
    assert!(
        rows.iter().any(|row| row["class"] == "blue, green, red"),
        "{rows:?}"
    );

    let broken = fs::read_to_string(&labels)
        .unwrap()
        .replace("07.png", "gone.png");
    fs::write(&labels, broken).unwrap();
    let ran = train(&labels, &out, &[]);
    ran.assert_fails(
        1,
        &[
            "line 9 of",
            "there is no file",
            "gone.png",
            "relative to the folder",
        ],
    );
    assert!(!out.exists());
}
