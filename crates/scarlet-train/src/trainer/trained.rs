//! [`Trained`]: what came out of a training.

use burn::module::Module;

use super::EpochRecord;

/// What came out of a run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Trained<M> {
    /// The network with the weights of the last step, ready to be trained on; Burn's `valid`
    /// makes it one for inference.
    pub model: M,
    /// The moving average of the weights, if it was asked for; in inference.
    pub average: Option<M>,
    /// The average where there is one, else the network of the last step; in inference, with the
    /// statistics that fit its weights ([`TrainConfig::calibration_images`](super::TrainConfig::calibration_images)). This is what
    /// `last.safetensors` holds.
    pub last: M,
    /// The network (its average, where there is one) as it was behind the epoch with the best
    /// accuracy on the validation images, if there were any; in inference.
    pub best: Option<M>,
    /// Steps done.
    pub steps: u64,
    /// Whether the run is done, by all steps or by running out of patience; if not, an observer
    /// stopped it.
    pub completed: bool,
    /// What each epoch came to.
    pub epochs: Vec<EpochRecord>,
}

impl<M: Module> Trained<M> {
    /// The network to use, in inference: that of the best epoch where epochs were judged, else the
    /// [last](Self::last).
    pub fn into_best(self) -> M {
        self.best.unwrap_or(self.last)
    }
}
