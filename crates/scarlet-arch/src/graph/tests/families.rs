//! The graph has words for all mobile networks of the family, not only for those that an
//! architecture describes today: their parameters and mult-adds are timm 1.0.31's.

use crate::graph::{Graph, GraphBuilder, PartBuilder};
use crate::{Activation, BatchNormSpec, Cost, Gate, Padding};

use Activation::{HSwish, Relu, Relu6, Swish};

/// A squeeze-excite: channels inside, activation, gate.
type Excite = (usize, Activation, Gate);

/// A network being built, block after block.
struct Network {
    graph: GraphBuilder,
    blocks: usize,
}

impl Network {
    fn new(padding: Padding) -> Self {
        let norm = BatchNormSpec {
            epsilon: 1e-5,
            momentum: 0.1,
        };
        Self {
            graph: GraphBuilder::new(3, padding, norm),
            blocks: 0,
        }
    }

    fn block(&mut self) -> PartBuilder<'_> {
        let index = self.blocks;
        self.blocks += 1;
        self.graph.part(format!("blocks.{index}"), Some(index), "")
    }

    fn conv(&mut self, channels: usize, kernel: usize, stride: usize, activation: Activation) {
        let mut part = self.block();
        part.conv("conv", channels, kernel, stride)
            .norm("bn")
            .activation(activation);
    }

    /// A depthwise convolution and a 1×1 convolution, whose activation is `last`.
    fn separable(
        &mut self,
        (channels, kernel, stride): (usize, usize, usize),
        activation: Activation,
        excite: Option<Excite>,
        last: Option<Activation>,
    ) {
        let mut part = self.block();
        part.depthwise("depthwise", kernel, stride)
            .norm("bn1")
            .activation(activation);
        squeeze_excite(&mut part, excite);
        let conv = part.pointwise("pointwise", channels).norm("bn2");
        if let Some(last) = last {
            conv.activation(last);
        }
    }

    /// An inverted residual, with a shortcut where the shapes allow one.
    fn residual(
        &mut self,
        (hidden, channels, kernel, stride): (usize, usize, usize, usize),
        activation: Activation,
        excite: Option<Excite>,
    ) {
        let mut part = self.block();
        let (input, from) = (part.channels(), part.last().unwrap());
        part.pointwise("expand", hidden)
            .norm("bn1")
            .activation(activation);
        part.depthwise("depthwise", kernel, stride)
            .norm("bn2")
            .activation(activation);
        squeeze_excite(&mut part, excite);
        part.pointwise("project", channels).norm("bn3");
        if stride == 1 && input == channels {
            part.add("shortcut", from);
        }
    }

    /// The mean, a fully connected layer of so many channels with an activation, if any, and the
    /// classifier.
    fn head(mut self, inner: Option<(usize, Activation)>) -> Graph {
        let mut part = self.graph.part("head", None, "");
        part.global_mean("mean");
        if let Some((channels, activation)) = inner {
            part.linear("inner", channels, Some(activation), true);
        }
        part.linear("classifier", 1000, None, true);
        self.graph.finish()
    }
}

fn squeeze_excite(part: &mut PartBuilder<'_>, excite: Option<Excite>) {
    if let Some((inner, activation, gate)) = excite {
        part.squeeze_excite("se", inner, activation, gate);
    }
}

fn check(graph: &Graph, parameters: u64, mult_adds: u64) {
    graph.check().unwrap();
    let cost = Cost::of_graph(graph, 224).unwrap();
    assert_eq!((cost.parameters, cost.mult_adds), (parameters, mult_adds));
    let entries = graph.entries().into_iter();
    let trained = entries.filter(|(name, _)| !name.contains("running_"));
    let values: usize = trained.map(|(_, it)| it.iter().product::<usize>()).sum();
    assert_eq!(values as u64, parameters);
}

