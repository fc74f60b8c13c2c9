//! [`StandaloneResult`]: what a run came to.

use serde::{Deserialize, Serialize};

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StandaloneResult {
    /// Whether the run is done; if not, it was stopped and can go on.
    pub completed: bool,
    /// Epochs done.
    pub epochs: usize,
    /// The epoch that the best weights are from, counted from 1.
    pub best_epoch: Option<u64>,
    /// Their accuracy on the validation images, from 0 to 1; of images with several labels, the share
    /// that is given exactly theirs, each from a probability of one half on.
    pub validation_accuracy: Option<f64>,
    /// Number of the validation images.
    #[serde(default)]
    pub validation_images: usize,
    /// 95 % confidence interval of this accuracy. It is of the best of several epochs, which were
    /// compared by these images, so that it is on the favourable side.
    #[serde(default)]
    pub validation_interval: Option<[f64; 2]>,
    /// Mean of the classes' accuracies on the validation images, where the run balances classes: its
    /// epochs were then compared by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_class_accuracy: Option<f64>,
    /// Their mean average precision on the validation images, where these have several labels each: the
    /// run's epochs were then compared by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_mean_average_precision: Option<f64>,
    /// Their accuracy on the test images, if there are any and the run is done.
    pub test_accuracy: Option<f64>,
    /// Number of the test images.
    #[serde(default)]
    pub test_images: usize,
    /// 95 % confidence interval of this accuracy.
    #[serde(default)]
    pub test_interval: Option<[f64; 2]>,
    /// Mean of the classes' accuracies on the test images, where the run balances classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_class_accuracy: Option<f64>,
    /// Their mean average precision on the test images, where these have several labels each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_mean_average_precision: Option<f64>,
    /// What a cross-validation came to, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross_validation: Option<CrossValidation>,
}

/// What the networks of a cross-validation came to, each judged by the fold that it was not trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CrossValidation {
    /// Each fold's network, as far as they are done.
    pub folds: Vec<FoldResult>,
    /// Mean of the folds' accuracies.
    pub mean_accuracy: f64,
    /// Standard deviation of the folds' accuracies; none of a single one.
    pub standard_deviation: Option<f64>,
    /// Images of all these folds.
    pub images: usize,
    /// How many of them were put into their class.
    pub right: usize,
    /// 95 % confidence interval of the accuracy, by all these images as if one network had judged them.
    /// It does not say how much the accuracy would vary with other images to train on.
    pub interval: [f64; 2],
    /// Mean of the classes' accuracies.
    pub class_accuracy: f64,
}

/// What the network of a fold came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FoldResult {
    /// Its number, from 1.
    pub fold: usize,
    /// Images in it.
    pub images: usize,
    /// How many of them the network puts into their class.
    pub right: usize,
    /// The share of them.
    pub accuracy: f64,
    /// 95 % confidence interval of this accuracy.
    pub interval: [f64; 2],
}
