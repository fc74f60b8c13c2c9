//! Once-for-All's mobile supernets (Cai et al., arXiv 1908.09791): the whole of each as a network, and
//! the networks that its authors trained as parts of it.

use crate::{
    Activation, Architecture, ArchitectureError, BatchNormSpec, Block, Conv, Expansion, Head,
    HeadConv, HiddenLayer, InvertedResidual, Operation, Padding, Preprocessing, SearchSpace, Skip,
    SqueezeExcite, SqueezedWidth,
};

/// Channels and widths inside are multiples of this.
const DIVISOR: usize = 8;
/// Hidden channels of a part's block, as multiples of its input's, the whole block's first.
const FACTORS: [usize; 3] = [6, 4, 3];
/// Kernels of a part's block, the whole block's first.
const KERNELS: [usize; 3] = [7, 5, 3];
/// Blocks that a part has at least in every stage of several.
const LEAST_DEPTH: usize = 2;

/// One of the supernets that the authors of Once-for-All published for mobile devices: kernels of 3, 5
/// and 7, expansion by 3, 4 and 6, and 2, 3 or 4 blocks in a stage, all in one set of weights.
///
/// ```
/// use scarlet_arch::{OnceForAll, Skip};
///
/// let space = OnceForAll::MobileNetV3.space(&[224, 192, 160])?;
/// // Of five stages of four blocks each, the last two may be left out.
/// assert_eq!((space.choices(1).len(), space.choices(2).len()), (9, 10));
/// assert_eq!(space.decode(&space.first())?.layers(), OnceForAll::MobileNetV3.largest().layers());
/// # Ok::<(), scarlet_arch::ArchitectureError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnceForAll {
    /// Around MobileNetV3-Large.
    MobileNetV3,
    /// Around MobileNetV3-Large of 1.2 times the channels.
    MobileNetV3Wide,
    /// Around ProxylessNAS's networks (Cai et al., arXiv 1812.00332) of 1.3 times the channels.
    Proxyless,
}

/// Blocks of the same channels, the first of which has the stride.
struct Stage {
    channels: usize,
    stride: usize,
    blocks: usize,
    activation: Activation,
    squeeze_excite: bool,
}

const fn stage(
    channels: usize,
    stride: usize,
    activation: Activation,
    squeeze_excite: bool,
) -> Stage {
    Stage {
        channels,
        stride,
        blocks: 4,
        activation,
        squeeze_excite,
    }
}

