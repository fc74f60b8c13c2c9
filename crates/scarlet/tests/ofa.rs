//! Once-for-All's supernets against its authors' package, in double precision: parts of each, and what
//! is no supernet or no part of one.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::collections::HashMap;

use burn::tensor::{Device, Tensor};
use common::{Golden, assert_close, assert_images_differ, golden_path, relative_error};
use scarlet::arch::{
    Cost, Expansion, Genome, InvertedResidual, OnceForAll, Operation, SqueezedWidth,
};
use scarlet::weights::{Entry, OfaSupernet, StateDict, WeightsError, formula};
use scarlet::{Architecture, Scarlet, ScarletConfig};
use serde::Deserialize;

const TOLERANCE: f64 = 1e-4;
/// As in `make_ofa.py`.
const CLASSES: usize = 20;

#[derive(Deserialize)]
struct Cases {
    /// Of each supernet those of its batch normalisations.
    scales: HashMap<String, HashMap<String, f32>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    supernet: String,
    ks: Vec<usize>,
    e: Vec<usize>,
    d: Vec<usize>,
    side: usize,
    parameters: u64,
    mult_adds: u64,
}

impl Cases {
    fn open() -> Self {
        let text = std::fs::read_to_string(golden_path("ofa.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The weights that `make_ofa.py` gives a supernet.
    fn weights(&self, published: OnceForAll) -> StateDict {
        let scales = &self.scales[published.name()];
        StateDict::from_entries(entries(published).into_iter().map(|(name, shape)| {
            let module = name.rsplit_once('.').unwrap().0;
            let values = tuned(&name, &shape, published, scales.get(module).copied());
            Entry::from_f32(name, shape, move || values.clone())
        }))
    }
}

fn norm(name: String, channels: usize, add: &mut dyn FnMut(String, &[usize])) {
    for parameter in ["weight", "bias", "running_mean", "running_var"] {
        add(format!("{name}.{parameter}"), &[channels]);
    }
}

/// Names and shapes of a supernet's tensors as the package of 2023 has them, written from its modules.
fn entries(published: OnceForAll) -> Vec<(String, Vec<usize>)> {
    let (width, channels): (_, &[usize]) = match published {
        OnceForAll::MobileNetV3 => ([16, 16, 960, 1280], &[24, 40, 80, 112, 160]),
        OnceForAll::MobileNetV3Wide => ([24, 24, 1152, 1536], &[32, 48, 96, 136, 192]),
        OnceForAll::Proxyless => ([40, 24, 0, 1664], &[32, 56, 104, 128, 248, 416]),
    };
    let [stem, first, expanded, features] = width;
    let mut entries = Vec::new();
    let mut add = |name: String, shape: &[usize]| entries.push((name, shape.to_vec()));
    add("first_conv.conv.weight".into(), &[stem, 3, 3, 3]);
    norm("first_conv.bn".into(), stem, &mut add);
    add(
        "blocks.0.conv.depth_conv.conv.weight".into(),
        &[stem, 1, 3, 3],
    );
    norm("blocks.0.conv.depth_conv.bn".into(), stem, &mut add);
    add(
        "blocks.0.conv.point_linear.conv.weight".into(),
        &[first, stem, 1, 1],
    );
    norm("blocks.0.conv.point_linear.bn".into(), first, &mut add);
    let mut input = first;
    let mut block = 1;
    for (stage, &output) in channels.iter().enumerate() {
        let excites = published != OnceForAll::Proxyless && [1, 3, 4].contains(&stage);
        for _ in 0..if stage == 5 { 1 } else { 4 } {
            let hidden = 6 * input;
            let name = |part: &str| format!("blocks.{block}.conv.{part}");
            add(
                name("inverted_bottleneck.conv.conv.weight"),
                &[hidden, input, 1, 1],
            );
            norm(name("inverted_bottleneck.bn.bn"), hidden, &mut add);
            add(name("depth_conv.conv.5to3_matrix"), &[9, 9]);
            add(name("depth_conv.conv.7to5_matrix"), &[25, 25]);
            add(name("depth_conv.conv.conv.weight"), &[hidden, 1, 7, 7]);
            norm(name("depth_conv.bn.bn"), hidden, &mut add);
            if excites {
                // Nearest to a quarter among multiples of 8; no whole block is far below it.
                let inner = (hidden / 4 + 4) / 8 * 8;
                add(
                    name("depth_conv.se.fc.reduce.weight"),
                    &[inner, hidden, 1, 1],
                );
                add(name("depth_conv.se.fc.reduce.bias"), &[inner]);
                add(
                    name("depth_conv.se.fc.expand.weight"),
                    &[hidden, inner, 1, 1],
                );
                add(name("depth_conv.se.fc.expand.bias"), &[hidden]);
            }
            add(
                name("point_linear.conv.conv.weight"),
                &[output, hidden, 1, 1],
            );
            norm(name("point_linear.bn.bn"), output, &mut add);
            (input, block) = (output, block + 1);
        }
    }
    if expanded > 0 {
        add(
            "final_expand_layer.conv.weight".into(),
            &[expanded, input, 1, 1],
        );
        norm("final_expand_layer.bn".into(), expanded, &mut add);
        add(
            "feature_mix_layer.conv.weight".into(),
            &[features, expanded, 1, 1],
        );
    } else {
        add(
            "feature_mix_layer.conv.weight".into(),
            &[features, input, 1, 1],
        );
        norm("feature_mix_layer.bn".into(), features, &mut add);
    }
    add("classifier.linear.weight".into(), &[CLASSES, features]);
    add("classifier.linear.bias".into(), &[CLASSES]);
    entries
}

/// As `tune` and `scale` of `make_ofa.py`.
fn tuned(name: &str, shape: &[usize], published: OnceForAll, scale: Option<f32>) -> Vec<f32> {
    let mut values = formula::entry(name, shape);
    let mut multiply = |factor: f32| values.iter_mut().for_each(|value| *value *= factor);
    if name.ends_with("7to5_matrix") {
        multiply(7.0 / 5.0);
    } else if name.ends_with("5to3_matrix") {
        multiply(5.0 / 3.0);
    } else if name.ends_with("running_var") {
        multiply(scale.unwrap());
    } else if name.ends_with("running_mean") {
        multiply(scale.unwrap().sqrt());
    } else if name == "feature_mix_layer.conv.weight" && published != OnceForAll::Proxyless {
        multiply(4.0);
    } else if name == "classifier.linear.bias" {
        multiply(0.1);
    } else if name.contains("point_linear") && shape.len() == 4 && !name.starts_with("blocks.0.") {
        for row in values.chunks_exact_mut(shape[1]) {
            row[shape[1] / 2..]
                .iter_mut()
                .for_each(|value| *value *= 0.2);
        }
    }
    values
}

impl Case {
    fn published(&self) -> OnceForAll {
        let mut all = OnceForAll::ALL.into_iter();
        all.find(|it| it.name() == self.supernet).unwrap()
    }

    /// The genes of the case: kernels within expansions, and behind them what is left out.
    fn genome(&self) -> Genome {
        let stages = self.d.iter().enumerate().flat_map(|(stage, &depth)| {
            let blocks = if stage == 5 { 1 } else { 4 };
            (0..blocks).map(move |block| block < depth)
        });
        let genes = stages.zip(self.ks.iter().zip(&self.e));
        let genes = genes.map(|(is_there, (kernel, factor))| match is_there {
            true => {
                let kernel = [7, 5, 3].iter().position(|it| it == kernel).unwrap();
                let factor = [6, 4, 3].iter().position(|it| it == factor).unwrap();
                (3 * factor + kernel) as u8
            }
            false => 9,
        });
        Genome::new(genes.collect()).unwrap()
    }

    fn images(&self, device: &Device) -> Tensor<4> {
        let side = self.side;
        let shape = [2, 3, side, side];
        let offset = common::signal("offset", [2, 3, 1, 1], device) * 2.5;
        common::signal(&format!("input.{side}"), shape, device) + offset.expand(shape)
    }

    fn architecture(&self, supernet: &OfaSupernet) -> Architecture {
        supernet.space(&[]).unwrap().decode(&self.genome()).unwrap()
    }
}

fn logits(network: &Scarlet, case: &Case) -> Vec<f64> {
    let images = case.images(&network.device());
    network.forward(images).into_data().iter().collect()
}

#[test]
fn parts_agree_with_the_authors_package() {
    let (cases, golden) = (Cases::open(), Golden::open("ofa.safetensors"));
    assert_eq!(cases.cases.len(), 36);
    let device = Device::flex();
    let mut supernet: Option<OfaSupernet> = None;
    for (index, case) in cases.cases.iter().enumerate() {
        let known = supernet
            .take()
            .filter(|it| it.published() == case.published());
        let whole =
            known.unwrap_or_else(|| OfaSupernet::read(&cases.weights(case.published())).unwrap());
        assert_eq!(whole.published(), case.published());
        let architecture = case.architecture(&whole);
        let what = format!("{architecture}");
        let cost = Cost::of(&architecture, case.side).unwrap();
        assert_eq!(
            (cost.parameters, cost.mult_adds),
            (case.parameters, case.mult_adds),
            "{what}"
        );

        let network = whole.network(&architecture, &device).unwrap();
        let expected = golden.get(&format!("{index}.logits"));
        assert_images_differ(&what, &expected);
        let found = network.forward(case.images(&device)).into_data();
        assert_close(&what, found, &expected, TOLERANCE);
        // Without the layers that are left out it has the same weights.
        let mut dense = architecture.clone();
        dense
            .blocks
            .retain(|block| block.operation != Operation::Identity);
        let dense = whole.network(&dense, &device).unwrap();
        assert_eq!(logits(&dense, case), logits(&network, case), "{what}");
        supernet = Some(whole);
    }
}

/// Changed weights of the parts that a case looks at are noticed: golden values can fail.
#[test]
fn golden_values_miss_wrong_parts_by_far() {
    let (cases, golden) = (Cases::open(), Golden::open("ofa.safetensors"));
    // A part of all kernels, whose stages are of all depths.
    let is_telling = |case: &Case| {
        [3, 5, 7].iter().all(|kernel| case.ks.contains(kernel))
            && [2, 3, 4].iter().all(|depth| case.d.contains(depth))
    };
    let mut telling = (0..cases.cases.len()).filter(|&index| is_telling(&cases.cases[index]));
    let index = telling.next().unwrap();
    let case = &cases.cases[index];
    let weights = cases.weights(case.published());
    let expected = golden.get(&format!("{index}.logits"));
    let expected: Vec<f64> = expected.iter().map(|&value| value.into()).collect();
    let error = |weights: &StateDict| {
        let supernet = OfaSupernet::read(weights).unwrap();
        let architecture = case.architecture(&supernet);
        let network = supernet.network(&architecture, &Device::flex()).unwrap();
        relative_error(&logits(&network, case), &expected)
    };
    assert!(error(&weights) < TOLERANCE);
    // A block of the kernel that is wanted.
    let block = |kernel: usize| 1 + case.ks.iter().position(|&it| it == kernel).unwrap();
    let transposed = |name: String, side: usize| {
        move |entry: Entry| match entry.name() == name {
            false => entry,
            true => {
                let values = entry.read_f32().unwrap();
                let turned: Vec<f32> = (0..side * side)
                    .map(|at| values[at % side * side + at / side])
                    .collect();
                Entry::from_f32(name.clone(), vec![side, side], move || turned.clone())
            }
        }
    };
    let changed = |change: &dyn Fn(Entry) -> Entry| {
        StateDict::from_entries(weights.entries().iter().cloned().map(change))
    };
    let matrix = |block, name| format!("blocks.{block}.conv.depth_conv.conv.{name}");
    let five = changed(&transposed(matrix(block(5), "7to5_matrix"), 25));
    let three = changed(&transposed(matrix(block(3), "5to3_matrix"), 9));
    // The matrix of the step before counts too.
    let both = changed(&transposed(matrix(block(3), "7to5_matrix"), 25));
    // The last blocks of the first stage of two blocks instead of the first.
    let stage = case.d.iter().position(|&depth| depth == 2).unwrap();
    let (second, last) = (4 * stage + 2, 4 * stage + 4);
    let swapped = changed(&|entry: Entry| {
        let (from, to) = (format!("blocks.{second}."), format!("blocks.{last}."));
        let name = entry.name().to_owned();
        let renamed = match (name.strip_prefix(&from), name.strip_prefix(&to)) {
            (Some(rest), _) => format!("{to}{rest}"),
            (_, Some(rest)) => format!("{from}{rest}"),
            _ => name,
        };
        entry.renamed(renamed)
    });
    for (what, weights) in [
        ("7 to 5", five),
        ("5 to 3", three),
        ("7 to 5, then to 3", both),
        ("another block", swapped),
    ] {
        let error = error(&weights);
        assert!(error > 10.0 * TOLERANCE, "{what}: {error:e}");
    }
    // Squeeze-excite of a narrower width than the package's.
    let supernet = OfaSupernet::read(&weights).unwrap();
    let mut architecture = case.architecture(&supernet);
    for layer in architecture.layers_mut() {
        let Operation::InvertedResidual(block) = &mut layer.operation else {
            continue;
        };
        if let Some(excite) = &mut block.squeeze_excite
            && let SqueezedWidth::To(inner) = excite.width
        {
            excite.width = SqueezedWidth::To(inner - 8);
        }
    }
    let network = supernet.network(&architecture, &Device::flex()).unwrap();
    let error = relative_error(&logits(&network, case), &expected);
    assert!(error > 10.0 * TOLERANCE, "squeeze-excite: {error:e}");
}

#[test]
fn older_names_are_known() {
    let (cases, device) = (Cases::open(), Device::flex());
    let case = &cases.cases[3];
    let newest = cases.weights(case.published());
    let expected = OfaSupernet::read(&newest).unwrap();
    let architecture = case.architecture(&expected);
    let expected = logits(&expected.network(&architecture, &device).unwrap(), case);
    // As the first versions wrote them, as later ones read them, and with counters of steps.
    let renamed = |rename: &dyn Fn(&str) -> String| {
        let entries = newest.entries().iter().cloned();
        let entries = entries.map(|entry| {
            let name = rename(entry.name());
            entry.renamed(name)
        });
        let counter = Entry::from_f32("first_conv.bn.num_batches_tracked", vec![], || vec![7.0]);
        StateDict::from_entries(entries.chain([counter]))
    };
    let of_first_versions = |name: &str| {
        name.replace(".conv.inverted", ".mobile_inverted_conv.inverted")
            .replace(".conv.depth", ".mobile_inverted_conv.depth")
            .replace(".conv.point", ".mobile_inverted_conv.point")
    };
    let without_doubles = |name: &str| {
        name.replace(".bn.bn.", ".bn.")
            .replace(".conv.conv.weight", ".conv.weight")
    };
    let with_doubles = |name: &str| name.replace("classifier.linear.", "classifier.linear.linear.");
    for weights in [
        renamed(&of_first_versions),
        renamed(&without_doubles),
        renamed(&|name| of_first_versions(&without_doubles(name))),
        renamed(&with_doubles),
    ] {
        let supernet = OfaSupernet::read(&weights).unwrap();
        assert_eq!(supernet.published(), case.published());
        let network = supernet.network(&architecture, &device).unwrap();
        assert_eq!(logits(&network, case), expected);
    }
    // Both at once.
    let double = newest.entries()[0].clone();
    let name = of_first_versions(&without_doubles("blocks.2.conv.depth_conv.bn.bn.bias"));
    let entries = newest
        .entries()
        .iter()
        .cloned()
        .chain([double.renamed(name)]);
    let error = OfaSupernet::read(&StateDict::from_entries(entries)).unwrap_err();
    assert!(error.to_string().contains("is there twice"), "{error}");
}

#[test]
fn the_largest_is_all_genes_zero_and_any_classes_are_read() {
    for published in OnceForAll::ALL {
        let supernet = OfaSupernet::read(&Cases::open().weights(published)).unwrap();
        assert_eq!(supernet.largest().classes, CLASSES);
        let space = supernet.space(&OnceForAll::RESOLUTIONS).unwrap();
        let whole = space.decode(&space.first()).unwrap();
        assert_eq!(whole.blocks, supernet.largest().blocks);
        supernet.check(&whole).unwrap();
        // The least has two blocks in every stage of four, at the lowest resolution.
        let least: Vec<u8> = space
            .genes()
            .iter()
            .map(|&values| values as u8 - 1)
            .collect();
        let least = space.decode(&Genome::new(least).unwrap()).unwrap();
        supernet.check(&least).unwrap();
        assert_eq!(least.preprocessing.resolution, 160);
    }
}

/// Weights of which none is read: names and shapes alone.
fn shapes(published: OnceForAll) -> Vec<Entry> {
    let entries = entries(published).into_iter();
    let entry = |(name, shape)| Entry::from_f32(name, shape, || panic!("is not to be read"));
    entries.map(entry).collect()
}

#[test]
fn what_is_no_supernet_says_what_it_is() {
    let message = |entries: Vec<Entry>| {
        let error = OfaSupernet::read(&StateDict::from_entries(entries)).unwrap_err();
        println!("{error}");
        error.to_string()
    };
    let lite = formula::state_dict(&scarlet::arch::efficientnet_lite0());
    let text = message(lite.entries().to_vec());
    assert!(
        text.contains("it has no `first_conv.conv.weight`; known are ofa_mbv3_d234"),
        "{text}"
    );

    let mut network = shapes(OnceForAll::MobileNetV3);
    network.retain(|entry| !entry.name().ends_with("_matrix"));
    assert!(message(network).contains("it is a network rather than a supernet"));

    let mut other = shapes(OnceForAll::MobileNetV3);
    other[0] = Entry::from_f32("first_conv.conv.weight", vec![32, 3, 3, 3], Vec::new);
    assert!(message(other).contains("its `first_conv.conv.weight` is [32, 3, 3, 3]"));

    let mut missing = shapes(OnceForAll::Proxyless);
    missing.retain(|entry| entry.name() != "blocks.9.conv.depth_conv.conv.5to3_matrix");
    missing.push(Entry::from_f32("extra.weight", vec![3], Vec::new));
    let wrong = missing
        .iter()
        .position(|it| it.name() == "first_conv.bn.bias")
        .unwrap();
    missing[wrong] = Entry::from_f32("first_conv.bn.bias", vec![41], Vec::new);
    let text = message(missing);
    for expected in [
        "do not fit the supernet ofa_proxyless_d234_e346_k357_w1.3",
        "1 missing in the file:\n  blocks.9.conv.depth_conv.conv.5to3_matrix [9, 9]",
        "1 unused:\n  extra.weight [3]",
        "first_conv.bn.bias: expected [40], found [41]",
    ] {
        assert!(text.contains(expected), "{text}");
    }

    // Sizes that overflow reach no arithmetic.
    let mut huge = shapes(OnceForAll::MobileNetV3);
    let bias = huge
        .iter()
        .position(|it| it.name() == "classifier.linear.bias")
        .unwrap();
    huge[bias] = Entry::from_f32("classifier.linear.bias", vec![usize::MAX], Vec::new);
    assert!(message(huge).contains("cannot be built"));
}

#[test]
fn values_that_are_no_weights_are_named() {
    let weights = Cases::open().weights(OnceForAll::MobileNetV3);
    let with = |name: &str, value: f32| {
        let entries = weights.entries().iter().cloned();
        let entries = entries.map(|entry| match entry.name() == name {
            false => entry,
            true => {
                let mut values = entry.read_f32().unwrap();
                values[1] = value;
                let shape = entry.shape().to_vec();
                Entry::from_f32(name, shape, move || values.clone())
            }
        });
        OfaSupernet::read(&StateDict::from_entries(entries)).unwrap_err()
    };
    let matrix = with("blocks.3.conv.depth_conv.conv.7to5_matrix", f32::NAN);
    assert!(
        matches!(matrix, WeightsError::NotFinite { index: 1, .. }),
        "{matrix}"
    );
    let variance = with("blocks.3.conv.depth_conv.bn.bn.running_var", -1.0);
    assert!(
        matches!(variance, WeightsError::NegativeVariance { .. }),
        "{variance}"
    );
}

#[test]
fn a_supernet_is_not_taken_for_a_network() {
    let weights = StateDict::from_entries(shapes(OnceForAll::MobileNetV3));
    let error = weights.architecture().unwrap_err().to_string();
    assert!(
        error.contains("holds Once-for-All's supernet ofa_mbv3_d234_e346_k357_w1.0"),
        "{error}"
    );
    let network = scarlet::MobileNetV3Large::new().init(&Device::flex());
    let error = network.load(&weights).unwrap_err().to_string();
    assert_eq!(
        error,
        "this file holds Once-for-All's supernet ofa_mbv3_d234_e346_k357_w1.0; you asked for \
         mobilenetv3-large"
    );
}

#[test]
fn what_a_supernet_does_not_have_is_named() {
    let weights = Cases::open().weights(OnceForAll::MobileNetV3);
    let supernet = OfaSupernet::read(&weights).unwrap();
    let message = |change: &dyn Fn(&mut Architecture)| {
        let mut network = supernet.largest();
        change(&mut network);
        let error = supernet.check(&network).unwrap_err().to_string();
        let built = supernet.network(&network, &Device::flex());
        assert_eq!(built.unwrap_err().to_string(), error);
        let start = " is no part of ofa_mbv3_d234_e346_k357_w1.0: its ";
        error.replace(start, ": ")
    };
    let layer = |index: usize, text: &'static str| {
        message(&move |network| network.layers_mut()[index].operation = text.parse().unwrap())
    };
    let cases = [
        (
            layer(1, "H152K7:relu"),
            "layer 2: number of hidden channels is 152, possible is 144 at most",
        ),
        (
            layer(1, "E6K9:relu"),
            "layer 2: kernel is 9, possible is 7, 5, 3",
        ),
        (
            layer(1, "E6K1:relu"),
            "layer 2: kernel is 1, possible is 7, 5, 3",
        ),
        (
            layer(1, "E1K3:relu"),
            "layer 2: expansion is none, possible is an expanding convolution",
        ),
        (
            layer(8, "E6K7:relu"),
            "layer 9: activation is relu, possible is h-swish",
        ),
        (
            layer(8, "E6K7s"),
            "layer 9: squeeze-excite is with it, possible is none",
        ),
        (
            layer(5, "E6K7:relu"),
            "layer 6: squeeze-excite is none, possible is with it",
        ),
        (
            layer(5, "E6K7s72:relu"),
            "layer 6: width of squeeze-excite is 72, possible is 64 at most",
        ),
        (
            layer(5, "E6K7s64(relu,sigmoid):relu"),
            "layer 6: squeeze-excite is relu, sigmoid, possible is relu, h-sigmoid",
        ),
        (
            layer(1, "L"),
            "layer 2: operation is L, possible is an inverted residual, or none",
        ),
        (layer(0, "-"), "layer 2: stride is 1, possible is 2"),
        (
            message(&|network| network.layers_mut()[9].stride = 2),
            "layer 10: stride is 2, possible is 1",
        ),
        (
            message(&|network| network.layers_mut()[5].channels = 48),
            "layer 6: number of channels is 48, possible is 80",
        ),
        (
            message(&|network| {
                let fifth = network.layers()[3];
                network.blocks.insert(6, fifth);
            }),
            "layer 5: place in its stage is 5, possible is 4 at most in stage 1",
        ),
        (
            message(&|network| {
                let more = network.layers()[19];
                network.blocks.push(more);
            }),
            "layer 21: place in its stage is 5, possible is 4 at most in stage 5",
        ),
        (
            message(&|network| network.blocks.truncate(18)),
            "the last layer: number of channels is 112, possible is 160",
        ),
        (
            message(&|network| network.classes = 7),
            "the network: number of classes is 7, possible is 20",
        ),
        (
            message(&|network| network.batch_norm.epsilon = 1e-3),
            "the network: epsilon of batch normalisation is 0.001, possible is 0.00001",
        ),
        (
            message(&|network| network.blocks[0].channels = 32),
            "the network: beginning is C3@32/2 E1K3:relu@16, possible is C3@16/2 E1K3:relu@16",
        ),
        (
            message(&|network| network.head.hidden = None),
            "the network: head is P960:h-swish, possible is P960:h-swish F1280n:h-swish",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

/// Any number of channels can be cut, not only those that were trained.
#[test]
fn widths_between_the_trained_ones_are_parts() {
    let supernet = OfaSupernet::read(&Cases::open().weights(OnceForAll::Proxyless)).unwrap();
    let mut network = supernet.largest();
    for layer in network.layers_mut() {
        let Operation::InvertedResidual(block) = layer.operation else {
            continue;
        };
        layer.operation = Operation::InvertedResidual(InvertedResidual {
            kernel: 5,
            expansion: Expansion::To(37),
            ..block
        });
    }
    let device = Device::flex();
    let narrow = supernet.network(&network, &device).unwrap();
    assert_eq!(narrow.architecture(), &network);
    // What was cut out goes through a file like any other network.
    let reread = ScarletConfig::from(network)
        .init(&device)
        .load(&narrow.state_dict())
        .unwrap();
    let case = &Cases::open().cases[0];
    assert_eq!(logits(&reread, case), logits(&narrow, case));
}
