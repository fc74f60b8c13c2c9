//! `scarlet train` and `scarlet finetune`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Ran, kill_when, photographs, scarlet, tiny_data, tiny_run, wait_until};
use scarlet::arch::Architecture;
use scarlet_data::{DecodeOptions, RgbImage, eval_image};

/// A network that trains in no time, of total stride 4.
const NETWORK: &str = "E3K3@8/2 E3K3@8";

fn arguments<'a>(data: &'a Path, out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let (data, out) = (data.to_str().unwrap(), out.to_str().unwrap());
    // As settings, so that later ones can change them.
    let fixed = [
        "train",
        "--data",
        data,
        "--out",
        out,
        "--model",
        NETWORK,
        "--set",
        "network.resolution=16",
        "--set",
        "train.epochs=3",
        "--set",
        "train.batch_size=8",
    ];
    fixed.iter().chain(more).copied().collect()
}

fn train(data: &Path, out: &Path, more: &[&str]) -> Ran {
    scarlet(arguments(data, out, more))
}

fn resume(out: &Path) -> Ran {
    scarlet(["train", "--resume", out.to_str().unwrap()])
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).unwrap()
}

#[test]
fn a_trained_network_classifies_photographs() {
    let data = photographs(12);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    let ran = train(
        data.path(),
        &run,
        &[
            "--set",
            "train.epochs=15",
            "--learning-rate",
            "0.1",
            "--json",
        ],
    );
    let result = ran.json();
    assert_eq!(result["completed"], true);
    assert!(
        result["validation_accuracy"].as_f64().unwrap() > 0.6,
        "{result}"
    );
    assert!(ran.stderr.contains("epoch   1: loss "), "{}", ran.stderr);
    assert_eq!(read(&run, "classes.txt"), b"blue\ngreen\nred\n");
    let file = |name: &str| run.join(name).display().to_string();
    let [low, high] = [0, 1].map(|end| result["validation_interval"][end].as_f64().unwrap());
    let accuracy = result["validation_accuracy"].as_f64().unwrap();
    assert!(
        low <= accuracy && accuracy <= high && low < high,
        "{result}"
    );
    assert_eq!(result["validation_images"], 3);
    assert!(result["test_interval"].is_null());

    let report = String::from_utf8(read(&run, "report.html")).unwrap();
    for part in [
        "3 held-out images",
        "95 % interval",
        "<h2>Training</h2>",
        "id=\"confusion\"",
        "Classes, the worst first",
        "<code>scarlet predict PHOTO --weights best.safetensors</code>",
        "<th scope=\"row\">train.epochs</th><td>15</td>",
        "blue, green, red",
    ] {
        assert!(report.contains(part), "no {part:?} in {report}");
    }

    // What the weights say themselves needs nothing beside them.
    let away = tempfile::tempdir().unwrap();
    let away = |name: &str| away.path().join(name).display().to_string();
    fs::copy(run.join("best.safetensors"), away("own.safetensors")).unwrap();
    let own = away("own.safetensors");
    for command in ["deploy", "export"] {
        let ends: &[&str] = if command == "deploy" {
            &["own.scarlet"]
        } else {
            &["own.onnx", "half.safetensors"]
        };
        for end in ends {
            let ran = scarlet([command, &away(end), "--weights", &own]);
            assert_eq!(ran.code, 0, "{ran:?}");
        }
    }
    let red = data.path().join("red/00.png").display().to_string();
    for name in ["own.safetensors", "own.scarlet", "half.safetensors"] {
        let weights = away(name);
        let predicted = scarlet(["predict", &red, "--weights", &weights, "--json"]);
        assert_eq!(predicted.stderr, "");
        let best = predicted.json()["photographs"][0]["predictions"][0].clone();
        assert!(
            ["blue", "green", "red"].contains(&best["name"].as_str().unwrap()),
            "{name}"
        );
        let info = scarlet(["info", &weights]);
        for part in [
            "Classes: blue, green, red.",
            "Trained on: ",
            "33 images",
            "of 3 images, 95 %",
        ] {
            assert!(info.stdout.contains(part), "no {part:?} in {info:?}");
        }
        let json = scarlet(["info", &weights, "--json"]).json();
        assert_eq!(json["card"]["classes"][2], "red");
        // By name, though only two of the classes are there.
        let few = data.path().with_extension(name);
        fs::create_dir_all(few.join("red")).unwrap();
        fs::create_dir_all(few.join("green")).unwrap();
        for class in ["red", "green"] {
            fs::copy(
                data.path().join(class).join("00.png"),
                few.join(class).join("0.png"),
            )
            .unwrap();
        }
        let evaluated = scarlet([
            "eval",
            few.to_str().unwrap(),
            "--weights",
            &weights,
            "--json",
        ]);
        let classes = evaluated.json()["classes"].clone();
        let indices: Vec<u64> = classes
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["class"].as_u64().unwrap())
            .collect();
        assert!(indices.contains(&1) && indices.contains(&2), "{classes}");
        fs::remove_dir_all(&few).unwrap();
    }
    assert!(
        String::from_utf8_lossy(&fs::read(away("own.onnx")).unwrap())
            .contains("[\"blue\",\"green\",\"red\"]")
    );

    // Its weights are where another training begins, for other classes.
    let few = data.path().join("few");
    fs::create_dir(&few).unwrap();
    for class in ["blue", "red"] {
        fs::rename(data.path().join(class), few.join(class)).unwrap();
    }
    let tuned = root.path().join("tuned");
    let ran = scarlet([
        "finetune",
        "--data",
        few.to_str().unwrap(),
        "--weights",
        &file("best.safetensors"),
        "--freeze",
        "2",
        "--epochs",
        "1",
        "--out",
        tuned.to_str().unwrap(),
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stdout.contains("scarlet predict PHOTO --weights"),
        "{}",
        ran.stdout
    );
    let weights =
        |folder: &Path| scarlet::weights::StateDict::open(folder.join("last.safetensors")).unwrap();
    let stem = |folder: &Path| {
        let weights = weights(folder);
        let entry = weights.get("stem.0.weight").unwrap();
        entry
            .read_finite(scarlet::burn::tensor::DType::F32)
            .unwrap()
    };
    assert_eq!(read(&tuned, "classes.txt"), b"blue\nred\n");
    let best = scarlet::weights::StateDict::open(run.join("best.safetensors")).unwrap();
    let before = best.get("stem.0.weight").unwrap();
    let before = before
        .read_finite(scarlet::burn::tensor::DType::F32)
        .unwrap();
    assert_eq!(stem(&tuned), before);
}

