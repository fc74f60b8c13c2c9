//! Feature maps of several strides, for detection and segmentation heads.

use burn::tensor::Tensor;
use scarlet_arch::graph::{Features, Graph};

use crate::Scarlet;

/// One of the maps that [`Scarlet::feature_maps`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeatureMapInfo {
    /// Index of the block whose output it is.
    pub block: usize,
    /// Size of the image relative to the map.
    pub stride: usize,
    /// Channels.
    pub channels: usize,
}

impl Scarlet {
    /// The last feature map at every stride from 4 on, for detection and segmentation heads:
    /// `[batch, channels, height / stride, width / stride]` each, shallowest first, of images
    /// `[batch, channels, height, width]`. [`feature_maps_info`](Self::feature_maps_info) names
    /// strides and channels.
    pub fn feature_maps(&self, images: Tensor<4>) -> Vec<Tensor<4>> {
        let taps = self.feature_maps_info();
        let mut maps = Vec::with_capacity(taps.len());
        let mut x = images;
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.forward(x);
            if taps.iter().any(|tap| tap.block == index) {
                maps.push(x.clone());
            }
        }
        maps
    }

    /// Where [`feature_maps`](Self::feature_maps) come from, in the same order.
    pub fn feature_maps_info(&self) -> Vec<FeatureMapInfo> {
        let graph = Graph::of(self.architecture());
        let mut taps: Vec<FeatureMapInfo> = Vec::new();
        for (block, part) in graph.parts().iter().take(self.blocks.len()).enumerate() {
            let Features { channels, stride } = part.output;
            let Some(stride) = stride.filter(|&stride| stride >= 4) else {
                continue;
            };
            taps.retain(|tap| tap.stride != stride);
            taps.push(FeatureMapInfo {
                block,
                stride,
                channels,
            });
        }
        taps
    }
}
