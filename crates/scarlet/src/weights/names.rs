//! Names of the same weights in different places: the released SCARLET checkpoints (our
//! reference), two families of EfficientNet files, and our own modules.

use std::collections::BTreeMap;

use super::{Entry, StateDict};

/// Whose names a file uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Naming {
    /// The released SCARLET checkpoints: `stem.0`, `mb_module.3.conv1`, …
    Scarlet,
    /// EfficientNet-PyTorch and its relatives: `_conv_stem`, `_blocks.3._expand_conv`, …
    EfficientNetPyTorch,
    /// timm: `conv_stem`, `blocks.2.0.conv_pw`, …
    Timm,
}

impl Naming {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scarlet => "SCARLET",
            Self::EfficientNetPyTorch => "EfficientNet-PyTorch",
            Self::Timm => "timm",
        }
    }

    /// The naming that a file's entries follow.
    pub fn of(weights: &StateDict) -> Option<Self> {
        let has = |prefix: &str| {
            weights
                .entries()
                .iter()
                .any(|entry| entry.name().starts_with(prefix))
        };
        if has("stem.0.") || has("mb_module.") {
            Some(Self::Scarlet)
        } else if has("_conv_stem.") || has("_blocks.") {
            Some(Self::EfficientNetPyTorch)
        } else if has("conv_stem.") || has("blocks.") {
            Some(Self::Timm)
        } else {
            None
        }
    }
}

impl StateDict {
    /// The same entries under the names of the released SCARLET checkpoints. Entries that have no
    /// such name keep their own. The only matrix outside of the layers is the classifier's,
    /// whatever it is called: `classifier.1`, `fc` or `head.fc`, for example.
    pub fn with_reference_names(&self) -> Self {
        let Some(naming) = Naming::of(self) else {
            return self.clone();
        };
        let blocks = TimmBlocks::of(self);
        let classifier = classifier(self);
        self.map(|entry| {
            let as_classifier = classifier
                .as_deref()
                .and_then(|theirs| replace_prefix(entry.name(), theirs, "classifier"));
            let name = as_classifier.or_else(|| match naming {
                Naming::Scarlet => None,
                Naming::Timm => blocks.reference_name(entry.name()),
                Naming::EfficientNetPyTorch => from_efficientnet_pytorch(entry.name()),
            });
            match name {
                Some(name) => entry.renamed(name),
                None => entry,
            }
        })
    }
}

/// What a file calls the classifier, where that is another name than the usual ones.
fn classifier(weights: &StateDict) -> Option<String> {
    const USUAL: [&str; 2] = ["classifier.weight", "_fc.weight"];
    const LAYERS: [&str; 3] = ["mb_module.", "blocks.", "_blocks."];
    let mut matrices = weights
        .entries()
        .iter()
        .filter(|entry| entry.shape().len() == 2)
        .map(Entry::name)
        .filter(|name| !LAYERS.iter().any(|layers| name.starts_with(layers)))
        .filter_map(|name| name.strip_suffix(".weight"));
    let found = matrices.next()?;
    let is_only = matrices.next().is_none();
    let is_usual = USUAL.iter().any(|name| weights.get(name).is_some());
    (is_only && !is_usual).then(|| found.to_owned())
}

/// Whether an entry belongs to what classifies, however many layers that has: everything that
/// training on other classes puts in the place of the classifier.
pub(super) fn is_of_classifier(name: &str) -> bool {
    const HEADS: [&str; 9] = [
        "classifier",
        "fc",
        "_fc",
        "head",
        "heads",
        "last_linear",
        "linear",
        "logits",
        "output",
    ];
    let first = name.split('.').next().unwrap_or_default();
    HEADS.contains(&first)
}

