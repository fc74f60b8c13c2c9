//! [`Subject`]: the images that a network is evaluated on.

use std::path::{Path, PathBuf};

use scarlet::Architecture;
use scarlet_data::{Batch, ClassOrder, DataError, Loader, LoaderOptions, normalize};
use scarlet_train::dataset::{FolderNotices, Images, Location, PhotographParts};

use crate::error::CliError;

/// Labelled images of whichever kind.
pub(super) struct Subject {
    /// What they are called in reports, where they are a part of a data set.
    pub(super) part: Option<&'static str>,
    /// Names of their classes.
    pub(super) classes: Vec<String>,
    /// What people should know of the folder.
    pub(super) notices: FolderNotices,
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
    pub(super) fn find(source: &Path) -> Result<Self, CliError> {
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
            labels: list.labels().to_vec(),
            pixels: Pixels::Files {
                paths: list.paths().to_vec(),
                root: source.to_owned(),
            },
        })
    }

    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    /// The index of an image's class.
    pub(super) fn label(&self, index: usize) -> usize {
        self.labels[index] as usize
    }

    /// For each class whether there are images of it.
    pub(super) fn has_images(&self) -> Vec<bool> {
        let mut has_images = vec![false; self.classes.len()];
        for &label in &self.labels {
            has_images[label as usize] = true;
        }
        has_images
    }

    /// The classes of which every image is among the `unread`.
    pub(super) fn classes_without(&self, unread: &[bool]) -> Vec<String> {
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
    pub(super) fn deeper(&self) -> Option<String> {
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
    pub(super) fn name(&self, index: usize) -> String {
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
    pub(super) fn batches<'a>(
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
