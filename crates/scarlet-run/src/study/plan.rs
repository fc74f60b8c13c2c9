//! [`StudyPlan`]: what a study has yet to do, and how long that will take.

use std::path::Path;
use std::time::{Duration, Instant};

use burn::module::Module;
use burn::tensor::Device;
use scarlet_arch::Genome;
use scarlet_data::dataset::TrainTest;
use scarlet_train::trainer::time_steps;
use scarlet_train::{measure, recalibrate};
use serde::Serialize;

use super::settings::check_settings;
use super::work::Work;
use super::{Question, Study, StudyConfig, Variant, is_done, network_name, supernet_name};
use crate::RunError;
use crate::pipeline::PricedNetwork;

/// Passes of a training that are timed.
const PASSES: u64 = 10;

/// What a study has yet to do for a [`Question`], and how long a few steps let expect.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct StudyPlan {
    /// Number of networks in the space.
    pub space: String,
    /// Layers of each.
    pub layers: usize,
    /// Choices of each layer, with stabilizers for skips.
    pub choices: Vec<String>,
    /// Channels, height and width of the images.
    pub input: [usize; 3],
    /// Their classes.
    pub classes: usize,
    /// Images that everything is trained on.
    pub train_images: usize,
    /// Images that everything is measured on.
    pub test_images: usize,
    /// Of the networks that are compared, that of least mult-adds.
    pub cheapest: PricedNetwork,
    /// That of most mult-adds.
    pub dearest: PricedNetwork,
    /// How many networks are compared.
    pub networks: usize,
    /// Supernets.
    pub supernets: Trainings,
    /// Networks on their own.
    pub standalone: Trainings,
}

/// Trainings of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct Trainings {
    /// How many the question needs.
    pub total: usize,
    /// How many of them are not done.
    pub left: usize,
    /// Updates of those together.
    pub steps: u64,
    /// How long they will take, with what is measured by them.
    pub seconds: f64,
}

impl StudyPlan {
    /// Looks at what the study of a folder, which need not exist, has done, and times a few steps
    /// of what is left, on an autodiff device. Nothing is written.
    ///
    /// # Errors
    ///
    /// As [`Study::open`], and when a step fails.
    pub fn of(
        folder: impl AsRef<Path>,
        question: Question,
        config: StudyConfig,
        data: &TrainTest,
        device: &Device,
    ) -> Result<Self, RunError> {
        let folder = folder.as_ref();
        config.validate()?;
        if let Some(stored) = Study::stored_config(folder)? {
            check_settings(folder, &stored, &config)?;
        }
        let work = Work::new(config, data, device)?;
        let priced = work.priced()?;
        let (space, train) = (&work.config.space, &work.data.train);
        Ok(Self {
            space: space.size_exact(),
            layers: space.layers(),
            choices: space.choices(0).iter().map(ToString::to_string).collect(),
            input: train.shape(),
            classes: train.classes().len(),
            train_images: train.len(),
            test_images: work.data.test.len(),
            networks: priced.len(),
            supernets: work.supernets_left(folder, question)?,
            standalone: work.networks_left(folder, question)?,
            cheapest: priced[0].clone(),
            dearest: priced[priced.len() - 1].clone(),
        })
    }

    /// How long all will take.
    pub fn seconds(&self) -> f64 {
        self.supernets.seconds + self.standalone.seconds
    }
}

impl Work {
    /// What the networks cost, the cheapest first.
    fn priced(&self) -> Result<Vec<PricedNetwork>, RunError> {
        let mut priced = Vec::with_capacity(self.genomes.len());
        for genome in &self.genomes {
            let network = self.architecture(genome)?;
            priced.push(PricedNetwork::of(&network, genome.clone())?);
        }
        priced.sort_by_key(|network| network.mult_adds);
        Ok(priced)
    }

    fn supernets_left(&self, folder: &Path, question: Question) -> Result<Trainings, RunError> {
        let seeds = &self.config.seeds;
        let mut trainings = Trainings::default();
        for &variant in question.variants() {
            let left = seeds.iter().copied();
            let left: Vec<u64> = left
                .filter(|&seed| !is_done(folder, &supernet_name(variant, seed)))
                .collect();
            trainings.total += seeds.len();
            trainings.left += left.len();
            if let Some(&seed) = left.first() {
                let (steps, each) = self.time_supernet(variant, seed)?;
                trainings.steps += left.len() as u64 * steps;
                trainings.seconds += left.len() as f64 * each.as_secs_f64();
            }
        }
        Ok(trainings)
    }

    /// The steps of a supernet, and how long it takes to train it and to have it judge the
    /// networks.
    fn time_supernet(&self, variant: Variant, seed: u64) -> Result<(u64, Duration), RunError> {
        let (supernet, sampler, recipe) = self.new_supernet(variant, seed)?;
        let passes = sampler.paths_per_step();
        let images = &self.data.train;
        let steps = recipe.steps(images.len(), passes);
        let timed = PASSES.div_ceil(passes as u64);
        let (supernet, step) = time_steps(&recipe, supernet, None, sampler, images, timed)?;

        let supernet = supernet.valid();
        let calibration = self.calibration();
        let middle = self.middle()?;
        let batch_size = self.config.evaluator.batch_size;
        let score = time(|| self.score(&supernet, &middle, &calibration))?;
        let comparison = time(|| recalibrate(&supernet.path(&middle)?, &calibration, batch_size))?;
        let comparisons = self.config.paths * self.config.space.choices(0).len();
        let judging = score * self.genomes.len() as u32 + comparison * comparisons as u32;
        Ok((steps, step.mul_f64(steps as f64) + judging))
    }

    fn networks_left(&self, folder: &Path, question: Question) -> Result<Trainings, RunError> {
        if !question.trains_networks() {
            return Ok(Trainings::default());
        }
        let genomes = self.genomes.iter();
        let left = genomes.filter(|genome| !is_done(folder, &network_name(genome)));
        let left = left.count();
        let (recipe, images) = (&self.config.standalone, &self.data.train);
        let mut trainings = Trainings {
            total: self.genomes.len(),
            left,
            steps: left as u64 * recipe.steps(images.len(), 1),
            seconds: 0.0,
        };
        if left > 0 {
            let network = self.new_network(&self.middle()?)?;
            let (network, step) = time_steps(recipe, network, None, (), images, PASSES)?;
            let network = network.valid();
            let batch_size = self.config.evaluator.batch_size;
            let test = time(|| measure(&network, &self.data.test, batch_size))?;
            trainings.seconds =
                step.as_secs_f64() * trainings.steps as f64 + test.as_secs_f64() * left as f64;
        }
        Ok(trainings)
    }

    /// The network of middling cost, which stands for all where time is measured.
    fn middle(&self) -> Result<Genome, RunError> {
        let priced = self.priced()?;
        Ok(priced[priced.len() / 2].genome.clone())
    }
}

fn time<T, E: Into<RunError>>(work: impl FnOnce() -> Result<T, E>) -> Result<Duration, RunError> {
    let begin = Instant::now();
    work().map_err(Into::into)?;
    Ok(begin.elapsed())
}
