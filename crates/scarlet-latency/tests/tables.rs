//! The program, as it is used.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use scarlet_arch::{Architecture, TimedPart, TimingPlan};

fn run(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_scarlet-latency");
    Command::new(program).args(arguments).output().unwrap()
}

fn message(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

fn network() -> Architecture {
    let text = "[relu6] C3@8/2 E1K3@8 E3K5s(swish,sigmoid)@16/2 E3K3@16 - P32";
    let network: Architecture = text.parse().unwrap();
    network.with_classes(4).with_resolution(32)
}

#[test]
fn every_part_and_every_network_has_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.json");
    let networks = [("010".parse().unwrap(), network())];
    fs::write(&plan, TimingPlan::new(networks).to_json()).unwrap();
    let path = plan.to_str().unwrap();
    let output = run(&[path, "--rounds", "2", "--threads", "2", "--batch", "2"]);
    assert!(output.status.success(), "{output:?}");
    let table = String::from_utf8(output.stdout).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("operation,shape,milliseconds"));
    let lines: Vec<_> = lines.collect();
    for part in TimedPart::all_of(&network(), 32) {
        let quoted = format!("\"{}\",{},", part.operation, part.shape);
        let plain = format!("{},{},", part.operation, part.shape);
        let rows = lines.iter();
        let rows = rows.filter(|it| it.starts_with(&plain) || it.starts_with(&quoted));
        assert_eq!(rows.count(), 1, "{plain} {table}");
    }
    assert!(lines.last().unwrap().starts_with("network,010,"));
    for line in lines {
        let time: f64 = line.rsplit(',').next().unwrap().parse().unwrap();
        assert!(time > 0.0, "{line}");
    }
}

#[test]
fn what_cannot_be_timed_says_why() {
    assert!(message(&[]).contains("no plan was given"));
    assert!(message(&["a", "b"]).contains("a second plan, `b`"));
    assert!(message(&["a", "--rounds", "0"]).contains("`--rounds 0`: give a number from 1"));
    assert!(message(&["a", "--batch"]).contains("`--batch `: give a number"));
    assert!(message(&["--fast"]).contains("there is no option `--fast`"));
    assert!(message(&["no-such-plan.json"]).contains("cannot read `no-such-plan.json`"));
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.json");
    let error = |text: &str, plan: &Path| {
        fs::write(plan, text).unwrap();
        message(&[plan.to_str().unwrap()])
    };
    assert!(error("{}", &plan).contains("missing field"));
    let json = TimingPlan::new([]).to_json().replace(": 1", ": 3");
    assert!(error(&json, &plan).contains("of version 3, but this program reads version 1"));
}
