//! Sums, as a shortcut makes them.

use rayon::prelude::*;

use super::buffers::take_buffer;
use super::images::Images;

/// The sum of two batches of the same shape, channels first.
///
/// # Panics
///
/// If the shapes differ.
pub fn add(left: Images<'_>, right: Images<'_>) -> Vec<f32> {
    assert_eq!(left.shape(), right.shape());
    let (values, pixels) = (left.channel_values().max(1), left.pixels().max(1));
    let mut output = take_buffer(left.shape().iter().product());
    (output.par_chunks_mut(values).enumerate()).for_each(|(channel, output)| {
        for (image, output) in output.chunks_mut(pixels).enumerate() {
            let planes = (left.plane(image, channel).iter()).zip(right.plane(image, channel));
            for (sum, (a, b)) in output.iter_mut().zip(planes) {
                *sum = a + b;
            }
        }
    });
    output
}
