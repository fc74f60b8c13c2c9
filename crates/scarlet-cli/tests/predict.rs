//! `scarlet predict`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::Path;

use common::{
    Ran, TINY, copy_photograph, photograph, scarlet, scarlet_tiny, write_damaged_photograph,
};
use scarlet::burn::tensor::{Device, Tensor, TensorData};
use scarlet::fold::FoldOptions;
use scarlet::weights::Precision;
use scarlet::{Architecture, Scarlet, ScarletConfig, top_k};
use scarlet_data::{DecodeOptions, load_image};
use serde_json::Value;

/// A network with weights that are not those of any seed, saved to `path`.
fn save_network(path: &Path, classes: usize) -> Scarlet {
    let architecture: Architecture = TINY.parse().unwrap();
    let network = ScarletConfig::from(architecture)
        .with_classes(classes)
        .with_resolution(64)
        .try_init_seeded(1, &Device::flex())
        .unwrap();
    network.save(path, Precision::F32).unwrap();
    network
}

fn predict(paths: &[&Path], more: &[&str]) -> Ran {
    let paths = paths.iter().map(|path| path.to_str().unwrap());
    let arguments: Vec<&str> = std::iter::once("predict")
        .chain(paths)
        .chain(more.iter().copied())
        .collect();
    scarlet(arguments)
}

fn classes(photograph: &Value) -> Vec<u64> {
    photograph["predictions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|prediction| prediction["class"].as_u64().unwrap())
        .collect()
}

#[test]
fn predictions_are_the_librarys() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("tiny.safetensors");
    let network = save_network(&weights, 7);
    let photo = photograph("chelsea.png");
    // The file says which network it holds.
    let json = predict(
        &[&photo],
        &["--weights", weights.to_str().unwrap(), "--json"],
    )
    .json();

    let preprocessing = network.architecture().preprocessing;
    let image = load_image(&photo, &preprocessing, 3, &DecodeOptions::default()).unwrap();
    let image = Tensor::from_data(TensorData::new(image, [1, 3, 64, 64]), &Device::flex());
    let (folded, _) = network.fold(&FoldOptions::default()).unwrap();
    let expected = top_k(folded.forward(image), 5);

    assert_eq!(json["model"], "custom");
    assert_eq!(json["device"], "cpu");
    assert_eq!(json["resolution"], 64);
    assert_eq!(json["weights"], weights.to_str().unwrap());
    assert_eq!(json["unreadable"], Value::Array(Vec::new()));
    let photographs = json["photographs"].as_array().unwrap();
    assert_eq!(photographs.len(), 1);
    assert_eq!(photographs[0]["path"], photo.to_str().unwrap());
    let predictions = photographs[0]["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), 5);
    for (prediction, expected) in predictions.iter().zip(&expected[0]) {
        assert_eq!(prediction["class"], expected.class);
        assert_eq!(prediction["name"], format!("class {}", expected.class));
        assert_eq!(prediction["wnid"], Value::Null);
        let probability = prediction["probability"].as_f64().unwrap();
        assert!((probability - f64::from(expected.probability)).abs() < 1e-6);
    }
}

#[test]
fn random_weights_follow_their_seed() {
    let photo = photograph("coffee.png");
    let with_seed = |seed: &str| {
        let arguments = ["predict", photo.to_str().unwrap(), "--seed", seed, "--json"];
        let json = scarlet_tiny(1000, &arguments).json();
        classes(&json["photographs"][0])
    };
    assert_eq!(with_seed("1"), with_seed("1"));
    assert_ne!(with_seed("1"), with_seed("2"));
}

#[test]
fn a_photograph_is_printed_with_its_classes_under_it() {
    let photo = photograph("coffee.png");
    let photo = photo.to_str().unwrap();
    let ran = scarlet_tiny(1000, &["predict", photo, "--top-k", "3"]);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{ran:?}");
    assert_eq!(lines[0], photo);
    assert!(
        lines[1..].iter().all(|line| line.contains(" % ")),
        "{ran:?}"
    );
}

#[test]
fn folders_are_searched_and_batches_keep_the_order() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b/2.png", "a/3.PNG", "a/1.png", "c.png"] {
        copy_photograph("chelsea.png", &folder.path().join(name));
    }
    fs::write(folder.path().join("notes.txt"), "").unwrap();
    let path = folder.path().to_str().unwrap();
    let json = scarlet_tiny(10, &["predict", path, "--batch", "3", "--json"]).json();
    let names: Vec<&str> = json["photographs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|photograph| {
            let path = photograph["path"].as_str().unwrap();
            path.strip_prefix(path_prefix(folder.path()).as_str())
                .unwrap()
        })
        .collect();
    assert_eq!(names, ["a/1.png", "a/3.PNG", "b/2.png", "c.png"]);
    let first = classes(&json["photographs"][0]);
    assert_eq!(classes(&json["photographs"][3]), first);
}