/// What a run's log says of its steps: those that it started behind, and the last done.
fn progress(run: &Path) -> (Vec<u64>, u64) {
    let text = fs::read_to_string(run.join("events.jsonl")).unwrap_or_default();
    let (mut starts, mut last) = (Vec::new(), 0);
    for line in text.split_inclusive('\n').filter(|it| it.ends_with('\n')) {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let step = event["step"].as_u64().unwrap();
        match event["event"].as_str() {
            Some("started") => starts.push(step),
            Some("step") => last = step,
            _ => {}
        }
    }
    (starts, last)
}

/// Lets a command begin or go on with a run, and kills it some steps later. Whether it was still
/// running.
#[cfg(unix)]
fn kill_after_steps(args: &[&str], run: &Path) -> bool {
    let (_, before) = progress(run);
    let child = Command::new(env!("CARGO_BIN_EXE_scarlet"))
        .args(args)
        .args(["--checkpoint-every", "0"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    kill_when(child, || progress(run).1 >= before + 3)
}

/// Trains undisturbed, and killed twice, and compares all that came out.
#[cfg(unix)]
fn same_files_when_killed(command: &str, args: &[&str], root: &Path) {
    let (whole, killed) = (root.join("whole"), root.join("killed"));
    fn with_out<'a>(args: &[&'a str], out: &'a Path) -> Vec<&'a str> {
        [args, &["--out", out.to_str().unwrap()]].concat()
    }
    let ran = scarlet(with_out(args, &whole));
    assert_eq!(ran.code, 0, "{ran:?}");
    let resuming = [command, "--resume", killed.to_str().unwrap()];
    // On a busy machine a kill may come too late, and all begins again.
    let twice = || {
        let _ = fs::remove_dir_all(&killed);
        kill_after_steps(&with_out(args, &killed), &killed)
            && kill_after_steps(&resuming, &killed)
            && !killed.join("result.json").exists()
    };
    assert!((0..100).any(|_| twice()), "it is never killed twice");
    let resumed = scarlet(resuming);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    let (starts, last) = progress(&killed);
    assert!(
        matches!(starts[..], [0, first, second] if 0 < first && first < second && second <= last),
        "{starts:?} of {last}"
    );
    // And once more, which changes nothing.
    for _ in 0..2 {
        for name in [
            "best.safetensors",
            "last.safetensors",
            "result.json",
            "classes.txt",
            "report.html",
        ] {
            assert!(read(&whole, name) == read(&killed, name), "{name} differs");
        }
        assert_eq!(scarlet(resuming).code, 0);
    }
}

#[test]
#[cfg(unix)]
fn a_killed_run_goes_on_to_the_same_files() {
    let data = photographs(10);
    let root = tempfile::tempdir().unwrap();
    let args = [
        "train",
        "--data",
        data.path().to_str().unwrap(),
        "--model",
        NETWORK,
        "--resolution",
        "16",
        "--batch",
        "8",
        "--epochs",
        "30",
        "--set",
        "train.mix.cutmix=1",
    ];
    same_files_when_killed("train", &args, root.path());
}

#[test]
#[cfg(unix)]
fn killed_fine_tuning_goes_on_to_the_same_files() {
    let data = photographs(10);
    let root = tempfile::tempdir().unwrap();
    let begin = root.path().join("begin");
    assert_eq!(train(data.path(), &begin, &[]).code, 0);
    let weights = begin.join("best.safetensors");
    let args = [
        "finetune",
        "--data",
        data.path().to_str().unwrap(),
        "--weights",
        weights.to_str().unwrap(),
        "--batch",
        "8",
        "--epochs",
        "30",
        "--freeze",
        "1",
    ];
    same_files_when_killed("finetune", &args, root.path());
}

#[test]
#[cfg(unix)]
fn a_finished_run_trains_on_to_more_epochs() {
    let data = photographs(10);
    let root = tempfile::tempdir().unwrap();
    let text = |name: &str| root.path().join(name).display().to_string();
    let [first, second] = ["first", "second"].map(|name| root.path().join(name));
    let on = |run: &Path, epochs: &str| {
        scarlet([
            "train",
            "--resume",
            run.to_str().unwrap(),
            "--epochs",
            epochs,
        ])
    };
    let json = |run: &Path, name: &str| -> serde_json::Value {
        serde_json::from_slice(&read(run, name)).unwrap()
    };
    for run in [&first, &second] {
        assert_eq!(train(data.path(), run, &[]).code, 0);
    }
    // At once, and in two parts.
    let ran = on(&first, "30");
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in [
        "30 epochs in total, instead of 3",
        "resuming after step 9",
        "epoch  30: ",
    ] {
        assert!(ran.stderr.contains(part), "no {part:?} in {}", ran.stderr);
    }
    kill_after_steps(
        &["train", "--resume", &text("second"), "--epochs", "30"],
        &second,
    );
    assert_eq!(resume(&second).code, 0);
    let last = |run: &Path| read(run, "last.safetensors");
    assert!(last(&first) == last(&second));
    assert_eq!(json(&first, "result.json")["epochs"], 30);
    assert_eq!(json(&first, "config.json")["config"]["train"]["epochs"], 30);
    // As often as it is asked for, and not back.
    assert_eq!(on(&first, "30").code, 0);
    on(&first, "20").assert_fails(2, &["has done 30 epochs, so it cannot go on to 20"]);
    assert_eq!(resume(&first).code, 0);
    assert_eq!(json(&first, "config.json")["config"]["train"]["epochs"], 30);

    // What is gone is there again, and only then spoken of.
    for name in ["best.safetensors", "last.safetensors"] {
        fs::remove_file(first.join(name)).unwrap();
    }
    let ran = resume(&first);
    assert!(
        ran.stdout.contains(&text("first/best.safetensors")),
        "{ran:?}"
    );
    assert!(last(&first) == last(&second));
    assert!(read(&first, "best.safetensors") == read(&second, "best.safetensors"));
}

#[test]
fn runs_without_a_name_are_kept_apart() {
    let data = photographs(4);
    let root = tempfile::tempdir().unwrap();
    let begin = || {
        let output = Command::new(env!("CARGO_BIN_EXE_scarlet"))
            .current_dir(root.path())
            .args([
                "train",
                "--model",
                NETWORK,
                "--resolution",
                "16",
                "--epochs",
                "1",
                "--data",
            ])
            .arg(data.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let first = begin();
    assert!(!first.contains("scarlet-run-2"), "{first}");
    let run = root.path().join("scarlet-run");
    let kept = read(&run, "last.safetensors");
    let second = begin();
    assert!(
        second.contains("this one is kept in scarlet-run-2"),
        "{second}"
    );
    assert!(kept == read(&run, "last.safetensors"));
    assert!(root.path().join("scarlet-run-2/last.safetensors").is_file());
}

/// Values of a weight in a file.
fn weight(file: &Path, name: &str) -> Vec<f32> {
    let weights = scarlet::weights::StateDict::open(file).unwrap();
    weights.get(name).unwrap().read_f32().unwrap()
}

#[test]
fn a_kept_classifier_is_trained_on() {
    let data = photographs(10);
    let root = tempfile::tempdir().unwrap();
    let begin = root.path().join("begin");
    let ran = train(
        data.path(),
        &begin,
        &["--set", "train.epochs=15", "--learning-rate", "0.1"],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let weights = begin.join("best.safetensors");
    // At this rate nothing changes.
    let tune = |data: &Path, name: &str, more: &[&str]| {
        let out = root.path().join(name);
        let args = [
            "finetune",
            "--data",
            data.to_str().unwrap(),
            "--weights",
            weights.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
            "--epochs",
            "1",
            "--learning-rate",
            "1e-12",
        ];
        (scarlet([&args[..], more].concat()), out)
    };
    let (kept, out) = tune(data.path(), "kept", &["--keep-classifier"]);
    assert_eq!(kept.code, 0, "{kept:?}");
    let classifier = |folder: &Path| weight(&folder.join("last.safetensors"), "classifier.weight");
    let before = weight(&weights, "classifier.weight");
    for (before, after) in before.iter().zip(classifier(&out)) {
        assert!((before - after).abs() < 1e-6, "{before} {after}");
    }
    let (new, out) = tune(data.path(), "new", &[]);
    assert_eq!(new.code, 0, "{new:?}");
    assert_ne!(before, classifier(&out));

    // Not where the classes are others.
    fs::remove_dir_all(data.path().join("green")).unwrap();
    let (refused, out) = tune(data.path(), "other", &["--keep-classifier"]);
    refused.assert_fails(
        2,
        &[
            "the weights distinguish 3 classes, but the data has 2",
            "Leave out --keep-classifier",
        ],
    );
    assert!(!out.exists());
}

#[test]
fn an_extracted_network_is_trained_on() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    let text = |name: &str| path(name).display().to_string();
    tiny_data(&path("data"));
    let searched = scarlet(tiny_run("search", &path("data"), &path("run")));
    assert_eq!(searched.code, 0, "{searched:?}");
    let weights = text("net.safetensors");
    assert_eq!(scarlet(["extract", &text("run"), &weights]).code, 0);
    let tuned = |name: &str, more: &[&str]| {
        let (data, out) = (text("data"), text(name));
        let args = ["finetune", "--data", &data, "--weights", &weights];
        let more = [&["--keep-classifier", "--out", &out, "--json"], more].concat();
        scarlet([&args[..], &more].concat()).json()
    };
    // With the default settings it learns on.
    let accuracy = |result: serde_json::Value| result["test_accuracy"].as_f64().unwrap();
    let before = accuracy(tuned(
        "before",
        &["--epochs", "1", "--learning-rate", "1e-12"],
    ));
    let after = accuracy(tuned("after", &[]));
    assert!(after >= before && after > 0.9, "{before} {after}");
}

#[test]
fn files_are_found_again_from_another_folder() {
    let data = photographs(4);
    let root = tempfile::tempdir().unwrap();
    let begin = root.path().join("begin");
    assert_eq!(train(data.path(), &begin, &["--epochs", "1"]).code, 0);
    let weights = scarlet::weights::StateDict::open(begin.join("best.safetensors")).unwrap();
    let model = weights.architecture().unwrap().to_json();
    fs::write(begin.join("model.json"), model).unwrap();
    let out = root.path().join("run");
    let ran = std::process::Command::new(env!("CARGO_BIN_EXE_scarlet"))
        .current_dir(&begin)
        .args(["finetune", "--weights", "best.safetensors"])
        .args(["--model", "model.json", "--epochs", "1", "--data"])
        .arg(data.path())
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let last = read(&out, "last.safetensors");
    // As if it had been killed before its first checkpoint.
    for name in ["checkpoint", "best", "last"] {
        fs::remove_file(out.join(format!("{name}.safetensors"))).unwrap();
    }
    let resumed = scarlet(["finetune", "--resume", out.to_str().unwrap()]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert!(read(&out, "last.safetensors") == last);
}

#[test]
fn what_only_fine_tuning_has_is_refused_from_scratch() {
    let data = photographs(4);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    let with = |setting| train(data.path(), &run, &["--set", setting]);
    with("network.weights=some.safetensors").assert_fails(
        2,
        &[
            "`network.weights` is ",
            "must be left out",
            "`scarlet finetune`",
        ],
    );
    with("network.freeze=2").assert_fails(2, &["`network.freeze` is 2, but must be 0"]);
    with("network.keep_classifier=true")
        .assert_fails(2, &["`network.keep_classifier` is true, but must be false"]);
    with("recipe=finetune").assert_fails(2, &["`recipe` is not a setting"]);
    assert!(!run.exists());
}

/// Settings by which the second step, the last of its epoch, leaves no finite weight.
const DIVERGING: [&str; 16] = [
    "--set",
    "train.batch_size=64",
    "--set",
    "train.optimizer={name=\"sgd\",momentum=0.0,nesterov=false}",
    "--set",
    "train.learning_rate=6e38",
    "--set",
    "train.warmup_epochs=2",
    "--set",
    "train.weight_decay=0",
    "--set",
    "train.clip_norm=1e-38",
    "--set",
    "train.layer_decay=1",
    "--set",
    "train.epochs=4",
];

#[test]
fn divergence_at_the_end_of_an_epoch_names_the_step() {
    let data = photographs(10);
    let root = tempfile::tempdir().unwrap();
    let begin = root.path().join("begin");
    assert_eq!(train(data.path(), &begin, &[]).code, 0);
    let weights = begin.join("best.safetensors");
    let tune = [
        "finetune",
        "--data",
        data.path().to_str().unwrap(),
        "--weights",
        weights.to_str().unwrap(),
        "--out",
    ];
    for command in ["train", "finetune"] {
        let run = root.path().join(command);
        let ran = match command {
            "train" => train(data.path(), &run, &DIVERGING),
            _ => scarlet([&tune[..], &[run.to_str().unwrap()], &DIVERGING[..]].concat()),
        };
        let checkpoint = run.join("checkpoint.safetensors");
        let kept = format!("The last good checkpoint is `{}`", checkpoint.display());
        let parts = [
            "step 2: `",
            "not finite",
            kept.as_str(),
            "Lower the learning",
        ];
        ran.assert_fails(1, &parts);
        // What is there is finite, and of use.
        let best = scarlet::weights::StateDict::open(run.join("best.safetensors")).unwrap();
        assert!(best.entries().iter().all(|entry| entry.read_f32().is_ok()));
        let again = scarlet([command, "--resume", run.to_str().unwrap()]);
        again.assert_fails(1, &["resuming after step 1", "step 2: `"]);
    }
}

#[test]
fn a_run_goes_on_with_its_own_photographs_only() {
    let data = photographs(6);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    assert_eq!(train(data.path(), &run, &[]).code, 0);
    assert_eq!(resume(&run).code, 0);
    let changed = ["checkpoint.safetensors` was written by a run on other images"];
    // Another photograph under the same name.
    let (one, other) = (
        data.path().join("blue/00.png"),
        data.path().join("blue/01.png"),
    );
    let before = fs::read(&one).unwrap();
    fs::copy(&other, &one).unwrap();
    resume(&run).assert_fails(2, &changed);
    fs::write(&one, before).unwrap();
    assert_eq!(resume(&run).code, 0);
    // Two of another class, and as many of each as before.
    let green = data.path().join("green/02.png");
    let aside = data.path().join("aside");
    fs::rename(&other, &aside).unwrap();
    fs::rename(&green, &other).unwrap();
    fs::rename(&aside, &green).unwrap();
    resume(&run).assert_fails(2, &changed);
}

#[test]
#[cfg(unix)]
fn an_interrupted_run_says_how_to_go_on() {
    let data = photographs(10);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    let mut child = Command::new(env!("CARGO_BIN_EXE_scarlet"))
        .args(arguments(data.path(), &run, &["--epochs", "5000"]))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert!(wait_until(&mut child, || progress(&run).1 > 0));
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    let advice = format!("resume with: scarlet train --resume {}", run.display());
    assert!(stderr.contains(&advice), "{stderr}");
    for name in ["checkpoint.safetensors", "last.safetensors", "result.json"] {
        assert!(run.join(name).is_file(), "{name}");
    }
}

#[test]
fn networks_train_in_grey_from_scratch_and_from_weights_in_colour() {
    let data = photographs(6);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("colour");
    assert_eq!(train(data.path(), &run, &[]).code, 0);
    let colour = run.join("best.safetensors");
    let channels = |file: &Path| {
        let weights = scarlet::weights::StateDict::open(file).unwrap();
        weights.architecture().unwrap().input_channels
    };
    assert_eq!(channels(&colour), 3);

    let run = root.path().join("grey");
    assert_eq!(train(data.path(), &run, &["--grey"]).code, 0);
    assert_eq!(channels(&run.join("best.safetensors")), 1);
    assert_eq!(resume(&run).code, 0);

    let tuned = root.path().join("tuned");
    let fixed = [
        "finetune",
        "--data",
        data.path().to_str().unwrap(),
        "--grey",
    ];
    let weights = ["--weights", colour.to_str().unwrap(), "--freeze", "1"];
    let out = ["--epochs", "1", "--out", tuned.to_str().unwrap()];
    let ran = scarlet([&fixed[..], &weights, &out].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let stem = |file: &Path| -> Vec<f32> {
        let weights = scarlet::weights::StateDict::open(file).unwrap();
        let stem = weights.get("stem.0.weight").unwrap();
        let stem = stem.read_finite(scarlet::burn::tensor::DType::F32).unwrap();
        stem.iter::<f32>().collect()
    };
    // Frozen, it is the sum over the channels of kernels of 3×3.
    let best = tuned.join("best.safetensors");
    let (before, after) = (stem(&colour), stem(&best));
    assert_eq!((channels(&best), after.len() * 3), (1, before.len()));
    for (index, value) in after.iter().enumerate() {
        let (kernel, tap) = (index / 9, index % 9);
        let sum: f32 = (0..3)
            .map(|channel| before[(kernel * 3 + channel) * 9 + tap])
            .sum();
        assert!((sum - value).abs() < 1e-6, "{sum} and {value}");
    }
    let photo = data.path().join("red/00.png");
    let photo = photo.to_str().unwrap();
    let ran = scarlet(["predict", photo, "--weights", best.to_str().unwrap()]);
    assert!(ran.stdout.contains("blue"), "{ran:?}");
}

#[test]
fn kept_photographs_change_no_bit() {
    let data = photographs(8);
    let root = tempfile::tempdir().unwrap();
    let decoded = root.path().join("decoded");
    let kept = ["--cache-folder", decoded.to_str().unwrap()];
    let crops = ["--set", "train.augment.resized_crop.scale=[0.5, 1.0]"];
    let none = ["--set", "data.cache_megabytes=0"];
    let run = |name: &str, more: &[&[&str]]| {
        let out = root.path().join(name);
        let ran = train(data.path(), &out, &[&[&crops[..]], more].concat().concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
        read(&out, "last.safetensors")
    };
    let plain = run("plain", &[]);
    assert!(plain == run("first", &[&kept]));
    assert!(decoded.read_dir().unwrap().count() > 0);
    assert!(plain == run("second", &[&kept]));
    assert!(plain == run("third", &[&kept, &none]));
    assert!(plain == run("fourth", &[&none]));
    // Nor does damage, which is mended.
    for folder in decoded.read_dir().unwrap() {
        for entry in folder.unwrap().path().read_dir().unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        }
    }
    assert!(plain == run("fifth", &[&kept, &none]));

    let blocked = data.path().join("red/00.png");
    let blocked = ["--cache-folder", blocked.to_str().unwrap()];
    train(data.path(), &root.path().join("sixth"), &blocked).assert_fails(
        2,
        &[
            "cannot use the folder `",
            "red/00.png` for decoded photographs",
        ],
    );
}

#[test]
#[cfg(unix)]
fn a_full_disk_under_kept_photographs_costs_time_only() {
    let data = photographs(4);
    let root = tempfile::tempdir().unwrap();
    let decoded = root.path().join("decoded");
    let out = root.path().join("run");
    // Larger than a block when they are decoded; dry runs write nothing else.
    let kept = ["--cache-folder", decoded.to_str().unwrap(), "--dry-run"];
    let more = [&kept[..], &["--set", "network.resolution=32"]].concat();
    let settings = arguments(data.path(), &out, &more);
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_scarlet"))
        .args(settings)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let warnings: Vec<&str> = stderr.lines().filter(|it| it.contains("warning")).collect();
    assert_eq!(warnings.len(), 1, "{stderr}");
    assert!(
        warnings[0].contains("photographs that are not kept yet are decoded again"),
        "{stderr}"
    );
}

#[test]
fn a_dry_run_prices_and_writes_nothing() {
    let data = photographs(5);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    let ran = train(data.path(), &run, &["--dry-run"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in [
        "mult-adds",
        "3: blue, green, red",
        "about ",
        "12, 12 of them in memory",
    ] {
        assert!(ran.stdout.contains(part), "no {part:?} in {}", ran.stdout);
    }
    assert!(!run.exists());
}

#[test]
fn a_preview_shows_images_as_they_are_judged_and_trained_on() {
    let data = photographs(5);
    let root = tempfile::tempdir().unwrap();
    let (run, file) = (root.path().join("run"), root.path().join("sheet.png"));
    let options = DecodeOptions::default();
    let previewed = |more: &[&str]| {
        let more = [&["--preview", file.to_str().unwrap(), "--json"], more].concat();
        let ran = train(data.path(), &run, &more);
        assert_eq!(ran.code, 0, "{ran:?}");
        let cell = |sheet: &RgbImage, row: u32, column: u32| {
            RgbImage::from_fn(16, 16, |x, y| {
                *sheet.get_pixel(4 + 20 * column + x, 4 + 20 * row + y)
            })
        };
        let sheet = scarlet_data::decode(&file, &options).unwrap();
        assert_eq!(sheet.dimensions(), (4 + 8 * 20, 4 + 8 * 20));
        let cells = (0..8).map(|row| (0..8).map(|column| cell(&sheet, row, column)).collect());
        let cells: Vec<Vec<RgbImage>> = cells.collect();
        (ran.json()["rows"].clone(), cells)
    };
    let (rows, cells) = previewed(&["--set", "train.augment.flip=true"]);
    assert!(!run.exists());
    let architecture: Architecture = NETWORK.parse().unwrap();
    let preprocessing = architecture.with_resolution(16).preprocessing;
    let mut classes = Vec::new();
    for (row, cells) in rows.as_array().unwrap().iter().zip(&cells) {
        classes.push(row["class"].as_str().unwrap().to_owned());
        let path = Path::new(row["image"].as_str().unwrap());
        assert!(path.parent().unwrap().ends_with(classes.last().unwrap()));
        let image = scarlet_data::decode(path, &options).unwrap();
        assert_eq!(cells[0], eval_image(&image, &preprocessing).unwrap());
        // A crop or a mirror image, and never the same all the time.
        assert!(cells[1..].iter().any(|it| *it != cells[1]));
    }
    assert_eq!(classes.len(), 8);
    for class in ["blue", "green", "red"] {
        assert!(
            classes.iter().filter(|it| *it == class).count() >= 2,
            "{classes:?}"
        );
    }
    let (again, same) = previewed(&["--set", "train.augment.flip=true"]);
    assert!(again == rows && same == cells);
    let (_, others) = previewed(&["--set", "train.augment.flip=true", "--seed", "1"]);
    assert!(others != cells);

    let ran = train(
        data.path(),
        &run,
        &["--preview", root.path().to_str().unwrap()],
    );
    ran.assert_fails(1, &["cannot write"]);
}

#[test]
fn a_run_fits_its_time() {
    let data = photographs(5);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    let (source, out) = (data.path().to_str().unwrap(), run.to_str().unwrap());
    let timed = |more: &[&str]| {
        let fixed = ["train", "--data", source, "--out", out, "--model", NETWORK];
        scarlet(fixed.iter().chain(more))
    };
    let ran = timed(&["--resolution", "16", "--time", "1ms"]);
    ran.assert_fails(2, &["are too short", "takes about"]);
    assert!(!run.exists());
    let planned = |time| {
        let ran = timed(&["--resolution", "16", "--time", time, "--dry-run", "--json"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let plan = ran.json();
        let epochs = plan["settings"]["train"]["epochs"].as_u64().unwrap();
        assert_eq!(plan["epochs"].as_u64(), Some(epochs));
        // What depends on it follows.
        assert_eq!(
            plan["settings"]["train"]["warmup_epochs"],
            0.05 * epochs as f64
        );
        epochs
    };
    let [short, long] = ["20s", "2h"].map(planned);
    assert!(short >= 1 && long > 20 * short, "{short} {long}");
    // Smaller images where only few epochs would fit, unless their size is given.
    let heavy = [
        "--model",
        "efficientnet-b0",
        "--time",
        "15s",
        "--dry-run",
        "--json",
    ];
    let heavy = scarlet(["train", "--data", source].iter().chain(&heavy));
    assert_eq!(heavy.code, 0, "{heavy:?}");
    assert!(heavy.json()["resolution"].as_u64().unwrap() < 160);
    let ran = timed(&["--time", "1h", "--epochs", "3"]);
    ran.assert_fails(2, &["cannot be used with"]);
}

#[test]
fn a_preset_is_told_and_settings_override_it() {
    let data = photographs(8);
    let root = tempfile::tempdir().unwrap();
    let source = data.path().to_str().unwrap();
    let planned = |more: &[&str]| {
        let fixed = [
            "train",
            "--data",
            source,
            "--model",
            NETWORK,
            "--dry-run",
            "--json",
        ];
        let ran = scarlet(fixed.iter().chain(more));
        let plan = ran.json();
        let number = |of: &serde_json::Value| of.as_u64().unwrap();
        (
            number(&plan["epochs"]),
            number(&plan["resolution"]),
            ran.stderr,
        )
    };
    let (epochs, resolution, said) = planned(&[]);
    assert!(!said.contains("preset"), "{said}");
    let (good_epochs, good_resolution, said) = planned(&["--preset", "good"]);
    assert_eq!((good_epochs, good_resolution), (epochs, resolution));
    assert!(
        said.contains("preset good: 100 epochs; the defaults"),
        "{said}"
    );
    let (fast_epochs, fast_resolution, said) = planned(&["--preset", "fast"]);
    assert_eq!(fast_epochs, 45);
    assert!(
        fast_resolution < resolution,
        "{fast_resolution} {resolution}"
    );
    assert!(
        said.contains("preset fast: 45 epochs, 0.75 times"),
        "{said}"
    );
    let (best_epochs, best_resolution, _) = planned(&["--preset", "best"]);
    assert_eq!(best_epochs, 2 * epochs);
    assert!(best_resolution > resolution);
    // A file and a flag win.
    let file = root.path().join("run.toml");
    fs::write(&file, "[train]\nepochs = 5\n").unwrap();
    let file = ["--preset", "best", "--config", file.to_str().unwrap()];
    let given = [&file[..], &["--resolution", "16"]].concat();
    let (epochs, resolution, _) = planned(&given);
    assert_eq!((epochs, resolution), (5, 16));

    let out = root.path().join("run");
    train(data.path(), &out, &["--preset", "best", "--time", "1m"])
        .assert_fails(2, &["cannot be used with"]);
    assert_eq!(train(data.path(), &out, &["--preset", "fast"]).code, 0);
    let again = [
        "train",
        "--resume",
        out.to_str().unwrap(),
        "--preset",
        "best",
    ];
    scarlet(again).assert_fails(2, &["leave out --preset"]);
    scarlet(["config", "search", "--preset", "best"])
        .assert_fails(2, &["`scarlet train` and `scarlet finetune`"]);
    let listed = scarlet(["config", "finetune", "--data", source, "--preset", "fast"]);
    assert!(
        listed.stdout.contains("\nresolution_factor = 0.75\n"),
        "{listed:?}"
    );
}

#[test]
fn classes_of_different_sizes_count_alike() {
    let data = photographs(20);
    for index in 3..20 {
        let name = format!("red/{index:02}.png");
        fs::remove_file(data.path().join(name)).unwrap();
    }
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    let ran = train(data.path(), &run, &["--balance", "--holdout", "0.4"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stderr.contains("classes shown equally often"),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("mean of the classes"), "{ran:?}");
    let result: serde_json::Value = serde_json::from_slice(&read(&run, "result.json")).unwrap();
    let mean = result["validation_class_accuracy"].as_f64().unwrap();
    // 8 of 20, 8 of 20, 1 of 3.
    let right = mean * 3.0 * 8.0;
    assert!((right - right.round()).abs() < 1e-9, "{mean}");
    let unasked = train(data.path(), &root.path().join("plain"), &[]);
    assert!(
        !unasked.stdout.contains("mean of the classes"),
        "{unasked:?}"
    );
}

/// Whatever the strides of the network are.
#[test]
fn networks_are_trained_on_images_of_any_size() {
    let data = photographs(4);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    let ran = train(data.path(), &run, &["--set", "network.resolution=19"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("networks see 19×19 pixels"), "{ran:?}");
    let weights = run.join("best.safetensors");
    let photo = data.path().join("blue/00.png");
    let seen = scarlet(
        ["predict", photo.to_str().unwrap(), "--json", "--weights"]
            .into_iter()
            .chain(weights.to_str()),
    );
    assert_eq!(seen.json()["resolution"], 19);
}

#[test]
fn unusable_inputs_say_what_would_do() {
    let data = photographs(4);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    scarlet(["train"]).assert_fails(2, &["no images to train on: give them with --data"]);
    let nowhere = root.path().join("nowhere");
    train(&nowhere, &run, &[]).assert_fails(2, &["is neither a folder nor `fashion-sample`"]);
    train(root.path(), &run, &[]).assert_fails(1, &["has no class folders"]);
    train(data.path(), &run, &["--set", "network.resolution=0"])
        .assert_fails(2, &["resolution is 0, but must be from 1 to 8192"]);
    train(data.path(), &run, &["--set", "train.epoch=1"]).assert_fails(
        2,
        &["there is no setting `train.epoch`; did you mean `train.epochs`?"],
    );
    train(data.path(), &run, &["--learning-rate=-1"])
        .assert_fails(2, &["`learning_rate` is -1, but must be a positive number"]);
    scarlet(["train", "--resume", nowhere.to_str().unwrap()]).assert_fails(2, &["holds no run"]);
    let search = root.path().join("search");
    fs::create_dir(&search).unwrap();
    fs::write(search.join("config.json"), r#"{"space": {}, "search": {}}"#).unwrap();
    scarlet(["train", "--resume", search.to_str().unwrap()])
        .assert_fails(2, &["holds a run that `scarlet search` began"]);
    for flag in ["--data", "--batch", "--teacher", "--model", "--out"] {
        scarlet(["train", "--resume", "x", flag, "1"]).assert_fails(
            2,
            &[
                &format!("a run resumes with its own settings: leave out {flag}."),
                "scarlet train --resume RUN --epochs N continues",
            ],
        );
    }
    scarlet([
        "finetune", "--resume", "x", "--freeze", "1", "--epochs", "9",
    ])
    .assert_fails(2, &["leave out --freeze.", "scarlet finetune --resume RUN"]);
    scarlet(["train", "--resume", "x", "--dry-run"]).assert_fails(2, &["cannot be used with"]);
    train(data.path(), &run, &["--set", "data.holdout=1.5"]).assert_fails(2, &["1.5"]);
    let freeze = [
        "--data",
        data.path().to_str().unwrap(),
        "--weights",
        "none.safetensors",
    ];
    scarlet(["finetune"].iter().chain(&freeze)).assert_fails(1, &["none.safetensors"]);
    assert!(!run.exists());

    let broken = data.path().join("blue/broken.png");
    fs::write(&broken, "not a picture").unwrap();
    train(data.path(), &run, &["--strict"]).assert_fails(1, &["broken.png is not an image"]);
    let ran = train(data.path(), &run, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("left out: "), "{}", ran.stderr);
    train(data.path(), &run, &[]).assert_fails(2, &["exists already"]);

    // The run goes on with the same images only.
    fs::write(
        data.path().join("blue/more.png"),
        read(data.path(), "blue/00.png"),
    )
    .unwrap();
    resume(&run).assert_fails(2, &["`number of training images` was "]);

    let lonely = data.path().join("lonely");
    fs::create_dir(&lonely).unwrap();
    fs::copy(data.path().join("blue/00.png"), lonely.join("only.png")).unwrap();
    train(data.path(), &root.path().join("other"), &[])
        .assert_fails(1, &["class `lonely` has only 1 image", "add images to it"]);
}

#[test]
#[cfg(unix)]
fn a_full_disk_leaves_whole_files_and_a_run_to_go_on_with() {
    let data = photographs(6);
    let root = tempfile::tempdir().unwrap();
    let (whole, full) = (root.path().join("whole"), root.path().join("full"));
    assert_eq!(train(data.path(), &whole, &[]).code, 0);
    // No file may be larger than a few blocks, and the signal that would end the process is off.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_scarlet"))
        .args(arguments(data.path(), &full, &[]))
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("cannot write") || stderr.contains("File too large"),
        "{stderr}"
    );
    let names: Vec<String> = fs::read_dir(&full)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        names.iter().all(|name| !name.ends_with(".part")),
        "{names:?}"
    );
    let resumed = resume(&full);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert!(read(&whole, "last.safetensors") == read(&full, "last.safetensors"));
}

/// Renames the class folders of some photographs.
fn rename(data: &Path, names: [&str; 3]) {
    for (old, new) in ["blue", "green", "red"].iter().zip(names) {
        fs::rename(data.join(old), data.join(new)).unwrap();
    }
}

#[test]
fn a_run_evaluates_its_own_folder_whatever_its_classes_are_called() {
    let data = photographs(6);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    rename(data.path(), [" cat", "dog ", "cafe\u{301}"]);
    let ran = train(data.path(), &run, &["--set", "train.epochs=1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        read(&run, "classes.txt"),
        " cat\ncafe\u{301}\ndog \n".as_bytes()
    );
    let eval = || {
        let weights = run.join("best.safetensors");
        let (data, weights) = (data.path().to_str().unwrap(), weights.to_str().unwrap());
        scarlet(["eval", data, "--weights", weights, "--json"]).json()
    };
    let before = eval();
    assert_eq!(before["images"], 18);
    // As an archive of another system may unpack them.
    for (old, new) in [(" cat", "cat"), ("dog ", "Dog"), ("cafe\u{301}", "café")] {
        fs::rename(data.path().join(old), data.path().join(new)).unwrap();
    }
    let after = eval();
    assert_eq!(after["top1"], before["top1"]);
    assert_eq!(after["classes"], before["classes"]);
}

#[test]
fn classes_that_are_numbers_keep_the_order_of_their_run() {
    let data = photographs(6);
    let root = tempfile::tempdir().unwrap();
    let run = |name: &str| root.path().join(name);
    rename(data.path(), ["10", "9", "1"]);
    let short = ["--set", "train.epochs=1"];
    let ran = train(data.path(), &run("natural"), &short);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stderr
            .contains("classes are in the order of their numbers: 1, 9, 10 (by their bytes"),
        "{}",
        ran.stderr
    );
    assert_eq!(read(&run("natural"), "classes.txt"), b"1\n9\n10\n");
    let bytewise = [&short[..], &["--set", "data.class_order=bytes"]].concat();
    let ran = train(data.path(), &run("bytes"), &bytewise);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(read(&run("bytes"), "classes.txt"), b"1\n10\n9\n");
    // What says nothing of it is of a time when there was no other order.
    let config = run("bytes").join("config.json");
    let mut record: serde_json::Value =
        serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    let settings = record["config"]["data"].as_object_mut().unwrap();
    assert_eq!(settings.remove("class_order").unwrap(), "bytes");
    record.as_object_mut().unwrap().remove("checksum").unwrap();
    fs::write(&config, record.to_string()).unwrap();
    fs::remove_file(run("bytes").join("begun.json")).unwrap();
    let ran = resume(&run("bytes"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(read(&run("bytes"), "classes.txt"), b"1\n10\n9\n");

    // Weights in the other order teach nothing.
    let teacher = run("bytes").join("best.safetensors");
    let taught = [&short[..], &["--teacher", teacher.to_str().unwrap()]].concat();
    train(data.path(), &run("taught"), &taught).assert_fails(
        2,
        &[
            "has the images' classes in another order",
            "its class 1 (counted from 0) is `10`, but the images' is `9`",
        ],
    );
}

#[test]
fn what_is_passed_over_is_told_and_a_class_without_images_refused() {
    let data = photographs(4);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    let write = |name: &str| {
        let path = data.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "\0\0\0\x1cftypavif").unwrap();
    };
    for name in ["blue/x.avif", "blue/y.avif", "red/notes.txt", "desktop.ini"] {
        write(name);
    }
    let stray = data.path().join("stray.png");
    fs::copy(data.path().join("red/00.png"), stray).unwrap();
    let ran = train(data.path(), &run, &["--dry-run"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stderr.contains(
            "warning: passed over: 2 .avif, 1 .txt, 1 image outside the class folders (.avif is not \
             read: convert it to JPEG or PNG)"
        ),
        "{}",
        ran.stderr
    );
    write("white/1.avif");
    train(data.path(), &run, &[]).assert_fails(
        1,
        &[
            "no image of class `white` can be read",
            "passed over: 1 .avif",
        ],
    );
    assert!(!run.exists());
}

/// What one file of a run's folder may become.
fn damages(bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
    let flipped = |at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        Some(bytes)
    };
    let middle = bytes.len() / 2;
    vec![
        flipped(middle),
        flipped(bytes.len() - 2),
        Some(bytes[..middle].to_vec()),
        Some(Vec::new()),
        Some(b"[]".to_vec()),
        Some(b"{}".to_vec()),
        None,
    ]
}

#[test]
fn a_damaged_run_is_refused_or_comes_to_the_same() {
    let data = photographs(4);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    assert_eq!(train(data.path(), &run, &["--epochs", "1"]).code, 0);
    let names = [
        "config.json",
        "checkpoint.safetensors",
        "events.jsonl",
        "best.safetensors",
        "last.safetensors",
        "classes.txt",
        "result.json",
    ];
    let whole: Vec<Vec<u8>> = names.iter().map(|name| read(&run, name)).collect();
    let mut refused = Vec::new();
    for (name, bytes) in names.iter().zip(&whole) {
        for damaged in damages(bytes) {
            for (name, bytes) in names.iter().zip(&whole) {
                fs::write(run.join(name), bytes).unwrap();
            }
            match &damaged {
                Some(bytes) => fs::write(run.join(name), bytes).unwrap(),
                None => fs::remove_file(run.join(name)).unwrap(),
            }
            let ran = resume(&run);
            assert!(!ran.stderr.contains("panicked"), "{name}: {}", ran.stderr);
            if ran.code != 0 {
                let lines = || ran.stderr.lines();
                let is_told = lines().any(|line| line.starts_with("error: "));
                assert!(is_told, "{name}: {}", ran.stderr);
                refused.push(*name);
                continue;
            }
            // The log's times and the numbers of parameters, which are drawn, aside.
            for (name, bytes) in names.iter().zip(&whole) {
                if !["events.jsonl", "checkpoint.safetensors"].contains(name) {
                    assert!(read(&run, name) == *bytes, "{name}");
                }
            }
        }
    }
    // What is made again is no reason to refuse.
    refused.dedup();
    assert_eq!(refused, ["config.json", "checkpoint.safetensors"]);
}

#[test]
fn weights_that_were_damaged_are_not_used() {
    let data = photographs(4);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    assert_eq!(train(data.path(), &run, &["--epochs", "1"]).code, 0);
    let best = run.join("best.safetensors");
    let mut bytes = fs::read(&best).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&best, bytes).unwrap();
    let photograph = data.path().join("red/00.png");
    let args = ["predict", photograph.to_str().unwrap(), "--weights"];
    let ran = scarlet([&args[..], &[best.to_str().unwrap()]].concat());
    ran.assert_fails(1, &["best.safetensors` is not as it was written"]);
}

#[test]
fn changed_settings_are_taken_when_the_change_is_meant() {
    let data = photographs(4);
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    assert_eq!(train(data.path(), &run, &["--epochs", "1"]).code, 0);
    let config = run.join("config.json");
    let text = fs::read_to_string(&config).unwrap();
    let changed = text.replace("\"cache_megabytes\": 1000", "\"cache_megabytes\": 2000");
    assert_ne!(text, changed);
    fs::write(&config, &changed).unwrap();
    resume(&run).assert_fails(1, &["config.json` is not as", "remove its line `checksum`"]);
    let lines: Vec<&str> = changed
        .lines()
        .filter(|it| !it.contains("checksum"))
        .collect();
    fs::write(&config, lines.join("\n")).unwrap();
    let ran = resume(&run);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("have no checksum"), "{}", ran.stderr);
}

#[test]
fn work_goes_on_where_the_system_refuses_threads() {
    let data = photographs(4);
    let root = tempfile::tempdir().unwrap();
    let (run, alone) = (root.path().join("run"), root.path().join("alone"));
    let refused = |args: Vec<&str>| {
        // No system has room for a stack of such a size.
        let output = Command::new(env!("CARGO_BIN_EXE_scarlet"))
            .args(args)
            .env("RUST_MIN_STACK", "1000000000000000")
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        stderr
    };
    assert_eq!(train(data.path(), &run, &["--epochs", "2"]).code, 0);
    let more = ["--epochs", "2", "--threads", "3"];
    let stderr = refused(arguments(data.path(), &alone, &more));
    assert!(
        stderr.contains("the system allows only 0 more threads"),
        "{stderr}"
    );
    for name in ["best.safetensors", "last.safetensors"] {
        assert!(read(&run, name) == read(&alone, name), "{name}");
    }
    let weights = alone.join("best.safetensors");
    let photograph = data.path().join("red/00.png");
    let [data, weights, photograph] =
        [data.path(), &weights, &photograph].map(|path| path.to_str().unwrap());
    refused(vec!["predict", photograph, "--weights", weights]);
    refused(vec!["eval", data, "--weights", weights]);
}
