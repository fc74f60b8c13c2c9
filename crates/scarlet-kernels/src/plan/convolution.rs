//! Dense and pointwise convolutions, with what is behind them.

use alloc::vec::Vec;

use crate::{
    network::{Convolution, Operation, Pointwise},
    packed::{Offset, bytes::scales_behind},
    simd::LANES,
    steps::{
        Map,
        convolution::{ConvolutionStep, PlanarConvolution},
        pointwise::{PointwiseStep, Target},
        pointwise_weights::PointwiseWeights,
        producer::Producer,
        transfer::Subsample,
    },
};

use super::{Placed, Planned, Planner, as_map};

impl Planner<'_> {
    pub(super) fn convolution(&mut self, c: &Convolution<Offset>) -> Planned {
        let (input, output) = (self.input_map(), as_map(self.shapes[0]));
        let convolution = PlanarConvolution::new(
            input,
            output,
            c.kernel,
            c.stride,
            c.padding
                .resolve(c.kernel, c.stride, input.height, input.width),
            c.weight,
            c.bias,
            self.to_bytes(0)
                .map(|rounding| (rounding, scales_behind(c.bias, c.output))),
            self.finish_of(0),
        );
        if let Some(Operation::Depthwise(next)) = self.network.operations.get(1)
            && !self.shared[0]
        {
            let producer = Producer::Convolution(convolution);
            return self.depthwise(next, producer, &[], output, 0..2);
        }
        let value = self.new_value(output.image());
        let step = ConvolutionStep::new(convolution, value);
        self.emit("convolution", step, &[], &[value], 0..1);
        self.behind(value, 0)
    }

    /// Plans a pointwise convolution together with the depthwise one, the shortcut or the mean
    /// behind it.
    pub(super) fn pointwise(
        &mut self,
        c: &Pointwise<Offset>,
        mut input: Placed,
        index: usize,
    ) -> Planned {
        let output = as_map(self.shapes[index]);
        if c.stride > 1 {
            let to = Map {
                channels: c.input,
                ..output
            };
            let value = self.new_value(to.image());
            let step = Subsample {
                input: input.value,
                output: value,
                stride: c.stride,
                from: input.map,
                to,
            };
            self.emit("subsample", step, &[input.value], &[value], index..index);
            input = Placed { value, map: to };
        }
        let mut factors = self.factors.take();
        self.observe(input, factors, index);
        let rounding = self.rounding(index);
        if let Some(rounding) = rounding
            && !core::mem::take(&mut self.is_rounded)
        {
            input.value = self.round(input, factors.take(), rounding, index);
        }
        let weights = PointwiseWeights {
            weights: c.weight,
            bias: c.bias,
            factors: self.factors_of(index, (c.bias, c.output)),
            input_blocks: input.map.blocks(),
            finish: self.finish_of(index),
        };
        let mut reads = vec![input.value];
        let (shortcut, end) = match self.network.operations.get(index + 1) {
            Some(Operation::Depthwise(next)) if !self.shared[index] => {
                let producer = Producer::Pointwise {
                    input: input.value,
                    weights,
                };
                return self.depthwise(next, producer, &[input.value], output, index..index + 2);
            }
            Some(Operation::GlobalMean) if !self.shared[index] => {
                let mean = self.new_value(output.blocks() * LANES);
                reads.extend(factors);
                let input = (input.value, factors);
                let step =
                    PointwiseStep::new(weights, input, Target::Mean(mean), output, self.settings);
                self.emit("pointwise", step, &reads, &[mean], index..index + 2);
                return self.behind(mean, index + 1);
            }
            Some(Operation::Add(from)) if !self.shared[index] => {
                (Some(self.outputs[*from]), index + 2)
            }
            _ => (None, index + 1),
        };
        reads.extend(shortcut);
        reads.extend(factors);
        // What the next convolution reads is rounded here; floats are for shortcuts.
        let rounded = self
            .rounding_behind_map(end - 1)
            .map(|rounding| (self.new_rounded(output, rounding), rounding));
        let floats = match rounded {
            // A shortcut is laid out as the floats are.
            Some(_) if !self.shared[end - 1] && shortcut.is_none() => None,
            _ => Some(self.new_value(output.image())),
        };
        let target = Target::Map {
            output: floats,
            shortcut,
            rounded,
        };
        let input = (input.value, factors);
        let step = PointwiseStep::new(weights, input, target, output, self.settings);
        let rounded = rounded.map(|(value, _)| value);
        let writes: Vec<_> = floats.into_iter().chain(rounded).collect();
        self.emit("pointwise", step, &reads, &writes, index..end);
        self.is_rounded = rounded.is_some();
        // The floats, and what is rounded, if there are both.
        self.outputs[end - 1] = writes[0];
        (writes[writes.len() - 1], end)
    }
}
