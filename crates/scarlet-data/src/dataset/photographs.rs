//! [`Photographs`]: images of any size in files, decoded when they are needed.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use scarlet_arch::Preprocessing;

use super::DatasetError;
#[cfg(doc)]
use super::Images;
use super::PhotographCache;
use super::labels::{LabelSets, Labels, OwnLabels};
use super::photograph_cache::CacheEntry;
use super::split::split_labels;
use crate::names::{NameMatcher, escaped};
use crate::{DataError, DecodeOptions, ImageFolder, RgbImage, decode_with, eval_image, shrink};

/// A list of labelled photographs, not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotographList {
    paths: Vec<PathBuf>,
    labels: OwnLabels,
    classes: Vec<String>,
}

impl From<ImageFolder> for PhotographList {
    fn from(folder: ImageFolder) -> Self {
        let (paths, labels) = folder
            .samples
            .into_iter()
            .map(|(path, class)| (path, class as u32))
            .unzip();
        Self {
            paths,
            labels: OwnLabels::One(labels),
            classes: folder.classes,
        }
    }
}

impl PhotographList {
    /// Photographs of any number of classes each.
    pub(super) fn several(paths: Vec<PathBuf>, sets: LabelSets, classes: Vec<String>) -> Self {
        Self {
            paths,
            labels: OwnLabels::Several(sets),
            classes,
        }
    }

    /// Number of photographs.
    #[allow(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// The files.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// What they are labelled with.
    pub fn labels(&self) -> Labels<'_> {
        self.labels.view()
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// For each class its number of photographs.
    pub(super) fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for index in 0..self.len() {
            for &class in self.labels().of(index) {
                counts[class as usize] += 1;
            }
        }
        counts
    }

    /// Puts `share` of every class aside, as [`Images::split`] does; photographs of several classes
    /// as evenly as can be.
    ///
    /// # Errors
    ///
    /// As [`Images::split`].
    pub fn split(&self, share: f64, seed: u64) -> Result<(Self, Self), DatasetError> {
        let (rest, aside) = split_labels(self.labels(), &self.classes, share, seed)?;
        let part = |indices: Vec<usize>| Self {
            paths: indices.iter().map(|&i| self.paths[i].clone()).collect(),
            labels: self.labels.select(&indices),
            classes: self.classes.clone(),
        };
        Ok((part(rest), part(aside)))
    }

    /// The same photographs among the classes of another list, by their names; see [`NameMatcher`].
    ///
    /// # Errors
    ///
    /// [`DatasetError::UnknownClass`] when a class with photographs is not among them, and
    /// [`DatasetError::SeveralLabels`].
    pub fn among(mut self, classes: &[String]) -> Result<Self, DatasetError> {
        let matcher = NameMatcher::new(classes);
        let mut labels = self.labels().one()?.to_vec();
        // Folders without photographs leave no doubt about others.
        let mut used = labels.clone();
        used.sort_unstable();
        used.dedup();
        let names: Vec<String> = used
            .iter()
            .map(|&class| self.classes[class as usize].clone())
            .collect();
        let mut places = vec![None; self.classes.len()];
        for (class, place) in used.into_iter().zip(matcher.places(&names)) {
            places[class as usize] = place;
        }
        for (label, path) in labels.iter_mut().zip(&self.paths) {
            let class = *label as usize;
            match places[class] {
                Some(place) => *label = place as u32,
                None => {
                    let name = &self.classes[class];
                    let alike = matcher.alike(name);
                    return Err(DatasetError::UnknownClass {
                        class: escaped(name),
                        alike: alike.into_iter().map(escaped).collect(),
                        path: path.clone(),
                    });
                }
            }
        }
        self.labels = OwnLabels::One(labels);
        self.classes = classes.to_vec();
        Ok(self)
    }
}

/// What is kept of a photograph once it was decoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stored {
    /// The part that a network sees in evaluation, at its size.
    Evaluation(Preprocessing),
    /// All of it, shrunk until its shorter side has so many pixels where it had more: enough for
    /// random crops, and far less than what cameras make.
    Shrunk(usize),
    /// All of it.
    Whole,
}

/// How photographs are read.
#[derive(Debug, Clone)]
pub struct PhotographOptions {
    /// What is kept of each.
    pub stored: Stored,
    /// Memory for what was decoded, in bytes. Photographs beyond it are decoded every time they
    /// are needed, to the same pixels.
    pub cache_bytes: u64,
    /// A folder for what was decoded, which later runs find there: then only those are decoded
    /// that have no entry in it.
    pub cache: Option<Arc<PhotographCache>>,
    /// Whether one that cannot be read is an error.
    pub strict: bool,
    /// Whether a class of which none can be read is an error, as it is for training.
    pub every_class: bool,
}

