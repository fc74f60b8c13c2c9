//! Once-for-All's supernets, as published: any of the networks that are parts of one, with its weights.

mod cut;
mod error;
mod names;
mod place;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::{DType, Device, TensorData};
use scarlet_arch::{Architecture, ArchitectureError, OnceForAll, SearchSpace};

pub use error::PartError;

use super::load::{put, unusable};
use super::{LoadReport, StateDict, WeightsError, reference_entries};
use crate::{Scarlet, ScarletConfig};
use cut::{Transforms, Whole};
use names::{Matrix, canonical, matrix_name, theirs};

/// One of the supernets that Once-for-All's authors published (Cai et al., arXiv 1908.09791), in host
/// memory: networks are cut out of it with their weights, in the time that copying takes.
///
/// ```no_run
/// # #[cfg(feature = "flex")] {
/// use burn::tensor::Device;
/// use scarlet::weights::OfaSupernet;
///
/// let supernet = OfaSupernet::open("ofa_mbv3_d234_e346_k357_w1.0")?;
/// let space = supernet.space(&[224, 192, 160])?;
/// let genome = "012345670000011111222".parse()?;
/// let network = supernet.network(&space.decode(&genome)?, &Device::flex())?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A part keeps the first hidden channels of every block, and of batch normalisation and squeeze-excite
/// what belongs to them. Kernels are cut to the middle, 7 to 5 and 5 to 3, and each time multiplied by
/// the block's matrix. Of a stage, a part has the first blocks, whichever of its layers are left out.
#[derive(Clone)]
pub struct OfaSupernet {
    published: OnceForAll,
    classes: usize,
    path: PathBuf,
    tensors: Arc<HashMap<String, Whole>>,
}

impl fmt::Debug for OfaSupernet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfaSupernet")
            .field("published", &self.published)
            .field("classes", &self.classes)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl OfaSupernet {
    /// Whether these are the weights of such a supernet, by their names.
    pub fn holds(weights: &StateDict) -> bool {
        find(weights).is_some()
    }

    /// Names and shapes of a supernet's tensors, as its authors' code of 2023 has them, for this
    /// many classes.
    pub fn entries(published: OnceForAll, classes: usize) -> Vec<(String, Vec<usize>)> {
        names::entries(&published.largest().with_classes(classes))
    }

    /// Opens a supernet's file.
    ///
    /// # Errors
    ///
    /// As [`StateDict::open`] and [`read`](Self::read).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, WeightsError> {
        Self::read(&StateDict::open(path)?)
    }

    /// Reads a supernet, under the names of any version of its authors' code.
    ///
    /// # Errors
    ///
    /// [`WeightsError::NotASupernet`] when the tensors are of something else, [`WeightsError`] when
    /// one is missing, of the wrong shape, unused, or cannot be read or is not finite.
    pub fn read(weights: &StateDict) -> Result<Self, WeightsError> {
        let weights = canonical(weights)?;
        let published = names::recognise(&weights)?;
        let classes = names::class_count(&weights).unwrap_or(1000);
        let largest = published.largest().with_classes(classes);
        (largest.validate()).map_err(|error| unusable(&weights, error.into()))?;
        let expected = names::entries(&largest);
        let report = LoadReport::of(&expected, &weights);
        if !report.is_exact() {
            return Err(WeightsError::Misfit {
                asked: format!("the supernet {}", published.name()),
                report: Box::new(report),
            });
        }
        let entries = weights.entries().iter();
        let tensors = entries
            .filter(|entry| !entry.is_step_counter())
            .map(|entry| {
                let whole = Whole::new(entry.shape().to_vec(), entry.read_f32()?);
                Ok((entry.name().to_owned(), whole))
            })
            .collect::<Result<_, WeightsError>>()?;
        Ok(Self {
            published,
            classes,
            path: weights.path().to_owned(),
            tensors: Arc::new(tensors),
        })
    }

    /// Which of the published supernets it is, whatever its classes.
    pub fn published(&self) -> OnceForAll {
        self.published
    }

    /// The file; empty for a supernet that no file holds.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The largest network, for the file's number of classes.
    pub fn largest(&self) -> Architecture {
        self.published.largest().with_classes(self.classes)
    }

    /// The networks that were trained as parts of it; see [`OnceForAll::space`].
    ///
    /// # Errors
    ///
    /// When the resolutions do not become smaller, or are out of range.
    pub fn space(&self, resolutions: &[usize]) -> Result<SearchSpace, ArchitectureError> {
        self.published
            .space(resolutions)?
            .with_classes(self.classes)
    }

    /// Its tensors, in the order of their names.
    pub fn tensors(&self) -> Vec<(&str, &[f32])> {
        let tensors = self.tensors.iter();
        let mut tensors: Vec<_> = tensors
            .map(|(name, whole)| (name.as_str(), whole.values()))
            .collect();
        tensors.sort_unstable_by_key(|(name, _)| *name);
        tensors
    }

    /// Checks that a network is a part of this one, of any number of hidden channels that the whole
    /// has.
    ///
    /// # Errors
    ///
    /// [`PartError::Beyond`] names the block that is not, and what is possible there.
    pub fn check(&self, architecture: &Architecture) -> Result<(), PartError> {
        place::blocks(&self.largest(), architecture).map(|_| ())
    }

    /// The part that `architecture` describes, with its weights. They depend on nothing but the
    /// architecture, and are copies.
    ///
    /// The running statistics of batch normalisation are those of the largest network, which are not
    /// those of the part: before it is judged, they are to be measured again on training images.
    ///
    /// # Errors
    ///
    /// [`PartError`] when the network is no part of this one, which names the block, or cannot be
    /// built.
    pub fn network(
        &self,
        architecture: &Architecture,
        device: &Device,
    ) -> Result<Scarlet, PartError> {
        let blocks = place::blocks(&self.largest(), architecture)?;
        let config = ScarletConfig::from(architecture.clone());
        let mut network = config.try_init(device)?;
        let dtype: DType = device.settings().float_dtype.into();
        let values = reference_entries(architecture)
            .into_iter()
            .filter_map(|(name, shape)| {
                let values = self.part(&name, &shape, &blocks)?;
                let values = TensorData::new(values, shape);
                Some((name, values.convert_dtype(dtype)))
            })
            .collect();
        put(&mut network, values);
        Ok(network)
    }

    /// A part's entry, by our name; `blocks` says which block each of its layers is.
    fn part(&self, name: &str, shape: &[usize], blocks: &[Option<usize>]) -> Option<Vec<f32>> {
        let block = |layer: usize| blocks.get(layer).copied().flatten();
        let has_hidden = self.published.largest().head.hidden.is_some();
        let theirs = theirs(name, has_hidden, block)?;
        let whole = self.tensors.get(&theirs)?;
        let matrix = |matrix| Some(self.tensors.get(&matrix_name(&theirs, matrix)?)?.values());
        let transforms = Transforms {
            seven_to_five: matrix(Matrix::SevenToFive),
            five_to_three: matrix(Matrix::FiveToThree),
        };
        Some(whole.cut(shape, &transforms))
    }
}

/// The supernet that a file holds, for messages of those who expect a network in it.
pub(super) fn find(weights: &StateDict) -> Option<OnceForAll> {
    names::recognise(&canonical(weights).ok()?).ok()
}
