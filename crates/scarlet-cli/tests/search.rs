//! `scarlet search`, `scarlet supernet train` and `scarlet extract`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::Path;

use common::{Ran, copy_photograph, scarlet, tiny_data, tiny_run, write_damaged_photograph};

/// The tiny run with some more arguments.
fn search(data: &Path, out: &Path, more: &[&str]) -> Ran {
    let run = tiny_run("search", data, out);
    scarlet(run.iter().map(String::as_str).chain(more.iter().copied()))
}

fn resume(out: &Path, more: &[&str]) -> Ran {
    let run = [
        "search",
        "--threads",
        "1",
        "--resume",
        out.to_str().unwrap(),
    ];
    scarlet(run.iter().chain(more))
}

/// The supernet of the tiny run, with some more arguments.
fn train_supernet(data: &Path, out: &Path, more: &[&str]) -> Ran {
    let mut run = tiny_run("supernet", data, out);
    run.insert(1, "train".to_owned());
    scarlet(run.iter().map(String::as_str).chain(more.iter().copied()))
}

/// Mult-adds of the cheapest network of the tiny run's space.
fn cheapest(data: &Path) -> u64 {
    let plan = search(data, Path::new("nowhere"), &["--dry-run", "--json"]).json();
    plan["cheapest"]["mult_adds"].as_u64().unwrap()
}

#[test]
fn the_whole_road_leaves_a_network_and_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    tiny_data(&data);
    let ran = search(&data, &out, &["--json"]);
    let json = ran.json();
    let genome = json["network"]["genome"].as_str().unwrap().to_owned();
    let accuracy = json["test_accuracy"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&accuracy));
    assert!(json["network"]["mult_adds"].as_u64().unwrap() <= 300_000);
    for file in [
        "network/network.safetensors",
        "network/network.onnx",
        "network/network.scarlet",
        "network/architecture.json",
        "front.svg",
        "report.html",
    ] {
        assert!(out.join(file).metadata().unwrap().len() > 0, "{file}");
    }
    let classes = fs::read_to_string(out.join("network/classes.txt")).unwrap();
    assert_eq!(classes, "0\n1\n");
    let table = fs::read_to_string(out.join("front.csv")).unwrap();
    assert!(table.contains(&genome), "{table}");
    assert!(
        fs::read_to_string(out.join("report.html"))
            .unwrap()
            .contains(&genome)
    );
    // Finished stages are found, not done again.
    let again = resume(&out, &["--json"]).json();
    assert_eq!(again["test"], json["test"]);

    let file = folder.path().join("taken.safetensors");
    let taken = scarlet([
        "extract".as_ref(),
        out.as_os_str(),
        file.as_os_str(),
        "--json".as_ref(),
    ])
    .json();
    assert_eq!(taken["genome"], genome);
    assert!(file.exists());
    let refused = scarlet([
        "extract".as_ref(),
        out.as_os_str(),
        file.as_os_str(),
        "--choose".as_ref(),
        "0z0".as_ref(),
    ]);
    refused.assert_fails(2, &["cannot choose `0z0`", "no genome of this space"]);
    let within = |budget: &str| {
        scarlet([
            "extract".as_ref(),
            out.as_os_str(),
            file.as_os_str(),
            "--json".as_ref(),
            "--budget".as_ref(),
            budget.as_ref(),
        ])
    };
    // Four candidates were measured, which is all there are.
    let cheapest = cheapest(&data);
    let cheap = within(&format!("mult_adds <= {cheapest}")).json();
    assert_eq!(cheap["mult_adds"], cheapest);
    within("mult_adds <= 3").assert_fails(1, &["keeps", "`mult_adds <= 3`"]);

    // By the front's knee, by name, or by a file; and nothing is written in a dry run.
    let take = |more: &[&str]| {
        let unwritten = folder.path().join("unwritten.safetensors");
        let mut args = vec!["extract".to_owned(), out.display().to_string()];
        args.push(unwritten.display().to_string());
        args.extend(["--json", "--dry-run"].map(str::to_owned));
        args.extend(more.iter().map(|&it| it.to_owned()));
        let taken = scarlet(args);
        assert!(!unwritten.exists());
        taken
    };
    let front = fs::read_to_string(out.join("front.csv")).unwrap();
    let knee = take(&["--choose", "knee"]).json();
    assert!(front.contains(knee["genome"].as_str().unwrap()), "{front}");
    assert!(knee["inherited_accuracy"].is_f64());
    for genome in ["00", "01", "10", "11"] {
        assert_eq!(take(&["--choose", genome]).json()["genome"], genome);
    }
    let file = folder.path().join("choice.toml");
    fs::write(&file, "[choose]\nnetwork = \"01\"\n").unwrap();
    let file = file.display().to_string();
    assert_eq!(take(&["--config", &file]).json()["genome"], "01");
    assert_eq!(
        take(&["--config", &file, "--choose", "10"]).json()["genome"],
        "10"
    );
    fs::write(&file, "[space]\nwidth = 2.0\n").unwrap();
    take(&["--config", &file]).assert_fails(2, &["other settings in [space]"]);
    // Without images nobody knows how accurate it is.
    fs::remove_dir_all(&data).unwrap();
    take(&["--choose", "knee"]).assert_fails(2, &["data"]);
    let uncalibrated = take(&["--choose", "knee", "--uncalibrated"]).json();
    assert_eq!(uncalibrated["genome"], knee["genome"]);
    assert!(uncalibrated["inherited_accuracy"].is_null());
}

