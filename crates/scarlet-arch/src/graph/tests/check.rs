//! Every graph that a reader could stumble over is refused, and the error says where.

use crate::Activation;
use crate::graph::{Graph, Node, Norm, Op};
use crate::scarlet_a;

/// The message for SCARLET-A's graph with something changed.
fn message(change: impl FnOnce(&mut Graph)) -> String {
    let mut graph = Graph::of(&scarlet_a());
    graph.check().unwrap();
    change(&mut graph);
    graph.check().unwrap_err().to_string()
}

/// The message with something else about one node.
fn message_of(name: &str, change: impl FnOnce(&mut Node)) -> String {
    message(|graph| {
        let is_it = |node: &Node| graph.name(node) == name;
        let index = graph.nodes.iter().position(is_it).unwrap();
        change(&mut graph.nodes[index]);
    })
}

/// The message with something else about one convolution: kernel, stride, groups, bias.
fn message_of_conv(
    name: &str,
    change: impl FnOnce(&mut usize, &mut usize, &mut usize, &mut bool),
) -> String {
    message_of(name, |node| match &mut node.op {
        Op::Conv {
            kernel,
            stride,
            groups,
            bias,
            ..
        } => change(kernel, stride, groups, bias),
        _ => panic!("{name} is no convolution"),
    })
}

#[test]
fn a_graph_ends_in_logits() {
    let expected = "the graph must end in a fully connected layer without activation";
    let empty = message(|graph| {
        graph.nodes.clear();
        graph.parts.clear();
    });
    assert_eq!(empty, expected);
    assert_eq!(message(|graph| drop(graph.parts.pop())), expected);
    let activated = message_of("classifier", |node| {
        node.op = Op::Linear {
            activation: Some(Activation::Relu),
            bias: true,
        };
    });
    assert_eq!(activated, expected);
}

#[test]
fn shapes_follow_from_each_other() {
    assert_eq!(
        message(|graph| graph.input_channels = 1),
        "`stem` reads 3 channels at stride 1, but must read 1 channels at stride 1"
    );
    assert_eq!(
        message_of("separable_conv.3", |node| node.input.channels = 16),
        "`separable_conv.3` reads 16 channels at stride 2, but must read 32 channels at stride 2"
    );
    assert_eq!(
        message_of_conv("stem.0", |_, stride, _, _| *stride = 1),
        "`stem.0` makes 32 channels at stride 2, but must make 32 channels at stride 1"
    );
    assert_eq!(
        message_of("mb_module.3.mid_se", |node| node.output.channels += 8),
        "`mb_module.3.mid_se` makes 128 channels at stride 8, but must make 120 channels at stride \
         8"
    );
    assert_eq!(
        message_of("classifier.mean", |node| node.output.stride = Some(32)),
        "`classifier.mean` makes 1280 channels at stride 32, but must make a vector of 1280"
    );
    assert_eq!(
        message_of("classifier", |node| node.op = Op::GlobalMean),
        "`classifier` reads a vector of 1280, but must read a map"
    );
    let linear = Op::Linear {
        activation: None,
        bias: true,
    };
    assert_eq!(
        message_of("conv_before_pooling.0", |node| node.op = linear),
        "`conv_before_pooling.0` reads 320 channels at stride 32, but must read a vector"
    );
}

#[test]
fn shortcuts_come_from_earlier_maps_of_the_same_shape() {
    let from = |from| message_of("mb_module.1.shortcut", |node| node.op = Op::Add { from });
    let expected = |found: usize| {
        format!(
            "`mb_module.1.shortcut`: the index of what it adds is {found}, but must be before that \
             of the node that it reads"
        )
    };
    for index in [8, 9, 900, usize::MAX] {
        assert_eq!(from(index), expected(index));
    }
    assert_eq!(
        from(2),
        "`mb_module.1.shortcut` adds 16 channels at stride 2, but must add 32 channels at stride 4"
    );
    assert_eq!(
        message_of("stem.0", |node| node.op = Op::Add { from: 0 }),
        "`stem.0`: the index of what it adds is 0, but must be before that of the node that it reads"
    );
}