/// Prefixes of the parts around the layers: reference, our module path, EfficientNet-PyTorch,
/// timm.
const PARTS: &[(&str, &str, &str, &str)] = &[
    ("stem.0", "stem.conv", "_conv_stem", "conv_stem"),
    ("stem.1", "stem.bn", "_bn0", "bn1"),
    (
        "separable_conv.0",
        "separable_conv.depthwise.conv",
        "_blocks.0._depthwise_conv",
        "blocks.0.0.conv_dw",
    ),
    (
        "separable_conv.1",
        "separable_conv.depthwise.bn",
        "_blocks.0._bn1",
        "blocks.0.0.bn1",
    ),
    (
        "separable_conv.3",
        "separable_conv.pointwise.conv",
        "_blocks.0._project_conv",
        "blocks.0.0.conv_pw",
    ),
    (
        "separable_conv.4",
        "separable_conv.pointwise.bn",
        "_blocks.0._bn2",
        "blocks.0.0.bn2",
    ),
    (
        "conv_before_pooling.0",
        "conv_before_pooling.conv",
        "_conv_head",
        "conv_head",
    ),
    (
        "conv_before_pooling.1",
        "conv_before_pooling.bn",
        "_bn1",
        "bn2",
    ),
    ("classifier", "classifier", "_fc", "classifier"),
];

/// `name` with `new` in place of a leading `old`, where that ends at a dot.
fn replace_prefix(name: &str, old: &str, new: &str) -> Option<String> {
    let rest = name.strip_prefix(old)?;
    rest.starts_with('.').then(|| format!("{new}{rest}"))
}

fn from_efficientnet_pytorch(name: &str) -> Option<String> {
    let part = PARTS
        .iter()
        .find_map(|(reference, _, theirs, _)| replace_prefix(name, theirs, reference));
    if part.is_some() {
        return part;
    }
    let (index, rest) = name.strip_prefix("_blocks.")?.split_once('.')?;
    // Their first block is our separable convolution.
    let layer = index.parse::<usize>().ok()?.checked_sub(1)?;
    let (part, parameter) = rest.split_once('.')?;
    let part = match part {
        "_expand_conv" => "conv1",
        "_bn0" => "bn1",
        "_depthwise_conv" => "conv2",
        "_bn1" => "bn2",
        "_se_reduce" => "mid_se.squeeze_conv",
        "_se_expand" => "mid_se.excite_conv",
        "_project_conv" => "conv3",
        "_bn2" => "bn3",
        _ => return None,
    };
    Some(format!("mb_module.{layer}.{part}.{parameter}"))
}

/// timm numbers blocks within stages; we number layers through.
struct TimmBlocks {
    /// Our layer of a stage and block, and whether the block is without expansion.
    layers: BTreeMap<(usize, usize), (usize, bool)>,
}

impl TimmBlocks {
    fn of(weights: &StateDict) -> Self {
        let mut projects_by_pwl: BTreeMap<(usize, usize), bool> = BTreeMap::new();
        for entry in weights.entries() {
            let Some((place, rest)) = timm_block(entry.name()) else {
                continue;
            };
            // The first block is our separable convolution.
            if place != (0, 0) {
                *projects_by_pwl.entry(place).or_default() |= rest.starts_with("conv_pwl.");
            }
        }
        Self {
            layers: projects_by_pwl
                .into_iter()
                .enumerate()
                .map(|(layer, (place, expands))| (place, (layer, !expands)))
                .collect(),
        }
    }

    fn reference_name(&self, name: &str) -> Option<String> {
        let part = PARTS
            .iter()
            .find_map(|(reference, _, _, theirs)| replace_prefix(name, theirs, reference));
        if part.is_some() {
            return part;
        }
        let (place, rest) = timm_block(name)?;
        let (layer, separable) = *self.layers.get(&place)?;
        let (part, parameter) = rest.rsplit_once('.')?;
        let part = match (part, separable) {
            ("conv_pw", false) => "conv1",
            ("bn1", false) => "bn1",
            ("conv_dw", _) => "conv2",
            ("bn2", false) | ("bn1", true) => "bn2",
            ("se.conv_reduce", _) => "mid_se.squeeze_conv",
            ("se.conv_expand", _) => "mid_se.excite_conv",
            ("conv_pwl", false) | ("conv_pw", true) => "conv3",
            ("bn3", false) | ("bn2", true) => "bn3",
            _ => return None,
        };
        Some(format!("mb_module.{layer}.{part}.{parameter}"))
    }
}

