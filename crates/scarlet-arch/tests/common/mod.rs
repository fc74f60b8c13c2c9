//! Random networks.

use proptest::prelude::*;
use scarlet_arch::{
    Activation, Architecture, Block, Expansion, Gate, InvertedResidual, Operation, SqueezeExcite,
    SqueezedWidth, scarlet_a,
};

pub(crate) fn activation() -> impl Strategy<Value = Activation> {
    prop::sample::select(Activation::ALL)
}

fn squeeze_excite() -> impl Strategy<Value = SqueezeExcite> {
    let width = prop_oneof![
        Just(SqueezedWidth::Quarter),
        (1usize..99).prop_map(SqueezedWidth::To),
    ];
    let gate = prop::sample::select(Gate::ALL);
    (width, activation(), gate).prop_map(|(width, activation, gate)| SqueezeExcite {
        width,
        activation,
        gate,
    })
}

pub(crate) fn block() -> impl Strategy<Value = InvertedResidual> {
    let expansion = prop_oneof![
        3 => (1usize..=6).prop_map(Expansion::Times),
        1 => (4usize..=600).prop_map(Expansion::To),
    ];
    let excite = prop::option::of(squeeze_excite());
    let flags = (prop::bool::weighted(0.2), prop::bool::weighted(0.9));
    (0usize..5, expansion, excite, activation(), flags).prop_map(
        |(half, expansion, squeeze_excite, activation, (activate_output, shortcut))| {
            InvertedResidual {
                squeeze_excite,
                activation,
                activate_output,
                shortcut,
                ..InvertedResidual::new(2 * half + 1, expansion)
            }
        },
    )
}

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => block().prop_map(Operation::InvertedResidual),
        1 => Just(Operation::Identity),
        1 => Just(Operation::Linear),
    ]
}

/// Layers of a valid network at 224 pixels: at most five halvings with the stem's.
pub(crate) fn layers() -> impl Strategy<Value = Vec<Block>> {
    layers_of(4usize..400)
}

/// The same with other numbers of channels.
pub(crate) fn layers_of(
    channels: impl Strategy<Value = usize> + Clone,
) -> impl Strategy<Value = Vec<Block>> {
    let count = prop_oneof![Just(19usize), 1usize..40];
    count.prop_flat_map(move |count| {
        let layers = prop::collection::vec((operation(), channels.clone()), count);
        let strided = prop::collection::vec(0..count, 0..=4);
        (layers, strided).prop_map(|(layers, strided)| {
            let mut layers: Vec<Block> = layers
                .into_iter()
                .map(|(operation, channels)| Block {
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

pub(crate) fn with_layers(layers: Vec<Block>) -> Architecture {
    Architecture {
        name: "custom".to_owned(),
        ..scarlet_a().with_layers(layers)
    }
}
