//! The validation set's ground truth and its arrangement into class folders, on small stand-ins.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use scarlet_data::ilsvrc::{Arrangement, Expected, GroundTruth, Mode};
use scarlet_data::{DataError, ImageFolder, imagenet};
use tempfile::TempDir;

/// Classes of the six images of the stand-in, by index.
const CLASSES: [usize; 6] = [65, 970, 230, 809, 516, 65];

fn wnid(class: usize) -> &'static str {
    imagenet::classes()[class].wnid
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn wnid_lines() -> String {
    CLASSES
        .iter()
        .map(|&class| format!("{}\n", wnid(class)))
        .collect()
}

fn read(text: &str) -> Result<GroundTruth, DataError> {
    let folder = tempfile::tempdir().unwrap();
    GroundTruth::read(write(folder.path(), "truth", text), None)
}

fn read_error(text: &str) -> String {
    let message = read(text).unwrap_err().to_string();
    // Without the temporary folder.
    message[message.find("truth").unwrap()..].to_owned()
}

fn image_name(image: usize) -> String {
    format!("ILSVRC2012_val_{image:08}.JPEG")
}

/// A folder `images` with the stand-in's six images, each holding its own number.
fn set() -> (TempDir, GroundTruth) {
    let root = tempfile::tempdir().unwrap();
    let images = root.path().join("images");
    fs::create_dir(&images).unwrap();
    for image in 1..=6 {
        write(&images, &image_name(image), &format!("image {image}"));
    }
    write(&images, "readme.txt", "not an image");
    (root, read(&wnid_lines()).unwrap())
}

fn plan(root: &Path, truth: &GroundTruth, mode: Mode) -> Result<Arrangement, DataError> {
    let (images, target) = (root.join("images"), root.join("val"));
    Arrangement::plan(images, truth, target, mode, Expected::Images(6))
}

/// Runs a plan, checking that the progress counts up to the total.
fn run(arrangement: &Arrangement) {
    let mut calls = Vec::new();
    arrangement
        .run(|done, total| {
            assert_eq!(total, 6);
            calls.push(done);
        })
        .unwrap();
    let expected: Vec<_> = (arrangement.in_place()..=6).collect();
    assert_eq!(calls, expected);
}

fn arranged(root: &Path, image: usize) -> PathBuf {
    root.join("val")
        .join(wnid(CLASSES[image - 1]))
        .join(image_name(image))
}

fn assert_arranged(root: &Path) {
    for image in 1..=6 {
        let text = fs::read_to_string(arranged(root, image)).unwrap();
        assert_eq!(text, format!("image {image}"));
    }
    let folder = ImageFolder::open(root.join("val")).unwrap();
    assert_eq!(folder.samples.len(), 6);
    let classes: BTreeSet<_> = CLASSES.into_iter().collect();
    assert_eq!(
        folder.imagenet_indices(),
        Some(classes.into_iter().collect())
    );
}

#[test]
fn the_three_forms_of_the_ground_truth_agree() {
    let truth = read(&wnid_lines()).unwrap();
    assert_eq!(truth.len(), 6);
    assert_eq!(truth.class(1), Some(65));
    assert_eq!(truth.class(7), None);
    assert!(truth.iter().map(|(_, class)| class).eq(CLASSES));

    // Kaggle's table is in no order.
    let mut table = String::from("ImageId,PredictionString\n");
    for image in [3, 1, 6, 5, 2, 4] {
        let wnid = wnid(CLASSES[image - 1]);
        table += &format!("ILSVRC2012_val_{image:08},{wnid} 1 2 3 4 {wnid} 5 6 7 8 \r\n");
    }
    assert_eq!(read(&table).unwrap(), truth);

    // The development kit's numbers, which follow an order of their own.
    let folder = tempfile::tempdir().unwrap();
    let numbers = write(folder.path(), "numbers", "1\n2\n3\n4\n5\n1\n");
    let id_first: String = CLASSES[..5]
        .iter()
        .enumerate()
        .map(|(index, &class)| format!("{} {} some name\n", index + 1, wnid(class)))
        .collect();
    let map = write(
        folder.path(),
        "map",
        &(id_first + "1001 n00001740 entity\n\n"),
    );
    assert_eq!(GroundTruth::read(&numbers, Some(&map)).unwrap(), truth);
    let wnid_first: String = CLASSES[..5]
        .iter()
        .enumerate()
        .map(|(index, &class)| format!("{} {} some name\n", wnid(class), index + 1))
        .collect();
    let map = write(folder.path(), "map", &wnid_first);
    assert_eq!(GroundTruth::read(&numbers, Some(&map)).unwrap(), truth);
}

