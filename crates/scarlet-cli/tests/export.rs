//! `scarlet export`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;

use common::{root, scarlet, scarlet_tiny};
use scarlet::burn::tensor::Device;
use scarlet::weights::{Entry, Precision, StateDict, formula};
use scarlet::{Architecture, Scarlet};

#[test]
fn the_ending_decides_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();

    let onnx = path("tiny.onnx");
    let json = scarlet_tiny(7, &["export", &onnx, "--images", "2", "--json"]).json();
    let bytes = fs::read(&onnx).unwrap();
    assert_eq!(json["bytes"], bytes.len());
    assert_eq!(
        (json["classes"].as_u64(), json["resolution"].as_u64()),
        (Some(7), Some(64))
    );
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("HardSwish") && text.contains("mb_module.0.conv1.weight"));

    let weights = path("tiny.safetensors");
    let ran = scarlet_tiny(7, &["export", &weights, "--half"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("7 classes"), "{ran:?}");
    let network = Scarlet::open(&weights, &Device::flex()).unwrap();
    assert_eq!(network.architecture().classes, 7);
}

#[test]
fn what_a_file_does_not_say_is_said_aloud_and_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // A network of SCARLET's plan, without a word about its activation, beside a loss.
    let layers = "E3K3 - E3K3 - - - E3K3 - - - E3K3 - - - E3K3 - - - E3K3";
    let architecture: Architecture = layers.parse().unwrap();
    let network = formula::state_dict(&architecture.with_classes(3));
    let entries = network.entries().iter().cloned();
    let entries = entries.map(|entry| {
        let name = format!("student.{}", entry.name());
        entry.renamed(name)
    });
    let loss = Entry::from_f32("criterion.weight", vec![3], || vec![1.0; 3]);
    let weights = path("weights.safetensors");
    StateDict::from_entries(entries.chain([loss]))
        .save(&weights, Precision::F16)
        .unwrap();
    let out = path("out.safetensors");
    let export = |more: &[&str]| {
        let fixed = ["export", &out, "--weights", &weights];
        scarlet(fixed.iter().chain(more).copied().collect::<Vec<_>>())
    };
    let activation = || {
        let network = Scarlet::open(&out, &Device::flex()).unwrap();
        network.architecture().activations()
    };
    let ran = export(&[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in [
        "left out",
        "criterion.weight",
        "h-swish was taken",
        "--origin fairnas",
    ] {
        assert!(ran.stderr.contains(part), "{ran:?}");
    }
    assert_eq!(activation(), "h-swish");
    let ran = export(&["--origin", "fairnas"]);
    assert!(
        ran.code == 0 && !ran.stderr.contains("h-swish was taken"),
        "{ran:?}"
    );
    assert_eq!(activation(), "relu6");
    // Who names a network that differs from what the file says is told.
    let described = out.clone();
    let out = path("again.onnx");
    let fixed = [
        "export",
        &out,
        "--weights",
        &described,
        "--num-classes",
        "3",
    ];
    let ran = scarlet(fixed.into_iter().chain(["--model", layers]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("a network with relu6"), "{ran:?}");
    export(&["--origin", "nobody"]).assert_fails(2, &["the origin `nobody`", "fairnas"]);
    export(&["--strip-prefix", "teacher"])
        .assert_fails(1, &["called `teacher`", "criterion, student"]);
    export(&["--rename", "student"]).assert_fails(2, &["expected the old name"]);
    export(&["--key", "ema"]).assert_fails(1, &["no tensors under `ema`"]);
}

#[test]
fn weights_are_not_overwritten_with_what_is_made_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    std::fs::write(&path, "weights").unwrap();
    let path = path.to_str().unwrap();
    for command in ["export", "deploy"] {
        scarlet([command, path, "--weights", path])
            .assert_fails(2, &["holds the weights themselves"]);
    }
    assert_eq!(std::fs::read(path).unwrap(), b"weights");
}

#[test]
fn what_cannot_be_is_said_before_anything_is_loaded() {
    let export = |args: &[&str]| {
        let fixed = ["export", "--weights", "no such file.safetensors"];
        scarlet(fixed.iter().chain(args).copied().collect::<Vec<_>>())
    };
    export(&["network.pb"]).assert_fails(2, &["network.pb must end in .onnx, .tflite or"]);
    export(&["x.onnx", "--classes", "names.txt"]).assert_fails(
        2,
        &["--classes does not apply to x.onnx: it is for files ending in .tflite"],
    );
    export(&["x.safetensors", "--int8", "photos"]).assert_fails(
        2,
        &["--int8 does not apply to x.safetensors: it is for files ending in .onnx and .tflite"],
    );
    export(&["x.tflite", "--images", "0"]).assert_fails(2, &["expected a whole number from 1"]);
    export(&["x.tflite", "--python", "python3"]).assert_fails(2, &["--verify <PHOTOGRAPHS>"]);
    export(&["/dev/null", "--verify", "photos"]).assert_fails(2, &["must end in .onnx"]);
    export(&["x.onnx", "--half"]).assert_fails(
        2,
        &["--half does not apply to x.onnx: it is for files ending in .safetensors"],
    );
    export(&["x.safetensors", "--opset", "17"])
        .assert_fails(2, &["--opset does not apply to x.safetensors"]);
    let ran = scarlet_tiny(7, &["export", "no such folder/x.onnx"]);
    ran.assert_fails(1, &["cannot write `no such folder/x.onnx`"]);
    let ran = scarlet_tiny(7, &["export", "no such folder/x.onnx", "--opset", "30"]);
    ran.assert_fails(2, &["`opset` is 30, but must be from 14 to 22"]);
}

#[test]
fn tflite_files_hold_names_and_bytes_and_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (names, tflite) = (path("names.txt"), path("tiny.tflite"));
    fs::write(&names, "tea\nrose\n").unwrap();
    let ran = scarlet_tiny(
        2,
        &["export", &tflite, "--classes", &names, "--images", "any"],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let floats = fs::read(&tflite).unwrap();
    assert!(String::from_utf8_lossy(&floats).contains("tea\nrose\n"));
    let shown = scarlet(["info", &tflite]);
    assert!(
        shown.stdout.contains("64×64 pixels, 2 classes"),
        "{shown:?}"
    );

    let photographs = root().join("examples/photos");
    let photographs = photographs.to_str().unwrap();
    let onnx = path("tiny.onnx");
    for (file, floats) in [(&tflite, floats.len()), (&onnx, floats.len())] {
        let json = scarlet_tiny(2, &["export", file, "--int8", photographs, "--json"]).json();
        assert_eq!(json["calibrated_on"], 5);
        assert!(
            json["bytes"].as_u64().unwrap() < floats as u64 * 2 / 3,
            "{json}"
        );
        let shown = scarlet(["info", file]);
        assert!(shown.stdout.contains(", int8, 64×64 pixels"), "{shown:?}");
    }
    fs::write(&names, "tea\n").unwrap();
    scarlet_tiny(2, &["export", &tflite, "--classes", &names])
        .assert_fails(1, &["names 1 classes, one per line, but the network has 2"]);
    scarlet_tiny(
        2,
        &["export", &tflite, "--int8", folder.path().to_str().unwrap()],
    )
    .assert_fails(1, &[folder.path().to_str().unwrap()]);
}

/// A program that is called as Python is. Another process writes it: while one has it open for
/// writing, be it a child that is only starting, it cannot be run.
#[cfg(unix)]
fn python(folder: &std::path::Path, script: &str) -> String {
    let path = folder.join("python");
    let path = path.to_str().unwrap();
    let write = r##"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod +x "$0""##;
    let status = std::process::Command::new("sh")
        .args(["-c", write, path, script])
        .status();
    assert!(status.unwrap().success());
    path.to_owned()
}

#[cfg(unix)]
#[test]
fn a_runtime_that_fails_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tiny.tflite");
    let certificate = folder.path().join("tiny.tflite.verify.json");
    let photographs = root().join("examples/photos");
    for (script, parts) in [
        (
            "echo no module >&2; exit 3",
            [
                "cannot load the runtime (no module)",
                "pip install ai-edge-litert",
            ],
        ),
        (
            "echo fell over >&2; exit 5",
            ["ai-edge-litert failed (exit status: 5)", "fell over"],
        ),
        (
            "kill -SEGV $$",
            ["ai-edge-litert failed (signal: 11", "It said"],
        ),
        (
            "exec sleep 60",
            [
                "did not answer within 1 seconds and was stopped",
                "--verify-seconds",
            ],
        ),
        (
            "echo hello",
            [
                "what ai-edge-litert answered cannot be understood",
                "It said",
            ],
        ),
        (
            r#"printf 1234 > "$9"; echo '{"version":"1","python":"3","batch":1,"milliseconds":1}'"#,
            ["1 logits instead of 35", "It said"],
        ),
    ] {
        fs::write(&certificate, "of an earlier file").unwrap();
        let python = python(folder.path(), script);
        let ran = scarlet_tiny(
            7,
            &[
                "export",
                out.to_str().unwrap(),
                "--verify",
                photographs.to_str().unwrap(),
                "--python",
                &python,
                "--verify-seconds",
                "1",
            ],
        );
        ran.assert_fails(1, &[&["nothing was verified"], &parts[..]].concat());
        assert!(out.is_file() && !certificate.exists(), "{ran:?}");
    }
    let ran = scarlet_tiny(
        7,
        &[
            "export",
            out.to_str().unwrap(),
            "--verify",
            photographs.to_str().unwrap(),
            "--python",
            "no/python",
        ],
    );
    ran.assert_fails(
        1,
        &[
            "there is no Python called no/python",
            "pip install ai-edge-litert",
        ],
    );
}

