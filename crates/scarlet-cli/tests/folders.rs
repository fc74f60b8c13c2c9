//! Folders of images that are not quite what they should be.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::Path;

use common::{Ran, scarlet};
use scarlet_data::{Rgb, RgbImage};

const NETWORK: &str = "E3K3@8/2 E3K3@8";

/// Saves so many small pictures of one colour in a folder.
fn save(folder: &Path, count: u8) {
    fs::create_dir_all(folder).unwrap();
    for index in 0..count {
        let shade = folder
            .to_str()
            .unwrap()
            .bytes()
            .fold(index, |a, b| a.wrapping_add(b));
        RgbImage::from_fn(20, 20, |x, _| Rgb([shade, x as u8, 90]))
            .save(folder.join(format!("{index}.png")))
            .unwrap();
    }
}

fn plan(data: &Path) -> Ran {
    scarlet([
        "train",
        "--data",
        data.to_str().unwrap(),
        "--model",
        NETWORK,
        "--resolution",
        "16",
        "--epochs",
        "1",
        "--dry-run",
    ])
}

/// Evaluates a random network of these classes.
fn eval(data: &Path, classes: &str) -> Ran {
    scarlet([
        "eval",
        data.to_str().unwrap(),
        "--model",
        NETWORK,
        "--size",
        "16",
        "--random-init",
        "--num-classes",
        classes,
    ])
}

#[test]
fn a_class_of_unreadable_images_fails_an_evaluation_by_name() {
    let root = tempfile::tempdir().unwrap();
    for class in ["a", "b", "c"] {
        save(&root.path().join(class), 2);
    }
    assert_eq!(eval(root.path(), "3").code, 0);
    for name in ["0.png", "1.png"] {
        fs::write(root.path().join("b").join(name), "no picture").unwrap();
    }
    let ran = eval(root.path(), "3");
    ran.assert_fails(
        1,
        &["error: no image of class `b` can be read", "leave it out"],
    );
    assert!(ran.stdout.contains("4 images of 2 classes"), "{ran:?}");
    // One that can be read is enough.
    save(&root.path().join("b"), 1);
    assert_eq!(eval(root.path(), "3").code, 0);
}

#[test]
fn a_class_that_a_part_lacks_is_named() {
    let root = tempfile::tempdir().unwrap();
    for class in ["a", "b", "c"] {
        save(&root.path().join("train").join(class), 3);
        save(&root.path().join("val").join(class), 1);
    }
    let whole = plan(root.path());
    assert_eq!(whole.code, 0, "{whole:?}");
    assert!(!whole.stderr.contains("has no image"), "{whole:?}");
    fs::remove_dir_all(root.path().join("val/b")).unwrap();
    let lacking = "warning: `val` has no image of class `b`, which the training images have";
    for ran in [plan(root.path()), eval(root.path(), "3")] {
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(ran.stderr.matches(lacking).count(), 1, "{ran:?}");
    }
}

#[test]
fn odd_layouts_have_a_line_each() {
    let root = tempfile::tempdir().unwrap();
    let folder = |name: &str| root.path().join(name);
    let once = |ran: Ran, line: &str| {
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(ran.stderr.matches(line).count(), 1, "no {line:?}: {ran:?}");
    };
    for class in ["a", "b", "c"] {
        save(&folder("beside").join(class), 3);
        save(&folder("nested").join(class).join("x"), 3);
        save(&folder("deep/photos").join(class), 3);
        save(&folder("parts/train").join(class), 3);
        save(&folder("parts/val").join(class), 3);
    }
    save(&folder("beside/b/old"), 2);
    save(&folder("parts/extra"), 2);

    let beside = "warning: images in `b/old` count for class `b`";
    once(plan(&folder("beside")), beside);
    once(eval(&folder("beside"), "3"), beside);

    plan(&folder("nested")).assert_fails(1, &["/nested/a` holds only folders"]);
    once(
        eval(&folder("nested"), "3"),
        "warning: images in `a/x` count for class `a`, since folders within class folders are \
         not classes of their own; the same goes for 2 more classes",
    );

    let itself = "give `";
    plan(&folder("deep")).assert_fails(1, &["/deep/photos` holds only folders", itself]);
    eval(&folder("deep"), "3").assert_fails(1, &[itself, "/deep/photos` itself"]);

    let extra = "warning: passed over: `extra` next to `train` and `val`";
    once(plan(&folder("parts")), extra);
    once(eval(&folder("parts"), "3"), extra);
}

#[test]
#[cfg(unix)]
fn a_class_that_is_a_broken_link_is_named() {
    let root = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        save(&root.path().join(class), 3);
    }
    std::os::unix::fs::symlink("/nowhere/red", root.path().join("red")).unwrap();
    let line = "`red`, a link that leads nowhere: if it stood for a class, that is missing";
    for ran in [plan(root.path()), eval(root.path(), "2")] {
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(ran.stderr.matches(line).count(), 1, "{ran:?}");
    }
}

#[test]
fn images_in_the_middle_of_black_are_spoken_of_once() {
    let out = tempfile::tempdir().unwrap();
    let out = out.path().join("run");
    let data = tempfile::tempdir().unwrap();
    common::tiny_data(data.path());
    let hint =
        "of the 64×64 pixels that networks see, images of 8×8 fill 2 % and the rest is black";
    let mut args = vec![
        "train",
        "--data",
        data.path().to_str().unwrap(),
        "--model",
        NETWORK,
        "--epochs",
        "1",
        "--resolution",
        "64",
        "--out",
        out.to_str().unwrap(),
    ];
    let ran = scarlet(&args);
    assert_eq!(ran.code, 0, "{ran:?}");
    let said = ran.stderr.matches(hint).count();
    assert_eq!(said, 1, "{ran:?}");
    assert!(
        ran.stderr
            .contains("--resolution 8 takes about 2 % of the time"),
        "{ran:?}"
    );
    assert!(
        ran.stderr
            .contains("networks see 64×64 pixels; images are 8×8"),
        "{ran:?}"
    );
    args.push("--dry-run");
    let planned = scarlet(&args);
    assert_eq!(planned.stdout.matches(hint).count(), 1, "{planned:?}");
    let searched = scarlet([
        "search",
        "--data",
        data.path().to_str().unwrap(),
        "--resolution",
        "64",
        "--dry-run",
    ]);
    assert_eq!(searched.stdout.matches(hint).count(), 1, "{searched:?}");
}
