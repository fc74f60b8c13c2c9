//! Which stabilizers of a network can be removed, and which network is left.
//!
//! This is the structure alone: what a network costs without its stabilizers is known before it
//! has weights. The weights follow it in the crate that has them.
//!
//! Think of the tensor that shortcuts carry on as a *stream*. A block with a shortcut reads it
//! through its expanding convolution and adds its projection to it; a block without one ends
//! the stream and begins the next. A stabilizer W multiplies the stream. It goes away exactly,
//! in the first way that applies:
//!
//! 1. nothing reads the stream between W and the convolution that ends it: that one absorbs W,
//!    `end ← end · W`;
//! 2. nothing was added between the convolution that begins the stream and W: that one absorbs
//!    W, `begin ← W · begin`;
//! 3. W is square: the blocks between change their basis. Behind W, `expand ← expand · W`,
//!    `project ← W⁻¹ · project`, and the end absorbs W; or before W, `expand ← expand · W⁻¹`,
//!    `project ← W · project`, and the beginning absorbs W. The side with fewer blocks is taken:
//!    both invert the same W, and each projection on the way loses accuracy.
//!
//! Otherwise, or where the merged convolution would have more parameters than both have now, W
//! stays, as a layer of its own.

use crate::{Architecture, Expansion, Operation, PlacedBlock};

/// How a stabilizer goes, or why it stays. Blocks are counted from 0, the stem among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// The convolution that ends the stream absorbs it.
    MergedForward(StreamBound),
    /// The convolution that begins the stream absorbs it.
    MergedBackward(StreamBound),
    /// The blocks after it change their basis, up to the end of the stream, which absorbs it.
    BasisChangedForward(Vec<usize>, StreamBound),
    /// The blocks before it change their basis, from the beginning of the stream on, which
    /// absorbs it.
    BasisChangedBackward(Vec<usize>, StreamBound),
    /// It stays, as a plain 1×1 convolution.
    Kept(KeptReason),
}

/// What begins or ends a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamBound {
    /// This block, an inverted residual without shortcut: its expanding convolution ends a stream,
    /// its projecting one begins the next.
    Block(usize),
    /// This block, a stabilizer.
    Linear(usize),
    /// The first convolution or matrix of the head, which only ends a stream.
    Head,
}

/// Why a stabilizer stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeptReason {
    /// It has a stride.
    Downsamples,
    /// It changes the number of channels between two blocks with shortcuts.
    ChangesChannels,
    /// The convolution that could absorb it would have more parameters than both have now.
    WouldCostMore,
    /// A neighbour works on the stream without a 1×1 convolution that could absorb it.
    NothingToAbsorbIt,
}

impl Architecture {
    /// The network that is left when every stabilizer that can go is removed: it can compute the same
    /// and never has more mult-adds or parameters.
    pub fn without_stabilizers(&self) -> Self {
        let mut network = self.clone();
        for block in 0..network.blocks.len() {
            network.remove_stabilizer(block);
        }
        network
    }

    /// Removes the stabilizer that is this block, counted from 0, if it can go; `None` where the
    /// block is not one. Stabilizers are removed from the first to the last.
    pub fn remove_stabilizer(&mut self, block: usize) -> Option<Removal> {
        if self.blocks.get(block)?.operation != Operation::Linear {
            return None;
        }
        let placed = self.placed_blocks();
        let removal = self.removal(&placed, block);
        match &removal {
            Removal::MergedForward(end) | Removal::BasisChangedForward(_, end) => {
                self.let_read(&placed, *end, placed[block].channels_in);
            }
            Removal::MergedBackward(start) | Removal::BasisChangedBackward(_, start) => {
                if let StreamBound::Block(start) | StreamBound::Linear(start) = *start {
                    self.let_write(&placed[start], start, placed[block].channels_out);
                }
            }
            Removal::Kept(_) => return Some(removal),
        }
        self.blocks[block].operation = Operation::Identity;
        Some(removal)
    }

