//! Learning from a network: `--teacher` of `scarlet train` and `scarlet search`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Ran, scarlet, tiny_data, tiny_run};
use tempfile::TempDir;

/// A folder with data of two classes in grey.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    tiny_data(&data);
    (folder, data)
}

fn train(data: &Path, out: &Path, more: &[&str]) -> Ran {
    let (data, out) = (data.to_str().unwrap(), out.to_str().unwrap());
    let fixed = ["train", "--threads", "1", "--data", data, "--out", out];
    let network = ["--model", "E3K3@8/2", "--epochs", "3", "--batch", "16"];
    let all: Vec<&str> = [&fixed[..], &network, more].concat();
    scarlet(all)
}

fn weights(out: &Path) -> Vec<u8> {
    fs::read(out.join("last.safetensors")).unwrap()
}

/// A network that has learned nothing, of so many classes, in colour.
fn stranger(folder: &Path) -> String {
    let file = folder.join("stranger.safetensors").display().to_string();
    let network = ["--model", "E3K3@8/2", "--num-classes", "3", "--random-init"];
    let ran = scarlet([&["export", &file], &network[..]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    file
}

#[test]
fn a_network_learns_from_a_teacher_and_goes_on_with_the_same() {
    let (folder, data) = place();
    let at = |name: &str| folder.path().join(name);
    assert_eq!(train(&data, &at("alone"), &[]).code, 0);
    let file = at("teacher.safetensors");
    fs::copy(at("alone").join("last.safetensors"), &file).unwrap();
    let teacher = file.to_str().unwrap();
    let taught = train(&data, &at("taught"), &["--teacher", teacher]);
    assert_eq!(taught.code, 0, "{taught:?}");
    assert_ne!(weights(&at("taught")), weights(&at("alone")));
    let again = train(&data, &at("again"), &["--teacher", teacher]);
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(weights(&at("again")), weights(&at("taught")));
    // How much is learned matters; nothing at all is what the labels alone teach.
    let none = "train.distillation.weight=0";
    let alone = train(&data, &at("none"), &["--teacher", teacher, "--set", none]);
    assert_eq!(alone.code, 0, "{alone:?}");
    assert_eq!(weights(&at("none")), weights(&at("alone")));

    let run = at("taught").display().to_string();
    let resumed = scarlet(["train", "--resume", &run]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    fs::copy(at("taught").join("last.safetensors"), &file).unwrap();
    scarlet(["train", "--resume", &run]).assert_fails(2, &["`teacher's weights` was "]);
    fs::remove_file(&file).unwrap();
    scarlet(["train", "--resume", &run]).assert_fails(1, &["teacher.safetensors"]);
}

#[test]
fn a_teacher_of_other_classes_is_refused_before_anything_is_trained() {
    let (folder, data) = place();
    let teacher = stranger(folder.path());
    let out = folder.path().join("run");
    let refused = train(&data, &out, &["--teacher", &teacher]);
    let message = "the teacher is made for 3 classes, but its student for 2";
    refused.assert_fails(2, &[message]);
    let searched = folder.path().join("searched");
    let run = tiny_run("search", &data, &searched);
    let more = ["--teacher", &teacher];
    let refused = scarlet(run.iter().map(String::as_str).chain(more));
    refused.assert_fails(2, &[message]);
    assert!(!searched.exists());
    let weight = train(&data, &out, &["--set", "train.distillation.weight=2"]);
    weight.assert_fails(2, &["`distillation.weight` is 2, but must be from 0 to 1"]);
}

#[test]
fn what_a_search_chose_can_learn_from_a_teacher() {
    let (folder, data) = place();
    let search = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let run = tiny_run("search", &data, &out);
        let ran = scarlet(run.iter().map(String::as_str).chain(more.iter().copied()));
        assert_eq!(ran.code, 0, "{ran:?}");
        out.join("network/network.safetensors")
    };
    let teacher = search("first", &[]);
    let taught = search("second", &["--teacher", teacher.to_str().unwrap()]);
    assert_ne!(fs::read(&taught).unwrap(), fs::read(&teacher).unwrap());
    // Where nothing is left to learn, the teacher is not missed; where something is, it is.
    let run = folder.path().join("second");
    let resume = [
        "search",
        "--resume",
        run.to_str().unwrap(),
        "--threads",
        "1",
    ];
    fs::remove_file(&teacher).unwrap();
    let resumed = scarlet(resume);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    fs::remove_file(run.join("training/checkpoint.safetensors")).unwrap();
    scarlet(resume).assert_fails(1, &["network.safetensors"]);
}
