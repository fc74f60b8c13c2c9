//! Whether a network can be trusted: temperatures, thresholds, `eval --report` and `eval --against`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Ran, photograph, scarlet, scarlet_tiny, tiny_data, tiny_run};
use scarlet::burn::tensor::Device;
use scarlet::trust::Temperature;
use scarlet::weights::Precision;
use scarlet::{Architecture, ModelCard, Scarlet, ScarletConfig};
use scarlet_data::{Rgb, RgbImage};
use serde_json::Value;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A random network of three classes, with a card of this temperature.
fn network(folder: &Path, name: &str, temperature: Option<f64>) -> PathBuf {
    let architecture: Architecture = common::TINY.parse().unwrap();
    let classes = ["red", "green", "blue"].map(str::to_owned).to_vec();
    let mut card = ModelCard::new(classes);
    if let Some(value) = temperature {
        card = card.with_temperature(Temperature::new(value).unwrap(), "held-out images", 40);
    }
    let path = folder.join(name);
    ScarletConfig::from(architecture)
        .with_classes(3)
        .with_resolution(64)
        .try_init_seeded(3, &Device::flex())
        .unwrap()
        .with_card(card)
        .unwrap()
        .save(&path, Precision::F32)
        .unwrap();
    path
}

fn predict(weights: &Path, more: &[&str]) -> Ran {
    let photo = photograph("coffee.png");
    let arguments = ["predict", text(&photo), "--weights", text(weights)];
    scarlet([&arguments[..], more].concat())
}

fn predictions(json: &Value) -> Vec<(u64, f64)> {
    let predictions = json["photographs"][0]["predictions"].as_array().unwrap();
    let pairs = predictions.iter().map(|it| {
        let class = it["class"].as_u64().unwrap();
        (class, it["probability"].as_f64().unwrap())
    });
    pairs.collect()
}

#[test]
fn logits_are_divided_by_the_temperature_that_the_weights_say() {
    let folder = tempfile::tempdir().unwrap();
    let plain = network(folder.path(), "plain.safetensors", None);
    let cool = network(folder.path(), "cool.safetensors", Some(0.25));
    let before = predict(&plain, &["--json"]).json();
    let after = predict(&cool, &["--json"]).json();
    assert!(before.get("temperature").is_none());
    assert_eq!(after["temperature"], 0.25);
    let (before, after) = (predictions(&before), predictions(&after));
    let classes = |of: &[(u64, f64)]| of.iter().map(|it| it.0).collect::<Vec<_>>();
    assert_eq!(classes(&before), classes(&after));
    // p^(1 / T), made to sum to 1.
    let powers: Vec<f64> = before.iter().map(|it| it.1.powi(4)).collect();
    let sum: f64 = powers.iter().sum();
    for ((_, found), power) in after.iter().zip(&powers) {
        assert!((found - power / sum).abs() < 1e-5, "{after:?} {before:?}");
    }

    // The form that only runs and the exported one say it too.
    let (deployed, onnx) = (
        folder.path().join("cool.scarlet"),
        folder.path().join("cool.onnx"),
    );
    for (command, file) in [("deploy", &deployed), ("export", &onnx)] {
        let ran = scarlet([command, text(file), "--weights", text(&cool)]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let json = predict(file, &["--json"]).json();
        assert_eq!(json["temperature"], 0.25, "{command}");
        for ((_, found), (_, expected)) in predictions(&json).iter().zip(&after) {
            assert!((found - expected).abs() < 1e-4, "{command}");
        }
    }
    let shown = scarlet(["info", text(&cool)]).stdout;
    let said = "Temperature: 0.25, fitted on 40 held-out images.";
    assert!(shown.contains(said), "{shown}");
}

#[test]
fn a_bad_temperature_is_said_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = network(folder.path(), "bad.safetensors", Some(0.25));
    let bytes = fs::read(&path).unwrap();
    let (length, rest) = bytes.split_at(8);
    let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&rest[..length]).unwrap();
    let metadata = header["__metadata__"].as_object_mut().unwrap();
    // Whoever changes a file has no checksum to keep, and says no more that it has one.
    metadata.retain(|key, _| ["scarlet.architecture", "scarlet.card"].contains(&key.as_str()));
    let card = metadata["scarlet.card"].as_str().unwrap();
    assert!(card.contains("0.25"), "{card}");
    metadata["scarlet.card"] = card.replace("0.25", "-0.5").into();
    let header = serde_json::to_vec(&header).unwrap();
    let mut changed = (header.len() as u64).to_le_bytes().to_vec();
    changed.extend(header);
    changed.extend(&rest[length..]);
    fs::write(&path, changed).unwrap();
    let ran = predict(&path, &["--json"]);
    let said = "its model card has a temperature of -0.5, but logits are divided by a number from \
                0.01 to 100; it is skipped";
    assert!(ran.stderr.contains(said), "{ran:?}");
    assert!(ran.json().get("temperature").is_none());
    let info = scarlet(["info", text(&path)]);
    assert_eq!(info.stderr.matches(said).count(), 1, "{info:?}");
}

