//! [`Trainer`]: the training loop, for supernets and for single networks.

mod average;
mod balance;
mod checkpoint;
mod config;
mod events;
mod feed;
mod layers;
mod module_optimizer;
mod old_names;
mod optimizer;
mod pass;
mod schedule;
mod teacher;
mod timing;
mod trainable;
mod warning;
mod workers;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use burn::module::Module;
use burn::optim::GradientsAccumulator;
use burn::tensor::Tensor;
use scarlet::kernels::training::release_buffers;
use scarlet::weights::Precision;
use scarlet::{Accuracy, Scarlet};
use scarlet_data::Augment;
use scarlet_data::dataset::{ImageSet, Source};
use scarlet_random::mask_seed;
use serde::{Deserialize, Serialize};

use self::checkpoint::{Checkpoint, Failed, Restored};
use self::events::epochs_since_improvement;
use self::feed::Feed;
use self::layers::Depths;
use self::module_optimizer::ModuleOptimizer;
use self::pass::{Objective, Pass, Tally};
use self::schedule::Schedule;
use self::teacher::Lesson;
use self::warning::Watch;
use self::workers::Workers;
use crate::TrainError;
use crate::batch::Batcher;
use crate::error::require;
use crate::event_log::EventLog;
use crate::fingerprint::Fingerprint;
use crate::measure::{Measurement, calibration, images_of_mean, judge, measure};

pub use self::balance::Balance;
pub use self::balance::Order;
pub use self::checkpoint::load_checkpoint;
pub use self::config::{Optimizer, TrainConfig};
pub use self::events::{Control, EpochRecord, Event, Observer};
pub use self::teacher::check_teacher;
pub use self::teacher::{Distillation, Teacher};
pub use self::timing::time_steps;
pub use self::trainable::Trainable;
pub use self::warning::Warning;

/// Names of the files with weights for use.
const BEST: &str = "best.safetensors";
const LAST: &str = "last.safetensors";

/// Where and when a run saves what it needs to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoints {
    /// The run's folder, made if need be. It gets `checkpoint.safetensors` and `events.jsonl`;
    /// of a network also `last.safetensors`, its weights at the end of the run, and with
    /// validation images `best.safetensors`, those of its [best](EpochRecord::best) epoch, both as
    /// [`Scarlet::open`] reads them.
    pub folder: PathBuf,
    /// Save behind every so many epochs; 0 for never.
    pub every_epochs: usize,
    /// Save when so much time has gone by since the last checkpoint.
    pub every: Option<Duration>,
    /// Go on from the folder's checkpoint, if it has one. Without this, a folder that has one is
    /// refused.
    pub resume: bool,
    /// Go on from a checkpoint of a run of more or fewer epochs too. The learning rate then follows
    /// the schedule of the new number of epochs from where the run is. Without this, such a
    /// checkpoint is refused, as one with other settings is.
    pub other_epochs: bool,
}

impl Checkpoints {
    /// A checkpoint behind every epoch and every 5 minutes.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            every_epochs: 1,
            every: Some(Duration::from_secs(300)),
            resume: false,
            other_epochs: false,
        }
    }

    /// The same, but when so much time has gone by since the last checkpoint.
    pub fn after(mut self, every: Duration) -> Self {
        self.every = Some(every);
        self
    }

    /// The same, going on from what the folder holds.
    pub fn resuming(mut self) -> Self {
        self.resume = true;
        self
    }

    /// The same, going on to another number of epochs.
    pub fn to_other_epochs(mut self) -> Self {
        self.other_epochs = true;
        self
    }

    fn file(&self) -> PathBuf {
        self.folder.join("checkpoint.safetensors")
    }
}

/// What came out of a run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Trained<M> {
    /// The network with the weights of the last step, ready to be trained on; Burn's `valid`
    /// makes it one for inference.
    pub model: M,
    /// The moving average of the weights, if it was asked for; in inference.
    pub average: Option<M>,
    /// The average where there is one, else the network of the last step; in inference, with the
    /// statistics that fit its weights ([`TrainConfig::calibration_images`]). This is what
    /// `last.safetensors` holds.
    pub last: M,
    /// The network (its average, where there is one) as it was behind the epoch with the best
    /// accuracy on the validation images, if there were any; in inference.
    pub best: Option<M>,
    /// Steps done.
    pub steps: u64,
    /// Whether the run is done, by all steps or by running out of patience; if not, an observer
    /// stopped it.
    pub completed: bool,
    /// What each epoch came to.
    pub epochs: Vec<EpochRecord>,
}

