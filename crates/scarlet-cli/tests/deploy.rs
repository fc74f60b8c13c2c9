//! `scarlet deploy`, and what takes the file it writes; `scarlet profile`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::path::Path;

use common::{TINY, photograph, scarlet, scarlet_tiny};

/// A deployed network of ten classes, in a folder of its own.
fn deployed() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.scarlet").display().to_string();
    let json = scarlet_tiny(10, &["deploy", &path, "--json"]).json();
    assert_eq!(json["bytes"], std::fs::metadata(&path).unwrap().len());
    (folder, path)
}

#[test]
#[cfg(target_os = "linux")]
fn output_goes_where_it_is_told() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
    let (folder, path) = deployed();
    let whole = std::fs::read(&path).unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();

    // Standard output is the file's alone; what is reported goes elsewhere.
    let command = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_scarlet"));
        command.args(arguments);
        command.args(["--model", TINY, "--random-init", "--size", "64"]);
        command.args(["--num-classes", "10"]);
        command
    };
    let output = command(&["deploy", "/dev/stdout", "--json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stdout == whole);
    let report: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(report["bytes"], serde_json::Value::Null);
    // Redirected into a file after something that is there already.
    std::fs::write(at("appended"), "before").unwrap();
    let appended = std::fs::File::options().append(true).open(at("appended"));
    let mut deploy = command(&["deploy", "/dev/fd/1"]);
    let status = deploy
        .stdout(appended.unwrap())
        .stderr(std::process::Stdio::null());
    assert!(status.status().unwrap().success());
    assert!(std::fs::read(at("appended")).unwrap() == [b"before", &whole[..]].concat());

    let ran = scarlet_tiny(10, &["deploy", "/dev/null"]);
    assert_eq!((ran.code, ran.stdout.contains("MB")), (0, false), "{ran:?}");
    let kind = std::fs::metadata("/dev/null").unwrap().file_type();
    assert!(kind.is_char_device());
    scarlet_tiny(10, &["deploy", "/dev/full"]).assert_fails(1, &["No space left on device"]);

    // Through a link, which stays, into a file whose permissions stay.
    std::fs::write(at("real"), "old").unwrap();
    std::fs::set_permissions(at("real"), PermissionsExt::from_mode(0o600)).unwrap();
    symlink("real", at("link")).unwrap();
    assert_eq!(scarlet_tiny(10, &["deploy", &at("link")]).code, 0);
    assert!(folder.path().join("link").is_symlink());
    assert!(std::fs::read(at("real")).unwrap() == whole);
    let mode = std::fs::metadata(at("real")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    // Not over what is to stay as it is.
    std::fs::write(at("kept"), "old").unwrap();
    std::fs::set_permissions(at("kept"), PermissionsExt::from_mode(0o444)).unwrap();
    scarlet_tiny(10, &["deploy", &at("kept")]).assert_fails(1, &["kept", "read-only"]);
    assert_eq!(std::fs::read(at("kept")).unwrap(), b"old");
    scarlet_tiny(10, &["deploy", &at("")]).assert_fails(1, &["is a directory"]);
}

#[test]
fn a_deployed_file_predicts_what_its_network_predicts() {
    let (folder, path) = deployed();
    let names = folder.path().join("names.txt");
    let lines: Vec<_> = (0..10).map(|class| format!("class {class}")).collect();
    std::fs::write(&names, lines.join("\n")).unwrap();
    let photo = photograph("coffee.png").display().to_string();
    let names = names.display().to_string();
    let common = ["predict", &photo, "--classes", &names, "--json"];
    let expected = scarlet_tiny(10, &common).json();
    let found = scarlet(common.iter().copied().chain(["--weights", &path])).json();
    assert_eq!(found["photographs"], expected["photographs"]);
    assert_eq!(found["resolution"], 64);
}

#[test]
fn a_deployed_file_is_measured_and_described() {
    let (_folder, path) = deployed();
    let bench = ["bench", "--weights", &path, "--runs", "3", "--size", "32"];
    let json = scarlet(bench.iter().copied().chain(["--json"])).json();
    assert_eq!(json["resolution"], 32);
    assert!(json["start_ms"]["open"].as_f64().unwrap() > 0.0);
    assert!(json["start_ms"]["first_run"].as_f64().unwrap() > 0.0);
    let text = scarlet(bench).stdout;
    assert!(text.contains("first result"), "{text}");

    let info = scarlet(["info", &path, "--json"]).json();
    assert_eq!(info["architecture"]["classes"], 10);
    assert_eq!(info["cost"]["resolution"], 64);
}

#[test]
fn a_deployed_file_in_the_wrong_place_is_pointed_out() {
    let (folder, path) = deployed();
    scarlet(["bench", "--weights", &path, "--model", TINY])
        .assert_fails(2, &["is a deployed network", "leave out --model"]);
    let onnx = folder.path().join("x.onnx").display().to_string();
    scarlet(["export", &onnx, "--weights", &path])
        .assert_fails(2, &["packed for running only", "that it was made from"]);
    let photo = photograph("coffee.png").display().to_string();
    scarlet(["predict", &photo, "--weights", &path, "--num-classes", "7"])
        .assert_fails(1, &["10 classes, not 7"]);

    let whole = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 100]).unwrap();
    scarlet(["bench", "--weights", &path])
        .assert_fails(1, &["not copied or downloaded as a whole"]);
}