impl OnceForAll {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::MobileNetV3, Self::MobileNetV3Wide, Self::Proxyless];

    /// Some of the resolutions that the authors trained for, which are all multiples of 4 from 128 to
    /// 224.
    pub const RESOLUTIONS: [usize; 5] = [224, 208, 192, 176, 160];

    /// What its authors call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::MobileNetV3 => "ofa_mbv3_d234_e346_k357_w1.0",
            Self::MobileNetV3Wide => "ofa_mbv3_d234_e346_k357_w1.2",
            Self::Proxyless => "ofa_proxyless_d234_e346_k357_w1.3",
        }
    }

    fn stages(self) -> Vec<Stage> {
        use Activation::{HSwish, Relu, Relu6};

        let mobilenet_v3 = |channels: [usize; 5]| {
            vec![
                stage(channels[0], 2, Relu, false),
                stage(channels[1], 2, Relu, true),
                stage(channels[2], 2, HSwish, false),
                stage(channels[3], 1, HSwish, true),
                stage(channels[4], 2, HSwish, true),
            ]
        };
        match self {
            Self::MobileNetV3 => mobilenet_v3([24, 40, 80, 112, 160]),
            Self::MobileNetV3Wide => mobilenet_v3([32, 48, 96, 136, 192]),
            Self::Proxyless => vec![
                stage(32, 2, Relu6, false),
                stage(56, 2, Relu6, false),
                stage(104, 2, Relu6, false),
                stage(128, 1, Relu6, false),
                stage(248, 2, Relu6, false),
                Stage {
                    blocks: 1,
                    ..stage(416, 1, Relu6, false)
                },
            ],
        }
    }

    /// The stem and the separable convolution, whose activations differ in MobileNetV3.
    fn start(self) -> [Block; 2] {
        use Activation::{HSwish, Relu, Relu6};

        let (channels, first, second) = match self {
            Self::MobileNetV3 => ([16, 16], HSwish, Relu),
            Self::MobileNetV3Wide => ([24, 24], HSwish, Relu),
            Self::Proxyless => ([40, 24], Relu6, Relu6),
        };
        let separable = InvertedResidual {
            activation: second,
            ..InvertedResidual::new(3, Expansion::Times(1))
        };
        [
            Block {
                operation: Operation::Conv(Conv {
                    kernel: 3,
                    activation: first,
                }),
                channels: channels[0],
                stride: 2,
            },
            Block {
                operation: Operation::InvertedResidual(separable),
                channels: channels[1],
                stride: 1,
            },
        ]
    }

    fn head(self) -> Head {
        let mobilenet_v3 = |conv, hidden| Head {
            conv: Some(HeadConv {
                channels: conv,
                activation: Activation::HSwish,
            }),
            hidden: Some(HiddenLayer {
                channels: hidden,
                activation: Activation::HSwish,
                bias: false,
            }),
        };
        match self {
            Self::MobileNetV3 => mobilenet_v3(960, 1280),
            Self::MobileNetV3Wide => mobilenet_v3(1152, 1536),
            Self::Proxyless => Head {
                conv: Some(HeadConv {
                    channels: 1664,
                    activation: Activation::Relu6,
                }),
                hidden: None,
            },
        }
    }

    /// The largest network: kernels of 7, expansion by 6, every block; for ImageNet's 1,000 classes and
    /// images of 224 pixels. Its batch normalisation has the constants that the authors' code gives it.
    pub fn largest(self) -> Architecture {
        let mut blocks = self.start().to_vec();
        let mut channels = blocks[1].channels;
        for stage in self.stages() {
            for index in 0..stage.blocks {
                blocks.push(Block {
                    operation: part(&stage, channels, FACTORS[0], KERNELS[0]),
                    channels: stage.channels,
                    stride: if index == 0 { stage.stride } else { 1 },
                });
                channels = stage.channels;
            }
        }
        Architecture {
            name: self.name().to_owned(),
            input_channels: 3,
            blocks,
            head: self.head(),
            classes: 1000,
            padding: Padding::Symmetric,
            batch_norm: BatchNormSpec {
                epsilon: match self {
                    Self::MobileNetV3 | Self::MobileNetV3Wide => 1e-5,
                    Self::Proxyless => 1e-3,
                },
                momentum: 0.1,
            },
            preprocessing: Preprocessing::IMAGENET,
        }
    }

    /// The networks that were trained as parts of the [largest](Self::largest), which is the one of all
    /// genes 0: in every layer each expansion (6, 4, 3) with each kernel (7, 5, 3), and the third and
    /// fourth layer of a stage may be left out. Where several `resolutions` are given, the largest first,
    /// a last gene chooses among them; without any all networks see 224 pixels.
    ///
    /// # Errors
    ///
    /// When the resolutions do not become smaller, or are out of range.
    pub fn space(self, resolutions: &[usize]) -> Result<SearchSpace, ArchitectureError> {
        let largest = self.largest();
        let mut channels = largest.blocks[1].channels;
        let mut choices = Vec::new();
        for stage in self.stages() {
            for index in 0..stage.blocks {
                let mut parts: Vec<Operation> = (FACTORS.into_iter())
                    .flat_map(|factor| KERNELS.map(|kernel| (factor, kernel)))
                    .map(|(factor, kernel)| part(&stage, channels, factor, kernel))
                    .collect();
                if index >= LEAST_DEPTH {
                    parts.push(Skip::Identity.operation());
                }
                choices.push(parts);
                channels = stage.channels;
            }
        }
        match resolutions {
            [] => SearchSpace::by_layer(largest, choices),
            [first, ..] => SearchSpace::by_layer(largest.with_resolution(*first), choices)?
                .with_resolutions(resolutions.to_vec()),
        }
    }
}

