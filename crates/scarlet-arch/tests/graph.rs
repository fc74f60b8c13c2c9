//! What is read off the graph of a network is what a walk by hand finds.
#![allow(clippy::unwrap_used)]

mod by_hand;
mod common;

use std::collections::HashMap;

use by_hand::cost::Counted;
use by_hand::operations::Computed;
use common::{activation, block, layers, layers_of, with_layers};
use proptest::prelude::*;
use scarlet_arch::graph::{Graph, Node, Op};
use scarlet_arch::{
    Architecture, Block, Conv, Cost, Expansion, Head, HeadConv, HiddenLayer, InvertedResidual,
    Operation, Padding, SqueezeExcite, efficientnet_lite0, scarlet_a, scarlet_a4, scarlet_b,
};

/// Valid networks at 224 pixels that differ in everything but the preprocessing. Half of them have
/// few different numbers of channels, and with them many shortcuts.
fn architectures() -> impl Strategy<Value = Architecture> {
    let layers = prop_oneof![
        layers(),
        layers_of(prop_oneof![Just(16usize), Just(24usize), Just(40usize)]),
    ];
    let stem = (
        1usize..5,
        (0usize..4, activation(), 1usize..99, 1usize..3),
        prop::option::of((block(), 4usize..99)),
    );
    let head = (
        prop::option::of((1usize..2000, activation())),
        prop::option::of((1usize..2000, activation(), any::<bool>())),
        1usize..2000,
    );
    (layers, stem, head, any::<bool>(), 1e-9f64..1.0).prop_map(
        |(layers, stem, (conv, hidden, classes), same, epsilon)| {
            let mut network = with_layers(Vec::new());
            let (channels, (half, activation, width, stride), separable) = stem;
            network.input_channels = channels;
            let operation = Operation::Conv(Conv {
                kernel: 2 * half + 1,
                activation,
            });
            network.blocks = vec![Block {
                operation,
                channels: width,
                stride,
            }];
            network
                .blocks
                .extend(separable.map(|(block, channels)| Block {
                    operation: Operation::InvertedResidual(InvertedResidual {
                        expansion: Expansion::Times(1),
                        // Of which a quarter may be nothing.
                        squeeze_excite: block.squeeze_excite.filter(|_| width >= 4),
                        ..block
                    }),
                    channels,
                    stride: 1,
                }));
            network.blocks.extend(layers);
            // What has no squeeze-excite of so few channels.
            let placed = network.placed_blocks();
            for (block, placed) in network.blocks.iter_mut().zip(placed) {
                if let Operation::InvertedResidual(block) = &mut block.operation
                    && block.expansion.hidden(placed.channels_in) < 4
                {
                    block.squeeze_excite = None;
                }
            }
            network.head = Head {
                conv: conv.map(|(channels, activation)| HeadConv {
                    channels,
                    activation,
                }),
                hidden: hidden.map(|(channels, activation, bias)| HiddenLayer {
                    channels,
                    activation,
                    bias,
                }),
            };
            network.classes = classes;
            if same {
                network.padding = Padding::Same;
            }
            network.batch_norm.epsilon = epsilon;
            network
        },
    )
}

/// A node as an engine computes it, if it has what such networks have: their padding, and a
/// normalisation after every convolution but a linear layer's.
fn computed(network: &Architecture, node: &Node) -> Option<Computed> {
    let (input, output) = (node.input.channels, node.output.channels);
    Some(match node.op {
        Op::Conv {
            kernel,
            stride,
            groups,
            padding,
            activation,
            bias,
        } => {
            let is_linear = node.name.is_empty();
            let is_normalised = node
                .norm
                .as_ref()
                .is_some_and(|norm| norm.spec == network.batch_norm);
            if padding != network.padding || bias || is_normalised == is_linear {
                return None;
            }
            if groups == 1 && !node.is_depthwise() {
                Computed::Convolution(input, output, kernel, stride, activation)
            } else {
                Computed::Depthwise(input, kernel, stride, activation)
            }
        }
        Op::SqueezeExcite {
            inner,
            activation,
            gate,
        } => Computed::SqueezeExcite(input, inner, activation, gate),
        Op::Add { from } => Computed::Add(from),
        Op::GlobalMean => Computed::GlobalMean,
        Op::Linear { activation, bias } => Computed::Linear(input, output, activation, bias),
    })
}

fn check_operations(network: &Architecture) -> Result<(), TestCaseError> {
    let graph = Graph::of(network);
    prop_assert_eq!(graph.check(), Ok(()));
    let expected = by_hand::operations::operations(network);
    prop_assert_eq!(graph.nodes().len(), expected.len());
    for (node, (name, mut operation)) in graph.nodes().iter().zip(expected) {
        prop_assert_eq!(&graph.name(node), &name);
        // Of a single channel a dense convolution is a depthwise one.
        if let Computed::Convolution(1, 1, kernel, stride, activation) = operation {
            operation = Computed::Depthwise(1, kernel, stride, activation);
        }
        prop_assert_eq!(computed(network, node), Some(operation), "{}", name);
    }
    Ok(())
}

