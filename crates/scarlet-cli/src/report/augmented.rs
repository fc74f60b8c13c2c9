//! What `scarlet eval --augment` prints.

use serde::Serialize;

use super::against::probability;
use super::number::{counted, interval, percent, thousands};
use crate::views::Augmentation;

/// Answers that are averaged over several views of each image, beside those without. Accuracies are from 0
/// to 1.
#[derive(Debug, Serialize)]
pub(crate) struct Augmented {
    /// How the views are made.
    pub(crate) augment: Vec<Augmentation>,
    /// How many there are of each image.
    pub(crate) views: usize,
    /// The same for people.
    #[serde(skip)]
    pub(crate) text: String,
    /// Accuracy on the same images as they are otherwise shown.
    pub(crate) top1_without: f64,
    /// 95 % confidence interval of it.
    pub(crate) top1_without_interval: [f64; 2],
    /// Images that are right only with the views.
    pub(crate) only_with: u64,
    /// Images that are right only without.
    pub(crate) only_without: u64,
    /// Of McNemar's exact test.
    pub(crate) p_value: f64,
}

impl Augmented {
    /// The views, and how many of each image they are.
    pub(crate) fn views_text(&self) -> &str {
        &self.text
    }

    /// What the views are, and what they change.
    pub(crate) fn lines(&self) -> String {
        format!(
            "  averaged over {}\n  without   {:>8}   95 % interval {}; {} right only with the views, {} \
             only without (p = {}, McNemar's exact test)\n",
            self.text,
            percent(self.top1_without),
            interval(self.top1_without_interval),
            counted(self.only_with, "image", "images"),
            thousands(self.only_without),
            probability(self.p_value)
        )
    }
}
