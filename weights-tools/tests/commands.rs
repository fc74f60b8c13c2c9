//! Every command, as it is used.
#![cfg(feature = "flex")]
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use scarlet::arch;
use scarlet::burn::tensor::{Device, Tensor, TensorData};
use scarlet::weights::{Entry, Precision, StateDict, formula};
use scarlet::{Architecture, ScarletConfig};

const PROGRAM: &str = env!("CARGO_BIN_EXE_scarlet-weights");

/// A folder that commands run in.
struct Folder(tempfile::TempDir);

/// What a command printed and returned.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        run(Command::new(PROGRAM), self.0.path(), arguments)
    }

    /// Files and folders by name.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Weights of a network, and a case that this library itself computed.
    fn write_network(&self, architecture: &Architecture) {
        let weights = formula::state_dict(architecture);
        weights
            .save(self.path("w.safetensors"), Precision::F32)
            .unwrap();
        let network = ScarletConfig::from(architecture.clone())
            .init(&Device::flex())
            .load(&weights)
            .unwrap();
        let shape = [2, 3, 64, 64];
        let input = formula::signal("input.64", &shape);
        let image = TensorData::new(input, shape);
        let logits = network
            .forward(Tensor::from_data(image, &Device::flex()))
            .into_data()
            .try_to_vec::<f32>()
            .unwrap();
        let classes = architecture.classes;
        StateDict::from_entries([
            Entry::from_f32("input", shape.to_vec(), move || {
                formula::signal("input.64", &shape)
            }),
            Entry::from_f32("logits", vec![2, classes], move || logits.clone()),
        ])
        .save(self.path("case.safetensors"), Precision::F32)
        .unwrap();
    }
}

