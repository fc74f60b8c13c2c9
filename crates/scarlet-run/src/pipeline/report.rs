//! The pictures and pages of a run.

use scarlet::Precision;
use scarlet::{Scarlet, zoo};
use scarlet_arch::Cost;
use scarlet_data::imagenet;
use scarlet_report::{
    Chosen, Fact, Judged, Reference, RunReport, SearchSummary, Usage, front_csv, front_svg, html,
};
use scarlet_search::{Objective, SearchState};
use scarlet_train::Measurement;
use scarlet_train::supernet::plain_architecture;

use super::stages::Run;
use super::{BudgetUse, Choice, Exported, Rule, Stage};
use crate::RunError;
use crate::RunFolder;
use crate::files;
use crate::report::{curve, settings_facts, weights_usages};

/// SCARLET's published networks and a relative, with their ImageNet accuracy and what is counted of
/// them here; `comparable` says whether the run was on ImageNet too.
fn references(comparable: bool) -> Result<Vec<Reference>, RunError> {
    let networks = zoo::networks()
        .filter(|network| network.family() == "scarlet" || network.name() == "efficientnet-lite0");
    let mut references = Vec::new();
    for network in networks {
        let architecture = network.architecture();
        let cost = Cost::of(&architecture, architecture.preprocessing.resolution)?;
        references.extend(network.accuracy().map(|accuracy| Reference {
            name: network.name().to_owned(),
            data: "ImageNet".to_owned(),
            accuracy: accuracy.top1 / 100.0,
            mult_adds: cost.mult_adds,
            parameters: cost.parameters,
            comparable,
        }));
    }
    Ok(references)
}

