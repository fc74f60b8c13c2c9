//! [`Cost`]: what a network costs, part by part.

use serde::Serialize;

use crate::limits::MAX_RESOLUTION;
use crate::validate::range;
use crate::{Architecture, ArchitectureError, Block, Operation, PlacedLayer};

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
    /// From the stem to the classifier.
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
        Self::count(architecture, resolution).ok_or(too_large)
    }

    /// `None` on overflow.
    fn count(architecture: &Architecture, resolution: usize) -> Option<Self> {
        let mut parts = Vec::with_capacity(architecture.layers.len() + 4);
        let image = Map::new(architecture.input_channels, resolution);

        let mut part = Part::new(image);
        part.convolution(3, 2, architecture.stem)?;
        part.batch_norm()?;
        let mut map = part.finish("stem".to_owned(), &mut parts)?;

        let mut part = Part::new(map);
        part.depthwise(3, 1)?;
        part.batch_norm()?;
        part.convolution(1, 1, architecture.separable)?;
        part.batch_norm()?;
        map = part.finish("separable_conv".to_owned(), &mut parts)?;

        for (index, layer) in architecture.placed_layers().iter().enumerate() {
            let mut part = Part::new(map);
            match layer.operation {
                Operation::Identity => {}
                Operation::Linear => part.convolution(1, layer.stride, layer.channels_out)?,
                Operation::InvertedResidual(block) => part.inverted_residual(&block, layer)?,
            }
            map = part.finish(format!("mb_module.{index}"), &mut parts)?;
        }

        let mut part = Part::new(map);
        part.convolution(1, 1, architecture.head)?;
        part.batch_norm()?;
        map = part.finish("conv_before_pooling".to_owned(), &mut parts)?;

        let mut part = Part::new(map);
        part.mean()?;
        part.convolution(1, 1, architecture.classes)?;
        part.bias()?;
        part.finish("classifier".to_owned(), &mut parts)?;

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
            parts,
        })
    }
}

/// A tensor of one image: channels of `side` × `side` pixels.
#[derive(Debug, Clone, Copy)]
struct Map {
    channels: u64,
    side: u64,
}

impl Map {
    fn new(channels: usize, side: usize) -> Self {
        Self {
            channels: channels as u64,
            side: side as u64,
        }
    }

    fn bytes(self) -> Option<u64> {
        self.channels
            .checked_mul(self.side.checked_mul(self.side)?)?
            .checked_mul(FLOAT)
    }
}

/// A part being counted, one operation after the other; `None` on overflow.
struct Part {
    /// What the next operation reads.
    map: Map,
    /// Bytes that stay alive besides what an operation reads and writes.
    kept: u64,
    mult_adds: u64,
    parameters: u64,
    peak: u64,
}

impl Part {
    fn new(input: Map) -> Self {
        Self {
            map: input,
            kept: 0,
            mult_adds: 0,
            parameters: 0,
            peak: 0,
        }
    }

    fn inverted_residual(&mut self, block: &Block, layer: &PlacedLayer) -> Option<()> {
        let input = self.map;
        let hidden = block.expansion.hidden(layer.channels_in);
        if block.has_expansion() {
            self.convolution(1, 1, hidden)?;
            self.batch_norm()?;
        }
        // The first operation reads the block's input anyway; only those behind it have to keep
        // it for the shortcut.
        if layer.has_shortcut() && block.has_expansion() {
            self.kept = input.bytes()?;
        }
        self.depthwise(block.kernel, layer.stride)?;
        self.batch_norm()?;
        if layer.has_shortcut() {
            self.kept = input.bytes()?;
        }
        if block.squeeze_excite {
            self.squeeze_excite(hidden)?;
        }
        self.convolution(1, 1, layer.channels_out)?;
        self.batch_norm()
    }

    /// A convolution with all channels, without its bias.
    fn convolution(&mut self, kernel: usize, stride: usize, channels: usize) -> Option<()> {
        let weights = (kernel as u64 * kernel as u64)
            .checked_mul(self.map.channels)?
            .checked_mul(channels as u64)?;
        self.apply(weights, stride, channels as u64)
    }

    fn depthwise(&mut self, kernel: usize, stride: usize) -> Option<()> {
        let weights = (kernel as u64 * kernel as u64).checked_mul(self.map.channels)?;
        self.apply(weights, stride, self.map.channels)
    }

    /// An operation that uses each of its weights once for every pixel of its output.
    fn apply(&mut self, weights: u64, stride: usize, channels: u64) -> Option<()> {
        let output = Map {
            channels,
            side: self.map.side.div_ceil(stride as u64),
        };
        let pixels = output.side.checked_mul(output.side)?;
        self.mult_adds = self.mult_adds.checked_add(weights.checked_mul(pixels)?)?;
        self.parameters = self.parameters.checked_add(weights)?;
        self.step(output)
    }

    /// The squeezed vectors live beside the hidden tensor, which is scaled in place.
    fn squeeze_excite(&mut self, hidden: usize) -> Option<()> {
        let map = self.map;
        let kept = self.kept;
        self.mean()?;
        self.kept = kept.checked_add(map.bytes()?)?;
        self.convolution(1, 1, hidden / 4)?;
        self.bias()?;
        self.convolution(1, 1, hidden)?;
        self.bias()?;
        self.map = map;
        self.kept = kept;
        Some(())
    }

    /// The global mean.
    fn mean(&mut self) -> Option<()> {
        self.step(Map {
            side: 1,
            ..self.map
        })
    }

    fn step(&mut self, output: Map) -> Option<()> {
        let alive = self
            .kept
            .checked_add(self.map.bytes()?)?
            .checked_add(output.bytes()?)?;
        self.peak = self.peak.max(alive);
        self.map = output;
        Some(())
    }

    fn batch_norm(&mut self) -> Option<()> {
        self.parameters = self
            .parameters
            .checked_add(self.map.channels.checked_mul(2)?)?;
        Some(())
    }

    fn bias(&mut self) -> Option<()> {
        self.parameters = self.parameters.checked_add(self.map.channels)?;
        Some(())
    }

    fn finish(self, name: String, parts: &mut Vec<PartCost>) -> Option<Map> {
        let side = self.map.side as usize;
        parts.push(PartCost {
            name,
            output: [self.map.channels as usize, side, side],
            mult_adds: self.mult_adds,
            parameters: self.parameters,
            weight_bytes: self.parameters.checked_mul(FLOAT)?,
            // An identity has no step of its own.
            peak_activation_bytes: self.peak.max(self.map.bytes()?),
        });
        Some(self.map)
    }
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
