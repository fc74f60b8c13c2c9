//! [`Warning`]: what a run says when its training is unlikely to come to much.

use scarlet_data::dataset::Source;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::EpochRecord;
use super::balance::{Balance, counts};
use crate::measure::images_of_mean;

/// Steps before which nothing is said about a network that knows nothing yet; from scratch, a
/// thousand images can take two hundred steps to get anywhere.
const FAIR_STEPS: u64 = 400;
/// The same at the end of a run: too few steps teach nobody anything, and need no warning.
const FEWEST_STEPS: u64 = 100;
/// How far held-out accuracy may stay below that of training.
const LARGEST_GAP: f64 = 0.25;
/// How many standard errors make a difference.
const ERRORS: f64 = 3.0;

/// Something about a run that its user should know, and that is no failure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Error)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Warning {
    /// Two epochs in a row, or the last one, were far better on the training images than on the
    /// held-out ones.
    #[error(
        "the network knows the training images far better ({:.1} %) than the held-out ones \
         ({:.1} %): it learns them by heart, or the two kinds of images differ. More images, \
         stronger augmentation (train.augment), trained weights (`scarlet finetune`) or fewer epochs \
         help; if held-out images come from elsewhere, mix both and divide them anew",
        100.0 * accuracy, 100.0 * validation_accuracy
    )]
    FarBehind {
        /// Accuracy on the training images, as they were trained on, from 0 to 1.
        accuracy: f64,
        /// Accuracy on the held-out images, from 0 to 1.
        validation_accuracy: f64,
    },
    /// After a fair number of steps, the network is no better than one that always names the most
    /// frequent class.
    #[error(
        "nothing has been learnt in {steps} steps: {:.1} % of the training images are put into their \
         class, and {:.1} % would be by always naming the most frequent one. Check that the folders \
         hold what their names say; then try another learning rate (train.learning_rate, a tenth or \
         ten times as large), weaker augmentation (train.augment) or more epochs",
        100.0 * accuracy, 100.0 * chance
    )]
    NothingLearnt {
        /// Accuracy on the training images, as they were trained on, from 0 to 1.
        accuracy: f64,
        /// Share of the most frequent class among them, from 0 to 1.
        chance: f64,
        /// Steps done.
        steps: u64,
    },
}

/// What a run's warnings depend on, besides its epochs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    train: Part,
    validation: Option<Part>,
    /// Steps of the warm-up, in which little is learnt.
    warmup: u64,
    /// Steps of the whole run.
    steps: u64,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    /// How many images tell an accuracy as well as it is told.
    images: f64,
    /// The accuracy of always naming the most frequent class.
    chance: f64,
}

impl Part {
    /// Of training images, whose accuracy is that of the images shown.
    fn shown(labels: &[u32], classes: usize, balance: Balance) -> Self {
        let shares = balance.shares(labels, classes);
        Self {
            images: labels.len() as f64,
            chance: shares.into_iter().fold(0.0, f64::max),
        }
    }

    /// Of held-out images, whose accuracy is the classes' mean where these are balanced.
    fn held_out(labels: &[u32], classes: usize, balance: Balance) -> Self {
        if !balance.is_set() {
            return Self::shown(labels, classes, balance);
        }
        let counts = counts(labels, classes);
        let seen = counts.iter().filter(|images| **images > 0).count();
        Self {
            images: images_of_mean(counts.into_iter()),
            chance: 1.0 / seen as f64,
        }
    }

    /// Whether an accuracy is one that chance has, within its error.
    fn is_chance(self, accuracy: f64) -> bool {
        accuracy <= self.chance + ERRORS * standard_error(self.chance, self.images)
    }
}

/// Of a share of so many images.
fn standard_error(share: f64, images: f64) -> f64 {
    (share * (1.0 - share) / images).sqrt()
}

impl Watch {
    /// None for images of several labels, of which chance says less.
    pub(super) fn new(
        train: Source<'_>,
        validation: Option<Source<'_>>,
        warmup: u64,
        steps: u64,
        balance: Balance,
    ) -> Option<Self> {
        let classes = train.classes().len();
        let validation = validation
            .map(|images| images.labels().one())
            .transpose()
            .ok()?;
        Some(Self {
            train: Part::shown(train.labels().one().ok()?, classes, balance),
            validation: validation.map(|labels| Part::held_out(labels, classes, balance)),
            warmup,
            steps,
        })
    }

    /// What the last of these epochs is the first reason to say. It depends on them alone, so that a
    /// resumed run says nothing twice.
    pub(super) fn new_warnings(&self, epochs: &[EpochRecord]) -> Vec<Warning> {
        let kinds = [Self::far_behind, Self::nothing_learnt];
        let new = kinds.into_iter().filter_map(|warning| {
            let now = warning(self, epochs)?;
            let said = (1..epochs.len()).any(|count| warning(self, &epochs[..count]).is_some());
            (!said).then_some(now)
        });
        new.collect()
    }

    fn far_behind(&self, epochs: &[EpochRecord]) -> Option<Warning> {
        let (last, before) = epochs.split_last()?;
        let gap = |epoch: &EpochRecord| {
            let (found, part) = (epoch.judgement()?, self.validation?);
            let gap = epoch.accuracy - found;
            let error = standard_error(found, part.images)
                .hypot(standard_error(epoch.accuracy, self.train.images));
            (gap > LARGEST_GAP && gap > ERRORS * error).then_some(found)
        };
        let validation_accuracy = gap(last)?;
        let lasts = last.step == self.steps || before.last().is_some_and(|it| gap(it).is_some());
        lasts.then_some(Warning::FarBehind {
            accuracy: last.accuracy,
            validation_accuracy,
        })
    }

