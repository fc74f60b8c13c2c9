//! A folded network as the elementary operations that formats of other runtimes have.
//!
//! What our kernels do at once is taken apart here: squeeze-excite into its mean, convolutions and
//! product, and activations that such formats do not fuse into operations of their own. Every value
//! that a runtime keeps in memory has a place, so that each can be rounded in a way of its own.

mod observe;
mod rounding;

use scarlet_arch::graph::{Graph, Op};
use scarlet_kernels::{Activation, Gate, Network, Operation, Padding, PaddingRule, SqueezeExcite};

pub use self::observe::{Int8, Int8Calibration, Int8Error};
pub(crate) use self::rounding::{Range, Rounding, Sums};

use crate::{NotFinite, Scarlet};

/// What is computed between the images and the logits, in the order of computation.
#[derive(Debug)]
pub(crate) struct Elementary {
    /// All values; the first is the images, the last the logits.
    pub(crate) values: Vec<Value>,
    pub(crate) steps: Vec<Step>,
}

/// What is made for every image: a map, or a vector as a map of one pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    /// Its only name: below that of a checkpoint's entries.
    pub(crate) name: String,
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Step {
    /// The name of its weights in a checkpoint, or what it would be.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Indices of what it reads.
    pub(crate) inputs: Vec<usize>,
    /// Index of what it makes.
    pub(crate) output: usize,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Conv(Conv),
    /// The mean over all pixels.
    Mean,
    /// The sum of two maps.
    Add,
    /// Every channel of a map times a factor: the second value has one pixel.
    Scale,
    /// The product of two maps.
    Mul,
    HSwish,
    Sigmoid,
    HSigmoid,
}

/// A convolution, or a fully connected layer as one of a single pixel.
#[derive(Debug)]
pub(crate) struct Conv {
    pub(crate) input: usize,
    pub(crate) output: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) padding: Padding,
    pub(crate) form: Form,
    /// `[output, input, kernel, kernel]`; `[output, 1, kernel, kernel]` of a depthwise one.
    pub(crate) weight: Vec<f32>,
    /// `[output]`.
    pub(crate) bias: Vec<f32>,
    pub(crate) clamp: Clamp,
}

/// Which convolutions are alike to those who round them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// That of the image.
    Dense,
    Depthwise,
    Pointwise,
    /// One of a squeeze-excite, which has a pixel only.
    Excite,
    /// A fully connected layer.
    Linear,
}

/// The activations that every format fuses into the operation before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clamp {
    None,
    Relu,
    Relu6,
}

impl Elementary {
    /// What a folded network does on images of `height` and `width`.
    pub(crate) fn of_folded(network: &Scarlet, size: (usize, usize)) -> Result<Self, NotFinite> {
        let described = Graph::of(network.architecture());
        Ok(Self::of(network.weights().lower()?, &described, size))
    }

    /// What the network does that this graph was lowered to, on images of `height` and `width`.
    fn of(network: Network, graph: &Graph, (height, width): (usize, usize)) -> Self {
        let mut all = Self {
            values: vec![Value {
                name: "images".to_owned(),
                channels: network.input_channels,
                height,
                width,
            }],
            steps: Vec::new(),
        };
        let mut outputs: Vec<usize> = Vec::with_capacity(graph.nodes().len());
        for (operation, node) in network.operations.into_iter().zip(graph.nodes()) {
            let name = &graph.name(node);
            let input = outputs.last().copied().unwrap_or_default();
            let output = match operation {
                Operation::Convolution(c) => {
                    let sides = (c.kernel, c.stride, c.padding);
                    let weights = (c.weight, c.bias);
                    let shape = (Form::Dense, c.input, c.output);
                    all.conv(name, input, shape, sides, weights, c.activation)
                }
                Operation::Depthwise(c) => {
                    let sides = (c.kernel, c.stride, c.padding);
                    let weights = (c.weight, c.bias);
                    let shape = (Form::Depthwise, c.channels, c.channels);
                    all.conv(name, input, shape, sides, weights, c.activation)
                }
                Operation::Pointwise(c) => {
                    let sides = (1, c.stride, PaddingRule::all(0));
                    let weights = (c.weight, c.bias);
                    let shape = (Form::Pointwise, c.input, c.output);
                    all.conv(name, input, shape, sides, weights, c.activation)
                }
                Operation::SqueezeExcite(se) => all.squeeze_excite(name, input, se),
                Operation::Add(earlier) => {
                    let inputs = vec![outputs[earlier], input];
                    all.push(name, "sum", Kind::Add, inputs)
                }
                Operation::GlobalMean => all.push(name, "mean", Kind::Mean, vec![input]),
                Operation::Linear(c) => {
                    let weights = (c.weight, c.bias);
                    let shape = (Form::Linear, c.input, c.output);
                    all.conv(name, input, shape, PIXEL, weights, c.activation)
                }
            };
            outputs.push(output);
        }
        if let Some(last) = all.values.last_mut() {
            last.name = "logits".to_owned();
        }
        all
    }