impl<M: Module> Trained<M> {
    /// The network to use, in inference: that of the best epoch where epochs were judged, else the
    /// [last](Self::last).
    pub fn into_best(self) -> M {
        self.best.unwrap_or(self.last)
    }
}

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

/// What happened in the training that a folder has a checkpoint of; nothing where it has none.
pub fn events_of(folder: &Path) -> Result<Vec<Event>, TrainError> {
    match Checkpoints::new(folder).file().exists() {
        true => EventLog::read(folder),
        false => Ok(Vec::new()),
    }
}

/// Whether the training that a folder has a checkpoint of is over.
pub fn is_over(folder: &Path) -> Result<bool, TrainError> {
    let done = |event: &Event| {
        matches!(
            event,
            Event::Finished {
                completed: true,
                ..
            }
        )
    };
    Ok(events_of(folder)?.iter().any(done))
}

/// Whole epochs that the training in a folder has saved; none where it has no checkpoint.
pub fn epochs_done(folder: &Path) -> Result<usize, TrainError> {
    #[derive(Deserialize)]
    struct Epochs {
        epochs: Vec<EpochRecord>,
    }
    let path = Checkpoints::new(folder).file();
    match path.exists() {
        true => Ok(Checkpoint::<Epochs>::open(&path)?.progress.epochs.len()),
        false => Ok(0),
    }
}

/// What a run has come to, besides weights.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Progress<S> {
    config: TrainConfig,
    images: usize,
    /// Which images these are; checkpoints of earlier versions do not say.
    #[serde(default)]
    data: Option<Data>,
    /// The sampler as the run began with it.
    first_sampler: serde_json::Value,
    /// Of the teacher's weights, if there is one.
    #[serde(default)]
    teacher: Option<String>,
    step: u64,
    sampler: S,
    /// Of the epoch that is going on.
    tally: Tally,
    epochs: Vec<EpochRecord>,
    /// Whole epochs that were done when the run was given another number of them: patience begins
    /// there.
    #[serde(default)]
    extended_after: usize,
}

/// What a run is trained on and judged by, so that it does not go on with something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Data {
    classes: Vec<String>,
    /// A hash of the training images and their labels.
    train: String,
    /// The same of the validation images, if there are any.
    validation: Option<String>,
}

impl Data {
    fn of(images: Source<'_>, validation: Option<Source<'_>>) -> Result<Self, TrainError> {
        let name = |images| Ok::<_, TrainError>(Fingerprint::default().files(images)?.finish());
        Ok(Self {
            classes: images.classes().to_vec(),
            train: name(images)?,
            validation: validation.map(name).transpose()?,
        })
    }

    /// Refuses to go on from a checkpoint with other images.
    fn check(&self, path: &Path, given: &Self) -> Result<(), TrainError> {
        if self.classes != given.classes {
            return Err(TrainError::SettingsChanged {
                path: path.to_owned(),
                setting: "classes".to_owned(),
                stored: self.classes.join(", "),
                given: given.classes.join(", "),
            });
        }
        let purpose = match (
            self.train == given.train,
            self.validation == given.validation,
        ) {
            (true, true) => return Ok(()),
            (false, _) => "train on",
            (true, false) => "judge by",
        };
        Err(TrainError::ImagesChanged {
            path: path.to_owned(),
            purpose,
        })
    }
}

/// How well a network knows the validation images.
struct Judged {
    total: Measurement,
    /// Where classes are balanced.
    by_class: Option<Accuracy>,
}

/// A run as it goes on.
struct Run<'a, M: Trainable> {
    trainer: Trainer<'a>,
    objective: Objective,
    workers: Workers,
    schedule: Schedule,
    model: M,
    average: Option<M>,
    best: Option<M>,
    optimizer: ModuleOptimizer,
    /// What batch normalisation is measured on before a network is judged or written for use.
    calibration: Option<ImageSet>,
    watch: Watch,
    progress: Progress<M::Sampler>,
    log: Option<EventLog>,
    stopped: bool,
    last_checkpoint: Option<PathBuf>,
    last_saved: Instant,
}

