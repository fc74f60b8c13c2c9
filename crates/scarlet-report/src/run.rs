//! [`RunReport`]: a run as plain data.

use scarlet_arch::{Architecture, Cost, Genome, Operation};
use scarlet_search::{Constraint, GenerationRecord, Objective, SearchState};
use serde::{Deserialize, Serialize};

use crate::ReportError;

/// Everything that is shown about a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// Heading of the page.
    pub title: String,
    /// What the networks were trained and tested on.
    pub data: Vec<Fact>,
    /// What the run was told: enough to repeat it.
    pub settings: Vec<Fact>,
    /// What was searched.
    pub search: SearchSummary,
    /// Training runs, in the order in which they were done.
    pub training: Vec<TrainingCurve>,
    /// The network that was taken, once there is one.
    pub chosen: Option<Chosen>,
    /// How the network can be used, once there is one.
    pub usage: Vec<Usage>,
    /// Networks of others to compare with.
    pub references: Vec<Reference>,
}

/// An accuracy, and how well the images that it is of tell it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// What it is, such as `test accuracy`.
    pub what: String,
    /// The accuracy, from 0 to 1.
    pub accuracy: f64,
    /// Number of images, if it is known.
    pub images: Option<u64>,
    /// Its 95 % confidence interval, from 0 to 1, if it is known.
    pub interval: Option<[f64; 2]>,
}

/// A follow-up command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// What it is for.
    pub purpose: String,
    /// The command, as it is typed in the folder of the run.
    pub command: String,
}

impl Usage {
    /// A command for this purpose.
    pub fn new(purpose: impl Into<String>, command: impl Into<String>) -> Self {
        Self {
            purpose: purpose.into(),
            command: command.into(),
        }
    }
}

/// A name and what it stands for, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Such as `training images`.
    pub name: String,
    /// Such as `5,400`.
    pub value: String,
}

impl Fact {
    /// A fact of this name and value.
    pub fn new(name: impl Into<String>, value: impl ToString) -> Self {
        Self {
            name: name.into(),
            value: value.to_string(),
        }
    }
}

/// A search: what was wanted, and every candidate that was evaluated for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchSummary {
    /// What was wanted.
    pub objectives: Vec<Objective>,
    /// Within which bounds. One on [`cost`](Self::cost) is drawn as the budget.
    pub constraints: Vec<Constraint>,
    /// Names of the metrics, in the order of every candidate's values.
    pub metrics: Vec<String>,
    /// The metric on the horizontal axis of the front, such as `mult_adds`.
    pub cost: String,
    /// The metric on the vertical axis, such as `accuracy`.
    pub quality: String,
    /// What all candidates share, and the plan of channels and strides that their layers fill.
    pub template: Architecture,
    /// Everything that was evaluated, in that order.
    pub candidates: Vec<Candidate>,
    /// How far the search was after each generation.
    pub generations: Vec<GenerationRecord>,
    /// The numbers that candidates were judged in, such as `int8`, where they are not floats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_in: Option<String>,
}

impl SearchSummary {
    /// The summary of a search whose front is drawn as `accuracy` over the metric `cost`.
    ///
    /// `template` is the search space's; `network` says what a genome stands for, as it would be used: with the stabilizers of its
    /// supernet's path gone, for instance.
    ///
    /// # Errors
    ///
    /// [`ReportError::UnknownMetric`] if one of both is not measured,
    /// [`ReportError::Architecture`] if `network` cannot build one of the genomes.
    pub fn of(
        state: &SearchState,
        template: &Architecture,
        cost: &str,
        network: impl Fn(&Genome) -> Result<Architecture, scarlet_arch::ArchitectureError>,
    ) -> Result<Self, ReportError> {
        let mut candidates = Vec::with_capacity(state.archive().len());
        let mut generation = 0;
        for (position, candidate) in state.archive().candidates().iter().enumerate() {
            while state
                .history()
                .get(generation)
                .is_some_and(|record| record.evaluations <= position)
            {
                generation += 1;
            }
            let genome = Genome::new(candidate.genome().to_vec())?;
            let network = network(&genome)?;
            candidates.push(Candidate {
                genome,
                layers: (network.layers().iter()).map(|it| it.operation).collect(),
                resolution: Some(network.preprocessing.resolution)
                    .filter(|&resolution| resolution != template.preprocessing.resolution),
                features: Some(network.features())
                    .filter(|&features| features != template.features()),
                values: candidate.values().to_vec(),
                failure: candidate.failure().map(str::to_owned),
                generation: generation + 1,
                feasible: candidate.is_feasible(),
                on_front: false,
            });
        }
        let mut summary = Self {
            objectives: state.config().objectives.clone(),
            constraints: state.config().constraints.clone(),
            metrics: state.metrics().to_vec(),
            cost: cost.to_owned(),
            quality: "accuracy".to_owned(),
            template: template.clone(),
            candidates,
            generations: state.history().to_vec(),
            judged_in: None,
        };
        summary.axes()?;
        for member in state.archive().front() {
            let same = |it: &&mut Candidate| it.genome.genes() == member.genome();
            if let Some(candidate) = summary.candidates.iter_mut().find(same) {
                candidate.on_front = true;
            }
        }
        Ok(summary)
    }

