//! From the operations of a folded network to the nodes of an ONNX graph.

use scarlet_arch::graph::{Graph, Op};
use scarlet_kernels::{Activation, Gate, Network, Operation, Padding, PaddingRule, SqueezeExcite};

use super::proto::{Attribute, AttributeKind, FLOAT, Node, Tensor};

/// The graph's input, `[batch, channels, height, width]`.
pub(super) const INPUT: &str = "images";
/// The graph's output, `[batch, classes]`.
pub(super) const OUTPUT: &str = "logits";

/// Nodes in the order of computation, and the constants they use.
#[derive(Default)]
pub(super) struct Nodes {
    pub(super) nodes: Vec<Node>,
    pub(super) constants: Vec<Tensor>,
}

impl Nodes {
    /// The nodes of a network that this graph was lowered to, for images of `height` and `width`.
    pub(super) fn of(network: Network, graph: &Graph, (height, width): (usize, usize)) -> Self {
        let mut nodes = Self::default();
        let mut size = (height, width);
        let mut outputs: Vec<String> = Vec::with_capacity(graph.nodes().len());
        for (operation, node) in network.operations.into_iter().zip(graph.nodes()) {
            let name = &graph.name(node);
            let input = outputs.last().map_or(INPUT, String::as_str).to_owned();
            let output = match operation {
                Operation::Convolution(c) => {
                    let kernel = [c.output, c.input, c.kernel, c.kernel];
                    let shape = Window::at(&mut size, c.kernel, c.stride, c.padding, 1);
                    nodes.convolution(name, input, shape, (kernel, c.weight, c.bias), c.activation)
                }
                Operation::Depthwise(c) => {
                    let kernel = [c.channels, 1, c.kernel, c.kernel];
                    let shape = Window::at(&mut size, c.kernel, c.stride, c.padding, c.channels);
                    nodes.convolution(name, input, shape, (kernel, c.weight, c.bias), c.activation)
                }
                Operation::Pointwise(c) => {
                    let kernel = [c.output, c.input, 1, 1];
                    let shape = Window::at(&mut size, 1, c.stride, PaddingRule::all(0), 1);
                    nodes.convolution(name, input, shape, (kernel, c.weight, c.bias), c.activation)
                }
                Operation::SqueezeExcite(se) => nodes.squeeze_excite(name, input, se),
                Operation::Add(earlier) => {
                    let inputs = vec![outputs[earlier].clone(), input];
                    nodes.push(name, "Add", inputs, Vec::new())
                }
                Operation::GlobalMean => {
                    let mean = nodes.push(name, "GlobalAveragePool", vec![input], Vec::new());
                    nodes.push(name, "Flatten", vec![mean], vec![int("axis", 1)])
                }
                Operation::Linear(c) => {
                    let weight = nodes.constant(name, "weight", &[c.output, c.input], c.weight);
                    let bias = nodes.constant(name, "bias", &[c.output], c.bias);
                    // The weight is `[output, input]`.
                    let transposed = vec![int("transB", 1)];
                    let sum = nodes.push(name, "Gemm", vec![input, weight, bias], transposed);
                    nodes.activation(name, sum, c.activation)
                }
            };
            outputs.push(output);
        }
        nodes.end();
        nodes
    }

    /// What the last node makes is the output.
    pub(super) fn end(&mut self) {
        if let Some(last) = self.nodes.last_mut() {
            last.output = vec![OUTPUT.to_owned()];
        }
    }

    fn convolution(
        &mut self,
        name: &str,
        input: String,
        window: Window,
        (kernel, weight, bias): ([usize; 4], Vec<f32>, Vec<f32>),
        activation: Activation,
    ) -> String {
        let bias_shape = [kernel[0]];
        let weight = self.constant(name, "weight", &kernel, weight);
        let bias = self.constant(name, "bias", &bias_shape, bias);
        let inputs = vec![input, weight, bias];
        let output = self.push(name, "Conv", inputs, window.attributes());
        self.activation(name, output, activation)
    }

    fn activation(&mut self, name: &str, input: String, activation: Activation) -> String {
        match activation {
            Activation::None => input,
            Activation::Relu => self.push(name, "Relu", vec![input], Vec::new()),
            Activation::Relu6 => {
                let (low, high) = (self.scalar("zero", 0.0), self.scalar("six", 6.0));
                self.push(name, "Clip", vec![input, low, high], Vec::new())
            }
            // By its definition x · max(0, min(1, x / 6 + 0.5)), which is x · relu6(x + 3) / 6.
            Activation::HSwish => self.push(name, "HardSwish", vec![input], Vec::new()),
            Activation::Swish => {
                let factor = self.push(name, "Sigmoid", vec![input.clone()], Vec::new());
                self.push(name, "Mul", vec![input, factor], Vec::new())
            }
        }
    }