    /// The value that a step makes.
    pub(crate) fn output(&self, step: &Step) -> &Value {
        &self.values[step.output]
    }

    fn conv(
        &mut self,
        name: &str,
        from: usize,
        (form, input, output): (Form, usize, usize),
        (kernel, stride, padding): (usize, usize, PaddingRule),
        (weight, bias): (Vec<f32>, Vec<f32>),
        activation: Activation,
    ) -> usize {
        let Value { height, width, .. } = self.values[from];
        let clamp = match activation {
            Activation::Relu => Clamp::Relu,
            Activation::Relu6 => Clamp::Relu6,
            Activation::None | Activation::HSwish | Activation::Swish => Clamp::None,
        };
        let conv = Conv {
            input,
            output,
            kernel,
            stride,
            padding: padding.resolve(kernel, stride, height, width),
            form,
            weight,
            bias,
            clamp,
        };
        let made = self.push(name, "conv", Kind::Conv(conv), vec![from]);
        match activation {
            Activation::None | Activation::Relu | Activation::Relu6 => made,
            Activation::HSwish => self.push(name, "h_swish", Kind::HSwish, vec![made]),
            Activation::Swish => {
                let factor = self.push(name, "sigmoid", Kind::Sigmoid, vec![made]);
                self.push(name, "swish", Kind::Mul, vec![made, factor])
            }
        }
    }

    fn squeeze_excite(&mut self, name: &str, input: usize, se: SqueezeExcite) -> usize {
        let mean = self.push(name, "mean", Kind::Mean, vec![input]);
        let squeeze = format!("{name}.{}", Op::SQUEEZE);
        let shape = (Form::Excite, se.channels, se.squeezed);
        let weights = (se.squeeze_weight, se.squeeze_bias);
        let inner = self.conv(&squeeze, mean, shape, PIXEL, weights, se.activation);
        let excite = format!("{name}.{}", Op::EXCITE);
        let shape = (Form::Excite, se.squeezed, se.channels);
        let weights = (se.excite_weight, se.excite_bias);
        let sum = self.conv(&excite, inner, shape, PIXEL, weights, Activation::None);
        let gate = match se.gate {
            Gate::HSigmoid => self.push(name, "h_sigmoid", Kind::HSigmoid, vec![sum]),
            Gate::Sigmoid => self.push(name, "sigmoid", Kind::Sigmoid, vec![sum]),
        };
        self.push(name, "scaled", Kind::Scale, vec![input, gate])
    }

    /// Adds a step and returns the index of what it makes.
    fn push(&mut self, name: &str, made: &str, kind: Kind, inputs: Vec<usize>) -> usize {
        let read = &self.values[inputs[0]];
        let (channels, height, width) = match &kind {
            Kind::Conv(c) => {
                let Padding {
                    top,
                    bottom,
                    left,
                    right,
                } = c.padding;
                let height = (read.height + top + bottom - c.kernel) / c.stride + 1;
                let width = (read.width + left + right - c.kernel) / c.stride + 1;
                (c.output, height, width)
            }
            Kind::Mean => (read.channels, 1, 1),
            _ => (read.channels, read.height, read.width),
        };
        let output = self.values.len();
        self.values.push(Value {
            name: format!("{name}/{made}"),
            channels,
            height,
            width,
        });
        self.steps.push(Step {
            name: name.to_owned(),
            kind,
            inputs,
            output,
        });
        output
    }
}

/// Kernel, stride and padding of what reads one pixel.
const PIXEL: (usize, usize, PaddingRule) = (
    1,
    1,
    PaddingRule::Fixed(Padding {
        top: 0,
        bottom: 0,
        left: 0,
        right: 0,
    }),
);
