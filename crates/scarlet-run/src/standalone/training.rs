//! The training of a run, from its parts to its page.

use scarlet::weights::Precision;
use scarlet::{ModelCard, Scarlet};
use scarlet_data::class_list;
use scarlet_data::dataset::{ImageSet, Source};
use scarlet_train::folds::Folds;
use scarlet_train::measure::judge;
use scarlet_train::trust::{Evidence, HELD_OUT_IMAGES, OUT_OF_FOLD_IMAGES, TEST_IMAGES};
use scarlet_train::{Control, Event, Observer, TrainError, Trained, Trainer};

use super::folds::CrossValidated;
use super::report::{JudgedBy, Reported};
use super::{Progress, Standalone, StandaloneRecord, StandaloneResult};
use crate::RunError;
use crate::RunFolder;
use crate::files;
use crate::pipeline::interval_of;
use crate::report::card;

impl Standalone {
    /// Trains the network in its folder, or goes on training it, also to [another number of
    /// epochs](StandaloneRecord::with_epochs) than the folder's run was made for.
    ///
    /// # Errors
    ///
    /// As [`Trainer::train`], and when the folder's run has other classes.
    pub fn train(
        self,
        folder: &RunFolder,
        mut observer: impl Observer,
    ) -> Result<StandaloneResult, RunError> {
        self.train_telling(folder, |progress| match progress {
            Progress::Training(event) => observer.event(event),
            _ => Control::Continue,
        })
    }

