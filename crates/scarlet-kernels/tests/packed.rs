//! Packed networks as files: what was written is run, and nothing else is.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{formula_network, signal};
use proptest::prelude::*;
use scarlet_kernels::{
    Activation, Calibration, Engine, EngineSettings, Gate, InstructionSet, Network, Operation,
    PackedFileError, PackedNetwork, PaddingRule, Precision, Quantisation, ValueRange,
};

const SIZE: usize = 32;

fn network() -> Network {
    formula_network(&architecture(
        "C3@6/2:relu6 E1K3@5:relu6 E3K3@8/2 E6K5s@12 - E3K7s@12 P20:relu6",
    ))
}

/// A small network with asymmetric padding, whose amount depends on the size of the images.
fn same_padded() -> Network {
    let mut architecture = architecture("C3@6/2:relu6 E1K3@5:relu6 E3K3@8/2 E6K5s@12/2 P20:relu6");
    architecture.padding = scarlet_arch::Padding::Same;
    formula_network(&architecture)
}

/// With squeeze-excite, activations and a head that SCARLET's networks do not have.
fn of_another_kind() -> Network {
    formula_network(&architecture(
        "[swish, se swish sigmoid] C3@6/2 E1K3s2a@6 E3K5s3(relu,h-sigmoid)@8/2 C1@12:relu \
         E3K3n@12 F20n",
    ))
}

fn architecture(text: &str) -> scarlet_arch::Architecture {
    let architecture: scarlet_arch::Architecture = text.parse().unwrap();
    architecture.with_classes(7)
}

fn bytes(network: &Network) -> Vec<u8> {
    let mut bytes = Vec::new();
    let packed = PackedNetwork::pack(network).unwrap();
    packed.write("what it is", &mut bytes).unwrap();
    bytes
}

/// The same network, of eight bits.
fn quantised(network: &Network) -> PackedNetwork {
    let packed = PackedNetwork::pack(network).unwrap();
    let mut calibration = Calibration::new(packed.clone(), EngineSettings::new(SIZE)).unwrap();
    calibration
        .observe(&signal("input", 3 * SIZE * SIZE))
        .unwrap();
    packed.quantise(&calibration.finish().unwrap()).unwrap()
}

/// With all but pointwise convolutions in floats, as files of formats 1 and 2 have them.
fn quantised_before(network: &Network) -> Vec<u8> {
    let now = json(&quantised_bytes(network));
    let mut ranges: Vec<Option<ValueRange>> =
        serde_json::from_value(now["quantisation"].clone()).unwrap();
    for (range, operation) in ranges.iter_mut().zip(&network.operations) {
        range.take_if(|_| !matches!(operation, Operation::Pointwise(_)));
    }
    let packed = PackedNetwork::pack(network).unwrap();
    let packed = packed.quantise(&Quantisation::new(ranges)).unwrap();
    let mut bytes = Vec::new();
    packed.write("what it is", &mut bytes).unwrap();
    bytes
}

fn quantised_bytes(network: &Network) -> Vec<u8> {
    let mut bytes = Vec::new();
    quantised(network).write("what it is", &mut bytes).unwrap();
    bytes
}

/// The same in bfloat16.
fn bf16_bytes(network: &Network) -> Vec<u8> {
    let mut bytes = Vec::new();
    let packed = PackedNetwork::pack(network).unwrap().to_bf16().unwrap();
    packed.write("what it is", &mut bytes).unwrap();
    bytes
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, bytes: &[u8]) -> PathBuf {
        // A file that is mapped must not be changed.
        let path = self.0.path().join("network");
        let _ = fs::remove_file(&path);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn open(&self, bytes: &[u8]) -> Result<(PackedNetwork, String), PackedFileError> {
        PackedNetwork::open(&self.write(bytes))
    }
}

