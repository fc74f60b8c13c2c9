//! [`Run`]: what all stages work with.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::tensor::Device;
use scarlet_arch::SearchSpace;
use scarlet_train::error::require;
use scarlet_train::latency::LatencyTable;
use scarlet_train::limits::check_batch_memory;
use scarlet_train::trainer::{check_teacher, is_over};
use scarlet_train::{Checkpoints, Control, Event};

use super::budget::check_bounds;
use super::plan::check_budget;
use super::timing::{self, StageEvent};
use super::whole::{Whole, refuse_with_whole};
use super::{Exported, RunConfig, RunData, RunEvent, RunObserver, Stage};
use crate::RunError;
use crate::RunFolder;
use crate::class_order::check_class_order;
use crate::files;

/// What a published supernet needs.
const FITTED: &str = "at least 2 where networks are taken out of a published supernet, whose batch \
                      normalisation is measured and classifiers are fitted on these images";

/// A run: its settings, its images and its search space. See the [module](super).
pub struct Run {
    pub(super) config: RunConfig,
    pub(super) data: RunData,
    pub(super) space: SearchSpace,
    /// What the space's networks are parts of, if they are.
    pub(super) whole: Option<Whole>,
    /// By which candidates have a latency.
    pub(super) latency_table: Option<LatencyTable>,
    pub(super) device: Device,
    pub(super) workers: usize,
    pub(super) checkpoint_every: Option<Duration>,
    /// What candidates are measured on.
    pub(super) evaluators: Vec<Device>,
    pub(super) observer: Arc<dyn RunObserver>,
}

