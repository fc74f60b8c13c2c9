//! Which learning rates a run can take.

use scarlet_train::Observer;
use scarlet_train::trainer::{RangeTest, range_test};

use super::Standalone;
use crate::RunError;

impl Standalone {
    /// Tries learning rates around the run's own on its images, with all its other settings; see
    /// [`range_test`]. Nothing is kept of what is trained.
    ///
    /// # Errors
    ///
    /// As [`range_test`].
    pub fn find_learning_rate(self, observer: impl Observer) -> Result<RangeTest, RunError> {
        let config = &self.record.config.train;
        Ok(range_test(
            config,
            self.network,
            (),
            &self.data.train,
            observer,
        )?)
    }
}
