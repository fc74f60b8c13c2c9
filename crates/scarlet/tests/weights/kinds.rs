//! Files and tensors of kinds that are not read, which are called by their names; and those that
//! look odd and are.

use std::path::{Path, PathBuf};

use scarlet::onnx::OnnxOptions;
use scarlet::weights::{Entry, OpenOptions, Precision, StateDict, WeightsError, formula};
use scarlet::{Architecture, DeployOptions};

use super::load::{build, small};
use super::pickle::{Value, write_legacy, write_members, write_zip};

fn message(path: impl AsRef<Path>) -> String {
    StateDict::open(path).unwrap_err().to_string()
}

fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = vec![b'X'];
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

/// The instructions for a tensor of two elements on the storage `0` of four bytes each.
fn tensor(class: &str, function: &str, end: &[u8]) -> Value {
    let mut bytes = format!("ctorch._utils\n{function}\n((").into_bytes();
    bytes.extend(text("storage"));
    bytes.extend(format!("ctorch\n{class}\n").as_bytes());
    bytes.extend(text("0"));
    bytes.extend(text("cpu"));
    bytes.extend(b"K\x02tQK\x00K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)R");
    bytes.extend(end);
    bytes.extend(b"tR");
    Value::Raw(bytes)
}

/// A checkpoint whose storage `0` holds 1 and -2, and whose weights are `value`.
fn checkpoint(folder: &Path, value: Value) -> PathBuf {
    let file = Value::dict([
        (
            "unused",
            Value::dict([("x", Value::tensor(&[2], vec![1.0, -2.0]))]),
        ),
        ("state_dict", Value::dict([("layer.weight", value)])),
    ]);
    write_zip(folder, "file.pth", "archive", &file)
}

#[test]
fn tensors_that_are_not_read_are_called_by_their_kind() {
    let folder = tempfile::tempdir().unwrap();
    let plain =
        |module: &str, name: &str| Value::Raw(format!("c{module}\n{name}\n)R").into_bytes());
    let cases = [
        (
            plain("torch._utils", "_rebuild_qtensor"),
            "quantised",
            "floating point",
        ),
        (
            plain("torch._utils", "_rebuild_sparse_tensor"),
            "sparse",
            "to_dense()",
        ),
        (
            plain("torch._utils", "_rebuild_sparse_csr_tensor"),
            "sparse",
            "to_dense()",
        ),
        (
            plain("torch._utils", "_rebuild_nested_tensor"),
            "nested",
            "one by one",
        ),
        (
            plain("torch._utils", "_rebuild_wrapper_subclass"),
            "subclass",
            "full_tensor()",
        ),
        (
            plain("torch._utils", "_rebuild_meta_tensor_no_storage"),
            "\"meta\"",
            "before saving",
        ),
        (
            tensor("ComplexFloatStorage", "_rebuild_tensor_v2", b""),
            "complex",
            "view_as_real",
        ),
        (
            tensor(
                "UntypedStorage",
                "_rebuild_tensor_v3",
                b"ctorch\nfloat8_e4m3fn\n",
            ),
            "float8",
            "float()",
        ),
        (
            tensor(
                "UntypedStorage",
                "_rebuild_tensor_v3",
                b"ctorch\nfloat4_e2m1fn_x2\n",
            ),
            "a type of numbers",
            "float()",
        ),
        (
            plain("torch.storage", "_load_from_bytes"),
            "pickle.dump",
            "torch.save",
        ),
    ];
    for (value, kind, advice) in cases {
        let text = message(checkpoint(folder.path(), value));
        assert_says(&text, &["layer.weight` is", kind, advice, "not read"]);
    }
    let one = || Value::Raw(b"ctorch._utils\n_rebuild_qtensor\n)R".to_vec());
    let several = Value::dict([("b", one()), ("a", one()), ("c", one())]);
    let path = write_legacy(folder.path(), "several.pth", &several);
    assert_says(&message(path), &["`a` and 2 more are quantised"]);
}

#[test]
fn a_lazily_negated_tensor_has_its_sign() {
    let folder = tempfile::tempdir().unwrap();
    let flag = |name: &str| [&b"}"[..], &text(name), b"\x88s"].concat();
    let read = |end: &[u8]| {
        let value = tensor("FloatStorage", "_rebuild_tensor_v2", end);
        let weights = StateDict::open(checkpoint(folder.path(), value)).unwrap();
        weights.get("layer.weight").unwrap().read_f32().unwrap()
    };
    assert_eq!(read(b""), [1.0, -2.0]);
    assert_eq!(read(&flag("neg")), [-1.0, 2.0]);
    assert_eq!(read(&flag("conj")), [1.0, -2.0]);
    // Of what nobody knows here, nothing is guessed.
    let odd = tensor("FloatStorage", "_rebuild_tensor_v2", &flag("rotated"));
    assert_says(
        &message(checkpoint(folder.path(), odd)),
        &["layer.weight", "not read"],
    );
    let odd = tensor("IntStorage", "_rebuild_tensor_v2", &flag("neg"));
    assert_says(
        &message(checkpoint(folder.path(), odd)),
        &["layer.weight", "not read"],
    );
}