#[test]
fn a_network_of_eight_bits_is_calibrated_saved_and_run() {
    let (folder, floats) = deployed();
    let path = folder.path().join("int8.scarlet").display().to_string();
    let photographs = photograph("coffee.png")
        .parent()
        .unwrap()
        .display()
        .to_string();
    let deploy = [
        "deploy",
        &path,
        "--weights",
        &floats,
        "--int8",
        &photographs,
    ];
    let json = scarlet(deploy.iter().copied().chain(["--json"])).json();
    assert_eq!(json["int8"], true);
    let seen = json["calibrated_on"].as_u64().unwrap();
    assert!(seen >= 5, "{json}");
    let bytes = |path: &str| std::fs::metadata(path).unwrap().len();
    assert!(bytes(&path) < bytes(&floats));
    let text = scarlet(deploy).stdout;
    assert!(
        text.contains(&format!("int8 as calibrated on {seen} photographs")),
        "{text}"
    );

    let bench = scarlet(["bench", "--weights", &path, "--runs", "2", "--json"]).json();
    assert_eq!(bench["resolution"], 64);
    assert_eq!(bench["int8"], true);
    let text = scarlet(["info", &path]).stdout;
    assert!(text.contains(", int8, 64×64 pixels"), "{text}");
    let text = scarlet(["profile", "--weights", &path, "--runs", "1"]).stdout;
    assert!(text.contains(", int8, 64×64, batch 1"), "{text}");
    let again = folder.path().join("again.scarlet").display().to_string();
    scarlet(["deploy", &again, "--weights", &path, "--int8", &photographs])
        .assert_fails(1, &["quantised already"]);
    scarlet([
        "deploy",
        &again,
        "--weights",
        &floats,
        "--int8",
        "no-such-folder",
    ])
    .assert_fails(1, &["no-such-folder"]);
    let broken = folder.path().join("broken.png");
    std::fs::write(&broken, "no picture").unwrap();
    let broken = broken.display().to_string();
    scarlet(["deploy", &again, "--weights", &floats, "--int8", &broken])
        .assert_fails(1, &["broken.png", "at least one image"]);
    assert!(!Path::new(&again).exists());
}

