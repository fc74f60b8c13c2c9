//! The text form of networks: `E3K7 E6K5s - L H288K7@96/2`, or a whole one from its stem to its
//! head: `[relu6] C3@32/2 E1K3@16 E6K3@24/2 P1280`.
//!
//! ```text
//! network = [ "[" activation [ ", se " activation " " gate ] "]" ] { token }
//! token   = core [ "@" channels ] [ "/" stride ] [ ":" activation ]
//! core    = operation                                           see `blocks`
//!         | "P" channels                                        convolution before the mean
//!         | "F" channels [ "n" ]                                fully connected layer after it
//! ```

mod problem;
mod read;
mod token;
mod write;

pub(crate) use self::problem::Problem;
pub(crate) use self::read::read_words;
pub(crate) use self::token::number;
use crate::presets::{SCARLET_PLAN, SCARLET_SEPARABLE};
use crate::{Block, Operation};

/// Channels, where there is a natural choice, and stride of a layer that does not give them.
fn default_place(
    index: usize,
    count: usize,
    operation: Operation,
    previous: Option<&Block>,
) -> (Option<usize>, usize) {
    if count == SCARLET_PLAN.len() {
        let (channels, stride) = SCARLET_PLAN[index];
        return (Some(channels), stride);
    }
    let channels = (operation == Operation::Identity)
        .then(|| previous.map_or(SCARLET_SEPARABLE, |layer| layer.channels));
    (channels, 1)
}