impl<'a, M: Trainable> Run<'a, M> {
    fn start(
        trainer: Trainer<'a>,
        lesson: Option<Lesson>,
        model: M,
        sampler: M::Sampler,
        schedule: Schedule,
        images: Source<'_>,
    ) -> Result<Self, TrainError> {
        let config = trainer.config.clone();
        let optimizer = optimizer::optimizer(&config);
        let data = match trainer.checkpoints {
            Some(_) => Some(Data::of(images, trainer.validation)?),
            None => None,
        };
        let progress = Progress {
            config,
            images: images.len(),
            data,
            first_sampler: serde_json::to_value(&sampler).unwrap_or_default(),
            teacher: lesson.as_ref().map(Lesson::fingerprint),
            step: 0,
            sampler,
            tally: Tally::default(),
            epochs: Vec::new(),
            extended_after: 0,
        };
        let judged = trainer.validation.filter(|_| model.as_network().is_some());
        let mut run = Self {
            calibration: model.as_network().and_then(|_| {
                let config = &progress.config;
                let images = calibration(images, config.calibration_images, config.seed)?;
                let side = model.template().preprocessing.resolution;
                Some(Source::from(&images).fitted(side, &mut None).to_set())
            }),
            watch: Watch::new(
                images,
                judged,
                schedule.warmup_steps(),
                schedule.steps,
                progress.config.balance,
            ),
            objective: Objective {
                label_smoothing: progress.config.label_smoothing,
                class_weights: {
                    let balance = progress.config.balance;
                    let weights = balance.weights(images.labels(), images.classes().len());
                    weights.map(|weights| Tensor::from_floats(weights.as_slice(), &model.device()))
                },
                lesson,
            },
            workers: Workers::new(
                schedule.passes,
                progress.config.batch_size.min(images.len()),
                model.template(),
                &model.device(),
            ),
            average: trainer.config.average_decay.map(|_| model.valid()),
            best: None,
            trainer,
            schedule,
            model,
            optimizer,
            progress,
            log: None,
            stopped: false,
            last_checkpoint: None,
            last_saved: Instant::now(),
        };
        if let Some(checkpoints) = run.trainer.checkpoints.clone() {
            fs::create_dir_all(&checkpoints.folder)
                .map_err(TrainError::write(&checkpoints.folder))?;
            let path = checkpoints.file();
            let mut extended = false;
            match path.try_exists().map_err(TrainError::read(&path))? {
                true if checkpoints.resume => (run, extended) = run.restore(&path)?,
                true => return Err(TrainError::Exists { path }),
                false => {}
            }
            let done = run.progress.step;
            let happened = |event: &Event| {
                let is_end = matches!(event, Event::Finished { .. });
                done > 0 && event.step() <= done && !(extended && is_end)
            };
            run.log = Some(EventLog::open(&checkpoints.folder, happened)?);
        }
        Ok(run)
    }

    /// Goes on from a checkpoint; also says whether it is one of another number of epochs.
    fn restore(mut self, path: &Path) -> Result<(Self, bool), TrainError> {
        let checkpoint = Checkpoint::<Progress<M::Sampler>>::open(path)?;
        let extended = self.is_extension_of(&checkpoint.progress)?;
        if !extended {
            same_settings(path, &checkpoint.progress.config, &self.progress.config)?;
        }
        let (stored, given) = (&checkpoint.progress, &self.progress);
        let name = |progress: &Progress<M::Sampler>| {
            let teacher = progress.teacher.clone();
            teacher.unwrap_or_else(|| "none".to_owned())
        };
        let others = [
            (
                "number of training images",
                stored.images.to_string(),
                given.images.to_string(),
            ),
            (
                "sampler",
                stored.first_sampler.to_string(),
                given.first_sampler.to_string(),
            ),
            ("teacher's weights", name(stored), name(given)),
        ];
        let gone = given.config.teacher.is_some() && self.objective.lesson.is_none();
        if gone && extended {
            // There is something left to learn after all.
            Teacher::of(&given.config, self.model.template(), &self.model.device())?;
        }
        for (setting, stored, given) in others {
            if stored != given && !(gone && setting == "teacher's weights") {
                return Err(TrainError::SettingsChanged {
                    path: path.to_owned(),
                    setting: setting.to_owned(),
                    stored,
                    given,
                });
            }
        }
        if let (Some(stored), Some(given)) = (&stored.data, &given.data) {
            stored.check(path, given)?;
        }
        // Of a checkpoint that does not say, the next one will.
        let data = self.progress.data.take();
        let device = self.model.device();
        let restored: Restored<M, _> =
            checkpoint.apply(path, self.model, self.optimizer, &device)?;
        (self.model, self.optimizer) = (restored.model, restored.optimizer);
        (self.average, self.best) = (restored.average, restored.best);
        self.progress = Progress {
            data,
            config: self.progress.config,
            ..restored.progress
        };
        if extended {
            self.progress.extended_after = self.progress.epochs.len();
        }
        self.last_checkpoint = Some(path.to_owned());
        Ok((self, extended))
    }

