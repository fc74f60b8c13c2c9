//! Class folders and image trees on disk.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use scarlet_data::{ImageFolder, list_images};
use tempfile::TempDir;

/// A folder with empty files of these names.
fn tree(files: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    root
}

fn relative(root: &Path, paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Vec<String> {
    paths
        .into_iter()
        .map(|path| {
            path.as_ref()
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

fn open_error(root: &Path) -> String {
    ImageFolder::open(root).unwrap_err().to_string()
}

#[test]
fn class_order_is_that_of_the_bytes_of_the_names() {
    let root = tree(&[
        "b/2.png",
        "b/10.png",
        "B/x.JPG",
        "ä/y.jpeg",
        "a/deep/er/z.Jpg",
        "a/deep.png",
    ]);
    let folder = ImageFolder::open(root.path()).unwrap();
    assert_eq!(folder.classes, ["B", "a", "b", "ä"]);
    assert_eq!(
        relative(root.path(), folder.samples.iter().map(|(path, _)| path)),
        [
            "B/x.JPG",
            "a/deep/er/z.Jpg",
            "a/deep.png",
            "b/10.png",
            "b/2.png",
            "ä/y.jpeg"
        ]
    );
    let classes: Vec<_> = folder.samples.iter().map(|(_, class)| *class).collect();
    assert_eq!(classes, [0, 1, 1, 2, 2, 3]);
}

#[test]
fn hidden_and_foreign_files_are_ignored_and_empty_classes_keep_their_place() {
    let root = tree(&[
        "a/.hidden.png",
        "a/._1.jpg",
        "a/notes.txt",
        "a/jpg",
        "b/1.jpg",
        "b/.thumbnails/1.jpg",
        ".git/x.png",
        "stray.png",
    ]);
    let folder = ImageFolder::open(root.path()).unwrap();
    assert_eq!(folder.classes, ["a", "b"]);
    assert_eq!(folder.samples, [(root.path().join("b/1.jpg"), 1)]);
    assert_eq!(
        relative(root.path(), list_images(root.path()).unwrap()),
        ["b/1.jpg", "stray.png"]
    );
}

#[test]
fn wordnet_ids_are_mapped_to_the_network_s_classes() {
    let root = tree(&["n02123045/1.jpg", "n07920052/2.jpg"]);
    let folder = ImageFolder::open(root.path()).unwrap();
    assert_eq!(folder.imagenet_indices(), Some(vec![281, 967]));

    fs::create_dir(root.path().join("zebras")).unwrap();
    assert_eq!(
        ImageFolder::open(root.path()).unwrap().imagenet_indices(),
        None
    );
}

#[test]
fn each_unusable_folder_has_a_message_of_its_own() {
    let root = tree(&[
        "file.jpg",
        "none/notes.txt",
        "flat/1.jpg",
        "flat/2.png",
        "classes/a/x.gif",
    ]);
    let path = |name: &str| root.path().join(name);
    let at = |name: &str| path(name).display().to_string();
    fs::create_dir(path("empty")).unwrap();

    assert_eq!(
        open_error(&path("absent")),
        format!("there is nothing at {}", at("absent"))
    );
    assert_eq!(
        open_error(&path("file.jpg")),
        format!("{} is not a folder", at("file.jpg"))
    );
    assert_eq!(
        open_error(&path("flat")),
        format!(
            "{} has no class folders: put the images of each class into a sub-folder of its own \
             (it holds 2 images directly)",
            at("flat")
        )
    );
    assert!(open_error(&path("empty")).ends_with("(it holds 0 images directly)"));
    let no_images = "holds no images (files ending in .jpg, .jpeg or .png)";
    assert_eq!(
        open_error(&path("classes")),
        format!("{} {no_images}", at("classes"))
    );

    let error = |name: &str| list_images(path(name)).unwrap_err().to_string();
    assert_eq!(
        error("absent"),
        format!("there is nothing at {}", at("absent"))
    );
    assert_eq!(error("none"), format!("{} {no_images}", at("none")));
    assert_eq!(
        list_images(path("none/notes.txt")).unwrap(),
        [path("none/notes.txt")]
    );
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_never_in_circles() {
    use std::os::unix::fs::symlink;
    let elsewhere = tree(&["pool/1.jpg"]);
    let root = tree(&["a/0.jpg"]);
    symlink(elsewhere.path().join("pool"), root.path().join("a/pool")).unwrap();
    symlink(root.path(), root.path().join("a/up")).unwrap();
    symlink(root.path().join("a"), root.path().join("a/self")).unwrap();
    symlink(elsewhere.path().join("pool"), root.path().join("b")).unwrap();
    symlink("nowhere", root.path().join("a/dangling.png")).unwrap();
    symlink("nowhere", root.path().join("a/dangling")).unwrap();

    let folder = ImageFolder::open(root.path()).unwrap();
    assert_eq!(folder.classes, ["a", "b"]);
    let samples = relative(root.path(), folder.samples.iter().map(|(path, _)| path));
    assert!(samples.len() < 10, "{samples:?}");
    for expected in ["a/0.jpg", "a/dangling.png", "a/pool/1.jpg", "b/1.jpg"] {
        assert!(
            samples.iter().any(|sample| sample == expected),
            "{samples:?}"
        );
    }
}
