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
            "efficientnet-lite0",
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
fn a_size_that_strides_do_not_divide_is_refused_with_the_nearest() {
    for command in [
        &["info", TINY, "--resolution", "70"][..],
        &["bench", "--model", TINY, "--size", "70"],
    ] {
        scarlet(command).assert_fails(2, &["70 pixels is not a multiple of 32", "64"]);
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

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    for arguments in [
        &["info"][..],
        &["info", "scarlet-a", "--json"],
        &["completions", "zsh"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_scarlet"))
            .args(arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
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