#[test]
fn a_network_in_bfloat16_is_saved_and_run() {
    let (folder, floats) = deployed();
    let path = folder.path().join("bf16.scarlet").display().to_string();
    let deploy = ["deploy", &path, "--weights", &floats, "--bf16"];
    let json = scarlet(deploy.iter().copied().chain(["--json"])).json();
    assert_eq!(
        (&json["bf16"], &json["int8"]),
        (&true.into(), &false.into())
    );
    let bytes = |path: &str| std::fs::metadata(path).unwrap().len();
    assert!(bytes(&path) < bytes(&floats));
    let text = scarlet(deploy).stdout;
    assert!(text.contains(", bf16, weights: "), "{text}");

    let bench = scarlet(["bench", "--weights", &path, "--runs", "2", "--json"]).json();
    assert_eq!(bench["bf16"], true);
    let text = scarlet(["info", &path]).stdout;
    assert!(text.contains(", bf16, 64×64 pixels"), "{text}");
    let text = scarlet(["profile", "--weights", &path, "--runs", "1"]).stdout;
    assert!(text.contains(", bf16, 64×64, batch 1"), "{text}");
    let photo = photograph("coffee.png").display().to_string();
    let predict = |weights: &str| {
        scarlet([
            "predict",
            &photo,
            "--weights",
            weights,
            "--num-classes",
            "10",
            "--json",
        ])
        .json()
    };
    let best = |json: &serde_json::Value| {
        let first = &json["photographs"][0]["predictions"][0];
        (
            first["class"].as_u64().unwrap(),
            first["probability"].as_f64().unwrap(),
        )
    };
    let (near, exact) = (best(&predict(&path)), best(&predict(&floats)));
    assert_eq!(near.0, exact.0);
    assert!((near.1 - exact.1).abs() < 0.02, "{near:?} {exact:?}");

    let again = folder.path().join("again.scarlet").display().to_string();
    for more in [&["--bf16"][..], &["--int8", &photo]] {
        let deploy = ["deploy", &again, "--weights", &path];
        scarlet(deploy.iter().chain(more).copied()).assert_fails(1, &["in bfloat16 already"]);
    }
    scarlet(["deploy", &again, "--bf16", "--int8", &photo])
        .assert_fails(2, &["--bf16", "cannot be used with", "--int8"]);
    assert!(!Path::new(&again).exists());
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    scarlet_tiny(10, &["deploy", "no-such-folder/tiny.scarlet"])
        .assert_fails(1, &["cannot write no-such-folder/tiny.scarlet"]);
    assert!(!Path::new("no-such-folder").exists());
}

#[test]
fn a_profile_is_a_table_json_and_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let svg = folder.path().join("roofline.svg");
    let svg_text = svg.display().to_string();
    let command = [
        "profile",
        "--model",
        TINY,
        "--size",
        "32",
        "--batch",
        "2",
        "--runs",
        "2",
        "--threads",
        "1",
    ];
    let json = scarlet(
        command
            .iter()
            .copied()
            .chain(["--svg", &svg_text, "--json"]),
    )
    .json();
    let price = scarlet(["info", TINY, "--size", "32", "--json"]).json();
    let mult_adds = price["cost"]["mult_adds"].as_u64().unwrap();
    assert_eq!(json["total"]["mult_adds"], 2 * mult_adds);
    assert!(json["peak"]["gflops"].as_f64().unwrap() > 0.0);
    let parts = json["parts"].as_array().unwrap();
    let names: Vec<_> = parts
        .iter()
        .map(|part| part["part"].as_str().unwrap())
        .collect();
    // The third layer is a skip.
    assert_eq!(
        names,
        [
            "stem",
            "separable_conv",
            "mb_module.0",
            "mb_module.1",
            "mb_module.3",
            "mb_module.4",
            "conv_before_pooling",
            "classifier"
        ]
    );
    assert_eq!(parts[3]["label"], "E3K5s");
    let picture = std::fs::read_to_string(&svg).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("GFLOP/s"));

    let text = scarlet(command).stdout;
    for part in [
        "batch 2, on 1 thread",
        "of roof",
        "classifier",
        "total",
        "Peak here",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
