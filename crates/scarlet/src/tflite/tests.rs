use std::io::Cursor;

use burn::tensor::Device;
use flatbuffers::{
    ForwardsUOffset, InvalidFlatbuffer, Vector, Verifiable, Verifier, VerifierOptions,
};
use scarlet_arch::{Architecture, Padding};

use super::read::View;
use super::*;
use crate::weights::formula;
use crate::{ModelCard, ScarletConfig, zoo};

fn network(architecture: Architecture) -> Scarlet {
    let weights = formula::state_dict(&architecture);
    let network = ScarletConfig::from(architecture).try_init(&Device::flex());
    network.unwrap().load(&weights).unwrap()
}

fn named(name: &str, resolution: usize) -> Scarlet {
    let architecture = zoo::by_name(name).unwrap();
    network(architecture.with_classes(10).with_resolution(resolution))
}

/// What the verifier of flat buffers is to find in a table: fields by number.
macro_rules! verified {
    ($name:ident { $($number:literal: $kind:ty),* $(,)? }) => {
        struct $name;

        impl Verifiable for $name {
            fn run_verifier(verifier: &mut Verifier, place: usize) -> Result<(), InvalidFlatbuffer> {
                let table = verifier.visit_table(place)?;
                $(let table = table.visit_field::<$kind>(
                    stringify!($number), 4 + 2 * $number, false)?;)*
                table.finish();
                Ok(())
            }
        }
    };
}

type List<T> = ForwardsUOffset<Vector<'static, T>>;
type Tables<T> = ForwardsUOffset<Vector<'static, ForwardsUOffset<T>>>;
type Text = ForwardsUOffset<&'static str>;

verified!(ModelTable { 0: u32, 1: Tables<Code>, 2: Tables<Subgraph>, 3: Text, 4: Tables<Buffer>, 6: Tables<Named>, 7: Tables<Signature> });
verified!(Code {
    0: i8,
    2: i32,
    3: i32
});
verified!(Subgraph { 0: Tables<TensorTable>, 1: List<i32>, 2: List<i32>, 3: Tables<OperatorTable>, 4: Text });
verified!(TensorTable { 0: List<i32>, 1: i8, 2: u32, 3: Text, 4: ForwardsUOffset<Steps>, 7: List<i32> });
verified!(Steps { 2: List<f32>, 3: List<i64>, 6: i32 });
verified!(OperatorTable { 0: u32, 1: List<i32>, 2: List<i32>, 3: u8, 4: ForwardsUOffset<Anything> });
verified!(Anything {});
verified!(Buffer { 0: List<u8> });
verified!(Named { 0: Text, 1: u32 });
verified!(Signature { 0: Tables<Named>, 1: Tables<Named>, 2: Text, 4: u32 });
verified!(ModelMetadata { 0: Text, 1: Text, 3: Tables<SubgraphMetadata>, 7: Text });
verified!(SubgraphMetadata { 2: Tables<TensorMetadata>, 3: Tables<TensorMetadata> });
verified!(TensorMetadata { 0: Text, 1: Text, 3: ForwardsUOffset<Union>, 4: Tables<Union>, 5: ForwardsUOffset<Numbers>, 6: Tables<AssociatedFile> });
verified!(Union { 0: u8, 1: ForwardsUOffset<Anything> });
verified!(Numbers { 0: List<f32>, 1: List<f32> });
verified!(AssociatedFile {
    0: Text,
    1: Text,
    2: i8
});

/// The root of a file, after the verifier of flat buffers found nothing wrong in it.
fn verified_root<'a, T: Verifiable>(file: &'a [u8], identifier: &str) -> View<'a> {
    let options = VerifierOptions {
        max_tables: 1 << 20,
        ..VerifierOptions::default()
    };
    let mut verifier = Verifier::new(&options, file);
    <ForwardsUOffset<T>>::run_verifier(&mut verifier, 0).unwrap();
    View::root(file, identifier).unwrap()
}

fn model(file: &[u8]) -> View<'_> {
    verified_root::<ModelTable>(file, schema::IDENTIFIER)
}

fn text<'a>(table: View<'a>, number: u16) -> &'a str {
    std::str::from_utf8(table.bytes(number).unwrap()).unwrap()
}

/// The names of a file's operations in order, by their numbers.
fn operators(file: &[u8]) -> Vec<u32> {
    let model = model(file);
    let codes: Vec<u32> = model
        .tables(1)
        .iter()
        .map(|it| it.unsigned(3).unwrap())
        .collect();
    let subgraph = model.tables(2)[0];
    let operators = subgraph.tables(3).into_iter();
    operators
        .map(|it| codes[it.unsigned(0).unwrap_or_default() as usize])
        .collect()
}

