//! From operations to steps.

mod convolution;
mod dense;
mod depthwise;
mod rounding;
mod weights;

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::ops::Range;

use crate::{
    engine::EngineSettings,
    error::EngineError,
    memory::{self, LINE, Value, ValueId},
    network::{Network, Operation, shapes::Shape},
    packed::{Offset, PackedNetwork, precision::Numbers},
    steps::{
        Map, Step,
        elementwise::AddStep,
        producer::Producer,
        rounding::Rounding,
        transfer::{ExportMap, ExportVector, Import},
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

    #[cfg(not(feature = "std"))]
    fn observe(&mut self, _input: Placed, _factors: Option<ValueId>, _operation: usize) {}

    #[cfg(feature = "std")]
    fn observe(&mut self, input: Placed, factors: Option<ValueId>, operation: usize) {
        let Some(observations) = self.observations.clone() else {
            return;
        };
        if observations.wants(operation) {
            let step = crate::steps::observe::ObserveStep {
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