fn run(mut command: Command, folder: &Path, arguments: &[&str]) -> Ran {
    let output = command
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ran {
    /// Asserts how it ended and that it printed all parts.
    fn expect(self, code: i32, parts: &[&str]) -> Self {
        let all = format!("{}{}", self.out, self.err);
        assert_eq!(self.code, code, "{all}");
        for part in parts {
            assert!(all.contains(part), "{part:?} is not in:\n{all}");
        }
        self
    }
}

fn text(architecture: &str) -> Architecture {
    architecture.parse().unwrap()
}

const SMALL: &str = "E3K3@24/2 E6K5s@24 L@24 E3K3@32/2";

#[test]
fn inspect_says_what_a_file_holds() {
    let folder = Folder::new();
    folder.write_network(&arch::scarlet_c());
    folder.run(&["inspect", "w.safetensors"]).expect(
        0,
        &[
            "safetensors, SCARLET names",
            "network: scarlet-c, 1000 classes",
            "E3K5s E3K3s",
            "mb_module.0.conv1.weight",
            "[48, 16, 1, 1]",
            "6073684 parameters",
        ],
    );
    let json = folder
        .run(&["inspect", "w.safetensors", "--json"])
        .expect(0, &[]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["network"]["name"], "scarlet-c");
    assert_eq!(json["totals"]["parameters"], 6_073_684);
    let tensors = json["tensors"].as_array().unwrap();
    assert_eq!(tensors.len(), json["totals"]["tensors"]);
    assert_eq!(tensors[0]["type"], "f32");

    folder.write_network(&text(SMALL));
    folder
        .run(&["inspect", "w.safetensors"])
        .expect(0, &["network: none known"]);
}

#[test]
fn check_passes_before_and_after_converting() {
    let folder = Folder::new();
    folder.write_network(&arch::scarlet_c());
    let check = |weights: &str, tolerance: &str, code: i32, part: &str| {
        folder
            .run(&[
                "check",
                "--model",
                "scarlet-c",
                "--weights",
                weights,
                "--case",
                "case.safetensors",
                "--tolerance",
                tolerance,
            ])
            .expect(code, &[part, "largest relative error", "of 2000 logits"]);
    };
    check("w.safetensors", "1e-4", 0, "passed");
    folder
        .run(&["convert", "w.safetensors", "plain.safetensors"])
        .expect(0, &["wrote plain.safetensors: scarlet-c"]);
    check("plain.safetensors", "1e-4", 0, "passed");
    folder
        .run(&["convert", "w.safetensors", "folded.safetensors", "--fold"])
        .expect(0, &["scarlet-c"]);
    check("folded.safetensors", "1e-4", 0, "passed");
    folder
        .run(&[
            "convert",
            "w.safetensors",
            "half.safetensors",
            "--f16",
            "--fold",
        ])
        .expect(0, &[]);
    check("half.safetensors", "1e-3", 0, "passed");
    check("half.safetensors", "1e-7", 1, "FAILED (tolerance 1e-7)");

    // Folding changes names of nothing, and leaves the file as large.
    let size = |name: &str| std::fs::metadata(folder.path(name)).unwrap().len();
    assert!(size("half.safetensors") < size("plain.safetensors") * 11 / 20);
    folder
        .run(&["diff", "w.safetensors", "plain.safetensors"])
        .expect(0, &["0 differ", "0 are in one file only"]);
    folder
        .run(&["diff", "plain.safetensors", "folded.safetensors"])
        .expect(1, &["stem.0.weight", "0 are in one file only"]);
}

#[test]
fn check_takes_layers_and_json_files() {
    let folder = Folder::new();
    folder.write_network(&text(SMALL));
    let json = text(SMALL).to_json();
    std::fs::write(folder.path("network.json"), json).unwrap();
    for model in [SMALL, "network.json"] {
        folder
            .run(&[
                "check",
                "--model",
                model,
                "--weights",
                "w.safetensors",
                "--case",
                "case.safetensors",
            ])
            .expect(0, &["passed"]);
    }
}

#[test]
fn check_explains_what_is_wrong() {
    let folder = Folder::new();
    folder.write_network(&arch::scarlet_c());
    let check = |model: &str, weights: &str, case: &str, parts: &[&str]| {
        folder
            .run(&[
                "check",
                "--model",
                model,
                "--weights",
                weights,
                "--case",
                case,
            ])
            .expect(1, parts);
    };
    check(
        "scarlet-b",
        "w.safetensors",
        "case.safetensors",
        &["error: this file holds scarlet-c; you asked for scarlet-b"],
    );
    check(
        "scarlet-d",
        "w.safetensors",
        "case.safetensors",
        &["no network is named \"scarlet-d\""],
    );
    check(
        "scarlet-c",
        "w.safetensors",
        "w.safetensors",
        &["is not a case", "it has no `input`"],
    );
    check(
        "scarlet-c",
        "absent.pth",
        "case.safetensors",
        &["there is no file `absent.pth`"],
    );
    folder
        .run(&[
            "check",
            "--model",
            "scarlet-c",
            "--weights",
            "w.safetensors",
            "--case",
            "case.safetensors",
            "--device",
            "tpu",
        ])
        .expect(1, &["tpu"]);

    // Any size will do but none: one that the strides do not divide is run, and compared.
    for (height, said) in [
        (
            0,
            "the images measure 0×64 pixels, but both sides must be at least 1",
        ),
        (50, "FAILED (tolerance 1e-4)"),
    ] {
        let input = vec![1, 3, height, 64];
        StateDict::from_entries([
            Entry::from_f32("input", input, move || vec![0.0; 192 * height]),
            Entry::from_f32("logits", vec![1, 1000], || vec![1.0; 1000]),
        ])
        .save(folder.path("odd.safetensors"), Precision::F32)
        .unwrap();
        check("scarlet-c", "w.safetensors", "odd.safetensors", &[said]);
    }
    StateDict::from_entries([
        Entry::from_f32("input", vec![1, 3, 32, 32], || vec![0.0; 3072]),
        Entry::from_f32("logits", vec![2, 1000], || vec![1.0; 2000]),
    ])
    .save(folder.path("uneven.safetensors"), Precision::F32)
    .unwrap();
    check(
        "scarlet-c",
        "w.safetensors",
        "uneven.safetensors",
        &["it has 1 images and logits of 2"],
    );
}

#[test]
fn diff_names_what_differs() {
    let folder = Folder::new();
    let weights = formula::state_dict(&text(SMALL));
    weights
        .save(folder.path("a.safetensors"), Precision::F32)
        .unwrap();
    let changed = weights
        .entries()
        .iter()
        .cloned()
        .map(|entry| match entry.name() {
            "classifier.bias" => {
                let mut values = entry.read_f32().unwrap();
                values[3] += 0.5;
                Entry::from_f32("classifier.bias", vec![1000], move || values.clone())
            }
            "stem.1.bias" => entry.renamed("stem.1.offset"),
            "stem.0.weight" => Entry::from_f32("stem.0.weight", vec![32], || vec![0.0; 32]),
            _ => entry,
        });
    StateDict::from_entries(changed)
        .save(folder.path("b.safetensors"), Precision::F32)
        .unwrap();
    folder
        .run(&["diff", "a.safetensors", "b.safetensors"])
        .expect(
            1,
            &[
                "only in a.safetensors:\n  stem.1.bias",
                "only in b.safetensors:\n  stem.1.offset",
                "[32, 3, 3, 3] and [32]",
                "classifier.bias",
                "5.000e-1",
                "2 differ",
                "2 are in one file only",
            ],
        );
    let same = ["diff", "a.safetensors", "a.safetensors", "--all"];
    folder
        .run(&same)
        .expect(0, &["stem.1.bias", "0.000e0", "0 differ"]);
}

#[test]
fn convert_explains_what_it_will_not_do() {
    let folder = Folder::new();
    folder.write_network(&text(SMALL));
    folder
        .run(&["convert", "w.safetensors", "w.pth"])
        .expect(1, &["ends in .safetensors"]);
    folder
        .run(&["convert", "w.safetensors", "out.safetensors", "--fold"])
        .expect(1, &["fits no known network", "--model"]);
    folder
        .run(&[
            "convert",
            "w.safetensors",
            "out.safetensors",
            "--fold",
            "--model",
            SMALL,
        ])
        .expect(
            0,
            &["stabilizer of layer 3", "wrote out.safetensors: custom"],
        );
    folder.write_network(&text(SMALL).with_classes(7));
    folder
        .run(&[
            "convert",
            "w.safetensors",
            "out.safetensors",
            "--model",
            SMALL,
        ])
        .expect(0, &["wrote out.safetensors: custom"]);
    // A file of no network is copied as it is.
    StateDict::from_entries([Entry::from_f32("x", vec![2], || vec![1.0, 2.0])])
        .save(folder.path("x.safetensors"), Precision::F32)
        .unwrap();
    folder
        .run(&["convert", "x.safetensors", "y.safetensors"])
        .expect(0, &["names unchanged"]);
    folder
        .run(&["diff", "x.safetensors", "y.safetensors"])
        .expect(0, &[]);
}

#[test]
fn a_wrong_command_line_is_told_apart_from_a_failure() {
    let folder = Folder::new();
    folder.run(&["inspect"]).expect(2, &["<FILE>"]);
    folder.run(&["frobnicate"]).expect(2, &["frobnicate"]);
    folder
        .run(&["diff", "a", "b", "--tolerance", "much"])
        .expect(2, &["such as 1e-4"]);
    folder.run(&["--help"]).expect(0, &["Exit status"]);
    for command in ["inspect", "convert", "diff", "check"] {
        folder
            .run(&[command, "--help"])
            .expect(0, &["Example:\n  scarlet-weights"]);
    }
}

#[test]
fn names_are_printed_without_their_escape_sequences() {
    const EVIL: &str = "\u{1b}]0;title\u{7}\u{9b}2J\r\u{202e}";
    let long = "x".repeat(1 << 20);
    // No system takes longer ones.
    let argument = "x".repeat(100_000);
    let folder = Folder::new();
    let entry = |name: &str| Entry::from_f32(name.to_owned(), vec![2], || vec![1.0, 2.0]);
    for (file, names) in [("a", [EVIL, "same"]), ("b", [long.as_str(), "same"])] {
        let weights = StateDict::from_entries(names.map(entry));
        let path = folder.path(&format!("{file}.safetensors"));
        weights.save(path, Precision::F32).unwrap();
    }
    let evil = format!("{EVIL}.safetensors");
    std::fs::copy(folder.path("a.safetensors"), folder.path(&evil)).unwrap();
    let is_unsafe = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    for (code, arguments) in [
        (0, &["inspect", &evil][..]),
        (0, &["inspect", "b.safetensors"]),
        (1, &["diff", &evil, "b.safetensors"]),
        (0, &["convert", &evil, "converted.safetensors"]),
        (1, &["inspect", &format!("absent {EVIL}")]),
        (1, &["inspect", &argument]),
        (1, &["inspect", &evil, "--key", EVIL]),
        (2, &["inspect", "a", &format!("--{EVIL}")]),
        (2, &["diff", "a", "b", "--tolerance", &argument]),
    ] {
        let ran = folder.run(arguments).expect(code, &[]);
        for text in [&ran.out, &ran.err] {
            assert!(!text.contains(is_unsafe), "{text:?}");
            assert!(text.len() < 5_000, "{} bytes", text.len());
        }
    }
    let ran = folder.run(&["inspect", &evil, "--json"]).expect(0, &[]);
    assert!(!ran.out.contains(is_unsafe), "{:?}", ran.out);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["tensors"][0]["name"], EVIL);
}

