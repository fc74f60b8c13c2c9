//! Looking at what reaches an operation.

use alloc::sync::Arc;

use crate::{calibration::Observations, memory::ValueId, simd::LANES};

use super::{Context, Map, Step};

/// Looks at the values of a map, after multiplying its channels by factors if there are some.
pub(crate) struct ObserveStep {
    pub(crate) input: ValueId,
    pub(crate) factors: Option<ValueId>,
    pub(crate) map: Map,
    pub(crate) observations: Arc<Observations>,
    /// The operation that the values reach.
    pub(crate) operation: usize,
}

impl Step for ObserveStep {
    fn tasks(&self, images: usize) -> usize {
        images
    }

    unsafe fn execute(&self, context: &Context<'_>, image: usize, _scratch: *mut f32) {
        let pixels = self.map.pixels();
        let channels = (0..self.map.channels).map(|channel| {
            let (block, lane) = (channel / LANES, channel % LANES);
            // SAFETY: a channel of an image in the factors.
            let factor = self.factors.map_or(1.0, |factors| unsafe {
                *context.value(factors, image).add(channel)
            });
            (0..pixels).map(move |pixel| {
                let at = (block * pixels + pixel) * LANES + lane;
                // SAFETY: a value of an image in the map.
                factor * unsafe { *context.value(self.input, image).add(at) }
            })
        });
        let place = context.first_image + image;
        self.observations.add(self.operation, place, channels);
    }
}