#[test]
fn a_supernet_can_be_searched_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    tiny_data(&data);
    assert_eq!(train_supernet(&data, &out, &[]).code, 0);
    assert!(!out.join("result.json").exists());
    let refused = search(&data, &out, &[]);
    refused.assert_fails(2, &["config.json` exists already", "resuming"]);
    // A run goes on with its own settings.
    for setting in [["--seed", "9"], ["--budget", "mult_adds <= 1K"]] {
        resume(&out, &setting).assert_fails(2, &["cannot be used with", setting[0]]);
    }
    assert_eq!(resume(&out, &[]).code, 0);
    assert!(out.join("result.json").exists());
}

#[test]
fn one_supernet_serves_several_budgets() {
    let folder = tempfile::tempdir().unwrap();
    let (data, first) = (folder.path().join("data"), folder.path().join("first"));
    tiny_data(&data);
    assert_eq!(search(&data, &first, &[]).code, 0);
    let again = |out: &Path, more: &[&str]| {
        let fixed = ["search", "--threads", "1", "--json", "--supernet"];
        let paths = [first.to_str().unwrap(), "--out", out.to_str().unwrap()];
        scarlet(fixed.iter().chain(&paths).chain(more))
    };
    let second = folder.path().join("second");
    let cheapest = cheapest(&data);
    let budget = format!("mult_adds <= {cheapest}");
    let found = again(&second, &["--budget", &budget]).json();
    assert_eq!(found["network"]["mult_adds"], cheapest);
    let file = |run: &Path, name: &str| fs::read(run.join(name)).unwrap();
    for name in ["supernet/checkpoint.safetensors", "space.json"] {
        assert!(file(&first, name) == file(&second, name), "{name}");
    }
    // What was measured for the first budget is not measured again.
    let scores = |run: &Path| String::from_utf8(file(run, "search/scores.jsonl")).unwrap();
    assert!(scores(&second).starts_with(&scores(&first)));
    let mut genomes: Vec<String> = Vec::new();
    for line in scores(&second).lines() {
        let score: serde_json::Value = serde_json::from_str(line).unwrap();
        genomes.push(score["genome"].to_string());
    }
    let measured = genomes.len();
    genomes.sort();
    genomes.dedup();
    assert_eq!(genomes.len(), measured);

    let third = folder.path().join("third");
    let refused = again(&third, &["--set", "supernet.learning_rate=0.3"]);
    refused.assert_fails(2, &["other settings in [supernet]"]);
    assert!(!third.exists());
    let missing = folder.path().join("missing");
    let refused = scarlet(["search", "--supernet", missing.to_str().unwrap()]);
    refused.assert_fails(2, &["holds no run"]);
}

#[test]
fn a_supernet_needs_no_budget_and_a_search_checks_its_choice_first() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    tiny_data(&data);
    let impossible = ["--set", "search.budget=[\"mult_adds <= 1K\"]"];
    let planned = train_supernet(&data, &out, &["--dry-run"]);
    assert_eq!(planned.code, 0, "{planned:?}");
    assert!(
        planned
            .stdout
            .contains("supernet    12 steps of 2 networks")
    );
    assert!(!out.exists());
    assert_eq!(train_supernet(&data, &out, &impossible).code, 0);
    resume(&out, &[]).assert_fails(
        2,
        &["no network of this search space has mult_adds <= 1000"],
    );
    let refused = search(&data, &folder.path().join("other"), &["--choose", "kneee"]);
    refused.assert_fails(2, &["cannot choose `kneee`", "neither `best` nor `knee`"]);
    assert!(!folder.path().join("other").exists());
}

