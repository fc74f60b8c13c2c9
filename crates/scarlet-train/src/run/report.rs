//! The pictures and pages of a run.

use std::fs;

use scarlet::Scarlet;
use scarlet_data::imagenet;
use scarlet_report::{
    Chosen, Fact, Reference, RunReport, SearchSummary, TrainedEpoch, TrainingCurve, front_csv,
    front_svg, html,
};
use scarlet_search::SearchState;

use super::stages::Run;
use super::{Exported, Rule, RunError, Stage, folder};
use crate::supernet::plain_architecture;
use crate::{Event, RunFolder, TrainError};

impl Run {
    /// Writes `front.csv`, `front.svg` and `report.html`, of what there is by now.
    pub(super) fn write_report(
        &self,
        stage: Stage,
        folder: &RunFolder,
        found: &SearchState,
        finished: Option<(&Scarlet, &Exported)>,
    ) -> Result<(), RunError> {
        let mut training = vec![curve(folder, folder::SUPERNET, "supernet")?];
        if finished.is_some() {
            training.push(curve(folder, folder::TRAINING, "chosen network")?);
        }
        let report = RunReport {
            title: format!("Networks for {}", self.config.data.source),
            data: self.data_facts(),
            settings: self.settings_facts(),
            search: self.summary(found)?,
            training,
            chosen: finished.map(|(network, exported)| self.chosen(network, exported)),
            references: Reference::published(is_imagenet(self.data.all.classes()))?,
        };
        for (name, text) in [
            ("front.csv", front_csv(&report)?),
            ("front.svg", front_svg(&report)?),
            ("report.html", html(&report)?),
        ] {
            folder.write(name, text.as_bytes())?;
            self.wrote(stage, folder, name)?;
        }
        Ok(())
    }

    fn summary(&self, found: &SearchState) -> Result<SearchSummary, RunError> {
        // The first cost that something is wanted of; else the one that everybody knows.
        let config = found.config();
        let objectives = config.objectives.iter().map(|objective| &objective.name);
        let constraints = config.constraints.iter().map(|constraint| &constraint.name);
        let cost = objectives
            .chain(constraints)
            .find(|name| *name != "accuracy")
            .map_or("mult_adds", String::as_str);
        let plain = |genome: &_| plain_architecture(&self.space, genome);
        Ok(SearchSummary::of(
            found,
            self.space.template(),
            cost,
            plain,
        )?)
    }

    fn data_facts(&self) -> Vec<Fact> {
        let data = &self.data;
        let (channels, side) = (data.input.channels, data.input.side);
        vec![
            Fact::new("source", &self.config.data.source),
            Fact::new("images to train on", data.all.len()),
            Fact::new("of these held out for the search", data.holdout.len()),
            Fact::new("test images", data.test.len()),
            Fact::new("size", format!("{channels}×{side}×{side}")),
            Fact::new("classes", data.all.classes().join(", ")),
        ]
    }

    /// Every setting, by its name in a configuration file.
    fn settings_facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        if let serde_json::Value::Object(sections) = self.config.to_value() {
            for (section, settings) in sections {
                let serde_json::Value::Object(settings) = settings else {
                    continue;
                };
                for (name, value) in settings {
                    facts.push(Fact::new(format!("{section}.{name}"), value));
                }
            }
        }
        facts
    }

    fn chosen(&self, network: &Scarlet, exported: &Exported) -> Chosen {
        let choice = &exported.network;
        let reason = match &self.config.choose.network {
            Rule::Best => format!(
                "It is the best within the budget ({}).",
                self.config.search.objectives[0]
            ),
            Rule::Knee => "It is the knee of the front.".to_owned(),
            Rule::Named(_) => "It was asked for by name.".to_owned(),
        };
        let mut notes = vec![Fact::new("test images", exported.test.images)];
        notes.extend(
            choice
                .stabilizers
                .iter()
                .map(|text| Fact::new("stabilizer", text)),
        );
        Chosen {
            genome: choice.genome.clone(),
            architecture: network.architecture().clone(),
            reason,
            inherited_accuracy: choice.inherited_accuracy,
            held_out_accuracy: None,
            test_accuracy: Some(exported.test_accuracy),
            notes,
        }
    }
}

/// Whether these are ImageNet's 1,000 classes, as folders of its photographs are called.
fn is_imagenet(classes: &[String]) -> bool {
    let wnids = imagenet::classes().iter().map(|class| class.wnid);
    wnids.eq(classes.iter().map(String::as_str))
}

/// What the log of a training says of its epochs.
fn curve(folder: &RunFolder, name: &str, stage: &str) -> Result<TrainingCurve, RunError> {
    let path = folder.file(name).join("events.jsonl");
    let text = fs::read_to_string(&path).map_err(TrainError::read(path))?;
    let (mut epochs, mut rate) = (Vec::new(), None);
    for line in text.lines() {
        match serde_json::from_str(line) {
            Ok(Event::Step { learning_rate, .. }) => rate = Some(learning_rate),
            Ok(Event::Epoch(record)) => epochs.push(TrainedEpoch {
                epoch: record.epoch,
                loss: record.loss,
                accuracy: record.accuracy,
                validation_accuracy: record.validation_accuracy,
                learning_rate: rate,
            }),
            _ => {}
        }
    }
    Ok(TrainingCurve {
        stage: stage.to_owned(),
        epochs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imagenet_is_known_by_all_its_classes() {
        let wnids = imagenet::classes()
            .iter()
            .map(|class| class.wnid.to_owned());
        let mut classes: Vec<String> = wnids.collect();
        assert!(is_imagenet(&classes));
        classes.pop();
        assert!(!is_imagenet(&classes));
        assert!(!is_imagenet(&[]));
    }
}
