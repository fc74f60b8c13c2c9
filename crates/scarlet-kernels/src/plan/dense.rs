//! Matrix products of single vectors, and the means in front of them.

use core::ops::Range;

use crate::{
    kernels::activation::Finish,
    memory::ValueId,
    network::{Linear, Operation, Pointwise, SqueezeExcite},
    packed::Offset,
    simd::LANES,
    steps::{
        Map,
        dense::{DENSE_PANEL, DenseStep},
        elementwise::{MeanStep, ScaleStep},
        panels,
        pointwise::PointwiseStep,
    },
};

use super::{Placed, Planned, Planner, as_map, weights::matrix_floats};

impl Planner<'_> {
    pub(super) fn squeeze_excite(
        &mut self,
        c: &SqueezeExcite<Offset>,
        input: Placed,
        row_sums: Option<ValueId>,
        index: usize,
    ) -> Planned {
        let here = index..index + 1;
        // The multiplications are counted with the matrices.
        let mean = self.mean(input, row_sums, index..index);
        let squeezed = self.dense(
            "squeeze",
            (c.squeeze_weight, c.squeeze_bias),
            (c.channels, c.squeezed),
            mean,
            c.activation.into(),
            here.clone(),
        );
        let factors = self.dense(
            "excite",
            (c.excite_weight, c.excite_bias),
            (c.squeezed, c.channels),
            squeezed,
            c.gate.into(),
            here,
        );
        // In place, unless a shortcut needs what was there before.
        let in_place = index > 0 && !self.shared[index - 1];
        let scales = self.rounding(index + 1).is_some() || self.can_scale(index + 1, input.map);
        if in_place && !self.shared[index] && scales {
            self.factors = Some(factors);
            return self.behind(input.value, index);
        }
        let output = if in_place {
            input.value
        } else {
            self.new_value(input.map.image())
        };
        let step = ScaleStep {
            input: input.value,
            factors,
            output,
            map: input.map,
        };
        let reads = [input.value, factors];
        self.emit("scale", step, &reads, &[output], index..index);
        self.behind(output, index)
    }

    /// Whether the operation is a pointwise convolution whose tasks are pixels, each with all its
    /// channels, so that they can apply factors in place.
    pub(super) fn can_scale(&self, index: usize, input: Map) -> bool {
        let operations = &self.network.operations;
        let Some(Operation::Pointwise(Pointwise { stride: 1, .. })) = operations.get(index) else {
            return false;
        };
        let merges = matches!(
            operations.get(index + 1),
            Some(Operation::Depthwise(_) | Operation::GlobalMean)
        );
        let output = as_map(self.shapes[index]);
        (self.shared[index] || !merges)
            && PointwiseStep::is_by_pixels(input.blocks() * LANES * size_of::<f32>(), output)
    }

    pub(super) fn linear(&mut self, c: &Linear<Offset>, input: ValueId, index: usize) -> Planned {
        let map = Map {
            channels: c.input,
            height: 1,
            width: 1,
        };
        self.observe(Placed { value: input, map }, None, index);
        let output = self.dense(
            "linear",
            (c.weight, c.bias),
            (c.input, c.output),
            input,
            c.activation.into(),
            index..index + 1,
        );
        self.behind(output, index)
    }

    pub(super) fn dense(
        &mut self,
        kind: &'static str,
        (weights, bias): (Offset, Offset),
        (depth, width): (usize, usize),
        input: ValueId,
        finish: Finish,
        operations: Range<usize>,
    ) -> ValueId {
        let blocks = width.div_ceil(LANES);
        let panels = panels(blocks, DENSE_PANEL).collect();
        let output = self.new_value(blocks * LANES);
        let index = operations.start;
        let precision = self.numbers.of(index, &self.network.operations[index]);
        let step = DenseStep {
            input,
            output,
            depth,
            weights,
            bias,
            factors: self.factors_of(index, (bias, width)),
            panels,
            finish,
        };
        let planned = self.emit(kind, step, &[input], &[output], operations);
        // Of the two matrices of a squeeze-excite this is one.
        planned.mult_adds = (depth * width) as u64;
        planned.weights = matrix_floats(width, depth, precision);
        output
    }

    /// The mean over all pixels, from the sums of rows where they are known.
    pub(super) fn mean(
        &mut self,
        input: Placed,
        row_sums: Option<ValueId>,
        operations: Range<usize>,
    ) -> ValueId {
        let map = input.map;
        let output = self.new_value(map.blocks() * LANES);
        let step = match row_sums {
            Some(sums) => MeanStep {
                input: sums,
                output,
                blocks: map.blocks(),
                vectors: map.height,
                stride: map.blocks() * LANES,
                plane: LANES,
                pixels: map.pixels(),
            },
            None => MeanStep {
                input: input.value,
                output,
                blocks: map.blocks(),
                vectors: map.pixels(),
                stride: LANES,
                plane: map.plane(),
                pixels: map.pixels(),
            },
        };
        let reads = [row_sums.unwrap_or(input.value)];
        self.emit("mean", step, &reads, &[output], operations);
        output
    }
}