/// Networks with every kind of layer, activation, gate and head.
fn others() -> [Scarlet; 3] {
    [
        "[swish, se swish sigmoid] C3@8/2 E1K3s2a@8 E3K5s@12/2 C1@16:relu E3K3n P24 F12n:relu6",
        "C7@8 E3K3s(relu6,h-sigmoid) L@12 E3K5@16/2 F24",
        "[relu6] C3@8/2 E1K3an@8 E1K3a@12/2",
    ]
    .map(|text| {
        let architecture: Architecture = text.parse().unwrap();
        network(architecture.with_classes(10).with_resolution(33))
    })
}

#[test]
fn tensors_are_made_once_and_before_they_are_used() {
    let zoo = [named("scarlet-b", 64), named("efficientnet-lite0", 64)];
    for network in zoo.into_iter().chain(others()) {
        let file = network.to_tflite(&TfliteOptions::new()).unwrap();
        let model = model(&file);
        let buffers = model.tables(number("buffers"));
        assert_eq!(buffers[0].bytes(0), None, "that of values is empty");
        let subgraph = model.tables(2)[0];
        let tensors = subgraph.tables(0);
        let mut known = vec![false; tensors.len()];
        let [input] = subgraph.words(1)[..] else {
            panic!("one input");
        };
        known[input as usize] = true;
        for (tensor, known) in tensors.iter().zip(&mut known) {
            let buffer = tensor.unsigned(2).unwrap() as usize;
            if let Some(bytes) = buffers[buffer].bytes(0) {
                *known = true;
                let values: u32 = tensor.words(0).iter().product();
                assert_eq!(bytes.len(), 4 * values as usize, "{}", text(*tensor, 3));
                let place = bytes.as_ptr() as usize - file.as_ptr() as usize;
                assert!(place.is_multiple_of(16), "{place}");
            }
        }
        let mut used = known.clone();
        used.fill(false);
        for operator in subgraph.tables(3) {
            for input in operator.words(1) {
                assert!(
                    known[input as usize],
                    "{}",
                    text(tensors[input as usize], 3)
                );
                used[input as usize] = true;
            }
            let [output] = operator.words(2)[..] else {
                panic!("one output");
            };
            assert!(!std::mem::replace(&mut known[output as usize], true));
        }
        let [output] = subgraph.words(2)[..] else {
            panic!("one output");
        };
        assert!(known[output as usize] && !used[output as usize]);
        used[output as usize] = true;
        assert_eq!(known, used, "nothing is there for nothing");
        let mut names: Vec<_> = tensors.iter().map(|it| text(*it, 3)).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}

fn number(name: &str) -> u16 {
    match name {
        "buffers" => schema::number::MODEL_BUFFERS,
        _ => schema::number::MODEL_METADATA,
    }
}

#[test]
fn zeros_are_explicit_only_where_same_would_be_something_else() {
    let count = |padding, side| {
        let architecture: Architecture = "C3@8/2 E3K3@8 E3K5@12/2 E3K3@12".parse().unwrap();
        let architecture = Architecture {
            padding,
            ..architecture
        };
        let network = network(architecture.with_resolution(side));
        let file = network.to_tflite(&TfliteOptions::new()).unwrap();
        operators(&file)
            .iter()
            .filter(|it| **it == schema::Operator::Pad as u32)
            .count()
    };
    assert_eq!(count(Padding::Same, 64), 0);
    assert_eq!(count(Padding::Symmetric, 64), 2);
    assert_eq!(count(Padding::Symmetric, 65), 0);
}

#[test]
fn the_batch_is_fixed_or_any() {
    let network = named("mobilenetv3-small", 64);
    for (batch, size, signature) in [
        (Batch::Fixed(1), 1, None),
        (Batch::Fixed(3), 3, None),
        (Batch::Dynamic, 1, Some(u32::MAX)),
    ] {
        let file = network
            .to_tflite(&TfliteOptions::new().with_batch(batch))
            .unwrap();
        let subgraph = model(&file).tables(2)[0];
        let tensors = subgraph.tables(0);
        for (end, expected) in [(1, vec![size, 64, 64, 3]), (2, vec![size, 10])] {
            let tensor = tensors[subgraph.words(end)[0] as usize];
            assert_eq!(tensor.words(0), expected);
            assert_eq!(tensor.words(7).first().copied(), signature);
        }
    }
}

#[test]
fn metadata_say_how_images_are_normalised_and_what_classes_are_called() {
    let network = named("mobilenetv2-100", 64);
    let names: Vec<String> = (0..10).map(|it| format!("class {it}\n")).collect();
    let network = network.with_card(ModelCard::new(names)).unwrap();
    let file = network.to_tflite(&TfliteOptions::new()).unwrap();
    let model = model(&file);
    let entries = model.tables(6);
    let entry = entries
        .iter()
        .find(|it| text(**it, 0) == metadata::NAME)
        .unwrap();
    let buffer = entry.unsigned(1).unwrap() as usize;
    let said = model.tables(4)[buffer].bytes(0).unwrap();
    let said = verified_root::<ModelMetadata>(said, "M001");
    let subgraph = said.tables(3)[0];
    let normalisation = subgraph.tables(2)[0].tables(4)[0];
    assert_eq!(normalisation.byte(0), Some(1));
    let values = normalisation.table(1).unwrap();
    let floats = |number| -> Vec<f32> {
        values
            .words(number)
            .into_iter()
            .map(f32::from_bits)
            .collect()
    };
    let preprocessing = network.architecture().preprocessing;
    assert_eq!(floats(0), preprocessing.mean.map(|it| it * 255.0));
    assert_eq!(floats(1), preprocessing.std.map(|it| it * 255.0));
    let labels = subgraph.tables(3)[0].tables(6)[0];
    assert_eq!((text(labels, 0), labels.byte(2)), ("labels.txt", Some(2)));
    let mut archive = zip::ZipArchive::new(Cursor::new(&file)).unwrap();
    let mut labels = archive.by_name("labels.txt").unwrap();
    assert_eq!(labels.compression(), zip::CompressionMethod::Stored);
    let read = io::read_to_string(&mut labels).unwrap();
    let lines: Vec<_> = read.lines().collect();
    assert_eq!((lines.len(), lines[9]), (10, "class 9 "));
    drop(labels);
    // What is in front is the network's alone: offsets count from the beginning of the file.
    assert_eq!(archive.offset(), 0);
}

#[test]
fn a_file_says_itself_what_network_it_holds() {
    let network = named("scarlet-c", 64);
    let card = ModelCard::new((0..10).map(|it| it.to_string()).collect());
    let network = network.with_card(card.clone()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.tflite");
    network.save_tflite(&path, &TfliteOptions::new()).unwrap();
    let described = describe(&path).unwrap().unwrap();
    let architecture = Architecture::from_json(&described.architecture.unwrap()).unwrap();
    assert_eq!(&architecture, network.architecture());
    assert_eq!(described.card, Some(card.to_json()));
    assert!(!described.int8);
    std::fs::write(&path, b"no flat buffer at all").unwrap();
    assert_eq!(describe(&path).unwrap(), None);
    assert!(describe(folder.path().join("none")).is_err());
    assert_eq!(describe(folder.path()).unwrap(), None);
}

#[test]
fn damaged_files_say_something_else_or_nothing() {
    let architecture: Architecture = "C3@8/2 E1K3@8".parse().unwrap();
    let network = network(architecture.with_classes(2).with_resolution(8));
    let file = network.to_tflite(&TfliteOptions::new()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.tflite");
    for end in (0..file.len()).step_by(97) {
        std::fs::write(&path, &file[..end]).unwrap();
        describe(&path).unwrap();
        let mut changed = file.clone();
        changed[end] ^= 0x81;
        std::fs::write(&path, &changed).unwrap();
        describe(&path).unwrap();
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let network = named("scarlet-c", 64);
    let failure = |options: TfliteOptions| network.to_tflite(&options).unwrap_err().to_string();
    let options = TfliteOptions::new();
    let error = failure(options.clone().with_labels(vec!["one".to_owned()]));
    assert!(
        error.contains("1 labels do not fit a network of 10 classes"),
        "{error}"
    );
    let error = failure(options.clone().with_batch(Batch::Fixed(0)));
    assert!(error.contains("batches of 0 images"), "{error}");
    let error = failure(options.clone().with_batch(Batch::Fixed(1 << 30)));
    assert!(error.contains("more than the format counts"), "{error}");
    let error = failure(options.clone().with_size(0, 64));
    assert!(error.contains('0'), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let error = network
        .save_tflite(folder.path().join("none/network.tflite"), &options)
        .unwrap_err();
    assert!(error.to_string().contains("cannot write"), "{error}");
}

#[test]
fn the_same_network_gives_the_same_file() {
    let labels = (0..10).map(|it| it.to_string()).collect();
    let options = TfliteOptions::new().with_labels(labels);
    let file = || named("efficientnet-b0", 64).to_tflite(&options).unwrap();
    assert_eq!(file(), file());
}

/// A network with the integers that suit an image of waves.
fn rounded(network: &Scarlet) -> Int8 {
    let architecture = network.architecture();
    let side = architecture.preprocessing.resolution;
    let mut calibration = Int8::calibrate(network, (side, side)).unwrap();
    let values = architecture.input_channels * side * side;
    let waves = (0..values).map(|it| (it as f32 * 0.37).sin() + (it as f32 * 0.011).cos());
    calibration.observe(&waves.collect::<Vec<_>>()).unwrap();
    calibration.finish().unwrap()
}

#[test]
fn integers_are_what_readers_expect() {
    for network in [named("mobilenetv3-large", 64)].into_iter().chain(others()) {
        let options = TfliteOptions::new().with_int8(rounded(&network));
        let file = network.to_tflite(&options).unwrap();
        let model = model(&file);
        let subgraph = model.tables(2)[0];
        let tensors = subgraph.tables(0);
        let steps = |tensor: usize| -> Vec<f32> {
            let table = tensors[tensor].table(4).unwrap();
            assert_eq!(table.words(2).len(), table.words(3).len(), "as many zeros");
            table.words(2).into_iter().map(f32::from_bits).collect()
        };
        let kind = |tensor: usize| tensors[tensor].byte(1).unwrap_or_default();
        let ends = [subgraph.words(1)[0], subgraph.words(2)[0]].map(|it| it as usize);
        assert_eq!(ends.map(kind), [schema::Element::Float as i8; 2]);
        let floats = (0..tensors.len()).filter(|it| kind(*it) == schema::Element::Float as i8);
        assert_eq!(floats.count(), 2);
        let kinds = operators(&file);
        assert_eq!(kinds[0], schema::Operator::Quantize as u32);
        assert_eq!(kinds.last(), Some(&(schema::Operator::Dequantize as u32)));
        let conv =
            [schema::Operator::Conv2d, schema::Operator::DepthwiseConv2d].map(|it| it as u32);
        for (operator, kind) in subgraph.tables(3).into_iter().zip(kinds) {
            let inputs: Vec<usize> = operator
                .words(1)
                .into_iter()
                .map(|it| it as usize)
                .collect();
            let output = operator.words(2)[0] as usize;
            if kind == schema::Operator::Pad as u32 {
                assert_eq!(steps(inputs[0]), steps(output));
            }
            if kind == schema::Operator::Logistic as u32 {
                assert_eq!(steps(output), [1.0 / 256.0]);
            }
            if conv.contains(&kind) {
                let channels = *tensors[output].words(0).last().unwrap() as usize;
                let [weight, bias] = [inputs[1], inputs[2]].map(steps);
                assert_eq!([weight.len(), bias.len()], [channels; 2]);
                let input = steps(inputs[0])[0];
                for (weight, bias) in weight.iter().zip(bias) {
                    assert!(
                        (weight * input / bias - 1.0).abs() < 1e-5,
                        "{weight} {input} {bias}"
                    );
                }
            }
        }
        // What is there besides weights, biases and their steps is small.
        let constants: usize = model
            .tables(4)
            .iter()
            .filter_map(|it| it.bytes(0))
            .map(<[u8]>::len)
            .sum();
        assert!(constants < file.len());
    }
}

#[test]
fn a_file_of_bytes_is_hardly_larger_than_its_weights() {
    let network = network(
        zoo::by_name("efficientnet-lite0")
            .unwrap()
            .with_resolution(64),
    );
    let options = TfliteOptions::new().with_int8(rounded(&network));
    let file = network.to_tflite(&options).unwrap();
    // A byte for each weight, four for each bias and each of two steps of an output channel.
    let cost = Cost::of(network.architecture(), 64).unwrap();
    let channels = 22_016;
    let weights = cost.parameters as usize - 2 * channels + 12 * channels;
    assert!(file.len() < weights * 105 / 100, "{} {weights}", file.len());
}

#[test]
fn integers_of_another_network_are_refused() {
    let network = named("mobilenetv3-small", 64);
    let options = TfliteOptions::new().with_int8(rounded(&named("mobilenetv3-large", 64)));
    let error = network.to_tflite(&options).unwrap_err().to_string();
    assert!(
        error.contains("computed for a network other than"),
        "{error}"
    );
    let calibration = Int8::calibrate(&network, (64, 64)).unwrap();
    let error = calibration.finish().unwrap_err().to_string();
    assert!(error.contains("no image was given"), "{error}");
    let mut calibration = Int8::calibrate(&network, (64, 64)).unwrap();
    let error = calibration.observe(&[0.0; 7]).unwrap_err().to_string();
    assert!(
        error.contains("7 values are not one or more images"),
        "{error}"
    );
    let error = calibration.observe(&[f32::NAN; 3 * 64 * 64]).unwrap_err();
    assert!(
        error.to_string().contains("`images` is not finite"),
        "{error}"
    );
}
