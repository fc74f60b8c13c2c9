//! Runs that are gone on with: what was changed in them, and what there is left to do.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::Path;

use common::{Ran, scarlet, tiny_data, tiny_run};

fn train(data: &Path, run: &Path) -> Ran {
    let [data, run] = [data, run].map(|path| path.to_str().unwrap());
    scarlet([
        "train",
        "--data",
        data,
        "--out",
        run,
        "--model",
        "E3K3@8/2",
        "--epochs",
        "2",
        "--threads",
        "1",
    ])
}

fn resume(command: &str, run: &Path) -> Ran {
    scarlet([command, "--resume", run.to_str().unwrap()])
}

/// Changes a setting in a run's `config.json`, and takes out its checksum.
fn change(run: &Path, from: &str, to: &str) {
    let path = run.join("config.json");
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.lines().filter(|line| !line.contains("\"checksum\""));
    let text = lines.collect::<Vec<_>>().join("\n");
    assert!(text.contains(from), "no {from} in {text}");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn settings_that_alter_the_result_stay_as_they_were() {
    let root = tempfile::tempdir().unwrap();
    let (data, run) = (root.path().join("data"), root.path().join("run"));
    tiny_data(&data);
    assert_eq!(train(&data, &run).code, 0);
    let before = fs::read_to_string(run.join("config.json")).unwrap();
    for (from, to, setting) in [
        (
            "\"dropout\": 0.2",
            "\"dropout\": 0.5",
            "config.network.dropout",
        ),
        (
            "\"P1280:relu6\"",
            "\"P1280:h-swish\"",
            "architecture.blocks",
        ),
        (
            "\"holdout\": 0.1",
            "\"holdout\": 0.3",
            "config.data.holdout",
        ),
        ("\"epochs\": 2", "\"epochs\": 3", "config.train.epochs"),
    ] {
        if !before.contains(from) {
            panic!("no {from} in {before}");
        }
        change(&run, from, to);
        let ran = resume("train", &run);
        ran.assert_fails(
            2,
            &[
                "config.json` was written by a run with other settings",
                setting,
            ],
        );
        fs::write(run.join("config.json"), &before).unwrap();
    }
    // Of a run of an earlier version nothing else is known.
    change(
        &run,
        "\"cache_megabytes\": 1000",
        "\"cache_megabytes\": 1000",
    );
    fs::remove_file(run.join("begun.json")).unwrap();
    let ran = resume("train", &run);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("have no checksum"), "{ran:?}");
}

#[test]
fn so_do_those_of_a_search() {
    let root = tempfile::tempdir().unwrap();
    let (data, run) = (root.path().join("data"), root.path().join("run"));
    tiny_data(&data);
    let mut args = tiny_run("search", &data, &run);
    args.extend(["--until".to_owned(), "supernet".to_owned()]);
    let ran = scarlet(&args);
    assert_eq!(ran.code, 0, "{ran:?}");
    change(&run, "\"evaluations\": 4", "\"evaluations\": 5");
    resume("search", &run).assert_fails(2, &["`search.evaluations` was 4, and now is 5"]);
    let other = root.path().join("other");
    let [run, other] = [&run, &other].map(|path| path.to_str().unwrap());
    scarlet(["search", "--supernet", run, "--out", other]).assert_fails(2, &["search.evaluations"]);
}

#[test]
fn a_run_is_gone_on_with_by_the_command_that_began_it() {
    let root = tempfile::tempdir().unwrap();
    let (data, run) = (root.path().join("data"), root.path().join("run"));
    tiny_data(&data);
    assert_eq!(train(&data, &run).code, 0);
    resume("finetune", &run).assert_fails(2, &["holds a run that `scarlet train` began"]);
    let tuned = root.path().join("tuned");
    let weights = run.join("best.safetensors");
    let [data, weights, out] = [&data, &weights, &tuned].map(|path| path.to_str().unwrap());
    let ran = scarlet([
        "finetune",
        "--data",
        data,
        "--weights",
        weights,
        "--out",
        out,
        "--epochs",
        "1",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    resume("train", &tuned).assert_fails(2, &["holds a run that `scarlet finetune` began"]);
    assert_eq!(resume("finetune", &tuned).code, 0);
}

#[test]
fn a_finished_run_says_so() {
    let root = tempfile::tempdir().unwrap();
    let (data, run) = (root.path().join("data"), root.path().join("run"));
    tiny_data(&data);
    let first = train(&data, &run);
    assert!(!first.stderr.contains("finished"), "{first:?}");
    let again = resume("train", &run);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(
        again.stderr.contains("this run is finished") && again.stderr.contains("--epochs N"),
        "{again:?}"
    );
    assert_eq!(first.stdout, again.stdout);
    let more = scarlet(["train", "--resume", run.to_str().unwrap(), "--epochs", "3"]);
    assert_eq!(more.code, 0, "{more:?}");
    assert!(!more.stderr.contains("finished"), "{more:?}");

    let search = root.path().join("search");
    let ran = scarlet(tiny_run("search", &data, &search));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.stderr.contains("finished"), "{ran:?}");
    let again = resume("search", &search);
    assert!(again.stderr.contains("this run is finished"), "{again:?}");
    assert_eq!(ran.stdout, again.stdout);
}

#[test]
fn a_taken_over_supernet_brings_no_advice_on_other_roads() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("photos");
    for class in ["a", "b"] {
        for index in 0..12u8 {
            let folder = data.join(class);
            fs::create_dir_all(&folder).unwrap();
            let image = scarlet_data::RgbImage::from_fn(24, 24, |x, y| {
                scarlet_data::Rgb([x as u8 * index, y as u8, class.as_bytes()[0]])
            });
            image.save(folder.join(format!("{index}.png"))).unwrap();
        }
    }
    let run = root.path().join("run");
    let mut args = tiny_run("search", &data, &run);
    args.extend(["--resolution", "16", "--until", "supernet"].map(str::to_owned));
    let ran = scarlet(&args);
    assert_eq!(ran.code, 0, "{ran:?}");
    let advice = "scarlet finetune --data";
    assert!(ran.stderr.contains(advice), "{ran:?}");
    let [run, out] = [&run, &root.path().join("other")].map(|it| it.to_str().unwrap().to_owned());
    for more in [&["--dry-run"][..], &["--until", "search", "--out", &out]] {
        let mut args = vec!["search", "--supernet", &run];
        args.extend(more);
        let ran = scarlet(&args);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(!ran.stderr.contains(advice), "{ran:?}");
    }
}