#[cfg(unix)]
#[test]
fn another_version_of_a_runtime_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tiny.tflite");
    let photographs = root().join("examples/photos");
    let script = r#"head -c 140 /dev/zero > "$9"
echo '{"version":"9.9","python":"3.0","batch":1,"milliseconds":1.5}'"#;
    let python = python(folder.path(), script);
    let export = |runtime: &str| {
        let verify = ["export", out.to_str().unwrap(), "--runtime", runtime];
        let with = [
            "--verify",
            photographs.to_str().unwrap(),
            "--python",
            &python,
        ];
        scarlet_tiny(7, &[&verify[..], &with].concat())
    };
    let certificate = folder.path().join("tiny.tflite.verify.json");
    export("openvino==2026.4.1").assert_fails(
        1,
        &[
            "nothing was verified",
            "has openvino 9.9, but 2026.4.1 was asked for",
            "pip install openvino==2026.4.1",
        ],
    );
    assert!(!certificate.exists());
    export("openvino==9.9").assert_fails(1, &["gives other results in openvino than"]);
    assert!(certificate.is_file());
    export("onnxruntime").assert_fails(2, &["--runtime does not apply", "ending in .onnx"]);
    export("ncnn").assert_fails(2, &["onnxruntime, ai-edge-litert, openvino"]);
    export("openvino==").assert_fails(2, &["must be one of"]);
}

