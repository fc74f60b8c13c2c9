//! [`Trainer`]: the training loop, for supernets and for single networks.

mod average;
mod balance;
mod checkpoint;
mod config;
mod events;
mod feed;
mod folder;
mod judge;
mod layers;
mod module_optimizer;
mod old_names;
mod optimizer;
mod pass;
mod progress;
mod range_test;
mod restore;
mod run;
mod save;
mod schedule;
mod teacher;
mod timing;
mod trainable;
mod trained;
mod warning;
mod workers;

use std::thread;

use scarlet_data::Augment;
use scarlet_data::dataset::{Labels, Source};
use scarlet_kernels::training::release_buffers;

use self::feed::Feed;
use self::run::Run;
use self::schedule::{Ramp, Schedule};
use self::teacher::Lesson;
use crate::TrainError;
use crate::batch::Batcher;
use crate::error::require;

pub use self::balance::Balance;
pub use self::balance::Order;
pub use self::checkpoint::load_checkpoint;
pub use self::config::{Optimizer, TrainConfig};
pub use self::events::{Control, EpochRecord, Event, Observer};
pub use self::folder::{Checkpoints, check_epochs_left, epochs_done, events_of, is_over};
pub use self::range_test::{RangeEnd, RangePoint, RangeTest, RangeVerdict, range_test};
pub use self::teacher::check_teacher;
pub use self::teacher::{Distillation, Teacher};
pub use self::timing::time_steps;
pub use self::trainable::Trainable;
pub use self::trained::Trained;
pub use self::warning::Warning;

/// Trains networks.
///
/// ```
/// # #[cfg(feature = "flex")] {
/// use burn::tensor::Device;
/// use scarlet::{Architecture, ScarletConfig};
/// use scarlet_data::dataset::fashion_sample;
/// use scarlet_train::{Control, Event, TrainConfig, Trainer, measure};
///
/// let sample = fashion_sample()?;
/// let mut architecture: Architecture = "E3K3@8/2 E3K3@8".parse()?;
/// architecture.input_channels = 1;
/// let network = ScarletConfig::from(architecture)
///     .with_classes(10)
///     .with_resolution(28)
///     .try_init(&Device::flex().autodiff())?;
///
/// let config = TrainConfig { epochs: 1, ..TrainConfig::default() };
/// # let few: Vec<usize> = (0..64).collect();
/// # let sample = scarlet_data::dataset::TrainTest {
/// #     train: sample.train.select(&few),
/// #     test: sample.test.select(&few),
/// # };
/// let trained = Trainer::new(config)
///     .with_observer(|event: &Event| {
///         println!("{event:?}");
///         Control::Continue
///     })
///     .train(network, (), &sample.train)?;
/// let accuracy = measure(&trained.into_best(), &sample.test, 100)?.accuracy();
/// # assert!((0.0..=1.0).contains(&accuracy));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Trainer<'a> {
    config: TrainConfig,
    validation: Option<Source<'a>>,
    teacher: Option<Teacher>,
    checkpoints: Option<Checkpoints>,
    observer: Option<Box<dyn Observer + 'a>>,
    /// Learning rates of a range test.
    ramp: Option<Ramp>,
}

impl<'a> Trainer<'a> {
    /// A trainer that only trains.
    pub fn new(config: TrainConfig) -> Self {
        Self {
            config,
            validation: None,
            teacher: None,
            checkpoints: None,
            observer: None,
            ramp: None,
        }
    }

    /// Judges the network behind every epoch, and keeps the weights of the best. Supernets, which
    /// are no network, are not judged.
    pub fn with_validation(mut self, images: impl Into<Source<'a>>) -> Self {
        self.validation = Some(images.into());
        self
    }

    /// Learns from a network too (knowledge distillation), whatever teacher the settings name.
    pub fn with_teacher(mut self, teacher: Teacher) -> Self {
        self.teacher = Some(teacher);
        self
    }

