//! What holds for every network, written, encoded or priced.
#![allow(clippy::unwrap_used)]

mod common;

use common::{activation, layers, operation, with_layers};
use proptest::prelude::*;
use scarlet_arch::{
    Architecture, ArchitectureError, Block, CompoundScaling, Cost, Expansion, Genome, HeadConv,
    HiddenLayer, InvertedResidual, Operation, Padding, SearchSpace, Skip, SqueezeExcite, TextError,
    scarlet_a,
};

fn space() -> impl Strategy<Value = SearchSpace> {
    (0..3, any::<bool>()).prop_map(|(space, stabilized)| {
        let space = match space {
            0 => SearchSpace::scarlet(),
            1 => SearchSpace::without_squeeze_excite(),
            _ => SearchSpace::small_images(1, 32, 10).unwrap(),
        };
        let skip = if stabilized {
            Skip::Linear
        } else {
            Skip::Identity
        };
        space.with_skip(skip).unwrap()
    })
}

fn space_and_genome() -> impl Strategy<Value = (SearchSpace, Genome)> {
    space().prop_flat_map(|space| {
        let choices = space.choices(0).len() as u8;
        let genes = prop::collection::vec(0..choices, space.layers());
        (
            Just(space),
            genes.prop_map(|genes| Genome::new(genes).unwrap()),
        )
    })
}

/// A position of `layers` that holds a block, and that block.
fn block_at(network: &Architecture, position: usize) -> Option<(usize, InvertedResidual)> {
    let count = network.layers().len();
    (0..count)
        .map(|offset| (position + offset) % count)
        .find_map(|index| match network.layers()[index].operation {
            Operation::InvertedResidual(block) => Some((index, block)),
            _ => None,
        })
}

fn with_block(network: &Architecture, index: usize, block: InvertedResidual) -> Architecture {
    let mut network = network.clone();
    network.layers_mut()[index].operation = Operation::InvertedResidual(block);
    network
}

