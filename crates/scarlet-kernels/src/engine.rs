//! [`Engine`]: a network made ready to run.

#[cfg(feature = "std")]
mod profile;

use alloc::sync::Arc;

use crate::{
    error::EngineError,
    memory::Buffer,
    network::{Network, shapes::Shape},
    packed::PackedNetwork,
    plan::{Observations, Plan, PlannedStep, plan},
    pool::{Pool, Tasks},
    simd::instruction_set::InstructionSet,
    steps::Context,
};

#[cfg(feature = "std")]
pub use profile::StepProfile;

/// What an engine is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSettings {
    /// Largest number of images of a run.
    pub batch: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Threads that share the work, the caller's among them; an engine has fewer where the system
    /// allows no more. The result does not depend on it.
    pub threads: usize,
    /// Which instructions to use; the best of this processor if `None`.
    pub instruction_set: Option<InstructionSet>,
}

impl EngineSettings {
    /// One square image at a time, on one thread.
    pub fn new(size: usize) -> Self {
        Self {
            batch: 1,
            height: size,
            width: size,
            threads: 1,
            instruction_set: None,
        }
    }

    /// The same for another batch.
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// The same for another number of threads.
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The same with the given instructions.
    pub fn with_instruction_set(mut self, instruction_set: InstructionSet) -> Self {
        self.instruction_set = Some(instruction_set);
        self
    }

    /// Threads that share an image while all are busy.
    pub(crate) fn threads_per_image(&self) -> usize {
        self.threads.div_ceil(self.batch.min(self.threads))
    }

    /// Refuses settings that no engine can have.
    ///
    /// # Errors
    ///
    /// [`EngineError::ZeroSetting`] names the one that is zero.
    pub fn check(&self) -> Result<(), EngineError> {
        let settings = [
            ("batch", self.batch),
            ("height", self.height),
            ("width", self.width),
            ("number of threads", self.threads),
        ];
        match settings.into_iter().find(|&(_, value)| value == 0) {
            Some((setting, _)) => Err(EngineError::ZeroSetting { setting }),
            None => Ok(()),
        }
    }
}

/// Bytes that an engine holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUse {
    /// Packed weights.
    pub weights: usize,
    /// Tensors between the steps.
    pub activations: usize,
    /// Scratch memory of all threads.
    pub scratch: usize,
    /// The result.
    pub output: usize,
}

/// A network made ready to run: weights packed, buffers planned, threads waiting.
///
/// ```
/// use scarlet_kernels::{Activation, Engine, EngineSettings, Network, Operation, Pointwise};
///
/// let network = Network {
///     input_channels: 1,
///     operations: vec![Operation::Pointwise(Pointwise {
///         input: 1,
///         output: 2,
///         stride: 1,
///         weight: vec![2.0, -1.0],
///         bias: vec![0.5, 0.0],
///         activation: Activation::Relu,
///     })],
/// };
/// let mut engine = Engine::new(&network, EngineSettings::new(2))?;
/// let output = engine.run(&[1.0, 2.0, 3.0, -4.0])?;
/// assert_eq!(output, [2.5, 4.5, 6.5, 0.0, 0.0, 0.0, 0.0, 4.0]);
/// # Ok::<(), scarlet_kernels::EngineError>(())
/// ```
pub struct Engine {
    settings: EngineSettings,
    instructions: InstructionSet,
    plan: Plan,
    network: PackedNetwork,
    arena: Buffer,
    /// One piece for each thread.
    scratch: Buffer,
    output: Buffer,
    pool: Pool,
    tasks: Tasks,
    /// Values of one image.
    image: usize,
}

