//! Studies of the method itself: what stabilizers and fair sampling change.
//!
//! A [`Study`] trains supernets of several [`Variant`]s and networks on their own, and keeps what
//! each came to in its folder, so that nothing is done twice: neither after an interruption, nor
//! by another question about the same supernets.
//!
//! | question | units | answer |
//! |---|---|---|
//! | how alike are the outputs of a layer's choices? | [`Study::supernets`] | [`SupernetRecord::similarity`] |
//! | how far do one-shot accuracies lie apart? | [`Study::supernets`] | [`spread`] |
//! | does a supernet rank networks as their own training does? | [`Study::supernets`], [`Study::standalone`] | [`ranking`] |
//!
//! Supernets and stand-alone networks are trained on the training images and measured on the test
//! images: a study chooses nothing by them. Which networks are compared, at which layer, and that
//! a skip is compared with blocks whose batch normalisation is measured anew, are choices of ours.

mod analysis;
mod config;
mod records;
mod similarity;

use std::fs;
use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use scarlet::ScarletConfig;
use scarlet_arch::{Cost, Genome, Skip};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dataset::TrainTest;
use crate::random::{Purpose, Stream};
use crate::run_folder::RunFolder;
use crate::supernet::{draw_weights, path_architecture};
use crate::{
    Checkpoints, Control, Event, PathSampler, Supernet, SupernetConfig, TrainConfig, TrainError,
    Trainer, measure, recalibrate,
};

pub use self::analysis::{RankingRow, Resolution, SpreadRow, ranking, spread};
pub use self::config::{StudyConfig, Variant};
pub use self::records::{OneShot, Similarity, StandaloneRecord, SupernetRecord};

/// Images whose features are compared.
const PROBE_IMAGES: usize = 64;

/// A study with its folder.
pub struct Study {
    folder: RunFolder,
    config: StudyConfig,
    genomes: Vec<Genome>,
    data: TrainTest,
    device: Device,
}

/// What a study is doing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StudyEvent<'a> {
    /// A unit of work begins.
    Unit {
        /// What it is, in words.
        name: &'a str,
        /// Units done of those that were asked for.
        done: usize,
        /// How many were asked for.
        total: usize,
    },
    /// The unit's training goes on.
    Training(&'a Event),
}

/// Watches a study, and stops it when the user asks for it.
pub type StudyObserver<'a> = dyn FnMut(&StudyEvent<'_>) -> Control + 'a;

impl Study {
    /// Begins a study in a folder, or goes on with the one that it holds, on an autodiff device.
    ///
    /// # Errors
    ///
    /// When a setting is out of its range, when the folder holds a study with other settings, and
    /// when it cannot be read or written.
    pub fn open(
        folder: impl AsRef<Path>,
        config: StudyConfig,
        data: TrainTest,
        device: &Device,
    ) -> Result<Self, TrainError> {
        config.validate()?;
        let folder = folder.as_ref();
        let folder = match Self::stored(folder)? {
            None => RunFolder::create(folder, &config)?,
            Some((opened, stored)) => {
                same_settings(&opened, &stored, &config)?;
                opened
            }
        };
        Ok(Self {
            genomes: config.genomes()?,
            folder,
            config,
            data,
            device: device.clone(),
        })
    }

    /// The settings of the study that a folder holds, if it holds one.
    ///
    /// # Errors
    ///
    /// When the folder holds something else, or another process is at work in it.
    pub fn stored_config(folder: impl AsRef<Path>) -> Result<Option<StudyConfig>, TrainError> {
        Ok(Self::stored(folder.as_ref())?.map(|(_, config)| config))
    }

