//! Removing what only training needs, without changing the function.
//!
//! Both steps return a plain network, which saves under the plain checkpoint names:
//!
//! - [`Scarlet::fold_batch_norm`] moves every batch normalisation into its convolution. What is
//!   left of it carries the bias: mean 0, variance 1 − eps, weight 1.
//! - [`Scarlet::fold_stabilizers`] removes the 1×1 convolutions that stand on skips, by merging
//!   them into a neighbour or by a change of basis of the residual stream.
//!
//! Both describe the network in inference; [`Scarlet::fold`] does one after the other.

mod batch_norm;
mod matrix;
mod report;
mod stabilizer;

pub use report::{FoldError, FoldOptions, FoldReport, Outcome, StabilizerFold};
pub use scarlet_arch::KeptReason;

use crate::Scarlet;

impl Scarlet {
    /// Removes stabilizers and batch normalisation.
    ///
    /// # Errors
    ///
    /// [`FoldError::NearSingular`] when a stabilizer cannot be inverted accurately enough.
    pub fn fold(&self, options: &FoldOptions) -> Result<(Self, FoldReport), FoldError> {
        let (network, report) = self.fold_stabilizers(options)?;
        Ok((network.fold_batch_norm(), report))
    }

    /// The network as it runs best: without batch normalisation, and without the stabilizers that
    /// fold accurately; others stay, as the 1×1 convolutions that they are.
    pub(crate) fn fold_for_running(&self) -> Self {
        match self.fold(&FoldOptions::default()) {
            Ok((folded, _)) => folded,
            Err(FoldError::NearSingular { .. }) => self.fold_batch_norm(),
        }
    }
}
