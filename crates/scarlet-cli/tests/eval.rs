//! `scarlet eval`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;
use std::fs;
use std::path::Path;

use common::{
    Ran, copy_photograph, scarlet, scarlet_tiny, tiny_data, tiny_run, write_damaged_photograph,
};
use scarlet_data::dataset::idx;
use scarlet_data::{Rgb, RgbImage};
use serde_json::Value;

/// Two photographs of one class, one of another.
fn prepare(folder: &Path, classes: [&str; 2]) {
    copy_photograph("chelsea.png", &folder.join(classes[0]).join("1.png"));
    copy_photograph("rocket.jpg", &folder.join(classes[0]).join("2.jpg"));
    copy_photograph("coffee.png", &folder.join(classes[1]).join("3.png"));
}

/// The rows of a CSV file as maps from heading to cell.
fn read_csv(path: &Path) -> Vec<std::collections::HashMap<String, String>> {
    csv::Reader::from_path(path)
        .unwrap()
        .deserialize()
        .map(|row| row.unwrap())
        .collect()
}

#[test]
fn figures_and_results_agree() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    prepare(&set, ["cat", "cup"]);
    let results = folder.path().join("results.csv");
    let arguments = [
        "eval",
        set.to_str().unwrap(),
        "--results",
        results.to_str().unwrap(),
        "--json",
    ];
    let json = scarlet_tiny(2, &arguments).json();
    assert_eq!(json["complete"], true);
    assert_eq!(json["images"], 3);
    assert_eq!(json["images_in_folder"], 3);
    assert_eq!(json["published"], Value::Null);
    assert_eq!(json["top5"], 1.0);
    assert!(json["images_per_second"].as_f64().unwrap() > 0.0);
    let classes = json["classes"].as_array().unwrap();
    assert_eq!(classes.len(), 2);

    let rows = read_csv(&results);
    assert_eq!(rows.len(), 3);
    let right = rows.iter().filter(|row| row["top1"] == "true").count();
    assert_eq!(json["top1"].as_f64().unwrap(), right as f64 / 3.0);
    for row in &rows {
        assert_eq!(row["top1"] == "true", row["class"] == row["predicted"]);
        assert_eq!(row["error"], "");
        let class = classes
            .iter()
            .find(|class| class["name"] == row["class_name"].as_str())
            .unwrap();
        let is_mistake = class["mistaken_for"]
            .as_array()
            .unwrap()
            .iter()
            .any(|mistake| mistake["name"] == row["predicted_name"].as_str());
        assert_eq!(is_mistake, row["top1"] == "false");
    }
    let paths: Vec<&str> = rows.iter().map(|row| row["path"].as_str()).collect();
    assert_eq!(paths, ["cat/1.png", "cat/2.jpg", "cup/3.png"]);
}

#[test]
fn the_text_shows_the_worst_classes() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path(), ["cat", "cup"]);
    let path = folder.path().to_str().unwrap();
    let text = scarlet_tiny(2, &["eval", path]).stdout;
    for part in [
        "top-1",
        "95 % interval",
        "3 images of 2 classes",
        "images/s",
        "worst classes",
        "cat",
        "cup",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let text = scarlet_tiny(2, &["eval", path, "--worst", "0"]).stdout;
    assert!(!text.contains("worst classes"), "{text}");
}

#[test]
fn wordnet_ids_are_imagenets_classes_even_if_few() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path(), ["n02124075", "n07920052"]);
    let path = folder.path().to_str().unwrap();
    let json = scarlet_tiny(1000, &["eval", path, "--json"]).json();
    let mut classes: Vec<(u64, &str, &str, u64)> = json["classes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|class| {
            (
                class["class"].as_u64().unwrap(),
                class["wnid"].as_str().unwrap(),
                class["name"].as_str().unwrap(),
                class["images"].as_u64().unwrap(),
            )
        })
        .collect();
    classes.sort();
    assert_eq!(
        classes,
        [
            (285, "n02124075", "Egyptian cat", 2),
            (967, "n07920052", "espresso", 1)
        ]
    );
}

