//! [`Arrangement`]: validation images into class folders, planned first, then carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::GroundTruth;
use super::step::{Mode, Step};
use super::truth::{image_number, image_stem};
use crate::folder::{file_name, list_folder};
use crate::{DataError, imagenet};

/// How many images there must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The whole validation set: 50,000 images, 50 of each of the 1,000 classes.
    Full,
    /// A part of it with this many images, of whatever classes.
    Images(usize),
}

const FULL_IMAGES: usize = 50_000;
const FULL_PER_CLASS: usize = 50;

/// A checked plan to bring every validation image into the folder of its class.
///
/// Planning changes nothing, so a plan that is only printed is a dry run. Images that are in place
/// already are left alone: run again what was interrupted.
#[derive(Debug, Clone)]
pub struct Arrangement {
    mode: Mode,
    classes: usize,
    in_place: usize,
    steps: Vec<Step>,
}

impl Arrangement {
    /// Compares the images in `images` (`ILSVRC2012_val_00000001.JPEG` and so on, directly in it)
    /// and those in `target`'s class folders with the ground truth and the expected count.
    ///
    /// `target` may be absent, empty, the result of an earlier run, or `images` itself.
    ///
    /// # Errors
    /// [`DataError::NotFound`], [`DataError::NotAFolder`] and [`DataError::Read`] for folders that
    /// cannot be listed; [`DataError::WrongCount`] when images are missing, too many, or without a
    /// class; [`DataError::InTheWay`] when `target` holds anything else, such as an image in
    /// another class's folder or one that differs from its original.
    pub fn plan(
        images: impl AsRef<Path>,
        truth: &GroundTruth,
        target: impl AsRef<Path>,
        mode: Mode,
        expected: Expected,
    ) -> Result<Self, DataError> {
        let (images, target) = (images.as_ref(), target.as_ref());
        let sources = find_sources(images)?;
        let in_place = find_arranged(target, images, truth)?;
        let all: BTreeSet<u32> = sources.keys().chain(in_place.keys()).copied().collect();
        check_counts(images, &all, truth, expected)?;

        let mut classes = BTreeSet::new();
        let mut steps = Vec::new();
        for &image in &all {
            let Some(class) = truth.class(image) else {
                return Err(DataError::WrongCount {
                    path: images.into(),
                    reason: format!(
                        "{} has no class in the ground truth, which lists {} images",
                        image_stem(image),
                        truth.len()
                    ),
                });
            };
            classes.insert(class);
            let Some(source) = sources.get(&image) else {
                continue;
            };
            let step = Step {
                source: source.clone(),
                target: in_place.get(&image).cloned().unwrap_or_else(|| {
                    let file = format!("{}.JPEG", image_stem(image));
                    target.join(imagenet::classes()[class].wnid).join(file)
                }),
            };
            if !step.is_done(mode)? {
                steps.push(step);
            }
        }
        Ok(Self {
            mode,
            classes: classes.len(),
            in_place: all.len() - steps.len(),
            steps,
        })
    }

    /// How images come into their folders.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Number of class folders there will be.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of images that are in place already.
    pub fn in_place(&self) -> usize {
        self.in_place
    }

    /// Images still to bring into place: where each is, and where it goes.
    pub fn remaining(&self) -> impl ExactSizeIterator<Item = (&Path, &Path)> {
        self.steps
            .iter()
            .map(|step| (step.source.as_path(), step.target.as_path()))
    }

    /// Carries the plan out, calling `progress` with the number of images in place and the total:
    /// once at the start and after each image.
    ///
    /// Every file appears whole or not at all. After an error or an interruption, plan and run
    /// again.
    ///
    /// # Errors
    /// [`DataError::Write`] and [`DataError::Read`] when the file system refuses; the message for a
    /// hard link across file systems names the alternatives. [`DataError::InTheWay`] when a file
    /// that the plan took for a copy has changed since.
    pub fn run(&self, mut progress: impl FnMut(usize, usize)) -> Result<(), DataError> {
        let total = self.in_place + self.steps.len();
        progress(self.in_place, total);
        for (index, step) in self.steps.iter().enumerate() {
            step.carry_out(self.mode)?;
            progress(self.in_place + index + 1, total);
        }
        Ok(())
    }
}

