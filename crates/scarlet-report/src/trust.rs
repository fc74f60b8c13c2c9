//! [`Trust`] and [`EvaluationReport`]: what is to be known before a network is trusted, as plain data.

use serde::{Deserialize, Serialize};

use crate::{Fact, Judged, Mistakes, ReportError, Usage};

/// Everything that is shown about how a network does on labelled images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvaluationReport {
    /// Heading of the page.
    pub title: String,
    /// What came of it, as a sentence.
    pub lead: String,
    /// Its accuracies, the one that counts most first.
    pub accuracies: Vec<Judged>,
    /// What it confuses.
    pub mistakes: Mistakes,
    /// Whether it can be trusted.
    pub trust: Trust,
    /// How the network can be used.
    pub usage: Vec<Usage>,
    /// What was evaluated, and on what.
    pub data: Vec<Fact>,
}

/// What is to be known before a network is trusted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trust {
    /// Of the probabilities that come of the network's logits as they are.
    pub before: ReliabilityCurve,
    /// Of those that come of its logits divided by a temperature.
    pub after: Option<ReliabilityCurve>,
    /// Where the temperature is from and what judges it, in a sentence or two.
    pub temperature: String,
    /// What becomes of the answers when unsure ones are withheld, by growing thresholds.
    pub coverage: Vec<CoverageRow>,
    /// The accuracy that a threshold was looked for, from 0 to 1.
    pub wanted_accuracy: f64,
    /// The smallest threshold that reaches it, if one does.
    pub threshold: Option<CoverageRow>,
    /// Images that are shown.
    pub pictures: Vec<Picture>,
    /// Indices of those that the network is surest of and wrong about, the surest first.
    pub surest_mistakes: Vec<usize>,
    /// Indices of those that it is the least sure of, right or wrong.
    pub least_sure: Vec<usize>,
    /// How it is shown where the network looked, or why it is not.
    pub maps: String,
}

/// How often a network is right, by how sure it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityCurve {
    /// From the least sure on.
    pub bins: Vec<ReliabilityBin>,
    /// Mean difference of how sure it is and how often it is right, from 0 to 1.
    pub calibration_error: f64,
    /// What chance alone would show, from 0 to 1.
    pub by_chance: f64,
}

/// Images of which a network is about equally sure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Above this probability.
    pub from: f64,
    /// Up to this one.
    pub to: f64,
    /// Images in the bin.
    pub images: u64,
    /// How sure it is of them on average, from 0 to 1, if there are any.
    pub confidence: Option<f64>,
    /// How many it is right about, from 0 to 1, if there are any.
    pub accuracy: Option<f64>,
}

/// What a threshold leaves of a network's answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CoverageRow {
    /// Answers of at least this probability are given.
    pub threshold: f64,
    /// Images that are answered.
    pub answered: u64,
    /// All images.
    pub images: u64,
    /// Share of the answers that are right, from 0 to 1, if there are any.
    pub accuracy: Option<f64>,
    /// 95 % confidence interval of that share.
    pub interval: [f64; 2],
}

impl CoverageRow {
    /// Share of the images that are answered, from 0 to 1.
    pub(crate) fn coverage(&self) -> f64 {
        self.answered as f64 / self.images.max(1) as f64
    }
}

/// An image with what the network says of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// Its file, or its number in its data set.
    pub name: String,
    /// Index of its class.
    pub class: usize,
    /// Index of the class that the network puts it into.
    pub answer: usize,
    /// The probability that it gives that class, from 0 to 1.
    pub probability: f64,
    /// The image, as a data URI.
    pub image: String,
    /// The image with what the network looked at, as a data URI.
    pub map: Option<String>,
}

impl Trust {
    /// Refuses pictures of classes that there are not, and places where there is no picture.
    pub(crate) fn check(&self, classes: usize) -> Result<(), ReportError> {
        let named = self.pictures.iter().flat_map(|it| [it.class, it.answer]);
        if let Some(class) = named.into_iter().find(|&class| class >= classes) {
            return Err(ReportError::UnknownClass { class, classes });
        }
        let pictures = self.pictures.len();
        let shown = self.surest_mistakes.iter().chain(&self.least_sure);
        match shown.copied().find(|&it| it >= pictures) {
            Some(picture) => Err(ReportError::UnknownPicture { picture, pictures }),
            None => Ok(()),
        }
    }
}
