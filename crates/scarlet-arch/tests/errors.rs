//! Every wrong description says what is wrong, where, and what would be right.
#![allow(clippy::unwrap_used)]

use scarlet_arch::{
    Architecture, ArchitectureError, Cost, Expansion, HeadConv, InvertedResidual, Operation,
    SearchSpace, SqueezeExcite, SqueezedWidth, efficientnet_lite0, limits, scarlet_a,
};

fn text_error(text: &str) -> String {
    text.parse::<Architecture>().unwrap_err().to_string()
}

/// The message for SCARLET-A with something changed.
fn broken(change: impl FnOnce(&mut Architecture)) -> String {
    let mut network = scarlet_a();
    change(&mut network);
    network.validate().unwrap_err().to_string()
}

fn broken_block(change: impl FnOnce(&mut InvertedResidual)) -> String {
    broken(|network| {
        let Operation::InvertedResidual(block) = &mut network.layers_mut()[2].operation else {
            unreachable!("layer 3 of SCARLET-A is a block");
        };
        change(block);
    })
}

#[test]
fn a_typo_is_pointed_at() {
    assert_eq!(
        text_error("E3K7 E6K5 | E3X5s E6K3"),
        "token 3 \"E3X5s\" (bytes 12..17): expected an operation such as E3K7 (expansion 3, kernel \
         7), E6K5s (with squeeze-excite), H288K3 (288 hidden channels), - (identity) or L \
         (linear); did you mean \"E3K5s\"?\n\
         \x20 E3K7 E6K5 | E3X5s E6K3\n\
         \x20             ^^^^^"
    );
}

#[test]
fn the_error_has_its_parts() {
    let Err(ArchitectureError::Text(error)) = "E3K7 e6k5s".parse::<Architecture>() else {
        panic!("not a text error");
    };
    assert_eq!(error.token, "e6k5s");
    assert_eq!(error.index, 2);
    assert_eq!(error.span, 5..10);
    assert_eq!(error.nearest.as_deref(), Some("E6K5s"));
}