#[test]
fn ids_without_a_synset_map_are_refused() {
    assert_eq!(
        read_error("490\n361\n"),
        "truth holds ILSVRC2012 ids, whose order is not that of the class folders: give a synset \
         map as well (lines of `id wnid`, as in the development kit's meta data), or use a ground \
         truth that holds WordNet ids, as LOC_val_solution.csv does"
    );
}

#[test]
fn what_is_wrong_in_a_ground_truth_is_told_with_its_line() {
    let unknown = "expected the WordNet id of one of ImageNet's 1,000 classes, found";
    assert_eq!(
        read_error("n01751748\nn00000000\n"),
        format!("truth, line 2: {unknown} `n00000000`")
    );
    assert_eq!(
        read_error("ILSVRC2012_val_00000001.JPEG 65\n"),
        format!("truth, line 1: {unknown} `ILSVRC2012_val_00000001.JPEG 65`")
    );
    assert_eq!(read_error(""), "truth, line 1: the file names no image");
    let header = "ImageId,PredictionString\n";
    assert_eq!(read_error(header), "truth, line 1: the file names no image");
    let row = "ILSVRC2012_val_00000001,n01751748 1 2 3 4\n";
    assert_eq!(
        read_error(&format!("{header}{row}{row}")),
        "truth, line 3: image 1 appears a second time"
    );
    assert_eq!(
        read_error(&format!("{header}x.JPEG,n01751748")),
        "truth, line 2: expected an image such as `ILSVRC2012_val_00000001`, found `x.JPEG`"
    );
    assert_eq!(
        read_error(&format!("{header}n01751748")),
        "truth, line 2: expected `image,wnid …`, found `n01751748`"
    );
    assert_eq!(
        read_error(&format!("{header}ILSVRC2012_val_00000001,")),
        format!("truth, line 2: {unknown} ``")
    );

    let folder = tempfile::tempdir().unwrap();
    let numbers = write(folder.path(), "numbers", "1\n3\n");
    let error = |map: &str| {
        let map = write(folder.path(), "map", map);
        let message = GroundTruth::read(&numbers, Some(&map))
            .unwrap_err()
            .to_string();
        message.rsplit_once("/").unwrap().1.to_owned()
    };
    assert_eq!(
        error("1 n01751748\n"),
        "numbers, line 2: the synset map has no id 3"
    );
    assert_eq!(
        error("1 viper\n"),
        format!("map, line 1: {unknown} `viper`")
    );
    assert_eq!(
        error("n01751748\n"),
        "map, line 1: expected `id wnid`, found `n01751748`"
    );
    assert_eq!(
        error("a b\n"),
        "map, line 1: expected `id wnid`, found `a b`"
    );
    assert_eq!(
        error("1 n01751748\n2 n01751748\n"),
        "map, line 2: id 2 or n01751748 appears a second time"
    );
}

#[test]
fn every_mode_arranges_and_a_second_run_finds_it_done() {
    for mode in [Mode::HardLink, Mode::SymLink, Mode::Copy, Mode::Move] {
        let (root, truth) = set();
        let arrangement = plan(root.path(), &truth, mode).unwrap();
        assert_eq!((arrangement.mode(), arrangement.classes()), (mode, 5));
        assert_eq!(
            (arrangement.in_place(), arrangement.remaining().len()),
            (0, 6)
        );
        let (source, target) = arrangement.remaining().next().unwrap();
        assert_eq!(source, root.path().join("images").join(image_name(1)));
        assert_eq!(target, arranged(root.path(), 1));
        assert!(
            !root.path().join("val").exists(),
            "planning changes nothing"
        );

        run(&arrangement);
        assert_arranged(root.path());
        let left = fs::read_dir(root.path().join("images")).unwrap().count();
        assert_eq!(left, if mode == Mode::Move { 1 } else { 7 }, "{mode:?}");
        assert_eq!(arranged(root.path(), 1).is_symlink(), mode == Mode::SymLink);

        let again = plan(root.path(), &truth, mode).unwrap();
        assert_eq!(
            (again.in_place(), again.remaining().len()),
            (6, 0),
            "{mode:?}"
        );
        run(&again);
        assert_arranged(root.path());
    }
}

