//! Images in folders: one folder per class for training and evaluation, any tree for prediction.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::{DataError, imagenet};

/// A data set laid out as one sub-folder per class.
///
/// The order of the classes is that of the folder names, compared byte by byte, as torchvision's
/// `ImageFolder` has it. Images are files whose extension is `jpg`, `jpeg` or `png` in any case, at
/// any depth below their class folder; symbolic links are followed, though never in circles. Names
/// that start with a dot are ignored. A class folder without images keeps its place in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFolder {
    /// Each image with the index of its class, in class order, then sorted by path.
    pub samples: Vec<(PathBuf, usize)>,
    /// Names of the class folders, sorted.
    pub classes: Vec<String>,
}

impl ImageFolder {
    /// Lists the images below `root`.
    ///
    /// # Errors
    /// [`DataError::NotFound`], [`DataError::NotAFolder`], [`DataError::NoClasses`],
    /// [`DataError::NoImages`], and [`DataError::Read`] when a folder cannot be listed.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, DataError> {
        let root = root.as_ref();
        let mut folders = Vec::new();
        let mut images = 0;
        for entry in list_folder(root)? {
            if entry.is_dir() {
                folders.push(entry);
            } else if has_image_extension(&entry) {
                images += 1;
            }
        }
        if folders.is_empty() {
            return Err(DataError::NoClasses {
                path: root.into(),
                images,
            });
        }

        let mut samples = Vec::new();
        for (class, folder) in folders.iter().enumerate() {
            samples.extend(walk(folder)?.into_iter().map(|path| (path, class)));
        }
        if samples.is_empty() {
            return Err(DataError::NoImages { path: root.into() });
        }
        let classes = folders
            .iter()
            .map(|folder| file_name(folder).to_string_lossy().into_owned())
            .collect();
        Ok(Self { samples, classes })
    }

    /// For each class its index among ImageNet's 1,000, when every class folder is named by a
    /// WordNet id that ImageNet has. A folder with a few of ImageNet's classes is judged by a
    /// network of all 1,000 through this map.
    pub fn imagenet_indices(&self) -> Option<Vec<usize>> {
        self.classes
            .iter()
            .map(|name| imagenet::class_index(name))
            .collect()
    }
}

/// The images at `path`: the file itself, whatever its name, or the images of a folder at any
/// depth, sorted. The same rules as [`ImageFolder`]'s tell what an image is.
///
/// # Errors
/// [`DataError::NotFound`], [`DataError::NoImages`], and [`DataError::Read`] when a folder cannot
/// be listed.
pub fn list_images(path: impl AsRef<Path>) -> Result<Vec<PathBuf>, DataError> {
    let path = path.as_ref();
    let metadata = fs::metadata(path).map_err(|error| DataError::read(path, error))?;
    if !metadata.is_dir() {
        return Ok(vec![path.into()]);
    }
    let images = walk(path)?;
    if images.is_empty() {
        return Err(DataError::NoImages { path: path.into() });
    }
    Ok(images)
}

/// What a folder holds, hidden entries aside, sorted by name byte by byte.
pub(crate) fn list_folder(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    let metadata = fs::metadata(path).map_err(|error| DataError::read(path, error))?;
    if !metadata.is_dir() {
        return Err(DataError::NotAFolder { path: path.into() });
    }
    let mut entries = fs::read_dir(path)
        .and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<Result<Vec<_>, _>>()
        })
        .map_err(|error| DataError::read(path, error))?;
    entries.retain(|entry| !is_hidden(file_name(entry)));
    entries.sort_by(|a, b| bytewise(a).cmp(bytewise(b)));
    Ok(entries)
}

fn walk(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut images = Vec::new();
    let tree = WalkDir::new(folder)
        .follow_links(true)
        .sort_by(|a, b| {
            a.file_name()
                .as_encoded_bytes()
                .cmp(b.file_name().as_encoded_bytes())
        })
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.file_name()));
    for entry in tree {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) if has_image_extension(entry.path()) => images.push(entry.into_path()),
            Ok(_) => {}
            // A link to one of its own parents leads nowhere new.
            Err(error) if error.loop_ancestor().is_some() => {}
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_path_buf();
                // A dangling link is left to the decoder, which reports it as it does any file that
                // cannot be read.
                if path.is_symlink() {
                    if has_image_extension(&path) && !is_hidden(file_name(&path)) {
                        images.push(path);
                    }
                } else {
                    return Err(DataError::read(path, error.into()));
                }
            }
        }
    }
    Ok(images)
}

fn has_image_extension(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["jpg", "jpeg", "png"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

pub(crate) fn file_name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}

fn bytewise(path: &Path) -> &[u8] {
    file_name(path).as_encoded_bytes()
}
