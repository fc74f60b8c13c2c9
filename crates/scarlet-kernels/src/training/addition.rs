//! Sums, as a shortcut makes them.

use rayon::prelude::*;

use super::buffers::take_buffer;
use super::fewest_tasks;
use super::images::Images;

/// The sum of two batches of the same shape, channels first.
///
/// # Panics
///
/// If the shapes differ.
pub fn add(left: Images<'_>, right: Images<'_>) -> Vec<f32> {
    assert_eq!(left.shape(), right.shape());
    let (values, piece) = (
        left.channel_values().max(1),
        left.common_piece(&right).max(1),
    );
    let mut output = take_buffer(left.shape().iter().product());
    let channels = output.par_chunks_mut(values).enumerate();
    let channels = channels.with_min_len(fewest_tasks(values));
    channels.for_each(|(channel, output)| {
        for (index, output) in output.chunks_mut(piece).enumerate() {
            let [left, right] =
                [left, right].map(|images| images.part(channel, index * piece, piece));
            for (sum, (a, b)) in output.iter_mut().zip(left.iter().zip(right)) {
                *sum = a + b;
            }
        }
    });
    output
}
