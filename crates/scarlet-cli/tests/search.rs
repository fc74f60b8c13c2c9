//! `scarlet search`, `scarlet supernet train` and `scarlet extract`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::{Ran, copy_photograph, scarlet, tiny_data, tiny_run, write_damaged_photograph};
use scarlet_run::RunFolder;
use scarlet_search::{SearchState, StopReason};

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
    // Finished stages are found, not done again; what the report tells of them stays.
    let report = fs::read(out.join("report.html")).unwrap();
    let searched = resume(&out, &["--until", "search"]);
    assert_eq!(searched.code, 0, "{searched:?}");
    assert!(fs::read(out.join("report.html")).unwrap() == report);
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
    refused.assert_fails(2, &["cannot choose `0z0`", "nor a genome of this space"]);
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
    let nearest = format!("with mult_adds {cheapest}; allow more");
    let terms = ["satisfies", "`mult_adds <= 3`: the nearest is `", &nearest];
    within("mult_adds <= 3").assert_fails(1, &terms);

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
        let leave_out = format!("leave out {}. Begin a new run", setting[0]);
        resume(&out, &setting).assert_fails(2, &[&leave_out, "search --supernet RUN"]);
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
    // The first run may be at work, and is left as it is.
    fs::write(first.join("search/latencies.jsonl"), "{}\n").unwrap();
    let before = contents(&first);
    let at_work = RunFolder::open::<serde_json::Value>(&first).unwrap();
    let budget = format!("mult_adds <= {cheapest}");
    let found = again(&second, &["--budget", &budget]).json();
    assert_eq!(found["network"]["mult_adds"], cheapest);
    drop(at_work);
    assert!(contents(&first) == before);
    let file = |run: &Path, name: &str| fs::read(run.join(name)).unwrap();
    for name in [
        "supernet/checkpoint.safetensors",
        "space.json",
        "search/latencies.jsonl",
    ] {
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

    // Copying that was cut off is done again.
    let torn = folder.path().join("torn");
    fs::create_dir_all(torn.join("supernet")).unwrap();
    fs::write(torn.join("supernet/checkpoint.safetensors"), "half").unwrap();
    let again_found = again(&torn, &["--budget", &budget]).json();
    assert_eq!(again_found["network"], found["network"]);

    // What is trained takes no time, and what is not is counted.
    let seconds = |more: &[&str]| {
        let planned = again(Path::new("nowhere"), &[&["--dry-run"], more].concat()).json();
        ["supernet_seconds", "search_seconds", "train_seconds"]
            .map(|name| planned["estimate"][name].as_f64().unwrap())
    };
    let one_step = ["--set", "train.epochs=1", "--set", "train.batch_size=64"];
    let [supernet, search, train] = seconds(&one_step);
    assert_eq!(supernet, 0.0);
    assert!(search > 0.0 && train > 0.0, "{search} {train}");
    let [_, _, one_epoch] = seconds(&["--set", "train.epochs=1"]);
    assert!(one_epoch > 0.0);

    let third = folder.path().join("third");
    let refused = again(&third, &["--set", "supernet.learning_rate=0.3"]);
    refused.assert_fails(2, &["other settings in [supernet]"]);
    assert!(!third.exists());
    let missing = folder.path().join("missing");
    let refused = scarlet(["search", "--supernet", missing.to_str().unwrap()]);
    refused.assert_fails(2, &["holds no run"]);

    let trained = folder.path().join("trained");
    fs::create_dir(&trained).unwrap();
    let record = r#"{"config": {"recipe": "finetune"}, "architecture": {}, "classes": []}"#;
    fs::write(trained.join("config.json"), record).unwrap();
    for way in ["--resume", "--supernet"] {
        let refused = scarlet(["search", way, trained.to_str().unwrap()]);
        refused.assert_fails(2, &["holds a run that `scarlet finetune` began"]);
    }
}

/// Every file of a folder.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(contents(&path)),
            false => drop(found.insert(path.clone(), fs::read(&path).unwrap())),
        }
    }
    found
}

#[test]
fn runs_share_a_file_of_scores_whatever_their_search_seed() {
    let folder = tempfile::tempdir().unwrap();
    let (data, first) = (folder.path().join("data"), folder.path().join("first"));
    tiny_data(&data);
    assert_eq!(train_supernet(&data, &first, &[]).code, 0);
    let shared = folder.path().join("shared.jsonl");
    let setting = format!("search.score_cache={}", shared.display());
    let mut lines = Vec::new();
    for seed in ["search.seed=1", "search.seed=2"] {
        let out = folder.path().join(seed).display().to_string();
        let fixed = [
            "search",
            "--threads",
            "1",
            "--until",
            "search",
            "--supernet",
        ];
        let paths = [first.to_str().unwrap(), "--out", &out];
        let sets = ["--set", &setting, "--set", seed, "--evaluations", "4"];
        let ran = scarlet(fixed.iter().chain(&paths).chain(&sets));
        assert_eq!(ran.code, 0, "{ran:?}");
        lines.push(fs::read_to_string(&shared).unwrap().lines().count());
    }
    // There are four networks, of which some keep the budget.
    assert!((1..=4).contains(&lines[0]), "{lines:?}");
    assert_eq!(lines[0], lines[1]);
    let nowhere = ["--set", "search.score_cache=no/such/folder/scores"];
    search(&data, &folder.path().join("other"), &nowhere)
        .assert_fails(2, &["`search.score_cache` is `", "a folder that exists"]);
}

