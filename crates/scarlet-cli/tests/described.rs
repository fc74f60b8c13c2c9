//! What files of networks say, and what is said of files that are none.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Ran, photograph, scarlet, tiny_data};
use serde_json::{Map, Value, json};

/// Writes a random network of two classes, with what `edit` makes of its header.
fn write(folder: &Path, name: &str, edit: impl Fn(&mut Map<String, Value>)) -> PathBuf {
    write_model(folder.join(name), common::TINY, edit)
}

fn write_model(path: PathBuf, model: &str, edit: impl Fn(&mut Map<String, Value>)) -> PathBuf {
    let ran = scarlet([
        "export",
        path.to_str().unwrap(),
        "--model",
        model,
        "--random-init",
        "--num-classes",
        "2",
        "--size",
        "64",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let bytes = fs::read(&path).unwrap();
    let (length, rest) = bytes.split_at(8);
    let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
    let mut header: Map<String, Value> = serde_json::from_slice(&rest[..length]).unwrap();
    let metadata = header["__metadata__"].as_object_mut().unwrap();
    // Whoever changes a file has no checksum to keep, and says no more that it has one.
    metadata.retain(|key, _| key == "scarlet.architecture");
    edit(&mut header);
    let header = serde_json::to_vec(&header).unwrap();
    let mut changed = (header.len() as u64).to_le_bytes().to_vec();
    changed.extend(header);
    changed.extend(&rest[length..]);
    fs::write(&path, changed).unwrap();
    path
}

fn with_card(header: &mut Map<String, Value>, classes: [&str; 2]) {
    let card = json!({
        "classes": classes, "trained_on": "flowers", "training_images": 120,
        "accuracies": [{"of": "test images", "right": 9, "images": 10}],
        "program": "scarlet 0.1.0",
    });
    header["__metadata__"]["scarlet.card"] = json!(card.to_string());
}

fn info(path: &Path) -> Ran {
    scarlet(["info", path.to_str().unwrap()])
}

#[test]
fn weights_and_onnx_show_their_network_and_card() {
    let folder = tempfile::tempdir().unwrap();
    let weights = write(folder.path(), "tea.safetensors", |header| {
        with_card(header, ["tea", "rose"]);
    });
    let onnx = folder.path().join("tea.onnx");
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let ran = scarlet(["export", &text(&onnx), "--weights", &text(&weights)]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let shown = info(&weights);
    for ran in [&shown, &info(&onnx)] {
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
        for part in [
            "64×64 pixels, 2 classes",
            "E3K3@16/2",
            "Classes: tea, rose.",
            "Trained on: flowers, 120 images.",
            "Accuracy on test images: 90.00 % (9 of 10 images",
            "Trained by: scarlet 0.1.0.",
        ] {
            assert!(ran.stdout.contains(part), "no {part:?} in {}", ran.stdout);
        }
    }
    let json = scarlet(["info", &text(&onnx), "--json"]).json();
    assert_eq!(json["card"]["classes"], json!(["tea", "rose"]));
}

#[test]
fn other_files_are_called_by_their_kind_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    info(&photograph("coffee.png"))
        .assert_fails(1, &["it is a picture", "scarlet info lists them"]);
    let file = folder.path().join("other.onnx");
    fs::write(&file, b"\x08\x08\x12\x07pytorch\x42\x04\x0a\x00\x10\x11").unwrap();
    info(&file).assert_fails(
        1,
        &[
            "that scarlet did not write",
            "the weights that it was made from",
        ],
    );
    info(&folder.path().join("none.safetensors"))
        .assert_fails(1, &["cannot read", "none.safetensors"]);
    info(folder.path()).assert_fails(2, &["is a folder, and networks are files"]);

    let data = folder.path().join("data");
    tiny_data(&data);
    let run = folder.path().join("run");
    let [data, out] = [&data, &run].map(|path| path.to_str().unwrap());
    let ran = scarlet([
        "train", "--data", data, "--out", out, "--model", "E3K3@8/2", "--epochs", "1",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stdout.starts_with("trained for 1 epoch\n"),
        "{}",
        ran.stdout
    );
    info(&run).assert_fails(2, &["give one of this run's, ", "run/best.safetensors"]);
    info(&run.join("checkpoint.safetensors")).assert_fails(
        1,
        &["is what a run resumes from (--resume", "best.safetensors"],
    );
    info(&run.join("config.json")).assert_fails(1, &["it belongs to a run, whose network is "]);
    let shown = info(&run.join("best.safetensors"));
    assert!(shown.stdout.contains("Trained on: data, "), "{shown:?}");
}

#[test]
fn a_class_name_is_one_line_of_text_and_itself_in_json() {
    let folder = tempfile::tempdir().unwrap();
    let weights = write(folder.path(), "odd.safetensors", |header| {
        with_card(header, ["tea\nrose", "a\tb"]);
    });
    let weights = weights.to_str().unwrap();
    let picture = photograph("coffee.png");
    let picture = picture.to_str().unwrap();
    let predicted = scarlet(["predict", picture, "--weights", weights]);
    assert_eq!(predicted.stdout.lines().count(), 3, "{predicted:?}");
    assert!(predicted.stdout.contains(r"tea\u{a}rose"), "{predicted:?}");
    assert!(predicted.stdout.contains(r"a\u{9}b"), "{predicted:?}");
    let json = scarlet(["predict", picture, "--weights", weights, "--json"]).json();
    let predictions = json["photographs"][0]["predictions"].as_array().unwrap();
    let mut names: Vec<&str> = predictions
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["a\tb", "tea\nrose"]);

    let shown = scarlet(["info", weights]);
    assert!(
        shown.stdout.contains(r"Classes: tea\u{a}rose, a\u{9}b."),
        "{shown:?}"
    );

    let classes = folder.path().join("photos");
    for class in ["0", "1"] {
        common::copy_photograph("coffee.png", &classes.join(class).join("1.png"));
    }
    let eval = scarlet(["eval", classes.to_str().unwrap(), "--weights", weights]);
    assert_eq!(eval.code, 0, "{eval:?}");
    assert!(eval.stdout.contains(r"tea\u{a}rose"), "{eval:?}");
    assert!(!eval.stdout.contains("tea\n"), "{eval:?}");
}

#[test]
fn weights_of_an_unknown_head_say_how_to_name_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    tiny_data(&data);
    let file = folder.path().join("fc.safetensors");
    let weights = write_model(file, "efficientnet-lite0", |header| {
        header.remove("__metadata__");
        for name in ["weight", "bias"] {
            let tensor = header.remove(&format!("classifier.{name}")).unwrap();
            header.insert(format!("_fc.{name}"), tensor);
        }
    });
    let weights = weights.to_str().unwrap();
    let photo = photograph("china.jpg");
    let predict = |more: &[&str]| {
        let fixed = ["predict", photo.to_str().unwrap(), "--weights", weights];
        scarlet(fixed.iter().chain(more).copied().collect::<Vec<_>>())
    };
    predict(&[]).assert_fails(
        1,
        &[
            "holds efficientnet-lite0: its classifier is missing",
            "--rename NAME=classifier",
            "scarlet finetune",
        ],
    );
    // Which is true.
    let renamed = predict(&["--rename", "_fc=classifier"]);
    assert_eq!(renamed.code, 0, "{renamed:?}");
    let finetune = |more: &[&str]| {
        let fixed = [
            "finetune",
            "--data",
            data.to_str().unwrap(),
            "--weights",
            weights,
            "--dry-run",
        ];
        scarlet(fixed.iter().chain(more).copied().collect::<Vec<_>>())
    };
    let body = finetune(&[]);
    assert_eq!(body.code, 0, "{body:?}");
    assert!(body.stderr.contains("but for the classifier"), "{body:?}");
    let named = finetune(&["--model", "efficientnet-lite0"]);
    assert_eq!(named.code, 0, "{named:?}");
}