fn check_parts(network: &Architecture) -> Result<(), TestCaseError> {
    let graph = Graph::of(network);
    let parts = graph.parts();
    let placed = network.placed_blocks();
    let head = network.head;
    let heads = [
        head.conv.map(|_| "conv_before_pooling"),
        head.hidden.map(|_| "hidden"),
        Some("classifier"),
    ];
    let names = (0..placed.len()).map(|index| by_hand::part_name(network, index));
    let names = names.chain(heads.into_iter().flatten().map(str::to_owned));
    prop_assert!(parts.iter().map(|part| part.name.clone()).eq(names));
    let before = network.blocks_before_layers();
    let mut stride = 1;
    for (index, (part, block)) in parts.iter().zip(&placed).enumerate() {
        prop_assert_eq!(part.layer, index.checked_sub(before));
        prop_assert_eq!(part.stride(), block.stride);
        let channels = [part.input.channels, part.output.channels];
        prop_assert_eq!(channels, [block.channels_in, block.channels_out]);
        stride *= block.stride;
        prop_assert_eq!(part.output.stride, Some(stride));
    }
    prop_assert_eq!(stride, network.total_stride());
    // The labels are the words of the text.
    let labels = parts.iter().filter(|part| part.layer.is_some());
    let labels: Vec<&str> = labels.map(|part| part.label.as_str()).collect();
    let text = network.layers_text();
    let words = text.split_whitespace().map(|word| {
        let (core, activation) = word.split_once(':').map_or((word, ""), |(a, b)| (a, b));
        let core = core.split(['@', '/']).next().unwrap();
        let colon = if activation.is_empty() { "" } else { ":" };
        format!("{core}{colon}{activation}")
    });
    prop_assert!(words.eq(labels), "{}", text);
    Ok(())
}

fn check_cost(network: &Architecture, resolution: usize) -> Result<(), TestCaseError> {
    let cost = Cost::of(network, resolution).unwrap();
    let found: Vec<Counted> = cost
        .parts
        .iter()
        .map(|part| Counted {
            name: part.name.clone(),
            output: part.output,
            mult_adds: part.mult_adds,
            parameters: part.parameters,
            peak_activation_bytes: part.peak_activation_bytes,
        })
        .collect();
    prop_assert_eq!(found, by_hand::cost::parts(network, resolution));
    Ok(())
}

fn check_entries(network: &Architecture) -> Result<(), TestCaseError> {
    let graph = Graph::of(network);
    let entries = graph.entries();
    prop_assert_eq!(&entries, &by_hand::entries::entries(network));
    // What is trained is what costs parameters.
    let mut trained: HashMap<&str, u64> = HashMap::new();
    for node in graph.nodes() {
        let entries = graph.entries_of(node).into_iter();
        let values = entries
            .filter(|(name, _)| !name.contains(".running_"))
            .map(|(_, shape)| shape.iter().product::<usize>() as u64);
        let part = graph.parts()[node.part].name.as_str();
        *trained.entry(part).or_default() += values.sum::<u64>();
    }
    for part in Cost::of(network, 224).unwrap().parts {
        let values = trained.get(part.name.as_str()).copied();
        prop_assert_eq!(values.unwrap_or(0), part.parameters, "{}", part.name);
    }
    Ok(())
}

proptest! {
    #[test]
    fn operations_are_those_of_a_walk(network in architectures()) {
        check_operations(&network)?;
    }

    #[test]
    fn parts_are_the_layers_and_what_is_around_them(network in architectures()) {
        check_parts(&network)?;
    }

    #[test]
    fn costs_are_those_of_a_walk(network in architectures(), resolution in 1usize..400) {
        check_cost(&network, resolution)?;
    }

    #[test]
    fn entries_are_those_of_a_walk(network in architectures()) {
        check_entries(&network)?;
    }

    #[test]
    fn heights_and_widths_do_not_mix(network in architectures(), height in 1usize..400, width in 1usize..400) {
        let graph = Graph::of(&network);
        let sizes = graph.sizes(height, width);
        let (tall, wide) = (graph.sizes(height, height), graph.sizes(width, width));
        prop_assert_eq!(sizes.len(), graph.nodes().len());
        for (size, (tall, wide)) in sizes.iter().zip(tall.iter().zip(&wide)) {
            prop_assert_eq!(size, &[tall[0], wide[1]]);
        }
    }

    #[test]
    fn any_numbers_have_a_graph(
        sizes in prop::array::uniform6(any::<usize>()),
        layers in prop::collection::vec(any::<(usize, usize, usize)>(), 0..9),
    ) {
        let mut network = with_layers(Vec::new());
        for (kernel, channels, stride) in layers {
            let expansion = Expansion::Times(kernel);
            let squeeze_excite = (channels % 2 == 0).then_some(SqueezeExcite::QUARTER);
            let block = InvertedResidual {
                squeeze_excite,
                ..InvertedResidual::new(kernel, expansion)
            };
            let operation = Operation::InvertedResidual(block);
            network.blocks.push(Block { operation, channels, stride });
        }
        [network.input_channels, network.blocks[0].channels, network.blocks[1].stride, _, network.classes, _] = sizes;
        network.head.conv = Some(HeadConv { channels: sizes[3], ..network.head.conv.unwrap() });
        let graph = Graph::of(&network);
        // Whatever they say, nothing panics.
        let _ = (graph.check(), graph.sizes(sizes[5], 1), graph.entries());
    }
}

#[test]
fn presets_are_those_of_a_walk() {
    for network in [scarlet_a(), scarlet_b(), scarlet_a4(), efficientnet_lite0()] {
        check_operations(&network).unwrap();
        check_parts(&network).unwrap();
        check_entries(&network).unwrap();
        for resolution in [1, 97, 188, 224, 240, 260, 299] {
            check_cost(&network, resolution).unwrap();
        }
    }
}
