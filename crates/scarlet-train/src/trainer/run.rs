//! [`Run`]: a training as it goes on.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use burn::optim::GradientsAccumulator;
use burn::tensor::Tensor;
use scarlet::Scarlet;
use scarlet_data::dataset::{ImageSet, Labels, Source};
use scarlet_random::mask_seed;

use super::events::epochs_since_improvement;
use super::feed::Feed;
use super::folder::{BEST, LAST};
use super::layers::Depths;
use super::module_optimizer::ModuleOptimizer;
use super::pass::{Objective, Pass, Tally};
use super::progress::{Data, Progress};
use super::schedule::Schedule;
use super::teacher::Lesson;
use super::warning::Watch;
use super::workers::Workers;
use super::{Control, Event, Trainable, Trained, Trainer, average, optimizer};
use crate::TrainError;
use crate::batch::Batcher;
use crate::event_log::EventLog;
use crate::measure::calibration;

/// A run as it goes on.
pub(super) struct Run<'a, M: Trainable> {
    pub(super) trainer: Trainer<'a>,
    pub(super) objective: Objective,
    pub(super) workers: Workers,
    pub(super) schedule: Schedule,
    pub(super) model: M,
    pub(super) average: Option<M>,
    pub(super) best: Option<M>,
    pub(super) optimizer: ModuleOptimizer,
    /// What batch normalisation is measured on before a network is judged or written for use.
    pub(super) calibration: Option<ImageSet>,
    pub(super) watch: Option<Watch>,
    pub(super) progress: Progress<M::Sampler>,
    pub(super) log: Option<EventLog>,
    pub(super) stopped: bool,
    pub(super) last_checkpoint: Option<PathBuf>,
    pub(super) last_saved: Instant,
}

impl<'a, M: Trainable> Run<'a, M> {
    pub(super) fn start(
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
                    let weights = match images.labels() {
                        Labels::One(labels) => balance.weights(labels, images.classes().len()),
                        Labels::Several(_) => None,
                    };
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

    pub(super) fn finish(
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

    /// Whether all steps are done, or so many epochs went by without a better one that there is
    /// no patience left.
    pub(super) fn is_done(&self) -> bool {
        let epochs = &self.progress.epochs;
        let in_vain = || {
            let extended = epochs.len() - self.progress.extended_after;
            epochs_since_improvement(epochs).min(extended)
        };
        let patience = self.progress.config.patience;
        self.progress.step == self.schedule.steps
            || patience.is_some_and(|patience| in_vain() >= patience)
    }

    pub(super) fn report(&mut self, event: Event) -> Result<(), TrainError> {
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