proptest! {
    #[test]
    fn text_reads_back(layers in layers()) {
        let network = with_layers(layers);
        let text = network.to_string();
        prop_assert_eq!(text.parse::<Architecture>().unwrap(), network);
    }

    #[test]
    fn operations_read_back(operation in operation()) {
        prop_assert_eq!(operation.to_string().parse::<Operation>().unwrap(), operation);
    }

    #[test]
    fn json_reads_back(
        layers in layers(),
        (input_channels, stem, separable, classes) in
            (1usize..5, 1usize..99, 4usize..99, 1usize..2000),
        conv in prop::option::of((1usize..2000, activation())),
        hidden in prop::option::of((1usize..2000, activation(), any::<bool>())),
        (stem_activation, same) in (activation(), any::<bool>()),
        (epsilon, momentum, crop_ratio) in (1e-9f64..1.0, 0.0f64..=1.0, 0.05f64..=8192.0),
        mean in prop::array::uniform3(-1e3f32..1e3),
        std in prop::array::uniform3(1e-6f32..1e3),
    ) {
        let mut network = with_layers(layers);
        network.name = "Größe \"3\"".to_owned();
        network.input_channels = input_channels;
        network.blocks[0].channels = stem;
        network.blocks[0].operation = network.blocks[0].operation.with_activation(stem_activation);
        network.blocks[1].channels = separable;
        network.head.conv = conv.map(|(channels, activation)| HeadConv { channels, activation });
        network.head.hidden = hidden
            .map(|(channels, activation, bias)| HiddenLayer { channels, activation, bias });
        network.classes = classes;
        network.padding = if same { Padding::Same } else { Padding::Symmetric };
        network.batch_norm.epsilon = epsilon;
        network.batch_norm.momentum = momentum;
        network.preprocessing.crop_ratio = crop_ratio;
        network.preprocessing.mean = mean;
        network.preprocessing.std = std;
        let again = Architecture::from_json(&network.to_json());
        // Of too few channels there is no quarter.
        if network.validate().is_ok() {
            prop_assert_eq!(again.unwrap(), network.clone());
            let text = network.to_string().parse::<Architecture>().unwrap();
            prop_assert_eq!((text.blocks, text.head), (network.blocks, network.head));
        } else {
            prop_assert!(again.is_err());
        }
    }

    #[test]
    fn genomes_come_back_from_their_networks((space, genome) in space_and_genome()) {
        let network = space.decode(&genome).unwrap();
        prop_assert_eq!(space.encode(&network).unwrap(), genome.clone());
        prop_assert_eq!(genome.to_string().parse::<Genome>().unwrap(), genome);
    }

    #[test]
    fn larger_images_cost_more_but_not_in_weights(layers in layers(), resolution in 1usize..400) {
        let network = with_layers(layers);
        let small = Cost::of(&network, resolution).unwrap();
        let large = Cost::of(&network, resolution + 64).unwrap();
        prop_assert!(small.mult_adds < large.mult_adds);
        prop_assert!(small.peak_activation_bytes < large.peak_activation_bytes);
        prop_assert_eq!(small.parameters, large.parameters);
    }

    #[test]
    fn totals_are_those_of_the_parts(layers in layers()) {
        let cost = Cost::of(&with_layers(layers), 224).unwrap();
        let sum = |of: fn(&scarlet_arch::PartCost) -> u64| cost.parts.iter().map(of).sum::<u64>();
        prop_assert_eq!(cost.mult_adds, sum(|part| part.mult_adds));
        prop_assert_eq!(cost.parameters, sum(|part| part.parameters));
        prop_assert_eq!(cost.weight_bytes, 4 * cost.parameters);
        let peak = cost.parts.iter().map(|part| part.peak_activation_bytes).max();
        prop_assert_eq!(Some(cost.peak_activation_bytes), peak);
    }

    #[test]
    fn larger_blocks_cost_more(layers in layers(), position in 0usize..40) {
        let network = with_layers(layers);
        let Some((index, block)) = block_at(&network, position) else {
            return Ok(());
        };
        let cost = Cost::of(&network, 224).unwrap();
        let wider = match block.expansion {
            Expansion::Times(factor) => Expansion::Times(factor + 1),
            Expansion::To(hidden) => Expansion::To(hidden + 1),
        };
        let mut larger = vec![
            InvertedResidual { kernel: block.kernel + 2, ..block },
            InvertedResidual { expansion: wider, ..block },
        ];
        if block.squeeze_excite.is_none() {
            let squeeze_excite = Some(SqueezeExcite::QUARTER);
            larger.push(InvertedResidual { squeeze_excite, ..block });
        }
        for block in larger {
            let more = Cost::of(&with_block(&network, index, block), 224).unwrap();
            prop_assert!(more.mult_adds > cost.mult_adds);
            prop_assert!(more.parameters > cost.parameters);
            prop_assert!(more.peak_activation_bytes >= cost.peak_activation_bytes);
        }
    }

    #[test]
    fn an_identity_costs_nothing(layers in layers()) {
        let network = with_layers(layers);
        let cost = Cost::of(&network, 224).unwrap();
        for (layer, part) in network.layers().iter().zip(&cost.parts[2..]) {
            let free = part.mult_adds == 0 && part.parameters == 0;
            prop_assert_eq!(free, layer.operation == Operation::Identity);
        }
    }

    #[test]
    fn scaling_up_costs_more(layers in layers(), width in 1.0f64..2.0, depth in 1.0f64..2.0) {
        let network = with_layers(layers);
        let scale = |width, depth| {
            let scaling = CompoundScaling { width, depth, resolution: 224 };
            let scaled = scaling.apply(&network).unwrap();
            (scaled.layers().len(), Cost::of(&scaled, 224).unwrap())
        };
        let (layers, base) = scale(1.0, 1.0);
        prop_assert_eq!(layers, network.layers().len());
        let (layers, larger) = scale(width, depth);
        prop_assert!(layers >= network.layers().len());
        prop_assert!(larger.parameters >= base.parameters);
        prop_assert!(larger.mult_adds >= base.mult_adds);
        let (_, deeper) = scale(1.0, depth);
        prop_assert!(deeper.parameters >= base.parameters);
        prop_assert!(deeper.mult_adds >= base.mult_adds);
    }

    #[test]
    fn any_text_is_a_network_or_an_error(text in any::<String>()) {
        check_text(&text)?;
    }

    #[test]
    fn almost_right_texts_are_networks_or_errors(text in "(\\[(swish|relu6|relu)(, se swish sigmoid)?\\] )?[-CEFHKLPSaks0-9n@/:| \t\n\u{e9}]{0,60}") {
        check_text(&text)?;
    }

    #[test]
    fn any_json_is_a_network_or_an_error(text in any::<String>(), at in any::<prop::sample::Index>()) {
        let _ = Architecture::from_json(&text);
        // A good one with a piece broken off.
        let json = scarlet_a().to_json();
        prop_assert!(Architecture::from_json(&json[..at.index(json.len())]).is_err());
    }

    #[test]
    fn any_numbers_are_a_network_or_an_error(
        sizes in prop::array::uniform6(any::<usize>()),
        (kernel, expansion, channels, stride) in any::<(usize, usize, usize, usize)>(),
    ) {
        let mut network = scarlet_a();
        let block = InvertedResidual {
            squeeze_excite: Some(SqueezeExcite::QUARTER),
            ..InvertedResidual::new(kernel, Expansion::Times(expansion))
        };
        let layer = Block { operation: Operation::InvertedResidual(block), channels, stride };
        network = network.with_layers(vec![layer; 64]);
        prop_assert!(network.validate().is_err());
        [network.input_channels, network.blocks[0].channels, network.blocks[1].channels,
            network.blocks[1].stride, network.classes, network.preprocessing.resolution] = sizes;
        prop_assert!(network.validate().is_err());
        prop_assert!(Cost::of(&network, sizes[0]).is_err());
        let _ = (network.to_string(), network.to_json());
    }
}