#[test]
fn a_run_ends_behind_the_stage_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    tiny_data(&data);
    let left = [
        ("supernet", "supernet/checkpoint.safetensors"),
        ("search", "front.csv"),
        ("choose", "choice.json"),
        ("train", "training/checkpoint.safetensors"),
    ];
    for (index, (stage, file)) in left.into_iter().enumerate() {
        let ran = match index {
            0 => search(&data, &out, &["--until", stage]),
            _ => resume(&out, &["--until", stage]),
        };
        assert_eq!(ran.code, 0, "{ran:?}");
        let go_on = format!("resume with: scarlet search --resume {}", out.display());
        assert!(ran.stdout.contains(&go_on), "{ran:?}");
        assert!(out.join(file).exists(), "{file}");
        for (_, later) in &left[index + 1..] {
            assert!(!out.join(later).exists(), "{later} after {stage}");
        }
    }
    let json = resume(&out, &["--until", "train", "--json"]).json();
    assert_eq!(json["stage"], "train");
    let config = fs::read_to_string(out.join("config.json")).unwrap();
    assert!(!config.contains("until"));
    let whole = folder.path().join("whole");
    let apart = resume(&out, &["--json"]).json();
    let at_once = search(&data, &whole, &["--json"]).json();
    assert_eq!(apart["network"], at_once["network"]);
    assert_eq!(apart["test"], at_once["test"]);
}

/// The tiny run over 256 networks, with some more arguments.
fn wide_search(data: &Path, out: &Path, more: &[&str]) -> Ran {
    let wide = [
        "space.layers=[[8, 2], [8, 1], [12, 1], [12, 1]]",
        "space.choices=[\"E3K3\", \"E6K3\", \"E3K5\"]",
        "supernet.epochs=1",
        "search.algorithm.population=4",
    ];
    let sets = wide.into_iter().flat_map(|set| ["--set", set]);
    search(
        data,
        out,
        &sets.chain(more.iter().copied()).collect::<Vec<_>>(),
    )
}

#[test]
fn hypervolume_grows_under_a_tight_budget_and_a_stall_ends_the_search() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    tiny_data(&data);
    let plan = wide_search(&data, Path::new("nowhere"), &["--dry-run", "--json"]).json();
    let limit = plan["cheapest"]["mult_adds"].as_f64().unwrap() * 3.0;
    let budget = format!("search.budget=[\"mult_adds <= {limit}\"]");
    let run = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let fixed = ["--set", &budget, "--until", "search"];
        let ran = wide_search(&data, &out, &[&fixed, more].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        SearchState::load(out.join("search/state.json")).unwrap()
    };
    let volumes = |state: &SearchState| -> Vec<f64> {
        let history = state.history().iter();
        history.map(|generation| generation.hypervolume).collect()
    };
    let whole = run("whole", &["--set", "search.evaluations=96"]);
    let grown = volumes(&whole);
    // The first generation has nothing within the budget but the cheapest network.
    assert_eq!(whole.history()[0].feasible, 1);
    assert!(grown.is_sorted(), "{grown:?}");
    assert!(grown[0] < grown[grown.len() - 1], "{grown:?}");
    assert_eq!(whole.reference_point().unwrap(), [0.5, limit]);

    let stall = "search.stall={generations=3}";
    let stalled = run(
        "stalled",
        &["--set", "search.evaluations=96", "--set", stall],
    );
    assert_eq!(stalled.stop_reason(), Some(StopReason::Stall));
    let met = volumes(&stalled);
    assert!(met.len() < grown.len(), "{grown:?}");
    // Until then it is the same search.
    assert_eq!(met[..], grown[..met.len()]);
    assert!(met[met.len() - 1] > 0.0, "{met:?}");
    assert_eq!(met[met.len() - 1], met[met.len() - 4]);
}