#[test]
fn another_number_of_classes_is_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path(), ["cat", "cup"]);
    let path = folder.path().to_str().unwrap();
    scarlet_tiny(1000, &["eval", path]).assert_fails(
        1,
        &[
            "has images of 2 classes, but the network has 1000 classes",
            "WordNet ids",
            "--weights",
        ],
    );
    scarlet_tiny(3, &["eval", path]).assert_fails(
        1,
        &["has images of 2 classes, but the network has 3 classes"],
    );
}

#[test]
fn a_damaged_image_is_reported_counted_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    prepare(&set, ["cat", "cup"]);
    let damaged = set.join("cup/0.jpg");
    write_damaged_photograph(&damaged);
    let results = folder.path().join("results.csv");
    let path = set.to_str().unwrap();

    let arguments = [
        "eval",
        path,
        "--json",
        "--results",
        results.to_str().unwrap(),
    ];
    let ran = scarlet_tiny(2, &arguments);
    let told = format!("warning: {} is damaged", damaged.display());
    assert!(ran.stderr.contains(&told), "{ran:?}");
    let json = ran.json();
    assert_eq!(json["images"], 3);
    assert_eq!(json["images_in_folder"], 4);
    assert_eq!(json["complete"], true);
    assert_eq!(json["unreadable"][0]["path"], "cup/0.jpg");
    let rows = read_csv(&results);
    assert_eq!(rows.len(), 4);
    let row = rows.iter().find(|row| row["path"] == "cup/0.jpg").unwrap();
    assert!(row["error"].contains("is damaged"), "{row:?}");
    assert_eq!(row["predicted"], "");

    fs::remove_file(&results).unwrap();
    let arguments = [
        "eval",
        path,
        "--strict",
        "--results",
        results.to_str().unwrap(),
    ];
    scarlet_tiny(2, &arguments).assert_fails(1, &["0.jpg is damaged"]);
    // Nor is anything left beside the results that there are none of.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn folders_that_cannot_be_evaluated_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    scarlet_tiny(2, &["eval", path]).assert_fails(1, &["has no class folders"]);
    fs::create_dir(folder.path().join("cat")).unwrap();
    scarlet_tiny(2, &["eval", path]).assert_fails(1, &["holds no images"]);
    scarlet_tiny(2, &["eval", "no-such-folder"]).assert_fails(
        2,
        &["`no-such-folder` is neither a folder nor `fashion-sample`"],
    );
    write_damaged_photograph(&folder.path().join("cat/1.jpg"));
    scarlet_tiny(1, &["eval", path])
        .assert_fails(1, &["error: 1 of 1 photographs could not be read"]);
}

#[test]
fn results_that_cannot_be_written_are_found_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path(), ["cat", "cup"]);
    let path = folder.path().to_str().unwrap();
    scarlet_tiny(
        2,
        &["eval", path, "--results", "no-such-folder/results.csv"],
    )
    .assert_fails(1, &["cannot write no-such-folder/results.csv"]);
}

/// The evaluation of a network on images, and what else is asked for.
fn eval(source: &Path, weights: &Path, more: &[&str]) -> Ran {
    let (source, weights) = (source.to_str().unwrap(), weights.to_str().unwrap());
    scarlet([&["eval", source, "--weights", weights][..], more].concat())
}

