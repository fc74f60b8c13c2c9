//! Images in folders: one folder per class for training and evaluation, any tree for prediction.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::entry::{Entry, is_stray};
use crate::names::{ClassOrder, escaped, look_alikes};
use crate::{DataError, PassedOver, imagenet};

/// A data set laid out as one sub-folder per class.
///
/// Images are files of the formats that [`decode`](crate::decode()) reads, at any depth below their
/// class folder. Files with an ending of theirs (`jpg`, `jpeg`, `jpe`, `jfif`, `jif`, `png`, `apng`,
/// `webp`, `bmp`, `dib`, `gif`, `tif`, `tiff`, in any case) are taken for images, and of all others
/// those that begin as one. Symbolic links are followed, though never in circles. What operating
/// systems and tools leave in folders is no part of the data: names that start with a dot,
/// `desktop.ini`, `Thumbs.db`, `@eaDir`, `__MACOSX`, `$RECYCLE.BIN`, `lost+found` and the like.
/// A class folder without images keeps its place in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageFolder {
    /// Each image with the index of its class, in class order, then sorted by path.
    pub samples: Vec<(PathBuf, usize)>,
    /// Names of the class folders, in order.
    pub classes: Vec<String>,
    /// The class folders, in the same order.
    pub folders: Vec<PathBuf>,
    /// What is no image, or of no class.
    pub passed_over: PassedOver,
}

impl ImageFolder {
    /// Lists the images below `root`, with classes in their [natural order](ClassOrder::Natural).
    ///
    /// # Errors
    /// As [`open_ordered`](Self::open_ordered).
    pub fn open(root: impl AsRef<Path>) -> Result<Self, DataError> {
        Self::open_ordered(root, ClassOrder::Natural)
    }

    /// Lists the images below `root`.
    ///
    /// # Errors
    /// [`DataError::NotFound`], [`DataError::NotAFolder`], [`DataError::NoClasses`],
    /// [`DataError::NoImages`], [`DataError::ClassName`] when a folder's name cannot be a class's,
    /// and [`DataError::Read`] when a folder cannot be listed.
    pub fn open_ordered(root: impl AsRef<Path>, order: ClassOrder) -> Result<Self, DataError> {
        let root = root.as_ref();
        let mut named = Vec::new();
        let mut passed_over = PassedOver::default();
        let mut images = 0;
        let (entries, circles) = list_entries(root)?;
        passed_over.add_circles(circles);
        for path in entries {
            if path.is_dir() {
                named.push((class_name(&path)?, path));
                continue;
            }
            match Entry::of(&path) {
                Entry::Image => images += 1,
                // Nothing is known of what it was to be.
                Entry::Other(_) if !path.exists() => {
                    passed_over.add_broken(file_name(&path).to_string_lossy().into_owned());
                }
                Entry::Other(kind) => passed_over.add(kind),
            }
        }
        if named.is_empty() {
            return Err(DataError::NoClasses {
                path: root.into(),
                images,
            });
        }
        passed_over.add_beside_classes(images);

        let names: Vec<String> = named.iter().map(|(name, _)| name.clone()).collect();
        let compare = order.compare(&names);
        named.sort_by(|(a, _), (b, _)| compare(a, b));
        let (classes, folders): (Vec<String>, Vec<PathBuf>) = named.into_iter().unzip();
        let mut samples = Vec::new();
        for (class, folder) in folders.iter().enumerate() {
            let tree = walk(folder)?;
            passed_over.extend(&tree.passed_over);
            samples.extend(tree.images.into_iter().map(|path| (path, class)));
        }
        if samples.is_empty() {
            return Err(DataError::NoImages {
                path: root.into(),
                passed_over,
            });
        }
        Ok(Self {
            samples,
            classes,
            folders,
            passed_over,
        })
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

    /// For people, which class folders hold folders with images of their own, which count for the
    /// class; none where none does.
    pub fn nested(&self) -> Option<String> {
        let mut inner = self.samples.iter().filter_map(|(path, class)| {
            let parent = path.parent()?;
            (parent != self.folders[*class]).then_some((parent, *class))
        });
        let (folder, class) = inner.next()?;
        let root = self.folders[class].parent()?;
        let folder = folder.strip_prefix(root).unwrap_or(folder);
        let mut others: Vec<usize> = inner.map(|(_, class)| class).collect();
        others.retain(|&other| other != class);
        others.dedup();
        Some(format!(
            "images in `{}` count for class `{}`, since folders within class folders are not classes \
             of their own{}",
            escaped(&folder.display().to_string()),
            escaped(&self.classes[class]),
            match others.len() {
                0 => String::new(),
                1 => format!(
                    "; the same goes for class `{}`",
                    escaped(&self.classes[others[0]])
                ),
                more => format!("; the same goes for {more} more classes"),
            }
        ))
    }

    /// Doubts about the class folders, for people: names that differ in letter case, blanks or
    /// Unicode's normalisation form only.
    pub fn doubts(&self) -> Vec<String> {
        let doubt = |group: Vec<&str>| {
            let names: Vec<String> = group
                .iter()
                .map(|name| format!("`{}`", escaped(name)))
                .collect();
            format!(
                "{} are treated as {} classes, but their names differ only in letter case, blanks, \
                 zeros or Unicode's form: put their images together if they are one",
                names.join(" and "),
                names.len()
            )
        };
        look_alikes(&self.classes).into_iter().map(doubt).collect()
    }
}

/// The images of a tree, and what else is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageTree {
    /// The images, sorted.
    pub images: Vec<PathBuf>,
    /// What is no image.
    pub passed_over: PassedOver,
}

