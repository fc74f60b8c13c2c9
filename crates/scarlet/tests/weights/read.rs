//! Opening files of every kind, and of none.

use std::path::{Path, PathBuf};

use burn::tensor::DType;
use scarlet::weights::{Container, StateDict, WeightsError, formula};

use super::pickle::{Value, legacy, write_legacy};

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/weights/data")
        .join(file)
}

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn message(path: impl AsRef<Path>) -> String {
    StateDict::open(path).unwrap_err().to_string()
}

/// Asserts that a text holds all parts.
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn every_container_gives_the_same_weights() {
    for (file, container, key) in [
        (
            "block1.legacy.pth.tar",
            Container::LegacyPickle,
            Some("model_state"),
        ),
        ("block1.zip.pth.tar", Container::Zip, Some("model_state")),
        ("block1.bare.pth", Container::Zip, None),
        (
            "block1.dataparallel.pth.tar",
            Container::Zip,
            Some("model_state"),
        ),
        ("block1.f16.pth.tar", Container::Zip, Some("model_state")),
        ("block1.safetensors", Container::Safetensors, None),
    ] {
        let weights = StateDict::open(data(file)).unwrap();
        assert_eq!(weights.container(), container, "{file}");
        assert_eq!(weights.key(), key, "{file}");
        let floats = weights
            .entries()
            .iter()
            .filter(|entry| !entry.is_step_counter());
        let mut count = 0;
        for entry in floats {
            let expected = formula::entry(&format!("block1.{}", entry.name()), entry.shape());
            let half = entry.dtype() == DType::F16;
            assert_eq!(half, file.contains("f16"), "{file}, {}", entry.name());
            let tolerance = if half { 1e-3 } else { 0.0 };
            for (found, expected) in entry.read_f32().unwrap().iter().zip(&expected) {
                assert!(
                    (found - expected).abs() <= tolerance * expected.abs().max(1e-4),
                    "{file}, {}: {found} is not {expected}",
                    entry.name()
                );
            }
            count += 1;
        }
        // Three convolutions, three normalisations of four vectors, two convolutions with bias.
        assert_eq!(count, 3 + 3 * 4 + 2 * 2, "{file}");
    }
}

#[test]
fn the_content_decides_not_the_ending() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.pth.tar");
    std::fs::copy(data("block1.safetensors"), &path).unwrap();
    assert_eq!(
        StateDict::open(path).unwrap().container(),
        Container::Safetensors
    );
}

#[test]
fn the_oldest_container_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.pth.tar");
    write_tar(&path);
    let weights = StateDict::open(path).unwrap();
    assert_eq!(weights.container(), Container::Tar);
    let entry = weights.get("fc.weight").unwrap();
    assert_eq!(entry.shape(), [2, 3]);
    assert_eq!(entry.read_f32().unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
}

/// A checkpoint as PyTorch wrote it before 0.1.10.
fn write_tar(path: &Path) {
    let mut archive = tar::Builder::new(std::fs::File::create(path).unwrap());
    let mut add = |name: &str, content: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, name, content).unwrap();
    };
    add("sys_info", b"\x80\x02}X\x0d\0\0\0little_endian\x88s.");
    let mut storages = Vec::new();
    storages.extend(b"\x80\x02K\x01.");
    storages.extend(b"\x80\x02(X\x01\0\0\0sX\x03\0\0\0cpuctorch\nFloatStorage\nt.");
    storages.extend(6i64.to_le_bytes());
    storages.extend((0..6).flat_map(|value| (value as f32).to_le_bytes()));
    storages.extend(b"\x80\x02].");
    add("storages", &storages);
    let mut tensors = Vec::new();
    tensors.extend(b"\x80\x02K\x01.");
    tensors.extend(b"\x80\x02(X\x01\0\0\0tX\x01\0\0\0sctorch\nFloatTensor\nt.");
    tensors.extend(2i32.to_le_bytes());
    tensors.extend(0i32.to_le_bytes());
    for number in [2i64, 3, 3, 1, 0] {
        tensors.extend(number.to_le_bytes());
    }
    add("tensors", &tensors);
    add(
        "pickle",
        b"\x80\x02}X\x0a\0\0\0state_dict}X\x09\0\0\0fc.weightX\x01\0\0\0tQss.",
    );
    archive.into_inner().unwrap();
}