    fn squeeze_excite(&mut self, name: &str, input: String, se: SqueezeExcite) -> String {
        let window = || Window::new(1, 1, Padding::default(), 1);
        let mean = self.push(name, "GlobalAveragePool", vec![input.clone()], Vec::new());
        let squeeze = format!("{name}.{}", Op::SQUEEZE);
        let kernel = [se.squeezed, se.channels, 1, 1];
        let weights = (kernel, se.squeeze_weight, se.squeeze_bias);
        let inner = self.convolution(&squeeze, mean, window(), weights, se.activation);
        let excite = format!("{name}.{}", Op::EXCITE);
        let kernel = [se.channels, se.squeezed, 1, 1];
        let weights = (kernel, se.excite_weight, se.excite_bias);
        let gate = self.convolution(&excite, inner, window(), weights, Activation::None);
        let gate = match se.gate {
            Gate::HSigmoid => {
                // ONNX's own slope is 0.2, which is another function than relu6(x + 3) / 6.
                let slope = vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)];
                self.push(name, "HardSigmoid", vec![gate], slope)
            }
            Gate::Sigmoid => self.push(name, "Sigmoid", vec![gate], Vec::new()),
        };
        self.push(name, "Mul", vec![input, gate], Vec::new())
    }

    /// Adds a node and returns the name of its output, which is also the node's own.
    pub(super) fn push(
        &mut self,
        name: &str,
        operator: &str,
        input: Vec<String>,
        attribute: Vec<Attribute>,
    ) -> String {
        let name = format!("{name}/{operator}");
        self.nodes.push(Node {
            input,
            output: vec![name.clone()],
            name: Some(name.clone()),
            op_type: Some(operator.to_owned()),
            attribute,
        });
        name
    }

    pub(super) fn constant(
        &mut self,
        name: &str,
        part: &str,
        shape: &[usize],
        values: Vec<f32>,
    ) -> String {
        let name = format!("{name}.{part}");
        self.constants.push(Tensor {
            dims: shape.iter().map(|&size| size as i64).collect(),
            data_type: Some(FLOAT),
            name: Some(name.clone()),
            raw_data: Some(
                values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect(),
            ),
        });
        name
    }

    /// A constant that many nodes share.
    fn scalar(&mut self, name: &str, value: f32) -> String {
        let is_there = |tensor: &Tensor| tensor.name.as_deref() == Some(name);
        if !self.constants.iter().any(is_there) {
            self.constants.push(Tensor {
                dims: Vec::new(),
                data_type: Some(FLOAT),
                name: Some(name.to_owned()),
                raw_data: Some(value.to_le_bytes().to_vec()),
            });
        }
        name.to_owned()
    }
}

/// How a kernel moves over an image.
pub(super) struct Window {
    kernel: usize,
    stride: usize,
    padding: Padding,
    groups: usize,
}

impl Window {
    /// On an image of this size, which becomes that of the result.
    fn at(
        (height, width): &mut (usize, usize),
        kernel: usize,
        stride: usize,
        padding: PaddingRule,
        groups: usize,
    ) -> Self {
        let padding = padding.resolve(kernel, stride, *height, *width);
        *height = (*height + padding.top + padding.bottom - kernel) / stride + 1;
        *width = (*width + padding.left + padding.right - kernel) / stride + 1;
        Self::new(kernel, stride, padding, groups)
    }

    pub(super) fn new(kernel: usize, stride: usize, padding: Padding, groups: usize) -> Self {
        Self {
            kernel,
            stride,
            padding,
            groups,
        }
    }

    pub(super) fn attributes(&self) -> Vec<Attribute> {
        let Padding {
            top,
            bottom,
            left,
            right,
        } = self.padding;
        vec![
            ints("kernel_shape", &[self.kernel; 2]),
            ints("strides", &[self.stride; 2]),
            // All beginnings, then all ends.
            ints("pads", &[top, left, bottom, right]),
            int("group", self.groups as i64),
        ]
    }
}

fn attribute(name: &str, kind: AttributeKind) -> Attribute {
    Attribute {
        name: Some(name.to_owned()),
        kind: Some(kind as i32),
        ..Attribute::default()
    }
}

pub(super) fn int(name: &str, value: i64) -> Attribute {
    Attribute {
        i: Some(value),
        ..attribute(name, AttributeKind::Int)
    }
}

fn float(name: &str, value: f32) -> Attribute {
    Attribute {
        f: Some(value),
        ..attribute(name, AttributeKind::Float)
    }
}

fn ints(name: &str, values: &[usize]) -> Attribute {
    Attribute {
        ints: values.iter().map(|&value| value as i64).collect(),
        ..attribute(name, AttributeKind::Ints)
    }
}