#[cfg(unix)]
#[test]
fn a_certificate_says_where_answers_differ() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tiny.onnx");
    let photographs = root().join("examples/photos");
    // Logits of zeros, whatever it is asked.
    let script = r#"head -c 140 /dev/zero > "$9"
echo '{"version":"9.9","python":"3.0","batch":1,"milliseconds":1.5}'"#;
    let python = python(folder.path(), script);
    let ran = scarlet_tiny(
        7,
        &[
            "export",
            out.to_str().unwrap(),
            "--verify",
            photographs.to_str().unwrap(),
            "--python",
            &python,
        ],
    );
    ran.assert_fails(
        1,
        &["gives other results in onnxruntime than the network does here"],
    );
    assert!(
        ran.stdout
            .contains("by onnxruntime 9.9 (Python 3.0) on 5 photographs"),
        "{ran:?}"
    );
    let json = fs::read_to_string(folder.path().join("tiny.onnx.verify.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["passed"], &json["images"]),
        (&false.into(), &5.into())
    );
    assert_eq!(json["largest_logit"], json["largest_logit_error"]);
}

#[test]
#[ignore = "needs Python with onnxruntime, ai-edge-litert and openvino; PYTHON names the interpreter"]
fn runtimes_certify_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let photographs = root().join("examples/photos");
    let photographs = photographs.to_str().unwrap();
    for name in ["tiny.onnx", "tiny.tflite"] {
        let out = folder.path().join(name);
        let out = out.to_str().unwrap();
        let verify = [
            "export",
            out,
            "--verify",
            photographs,
            "--python",
            &python,
            "--json",
        ];
        let json = scarlet_tiny(7, &verify).json();
        let certificate = &json["certificate"];
        assert_eq!(certificate["passed"], true, "{json}");
        assert_eq!(
            (&certificate["same_class"], &certificate["images"]),
            (&5.into(), &5.into())
        );
        let written = fs::read_to_string(format!("{out}.verify.json")).unwrap();
        let written: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(&written, certificate);
        let openvino = [&verify[..], &["--runtime", "openvino"]].concat();
        let openvino = scarlet_tiny(7, &openvino).json();
        assert_eq!(openvino["certificate"]["passed"], true, "{openvino}");
        assert_eq!(openvino["certificate"]["runtime"], "openvino");
        let int8 = [&verify[..], &["--int8", photographs, "--images", "4"]].concat();
        let certificate = &scarlet_tiny(7, &int8).json()["certificate"];
        assert_eq!(
            (&certificate["int8"], &certificate["batch"]),
            (&true.into(), &4.into())
        );
        assert_eq!(certificate["passed"], serde_json::Value::Null);
    }
}
