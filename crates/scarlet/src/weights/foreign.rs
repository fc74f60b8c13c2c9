//! Networks that are known by the number of their weights, and what keeps them from being run.

use super::{Entry, StateDict};

/// A known network that is none of the presets.
pub(super) struct Foreign {
    pub(super) name: &'static str,
    /// Weights without the classifier's.
    weights: usize,
    /// What it would take.
    pub(super) lacks: &'static str,
}

const DESCRIPTION: &str = "it is no preset, but its layers can be described in a JSON file: name \
                           that with --model";
const RELU: &str = "it needs ReLU without a bound, which no network here has";
const SWISH: &str = "it needs the activation SiLU and squeeze-excite in front of its first layers, \
                     which no network here has";
const V3: &str = "it needs activations that change from layer to layer and a head without batch \
                  normalisation, which no network here has";
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
const KNOWN: [Foreign; 43] = [
    foreign("EfficientNet-Lite1", 4_135_680, DESCRIPTION),
    foreign("EfficientNet-Lite2", 4_811_072, DESCRIPTION),
    foreign("EfficientNet-Lite3", 6_916_096, DESCRIPTION),
    foreign("EfficientNet-Lite4", 11_725_568, DESCRIPTION),
    foreign("MobileNetV2 (0.5)", 687_680, DESCRIPTION),
    foreign("MobileNetV2", 2_223_872, DESCRIPTION),
    foreign("MobileNetV2 (1.1)", 3_235_520, DESCRIPTION),
    foreign("MobileNetV2 (1.2)", 4_550_144, DESCRIPTION),
    foreign("MobileNetV2 (1.4)", 4_315_776, DESCRIPTION),
    foreign("MnasNet-B1", 3_102_312, RELU),
    foreign("MnasNet (0.5)", 937_512, RELU),
    foreign("MnasNet-small", 749_264, RELU),
    foreign("Single-Path NAS", 3_140_616, RELU),
    foreign("MnasNet-A1", 2_606_038, RELU),
    foreign("MnasNet-A1 (0.75)", 1_631_278, RELU),
    foreign("FBNet-C", 3_587_200, RELU),
    foreign("EfficientNet-EdgeTPU-S", 4_157_392, RELU),
    foreign("EfficientNet-EdgeTPU-M", 5_618_496, RELU),
    foreign("MobileNetV3-Large", 4_202_032, V3),
    foreign("MobileNetV3-Large", 4_198_918, V3),
    foreign("MobileNetV3-Small", 1_517_856, V3),
    foreign("MobileNetV3-Small (0.75)", 1_016_872, V3),
    foreign("MobileNetV3-Small (0.5)", 568_224, V3),
    foreign("HardCoRe-NAS-A", 3_979_232, V3),
    foreign("LCNet", 1_672_800, V3),
    foreign("FBNetV3-B", 6_613_464, V3),
    foreign("EfficientNet-B0", 4_007_548, SWISH),
    foreign("EfficientNet-B1", 6_513_184, SWISH),
    foreign("EfficientNet-B2", 7_700_994, SWISH),
    foreign("EfficientNet-B3", 10_696_232, SWISH),
    foreign("EfficientNet-B4", 17_548_616, SWISH),
    foreign("EfficientNetV2-B0", 5_858_704, SWISH),
    foreign("EfficientNetV2-S", 20_177_488, SWISH),
    foreign("TinyNet-A", 4_906_972, SWISH),
    foreign("MixNet-S", 2_597_606, MIXED),
    foreign("MixNet-M", 3_477_382, MIXED),
    foreign("MixNet-L", 5_792_252, MIXED),
    foreign("GhostNet", 3_901_508, OTHER),
    foreign("ReXNet", 3_515_873, OTHER),
    foreign("ResNet-18", 11_176_512, OTHER),
    foreign("ResNet-50", 23_508_032, OTHER),
    foreign("MobileNetV4-Conv-Small", 2_493_024, OTHER),
    foreign("MobileNetV4-Conv-Medium", 8_434_512, OTHER),
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
            ("features.0.weight", vec![2_223_872]),
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
        assert_eq!(find(&file(0)).unwrap().name, "MobileNetV2");
        assert!(find(&file(1)).is_none());
    }
}
