//! The end of a run whose images have several labels each.

use std::path::Path;

use scarlet::weights::Precision;
use scarlet::{Scarlet, SeveralLabels, Threshold};
use scarlet_data::dataset::ImageSet;
use scarlet_report::{Judged, LabelsReport, LabelsTraining, labels_html};
use scarlet_train::batch::Batcher;
use scarlet_train::measure::judge_labels;
use scarlet_train::several::{LabelEvidence, LabelFigures};
use scarlet_train::trust::{HELD_OUT_IMAGES, TEST_IMAGES};

use super::report::{data_facts, image_name, lead};
use super::{Standalone, StandaloneResult};
use crate::RunError;
use crate::RunFolder;
use crate::files;
use crate::report::{card, curve, settings_facts, weights_usages};
use crate::trust::{label_scores, mislabelled};

/// What the epoch was chosen by.
const CHOSEN_BY: &str = "held-out images, which the epoch was chosen by";

/// Images that the finished network is judged by.
struct JudgedImages<'a> {
    images: &'a ImageSet,
    /// Which they are, such as `test`.
    called: &'static str,
    evidence: LabelEvidence,
}

impl Standalone {
    /// Judges the finished network, fits from which probability on each label is given, and writes what
    /// the network says of itself and the page.
    pub(super) fn conclude_several(
        &self,
        folder: &RunFolder,
        network: Scarlet,
        mut result: StandaloneResult,
    ) -> Result<StandaloneResult, RunError> {
        let batch_size = self.record.config.train.batch_size;
        let mut several = SeveralLabels::default();
        let mut judged = None;
        if let Some(images) = &self.data.validation {
            let (_, evidence) = judge_labels(&network, images, batch_size)?;
            let count = evidence.len() as u64;
            several = several.with_thresholds(evidence.thresholds(), HELD_OUT_IMAGES, count);
            judged = Some(JudgedImages {
                images,
                called: "held-out",
                evidence,
            });
        }
        if let Some(images) = &self.data.test {
            let (test, evidence) = judge_labels(&network, images, batch_size)?;
            let precision = evidence.mean_average_precision();
            result.test_mean_average_precision = precision;
            result.test_accuracy = Some(test.accuracy());
            result.test_interval = Some(test.interval());
            if let Some(precision) = precision {
                several = several.with_precision(TEST_IMAGES, evidence.len() as u64, precision);
            }
            judged = Some(JudgedImages {
                images,
                called: "test",
                evidence,
            });
        }
        if let Some(precision) = result.validation_mean_average_precision {
            several = several.with_precision(CHOSEN_BY, result.validation_images as u64, precision);
        }
        let classes = self.record.classes.len();
        let thresholds: Vec<Threshold> =
            (0..classes).map(|class| several.threshold(class)).collect();
        let source = &self.record.config.data.source;
        let card = card(source, &self.data.train).with_several_labels(several);
        // As it was exported, but for what is known only now.
        let network = network.with_card(card)?;
        // A network that was never judged has no best epoch.
        let weights = match result.best_epoch {
            Some(_) => files::BEST,
            None => files::LAST,
        };
        network.save(folder.file(weights), Precision::F32)?;
        folder.write_json(files::RESULT, &result)?;
        if let Some(judged) = judged {
            let report = self.labels_report(folder, &network, &result, &judged, &thresholds)?;
            folder.write(files::REPORT, labels_html(&report)?.as_bytes())?;
        }
        Ok(result)
    }

    fn labels_report(
        &self,
        folder: &RunFolder,
        network: &Scarlet,
        result: &StandaloneResult,
        judged: &JudgedImages<'_>,
        thresholds: &[Threshold],
    ) -> Result<LabelsReport, RunError> {
        let (record, evidence) = (&self.record, &judged.evidence);
        let source = &record.config.data.source;
        let root = Path::new(source).parent().unwrap_or(Path::new(""));
        let batcher = Batcher::new(judged.images, network.architecture(), &network.device())?;
        let weights = match result.best_epoch {
            Some(_) => files::BEST,
            None => files::LAST,
        };
        let figures = LabelFigures::new(evidence, thresholds);
        let images = mislabelled(
            evidence,
            thresholds,
            &record.classes,
            network.architecture(),
            |index| image_name(judged.images, index, root),
            |indices| batcher.plain_values(indices),
        )?;
        Ok(LabelsReport {
            title: format!("A network for {source}"),
            lead: lead(result),
            scores: scores(result, &figures, judged),
            judged_on: format!("{} {} images", evidence.len(), judged.called),
            classes: label_scores(&record.classes, &figures),
            images,
            training: Some(LabelsTraining {
                network: network.architecture().clone(),
                curves: vec![curve(folder.path(), "training")?],
                settings: settings_facts(&serde_json::to_value(&record.config).unwrap_or_default()),
            }),
            usage: weights_usages(weights),
            data: data_facts(record, &self.data),
        })
    }
}

/// What a page's heading tells.
fn scores(
    result: &StandaloneResult,
    figures: &LabelFigures,
    judged: &JudgedImages<'_>,
) -> Vec<Judged> {
    let score = |what: String, value: Option<f64>, images: usize| {
        value.map(|accuracy| Judged {
            what,
            accuracy,
            images: Some(images as u64),
            interval: None,
        })
    };
    let test = score(
        format!(
            "mean average precision on {} test images",
            result.test_images
        ),
        result.test_mean_average_precision,
        result.test_images,
    );
    let held_out = score(
        format!(
            "mean average precision on {} {CHOSEN_BY}",
            result.validation_images
        ),
        result.validation_mean_average_precision,
        result.validation_images,
    );
    let f1 = score(
        format!("mean F1 of the classes on the {} images", judged.called),
        figures.mean_f1,
        judged.evidence.len(),
    );
    [test, held_out, f1].into_iter().flatten().collect()
}
