//! What searches and single trainings tell alike, in their pages and in the networks' files.

use std::path::Path;

use scarlet::{ModelCard, SeveralLabels};
use scarlet_data::dataset::{ImageSet, Labels, Source};
use scarlet_report::{Fact, TrainedEpoch, TrainingCurve, Usage};
use scarlet_train::{Event, EventLog};
use serde_json::Value;

use crate::RunError;

/// What a network trained on images at `source` says of itself: a folder's name, not where it is.
pub(crate) fn card(source: &str, images: &ImageSet) -> ModelCard {
    let path = Path::new(source);
    let name = path.file_name().unwrap_or(path.as_os_str());
    let card = ModelCard::new(images.classes().to_vec())
        .with_training(name.to_string_lossy(), images.len() as u64);
    match Source::from(images).labels() {
        Labels::One(_) => card,
        Labels::Several(_) => card.with_several_labels(SeveralLabels::default()),
    }
}

/// What the log in the folder of a training says of its epochs.
pub(crate) fn curve(folder: &Path, stage: &str) -> Result<TrainingCurve, RunError> {
    Ok(TrainingCurve {
        stage: stage.to_owned(),
        epochs: epochs(EventLog::read(folder)?),
    })
}

/// The epochs in a log. What a run did after its last checkpoint is logged twice if it was killed;
/// the second time counts.
fn epochs(log: Vec<Event>) -> Vec<TrainedEpoch> {
    let (mut epochs, mut rate) = (Vec::new(), None);
    for event in log {
        match event {
            Event::Started { step, .. } => epochs.retain(|&(done, _)| done <= step),
            Event::Step { learning_rate, .. } => rate = Some(learning_rate),
            Event::Epoch(record) => {
                let epoch = TrainedEpoch {
                    epoch: record.epoch,
                    loss: record.loss,
                    accuracy: record.accuracy,
                    validation_accuracy: record.validation_accuracy,
                    learning_rate: rate,
                };
                epochs.push((record.step, epoch));
            }
            _ => {}
        }
    }
    epochs.into_iter().map(|(_, epoch)| epoch).collect()
}

/// Every setting of a configuration in sections, by its name in a configuration file.
pub(crate) fn settings_facts(config: &Value) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (section, settings) in config.as_object().into_iter().flatten() {
        match settings.as_object() {
            Some(settings) => facts.extend(
                settings
                    .iter()
                    .map(|(name, value)| Fact::new(format!("{section}.{name}"), value)),
            ),
            None => facts.push(Fact::new(section, settings)),
        }
    }
    facts
}

/// Commands for a file of weights, from the folder that its path begins in.
pub(crate) fn weights_usages(weights: &str) -> Vec<Usage> {
    [
        (
            "Classify photographs",
            format!("scarlet predict PHOTO --weights {weights}"),
        ),
        (
            "Measure its accuracy on other labelled images",
            format!("scarlet eval FOLDER --weights {weights}"),
        ),
        (
            "Write it as ONNX for other programs",
            format!("scarlet export network.onnx --weights {weights}"),
        ),
        (
            "Write it as a file that starts in milliseconds",
            format!("scarlet deploy network.scarlet --weights {weights}"),
        ),
        (
            "Train it further on other images",
            format!("scarlet finetune --data FOLDER --weights {weights} --out RUN"),
        ),
    ]
    .into_iter()
    .map(|(purpose, command)| Usage::new(purpose, command))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_did_again_counts_once() {
        let started = |step| format!(r#"{{"event":"started","step":{step},"steps":9,"images":3}}"#);
        let epoch = |epoch, step, loss: f64| {
            format!(
                r#"{{"event":"epoch","epoch":{epoch},"step":{step},"loss":{loss},"accuracy":0.5,
                    "validation_accuracy":null}}"#
            )
            .replace('\n', "")
        };
        let log = [
            started(0),
            epoch(1, 3, 1.0),
            epoch(2, 6, 2.0),
            // Killed; the last checkpoint was that of step 5.
            started(5),
            epoch(2, 6, 3.0),
            "{\"event\":\"epo".to_owned(),
        ];
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("events.jsonl"), log.join("\n")).unwrap();
        let losses = || -> Vec<_> {
            let curve = curve(folder.path(), "training").unwrap();
            curve.epochs.iter().map(|it| (it.epoch, it.loss)).collect()
        };
        assert_eq!(losses(), [(1, 1.0), (2, 3.0)]);
    }

    #[test]
    fn a_damaged_line_of_the_log_is_no_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = EventLog::open(folder.path(), |_: &Event| true).unwrap();
        for epoch in 1..=3 {
            let text = format!(
                r#"{{"event":"epoch","epoch":{epoch},"step":{epoch},"loss":1.5,"accuracy":0.5,"validation_accuracy":null}}"#
            );
            let event: Event = serde_json::from_str(&text).unwrap();
            log.append(&event).unwrap();
        }
        let path = folder.path().join("events.jsonl");
        let text = std::fs::read_to_string(&path).unwrap();
        let damaged = text.replacen("\"epoch\":2", "\"epoch\":7", 1);
        assert_ne!(text, damaged);
        std::fs::write(&path, damaged).unwrap();
        let curve = curve(folder.path(), "training").unwrap();
        let epochs: Vec<u64> = curve.epochs.iter().map(|it| it.epoch).collect();
        assert_eq!(epochs, [1, 3]);
    }

    #[test]
    fn every_setting_has_its_name_in_a_file() {
        let config = serde_json::json!({"train": {"epochs": 3, "mix": {"mixup": 0.1}}, "seed": 7});
        let facts: Vec<String> = settings_facts(&config)
            .into_iter()
            .map(|fact| format!("{} = {}", fact.name, fact.value))
            .collect();
        let expected = [
            "seed = 7",
            "train.epochs = 3",
            r#"train.mix = {"mixup":0.1}"#,
        ];
        assert_eq!(facts, expected);
    }
}
