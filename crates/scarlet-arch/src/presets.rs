//! The published networks, by name, and what was published about them.

use serde::Serialize;

use crate::{
    Activation, Architecture, ArchitectureError, BatchNormSpec, Block, CompoundScaling, Conv,
    Expansion, Head, HeadConv, InvertedResidual, Operation, Padding, Preprocessing, ResizeFilter,
};

struct Preset {
    name: &'static str,
    build: fn() -> Architecture,
    published: Published,
}

const PRESETS: [Preset; 6] = [
    Preset {
        name: "scarlet-a",
        build: scarlet_a,
        published: Published::of(Some(365.0), Some(6.7), 76.9, Some(93.4)),
    },
    Preset {
        name: "scarlet-b",
        build: scarlet_b,
        published: Published::of(Some(329.0), Some(6.5), 76.3, Some(93.0)),
    },
    Preset {
        name: "scarlet-c",
        build: scarlet_c,
        published: Published::of(Some(280.0), Some(6.0), 75.6, Some(92.6)),
    },
    Preset {
        name: "scarlet-a2",
        build: scarlet_a2,
        published: Published::of(None, None, 79.5, None),
    },
    Preset {
        name: "scarlet-a4",
        build: scarlet_a4,
        published: Published::of(Some(4200.0), Some(27.8), 82.3, None),
    },
    Preset {
        name: "efficientnet-lite0",
        build: efficientnet_lite0,
        published: Published::of(Some(407.0), Some(4.7), 75.1, None),
    },
];

/// Names of all presets, as [`by_name`] takes them.
pub const NAMES: [&str; PRESETS.len()] = {
    let mut names = [""; PRESETS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = PRESETS[index].name;
        index += 1;
    }
    names
};

/// What was published about a network, for comparison with what is counted or measured here.
///
/// The figures need not describe this crate's network of that name: SCARLET-B's mult-adds are
/// not those of the network that was released, and the factors behind A2 and A4 are unknown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Published {
    /// Mult-adds, in millions.
    pub mult_adds: Option<f64>,
    /// Parameters, in millions.
    pub parameters: Option<f64>,
    /// ImageNet top-1 accuracy, in percent.
    pub top1: f64,
    /// ImageNet top-5 accuracy, in percent.
    pub top5: Option<f64>,
}

impl Published {
    const fn of(
        mult_adds: Option<f64>,
        parameters: Option<f64>,
        top1: f64,
        top5: Option<f64>,
    ) -> Self {
        Self {
            mult_adds,
            parameters,
            top1,
            top5,
        }
    }
}

/// The preset of that name. Case, `-`, `_` and spaces do not matter: `ScarletA` is `scarlet-a`.
///
/// # Errors
///
/// [`ArchitectureError::UnknownName`] lists the [`NAMES`] and the nearest of them.
pub fn by_name(name: &str) -> Result<Architecture, ArchitectureError> {
    match preset(name) {
        Some(preset) => Ok((preset.build)()),
        None => Err(ArchitectureError::UnknownName {
            name: name.chars().take(LONGEST_NAME).collect(),
            nearest: nearest_name(name),
        }),
    }
}

/// What was published about the preset of that name, if there is one.
pub fn published(name: &str) -> Option<Published> {
    preset(name).map(|preset| preset.published)
}

/// Bytes of a name beyond which nobody can have meant a preset.
const LONGEST_NAME: usize = 64;

fn preset(name: &str) -> Option<Preset> {
    let wanted = key(name);
    PRESETS
        .into_iter()
        .find(|preset| key(preset.name) == wanted)
}

fn key(name: &str) -> String {
    name.chars()
        .filter(|character| !matches!(character, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

fn nearest_name(name: &str) -> Option<&'static str> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    let wanted = key(name);
    let distance = |known: &str| strsim::damerau_levenshtein(&key(known), &wanted);
    let nearest = NAMES.into_iter().min_by_key(|known| distance(known))?;
    (distance(nearest) <= 3).then_some(nearest)
}

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
    fn presets_are_valid_and_go_by_their_names() {
        for name in NAMES {
            let network = by_name(name).unwrap();
            assert_eq!(network.name, name);
            network.validate().unwrap();
            assert!(published(name).unwrap().top1 > 70.0);
        }
    }

    #[test]
    fn names_are_read_leniently() {
        for name in ["ScarletA", "SCARLET_A", "scarlet a", "scarlet-a"] {
            assert_eq!(by_name(name).unwrap(), scarlet_a());
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones_and_the_nearest() {
        assert_eq!(
            by_name("scarlett-b").unwrap_err().to_string(),
            "no network is named \"scarlett-b\"; did you mean \"scarlet-b\"? Known: scarlet-a, \
             scarlet-b, scarlet-c, scarlet-a2, scarlet-a4, efficientnet-lite0"
        );
        let message = by_name("resnet50").unwrap_err().to_string();
        assert!(!message.contains("did you mean"), "{message}");
        let message = by_name(&"x".repeat(1 << 20)).unwrap_err().to_string();
        assert!(message.len() < 300, "{message}");
        assert_eq!(published("resnet50"), None);
    }

    #[test]
    fn published_figures_are_near_the_counted_ones() {
        for name in ["scarlet-a", "scarlet-b", "scarlet-c"] {
            let published = published(name).unwrap();
            let cost = Cost::of(&by_name(name).unwrap(), 224).unwrap();
            let counted = cost.mult_adds as f64 / 1e6;
            let ratio = counted / published.mult_adds.unwrap();
            assert!((0.99..1.01).contains(&ratio), "{name}: {ratio}");
            let ratio = cost.parameters as f64 / 1e6 / published.parameters.unwrap();
            assert!((0.98..1.02).contains(&ratio), "{name}: {ratio}");
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
