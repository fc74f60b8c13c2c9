//! [`Cost`]: what a network costs, part by part.

use serde::Serialize;

use crate::graph::{Features, Graph, Node, Op, Part};
use crate::limits::MAX_RESOLUTION;
use crate::validate::range;
use crate::{Architecture, ArchitectureError};

/// Bytes of an f32.
const FLOAT: u64 = 4;

/// What a network costs for one square image.
///
/// # Conventions
///
/// - **Mult-adds**: multiplications of the convolutions, squeeze-excite's among them, and of the
///   classifier. Normalisations, activations, means, biases and sums are free.
/// - **Parameters**: everything that is trained: weights, biases, and two per channel of a batch
///   normalisation. Its running statistics are not.
/// - **Weight bytes**: the parameters in f32.
/// - **Peak activation bytes**: the most bytes of f32 tensors alive at once at batch 1, where
///   a convolution needs its input and its output, an inverted residual with a shortcut also
///   keeps its own input to the end, and normalisation, activation, squeeze-excite's scaling and
///   the shortcut's sum work in place. An identity costs nothing but its tensor. Weights and
///   a kernel's own scratch memory are not counted.
/// - **Moved bytes**: what every convolution, fully connected layer, squeeze-excite, mean and sum reads
///   and writes once, its weights included, in f32 at batch 1, as if nothing stayed in a cache from one
///   to the next. Normalisations and activations are taken to be done on the way.
///
/// Sizes are exact at any resolution: every convolution makes `ceil(size / stride)` of `size`,
/// whichever [`Padding`](crate::Padding).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Cost {
    /// Height and width of the image.
    pub resolution: usize,
    /// Sum over the parts.
    pub mult_adds: u64,
    /// Sum over the parts.
    pub parameters: u64,
    /// Sum over the parts.
    pub weight_bytes: u64,
    /// Largest of the parts.
    pub peak_activation_bytes: u64,
    /// Sum over the parts.
    pub moved_bytes: u64,
    /// From the stem to the classifier, as many as the [graph](crate::graph::Graph) has.
    pub parts: Vec<PartCost>,
}

/// What one part of a network costs; see [`Cost`] for the conventions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PartCost {
    /// Prefix of its entries in a checkpoint: `stem`, `separable_conv`, `mb_module.0` and on,
    /// `conv_before_pooling`, `classifier`.
    pub name: String,
    /// `[channels, height, width]` of its output.
    pub output: [usize; 3],
    /// Multiplications.
    pub mult_adds: u64,
    /// Trained numbers.
    pub parameters: u64,
    /// Bytes of the parameters in f32.
    pub weight_bytes: u64,
    /// Largest sum of tensors alive at once.
    pub peak_activation_bytes: u64,
    /// Bytes read and written.
    pub moved_bytes: u64,
}

impl Cost {
    /// Counts what `architecture` costs for an image of `resolution` × `resolution` pixels, which
    /// need not be a multiple of the total stride.
    ///
    /// # Errors
    ///
    /// When the network or the resolution is beyond the [limits](crate::limits).
    pub fn of(architecture: &Architecture, resolution: usize) -> Result<Self, ArchitectureError> {
        architecture.validate_fields()?;
        range("network", "resolution", resolution, 1, MAX_RESOLUTION)?;
        let too_large = ArchitectureError::TooLarge {
            what: "multiplications",
            limit: u64::MAX,
            hint: "use fewer channels or layers",
        };
        Self::of_graph(&Graph::of(architecture), resolution).ok_or(too_large)
    }

    /// Counts the parts of a graph; `None` on overflow.
    pub(crate) fn of_graph(graph: &Graph, resolution: usize) -> Option<Self> {
        let mut counter = Counter::new(graph, resolution);
        let parts = graph.parts().iter().map(|part| counter.part(graph, part));
        let parts: Vec<PartCost> = parts.collect::<Option<_>>()?;
        let sum =
            |value: fn(&PartCost) -> u64| parts.iter().map(value).try_fold(0u64, u64::checked_add);
        Some(Self {
            resolution,
            mult_adds: sum(|part| part.mult_adds)?,
            parameters: sum(|part| part.parameters)?,
            weight_bytes: sum(|part| part.weight_bytes)?,
            peak_activation_bytes: parts
                .iter()
                .map(|part| part.peak_activation_bytes)
                .max()
                .unwrap_or_default(),
            moved_bytes: sum(|part| part.moved_bytes)?,
            parts,
        })
    }
}

/// Goes through the nodes of a graph from the first to the last.
struct Counter {
    /// Height and width of each node's output.
    sizes: Vec<[usize; 2]>,
    /// Height and width of what the next node reads.
    size: [usize; 2],
    /// For each node, the last one that adds its output; 0 where none does.
    shortcuts: Vec<usize>,
    /// Tensors that wait for being added: by which node, and their bytes.
    kept: Vec<(usize, u64)>,
}

