//! [`LabelsReport`]: how a network does that gives images any number of labels, as plain data.

use scarlet_arch::Architecture;
use serde::{Deserialize, Serialize};

use crate::{Fact, Judged, TrainingCurve, Usage};

/// Everything that is shown about a network that gives images any number of labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelsReport {
    /// Heading of the page.
    pub title: String,
    /// What came of it, as a sentence.
    pub lead: String,
    /// Shares that tell how good it is, such as mean average precisions, the one that counts most first.
    pub scores: Vec<Judged>,
    /// The images, such as `90 test images`.
    pub judged_on: String,
    /// All classes, in the network's order.
    pub classes: Vec<LabelScore>,
    /// Images with wrong labels, those first that the network is the furthest from right on.
    pub images: Vec<MislabelledImage>,
    /// How the network was trained, where that is told.
    pub training: Option<LabelsTraining>,
    /// How the network can be used.
    pub usage: Vec<Usage>,
    /// What it was evaluated on, and trained on.
    pub data: Vec<Fact>,
}

/// How such a network was trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelsTraining {
    /// The network, as it was trained.
    pub network: Architecture,
    /// How its training went.
    pub curves: Vec<TrainingCurve>,
    /// What the run was told: enough to repeat it.
    pub settings: Vec<Fact>,
}

/// How well a label is told. Shares are from 0 to 1, none where there is nothing to tell them by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelScore {
    /// Name of the class.
    pub name: String,
    /// Images that have it.
    pub images: u64,
    /// How well its probability puts them before all others.
    pub average_precision: Option<f64>,
    /// From which probability on it is given.
    pub threshold: f64,
    /// Share of the images that are given it that have it.
    pub precision: Option<f64>,
    /// Share of the images that have it that are given it.
    pub recall: Option<f64>,
    /// Harmonic mean of both.
    pub f1: Option<f64>,
}

/// An image that lacks labels, or was given wrong ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MislabelledImage {
    /// Its file.
    pub name: String,
    /// Names of the labels that it has and was not given, each with its probability, from 0 to 1.
    pub missing: Vec<(String, f64)>,
    /// Names of those that it was given and has not.
    pub wrong: Vec<(String, f64)>,
    /// The image, as a data URI, where it is shown.
    pub image: Option<String>,
}