#[test]
fn a_dry_run_prices_the_space_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    tiny_data(&data);
    let ran = search(&data, &out, &["--dry-run"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in [
        "1×8×8, 2 classes: 52 to train on, 12 held out, 8 to test",
        "2 layers of E3K3 L: 4 networks",
        "cheapest",
        "dearest",
        "budget      mult_adds <= 300000",
        "supernet    12 steps of 2 networks",
        "time        about",
    ] {
        assert!(ran.stdout.contains(part), "no {part:?} in {}", ran.stdout);
    }
    assert!(!out.exists());
    let json = search(&data, &out, &["--dry-run", "--json"]).json();
    assert!(json["estimate"]["supernet_seconds"].as_f64().unwrap() >= 0.0);
    assert!(
        json["cheapest"]["mult_adds"].as_u64().unwrap()
            < json["dearest"]["mult_adds"].as_u64().unwrap()
    );
}

#[test]
fn an_impossible_budget_names_the_cheapest_network() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    tiny_data(&data);
    let ran = search(
        &data,
        &out,
        &["--set", "search.budget=[\"mult_adds <= 1K\"]"],
    );
    ran.assert_fails(
        2,
        &[
            "no network of this search space has mult_adds <= 1000: the cheapest has ",
            "Change the budget or the space",
        ],
    );
    assert!(!out.exists());
}

#[test]
fn settings_that_do_not_exist_get_a_hint() {
    let ran = scarlet(["search", "--set", "train.epoch=3"]);
    ran.assert_fails(
        2,
        &["there is no setting `train.epoch`; did you mean `epochs`?"],
    );
    let ran = scarlet(["search", "--set", "space.layers=[[16, 0]]", "--dry-run"]);
    ran.assert_fails(2, &["stride"]);
    let ran = scarlet(["search", "--set", "data.holdout=0", "--dry-run"]);
    ran.assert_fails(2, &["0"]);
    let ran = scarlet(["search", "--budget", "speed <= 3", "--dry-run"]);
    ran.assert_fails(2, &["`speed` is not measured", "`mult_adds`"]);
    // A run of the repository's own may stand in the default folder.
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let ran = search(Path::new("no-such-folder"), &out, &[]);
    ran.assert_fails(2, &["`no-such-folder` is neither a folder nor"]);
}

#[test]
fn a_class_with_one_photograph_is_refused_and_an_unreadable_one_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    for index in 0..6 {
        copy_photograph("coffee.png", &data.join(format!("coffee/{index}.png")));
    }
    copy_photograph("coffee.png", &data.join("other/0.png"));
    let ran = search(&data, &out, &["--dry-run"]);
    ran.assert_fails(1, &["class `other` has only 1 image(s)"]);
    for index in 1..6 {
        copy_photograph("coffee.png", &data.join(format!("other/{index}.png")));
    }
    write_damaged_photograph(&data.join("other/x.jpg"));
    let ran = search(&data, &out, &["--dry-run"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("warning:"), "{}", ran.stderr);
    assert!(ran.stderr.contains("x.jpg"), "{}", ran.stderr);
}

#[test]
fn a_diverging_training_says_at_which_step() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    tiny_data(&data);
    let ran = search(&data, &out, &["--set", "supernet.learning_rate=1e30"]);
    ran.assert_fails(
        1,
        &["step ", "training has diverged", "Lower the learning rate"],
    );
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_no_half_written_file() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    tiny_data(&data);
    let run = tiny_run("search", &data, &out);
    // Files of at most 8 blocks, as on a disk that has no more room; writing beyond is an error
    // and not a signal.
    let output = std::process::Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_scarlet"))
        .args(&run)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    for part in [
        "cannot write `",
        "supernet/checkpoint.safetensors`",
        "what was there before is unchanged",
    ] {
        assert!(stderr.contains(part), "no {part:?} in {stderr}");
    }
    let left: Vec<_> = fs::read_dir(out.join("supernet"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["events.jsonl"]);
    // With room it goes on.
    assert_eq!(resume(&out, &[]).code, 0);
}