    fn removal(&self, placed: &[PlacedBlock], block: usize) -> Removal {
        let PlacedBlock {
            channels_in,
            channels_out,
            stride,
            ..
        } = placed[block];
        if stride != 1 {
            return Removal::Kept(KeptReason::Downsamples);
        }
        let after = side(placed, block + 1..placed.len(), true);
        let before = side(placed, (0..block).rev(), false);
        let end = after.bound.filter(|&it| can_end(placed, it, channels_in));
        let start = before
            .bound
            .filter(|&it| self.can_begin(placed, it, channels_out));

        let weights = channels_in * channels_out;
        let (mut merges, mut costlier) = (None, false);
        if let Some(end) = end.filter(|_| after.blocks.is_empty()) {
            let rows = self.rows(placed, end);
            if rows * channels_in <= weights + rows * channels_out {
                merges = Some(Removal::MergedForward(end));
            } else {
                costlier = true;
            }
        }
        if let Some(start) = start.filter(|_| merges.is_none() && before.blocks.is_empty()) {
            // The normalisation after it grows too.
            let norm = if matches!(start, StreamBound::Linear(_)) {
                0
            } else {
                2
            };
            let per_channel = columns(placed, start) + norm;
            if per_channel * channels_out <= weights + per_channel * channels_in {
                merges = Some(Removal::MergedBackward(start));
            } else {
                costlier = true;
            }
        }
        if let Some(merged) = merges {
            return merged;
        }
        if channels_in != channels_out {
            return Removal::Kept(if costlier {
                KeptReason::WouldCostMore
            } else {
                KeptReason::ChangesChannels
            });
        }
        match (end, start) {
            (Some(end), None) => Removal::BasisChangedForward(after.blocks, end),
            (Some(end), Some(_)) if after.blocks.len() <= before.blocks.len() => {
                Removal::BasisChangedForward(after.blocks, end)
            }
            (_, Some(start)) => Removal::BasisChangedBackward(before.blocks, start),
            (None, None) => Removal::Kept(KeptReason::NothingToAbsorbIt),
        }
    }

    /// Whether what begins a stream can write one of `channels`: it must not gain a shortcut by its
    /// new width. The separable convolution after the stem is told to have none.
    fn can_begin(&self, placed: &[PlacedBlock], start: StreamBound, channels: usize) -> bool {
        match start {
            StreamBound::Block(block) => {
                block < self.blocks_before_layers()
                    || !gains_shortcut(&placed[block], placed[block].channels_in, channels)
            }
            _ => true,
        }
    }

    /// Lets the block that begins a stream write so many channels.
    fn let_write(&mut self, placed: &PlacedBlock, start: usize, channels: usize) {
        let start = &mut self.blocks[start];
        start.channels = channels;
        if let Operation::InvertedResidual(block) = &mut start.operation
            && gains_shortcut(placed, placed.channels_in, channels)
        {
            block.shortcut = false;
        }
    }

    /// Rows of the matrix that ends a stream.
    fn rows(&self, placed: &[PlacedBlock], end: StreamBound) -> usize {
        match (end, self.head.conv, self.head.hidden) {
            (StreamBound::Block(block) | StreamBound::Linear(block), ..) => placed[block].hidden(),
            (StreamBound::Head, Some(conv), _) => conv.channels,
            (StreamBound::Head, None, Some(hidden)) => hidden.channels,
            (StreamBound::Head, None, None) => self.classes,
        }
    }

    /// Lets what ends a stream read so many channels. A block keeps its hidden ones.
    fn let_read(&mut self, placed: &[PlacedBlock], end: StreamBound, channels: usize) {
        let StreamBound::Block(block) = end else {
            return;
        };
        let before = placed[block].hidden();
        if let Operation::InvertedResidual(block) = &mut self.blocks[block].operation
            && block.expansion.hidden(channels) != before
        {
            block.expansion = Expansion::To(before);
        }
    }
}

/// One side of a stabilizer: the blocks with shortcuts up to where the stream ends or begins, which
/// is nowhere when a block on the way has no convolution that could change its basis.
struct Side {
    blocks: Vec<usize>,
    bound: Option<StreamBound>,
}

/// Walks from a stabilizer along `blocks` to where the stream ends, `forward`, or begins.
fn side(placed: &[PlacedBlock], blocks: impl Iterator<Item = usize>, forward: bool) -> Side {
    let mut passed = Vec::new();
    for index in blocks {
        let bound = match placed[index].operation {
            Operation::Identity => continue,
            Operation::Linear => Some(StreamBound::Linear(index)),
            // Its activation is between the stream and its convolution, which looks at pixels.
            Operation::Conv(_) => None,
            // What it writes is not linear in its convolution.
            Operation::InvertedResidual(block)
                if block.activate_output && (!forward || placed[index].has_shortcut()) =>
            {
                None
            }
            Operation::InvertedResidual(_) if !placed[index].has_shortcut() => {
                Some(StreamBound::Block(index))
            }
            Operation::InvertedResidual(block) if !block.has_expansion() => None,
            Operation::InvertedResidual(_) => {
                passed.push(index);
                continue;
            }
        };
        return Side {
            blocks: passed,
            bound,
        };
    }
    Side {
        blocks: passed,
        // A mean over pixels does not stand between a stream and a matrix.
        bound: forward.then_some(StreamBound::Head),
    }
}

