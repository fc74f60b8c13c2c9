//! The spaces that are known by name: SCARLET's own, and ours for small images.

use super::SearchSpace;
use super::choices::Choices;
use crate::presets::{Outline, SCARLET_PLAN, scarlet, scarlet_like};
use crate::{
    Activation, Architecture, ArchitectureError, Block, Expansion, InvertedResidual, Operation,
    Preprocessing, SqueezeExcite,
};

impl SearchSpace {
    /// SCARLET's own space: 19 layers of 13 choices, kernel 3, 5, 7 × expansion 3, 6 ×
    /// squeeze-excite no, yes, and a skip (Chu et al., arXiv 1908.06022).
    pub fn scarlet() -> Self {
        let mut choices = blocks(false);
        choices.extend(blocks(true));
        choices.push(Operation::Identity);
        Self::unchecked(
            scarlet("scarlet", plan(&SCARLET_PLAN)),
            Choices::Same(choices),
        )
    }

    /// The smaller space of the paper's analyses: SCARLET's 19 layers, the 6 choices without
    /// squeeze-excite and a skip, and ReLU6.
    pub fn without_squeeze_excite() -> Self {
        let mut choices = blocks(false);
        choices.push(Operation::Identity);
        let choices = choices.into_iter();
        Self::unchecked(
            scarlet("scarlet-relu6", plan(&SCARLET_PLAN)),
            Choices::Same(
                choices
                    .map(|choice| choice.with_activation(Activation::Relu6))
                    .collect(),
            ),
        )
    }

    /// A space of our own for small images, such as those of 32 × 32 pixels: SCARLET's 13 choices
    /// in 9 layers of 24, 40 and 80 channels and a total stride of 8. Values go from −1 to 1, and
    /// nothing is cropped.
    ///
    /// # Errors
    ///
    /// When a number is beyond the [limits](crate::limits).
    pub fn small_images(
        input_channels: usize,
        resolution: usize,
        classes: usize,
    ) -> Result<Self, ArchitectureError> {
        const PLAN: [(usize, usize); 9] = [
            (24, 1),
            (24, 1),
            (40, 2),
            (40, 1),
            (40, 1),
            (80, 2),
            (80, 1),
            (80, 1),
            (80, 1),
        ];
        let template = Architecture {
            input_channels,
            classes,
            preprocessing: Preprocessing {
                resolution,
                crop_ratio: 1.0,
                mean: [0.5; 3],
                std: [0.5; 3],
                ..Preprocessing::IMAGENET
            },
            ..scarlet_like("small", Outline::SMALL, plan(&PLAN))
        };
        Self::checked(template, Self::scarlet().choices)
    }
}

/// SCARLET's kernels and expansions.
pub(super) fn blocks(squeeze_excite: bool) -> Vec<Operation> {
    let mut blocks = Vec::new();
    for factor in [3, 6] {
        for kernel in [3, 5, 7] {
            blocks.push(Operation::InvertedResidual(InvertedResidual {
                squeeze_excite: squeeze_excite.then_some(SqueezeExcite::QUARTER),
                ..InvertedResidual::new(kernel, Expansion::Times(factor))
            }));
        }
    }
    blocks
}

/// Layers of these channels and strides.
fn plan(places: &[(usize, usize)]) -> Vec<Block> {
    places
        .iter()
        .map(|&(channels, stride)| Block {
            operation: Operation::Linear,
            channels,
            stride,
        })
        .collect()
}