    /// The positions of [`cost`](Self::cost) and [`quality`](Self::quality) among every
    /// candidate's values.
    pub(crate) fn axes(&self) -> Result<(usize, usize), ReportError> {
        Ok((self.metric(&self.cost)?, self.metric(&self.quality)?))
    }

    /// Refuses a candidate whose values are not one per metric.
    pub(crate) fn check(&self, candidate: &Candidate) -> Result<(), ReportError> {
        let (found, expected) = (candidate.values.len(), self.metrics.len());
        match found == expected || found == 0 && candidate.failure.is_some() {
            true => Ok(()),
            false => Err(ReportError::ValueCount {
                genome: candidate.genome.to_string(),
                found,
                expected,
            }),
        }
    }

    fn metric(&self, name: &str) -> Result<usize, ReportError> {
        let position = self.metrics.iter().position(|metric| metric == name);
        position.ok_or_else(|| ReportError::UnknownMetric {
            name: name.to_owned(),
            known: self.metrics.clone(),
        })
    }
}

/// A network that was evaluated, or failed to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its name in the search.
    pub genome: Genome,
    /// What its layers do; their channels and strides are the template's.
    pub layers: Vec<Operation>,
    /// Height and width of the images that it sees, in pixels, where they are not the template's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<usize>,
    /// Features in front of its classifier, where they are not as many as the template's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<usize>,
    /// What was measured, in the order of the metrics; `None` where a metric was not. Empty if
    /// the evaluation failed.
    pub values: Vec<Option<f64>>,
    /// Why the evaluation failed, if it did.
    pub failure: Option<String>,
    /// The generation that brought it up, from 1.
    pub generation: usize,
    /// Whether it violates no constraint.
    pub feasible: bool,
    /// Whether it is feasible and no other dominates it.
    pub on_front: bool,
}

impl Candidate {
    /// The network: its layers in the places of the template.
    pub(crate) fn network(&self, template: &Architecture) -> Architecture {
        let mut network = template.clone();
        for (layer, &operation) in network.layers_mut().iter_mut().zip(&self.layers) {
            layer.operation = operation;
        }
        if let Some(features) = self.features {
            network.head = network.head.with_features(features);
        }
        match self.resolution {
            Some(resolution) => network.with_resolution(resolution),
            None => network,
        }
    }

    /// The layers in their text form, separated by spaces, after the resolution and in front of the
    /// features where these are not the template's.
    pub(crate) fn layers_text(&self) -> String {
        let layers: Vec<String> = self.layers.iter().map(Operation::to_string).collect();
        let mut text = layers.join(" ");
        if let Some(side) = self.resolution {
            text.insert_str(0, &format!("{side}×{side}: "));
        }
        if let Some(features) = self.features {
            text.push_str(&format!(", {features} features"));
        }
        text
    }

    /// The value of the metric at a position of the metrics, if it was measured.
    pub(crate) fn value(&self, metric: usize) -> Option<f64> {
        self.values.get(metric).copied().flatten()
    }
}

/// How one training run went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingCurve {
    /// Such as `supernet` or `chosen network`.
    pub stage: String,
    /// Its epochs, in order.
    pub epochs: Vec<TrainedEpoch>,
}

/// The result of one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrainedEpoch {
    /// Number of the epoch, from 1.
    pub epoch: u64,
    /// Mean loss of the training images.
    pub loss: f64,
    /// Share of the training images that were put into their class, from 0 to 1.
    pub accuracy: f64,
    /// The same of the validation images, if there were any.
    pub validation_accuracy: Option<f64>,
    /// Learning rate of the epoch's last step, if it is known.
    pub learning_rate: Option<f64>,
}

/// The network that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    /// Its name in the search; the candidate is marked on the front.
    pub genome: Genome,
    /// The network itself, as it was trained and exported.
    pub architecture: Architecture,
    /// Why it was chosen, as a sentence.
    pub reason: String,
    /// Its accuracies, the one that counts most first: on images that nothing in the run has seen,
    /// before that with the supernet's weights.
    pub accuracies: Vec<Judged>,
    /// What else is worth knowing: files, speed, number of test images.
    pub notes: Vec<Fact>,
}

impl Chosen {
    /// What the network costs at its own resolution.
    pub(crate) fn cost(&self) -> Result<Cost, ReportError> {
        let resolution = self.architecture.preprocessing.resolution;
        Ok(Cost::of(&self.architecture, resolution)?)
    }
}

/// A network of others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// What it is called.
    pub name: String,
    /// The data that its accuracy is of, such as `ImageNet`.
    pub data: String,
    /// Accuracy on that data, from 0 to 1.
    pub accuracy: f64,
    /// Mult-adds of the network, counted as [`Cost`] counts.
    pub mult_adds: u64,
    /// Parameters of the network, counted as [`Cost`] counts.
    pub parameters: u64,
    /// Whether `data` is the run's own, so that it may be drawn next to the front.
    pub comparable: bool,
}
