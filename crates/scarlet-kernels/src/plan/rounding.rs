//! What numbers a network is computed in: how the inputs of operations are rounded, and what is done to sums.

use alloc::vec::Vec;

use crate::{
    activation::Activation,
    kernels::{activation::Finish, rounding::ToBytes},
    memory::ValueId,
    network::{Operation, Pointwise},
    packed::{
        Offset,
        bytes::scales_behind,
        precision::{Numbers, Precision},
    },
    steps::{
        pointwise_weights::Factors,
        rounding::{RoundStep, Rounding},
    },
};

use super::{Placed, Planner};

impl Planner<'_> {
    /// How the input of an operation is rounded, if it is.
    pub(super) fn rounding(&self, index: usize) -> Option<Rounding> {
        match self.numbers {
            Numbers::Floats => None,
            Numbers::Bf16 => {
                let operation = self.network.operations.get(index);
                matches!(operation, Some(Operation::Pointwise(_))).then_some(Rounding::Bf16)
            }
            Numbers::Bytes(_) => self.to_bytes(index).map(Rounding::Bytes),
        }
    }

    /// How the input of an operation is rounded to bytes, if it is.
    pub(super) fn to_bytes(&self, index: usize) -> Option<ToBytes> {
        let Numbers::Bytes(quantisation) = self.numbers else {
            return None;
        };
        let before = index.checked_sub(1);
        let of_steps = before.and_then(|before| {
            let range = quantisation.output(self.network, &self.shared, before)?;
            let activation = self.activation(before);
            Some(ToBytes::of_steps(range, activation))
        });
        of_steps.or_else(|| quantisation.input(index).map(ToBytes::new))
    }

    /// The numbers of an operation's products, given where the biases of its rows are.
    pub(super) fn factors_of(&self, index: usize, (bias, rows): (Offset, usize)) -> Factors {
        match self.numbers.of(index, &self.network.operations[index]) {
            Precision::Float32 => Factors::Floats,
            Precision::Bfloat16 => Factors::Bf16,
            Precision::Int8 => Factors::Bytes(scales_behind(bias, rows)),
        }
    }

    /// The largest magnitude that a sum of products of bytes can have, with its bias.
    pub(super) fn bound(&self, index: usize) -> f32 {
        let (depth, bias, rows) = match &self.network.operations[index] {
            Operation::Convolution(c) => (c.input * c.kernel * c.kernel, c.bias, c.output),
            Operation::Pointwise(c) => (c.input, c.bias, c.output),
            Operation::Depthwise(c) => (c.kernel * c.kernel, c.bias, c.channels),
            _ => return f32::INFINITY,
        };
        let scales = &self.weights[scales_behind(bias, rows)..];
        let pairs = scales.iter().zip(&self.weights[bias..]).take(rows);
        let largest = 255.0 * 128.0 * depth as f32;
        let bounds = pairs.map(|(scale, bias)| scale.abs() * largest + bias.abs());
        // A number that is none stays so.
        bounds.fold(0.0, |most, bound| if bound <= most { most } else { bound })
    }

    /// Whether the output of an operation is in steps of the range within which it is rounded.
    pub(super) fn is_in_steps(&self, index: usize) -> bool {
        match self.numbers {
            Numbers::Bytes(quantisation) => {
                let output = quantisation.output(self.network, &self.shared, index);
                output.is_some()
            }
            Numbers::Floats | Numbers::Bf16 => false,
        }
    }

    /// The activation of a convolution.
    pub(super) fn activation(&self, index: usize) -> Activation {
        match &self.network.operations[index] {
            Operation::Convolution(c) => c.activation,
            Operation::Depthwise(c) => c.activation,
            Operation::Pointwise(c) => c.activation,
            _ => Activation::None,
        }
    }

    /// What is done to the sums of a convolution: nothing where they are in steps, which their rounding
    /// limits.
    pub(super) fn finish_of(&self, index: usize) -> Finish {
        match self.is_in_steps(index) {
            true => Finish::None,
            false => self.activation(index).into(),
        }
    }

    /// Plans the rounding of a pointwise convolution's input.
    pub(super) fn round(
        &mut self,
        input: Placed,
        factors: Option<ValueId>,
        rounding: Rounding,
        index: usize,
    ) -> ValueId {
        let output = self.new_rounded(input.map, rounding);
        let step = RoundStep {
            input: input.value,
            factors,
            output,
            map: input.map,
            rounding,
        };
        let reads: Vec<_> = [input.value].into_iter().chain(factors).collect();
        self.emit("round", step, &reads, &[output], index..index);
        output
    }

    /// How the output of an operation can be rounded at once, because nothing but a pointwise
    /// convolution of what is rounded reads it.
    pub(super) fn rounding_behind(&self, index: usize) -> Option<Rounding> {
        self.rounding_behind_map(index)
            .filter(|_| !self.shared[index])
    }

    /// The same behind an operation whose output may be a shortcut too.
    pub(super) fn rounding_behind_map(&self, index: usize) -> Option<Rounding> {
        let next = self.network.operations.get(index + 1);
        let is_next = matches!(
            next,
            Some(Operation::Pointwise(Pointwise { stride: 1, .. }))
        );
        self.rounding(index + 1).filter(|_| is_next)
    }
}
