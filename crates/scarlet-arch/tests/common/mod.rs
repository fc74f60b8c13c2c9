//! Random networks.

use proptest::prelude::*;
use scarlet_arch::{Architecture, Block, Expansion, Layer, Operation, scarlet_a};

pub(crate) fn block() -> impl Strategy<Value = Block> {
    let expansion = prop_oneof![
        3 => (1usize..=6).prop_map(Expansion::Times),
        1 => (4usize..=600).prop_map(Expansion::To),
    ];
    (0usize..5, expansion, any::<bool>()).prop_map(|(half, expansion, squeeze_excite)| Block {
        kernel: 2 * half + 1,
        expansion,
        squeeze_excite,
    })
}

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => block().prop_map(Operation::InvertedResidual),
        1 => Just(Operation::Identity),
        1 => Just(Operation::Linear),
    ]
}

/// Layers of a valid network at 224 pixels: at most five halvings with the stem's.
pub(crate) fn layers() -> impl Strategy<Value = Vec<Layer>> {
    layers_of(4usize..400)
}

/// The same with other numbers of channels.
pub(crate) fn layers_of(
    channels: impl Strategy<Value = usize> + Clone,
) -> impl Strategy<Value = Vec<Layer>> {
    let count = prop_oneof![Just(19usize), 1usize..40];
    count.prop_flat_map(move |count| {
        let layers = prop::collection::vec((operation(), channels.clone()), count);
        let strided = prop::collection::vec(0..count, 0..=4);
        (layers, strided).prop_map(|(layers, strided)| {
            let mut layers: Vec<Layer> = layers
                .into_iter()
                .map(|(operation, channels)| Layer {
                    operation,
                    channels,
                    stride: 1,
                })
                .collect();
            for index in strided {
                layers[index].stride = 2;
            }
            layers
        })
    })
}

pub(crate) fn with_layers(layers: Vec<Layer>) -> Architecture {
    Architecture {
        name: "custom".to_owned(),
        layers,
        ..scarlet_a()
    }
}
