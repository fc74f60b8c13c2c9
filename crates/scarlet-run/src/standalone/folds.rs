//! Cross-validation: every training image judged by a network that was not trained on it.

use std::path::Path;

use scarlet::accuracy_interval;
use scarlet_data::dataset::{ImageSet, Source};
use scarlet_train::Control;
use scarlet_train::folds::{Folds, OutOfFold};
use scarlet_train::measure::judge;
use scarlet_train::trust::Evidence;
use serde::{Deserialize, Serialize};

use super::part::{Begin, remove_checkpoint};
use super::report::image_name;
use super::{CrossValidation, FoldResult, Progress, Standalone};
use crate::RunError;
use crate::RunFolder;
use crate::files;

/// What the folds' networks say of all images.
pub(super) struct CrossValidated {
    pub(super) evidence: Evidence,
    pub(super) result: CrossValidation,
}

/// What the network of a fold says of its images.
#[derive(Debug, Serialize, Deserialize)]
struct FoldAnswers {
    begin: Begin,
    /// `[images, classes]`, row by row; the images are those of the fold, in order.
    logits: Vec<f32>,
}

impl Standalone {
    /// Trains a network for each fold that is not done yet, on all images but the fold's, and judges it
    /// by these. None where the observer stopped it. Epochs are not compared by them: that would make
    /// the accuracy too high.
    pub(super) fn cross_validate(
        &self,
        folds: &Folds,
        folder: &RunFolder,
        told: &mut dyn FnMut(&Progress<'_>) -> Control,
    ) -> Result<Option<CrossValidated>, RunError> {
        let begin = self.begin()?;
        let labels = Source::from(&self.data.train).labels().one()?;
        let classes = self.record.classes.len();
        let mut logits: Vec<Vec<f32>> = vec![Vec::new(); self.data.train.len()];
        let mut results = Vec::new();
        for fold in 0..folds.count() {
            let Some(answers) = self.fold(folds, fold, &begin, folder, told)? else {
                return Ok(None);
            };
            let inside = folds.inside(fold);
            let mut evidence = Evidence::new(classes);
            for (&image, row) in inside.iter().zip(answers.chunks_exact(classes)) {
                evidence.record(image, labels[image] as usize, row);
                logits[image] = row.to_vec();
            }
            let result = fold_result(fold, &evidence);
            results.push(result);
            if told(&Progress::FoldDone(result)) == Control::Stop && fold + 1 < folds.count() {
                return Ok(None);
            }
        }
        let mut evidence = Evidence::new(classes);
        for (image, row) in logits.iter().enumerate() {
            evidence.record(image, labels[image] as usize, row);
        }
        let out = OutOfFold::new(&evidence, folds, &self.record.classes, |image| {
            self.train_image_name(image)
        });
        folder.write(files::OUT_OF_FOLD_TABLE, out.to_csv().as_bytes())?;
        folder.write_json(files::OUT_OF_FOLD, &out)?;
        Ok(Some(CrossValidated {
            result: summary(results, &evidence),
            evidence,
        }))
    }

    /// The logits of a fold's images, `[images, classes]`.
    fn fold(
        &self,
        folds: &Folds,
        fold: usize,
        begin: &Begin,
        folder: &RunFolder,
        told: &mut dyn FnMut(&Progress<'_>) -> Control,
    ) -> Result<Option<Vec<f32>>, RunError> {
        let name = format!("{}/{}", files::FOLDS, fold + 1);
        let file = format!("{name}/{}", files::ANSWERS);
        let (inside, outside) = (folds.inside(fold), folds.outside(fold));
        if folder.file(&file).exists() {
            let answers: FoldAnswers = folder.read_json(&file)?;
            // Where the last training has begun, no part needs the first weights any more.
            if self.has_first_weights {
                answers.begin.check(folder, &file, begin)?;
            }
            let expected = inside.len() * self.record.classes.len();
            if answers.logits.len() != expected {
                return Err(RunError::RunFile {
                    path: folder.file(&file),
                    problem: format!(
                        "it has {} logits, where the fold's images have {expected}",
                        answers.logits.len()
                    ),
                });
            }
            return Ok(Some(answers.logits));
        }
        told(&Progress::Fold {
            fold: fold + 1,
            folds: folds.count(),
        });
        let config = self.record.config.train.clone();
        let batch_size = config.batch_size;
        let images = Source::from(&self.data.train).select(&outside);
        let Some(network) = self.train_part(folder, &name, config, &images, told)? else {
            return Ok(None);
        };
        let judged = Source::from(self.data.training_as_judged()).select(&inside);
        let (_, evidence) = judge(&network, &judged, batch_size)?;
        let answers = FoldAnswers {
            begin: begin.clone(),
            logits: evidence.rows().flatten().copied().collect(),
        };
        folder.write_json(&file, &answers)?;
        remove_checkpoint(folder, &name);
        Ok(Some(answers.logits))
    }

    /// A training image's path from the folder of all, or its number.
    pub(super) fn train_image_name(&self, image: usize) -> String {
        let root = Path::new(&self.record.config.data.source);
        match &self.data.train {
            ImageSet::Images(_) => image.to_string(),
            ImageSet::Photographs(_) => image_name(&self.data.train, image, root),
        }
    }
}

fn fold_result(fold: usize, evidence: &Evidence) -> FoldResult {
    let (right, images) = right_of(evidence);
    FoldResult {
        fold: fold + 1,
        images,
        right,
        accuracy: right as f64 / images.max(1) as f64,
        interval: accuracy_interval(right as u64, images as u64),
    }
}

fn right_of(evidence: &Evidence) -> (usize, usize) {
    let answers = evidence.answers(None);
    (answers.iter().filter(|it| it.right).count(), answers.len())
}

fn summary(folds: Vec<FoldResult>, evidence: &Evidence) -> CrossValidation {
    let (right, images) = right_of(evidence);
    let count = folds.len() as f64;
    let mean = folds.iter().map(|fold| fold.accuracy).sum::<f64>() / count;
    let squares = folds.iter().map(|fold| (fold.accuracy - mean).powi(2));
    let squares: f64 = squares.sum();
    CrossValidation {
        mean_accuracy: mean,
        standard_deviation: (folds.len() > 1).then(|| (squares / (count - 1.0)).sqrt()),
        images,
        right,
        interval: accuracy_interval(right as u64, images as u64),
        class_accuracy: evidence.accuracy().mean_class_top1(),
        folds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_summed_up() {
        let mut all = Evidence::new(2);
        let mut folds = Vec::new();
        // 3 of 4, 4 of 4, and 1 of 2 right.
        for (fold, answers) in [vec![0, 0, 0, 1], vec![0, 0, 0, 0], vec![0, 1]]
            .into_iter()
            .enumerate()
        {
            let mut evidence = Evidence::new(2);
            for answer in answers {
                let mut logits = [0.0; 2];
                logits[answer] = 1.0;
                evidence.record(0, 0, &logits);
                all.record(0, 0, &logits);
            }
            folds.push(fold_result(fold, &evidence));
        }
        let found = summary(folds, &all);
        assert_eq!((found.right, found.images), (8, 10));
        assert_eq!(found.mean_accuracy, 0.75);
        assert_eq!(found.standard_deviation, Some(0.25));
        assert_eq!(found.interval, accuracy_interval(8, 10));
        assert_eq!(found.class_accuracy, 0.8);
        assert_eq!(found.folds[2].fold, 3);
    }
}
