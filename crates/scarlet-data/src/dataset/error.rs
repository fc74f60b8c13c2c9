//! What can be wrong with a data set.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// What a folder of photographs looks like.
const LAYOUTS: &str = "a folder of photographs has one folder per class, or such folders in `train` \
                       (or `training`), alone or next to `val` or `test`";

/// Why a data set is not available, and how to fix it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// A folder of photographs cannot be read.
    #[error(transparent)]
    Photographs(#[from] crate::DataError),
    /// A file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it was taken for.
    #[error("`{path}` is not {expected}: {problem}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What it is instead.
        problem: String,
    },
    /// A folder lacks a file of the data set.
    #[error("`{folder}` has no file `{name}`, which {dataset} consists of")]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The file.
        name: String,
        /// The data set.
        dataset: &'static str,
    },
    /// Parts that do not belong together.
    #[error("{found} {what} were given, but {expected} are needed: {why}")]
    Count {
        /// What there is a wrong number of.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
        /// What makes them that many.
        why: String,
    },
    /// A label beyond the classes.
    #[error("image {image} (counted from 0) has label {label}, but there are {classes} classes")]
    Label {
        /// The image.
        image: usize,
        /// Its label.
        label: u32,
        /// Number of classes.
        classes: usize,
    },
    /// Images of another size than the network's.
    #[error(
        "the images measure {height}×{width} pixels and cannot be padded to {target}×{target}, \
         which is smaller: choose a resolution of at least {largest}"
    )]
    TooLarge {
        /// Height of the images.
        height: usize,
        /// Width of the images.
        width: usize,
        /// Side they were to be padded to.
        target: usize,
        /// The larger of their sides.
        largest: usize,
    },
    /// A class that cannot be divided.
    #[error(
        "class `{class}` has only {}, but to be trained on or divided a class needs at least 2: add \
         images to it or leave it out",
        counted(*.images)
    )]
    ClassTooSmall {
        /// Name of the class.
        class: String,
        /// Its images.
        images: usize,
    },
    /// A name that does not tell its class from others in a list of names.
    #[error(
        "`{found}` has a class `{class}`, whose name comes twice or has a line break or another \
         control character: rename it"
    )]
    ClassName {
        /// Where the images are from.
        found: PathBuf,
        /// The name, with what is invisible shown.
        class: String,
    },
    /// Nothing to distinguish.
    #[error(
        "`{found}` has images of one class only, `{class}`, but a network needs at least two to \
         distinguish: {LAYOUTS}"
    )]
    SingleClass {
        /// Where the images are from.
        found: PathBuf,
        /// Name of the class.
        class: String,
    },
    /// A folder that was taken for a class, but looks like something else.
    #[error(
        "`{path}` holds only folders, but a class has its images in its own folder: {LAYOUTS}{}",
        instead(.alone, .path)
    )]
    OnlyFolders {
        /// The folder.
        path: PathBuf,
        /// Whether it is the only one.
        alone: bool,
    },
    /// Two folders that could be the same part.
    #[error(
        "`{folder}` holds {}, which are names of the same part: rename one of them, or put them \
         together",
        quoted(.found)
    )]
    SeveralFolders {
        /// The folder.
        folder: PathBuf,
        /// The names of the two or more.
        found: Vec<String>,
    },
    /// Parts of a data set without the one that matters.
    #[error("`{folder}` holds {}, but no `train`: {LAYOUTS}", quoted(.found))]
    NothingToTrainOn {
        /// The folder.
        folder: PathBuf,
        /// Its parts.
        found: Vec<String>,
    },
    /// No images there.
    #[error(
        "`{found}` is neither a folder nor `fashion-sample`: give a folder with one folder of \
         images per class, or with MNIST's or CIFAR's files, or a CSV file"
    )]
    UnknownSource {
        /// What was given.
        found: String,
    },
    /// Photographs, where only images of one size will do.
    #[error(
        "`{found}` holds photographs, but this needs images of one size: give `fashion-sample` or \
         a folder with MNIST's or CIFAR's files"
    )]
    SizesDiffer {
        /// What was given.
        found: String,
    },
    /// A class that is not one of those to be learnt.
    #[error(
        "`{path}` is of class `{class}`, which no training image has: add training images of it, \
         or take it out{}",
        resembling(.alike)
    )]
    UnknownClass {
        /// Name of the class, with what is invisible shown.
        class: String,
        /// The classes there are that are written almost so, in the same way.
        alike: Vec<String>,
        /// One of its images.
        path: PathBuf,
    },
    /// A class of which nothing is left.
    #[error("no image of class `{class}` can be read: {source}")]
    Unreadable {
        /// Name of the class.
        class: String,
        /// What is wrong with one of them.
        source: Box<crate::DataError>,
    },
    /// A folder that decoded photographs cannot be kept in.
    #[error(
        "cannot use the folder `{folder}` for decoded photographs: {source}; give another, or leave \
         it out"
    )]
    CacheFolder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A decoded photograph that could not be kept.
    #[error(
        "cannot write `{path}`: {source}; photographs that are not kept yet are decoded \
         again whenever they are needed"
    )]
    CacheEntry {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Images of any number of classes each, for something that takes one class each.
    #[error(
        "these images have any number of labels each, as a CSV file gives them, but this takes \
         exactly one class per image: give a folder with one folder of images per class"
    )]
    SeveralLabels,
    /// No such CSV file.
    #[error(
        "there is no file `{path}`: give a CSV file that lists photographs with their labels, or a \
         folder with one folder of images per class"
    )]
    NoTable {
        /// The file.
        path: PathBuf,
    },
    /// A CSV file of labels that cannot be used as a whole.
    #[error("`{path}` cannot be used as a list of labels: {problem}")]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and how to mend it.
        problem: String,
    },
    /// A line of a CSV file of labels.
    #[error("line {line} of `{path}`: {problem}")]
    TableLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it, and how to mend it.
        problem: String,
    },
    /// A share that is none.
    #[error("a split sets a share of the images aside, over 0 and under 1, but {share} was given")]
    Share {
        /// The share asked for.
        share: f64,
    },
}

impl DatasetError {
    pub(super) fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Read { path, source }
    }
}

fn counted(count: usize) -> String {
    match count {
        1 => "1 image".to_owned(),
        more => format!("{more} images"),
    }
}

fn instead(alone: &bool, path: &Path) -> String {
    match alone {
        true => format!(
            "; if its folders are the classes, give `{}` itself",
            path.display()
        ),
        false => String::new(),
    }
}

fn resembling(alike: &[String]) -> String {
    match alike {
        [] => String::new(),
        names => format!(
            " (its name is like {}, but it is not clear which is meant)",
            quoted(names)
        ),
    }
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