/// Whether what ends a stream can read one of `channels`: a block must have an expanding
/// convolution, and must not gain a shortcut by its new width.
fn can_end(placed: &[PlacedBlock], end: StreamBound, channels: usize) -> bool {
    let StreamBound::Block(block) = end else {
        return true;
    };
    let expands =
        matches!(placed[block].operation, Operation::InvertedResidual(it) if it.has_expansion());
    expands && !gains_shortcut(&placed[block], channels, placed[block].channels_out)
}

fn gains_shortcut(block: &PlacedBlock, channels_in: usize, channels_out: usize) -> bool {
    let placed = PlacedBlock {
        channels_in,
        channels_out,
        ..*block
    };
    placed.has_shortcut()
}

/// Columns of the matrix that begins a stream.
fn columns(placed: &[PlacedBlock], start: StreamBound) -> usize {
    match start {
        StreamBound::Block(block) => placed[block].hidden(),
        StreamBound::Linear(block) => placed[block].channels_in,
        // The head begins none.
        StreamBound::Head => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cost;

    fn network(layers: &str) -> Architecture {
        layers.parse().unwrap()
    }

    fn left(layers: &str) -> String {
        network(layers).without_stabilizers().to_string()
    }

    #[test]
    fn stabilizers_that_keep_the_shape_go() {
        assert_eq!(
            left("E3K3@24/2 L@24 E6K5@24 L@24 E3K3@24 E3K3@40/2 L@40"),
            left("E3K3@24/2 - E6K5@24 - E3K3@24 E3K3@40/2 -")
        );
    }

    #[test]
    fn the_convolution_that_reads_next_absorbs_one_that_widens() {
        // The last block keeps its 6 · 40 hidden channels, but reads 24 of them.
        let mut found = network("E3K3@24/2 E3K3@24 L@40 E6K3@80/2");
        let removal = found.remove_stabilizer(4);
        assert_eq!(removal, Some(Removal::MergedForward(StreamBound::Block(5))));
        let last = found.placed_layers()[3];
        assert_eq!((last.channels_in, last.hidden()), (24, 240));
        assert_eq!(found.remove_stabilizer(4), None);
    }

    #[test]
    fn a_merge_gives_the_separable_convolution_no_shortcut() {
        let mut found = network("C3@32/2 E1K3@24 L@32 E3K3 E3K3@40/2 P64");
        let removal = found.remove_stabilizer(2);
        assert_eq!(
            removal,
            Some(Removal::MergedBackward(StreamBound::Block(1)))
        );
        assert_eq!(found.to_string(), "C3@32/2 E1K3n - E3K3 E3K3@40/2 P64");
    }

    #[test]
    fn a_merge_that_would_cost_more_is_not_made() {
        // Merged backward, the first block would write 64 channels from 96 hidden ones: 6,144
        // weights, where 96 · 32 and 32 · 64 are 5,120.
        let layers = "E6K3@32/2 - L@64 E3K3@64";
        let mut found = network(layers);
        let before = found.clone();
        let removal = found.remove_stabilizer(4);
        assert_eq!(removal, Some(Removal::Kept(KeptReason::WouldCostMore)));
        assert_eq!(found, before);
        // From fewer hidden channels it pays.
        let removal = network("E3K3@32/2 - L@64 E3K3@64").remove_stabilizer(4);
        assert_eq!(
            removal,
            Some(Removal::MergedBackward(StreamBound::Block(2)))
        );
    }

    #[test]
    fn nothing_costs_more_without_stabilizers() {
        let operations = ["E3K3", "E6K5s", "E1K3", "L", "L", "-"];
        let plan = ["@16", "@24/2", "@24", "@40", "@40", "@24", "@64/2", "@64"];
        for number in 0..6usize.pow(4) {
            let choice = |layer: usize| {
                let digit = number / 6usize.pow(layer as u32 % 4) % 6;
                operations[(digit + layer / 4) % 6]
            };
            let layers = plan.iter().enumerate();
            let text = layers.map(|(layer, place)| match choice(layer) {
                "-" => "-".to_owned(),
                operation => format!("{operation}{place}"),
            });
            let before = network(&text.collect::<Vec<_>>().join(" "));
            let after = before.without_stabilizers();
            after.validate().unwrap();
            let cost = |network| Cost::of(network, 64).unwrap();
            let (dear, cheap) = (cost(&before), cost(&after));
            assert!(cheap.mult_adds <= dear.mult_adds, "{before}");
            assert!(cheap.parameters <= dear.parameters, "{before}");
        }
    }
}
