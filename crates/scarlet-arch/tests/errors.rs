//! Every wrong description says what is wrong, where, and what would be right.
#![allow(clippy::unwrap_used)]

use scarlet_arch::{
    Architecture, ArchitectureError, Block, Cost, Expansion, Operation, efficientnet_lite0, limits,
    scarlet_a,
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

fn broken_block(change: impl FnOnce(&mut Block)) -> String {
    broken(|network| {
        let Operation::InvertedResidual(block) = &mut network.layers[2].operation else {
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
        ("E6K3@0", "channels from 1 to 16384 behind the @", "E6K3@1"),
        (
            "L@99999/2",
            "channels from 1 to 16384 behind the @",
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
    assert!(message.contains("token 513 \"L@8\""), "{message}");
    assert!(message.contains("expected at most 512 layers"), "{message}");
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
            broken(|n| n.stem = 0),
            "network: stem is 0, but must be from 1 to 16384",
        ),
        (
            broken(|n| n.separable = 0),
            "network: separable is 0, but must be from 1 to 16384",
        ),
        (
            broken(|n| n.head = 1 << 40),
            "network: head is 1099511627776, but must be from 1 to 16384",
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
            broken(|n| n.layers.clear()),
            "network: number of layers is 0, but must be from 1 to 512",
        ),
        (
            broken(|n| n.layers[4].channels = 0),
            "layer 5: channels is 0, but must be from 1 to 16384",
        ),
        (
            broken(|n| n.layers[18].stride = 3),
            "layer 19: stride is 3, but must be from 1 to 2",
        ),
        (
            broken(|n| n.layers.iter_mut().for_each(|layer| layer.stride = 2)),
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
                b.squeeze_excite = true;
            }),
            "layer 3: hidden channels is 3, but must be at least 4 with squeeze-excite, which \
             squeezes them to a quarter",
        ),
        (
            broken(|n| n.layers[17].channels = 16_384),
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
fn a_resolution_must_be_a_multiple_of_the_total_stride() {
    for (resolution, nearest) in [
        (0, 32),
        (1, 32),
        (47, 32),
        (48, 64),
        (225, 224),
        (8191, 8192),
    ] {
        let error = scarlet_a().check_resolution(resolution).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "an input of {resolution} pixels is not a multiple of 32, this network's total \
                 stride; the nearest that is: {nearest}"
            )
        );
        scarlet_a().check_resolution(nearest).unwrap();
    }
    let error = scarlet_a().check_resolution(usize::MAX).unwrap_err();
    assert!(
        error.to_string().ends_with("but must be from 0 to 8192"),
        "{error}"
    );
    assert!(broken(|n| n.preprocessing.resolution = 100).contains("nearest that is: 96"));
}

#[test]
fn whole_networks_have_limits() {
    let huge = broken(|n| {
        let layer = n.layers[18];
        n.layers.extend(vec![layer; 400]);
    });
    assert_eq!(
        huge,
        "the network has too many parameters: the limit is 1000000000 (use fewer channels or \
         layers)"
    );
    let tall = broken(|n| {
        n.stem = 16_384;
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
    let mut layer = network.layers[1];
    layer.channels = limits::MAX_CHANNELS;
    layer.operation = Operation::InvertedResidual(Block {
        kernel: limits::MAX_KERNEL,
        expansion: Expansion::To(limits::MAX_HIDDEN),
        squeeze_excite: true,
    });
    network.stem = limits::MAX_CHANNELS;
    network.layers = vec![layer; limits::MAX_LAYERS];
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
    let unknown = message(&json.replacen("\"stem\"", "\"stern\"", 1));
    assert!(unknown.starts_with("line 4, column "), "{unknown}");
    assert!(
        unknown.contains("unknown field `stern`, expected one of `name`"),
        "{unknown}"
    );
    let missing = message(&json.replacen("\"stem\": 32,", "", 1));
    assert!(missing.contains("missing field `stem`"), "{missing}");
    let negative = message(&json.replacen("\"stem\": 32", "\"stem\": -32", 1));
    assert!(
        negative.contains("invalid value: integer `-32`, expected usize"),
        "{negative}"
    );
    let typo = message(&json.replacen("\"E6K3\"", "\"E6KE\"", 1));
    assert!(typo.contains("did you mean \"E6K3\"?"), "{typo}");
    let range = message(&json.replacen("\"E6K3\"", "\"E6K3s@2\"", 1));
    assert!(range.contains("expected an operation"), "{range}");
    let invalid = message(&json.replacen("\"classes\": 1000", "\"classes\": 0", 1));
    assert_eq!(
        invalid,
        "network: classes is 0, but must be from 1 to 1000000"
    );
    let deep = message(&"[".repeat(1 << 20));
    assert!(deep.starts_with("line 1, column "), "{deep}");
}
