//! What the program wrote when networks were a stem, layers and a head (format 1) still opens: the
//! files in `format1`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{photograph, scarlet, tiny_data};
use scarlet::Architecture;

fn fixture(path: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    tests.join("format1").join(path)
}

/// Paths as arguments.
fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn networks_compute_what_they_did() {
    let then = fs::read(fixture("network/coffee.json")).unwrap();
    let then: serde_json::Value = serde_json::from_slice(&then).unwrap();
    let image = photograph("coffee.png");
    for file in ["network.safetensors", "network.scarlet"] {
        let weights = fixture("network").join(file);
        let args = [
            "predict",
            "--json",
            "--weights",
            text(&weights),
            text(&image),
        ];
        let now = scarlet(args).json();
        assert_eq!(now["model"], "tiny-02", "{file}");
        assert_eq!(now["resolution"], then["resolution"], "{file}");
        let predictions = |run: &serde_json::Value| -> Vec<(u64, f64)> {
            let predictions = run["photographs"][0]["predictions"].as_array().unwrap();
            let pairs = predictions.iter().map(|it| {
                let class = it["class"].as_u64().unwrap();
                (class, it["probability"].as_f64().unwrap())
            });
            pairs.collect()
        };
        let (now, then) = (predictions(&now), predictions(&then));
        assert_eq!((now.len(), then.len()), (2, 2), "{file}");
        for (now, then) in now.iter().zip(&then) {
            assert_eq!(now.0, then.0, "{file}");
            assert!((now.1 - then.1).abs() < 1e-6, "{file}: {now:?} {then:?}");
        }
    }
}

#[test]
fn a_network_is_described_as_it_was() {
    let described = fixture("network/architecture.json");
    let json = fs::read_to_string(&described).unwrap();
    let network = Architecture::from_json(&json).unwrap();
    let whole = "C3@8/2:relu6 E1K3n:relu6 E3K3/2 - P16:relu6";
    assert_eq!(network.to_string(), whole);
    let saved = ["network.safetensors", "network.scarlet"];
    let saved = saved.map(|file| fixture("network").join(file));
    for model in [&described, &saved[0], &saved[1]] {
        let info = scarlet(["info", "--json", text(model)]).json();
        assert_eq!(info["layers"], "E3K3@8/2 -", "{model:?}");
        assert_eq!(info["cost"]["mult_adds"], 8576, "{model:?}");
        assert_eq!(info["cost"]["parameters"], 1162, "{model:?}");
    }
}

/// Nodes and weights, to the last bit; the description of the network is another.
#[test]
fn its_export_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let exported = folder.path().join("network.onnx");
    let weights = fixture("network/network.safetensors");
    let ran = scarlet(["export", text(&exported), "--weights", text(&weights)]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let graph = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        let mut windows = bytes.windows(6);
        // From the first node's input to the name of the output, which is before what is said
        // about the network.
        let start = windows.position(|it| it == b"images").unwrap();
        let end = bytes.windows(6).rposition(|it| it == b"logits").unwrap();
        bytes[start..end].to_vec()
    };
    let now = graph(&exported);
    assert!(now.len() > 4000, "{}", now.len());
    assert!(now == graph(&fixture("network/network.onnx")));
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match from.is_dir() {
            true => copy_folder(&from, &to),
            false => fs::copy(from, to).map(|_| ()).unwrap(),
        }
    }
}

/// Puts a run that was interrupted into `folder`, on the data that it had.
fn interrupted(name: &str, folder: &Path) -> PathBuf {
    let (data, run) = (folder.join("data"), folder.join("run"));
    tiny_data(&data);
    copy_folder(&fixture(name), &run);
    let config = run.join("config.json");
    let mut settings: serde_json::Value =
        serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    settings["data"]["source"] = text(&data).into();
    fs::write(config, settings.to_string()).unwrap();
    run
}

#[test]
fn interrupted_runs_go_on() {
    for name in ["supernet", "training"] {
        let folder = tempfile::tempdir().unwrap();
        let run = interrupted(name, folder.path());
        let chosen = fs::read(run.join("choice.json"));
        assert_eq!(chosen.is_ok(), name == "training");
        let args = ["search", "--threads", "1", "--json", "--resume", text(&run)];
        let done = scarlet(args).json();
        let accuracy = done["test_accuracy"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&accuracy), "{name}: {accuracy}");
        if let Ok(chosen) = chosen {
            assert!(fs::read(run.join("choice.json")).unwrap() == chosen);
            assert_eq!(done["network"]["genome"], "02");
        }
        for file in ["network.safetensors", "network.scarlet"] {
            let weights = run.join("network").join(file);
            let image = photograph("coffee.png");
            let args = [
                "predict",
                "--json",
                "--weights",
                text(&weights),
                text(&image),
            ];
            scarlet(args).json();
        }
    }
}
