//! A search whose process is killed or interrupted goes on to the same network. That it does so
//! from each of its events is tested without processes to watch, in `scarlet-train`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::{kill_after, lines, tiny_data, tiny_run, unfinished, wait_until};

/// Files that an undisturbed run and a disturbed one must have in common, to the bit.
const FINAL: [&str; 9] = [
    "config.json",
    "choice.json",
    "search/state.json",
    "front.csv",
    "front.svg",
    "network/network.safetensors",
    "network/network.onnx",
    "network/network.scarlet",
    "network/architecture.json",
];

fn start(data: &Path, out: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scarlet"));
    match out.join("config.json").exists() {
        true => command
            .args(["search", "--threads", "1", "--resume"])
            .arg(out),
        false => command.args(tiny_run("search", data, out)),
    };
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn finish(data: &Path, out: &Path) {
    assert!(start(data, out).wait().unwrap().success());
}

fn finals(out: &Path) -> Vec<Vec<u8>> {
    let read = |name: &&str| fs::read(out.join(name)).unwrap();
    FINAL.iter().map(read).collect()
}

#[test]
fn a_run_that_is_killed_in_every_stage_finds_the_same_network() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    tiny_data(&data);
    let whole = folder.path().join("whole");
    finish(&data, &whole);
    let expected = finals(&whole);

    let out = folder.path().join("killed");
    for (log, first, second) in [
        // In the supernet's training, from its first checkpoint on.
        ("supernet/events.jsonl", 4, 7),
        // While candidates are measured.
        ("search/scores.jsonl", 1, 1),
        // In the chosen network's training.
        ("training/events.jsonl", 3, 5),
        // At the ends of the stages: the supernet, the search, the choice, the training.
        ("events.jsonl", 8, 9),
    ] {
        let start = || start(&data, &out);
        let killed = kill_after(start, &out, log, first, 100);
        assert!(killed, "{log} never grows by {first} lines");
        // There may be too little left for a second time.
        kill_after(start, &out, log, second, 2);
    }
    finish(&data, &out);
    for (name, (found, expected)) in FINAL.iter().zip(finals(&out).iter().zip(&expected)) {
        assert!(found == expected, "{name} differs");
    }
    assert!(unfinished(&out).is_empty(), "{:?}", unfinished(&out));
    // Every line of the logs is whole.
    for log in [
        "events.jsonl",
        "supernet/events.jsonl",
        "training/events.jsonl",
    ] {
        for line in fs::read_to_string(out.join(log)).unwrap().lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }
}

#[test]
fn ctrl_c_saves_and_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    tiny_data(&data);
    let log = out.join("supernet/events.jsonl");
    let mut child = Command::new(env!("CARGO_BIN_EXE_scarlet"))
        .args(tiny_run("search", &data, &out))
        .args(["--set", "supernet.epochs=2000"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert!(wait_until(&mut child, || lines(&log) >= 3));
    let interrupt = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(
        stderr.contains("interrupted while training the supernet; everything done so far is saved"),
        "{stderr}"
    );
    assert!(
        stderr.contains("resume with: scarlet search --resume "),
        "{stderr}"
    );
    assert!(out.join("supernet/checkpoint.safetensors").exists());
}