    /// Whether the settings differ from those of a checkpoint in the number of epochs only, where
    /// this is wanted.
    fn is_extension_of(&self, stored: &Progress<M::Sampler>) -> Result<bool, TrainError> {
        let given = &self.progress.config;
        let wanted = self.trainer.checkpoints.as_ref();
        let as_given = TrainConfig {
            epochs: given.epochs,
            ..stored.config.clone()
        };
        if stored.config.epochs == given.epochs
            || as_given != *given
            || !wanted.is_some_and(|checkpoints| checkpoints.other_epochs)
        {
            return Ok(false);
        }
        check_epochs_left(stored.epochs.len(), given.epochs)?;
        Ok(true)
    }

    fn finish(
        mut self,
        batcher: &Batcher<'_>,
        feed: &mut Feed<'_>,
    ) -> Result<Trained<M>, TrainError> {
        let steps = self.schedule.steps;
        self.report(Event::Started {
            step: self.progress.step,
            steps,
            images: self.progress.images,
        })?;
        let begin = Instant::now();
        let mut trained = 0;
        while !self.is_done() && !self.stopped {
            let step = self.progress.step;
            let epoch = self.schedule.epoch(step);
            let tally;
            (self, tally) = self.step(batcher, feed)?;
            trained += tally.images;
            let seconds = begin.elapsed().as_secs_f64();
            let images_per_second = trained as f64 / seconds.max(1e-9);
            let left = (steps - step - 1) as f64 * tally.images as f64;
            self.report_step(
                Event::Step {
                    step: step + 1,
                    steps,
                    epoch: epoch + 1,
                    loss: tally.mean_loss(),
                    accuracy: tally.accuracy(),
                    learning_rate: self.schedule.learning_rate(step),
                    images_per_second,
                    seconds_left: left / images_per_second,
                },
                self.schedule.is_milestone(step),
            )?;
            if self.schedule.ends_epoch(step) {
                self.end_epoch(epoch)?;
            }
            if self.is_time_to_save() {
                self.save()?;
            }
        }
        let completed = self.is_done();
        // Also where the file has gone since it was written.
        if let Some(best) = &self.best {
            self.export(BEST, best)?;
        }
        let last = self.for_use()?;
        self.export(LAST, &last)?;
        self.report(Event::Finished {
            step: self.progress.step,
            completed,
        })?;
        Ok(Trained {
            model: self.model,
            average: self.average,
            last,
            best: self.best,
            steps: self.progress.step,
            completed,
            epochs: self.progress.epochs,
        })
    }

