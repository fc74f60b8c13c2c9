//! Compound scaling (Tan and Le, EfficientNet, arXiv 1905.11946).

use crate::{Architecture, Layer};

/// Factors by which a network grows in width and depth, and its new resolution.
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
    /// `architecture`, scaled.
    pub fn apply(&self, architecture: &Architecture) -> Architecture {
        let channels = |channels| scaled_channels(channels, self.width);
        let mut layers: Vec<Layer> = Vec::new();
        let all = &architecture.layers;
        let mut start = 0;
        for end in 1..=all.len() {
            let same = end < all.len()
                && all[end].stride == 1
                && all[end].channels == all[end - 1].channels;
            if same {
                continue;
            }
            let stage = &all[start..end];
            start = end;
            let count = (self.depth * stage.len() as f64).ceil() as usize;
            for index in 0..count {
                let mut layer = if index < stage.len() {
                    stage[index]
                } else {
                    stage[stage.len() - 1]
                };
                layer.channels = channels(layer.channels);
                if index >= stage.len() {
                    layer.stride = 1;
                }
                layers.push(layer);
            }
        }
        Architecture {
            stem: channels(architecture.stem),
            separable: channels(architecture.separable),
            head: channels(architecture.head),
            layers,
            ..architecture.clone()
        }
        .with_resolution(self.resolution)
    }
}

fn scaled_channels(channels: usize, width: f64) -> usize {
    let exact = channels as f64 * width;
    let rounded = ((exact + 4.0) as usize / 8 * 8).max(8);
    if (rounded as f64) < 0.9 * exact {
        rounded + 8
    } else {
        rounded
    }
}
