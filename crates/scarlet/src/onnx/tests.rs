use std::collections::HashSet;

use burn::tensor::Device;
use scarlet_arch::{Architecture, SearchSpace, Skip};

use super::proto::Node;
use super::*;
use crate::weights::formula;
use crate::{ModelCard, ScarletConfig, zoo};

fn network(architecture: Architecture) -> Scarlet {
    let weights = formula::state_dict(&architecture);
    let network = ScarletConfig::from(architecture).try_init(&Device::flex());
    network.unwrap().load(&weights).unwrap()
}

fn named(name: &str, resolution: usize) -> Architecture {
    zoo::by_name(name)
        .unwrap()
        .with_classes(10)
        .with_resolution(resolution)
}

/// A grey network with every kind of layer, stabilizers that fold and one that stays.
fn grey() -> Architecture {
    let space = SearchSpace::small_images(1, 32, 10).unwrap();
    let space = space.with_skip(Skip::Linear).unwrap();
    space.decode(&"0c5c31c2c".parse().unwrap()).unwrap()
}

/// Of other families: every activation and gate, every head, a convolution between blocks.
fn others() -> [Architecture; 3] {
    [
        "[swish, se swish sigmoid] C3@8/2 E1K3s2a@8 E3K5s@12/2 C1@16:relu E3K3n P24 F12n:relu6",
        "C7@8 E3K3s(relu6,h-sigmoid) L@12 E3K5@16/2 F24",
        "[relu6] C3@8/2 E1K3an@8 E1K3a@12/2",
    ]
    .map(|text| {
        let network: Architecture = text.parse().unwrap();
        network.with_classes(10).with_resolution(33)
    })
}

fn decoded(architecture: Architecture, options: &OnnxOptions) -> Model {
    let bytes = network(architecture).to_onnx(options).unwrap();
    Model::decode(bytes.as_slice()).unwrap()
}

fn operators(graph: &Graph) -> Vec<&str> {
    graph.node.iter().map(|node| node.op_type()).collect()
}

fn ints<'a>(node: &'a Node, name: &str) -> &'a [i64] {
    let attribute = node.attribute.iter().find(|it| it.name() == name);
    &attribute.unwrap().ints
}

#[test]
fn every_value_is_made_once_and_before_it_is_used() {
    let scarlets = [
        named("scarlet-b", 64),
        named("efficientnet-lite0", 64),
        grey(),
    ];
    for architecture in scarlets.into_iter().chain(others()) {
        let graph = decoded(architecture, &OnnxOptions::new()).graph.unwrap();
        let mut known: HashSet<&str> = HashSet::from([INPUT]);
        for constant in &graph.initializer {
            assert!(known.insert(constant.name()), "{}", constant.name());
            let values: i64 = constant.dims.iter().product();
            assert_eq!(constant.raw_data().len() as i64, 4 * values);
            assert_eq!(constant.data_type(), FLOAT);
        }
        let mut used = HashSet::new();
        for node in &graph.node {
            for input in &node.input {
                assert!(known.contains(input.as_str()), "{input} of {}", node.name());
                used.insert(input.as_str());
            }
            for output in &node.output {
                assert!(known.insert(output), "{output} twice");
            }
        }
        assert!(known.remove(OUTPUT));
        assert_eq!(known, used, "nothing is there for nothing");
    }
}

#[test]
fn constants_are_the_folded_networks_weights() {
    let architecture = named("scarlet-c", 64);
    let graph = decoded(architecture.clone(), &OnnxOptions::new())
        .graph
        .unwrap();
    let values: usize = graph
        .initializer
        .iter()
        .map(|it| it.raw_data().len() / 4)
        .sum();
    // A folded normalisation leaves one bias of its two parameters; 0 and 6 are for clipping.
    let normalised: usize = formula_parameters(&architecture, "running_mean");
    let parameters = Cost::of(&architecture, 64).unwrap().parameters as usize;
    assert_eq!(values, parameters - normalised + 2);
}

fn formula_parameters(architecture: &Architecture, suffix: &str) -> usize {
    let entries = crate::weights::reference_entries(architecture).into_iter();
    let entries = entries.filter(|(name, _)| name.ends_with(suffix));
    entries
        .map(|(_, shape)| shape.iter().product::<usize>())
        .sum()
}