impl fmt::Display for Arrangement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match self.mode {
            Mode::HardLink => "to hard-link",
            Mode::SymLink => "to link symbolically",
            Mode::Copy => "to copy",
            Mode::Move => "to move",
        };
        write!(
            f,
            "{} images in {} class folders: {} in place, {} {action}",
            self.in_place + self.steps.len(),
            self.classes,
            self.in_place,
            self.steps.len()
        )
    }
}

/// The validation images directly in `folder`, by number.
fn find_sources(folder: &Path) -> Result<BTreeMap<u32, PathBuf>, DataError> {
    let mut sources = BTreeMap::new();
    for path in list_folder(folder)? {
        if let Some(image) = validation_image(&path).filter(|_| !path.is_dir()) {
            sources.insert(image, path);
        }
    }
    Ok(sources)
}

/// The images in `target`'s class folders; anything else there is an error, since it would spoil
/// the evaluation.
fn find_arranged(
    target: &Path,
    images: &Path,
    truth: &GroundTruth,
) -> Result<BTreeMap<u32, PathBuf>, DataError> {
    let mut arranged = BTreeMap::new();
    if !target.exists() {
        return Ok(arranged);
    }
    let canonical = |path: &Path| {
        path.canonicalize()
            .map_err(|error| DataError::read(path, error))
    };
    let within_images = canonical(target)? == canonical(images)?;
    for folder in list_folder(target)? {
        if within_images && !folder.is_dir() {
            continue;
        }
        let class = file_name(&folder)
            .to_str()
            .and_then(imagenet::class_index)
            .filter(|_| folder.is_dir())
            .ok_or_else(|| DataError::InTheWay {
                path: folder.clone(),
                reason: "it is not the folder of an ImageNet class; choose a target that is empty \
                         or holds an earlier arrangement only"
                    .into(),
            })?;
        for path in list_folder(&folder)? {
            let image = validation_image(&path)
                .filter(|&image| truth.class(image) == Some(class))
                .ok_or_else(|| DataError::InTheWay {
                    path: path.clone(),
                    reason: "according to the ground truth it does not belong in this class folder"
                        .into(),
                })?;
            if fs::metadata(&path).is_err() {
                return Err(DataError::InTheWay {
                    path,
                    reason: "it is a link that leads nowhere; delete it and plan again".into(),
                });
            }
            arranged.insert(image, path);
        }
    }
    Ok(arranged)
}

fn validation_image(path: &Path) -> Option<u32> {
    let extension = path.extension()?;
    if !extension.eq_ignore_ascii_case("jpeg") && !extension.eq_ignore_ascii_case("jpg") {
        return None;
    }
    image_number(path.file_stem()?.to_str()?)
}

fn check_counts(
    images: &Path,
    found: &BTreeSet<u32>,
    truth: &GroundTruth,
    expected: Expected,
) -> Result<(), DataError> {
    let wrong = |reason: String| {
        Err(DataError::WrongCount {
            path: images.into(),
            reason,
        })
    };
    let wanted = match expected {
        Expected::Images(wanted) => wanted,
        Expected::Full => {
            let mut per_class = vec![0; imagenet::classes().len()];
            for (_, class) in truth.iter() {
                per_class[class] += 1;
            }
            if let Some(class) = per_class.iter().position(|&n| n != FULL_PER_CLASS) {
                return wrong(format!(
                    "the ground truth lists {} images, {} of them of class {}, where the whole \
                     validation set has {FULL_IMAGES}, {FULL_PER_CLASS} of each class; say how many \
                     images are expected if this is a part of it",
                    truth.len(),
                    per_class[class],
                    imagenet::classes()[class].wnid
                ));
            }
            FULL_IMAGES
        }
    };
    if found.len() == wanted {
        return Ok(());
    }
    let missing = truth
        .iter()
        .map(|(image, _)| image)
        .find(|image| !found.contains(image));
    let example = match missing {
        Some(first) if found.len() < wanted => {
            format!("; the first that is missing is {}.JPEG", image_stem(first))
        }
        _ => String::new(),
    };
    wrong(format!(
        "{} validation images, here and in the class folders, but {wanted} are expected{example}",
        found.len()
    ))
}