    /// One update of the weights: as many forward and backward passes as the sampler draws
    /// networks, each on images of its own, their gradients added.
    fn step(
        mut self,
        batcher: &Batcher<'_>,
        feed: &mut Feed<'_>,
    ) -> Result<(Self, Tally), TrainError> {
        let step = self.progress.step;
        let seed = self.progress.config.seed;
        let networks = self.model.draw(&mut self.progress.sampler)?;
        let mut passes = Vec::with_capacity(networks.len());
        for (pass, mut network) in networks.into_iter().enumerate() {
            if self.schedule.trains_head_alone(step) {
                network = network.freeze_features();
            }
            passes.push(Pass {
                network,
                batch: feed.next(step + 1)?,
                masks: mask_seed(seed, step, pass),
            });
        }
        let mut gradients = GradientsAccumulator::<Scarlet>::new();
        let mut tally = Tally::default();
        for learnt in self.objective.learn(passes, batcher, &self.workers)? {
            tally.add(learnt.tally);
            let whole = self.model.whole_gradients(learnt.gradients);
            gradients.accumulate(&learnt.network, whole);
        }
        if !tally.loss.is_finite() {
            return Err(TrainError::NotFinite {
                step: step + 1,
                loss: tally.mean_loss(),
                checkpoint: self.last_checkpoint,
            });
        }
        let mut gradients = gradients.grads();
        if let Some(limit) = self.progress.config.clip_norm {
            optimizer::clip_norm(&self.model, &mut gradients, limit);
        }
        let rate = self.schedule.learning_rate(step);
        self.model = match (self.progress.config.layer_decay, self.model.as_network()) {
            (Some(decay), Some(network)) => {
                let depths = Depths::of(network);
                depths.step(&mut self.optimizer, rate, decay, self.model, gradients)
            }
            _ => self.optimizer.step(rate, self.model, gradients),
        };
        if let (Some(average), Some(decay)) =
            (self.average.take(), self.progress.config.average_decay)
        {
            let decay = average::decay_at(decay, step);
            self.average = Some(average::update(average, &self.model, decay));
        }
        self.progress.step += 1;
        self.progress.tally.add(tally);
        Ok((self, tally))
    }

    /// What is judged and written for use: the average where there is one, else the network, with
    /// statistics that fit the weights.
    fn for_use(&self) -> Result<M, TrainError> {
        let network = self.average.as_ref().unwrap_or(&self.model);
        match &self.calibration {
            Some(images) => network.recalibrated(images, self.progress.config.batch_size),
            // `valid` parts the running statistics from those that go on changing.
            None => Ok(network.valid()),
        }
    }

    /// The network for use and how well it knows the validation images, where there are any.
    fn judge(&self) -> Result<Option<(M, Judged)>, TrainError> {
        let (Some(images), Some(_)) = (self.trainer.validation, self.model.as_network()) else {
            return Ok(None);
        };
        let for_use = self.for_use()?;
        let Some(network) = for_use.as_network() else {
            return Ok(None);
        };
        let batch_size = self.progress.config.batch_size;
        let judged = match self.progress.config.balance.is_set() {
            false => Judged {
                total: measure(network, images, batch_size)?,
                by_class: None,
            },
            true => {
                let (total, evidence) = judge(network, images, batch_size)?;
                Judged {
                    total,
                    by_class: Some(evidence.accuracy()),
                }
            }
        };
        Ok(Some((for_use, judged)))
    }

    fn end_epoch(&mut self, epoch: u64) -> Result<(), TrainError> {
        // Nothing can be said about a network with such weights.
        let network = self.average.as_ref().unwrap_or(&self.model);
        if let Some(weight) = checkpoint::first_not_finite(network) {
            return Err(self.weight_not_finite(weight));
        }
        let judged = self.judge()?;
        let validation = judged.as_ref().map(|(_, judged)| judged.total);
        let by_class = judged.as_ref().and_then(|(_, it)| it.by_class.as_ref());
        let tally = std::mem::take(&mut self.progress.tally);
        let mut record = EpochRecord {
            epoch: epoch + 1,
            step: self.progress.step,
            loss: tally.mean_loss(),
            accuracy: tally.accuracy(),
            validation_accuracy: validation.map(|now| now.accuracy()),
            validation_class_accuracy: by_class.map(Accuracy::mean_class_top1),
            // JSON has no other numbers, and a resumed run must know the same.
            validation_loss: validation.map(|now| now.loss).filter(|it| it.is_finite()),
            best: false,
        };
        if let Some((network, judged)) = judged {
            let images = match &judged.by_class {
                Some(classes) => images_of_mean(classes.classes().map(|(_, it)| it.images)),
                None => judged.total.images as f64,
            };
            record.best = record.is_best_of(&self.progress.epochs, images);
            if record.best {
                self.export(BEST, &network)?;
                self.best = Some(network);
            }
        }
        self.progress.epochs.push(record);
        self.report(Event::Epoch(record))?;
        for warning in self.watch.new_warnings(&self.progress.epochs) {
            let step = self.progress.step;
            self.report(Event::Warning { step, warning })?;
        }
        Ok(())
    }

