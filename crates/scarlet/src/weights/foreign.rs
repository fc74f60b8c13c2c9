//! Networks that are known by the number of their weights, and what keeps them from being run.

use super::{Entry, StateDict};

/// A known network that is not in the zoo.
pub(super) struct Foreign {
    pub(super) name: &'static str,
    /// Weights without the classifier's.
    weights: usize,
    /// What it would take.
    pub(super) lacks: &'static str,
}

const DESCRIPTION: &str = "the zoo does not have it, but its layers can be described in a JSON \
                           file: name that with --model";
const FUSED: &str = "it begins with convolutions that look at pixels and channels at once, which no \
                     network here does after its first";
const MIXED: &str = "it needs kernels of several sizes in one layer, which no network here has";
const OTHER: &str = "it is of another family, which is not made of the layers that are known here";

const fn foreign(name: &'static str, weights: usize, lacks: &'static str) -> Foreign {
    Foreign {
        name,
        weights,
        lacks,
    }
}

/// Counted with timm 1.0.31 and torchvision 0.29.
const KNOWN: [Foreign; 17] = [
    foreign("MobileNetV2 (1.1)", 3_235_520, DESCRIPTION),
    foreign("MobileNetV2 (1.2)", 4_550_144, DESCRIPTION),
    foreign("MnasNet (0.5)", 937_512, DESCRIPTION),
    foreign("MnasNet-A1 (0.75)", 1_631_278, DESCRIPTION),
    foreign("EfficientNet-B4", 17_548_616, DESCRIPTION),
    foreign("EfficientNet-EdgeTPU-S", 4_157_392, FUSED),
    foreign("EfficientNet-EdgeTPU-M", 5_618_496, FUSED),
    foreign("EfficientNetV2-B0", 5_858_704, FUSED),
    foreign("EfficientNetV2-S", 20_177_488, FUSED),
    foreign("MixNet-S", 2_597_606, MIXED),
    foreign("MixNet-M", 3_477_382, MIXED),
    foreign("MixNet-L", 5_792_252, MIXED),
    foreign("GhostNet", 3_901_508, OTHER),
    foreign("ReXNet", 3_515_873, OTHER),
    foreign("ResNet-18", 11_176_512, OTHER),
    foreign("ResNet-50", 23_508_032, OTHER),
    foreign("MobileNetV4-Conv-Small", 2_493_024, OTHER),
];

/// The known network with as many weights as the file has.
pub(super) fn find(weights: &StateDict) -> Option<&'static Foreign> {
    let is_statistic = |entry: &Entry| {
        let part = entry.name().rsplit('.').next();
        matches!(part, Some("running_mean" | "running_var"))
    };
    let entries = weights.entries().iter();
    let trained = entries.filter(|entry| entry.dtype().is_float() && !is_statistic(entry));
    // The classifier is the last matrix, and its bias; files are in no particular order.
    let matrix = |entry: &&Entry| entry.shape().len() == 2;
    let classifier = weights.entries().iter().filter(matrix).max_by_key(|entry| {
        let is_head = super::names::is_of_classifier(entry.name());
        (is_head, entry.value_count())
    });
    let classifier = classifier.and_then(|entry| entry.name().strip_suffix("weight"));
    let count: usize = trained
        .filter(|entry| !classifier.is_some_and(|prefix| entry.name().starts_with(prefix)))
        .map(Entry::value_count)
        .sum();
    KNOWN.iter().find(|known| known.weights == count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_known_by_their_weights_whatever_they_are_called() {
        let entries = [
            ("features.0.weight", vec![3_901_508]),
            ("features.0.running_mean", vec![77]),
            ("classifier.1.weight", vec![10, 1280]),
            ("classifier.1.bias", vec![10]),
        ];
        let file = |first: usize| {
            StateDict::from_entries(
                entries
                    .iter()
                    .skip(first)
                    .map(|(name, shape)| Entry::from_f32(*name, shape.clone(), Vec::new)),
            )
        };
        assert_eq!(find(&file(0)).unwrap().name, "GhostNet");
        assert!(find(&file(1)).is_none());
    }
}