impl Run {
    /// Reads the images, builds the search space, and checks what can be checked beforehand.
    /// `progress` is told of every photograph and how many there are.
    ///
    /// # Errors
    ///
    /// When the images cannot be used, the space cannot be built, or a setting of training is out
    /// of range. Those of the search are [checked apart](Self::check_search): a supernet can be
    /// trained without them.
    pub fn prepare(
        config: RunConfig,
        device: Device,
        progress: impl Fn(usize) + Sync,
    ) -> Result<Self, RunError> {
        config.check_training()?;
        let data = config.data.read(&config.needs()?, progress)?;
        let whole = config.space.whole(&data.input, data.train.classes())?;
        let space = match &whole {
            Some(whole) => whole.space(&config.space)?,
            None => config.space.build(&data.input)?,
        };
        let latency_table = config.search.latency_table.as_ref();
        let open = |path| LatencyTable::open_for(path, &space);
        let latency_table = latency_table.map(open).transpose()?;
        if let Some(table) = &latency_table {
            refuse_with_whole(&config)?;
            table.check_space(&space)?;
            table.check_numbers(config.search.deploy)?;
        }
        for (setting, batch_size, images) in [
            (
                "supernet.batch_size",
                config.supernet.recipe.batch_size,
                data.train.len(),
            ),
            (
                "whole.batch_size",
                match &whole {
                    Some(_) => config.whole.recipe.batch_size,
                    None => 1,
                },
                data.train.len(),
            ),
            (
                "train.batch_size",
                config.train.recipe.batch_size,
                data.all.len(),
            ),
            (
                "search.batch_size",
                config.search.batch_size,
                data.holdout.len(),
            ),
        ] {
            check_batch_memory(setting, batch_size, images, space.template())?;
        }
        Ok(Self {
            config,
            data,
            space,
            whole,
            latency_table,
            evaluators: vec![device.clone()],
            device,
            workers: 1,
            checkpoint_every: None,
            observer: Arc::new(|_: &RunEvent<'_>| Control::Continue),
        })
    }

    /// Checks the settings of the search and the choice, as [`finish`](Self::finish) and all that
    /// search do before they begin.
    ///
    /// # Errors
    ///
    /// When one is out of range, no network can keep the budget, or what is to be chosen does not
    /// exist.
    pub fn check_search(&self) -> Result<(), RunError> {
        let settings = &self.config.search;
        settings.check()?;
        if self.is_published() {
            let (setting, images) = ("search.calibration_images", settings.calibration_images);
            require(images > 1, setting, images, FITTED)?;
            let (setting, batch) = ("search.batch_size", settings.batch_size);
            require(batch > 1, setting, batch, FITTED)?;
        }
        if let (Some(table), Some(limit)) = (&self.latency_table, settings.latency_error) {
            table.check_error(limit)?;
        }
        self.check_measured()?;
        check_bounds(&settings.budget)?;
        check_budget(&self.space, self.latency_table.as_ref(), &settings.budget)?;
        self.check_budgets_together()?;
        self.search_config()?.validate()?;
        self.config.choose.network.named(&self.space)?;
        Ok(())
    }

    /// Checks the teachers of the trainings that are still to be done or ended: better now than
    /// after what comes before them. `folder` is the run's, `supernet` that of the run whose
    /// supernet is taken over, if one is.
    ///
    /// # Errors
    ///
    /// When one cannot be read, or was made for other images.
    pub fn check_teachers(&self, folder: &Path, supernet: Option<&Path>) -> Result<(), RunError> {
        let supernet = supernet.unwrap_or(folder);
        let whole = self.whole.as_ref().filter(|whole| !whole.is_trained());
        let whole = whole.map(|_| (supernet.join(files::WHOLE), &self.config.whole.recipe));
        for (training, recipe) in whole.into_iter().chain([
            (supernet.join(files::SUPERNET), &self.config.supernet.recipe),
            (folder.join(files::TRAINING), &self.config.train.recipe),
        ]) {
            if !is_over(&training)? {
                check_teacher(recipe, self.space.template(), &self.device)?;
                if let Some(teacher) = &recipe.teacher {
                    check_class_order(Path::new(teacher), self.data.all.classes())?;
                }
            }
        }
        Ok(())
    }

    /// Measures candidates with this many workers side by side, which changes no result.
    pub fn with_workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// How many candidates are measured at a time: each device has one.
    pub(super) fn side_by_side(&self) -> usize {
        self.workers.max(self.evaluators.len())
    }

    /// Saves a checkpoint of what is trained when this much time has passed, in addition to one
    /// after every epoch, which changes no result. Default: as [`Checkpoints::new`].
    pub fn with_checkpoint_every(mut self, time: Option<Duration>) -> Self {
        self.checkpoint_every = time;
        self
    }

    /// The checkpoints of a stage that trains.
    pub(super) fn checkpoints(&self, folder: &RunFolder, part: &str) -> Checkpoints {
        let checkpoints = Checkpoints::new(folder.file(part)).resuming();
        match self.checkpoint_every {
            Some(time) => checkpoints.after(time),
            None => checkpoints,
        }
    }

    /// Measures candidates on these devices, instead of on the one that is trained on. Devices of
    /// different kinds may differ in an accuracy's last image, as roundings do; which of them
    /// measures a candidate depends on its genome and this list alone.
    pub fn with_evaluators(mut self, devices: Vec<Device>) -> Self {
        self.evaluators = devices;
        self
    }

    /// Reports everything that happens, and can be stopped.
    pub fn with_observer(mut self, observer: impl RunObserver + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// The settings.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// The images.
    pub fn data(&self) -> &RunData {
        &self.data
    }

    /// The networks to choose from.
    pub fn space(&self) -> &SearchSpace {
        &self.space
    }

    /// The whole road, from where the folder says it stands.
    ///
    /// # Errors
    ///
    /// Those of the stages.
    pub fn finish(&self, folder: &RunFolder) -> Result<Exported, RunError> {
        self.finish_stage(folder, Stage::Export)?;
        folder.read_json(files::RESULT)
    }

    /// The road up to the end of a stage, from where the folder says it stands.
    ///
    /// # Errors
    ///
    /// Those of the stages.
    pub fn finish_stage(&self, folder: &RunFolder, last: Stage) -> Result<(), RunError> {
        self.check_search()?;
        self.check_teachers(folder.path(), None)?;
        // A published supernet's candidates are judged without it.
        let mut teacher = match self.is_published() && last != Stage::Whole {
            true => None,
            false => self.train_whole(folder)?,
        };
        if last == Stage::Whole {
            return Ok(());
        }
        let ancestor = self.train_supernet(folder, teacher.as_ref())?;
        if last == Stage::Supernet {
            return Ok(());
        }
        let found = self.search(folder, &ancestor)?;
        if last == Stage::Search {
            return Ok(());
        }
        let (choice, extracted) = self.choose(folder, &ancestor, &found)?;
        drop(ancestor);
        if last == Stage::Choose {
            return Ok(());
        }
        if self.is_published() {
            teacher = self.train_whole(folder)?;
        }
        let network = self.train_network(folder, &extracted, teacher.as_ref())?;
        if last == Stage::Export {
            self.export(folder, &choice, &network, &found, teacher.as_ref())?;
        }
        Ok(())
    }

    pub(super) fn training_device(&self) -> Device {
        self.device.clone().autodiff()
    }

    /// Does a stage, and writes down when it began and ended.
    pub(super) fn stage<T>(
        &self,
        folder: &RunFolder,
        stage: Stage,
        work: impl FnOnce() -> Result<T, RunError>,
    ) -> Result<T, RunError> {
        let control = self.report(&RunEvent::Started(stage));
        self.unless_stopped(stage, control == Control::Continue)?;
        let mut log = timing::open(folder)?;
        log.append(&StageEvent::Started { stage })?;
        let begin = Instant::now();
        let result = work();
        let ended = log.append(&StageEvent::Ended {
            stage,
            seconds: begin.elapsed().as_secs_f64(),
            completed: result.is_ok(),
        });
        // What went wrong in the stage is worth telling first.
        let value = result?;
        ended?;
        Ok(value)
    }

    pub(super) fn report(&self, event: &RunEvent<'_>) -> Control {
        self.observer.event(event)
    }

    /// Reports a file of the folder that was written.
    pub(super) fn wrote(
        &self,
        stage: Stage,
        folder: &RunFolder,
        name: &str,
    ) -> Result<(), RunError> {
        let control = self.report(&RunEvent::Wrote(&folder.file(name)));
        self.unless_stopped(stage, control == Control::Continue)
    }

    pub(super) fn unless_stopped(&self, stage: Stage, completed: bool) -> Result<(), RunError> {
        match completed {
            true => Ok(()),
            false => Err(RunError::Interrupted { stage }),
        }
    }

    pub(super) fn training_observer(&self, stage: Stage) -> impl FnMut(&Event) -> Control {
        move |event| self.report(&RunEvent::Training { stage, event })
    }
}
