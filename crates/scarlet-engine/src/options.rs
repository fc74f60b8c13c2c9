//! [`DeployOptions`]: what a network is deployed for.

use scarlet_arch::Architecture;
use scarlet_kernels::{EngineSettings, InstructionSet};

use crate::InputError;

/// What a network is deployed for.
#[derive(Debug, Clone, Copy)]
pub struct DeployOptions {
    batch: usize,
    size: Option<(usize, usize)>,
    threads: usize,
    instruction_set: Option<InstructionSet>,
}

impl Default for DeployOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl DeployOptions {
    /// One image at a time, of the architecture's resolution, on as many threads as the machine
    /// runs at once.
    pub fn new() -> Self {
        Self {
            batch: 1,
            size: None,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            instruction_set: None,
        }
    }

    /// The most images of one call.
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Height and width of the images, in pixels.
    pub fn with_size(mut self, height: usize, width: usize) -> Self {
        self.size = Some((height, width));
        self
    }

    /// Threads that share the work on the CPU; they change no bit of the result.
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The instructions to use on the CPU, rather than the best of this processor: to compare them,
    /// or to see what a plainer processor would do.
    pub fn with_instruction_set(mut self, instruction_set: InstructionSet) -> Self {
        self.instruction_set = Some(instruction_set);
        self
    }

    /// What an engine for this network is made with. Where the images are square, their side becomes the
    /// network's resolution.
    ///
    /// # Errors
    ///
    /// When the images' size does not fit the network.
    pub fn settings_for(
        &self,
        architecture: &mut Architecture,
    ) -> Result<EngineSettings, InputError> {
        let resolution = architecture.preprocessing.resolution;
        let (height, width) = self.size.unwrap_or((resolution, resolution));
        let channels = architecture.input_channels;
        InputError::check(architecture, [1, channels, height, width])?;
        if height == width {
            architecture.preprocessing.resolution = height;
        }
        Ok(EngineSettings {
            batch: self.batch,
            height,
            width,
            threads: self.threads,
            instruction_set: self.instruction_set,
        })
    }
}
