//! From operations to steps.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::ops::Range;

use crate::{
    Activation, Convolution, Depthwise, EngineError, EngineSettings, InstructionSet, Linear,
    Network, Operation, PackedNetwork, Pointwise, Precision, Shape, SqueezeExcite,
    kernels::{Finish, ToBytes},
    memory::{self, LINE, Value, ValueId},
    packed::{Numbers, Offset, scales_behind, starts_behind},
    simd::{LANES, QUAD},
    steps::{
        AddStep, ByteDepthwiseStep, BytesAsFloats, ConvolutionStep, DENSE_PANEL, DenseStep,
        DepthwiseStep, ExportMap, ExportVector, Factors, Import, Map, MeanStep, PANEL,
        PlanarConvolution, PointwiseStep, PointwiseWeights, Producer, RoundStep, Rounding,
        ScaleStep, Step, Subsample, Target, panels, stripe_for,
    },
};

#[cfg(feature = "std")]
pub(crate) use crate::calibration::Observations;
/// Without `std` there are none: they need its locks.
#[cfg(not(feature = "std"))]
pub(crate) use core::convert::Infallible as Observations;

/// Everything that an engine executes.
pub(crate) struct Plan {
    pub(crate) steps: Vec<PlannedStep>,
    /// The first so many steps take `early_images` at a time: their tensors are large and their
    /// weights few. The others take all images: with each weight read, as much is done as can be.
    pub(crate) early: usize,
    pub(crate) early_images: usize,
    pub(crate) values: Vec<Value>,
    /// Floats of the arena that holds the values.
    pub(crate) arena: usize,
    /// Floats of scratch memory that each thread needs.
    pub(crate) scratch: usize,
    /// The shape of the result.
    pub(crate) output: Shape,
}

/// A step, and what it stands for.
pub(crate) struct PlannedStep {
    pub(crate) step: Box<dyn Step>,
    #[cfg_attr(
        not(feature = "std"),
        expect(dead_code, reason = "only profiles read it")
    )]
    pub(crate) kind: &'static str,
    /// The operations that it executes, or a part of the only one.
    #[cfg_attr(not(feature = "std"), expect(dead_code, reason = "as above"))]
    pub(crate) operations: Range<usize>,
    /// Multiplications for one image.
    pub(crate) mult_adds: u64,
    /// Floats read and written for one image.
    pub(crate) traffic: usize,
    /// Floats of packed weights.
    pub(crate) weights: usize,
}

/// Plans a packed network for the settings. With `observations` it also looks at its values.
pub(crate) fn plan(
    packed: &PackedNetwork,
    observations: Option<Arc<Observations>>,
    settings: &EngineSettings,
) -> Result<Plan, EngineError> {
    let network = packed.network();
    let shapes = network.shapes(settings.height, settings.width)?;
    let count = network.operations.len();
    let mut shared = network.shared();
    if observations.is_some() {
        // What reaches a depthwise convolution is looked at too, and must exist by itself.
        for (shared, next) in shared.iter_mut().zip(&network.operations[1..]) {
            *shared |= matches!(next, Operation::Depthwise(_));
        }
    }
    let mut planner = Planner {
        network,
        weights: packed.weights().as_slice(),
        numbers: packed.numbers(),
        observations,
        settings,
        mult_adds: network.mult_adds(settings.height, settings.width)?,
        output: shapes[count - 1],
        shapes,
        shared,
        outputs: vec![ValueId(0); count],
        factors: None,
        is_rounded: false,
        values: Vec::new(),
        steps: Vec::new(),
    };
    planner.all();
    Ok(planner.finish())
}

/// A map between steps, and where it is.
#[derive(Clone, Copy)]
struct Placed {
    value: ValueId,
    map: Map,
}

/// A planned operation's output, and the operation to plan next.
type Planned = (ValueId, usize);

struct Planner<'a> {
    network: &'a Network<Offset>,
    /// Packed.
    weights: &'a [f32],
    numbers: &'a Numbers,
    #[cfg_attr(not(feature = "std"), expect(dead_code, reason = "there are none"))]
    observations: Option<Arc<Observations>>,
    settings: &'a EngineSettings,
    mult_adds: Vec<u64>,
    /// The shape of the result.
    output: Shape,
    /// Behind each operation.
    shapes: Vec<Shape>,
    /// Whether a shortcut adds the operation's output, which must then exist by itself.
    shared: Vec<bool>,
    /// Where each operation's output is; not set for those merged away.
    outputs: Vec<ValueId>,
    /// Factors of channels that the next step, a pointwise convolution, must apply.
    factors: Option<ValueId>,
    /// Whether the present value is already rounded as the next step, a pointwise convolution, reads it.
    is_rounded: bool,
    values: Vec<Value>,
    steps: Vec<PlannedStep>,
}

