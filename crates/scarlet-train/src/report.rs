//! What searches and single trainings tell alike, in their pages and in the networks' files.

use std::fs;
use std::path::Path;

use scarlet::ModelCard;
use scarlet_report::{Fact, TrainedEpoch, TrainingCurve, Usage};
use serde_json::Value;

use crate::dataset::ImageSet;
use crate::{Event, TrainError};

/// What a network trained on images at `source` says of itself: a folder's name, not where it is.
pub(crate) fn card(source: &str, images: &ImageSet) -> ModelCard {
    let path = Path::new(source);
    let name = path.file_name().unwrap_or(path.as_os_str());
    ModelCard::new(images.classes().to_vec())
        .with_training(name.to_string_lossy(), images.len() as u64)
}

/// What the log in the folder of a training says of its epochs.
pub(crate) fn curve(folder: &Path, stage: &str) -> Result<TrainingCurve, TrainError> {
    let path = folder.join("events.jsonl");
    let text = fs::read_to_string(&path).map_err(TrainError::read(path))?;
    Ok(TrainingCurve {
        stage: stage.to_owned(),
        epochs: epochs(&text),
    })
}

/// The epochs in a log. What a run did after its last checkpoint is logged twice if it was killed;
/// the second time counts.
fn epochs(log: &str) -> Vec<TrainedEpoch> {
    let (mut epochs, mut rate) = (Vec::new(), None);
    for line in log.lines() {
        match serde_json::from_str(line) {
            Ok(Event::Started { step, .. }) => epochs.retain(|&(done, _)| done <= step),
            Ok(Event::Step { learning_rate, .. }) => rate = Some(learning_rate),
            Ok(Event::Epoch(record)) => {
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
            "Say what is on photographs",
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
        let epochs = epochs(&log.join("\n"));
        let losses: Vec<_> = epochs.iter().map(|it| (it.epoch, it.loss)).collect();
        assert_eq!(losses, [(1, 1.0), (2, 3.0)]);
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
