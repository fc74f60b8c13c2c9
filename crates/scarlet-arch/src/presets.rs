//! SCARLET's published networks, and relatives that tests need.

use crate::{
    Activation, Architecture, BatchNormSpec, Block, CompoundScaling, Conv, Expansion, Head,
    HeadConv, InvertedResidual, Operation, Padding, Preprocessing, ResizeFilter,
};

/// Output channels of SCARLET's separable convolution.
pub(crate) const SCARLET_SEPARABLE: usize = 16;

/// Channels and stride of SCARLET's 19 layers.
pub(crate) const SCARLET_PLAN: [(usize, usize); 19] = [
    (32, 2),
    (32, 1),
    (40, 2),
    (40, 1),
    (40, 1),
    (40, 1),
    (80, 2),
    (80, 1),
    (80, 1),
    (80, 1),
    (96, 1),
    (96, 1),
    (96, 1),
    (96, 1),
    (192, 2),
    (192, 1),
    (192, 1),
    (192, 1),
    (320, 1),
];

/// SCARLET's published tables (Chu et al., arXiv 1908.06022), as text.
const SCARLET_A: &str = "E3K7 E6K5 | E3K5 E3K7s E6K3s E3K5s | E6K3s E3K3 E3K7s E3K7 | \
                         E3K5 E3K7s E3K3 E3K7s | E6K3s E6K5s E3K3s E6K3s | E6K7s";
const SCARLET_B: &str = "E3K3s E3K5s | E3K3s E6K7s E3K3 E3K5 | E6K7s E3K3s - E3K5 | \
                         E3K3s E3K3s E6K7s E3K3s | E6K5s E6K5s - E6K7s | E6K5s";
const SCARLET_C: &str = "E3K5s E3K3s | E3K5s - - E3K3 | E6K7s E3K3s E3K3s E3K5 | \
                         E3K7s E3K7 E3K3s E3K7s | E3K3s - E6K3s E6K7s | E6K5s";

/// SCARLET-A: the largest of the three, 365 M mult-adds.
pub fn scarlet_a() -> Architecture {
    published_table("scarlet-a", SCARLET_A)
}

/// SCARLET-B: 327 M mult-adds (published as 329 M).
pub fn scarlet_b() -> Architecture {
    published_table("scarlet-b", SCARLET_B)
}

/// SCARLET-C: the smallest of the three, 280 M mult-adds.
pub fn scarlet_c() -> Architecture {
    published_table("scarlet-c", SCARLET_C)
}

/// A at EfficientNet-B2's factors of width and depth, at 256 pixels (B2's own are 260).
///
/// SCARLET-A2 was published with its accuracy alone; the factors are our own choice.
pub fn scarlet_a2() -> Architecture {
    scaled_a(
        "scarlet-a2",
        CompoundScaling {
            width: 1.1,
            depth: 1.2,
            resolution: 256,
        },
    )
}

/// A at EfficientNet-B4's factors of width and depth, at 384 pixels (B4's own are 380).
///
/// SCARLET-A4 was published with 27.8 M parameters and about 4.2 G mult-adds, which the factors,
/// our own choice, come near to.
pub fn scarlet_a4() -> Architecture {
    scaled_a(
        "scarlet-a4",
        CompoundScaling {
            width: 1.4,
            depth: 1.8,
            resolution: 384,
        },
    )
}

fn scaled_a(name: &str, scaling: CompoundScaling) -> Architecture {
    let scaled = scaling
        .apply(&scarlet_a())
        .expect("the factors in this file are valid");
    Architecture {
        name: name.to_owned(),
        ..scaled
    }
}

/// Channels around the layers of a network with a stem and a head such as SCARLET's.
#[derive(Debug, Clone, Copy)]
pub struct Outline {
    /// Output channels of the stem, a 3×3 convolution of stride 2 with ReLU6.
    pub stem: usize,
    /// Output channels of the depthwise separable 3×3 convolution after it.
    pub separable: usize,
    /// Output channels of the 1×1 convolution with ReLU6 before the mean.
    pub head: usize,
}

impl Outline {
    /// SCARLET's own.
    pub const SCARLET: Self = Self {
        stem: 32,
        separable: SCARLET_SEPARABLE,
        head: 1280,
    };

    /// Of [`SearchSpace::small_images`](crate::SearchSpace::small_images).
    pub const SMALL: Self = Self {
        stem: 16,
        separable: SCARLET_SEPARABLE,
        head: 320,
    };

    /// The blocks before the layers. The separable convolution has no shortcut, whatever its
    /// channels are.
    fn blocks(self) -> [Block; 2] {
        let separable = InvertedResidual {
            activation: Activation::Relu6,
            // Said only where the shapes would allow one.
            shortcut: self.stem != self.separable,
            ..InvertedResidual::new(3, Expansion::Times(1))
        };
        let stem = Conv {
            kernel: 3,
            activation: Activation::Relu6,
        };
        [
            Block {
                operation: Operation::Conv(stem),
                channels: self.stem,
                stride: 2,
            },
            Block {
                operation: Operation::InvertedResidual(separable),
                channels: self.separable,
                stride: 1,
            },
        ]
    }