#[test]
fn a_runs_test_accuracy_comes_out_again() {
    let root = tempfile::tempdir().unwrap();
    let (data, out) = (root.path().join("data"), root.path().join("run"));
    tiny_data(&data);
    // With black around the images of 8×8 pixels.
    let mut run = tiny_run("search", &data, &out);
    run.extend(["--resolution", "12", "--json"].map(str::to_owned));
    let found = scarlet(&run).json();
    let weights = out.join("network/network.safetensors");
    let results = root.path().join("results.csv");
    let json = eval(
        &data,
        &weights,
        &[
            "--json",
            "--batch",
            "3",
            "--results",
            results.to_str().unwrap(),
        ],
    )
    .json();
    assert_eq!(json["top1"], found["test_accuracy"]);
    assert_eq!(
        (&json["part"], &json["images"]),
        (&"test".into(), &8.into())
    );
    let rows = read_csv(&results);
    let right = rows.iter().filter(|row| row["top1"] == "true").count();
    assert_eq!(right as u64, found["test"]["correct"].as_u64().unwrap());
    assert_eq!((rows.len(), rows[7]["path"].as_str()), (8, "7"));
    // And in the form that only runs.
    let deployed = eval(&data, &out.join("network/network.scarlet"), &["--json"]).json();
    assert_eq!(deployed["top1"], json["top1"]);

    // The same images as files in class folders look the same to the network.
    let test = idx::open_folder(&data).unwrap().test;
    let files = root.path().join("files");
    for index in 0..test.len() {
        let folder = files.join(test.label(index).to_string());
        fs::create_dir_all(&folder).unwrap();
        let image = test.to_rgb(index);
        image.save(folder.join(format!("{index}.png"))).unwrap();
    }
    let by_files = root.path().join("by-files.csv");
    let json = eval(
        &files,
        &weights,
        &["--json", "--results", by_files.to_str().unwrap()],
    )
    .json();
    assert_eq!(json["top1"], found["test_accuracy"]);
    assert_eq!(json["part"], Value::Null);
    for row in read_csv(&by_files) {
        let name = Path::new(&row["path"]).file_stem().unwrap();
        let other = &rows[name.to_str().unwrap().parse::<usize>().unwrap()];
        for column in ["class", "predicted", "probability"] {
            assert_eq!(row[column], other[column], "{column} of {}", row["path"]);
        }
    }
}

#[test]
fn so_does_that_of_a_network_trained_on_its_own() {
    let root = tempfile::tempdir().unwrap();
    let files = root.path().join("files");
    tiny_data(&files);
    // Photographs of several sizes, in parts.
    let photographs = root.path().join("photographs");
    for (part, count) in [("training", 8), ("testing", 4)] {
        for (class, name) in ["dusk", "noon"].iter().enumerate() {
            let folder = photographs.join(part).join(name);
            fs::create_dir_all(&folder).unwrap();
            for index in 0..count {
                let image = RgbImage::from_fn(18 + index, 24 - index, |x, y| {
                    Rgb([
                        90 * class as u8 + 5 * x as u8,
                        30 * index as u8,
                        5 * y as u8,
                    ])
                });
                image.save(folder.join(format!("{index}.png"))).unwrap();
            }
        }
    }
    for (name, data, more) in [
        ("padded", &files, &["--resolution", "12"][..]),
        ("shrunk", &files, &["--resolution", "4"]),
        ("colour", &photographs, &["--resolution", "16"]),
        ("grey", &photographs, &["--resolution", "16", "--grey"]),
    ] {
        let out = root.path().join(name);
        let (source, folder) = (data.to_str().unwrap(), out.to_str().unwrap());
        let fixed = ["train", "--data", source, "--out", folder, "--json"];
        let settings = ["--model", "E3K3@8/2", "--epochs", "2", "--batch", "4"];
        let trained = scarlet([&fixed[..], &settings, more].concat()).json();
        let json = eval(data, &out.join("best.safetensors"), &["--json"]).json();
        assert_eq!(json["top1"], trained["test_accuracy"], "{name}");
        assert_eq!(
            (&json["part"], &json["images"]),
            (&"test".into(), &8.into())
        );
    }
}

#[test]
fn classes_are_matched_by_the_names_beside_the_weights() {
    let root = tempfile::tempdir().unwrap();
    let weights = root.path().join("network.safetensors");
    let export = ["export", weights.to_str().unwrap(), "--model", common::TINY];
    let random = ["--random-init", "--num-classes", "3", "--size", "64"];
    assert_eq!(scarlet([&export[..], &random].concat()).code, 0);
    fs::write(root.path().join("classes.txt"), "emu\ncup\ncat\n").unwrap();
    let set = root.path().join("set");
    for class in ["cat", "cup", "emu"] {
        copy_photograph("chelsea.png", &set.join("train").join(class).join("1.png"));
    }
    prepare(&set.join("test"), ["cat", "cup"]);
    let json = eval(&set, &weights, &["--json", "--worst", "0"]).json();
    // Of the folder's test part, which lacks a class.
    assert_eq!(
        (&json["part"], &json["images"]),
        (&"test".into(), &3.into())
    );
    let mut classes: Vec<(u64, &str)> = Vec::new();
    for class in json["classes"].as_array().unwrap() {
        let name = class["name"].as_str().unwrap();
        classes.push((class["class"].as_u64().unwrap(), name));
    }
    classes.sort();
    assert_eq!(classes, [(1, "cup"), (2, "cat")]);
}