#[test]
fn below_the_threshold_there_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let weights = network(folder.path(), "plain.safetensors", None);
    let plain = predict(&weights, &[]);
    let surest = predictions(&predict(&weights, &["--json"]).json())[0].1;
    let (below, above) = (surest - 0.01, surest + 0.01);
    let answered = predict(&weights, &["--threshold", &below.to_string()]);
    assert_eq!(answered.stdout, plain.stdout);
    let silent = predict(&weights, &["--threshold", &above.to_string()]);
    let lines: Vec<&str> = silent.stdout.lines().collect();
    assert_eq!(lines[1], "  none of these");
    assert_eq!(silent.code, 0);

    let json = predict(&weights, &["--threshold", &above.to_string(), "--json"]).json();
    assert_eq!(json["photographs"][0]["abstained"], true);
    assert_eq!(json["threshold"], above);
    let json = predict(&weights, &["--threshold", "0", "--json"]).json();
    assert_eq!(json["photographs"][0]["abstained"], false);
    let json = predict(&weights, &["--json"]).json();
    assert!(json["photographs"][0].get("abstained").is_none());
    for bad in ["1.5", "-0.1", "NaN", "much"] {
        predict(&weights, &["--threshold", bad]).assert_fails(2, &["a number from 0 to 1"]);
    }
}