#[test]
fn archives_that_are_no_checkpoints_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let archive = |names: &[&str]| {
        let members: Vec<_> = names
            .iter()
            .map(|name| ((*name).to_owned(), b"N.".to_vec()))
            .collect();
        message(write_members(folder.path(), "file.pt", &members))
    };
    assert_says(
        &archive(&["net/data.pkl", "net/code/__torch__.py", "net/constants.pkl"]),
        &["TorchScript", "torch.jit.load", "state_dict()"],
    );
    assert_says(
        &archive(&["net/archive_format", "net/models/model.json"]),
        &["torch.export", ".pt2", "state_dict"],
    );
    assert_says(
        &archive(&["serialized_exported_program.json"]),
        &["torch.export"],
    );
    assert_says(&archive(&["weight.npy"]), &["NumPy", "safetensors.numpy"]);
    assert_says(&archive(&["config.json", "model.weights.h5"]), &["Keras"]);
    assert_says(&archive(&["weights/best.pth"]), &["unpack it"]);
    assert_says(
        &archive(&["word/document.xml"]),
        &["without `data.pkl`", "word/document.xml"],
    );
    assert_says(&archive(&[]), &["empty zip archive"]);
}

#[test]
fn an_object_in_the_place_of_weights_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let thing = || Value::Raw(b"cmy.package\nNet\n)\x81".to_vec());
    let path = write_legacy(folder.path(), "file.pth", &thing());
    let error = StateDict::open(&path).unwrap_err();
    assert!(matches!(error, WeightsError::NotAStateDict { .. }));
    assert_says(
        &error.to_string(),
        &["`my.package.Net`", "network.state_dict()"],
    );
    let file = Value::dict([("epoch", Value::Int(1)), ("model", thing())]);
    let path = write_legacy(folder.path(), "file.pth", &file);
    assert_says(&message(path), &["`my.package.Net` under `model`"]);
    // Protocol 0 makes objects by a function.
    let old =
        Value::Raw(b"ccopy_reg\n_reconstructor\n(cmy\nNet\nc__builtin__\nobject\nNtR".to_vec());
    let path = write_legacy(folder.path(), "file.pth", &old);
    assert_says(&message(path), &["`my.Net`"]);
}

#[test]
fn arrays_in_the_place_of_tensors_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R";
    let arrays = || Value::dict([("w", Value::Raw(array.to_vec()))]);
    for file in [arrays(), Value::dict([("model", arrays())])] {
        let path = write_legacy(folder.path(), "file.pkl", &file);
        assert_says(&message(path), &["NumPy", "safetensors.numpy.save_file"]);
    }
}

#[test]
fn a_module_that_was_saved_whole_gives_its_state_dict() {
    let folder = tempfile::tempdir().unwrap();
    let table = |name: &str, items: &[u8]| [&text(name)[..], b"}(", items, b"u"].concat();
    let storage = tensor("FloatStorage", "_rebuild_tensor_v2", b"");
    let Value::Raw(storage) = storage else {
        panic!("the tensor is raw instructions");
    };
    let weight = [&text("weight")[..], &storage, &text("none"), b"N"].concat();
    let buffers = [&text("mean")[..], &storage, &text("cache"), &storage].concat();
    let child = [
        &b"cmy\nLayer\n)\x81}("[..],
        &table("_parameters", &weight),
        &table("_buffers", &buffers),
        &table("_modules", b""),
        &text("_non_persistent_buffers_set"),
        b"c__builtin__\nset\n](",
        &text("cache"),
        b"e\x85Rub",
    ]
    .concat();
    let children = [&text("layer")[..], &child].concat();
    let root = [
        &b"cmy\nNet\n)\x81}("[..],
        &table("_parameters", b""),
        &table("_buffers", b""),
        &table("_modules", &children),
        b"ub",
    ]
    .concat();
    let file = Value::dict([
        ("unused", Value::tensor(&[2], vec![1.0, -2.0])),
        ("model", Value::Raw(root)),
    ]);
    let path = write_zip(folder.path(), "whole.pth", "archive", &file);
    let weights = StateDict::open(path).unwrap();
    let names: Vec<&str> = weights.entries().iter().map(Entry::name).collect();
    assert_eq!(names, ["layer.mean", "layer.weight"]);
    assert_eq!(
        weights.get("layer.weight").unwrap().read_f32().unwrap(),
        [1.0, -2.0]
    );
}

