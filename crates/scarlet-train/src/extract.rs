//! A path of the supernet as a plain network of its own.

use burn::module::Module;
use scarlet::Scarlet;
use scarlet::fold::{FoldOptions, FoldReport};
use scarlet_arch::Genome;

use crate::{Supernet, TrainError};

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
    /// # Errors
    ///
    /// When the genome is not of the supernet's space, or a stabilizer is too close to singular
    /// to be removed.
    pub fn extract(&self, genome: &Genome, options: &FoldOptions) -> Result<Extracted, TrainError> {
        // Clones share the running statistics of their batch normalisation; `valid` parts them.
        let path = self.path(genome)?.valid();
        let (network, stabilizers) = path.fold_stabilizers(options)?;
        Ok(Extracted {
            network,
            stabilizers,
        })
    }
}
