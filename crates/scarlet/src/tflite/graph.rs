//! From the elementary operations of a network to the tensors and operations of a file.

use super::flat::Table;
use super::layout::{SIX, Zeros, channels_last, factors, kernel_shape};
use super::schema::{Element, Fused, Operator, Options, Quantised};
use crate::elementary::{Clamp, Conv, Elementary, Form, Kind, Range, Rounding, Step, Sums, Value};

/// Everything of a file but what it says of itself.
pub(super) struct Nodes {
    pub(super) tensors: Vec<Table>,
    pub(super) operators: Vec<Table>,
    /// What operations are, with the oldest version that has what is used.
    pub(super) codes: Vec<(Operator, i32)>,
    /// The first is empty: that of values, which are made.
    pub(super) buffers: Vec<Vec<u8>>,
    /// Indices of the tensors of the images and the logits.
    pub(super) ends: [i32; 2],
}

impl Nodes {
    /// What computes `network` on this many images, or on any number; in integers, where it is said
    /// how they are rounded.
    pub(super) fn of(
        network: &Elementary,
        rounding: Option<&Rounding>,
        batch: Option<usize>,
    ) -> Self {
        let mut writer = Writer {
            nodes: Self {
                tensors: Vec::new(),
                operators: Vec::new(),
                codes: Vec::new(),
                buffers: vec![Vec::new()],
                ends: [0; 2],
            },
            factors: match rounding {
                Some(_) => factors(network),
                None => vec![1.0; network.values.len()],
            },
            network,
            rounding,
            batch,
            places: Vec::with_capacity(network.values.len()),
        };
        writer.write();
        writer.nodes
    }
}

pub(super) struct Writer<'a> {
    pub(super) nodes: Nodes,
    network: &'a Elementary,
    pub(super) rounding: Option<&'a Rounding>,
    pub(super) batch: Option<usize>,
    /// What each value is multiplied by where it is rounded; see [`factors`].
    factors: Vec<f32>,
    /// For each value, the index of its tensor and whether that is flat: `[images, channels]`.
    places: Vec<(i32, bool)>,
}