impl Run {
    /// Writes `front.csv`, `front.svg` and `report.html`, of what there is by now.
    pub(super) fn write_report(
        &self,
        stage: Stage,
        folder: &RunFolder,
        found: &SearchState,
        finished: Option<(&Scarlet, &Exported)>,
    ) -> Result<(), RunError> {
        let mut training = Vec::new();
        if self.whole.as_ref().is_some_and(|whole| !whole.is_trained()) {
            training.push(curve(&folder.file(files::WHOLE), "whole network")?);
        }
        training.push(curve(&folder.file(files::SUPERNET), "supernet")?);
        if finished.is_some() {
            training.push(curve(&folder.file(files::TRAINING), "chosen network")?);
        }
        let report = RunReport {
            title: format!("Networks for {}", self.config.data.source),
            data: self.data_facts(),
            settings: settings_facts(&self.config.to_value()),
            search: self.summary(found)?,
            training,
            chosen: finished.map(|(network, exported)| self.chosen(network, exported)),
            usage: match finished {
                Some(_) => usages(folder),
                None => Vec::new(),
            },
            references: references(is_imagenet(self.data.all.classes()))?,
        };
        for (name, text) in [
            (files::FRONT_TABLE, front_csv(&report)?),
            (files::FRONT_PICTURE, front_svg(&report)?),
            (files::REPORT, html(&report)?),
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
        let summary = SearchSummary::of(found, self.space.template(), cost, plain)?;
        Ok(SearchSummary {
            judged_in: numbers(self.config.search.deploy),
            ..summary
        })
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

    fn chosen(&self, network: &Scarlet, exported: &Exported) -> Chosen {
        let choice = &exported.network;
        let reason = match &self.config.choose.network {
            Rule::Best => best_reason(&self.config.search.objectives[0], choice),
            Rule::Knee => "It is the knee of the front.".to_owned(),
            Rule::Named(_) => "It was chosen by name.".to_owned(),
        };
        let test = &exported.test;
        let tested = |what: &str, test: &Measurement| Judged {
            what: what.to_owned(),
            accuracy: test.accuracy(),
            images: Some(test.images as u64),
            interval: Some(test.interval()),
        };
        let mut accuracies = match &exported.deployed {
            None => vec![tested("test accuracy", test)],
            Some(deployed) => vec![
                tested(
                    &format!("test accuracy in {}", deployed.numbers),
                    &deployed.test,
                ),
                tested("test accuracy in floats", test),
            ],
        };
        let judged_in = numbers(choice.judged_in).map(|it| format!(", evaluated in {it}"));
        accuracies.extend(choice.inherited_accuracy.map(|accuracy| Judged {
            what: format!(
                "held out, with inherited weights{}",
                judged_in.unwrap_or_default()
            ),
            accuracy,
            images: choice.inherited_images.map(|images| images as u64),
            interval: choice.inherited_interval,
        }));
        let whole = exported.whole.iter();
        accuracies.extend(whole.map(|whole| {
            let what = match &exported.deployed {
                None => "the whole network on the test images",
                Some(_) => "the whole network on the test images, in floats",
            };
            tested(what, &whole.test)
        }));
        let mut notes: Vec<Fact> = choice.budget.iter().map(budget_fact).collect();
        notes.extend(exported.whole.iter().map(|whole| {
            let times = whole.mult_adds as f64 / choice.mult_adds.max(1) as f64;
            Fact::new(
                "mult-adds of the whole network",
                format!("{}, {times:.1} times as many", whole.mult_adds),
            )
        }));
        let stabilizers = choice.stabilizers.iter();
        notes.extend(stabilizers.map(|text| Fact::new("stabilizer", text)));
        Chosen {
            genome: choice.genome.clone(),
            architecture: network.architecture().clone(),
            reason,
            accuracies,
            notes,
        }
    }
}

/// The name of numbers that are not floats.
fn numbers(precision: Precision) -> Option<String> {
    (!precision.is_float32()).then(|| precision.to_string())
}

/// Whether these are ImageNet's 1,000 classes, as folders of its photographs are called.
fn is_imagenet(classes: &[String]) -> bool {
    let wnids = imagenet::classes().iter().map(|class| class.wnid);
    wnids.eq(classes.iter().map(String::as_str))
}

/// Why the best was chosen, and how far that is to be believed.
fn best_reason(objective: &Objective, choice: &Choice) -> String {
    let reason = format!("It is the best within the budget ({objective})");
    if let Some(best) = choice.best_accuracy {
        return format!(
            "It is the largest network within the budget whose accuracy is within one standard error of \
             the best's, {:.2} % ({objective}).",
            100.0 * best
        );
    }
    let Some(lead) = &choice.lead else {
        return reason + ".";
    };
    let (Some(images), Some([low, high])) = (lead.images, lead.interval) else {
        return format!("{reason}, by {} over the next ({}).", lead.by, lead.next);
    };
    let doubt = match lead.may_be_chance() {
        true => "may be chance",
        false => "is more than chance explains",
    };
    format!(
        "{reason}, by {:.2} points over the next ({}) on {images} held-out images, which {doubt}: \
         the 95 % interval of the difference is {:.2} to {:.2} points.",
        100.0 * lead.by,
        lead.next,
        100.0 * low,
        100.0 * high
    )
}

/// What a bound of the budget did.
fn budget_fact(used: &BudgetUse) -> Fact {
    let value = used.value.map(|value| format!("it has {value}; "));
    let all = used.candidates;
    let did = match used.binds() {
        true => format!("{} of {all} candidates break it", used.excluded),
        false => format!("it does not bind: all {all} candidates satisfy it"),
    };
    Fact::new(&used.constraint, value.unwrap_or_default() + &did)
}

/// Commands for the finished network, from the run's folder.
fn usages(folder: &RunFolder) -> Vec<Usage> {
    let mut usages = weights_usages(files::WEIGHTS);
    for (file, purpose, command) in [
        (
            files::DEPLOYED,
            "Measure how fast it is on this machine",
            "scarlet bench --weights network/network.scarlet",
        ),
        (
            files::ONNX,
            "Run it with ONNX Runtime, in Python",
            "onnxruntime.InferenceSession(\"network/network.onnx\")",
        ),
    ] {
        if folder.file(file).exists() {
            usages.push(Usage::new(purpose, command));
        }
    }
    usages
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
