//! [`Subject`]: the images that a network is evaluated on.

use std::path::{Path, PathBuf};

use scarlet::Architecture;
use scarlet_data::dataset::{FolderNotices, Images, Location, PhotographParts};
use scarlet_data::{Batch, ClassOrder, DataError, Loader, LoaderOptions, list_images, normalize};

use crate::error::CliError;

/// Labelled images of whichever kind.
pub(in crate::commands) struct Subject {
    /// What they are called in reports, where they are a part of a data set.
    pub(in crate::commands) part: Option<&'static str>,
    /// Names of their classes.
    pub(in crate::commands) classes: Vec<String>,
    /// What people should know of the folder.
    pub(in crate::commands) notices: FolderNotices,
    /// For each image the index of its class.
    labels: Vec<u32>,
    pixels: Pixels,
}

enum Pixels {
    Files { paths: Vec<PathBuf>, root: PathBuf },
    Memory(Images),
}

impl Subject {
    /// What a finished network is to be judged by: the test part of a data set, the validation
    /// part where there is no other, or all of a folder without parts.
    pub(in crate::commands) fn find(source: &Path) -> Result<Self, CliError> {
        let location = Location::find(source)?;
        if let Some(images) = location.images()? {
            // Labels that the test images happen not to have do not make their classes fewer.
            let test = images.test.among(images.train.classes())?;
            return Ok(Self {
                part: Some("test"),
                classes: test.classes().to_vec(),
                notices: FolderNotices::default(),
                labels: test.labels().to_vec(),
                pixels: Pixels::Memory(test),
            });
        }
        let parts = PhotographParts::list(source, ClassOrder::Natural)?;
        let (part, list) = match (parts.test, parts.validation) {
            (Some(test), _) => (Some("test"), test),
            (None, Some(validation)) => (Some("validation"), validation),
            (None, None) => (None, parts.train),
        };
        Ok(Self {
            part,
            classes: list.classes().to_vec(),
            notices: parts.notices,
            labels: list.labels().one()?.to_vec(),
            pixels: Pixels::Files {
                paths: list.paths().to_vec(),
                root: source.to_owned(),
            },
        })
    }

    /// This many of the images at most, from all classes.
    pub(in crate::commands) fn thinned(self, most: usize) -> Self {
        let step = self.len().div_ceil(most).max(1);
        let kept: Vec<usize> = (0..self.len()).step_by(step).collect();
        self.chosen(&kept)
    }

    /// The images of these indices, in this order.
    pub(in crate::commands) fn chosen(&self, kept: &[usize]) -> Self {
        let pixels = match &self.pixels {
            Pixels::Files { paths, root } => Pixels::Files {
                paths: kept.iter().map(|&index| paths[index].clone()).collect(),
                root: root.clone(),
            },
            Pixels::Memory(images) => Pixels::Memory(images.select(kept)),
        };
        Self {
            part: self.part,
            classes: self.classes.clone(),
            notices: self.notices.clone(),
            labels: kept.iter().map(|&index| self.labels[index]).collect(),
            pixels,
        }
    }

    /// The photographs in a folder or file of any kind, of unknown classes.
    pub(in crate::commands) fn unlabelled(source: &Path) -> Result<Self, CliError> {
        let tree = list_images(source)?;
        Ok(Self {
            part: None,
            classes: Vec::new(),
            notices: FolderNotices::default(),
            labels: vec![0; tree.images.len()],
            pixels: Pixels::Files {
                paths: tree.images,
                root: source.to_owned(),
            },
        })
    }

    /// Whether they are photographs, which may show more than a network sees, or images of one size.
    pub(in crate::commands) fn is_photographs(&self) -> bool {
        matches!(self.pixels, Pixels::Files { .. })
    }

    pub(in crate::commands) fn len(&self) -> usize {
        self.labels.len()
    }

    /// The index of an image's class.
    pub(in crate::commands) fn label(&self, index: usize) -> usize {
        self.labels[index] as usize
    }

    /// For each class whether there are images of it.
    pub(in crate::commands) fn has_images(&self) -> Vec<bool> {
        let mut has_images = vec![false; self.classes.len()];
        for &label in &self.labels {
            has_images[label as usize] = true;
        }
        has_images
    }

    /// The classes of which every image is among the `unread`.
    pub(in crate::commands) fn classes_without(&self, unread: &[bool]) -> Vec<String> {
        let mut is_read = vec![false; self.classes.len()];
        for (&label, &unread) in self.labels.iter().zip(unread) {
            is_read[label as usize] |= !unread;
        }
        let classes = self.has_images().into_iter().zip(is_read);
        let lost = classes.zip(&self.classes);
        lost.filter(|((has_images, is_read), _)| *has_images && !is_read)
            .map(|(_, class)| class.clone())
            .collect()
    }

    /// What to do where the only class is a folder that holds nothing but folders: they may be the
    /// classes.
    pub(in crate::commands) fn deeper(&self) -> Option<String> {
        let Pixels::Files { paths, root } = &self.pixels else {
            return None;
        };
        let [class] = self.classes.as_slice() else {
            return None;
        };
        let folder = root.join(class);
        let nested = paths.iter().all(|path| path.parent() != Some(&folder));
        nested.then(|| {
            format!(
                "; if the folders in `{0}` are the classes, give `{0}` itself",
                folder.display()
            )
        })
    }

    /// An image's path from the evaluated folder, so that results can be compared between machines;
    /// or its number in its data set, counted from 0.
    pub(in crate::commands) fn name(&self, index: usize) -> String {
        match &self.pixels {
            Pixels::Files { paths, root } => {
                let path = &paths[index];
                path.strip_prefix(root)
                    .unwrap_or(path)
                    .display()
                    .to_string()
            }
            Pixels::Memory(_) => index.to_string(),
        }
    }

    /// All images, in order, as a network takes them.
    pub(in crate::commands) fn batches<'a>(
        &'a self,
        network: &Architecture,
        options: LoaderOptions,
    ) -> Result<Box<dyn Iterator<Item = Result<Batch, DataError>> + 'a>, CliError> {
        let preprocessing = network.preprocessing;
        let images = match &self.pixels {
            Pixels::Files { paths, .. } => {
                let loader = Loader::new(paths.clone(), preprocessing, options);
                return Ok(Box::new(loader.batches()?));
            }
            Pixels::Memory(images) => images.for_network(network),
        };
        let size = images.shape().into_iter().product();
        let batch = move |start: usize| {
            let indices: Vec<usize> = (start..images.len()).take(options.batch_size).collect();
            let mut values = vec![0.0; indices.len() * size];
            for (&index, values) in indices.iter().zip(values.chunks_exact_mut(size)) {
                normalize(&images.to_rgb(index), &preprocessing, values)?;
            }
            Ok(Batch {
                images: values,
                indices,
                labels: Vec::new(),
                failures: Vec::new(),
            })
        };
        Ok(Box::new(
            (0..self.len()).step_by(options.batch_size).map(batch),
        ))
    }
}
