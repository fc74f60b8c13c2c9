//! [`GroundTruth`]: which class each validation image shows.

use std::collections::BTreeMap;
use std::path::Path;

use crate::{DataError, class_list, imagenet};

/// Classes of the validation images by their number, 1 for `ILSVRC2012_val_00000001.JPEG`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroundTruth {
    classes: BTreeMap<u32, usize>,
}

impl GroundTruth {
    /// Reads a ground-truth file. Its form is recognised by its first line:
    ///
    /// - `n01751748`: a WordNet id per line, in the order of the images
    ///   (`imagenet_2012_validation_synset_labels.txt`);
    /// - `ImageId,PredictionString`: a table whose second column starts with a WordNet id
    ///   (`LOC_val_solution.csv`);
    /// - `490`: an ILSVRC2012 id per line, in the order of the images
    ///   (`ILSVRC2012_validation_ground_truth.txt`). These ids are numbered in an order of their
    ///   own, so `synset_map` must tell their WordNet ids: lines that hold an id and a WordNet id,
    ///   in either order, whatever follows (`1 n02119789` or `n02119789 1 kit_fox`).
    ///
    /// # Errors
    /// [`DataError::NotFound`] and [`DataError::Read`] for files that cannot be read,
    /// [`DataError::NeedsSynsetMap`] for ids without a map, [`DataError::GroundTruth`] with the line
    /// for content of none of these forms or for a class that ImageNet does not have.
    pub fn read(path: impl AsRef<Path>, synset_map: Option<&Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let text = read_text(path)?;
        let synsets = synset_map.map(SynsetMap::read).transpose()?;
        let mut classes = BTreeMap::new();
        let table = text.starts_with(TABLE_HEADER);
        for (index, line) in text.lines().enumerate().skip(usize::from(table)) {
            let at_line = |reason: String| DataError::GroundTruth {
                path: path.into(),
                line: index + 1,
                reason,
            };
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            let (image, class) = if table {
                table_row(line).map_err(at_line)?
            } else {
                let image = u32::try_from(index + 1)
                    .map_err(|_| at_line("there are not that many images".into()))?;
                let class = match (line.parse::<u32>(), &synsets) {
                    (Ok(_), None) => {
                        return Err(DataError::NeedsSynsetMap { path: path.into() });
                    }
                    (Ok(id), Some(synsets)) => synsets.class(id).map_err(at_line)?,
                    (Err(_), _) => class_of(line).map_err(at_line)?,
                };
                (image, class)
            };
            if classes.insert(image, class).is_some() {
                return Err(at_line(format!("image {image} appears a second time")));
            }
        }
        if classes.is_empty() {
            return Err(DataError::GroundTruth {
                path: path.into(),
                line: 1,
                reason: "the file names no image".into(),
            });
        }
        Ok(Self { classes })
    }

    /// Class of the image with this number, as an index into
    /// [`imagenet::classes`](crate::imagenet::classes).
    pub fn class(&self, image: u32) -> Option<usize> {
        self.classes.get(&image).copied()
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Never true of a file that was read, which names one image at least.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// Images with their classes, by number.
    pub fn iter(&self) -> impl Iterator<Item = (u32, usize)> {
        self.classes.iter().map(|(&image, &class)| (image, class))
    }
}

/// File name, without its extension, of a validation image, `ILSVRC2012_val_` and eight digits.
pub(super) fn image_stem(image: u32) -> String {
    format!("{STEM}{image:08}")
}

/// Number of the image with this file stem.
pub(super) fn image_number(stem: &str) -> Option<u32> {
    stem.strip_prefix(STEM)
        .filter(|digits| digits.len() == 8)?
        .parse()
        .ok()
}

const STEM: &str = "ILSVRC2012_val_";
const TABLE_HEADER: &str = "ImageId,PredictionString";

/// `ILSVRC2012_val_00048981,n03995372 85 1 499 272`: the boxes after the first class are of no use.
fn table_row(line: &str) -> Result<(u32, usize), String> {
    let (stem, prediction) = line
        .split_once(',')
        .ok_or_else(|| format!("expected `image,wnid …`, found `{line}`"))?;
    let image = image_number(stem)
        .ok_or_else(|| format!("expected an image such as `{STEM}00000001`, found `{stem}`"))?;
    let wnid = prediction.split_whitespace().next().unwrap_or_default();
    Ok((image, class_of(wnid)?))
}

fn class_of(wnid: &str) -> Result<usize, String> {
    imagenet::class_index(wnid).ok_or_else(|| {
        format!("expected the WordNet id of one of ImageNet's 1,000 classes, found `{wnid}`")
    })
}

/// Many times what the longest of these files, with a box for every object, takes.
const LONGEST: u64 = 64 << 20;

fn read_text(path: &Path) -> Result<String, DataError> {
    class_list::read_text(path, LONGEST)
}

/// WordNet ids of the ILSVRC2012 ids 1 to 1,000.
struct SynsetMap {
    classes: BTreeMap<u32, usize>,
}

impl SynsetMap {
    fn read(path: &Path) -> Result<Self, DataError> {
        let mut classes = BTreeMap::new();
        for (index, line) in read_text(path)?.lines().enumerate() {
            let at_line = |reason: String| DataError::GroundTruth {
                path: path.into(),
                line: index + 1,
                reason,
            };
            let mut words = line.split_whitespace();
            let (first, second) = match (words.next(), words.next()) {
                (Some(first), Some(second)) => (first, second),
                (None, _) => continue,
                _ => return Err(at_line(format!("expected `id wnid`, found `{line}`"))),
            };
            let (id, wnid) = match (first.parse(), second.parse()) {
                (Ok(id), _) => (id, second),
                (_, Ok(id)) => (id, first),
                _ => return Err(at_line(format!("expected `id wnid`, found `{line}`"))),
            };
            // The development kit numbers inner nodes of WordNet from 1,001; no image has one.
            if id > 1_000 {
                continue;
            }
            let class = class_of(wnid).map_err(at_line)?;
            if classes.values().any(|&other| other == class) || classes.insert(id, class).is_some()
            {
                return Err(at_line(format!("id {id} or {wnid} appears a second time")));
            }
        }
        Ok(Self { classes })
    }

    fn class(&self, id: u32) -> Result<usize, String> {
        self.classes
            .get(&id)
            .copied()
            .ok_or_else(|| format!("the synset map has no id {id}"))
    }
}
