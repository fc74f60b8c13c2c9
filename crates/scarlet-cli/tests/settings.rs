//! Settings and options that cannot be.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;

use common::scarlet;

#[test]
fn a_wrong_setting_of_a_file_is_named_with_what_it_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    for (command, text, expected) in [
        (
            "train",
            "[train]\nbatch_size = 8\nepochs = \"many\"\n",
            "`train.epochs` is \"many\", but must be a whole number from 0",
        ),
        (
            "train",
            "[train]\noptimizer = \"adam\"\n",
            "`train.optimizer` is \"adam\", but must be a section, such as {",
        ),
        (
            "finetune",
            "[train.optimizer]\nname = \"adam\"\n",
            "`train.optimizer.name` is \"adam\", but must be \"sgd\" or \"adam-w\"",
        ),
        (
            "search",
            "[supernet]\nepochs = -3\n",
            "`supernet.epochs` is -3, but must be a whole number from 0",
        ),
        (
            "search",
            "[space]\nplan = \"huge\"\n",
            "`space.plan` is \"huge\", but must be \"tiny\", \"small\" or \"scarlet\"",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let ran = scarlet([
            command,
            "--data",
            "fashion-sample",
            "--config",
            file.to_str().unwrap(),
            "--dry-run",
        ]);
        ran.assert_fails(2, &[expected]);
        for rust in ["usize", "enum", "invalid type", "struct"] {
            assert!(!ran.stderr.contains(rust), "{ran:?}");
        }
    }
}

#[test]
fn negative_numbers_reach_the_check_of_their_option() {
    let train = |option: &str, value: &str| {
        scarlet([
            "train",
            "--data",
            "fashion-sample",
            "--dry-run",
            option,
            value,
        ])
    };
    train("--learning-rate", "-0.1").assert_fails(
        2,
        &["`learning_rate` is -0.1, but must be a positive number"],
    );
    train("--holdout", "-0.1").assert_fails(2, &["-0.1"]);
    for option in ["--epochs", "--batch", "--patience", "--threads"] {
        train(option, "-1").assert_fails(2, &["expected a whole number from 1"]);
    }
    for option in ["--seed", "--checkpoint-every", "--resolution"] {
        train(option, "-5").assert_fails(2, &["expected a whole number from 0"]);
    }
    let search = |option: &str| scarlet(["search", "--dry-run", option, "-1"]);
    search("--width").assert_fails(2, &["width is -1"]);
    search("--evaluations").assert_fails(2, &["expected a whole number from 0"]);
    // A network may still begin with a skip.
    let skip = scarlet([
        "train",
        "--data",
        "fashion-sample",
        "--model",
        "- E3K3@8/2",
        "--dry-run",
    ]);
    assert!(!skip.stderr.contains("unexpected argument"), "{skip:?}");
}

#[test]
fn budgets_that_cannot_be_are_refused() {
    for (budget, part) in [
        ("accuracy >= 2", "accuracies are from 0 to 1"),
        ("accuracy >= 75", "for 75 %, write 0.75"),
        ("mult_adds <= nan", "its limit is not a finite number"),
        ("latency_ms <= 0", "latencies are above 0"),
    ] {
        scarlet(["search", "--dry-run", "--budget", budget]).assert_fails(2, &[part]);
    }
}

#[test]
fn plans_are_shown_whole() {
    let layers = "E3K3@16 E3K3@16/2 E6K5@24 E3K7@24 E6K3@24 E3K3@24/2 E6K3@32 E3K3@32 E6K5@32 E3K3@48 \
                  E3K3@48 E6K3@48 E3K3@56 E3K5@56 E3K3@64";
    let ran = scarlet([
        "train",
        "--data",
        "fashion-sample",
        "--model",
        layers,
        "--epochs",
        "1",
        "--dry-run",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains(layers), "{}", ran.stdout);
    assert!(!ran.stdout.contains('…'), "{}", ran.stdout);
}
