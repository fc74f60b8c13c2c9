//! `scarlet check-data`: what is wrong with images.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::Path;

use common::{Ran, copy_photograph, photograph, scarlet, tiny_data, write_damaged_photograph};

const NETWORK: &str = "C3@8/2:relu6 E1K3@8:relu6 E4K5s@12/2 E3K3@12 P16";

fn check(data: &Path, more: &[&str]) -> Ran {
    let fixed = ["check-data", data.to_str().unwrap()];
    scarlet(fixed.iter().chain(more))
}

/// What is printed of a folder that is called `data`.
fn shown(ran: &Ran, root: &Path) -> String {
    let root = format!("{}/", root.display());
    format!("{}---\n{}", ran.stdout, ran.stderr).replace(&root, "")
}

/// Photographs of two classes, of which some are wrong in every way.
fn spoiled(data: &Path) {
    for (name, target) in [
        ("coffee.png", "train/cup/coffee.png"),
        ("rocket.jpg", "train/cup/rocket.jpg"),
        ("chelsea.png", "train/cat/chelsea.png"),
        ("china.jpg", "train/cat/china.jpg"),
        // The same picture under another label, in another part, and twice.
        ("rocket.jpg", "train/cat/rocket.jpg"),
        ("chelsea.png", "test/cat/the same.png"),
        ("coffee.png", "train/cup/twice/coffee.png"),
        ("flower.jpg", "test/dog/flower.jpg"),
    ] {
        copy_photograph(name, &data.join(target));
    }
    write_damaged_photograph(&data.join("train/cat/damaged.jpg"));
    fs::write(data.join("train/cat/empty.jpg"), b"").unwrap();
    fs::write(data.join("train/cat/page.heic"), b"").unwrap();
    fs::create_dir_all(data.join("train/Cat ")).unwrap();
}

#[test]
fn everything_that_is_wrong_is_told_the_worst_first() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    spoiled(&data);
    let ran = check(&data, &["--no-labels"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    insta::assert_snapshot!("spoiled", shown(&ran, root.path()));

    let strict = check(&data, &["--no-labels", "--strict"]);
    strict.assert_fails(
        1,
        &[
            "--strict: 1 picture in several classes, 1 picture in several parts, 2 unreadable files, \
             2 classes that cannot be trained",
        ],
    );
    // The same again, whatever threads did.
    let again = check(&data, &["--no-labels", "--threads", "1"]);
    assert_eq!(again.stdout, ran.stdout);
    assert_eq!(check(&data, &["--no-labels", "--quiet"]).stderr, "");
}

#[test]
fn json_list_and_page_say_the_same() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    spoiled(&data);
    let (list, page) = (root.path().join("list.csv"), root.path().join("page.html"));
    let files = [
        "--list",
        list.to_str().unwrap(),
        "--report",
        page.to_str().unwrap(),
    ];
    let report = check(&data, &[&["--no-labels", "--json"], &files[..]].concat()).json();
    assert_eq!(report["images"], 10);
    assert_eq!(report["parts"][0]["name"], "train");
    assert_eq!(report["parts"][0]["images"], 8);
    let group = &report["duplicates"]["conflicts"][0];
    assert_eq!(group["exact"], true);
    assert_eq!(group["images"][0]["path"], "train/cat/rocket.jpg");
    assert_eq!(group["images"][1]["class"], "cup");
    assert_eq!(
        report["duplicates"]["leaks"][0]["images"][1]["part"],
        "test"
    );
    assert_eq!(report["classes"]["not_trained"][0], "dog");
    assert_eq!(report["labels"]["not_checked"], "--no-labels");
    assert_eq!(report["unreadable"].as_array().unwrap().len(), 2);
    assert_eq!(report["passed_over"][".heic"], 1);
    assert_eq!(report["spoils"].as_array().unwrap().len(), 4);

    let table = fs::read_to_string(&list).unwrap();
    let mut lines = table.lines();
    assert_eq!(
        lines.next().unwrap(),
        "finding,spoils,path,class,part,group,detail,probability"
    );
    assert_eq!(
        lines.next().unwrap(),
        "several classes,true,train/cat/rocket.jpg,cat,train,1,same pixels,"
    );
    assert_eq!(
        lines.filter(|line| line.starts_with("unreadable,")).count(),
        2
    );

    let page = fs::read_to_string(&page).unwrap();
    for words in [
        "1 picture in several classes",
        "2 unreadable files",
        "train/cat/rocket.jpg",
        "data:image/jpeg;base64,",
        "images to evaluate on, but none to train on: dog",
    ] {
        assert!(page.contains(words), "no {words}");
    }
    assert!(!page.contains("http") && !page.contains("<script"));
    // As files that a shell finds.
    let full = data.join("train/cat/damaged.jpg").display().to_string();
    assert!(page.contains(&full));
    assert!(common::unfinished(root.path()).is_empty());
}

