//! Help, exit codes, and the errors that all commands share.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::process::{Command, Stdio};

use common::{TINY, scarlet};

#[test]
fn help_texts() {
    let help = |arguments: &[&str]| {
        let ran = scarlet(arguments.iter().chain(&["--help"]));
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        ran.stdout
    };
    insta::assert_snapshot!("help", help(&[]));
    for command in [
        "predict",
        "eval",
        "arrange-val",
        "info",
        "bench",
        "train",
        "finetune",
        "devices",
        "completions",
    ] {
        insta::assert_snapshot!(format!("help-{command}"), help(&[command]));
    }
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    scarlet([] as [&str; 0]).assert_fails(2, &["Usage: scarlet"]);
    scarlet(["predict"]).assert_fails(2, &["<PATH>..."]);
    scarlet(["predcit", "x"]).assert_fails(2, &["a similar subcommand exists: 'predict'"]);
    scarlet(["bench", "--batch", "0"]).assert_fails(2, &["expected a whole number from 1 to 4096"]);
    scarlet(["predict", "x", "--weights", "w", "--random-init"])
        .assert_fails(2, &["cannot be used with"]);
    scarlet(["predict", "x", "--seed", "1"]).assert_fails(2, &["--random-init"]);
    scarlet(["info", "--list", "scarlet-a"]).assert_fails(2, &["cannot be used with"]);
}

#[test]
fn an_unknown_network_is_named_with_its_nearest() {
    scarlet(["info", "scarlett-b"]).assert_fails(
        2,
        &[
            "error: no network is named \"scarlett-b\"; did you mean \"scarlet-b\"?",
            "There are networks of scarlet, fairnas,",
            "efficientnet-lite,",
            "scarlet info lists them",
        ],
    );
}

#[test]
fn a_typo_in_layers_is_pointed_at() {
    let ran = scarlet(["info", "E3K3@24/2 E6Q5@24 -"]);
    ran.assert_fails(
        2,
        &["error: token 2 \"E6Q5@24\"", "did you mean \"E6K5@24\"?"],
    );
    let lines: Vec<&str> = ran.stderr.lines().collect();
    let line = lines
        .iter()
        .position(|line| line.trim() == "E3K3@24/2 E6Q5@24 -")
        .unwrap();
    let carets = lines[line + 1];
    assert_eq!(carets.find('^'), lines[line].find("E6Q5@24"));
    assert_eq!(carets.matches('^').count(), "E6Q5@24".len());
}

#[test]
fn images_may_have_any_size_but_none() {
    let info = scarlet(["info", TINY, "--resolution", "70"]);
    assert_eq!(info.code, 0, "{info:?}");
    assert!(info.stdout.starts_with("custom, 70×70 pixels"), "{info:?}");
    let bench = ["bench", "--model", TINY, "--runs", "2", "--threads", "1"];
    let bench = |size| scarlet(bench.iter().chain(&["--size", size]));
    let odd = bench("71");
    assert_eq!(odd.code, 0, "{odd:?}");
    let info = scarlet(["info", TINY, "--resolution", "0"]);
    for none in [info, bench("0")] {
        none.assert_fails(2, &["resolution is 0, but must be from 1 to 8192"]);
    }
}

#[test]
#[cfg(not(feature = "rocm"))]
fn a_device_that_was_not_compiled_in_names_its_feature() {
    scarlet(["bench", "--model", TINY, "--size", "32", "--device", "rocm"]).assert_fails(
        2,
        &["the device `rocm` was not compiled in: build with `--features rocm`"],
    );
    scarlet(["bench", "--device", "tpu"]).assert_fails(2, &["there is no device `tpu`"]);
}

#[test]
#[cfg(not(feature = "remote"))]
fn serving_and_reaching_other_machines_need_a_feature() {
    scarlet(["serve"]).assert_fails(1, &["cannot serve a device", "without --features remote"]);
    scarlet(["bench", "--device", "ws://gpu:3000"]).assert_fails(2, &["`--features remote`"]);
}