    /// Whether all steps are done, or so many epochs went by without a better one that there is
    /// no patience left.
    fn is_done(&self) -> bool {
        let epochs = &self.progress.epochs;
        let in_vain = || {
            let extended = epochs.len() - self.progress.extended_after;
            epochs_since_improvement(epochs).min(extended)
        };
        let patience = self.progress.config.patience;
        self.progress.step == self.schedule.steps
            || patience.is_some_and(|patience| in_vain() >= patience)
    }

    /// Writes a network's weights for use into the run's folder, if there is one.
    fn export(&self, name: &str, model: &M) -> Result<(), TrainError> {
        if let (Some(checkpoints), Some(network)) = (&self.trainer.checkpoints, model.as_network())
        {
            network.save(checkpoints.folder.join(name), Precision::F32)?;
        }
        Ok(())
    }

    fn is_time_to_save(&self) -> bool {
        let Some(checkpoints) = &self.trainer.checkpoints else {
            return false;
        };
        let step = self.progress.step;
        let every = checkpoints.every_epochs as u64;
        let epoch_is_due = every > 0
            && self.schedule.ends_epoch(step - 1)
            && (self.schedule.epoch(step - 1) + 1).is_multiple_of(every);
        let time_is_due = checkpoints
            .every
            .is_some_and(|every| self.last_saved.elapsed() >= every);
        epoch_is_due || time_is_due || self.stopped || self.is_done()
    }

    fn save(&mut self) -> Result<(), TrainError> {
        let Some(checkpoints) = &self.trainer.checkpoints else {
            return Ok(());
        };
        let path = checkpoints.file();
        let saved = checkpoint::save(
            &path,
            &self.model,
            self.average.as_ref(),
            self.best.as_ref(),
            &self.optimizer,
            &self.progress,
        );
        saved.map_err(|failed| match failed {
            Failed::NotFinite(weight) => self.weight_not_finite(weight),
            Failed::Encode(problem) => TrainError::Checkpoint {
                path: path.clone(),
                problem,
            },
            Failed::Write(source) => TrainError::Write {
                path: path.clone(),
                source,
            },
        })?;
        self.last_checkpoint = Some(path.clone());
        self.last_saved = Instant::now();
        self.report(Event::Checkpoint {
            step: self.progress.step,
            path,
        })
    }

    fn weight_not_finite(&self, weight: String) -> TrainError {
        TrainError::WeightNotFinite {
            step: self.progress.step,
            weight,
            checkpoint: self.last_checkpoint.clone(),
        }
    }

    fn report(&mut self, event: Event) -> Result<(), TrainError> {
        self.report_step(event, true)
    }

    fn report_step(&mut self, event: Event, logged: bool) -> Result<(), TrainError> {
        if let Some(log) = self.log.as_mut().filter(|_| logged) {
            log.append(&event)?;
        }
        if let Some(observer) = &mut self.trainer.observer
            && observer.event(&event) == Control::Stop
        {
            self.stopped = true;
        }
        Ok(())
    }
}

/// Refuses to go on to a number of epochs that is reached already.
pub fn check_epochs_left(done: usize, asked: usize) -> Result<(), TrainError> {
    match asked > done {
        true => Ok(()),
        false => Err(TrainError::EpochsDone { done, asked }),
    }
}

/// Refuses to go on with other settings, by the name of the first that differs.
fn same_settings(path: &Path, stored: &TrainConfig, given: &TrainConfig) -> Result<(), TrainError> {
    if stored == given {
        return Ok(());
    }
    let fields = |config: &TrainConfig| match serde_json::to_value(config) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (stored, given) = (fields(stored), fields(given));
    let changed = stored
        .iter()
        .find(|(name, value)| given.get(*name) != Some(*value));
    let (setting, stored) = match changed {
        Some((name, value)) => (name.clone(), value.to_string()),
        None => ("configuration".to_owned(), "another".to_owned()),
    };
    let given = given
        .get(&setting)
        .map_or("another".to_owned(), ToString::to_string);
    Err(TrainError::SettingsChanged {
        path: path.to_owned(),
        setting,
        stored,
        given,
    })
}

#[cfg(test)]
mod tests;