/// Labelled photographs of any size in files. Parts of them and copies share what is in memory.
#[derive(Debug, Clone)]
pub struct Photographs {
    files: Vec<Arc<Photograph>>,
    labels: OwnLabels,
    classes: Vec<String>,
}

#[derive(Debug)]
struct Photograph {
    path: PathBuf,
    stored: Stored,
    /// Where there was room for it.
    image: Option<RgbImage>,
    /// Where it is on disk, as it was when it was opened.
    entry: Option<CacheEntry>,
}

/// Files that could not be read, each with the reason.
pub type Unreadable = Vec<(PathBuf, DataError)>;

impl Photographs {
    /// Decodes every photograph of the list once, on all threads: so that those that cannot be
    /// read are known before training begins and left out of every epoch. `progress` is called
    /// for each.
    ///
    /// # Errors
    ///
    /// The first that cannot be read when the options are strict or none can be;
    /// [`DatasetError::Unreadable`] when none of a class can be, if every class is needed.
    pub fn open(
        list: PhotographList,
        options: &PhotographOptions,
        progress: impl Fn() + Sync,
    ) -> Result<(Self, Unreadable), DatasetError> {
        let room = AtomicU64::new(options.cache_bytes);
        let opened: Vec<Result<Photograph, DataError>> = list
            .paths
            .par_iter()
            .map(|path| {
                let opened = Photograph::open(path, options, &room);
                progress();
                opened
            })
            .collect();
        let (mut files, mut kept, mut lost) =
            (Vec::with_capacity(opened.len()), Vec::new(), Vec::new());
        let mut unreadable = Unreadable::new();
        for (index, (path, opened)) in list.paths.into_iter().zip(opened).enumerate() {
            match opened {
                Ok(photograph) => {
                    files.push(Arc::new(photograph));
                    kept.push(index);
                }
                Err(error) if options.strict => return Err(error.into()),
                Err(error) => {
                    lost.push(index);
                    unreadable.push((path, error));
                }
            }
        }
        if files.is_empty()
            && let Some((_, error)) = unreadable.pop()
        {
            return Err(error.into());
        }
        let classes_of = |indices: &[usize]| {
            let labels = list.labels.view();
            let classes = indices.iter().map(move |&index| labels.of(index));
            classes.collect::<Vec<&[u32]>>()
        };
        let read: HashSet<u32> = classes_of(&kept).concat().into_iter().collect();
        let mut missing = classes_of(&lost)
            .into_iter()
            .enumerate()
            .flat_map(|(place, classes)| classes.iter().map(move |&class| (place, class)));
        let missing = missing.find(|(_, class)| !read.contains(class));
        if let Some((place, class)) = missing.filter(|_| options.every_class) {
            return Err(DatasetError::Unreadable {
                class: list.classes[class as usize].clone(),
                source: Box::new(unreadable.swap_remove(place).1),
            });
        }
        let photographs = Self {
            files,
            labels: list.labels.select(&kept),
            classes: list.classes,
        };
        Ok((photographs, unreadable))
    }

    /// Number of photographs.
    #[allow(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// What they are labelled with.
    pub fn labels(&self) -> Labels<'_> {
        self.labels.view()
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The file of a photograph.
    pub fn path(&self, index: usize) -> &Path {
        &self.files[index].path
    }

    /// How many are in memory.
    pub fn cached(&self) -> usize {
        let images = self.files.iter().filter_map(|file| file.image.as_ref());
        images.count()
    }

    /// The photographs of these indices.
    ///
    /// # Panics
    ///
    /// If there is no such photograph.
    pub fn select(&self, indices: &[usize]) -> Self {
        Self {
            files: indices
                .iter()
                .map(|&i| Arc::clone(&self.files[i]))
                .collect(),
            labels: self.labels.select(indices),
            classes: self.classes.clone(),
        }
    }

    /// Puts `share` of every class aside, as [`Images::split`] does.
    ///
    /// # Errors
    ///
    /// As [`Images::split`].
    pub fn split(&self, share: f64, seed: u64) -> Result<(Self, Self), DatasetError> {
        let (rest, aside) = split_labels(self.labels(), &self.classes, share, seed)?;
        Ok((self.select(&rest), self.select(&aside)))
    }

    /// Those of which the part that a network sees at another size is stored, at `side` × `side`
    /// pixels: decoded again whenever they are read. None where that is not so for any.
    pub fn fitted(&self, side: usize) -> Option<Self> {
        let other = |file: &Photograph| match file.stored {
            Stored::Evaluation(seen) if seen.resolution != side => {
                Some(Stored::Evaluation(Preprocessing {
                    resolution: side,
                    ..seen
                }))
            }
            _ => None,
        };
        self.files
            .iter()
            .any(|file| other(file).is_some())
            .then(|| {
                let files = self.files.iter().map(|file| match other(file) {
                    None => Arc::clone(file),
                    Some(stored) => Arc::new(Photograph {
                        path: file.path.clone(),
                        stored,
                        image: None,
                        entry: None,
                    }),
                });
                Self {
                    files: files.collect(),
                    ..self.clone()
                }
            })
    }