#[test]
fn numbers_are_in_their_ranges() {
    let kernel = |value| message_of_conv("mb_module.0.conv2", |kernel, _, _, _| *kernel = value);
    let expected =
        |found| format!("`mb_module.0.conv2`: kernel is {found}, but must be odd, from 1 to 31");
    for value in [0, 4, 33] {
        assert_eq!(kernel(value), expected(value));
    }
    assert_eq!(
        message_of_conv("stem.0", |_, stride, _, _| *stride = 0),
        "`stem.0`: stride is 0, but must be from 1 to 8192"
    );
    let groups = |value| message_of_conv("stem.0", |_, _, groups, _| *groups = value);
    let expected = |found| {
        format!("`stem.0`: groups is {found}, but must be a divisor of the channels 3 and 32")
    };
    for value in [0, 2, 3] {
        assert_eq!(groups(value), expected(value));
    }
    assert_eq!(
        message_of("mb_module.3.mid_se", |node| match &mut node.op {
            Op::SqueezeExcite { inner, .. } => *inner = 0,
            _ => panic!("not a squeeze-excite"),
        }),
        "`mb_module.3.mid_se`: inner channels is 0, but must be at least 1"
    );
    assert_eq!(
        message_of("classifier", |node| node.output.channels = 0),
        "`classifier`: channels is 0, but must be at least 1"
    );
}

#[test]
fn only_convolutions_without_bias_are_normalised() {
    let expected = |name| {
        format!("`{name}` must not have a batch normalisation: only convolutions without bias do")
    };
    let biased = message_of_conv("stem.0", |_, _, _, bias| *bias = true);
    assert_eq!(biased, expected("stem.0"));
    let normalised = message_of("mb_module.1.shortcut", |node| {
        node.norm = Some(Norm {
            name: "bn4",
            spec: scarlet_a().batch_norm,
        });
    });
    assert_eq!(normalised, expected("mb_module.1.shortcut"));
}

#[test]
fn names_are_different() {
    let rename = |name| message_of("mb_module.1.conv2", |node| node.name = name);
    for name in ["conv1", "bn1"] {
        let expected = format!("the name `mb_module.1.{name}` is used twice");
        assert_eq!(rename(name), expected);
    }
    let part = message(|graph| graph.parts[4].name = "mb_module.1".to_owned());
    assert_eq!(part, "the name `mb_module.1` is used twice");
    // Below another part.
    let nested = message(|graph| {
        graph.parts[4].name = "mb_module.1.conv1".to_owned();
        let first = graph.parts[4].nodes.start;
        graph.nodes[first].name = "";
    });
    assert_eq!(nested, "the name `mb_module.1.conv1` is used twice");
}

#[test]
fn parts_hold_all_nodes_in_order() {
    let part = |change: fn(&mut Graph)| message(change);
    let follow = "its nodes do not follow those of the part before";
    assert_eq!(
        part(|graph| graph.parts[1].nodes.start += 1),
        format!("part `separable_conv`: {follow}")
    );
    assert_eq!(
        part(|graph| graph.parts[22].nodes.end += 1),
        format!("part `classifier`: {follow}")
    );
    assert_eq!(
        part(|graph| graph.parts[22].nodes.end -= 1),
        "`classifier` makes a vector of 1000, but must make a vector of 1280"
    );
    assert_eq!(
        part(|graph| {
            let end = graph.parts[1].nodes.end;
            graph.parts[1].nodes.end = end + 1;
            graph.parts[2].nodes.start = end + 1;
        }),
        "part `separable_conv`: one of its nodes says that it belongs to another part"
    );
    assert_eq!(
        part(|graph| graph.parts[4].input.channels = 8),
        "`mb_module.2` reads 8 channels at stride 4, but must read 32 channels at stride 4"
    );
    assert_eq!(
        part(|graph| graph.parts[4].layer = Some(1)),
        "part `mb_module.2`: its layer does not follow the layer before"
    );
}