    fn head(self) -> Head {
        Head {
            conv: Some(HeadConv {
                channels: self.head,
                activation: Activation::Relu6,
            }),
            hidden: None,
        }
    }
}

/// SCARLET's kind of stem and head, of these channels, around `layers`, with its preprocessing, for
/// ImageNet's 1,000 classes.
pub fn scarlet_like(
    name: &str,
    outline: Outline,
    layers: impl IntoIterator<Item = Block>,
) -> Architecture {
    Architecture {
        name: name.to_owned(),
        input_channels: 3,
        blocks: outline.blocks().into_iter().chain(layers).collect(),
        head: outline.head(),
        classes: 1000,
        padding: Padding::Symmetric,
        batch_norm: BatchNormSpec {
            epsilon: 1e-5,
            momentum: 0.1,
        },
        preprocessing: Preprocessing::IMAGENET,
    }
}

/// SCARLET's stem, head and preprocessing around `layers`, for ImageNet's 1,000 classes.
pub(crate) fn scarlet(name: &str, layers: impl IntoIterator<Item = Block>) -> Architecture {
    scarlet_like(name, Outline::SCARLET, layers)
}

/// Whether a network has SCARLET's stem and head.
pub(crate) fn is_scarlets(network: &Architecture) -> bool {
    network.blocks.starts_with(&Outline::SCARLET.blocks())
        && network.head == Outline::SCARLET.head()
}

fn published_table(name: &str, table: &str) -> Architecture {
    let network: Architecture = table.parse().expect("the tables in this file parse");
    Architecture {
        name: name.to_owned(),
        ..network
    }
}

/// EfficientNet-Lite0: EfficientNet-B0 without squeeze-excite and with ReLU6, from the
/// TensorFlow authors' `efficientnet/lite` models. Its first block, which does not expand, is the
/// separable convolution.
pub fn efficientnet_lite0() -> Architecture {
    // Kernel, stride of the first layer, channels, layers; all expand six times.
    const STAGES: [(usize, usize, usize, usize); 6] = [
        (3, 2, 24, 2),
        (5, 2, 40, 2),
        (3, 2, 80, 3),
        (5, 1, 112, 3),
        (5, 2, 192, 4),
        (3, 1, 320, 1),
    ];
    let mut layers = Vec::new();
    for (kernel, first_stride, channels, count) in STAGES {
        let operation = Operation::InvertedResidual(InvertedResidual {
            activation: Activation::Relu6,
            ..InvertedResidual::new(kernel, Expansion::Times(6))
        });
        for index in 0..count {
            layers.push(Block {
                operation,
                channels,
                stride: if index == 0 { first_stride } else { 1 },
            });
        }
    }
    Architecture {
        padding: Padding::Same,
        batch_norm: BatchNormSpec {
            epsilon: 1e-3,
            momentum: 0.01,
        },
        preprocessing: Preprocessing {
            resolution: 224,
            crop_ratio: 0.875,
            filter: ResizeFilter::Bicubic,
            // (x − 127) / 128 for x from 0 to 255.
            mean: [127.0 / 255.0; 3],
            std: [128.0 / 255.0; 3],
        },
        ..scarlet("efficientnet-lite0", layers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cost;

    #[test]
    fn networks_are_valid() {
        for network in [
            scarlet_a(),
            scarlet_b(),
            scarlet_c(),
            scarlet_a2(),
            scarlet_a4(),
            efficientnet_lite0(),
        ] {
            network.validate().unwrap();
        }
    }

    #[test]
    fn published_figures_are_near_the_counted_ones() {
        for (network, mult_adds, parameters) in [
            (scarlet_a(), 365.0, 6.7),
            (scarlet_b(), 329.0, 6.5),
            (scarlet_c(), 280.0, 6.0),
        ] {
            let cost = Cost::of(&network, 224).unwrap();
            let ratio = cost.mult_adds as f64 / 1e6 / mult_adds;
            assert!((0.99..1.01).contains(&ratio), "{}: {ratio}", network.name);
            let ratio = cost.parameters as f64 / 1e6 / parameters;
            assert!((0.98..1.02).contains(&ratio), "{}: {ratio}", network.name);
        }
    }

    #[test]
    fn published_tables_place_stages_as_they_are_printed() {
        for table in [SCARLET_A, SCARLET_B, SCARLET_C] {
            let stages: Vec<usize> = table
                .split('|')
                .map(|stage| stage.split_whitespace().count())
                .collect();
            assert_eq!(stages, [2, 4, 4, 4, 4, 1]);
        }
    }

    #[test]
    fn lite0_takes_values_from_minus_one_to_one() {
        let preprocessing = efficientnet_lite0().preprocessing;
        let normalised = |value: f32| (value - preprocessing.mean[0]) / preprocessing.std[0];
        assert!((normalised(0.0) + 127.0 / 128.0).abs() < 1e-6);
        assert!((normalised(1.0) - 1.0).abs() < 1e-6);
    }
}