/// A block of a stage whose input has so many channels.
fn part(stage: &Stage, channels_in: usize, factor: usize, kernel: usize) -> Operation {
    let hidden = channels_in * factor;
    let squeeze_excite = stage.squeeze_excite.then(|| {
        let inner = multiple(hidden / 4);
        SqueezeExcite {
            width: match inner == hidden / 4 {
                true => SqueezedWidth::Quarter,
                false => SqueezedWidth::To(inner),
            },
            ..SqueezeExcite::QUARTER
        }
    });
    Operation::InvertedResidual(InvertedResidual {
        squeeze_excite,
        activation: stage.activation,
        ..InvertedResidual::new(kernel, Expansion::Times(factor))
    })
}

/// The nearest multiple of 8, or the next one where that is more than a tenth less, as MobileNets have
/// it.
fn multiple(number: usize) -> usize {
    let nearest = ((number + DIVISOR / 2) / DIVISOR * DIVISOR).max(DIVISOR);
    match nearest * 10 < number * 9 {
        true => nearest + DIVISOR,
        false => nearest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(space: &SearchSpace, layer: usize) -> String {
        let choices = space.choices(layer).iter().map(ToString::to_string);
        choices.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_largest_are_as_they_were_published() {
        let [v3, wide, proxyless] = OnceForAll::ALL.map(|it| it.largest().to_string());
        let expected = "C3@16/2 E1K3:relu E6K7@24/2:relu E6K7:relu";
        assert!(v3.starts_with(expected), "{v3}");
        // 144, 240 and 480 hidden channels: a quarter as a multiple of 8.
        assert!(v3.contains("E6K7s40@40/2:relu E6K7s64:relu"), "{v3}");
        assert!(v3.contains("E6K7s@112 E6K7s E6K7s"), "{v3}");
        assert!(v3.ends_with("P960 F1280n"), "{v3}");
        // 576 and 816.
        assert!(wide.contains("E6K7s@136 E6K7s208 E6K7s208"), "{wide}");
        assert!(wide.ends_with("P1152 F1536n"), "{wide}");
        let expected = "[relu6] C3@40/2 E1K3@24 E6K7@32/2";
        assert!(proxyless.starts_with(expected), "{proxyless}");
        assert!(proxyless.ends_with("E6K7@416 P1664"), "{proxyless}");
    }

    #[test]
    fn spaces_go_from_the_largest_to_the_least() {
        for (supernet, layers, size) in [
            (OnceForAll::MobileNetV3, 20, "34867844010000000000"),
            (OnceForAll::MobileNetV3Wide, 20, "34867844010000000000"),
            (OnceForAll::Proxyless, 21, "313810596090000000000"),
        ] {
            // 9^10 · 10^10, and 9 more for the block that is a stage.
            let space = supernet.space(&[]).unwrap();
            assert_eq!(
                (space.layers(), space.size_exact()),
                (layers, size.to_owned())
            );
            let whole = space.decode(&space.first()).unwrap();
            assert_eq!(whole.blocks, supernet.largest().blocks);
            assert_eq!(whole.head, supernet.largest().head);

            let space = supernet.space(&OnceForAll::RESOLUTIONS).unwrap();
            assert_eq!(space.genes().len(), layers + 1);
            assert_eq!(space.resolutions(), OnceForAll::RESOLUTIONS);
            let json = serde_json::to_string(&space).unwrap();
            assert_eq!(serde_json::from_str::<SearchSpace>(&json).unwrap(), space);
        }
        let space = OnceForAll::MobileNetV3.space(&[192]).unwrap();
        assert_eq!(space.resolutions(), [192]);
        assert!(OnceForAll::MobileNetV3.space(&[160, 192]).is_err());
        // 72, 96 and 144 hidden channels.
        assert_eq!(
            words(&space, 4),
            "E6K7s40:relu E6K5s40:relu E6K3s40:relu E4K7s:relu E4K5s:relu E4K3s:relu \
             E3K7s24:relu E3K5s24:relu E3K3s24:relu"
        );
        assert!(words(&space, 6).ends_with("E3K3s32:relu -"));
    }

    #[test]
    fn widths_are_rounded_as_in_mobilenets() {
        for (number, expected) in [
            (1, 8),
            (18, 24),
            (20, 24),
            (24, 24),
            (30, 32),
            (84, 88),
            (102, 104),
        ] {
            assert_eq!(multiple(number), expected, "{number}");
        }
    }
}