#[test]
fn tensors_are_chosen_renamed_and_told() {
    let folder = Folder::new();
    let architecture = text(SMALL);
    folder.write_network(&architecture);
    let network = StateDict::open(folder.path("w.safetensors")).unwrap();
    let wrapped = network.entries().iter().cloned().map(|entry| {
        let name = entry.name().replace("classifier.", "top.");
        entry.renamed(format!("student.{name}"))
    });
    let other = Entry::from_f32("teacher.w", vec![1], || vec![1.0]);
    let wrapped = StateDict::from_entries(wrapped.chain([other]));
    wrapped
        .save(folder.path("wrapped.safetensors"), Precision::F32)
        .unwrap();
    let check = |more: &[&str]| {
        let fixed = [
            "check",
            "--model",
            SMALL,
            "--weights",
            "wrapped.safetensors",
        ];
        let case = ["--case", "case.safetensors"];
        let arguments: Vec<&str> = fixed.iter().chain(&case).chain(more).copied().collect();
        folder.run(&arguments)
    };
    // The loose tensor is left out, and the only matrix is the classifier.
    check(&[]).expect(0, &["note: left out", "teacher.w", "passed"]);
    let chosen = ["--strip-prefix", "student", "--rename", "top=classifier"];
    check(&chosen).expect(0, &["passed"]);
    check(&["--strip-prefix", "pupil"]).expect(1, &["called `pupil`", "student, teacher"]);
    check(&["--rename", "top"]).expect(2, &["expected the old name"]);
    check(&["--origin", "nobody"]).expect(2, &["the origin `nobody`", "fairnas"]);
    // Without a name, the file must tell.
    folder
        .run(&[
            "check",
            "--weights",
            "wrapped.safetensors",
            "--case",
            "case.safetensors",
        ])
        .expect(1, &["fit none that is known"]);
}

