//! What a fold was asked for, what it did, and why it would not.

use std::fmt;

use scarlet_arch::KeptReason;
use thiserror::Error;

/// How far a fold may go.
#[derive(Debug, Clone, Copy)]
pub struct FoldOptions {
    /// Largest condition number (ratio of the largest to the smallest singular value) of a
    /// stabilizer that is inverted. The outputs' relative error grows with it: about the
    /// condition number times 6e-8 in f32.
    pub max_condition: f64,
}

impl Default for FoldOptions {
    fn default() -> Self {
        Self { max_condition: 1e4 }
    }
}

/// A fold that was refused.
#[derive(Debug, Error, Clone, PartialEq)]
#[non_exhaustive]
pub enum FoldError {
    /// A stabilizer is too close to singular to be inverted.
    #[error(
        "the stabilizer of layer {} has condition number {condition:.3e}, above the limit of \
         {limit:.0e}: removing it would lose accuracy. Raise `FoldOptions::max_condition` to remove \
         it all the same, or train it further",
        layer + 1
    )]
    NearSingular {
        /// Index of the layer; the message counts from 1.
        layer: usize,
        /// Its condition number; infinite when it is singular.
        condition: f64,
        /// The limit that was asked for.
        limit: f64,
    },
}

/// What became of every stabilizer of a network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FoldReport {
    /// One entry a stabilizer, in the order of the layers.
    pub stabilizers: Vec<StabilizerFold>,
}

/// What became of one stabilizer.
#[derive(Debug, Clone, PartialEq)]
pub struct StabilizerFold {
    /// Index of its layer; what is printed counts from 1.
    pub layer: usize,
    /// What happened.
    pub outcome: Outcome,
}

/// What happened to a stabilizer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// Multiplied into the next convolution that reads the stream.
    MergedForward,
    /// Multiplied into the convolution that wrote the stream.
    MergedBackward,
    /// The stream's basis was changed from the stabilizer to where the stream ends.
    BasisChangedForward {
        /// Condition number of the stabilizer.
        condition: f64,
    },
    /// The stream's basis was changed from where the stream begins to the stabilizer.
    BasisChangedBackward {
        /// Condition number of the stabilizer.
        condition: f64,
    },
    /// It stays, as a plain 1×1 convolution.
    Kept(KeptReason),
}

impl fmt::Display for StabilizerFold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "layer {}: ", self.layer + 1)?;
        match &self.outcome {
            Outcome::MergedForward => write!(f, "merged into the next convolution"),
            Outcome::MergedBackward => write!(f, "merged into the convolution before it"),
            Outcome::BasisChangedForward { condition } => write!(
                f,
                "removed by a change of basis of the layers after it (condition {condition:.1})"
            ),
            Outcome::BasisChangedBackward { condition } => write!(
                f,
                "removed by a change of basis of the layers before it (condition {condition:.1})"
            ),
            Outcome::Kept(KeptReason::Downsamples) => {
                write!(f, "stays as a 1×1 convolution, since it downsamples")
            }
            Outcome::Kept(KeptReason::ChangesChannels) => write!(
                f,
                "stays as a 1×1 convolution, since it changes the channels between shortcuts"
            ),
            Outcome::Kept(KeptReason::WouldCostMore) => write!(
                f,
                "stays as a 1×1 convolution, since the network would cost more without it"
            ),
            Outcome::Kept(_) => write!(
                f,
                "stays as a 1×1 convolution, since no neighbour can absorb it"
            ),
        }
    }
}