#[test]
fn operations_have_the_names_of_checkpoints() {
    let scarlets = [
        named("scarlet-a", 64),
        named("efficientnet-lite0", 64),
        grey(),
    ];
    for architecture in scarlets.into_iter().chain(others()) {
        let folded = network(architecture).fold_for_running();
        let described = scarlet_arch::graph::Graph::of(folded.architecture());
        let lowered = folded.weights().lower().unwrap();
        assert_eq!(described.nodes().len(), lowered.operations.len());
        for (node, operation) in described.nodes().iter().zip(&lowered.operations) {
            let name = described.name(node);
            let part = name.rsplit('.').next().unwrap();
            let expected = match operation.kind() {
                "convolution" => name == "stem.0",
                "depthwise" => ["0", "conv2"].contains(&part),
                // A stabilizer is all of its layer.
                "pointwise" if part.parse().is_ok_and(|layer: usize| layer < 10) => {
                    name == "separable_conv.3"
                        || name == "conv_before_pooling.0"
                        || name.starts_with("mb_module.")
                }
                "pointwise" => ["conv1", "conv3"].contains(&part),
                "squeeze-excite" => part == "mid_se",
                "add" => part == "shortcut",
                "mean" if folded.hidden.is_some() => name == "hidden.mean",
                "mean" => name == "classifier.mean",
                _ => ["hidden", "classifier"].contains(&name.as_str()),
            };
            assert!(expected, "{name} is {}", operation.kind());
        }
    }
    let graph = decoded(grey(), &OnnxOptions::new()).graph.unwrap();
    let has = |name: &str| graph.initializer.iter().any(|it| it.name() == name);
    assert!(has("mb_module.0.conv3.weight") && has("mb_module.0.conv3.bias"));
}

#[test]
fn asymmetric_padding_is_written_out() {
    let graph = decoded(named("efficientnet-lite0", 64), &OnnxOptions::new())
        .graph
        .unwrap();
    let stem = &graph.node[0];
    assert_eq!(stem.op_type(), "Conv");
    assert_eq!(ints(stem, "strides"), [2, 2]);
    assert_eq!(ints(stem, "pads"), [0, 0, 1, 1]);
    let graph = decoded(named("scarlet-a", 64), &OnnxOptions::new())
        .graph
        .unwrap();
    assert_eq!(ints(&graph.node[0], "pads"), [1, 1, 1, 1]);
}

#[test]
fn activations_are_the_operators_for_them() {
    let count = |name: &str, operator: &str| {
        let graph = decoded(named(name, 64), &OnnxOptions::new()).graph.unwrap();
        operators(&graph)
            .iter()
            .filter(|&&it| it == operator)
            .count()
    };
    // Two per inverted residual; C has 16 of them, 13 with squeeze-excite.
    assert_eq!(count("scarlet-c", "HardSwish"), 32);
    assert_eq!(count("scarlet-c", "HardSigmoid"), 13);
    assert_eq!(count("scarlet-c", "Clip"), 3);
    assert_eq!(count("efficientnet-lite0", "HardSwish"), 0);

    let [efficient, ..] = others();
    let graph = decoded(efficient, &OnnxOptions::new()).graph.unwrap();
    let count = |operator: &str| {
        let operators = operators(&graph).into_iter();
        operators.filter(|&it| it == operator).count()
    };
    // Of the stem, of the first two blocks with two each in their squeeze-excite, of the last block
    // and of the head.
    assert_eq!(count("Sigmoid"), 1 + (2 + 2) + (2 + 2) + 2 + 1);
    // All of them make a product, those of gates too.
    assert_eq!(count("Mul"), count("Sigmoid"));
    assert_eq!((count("Relu"), count("Clip")), (1, 1));
    assert_eq!((count("HardSwish"), count("HardSigmoid")), (0, 0));
    assert_eq!(count("Gemm"), 2);
}

#[test]
fn images_may_be_of_any_size() {
    for architecture in others() {
        for (height, width) in [(33, 47), (97, 5), (1, 1)] {
            let options = OnnxOptions::new().with_size(height, width);
            let graph = decoded(architecture.clone(), &options).graph.unwrap();
            let tensor = graph.input[0].r#type.clone().unwrap().tensor_type.unwrap();
            let sizes: Vec<_> = tensor.shape.unwrap().dim.into_iter().skip(2).collect();
            let expected = [height, width].map(|side| Some(Size::Value(side as i64)));
            assert_eq!(
                sizes.into_iter().map(|it| it.size).collect::<Vec<_>>(),
                expected
            );
        }
    }
}

#[test]
fn the_batch_is_a_number_or_a_name() {
    let first = |batch| {
        let model = decoded(grey(), &OnnxOptions::new().with_batch(batch));
        let graph = model.graph.unwrap();
        let dims = |info: &ValueInfo| {
            let tensor = info.r#type.clone().unwrap().tensor_type.unwrap();
            let dims = tensor.shape.unwrap().dim.into_iter();
            dims.map(|dim| dim.size.unwrap()).collect::<Vec<_>>()
        };
        (dims(&graph.input[0]), dims(&graph.output[0]))
    };
    let value = Size::Value;
    let any = || Size::Param("batch".to_owned());
    assert_eq!(
        first(Batch::Dynamic),
        (
            vec![any(), value(1), value(32), value(32)],
            vec![any(), value(10)]
        )
    );
    assert_eq!(first(Batch::Fixed(4)).1, [value(4), value(10)]);
}

#[test]
fn the_file_says_what_it_holds() {
    let model = decoded(grey(), &OnnxOptions::new().with_opset(21));
    assert_eq!((model.ir_version(), model.producer_name()), (10, "scarlet"));
    assert_eq!(model.opset_import[0].version(), 21);
    let property = |key: &str| {
        let found = model.metadata_props.iter().find(|it| it.key() == key);
        found.unwrap().value().to_owned()
    };
    assert_eq!(property("classes"), "10");
    assert_eq!(property("mean").split(',').count(), 1);
    assert_eq!(property("resolution"), "32");
    let architecture = Architecture::from_json(&property(ARCHITECTURE_KEY)).unwrap();
    assert_eq!(property("layers"), architecture.layers_text());
    assert_eq!(architecture.layers().len(), 9);
}