#[test]
fn weights_are_found_in_the_dictionary_around_them() {
    let folder = tempfile::tempdir().unwrap();
    let tensor = |value| Value::tensor(&[1], vec![value]);
    let path = write_legacy(
        folder.path(),
        "run.pth",
        &Value::dict([
            ("epoch", Value::Int(3)),
            ("note", Value::Text("hello")),
            ("optimizer", Value::dict([("momentum", tensor(9.0))])),
            ("state_dict", Value::dict([("module.w", tensor(1.0))])),
            ("state_dict_ema", Value::dict([("module.w", tensor(2.0))])),
        ]),
    );
    let value = |weights: &StateDict| weights.get("w").unwrap().read_f32().unwrap()[0];

    let plain = StateDict::open(&path).unwrap();
    assert_eq!((plain.key(), value(&plain)), (Some("state_dict"), 1.0));
    assert_eq!(plain.entries().len(), 1);
    let averaged = StateDict::open_key(&path, "state_dict_ema").unwrap();
    assert_eq!(value(&averaged), 2.0);
    let error = StateDict::open_key(&path, "weights")
        .unwrap_err()
        .to_string();
    assert_says(
        &error,
        &[
            "no tensors under `weights`",
            "optimizer, state_dict, state_dict_ema",
        ],
    );

    let only_averaged = write_legacy(
        folder.path(),
        "averaged.pth",
        &Value::dict([("ema", Value::dict([("w", tensor(4.0))]))]),
    );
    assert_eq!(value(&StateDict::open(only_averaged).unwrap()), 4.0);
}

#[test]
fn views_are_read_in_their_own_order() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<f32> = (0..6).map(|value| value as f32).collect();
    let path = write_legacy(
        folder.path(),
        "transposed.pth",
        &Value::dict([("w", Value::Tensor(vec![3, 2], vec![1, 3], values))]),
    );
    let weights = StateDict::open(path).unwrap();
    let transposed = weights.get("w").unwrap().read_f32().unwrap();
    assert_eq!(transposed, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
}

#[test]
fn nothing_in_a_pickle_is_run() {
    let text = message(data("hostile.pth.tar"));
    assert_says(
        &text,
        &[
            "refused",
            "posix.system",
            "model_state",
            "nothing in it was run",
        ],
    );
    assert!(!Path::new("scarlet-pickle-was-executed").exists());
}

#[test]
fn a_call_in_the_place_of_weights_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.pth");
    // The usual attack is a pickle that is nothing but a call.
    std::fs::write(&path, b"cposix\nsystem\n(Vtrue\ntR.").unwrap();
    assert_says(&message(&path), &["refused", "posix.system"]);
    // One that nobody knows is named, and called nothing that it may not be.
    std::fs::write(&path, legacy(&Value::Call("my.package", "payload", "x"))).unwrap();
    assert_says(&message(&path), &["no state dict", "`my.package.payload`"]);
    let file = Value::dict([("state_dict", Value::Call("my.package", "payload", "x"))]);
    std::fs::write(&path, legacy(&file)).unwrap();
    assert_says(&message(&path), &["my.package.payload", "`state_dict`"]);
    // A file without weights is no attack because it holds a date.
    let file = Value::dict([("date", Value::Call("datetime", "datetime", "x"))]);
    std::fs::write(&path, legacy(&file)).unwrap();
    assert_says(&message(&path), &["holds no tensors", "its keys: date"]);
}

#[test]
fn a_call_beside_the_weights_is_refused_too() {
    let folder = tempfile::tempdir().unwrap();
    let with = |call| {
        let weights = Value::dict([("w", Value::tensor(&[1], vec![1.0]))]);
        let file = Value::dict([("model", weights), ("extra", Value::dict([("x", call)]))]);
        write_legacy(folder.path(), "file.pth", &file)
    };
    let path = with(Value::Call("builtins", "eval", "1"));
    assert_says(&message(path), &["refused", "builtins.eval", "extra.x"]);
    // What honest checkpoints carry is left alone.
    let path = with(Value::Call("argparse", "Namespace", "lr"));
    assert_eq!(StateDict::open(path).unwrap().entries().len(), 1);
}

#[test]
fn files_that_are_no_checkpoints_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| write(folder.path(), name, content);
    let missing = folder.path().join("absent.pth");
    assert_says(&message(&missing), &["cannot read", "absent.pth"]);
    assert_says(&message(folder.path()), &["cannot read"]);
    assert_says(&message(write("a.pth", b"")), &["a.pth", "is empty"]);
    assert_says(
        &message(write("b.pth", b"<!doctype html><html>Sign in</html>")),
        &["not a checkpoint", "web page"],
    );
    assert_says(
        &message(write(
            "c.pth",
            b"version https://git-lfs.github.com/spec/v1\n",
        )),
        &["Git LFS pointer", "git lfs pull"],
    );
    assert_says(
        &message(write("d.pth", b"weights for you")),
        &[
            "not a checkpoint",
            "begins with \"weights for",
            "torch.save",
            "safetensors",
        ],
    );
    let no_tensors = write_legacy(
        folder.path(),
        "e.pth",
        &Value::dict([("epoch", Value::Int(1)), ("accuracy", Value::Int(2))]),
    );
    assert_says(
        &message(no_tensors),
        &["holds no tensors", "accuracy, epoch"],
    );
}

