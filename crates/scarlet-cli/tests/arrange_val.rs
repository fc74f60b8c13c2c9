//! `scarlet arrange-val`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::Path;

use common::{Ran, copy_photograph, scarlet, scarlet_tiny};

/// Three validation images and their ground truth.
fn prepare(folder: &Path) {
    for number in 1..=3 {
        let name = format!("images/ILSVRC2012_val_{number:08}.JPEG");
        copy_photograph("rocket.jpg", &folder.join(name));
    }
    fs::write(
        folder.join("truth.txt"),
        "n04266014\nn02124075\nn04266014\n",
    )
    .unwrap();
}

fn arrange(folder: &Path, more: &[&str]) -> Ran {
    let path = |name: &str| folder.join(name).display().to_string();
    let paths = [path("images"), path("truth.txt"), path("val")];
    let arguments = paths.iter().map(String::as_str).chain(more.iter().copied());
    scarlet(std::iter::once("arrange-val").chain(arguments))
}

#[test]
fn images_come_into_class_folders_that_can_be_evaluated() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let plan = arrange(folder.path(), &["--expect", "3", "--dry-run"]);
    assert_eq!(
        plan.stdout,
        "3 images in 2 class folders: 0 in place, 3 to hard-link\nnothing was changed\n"
    );
    assert!(!folder.path().join("val").exists());

    let ran = arrange(folder.path(), &["--expect", "3"]);
    assert!(ran.stdout.contains("3 images are in "), "{ran:?}");
    assert!(
        folder
            .path()
            .join("val/n02124075/ILSVRC2012_val_00000002.JPEG")
            .is_file()
    );
    // Again, for nothing is left to do.
    let ran = arrange(folder.path(), &["--expect", "3"]);
    assert!(ran.stdout.contains("3 in place, 0 to hard-link"), "{ran:?}");

    let val = folder.path().join("val");
    let json = scarlet_tiny(1000, &["eval", val.to_str().unwrap(), "--json"]).json();
    assert_eq!(json["images"], 3);
}

#[test]
fn every_mode_is_understood() {
    for (mode, leaves_the_source) in [
        ("link", true),
        ("symlink", true),
        ("copy", true),
        ("move", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let ran = arrange(folder.path(), &["--expect", "3", "--mode", mode]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let source = folder.path().join("images/ILSVRC2012_val_00000001.JPEG");
        assert_eq!(source.exists(), leaves_the_source, "{mode}");
        let target = folder
            .path()
            .join("val/n04266014/ILSVRC2012_val_00000001.JPEG");
        assert_eq!(target.is_symlink(), mode == "symlink");
        assert!(target.is_file(), "{mode}");
    }
}

#[test]
fn a_part_of_the_set_must_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    arrange(folder.path(), &[]).assert_fails(1, &["error: ", "50000"]);
    assert!(!folder.path().join("val").exists());
}
