//! What a network costs.

use scarlet_arch::{Architecture, InvertedResidual, Operation, PlacedBlock, SqueezedWidth};

use super::part_name;

/// Bytes of an f32.
const FLOAT: u64 = 4;

/// What a part costs.
#[derive(Debug, PartialEq)]
pub(crate) struct Counted {
    pub(crate) name: String,
    pub(crate) output: [usize; 3],
    pub(crate) mult_adds: u64,
    pub(crate) parameters: u64,
    pub(crate) peak_activation_bytes: u64,
}

/// The parts of a network, for a square image.
pub(crate) fn parts(network: &Architecture, resolution: usize) -> Vec<Counted> {
    let mut parts = Vec::new();
    let image = Map {
        channels: network.input_channels as u64,
        side: resolution as u64,
    };

    let mut map = image;
    for (index, block) in network.placed_blocks().iter().enumerate() {
        let mut part = Part::new(map);
        match block.operation {
            Operation::Identity => {}
            Operation::Linear => part.convolution(1, block.stride, block.channels_out),
            Operation::Conv(conv) => {
                part.convolution(conv.kernel as u64, block.stride, block.channels_out);
                part.batch_norm();
            }
            Operation::InvertedResidual(it) => part.inverted_residual(&it, block),
        }
        map = part.finish(part_name(network, index), &mut parts);
    }
    if let Some(conv) = network.head.conv {
        let mut part = Part::new(map);
        part.convolution(1, 1, conv.channels);
        part.batch_norm();
        map = part.finish("conv_before_pooling".to_owned(), &mut parts);
    }
    if let Some(hidden) = network.head.hidden {
        let mut part = Part::new(map);
        part.mean();
        part.convolution(1, 1, hidden.channels);
        if hidden.bias {
            part.bias();
        }
        map = part.finish("hidden".to_owned(), &mut parts);
    }
    let mut part = Part::new(map);
    if network.head.hidden.is_none() {
        part.mean();
    }
    part.convolution(1, 1, network.classes);
    part.bias();
    part.finish("classifier".to_owned(), &mut parts);
    parts
}

/// A tensor of one image: channels of `side` × `side` pixels.
#[derive(Clone, Copy)]
struct Map {
    channels: u64,
    side: u64,
}

impl Map {
    fn bytes(self) -> u64 {
        FLOAT * self.channels * self.side * self.side
    }
}

/// A part being counted, one operation after the other.
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
    fn new(map: Map) -> Self {
        Self {
            map,
            kept: 0,
            mult_adds: 0,
            parameters: 0,
            peak: 0,
        }
    }

    fn inverted_residual(&mut self, block: &InvertedResidual, layer: &PlacedBlock) {
        let input = self.map;
        let hidden = block.expansion.hidden(layer.channels_in);
        if block.has_expansion() {
            self.convolution(1, 1, hidden);
            self.batch_norm();
        }
        // The first operation reads the block's input anyway; only those after it have to keep it
        // for the shortcut.
        if layer.has_shortcut() && block.has_expansion() {
            self.kept = input.bytes();
        }
        self.depthwise(block.kernel, layer.stride);
        self.batch_norm();
        if layer.has_shortcut() {
            self.kept = input.bytes();
        }
        if let Some(excite) = block.squeeze_excite {
            let inner = match excite.width {
                SqueezedWidth::Quarter => hidden / 4,
                SqueezedWidth::To(inner) => inner,
            };
            self.squeeze_excite(inner, hidden);
        }
        self.convolution(1, 1, layer.channels_out);
        self.batch_norm();
    }

    fn convolution(&mut self, kernel: u64, stride: usize, channels: usize) {
        let weights = kernel * kernel * self.map.channels * channels as u64;
        self.apply(weights, stride, channels as u64);
    }

    fn depthwise(&mut self, kernel: usize, stride: usize) {
        let weights = (kernel * kernel) as u64 * self.map.channels;
        self.apply(weights, stride, self.map.channels);
    }

    /// An operation that uses each of its weights once for every pixel of its output.
    fn apply(&mut self, weights: u64, stride: usize, channels: u64) {
        let side = self.map.side.div_ceil(stride as u64);
        self.mult_adds += weights * side * side;
        self.parameters += weights;
        self.step(Map { channels, side });
    }

    /// The squeezed vectors live beside the hidden tensor, which is scaled in place.
    fn squeeze_excite(&mut self, inner: usize, hidden: usize) {
        let (map, kept) = (self.map, self.kept);
        self.mean();
        self.kept = kept + map.bytes();
        self.convolution(1, 1, inner);
        self.bias();
        self.convolution(1, 1, hidden);
        self.bias();
        (self.map, self.kept) = (map, kept);
    }

    fn mean(&mut self) {
        let side = 1;
        self.step(Map { side, ..self.map });
    }

    fn step(&mut self, output: Map) {
        let alive = self.kept + self.map.bytes() + output.bytes();
        self.peak = self.peak.max(alive);
        self.map = output;
    }

    fn batch_norm(&mut self) {
        self.parameters += 2 * self.map.channels;
    }

    fn bias(&mut self) {
        self.parameters += self.map.channels;
    }

    fn finish(self, name: String, parts: &mut Vec<Counted>) -> Map {
        let side = self.map.side as usize;
        parts.push(Counted {
            name,
            output: [self.map.channels as usize, side, side],
            mult_adds: self.mult_adds,
            parameters: self.parameters,
            // An identity has no step of its own.
            peak_activation_bytes: self.peak.max(self.map.bytes()),
        });
        self.map
    }
}
