//! `scarlet search --from`: among the parts of a network that has weights.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

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
    // A part can be taken out of the supernet.
    let taken = root.path().join("taken.safetensors").display().to_string();
    let extracted = scarlet(["extract", run.to_str().unwrap(), &taken]);
    assert_eq!(extracted.code, 0, "{extracted:?}");
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
fn a_part_may_see_smaller_images() {
    let root = tempfile::tempdir().unwrap();
    let (data, run) = (root.path().join("data"), root.path().join("run"));
    tiny_data(&data);
    let from = foreign(root.path());
    let at_16 = ["--resolution", "16"];
    let none = root.path().join("none");
    let plan = search(&data, &from, &none, &[&at_16[..], &["--dry-run"]].concat());
    assert!(plan.stdout.contains(" at 16 or 8 pixels: "), "{plan:?}");
    // Less than what any part costs at 16 pixels.
    let least = search(
        &data,
        &from,
        &none,
        &[
            &at_16[..],
            &["--set", "space.from.resolutions=[]", "--dry-run", "--json"],
        ]
        .concat(),
    )
    .json();
    let limit = least["cheapest"]["mult_adds"].as_u64().unwrap() - 1;
    let budget = format!("mult_adds <= {limit}");
    let ran = search(
        &data,
        &from,
        &run,
        &[&at_16[..], &["--budget", &budget, "--json"]].concat(),
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let result = ran.json();
    assert_eq!(result["network"]["resolution"], 8);
    let found = Scarlet::open(run.join("network/network.safetensors"), &Device::flex()).unwrap();
    assert_eq!(found.architecture().preprocessing.resolution, 8);
    // After an interruption the same.
    let again = root.path().join("again");
    let more = ["--budget", &budget, "--until", "choose"];
    let stopped = search(&data, &from, &again, &[&at_16[..], &more].concat());
    assert_eq!(stopped.code, 0, "{stopped:?}");
    let resumed = scarlet(["search", "--resume", again.to_str().unwrap()]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert!(network(&again) == network(&run));
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("8×8: "), "the page says who sees how much");
}

#[test]
fn a_part_may_have_fewer_features() {
    let root = tempfile::tempdir().unwrap();
    let (data, run) = (root.path().join("data"), root.path().join("run"));
    tiny_data(&data);
    let from = foreign(root.path());
    let none = root.path().join("none");
    let plan = search(&data, &from, &none, &["--dry-run"]);
    assert!(plan.stdout.contains(", 16 or 8 features"), "{plan:?}");
    let cheapest = plan.stdout.lines().find(|it| it.starts_with("cheapest"));
    assert!(cheapest.unwrap().contains(" P8"), "{plan:?}");
    // Two candidates that differ in nothing else.
    let more = [
        "--set",
        "space.from.resolutions=[]",
        "--choose",
        "0001",
        "--json",
    ];
    let ran = search(&data, &from, &run, &more);
    assert_eq!(ran.code, 0, "{ran:?}");
    let layers = ran.json()["network"]["layers"].clone();
    assert!(layers.as_str().unwrap().ends_with(" P8"), "{layers}");
    let found = Scarlet::open(run.join("network/network.safetensors"), &Device::flex()).unwrap();
    assert_eq!(found.architecture().features(), 8);
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains(", 8 features"), "the page says how many");
}