#[test]
#[cfg(unix)]
fn an_interruption_leaves_a_partial_result_that_says_so() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Command, Stdio};

    const COPIES: usize = 4000;
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    let first = set.join("cat/0.png");
    copy_photograph("chelsea.png", &first);
    for copy in 1..COPIES {
        fs::hard_link(&first, set.join(format!("cat/{copy}.png"))).unwrap();
    }
    let results = folder.path().join("results.csv");
    let mut child = Command::new(env!("CARGO_BIN_EXE_scarlet"))
        .arg("eval")
        .arg(&set)
        .args(["--model", common::TINY, "--random-init", "--size", "64"])
        .args(["--num-classes", "1", "--batch", "1", "--json", "--results"])
        .arg(&results)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(
        line.starts_with("evaluating custom on 4,000 images"),
        "{line}"
    );
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());

    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("error: interrupted"), "{rest}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["complete"], false);
    let images = json["images"].as_u64().unwrap() as usize;
    assert!(images < COPIES);
    assert!(!results.exists());
    let partial = folder.path().join("results.partial.csv");
    assert_eq!(read_csv(&partial).len(), images);
}

#[test]
fn folders_called_by_numbers_are_the_networks_classes() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    // What a network says of a photograph is the class that it is filed under.
    let photo = common::photograph("chelsea.png");
    let predicted = scarlet_tiny(1000, &["predict", photo.to_str().unwrap(), "--json"]).json();
    let class = &predicted["photographs"][0]["predictions"][0]["class"];
    let class = class.as_u64().unwrap();
    let mut bytewise: Vec<String> = (0..1000).map(|class| class.to_string()).collect();
    bytewise.sort();
    assert_ne!(bytewise[class as usize], class.to_string());
    for class in 0..1000 {
        fs::create_dir_all(set.join(class.to_string())).unwrap();
    }
    copy_photograph("chelsea.png", &set.join(class.to_string()).join("1.png"));
    let ran = scarlet_tiny(1000, &["eval", set.to_str().unwrap(), "--json"]);
    assert!(
        ran.stderr
            .contains("the folder names are read as the numbers of the network's classes"),
        "{}",
        ran.stderr
    );
    let json = ran.json();
    assert_eq!((&json["images"], &json["top1"]), (&1.into(), &1.0.into()));
    assert_eq!(json["published"], Value::Null);

    // A dozen of them, counted from 1.
    let twelve = folder.path().join("twelve");
    let photo = photo.to_str().unwrap();
    let predicted = scarlet_tiny(12, &["predict", photo, "--json"]).json();
    let class = &predicted["photographs"][0]["predictions"][0]["class"];
    let class = class.as_u64().unwrap() + 1;
    for class in 1..=12 {
        fs::create_dir_all(twelve.join(class.to_string())).unwrap();
    }
    copy_photograph("chelsea.png", &twelve.join(class.to_string()).join("1.png"));
    let ran = scarlet_tiny(12, &["eval", twelve.to_str().unwrap(), "--json"]);
    assert!(
        ran.stderr.contains("warning: ") && ran.stderr.contains("counted from 1"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.json()["top1"], 1.0);
}

#[test]
fn what_is_passed_over_is_told() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path(), ["cat", "cup"]);
    fs::write(folder.path().join("cat/4.heic"), "\0\0\0\x18ftypheic").unwrap();
    fs::write(folder.path().join("cat/Thumbs.db"), "").unwrap();
    let path = folder.path().to_str().unwrap();
    for command in ["eval", "predict"] {
        let ran = scarlet_tiny(2, &[command, path, "--json"]);
        assert!(
            ran.stderr
                .contains("passed over: 1 .heic (.heic is not read"),
            "{}",
            ran.stderr
        );
        let json = ran.json();
        assert_eq!(json["passed_over"], serde_json::json!({".heic": 1}));
    }
    let heic = folder.path().join("cat/4.heic");
    scarlet_tiny(2, &["predict", heic.to_str().unwrap()]).assert_fails(
        1,
        &["4.heic is a HEIC image, which is not read: convert it to JPEG or PNG"],
    );
}