#[test]
fn the_plan_prints_what_is_to_be_done() {
    let (root, truth) = set();
    let arrangement = plan(root.path(), &truth, Mode::Copy).unwrap();
    assert_eq!(
        arrangement.to_string(),
        "6 images in 5 class folders: 0 in place, 6 to copy"
    );
}

#[test]
fn an_interrupted_run_is_taken_up() {
    let (root, truth) = set();
    run(&plan(root.path(), &truth, Mode::Copy).unwrap());
    fs::remove_file(arranged(root.path(), 2)).unwrap();
    // What a copy leaves behind when it is killed.
    let part = arranged(root.path(), 2).with_file_name(format!(".{}.part", image_name(2)));
    fs::write(&part, "ima").unwrap();

    let arrangement = plan(root.path(), &truth, Mode::Copy).unwrap();
    assert_eq!(
        (arrangement.in_place(), arrangement.remaining().len()),
        (5, 1)
    );
    run(&arrangement);
    assert_arranged(root.path());
    assert!(!part.exists());
}

#[test]
fn a_move_finds_the_copies_or_hard_links_of_an_earlier_run() {
    for earlier in [Mode::Copy, Mode::HardLink] {
        let (root, truth) = set();
        run(&plan(root.path(), &truth, earlier).unwrap());
        let arrangement = plan(root.path(), &truth, Mode::Move).unwrap();
        assert_eq!(arrangement.remaining().len(), 6);
        run(&arrangement);
        assert_arranged(root.path());
        let left = fs::read_dir(root.path().join("images")).unwrap().count();
        assert_eq!(left, 1, "only the readme stays after {earlier:?}");
    }
}

#[test]
fn a_copy_that_changed_since_the_plan_does_not_cost_its_original() {
    let (root, truth) = set();
    run(&plan(root.path(), &truth, Mode::Copy).unwrap());
    let arrangement = plan(root.path(), &truth, Mode::Move).unwrap();
    fs::write(arranged(root.path(), 1), "other").unwrap();
    let error = arrangement.run(|_, _| {}).unwrap_err().to_string();
    assert!(error.ends_with("it is not a copy of the image to be moved; delete it and plan again"));
    let original = root.path().join("images").join(image_name(1));
    assert_eq!(fs::read_to_string(original).unwrap(), "image 1");
}

#[test]
fn images_may_be_arranged_in_their_own_folder() {
    let (root, truth) = set();
    let images = root.path().join("images");
    for expected_left in [6, 0] {
        let arrangement =
            Arrangement::plan(&images, &truth, &images, Mode::Move, Expected::Images(6)).unwrap();
        assert_eq!(arrangement.remaining().len(), expected_left);
        run(&arrangement);
    }
    assert_eq!(ImageFolder::open(&images).unwrap().samples.len(), 6);
}

#[test]
fn counts_must_agree() {
    let (root, truth) = set();
    let images = root.path().join("images");
    let error = |truth: &GroundTruth, expected| {
        let target = root.path().join("val");
        let message = Arrangement::plan(&images, truth, target, Mode::Copy, expected)
            .unwrap_err()
            .to_string();
        message
            .strip_prefix(&format!("{}: ", images.display()))
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        error(&truth, Expected::Full),
        "the ground truth lists 6 images, 0 of them of class n01440764, where the whole \
         validation set has 50000, 50 of each class; say how many images are expected if this is \
         a part of it"
    );
    assert_eq!(
        error(&truth, Expected::Images(5)),
        "6 validation images, here and in the class folders, but 5 are expected"
    );
    fs::remove_file(images.join(image_name(4))).unwrap();
    assert_eq!(
        error(&truth, Expected::Images(6)),
        "5 validation images, here and in the class folders, but 6 are expected; the first that \
         is missing is ILSVRC2012_val_00000004.JPEG"
    );
    let shorter = read(&wnid_lines()[..4 * 10]).unwrap();
    assert_eq!(
        error(&shorter, Expected::Images(5)),
        "ILSVRC2012_val_00000005 has no class in the ground truth, which lists 4 images"
    );
    assert!(!root.path().join("val").exists());
}