impl Writer<'_> {
    fn write(&mut self) {
        let images = &self.network.values[0];
        let input = self.made(super::INPUT, self.shape(images, false), None);
        let first = match self.range(0) {
            None => input,
            Some(range) => {
                let name = format!("{}/rounded", images.name);
                let rounded = self.made(&name, self.shape(images, false), Some(range));
                self.push((Operator::Quantize, 1), vec![input], rounded, Options::None);
                rounded
            }
        };
        self.places.push((first, false));
        for step in &self.network.steps {
            self.step(step);
        }
        self.nodes.ends = [input, self.logits()];
    }

    /// The tensor of the logits, flat and in floats.
    fn logits(&mut self) -> i32 {
        let last = self.network.values.len() - 1;
        let (logits, is_flat) = self.places[last];
        let Some(range) = self.range(last) else {
            return logits;
        };
        let shape = self.shape(&self.network.values[last], true);
        let mut rounded = logits;
        if !is_flat {
            let target = [-1, shape[1]];
            let target = self.integers("logits.shape", vec![2], &target);
            rounded = self.made("logits/flat", shape.clone(), Some(range));
            let inputs = vec![logits, target];
            self.push((Operator::Reshape, 1), inputs, rounded, Options::None);
        }
        let output = self.made(super::OUTPUT, shape, None);
        self.push(
            (Operator::Dequantize, 2),
            vec![rounded],
            output,
            Options::None,
        );
        output
    }

    fn step(&mut self, step: &Step) {
        let inputs: Vec<i32> = step.inputs.iter().map(|&it| self.places[it].0).collect();
        let value = self.network.output(step);
        let is_linear = matches!(&step.kind, Kind::Conv(conv) if conv.form == Form::Linear);
        // A fully connected layer of integers is a convolution, whose channels have steps of their
        // own in every version.
        let is_flat = self.places[step.inputs[0]].1 || is_linear && self.rounding.is_none();
        let range = self.range(step.output);
        let is_logits = step.output + 1 == self.network.values.len();
        let name = match is_logits && range.is_some() {
            true => "logits/rounded",
            false => &value.name,
        };
        // Made before the output, so that tensors stand in the order of computation.
        let version = if range.is_some() { 2 } else { 1 };
        match &step.kind {
            Kind::Conv(conv) => self.conv(step, conv, name, is_flat),
            Kind::Mean => {
                let axes = self.integers(&format!("{}.axes", step.name), vec![2], &[1, 2]);
                let output = self.made(name, self.shape(value, is_flat), range);
                let inputs = vec![inputs[0], axes];
                self.push(
                    (Operator::Mean, version),
                    inputs,
                    output,
                    Options::Mean(true),
                );
                self.places.push((output, is_flat));
            }
            Kind::HSigmoid => self.h_sigmoid(inputs[0], value, is_flat, range),
            Kind::HSwish if self.factors[step.output] == SIX => {
                let six = Range {
                    step: SIX / 255.0,
                    zero: 0,
                };
                let sum = self.plus_three(inputs[0], value, is_flat, Some(six));
                let output = self.made(name, self.shape(value, is_flat), range);
                let inputs = vec![inputs[0], sum];
                self.push((Operator::Mul, version), inputs, output, Options::Mul);
                self.places.push((output, is_flat));
            }
            kind => {
                let (operator, version, options) = match kind {
                    Kind::Add => (Operator::Add, version, Options::Add(Fused::None)),
                    Kind::HSwish => (Operator::HardSwish, 1, Options::None),
                    Kind::Sigmoid => (Operator::Logistic, version, Options::None),
                    _ => (Operator::Mul, version, Options::Mul),
                };
                let output = self.made(name, self.shape(value, is_flat), range);
                self.push((operator, version), inputs, output, options);
                self.places.push((output, is_flat));
            }
        }
    }

    fn conv(&mut self, step: &Step, conv: &Conv, name: &str, is_flat: bool) {
        let from = step.inputs[0];
        let read = &self.network.values[from];
        let value = self.network.output(step);
        let mut input = self.places[from].0;
        let zeros = Zeros::of(conv, read, value);
        if let Zeros::Explicit(rows, columns) = zeros {
            let table = [[0; 2], rows, columns, [0; 2]].concat();
            let table = self.integers(&format!("{}.padding", step.name), vec![4, 2], &table);
            let padded = Value {
                height: read.height + (rows[0] + rows[1]) as usize,
                width: read.width + (columns[0] + columns[1]) as usize,
                ..read.clone()
            };
            // Rounded as what is padded, whose zero is what is added.
            let range = self.range(from);
            let to = self.made(
                &format!("{}/padded", step.name),
                self.shape(&padded, false),
                range,
            );
            let version = if range.is_some() { 2 } else { 1 };
            self.push(
                (Operator::Pad, version),
                vec![input, table],
                to,
                Options::None,
            );
            input = to;
        }
        let rounding = self.rounding;
        let (weight, bias) = match rounding {
            Some(rounding) => self.rounded(rounding, step, conv),
            None => self.floats(step, conv),
        };
        let fused = match conv.clamp {
            Clamp::None => Fused::None,
            Clamp::Relu => Fused::Relu,
            Clamp::Relu6 => Fused::Relu6,
        };
        let (is_same, stride) = (matches!(zeros, Zeros::Same), conv.stride as i32);
        let version = if rounding.is_some() { 3 } else { 1 };
        let (operator, options) = match conv.form {
            Form::Linear if rounding.is_none() => {
                (Operator::FullyConnected, Options::FullyConnected(fused))
            }
            Form::Depthwise => {
                let options = Options::DepthwiseConv2d(is_same, stride, fused);
                (Operator::DepthwiseConv2d, options)
            }
            _ => (Operator::Conv2d, Options::Conv2d(is_same, stride, fused)),
        };
        let output = self.made(name, self.shape(value, is_flat), self.range(step.output));
        self.push(
            (operator, version),
            vec![input, weight, bias],
            output,
            options,
        );
        self.places.push((output, is_flat));
    }

    /// Tensors of a convolution's weights and biases.
    fn floats(&mut self, step: &Step, conv: &Conv) -> (i32, i32) {
        let weight = channels_last(conv, &conv.weight);
        let weight = weight.into_iter().flat_map(f32::to_le_bytes).collect();
        let shape = kernel_shape(conv, true);
        let weight = self.constant(
            &format!("{}.weight", step.name),
            shape,
            Element::Float,
            weight,
        );
        let bias = conv.bias.iter().flat_map(|it| it.to_le_bytes()).collect();
        let shape = vec![conv.output as i32];
        let bias = self.constant(&format!("{}.bias", step.name), shape, Element::Float, bias);
        (weight, bias)
    }

    /// As [`floats`](Self::floats), in integers.
    fn rounded(&mut self, rounding: &Rounding, step: &Step, conv: &Conv) -> (i32, i32) {
        let rounded = conv.rounded(rounding.of(step.inputs[0]), Sums::Exact);
        let weight = channels_last(conv, &rounded.weight);
        let weight = weight.into_iter().map(|it| it as u8).collect();
        // The input's factor is divided by here.
        let factor = self.factors[step.inputs[0]];
        let weight_steps = rounded.weight_steps.iter().map(|step| step / factor);
        let weight_steps = weight_steps.collect();
        let quantised = |steps, dimension| Quantised {
            steps,
            zero: 0,
            dimension,
        };
        let dimension = if conv.form == Form::Depthwise { 3 } else { 0 };
        let weight = self.quantised_constant(
            &format!("{}.weight", step.name),
            (kernel_shape(conv, false), Element::Byte),
            weight,
            quantised(weight_steps, dimension),
        );
        let bias = rounded.bias.iter().flat_map(|it| it.to_le_bytes());
        let bias = self.quantised_constant(
            &format!("{}.bias", step.name),
            (vec![conv.output as i32], Element::Int),
            bias.collect(),
            quantised(rounded.bias_steps, 0),
        );
        (weight, bias)
    }

    /// `relu6(x + 3) / 6`, for which there is no operation.
    fn h_sigmoid(&mut self, input: i32, value: &Value, is_flat: bool, range: Option<Range>) {
        let version = if range.is_some() { 2 } else { 1 };
        // Six times the factor, rounded as it is.
        let six = range.map(|range| Range {
            step: SIX * range.step,
            ..range
        });
        let sum = self.plus_three(input, value, is_flat, six);
        let sixth = self.scalar(&format!("{}.sixth", value.name), 1.0 / SIX);
        let output = self.made(&value.name, self.shape(value, is_flat), range);
        self.push(
            (Operator::Mul, version),
            vec![sum, sixth],
            output,
            Options::Mul,
        );
        self.places.push((output, is_flat));
    }

    /// `relu6(x + 3)`, on the way to a value.
    fn plus_three(&mut self, input: i32, to: &Value, is_flat: bool, range: Option<Range>) -> i32 {
        let version = if range.is_some() { 2 } else { 1 };
        let three = self.scalar(&format!("{}.three", to.name), 3.0);
        let sum = self.made(&format!("{}/sum", to.name), self.shape(to, is_flat), range);
        let options = Options::Add(Fused::Relu6);
        self.push((Operator::Add, version), vec![input, three], sum, options);
        sum
    }

    fn range(&self, value: usize) -> Option<Range> {
        self.rounding.map(|rounding| {
            let range = rounding.values[value];
            Range {
                step: range.step * self.factors[value],
                ..range
            }
        })
    }

    fn shape(&self, value: &Value, is_flat: bool) -> Vec<i32> {
        let images = self.batch.unwrap_or(1);
        let sizes = match is_flat {
            true => vec![images, value.channels],
            false => vec![images, value.height, value.width, value.channels],
        };
        sizes.into_iter().map(|size| size as i32).collect()
    }
}