    /// The same, telling of the [parts](Progress) of the run too.
    ///
    /// # Errors
    ///
    /// As [`train`](Self::train).
    pub fn train_telling(
        self,
        folder: &RunFolder,
        mut told: impl FnMut(&Progress<'_>) -> Control,
    ) -> Result<StandaloneResult, RunError> {
        self.settle_record(folder)?;
        let mut result = StandaloneResult {
            validation_images: self.data.validation.as_ref().map_or(0, ImageSet::len),
            test_images: self.data.test.as_ref().map_or(0, ImageSet::len),
            ..StandaloneResult::default()
        };
        let mut crossed = None;
        if let Some(folds) = self.folds()? {
            let Some(done) = self.cross_validate(&folds, folder, &mut told)? else {
                folder.write_json(files::RESULT, &result)?;
                return Ok(result);
            };
            result.cross_validation = Some(done.result.clone());
            crossed = Some(done);
            told(&Progress::Whole {
                images: self.data.train.len(),
            });
        }
        let mut trainer = Trainer::new(self.record.config.train.clone())
            .with_checkpoints(self.checkpoints(folder.path()).to_other_epochs())
            .with_observer(|event: &Event| told(&Progress::Training(event)));
        if let Some(validation) = &self.data.validation {
            trainer = trainer.with_validation(validation);
        }
        let network = self.network.clone();
        let trained = trainer.train(network, (), &self.data.train)?;
        record_epochs(&mut result, &trained);
        if !trained.completed {
            folder.write_json(files::RESULT, &result)?;
            return Ok(result);
        }
        match self.data.has_several_labels() {
            true => self.conclude_several(folder, trained.into_best(), result),
            false => self.conclude(folder, trained.into_best(), result, crossed),
        }
    }

    /// Brings the folder's record up to date.
    fn settle_record(&self, folder: &RunFolder) -> Result<(), RunError> {
        let mut stored: StandaloneRecord = folder.read_json(files::CONFIG)?;
        if stored.classes != self.record.classes {
            let changed = TrainError::SettingsChanged {
                path: folder.file(files::CONFIG),
                setting: "classes".to_owned(),
                stored: stored.classes.join(", "),
                given: self.record.classes.join(", "),
            };
            return Err(changed.into());
        }
        let epochs = self.record.config.train.epochs;
        if stored.config.train.epochs != epochs {
            stored.config.train.epochs = epochs;
            folder.write_config(&stored)?;
        }
        folder.write(
            class_list::BESIDE_WEIGHTS,
            class_list::to_text(&self.record.classes).as_bytes(),
        )
    }

    /// How the training images are divided for a cross-validation, if there is one.
    pub(super) fn folds(&self) -> Result<Option<Folds>, RunError> {
        let data = &self.record.config.data;
        let Some(count) = data.folds else {
            return Ok(None);
        };
        let labels = Source::from(&self.data.train).labels().one()?;
        let folds = Folds::new(labels, self.data.classes(), count, data.seed);
        Ok(Some(folds?))
    }

    /// Judges the finished network, and writes what it says of itself and the page.
    fn conclude(
        &self,
        folder: &RunFolder,
        mut network: Scarlet,
        mut result: StandaloneResult,
        crossed: Option<CrossValidated>,
    ) -> Result<StandaloneResult, RunError> {
        let batch_size = self.record.config.train.batch_size;
        let mut card = card(&self.record.config.data.source, &self.data.train);
        let mut judged = None;
        if let Some(validation) = &self.data.validation {
            let (_, evidence) = judge(&network, validation, batch_size)?;
            card = with_temperature(card, &evidence, HELD_OUT_IMAGES);
            judged = Some((evidence, JudgedBy::HeldOut));
        }
        if let Some(test) = &self.data.test {
            let (test, evidence) = judge(&network, test, batch_size)?;
            let balance = self.record.config.train.balance;
            let mean = evidence.accuracy().mean_class_top1();
            result.test_class_accuracy = balance.is_set().then_some(mean);
            judged = Some((evidence, JudgedBy::Test));
            result.test_accuracy = Some(test.accuracy());
            result.test_interval = Some(test.interval());
            card = card.with_accuracy(TEST_IMAGES, test.correct as u64, test.images as u64);
        }
        if let Some(CrossValidated { evidence, result }) = crossed {
            if self.data.validation.is_none() {
                card = with_temperature(card, &evidence, OUT_OF_FOLD_IMAGES);
            }
            let of = "images out of fold, each by a network that was not trained on it";
            card = card.with_accuracy(of, result.right as u64, result.images as u64);
            judged = Some((evidence, JudgedBy::Folds));
        }
        if let Some(accuracy) = result.validation_accuracy {
            let images = result.validation_images;
            let right = (accuracy * images as f64).round() as u64;
            let of = "held-out images, which the epoch was chosen by";
            card = card.with_accuracy(of, right, images as u64);
        }
        // As it was exported, but for what is known only now.
        network = network.with_card(card)?;
        let weights = match result.best_epoch {
            Some(_) => files::BEST,
            None => files::LAST,
        };
        network.save(folder.file(weights), Precision::F32)?;
        folder.write_json(files::RESULT, &result)?;
        let Some((evidence, by)) = judged else {
            return Ok(result);
        };
        let reported = Reported {
            record: &self.record,
            data: &self.data,
            judged: &evidence,
            by,
        };
        reported.write(folder, &network, &result)?;
        Ok(result)
    }
}

fn with_temperature(card: ModelCard, evidence: &Evidence, of: &str) -> ModelCard {
    match evidence.temperature() {
        Some(temperature) => card.with_temperature(temperature, of, evidence.len() as u64),
        None => card,
    }
}

fn record_epochs(result: &mut StandaloneResult, trained: &Trained<Scarlet>) {
    let best = trained.epochs.iter().rfind(|epoch| epoch.best);
    result.completed = trained.completed;
    result.epochs = trained.epochs.len();
    result.best_epoch = best.map(|epoch| epoch.epoch);
    result.validation_accuracy = best.and_then(|epoch| epoch.validation_accuracy);
    result.validation_mean_average_precision =
        best.and_then(|epoch| epoch.validation_mean_average_precision);
    result.validation_class_accuracy = best.and_then(|epoch| epoch.validation_class_accuracy);
    let images = result.validation_images;
    let interval = |accuracy| interval_of(accuracy, images);
    result.validation_interval = result.validation_accuracy.map(interval);
}