    fn nothing_learnt(&self, epochs: &[EpochRecord]) -> Option<Warning> {
        let last = epochs.last()?;
        let is_over = last.step == self.steps && last.step >= FEWEST_STEPS;
        let is_fair = is_over || last.step >= FAIR_STEPS.max(2 * self.warmup);
        let at_chance = |epoch: &EpochRecord| {
            let held_out = self.validation.zip(epoch.judgement());
            self.train.is_chance(epoch.accuracy)
                && held_out.is_none_or(|(part, accuracy)| part.is_chance(accuracy))
        };
        (is_fair && epochs.iter().all(at_chance)).then_some(Warning::NothingLearnt {
            accuracy: last.accuracy,
            chance: self.train.chance,
            steps: last.step,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(validation: bool) -> Watch {
        let part = |images| Part {
            images,
            chance: 0.5,
        };
        Watch {
            train: part(400.0),
            validation: validation.then(|| part(100.0)),
            warmup: 10,
            steps: 500,
        }
    }

    /// Epochs of 50 steps with these accuracies in training and on held-out images.
    fn epochs(accuracies: &[(f64, Option<f64>)]) -> Vec<EpochRecord> {
        let epochs = accuracies.iter().zip(1..);
        let record = |(&(accuracy, validation_accuracy), epoch)| EpochRecord {
            validation_class_accuracy: None,
            validation_mean_average_precision: None,
            epoch,
            step: 50 * epoch,
            loss: 0.7,
            accuracy,
            validation_accuracy,
            validation_loss: None,
            best: false,
        };
        epochs.map(record).collect()
    }

    fn said(watch: Watch, accuracies: &[(f64, Option<f64>)]) -> Vec<Vec<&'static str>> {
        let epochs = epochs(accuracies);
        let name = |warning| match warning {
            Warning::FarBehind { .. } => "behind",
            Warning::NothingLearnt { .. } => "nothing",
        };
        let at = |count| watch.new_warnings(&epochs[..count]).into_iter().map(name);
        (1..=epochs.len())
            .map(|count| at(count).collect())
            .collect()
    }

    #[test]
    fn a_gap_that_lasts_is_said_once() {
        let none: Vec<&str> = Vec::new();
        let gap = (0.95, Some(0.55));
        let found = said(watch(true), &[gap, (0.95, Some(0.9)), gap, gap, gap]);
        let behind = vec!["behind"];
        let quiet = || none.clone();
        assert_eq!(found, [quiet(), quiet(), quiet(), behind.clone(), quiet()]);
        // The last epoch needs no second.
        let mut accuracies = vec![(0.95, Some(0.9)); 9];
        accuracies.push(gap);
        assert_eq!(said(watch(true), &accuracies).pop().unwrap(), behind);
        // Of ten images, 45 % less is no more than chance.
        let mut few = watch(true);
        few.validation = Some(Part {
            images: 10.0,
            chance: 0.5,
        });
        let close = (0.95, Some(0.5));
        assert_eq!(said(few, &[close, close]), [quiet(), quiet()]);
        let held_out_better = (0.5, Some(0.95));
        assert_eq!(
            said(watch(true), &[held_out_better; 2]),
            [none.clone(), none]
        );
    }

    #[test]
    fn a_network_at_chance_is_told_after_a_fair_number_of_steps() {
        let at_chance = (0.53, None);
        let said_in = |watch, accuracies: &[_]| {
            let said = said(watch, accuracies);
            said.iter().position(|it| it.contains(&"nothing"))
        };
        // After 400 of the 500 steps, once.
        assert_eq!(said_in(watch(false), &[at_chance; 9]), Some(7));
        assert_eq!(said(watch(false), &[at_chance; 9]).concat(), ["nothing"]);
        assert_eq!(said_in(watch(false), &[(0.6, None); 9]), None);
        // A network that has been better once has learnt.
        let mut better_once = [at_chance; 9];
        better_once[2] = (0.6, None);
        assert_eq!(said_in(watch(false), &better_once), None);
        // Held-out images may say more than augmented ones.
        assert_eq!(said_in(watch(true), &[(0.53, Some(0.8)); 9]), None);
        let mut slow = watch(false);
        slow.warmup = 225;
        assert_eq!(said_in(slow, &[at_chance; 9]), Some(8));
        // The end of a short run is fair enough.
        let mut short = watch(false);
        short.steps = 100;
        assert_eq!(said_in(short, &[at_chance; 2]), Some(1));
        short.steps = 50;
        assert_eq!(said_in(short, &[at_chance]), None);
    }

    #[test]
    fn warnings_say_what_helps() {
        let behind = Warning::FarBehind {
            accuracy: 0.95,
            validation_accuracy: 1.0 / 3.0,
        };
        let text = behind.to_string();
        assert!(
            text.contains("(95.0 %) than the held-out ones (33.3 %)"),
            "{text}"
        );
        assert!(text.contains("train.augment"), "{text}");
        let nothing = Warning::NothingLearnt {
            accuracy: 0.1,
            chance: 0.1,
            steps: 200,
        };
        let text = nothing.to_string();
        assert!(
            text.contains("nothing has been learnt in 200 steps"),
            "{text}"
        );
        assert!(text.contains("train.learning_rate"), "{text}");
        let json = serde_json::to_string(&nothing).unwrap();
        assert_eq!(
            json,
            r#"{"kind":"nothing-learnt","accuracy":0.1,"chance":0.1,"steps":200}"#
        );
        assert_eq!(serde_json::from_str::<Warning>(&json).unwrap(), nothing);
    }
}
