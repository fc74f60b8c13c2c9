//! [`CompoundScaling`]: larger and smaller relatives of a network.

use crate::style::Style;
use crate::validate::out_of_range;
use crate::{Architecture, ArchitectureError, Block, Expansion, Operation, SqueezedWidth};

/// Channels are rounded to multiples of this.
const DIVISOR: usize = 8;
/// Largest factor on width or depth.
const MAX_FACTOR: f64 = 64.0;

/// Compound scaling (Tan and Le, EfficientNet, arXiv 1905.11946): width, depth and resolution
/// grow together.
///
/// A *stage* is a run of layers of the same channels, which only its first layer may change or
/// downsample to. The separable convolution is a stage of one layer.
///
/// - **Width**: all channels but the image's and the classes are multiplied and rounded to the
///   nearest multiple of 8, or the next when that is below 90 % of the product.
/// - **Depth**: a stage of n layers becomes one of ⌈depth × n⌉. How the added layers look is our
///   own choice, for networks whose layers differ: they repeat those behind the stage's first in
///   turn, or the only layer of a stage, at stride 1; after the separable convolution come layers
///   such as it (`E1K3`). Less depth leaves out the last layers of a stage.
///
/// ```
/// use scarlet_arch::{CompoundScaling, Cost, scarlet_a};
///
/// let scaling = CompoundScaling { width: 1.2, depth: 1.4, resolution: 288 };
/// let network = scaling.apply(&scarlet_a())?;
/// assert!(Cost::of(&network, 288)?.mult_adds > 1_000_000_000);
/// # Ok::<(), scarlet_arch::ArchitectureError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CompoundScaling {
    /// Factor on the channels.
    pub width: f64,
    /// Factor on the number of layers.
    pub depth: f64,
    /// Height and width of the input, in pixels.
    pub resolution: usize,
}

impl CompoundScaling {
    /// `architecture`, scaled, under its old name.
    ///
    /// # Errors
    ///
    /// When a factor is not positive, or the scaled network is not
    /// [valid](Architecture::validate).
    pub fn apply(&self, architecture: &Architecture) -> Result<Architecture, ArchitectureError> {
        for (field, factor) in [("width", self.width), ("depth", self.depth)] {
            if !(factor > 0.0 && factor <= MAX_FACTOR) {
                let allowed = format!("above 0, up to {MAX_FACTOR}");
                return Err(out_of_range("scaling", field, factor, allowed));
            }
        }
        architecture.validate_fields()?;

        let before = architecture.blocks_before_layers();
        let (around, layers) = architecture.blocks.split_at(before);
        let mut blocks = around.to_vec();
        if let [_, separable] = around {
            // As a layer it has the layers' activation.
            let activation = Style::of(architecture).activation;
            let mut repeated = *separable;
            repeated.operation = separable.operation.with_activation(activation);
            if let Operation::InvertedResidual(block) = &mut repeated.operation {
                block.shortcut = true;
            }
            // The separable convolution itself is not among the layers.
            blocks.extend(self.deepen(&[repeated]).split_off(1));
        }
        for stage in stages(layers) {
            blocks.extend(self.deepen(stage));
        }
        let mut scaled = Architecture {
            blocks,
            ..architecture.clone()
        }
        .with_resolution(self.resolution);
        self.widen(&mut scaled);
        scaled.validate()?;
        Ok(scaled)
    }

    /// Multiplies the channels of a network. No block gains a shortcut by it.
    fn widen(&self, network: &mut Architecture) {
        let width = |channels| scaled_channels(channels, self.width);
        let had_shapes: Vec<bool> = allow_shortcuts(network);
        for block in &mut network.blocks {
            block.channels = width(block.channels);
            if let Operation::InvertedResidual(block) = &mut block.operation {
                if let Expansion::To(hidden) = &mut block.expansion {
                    *hidden = width(*hidden);
                }
                if let Some(excite) = &mut block.squeeze_excite
                    && let SqueezedWidth::To(inner) = &mut excite.width
                {
                    *inner = ((*inner as f64 * self.width).round() as usize).max(1);
                }
            }
        }
        if let Some(conv) = &mut network.head.conv {
            conv.channels = width(conv.channels);
        }
        if let Some(hidden) = &mut network.head.hidden {
            hidden.channels = width(hidden.channels);
        }
        let have_shapes = allow_shortcuts(network);
        for (block, (had, has)) in
            (network.blocks.iter_mut()).zip(had_shapes.into_iter().zip(have_shapes))
        {
            if let Operation::InvertedResidual(block) = &mut block.operation
                && has
                && !had
            {
                block.shortcut = false;
            }
        }
    }

