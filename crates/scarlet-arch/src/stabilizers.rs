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

use crate::{Architecture, Expansion, Operation, PlacedLayer};

/// How a stabilizer goes, or why it stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// The convolution that ends the stream absorbs it.
    MergedForward(StreamBound),
    /// The convolution that begins the stream absorbs it.
    MergedBackward(StreamBound),
    /// The blocks behind it change their basis, up to the end of the stream, which absorbs it.
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
    /// The separable convolution in front of the layers.
    Separable,
    /// The block without shortcut that is this layer.
    Block(usize),
    /// The stabilizer that is this layer.
    Linear(usize),
    /// The convolution behind the layers.
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
        for layer in 0..network.layers.len() {
            network.remove_stabilizer(layer);
        }
        network
    }

    /// Removes the stabilizer of a layer, counted from 0, if it can go; `None` where the layer is
    /// not one. Stabilizers are removed from the first to the last.
    pub fn remove_stabilizer(&mut self, layer: usize) -> Option<Removal> {
        if self.layers.get(layer)?.operation != Operation::Linear {
            return None;
        }
        let removal = self.removal(layer);
        let [channels_in, channels_out] = self.channels(layer);
        match &removal {
            Removal::MergedForward(end) | Removal::BasisChangedForward(_, end) => {
                self.let_read(*end, channels_in);
            }
            Removal::MergedBackward(start) | Removal::BasisChangedBackward(_, start) => {
                self.let_write(*start, channels_out);
            }
            Removal::Kept(_) => return Some(removal),
        }
        self.layers[layer].operation = Operation::Identity;
        Some(removal)
    }

    fn removal(&self, layer: usize) -> Removal {
        let placed = self.placed_layers();
        if placed[layer].stride != 1 {
            return Removal::Kept(KeptReason::Downsamples);
        }
        let [channels_in, channels_out] = self.channels(layer);
        let behind = side(&placed, layer + 1..placed.len(), StreamBound::Head);
        let before = side(&placed, (0..layer).rev(), StreamBound::Separable);
        let end = behind.bound.filter(|&it| can_end(&placed, it, channels_in));
        let start = before
            .bound
            .filter(|&it| can_begin(&placed, it, channels_out));

        let weights = channels_in * channels_out;
        let (mut merges, mut dearer) = (None, false);
        if let Some(end) = end.filter(|_| behind.blocks.is_empty()) {
            let rows = self.rows(&placed, end);
            match rows * channels_in <= weights + rows * channels_out {
                true => merges = Some(Removal::MergedForward(end)),
                false => dearer = true,
            }
        }
        if let Some(start) = start.filter(|_| merges.is_none() && before.blocks.is_empty()) {
            // The normalisation behind it grows too.
            let norm = if matches!(start, StreamBound::Linear(_)) {
                0
            } else {
                2
            };
            let per_channel = self.columns(&placed, start) + norm;
            match per_channel * channels_out <= weights + per_channel * channels_in {
                true => merges = Some(Removal::MergedBackward(start)),
                false => dearer = true,
            }
        }
        if let Some(merged) = merges {
            return merged;
        }
        if channels_in != channels_out {
            return Removal::Kept(match dearer {
                true => KeptReason::WouldCostMore,
                false => KeptReason::ChangesChannels,
            });
        }
        match (end, start) {
            (Some(end), None) => Removal::BasisChangedForward(behind.blocks, end),
            (Some(end), Some(_)) if behind.blocks.len() <= before.blocks.len() => {
                Removal::BasisChangedForward(behind.blocks, end)
            }
            (_, Some(start)) => Removal::BasisChangedBackward(before.blocks, start),
            (None, None) => Removal::Kept(KeptReason::NothingToAbsorbIt),
        }
    }

    fn channels(&self, layer: usize) -> [usize; 2] {
        let placed = self.placed_layers()[layer];
        [placed.channels_in, placed.channels_out]
    }

    /// Rows of the matrix that ends a stream.
    fn rows(&self, placed: &[PlacedLayer], end: StreamBound) -> usize {
        match end {
            StreamBound::Block(layer) => hidden(&placed[layer]),
            StreamBound::Linear(layer) => placed[layer].channels_out,
            StreamBound::Head | StreamBound::Separable => self.head,
        }
    }

    /// Columns of the matrix that begins a stream.
    fn columns(&self, placed: &[PlacedLayer], start: StreamBound) -> usize {
        match start {
            StreamBound::Block(layer) => hidden(&placed[layer]),
            StreamBound::Linear(layer) => placed[layer].channels_in,
            StreamBound::Separable | StreamBound::Head => self.stem,
        }
    }

    /// Lets what ends a stream read so many channels. A block keeps its hidden ones.
    fn let_read(&mut self, end: StreamBound, channels: usize) {
        let StreamBound::Block(layer) = end else {
            return;
        };
        let before = hidden(&self.placed_layers()[layer]);
        if let Operation::InvertedResidual(block) = &mut self.layers[layer].operation
            && block.expansion.hidden(channels) != before
        {
            block.expansion = Expansion::To(before);
        }
    }

    /// Lets what begins a stream write so many channels.
    fn let_write(&mut self, start: StreamBound, channels: usize) {
        match start {
            StreamBound::Block(layer) | StreamBound::Linear(layer) => {
                self.layers[layer].channels = channels;
            }
            StreamBound::Separable => self.separable = channels,
            StreamBound::Head => {}
        }
    }
}