#[test]
fn the_whole_set_is_recognised() {
    // Fifty images of each class, in the real set's numbers, though not in its order.
    let lines: String = (0..50_000)
        .map(|image| format!("{}\n", wnid(image % 1_000)))
        .collect();
    let truth = read(&lines).unwrap();
    let root = tempfile::tempdir().unwrap();
    let plan = || {
        Arrangement::plan(
            root.path(),
            &truth,
            root.path().join("val"),
            Mode::SymLink,
            Expected::Full,
        )
    };
    for image in 1..50_000 {
        write(root.path(), &image_name(image), "");
    }
    let message = plan().unwrap_err().to_string();
    assert!(message.ends_with("the first that is missing is ILSVRC2012_val_00050000.JPEG"));

    write(root.path(), &image_name(50_000), "");
    assert_eq!(
        plan().unwrap().to_string(),
        "50000 images in 1000 class folders: 0 in place, 50000 to link symbolically"
    );
}

#[test]
fn what_is_in_the_way_is_refused_and_left_alone() {
    let refused = |prepare: &dyn Fn(&Path), mode, name: &dyn Fn(&Path) -> PathBuf, reason: &str| {
        let (root, truth) = set();
        prepare(root.path());
        let message = plan(root.path(), &truth, mode).unwrap_err().to_string();
        let path = name(root.path());
        assert_eq!(
            message,
            format!("{} is in the way: {reason}", path.display())
        );
        assert!(path.exists() || path.is_symlink());
    };
    let place = |root: &Path, image: usize, text: &str| {
        let path = arranged(root, image);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };

    let foreign = "it is not the folder of an ImageNet class; choose a target that is empty or \
                   holds an earlier arrangement only";
    refused(
        &|root| fs::create_dir_all(root.join("val/cats")).unwrap(),
        Mode::Copy,
        &|root| root.join("val/cats"),
        foreign,
    );
    let misplaced = "according to the ground truth it does not belong in this class folder";
    let elsewhere = |root: &Path| root.join("val").join(wnid(0)).join(image_name(1));
    refused(
        &|root| {
            fs::create_dir_all(root.join("val").join(wnid(0))).unwrap();
            fs::write(elsewhere(root), "image 1").unwrap();
        },
        Mode::Copy,
        &elsewhere,
        misplaced,
    );
    refused(
        &|root| place(root, 1, "image"),
        Mode::Copy,
        &|root| arranged(root, 1),
        "its size is not that of the image of the same name; delete it and plan again",
    );
    refused(
        &|root| place(root, 1, "image 9"),
        Mode::Move,
        &|root| arranged(root, 1),
        "it is not a copy of the image to be moved; delete it and plan again",
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        refused(
            &|root| {
                place(root, 1, "");
                fs::remove_file(arranged(root, 1)).unwrap();
                symlink("nowhere", arranged(root, 1)).unwrap();
            },
            Mode::Copy,
            &|root| arranged(root, 1),
            "it is a link that leads nowhere; delete it and plan again",
        );
        refused(
            &|root| {
                place(root, 1, "");
                fs::remove_file(arranged(root, 1)).unwrap();
                symlink(root.join("images").join(image_name(1)), arranged(root, 1)).unwrap();
            },
            Mode::Move,
            &|root| arranged(root, 1),
            "it is not a copy of the image to be moved; delete it and plan again",
        );
        let source = |root: &Path| root.join("images").join(image_name(1));
        refused(
            &|root| {
                fs::rename(source(root), root.join("one")).unwrap();
                symlink(root.join("one"), source(root)).unwrap();
            },
            Mode::Move,
            &source,
            "moving a symbolic link would not move the image; link or copy instead",
        );
    }
}

#[test]
fn folders_that_are_not_there_are_told() {
    let (root, truth) = set();
    let absent = root.path().join("absent");
    let error = Arrangement::plan(
        &absent,
        &truth,
        root.path(),
        Mode::Copy,
        Expected::Images(6),
    )
    .unwrap_err()
    .to_string();
    assert_eq!(error, format!("there is nothing at {}", absent.display()));
    let error = GroundTruth::read(&absent, None).unwrap_err().to_string();
    assert_eq!(error, format!("there is nothing at {}", absent.display()));
    // A file where the target's parent should be: nothing half-written, and the path is named.
    let file = root.path().join("images/readme.txt");
    let arrangement = Arrangement::plan(
        root.path().join("images"),
        &truth,
        file.join("val"),
        Mode::Copy,
        Expected::Images(6),
    )
    .unwrap();
    let error = arrangement.run(|_, _| {}).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("cannot write {}", file.display())),
        "{error}"
    );
}