impl core::fmt::Debug for Engine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Engine")
            .field("settings", &self.settings)
            .field("instructions", &self.instructions)
            .field("steps", &self.plan.steps.len())
            .field("memory", &self.memory())
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Makes a network ready.
    ///
    /// # Errors
    ///
    /// Says which operation of the network cannot be executed and why, which setting is zero or
    /// not to be had on this machine.
    pub fn new(network: &Network, settings: EngineSettings) -> Result<Self, EngineError> {
        Self::with_packed(PackedNetwork::pack(network)?, settings)
    }

    /// Makes a packed network ready; one that was opened from a file within a few milliseconds.
    ///
    /// # Errors
    ///
    /// As [`Engine::new`].
    pub fn with_packed(
        network: PackedNetwork,
        settings: EngineSettings,
    ) -> Result<Self, EngineError> {
        Self::planned(network, settings, None)
    }

    #[cfg(feature = "std")]
    /// As [`Engine::with_packed`], for a network in floats whose values are to be observed.
    pub(crate) fn observed(
        network: PackedNetwork,
        settings: EngineSettings,
        observations: Arc<Observations>,
    ) -> Result<Self, EngineError> {
        Self::planned(network, settings, Some(observations))
    }

    fn planned(
        network: PackedNetwork,
        settings: EngineSettings,
        observations: Option<Arc<Observations>>,
    ) -> Result<Self, EngineError> {
        settings.check()?;
        let instructions = settings
            .instruction_set
            .unwrap_or_else(InstructionSet::detect);
        if !instructions.is_available() {
            return Err(EngineError::MissingInstructionSet(instructions));
        }
        let pool = Pool::new(settings.threads);
        let settings = EngineSettings {
            threads: pool.threads(),
            instruction_set: Some(instructions),
            ..settings
        };
        let plan = plan(&network, observations, &settings)?;
        let output = plan.output.values().saturating_mul(settings.batch);
        let arena = Buffer::zeroed(plan.arena)?;
        let scratch = Buffer::zeroed(plan.scratch.saturating_mul(settings.threads))?;
        let output = Buffer::zeroed(output)?;
        Ok(Self {
            instructions,
            arena,
            scratch,
            output,
            tasks: Tasks::new(pool.threads()),
            pool,
            image: network.input_channels() * settings.height * settings.width,
            network,
            plan,
            settings,
        })
    }

    /// Runs the network on images `[images, channels, height, width]`, as many as the settings'
    /// batch or fewer, and returns its output: `[images, classes]` if it ends with a vector,
    /// `[images, channels, height, width]` if it ends with a map.
    ///
    /// # Errors
    ///
    /// When the input is no whole number of images, none, or too many.
    pub fn run(&mut self, input: &[f32]) -> Result<&[f32], EngineError> {
        let images = self.execute(input, |_| {})?;
        Ok(&self.output.as_slice()[..images * self.plan.output.values()])
    }

    /// The network it runs.
    pub fn network(&self) -> &PackedNetwork {
        &self.network
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &EngineSettings {
        &self.settings
    }

    /// The instructions it uses.
    pub fn instruction_set(&self) -> InstructionSet {
        self.instructions
    }

    /// The shape of one image's output.
    pub fn output_shape(&self) -> Shape {
        self.plan.output
    }

    /// The memory it holds.
    pub fn memory(&self) -> MemoryUse {
        MemoryUse {
            weights: self.network.weights().bytes(),
            activations: self.arena.bytes(),
            scratch: self.scratch.bytes(),
            output: self.output.bytes(),
        }
    }

    /// Executes all steps and returns the number of images. `finished` is called with each step once that
    /// has ended on all threads, and before the next one begins.
    fn execute(
        &mut self,
        input: &[f32],
        finished: impl Fn(usize) + Sync,
    ) -> Result<usize, EngineError> {
        let images = input.len() / self.image;
        if images == 0 || images > self.settings.batch || input.len() != images * self.image {
            return Err(EngineError::InputLength {
                found: input.len(),
                image: self.image,
                batch: self.settings.batch,
            });
        }
        let threads = self.pool.threads();
        let groups = |images: usize| if images < threads { 1 } else { threads };
        let all = Context {
            instructions: self.instructions,
            weights: self.network.weights().pointer(),
            arena: self.arena.pointer(),
            values: &self.plan.values,
            input: input.as_ptr(),
            output: self.output.pointer(),
            first_image: 0,
            images,
            groups: groups(images),
        };
        let (early, late) = self.plan.steps.split_at(self.plan.early);
        let early_images = self.plan.early_images;
        let (tasks, scratch, scratch_length) = (&self.tasks, &self.scratch, self.plan.scratch);
        self.pool.run(&|thread| {
            // SAFETY: each thread has a piece of its own.
            let scratch = unsafe { scratch.pointer().add(thread * scratch_length) };
            let pass = |context: &Context<'_>, steps: &[PlannedStep], first_step: usize| {
                for (index, planned) in steps.iter().enumerate() {
                    let count = planned.step.tasks(context.images);
                    let execute = |task| {
                        // SAFETY: the context is that of the plan; `work_through` runs each task
                        // once, after all of the step before.
                        unsafe { planned.step.execute(context, task, scratch) }
                    };
                    tasks.work_through(thread, count, execute, || finished(first_step + index));
                }
            };
            if !early.is_empty() {
                for first_image in (0..images).step_by(early_images) {
                    let images = early_images.min(images - first_image);
                    let few = Context {
                        first_image,
                        images,
                        groups: groups(images),
                        ..all
                    };
                    pass(&few, early, 0);
                }
            }
            pass(&all, late, early.len());
        });
        Ok(images)
    }
}
