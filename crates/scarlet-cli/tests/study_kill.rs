//! A study that is killed while it trains a supernet or a network comes to the same tables.
#![cfg(unix)]
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::{kill_after, tiny_data, unfinished};

/// Files that an undisturbed study and a disturbed one must have in common, to the bit.
const FINAL: [&str; 5] = [
    "config.json",
    "ranking.csv",
    "one-shot.csv",
    "networks.csv",
    "ranking.svg",
];

fn start(data: &Path, study: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scarlet"));
    command.args(["study", "ranking", "--threads", "1", "--data"]);
    command.arg(data).arg(study);
    for setting in [
        "space.layers=[[8, 2], [8, 1]]",
        "space.choices=[\"E3K3\"]",
        "space.stem=8",
        "space.separable=8",
        "space.head=16",
        "networks=2",
        "layer=2",
        "paths=1",
        "supernet.epochs=20",
        "supernet.batch_size=8",
        "standalone.epochs=20",
        "standalone.batch_size=8",
        "evaluator.calibration_images=16",
    ] {
        command.args(["--set", setting]);
    }
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn finish(data: &Path, study: &Path) {
    assert!(start(data, study).wait().unwrap().success());
}

fn finals(study: &Path) -> Vec<Vec<u8>> {
    let read = |name: &&str| fs::read(study.join(name)).unwrap();
    FINAL.iter().map(read).collect()
}

#[test]
fn a_study_that_is_killed_twice_in_every_kind_of_unit_comes_to_the_same_tables() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    tiny_data(&data);
    let whole = folder.path().join("whole");
    finish(&data, &whole);
    let expected = finals(&whole);
    let entries = fs::read_dir(&whole).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let network = names
        .filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()))
        .find(|name| name.starts_with("network-"))
        .unwrap();

    let out = folder.path().join("killed");
    for unit in [network.as_str(), "supernet-stabilizer-fair-0"] {
        let log = format!("{unit}/events.jsonl");
        let start = || start(&data, &out);
        // Twice, behind checkpoints: there is one behind every epoch.
        let killed = kill_after(start, &out, &log, 12, 100);
        assert!(killed, "{log} never grows by 12 lines");
        // There may be too little left for a second time.
        kill_after(start, &out, &log, 24, 2);
    }
    finish(&data, &out);
    for (name, (found, expected)) in FINAL.iter().zip(finals(&out).iter().zip(&expected)) {
        assert!(found == expected, "{name} differs");
    }
    assert!(unfinished(&out).is_empty(), "{:?}", unfinished(&out));
    // What is left of every unit is its record.
    let entries = fs::read_dir(&out).unwrap();
    let folders = entries.filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(folders.count(), 0);
}