/// Streams that are closed or full.
#[cfg(target_os = "linux")]
#[test]
fn streams_that_take_nothing_end_every_command_without_a_panic() {
    use std::process::Stdio;
    let folder = Folder::new();
    folder.write_network(&text(SMALL));
    let full = || -> Stdio {
        let full = std::fs::File::options().write(true).open("/dev/full");
        full.unwrap().into()
    };
    let closed = || -> Stdio {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer.into()
    };
    let code = |arguments: &[&str], stdout: Stdio, stderr: Stdio| {
        let mut command = Command::new(PROGRAM);
        command.current_dir(folder.0.path()).args(arguments);
        command.stdout(stdout).stderr(stderr);
        command.status().unwrap().code().unwrap()
    };
    let file = "w.safetensors";
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["inspect", file],
        &["inspect", file, "--json"],
        &["diff", file, file],
        &["convert", file, "out.safetensors"],
        &[
            "check",
            "--model",
            SMALL,
            "--weights",
            file,
            "--case",
            "case.safetensors",
        ],
    ] {
        // Whoever reads the output has seen enough; a disk that is full is a failure.
        assert_eq!(code(arguments, closed(), closed()), 0, "{arguments:?}");
        assert_eq!(code(arguments, full(), full()), 1, "{arguments:?}");
        assert_eq!(code(arguments, Stdio::null(), full()), 0, "{arguments:?}");
    }
    for (expected, arguments) in [(1, &["inspect", "absent"][..]), (2, &["frobnicate"])] {
        assert_eq!(code(arguments, Stdio::null(), full()), expected);
        assert_eq!(code(arguments, closed(), closed()), expected);
    }
    folder.run(&["inspect", "absent"]).expect(1, &["error: "]);
}

/// A full disk, played by a limit on the size of files.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_no_partial_file() {
    let folder = Folder::new();
    folder.write_network(&arch::scarlet_c());
    let mut shell = Command::new("sh");
    // Blocks of 512 or 1024 bytes: half the file at most. The signal becomes an error.
    shell.args(["-c", "trap '' XFSZ; ulimit -f 8000; exec \"$0\" \"$@\""]);
    shell.arg(PROGRAM);
    run(
        shell,
        folder.0.path(),
        &["convert", "w.safetensors", "out.safetensors"],
    )
    .expect(1, &["cannot write `out.safetensors`", "is unchanged"]);
    assert_eq!(folder.names(), ["case.safetensors", "w.safetensors"]);
}

/// However early or late a conversion is killed, its output is whole or absent.
#[cfg(unix)]
#[test]
fn a_kill_leaves_no_partial_file() {
    use std::process::Stdio;
    use std::time::Duration;
    let folder = Folder::new();
    folder.write_network(&arch::scarlet_c());
    let output = folder.path("out.safetensors");
    let entries = StateDict::open(folder.path("w.safetensors"))
        .unwrap()
        .entries()
        .len();
    for milliseconds in [0, 10, 20, 30, 40, 60, 80, 120, 160, 5_000] {
        let _ = std::fs::remove_file(&output);
        let mut child = Command::new(PROGRAM)
            .current_dir(folder.0.path())
            .args(["convert", "w.safetensors", "out.safetensors"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..milliseconds {
            if child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = child.kill();
        child.wait().unwrap();
        if output.exists() {
            assert_eq!(StateDict::open(&output).unwrap().entries().len(), entries);
        }
    }
    assert!(output.exists(), "not even the last run came to its end");
}
