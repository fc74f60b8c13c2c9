//! `scarlet probe`: how well a network's features tell classes apart.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::Path;

use common::{scarlet, tiny_data};
use scarlet_data::{Rgb, RgbImage};

const NETWORK: &str = "C3@8/2:relu6 E1K3@8:relu6 E4K5s@12/2 E3K3@12 P16";

fn weights(folder: &Path) -> String {
    let file = folder.join("weights.safetensors").display().to_string();
    let network = ["--model", NETWORK, "--num-classes", "5", "--random-init"];
    let ran = scarlet(["export", &file].iter().chain(&network));
    assert_eq!(ran.code, 0, "{ran:?}");
    file
}

#[test]
fn features_of_random_weights_tell_bright_halves_apart() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    tiny_data(&data);
    let (data, weights) = (data.to_str().unwrap(), weights(root.path()));
    let fixed = ["probe", "--data", data, "--weights", &weights];
    let report = scarlet(fixed.iter().chain(&["--json"])).json();
    assert_eq!(report["judged_by"], "test images");
    assert_eq!(report["fitted_images"], 64);
    assert_eq!(report["judged_images"], 8);
    let network = &report["networks"][0];
    assert_eq!(network["features"], 16);
    assert_eq!(network["top1"], 1.0, "{network}");
    assert!(network["latency_ms"].as_f64().unwrap() > 0.0);
    // The same bits again.
    let again = scarlet(fixed.iter().chain(&["--json"])).json();
    assert_eq!(again["networks"][0]["penalty"], network["penalty"]);
    let text = scarlet(fixed);
    assert_eq!(text.code, 0, "{text:?}");
    assert!(
        text.stdout.contains("none faster is as accurate"),
        "{text:?}"
    );
}

#[test]
fn features_are_written_for_other_programs() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    tiny_data(&data);
    let (data, weights) = (data.to_str().unwrap(), weights(root.path()));
    let embed = |name: &str| {
        let file = root.path().join(name);
        let fixed = ["probe", "--data", data, "--weights", &weights, "--embed"];
        let ran = scarlet(fixed.iter().copied().chain([file.to_str().unwrap()]));
        (file, ran)
    };
    let (csv, ran) = embed("features.csv");
    assert_eq!(ran.code, 0, "{ran:?}");
    let table = fs::read_to_string(csv).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|row| row.split(',').collect()).collect();
    assert_eq!(rows.len(), 1 + 72);
    assert_eq!(rows[0][..4], ["part", "class", "path", "f0"]);
    assert!(rows.iter().all(|row| row.len() == 3 + 16));
    assert_eq!(rows.iter().filter(|row| row[0] == "judged").count(), 8);

    let (npy, ran) = embed("features.npy");
    assert_eq!(ran.code, 0, "{ran:?}");
    let array = |file: &Path, shape: &str, bytes: usize| {
        let array = fs::read(file).unwrap();
        assert_eq!(&array[..8], b"\x93NUMPY\x01\x00");
        let length = 10 + usize::from(u16::from_le_bytes([array[8], array[9]]));
        assert_eq!(length % 64, 0);
        let header = String::from_utf8(array[10..length].to_vec()).unwrap();
        assert!(header.contains(shape) && header.ends_with('\n'), "{header}");
        assert_eq!(array.len(), length + bytes);
        array[length..].to_vec()
    };
    let values = array(&npy, "(72, 16)", 72 * 16 * 4);
    let first = f32::from_le_bytes(values[..4].try_into().unwrap());
    assert_eq!(rows[1][3].parse::<f32>().unwrap(), first);
    array(&npy.with_extension("labels.npy"), "(72,)", 72 * 8);

    let (_, ran) = embed("features.xyz");
    ran.assert_fails(2, &["as .csv or .npy", "features.xyz"]);
}

