//! [`Work`]: what the units of a study are made of, and how each is done.

use std::path::PathBuf;

use burn::module::Module;
use burn::tensor::Device;
use scarlet::{Scarlet, ScarletConfig};
use scarlet_arch::{Architecture, Cost, Genome, Skip};
use scarlet_data::dataset::{Images, TrainTest};
use scarlet_random::{Purpose, Random, weights_seed};
use scarlet_train::supernet::path_architecture;
use scarlet_train::{
    Checkpoints, EpochRecord, Event, PathSampler, Supernet, SupernetConfig, TrainConfig, Trainer,
    measure, recalibrate,
};

use super::{
    OneShot, StandaloneRecord, StudyConfig, StudyEvent, StudyObserver, SupernetRecord, Variant,
    similarity,
};
use crate::RunError;

/// Images whose features are compared.
const PROBE_IMAGES: usize = 64;

/// Everything that units of work need but a folder.
pub(super) struct Work {
    pub(super) config: StudyConfig,
    pub(super) genomes: Vec<Genome>,
    /// As the networks read them.
    pub(super) data: TrainTest,
    device: Device,
}

impl Work {
    /// Of valid settings, and the images of their source.
    pub(super) fn new(
        config: StudyConfig,
        data: &TrainTest,
        device: &Device,
    ) -> Result<Self, RunError> {
        Ok(Self {
            genomes: config.genomes()?,
            data: config.fitted(data)?,
            config,
            device: device.clone(),
        })
    }

    /// A supernet with random weights, what draws its paths, and how it is trained.
    pub(super) fn new_supernet(
        &self,
        variant: Variant,
        seed: u64,
    ) -> Result<(Supernet, PathSampler, TrainConfig), RunError> {
        let config = &self.config;
        let space = config.space.clone().with_skip(variant.skip())?;
        let sampler = PathSampler::new(variant.sampling, &space, seed);
        let supernet = SupernetConfig::new(space)
            .with_stabilizer(config.stabilizer)
            .try_init(seed, &self.device)?;
        let training = TrainConfig {
            seed,
            ..config.supernet.clone()
        };
        Ok((supernet, sampler, training))
    }

    /// Trains a supernet, with checkpoints in a folder, and has it judge the networks; `None` when
    /// the observer stopped it.
    pub(super) fn supernet(
        &self,
        variant: Variant,
        seed: u64,
        checkpoints: PathBuf,
        observer: &mut StudyObserver<'_>,
    ) -> Result<Option<SupernetRecord>, RunError> {
        let (supernet, sampler, training) = self.new_supernet(variant, seed)?;
        let trained = Trainer::new(training)
            .with_checkpoints(Checkpoints::new(checkpoints).resuming())
            .with_observer(|event: &Event| observer(&StudyEvent::Training(event)))
            .train(supernet, sampler, &self.data.train)?;
        if !trained.completed {
            return Ok(None);
        }
        let epochs = trained.epochs.clone();
        let supernet = trained.into_best().valid();
        self.judge(&supernet, variant, seed, epochs).map(Some)
    }

    fn judge(
        &self,
        supernet: &Supernet,
        variant: Variant,
        seed: u64,
        epochs: Vec<EpochRecord>,
    ) -> Result<SupernetRecord, RunError> {
        let calibration = self.calibration();
        let scores = self.genomes.iter();
        let scores = scores.map(|genome| self.score(supernet, genome, &calibration));
        let test = &self.data.test;
        let probe: Vec<usize> = (0..test.len().min(PROBE_IMAGES)).collect();
        Ok(SupernetRecord {
            variant,
            seed,
            epochs,
            scores: scores.collect::<Result<_, _>>()?,
            similarity: similarity::similarity(
                supernet,
                &self.config,
                &calibration,
                &test.select(&probe),
            )?,
        })
    }

    /// The training images that batch normalisation is measured again on.
    pub(super) fn calibration(&self) -> Images {
        let evaluator = &self.config.evaluator;
        let train = &self.data.train;
        let stream = Random::new(evaluator.seed, Purpose::Calibration, 0);
        let mut chosen = { stream }.permutation(train.len());
        chosen.truncate(evaluator.calibration_images);
        train.select(&chosen)
    }

    /// What a supernet says about a network.
    pub(super) fn score(
        &self,
        supernet: &Supernet,
        genome: &Genome,
        calibration: &Images,
    ) -> Result<OneShot, RunError> {
        let (batch_size, test) = (self.config.evaluator.batch_size, &self.data.test);
        let path = supernet.path(genome)?;
        let recalibrated = recalibrate(&path, calibration, batch_size)?;
        Ok(OneShot {
            genome: genome.clone(),
            recalibrated: measure(&recalibrated, test, batch_size)?.accuracy(),
            as_trained: measure(&path, test, batch_size)?.accuracy(),
        })
    }

    /// A network on its own. As in a supernet without stabilizers, what a skip that changes the
    /// shape does instead stays a layer of its own.
    pub(super) fn architecture(&self, genome: &Genome) -> Result<Architecture, RunError> {
        let space = self.config.space.clone().with_skip(Skip::Identity)?;
        Ok(path_architecture(&space, genome)?)
    }

    /// A network on its own, with random weights.
    pub(super) fn new_network(&self, genome: &Genome) -> Result<Scarlet, RunError> {
        let architecture = self.architecture(genome)?;
        let seed = weights_seed(self.config.standalone.seed, 0);
        Ok(ScarletConfig::from(architecture).try_init_seeded(seed, &self.device)?)
    }

    /// Trains a network on its own, with checkpoints in a folder; `None` when the observer stopped
    /// it.
    pub(super) fn network(
        &self,
        genome: &Genome,
        checkpoints: PathBuf,
        observer: &mut StudyObserver<'_>,
    ) -> Result<Option<StandaloneRecord>, RunError> {
        let config = &self.config;
        let network = self.new_network(genome)?;
        let architecture = network.architecture();
        let resolution = architecture.preprocessing.resolution;
        let mult_adds = Cost::of(architecture, resolution)?.mult_adds;
        let trained = Trainer::new(config.standalone.clone())
            .with_checkpoints(Checkpoints::new(checkpoints).resuming())
            .with_observer(|event: &Event| observer(&StudyEvent::Training(event)))
            .train(network, (), &self.data.train)?;
        if !trained.completed {
            return Ok(None);
        }
        let network = trained.into_best();
        let batch_size = config.evaluator.batch_size;
        Ok(Some(StandaloneRecord {
            genome: genome.clone(),
            accuracy: measure(&network, &self.data.test, batch_size)?.accuracy(),
            mult_adds,
        }))
    }
}
