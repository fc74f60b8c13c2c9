//! Studies of the method itself: what stabilizers and fair sampling change.
//!
//! A [`Study`] trains supernets of several [`Variant`]s and networks on their own, and keeps what
//! each came to in its folder, so that nothing is done twice: neither after an interruption, nor
//! by another question about the same supernets.
//!
//! | question | units | answer |
//! |---|---|---|
//! | how alike are the outputs of a layer's choices? | [`Study::supernets`] | [`SupernetRecord::similarity`], [`Similarity::projection`] |
//! | how far do one-shot accuracies lie apart? | [`Study::supernets`] | [`spread`] |
//! | does a supernet rank networks as their own training does? | [`Study::supernets`], [`Study::standalone`] | [`ranking`] |
//!
//! Supernets and stand-alone networks are trained on the training images and measured on the test
//! images: a study chooses nothing by them. Which networks are compared, at which layer, and that
//! a skip is compared with blocks whose batch normalisation is measured again, are choices of ours.

mod analysis;
mod config;
mod plan;
mod projection;
mod records;
mod settings;
mod similarity;
mod work;
use std::fs;
use std::path::Path;

use burn::tensor::Device;
use scarlet_arch::Genome;
use scarlet_data::dataset::TrainTest;
use scarlet_train::{Control, Event};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::settings::check_settings;
use self::work::Work;
use crate::RunError;
use crate::run_folder::{RunFolder, or_other_run};

pub use self::analysis::{RankingRow, Resolution, SpreadRow, ranking, spread};
pub use self::config::{Question, StudyConfig, Variant};
pub use self::plan::{StudyPlan, Trainings};
pub use self::projection::Projection;
pub use self::records::{OneShot, Similarity, StandaloneRecord, SupernetRecord};

/// A study with its folder.
pub struct Study {
    folder: RunFolder,
    work: Work,
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
    /// The unit's training continues.
    Training(&'a Event),
}

/// Watches a study, and stops it when the user asks for it.
pub type StudyObserver<'a> = dyn FnMut(&StudyEvent<'_>) -> Control + 'a;

impl Study {
    /// Begins a study in a folder, or resumes the one that it holds, on an autodiff device.
    /// `data` are the images of the settings' source, of which it takes as many as they say.
    ///
    /// # Errors
    ///
    /// When a setting is out of its range, when the folder holds a study with other settings, when
    /// the images do not fit, and when the folder cannot be read or written.
    pub fn open(
        folder: impl AsRef<Path>,
        config: StudyConfig,
        data: TrainTest,
        device: &Device,
    ) -> Result<Self, RunError> {
        config.validate()?;
        let folder = folder.as_ref();
        let stored = Self::stored(folder)?;
        if let Some((_, stored)) = &stored {
            check_settings(folder, stored, &config)?;
        }
        let work = Work::new(config, &data, device)?;
        let folder = match stored {
            None => RunFolder::create(folder, &work.config)?,
            Some((opened, _)) => opened,
        };
        Ok(Self { folder, work })
    }

    /// The settings of the study that a folder holds, if it holds one.
    ///
    /// # Errors
    ///
    /// When the folder holds something else, or another process is working in it.
    pub fn stored_config(folder: impl AsRef<Path>) -> Result<Option<StudyConfig>, RunError> {
        Ok(Self::stored(folder.as_ref())?.map(|(_, config)| config))
    }

    fn stored(folder: &Path) -> Result<Option<(RunFolder, StudyConfig)>, RunError> {
        match RunFolder::open::<StudyConfig>(folder) {
            Ok(stored) => Ok(Some(stored)),
            Err(RunError::NotARun { .. }) => Ok(None),
            Err(error) => Err(or_other_run(error, folder, &["study"])),
        }
    }

    /// The settings.
    pub fn config(&self) -> &StudyConfig {
        &self.work.config
    }

    /// The networks that are studied.
    pub fn genomes(&self) -> &[Genome] {
        &self.work.genomes
    }

    /// Number of images that everything is measured on.
    pub fn test_images(&self) -> usize {
        self.work.data.test.len()
    }

    /// The folder, for what is made of the records.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// The supernets of these variants, for every seed; those that are missing are trained.
    /// `None` when the observer stopped the study, which then continues from there.
    ///
    /// # Errors
    ///
    /// As [`Trainer::train`](scarlet_train::Trainer::train), and when the folder cannot be read or written.
    pub fn supernets(
        &self,
        variants: &[Variant],
        observer: &mut StudyObserver<'_>,
    ) -> Result<Option<Vec<SupernetRecord>>, RunError> {
        let total = variants.len() * self.work.config.seeds.len();
        let mut records = Vec::with_capacity(total);
        for &seed in &self.work.config.seeds {
            for &variant in variants {
                let name = supernet_name(variant, seed);
                let checkpoints = self.folder.file(&name);
                let record = self.unit(&name, records.len(), total, observer, |observer| {
                    self.work.supernet(variant, seed, checkpoints, observer)
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
    /// `None` when the observer stopped the study, which then continues from there.
    ///
    /// # Errors
    ///
    /// As [`Trainer::train`](scarlet_train::Trainer::train), and when the folder cannot be read or written.
    pub fn standalone(
        &self,
        observer: &mut StudyObserver<'_>,
    ) -> Result<Option<Vec<StandaloneRecord>>, RunError> {
        let total = self.work.genomes.len();
        let mut records = Vec::with_capacity(total);
        for genome in &self.work.genomes {
            let name = network_name(genome);
            let checkpoints = self.folder.file(&name);
            let record = self.unit(&name, records.len(), total, observer, |observer| {
                self.work.network(genome, checkpoints, observer)
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
        work: impl FnOnce(&mut StudyObserver<'_>) -> Result<Option<R>, RunError>,
    ) -> Result<Option<R>, RunError> {
        let file = record_file(name);
        if is_done(self.folder.path(), name) {
            let record = self.folder.read_json(&file)?;
            self.remove_checkpoints(name)?;
            return Ok(Some(record));
        }
        if observer(&StudyEvent::Unit { name, done, total }) == Control::Stop {
            return Ok(None);
        }
        let Some(record) = work(observer)? else {
            return Ok(None);
        };
        self.folder.write_json(&file, &record)?;
        self.remove_checkpoints(name)?;
        Ok(Some(record))
    }

    /// The record is what the checkpoints were for. A process that is killed right after it
    /// leaves them to the next.
    fn remove_checkpoints(&self, name: &str) -> Result<(), RunError> {
        let checkpoints = self.folder.file(name);
        match checkpoints.is_dir() {
            true => fs::remove_dir_all(&checkpoints).map_err(RunError::write(&checkpoints)),
            false => Ok(()),
        }
    }
}

/// Name of the unit that a supernet is.
fn supernet_name(variant: Variant, seed: u64) -> String {
    let (skip, sampling) = (variant.skip_name(), variant.sampling_name());
    format!("supernet-{skip}-{sampling}-{seed}")
}

/// Name of the unit that a network on its own is.
fn network_name(genome: &Genome) -> String {
    format!("network-{genome}")
}

fn record_file(name: &str) -> String {
    format!("{name}.json")
}

/// Whether a study's folder holds the record of a unit.
fn is_done(folder: &Path, name: &str) -> bool {
    folder.join(record_file(name)).is_file()
}
