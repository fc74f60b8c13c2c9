//! `scarlet predict --augment` and `scarlet eval --augment`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::Path;

use common::{TINY, photographs, scarlet, tiny_data};
use scarlet::burn::tensor::{Device, Tensor, TensorData};
use scarlet::trust::Temperature;
use scarlet::weights::Precision;
use scarlet::{Architecture, ModelCard, Scarlet, ScarletConfig};
use scarlet_data::{Rgb, RgbImage};
use serde_json::{Value, json};

/// What divides logits.
const TEMPERATURE: f64 = 1.7;
/// Sides of what the network sees, and of what photographs are resized to.
const SIDE: usize = 64;
const RESIZED: usize = 73;

/// A network of three classes that sees the middle of photographs, with a temperature. Trained, for one with
/// random weights says the same of all images.
fn save_network(path: &Path) -> Scarlet {
    let data = photographs(7);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    let ran = scarlet([
        "train",
        "--data",
        data.path().to_str().unwrap(),
        "--out",
        run.to_str().unwrap(),
        "--model",
        "E3K3@8/2 E3K3@8",
        "--resolution",
        "64",
        "--epochs",
        "12",
        "--batch",
        "4",
        "--learning-rate",
        "0.01",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let names = ["blue", "green", "red"].map(str::to_owned).to_vec();
    let temperature = Temperature::new(TEMPERATURE).unwrap();
    let card = ModelCard::new(names).with_temperature(temperature, "held-out images", 9);
    let network = Scarlet::open(run.join("last.safetensors"), &Device::flex()).unwrap();
    let network = network.with_card(card).unwrap();
    assert_eq!(network.architecture().preprocessing.resized_side(), RESIZED);
    network.save(path, Precision::F32).unwrap();
    network
}

/// A photograph of the size that photographs are resized to, unlike its mirror image.
fn save_photograph(path: &Path) -> RgbImage {
    let side = RESIZED as u32;
    let image = RgbImage::from_fn(side, side, |x, y| {
        Rgb([(3 * x) as u8, (x * y / 21) as u8, (255 - 2 * y) as u8])
    });
    image.save(path).unwrap();
    image
}

/// Mean probabilities over the crops that begin at these places, mirrored or not.
fn expected(network: &Scarlet, image: &RgbImage, views: &[(u32, u32, bool)]) -> Vec<f64> {
    let preprocessing = network.architecture().preprocessing;
    let side = SIDE as u32;
    let mut mean = vec![0.0; 3];
    for &(left, top, mirrored) in views {
        let mut values = Vec::new();
        for channel in 0..3 {
            for y in 0..side {
                for x in 0..side {
                    let x = if mirrored { side - 1 - x } else { x };
                    let value = f32::from(image.get_pixel(left + x, top + y).0[channel]) / 255.0;
                    values.push((value - preprocessing.mean[channel]) / preprocessing.std[channel]);
                }
            }
        }
        let images =
            Tensor::from_data(TensorData::new(values, [1, 3, SIDE, SIDE]), &Device::flex());
        let logits: Vec<f32> = network
            .try_forward(images)
            .unwrap()
            .to_data()
            .iter()
            .collect();
        let scaled = logits.iter().map(|&it| (f64::from(it) / TEMPERATURE).exp());
        let scaled: Vec<f64> = scaled.collect();
        let sum: f64 = scaled.iter().sum();
        for (mean, share) in mean.iter_mut().zip(scaled) {
            *mean += share / sum / views.len() as f64;
        }
    }
    mean
}

fn probabilities(photograph: &Value) -> Vec<f64> {
    let mut found = vec![f64::NAN; 3];
    for prediction in photograph["predictions"].as_array().unwrap() {
        found[prediction["class"].as_u64().unwrap() as usize] =
            prediction["probability"].as_f64().unwrap();
    }
    found
}

#[test]
fn probabilities_are_the_mean_over_the_views() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("tiny.safetensors");
    let photo = folder.path().join("photo.png");
    let (network, image) = (save_network(&weights), save_photograph(&photo));
    let predict = |more: &[&str]| {
        let fixed = [
            "predict",
            photo.to_str().unwrap(),
            "--weights",
            weights.to_str().unwrap(),
            "--json",
        ];
        scarlet([&fixed[..], more].concat()).json()
    };
    // Half of the nine pixels, to even; corners are those of the square of 72.
    let flips = |places: &[(u32, u32)]| -> Vec<(u32, u32, bool)> {
        let both = places
            .iter()
            .flat_map(|&(x, y)| [(x, y, false), (x, y, true)]);
        both.collect()
    };
    let five = [(4, 4), (0, 0), (8, 0), (0, 8), (8, 8)];
    let plain: Vec<_> = five.iter().map(|&(x, y)| (x, y, false)).collect();
    for (asked, kinds, views) in [
        (&[][..], json!(null), vec![(4, 4, false)]),
        (&["--augment", "flip"], json!(["flip"]), flips(&[(4, 4)])),
        (&["--augment", "crops"], json!(["crops"]), plain),
        (
            &["--augment", "flip,crops"],
            json!(["flip", "crops"]),
            flips(&five),
        ),
    ] {
        let found = predict(asked);
        assert_eq!(found["augment"], kinds);
        if !kinds.is_null() {
            assert_eq!(found["views"], views.len());
        }
        let expected = expected(&network, &image, &views);
        for (found, expected) in probabilities(&found["photographs"][0])
            .iter()
            .zip(&expected)
        {
            assert!(
                (found - expected).abs() < 1e-5,
                "{asked:?}: {found} {expected}"
            );
        }
    }
    let plain = probabilities(&predict(&[])["photographs"][0]);
    let flipped = probabilities(&predict(&["--augment", "flip"])["photographs"][0]);
    assert!(
        plain
            .iter()
            .zip(&flipped)
            .any(|(a, b)| (a - b).abs() > 1e-4),
        "{plain:?} {flipped:?}"
    );
}

#[test]
fn an_evaluation_tells_the_accuracy_without_and_with() {
    // Of odd sizes too.
    let data = photographs(7);
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("tiny.safetensors");
    save_network(&weights);
    let eval = |more: &[&str]| {
        let fixed = [
            "eval",
            data.path().to_str().unwrap(),
            "--weights",
            weights.to_str().unwrap(),
        ];
        scarlet([&fixed[..], more].concat())
    };
    let results = folder.path().join("results.csv");
    let plain = eval(&["--json"]).json();
    assert!(plain.get("augmented").is_none());
    for augment in ["flip", "crops", "crops,flip"] {
        let found = eval(&[
            "--augment",
            augment,
            "--json",
            "--results",
            results.to_str().unwrap(),
        ])
        .json();
        let augmented = &found["augmented"];
        assert_eq!(augmented["top1_without"], plain["top1"], "{augment}");
        assert_eq!(
            augmented["top1_without_interval"], plain["top1_interval"],
            "{augment}"
        );
        let right = |top1: &Value| (top1.as_f64().unwrap() * 21.0).round();
        let only = |name: &str| augmented[name].as_f64().unwrap();
        assert_eq!(
            right(&found["top1"]) - right(&plain["top1"]),
            only("only_with") - only("only_without")
        );
        // What is written is with the views.
        let table = fs::read_to_string(&results).unwrap();
        let in_table = table
            .lines()
            .filter(|line| line.contains(",true,true,"))
            .count();
        assert_eq!(in_table as f64, right(&found["top1"]), "{table}");
    }
    let text = eval(&["--augment", "flip"]);
    assert!(
        text.stdout
            .contains("averaged over flip, 2 views of each image"),
        "{text:?}"
    );
    assert!(text.stdout.contains("  without   "), "{text:?}");
}

#[test]
fn views_that_cannot_be_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let weights = root.path().join("tiny.safetensors");
    save_network(&weights);
    let data = root.path().join("data");
    tiny_data(&data);
    let weights = weights.to_str().unwrap();
    let run = |augment: &str, more: &[&str]| {
        scarlet(
            [
                &[
                    "eval",
                    data.to_str().unwrap(),
                    "--weights",
                    weights,
                    "--augment",
                    augment,
                ],
                more,
            ]
            .concat(),
        )
    };
    run("zoom", &[]).assert_fails(2, &["zoom", "flip"]);
    let network: Architecture = TINY.parse().unwrap();
    let mut whole = network.clone();
    whole.preprocessing.crop_ratio = 1.0;
    let file = root.path().join("whole.safetensors");
    let whole = ScarletConfig::from(whole)
        .with_classes(3)
        .with_resolution(SIDE);
    let whole = whole.try_init_seeded(1, &Device::flex()).unwrap();
    whole.save(&file, Precision::F32).unwrap();
    let photo = root.path().join("photo.png");
    save_photograph(&photo);
    let args = [
        "predict",
        photo.to_str().unwrap(),
        "--weights",
        file.to_str().unwrap(),
        "--augment",
        "crops",
    ];
    scarlet(args).assert_fails(
        2,
        &[
            "there are no crops to take: the network sees 64×64",
            "--augment flip",
        ],
    );
}
