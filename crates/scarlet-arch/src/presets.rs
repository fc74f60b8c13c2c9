//! The published networks, by name, and what was published about them.

use serde::Serialize;

use crate::{
    Activation, Architecture, ArchitectureError, BatchNormSpec, Block, Expansion, Layer, Operation,
    Padding, Preprocessing, ResizeFilter,
};

/// Names of all presets, as [`by_name`] takes them.
pub const NAMES: &[&str] = &[
    "scarlet-a",
    "scarlet-b",
    "scarlet-c",
    "scarlet-a2",
    "scarlet-a4",
    "efficientnet-lite0",
];

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

/// SCARLET-B.
pub fn scarlet_b() -> Architecture {
    published_table("scarlet-b", SCARLET_B)
}

/// SCARLET-C: the smallest of the three, 280 M mult-adds.
pub fn scarlet_c() -> Architecture {
    published_table("scarlet-c", SCARLET_C)
}

/// SCARLET's stem, head and preprocessing around `layers`, for ImageNet's 1,000 classes.
pub(crate) fn scarlet(name: &str, layers: Vec<Layer>) -> Architecture {
    Architecture {
        name: name.to_owned(),
        input_channels: 3,
        stem: 32,
        separable: SCARLET_SEPARABLE,
        layers,
        head: 1280,
        classes: 1000,
        activation: Activation::HSwish,
        padding: Padding::Symmetric,
        batch_norm: BatchNormSpec {
            epsilon: 1e-5,
            momentum: 0.1,
        },
        preprocessing: Preprocessing::IMAGENET,
    }
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
        let operation = Operation::InvertedResidual(Block {
            kernel,
            expansion: Expansion::Times(6),
            squeeze_excite: false,
        });
        for index in 0..count {
            layers.push(Layer {
                operation,
                channels,
                stride: if index == 0 { first_stride } else { 1 },
            });
        }
    }
    Architecture {
        name: "efficientnet-lite0".to_owned(),
        input_channels: 3,
        stem: 32,
        separable: 16,
        layers,
        head: 1280,
        classes: 1000,
        activation: Activation::Relu6,
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
    }
}

/// The preset of that name. Case, `-`, `_` and spaces do not matter: `ScarletA` is `scarlet-a`.
///
/// # Errors
///
/// [`ArchitectureError::UnknownName`] lists the [`NAMES`] and the nearest of them.
pub fn by_name(name: &str) -> Result<Architecture, ArchitectureError> {
    let wanted = key(name);
    let known = NAMES.iter().find(|known| key(known) == wanted);
    match known.copied() {
        Some("scarlet-a") => Ok(scarlet_a()),
        Some("scarlet-b") => Ok(scarlet_b()),
        Some("scarlet-c") => Ok(scarlet_c()),
        Some("scarlet-a2") => Ok(scarlet_a2()),
        Some("scarlet-a4") => Ok(scarlet_a4()),
        Some("efficientnet-lite0") => Ok(efficientnet_lite0()),
        _ => Err(ArchitectureError::UnknownName {
            nearest: nearest_name(&wanted),
            name: name.chars().take(64).collect(),
            known: NAMES,
        }),
    }
}

fn key(name: &str) -> String {
    name.chars()
        .filter(|character| !matches!(character, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

fn nearest_name(wanted: &str) -> Option<&'static str> {
    if wanted.len() > 64 {
        return None;
    }
    let distance = |name: &str| strsim::damerau_levenshtein(&key(name), wanted);
    let nearest = NAMES.iter().copied().min_by_key(|name| distance(name))?;
    (distance(nearest) <= 3).then_some(nearest)
}

/// A scaled by EfficientNet-B2's factors.
pub fn scarlet_a2() -> Architecture {
    let scaled = crate::CompoundScaling {
        width: 1.1,
        depth: 1.2,
        resolution: 256,
    }
    .apply(&scarlet_a());
    Architecture {
        name: "scarlet-a2".to_owned(),
        ..scaled
    }
}

/// A scaled by EfficientNet-B4's factors.
pub fn scarlet_a4() -> Architecture {
    let scaled = crate::CompoundScaling {
        width: 1.4,
        depth: 1.8,
        resolution: 384,
    }
    .apply(&scarlet_a());
    Architecture {
        name: "scarlet-a4".to_owned(),
        ..scaled
    }
}

/// Published figures of a network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Published {
    /// Mult-adds, in millions.
    pub mult_adds: Option<f64>,
    /// Parameters, in millions.
    pub parameters: Option<f64>,
    /// ImageNet top-1 accuracy, in percent.
    pub top1: Option<f64>,
    /// ImageNet top-5 accuracy, in percent.
    pub top5: Option<f64>,
}

/// What was published about the preset of that name; `None` for an unknown one.
pub fn published(name: &str) -> Option<Published> {
    let figures = |mult_adds, parameters, top1, top5| Published {
        mult_adds,
        parameters,
        top1,
        top5,
    };
    let wanted = key(name);
    match NAMES.iter().find(|known| key(known) == wanted).copied()? {
        "scarlet-a" => Some(figures(Some(365.0), Some(6.7), Some(76.9), Some(93.4))),
        "scarlet-b" => Some(figures(Some(329.0), Some(6.5), Some(76.3), Some(93.0))),
        "scarlet-c" => Some(figures(Some(280.0), Some(6.0), Some(75.6), Some(92.6))),
        "scarlet-a2" => Some(figures(None, None, Some(79.5), None)),
        "scarlet-a4" => Some(figures(Some(4200.0), Some(27.8), Some(82.3), None)),
        "efficientnet-lite0" => Some(figures(Some(407.0), Some(4.7), Some(75.1), None)),
        _ => None,
    }
}