impl Planner<'_> {
    fn all(&mut self) {
        let (mut current, mut index) = match &self.network.operations[0] {
            Operation::Convolution(c) => self.convolution(c),
            _ => (self.import(), 0),
        };
        while index < self.network.operations.len() {
            (current, index) = self.operation(current, index);
        }
        self.export(current);
    }

    fn finish(mut self) -> Plan {
        let early_images = self.settings.threads;
        // Nothing to choose for a batch that takes one pass.
        let early = if self.settings.batch > early_images {
            self.steps
                .iter()
                .position(|planned| planned.weights > planned.traffic)
                .unwrap_or(self.steps.len())
        } else {
            0
        };
        let (mut few, mut all): (Vec<_>, Vec<_>) =
            self.values.iter_mut().partition(|value| value.last < early);
        for value in &mut all {
            if value.first < early {
                // The early steps run again and must not touch what they left for the late ones.
                value.first = 0;
            }
        }
        let start = memory::place(&mut few, 0, early_images);
        let arena = memory::place(&mut all, start, self.settings.batch);
        let scratch = self.steps.iter().map(|planned| planned.step.scratch());
        Plan {
            early,
            early_images,
            arena,
            scratch: scratch.max().unwrap_or(0).next_multiple_of(LINE),
            steps: self.steps,
            values: self.values,
            output: self.output,
        }
    }

    fn operation(&mut self, current: ValueId, index: usize) -> Planned {
        let here = index..index + 1;
        match &self.network.operations[index] {
            Operation::Depthwise(c) => {
                let input = self.before(current, index);
                self.observe(input, None, index);
                let producer = Producer::Copy(input.value);
                self.depthwise(c, producer, &[input.value], input.map, here)
            }
            Operation::Pointwise(c) => self.pointwise(c, self.before(current, index), index),
            Operation::SqueezeExcite(c) => {
                let input = self.before(current, index);
                self.squeeze_excite(c, input, None, index)
            }
            Operation::Add(from) => {
                let Placed { value: left, map } = self.before(current, index);
                let right = self.outputs[*from];
                let output = self.new_value(map.image());
                let step = AddStep {
                    left,
                    right,
                    output,
                    map,
                };
                self.emit("add", step, &[left, right], &[output], here);
                self.behind(output, index)
            }
            Operation::GlobalMean => {
                let input = self.before(current, index);
                let mean = self.mean(input, None, here);
                self.behind(mean, index)
            }
            Operation::Linear(c) => self.linear(c, current, index),
            // The check of shapes lets it be the first operation only.
            Operation::Convolution(_) => (current, index + 1),
        }
    }

    fn import(&mut self) -> ValueId {
        let map = self.input_map();
        let output = self.new_value(map.image());
        self.emit("import", Import { output, map }, &[], &[output], 0..0);
        output
    }

    fn export(&mut self, input: ValueId) {
        let end = self.network.operations.len();
        match self.output {
            Shape::Vector { channels } => {
                let step = ExportVector { input, channels };
                self.emit("export", step, &[input], &[], end..end);
            }
            shape @ Shape::Map { .. } => {
                let map = as_map(shape);
                self.emit("export", ExportMap { input, map }, &[input], &[], end..end);
            }
        }
    }

    fn convolution(&mut self, c: &Convolution<Offset>) -> Planned {
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
    fn pointwise(&mut self, c: &Pointwise<Offset>, mut input: Placed, index: usize) -> Planned {
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

    /// How the input of an operation is rounded, if it is.
    fn rounding(&self, index: usize) -> Option<Rounding> {
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
    fn to_bytes(&self, index: usize) -> Option<ToBytes> {
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
    fn factors_of(&self, index: usize, (bias, rows): (Offset, usize)) -> Factors {
        match self.numbers.of(index, &self.network.operations[index]) {
            Precision::Float32 => Factors::Floats,
            Precision::Bfloat16 => Factors::Bf16,
            Precision::Int8 => Factors::Bytes(scales_behind(bias, rows)),
        }
    }

    /// The largest magnitude that a sum of products of bytes can have, with its bias.
    fn bound(&self, index: usize) -> f32 {
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
    fn is_in_steps(&self, index: usize) -> bool {
        match self.numbers {
            Numbers::Bytes(quantisation) => {
                let output = quantisation.output(self.network, &self.shared, index);
                output.is_some()
            }
            Numbers::Floats | Numbers::Bf16 => false,
        }
    }

    /// The activation of a convolution.
    fn activation(&self, index: usize) -> Activation {
        match &self.network.operations[index] {
            Operation::Convolution(c) => c.activation,
            Operation::Depthwise(c) => c.activation,
            Operation::Pointwise(c) => c.activation,
            _ => Activation::None,
        }
    }

    /// What is done to the sums of a convolution: nothing where they are in steps, which their rounding
    /// limits.
    fn finish_of(&self, index: usize) -> Finish {
        match self.is_in_steps(index) {
            true => Finish::None,
            false => self.activation(index).into(),
        }
    }

    #[cfg(not(feature = "std"))]
    fn observe(&mut self, _input: Placed, _factors: Option<ValueId>, _operation: usize) {}

    #[cfg(feature = "std")]
    fn observe(&mut self, input: Placed, factors: Option<ValueId>, operation: usize) {
        let Some(observations) = self.observations.clone() else {
            return;
        };
        if observations.wants(operation) {
            let step = crate::steps::ObserveStep {
                input: input.value,
                factors,
                map: input.map,
                observations,
                operation,
            };
            let reads: Vec<_> = [input.value].into_iter().chain(factors).collect();
            self.emit("observe", step, &reads, &[], operation..operation);
        }
    }

    /// Plans the rounding of a pointwise convolution's input.
    fn round(
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
    fn rounding_behind(&self, index: usize) -> Option<Rounding> {
        self.rounding_behind_map(index)
            .filter(|_| !self.shared[index])
    }

    /// The same behind an operation whose output may be a shortcut too.
    fn rounding_behind_map(&self, index: usize) -> Option<Rounding> {
        let next = self.network.operations.get(index + 1);
        let is_next = matches!(
            next,
            Some(Operation::Pointwise(Pointwise { stride: 1, .. }))
        );
        self.rounding(index + 1).filter(|_| is_next)
    }

    /// Plans a depthwise convolution with what feeds it, and a squeeze-excite behind it; it is
    /// the last of the operations.
    fn depthwise(
        &mut self,
        c: &Depthwise<Offset>,
        producer: Producer,
        reads: &[ValueId],
        input: Map,
        operations: Range<usize>,
    ) -> Planned {
        let index = operations.end - 1;
        let output = as_map(self.shapes[index]);
        // The window of a dense convolution serves two panels, and so do inputs in bytes.
        let group = match &producer {
            Producer::Convolution(_) => 2 * PANEL,
            Producer::Pointwise { weights, .. } => weights.panel(),
            Producer::Copy(_) => PANEL,
        };
        let groups: Vec<_> = panels(output.blocks(), group).collect();
        let padding = c
            .padding
            .resolve(c.kernel, c.stride, input.height, input.width);
        let stripe = stripe_for(
            (input, output),
            (c.kernel, c.stride),
            padding,
            groups.len(),
            self.settings.threads_per_image(),
        );
        let rounding = self.rounding_behind(index);
        let rounding = match (rounding, self.to_bytes(index)) {
            (Some(Rounding::Bytes(rounding)), Some(_)) => Some(Rounding::Bytes(
                rounding.of_values_within(self.bound(index)),
            )),
            _ => rounding,
        };
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
        let kind = match producer {
            Producer::Copy(_) => "depthwise",
            Producer::Pointwise { .. } => "pointwise + depthwise",
            Producer::Convolution(_) => "convolution + depthwise",
        };
        let row_sums = squeeze_excite.map(|(_, sums)| sums);
        let (weights, bias) = (c.weight, c.bias);
        let (kernel, stride) = (c.kernel, c.stride);
        let finish = self.finish_of(index);
        let mut input_rounding = self.to_bytes(index);
        let mut input_finish = None;
        let of_bytes = match &producer {
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
        let scales = scales_behind(bias, c.channels);
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
                    scales,
                    starts: starts_behind(bias, c.channels),
                    finish,
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
                    scales,
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
                    finish,
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
        match squeeze_excite {
            Some((next, sums)) => {
                let map = output;
                self.squeeze_excite(next, Placed { value, map }, Some(sums), index + 1)
            }
            None => behind,
        }
    }

    fn squeeze_excite(
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
    fn can_scale(&self, index: usize, input: Map) -> bool {
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

    fn linear(&mut self, c: &Linear<Offset>, input: ValueId, index: usize) -> Planned {
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

    fn dense(
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
    fn mean(
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

    /// Floats of an operation's packed weights.
    fn packed_floats(&self, index: usize) -> usize {
        let operation = &self.network.operations[index];
        let precision = self.numbers.of(index, operation);
        let floats = |rows, columns| matrix_floats(rows, columns, precision);
        match operation {
            Operation::Convolution(c) if precision == Precision::Int8 => {
                floats(c.output, c.input * c.kernel * QUAD)
            }
            Operation::Convolution(c) => floats(c.output, c.input * c.kernel * c.kernel),
            Operation::Depthwise(c) if precision == Precision::Int8 => {
                let row = c.kernel.next_multiple_of(QUAD);
                floats(c.channels, c.kernel * row) + c.channels
            }
            Operation::Depthwise(c) => floats(c.channels, c.kernel * c.kernel),
            Operation::Pointwise(c) => floats(c.output, c.input.next_multiple_of(LANES)),
            Operation::SqueezeExcite(c) => {
                floats(c.squeezed, c.channels) + floats(c.channels, c.squeezed)
            }
            Operation::Linear(c) => floats(c.output, c.input),
            Operation::Add(_) | Operation::GlobalMean => 0,
        }
    }

    fn input_map(&self) -> Map {
        Map {
            channels: self.network.input_channels,
            height: self.settings.height,
            width: self.settings.width,
        }
    }

    /// The map in front of an operation.
    fn before(&self, value: ValueId, index: usize) -> Placed {
        let map = match index.checked_sub(1) {
            Some(before) => as_map(self.shapes[before]),
            None => self.input_map(),
        };
        Placed { value, map }
    }

    /// Notes where an operation's output is.
    fn behind(&mut self, value: ValueId, index: usize) -> Planned {
        self.outputs[index] = value;
        (value, index + 1)
    }

    /// A map that is rounded.
    fn new_rounded(&mut self, map: Map, rounding: Rounding) -> ValueId {
        self.new_value(map.blocks() * map.pixels() * rounding.lanes())
    }

    fn new_value(&mut self, image: usize) -> ValueId {
        self.values.push(Value {
            // Each image starts at a cache line.
            image: image.next_multiple_of(LINE),
            first: usize::MAX,
            last: 0,
            images: 0,
            offset: 0,
            stride: 0,
        });
        ValueId(self.values.len() - 1)
    }

    fn emit(
        &mut self,
        kind: &'static str,
        step: impl Step + 'static,
        reads: &[ValueId],
        writes: &[ValueId],
        operations: Range<usize>,
    ) -> &mut PlannedStep {
        let index = self.steps.len();
        let mut traffic = 0;
        for id in reads.iter().chain(writes) {
            let value = &mut self.values[id.0];
            value.first = value.first.min(index);
            value.last = index;
            traffic += value.image;
        }
        self.steps.push(PlannedStep {
            step: Box::new(step),
            kind,
            mult_adds: self.mult_adds[operations.clone()].iter().sum(),
            weights: operations
                .clone()
                .map(|index| self.packed_floats(index))
                .sum(),
            operations,
            traffic,
        });
        // It was just pushed.
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }
}

/// Floats of a packed matrix and its biases, and of scales if there are some.
fn matrix_floats(rows: usize, columns: usize, precision: Precision) -> usize {
    let rows = rows.next_multiple_of(LANES);
    let weights = rows * columns * precision.bytes() / size_of::<f32>();
    let more = usize::from(precision == Precision::Int8);
    weights + (1 + more) * rows
}

/// The map's sizes. Where the planner asks, the check of shapes found one.
fn as_map(shape: Shape) -> Map {
    match shape {
        Shape::Map {
            channels,
            height,
            width,
        } => Map {
            channels,
            height,
            width,
        },
        Shape::Vector { channels } => Map {
            channels,
            height: 1,
            width: 1,
        },
    }
}