    /// Saves checkpoints and a log of events.
    pub fn with_checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.checkpoints = Some(checkpoints);
        self
    }

    /// Reports every event, and can be stopped.
    pub fn with_observer(mut self, observer: impl Observer + 'a) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Whether the folder that it would go on in has its training behind it.
    fn is_over(&self) -> Result<bool, TrainError> {
        match &self.checkpoints {
            Some(checkpoints) if checkpoints.resume => is_over(&checkpoints.folder),
            _ => Ok(false),
        }
    }

    /// Trains a network on `images`. `sampler` says what a step trains: `()` for a single
    /// network, a [`PathSampler`](crate::PathSampler) for a supernet.
    ///
    /// # Errors
    ///
    /// When a setting is out of range, images do not fit the network, training diverges, or
    /// a checkpoint cannot be read or written.
    pub fn train<'s, M: Trainable>(
        mut self,
        model: M,
        sampler: M::Sampler,
        images: impl Into<Source<'s>>,
    ) -> Result<Trained<M>, TrainError> {
        let images = images.into();
        self.config.validate()?;
        let device = model.device();
        require(
            device.is_autodiff(),
            "device",
            format!("{device:?}"),
            "an autodiff one (Burn's `Device::autodiff`), with the network on it",
        )?;
        if let Labels::Several(_) = images.labels() {
            self.config.check_several()?;
            require(
                self.teacher.is_none(),
                "teacher",
                "given",
                "left out where images have several labels each",
            )?;
        }
        let teacher = match self.teacher.take() {
            Some(teacher) => Some(teacher),
            None => match Teacher::of(&self.config, model.template(), &device) {
                // One that is gone is not missed where nothing is left to learn.
                Err(_) if self.is_over()? => None,
                found => found?,
            },
        };
        let lesson = teacher.map(|teacher| Lesson::new(&teacher, model.template()));
        let lesson = lesson.transpose()?;
        if let Some(validation) = self.validation {
            Batcher::new(validation, model.template(), &device)?;
        }
        let channels = model.template().input_channels;
        require(
            self.config.augment == Augment::default() || matches!(channels, 1 | 3),
            "augment",
            format!("set for images of {channels} channels"),
            "left out, for only grey images and those in colour can be changed",
        )?;
        let judged = self.validation.is_some() && model.as_network().is_some();
        if let Some(patience) = self.config.patience {
            require(
                judged,
                "patience",
                patience,
                "left out where no network is judged on validation images",
            )?;
        }
        if let Some(decay) = self.config.layer_decay {
            require(
                model.as_network().is_some(),
                "layer_decay",
                decay,
                "left out for a supernet",
            )?;
        }
        if self.config.head_epochs > 0.0 {
            require(
                model.as_network().is_some(),
                "head_epochs",
                self.config.head_epochs,
                "0 for a supernet",
            )?;
        }
        if let Some(decay) = self.config.average_decay {
            require(
                M::changes_all(&sampler),
                "average_decay",
                decay,
                "left out for a supernet that is trained along one uniformly drawn path a step",
            )?;
        }
        // Large enough for whoever reads them; a network that wants less gets them shrunk.
        let side = lesson.as_ref().map_or(0, Lesson::resolution);
        let side = side.max(model.template().preprocessing.resolution);
        let seen = model.template().clone().with_resolution(side);
        let batcher = Batcher::new(images, &seen, &device)?;
        let config = self.config.clone();
        let schedule = Schedule::new(&config, images.len(), M::passes(&sampler));
        let schedule = self.ramp.map_or(schedule, |ramp| schedule.with_ramp(ramp));
        let run = Run::start(self, lesson, model, sampler, schedule, images)?;
        let trained = thread::scope(|scope| {
            let mut feed = Feed::start(scope, &batcher, config, schedule, run.progress.step);
            run.finish(&batcher, &mut feed)
        });
        // What a further step would have used again.
        release_buffers();
        trained
    }
}

#[cfg(test)]
mod tests;