/// The images at `path`: the file itself, whatever its name, or the images of a folder at any
/// depth. The same rules as [`ImageFolder`]'s tell what an image is.
///
/// # Errors
/// [`DataError::NotFound`], [`DataError::NoImages`], and [`DataError::Read`] when a folder cannot
/// be listed.
pub fn list_images(path: impl AsRef<Path>) -> Result<ImageTree, DataError> {
    let path = path.as_ref();
    let metadata = fs::metadata(path).map_err(|error| DataError::read(path, error))?;
    if !metadata.is_dir() {
        return Ok(ImageTree {
            images: vec![path.into()],
            passed_over: PassedOver::default(),
        });
    }
    let tree = walk(path)?;
    if tree.images.is_empty() {
        return Err(DataError::NoImages {
            path: path.into(),
            passed_over: tree.passed_over,
        });
    }
    Ok(tree)
}

/// What a folder holds, sorted by name byte by byte; stray entries aside, and links that lead back to
/// it or to what it is in.
///
/// # Errors
/// [`DataError::NotFound`], [`DataError::NotAFolder`] and [`DataError::Read`].
pub fn list_folder(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    Ok(list_entries(path)?.0)
}

/// The same, and how many links lead back.
fn list_entries(path: &Path) -> Result<(Vec<PathBuf>, usize), DataError> {
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
    entries.retain(|entry| !is_stray(file_name(entry)));
    let all = entries.len();
    if entries.iter().any(|entry| entry.is_symlink()) {
        let here = path
            .canonicalize()
            .map_err(|error| DataError::read(path, error))?;
        let leads_back = |entry: &Path| {
            let target = entry.is_symlink().then(|| entry.canonicalize().ok());
            target.flatten().is_some_and(|it| here.starts_with(it))
        };
        entries.retain(|entry| !leads_back(entry));
    }
    let circles = all - entries.len();
    entries.sort_by(|a, b| bytewise(a).cmp(bytewise(b)));
    Ok((entries, circles))
}

fn class_name(folder: &Path) -> Result<String, DataError> {
    let refused = |reason: &str| DataError::ClassName {
        path: folder.into(),
        name: escaped(&file_name(folder).to_string_lossy()),
        reason: reason.into(),
    };
    let name = file_name(folder)
        .to_str()
        .ok_or_else(|| refused("it is not UTF-8"))?;
    if name.chars().any(char::is_control) {
        return Err(refused("it has a line break or another control character"));
    }
    Ok(name.to_owned())
}

fn walk(folder: &Path) -> Result<ImageTree, DataError> {
    let root = folder
        .canonicalize()
        .map_err(|error| DataError::read(folder, error))?;
    let mut tree = ImageTree::default();
    let mut circles = 0;
    let entries = WalkDir::new(folder)
        .follow_links(true)
        .sort_by(|a, b| {
            a.file_name()
                .as_encoded_bytes()
                .cmp(b.file_name().as_encoded_bytes())
        })
        .into_iter()
        .filter_entry(|entry| {
            let upwards = entry.depth() > 0 && leads_above(entry, &root);
            circles += usize::from(upwards);
            entry.depth() == 0 || !(is_stray(entry.file_name()) || upwards)
        });
    for entry in entries {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) => match Entry::of(entry.path()) {
                Entry::Image => tree.images.push(entry.into_path()),
                Entry::Other(kind) => tree.passed_over.add(kind),
            },
            // A link to one of its own parents leads nowhere new.
            Err(error) if error.loop_ancestor().is_some() => tree.passed_over.add_circles(1),
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_path_buf();
                // A link that leads nowhere is left to the decoder, which reports it as it does any
                // file that cannot be read.
                if !path.is_symlink() {
                    return Err(DataError::read(path, error.into()));
                }
                if !is_stray(file_name(&path)) {
                    match Entry::of(&path) {
                        Entry::Image => tree.images.push(path),
                        Entry::Other(kind) => tree.passed_over.add(kind),
                    }
                }
            }
        }
    }
    tree.passed_over.add_circles(circles);
    Ok(tree)
}

/// Whether an entry is a link to a folder that holds the whole tree, and so the images of other
/// classes too.
fn leads_above(entry: &DirEntry, root: &Path) -> bool {
    entry.path_is_symlink()
        && entry.file_type().is_dir()
        && entry
            .path()
            .canonicalize()
            .is_ok_and(|target| target != root && root.starts_with(target))
}

pub(crate) fn file_name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}

fn bytewise(path: &Path) -> &[u8] {
    file_name(path).as_encoded_bytes()
}