/// Stage, block and the rest of a name such as `blocks.2.0.conv_pw.weight`.
fn timm_block(name: &str) -> Option<((usize, usize), &str)> {
    let (stage, rest) = name.strip_prefix("blocks.")?.split_once('.')?;
    let (block, rest) = rest.split_once('.')?;
    Some(((stage.parse().ok()?, block.parse().ok()?), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(weights: &StateDict) -> Vec<&str> {
        weights.entries().iter().map(Entry::name).collect()
    }

    fn weights(names: &[&str]) -> StateDict {
        StateDict::from_entries(
            names
                .iter()
                .map(|name| Entry::from_f32(*name, vec![], || vec![0.0])),
        )
    }

    #[test]
    fn efficientnet_names_become_ours() {
        let theirs = weights(&[
            "_conv_stem.weight",
            "_bn0.weight",
            "_blocks.0._depthwise_conv.weight",
            "_blocks.0._bn1.bias",
            "_blocks.0._project_conv.weight",
            "_blocks.0._bn2.bias",
            "_blocks.11._expand_conv.weight",
            "_blocks.11._bn0.running_mean",
            "_blocks.11._se_reduce.bias",
            "_conv_head.weight",
            "_bn1.weight",
            "_fc.bias",
        ]);
        assert_eq!(
            names(&theirs.with_reference_names()),
            [
                "classifier.bias",
                "conv_before_pooling.0.weight",
                "conv_before_pooling.1.weight",
                "mb_module.10.bn1.running_mean",
                "mb_module.10.conv1.weight",
                "mb_module.10.mid_se.squeeze_conv.bias",
                "separable_conv.0.weight",
                "separable_conv.1.bias",
                "separable_conv.3.weight",
                "separable_conv.4.bias",
                "stem.0.weight",
                "stem.1.weight",
            ]
        );
    }

    #[test]
    fn timm_names_become_ours() {
        let theirs = weights(&[
            "conv_stem.weight",
            "bn1.weight",
            "blocks.0.0.conv_dw.weight",
            "blocks.0.0.bn1.weight",
            "blocks.0.0.conv_pw.weight",
            "blocks.0.0.bn2.weight",
            "blocks.1.0.conv_pw.weight",
            "blocks.1.0.conv_pwl.weight",
            "blocks.1.1.bn3.weight",
            "blocks.1.1.conv_pwl.weight",
            "blocks.2.0.conv_dw.weight",
            "blocks.2.0.bn1.weight",
            "blocks.2.0.se.conv_reduce.bias",
            "blocks.2.0.conv_pw.weight",
            "blocks.2.0.bn2.weight",
            "conv_head.weight",
            "bn2.weight",
            "classifier.weight",
        ]);
        assert_eq!(
            names(&theirs.with_reference_names()),
            [
                "classifier.weight",
                "conv_before_pooling.0.weight",
                "conv_before_pooling.1.weight",
                "mb_module.0.conv1.weight",
                "mb_module.0.conv3.weight",
                "mb_module.1.bn3.weight",
                "mb_module.1.conv3.weight",
                "mb_module.2.bn2.weight",
                "mb_module.2.bn3.weight",
                "mb_module.2.conv2.weight",
                "mb_module.2.conv3.weight",
                "mb_module.2.mid_se.squeeze_conv.bias",
                "separable_conv.0.weight",
                "separable_conv.1.weight",
                "separable_conv.3.weight",
                "separable_conv.4.weight",
                "stem.0.weight",
                "stem.1.weight",
            ]
        );
    }
}