impl Counter {
    fn new(graph: &Graph, resolution: usize) -> Self {
        let nodes = graph.nodes();
        let mut shortcuts = vec![0; nodes.len()];
        for (index, node) in nodes.iter().enumerate() {
            if let Op::Add { from } = node.op {
                shortcuts[from] = index;
            }
        }
        Self {
            sizes: graph.sizes(resolution, resolution),
            size: [resolution; 2],
            shortcuts,
            kept: Vec::new(),
        }
    }

    fn part(&mut self, graph: &Graph, part: &Part) -> Option<PartCost> {
        let mut cost = PartCost {
            name: part.name.clone(),
            output: [0; 3],
            mult_adds: 0,
            parameters: 0,
            weight_bytes: 0,
            // A part that does nothing still has its tensor.
            peak_activation_bytes: bytes(part.input, self.size)?,
            moved_bytes: 0,
        };
        for index in part.nodes.clone() {
            self.node(index, &graph.nodes()[index], &mut cost)?;
        }
        cost.weight_bytes = cost.parameters.checked_mul(FLOAT)?;
        let [height, width] = self.size;
        cost.output = [part.output.channels, height, width];
        Some(cost)
    }

    /// Adds a node to its part.
    fn node(&mut self, index: usize, node: &Node, cost: &mut PartCost) -> Option<()> {
        let size = self.sizes[index];
        let (mult_adds, parameters) = weights(node, size)?;
        cost.mult_adds = cost.mult_adds.checked_add(mult_adds)?;
        cost.parameters = cost.parameters.checked_add(parameters)?;

        let input = bytes(node.input, self.size)?;
        let own = match node.op {
            Op::Conv { .. } | Op::GlobalMean | Op::Linear { .. } => bytes(node.output, size)?,
            // Both vectors of one convolution.
            Op::SqueezeExcite { inner, .. } => (node.input.channels as u64)
                .checked_add(inner as u64)?
                .checked_mul(FLOAT)?,
            Op::Add { .. } => 0,
        };
        let moved = moved(node, input, bytes(node.output, size)?, parameters)?;
        cost.moved_bytes = cost.moved_bytes.checked_add(moved)?;
        self.kept.retain(|&(adds, _)| adds >= index);
        let kept = self.kept.iter().map(|&(_, bytes)| bytes);
        let alive = kept.chain([input, own]).try_fold(0u64, u64::checked_add)?;
        cost.peak_activation_bytes = cost.peak_activation_bytes.max(alive);

        if let Some(before) = index.checked_sub(1)
            && self.shortcuts[before] > index
        {
            self.kept.push((self.shortcuts[before], input));
        }
        self.size = size;
        Some(())
    }
}

/// Multiplications of a node whose output has this height and width, and its trained numbers.
fn weights(node: &Node, [height, width]: [usize; 2]) -> Option<(u64, u64)> {
    let (input, output) = (node.input.channels as u64, node.output.channels as u64);
    let (weights, uses, biases) = match node.op {
        // Every weight is used once for every pixel.
        Op::Conv {
            kernel,
            groups,
            bias,
            ..
        } => {
            let window = (kernel as u64).checked_mul(kernel as u64)?;
            let input = input.checked_div(groups as u64)?;
            let weights = window.checked_mul(input)?.checked_mul(output)?;
            let pixels = (height as u64).checked_mul(width as u64)?;
            (weights, pixels, if bias { output } else { 0 })
        }
        Op::SqueezeExcite { inner, .. } => {
            let inner = inner as u64;
            let weights = input.checked_mul(inner)?.checked_mul(2)?;
            (weights, 1, inner.checked_add(output)?)
        }
        Op::Linear { bias, .. } => (input.checked_mul(output)?, 1, if bias { output } else { 0 }),
        Op::Add { .. } | Op::GlobalMean => (0, 0, 0),
    };
    let norm = match &node.norm {
        Some(_) => output.checked_mul(2)?,
        None => 0,
    };
    let parameters = weights.checked_add(biases)?.checked_add(norm)?;
    Some((weights.checked_mul(uses)?, parameters))
}

/// Bytes that a node reads and writes, where its input and output have so many.
fn moved(node: &Node, input: u64, output: u64, parameters: u64) -> Option<u64> {
    let read = match node.op {
        Op::Conv { .. } | Op::GlobalMean | Op::Linear { .. } => input,
        // For the means, and for the scaling; both tensors of a sum.
        Op::SqueezeExcite { .. } | Op::Add { .. } => input.checked_mul(2)?,
    };
    let weights = parameters.checked_mul(FLOAT)?;
    read.checked_add(output)?.checked_add(weights)
}

