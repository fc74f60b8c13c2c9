//! Names of weights in the checkpoints of earlier versions, whose networks had a stem, a separable
//! convolution, layers and a head for modules.

/// What a weight or running statistic is called today. Of a supernet everything but the layers has
/// become part of its ends.
pub(super) fn today(name: &str, is_supernet: bool) -> String {
    if name.starts_with("layers.") {
        return name.to_owned();
    }
    let ends = if is_supernet { "ends." } else { "" };
    let renamed = RENAMED.iter().find_map(|(old, new)| {
        let rest = name.strip_prefix(old)?;
        Some(format!("{ends}{new}{rest}"))
    });
    renamed
        .or_else(|| layer(name))
        .unwrap_or_else(|| format!("{ends}{name}"))
}

const RENAMED: [(&str, &str); 6] = [
    ("stem.", "blocks.0.Conv."),
    (
        "separable_conv.depthwise.conv.",
        "blocks.1.InvertedResidual.conv2.",
    ),
    (
        "separable_conv.depthwise.bn.",
        "blocks.1.InvertedResidual.bn2.",
    ),
    (
        "separable_conv.pointwise.conv.",
        "blocks.1.InvertedResidual.conv3.",
    ),
    (
        "separable_conv.pointwise.bn.",
        "blocks.1.InvertedResidual.bn3.",
    ),
    ("conv_before_pooling.", "head_conv."),
];

/// Two blocks came before the layers.
fn layer(name: &str) -> Option<String> {
    let (index, rest) = name.strip_prefix("mb_module.")?.split_once('.')?;
    let index: usize = index.parse().ok()?;
    Some(format!("blocks.{}.{rest}", index + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_todays() {
        for (old, network, supernet) in [
            (
                "stem.bn.gamma",
                "blocks.0.Conv.bn.gamma",
                "ends.blocks.0.Conv.bn.gamma",
            ),
            (
                "separable_conv.pointwise.bn.beta",
                "blocks.1.InvertedResidual.bn3.beta",
                "ends.blocks.1.InvertedResidual.bn3.beta",
            ),
            (
                "conv_before_pooling.conv.weight",
                "head_conv.conv.weight",
                "ends.head_conv.conv.weight",
            ),
            ("classifier.bias", "classifier.bias", "ends.classifier.bias"),
            (
                "layers.3.choices.2.Linear.weight",
                "layers.3.choices.2.Linear.weight",
                "layers.3.choices.2.Linear.weight",
            ),
        ] {
            assert_eq!(today(old, false), network);
            assert_eq!(today(old, true), supernet);
        }
        let block = "mb_module.9.InvertedResidual.conv1.weight";
        let expected = "blocks.11.InvertedResidual.conv1.weight";
        assert_eq!(today(block, false), expected);
    }
}
