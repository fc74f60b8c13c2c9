//! How the output rows of a depthwise convolution are cut into tasks.

use crate::padding::Padding;

use super::Map;

/// The output rows of a task, such that all threads are evenly busy.
///
/// Stripes of rows keep what a thread makes in its own cache up to the next step, but the
/// rows where they meet are made twice; panels of channels make nothing twice.
pub(crate) fn stripe_for(
    (input, output): (Map, Map),
    (kernel, stride): (usize, usize),
    padding: Padding,
    panels: usize,
    threads: usize,
) -> usize {
    let made = |first: usize, last: usize| {
        let top = (first * stride).saturating_sub(padding.top);
        let bottom = ((last - 1) * stride + kernel).saturating_sub(padding.top);
        bottom.min(input.height).saturating_sub(top)
    };
    let cost = |&stripe: &usize| {
        let starts = (0..output.height).step_by(stripe);
        let most = starts
            .clone()
            .map(|first| made(first, (first + stripe).min(output.height)))
            .max();
        let stripes = starts.len();
        let cost = (panels * stripes).div_ceil(threads) * most.unwrap_or(0);
        // A fifth more for handing the result to other threads.
        cost * if stripes.is_multiple_of(threads) {
            5
        } else {
            6
        }
    };
    let stripes = 1..=output.height.min(4 * threads);
    let candidates = stripes.map(|stripes| output.height.div_ceil(stripes));
    candidates.min_by_key(cost).unwrap_or(output.height)
}