/// Grey images of two classes, so noisy that classifiers need many of them: at the left or the right a
/// little brighter.
fn noisy_data(folder: &Path, each: u32) {
    let mut state = 7u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    for (part, each) in [("train", each), ("test", each)] {
        for class in 0..2u32 {
            let folder = folder.join(part).join(class.to_string());
            fs::create_dir_all(&folder).unwrap();
            for index in 0..each {
                let image = RgbImage::from_fn(16, 16, |x, _| {
                    let brighter = if x / 8 == class { 14 } else { 0 };
                    Rgb([noise() / 2 + brighter; 3])
                });
                image.save(folder.join(format!("{index:03}.png"))).unwrap();
            }
        }
    }
}

#[test]
fn a_learning_curve_says_what_more_images_would_bring() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    noisy_data(&data, 64);
    let page = root.path().join("page.html");
    let weights = weights(root.path());
    let (source, page) = (data.to_str().unwrap(), page.to_str().unwrap());
    let fixed = [
        "probe",
        "--data",
        source,
        "--weights",
        &weights,
        "--resolution",
        "16",
        "--learning-curve",
    ];
    let report = scarlet(fixed.iter().chain(&["--report", page, "--json"])).json();
    let curve = &report["learning_curve"];
    assert_eq!(curve["images"], 128);
    assert_eq!(curve["judged_images"], 128);
    let points = curve["points"].as_array().unwrap();
    let images: Vec<u64> = points
        .iter()
        .map(|it| it["images"].as_u64().unwrap())
        .collect();
    assert_eq!(images, [16, 22, 32, 46, 64, 90, 128]);
    // With all images it is the classifier that the probe itself fits.
    assert_eq!(points[6]["accuracy"], report["networks"][0]["top1"]);
    assert!(
        points
            .iter()
            .all(|it| it["draws"].as_array().unwrap().len() == 5)
    );
    assert!(curve["verdict"]["kind"].is_string(), "{curve}");
    let again = scarlet(fixed.iter().chain(&["--json"])).json();
    assert_eq!(&again["learning_curve"], curve);
    let html = fs::read_to_string(page).unwrap();
    for part in ["<h2>More images</h2>", "<svg ", "<h2>Networks</h2>"] {
        assert!(html.contains(part), "no {part:?} in {html}");
    }
    let text = scarlet(fixed);
    assert!(text.stdout.contains("\nlearning curve\n"), "{text:?}");
    assert!(text.stdout.contains("5 times each"), "{text:?}");

    // Without test images, each is judged by classifiers fitted to others.
    fs::remove_dir_all(data.join("test")).unwrap();
    let report = scarlet(fixed.iter().chain(&["--json"])).json();
    let curve = &report["learning_curve"];
    assert_eq!(
        (&curve["images"], &curve["judged_images"]),
        (&128.into(), &128.into())
    );
    assert_eq!(curve["points"][6]["images"], 102);
    assert!(scarlet(fixed).stdout.contains("fifth of the images"));
}

#[test]
fn a_learning_curve_of_too_few_images_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    noisy_data(&data, 15);
    let weights = weights(root.path());
    let ran = scarlet([
        "probe",
        "--data",
        data.to_str().unwrap(),
        "--weights",
        &weights,
        "--resolution",
        "16",
        "--learning-curve",
    ]);
    ran.assert_fails(2, &["class `0` has 15 images", "needs 16 of each class"]);
}

#[test]
fn what_cannot_be_probed_is_said() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    tiny_data(&data);
    let data = data.to_str().unwrap();
    let run = |more: &[&str]| scarlet(["probe", "--data", data].iter().chain(more));
    run(&["--model", "efficientnet-lite9"])
        .assert_fails(2, &["did you mean \"efficientnet-lite0\"?"]);
    run(&["--weights", "none.pth"]).assert_fails(1, &["none.pth"]);
    run(&["--model", "scarlet-a"]).assert_fails(1, &["scarlet-a"]);
    let two = ["--model", "scarlet-a", "scarlet-b", "--embed", "x.csv"];
    run(&two).assert_fails(2, &["2 are to be compared"]);
    scarlet([
        "probe",
        "--data",
        "nowhere",
        "--model",
        "efficientnet-lite0",
    ])
    .assert_fails(2, &["nowhere"]);
}