/// Howard et al., arXiv 1905.02244, table 2: ReLU and h-swish, squeeze-excite of a quarter rounded
/// to 8 with h-sigmoid, a separable layer of stride 2, a fully connected layer before the last.
#[test]
fn mobilenet_v3_small() {
    let mut network = Network::new(Padding::Symmetric);
    let excite = |inner| Some((inner, Relu, Gate::HSigmoid));
    network.conv(16, 3, 2, HSwish);
    network.separable((16, 3, 2), Relu, excite(8), None);
    network.residual((72, 24, 3, 2), Relu, None);
    network.residual((88, 24, 3, 1), Relu, None);
    for (hidden, channels, stride, inner) in [
        (96, 40, 2, 24),
        (240, 40, 1, 64),
        (240, 40, 1, 64),
        (120, 48, 1, 32),
        (144, 48, 1, 40),
        (288, 96, 2, 72),
        (576, 96, 1, 144),
        (576, 96, 1, 144),
    ] {
        network.residual((hidden, channels, 5, stride), HSwish, excite(inner));
    }
    network.conv(576, 1, 1, HSwish);
    check(&network.head(Some((1024, HSwish))), 2_542_856, 56_510_400);
}

/// Tan and Le, arXiv 1905.11946: swish, squeeze-excite of a quarter of the input with sigmoid.
#[test]
fn efficientnet_b0() {
    let mut network = Network::new(Padding::Same);
    let excite = |inner| Some((inner, Swish, Gate::Sigmoid));
    network.conv(32, 3, 2, Swish);
    network.separable((16, 3, 1), Swish, excite(8), None);
    let mut input = 16;
    for (kernel, first_stride, channels, count) in [
        (3, 2, 24, 2),
        (5, 2, 40, 2),
        (3, 2, 80, 3),
        (5, 1, 112, 3),
        (5, 2, 192, 4),
        (3, 1, 320, 1),
    ] {
        for index in 0..count {
            let stride = if index == 0 { first_stride } else { 1 };
            network.residual(
                (6 * input, channels, kernel, stride),
                Swish,
                excite(input / 4),
            );
            input = channels;
        }
    }
    network.conv(1280, 1, 1, Swish);
    check(&network.head(None), 5_288_548, 385_814_752);
}

/// Cui et al., PP-LCNet, arXiv 2109.15099: no inverted residual, an activation after every 1×1
/// convolution, no convolution before the mean.
#[test]
fn lcnet() {
    let mut network = Network::new(Padding::Symmetric);
    network.conv(16, 3, 2, HSwish);
    let stages = [
        (32, 3, 1, 1),
        (64, 3, 2, 2),
        (128, 3, 2, 2),
        (256, 3, 2, 1),
        (256, 5, 1, 5),
        (512, 5, 2, 2),
    ];
    let mut input = 16;
    for (channels, kernel, first_stride, count) in stages {
        for index in 0..count {
            let stride = if index == 0 { first_stride } else { 1 };
            let excite = (channels == 512).then_some((input / 4, Relu, Gate::HSigmoid));
            let shape = (channels, kernel, stride);
            network.separable(shape, HSwish, excite, Some(HSwish));
            input = channels;
        }
    }
    check(&network.head(Some((1280, HSwish))), 2_953_800, 155_700_480);
}

/// Howard et al., arXiv 1704.04861: nothing between the last layer and the classifier but the mean.
#[test]
fn mobilenet_v1() {
    let mut network = Network::new(Padding::Symmetric);
    network.conv(32, 3, 2, Relu6);
    for (channels, first_stride, count) in [
        (64, 1, 1),
        (128, 2, 2),
        (256, 2, 2),
        (512, 2, 6),
        (1024, 2, 2),
    ] {
        for index in 0..count {
            let stride = if index == 0 { first_stride } else { 1 };
            network.separable((channels, 3, stride), Relu6, None, Some(Relu6));
        }
    }
    check(&network.head(None), 4_231_976, 568_740_352);
}