    fn stored(folder: &Path) -> Result<Option<(RunFolder, StudyConfig)>, TrainError> {
        match RunFolder::open::<StudyConfig>(folder) {
            Ok(stored) => Ok(Some(stored)),
            Err(TrainError::NotARun { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The settings.
    pub fn config(&self) -> &StudyConfig {
        &self.config
    }

    /// The networks that are studied.
    pub fn genomes(&self) -> &[Genome] {
        &self.genomes
    }

    /// Number of images that everything is measured on.
    pub fn test_images(&self) -> usize {
        self.data.test.len()
    }

    /// The folder, for what is made of the records.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// The supernets of these variants, for every seed; those that are missing are trained.
    /// `None` when the observer stopped the study, which then goes on from there.
    ///
    /// # Errors
    ///
    /// As [`Trainer::train`], and when the folder cannot be read or written.
    pub fn supernets(
        &self,
        variants: &[Variant],
        observer: &mut StudyObserver<'_>,
    ) -> Result<Option<Vec<SupernetRecord>>, TrainError> {
        let total = variants.len() * self.config.seeds.len();
        let mut records = Vec::with_capacity(total);
        for &seed in &self.config.seeds {
            for &variant in variants {
                let (skip, sampling) = (variant.skip_name(), variant.sampling_name());
                let name = format!("supernet-{skip}-{sampling}-{seed}");
                let record = self.unit(&name, records.len(), total, observer, |observer| {
                    self.supernet(variant, seed, &name, observer)
                })?;
                match record {
                    Some(record) => records.push(record),
                    None => return Ok(None),
                }
            }
        }
        Ok(Some(records))
    }

    /// The networks of the study, each trained on its own; those that are missing are trained.
    /// `None` when the observer stopped the study, which then goes on from there.
    ///
    /// # Errors
    ///
    /// As [`Trainer::train`], and when the folder cannot be read or written.
    pub fn standalone(
        &self,
        observer: &mut StudyObserver<'_>,
    ) -> Result<Option<Vec<StandaloneRecord>>, TrainError> {
        let total = self.genomes.len();
        let mut records = Vec::with_capacity(total);
        for genome in &self.genomes {
            let name = format!("network-{genome}");
            let record = self.unit(&name, records.len(), total, observer, |observer| {
                self.network(genome, &name, observer)
            })?;
            match record {
                Some(record) => records.push(record),
                None => return Ok(None),
            }
        }
        Ok(Some(records))
    }

    /// A unit of work: out of its file, or done now and kept in it.
    fn unit<R: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        done: usize,
        total: usize,
        observer: &mut StudyObserver<'_>,
        work: impl FnOnce(&mut StudyObserver<'_>) -> Result<Option<R>, TrainError>,
    ) -> Result<Option<R>, TrainError> {
        let file = format!("{name}.json");
        if self.folder.file(&file).is_file() {
            return self.folder.read_json(&file).map(Some);
        }
        if observer(&StudyEvent::Unit { name, done, total }) == Control::Stop {
            return Ok(None);
        }
        let Some(record) = work(observer)? else {
            return Ok(None);
        };
        self.folder.write_json(&file, &record)?;
        // The record is what the checkpoints were for.
        let checkpoints = self.folder.file(name);
        if checkpoints.is_dir() {
            fs::remove_dir_all(&checkpoints).map_err(TrainError::write(&checkpoints))?;
        }
        Ok(Some(record))
    }

    fn supernet(
        &self,
        variant: Variant,
        seed: u64,
        name: &str,
        observer: &mut StudyObserver<'_>,
    ) -> Result<Option<SupernetRecord>, TrainError> {
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
        let trained = Trainer::new(training)
            .with_checkpoints(Checkpoints::new(self.folder.file(name)).resuming())
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
        epochs: Vec<crate::EpochRecord>,
    ) -> Result<SupernetRecord, TrainError> {
        let evaluator = &self.config.evaluator;
        let (train, test) = (&self.data.train, &self.data.test);
        let stream = Stream::new(evaluator.seed, Purpose::Calibration, 0);
        let mut chosen = { stream }.permutation(train.len());
        chosen.truncate(evaluator.calibration_images);
        let calibration = train.select(&chosen);
        let mut scores = Vec::with_capacity(self.genomes.len());
        for genome in &self.genomes {
            let path = supernet.path(genome)?;
            let recalibrated = recalibrate(&path, &calibration, evaluator.batch_size)?;
            scores.push(OneShot {
                genome: genome.clone(),
                recalibrated: measure(&recalibrated, test, evaluator.batch_size)?.accuracy(),
                as_trained: measure(&path, test, evaluator.batch_size)?.accuracy(),
            });
        }
        let probe: Vec<usize> = (0..test.len().min(PROBE_IMAGES)).collect();
        Ok(SupernetRecord {
            variant,
            seed,
            epochs,
            scores,
            similarity: similarity::similarity(
                supernet,
                &self.config,
                &calibration,
                &test.select(&probe),
            )?,
        })
    }

    fn network(
        &self,
        genome: &Genome,
        name: &str,
        observer: &mut StudyObserver<'_>,
    ) -> Result<Option<StandaloneRecord>, TrainError> {
        let config = &self.config;
        // As in a supernet without stabilizers: what a skip that changes the shape does instead
        // stays a layer of its own.
        let space = config.space.clone().with_skip(Skip::Identity)?;
        let architecture = path_architecture(&space, genome)?;
        let resolution = architecture.preprocessing.resolution;
        let mult_adds = Cost::of(&architecture, resolution)?.mult_adds;
        let network = ScarletConfig::from(architecture).try_init(&self.device)?;
        draw_weights(&network, config.standalone.seed, &self.device);
        let trained = Trainer::new(config.standalone.clone())
            .with_checkpoints(Checkpoints::new(self.folder.file(name)).resuming())
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

/// Refuses settings other than those that a folder's records were made with.
fn same_settings(
    folder: &RunFolder,
    stored: &StudyConfig,
    given: &StudyConfig,
) -> Result<(), TrainError> {
    let json = |config: &StudyConfig| serde_json::to_value(config).unwrap_or_default();
    let (stored, given) = (json(stored), json(given));
    let fields = stored.as_object().into_iter().flatten();
    for (setting, old) in fields {
        let new = &given[setting];
        if old != new {
            return Err(TrainError::SettingsChanged {
                path: folder.path().to_owned(),
                setting: setting.clone(),
                stored: old.to_string(),
                given: new.to_string(),
            });
        }
    }
    Ok(())
}
