//! What `scarlet eval --against` prints.

use serde::Serialize;

use super::Setting;
use super::number::{counted, interval, percent, thousands};

/// Below this probability two networks are said to differ.
const SIGNIFICANT: f64 = 0.05;

/// Smaller ones are not distinguished.
const LEAST: f64 = 0.0001;

/// Two networks on the same images. Accuracies are from 0 to 1.
#[derive(Debug, Serialize)]
pub(crate) struct Against {
    /// The other network.
    #[serde(flatten)]
    pub(crate) other: Setting,
    /// Images that both were asked about.
    pub(crate) images: u64,
    /// Accuracy of the evaluated network on them.
    pub(crate) this_top1: f64,
    /// Accuracy of the other one.
    pub(crate) other_top1: f64,
    /// 95 % confidence interval of the other one's.
    pub(crate) other_top1_interval: [f64; 2],
    /// Images that the evaluated network alone gets right.
    pub(crate) only_this: u64,
    /// Images that the other one alone gets right.
    pub(crate) only_other: u64,
    /// Of McNemar's exact test.
    pub(crate) p_value: f64,
}

impl Against {
    /// Both accuracies, how the networks disagree, and whether they differ.
    pub(crate) fn text(&self) -> String {
        let weights = &self.other.weights;
        format!(
            "against {} ({weights}), on the same {}\n  top-1     {:>8}   95 % interval {}\n  \
             {} only the evaluated network gets right, {} only the other\n  {}\n",
            self.other.network(),
            counted(self.images, "image", "images"),
            percent(self.other_top1),
            interval(self.other_top1_interval),
            counted(self.only_this, "image", "images"),
            thousands(self.only_other),
            self.sentence()
        )
    }

    /// Whether they differ.
    pub(crate) fn sentence(&self) -> String {
        if self.only_this + self.only_other == 0 {
            return "They get the same images right.".to_owned();
        }
        let verdict = match self.only_this > self.only_other {
            _ if self.p_value >= SIGNIFICANT => "These images cannot tell which is better",
            true => "The evaluated network is better",
            false => "The other network is better",
        };
        format!(
            "{verdict}: for two equally good ones this would happen with a probability of {} \
             (McNemar's exact test).",
            probability(self.p_value)
        )
    }
}

/// A probability, as far as it matters.
pub(super) fn probability(p: f64) -> String {
    match p {
        tiny if tiny < LEAST => "less than 0.0001".to_owned(),
        small if small < 0.01 => format!("{small:.4}"),
        p => format!("{p:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn against(only_this: u64, only_other: u64) -> Against {
        let right = 80;
        let images = right + only_this + only_other;
        Against {
            other: Setting {
                model: "scarlet-a".to_owned(),
                int8: false,
                bf16: false,
                weights: "other.safetensors".to_owned(),
                device: "cpu".to_owned(),
                resolution: 64,
            },
            images,
            this_top1: (right + only_this) as f64 / images as f64,
            other_top1: (right + only_other) as f64 / images as f64,
            other_top1_interval: [0.8, 0.9],
            only_this,
            only_other,
            p_value: scarlet::trust::mcnemar_exact(only_this, only_other),
        }
    }

    #[test]
    fn a_sentence_says_whether_they_differ() {
        for (counts, expected) in [
            ((0, 0), "They get the same images right."),
            (
                (8, 2),
                "These images cannot tell which is better: for two equally good ones this \
                 would happen with a probability of 0.11 (McNemar's exact test).",
            ),
            (
                (2, 12),
                "The other network is better: for two equally good ones this would happen with \
                 a probability of 0.01 (McNemar's exact test).",
            ),
            (
                (40, 0),
                "The evaluated network is better: for two equally good ones this would happen with \
                 a probability of less than 0.0001 (McNemar's exact test).",
            ),
        ] {
            assert_eq!(against(counts.0, counts.1).sentence(), expected);
        }
    }

    #[test]
    fn both_are_told() {
        let text = against(8, 2).text();
        let expected = "against scarlet-a (other.safetensors), on the same 90 images\n  \
                        top-1      91.11 %   95 % interval 80.00 to 90.00 %\n  \
                        8 images only the evaluated network gets right, 2 only the other\n  These";
        assert!(text.starts_with(expected), "{text}");
    }
}