/// Command lines that print, one of every kind, about a photograph in a folder of its class.
fn printing(photos: &std::path::Path) -> Vec<Vec<String>> {
    let photo = photos.join("coffee/coffee.png");
    common::copy_photograph("coffee.png", &photo);
    let (photo, photos) = (photo.display().to_string(), photos.display().to_string());
    let plain: [&[&str]; 13] = [
        &["--help"],
        &["--version"],
        &["info", "--help"],
        &["info"],
        &["info", "scarlet-a", "--json"],
        &["devices"],
        &["completions", "zsh"],
        &["predict", &photo, "--random-init"],
        &["predict", &photo, "--random-init", "--json"],
        &["eval", &photos, "--random-init", "--num-classes", "1"],
        &["bench", "--runs", "1"],
        &["profile", "--runs", "1", "--json"],
        &["-v", "predict", &photo, "--random-init"],
    ];
    let lines = plain.iter().map(|words| {
        let computes = words
            .iter()
            .any(|word| matches!(*word, "--random-init" | "--runs"));
        let network = ["--model", TINY, "--size", "64"];
        let network = network.iter().filter(|_| computes);
        words
            .iter()
            .chain(network)
            .map(|&word| word.to_owned())
            .collect()
    });
    lines.collect()
}

/// How a command ends whose streams are these.
fn run_into(arguments: &[String], stdout: Stdio, stderr: Stdio) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_scarlet"))
        .args(arguments)
        .stdout(stdout)
        .stderr(stderr)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("panicked"), "{arguments:?}: {said}");
    // A panic that could not be told has this code too.
    let code = output.status.code().unwrap();
    assert!(code < 101, "{arguments:?} ended with {code}");
    (code, said)
}

/// A pipe that nobody reads from.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in printing(folder.path()) {
        let (code, said) = run_into(&arguments, closed(), Stdio::piped());
        assert_eq!(code, 0, "{arguments:?}: {said}");
        assert!(!said.contains("error"), "{arguments:?}: {said}");
        let (code, _) = run_into(&arguments, Stdio::null(), closed());
        assert_eq!(code, 0, "{arguments:?}");
    }
    let wrong = ["info".to_owned(), "no-such-network".to_owned()];
    assert_eq!(run_into(&wrong, closed(), closed()).0, 2);
    assert_eq!(run_into(&["predcit".to_owned()], closed(), closed()).0, 2);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_standard_output_is_an_error() {
    let full = || -> Stdio {
        let full = std::fs::File::options().write(true).open("/dev/full");
        full.unwrap().into()
    };
    let folder = tempfile::tempdir().unwrap();
    for arguments in printing(folder.path()) {
        let (code, said) = run_into(&arguments, full(), Stdio::piped());
        assert_eq!(code, 1, "{arguments:?}: {said}");
        let reason = "cannot print: No space left on device";
        assert!(said.contains(reason), "{arguments:?}: {said}");
        // Results count, what is told on the way does not.
        assert_eq!(run_into(&arguments, Stdio::null(), full()).0, 0);
        assert_eq!(run_into(&arguments, full(), full()).0, 1);
    }
    let wrong = ["info".to_owned(), "no-such-network".to_owned()];
    assert_eq!(run_into(&wrong, full(), full()).0, 2);
    assert_eq!(run_into(&["predcit".to_owned()], full(), full()).0, 2);
}

/// Whether a terminal would obey anything in a text, or show it elsewhere.
fn is_safe(text: &str) -> bool {
    let is_unsafe = |c: char| c.is_control() && c != '\n' && c != '\t' || c == '\u{202e}';
    !text.contains(is_unsafe)
}

