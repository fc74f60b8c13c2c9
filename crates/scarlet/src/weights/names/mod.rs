//! Names of the same weights in different places: the released SCARLET checkpoints (our reference),
//! timm, torchvision, and the ports of EfficientNet to PyTorch. Rules, not tables: whoever built
//! networks of the same blocks names them so, whatever their number and size.

mod efficientnet_pytorch;
mod parts;
mod timm;
mod torchvision;

use super::{Entry, StateDict};
use parts::{Parts, Place};

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
    /// torchvision: `features.3.block.1.0`, `features.3.conv.1.0`, `layers.9.0.layers.3`, …
    Torchvision,
}

impl Naming {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scarlet => "SCARLET",
            Self::EfficientNetPyTorch => "EfficientNet-PyTorch",
            Self::Timm => "timm",
            Self::Torchvision => "torchvision",
        }
    }

    /// The naming that a file's entries follow.
    pub fn of(weights: &StateDict) -> Option<Self> {
        let has = |prefixes: &[&str]| {
            let mut names = weights.entries().iter().map(Entry::name);
            names.any(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
        };
        if has(&["stem.0.", "mb_module."]) {
            Some(Self::Scarlet)
        } else if has(&["_conv_stem.", "_blocks."]) {
            Some(Self::EfficientNetPyTorch)
        } else if has(&["conv_stem.", "blocks."]) {
            Some(Self::Timm)
        } else if has(&["features.0.", "layers.0."]) {
            Some(Self::Torchvision)
        } else {
            None
        }
    }

    /// Where an entry belongs, by its name without the parameter's; `None` where that is nowhere.
    fn place(self, module: &str, modules: &Parts<'_>) -> Option<Place> {
        match self {
            Self::Scarlet => None,
            Self::EfficientNetPyTorch => efficientnet_pytorch::place(module),
            Self::Timm => timm::place(module, modules),
            Self::Torchvision => torchvision::place(module, modules),
        }
    }
}

impl StateDict {
    /// The same entries under the names of the released SCARLET checkpoints, fully connected
    /// layers as the matrices that they are. Entries that have no such name keep their own. The
    /// only matrix outside of the layers is the classifier's, whatever it is called:
    /// `classifier.1`, `fc` or `head.fc`, for example.
    pub fn with_reference_names(&self) -> Self {
        let Some(naming) = Naming::of(self) else {
            return self.clone();
        };
        let parts = Parts::of(self);
        let names = parts.reference_names(|module| naming.place(module, &parts));
        let classifier = classifier(self);
        self.map(|entry| {
            let name = entry.name();
            let as_classifier = classifier
                .as_deref()
                .and_then(|theirs| replace_prefix(name, theirs, "classifier"));
            let by_rule = || {
                let (module, parameter) = name.rsplit_once('.')?;
                Some(format!("{}.{parameter}", names.get(module)?))
            };
            match as_classifier.or_else(by_rule) {
                Some(name) => as_matrix(entry.renamed(name)),
                None => entry,
            }
        })
    }
}

/// Fully connected layers are 1×1 convolutions to some.
fn as_matrix(entry: Entry) -> Entry {
    let is_linear = ["hidden.weight", "classifier.weight"].contains(&entry.name());
    match *entry.shape() {
        [outputs, inputs, 1, 1] if is_linear => entry.reshaped(vec![outputs, inputs]),
        _ => entry,
    }
}

/// What a file calls the classifier, where that is another name than the usual ones.
fn classifier(weights: &StateDict) -> Option<String> {
    const USUAL: [&str; 2] = ["classifier.weight", "_fc.weight"];
    const LAYERS: [&str; 5] = ["mb_module.", "blocks.", "_blocks.", "features.", "hidden."];
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

/// `name` with `new` in place of a leading `old`, where that ends at a dot.
fn replace_prefix(name: &str, old: &str, new: &str) -> Option<String> {
    let rest = name.strip_prefix(old)?;
    rest.starts_with('.').then(|| format!("{new}{rest}"))
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
            "_blocks.1._expand_conv.weight",
            "_blocks.1._bn0.running_mean",
            "_blocks.1._se_reduce.bias",
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
                "mb_module.0.bn1.running_mean",
                "mb_module.0.conv1.weight",
                "mb_module.0.mid_se.squeeze_conv.bias",
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
