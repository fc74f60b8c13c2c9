//! A path of the supernet as a plain network of its own.

use burn::module::Module;
use scarlet::Scarlet;
use scarlet::fold::{FoldOptions, FoldReport};
use scarlet_arch::Genome;
use scarlet_data::dataset::Source;

use crate::{Supernet, TrainError, recalibrate};

/// A network taken out of a supernet.
#[derive(Debug, Clone)]
pub struct Extracted {
    /// The plain network, with weights and running statistics of its own, in inference; use
    /// Burn's `train` to go on training it.
    pub network: Scarlet,
    /// What became of every stabilizer of its path.
    pub stabilizers: FoldReport,
}

impl Supernet {
    /// Takes the network of a genome out of the supernet: it inherits the weights of its path,
    /// and its stabilizers are [folded](scarlet::fold) into their neighbours exactly, so that its
    /// outputs are the path's own. The supernet and its networks share nothing afterwards.
    ///
    /// It inherits the running statistics of batch normalisation too, a mixture of all paths':
    /// see [`extract_calibrated`](Self::extract_calibrated).
    ///
    /// # Errors
    ///
    /// When the genome is not of the supernet's space, or a stabilizer is too close to singular
    /// to be removed.
    pub fn extract(&self, genome: &Genome, options: &FoldOptions) -> Result<Extracted, TrainError> {
        // Clones share the running statistics of their batch normalisation; `valid` parts them.
        folded(&self.path(genome)?.valid(), options)
    }

    /// As [`extract`](Self::extract), but with running statistics of its own,
    /// [measured](recalibrate) on `images`, `batch_size` at a time: the network that candidates
    /// of a search are judged as. Images that are larger than the network sees them are shrunk.
    ///
    /// # Errors
    ///
    /// Those of [`extract`](Self::extract), and when the images do not fit the supernet or cannot
    /// be read.
    pub fn extract_calibrated<'a>(
        &self,
        genome: &Genome,
        images: impl Into<Source<'a>>,
        batch_size: usize,
        options: &FoldOptions,
    ) -> Result<Extracted, TrainError> {
        let path = self.path(genome)?;
        let side = path.architecture().preprocessing.resolution;
        let mut room = None;
        let images = images.into().fitted(side, &mut room);
        let path = recalibrate(&path, images, batch_size)?;
        folded(&path, options)
    }
}

pub(crate) fn folded(path: &Scarlet, options: &FoldOptions) -> Result<Extracted, TrainError> {
    let (network, stabilizers) = path.fold_stabilizers(options)?;
    Ok(Extracted {
        network,
        stabilizers,
    })
}
