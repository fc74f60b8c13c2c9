//! [`DataError`]: everything that can go wrong between a path and a batch.

use std::io;
use std::path::PathBuf;

use scarlet_photo::PhotoError;

use crate::PassedOver;

/// Why a photograph, a folder of them, or a ground-truth file could not be used.
///
/// Every message says what was wrong, where, and how to mend it; the cause is part of the message,
/// so printing the error alone tells everything.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A photograph cannot be used.
    #[error(transparent)]
    Photo(PhotoError),

    /// The operating system refused to read a file or folder.
    #[error("cannot read {}: {reason}", path.display())]
    Read {
        /// File or folder.
        path: PathBuf,
        /// The operating system's answer.
        reason: io::Error,
    },

    /// The operating system refused to create, link, copy or move a file.
    #[error("cannot write {}: {reason}", path.display())]
    Write {
        /// File or folder.
        path: PathBuf,
        /// The operating system's answer.
        reason: io::Error,
    },

    /// Pictures cannot be put side by side.
    #[error("no contact sheet can be made: {0}")]
    Sheet(String),

    /// A text file is longer than anything of its kind.
    #[error("{} is longer than {longest} bytes, which no file of this kind exceeds", path.display())]
    TooLong {
        /// File.
        path: PathBuf,
        /// Bytes that are read.
        longest: u64,
    },

    /// Nothing exists at a path.
    #[error("there is nothing at {}", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
    },

    /// A folder was asked for, and the path is something else.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },

    /// A data set's folder holds no class folders.
    #[error(
        "{} has no class folders: put the images of each class into a sub-folder of its own \
         (it holds {images} images directly)",
        path.display()
    )]
    NoClasses {
        /// The data set's folder.
        path: PathBuf,
        /// Images found directly in it, a frequent mistake.
        images: usize,
    },

    /// A folder holds no image, at any depth.
    #[error(
        "{} holds no images (JPEG, PNG, WebP, BMP, GIF or TIFF files){}",
        path.display(),
        also(passed_over)
    )]
    NoImages {
        /// The folder.
        path: PathBuf,
        /// What it holds instead.
        passed_over: PassedOver,
    },

    /// A folder's name that cannot be a class's.
    #[error(
        "{} cannot be a class, for `{name}` is no name for one: {reason}; rename the folder",
        path.display()
    )]
    ClassName {
        /// The folder.
        path: PathBuf,
        /// Its name, with what is invisible shown.
        name: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A setting is out of its range.
    #[error("{name}: {reason}")]
    InvalidOption {
        /// Name of the setting.
        name: &'static str,
        /// Which values would do.
        reason: String,
    },

    /// The system would not start a worker thread.
    #[error("cannot start a worker thread: {reason}; ask for fewer workers")]
    Workers {
        /// The operating system's answer.
        reason: io::Error,
    },

    /// A ground-truth or synset-map file does not have the expected form.
    #[error("{}, line {line}: {reason}", path.display())]
    GroundTruth {
        /// File.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// What was expected and what was found.
        reason: String,
    },

    /// The ground truth is given as ILSVRC2012 ids, which mean nothing without a synset map.
    #[error(
        "{} holds ILSVRC2012 ids, whose order is not that of the class folders: give a synset map \
         as well (lines of `id wnid`, as in the development kit's meta data), or use a ground \
         truth that holds WordNet ids, as LOC_val_solution.csv does",
        path.display()
    )]
    NeedsSynsetMap {
        /// The ground-truth file.
        path: PathBuf,
    },

    /// Images, ground truth and the expected counts do not agree.
    #[error("{}: {reason}", path.display())]
    WrongCount {
        /// Folder of the images, or the ground-truth file.
        path: PathBuf,
        /// What was counted and what was expected.
        reason: String,
    },

    /// Something that is not part of the arrangement stands in its way.
    #[error("{} is in the way: {reason}", path.display())]
    InTheWay {
        /// File or folder.
        path: PathBuf,
        /// Why it cannot stay.
        reason: String,
    },
}

fn also(passed_over: &PassedOver) -> String {
    match passed_over.is_empty() {
        true => String::new(),
        false => format!("; {passed_over}"),
    }
}

impl DataError {
    /// [`DataError::NotFound`] where nothing exists, [`DataError::Read`] for any other cause.
    pub(crate) fn read(path: impl Into<PathBuf>, reason: io::Error) -> Self {
        let path = path.into();
        match reason.kind() {
            io::ErrorKind::NotFound => Self::NotFound { path },
            _ => Self::Read { path, reason },
        }
    }

    pub(crate) fn write(path: impl Into<PathBuf>, reason: io::Error) -> Self {
        Self::Write {
            path: path.into(),
            reason,
        }
    }
}

impl From<PhotoError> for DataError {
    fn from(error: PhotoError) -> Self {
        match error {
            // One kind of error for whatever is set wrongly.
            PhotoError::InvalidOption { name, reason } => Self::InvalidOption { name, reason },
            error => Self::Photo(error),
        }
    }
}