fn path_prefix(folder: &Path) -> String {
    format!("{}/", folder.display())
}

#[test]
fn a_damaged_photograph_is_reported_counted_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    copy_photograph("chelsea.png", &folder.path().join("good.png"));
    let damaged = folder.path().join("damaged.jpg");
    write_damaged_photograph(&damaged);
    let path = folder.path().to_str().unwrap();

    let ran = scarlet_tiny(10, &["predict", path, "--json"]);
    let told = format!("warning: {} is damaged", damaged.display());
    assert!(ran.stderr.contains(&told), "{ran:?}");
    assert!(
        ran.stderr.contains("1 of 2 photographs could not be read"),
        "{ran:?}"
    );
    let json = ran.json();
    assert_eq!(json["photographs"].as_array().unwrap().len(), 1);
    assert_eq!(json["unreadable"][0]["path"], damaged.to_str().unwrap());
    let error = json["unreadable"][0]["error"].as_str().unwrap();
    assert!(error.contains("is damaged"), "{error}");

    let ran = scarlet_tiny(10, &["predict", path, "--strict"]);
    ran.assert_fails(1, &["error: 1 of 2 photographs could not be read"]);
    assert!(ran.stdout.contains("good.png"), "{ran:?}");
    scarlet_tiny(10, &["predict", damaged.to_str().unwrap()])
        .assert_fails(1, &["error: 1 of 1 photographs could not be read"]);
}

#[test]
fn paths_without_photographs_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    scarlet_tiny(10, &["predict", path]).assert_fails(
        1,
        &["holds no images (JPEG, PNG, WebP, BMP, GIF or TIFF files)"],
    );
    scarlet_tiny(10, &["predict", "no-such-photo.jpg"])
        .assert_fails(1, &["there is nothing at no-such-photo.jpg"]);
}

#[test]
fn classes_are_named_by_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let names = folder.path().join("names.txt");
    let names_text = names.to_str().unwrap();
    fs::write(&names, "tulip\nrose\nlily\n").unwrap();
    let photo = photograph("flower.jpg");
    let arguments = ["predict", photo.to_str().unwrap(), "--classes", names_text];
    let ran = scarlet_tiny(3, &arguments);
    for name in ["tulip", "rose", "lily"] {
        assert!(ran.stdout.contains(name), "{ran:?}");
    }
    scarlet_tiny(4, &arguments).assert_fails(
        1,
        &["names.txt names 3 classes, one per line, but the network has 4"],
    );
}

#[test]
fn missing_weights_say_how_to_get_them() {
    let photo = photograph("coffee.png");
    predict(&[&photo], &["--model", "scarlet-a"]).assert_fails(
        1,
        &[
            "no weights of scarlet-a can be downloaded",
            "questionnaire",
            "--weights FILE",
            "--random-init",
        ],
    );
    predict(&[&photo], &["--model", TINY]).assert_fails(1, &["--weights FILE"]);
    predict(&[&photo], &["--weights", "no-such-file.pth"])
        .assert_fails(1, &["there is no file `no-such-file.pth`"]);
    predict(&[&photo], &["--weights", "hf:nobody"])
        .assert_fails(2, &["expected hf:owner/repo[@revision][/file]"]);
}

#[test]
fn weights_of_another_network_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("tiny.safetensors");
    save_network(&weights, 7);
    let weights_text = weights.to_str().unwrap();
    let photo = photograph("coffee.png");
    for model in [&["--model", TINY][..], &[]] {
        let more = [
            &["--weights", weights_text, "--num-classes", "5"][..],
            model,
        ]
        .concat();
        predict(&[&photo], &more).assert_fails(
            1,
            &["these weights are of a network with 7 classes, not 5: give --num-classes 7"],
        );
    }
    predict(
        &[&photo],
        &["--weights", weights_text, "--model", "scarlet-c"],
    )
    .assert_fails(1, &["scarlet-c"]);

    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    predict(&[&photo], &["--weights", weights_text])
        .assert_fails(1, &["tiny.safetensors` is cut off"]);
}

