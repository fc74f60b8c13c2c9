//! [`ProbeReport`]: public networks compared on a data set, as plain data.

use crate::{Fact, LogChart};

/// What probing networks came to.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeReport {
    /// Heading of the page.
    pub title: String,
    /// What came of it, as a sentence.
    pub lead: String,
    /// The networks, the fastest first.
    pub networks: Vec<ProbedRow>,
    /// How the accuracy of one of them grows with the number of images, where this was asked.
    pub curve: Option<ProbedCurve>,
    /// What it was probed and judged on.
    pub data: Vec<Fact>,
}

/// A network. All but its accuracy as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbedRow {
    /// Its name.
    pub network: String,
    /// Height and width of its input.
    pub pixels: String,
    /// Of one image.
    pub latency: String,
    /// Of one image.
    pub mult_adds: String,
    /// Share of the images that were put into their class, from 0 to 1.
    pub top1: f64,
    /// 95 % interval of it.
    pub interval: String,
}

/// Accuracies over numbers of images.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbedCurve {
    /// What it says, in sentences.
    pub sentences: Vec<String>,
    /// The picture.
    pub chart: LogChart,
    /// Numbers of images, accuracies and their intervals, as they are shown.
    pub rows: Vec<[String; 3]>,
}