#[test]
fn settings_that_cannot_be_are_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    tiny_data(&data);
    for (setting, parts) in [
        ("train.patience=3", ["`train.patience` is 3", "left out"]),
        ("train.dropout=1.0", ["`train.dropout` is 1", "under 1"]),
        (
            "train.drop_path=-1",
            ["`train.drop_path` is -1", "at least 0"],
        ),
        (
            "search.batch_size=0",
            ["`search.batch_size` is 0", "at least 1"],
        ),
        (
            "search.evaluations=0",
            ["`search.evaluations` is 0", "at least 1"],
        ),
        (
            "search.stall={generations=0}",
            ["`search.stall.generations` is 0", "at least 1"],
        ),
        (
            "search.stall={generations=1, tolerance=-1}",
            ["`search.stall.tolerance` is -1", "0 or a positive"],
        ),
        (
            "search.budget=[\"mult_adds <= 3M\", \"mult_adds >= 4M\"]",
            ["nothing has mult_adds <= 3000000", "mult_adds >= 4000000"],
        ),
    ] {
        search(&data, &out, &["--set", setting]).assert_fails(2, &parts);
        assert!(!out.exists(), "{setting}");
    }
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
    let json = train_supernet(&data, &out, &["--dry-run", "--json"]).json();
    assert_eq!(json["supernet_steps"], 12);
    assert!(json["estimate"]["supernet_seconds"].as_f64().unwrap() > 0.0);
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
        "costliest",
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
        &["there is no setting `train.epoch`; did you mean `train.epochs`?"],
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
    ran.assert_fails(1, &["class `other` has only 1 image"]);
    for index in 1..6 {
        copy_photograph("coffee.png", &data.join(format!("other/{index}.png")));
    }
    write_damaged_photograph(&data.join("other/x.jpg"));
    let budget = "search.budget=[\"mult_adds <= 100M\"]";
    let ran = search(&data, &out, &["--dry-run", "--set", budget]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("warning:"), "{}", ran.stderr);
    assert!(ran.stderr.contains("x.jpg"), "{}", ran.stderr);
    // What networks will see comes first, and the better road is named.
    let seen = "networks see 160×160 pixels; photographs are about 600×400\n";
    assert!(ran.stdout.starts_with(seen), "{}", ran.stdout);
    let road = format!("scarlet finetune --data {}\n", data.display());
    assert!(ran.stderr.contains(&road), "{}", ran.stderr);
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

#[test]
fn a_chosen_network_that_diverges_leaves_the_supernet_and_the_search() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    tiny_data(&data);
    let diverging = ["--set", "train.learning_rate=1e30"];
    let diverged = ["step ", "training has diverged", "Lower the learning rate"];
    search(&data, &out, &diverging).assert_fails(1, &diverged);
    assert!(out.join("choice.json").exists());
    assert!(!out.join("network/network.safetensors").exists());
    // Once more it ends the same way; what was found serves a run with another rate.
    resume(&out, &[]).assert_fails(1, &diverged);
    let mended = folder.path().join("mended");
    let mend = ["--set", "train.learning_rate=0.05"];
    let found = [&["--supernet", out.to_str().unwrap()], &mend[..]].concat();
    let ran = search(&data, &mended, &found);
    assert_eq!(ran.code, 0, "{ran:?}");
    let choice = |run: &Path| fs::read(run.join("choice.json")).unwrap();
    assert_eq!(choice(&mended), choice(&out));
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

#[test]
fn a_damaged_run_is_refused_or_comes_to_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("run"));
    tiny_data(&data);
    let short = ["--set", "supernet.epochs=1", "--set", "train.epochs=1"];
    assert_eq!(search(&data, &out, &short).code, 0);
    let names = [
        "config.json",
        "space.json",
        "supernet/checkpoint.safetensors",
        "search/state.json",
        "search/scores.jsonl",
        "choice.json",
        "training/checkpoint.safetensors",
        "network/network.safetensors",
        "network/architecture.json",
        "network/classes.txt",
    ];
    let whole: Vec<Vec<u8>> = names
        .iter()
        .map(|it| fs::read(out.join(it)).unwrap())
        .collect();
    let files = || names.iter().map(|name| out.join(name)).zip(&whole);
    let mut refused = Vec::new();
    for (path, bytes) in files() {
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        for damaged in [flipped, b"[]".to_vec()] {
            files().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
            fs::write(&path, damaged).unwrap();
            let ran = resume(&out, &[]);
            assert!(!ran.stderr.contains("panicked"), "{path:?}: {}", ran.stderr);
            if ran.code != 0 {
                assert!(ran.stderr.contains("error: "), "{path:?}: {}", ran.stderr);
                refused.push(path.strip_prefix(&out).unwrap().display().to_string());
                continue;
            }
            for (path, bytes) in files().filter(|(path, _)| !path.ends_with("scores.jsonl")) {
                assert!(fs::read(&path).unwrap() == *bytes, "{path:?}");
            }
        }
    }
    // What is made again is no reason to refuse.
    refused.dedup();
    assert_eq!(refused, [names[0], names[2], names[3], names[6]]);
    // Without the search, it is made again from the scores, in which nothing damaged counts.
    files().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    fs::remove_file(out.join(names[3])).unwrap();
    let scores = String::from_utf8(whole[4].clone()).unwrap();
    let scores = scores.replace("\"correct\":", "\"correct\":1");
    fs::write(out.join(names[4]), scores).unwrap();
    assert_eq!(resume(&out, &[]).code, 0);
    for (path, bytes) in files().filter(|(path, _)| !path.ends_with("scores.jsonl")) {
        assert!(fs::read(&path).unwrap() == *bytes, "{path:?}");
    }
}