    /// These photographs and others of the same classes after them.
    pub fn joined(&self, others: &Self) -> Self {
        let mut all = self.clone();
        all.files.extend(others.files.iter().cloned());
        all.labels = all.labels.joined(&others.labels);
        all
    }

    /// What is stored of a photograph, from memory, from disk or decoded again.
    ///
    /// # Errors
    ///
    /// [`DataError`] when a file has become unreadable.
    ///
    /// # Panics
    ///
    /// If there is no such photograph.
    pub fn read(&self, index: usize) -> Result<Cow<'_, RgbImage>, DataError> {
        self.files[index].read()
    }
}

impl Photograph {
    /// Reads a photograph for the first time; its image stays in memory if there is `room` for so
    /// many bytes.
    fn open(path: &Path, options: &PhotographOptions, room: &AtomicU64) -> Result<Self, DataError> {
        let stored = options.stored;
        let entry = options.cache.as_ref();
        let entry = entry.and_then(|cache| CacheEntry::of(cache, path, stored));
        let image = match entry.as_ref().and_then(CacheEntry::read) {
            Some(image) => image,
            None => {
                let image = decode(path, stored)?;
                if let Some(entry) = &entry {
                    entry.write(&image);
                }
                image
            }
        };
        let bytes = image.as_raw().len() as u64;
        let fits = room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| {
            room.checked_sub(bytes)
        });
        Ok(Self {
            path: path.to_owned(),
            stored,
            image: fits.is_ok().then_some(image),
            entry,
        })
    }

    fn read(&self) -> Result<Cow<'_, RgbImage>, DataError> {
        if let Some(image) = &self.image {
            return Ok(Cow::Borrowed(image));
        }
        let kept = self.entry.as_ref().and_then(CacheEntry::read);
        match kept {
            Some(image) => Ok(Cow::Owned(image)),
            None => decode(&self.path, self.stored).map(Cow::Owned),
        }
    }
}

