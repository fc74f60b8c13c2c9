//! What is read off the graph of a network is what a walk by hand finds.
#![allow(clippy::unwrap_used)]

mod by_hand;
mod common;

use std::collections::HashMap;

use by_hand::cost::Counted;
use by_hand::operations::Computed;
use common::{layers, layers_of, with_layers};
use proptest::prelude::*;
use scarlet_arch::graph::{Gate, Graph, Node, Nonlinearity, Op};
use scarlet_arch::{
    Activation, Architecture, Block, Cost, Expansion, Layer, NAMES, Operation, Padding, by_name,
};

/// Valid networks at 224 pixels that differ in everything but the preprocessing. Half of them have
/// few different numbers of channels, and with them many shortcuts.
fn architectures() -> impl Strategy<Value = Architecture> {
    let layers = prop_oneof![
        layers(),
        layers_of(prop_oneof![Just(16usize), Just(24usize), Just(40usize)]),
    ];
    let channels = (
        1usize..5,
        1usize..99,
        4usize..99,
        1usize..2000,
        1usize..2000,
    );
    (layers, channels, any::<(bool, bool)>(), 1e-9f64..1.0).prop_map(
        |(layers, channels, (relu, same), epsilon)| {
            let mut network = with_layers(layers);
            (network.input_channels, network.stem, network.separable) =
                (channels.0, channels.1, channels.2);
            (network.head, network.classes) = (channels.3, channels.4);
            if relu {
                network.activation = Activation::Relu6;
            }
            if same {
                network.padding = Padding::Same;
            }
            network.batch_norm.epsilon = epsilon;
            network
        },
    )
}

/// A node as an engine computes it, if it has what such networks have: padding, a normalisation
/// after every convolution but a linear layer's, ReLU and h-sigmoid in squeeze-excite, and biases
/// in the classifier alone.
fn computed(network: &Architecture, node: &Node) -> Option<Computed> {
    let (input, output) = (node.input.channels, node.output.channels);
    match node.op {
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
            let activation = match activation {
                None => "",
                Some(Nonlinearity::Relu6) => "ReLU6",
                Some(Nonlinearity::HSwish) => "h-swish",
                Some(_) => return None,
            };
            Some(if groups == 1 && !node.is_depthwise() {
                Computed::Convolution(input, output, kernel, stride, activation)
            } else {
                Computed::Depthwise(input, kernel, stride, activation)
            })
        }
        Op::SqueezeExcite {
            inner,
            activation: Nonlinearity::Relu,
            gate: Gate::HSigmoid,
        } => Some(Computed::SqueezeExcite(input, inner)),
        Op::SqueezeExcite { .. } => None,
        Op::Add { from } => Some(Computed::Add(from)),
        Op::GlobalMean => Some(Computed::GlobalMean),
        Op::Linear {
            activation: None,
            bias: true,
        } => Some(Computed::Linear(input, output)),
        Op::Linear { .. } => None,
    }
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
    let placed = network.placed_layers();
    prop_assert_eq!(parts.len(), placed.len() + 4);
    let outside: Vec<_> = parts.iter().filter(|part| part.layer.is_none()).collect();
    let names = [
        "stem",
        "separable_conv",
        "conv_before_pooling",
        "classifier",
    ];
    prop_assert!(outside.iter().map(|part| &*part.name).eq(names));
    let mut stride = 2;
    let layers = parts.iter().filter(|part| part.layer.is_some());
    for (index, (part, layer)) in layers.zip(&placed).enumerate() {
        prop_assert_eq!(&part.name, &format!("mb_module.{index}"));
        prop_assert_eq!(part.layer, Some(index));
        prop_assert_eq!(&part.label, &layer.operation.to_string());
        prop_assert_eq!(part.stride(), layer.stride);
        let channels = [part.input.channels, part.output.channels];
        prop_assert_eq!(channels, [layer.channels_in, layer.channels_out]);
        stride *= layer.stride;
        prop_assert_eq!(part.output.stride, Some(stride));
    }
    prop_assert_eq!(stride, network.total_stride());
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
            let block = Block { kernel, expansion, squeeze_excite: channels % 2 == 0 };
            let operation = Operation::InvertedResidual(block);
            network.layers.push(Layer { operation, channels, stride });
        }
        [network.input_channels, network.stem, network.separable, network.head, network.classes, _] = sizes;
        let graph = Graph::of(&network);
        // Whatever they say, nothing panics.
        let _ = (graph.check(), graph.sizes(sizes[5], 1), graph.entries());
    }
}

#[test]
fn presets_are_those_of_a_walk() {
    for name in NAMES {
        let network = by_name(name).unwrap();
        check_operations(&network).unwrap();
        check_parts(&network).unwrap();
        check_entries(&network).unwrap();
        for resolution in [1, 97, 188, 224, 240, 260, 299] {
            check_cost(&network, resolution).unwrap();
        }
    }
}