/// Bytes of a map of this height and width; a vector has 1 and 1.
fn bytes(features: Features, [height, width]: [usize; 2]) -> Option<u64> {
    (height as u64)
        .checked_mul(width as u64)?
        .checked_mul(features.channels as u64)?
        .checked_mul(FLOAT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{scarlet_a, scarlet_b};

    fn part<'a>(cost: &'a Cost, name: &str) -> &'a PartCost {
        cost.parts.iter().find(|part| part.name == name).unwrap()
    }

    #[test]
    fn parts_are_named_as_in_checkpoints() {
        let cost = Cost::of(&scarlet_a(), 224).unwrap();
        let names: Vec<&str> = cost.parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names[..3], ["stem", "separable_conv", "mb_module.0"]);
        assert_eq!(
            names[20..],
            ["mb_module.18", "conv_before_pooling", "classifier"]
        );
        assert_eq!(part(&cost, "stem").output, [32, 112, 112]);
        assert_eq!(part(&cost, "separable_conv").output, [16, 112, 112]);
        assert_eq!(part(&cost, "mb_module.14").output, [192, 7, 7]);
        assert_eq!(part(&cost, "conv_before_pooling").output, [1280, 7, 7]);
        assert_eq!(part(&cost, "classifier").output, [1000, 1, 1]);
    }

    #[test]
    fn a_part_can_be_counted_by_hand() {
        let cost = Cost::of(&scarlet_a(), 224).unwrap();
        // E3K7s: 40 → 120 channels on 28 × 28, squeezed to 30.
        let layer = part(&cost, "mb_module.3");
        let weights = 40 * 120 + 49 * 120 + 120 * 40;
        assert_eq!(layer.mult_adds, weights * 28 * 28 + 2 * 120 * 30);
        let norms = 2 * (120 + 120 + 40);
        let squeeze_excite = 2 * 120 * 30 + 30 + 120;
        assert_eq!(layer.parameters, weights + norms + squeeze_excite);
        assert_eq!(layer.weight_bytes, 4 * layer.parameters);
    }

    #[test]
    fn peaks_can_be_counted_by_hand() {
        let cost = Cost::of(&scarlet_a(), 224).unwrap();
        let peak = |name| part(&cost, name).peak_activation_bytes;
        // Image and output.
        assert_eq!(peak("stem"), 4 * (3 * 224 * 224 + 32 * 112 * 112));
        // No shortcut: the input dies with the expansion, which is the largest step.
        assert_eq!(peak("mb_module.0"), 4 * (16 + 48) * 112 * 112);
        // Shortcut: the input stays alive beside both hidden tensors.
        assert_eq!(peak("mb_module.1"), 4 * (32 + 192 + 192) * 56 * 56);
        assert_eq!(cost.peak_activation_bytes, peak("mb_module.1"));
        // The map and its mean.
        assert_eq!(peak("classifier"), 4 * (1280 * 7 * 7 + 1280));
        // An identity holds its tensor.
        let skipped = Cost::of(&scarlet_b(), 224).unwrap();
        let skipped = part(&skipped, "mb_module.8");
        assert_eq!(skipped.peak_activation_bytes, 4 * 80 * 14 * 14);
    }

    #[test]
    fn moved_bytes_can_be_counted_by_hand() {
        let cost = Cost::of(&scarlet_a(), 224).unwrap();
        let moved = |name| part(&cost, name).moved_bytes;
        let weights = 27 * 32 + 2 * 32;
        assert_eq!(
            moved("stem"),
            4 * (3 * 224 * 224 + 32 * 112 * 112 + weights)
        );
        // The mean, then the classifier.
        let weights = 1280 * 1000 + 1000;
        let read = 1280 * 7 * 7 + 1280;
        assert_eq!(moved("classifier"), 4 * (read + 1280 + 1000 + weights));
        // E3K7s with a shortcut: 40 → 120 channels on 28 × 28. Expansion, depthwise, squeeze-excite
        // (which reads its input twice), projection and sum.
        let (narrow, wide) = (40 * 28 * 28, 120 * 28 * 28);
        let tensors = (narrow + wide) + 2 * wide + 3 * wide + (wide + narrow) + 3 * narrow;
        let layer = part(&cost, "mb_module.3");
        assert_eq!(layer.moved_bytes, 4 * tensors + layer.weight_bytes);
    }

    #[test]
    fn a_block_without_expansion_reads_its_input_first() {
        let network = "E1K3@16".parse().unwrap();
        let cost = Cost::of(&network, 64).unwrap();
        let layer = part(&cost, "mb_module.0");
        // Depthwise output and projection beside the input kept for the shortcut.
        assert_eq!(layer.peak_activation_bytes, 4 * 3 * 16 * 32 * 32);
        assert_eq!(layer.parameters, 9 * 16 + 32 + 16 * 16 + 32);
    }

    #[test]
    fn a_stabilizer_is_a_strided_convolution() {
        let network = "L@24/2".parse().unwrap();
        let cost = Cost::of(&network, 64).unwrap();
        let layer = part(&cost, "mb_module.0");
        assert_eq!(layer.output, [24, 16, 16]);
        assert_eq!(layer.parameters, 16 * 24);
        assert_eq!(layer.mult_adds, 16 * 24 * 16 * 16);
    }

    #[test]
    fn odd_sizes_round_up() {
        let cost = Cost::of(&scarlet_a(), 225).unwrap();
        assert_eq!(part(&cost, "stem").output, [32, 113, 113]);
        assert_eq!(part(&cost, "mb_module.18").output, [320, 8, 8]);
    }
}