fn decode(path: &Path, stored: Stored) -> Result<RgbImage, DataError> {
    decode_with(path, &DecodeOptions::default(), |image| match stored {
        Stored::Evaluation(preprocessing) => Ok(eval_image(&image, &preprocessing)?),
        Stored::Shrunk(side) => Ok(shrink(image, side)),
        Stored::Whole => Ok(image),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn save(root: &Path, name: &str, size: (u32, u32)) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        RgbImage::from_fn(size.0, size.1, |x, y| crate::Rgb([x as u8, y as u8, 7]))
            .save(path)
            .unwrap();
    }

    fn list(root: &Path) -> PhotographList {
        ImageFolder::open(root).unwrap().into()
    }

    const ALL: PhotographOptions = PhotographOptions {
        stored: Stored::Whole,
        cache_bytes: u64::MAX,
        cache: None,
        strict: false,
        every_class: true,
    };

    #[test]
    fn memory_decides_on_speed_only() {
        let root = tempfile::tempdir().unwrap();
        for index in 0..4 {
            save(root.path(), &format!("cat/{index}.png"), (20, 10 + index));
        }
        let open = |cache_bytes, stored| {
            let options = PhotographOptions {
                cache_bytes,
                stored,
                ..ALL
            };
            Photographs::open(list(root.path()), &options, || {})
                .unwrap()
                .0
        };
        let (all, none) = (open(u64::MAX, Stored::Whole), open(0, Stored::Whole));
        let some = open(1500, Stored::Whole);
        assert_eq!((all.cached(), none.cached()), (4, 0));
        assert!((1..4).contains(&some.cached()));
        for index in 0..4 {
            assert_eq!(all.read(index).unwrap(), none.read(index).unwrap());
            assert_eq!(all.read(index).unwrap(), some.read(index).unwrap());
        }
        let shrunk = open(u64::MAX, Stored::Shrunk(5));
        assert_eq!(shrunk.read(0).unwrap().dimensions(), (10, 5));
        let as_is = open(u64::MAX, Stored::Shrunk(11));
        assert_eq!(as_is.read(0).unwrap().dimensions(), (20, 10));
    }

    #[test]
    fn what_was_kept_for_one_size_is_read_anew_for_another() {
        let root = tempfile::tempdir().unwrap();
        save(root.path(), "cat/1.png", (40, 30));
        let seen = |resolution| Preprocessing {
            resolution,
            ..Preprocessing::IMAGENET
        };
        let open = |stored| {
            let options = PhotographOptions { stored, ..ALL };
            Photographs::open(list(root.path()), &options, || {})
                .unwrap()
                .0
        };
        let [large, small] = [24, 16].map(|side| open(Stored::Evaluation(seen(side))));
        let fitted = large.fitted(16).unwrap();
        assert_eq!(fitted.read(0).unwrap(), small.read(0).unwrap());
        assert_eq!(fitted.labels(), large.labels());
        assert!(large.fitted(24).is_none());
        assert!(open(Stored::Shrunk(24)).fitted(16).is_none());
    }

    #[test]
    fn a_folder_of_decoded_photographs_serves_the_next_run() {
        let root = tempfile::tempdir().unwrap();
        for index in 0..4 {
            save(root.path(), &format!("cat/{index}.png"), (20, 10 + index));
        }
        let open = |cache: Option<&Path>, cache_bytes| {
            let options = PhotographOptions {
                cache: cache.map(|folder| Arc::new(PhotographCache::open(folder).unwrap())),
                cache_bytes,
                stored: Stored::Shrunk(8),
                ..ALL
            };
            Photographs::open(list(root.path()), &options, || {})
                .unwrap()
                .0
        };
        let pixels = |photographs: &Photographs| {
            let read = |index| photographs.read(index).unwrap().into_owned();
            (0..photographs.len()).map(read).collect::<Vec<_>>()
        };
        let folder = root.path().join("cat/.decoded");
        let expected = pixels(&open(None, u64::MAX));
        assert_eq!(pixels(&open(Some(&folder), 0)), expected);
        // Files that only look as they did: nothing of them is decoded.
        for index in 0..4 {
            let path = root.path().join(format!("cat/{index}.png"));
            let metadata = fs::metadata(&path).unwrap();
            fs::write(&path, vec![0; metadata.len() as usize]).unwrap();
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_modified(metadata.modified().unwrap()).unwrap();
        }
        for cache_bytes in [u64::MAX, 0] {
            let found = open(Some(&folder), cache_bytes);
            assert_eq!(pixels(&found), expected);
        }
        // Entries that go away are missed, and then the file itself is what counts.
        let found = open(Some(&folder), 0);
        fs::remove_dir_all(&folder).unwrap();
        let error = found.read(0).unwrap_err().to_string();
        assert!(error.contains("0.png is not an image"), "{error}");
    }

    #[test]
    fn what_cannot_be_read_is_left_out_or_refused() {
        let root = tempfile::tempdir().unwrap();
        save(root.path(), "cat/a.png", (8, 8));
        save(root.path(), "dog/a.png", (8, 8));
        fs::write(root.path().join("cat/b.png"), "no picture").unwrap();
        let (photographs, unreadable) = Photographs::open(list(root.path()), &ALL, || {}).unwrap();
        assert_eq!(photographs.labels(), Labels::One(&[0, 1]));
        assert!(unreadable[0].0.ends_with("cat/b.png"));
        let strict = PhotographOptions {
            strict: true,
            ..ALL
        };
        let message = |options| {
            let opened = Photographs::open(list(root.path()), options, || {});
            opened.map(|_| ()).unwrap_err().to_string()
        };
        assert!(message(&strict).contains("b.png is not an image"));
        fs::write(root.path().join("dog/a.png"), "").unwrap();
        let lost = message(&ALL);
        assert!(
            lost.starts_with("no image of class `dog` can be read"),
            "{lost}"
        );
        assert!(lost.contains("a.png"), "{lost}");
        let judging = PhotographOptions {
            every_class: false,
            ..ALL
        };
        let (photographs, unreadable) =
            Photographs::open(list(root.path()), &judging, || {}).unwrap();
        assert_eq!(
            (photographs.labels(), unreadable.len()),
            (Labels::One(&[0]), 2)
        );
        fs::write(root.path().join("cat/a.png"), "").unwrap();
        assert!(message(&judging).contains("is not an image"));
    }

    #[test]
    fn parts_keep_the_classes_of_the_whole() {
        let root = tempfile::tempdir().unwrap();
        for name in [
            "train/cat/1.png",
            "train/dog/1.png",
            "val/dog/2.png",
            "other/cow/3.png",
        ] {
            save(root.path(), name, (8, 8));
        }
        let train = list(&root.path().join("train"));
        let val = list(&root.path().join("val"))
            .among(train.classes())
            .unwrap();
        assert_eq!(
            (val.labels(), val.classes()),
            (Labels::One(&[1]), train.classes())
        );
        let error = list(&root.path().join("other"))
            .among(train.classes())
            .unwrap_err()
            .to_string();
        assert!(error.contains("class `cow`"), "{error}");
        assert!(
            train
                .split(0.5, 0)
                .unwrap_err()
                .to_string()
                .contains("class `cat` has only 1")
        );
    }
}