    /// A stage, at least one layer, with more layers or fewer.
    fn deepen(&self, stage: &[Block]) -> Vec<Block> {
        let count = (self.depth * stage.len() as f64).ceil() as usize;
        // The first layer is where the stage changes channels; the others are what repeats.
        let repeated = if stage.len() > 1 { &stage[1..] } else { stage };
        let added = repeated.iter().map(|layer| Block {
            stride: 1,
            ..*layer
        });
        stage
            .iter()
            .copied()
            .chain(added.cycle())
            .take(count)
            .collect()
    }
}

/// Splits layers where the channels change or the stride is not 1.
fn stages(layers: &[Block]) -> impl Iterator<Item = &[Block]> {
    layers.chunk_by(|layer, next| next.stride == 1 && next.channels == layer.channels)
}

/// For each block, whether input and output have the same shape.
fn allow_shortcuts(network: &Architecture) -> Vec<bool> {
    let placed = network.placed_blocks();
    placed.iter().map(|block| block.allows_shortcut()).collect()
}

/// EfficientNet's rounding.
fn scaled_channels(channels: usize, width: f64) -> usize {
    let exact = channels as f64 * width;
    let half = DIVISOR as f64 / 2.0;
    let rounded = ((exact + half) as usize / DIVISOR * DIVISOR).max(DIVISOR);
    if (rounded as f64) < 0.9 * exact {
        rounded + DIVISOR
    } else {
        rounded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cost, scarlet_a, scarlet_a2, scarlet_a4, scarlet_b};

    /// EfficientNet-B2's and -B4's own resolutions.
    #[test]
    fn costs_at_efficientnets_own_resolutions() {
        for (network, resolution, parameters, mult_adds) in [
            (scarlet_a2(), 260, "13.2 M", "0.94 G"),
            (scarlet_a4(), 380, "27.7 M", "4.31 G"),
        ] {
            let cost = Cost::of(&network, resolution).unwrap();
            let millions = format!("{:.1} M", cost.parameters as f64 / 1e6);
            let billions = format!("{:.2} G", cost.mult_adds as f64 / 1e9);
            assert_eq!(
                (millions.as_str(), billions.as_str()),
                (parameters, mult_adds)
            );
        }
    }

    #[test]
    fn factors_of_one_change_nothing() {
        let scaling = CompoundScaling {
            width: 1.0,
            depth: 1.0,
            resolution: 224,
        };
        assert_eq!(scaling.apply(&scarlet_b()).unwrap(), scarlet_b());
    }

    #[test]
    fn channels_round_to_eight_and_never_below_nine_tenths() {
        assert_eq!(scaled_channels(32, 1.1), 32);
        assert_eq!(scaled_channels(40, 1.1), 48);
        assert_eq!(scaled_channels(16, 1.4), 24);
        // 1.2 would round down to 0, 10.8 to 8.
        assert_eq!(scaled_channels(12, 0.1), 8);
        assert_eq!(scaled_channels(12, 0.9), 16);
    }

    #[test]
    fn added_layers_repeat_those_behind_the_first() {
        let scaling = CompoundScaling {
            width: 1.0,
            depth: 1.8,
            resolution: 224,
        };
        let deep = scaling.apply(&scarlet_a()).unwrap();
        let text = deep.to_string();
        let expected = "E1K3@16 E3K7@32/2 E6K5@32 E6K5@32 E6K5@32 E3K5@40/2 E3K7s@40 E6K3s@40 \
                        E3K5s@40 E3K7s@40 E6K3s@40 E3K5s@40 E3K7s@40 E6K3s@80/2";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.ends_with("E6K7s@320 E6K7s@320"), "{text}");
        assert_eq!(deep.total_stride(), 32);
    }

    #[test]
    fn less_depth_leaves_out_last_layers() {
        let scaling = CompoundScaling {
            width: 1.0,
            depth: 0.5,
            resolution: 224,
        };
        let shallow = scaling.apply(&scarlet_a()).unwrap().to_string();
        assert!(
            shallow.starts_with("E3K7@32/2 E3K5@40/2 E3K7s@40 E6K3s@80/2 E3K3@80"),
            "{shallow}"
        );
    }

    #[test]
    fn wrong_factors_are_errors() {
        let base = CompoundScaling {
            width: 1.0,
            depth: 1.0,
            resolution: 224,
        };
        let message =
            |scaling: CompoundScaling| scaling.apply(&scarlet_a()).unwrap_err().to_string();
        let width = CompoundScaling {
            width: f64::NAN,
            ..base
        };
        assert_eq!(
            message(width),
            "scaling: width is NaN, but must be above 0, up to 64"
        );
        let depth = CompoundScaling { depth: 0.0, ..base };
        assert_eq!(
            message(depth),
            "scaling: depth is 0, but must be above 0, up to 64"
        );
        let wide = CompoundScaling {
            width: 60.0,
            ..base
        };
        assert!(message(wide).contains("but must be from 1 to"));
    }
}