#[test]
fn wrong_parts_of_a_head_have_right_ones_beside_them() {
    for text in ["P0:", "F0n", "E3K3@24 P0"] {
        check_text(text).unwrap();
        let error = text.parse::<Architecture>().unwrap_err();
        let ArchitectureError::Text(error) = error else {
            panic!("{text}: {error}");
        };
        assert!(error.nearest.is_some(), "{text}");
    }
}

/// A network that reads back, or an error whose parts fit the text.
fn check_text(text: &str) -> Result<(), TestCaseError> {
    match text.parse::<Architecture>() {
        Ok(network) => {
            let again: Architecture = network.to_string().parse().unwrap();
            prop_assert_eq!(again, network);
        }
        Err(ArchitectureError::Text(error)) => check_text_error(text, &error)?,
        Err(error) => prop_assert!(!error.to_string().is_empty()),
    }
    let _ = text.parse::<Operation>();
    let _ = text.parse::<Genome>();
    Ok(())
}

fn check_text_error(text: &str, error: &TextError) -> Result<(), TestCaseError> {
    let marked = &text[error.span.clone()];
    prop_assert!(marked.starts_with(error.token.trim_end_matches('…')));
    // What stands in brackets at the beginning is not counted.
    let header = match text.trim_start().starts_with('[') {
        true => text.find(']').map_or(error.span.start, |end| end + 1),
        false => 0,
    };
    let before = text.get(header..error.span.start).unwrap_or_default();
    let tokens = before
        .split(|character: char| character.is_whitespace() || character == '|')
        .filter(|token| !token.is_empty())
        .count();
    prop_assert_eq!(error.index, tokens + 1);
    if let Some(nearest) = &error.nearest {
        // Nineteen layers, so that none needs channels; what belongs to the head comes after them.
        let layers = [nearest.as_str(); 19].join(" ");
        let head = format!("{} {nearest}", ["E3K3"; 19].join(" "));
        let understood = [layers, head].iter().any(|text| {
            !matches!(
                text.parse::<Architecture>(),
                Err(ArchitectureError::Text(_))
            )
        });
        prop_assert!(understood, "{}", nearest);
    }
    if !error.token.is_empty() {
        let message = error.to_string();
        let lines: Vec<&str> = message.lines().collect();
        prop_assert_eq!(lines.len(), 3, "{}", message);
        prop_assert!(
            lines[2]
                .trim_start()
                .chars()
                .all(|character| character == '^')
        );
    }
    Ok(())
}
