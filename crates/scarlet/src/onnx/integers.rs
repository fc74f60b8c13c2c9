//! From the elementary operations of a network to ONNX nodes that runtimes compute in integers.
//!
//! Every value is rounded to bytes (`QuantizeLinear`) and taken for floats again
//! (`DequantizeLinear`); runtimes put an operation between the two in place of both. Which types
//! are fast differs: ONNX Runtime's on x86 want unsigned values and signed weights. Processors without
//! VNNI add products of pairs of weights in 16 bits there, so these are rounded to suit that.

use super::graph::{INPUT, Nodes, Window, int};
use super::proto::{BYTE, INTEGER, SIGNED_BYTE, Tensor};
use crate::elementary::{Conv, Elementary, Form, Kind, Range, Rounding, Step, Sums};

impl Nodes {
    /// The nodes of a network that is rounded so.
    pub(super) fn of_integers(network: &Elementary, rounding: &Rounding) -> Self {
        let mut writer = Writer {
            nodes: Self::default(),
            network,
            rounding,
            floats: Vec::with_capacity(network.values.len()),
        };
        let images = writer.rounded(INPUT, INPUT.to_owned(), rounding.values[0]);
        writer.floats.push(images);
        for step in &network.steps {
            let output = writer.step(step);
            writer.floats.push(output);
        }
        let last = writer.floats.pop().unwrap_or_default();
        let mut nodes = writer.nodes;
        nodes.push("logits", "Flatten", vec![last], vec![int("axis", 1)]);
        nodes.end();
        nodes
    }
}

struct Writer<'a> {
    nodes: Nodes,
    network: &'a Elementary,
    rounding: &'a Rounding,
    /// The name of each value as floats again.
    floats: Vec<String>,
}

impl Writer<'_> {
    /// Adds what computes a step, and returns the name of its rounded output.
    fn step(&mut self, step: &Step) -> String {
        let inputs: Vec<String> = step
            .inputs
            .iter()
            .map(|&it| self.floats[it].clone())
            .collect();
        let name = self.network.output(step).name.clone();
        let range = self.rounding.values[step.output];
        let output = match &step.kind {
            Kind::Conv(conv) => self.conv(step, conv, inputs),
            Kind::Mean => self
                .nodes
                .push(&name, "GlobalAveragePool", inputs, Vec::new()),
            Kind::Add => self.nodes.push(&name, "Add", inputs, Vec::new()),
            Kind::Mul | Kind::Scale => self.nodes.push(&name, "Mul", inputs, Vec::new()),
            Kind::Sigmoid => self.nodes.push(&name, "Sigmoid", inputs, Vec::new()),
            Kind::HSigmoid => return self.h_sigmoid(&name, inputs, range),
            Kind::HSwish => {
                let factor = format!("{name}/factor");
                let range = Range {
                    step: 1.0 / 255.0,
                    zero: 0,
                };
                let factor = self.h_sigmoid(&factor, inputs.clone(), range);
                let inputs = inputs.into_iter().chain([factor]).collect();
                self.nodes.push(&name, "Mul", inputs, Vec::new())
            }
        };
        self.rounded(&name, output, range)
    }

    /// `relu6(x + 3) / 6`: bytes of a sixth of six times the step, in which the sum is cut where
    /// they end.
    fn h_sigmoid(&mut self, name: &str, mut inputs: Vec<String>, range: Range) -> String {
        let three = Range {
            step: 3.0 / 255.0,
            zero: 0,
        };
        // Of each step its own: runtimes take nodes together that only one reads.
        let constant = self.bytes("three", BYTE, &[], vec![u8::MAX]);
        inputs.push(self.floats(&format!("{name}/three"), constant, three));
        let sum = self.nodes.push(name, "Add", inputs, Vec::new());
        let six = Range {
            step: 6.0 * range.step,
            ..range
        };
        let rounded = self.bytes_of(name, sum, six);
        self.floats(name, rounded, range)
    }

    /// A convolution, or a fully connected layer as one. What it fuses is done by the bytes of its
    /// output, which end where it does.
    fn conv(&mut self, step: &Step, conv: &Conv, mut inputs: Vec<String>) -> String {
        let name = &step.name;
        let rounded = conv.rounded(self.rounding.of(step.inputs[0]), Sums::Pairs);
        let depth = if conv.form == Form::Depthwise {
            1
        } else {
            conv.input
        };
        let shape = [conv.output, depth, conv.kernel, conv.kernel];
        let weight = rounded.weight.iter().map(|it| *it as u8).collect();
        let weight_name = format!("{name}.weight");
        let weight = self.bytes(&weight_name, SIGNED_BYTE, &shape, weight);
        let zeros = vec![0; conv.output];
        let zeros = self.bytes(
            &format!("{weight_name}.zeros"),
            SIGNED_BYTE,
            &[conv.output],
            zeros,
        );
        let steps =
            self.nodes
                .constant(&weight_name, "steps", &[conv.output], rounded.weight_steps);
        let axis = || vec![int("axis", 0)];
        let parts = vec![weight, steps, zeros];
        inputs.push(
            self.nodes
                .push(&weight_name, "DequantizeLinear", parts, axis()),
        );
        let bias_name = format!("{name}.bias");
        let bias = rounded
            .bias
            .iter()
            .flat_map(|it| it.to_le_bytes())
            .collect();
        let bias = self.bytes(&bias_name, INTEGER, &[conv.output], bias);
        let steps = self
            .nodes
            .constant(&bias_name, "steps", &[conv.output], rounded.bias_steps);
        let parts = vec![bias, steps];
        inputs.push(
            self.nodes
                .push(&bias_name, "DequantizeLinear", parts, axis()),
        );
        let groups = if conv.form == Form::Depthwise {
            conv.output
        } else {
            1
        };
        let window = Window::new(conv.kernel, conv.stride, conv.padding, groups);
        self.nodes.push(name, "Conv", inputs, window.attributes())
    }

    /// Rounds a value and takes it for floats again.
    fn rounded(&mut self, name: &str, value: String, range: Range) -> String {
        let bytes = self.bytes_of(name, value, range);
        self.floats(name, bytes, range)
    }

    fn bytes_of(&mut self, name: &str, value: String, range: Range) -> String {
        let name = format!("{name}/bytes");
        let [step, zero] = self.range(&name, range);
        self.nodes
            .push(&name, "QuantizeLinear", vec![value, step, zero], Vec::new())
    }

    fn floats(&mut self, name: &str, bytes: String, range: Range) -> String {
        let name = format!("{name}/floats");
        let [step, zero] = self.range(&name, range);
        self.nodes.push(
            &name,
            "DequantizeLinear",
            vec![bytes, step, zero],
            Vec::new(),
        )
    }

    /// The step and the zero of a range, as constants of their own: runtimes look for those of
    /// each node.
    fn range(&mut self, name: &str, range: Range) -> [String; 2] {
        let step = self.nodes.constant(name, "step", &[], vec![range.step]);
        let zero = self.bytes(&format!("{name}.zero"), BYTE, &[], vec![range.zero]);
        [step, zero]
    }

    fn bytes(&mut self, name: &str, kind: i32, shape: &[usize], bytes: Vec<u8>) -> String {
        let is_there = |tensor: &Tensor| tensor.name.as_deref() == Some(name);
        if !self.nodes.constants.iter().any(is_there) {
            self.nodes.constants.push(Tensor {
                dims: shape.iter().map(|&size| size as i64).collect(),
                data_type: Some(kind),
                name: Some(name.to_owned()),
                raw_data: Some(bytes),
            });
        }
        name.to_owned()
    }
}