fn logits(mut engine: Engine) -> Vec<u32> {
    let settings = engine.settings();
    let input = signal(
        "input",
        settings.batch * 3 * settings.height * settings.width,
    );
    let logits = engine.run(&input).unwrap();
    logits.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn a_file_runs_bit_for_bit_as_the_network_in_every_setting() {
    let folder = Folder::new();
    for network in [network(), same_padded(), of_another_kind()] {
        let (packed, description) = folder.open(&bytes(&network)).unwrap();
        assert_eq!(description, "what it is");
        for set in InstructionSet::available() {
            for (size, batch, threads) in [(32, 1, 1), (32, 3, 2), (64, 2, 1), (96, 1, 3)] {
                let settings = EngineSettings::new(size)
                    .with_batch(batch)
                    .with_threads(threads)
                    .with_instruction_set(set);
                let opened = Engine::with_packed(packed.clone(), settings.clone()).unwrap();
                let made = Engine::new(&network, settings).unwrap();
                assert_eq!(logits(opened), logits(made), "{set}, {size}, {batch}");
            }
        }
    }
}

#[test]
fn what_was_opened_is_written_byte_for_byte() {
    let folder = Folder::new();
    for first in [
        bytes(&network()),
        quantised_bytes(&network()),
        bytes(&of_another_kind()),
        quantised_bytes(&of_another_kind()),
        bf16_bytes(&network()),
        bf16_bytes(&of_another_kind()),
    ] {
        let (packed, description) = folder.open(&first).unwrap();
        let mut second = Vec::new();
        packed.write(&description, &mut second).unwrap();
        assert!(first == second);
    }
}

#[test]
fn a_file_of_eight_bits_is_smaller_and_runs_bit_for_bit() {
    let folder = Folder::new();
    for network in [network(), same_padded(), of_another_kind()] {
        let made = quantised(&network);
        let written = quantised_bytes(&network);
        assert!(written.len() < bytes(&network).len() * 3 / 4);
        let (opened, description) = folder.open(&written).unwrap();
        assert_eq!(description, "what it is");
        assert!(opened.quantisation().is_some());
        assert_eq!(opened.quantisation(), made.quantisation());
        for (size, batch, threads) in [(32, 1, 1), (32, 3, 2), (96, 1, 3)] {
            let settings = EngineSettings::new(size)
                .with_batch(batch)
                .with_threads(threads);
            let opened = Engine::with_packed(opened.clone(), settings.clone()).unwrap();
            let made = Engine::with_packed(made.clone(), settings).unwrap();
            assert_eq!(logits(opened), logits(made), "{size}, {batch}");
        }
    }
}

#[test]
fn a_file_in_bfloat16_is_smaller_and_runs_bit_for_bit() {
    let folder = Folder::new();
    for network in [network(), same_padded(), of_another_kind()] {
        let made = PackedNetwork::pack(&network).unwrap().to_bf16().unwrap();
        let written = bf16_bytes(&network);
        assert!(written.len() < bytes(&network).len() * 3 / 4);
        let (opened, description) = folder.open(&written).unwrap();
        assert_eq!(description, "what it is");
        assert_eq!(opened.precision(), Precision::Bfloat16);
        for set in InstructionSet::available() {
            let settings = EngineSettings::new(32)
                .with_batch(3)
                .with_threads(2)
                .with_instruction_set(set);
            let opened = Engine::with_packed(opened.clone(), settings.clone()).unwrap();
            let made = Engine::with_packed(made.clone(), settings).unwrap();
            assert_eq!(logits(opened), logits(made), "{set}");
        }
    }
}

#[test]
fn a_file_in_bfloat16_says_so_and_is_checked() {
    let folder = Folder::new();
    let whole = bf16_bytes(&network());
    assert_eq!(whole[8..16], 3u64.to_le_bytes());
    assert_eq!(&whole[16..32], b"bf16/f32le 8 2 4");
    let message = |bytes: &[u8]| folder.open(bytes).unwrap_err().to_string();
    let cut = message(&whole[..whole.len() - 64]);
    assert!(cut.contains("bytes, but should have"), "{cut}");
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(message(&changed).contains("its checksum is wrong"));
    let mut other = whole.clone();
    other[16..20].copy_from_slice(b"fp16");
    let other = message(&other);
    assert!(other.contains("packed as `fp16/f32le 8 2 4`"), "{other}");

    let quantised = json(&quantised_bytes(&network()))["quantisation"].to_string();
    let both = forge(&whole, |json| {
        format!("{},\"quantisation\":{quantised}}}", &json[..json.len() - 1])
    });
    let both = message(&both);
    assert!(both.contains("both to bfloat16 and to bytes"), "{both}");
    // The weights of a network in floats are twice as many.
    let mut floats = bytes(&network());
    floats[16..32].copy_from_slice(b"bf16/f32le 8 2 4");
    let floats = message(&forge(&floats, |json| json));
    assert!(
        floats.contains("its weights are not where they should be"),
        "{floats}"
    );
}

#[test]
fn a_file_of_eight_bits_says_so_and_is_checked() {
    let folder = Folder::new();
    let whole = quantised_bytes(&network());
    assert_eq!(&whole[16..32], b"i8/f32le 8 2 4\0\0");
    let message = |bytes: &[u8]| folder.open(bytes).unwrap_err().to_string();
    let cut = message(&whole[..whole.len() - 64]);
    assert!(cut.contains("bytes, but should have"), "{cut}");
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(message(&changed).contains("its checksum is wrong"));

    let forged = |change: &dyn Fn(&str) -> String| message(&forge(&whole, |json| change(&json)));
    let without = forged(&|json| format!("{}}}", json.split(r#","quantisation""#).next().unwrap()));
    assert!(
        without.contains("its weights are not where they should be"),
        "{without}"
    );
    let short = forged(&|json| json.replace(r#""quantisation":["#, r#""quantisation":[null,"#));
    assert!(
        short.contains("the calibration is of a network of"),
        "{short}"
    );
    let moved = forged(&|json| {
        let front = json.strip_suffix("null]}").unwrap();
        format!("{front}[0.0,1.0]]}}")
    });
    assert!(
        moved.contains("(linear) has a range for its input"),
        "{moved}"
    );
    let empty = forged(&|json| json.replace(r#""quantisation":[["#, r#""quantisation":[[1e99,"#));
    assert!(empty.contains("its network cannot be read"), "{empty}");
}

/// The file is the same on every machine of the same byte order: the one thing that packing could
/// depend on is the instruction set, and it has no say.
#[test]
fn a_file_starts_as_it_is_documented() {
    let bytes = bytes(&network());
    assert_eq!(&bytes[..8], b"scarlet\0");
    assert_eq!(bytes[8..16], 1u64.to_le_bytes());
    assert_eq!(&bytes[16..32], b"f32le 8 2 4\0\0\0\0\0");
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let (network, description, weights) = (number(32), number(40), number(48));
    assert_eq!(&bytes[64 + network..][..description], b"what it is");
    let start = (64 + network + description).next_multiple_of(64);
    assert_eq!(bytes.len(), start + weights);
    let json: serde_json::Value = serde_json::from_slice(&bytes[64..64 + network]).unwrap();
    assert_eq!(json["input_channels"], 3);
    assert_eq!(json["operations"][0]["convolution"]["weight"], 0);
}

/// Programs of before read all networks that they could have written.
#[test]
fn only_what_format_1_cannot_say_is_written_as_format_2() {
    assert_eq!(bytes(&same_padded())[8..16], 1u64.to_le_bytes());
    assert_eq!(bytes(&of_another_kind())[8..16], 2u64.to_le_bytes());
    assert_eq!(
        quantised_before(&of_another_kind())[8..16],
        2u64.to_le_bytes()
    );
    for network in [same_padded(), of_another_kind()] {
        assert_eq!(quantised_bytes(&network)[8..16], 3u64.to_le_bytes());
    }
}

/// Files of eight bits as they were written when all other convolutions stayed in floats.
#[test]
fn a_file_whose_pointwise_convolutions_alone_are_in_bytes_is_read() {
    let folder = Folder::new();
    let (before, now) = (quantised_before(&network()), quantised_bytes(&network()));
    let logits = |bytes: &[u8]| {
        let (opened, _) = folder.open(bytes).unwrap();
        let mut again = Vec::new();
        opened.write("", &mut again).unwrap();
        assert_eq!(again[8..16], bytes[8..16]);
        let bits = logits(Engine::with_packed(opened, EngineSettings::new(SIZE)).unwrap());
        bits.into_iter().map(f32::from_bits).collect::<Vec<_>>()
    };
    let expected = logits(&bytes(&network()));
    let spread = expected.iter().map(|x| x.abs()).fold(0.0, f32::max);
    let errors = [before, now].map(|bytes| {
        let found = logits(&bytes);
        let pairs = found.iter().zip(&expected);
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / spread
    });
    // Each differs, and the two from each other.
    assert!(
        errors.iter().all(|error| (1e-5..0.1).contains(error)),
        "{errors:?}"
    );
    assert!(errors[0] != errors[1], "{errors:?}");
}

/// With all that files of format 1 cannot say.
fn of_today() -> Network {
    let mut network = network();
    for operation in &mut network.operations {
        match operation {
            Operation::Convolution(c) => c.activation = Activation::Swish,
            Operation::SqueezeExcite(c) => {
                (c.activation, c.gate) = (Activation::HSwish, Gate::Sigmoid);
            }
            Operation::Linear(c) => c.activation = Activation::Relu6,
            _ => {}
        }
    }
    network
}

fn json(bytes: &[u8]) -> serde_json::Value {
    let length = u64::from_le_bytes(bytes[32..40].try_into().unwrap()) as usize;
    serde_json::from_slice(&bytes[64..64 + length]).unwrap()
}

#[test]
fn a_network_that_format_1_can_say_is_written_in_its_words() {
    for bytes in [bytes(&network()), quantised_before(&network())] {
        assert_eq!(bytes[8..16], 1u64.to_le_bytes());
        let json = json(&bytes);
        let operations = json["operations"].as_array().unwrap();
        let keys = |kind: &str| -> Vec<_> {
            let operation = operations.iter().find_map(|operation| operation.get(kind));
            operation
                .unwrap()
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect()
        };
        assert_eq!(keys("linear"), ["bias", "input", "output", "weight"]);
        let expected = [
            "channels",
            "excite_bias",
            "excite_weight",
            "squeeze_bias",
            "squeeze_weight",
            "squeezed",
        ];
        assert_eq!(keys("squeeze_excite"), expected);
    }
}

/// Programs that read format 1 alone say that it is another, and which.
#[test]
fn any_other_network_is_of_format_2() {
    let folder = Folder::new();
    let mut networks = vec![of_today()];
    for index in 0..network().operations.len() {
        // One thing alone.
        let mut network = network();
        let changed = of_today().operations[index].clone();
        if changed != network.operations[index] {
            network.operations[index] = changed;
            networks.push(network.clone());
        }
        if let Operation::Depthwise(c) = &mut network.operations[index] {
            (c.kernel, c.padding) = (1, PaddingRule::Same);
            c.weight.truncate(c.channels);
            networks.push(network);
        }
    }
    assert!(networks.len() > 5);
    for network in networks {
        for bytes in [bytes(&network), quantised_before(&network)] {
            assert_eq!(bytes[8..16], 2u64.to_le_bytes());
            let (opened, description) = folder.open(&bytes).unwrap();
            let mut again = Vec::new();
            opened.write(&description, &mut again).unwrap();
            assert!(again == bytes);
        }
        let (opened, _) = folder.open(&bytes(&network)).unwrap();
        let opened = Engine::with_packed(opened, EngineSettings::new(SIZE)).unwrap();
        let made = Engine::new(&network, EngineSettings::new(SIZE)).unwrap();
        assert_eq!(logits(opened), logits(made));
    }
}

#[test]
fn a_file_that_is_cut_short_or_too_long_is_refused() {
    let folder = Folder::new();
    let whole = bytes(&network());
    let number = |at: usize| u64::from_le_bytes(whole[at..at + 8].try_into().unwrap()) as usize;
    let weights = whole.len() - number(48);
    let sections = [
        0,
        8,
        16,
        32,
        63,
        64,
        64 + number(32),
        64 + number(32) + number(40),
    ];
    for length in sections.into_iter().chain([
        weights - 1,
        weights,
        weights + 4,
        whole.len() - 64,
        whole.len() - 1,
    ]) {
        let error = folder.open(&whole[..length]).unwrap_err();
        if length < 8 {
            assert!(matches!(error, PackedFileError::OtherFormat { .. }));
            continue;
        }
        let message = error.to_string();
        let found = format!("has {length} bytes, but should have");
        assert!(message.contains(&found), "{length}: {message}");
        assert!(message.contains("deploy the network again"), "{message}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    let error = folder.open(&longer).unwrap_err();
    assert!(matches!(error, PackedFileError::Length { .. }), "{error}");
}

#[test]
fn every_kind_of_wrong_file_is_told_from_the_others() {
    let folder = Folder::new();
    let whole = bytes(&network());
    let message = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        folder.open(&bytes).unwrap_err().to_string()
    };
    let other = message(&|bytes| bytes[0] = b'S');
    assert!(other.contains("is no deployed network"), "{other}");
    let version = message(&|bytes| bytes[8] = 4);
    assert!(
        version.contains("of format 4, but this program reads formats 1 to 3"),
        "{version}"
    );
    assert!(version.contains("deploy the network again"), "{version}");
    let packing = message(&|bytes| bytes[22] = b'9');
    assert!(
        packing.contains("packed as `f32le 9 2 4`, but the kernels here read `f32le 8 2 4`"),
        "{packing}"
    );
    let damaged = message(&|bytes| *bytes.last_mut().unwrap() ^= 1);
    assert!(damaged.contains("its checksum is wrong"), "{damaged}");

    let missing = PackedNetwork::open(Path::new("no-such-file")).unwrap_err();
    assert!(missing.to_string().contains("cannot read no-such-file"));
    let directory = PackedNetwork::open(folder.0.path()).unwrap_err();
    assert!(directory.to_string().contains("directory"), "{directory}");
}

/// A file whose checksum fits, though it was not written by this program.
fn forge(bytes: &[u8], change: impl FnOnce(String) -> String) -> Vec<u8> {
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let network = change(String::from_utf8(bytes[64..64 + number(32)].to_vec()).unwrap());
    let mut forged = bytes[..64].to_vec();
    forged[32..40].copy_from_slice(&(network.len() as u64).to_le_bytes());
    forged[40..48].copy_from_slice(&0u64.to_le_bytes());
    forged.extend(network.as_bytes());
    forged.resize(forged.len().next_multiple_of(64), 0);
    forged.extend(&bytes[bytes.len() - number(48)..]);
    let mut lanes = [0u64, 1, 2, 3].map(|lane| 0xCBF2_9CE4_8422_2325 + lane);
    let step = |hash: u64, word: u64| {
        let hash = (hash ^ word).wrapping_mul(0x0000_0100_0000_01B3);
        hash.rotate_left(29)
    };
    for (index, word) in forged.chunks_exact(8).enumerate() {
        if index != 7 {
            let word = u64::from_le_bytes(word.try_into().unwrap());
            lanes[index % 4] = step(lanes[index % 4], word);
        }
    }
    let checksum = lanes.into_iter().fold(0xCBF2_9CE4_8422_2325, step);
    forged[56..64].copy_from_slice(&checksum.to_le_bytes());
    forged
}

#[test]
fn a_forged_file_is_refused_or_harmless() {
    let folder = Folder::new();
    let whole = bytes(&network());
    // A forgery that changes nothing is no forgery.
    assert!(folder.open(&forge(&whole, |network| network)).is_ok());
    let message = |from: &str, to: &str| {
        let forged = forge(&whole, |network| {
            assert!(network.contains(from), "{network}");
            network.replacen(from, to, 1)
        });
        match folder.open(&forged) {
            Err(error) => error.to_string(),
            Ok((packed, _)) => Engine::with_packed(packed, EngineSettings::new(SIZE))
                .unwrap_err()
                .to_string(),
        }
    };
    let moved = "its weights are not where they should be";
    for (from, to, expected) in [
        (r#""weight":0"#, r#""weight":16"#, moved),
        (r#""output":6"#, r#""output":600"#, moved),
        (r#""output":6"#, r#""output":18446744073709551615"#, moved),
        (r#""kernel":3"#, r#""kernel":4294967296"#, moved),
        (
            r#""input":3"#,
            r#""input":-3"#,
            "its network cannot be read",
        ),
        (r#""add":"#, r#""subtract":"#, "its network cannot be read"),
        (r#""stride":2"#, r#""stride":0"#, "a stride of 0"),
        (
            r#""top":1"#,
            r#""top":18446744073709551615"#,
            "a padding of",
        ),
        (r#""add":9"#, r#""add":900"#, "comes later"),
        (
            r#""input_channels":3"#,
            r#""input_channels":4"#,
            "takes a map of 3",
        ),
        (
            r#""input_channels":3"#,
            r#""input_channels":18446744073709551615"#,
            "is too large",
        ),
    ] {
        let message = message(from, to);
        assert!(message.contains(expected), "{to}: {message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever happens to some neighbouring bytes is noticed.
    #[test]
    fn changed_bytes_are_noticed(at in any::<prop::sample::Index>(), bits in 1u64.., wide in 1..9usize) {
        let folder = Folder::new();
        let mut bytes = bytes(&network());
        let at = at.index(bytes.len());
        let before = bytes.clone();
        for (byte, bits) in bytes[at..].iter_mut().zip(bits.to_le_bytes()).take(wide) {
            *byte ^= bits;
        }
        prop_assume!(bytes != before);
        prop_assert!(folder.open(&bytes).is_err());
    }
}