#[test]
fn runs_end_with_a_temperature_in_their_card() {
    let root = tempfile::tempdir().unwrap();
    let (data, out) = (root.path().join("data"), root.path().join("run"));
    tiny_data(&data);
    let fixed = ["train", "--data", text(&data), "--out", text(&out)];
    let settings = ["--model", "E3K3@8/2", "--epochs", "2", "--batch", "4"];
    let ran = scarlet([&fixed[..], &settings].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let card = |path: &Path| {
        let network = Scarlet::open(path, &Device::flex()).unwrap();
        network.card().unwrap().temperature.clone()
    };
    let found = card(&out.join("best.safetensors")).unwrap();
    assert_eq!(found.of, "held-out images");
    assert!(found.images > 3, "{found:?}");
    assert_eq!(card(&out.join("last.safetensors")), None);

    let out = root.path().join("found");
    let ran = scarlet(tiny_run("search", &data, &out));
    assert_eq!(ran.code, 0, "{ran:?}");
    let found = card(&out.join("network/network.safetensors")).unwrap();
    assert_eq!((found.of.as_str(), found.images), ("test images", 8));
}

#[test]
fn a_network_that_says_no_temperature_needs_none() {
    let photo = photograph("coffee.png");
    let json = scarlet_tiny(3, &["predict", text(&photo), "--json"]).json();
    assert!(json.get("temperature").is_none());
    assert!(json.get("threshold").is_none());
}

/// Photographs of dusk and noon, which the network of [`trained`] mostly tells apart.
fn photographs(root: &Path) -> PathBuf {
    let data = root.join("days");
    for (part, count) in [("train", 24u32), ("test", 12)] {
        for (class, name) in ["dusk", "noon"].iter().enumerate() {
            let folder = data.join(part).join(name);
            fs::create_dir_all(&folder).unwrap();
            for index in 0..count {
                let image = RgbImage::from_fn(24, 24, |x, y| {
                    // Every fourth image could be of either class.
                    let light = if index % 4 == 0 {
                        60
                    } else {
                        110 * class as u32
                    };
                    let noise = (x * 31 + y * 17 + index * 57) % 90;
                    Rgb([
                        (light + noise) as u8,
                        (5 * y) as u8,
                        (light / 2 + 3 * x) as u8,
                    ])
                });
                image.save(folder.join(format!("{index}.png"))).unwrap();
            }
        }
    }
    data
}

/// A network that was trained on them.
fn trained(data: &Path, out: &Path, more: &[&str]) -> PathBuf {
    let fixed = ["train", "--data", text(data), "--out", text(out)];
    let settings = [
        "--model",
        "E3K3@8/2 E3K3@16/2",
        "--resolution",
        "32",
        "--batch",
        "8",
    ];
    let ran = scarlet([&fixed[..], &settings, more].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    out.join("best.safetensors")
}

fn eval(data: &Path, weights: &Path, more: &[&str]) -> Ran {
    let fixed = ["eval", text(data), "--weights", text(weights)];
    scarlet([&fixed[..], more].concat())
}

#[test]
fn a_page_says_whether_a_network_can_be_trusted() {
    let root = tempfile::tempdir().unwrap();
    let data = photographs(root.path());
    let weights = trained(&data, &root.path().join("run"), &["--epochs", "6"]);
    let page = root.path().join("page.html");
    let ran = eval(&data, &weights, &["--report", text(&page), "--json"]);
    assert!(ran.stderr.contains("the page is "), "{ran:?}");
    let json = ran.json();
    let trust = &json["trust"];
    assert_eq!(trust["images"], 24);
    assert_eq!(trust["after"]["source"], "network");
    assert_eq!(trust["after"]["temperatures"][0], trust["temperature"]);
    assert_eq!(trust["before"]["bins"].as_array().unwrap().len(), 15);
    let all = &trust["coverage"][0];
    assert_eq!(
        (&all["threshold"], &all["answered"]),
        (&0.0.into(), &24.into())
    );
    assert_eq!(all["accuracy"], json["top1"]);
    for class in trust["classes"].as_array().unwrap() {
        let number = |name: &str| class[name].as_f64().unwrap();
        assert!((number("recall") - number("right") / number("images")).abs() < 1e-12);
    }
    let classes = trust["classes"].as_array().unwrap();
    let right: u64 = classes.iter().map(|it| it["right"].as_u64().unwrap()).sum();
    assert_eq!(right as f64 / 24.0, json["top1"].as_f64().unwrap());

    // One file that asks nobody for anything.
    let html = fs::read_to_string(&page).unwrap();
    for outside in ["http://", "https://", "src=\"/", "<link", "@import"] {
        let found = html.replace("http://www.w3.org/", "");
        assert!(!found.contains(outside), "{outside}");
    }
    for part in [
        "<h2>What it confuses</h2>",
        "<h2>Images to look at</h2>",
        "<h2>Is it right as often as it claims?</h2>",
        "<h2>When should it abstain?</h2>",
        "fitted on other images than these",
        "alt=\"where it saw ",
        "src=\"data:image/jpeg;base64,",
        "test/dusk/",
    ] {
        assert!(html.contains(part), "no {part}");
    }
    // The run's own page has the same sections.
    let own = fs::read_to_string(root.path().join("run/report.html")).unwrap();
    assert!(own.contains("<h2>When should it abstain?</h2>"));
    assert!(own.contains("alt=\"where it saw "));

    let shown = eval(&data, &weights, &[]).stdout;
    assert!(shown.contains("\n  calibration error "), "{shown}");
    assert!(shown.contains("\n  99 % right with"), "{shown}");
}

#[test]
fn no_image_judges_what_was_fitted_on_it() {
    let root = tempfile::tempdir().unwrap();
    let data = photographs(root.path());
    // Without a temperature, of another name than what it was trained on.
    let weights = trained(&data, &root.path().join("run"), &["--epochs", "6"]);
    let last = weights.with_file_name("last.safetensors");
    let source = |data: &Path, weights: &Path| {
        let ran = eval(data, weights, &["--json"]);
        let json = ran.json();
        (json["trust"]["after"]["source"].clone(), ran.stderr)
    };
    let (found, _) = source(&data, &last);
    assert_eq!(found, "halves");
    // What it was trained on judges nothing.
    let test = root.path().join("other/days");
    fs::create_dir_all(test.parent().unwrap()).unwrap();
    fs::rename(data.join("train"), &test).unwrap();
    let (found, said) = source(&test, &weights);
    assert_eq!(found, "halves");
    let warning = "the network seems to have been trained on these images";
    assert!(said.contains(warning), "{said}");
}

#[test]
fn a_deployed_network_has_a_page_without_maps() {
    let root = tempfile::tempdir().unwrap();
    let data = photographs(root.path());
    let weights = network(root.path(), "plain.safetensors", None);
    let deployed = root.path().join("plain.scarlet");
    let ran = scarlet(["deploy", text(&deployed), "--weights", text(&weights)]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // It has a class more, and so only knows numbers.
    let numbered = root.path().join("numbered");
    for (number, name) in ["dusk", "noon"].iter().enumerate() {
        let target = numbered.join(number.to_string());
        fs::create_dir_all(&numbered).unwrap();
        fs::rename(data.join("test").join(name), target).unwrap();
    }
    let page = root.path().join("page.html");
    let ran = eval(&numbered, &deployed, &["--report", text(&page)]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let html = fs::read_to_string(&page).unwrap();
    assert!(!html.contains("where it saw"));
    assert!(html.contains("this is a file that scarlet deploy wrote"));
    assert!(html.contains("The network’s file has no temperature"));
}

#[test]
fn a_page_that_cannot_be_written_is_found_at_the_start() {
    let root = tempfile::tempdir().unwrap();
    let data = photographs(root.path());
    let weights = network(root.path(), "plain.safetensors", None);
    eval(&data, &weights, &["--report", "no-such-folder/page.html"])
        .assert_fails(1, &["cannot write no-such-folder/page.html"]);
    let over = eval(&data, &weights, &["--report", text(&weights)]);
    assert_eq!(over.code, 2, "{over:?}");
}

#[test]
fn two_networks_are_compared_on_the_same_images() {
    let root = tempfile::tempdir().unwrap();
    let data = photographs(root.path());
    let good = trained(&data, &root.path().join("good"), &["--epochs", "6"]);
    // One that has learned nothing, and sees the images in another size.
    let fixed = ["--learning-rate", "0.0000001", "--epochs", "1"];
    let bad = trained(&data, &root.path().join("bad"), &fixed);
    let ran = eval(&data, &good, &["--against", text(&bad), "--json"]);
    let json = ran.json();
    let against = &json["against"];
    assert_eq!(
        (&against["images"], &against["weights"]),
        (&24.into(), &text(&bad).into())
    );
    assert_eq!(against["this_top1"], json["top1"]);
    let other = eval(&data, &bad, &["--json"]).json();
    assert_eq!(against["other_top1"], other["top1"]);
    let number = |name: &str| against[name].as_f64().unwrap();
    let difference = 24.0 * (number("this_top1") - number("other_top1"));
    assert!((number("only_this") - number("only_other") - difference).abs() < 1e-9);

    let shown = eval(&data, &good, &["--against", text(&bad)]).stdout;
    for part in [
        "against custom (",
        ", on the same 24 images",
        "(McNemar's exact test)",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    let itself = eval(&data, &good, &["--against", text(&good)]).stdout;
    assert!(
        itself.contains("They get the same images right."),
        "{itself}"
    );
    eval(&data, &good, &["--against", "no-such-file.safetensors"])
        .assert_fails(1, &["no-such-file.safetensors"]);
}