/// A network of the data's own classes.
fn trained(data: &Path, out: &Path, seed: &str) -> PathBuf {
    let [data, run] = [data, out].map(|path| path.to_str().unwrap());
    let fixed = ["train", "--data", data, "--out", run, "--model", NETWORK];
    let more = ["--epochs", "2", "--threads", "1", "--seed", seed];
    let ran = scarlet(fixed.iter().chain(&more));
    assert_eq!(ran.code, 0, "{ran:?}");
    out.join("best.safetensors")
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
    let from = trained(&data, &own, "0");
    let ran = search(&data, from.to_str().unwrap(), &run, &["--until", "search"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // With other weights in its place the run does not go on.
    let channels = fs::read(run.join("supernet/channels.json")).unwrap();
    fs::copy(trained(&data, &root.path().join("other"), "5"), &from).unwrap();
    scarlet(["search", "--resume", run.to_str().unwrap()]).assert_fails(2, &["space.from.weights"]);
    assert!(fs::read(run.join("supernet/channels.json")).unwrap() == channels);
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
    search(&data, "scarlet-b", &out, &[]).assert_fails(
        1,
        &[
            "weights of scarlet-b are not public",
            "--from also takes a file",
        ],
    );
    for (setting, said) in [
        ("space.plan=\"small\"", "the only setting of the space"),
        ("supernet.head_epochs=1", "`supernet.head_epochs` is 1"),
        ("space.from.hidden=[2]", "2 is no share"),
        ("supernet.stabilizer=\"normal\"", "`supernet.stabilizer`"),
    ] {
        search(&data, &from, &out, &["--set", setting]).assert_fails(2, &[said]);
    }
    let data = data.to_str().unwrap();
    let file = root.path().join("from.toml");
    fs::write(&file, format!("[space.from]\nweights = \"{from}\"\n")).unwrap();
    let table = root.path().join("table.json");
    scarlet([
        "latency-table",
        "--data",
        data,
        "--config",
        file.to_str().unwrap(),
        "--out",
        table.to_str().unwrap(),
    ])
    .assert_fails(2, &["`space.from`", "a latency table"]);
    scarlet([
        "search",
        "--data",
        data,
        "--set",
        "supernet.sampling=\"sandwich\"",
    ])
    .assert_fails(2, &["unless networks are parts of one"]);
    assert!(!out.exists() && !table.exists());
}

#[test]
fn a_supernet_can_be_trained_apart() {
    let root = tempfile::tempdir().unwrap();
    let (data, run) = (root.path().join("data"), root.path().join("run"));
    tiny_data(&data);
    let from = foreign(root.path());
    let file = root.path().join("from.toml");
    let settings = format!(
        "[space.from]\nweights = \"{from}\"\n[whole]\nepochs = 1\n[supernet]\nepochs = 1\n\
         sampling = \"sandwich\"\n[search]\nevaluations = 4\n\
         budget = [\"mult_adds <= 1M\"]\nalgorithm = {{ population = 2 }}\n\
         [train]\nepochs = 1\n"
    );
    fs::write(&file, settings).unwrap();
    let [data, out, file] = [&data, &run, &file].map(|path| path.to_str().unwrap());
    let trained = scarlet([
        "supernet",
        "train",
        "--threads",
        "1",
        "--data",
        data,
        "--out",
        out,
        "--config",
        file,
    ]);
    assert_eq!(trained.code, 0, "{trained:?}");
    assert!(trained.stderr.contains("training the whole network"));
    let found = scarlet(["search", "--resume", out]);
    assert_eq!(found.code, 0, "{found:?}");
    assert!(run.join("network/network.safetensors").exists());
}

#[test]
fn parts_are_judged_in_the_numbers_in_which_they_will_run() {
    let root = tempfile::tempdir().unwrap();
    let (data, run) = (root.path().join("data"), root.path().join("run"));
    tiny_data(&data);
    let from = foreign(root.path());
    let more = [
        "--budget",
        "latency_ms <= 1e9",
        "--deploy",
        "int8",
        "--json",
    ];
    let json = search(&data, &from, &run, &more).json();
    assert_eq!(json["network"]["judged_in"], "int8");
    assert!(json["network"]["latency_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(json["deployed"]["numbers"], "int8");
    // The whole network is told of in floats.
    assert_eq!(
        json["whole"]["test"]["images"],
        json["deployed"]["test"]["images"]
    );
    let [data, file] = [&data, &run.join("network/network.scarlet")];
    let eval = scarlet([
        "eval",
        data.to_str().unwrap(),
        "--json",
        "--weights",
        file.to_str().unwrap(),
    ]);
    let top1 = eval.json()["top1"].as_f64().unwrap();
    let test = &json["deployed"]["test"];
    assert_eq!(
        top1,
        test["correct"].as_f64().unwrap() / test["images"].as_f64().unwrap()
    );
}