#[test]
fn the_card_is_among_what_the_file_says() {
    let names = (0..10).map(|class| format!("{class}, \"{class}\""));
    let card = ModelCard::new(names.collect()).with_accuracy("test images", 9, 10);
    let network = network(grey()).with_card(card.clone()).unwrap();
    let bytes = network.to_onnx(&OnnxOptions::new()).unwrap();
    let model = Model::decode(bytes.as_slice()).unwrap();
    let property = |key: &str| {
        let found = model.metadata_props.iter().find(|it| it.key() == key);
        found.unwrap().value().to_owned()
    };
    assert_eq!(property("classes"), "10");
    let names: Vec<String> = serde_json::from_str(&property("class_names")).unwrap();
    assert_eq!(names, card.classes);
    assert_eq!(ModelCard::from_json(&property(CARD_KEY)).unwrap(), card);
}

#[test]
fn wrong_options_are_errors() {
    let network = network(grey());
    let message = |options: OnnxOptions| network.to_onnx(&options).unwrap_err().to_string();
    assert_eq!(
        message(OnnxOptions::new().with_opset(13)),
        "`opset` is 13, but must be from 14 to 22"
    );
    assert_eq!(
        message(OnnxOptions::new().with_batch(Batch::Fixed(0))),
        "`batch` is 0, but must be at least 1, or dynamic"
    );
    assert!(message(OnnxOptions::new().with_size(0, 32)).starts_with("the images measure 0×32"));
}

#[test]
fn two_gigabytes_are_too_much_and_found_before_they_are_copied() {
    let mut architecture = named("scarlet-a", 64);
    architecture.head.conv.as_mut().unwrap().channels = 4096;
    architecture.classes = 200_000;
    // Weights are drawn when they are first used, which they are not.
    let network = ScarletConfig::from(architecture).try_init(&Device::flex());
    let error = network.unwrap().to_onnx(&OnnxOptions::new()).unwrap_err();
    assert!(matches!(error, OnnxError::TooLarge { bytes } if bytes > 3_000_000_000));
    assert!(
        error
            .to_string()
            .contains("an ONNX file holds less than 2 GB")
    );
}

#[test]
fn a_file_appears_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let network = network(grey());
    let path = folder.path().join("network.onnx");
    network.save_onnx(&path, &OnnxOptions::new()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes, network.to_onnx(&OnnxOptions::new()).unwrap());
    let missing = folder.path().join("no such folder/network.onnx");
    let error = network
        .save_onnx(&missing, &OnnxOptions::new())
        .unwrap_err();
    assert!(error.to_string().starts_with("cannot write `"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn integers_have_the_types_that_are_fast() {
    for architecture in [named("mobilenetv3-small", 64)].into_iter().chain(others()) {
        let network = network(architecture);
        let side = network.architecture().preprocessing.resolution;
        let mut calibration = Int8::calibrate(&network, (side, side)).unwrap();
        let waves = (0..3 * side * side).map(|it| (it as f32 * 0.37).sin());
        calibration.observe(&waves.collect::<Vec<_>>()).unwrap();
        let options = OnnxOptions::new().with_int8(calibration.finish().unwrap());
        let bytes = network.to_onnx(&options).unwrap();
        let model = Model::decode(bytes.as_slice()).unwrap();
        assert!(model.metadata_props.iter().any(|it| it.key() == INT8_KEY));
        let graph = model.graph.unwrap();
        let kinds: std::collections::HashMap<&str, i32> = (graph.initializer.iter())
            .map(|it| (it.name(), it.data_type()))
            .collect();
        assert_eq!(kinds.len(), graph.initializer.len(), "names are used once");
        let maker = |name: &str| graph.node.iter().find(|it| it.output[0] == name).unwrap();
        let is_rounded = |name: &str| maker(name).op_type() == "DequantizeLinear";
        for node in &graph.node {
            match node.op_type() {
                "QuantizeLinear" => assert_eq!(kinds[node.input[2].as_str()], proto::BYTE),
                "DequantizeLinear" | "Flatten" => {}
                "Conv" => {
                    assert!(
                        node.input.iter().all(|it| is_rounded(it)),
                        "{}",
                        node.name()
                    );
                    let weight = maker(&node.input[1]);
                    assert_eq!(kinds[weight.input[0].as_str()], proto::SIGNED_BYTE);
                    let bias = maker(&node.input[2]);
                    assert_eq!(kinds[bias.input[0].as_str()], proto::INTEGER);
                }
                _ => assert!(
                    node.input.iter().all(|it| is_rounded(it)),
                    "{}",
                    node.name()
                ),
            }
        }
        assert_eq!(graph.node.last().unwrap().output, [OUTPUT]);
    }
}
