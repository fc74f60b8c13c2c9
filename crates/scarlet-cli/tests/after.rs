//! One command from photographs to a file for an app.
#![cfg(unix)]
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::Path;

use common::{Ran, copy_photograph, scarlet, tiny_data, unfinished};

/// A folder of photographs of two classes, too few to learn anything.
fn photographs(folder: &Path) -> String {
    for class in ["cup", "cat"] {
        for (number, name) in ["coffee.png", "chelsea.png"].into_iter().enumerate() {
            for copy in 0..3 {
                let file = format!("{number}-{copy}.png");
                copy_photograph(name, &folder.join(class).join(file));
            }
        }
    }
    folder.to_str().unwrap().to_owned()
}

/// A program that is called as Python is: it has the runtime, and answers with logits of zeros.
fn python(folder: &Path, script: &str) -> String {
    let path = folder.join("python");
    let path = path.to_str().unwrap();
    let write = r##"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod +x "$0""##;
    let status = std::process::Command::new("sh")
        .args(["-c", write, path, script])
        .status();
    assert!(status.unwrap().success());
    path.to_owned()
}

const ANSWERS: &str = r#"[ $# -gt 2 ] || exit 0
head -c $(( $(stat -c %s "$4") / 4 / 32 / 32 / 3 * 8 )) /dev/zero > "$9"
echo '{"version":"9.9","python":"3.0","batch":1,"milliseconds":1.5}'"#;

fn train(data: &str, out: &Path, more: &[&str]) -> Ran {
    let begin = ["train", "--data", data, "--out", out.to_str().unwrap()];
    let model = ["--model", "E3K3@8/2", "--epochs", "1", "--resolution", "32"];
    scarlet([&begin[..], &model, &["--threads", "1"], more].concat())
}

#[test]
fn training_ends_in_a_file_and_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let data = photographs(&folder.path().join("data"));
    let run = folder.path().join("run");
    let file = folder.path().join("cups.tflite");
    let file = file.to_str().unwrap();
    let python = python(folder.path(), ANSWERS);
    let export = ["--export", file, "--int8", "--verify", "--python", &python];
    let ran = train(&data, &run, &export);
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in [
        "cups.tflite: ",
        "in eight bits, calibrated on 12 photographs",
        "ai-edge-litert 9.9",
    ] {
        assert!(ran.stdout.contains(part), "no {part:?} in {ran:?}");
    }
    let certificate = fs::read_to_string(format!("{file}.verify.json")).unwrap();
    assert!(certificate.contains("\"images\": 12"), "{certificate}");
    assert!(run.join("report.html").is_file());
    assert_eq!(unfinished(folder.path()), Vec::<std::path::PathBuf>::new());
    let shown = scarlet(["info", file]);
    assert!(shown.stdout.contains("Classes: cat, cup."), "{shown:?}");

    // Of a run that is finished, in floats, which the answers are not.
    fs::remove_file(file).unwrap();
    let run = run.to_str().unwrap();
    let resumed = ["train", "--resume", run, "--export", file, "--threads", "1"];
    let with = ["--verify", "--python", &python];
    scarlet([&resumed[..], &with].concat()).assert_fails(1, &["gives other results in ai-edge"]);
    // One object is on standard output; the file's own line is beside it.
    let ran = scarlet([&resumed[..], &["--json"]].concat());
    assert_eq!(ran.json()["completed"], true, "{ran:?}");
    assert!(ran.stderr.contains("cups.tflite: "), "{ran:?}");
    assert!(!Path::new(&format!("{file}.verify.json")).exists());

    // What was exported is read back, and not trained further.
    let picture = format!("{data}/cup/0-0.png");
    for command in [["predict", &picture], ["eval", &data]] {
        let [of_file, of_run] = [file, &format!("{run}/best.safetensors")].map(|weights| {
            let ran = scarlet([&command[..], &["--weights", weights]].concat());
            assert_eq!(ran.code, 0, "{ran:?}");
            ran.stdout.replace(weights, "weights")
        });
        let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
        assert_eq!(lines(&of_file)[..2], lines(&of_run)[..2]);
    }
    scarlet(["finetune", "--data", &data, "--weights", file]).assert_fails(
        1,
        &[
            "holds a network as it runs",
            "the weights that it was made from",
        ],
    );
}

#[test]
fn what_would_fail_behind_the_training_fails_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = photographs(&folder.path().join("data"));
    let run = folder.path().join("run");
    let file = folder.path().join("cups.tflite");
    let file = file.to_str().unwrap();
    let refused = |data: &str, more: &[&str], code: i32, parts: &[&str]| {
        train(data, &run, more).assert_fails(code, parts);
        assert!(!run.exists() && !Path::new(file).exists());
    };
    refused(&data, &["--export", "cups.pb"], 2, &["must end in .onnx"]);
    refused(&data, &["--verify"], 2, &["--export <FILE>"]);
    let nowhere = folder.path().join("none/cups.tflite");
    let nowhere = nowhere.to_str().unwrap();
    refused(
        &data,
        &["--export", nowhere],
        1,
        &["cannot write", "none/cups.tflite"],
    );
    let verify = ["--export", file, "--verify", "--python", "no/python"];
    refused(&data, &verify, 1, &["there is no Python called no/python"]);
    let python = python(folder.path(), "echo no module >&2; exit 3");
    let verify = ["--export", file, "--verify", "--python", &python];
    refused(&data, &verify, 1, &["cannot load the runtime (no module)"]);
    let other = [&verify[..], &["--runtime", "onnxruntime"]].concat();
    refused(&data, &other, 2, &["--runtime does not apply"]);
    let tiny = folder.path().join("tiny");
    tiny_data(&tiny);
    for source in [tiny.to_str().unwrap(), "fashion-sample"] {
        let int8 = ["--export", file, "--int8"];
        refused(source, &int8, 2, &["is not a folder of photographs"]);
    }
    let until = ["search", "--until", "search", "--export", file];
    scarlet(until).assert_fails(2, &["cannot be used with"]);
}