#[test]
#[cfg(unix)]
fn names_reach_a_terminal_without_their_escape_sequences() {
    const EVIL: &str = "evil\u{1b}]0;title\u{7}\u{9b}2J\r\u{202e}";
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let photo = at(&format!("{EVIL}.png"));
    std::fs::copy(common::photograph("coffee.png"), &photo).unwrap();
    let damaged = at(&format!("damaged {EVIL}.jpg"));
    common::write_damaged_photograph(damaged.as_ref());
    let names = at("names.txt");
    std::fs::write(&names, format!("{EVIL} a\n{EVIL} b\n")).unwrap();

    let predict = ["predict", &photo, &damaged, "--classes", &names];
    let ran = common::scarlet_tiny(2, &predict);
    assert_eq!(ran.code, 0, "{ran:?}");
    let text = r"evil\u{1b}]0;title\u{7}\u{9b}2J\u{d}\u{202e}";
    assert!(ran.stdout.contains(&format!("{text}.png")), "{ran:?}");
    assert!(ran.stdout.contains(&format!("{text} a")), "{ran:?}");
    assert!(
        ran.stderr.contains(&format!("damaged {text}.jpg")),
        "{ran:?}"
    );
    assert!(is_safe(&ran.stdout) && is_safe(&ran.stderr), "{ran:?}");

    // JSON names them exactly all the same.
    let ran = common::scarlet_tiny(2, &[&predict[..], &["--json"]].concat());
    assert!(is_safe(&ran.stdout), "{ran:?}");
    assert_eq!(ran.json()["photographs"][0]["path"], photo);
    assert_eq!(ran.json()["unreadable"][0]["path"], damaged);

    let tiny = at(&format!("{EVIL}.safetensors"));
    let saved = common::scarlet_tiny(2, &["export", &tiny]);
    assert_eq!(saved.code, 0, "{saved:?}");
    assert!(is_safe(&saved.stdout), "{saved:?}");
    let verbose = ["predict", &photo, "--weights", &tiny, "-v"];
    for arguments in [
        &verbose[..],
        &["predict", &at(&format!("absent {EVIL}"))],
        &["info", EVIL],
        &["predict", "x.png", &format!("--{EVIL}")],
        &[EVIL],
        &["train", "--data", &at(EVIL)],
    ] {
        let ran = scarlet(arguments);
        assert!(ran.stderr.contains("evil"), "{ran:?}");
        assert!(is_safe(&ran.stdout) && is_safe(&ran.stderr), "{ran:?}");
    }
}

#[test]
fn overlong_names_in_messages_are_cut() {
    let long = "x".repeat(100_000);
    let photo = common::photograph("coffee.png").display().to_string();
    for arguments in [
        &["predict", &long][..],
        &["bench", "--device", &long],
        &["predict", "x.png", &format!("--{long}")],
        &["predict", &photo, "--weights", &format!("hf:{long}")],
    ] {
        let ran = scarlet(arguments);
        assert!(ran.code == 1 || ran.code == 2, "{ran:?}");
        assert!(ran.stderr.contains("x…x"), "{ran:?}");
        assert!(ran.stderr.len() < 5_000, "{}", ran.stderr.len());
    }
}

#[test]
fn pipes_get_no_colours() {
    let ran = scarlet(["info", "scarlett-b"]);
    assert!(!ran.stderr.contains('\u{1b}'), "{:?}", ran.stderr);
    let ran = scarlet(["--help"]);
    assert!(!ran.stdout.contains('\u{1b}'), "{:?}", ran.stdout);
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = scarlet(["completions", shell]).stdout;
        for word in ["predict", "arrange-val", "random-init"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    scarlet(["completions", "tcsh"]).assert_fails(2, &["possible values: bash"]);
}

#[test]
fn devices_are_those_that_were_compiled_in() {
    let json = scarlet(["devices", "--json"]).json();
    let devices: Vec<&str> = json["devices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|device| device.as_str().unwrap())
        .collect();
    assert_eq!(devices, scarlet::available_devices());
    assert_eq!(
        scarlet(["devices"]).stdout.lines().collect::<Vec<_>>(),
        devices
    );
}

#[test]
fn the_log_goes_to_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("tiny.safetensors");
    let architecture: scarlet::Architecture = TINY.parse().unwrap();
    scarlet::ScarletConfig::from(architecture)
        .try_init(&scarlet::burn::tensor::Device::flex())
        .unwrap()
        .save(&weights, scarlet::weights::Precision::F32)
        .unwrap();
    let predict = |more: &[&str]| {
        let photo = common::photograph("coffee.png");
        let words = ["predict", photo.to_str().unwrap(), "--weights"];
        let words = words.iter().copied().chain([weights.to_str().unwrap()]);
        scarlet(words.chain(more.iter().copied()))
    };
    let (plain, verbose) = (predict(&[]), predict(&["-v"]));
    assert_eq!(plain.stdout, verbose.stdout);
    assert_eq!(plain.stderr, "");
    assert!(verbose.stderr.contains("INFO"), "{verbose:?}");
    assert!(verbose.stderr.contains("tiny.safetensors"), "{verbose:?}");
    scarlet(["info", "-q", "-v"]).assert_fails(2, &["cannot be used with"]);
}