#[test]
fn a_cut_off_file_is_an_error_wherever_it_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut");
    for file in [
        "block1.legacy.pth.tar",
        "block1.zip.pth.tar",
        "block1.safetensors",
    ] {
        let whole = std::fs::read(data(file)).unwrap();
        let early = 1..300.min(whole.len());
        let later = (300..whole.len()).step_by(97);
        let mut named = 0;
        let mut cuts = 0;
        for length in early.chain(later).chain([whole.len() - 1]) {
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = StateDict::open(&path).unwrap_err();
            named += usize::from(matches!(error, WeightsError::Truncated { .. }));
            cuts += 1;
        }
        // The first bytes alone do not tell what a file was.
        assert!(named >= cuts - 20, "{file}: {named} of {cuts}");
    }
    let whole = std::fs::read(data("block1.safetensors")).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert_says(&message(&path), &["is cut off", "of 16072 bytes", "again"]);
    let whole = legacy(&Value::dict([("w", Value::tensor(&[9], vec![1.0; 9]))]));
    std::fs::write(&path, &whole[..whole.len() - 4]).unwrap();
    assert_says(&message(&path), &["is cut off", "beyond the end"]);
}

#[test]
fn a_file_that_shrinks_while_it_is_open_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["block1.legacy.pth.tar", "block1.safetensors"] {
        let path = folder.path().join(file);
        std::fs::copy(data(file), &path).unwrap();
        let weights = StateDict::open(&path).unwrap();
        let shrunk = std::fs::File::options().write(true).open(&path).unwrap();
        shrunk.set_len(4_000).unwrap();
        let failed = weights
            .entries()
            .iter()
            .filter(|entry| match entry.read() {
                Err(error) => {
                    assert_says(&error.to_string(), &["cannot read", entry.name()]);
                    true
                }
                Ok(_) => false,
            })
            .count();
        assert!(failed > 0, "{file}");
    }
}

#[test]
fn values_that_are_not_finite_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (value, shown) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let mut values = vec![1.0; 5000];
        values[4321] = value;
        let path = write_legacy(
            folder.path(),
            "diverged.pth",
            &Value::dict([("a.weight", Value::tensor(&[50, 100], values))]),
        );
        let weights = StateDict::open(path).unwrap();
        let error = weights.get("a.weight").unwrap().read_f32().unwrap_err();
        assert_says(&error.to_string(), &["`a.weight`", shown, "index 4321"]);
    }
}

#[test]
fn integers_are_not_weights() {
    let weights = StateDict::open(data("block1.legacy.pth.tar")).unwrap();
    let counter = weights.get("bn1.num_batches_tracked").unwrap();
    assert!(counter.is_step_counter());
    let error = counter.read_f32().unwrap_err().to_string();
    assert_says(
        &error,
        &["bn1.num_batches_tracked", "I64", "floating-point"],
    );
}

#[test]
fn a_small_file_cannot_ask_for_all_memory() {
    let folder = tempfile::tempdir().unwrap();
    let huge = Value::Tensor(vec![1 << 15, 1 << 15], vec![0, 0], vec![1.0]);
    let path = write_legacy(folder.path(), "huge.pth", &Value::dict([("w", huge)]));
    assert_says(
        &message(path),
        &["damaged", "claim to hold 4294967296 bytes"],
    );
}

#[test]
fn damaged_safetensors_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let file = |header: &str, data: &[u8]| {
        let mut content = (header.len() as u64).to_le_bytes().to_vec();
        content.extend(header.as_bytes());
        content.extend(data);
        write(folder.path(), "file.safetensors", content)
    };
    let path = file(
        r#"{"w": {"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#,
        &[0; 4],
    );
    assert_says(&message(path), &["damaged", "header: EOF"]);
    let path = file(
        r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
        &[0; 4],
    );
    assert_says(&message(path), &["damaged", "header"]);
    let path = file(
        r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        &[0; 7],
    );
    assert_says(&message(path), &["3 bytes follow the last tensor"]);
    let path = file(
        r#"{"w":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}"#,
        &[0; 1],
    );
    assert_says(&message(path), &["`w` is float8", "float()"]);
    let path = file("{}", &[]);
    assert_says(&message(path), &["holds no tensors"]);
}