/// One side of a stabilizer: the blocks with shortcuts up to where the stream ends or begins, which
/// is nowhere when a block on the way has no expanding convolution.
struct Side {
    blocks: Vec<usize>,
    bound: Option<StreamBound>,
}

/// Walks from a stabilizer along `layers` to where the stream ends or begins.
fn side(placed: &[PlacedLayer], layers: impl Iterator<Item = usize>, last: StreamBound) -> Side {
    let mut blocks = Vec::new();
    for layer in layers {
        let bound = match placed[layer].operation {
            Operation::Identity => continue,
            Operation::Linear => Some(StreamBound::Linear(layer)),
            Operation::InvertedResidual(_) if !placed[layer].has_shortcut() => {
                Some(StreamBound::Block(layer))
            }
            Operation::InvertedResidual(block) if !block.has_expansion() => None,
            Operation::InvertedResidual(_) => {
                blocks.push(layer);
                continue;
            }
        };
        return Side { blocks, bound };
    }
    let bound = Some(last);
    Side { blocks, bound }
}

/// Whether what ends a stream can read one of `channels`: a block must have an expanding
/// convolution, and must not gain a shortcut by its new width.
fn can_end(placed: &[PlacedLayer], end: StreamBound, channels: usize) -> bool {
    let StreamBound::Block(layer) = end else {
        return true;
    };
    let expands = matches!(placed[layer].operation, Operation::InvertedResidual(block) if block.has_expansion());
    expands && !gains_shortcut(&placed[layer], channels, placed[layer].channels_out)
}

/// Whether what begins a stream can write one of `channels`.
fn can_begin(placed: &[PlacedLayer], start: StreamBound, channels: usize) -> bool {
    match start {
        StreamBound::Block(layer) => {
            !gains_shortcut(&placed[layer], placed[layer].channels_in, channels)
        }
        _ => true,
    }
}

fn gains_shortcut(layer: &PlacedLayer, channels_in: usize, channels_out: usize) -> bool {
    layer.stride == 1 && channels_in == channels_out
}

fn hidden(layer: &PlacedLayer) -> usize {
    match layer.operation {
        Operation::InvertedResidual(block) => block.expansion.hidden(layer.channels_in),
        _ => layer.channels_in,
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
        let removal = found.remove_stabilizer(2);
        assert_eq!(removal, Some(Removal::MergedForward(StreamBound::Block(3))));
        let last = found.placed_layers()[3];
        assert_eq!((last.channels_in, hidden(&last)), (24, 240));
        assert_eq!(found.remove_stabilizer(2), None);
    }

    #[test]
    fn a_merge_that_would_cost_more_is_not_made() {
        // Merged backward, the first block would write 64 channels from 96 hidden ones: 6,144
        // weights, where 96 · 32 and 32 · 64 are 5,120.
        let layers = "E6K3@32/2 - L@64 E3K3@64";
        let mut found = network(layers);
        let before = found.clone();
        let removal = found.remove_stabilizer(2);
        assert_eq!(removal, Some(Removal::Kept(KeptReason::WouldCostMore)));
        assert_eq!(found, before);
        // From fewer hidden channels it pays.
        let removal = network("E3K3@32/2 - L@64 E3K3@64").remove_stabilizer(2);
        assert_eq!(
            removal,
            Some(Removal::MergedBackward(StreamBound::Block(0)))
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