/// A network of `channels` channels for images of 32 pixels, as a file in a run's folder.
fn save_small_network(folder: &Path, channels: usize) -> Scarlet {
    let mut architecture: Architecture = TINY.parse().unwrap();
    architecture.input_channels = channels;
    architecture.preprocessing.resolution = 32;
    let network = ScarletConfig::from(architecture.clone())
        .with_classes(2)
        .try_init_seeded(1, &Device::flex())
        .unwrap();
    let file = folder.join("network.safetensors");
    network.save(&file, Precision::F32).unwrap();
    let architecture = network.architecture().to_json();
    fs::write(folder.join("architecture.json"), architecture).unwrap();
    fs::write(folder.join("classes.txt"), "shirt\nbag\n").unwrap();
    network
}

#[test]
fn a_grey_network_sees_photographs_of_any_size_in_grey() {
    let folder = tempfile::tempdir().unwrap();
    let network = save_small_network(folder.path(), 1);
    let weights = folder.path().join("network.safetensors");
    let photos = [
        photograph("coffee.png"),
        folder.path().join("small.png"),
        folder.path().join("narrow.png"),
    ];
    for (photo, size) in photos[1..].iter().zip([(28, 28), (1, 9)]) {
        let image = scarlet_data::RgbImage::from_fn(size.0, size.1, |x, y| {
            scarlet_data::Rgb([(9 * x) as u8, (9 * y) as u8, 200])
        });
        image.save(photo).unwrap();
    }
    let paths: Vec<&Path> = photos.iter().map(|path| path.as_path()).collect();
    let arguments = ["--weights", weights.to_str().unwrap(), "--json"];
    let json = predict(&paths, &arguments).json();
    for (photo, found) in photos.iter().zip(json["photographs"].as_array().unwrap()) {
        let expected = network.forward(network.read_photograph(photo).unwrap());
        let expected = top_k(expected, 2);
        for (found, expected) in found["predictions"]
            .as_array()
            .unwrap()
            .iter()
            .zip(&expected[0])
        {
            // The names beside the weights.
            assert_eq!(found["name"], ["shirt", "bag"][expected.class]);
            let probability = found["probability"].as_f64().unwrap();
            assert!((probability - f64::from(expected.probability)).abs() < 1e-5);
        }
    }
}

/// Takes the description of the network out of a safetensors file.
fn remove_metadata(file: &Path) {
    let bytes = fs::read(file).unwrap();
    let (length, rest) = bytes.split_at(8);
    let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
    let (header, tensors) = rest.split_at(length);
    let mut header: Value = serde_json::from_slice(header).unwrap();
    header
        .as_object_mut()
        .unwrap()
        .remove("__metadata__")
        .unwrap();
    let header = header.to_string();
    let length = (header.len() as u64).to_le_bytes();
    fs::write(file, [&length, header.as_bytes(), tensors].concat()).unwrap();
}

#[test]
fn a_description_beside_the_weights_serves_a_file_without() {
    let folder = tempfile::tempdir().unwrap();
    save_small_network(folder.path(), 3);
    let file = folder.path().join("network.safetensors");
    remove_metadata(&file);
    let photo = photograph("coffee.png");
    let arguments = ["--weights", file.to_str().unwrap(), "--json"];
    let json = predict(&[&photo], &arguments).json();
    assert_eq!(json["resolution"], 32);
    let name = &json["photographs"][0]["predictions"][0]["name"];
    assert!(name == "shirt" || name == "bag", "{name}");
    fs::remove_file(folder.path().join("architecture.json")).unwrap();
    predict(&[&photo], &arguments).assert_fails(1, &["network.safetensors"]);
}

#[test]
fn a_network_for_neither_colour_nor_grey_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.json");
    let mut architecture: Architecture = TINY.parse().unwrap();
    architecture.input_channels = 2;
    fs::write(&path, architecture.to_json()).unwrap();
    let photo = photograph("coffee.png");
    predict(
        &[&photo],
        &["--model", path.to_str().unwrap(), "--random-init"],
    )
    .assert_fails(
        1,
        &["takes images of 2 channels, but images are read in colour (3) or in grey (1)"],
    );
}
