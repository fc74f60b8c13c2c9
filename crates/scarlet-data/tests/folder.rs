//! Class folders and image trees on disk.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use scarlet_data::{ClassOrder, ImageFolder, list_images};
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
        folder.passed_over.to_string(),
        "passed over: 1 without an ending, 1 .txt, 1 image outside the class folders"
    );
    assert_eq!(
        relative(root.path(), list_images(root.path()).unwrap().images),
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
        "classes/a/x.heic",
        "classes/a/y.heic",
        "classes/a/z.csv",
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
    let no_images = "holds no images (JPEG, PNG, WebP, BMP, GIF or TIFF files)";
    assert_eq!(
        open_error(&path("classes")),
        format!(
            "{} {no_images}; passed over: 2 .heic, 1 .csv (.heic is not read: convert it to JPEG \
             or PNG)",
            at("classes")
        )
    );

    let error = |name: &str| list_images(path(name)).unwrap_err().to_string();
    assert_eq!(
        error("absent"),
        format!("there is nothing at {}", at("absent"))
    );
    assert_eq!(
        error("none"),
        format!("{} {no_images}; passed over: 1 .txt", at("none"))
    );
    assert_eq!(
        list_images(path("none/notes.txt")).unwrap().images,
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

#[test]
fn numbers_are_in_their_order_unless_bytes_are_asked_for() {
    let files: Vec<String> = (1..=12).map(|class| format!("{class}/x.jpg")).collect();
    let root = tree(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let classes = |order| {
        let folder = ImageFolder::open_ordered(root.path(), order).unwrap();
        for ((path, class), file) in folder.samples.iter().zip(&folder.folders) {
            assert!(path.starts_with(file), "{path:?}");
            assert_eq!(folder.folders[*class], *file);
        }
        folder.classes
    };
    let natural: Vec<String> = (1..=12).map(|class| class.to_string()).collect();
    assert_eq!(classes(ClassOrder::Natural), natural);
    assert_eq!(classes(ClassOrder::Bytes)[..3], ["1", "10", "11"]);
    assert_eq!(ImageFolder::open(root.path()).unwrap().classes, natural);
}

#[test]
fn what_systems_and_tools_leave_is_no_class() {
    let root = tree(&[
        "a/1.jpg",
        "a/Thumbs.db",
        "a/@eaDir/1.jpg/SYNOFILE_THUMB_M.jpg",
        "a/._1.jpg",
        "b/2.jpg",
        "b/.ipynb_checkpoints/2-checkpoint.jpg",
        "desktop.ini",
        "Desktop.INI",
        ".DS_Store",
        "@eaDir/x.jpg",
        "__MACOSX/a/._1.jpg",
        "$RECYCLE.BIN/3.jpg",
        "lost+found/4.jpg",
        "System Volume Information/x",
    ]);
    let folder = ImageFolder::open(root.path()).unwrap();
    assert_eq!(folder.classes, ["a", "b"]);
    assert_eq!(folder.samples.len(), 2);
    assert!(folder.passed_over.is_empty(), "{}", folder.passed_over);
    assert_eq!(list_images(root.path()).unwrap().images.len(), 2);
}

#[test]
fn every_ending_of_the_formats_is_known_and_content_decides_on_others() {
    let root = tree(&[
        "a/1.JPE",
        "a/2.jfif",
        "a/3.jif",
        "a/4.webp",
        "a/5.BMP",
        "a/6.gif",
        "a/7.tif",
        "a/8.tiff",
        "a/9.dib",
        "a/labels.json",
    ]);
    let write = |name: &str, bytes: &[u8]| fs::write(root.path().join(name), bytes).unwrap();
    write("a/no ending", b"\x89PNG\r\n\x1A\n");
    write("a/photo.jpg_large", b"\xFF\xD8\xFF\xE0");
    write("a/really.heic", b"\0\0\0\x18ftypheic");
    write("a/jpeg.heic", b"\xFF\xD8\xFF\xE0");
    write("a/BM.txt", b"BMW is not a bitmap, and neither is this");
    // A camera's raw file begins as a TIFF file, with a thumbnail.
    write("a/raw.NEF", b"MM\0*\0\0\0\x08");
    let folder = ImageFolder::open(root.path()).unwrap();
    assert_eq!(folder.samples.len(), 12);
    assert_eq!(
        folder.passed_over.to_string(),
        "passed over: 1 .heic, 1 .json, 1 .nef, 1 .txt (.heic, .nef are not read: convert them to \
         JPEG or PNG)"
    );
    assert_eq!(folder.passed_over.files(".nef"), 1);
}

#[test]
fn names_that_cannot_be_classes_are_refused_and_doubtful_ones_shown() {
    let root = tree(&[
        "caf\u{e9}/1.jpg",
        "cafe\u{301}/1.jpg",
        "dog/1.jpg",
        " Dog/1.jpg",
    ]);
    let doubts = ImageFolder::open(root.path()).unwrap().doubts();
    assert_eq!(doubts.len(), 2);
    assert!(
        doubts[0].starts_with("` Dog` and `dog` are treated as 2 classes"),
        "{doubts:?}"
    );
    assert!(
        doubts[1].starts_with("`cafe\\u{301}` and `café` are treated"),
        "{doubts:?}"
    );
    let root = tree(&["a/1.jpg", "b\nc/1.jpg"]);
    let error = open_error(root.path());
    assert!(
        error.contains("`b\\nc` is no name for one: it has a line break"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn a_link_upwards_does_not_mix_classes() {
    use std::os::unix::fs::symlink;
    let root = tree(&["a/0.jpg", "b/1.jpg"]);
    symlink("..", root.path().join("a/up")).unwrap();
    symlink(".", root.path().join("a/here")).unwrap();
    symlink("itself", root.path().join("itself")).unwrap();
    symlink(root.path(), root.path().join("whole")).unwrap();
    let folder = ImageFolder::open(root.path()).unwrap();
    assert_eq!(folder.classes, ["a", "b"]);
    assert_eq!(
        relative(root.path(), folder.samples.iter().map(|(path, _)| path)),
        ["a/0.jpg", "b/1.jpg"]
    );
    assert_eq!(
        folder.passed_over.to_string(),
        "passed over: 3 links that lead in circles, `itself`, a link that leads nowhere: if it stood \
         for a class, that is missing"
    );
}

#[test]
fn folders_within_class_folders_are_spoken_of() {
    let root = tree(&["a/1.png", "b/1.png", "c/1.png"]);
    assert_eq!(ImageFolder::open(root.path()).unwrap().nested(), None);
    let root = tree(&["a/1.png", "b/1.png", "b/old/2.png", "b/old/3.png"]);
    assert_eq!(
        ImageFolder::open(root.path()).unwrap().nested().unwrap(),
        "images in `b/old` count for class `b`, since folders within class folders are not classes of \
         their own"
    );
    let root = tree(&[
        "a/x/1.png",
        "b/y/1.png",
        "b/z/1.png",
        "c/y/1.png",
        "d/1.png",
    ]);
    let nested = ImageFolder::open(root.path()).unwrap().nested().unwrap();
    assert!(
        nested.starts_with("images in `a/x` count for class `a`"),
        "{nested}"
    );
    assert!(
        nested.ends_with("the same goes for 2 more classes"),
        "{nested}"
    );
}

#[test]
#[cfg(unix)]
fn a_class_that_is_a_broken_link_is_missed_by_name() {
    use std::os::unix::fs::symlink;

    let root = tree(&["a/1.png", "b/1.png"]);
    symlink("/nowhere/red", root.path().join("red")).unwrap();
    let folder = ImageFolder::open(root.path()).unwrap();
    assert_eq!(folder.classes, ["a", "b"]);
    assert_eq!(
        folder.passed_over.to_string(),
        "passed over: `red`, a link that leads nowhere: if it stood for a class, that is missing"
    );
    symlink("/nowhere/v1.0", root.path().join("v1.0")).unwrap();
    let folder = ImageFolder::open(root.path()).unwrap();
    let text = folder.passed_over.to_string();
    assert!(
        text.contains("`red` and 1 more links that lead nowhere"),
        "{text}"
    );
}