#[test]
fn an_archive_is_read_by_its_own_directory() {
    let folder = tempfile::tempdir().unwrap();
    let file = Value::dict([("w", Value::tensor(&[2], vec![1.0, -2.0]))]);
    // With 21 characters the directory's first entry is as long as the records after it.
    for length in 1..60 {
        let inner = "x".repeat(length);
        let path = write_zip(folder.path(), "file.pth", &inner, &file);
        let weights =
            StateDict::open(&path).unwrap_or_else(|error| panic!("{length} characters: {error}"));
        assert_eq!(weights.get("w").unwrap().read_f32().unwrap(), [1.0, -2.0]);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&b"#!/bin/sh\n"[..], &whole].concat()).unwrap();
        assert!(
            StateDict::open(&path).is_err(),
            "it does not begin as an archive"
        );
    }
    // A changed byte is noticed by its checksum.
    let path = write_zip(folder.path(), "file.pth", "archive", &file);
    let mut bytes = std::fs::read(&path).unwrap();
    let value = 1.0f32.to_le_bytes();
    let place = bytes.windows(4).position(|part| part == value).unwrap();
    bytes[place] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let weights = StateDict::open(&path).unwrap();
    let error = weights
        .get("w")
        .unwrap()
        .read_f32()
        .unwrap_err()
        .to_string();
    assert_says(&error, &["cannot read `w`", "checksum"]);
}

#[test]
fn a_negative_variance_is_refused() {
    let architecture = small();
    let weights = formula::state_dict(&architecture);
    let entries = weights.entries().iter().map(|entry| match entry.name() {
        "stem.1.running_var" => Entry::from_f32(entry.name(), vec![8], || {
            vec![1.0, 2.0, 3.0, -0.25, 5.0, 6.0, 7.0, 8.0]
        }),
        _ => entry.clone(),
    });
    let weights = StateDict::from_entries(entries);
    let refused = |error: WeightsError| {
        assert_says(
            &error.to_string(),
            &[
                "`stem.1.running_var` holds -0.25 at index 3",
                "no variance is negative",
            ],
        );
    };
    refused(build(&architecture).load(&weights).map(drop).unwrap_err());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.safetensors");
    refused(weights.save(&path, Precision::F32).unwrap_err());
    assert!(!path.exists());
}

#[test]
fn what_is_not_finite_is_never_written() {
    // Each value is finite; folded into the kernel, normalisation makes it more than a float holds.
    let architecture: Architecture = small();
    let weights = formula::state_dict(&architecture);
    let entries = weights.entries().iter().map(|entry| {
        let (shape, count) = (entry.shape().to_vec(), entry.value_count());
        match entry.name() {
            "mb_module.2.bn2.weight" | "mb_module.2.conv2.weight" => {
                Entry::from_f32(entry.name(), shape, move || vec![1e25; count])
            }
            _ => entry.clone(),
        }
    });
    let network = build(&architecture);
    let network = network.load(&StateDict::from_entries(entries)).unwrap();
    let error = network
        .to_onnx(&OnnxOptions::new())
        .unwrap_err()
        .to_string();
    assert_says(&error, &["are not finite", "folded"]);
    let error = network
        .deploy(&DeployOptions::new())
        .unwrap_err()
        .to_string();
    assert_says(&error, &["are not finite", "folded"]);
}

#[test]
fn tensors_can_be_chosen_and_renamed() {
    let folder = tempfile::tempdir().unwrap();
    let tensor = |value| Value::tensor(&[1], vec![value]);
    let path = write_legacy(
        folder.path(),
        "file.pth",
        &Value::dict([
            (
                "state_dict",
                Value::dict([
                    ("student.body.w", tensor(1.0)),
                    ("student.head.fc.bias", tensor(2.0)),
                    ("other.w", tensor(3.0)),
                ]),
            ),
            ("state_dict_ema", Value::dict([("w", tensor(4.0))])),
        ]),
    );
    let open = |options: OpenOptions| {
        let weights = StateDict::open_with(&path, &options)?;
        let entries = weights.entries().iter();
        Ok::<_, WeightsError>(
            entries
                .map(|entry| entry.name().to_owned())
                .collect::<Vec<_>>(),
        )
    };
    let below = |prefix: &str, renamings: &[&str]| OpenOptions {
        prefix: Some(prefix.to_owned()).filter(|it| !it.is_empty()),
        renamings: renamings.iter().map(|it| it.parse().unwrap()).collect(),
        ..OpenOptions::default()
    };
    assert_eq!(
        open(below("student", &[])).unwrap(),
        ["body.w", "head.fc.bias"]
    );
    let renamed = below("student", &["head.fc=classifier", "body.w=v"]);
    assert_eq!(open(renamed).unwrap(), ["classifier.bias", "v"]);
    assert_eq!(
        open(below("", &["student="])).unwrap(),
        ["body.w", "head.fc.bias", "other.w"]
    );
    let error = open(below("teacher", &[])).unwrap_err();
    assert_says(
        &error.to_string(),
        &["called `teacher`", "there are other, student"],
    );
    let error = open(below("", &["stud=x"])).unwrap_err();
    assert_says(&error.to_string(), &["called `stud`"]);
    let notes = StateDict::open(&path).unwrap().notes().join("\n");
    assert_says(
        &notes,
        &[
            "`state_dict_ema` is next to `state_dict`",
            "--key state_dict_ema",
        ],
    );
}