#[test]
fn changed_copies_are_found_and_labels_are_doubted() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    // Bright below or above, as a network of random weights sees them.
    let tiny = root.path().join("tiny");
    tiny_data(&tiny);
    let images = fs::read(tiny.join("train-images-idx3-ubyte")).unwrap();
    for index in 0..64 {
        let pixels = &images[16 + 64 * index..][..64];
        let right = ["above", "below"][index % 2];
        // Two labels are wrong.
        let class = match index {
            10 => "below",
            31 => "above",
            _ => right,
        };
        write_bmp(&data.join(class).join(format!("{index:02}.bmp")), pixels);
    }
    let weights = root.path().join("weights.safetensors");
    let network = ["--model", NETWORK, "--num-classes", "5", "--random-init"];
    let export = ["export", weights.to_str().unwrap()];
    assert_eq!(scarlet(export.iter().chain(&network)).code, 0);
    let labels = ["--weights", weights.to_str().unwrap(), "--json"];
    let report = check(&data, &labels).json();
    assert_eq!(report["labels"]["checked"], 64);
    assert!(report["labels"]["network"].is_string());
    let doubts = report["labels"]["doubts"].as_array().unwrap();
    let mut paths: Vec<&str> = doubts
        .iter()
        .map(|it| it["path"].as_str().unwrap())
        .take(2)
        .collect();
    paths.sort_unstable();
    assert_eq!(paths, ["above/31.bmp", "below/10.bmp"]);
    assert_eq!(
        doubts[0]["looks_like"] == "above",
        doubts[0]["class"] == "below"
    );
    check(&data, &["--weights", weights.to_str().unwrap(), "--strict"])
        .assert_fails(1, &["--strict: ", "doubted label"]);
}

/// Grey pixels of 8×8 as a BMP.
fn write_bmp(path: &Path, pixels: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let size = 54 + 64 * 3;
    let mut bytes = b"BM".to_vec();
    for value in [size as u32, 0, 54, 40, 8, 8] {
        bytes.extend(value.to_le_bytes());
    }
    for value in [1_u16, 24] {
        bytes.extend(value.to_le_bytes());
    }
    for value in [0_u32, 64 * 3, 2835, 2835, 0, 0] {
        bytes.extend(value.to_le_bytes());
    }
    // From the last row to the first.
    for row in pixels.chunks(8).rev() {
        bytes.extend(row.iter().flat_map(|&level| [level; 3]));
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn labels_are_left_out_where_no_weights_can_be_had() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    for class in ["cup", "cat"] {
        for name in ["coffee.png", "china.jpg"] {
            copy_photograph(name, &data.join(class).join(name));
        }
    }
    // A folder in the place of the cache, which is a file.
    let file = root.path().join("cache");
    fs::write(&file, b"").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_scarlet"))
        .args(["check-data", data.to_str().unwrap()])
        .env("SCARLET_CACHE", &file)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains(
            "not checked: the weights of efficientnet-lite0 are not available; --weights FILE"
        ),
        "{text}"
    );
    // Whoever names weights wants them.
    check(&data, &["--weights", "none.pth"]).assert_fails(1, &["none.pth"]);
}

#[test]
fn images_in_arrays_have_classes_and_exact_duplicates() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    tiny_data(&data);
    // The first test image becomes the third training image.
    let train = fs::read(data.join("train-images-idx3-ubyte")).unwrap();
    let path = data.join("t10k-images-idx3-ubyte");
    let mut test = fs::read(&path).unwrap();
    test[16..80].copy_from_slice(&train[16 + 2 * 64..][..64]);
    fs::write(&path, test).unwrap();
    let report = check(&data, &["--json"]).json();
    let leak = &report["duplicates"]["leaks"];
    assert!(leak.to_string().contains("test/0"), "{leak}");
    assert_eq!(report["classes"]["counts"][0]["images"][0], 32);
    assert!(
        report["labels"]["not_checked"]
            .as_str()
            .unwrap()
            .contains("only checked for photographs in folders")
    );
}

#[test]
fn what_cannot_be_checked_is_said() {
    let root = tempfile::tempdir().unwrap();
    let empty = root.path().join("empty");
    fs::create_dir(&empty).unwrap();
    check(&empty, &[]).assert_fails(1, &["has no class folders"]);
    check(Path::new("nowhere"), &[]).assert_fails(2, &["`nowhere` is neither a folder nor"]);
    let file = photograph("coffee.png");
    check(&file, &[]).assert_fails(2, &["is neither a folder nor"]);
    check(&empty, &["--no-labels", "--weights", "x"]).assert_fails(2, &["cannot be used with"]);
    check(&empty, &["--show", "0"]).assert_fails(2, &["expected a whole number from 1"]);
    // Of nothing that can be read everything is told all the same.
    let data = root.path().join("data");
    write_damaged_photograph(&data.join("a/1.jpg"));
    write_damaged_photograph(&data.join("b/1.jpg"));
    let ran = check(&data, &["--strict"]);
    ran.assert_fails(1, &["2 unreadable files, 2 classes that cannot be trained"]);
    assert!(
        ran.stdout.contains("not checked: no image can be read"),
        "{ran:?}"
    );
    // A page into a folder that is not there.
    let page = root.path().join("none/page.html");
    check(&data, &["--no-labels", "--report", page.to_str().unwrap()])
        .assert_fails(1, &["cannot write", "page.html"]);
}

#[test]
fn training_says_first_what_is_cheap_to_know() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    spoiled(&data);
    fs::remove_dir_all(data.join("test/dog")).unwrap();
    fs::remove_dir_all(data.join("train/Cat ")).unwrap();
    let data = data.to_str().unwrap();
    let ran = scarlet(["train", "--data", data, "--resolution", "32", "--dry-run"]);
    for words in [
        "the same picture is in several classes: `train/cat/rocket.jpg` and `train/cup/rocket.jpg`",
        "the same picture is in several parts: `train/cat/chelsea.png` and `test/cat/the same.png`",
        "classes `cat`, `cup` have fewer than 10 images",
    ] {
        assert!(ran.stderr.contains(words), "no {words} in {ran:?}");
    }
    assert_eq!(ran.code, 0, "{ran:?}");
}
