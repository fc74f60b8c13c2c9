//! Photographs in one folder per class, decoded once and kept in memory.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use scarlet_arch::Preprocessing;
use scarlet_data::{DataError, DecodeOptions, ImageFolder, RgbImage, decode, eval_image};

use super::{DatasetError, Images};
use crate::batch::luma;

/// The images of a folder, and what could not be read.
#[derive(Debug)]
pub struct FolderImages {
    /// What could be read, in class order, then by path.
    pub images: Images,
    /// Files that could not, each with the reason.
    pub failures: Vec<(PathBuf, DataError)>,
}

/// Reads a folder with one sub-folder per class (see [`ImageFolder`]). Every image is resized and
/// cropped as `preprocessing` says, and made grey when `channels` is 1, by the luma of ITU-R
/// BT.601.
///
/// # Errors
///
/// When the folder has no classes or no readable image, or when `channels` is neither 1 nor 3. A
/// file that cannot be read is no error, but reported in [`FolderImages::failures`].
pub fn open(
    root: impl AsRef<Path>,
    preprocessing: &Preprocessing,
    channels: usize,
) -> Result<FolderImages, DatasetError> {
    if channels != 1 && channels != 3 {
        return Err(DatasetError::Count {
            what: "channels",
            found: channels,
            expected: 3,
            why: "photographs are read in colour (3) or grey (1)".to_owned(),
        });
    }
    let folder = ImageFolder::open(root)?;
    let options = DecodeOptions::default();
    let decoded: Vec<Result<RgbImage, DataError>> = folder
        .samples
        .par_iter()
        .map(|(path, _)| eval_image(&decode(path, &options)?, preprocessing))
        .collect();
    let (mut pixels, mut labels, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for ((path, class), decoded) in folder.samples.into_iter().zip(decoded) {
        match decoded {
            Ok(image) => {
                push_planes(image.as_raw(), channels, &mut pixels);
                labels.push(class as u32);
            }
            Err(error) => failures.push((path, error)),
        }
    }
    if labels.is_empty()
        && let Some((_, error)) = failures.pop()
    {
        return Err(error.into());
    }
    let side = preprocessing.resolution;
    let images = Images::new([channels, side, side], pixels, labels, folder.classes)?;
    Ok(FolderImages { images, failures })
}

/// Appends interleaved RGB as one plane a channel.
fn push_planes(rgb: &[u8], channels: usize, pixels: &mut Vec<u8>) {
    if channels == 1 {
        pixels.extend(rgb.chunks_exact(3).map(luma));
    } else {
        for channel in 0..channels {
            pixels.extend(rgb.iter().skip(channel).step_by(3));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PREPROCESSING: Preprocessing = Preprocessing {
        resolution: 4,
        crop_ratio: 1.0,
        ..Preprocessing::IMAGENET
    };

    fn save(folder: &Path, name: &str, colour: [u8; 3]) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        RgbImage::from_pixel(8, 6, image::Rgb(colour))
            .save(path)
            .unwrap();
    }

    #[test]
    fn photographs_become_planes() {
        let root = tempfile::tempdir().unwrap();
        save(root.path(), "dog/b.png", [200, 100, 50]);
        save(root.path(), "cat/a.png", [1, 2, 3]);
        let colour = open(root.path(), &PREPROCESSING, 3).unwrap();
        assert!(colour.failures.is_empty());
        assert_eq!(colour.images.classes(), ["cat", "dog"]);
        assert_eq!(colour.images.labels(), [0, 1]);
        let dog = [[200; 16], [100; 16], [50; 16]].concat();
        assert_eq!(colour.images.image(1), dog);
        let grey = open(root.path(), &PREPROCESSING, 1).unwrap().images;
        assert_eq!(grey.shape(), [1, 4, 4]);
        assert_eq!(grey.image(1), [124; 16]);
    }

    #[test]
    fn unreadable_files_are_reported() {
        let root = tempfile::tempdir().unwrap();
        save(root.path(), "cat/a.png", [1, 2, 3]);
        fs::write(root.path().join("cat/b.png"), "not a picture").unwrap();
        let read = open(root.path(), &PREPROCESSING, 3).unwrap();
        assert_eq!(read.images.len(), 1);
        assert!(read.failures[0].0.ends_with("cat/b.png"));
        fs::remove_file(root.path().join("cat/a.png")).unwrap();
        let error = open(root.path(), &PREPROCESSING, 3)
            .unwrap_err()
            .to_string();
        assert!(error.contains("b.png"), "{error}");
        let error = open(root.path(), &PREPROCESSING, 4)
            .unwrap_err()
            .to_string();
        assert!(error.contains("4 channels"), "{error}");
        assert!(open(root.path().join("none"), &PREPROCESSING, 3).is_err());
    }
}
