//! What is no supernet, and what is no part of one.

use burn::tensor::Device;
use scarlet::Architecture;
use scarlet::arch::OnceForAll;
use scarlet::weights::{Entry, OfaSupernet, StateDict, WeightsError, formula};

use crate::supernet::{Cases, shapes};

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
