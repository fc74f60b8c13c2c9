//! Depthwise convolutions, with what feeds them.

use alloc::vec::Vec;
use core::ops::Range;

use crate::{
    kernels::{activation::Finish, rounding::ToBytes},
    memory::ValueId,
    network::{Depthwise, Operation},
    packed::{
        Offset,
        bytes::{scales_behind, starts_behind},
    },
    simd::{LANES, instruction_set::InstructionSet},
    steps::{
        Map, PANEL,
        byte_depthwise::ByteDepthwiseStep,
        depthwise::{BytesAsFloats, DepthwiseStep},
        panels,
        pointwise_weights::Factors,
        producer::Producer,
        rounding::Rounding,
        stripes::stripe_for,
    },
};

use super::{Placed, Planned, Planner, as_map};

impl Planner<'_> {
    /// Plans a depthwise convolution with what feeds it, and a squeeze-excite behind it; it is
    /// the last of the operations.
    pub(super) fn depthwise(
        &mut self,
        c: &Depthwise<Offset>,
        producer: Producer,
        reads: &[ValueId],
        input: Map,
        operations: Range<usize>,
    ) -> Planned {
        let index = operations.end - 1;
        let output = as_map(self.shapes[index]);
        let groups: Vec<_> = panels(output.blocks(), blocks_of_task(&producer)).collect();
        let (kernel, stride, weights, bias) = (c.kernel, c.stride, c.weight, c.bias);
        let padding = (c.padding).resolve(kernel, stride, input.height, input.width);
        let stripe = stripe_for(
            (input, output),
            (kernel, stride),
            padding,
            groups.len(),
            self.settings.threads_per_image(),
        );
        let rounding = self.depthwise_rounding(index);
        let value = match rounding {
            Some(rounding) => self.new_rounded(output, rounding),
            None => self.new_value(output.image()),
        };
        self.is_rounded = rounding.is_some();
        let mut writes = vec![value];
        let squeeze_excite = match self.network.operations.get(index + 1) {
            Some(Operation::SqueezeExcite(next)) => {
                let sums = self.new_value(output.height * output.blocks() * LANES);
                writes.push(sums);
                Some((next, sums))
            }
            _ => None,
        };
        let kind = kind(&producer);
        let row_sums = squeeze_excite.map(|(_, sums)| sums);
        let (input_rounding, input_finish) = self.depthwise_input(&producer, index);
        let instructions = self.settings.instruction_set;
        match input_rounding {
            Some(input_rounding)
                if ByteDepthwiseStep::suits(instructions, kernel, stride, padding) =>
            {
                let step = ByteDepthwiseStep {
                    producer,
                    input_rounding,
                    input_finish,
                    input,
                    output,
                    kernel,
                    stride,
                    padding,
                    weights,
                    bias,
                    scales: scales_behind(bias, c.channels),
                    starts: starts_behind(bias, c.channels),
                    finish: self.finish_of(index),
                    to: value,
                    rounding: rounding.and_then(Rounding::to_bytes),
                    row_sums,
                    groups,
                    stripe,
                };
                self.emit(kind, step, reads, &writes, operations);
            }
            _ => {
                let bytes = |rounding| BytesAsFloats {
                    rounding,
                    input_finish,
                    scales: scales_behind(bias, c.channels),
                };
                let step = DepthwiseStep {
                    producer,
                    input,
                    output,
                    kernel,
                    stride,
                    padding,
                    weights,
                    bias,
                    bytes: input_rounding.map(bytes),
                    finish: self.finish_of(index),
                    to: value,
                    rounding,
                    has_bf16_products: instructions.is_some_and(InstructionSet::has_bf16_products),
                    row_sums,
                    groups,
                    stripe,
                };
                self.emit(kind, step, reads, &writes, operations);
            }
        }
        let behind = self.behind(value, index);
        let Some((next, sums)) = squeeze_excite else {
            return behind;
        };
        let map = output;
        self.squeeze_excite(next, Placed { value, map }, Some(sums), index + 1)
    }

    /// How the output of a depthwise convolution is rounded, if it is.
    fn depthwise_rounding(&self, index: usize) -> Option<Rounding> {
        let rounding = self.rounding_behind(index);
        match (rounding, self.to_bytes(index)) {
            (Some(Rounding::Bytes(rounding)), Some(_)) => Some(Rounding::Bytes(
                rounding.of_values_within(self.bound(index)),
            )),
            _ => rounding,
        }
    }

    /// How the input of a depthwise convolution is rounded to bytes, if it is; and what is done to the sums of a
    /// producer of bytes before, if that is left to the rounding.
    fn depthwise_input(
        &self,
        producer: &Producer,
        index: usize,
    ) -> (Option<ToBytes>, Option<Finish>) {
        let mut input_rounding = self.to_bytes(index);
        let mut input_finish = None;
        let of_bytes = match producer {
            Producer::Pointwise { weights, .. } => {
                matches!(weights.factors, Factors::Bytes(_)).then_some(weights.finish)
            }
            Producer::Convolution(c) => c.bytes.map(|_| c.finish),
            Producer::Copy(_) => None,
        };
        if let Some(finish) = of_bytes
            && finish.is_for_registers()
            && input_rounding.is_some()
        {
            input_finish = Some(finish);
            let bound = self.bound(index - 1);
            input_rounding = input_rounding.map(|it| it.of_values_within(bound));
        }
        (input_rounding, input_finish)
    }
}

/// Blocks of a task: the window of a dense convolution serves two panels, and so do inputs in bytes.
fn blocks_of_task(producer: &Producer) -> usize {
    match producer {
        Producer::Convolution(_) => 2 * PANEL,
        Producer::Pointwise { weights, .. } => weights.panel(),
        Producer::Copy(_) => PANEL,
    }
}

/// What profiles call the step.
fn kind(producer: &Producer) -> &'static str {
    match producer {
        Producer::Copy(_) => "depthwise",
        Producer::Pointwise { .. } => "pointwise + depthwise",
        Producer::Convolution(_) => "convolution + depthwise",
    }
}
