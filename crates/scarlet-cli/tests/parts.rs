//! `scarlet search --from`: among the parts of a network that has weights.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::Path;

use common::{Ran, scarlet, tiny_data};
use scarlet::Scarlet;
use scarlet::burn::tensor::Device;

/// With a block of each kind: narrower, of a smaller kernel, left out.
const NETWORK: &str = "C3@8/2:relu6 E1K3@8:relu6 E4K5s@12/2 E3K3@12 E6K3@12 P16";

/// Trained on something else: in colour, five classes.
fn foreign(folder: &Path) -> String {
    let file = folder.join("foreign.safetensors").display().to_string();
    let network = ["--model", NETWORK, "--num-classes", "5", "--random-init"];
    let ran = scarlet(["export", &file].iter().chain(&network));
    assert_eq!(ran.code, 0, "{ran:?}");
    file
}

fn search(data: &Path, from: &str, out: &Path, more: &[&str]) -> Ran {
    let [data, out] = [data, out].map(|path| path.display().to_string());
    let fixed = [
        "search",
        "--threads",
        "1",
        "--data",
        &data,
        "--from",
        from,
        "--out",
        &out,
    ];
    let settings = [
        "data.holdout=0.2",
        "whole.epochs=2",
        "supernet.epochs=2",
        "supernet.batch_size=4",
        "search.evaluations=6",
        "search.algorithm.population=3",
        "search.calibration_images=16",
        "train.epochs=2",
    ];
    let settings = settings.iter().flat_map(|setting| ["--set", setting]);
    scarlet(
        fixed
            .into_iter()
            .chain(settings)
            .chain(more.iter().copied()),
    )
}

fn network(run: &Path) -> Vec<u8> {
    fs::read(run.join("network/network.safetensors")).unwrap()
}

#[test]
fn a_part_is_found_that_keeps_the_budget() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    tiny_data(&data);
    let from = foreign(root.path());
    let plan = search(
        &data,
        &from,
        &root.path().join("none"),
        &["--dry-run", "--json"],
    )
    .json();
    let (cheapest, dearest) = (
        &plan["cheapest"]["mult_adds"],
        &plan["dearest"]["mult_adds"],
    );
    let limit = (cheapest.as_u64().unwrap() + dearest.as_u64().unwrap()) / 2;
    let budget = format!("mult_adds <= {limit}");
    let run = root.path().join("run");
    let ran = search(&data, &from, &run, &["--budget", &budget]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let stages = [
        "training the whole network",
        "training the supernet",
        "searching",
    ];
    let places = stages.map(|stage| ran.stderr.find(stage).unwrap());
    assert!(places.is_sorted(), "{ran:?}");
    let found = Scarlet::open(run.join("network/network.safetensors"), &Device::flex()).unwrap();
    let architecture = found.architecture();
    assert_eq!((architecture.classes, architecture.input_channels), (2, 1));
    let cost = scarlet::arch::Cost::of(architecture, 8).unwrap();
    assert!(cost.mult_adds <= limit, "{}", cost.mult_adds);

    // From the same seed the same bits, and after an interruption behind any stage too.
    for until in ["supernet", "search", "train"] {
        let again = root.path().join(until);
        let stopped = search(
            &data,
            &from,
            &again,
            &["--budget", &budget, "--until", until],
        );
        assert_eq!(stopped.code, 0, "{stopped:?}");
        let resumed = scarlet(["search", "--resume", again.to_str().unwrap()]);
        assert_eq!(resumed.code, 0, "{resumed:?}");
        assert!(network(&again) == network(&run), "{until}");
    }
    // Its supernet serves another budget, without the training.
    let other = root.path().join("other");
    let budget = format!("mult_adds <= {}", (limit + dearest.as_u64().unwrap()) / 2);
    let again = scarlet([
        "search",
        "--supernet",
        run.to_str().unwrap(),
        "--out",
        other.to_str().unwrap(),
        "--budget",
        &budget,
    ]);
    assert_eq!(again.code, 0, "{again:?}");
    let file = |run: &Path, name: &str| fs::read(run.join(name)).unwrap();
    for name in [
        "supernet/checkpoint.safetensors",
        "whole/checkpoint.safetensors",
    ] {
        assert!(file(&run, name) == file(&other, name), "{name}");
    }
}

#[test]
fn a_network_of_ones_own_is_not_trained_again() {
    let root = tempfile::tempdir().unwrap();
    let (data, own, run) = (
        root.path().join("data"),
        root.path().join("own"),
        root.path().join("run"),
    );
    tiny_data(&data);
    let trained = scarlet([
        "train",
        "--data",
        data.to_str().unwrap(),
        "--out",
        own.to_str().unwrap(),
        "--model",
        NETWORK,
        "--epochs",
        "2",
        "--threads",
        "1",
    ]);
    assert_eq!(trained.code, 0, "{trained:?}");
    let from = own.join("best.safetensors");
    let ran = search(&data, from.to_str().unwrap(), &run, &["--until", "search"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        !ran.stderr.contains("training the whole network"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("training the supernet"), "{ran:?}");
}

#[test]
fn what_cannot_be_is_said() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    tiny_data(&data);
    let out = root.path().join("run");
    search(&data, "efficientnet-lite9", &out, &[])
        .assert_fails(2, &["did you mean \"efficientnet-lite0\"?"]);
    search(&data, "none.pth", &out, &[]).assert_fails(1, &["there is no file", "none.pth"]);
    let stiff = root.path().join("stiff.safetensors");
    let model = "C3@8/2 E1K3@8 E1K3n@16/2 L@24/2";
    let export = [
        "export",
        stiff.to_str().unwrap(),
        "--model",
        model,
        "--random-init",
    ];
    assert_eq!(scarlet(export).code, 0);
    search(&data, stiff.to_str().unwrap(), &out, &[])
        .assert_fails(2, &["can be made smaller or left out"]);
    let from = foreign(root.path());
    search(&data, &from, &out, &["--budget", "mult_adds <= 10"])
        .assert_fails(2, &["mult_adds <= 10"]);
    assert!(!out.exists());
}