#[test]
fn numbers_out_of_range_suggest_the_nearest_in_range() {
    for (text, expected, nearest) in [
        ("E6K4", "an odd kernel from 1 to 31", "E6K5"),
        ("E6K99s@24/2", "an odd kernel from 1 to 31", "E6K31s@24/2"),
        ("E0K3", "an expansion factor from 1 to 64", "E1K3"),
        (
            "E99999999999999999999999K3",
            "an expansion factor from 1 to 64",
            "E64K3",
        ),
        ("H0K3", "hidden channels from 1 to 65536", "H1K3"),
        ("E6K3@0", "channels from 1 to 16384 after the @", "E6K3@1"),
        (
            "L@99999/2",
            "channels from 1 to 16384 after the @",
            "L@16384/2",
        ),
        ("E6K4@0/9", "an odd kernel from 1 to 31", "E6K5@1/2"),
        (
            "E6K3@24/3",
            "a stride of 1 or 2 at its end, as in E6K3@24/2",
            "E6K3@24/2",
        ),
    ] {
        let message = text_error(text);
        let expected = format!("expected {expected}; did you mean \"{nearest}\"?");
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn what_is_not_a_number_has_no_nearest() {
    for text in [
        "E6K3@x",
        "E6K3@",
        "E6K3/",
        "E6K3/2@24",
        "E6K3@+24",
        "E6K3@24@24",
        "E6K4@24/x",
        "hello world",
    ] {
        let message = text_error(text);
        assert!(!message.contains("did you mean"), "{message}");
    }
}

#[test]
fn another_number_of_layers_needs_channels() {
    assert_eq!(
        text_error("E3K3@24/2 - E3K5s"),
        "token 3 \"E3K5s\" (bytes 12..17): expected channels, as in E3K5s@32: this text has 3 \
         layers, and only one of 19 has SCARLET's plan of channels\n\
         \x20 E3K3@24/2 - E3K5s\n\
         \x20             ^^^^^"
    );
}

#[test]
fn nothing_is_no_network() {
    for text in ["", " \n", "| |"] {
        assert_eq!(
            text_error(text),
            "layer text: expected at least one layer, such as E3K7"
        );
    }
}

#[test]
fn long_texts_are_refused_early() {
    let message = text_error(&"E3K3 ".repeat(100_000));
    assert_eq!(
        message,
        "layer text: expected at most 65536 bytes, found 500000"
    );
    let message = text_error(&"L@8 ".repeat(600));
    assert!(message.contains("token 517 \"L@8\""), "{message}");
    assert!(message.contains("expected at most 514 blocks"), "{message}");
}

#[test]
fn an_excerpt_is_short_and_in_place() {
    let message = text_error(&format!("{}\n\té E3K7\n- E3K7", "- ".repeat(99)));
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines.len(), 3, "{message}");
    assert_eq!(lines[1], "   é E3K7");
    assert_eq!(lines[2], "   ^");
    let message = text_error(&format!("{} {} E3K7", "- ".repeat(99), "ß".repeat(500)));
    let lines: Vec<&str> = message.lines().collect();
    assert!(
        lines[1].starts_with("  …") && lines[1].ends_with("ß… E3K7"),
        "{message}"
    );
    assert_eq!(
        lines[1].find('ß').map(|at| lines[1][..at].chars().count()),
        lines[2].find('^')
    );
    assert_eq!(lines[2].trim_start(), "^".repeat(41));
}

#[test]
fn fields_out_of_range_are_named() {
    let cases = [
        (
            broken(|n| n.blocks[0].channels = 0),
            "stem: channels is 0, but must be from 1 to 16384",
        ),
        (
            broken(|n| n.blocks[1].channels = 0),
            "separable convolution: channels is 0, but must be from 1 to 16384",
        ),
        (
            broken(|n| {
                n.head.conv = n.head.conv.map(|conv| HeadConv {
                    channels: 1 << 40,
                    ..conv
                });
            }),
            "head: channels is 1099511627776, but must be from 1 to 16384",
        ),
        (
            broken(|n| n.blocks.swap(0, 2)),
            "layer 1: operation is E3K7, but must be a convolution such as C3, which is a \
             network's first block",
        ),
        (
            broken(|n| n.blocks[4] = n.blocks[0]),
            "layer 3: kernel is 3, but must be 1: only the first block may look at several pixels \
             of all channels",
        ),
        (
            broken(|n| n.classes = 0),
            "network: classes is 0, but must be from 1 to 1000000",
        ),
        (
            broken(|n| n.input_channels = 0),
            "network: input_channels is 0, but must be from 1 to 1024",
        ),
        (
            broken(|n| n.blocks.clear()),
            "network: number of blocks is 0, but must be from 1 to 514",
        ),
        (
            broken(|n| n.layers_mut()[4].channels = 0),
            "layer 5: channels is 0, but must be from 1 to 16384",
        ),
        (
            broken(|n| n.layers_mut()[18].stride = 3),
            "layer 19: stride is 3, but must be from 1 to 2",
        ),
        (
            broken(|n| n.layers_mut().iter_mut().for_each(|layer| layer.stride = 2)),
            "network: total stride is 1048576, but must be from 1 to 8192",
        ),
        (
            broken_block(|b| b.kernel = 4),
            "layer 3: kernel is 4, but must be odd, from 1 to 31",
        ),
        (
            broken_block(|b| b.kernel = 33),
            "layer 3: kernel is 33, but must be odd, from 1 to 31",
        ),
        (
            broken_block(|b| b.expansion = Expansion::Times(0)),
            "layer 3: expansion is 0, but must be from 1 to 64",
        ),
        (
            broken_block(|b| b.expansion = Expansion::To(0)),
            "layer 3: hidden channels is 0, but must be from 1 to 65536",
        ),
        (
            broken_block(|b| {
                b.expansion = Expansion::To(3);
                b.squeeze_excite = Some(SqueezeExcite::QUARTER);
            }),
            "layer 3: hidden channels is 3, but must be at least 4 with squeeze-excite, which \
             squeezes them to a quarter",
        ),
        (
            broken_block(|b| {
                b.squeeze_excite = Some(SqueezeExcite {
                    width: SqueezedWidth::To(0),
                    ..SqueezeExcite::QUARTER
                });
            }),
            "layer 3: squeezed channels is 0, but must be from 1 to 65536",
        ),
        (
            broken(|n| n.preprocessing.resolution = 0),
            "preprocessing: resolution is 0, but must be from 1 to 8192",
        ),
        (
            broken(|n| n.layers_mut()[17].channels = 16_384),
            "layer 19: hidden channels is 98304, but must be from 1 to 65536",
        ),
        (
            broken(|n| n.batch_norm.epsilon = 0.0),
            "batch_norm: epsilon is 0, but must be a positive finite number",
        ),
        (
            broken(|n| n.batch_norm.momentum = 1.5),
            "batch_norm: momentum is 1.5, but must be from 0 to 1",
        ),
        (
            broken(|n| n.preprocessing.crop_ratio = 0.0),
            "preprocessing: crop_ratio is 0, but must be from 0.05 to 8192",
        ),
        (
            broken(|n| n.preprocessing.std[1] = 0.0),
            "preprocessing: std is 0, but must be a positive finite number",
        ),
        (
            broken(|n| n.preprocessing.mean[2] = f32::NAN),
            "preprocessing: mean is NaN, but must be a finite number",
        ),
        (
            broken(|n| n.name.clear()),
            "network: length of the name is 0, but must be from 1 to 200",
        ),
        (
            broken(|n| n.name = "a\nb".to_owned()),
            "network: name is \"a\\nb\", but must be free of control characters",
        ),
    ];
    for (message, expected) in cases {
        assert_eq!(message, expected);
    }
}

#[test]
fn words_of_whole_networks_are_checked() {
    for (text, expected) in [
        (
            "C3@32/2 E1K3@16 P64 P64",
            "token 4 \"P64\" (bytes 20..23): expected a head of one form: it already has a \
             convolution",
        ),
        (
            "C3@32/2 E1K3@16 F64 P64",
            "expected the head's convolution before its fully connected layer",
        ),
        (
            "C3@32/2 P64 E1K3@16",
            "expected the end of the text: nothing comes after a network's head",
        ),
        (
            "C3@32/2 E1K3@16:reluu",
            "expected an activation at its end: no activation is named \"reluu\", did you mean \
             \"relu\"?; known: relu, relu6, h-swish, swish; did you mean \"E1K3@16:relu\"?",
        ),
        (
            "C3@32/2 E4K3s8(relu,sigmod)@16",
            "expected a gate: no gate is named \"sigmod\", did you mean \"sigmoid\"?; known: \
             h-sigmoid, sigmoid",
        ),
        (
            "C3@32/2 E4K3s(swish)@16",
            "expected an activation and a gate, such as s(swish,sigmoid)",
        ),
        (
            "C3@32/2 E4K3s0@16",
            "expected squeezed channels from 1 to 65536; did you mean \"E4K3s1@16\"?",
        ),
        (
            "C3@32/2 -:relu",
            "expected no activation: this operation has none",
        ),
        (
            "[silu] C3@32/2",
            "no activation is named \"silu\", did you mean \"swish\"?",
        ),
        (
            "[relu C3@32/2",
            "expected a bracket that is closed, as in [relu6]",
        ),
        (
            "[relu, swish] C3@32/2",
            "expected an activation and a gate of squeeze-excite, as in [swish, se swish sigmoid]",
        ),
    ] {
        let message = text_error(text);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_space_has_a_separable_convolution() {
    let template: Architecture = "C3@32/2 E3K3@16".parse().unwrap();
    let error = SearchSpace::new(template, vec![Operation::Linear]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "search space: the template must have a depthwise separable convolution (E1) after its stem"
    );
}

#[test]
fn whole_networks_have_limits() {
    let huge = broken(|n| {
        let layer = n.layers()[18];
        n.blocks.extend(vec![layer; 400]);
    });
    assert_eq!(
        huge,
        "the network has too many parameters: the limit is 1000000000 (use fewer channels or \
         layers)"
    );
    let tall = broken(|n| {
        n.blocks[0].channels = 16_384;
        n.preprocessing.resolution = 8192;
    });
    assert_eq!(
        tall,
        "the network has too many activation bytes: the limit is 17179869184 (use a lower \
         resolution or fewer channels)"
    );
}

#[test]
fn counting_does_not_overflow() {
    let mut network = scarlet_a();
    let mut layer = network.layers()[1];
    layer.channels = limits::MAX_CHANNELS;
    layer.operation = Operation::InvertedResidual(InvertedResidual {
        squeeze_excite: Some(SqueezeExcite::QUARTER),
        ..InvertedResidual::new(limits::MAX_KERNEL, Expansion::To(limits::MAX_HIDDEN))
    });
    network.blocks[0].channels = limits::MAX_CHANNELS;
    network = network.with_layers(vec![layer; limits::MAX_LAYERS]);
    let error = Cost::of(&network, limits::MAX_RESOLUTION).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the network has too many multiplications: the limit is 18446744073709551615 (use fewer \
         channels or layers)"
    );
    let error = Cost::of(&scarlet_a(), 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "network: resolution is 0, but must be from 1 to 8192"
    );
}

#[test]
fn json_errors_have_a_place() {
    let message = |json: &str| Architecture::from_json(json).unwrap_err().to_string();
    let json = efficientnet_lite0().to_json();

    assert_eq!(
        message("{"),
        "line 1, column 1: EOF while parsing an object"
    );
    let unknown = message(&json.replacen("\"blocks\"", "\"bocks\"", 1));
    assert!(unknown.starts_with("line 5, column "), "{unknown}");
    assert!(
        unknown.contains("unknown field `bocks`, expected one of `format`, `name`"),
        "{unknown}"
    );
    let missing = message(&json.replacen("\"format\": 2,", "", 1));
    assert!(
        missing.starts_with("missing field `format`: with `blocks` it is 2"),
        "{missing}"
    );
    let mixed = message(&json.replacen("\"blocks\"", "\"stem\": 32, \"blocks\"", 1));
    assert!(
        mixed.contains("unknown field `stem` in format 2, whose `blocks` say all of it"),
        "{mixed}"
    );
    let later = message(&json.replacen("\"format\": 2", "\"format\": 3", 1));
    assert!(
        later.contains("its format is 3, which a later version of this program wrote"),
        "{later}"
    );
    let negative = message(&json.replacen("\"classes\": 1000", "\"classes\": -32", 1));
    assert!(
        negative.contains("invalid value: integer `-32`, expected usize"),
        "{negative}"
    );
    let typo = message(&json.replacen("\"E6K3@24", "\"E6KE@24", 1));
    assert!(typo.starts_with("blocks: token 3"), "{typo}");
    assert!(typo.contains("expected an operation"), "{typo}");
    let bare = message(&json.replacen("\"E6K3@24/2:relu6\"", "\"E6K3\"", 1));
    assert!(bare.contains("expected channels, as in E6K3@32"), "{bare}");
    let invalid = message(&json.replacen("\"classes\": 1000", "\"classes\": 0", 1));
    assert_eq!(
        invalid,
        "network: classes is 0, but must be from 1 to 1000000"
    );
    let deep = message(&"[".repeat(1 << 20));
    assert!(deep.starts_with("line 1, column "), "{deep}");
}
