//! Removing what only training needs, without changing the function.

mod batch_norm;
#[cfg(feature = "safetensors")]
mod matrix;
mod report;
#[cfg(feature = "safetensors")]
mod stabilizer;

pub(crate) use batch_norm::fold;
pub use report::{FoldError, FoldOptions, FoldReport, Outcome, StabilizerFold};

#[cfg(feature = "safetensors")]
use crate::weights::{NetworkWeights, Number};

#[cfg(feature = "safetensors")]
impl<T: Number> NetworkWeights<T> {
    /// The network as it runs best: without the stabilizers that fold accurately; others stay, as the
    /// 1×1 convolutions that they are.
    pub fn fold_for_running(self) -> Self {
        match self.fold_stabilizers(&FoldOptions::default()) {
            Ok((folded, _)) => folded,
            Err(FoldError::NearSingular { .. }) => self,
        }
    }
}
