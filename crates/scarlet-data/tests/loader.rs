//! Batches from folders with sound and damaged files.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use proptest::prelude::*;
use scarlet_arch::Preprocessing;
use scarlet_data::{
    Batch, DataError, ImageFolder, Loader, LoaderOptions, PhotoError, list_images, load_image,
};
use tempfile::TempDir;

/// Small enough to be fast, and so normalised that an image's values name its colour.
const SMALL: Preprocessing = Preprocessing {
    resolution: 8,
    mean: [0.0; 3],
    std: [1.0 / 255.0; 3],
    ..Preprocessing::IMAGENET
};

/// Uniform images, number i in level i.
fn images(count: u8) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for level in 0..count {
        // Sizes differ, so that workers finish out of order.
        let side = if level % 3 == 0 { 200 } else { 9 };
        RgbImage::from_pixel(side, side, Rgb([level; 3]))
            .save(folder.path().join(format!("{level:03}.png")))
            .unwrap();
    }
    folder
}

fn loader(folder: &Path, options: LoaderOptions) -> Loader {
    Loader::new(list_images(folder).unwrap().images, SMALL, options)
}

fn collect(loader: &Loader) -> Vec<Batch> {
    loader.batches().unwrap().map(Result::unwrap).collect()
}

/// The level of each image in a batch, checked to be uniform over all its values.
fn levels(batch: &Batch) -> Vec<usize> {
    let values = 3 * 8 * 8;
    assert_eq!(batch.images.len(), batch.len() * values);
    batch
        .images
        .chunks_exact(values)
        .map(|image| {
            assert!(image.iter().all(|value| (value - image[0]).abs() < 1e-3));
            image[0].round() as usize
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn order_and_content_do_not_depend_on_workers(
        count in 0_u8..40,
        batch_size in 1_usize..20,
        workers in 0_usize..9,
        prefetch in 0_usize..4,
    ) {
        let folder = images(count);
        let paths: Vec<PathBuf> = (0..count)
            .map(|level| folder.path().join(format!("{level:03}.png")))
            .collect();
        let options = LoaderOptions { batch_size, workers, prefetch, ..LoaderOptions::default() };
        let batches = collect(&Loader::new(paths, SMALL, options));
        prop_assert_eq!(batches.len(), usize::from(count).div_ceil(batch_size));
        for (index, batch) in batches.iter().enumerate() {
            let start = index * batch_size;
            let expected: Vec<usize> =
                (start..(start + batch_size).min(usize::from(count))).collect();
            prop_assert_eq!(&batch.indices, &expected);
            prop_assert_eq!(levels(batch), expected);
            prop_assert!(batch.labels.is_empty() && batch.failures.is_empty());
        }
    }
}

#[test]
fn labels_are_the_classes_of_the_folder() {
    let root = tempfile::tempdir().unwrap();
    for (class, level) in [("b", 1), ("a", 0), ("c", 2)] {
        fs::create_dir(root.path().join(class)).unwrap();
        for name in ["1.png", "2.png"] {
            RgbImage::from_pixel(9, 9, Rgb([level; 3]))
                .save(root.path().join(class).join(name))
                .unwrap();
        }
    }
    let folder = ImageFolder::open(root.path()).unwrap();
    let options = LoaderOptions {
        batch_size: 4,
        ..LoaderOptions::default()
    };
    let batches = collect(&Loader::labelled(&folder, SMALL, options));
    assert_eq!(batches[0].labels, [0, 0, 1, 1]);
    assert_eq!(batches[1].labels, [2, 2]);
    for batch in &batches {
        assert_eq!(levels(batch), batch.labels);
    }
}

/// Twelve images, of which number 3 is cut short and number 6 is text, and all of 8 to 11 are gone.
fn damaged() -> TempDir {
    let folder = images(12);
    let path = |index: usize| folder.path().join(format!("{index:03}.png"));
    let whole = fs::read(path(3)).unwrap();
    fs::write(path(3), &whole[..whole.len() / 2]).unwrap();
    fs::write(path(6), "no image").unwrap();
    for index in 8..12 {
        fs::write(path(index), "").unwrap();
    }
    folder
}

#[test]
fn damaged_files_are_reported_with_their_path_and_passed_over() {
    let folder = damaged();
    let options = LoaderOptions {
        batch_size: 4,
        workers: 3,
        ..LoaderOptions::default()
    };
    let batches = collect(&loader(folder.path(), options));
    assert_eq!(batches.len(), 3);
    assert_eq!(levels(&batches[0]), [0, 1, 2]);
    assert_eq!(levels(&batches[1]), [4, 5, 7]);
    assert_eq!(batches[1].indices, [4, 5, 7]);
    assert!(batches[2].is_empty() && batches[2].images.is_empty());
    assert_eq!(batches[2].failures.len(), 4);

    let failure = &batches[0].failures[0];
    assert_eq!(failure.index, 3);
    assert_eq!(failure.path, folder.path().join("003.png"));
    assert!(matches!(
        failure.error,
        DataError::Photo(PhotoError::Damaged { .. })
    ));
    let message = failure.error.to_string();
    assert!(message.contains("003.png is damaged: "), "{message}");
    let message = batches[1].failures[0].error.to_string();
    assert!(message.ends_with("006.png is not an image: it starts with \"no image\""));
}

#[test]
fn strict_ends_at_the_first_damaged_file() {
    let folder = damaged();
    let options = LoaderOptions {
        batch_size: 2,
        strict: true,
        ..LoaderOptions::default()
    };
    let mut batches = loader(folder.path(), options).batches().unwrap();
    assert_eq!(batches.next().unwrap().unwrap().indices, [0, 1]);
    let message = batches.next().unwrap().unwrap_err().to_string();
    assert!(message.contains("003.png is damaged: "), "{message}");
    assert!(batches.next().is_none());
    assert!(batches.next().is_none());
}

#[test]
fn a_loader_runs_again_and_dropping_an_iteration_early_stops_it() {
    let folder = images(40);
    let options = LoaderOptions {
        batch_size: 4,
        workers: 4,
        prefetch: 5,
        ..LoaderOptions::default()
    };
    let loader = loader(folder.path(), options);
    assert_eq!(loader.paths().len(), 40);
    for _ in 0..3 {
        let mut batches = loader.batches().unwrap();
        assert_eq!(batches.next().unwrap().unwrap().indices, [0, 1, 2, 3]);
        // Returns only when the workers have ended, which this test would wait for in vain if they
        // did not.
        drop(batches);
    }
    assert_eq!(collect(&loader).len(), 10);
}

#[test]
fn one_file_loads_as_it_does_in_a_batch() {
    let photo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/photos/chelsea.png");
    for channels in [1, 3] {
        let imagenet = Preprocessing::IMAGENET;
        let alone = load_image(&photo, &imagenet, channels, &Default::default()).unwrap();
        assert_eq!(alone.len(), channels * 224 * 224);
        let options = LoaderOptions {
            channels,
            ..LoaderOptions::default()
        };
        let loader = Loader::new(vec![photo.clone()], imagenet, options);
        assert_eq!(collect(&loader)[0].images, alone);
    }
}

#[test]
fn impossible_settings_are_refused() {
    let options = LoaderOptions {
        batch_size: 0,
        ..LoaderOptions::default()
    };
    let error = Loader::new(vec![], SMALL, options)
        .batches()
        .unwrap_err()
        .to_string();
    assert_eq!(error, "batch_size: a batch must have at least one image");

    let preprocessing = Preprocessing {
        resolution: 0,
        ..SMALL
    };
    let error = Loader::new(vec![], preprocessing, LoaderOptions::default())
        .batches()
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("preprocessing: a crop of 0 pixels"),
        "{error}"
    );

    let options = LoaderOptions {
        channels: 2,
        ..LoaderOptions::default()
    };
    let error = Loader::new(vec![], SMALL, options)
        .batches()
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("channels: a network of 2 channels cannot look at photographs"),
        "{error}"
    );
}
