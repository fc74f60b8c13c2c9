//! Names of a supernet's tensors, and ours of the same.

use scarlet_arch::{Architecture, OnceForAll};

use crate::weights::error::excerpt;
use crate::weights::{Entry, StateDict, WeightsError, reference_entries};

/// What older and newer versions of the authors' code call the same; all that have been published
/// differ in these alone. In order: the later ones see what the earlier ones made.
const SPELLINGS: [(&str, &str); 4] = [
    (".mobile_inverted_conv.", ".conv."),
    (".bn.bn.", ".bn."),
    (".conv.conv.weight", ".conv.weight"),
    (".linear.linear.", ".linear."),
];

const STEM: &str = "first_conv.conv.weight";
const CLASSIFIER: &str = "classifier.linear.bias";
const DEPTHWISE: &str = "depth_conv.conv";

/// What a cut kernel is multiplied by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Matrix {
    SevenToFive,
    FiveToThree,
}

impl Matrix {
    fn name(self) -> &'static str {
        match self {
            Self::SevenToFive => "7to5_matrix",
            Self::FiveToThree => "5to3_matrix",
        }
    }

    /// Rows and columns.
    fn side(self) -> usize {
        match self {
            Self::SevenToFive => 25,
            Self::FiveToThree => 9,
        }
    }
}

/// The same tensors under one of the spellings.
pub(super) fn canonical(weights: &StateDict) -> Result<StateDict, WeightsError> {
    let weights = weights.map(|entry| {
        let mut name = entry.name().to_owned();
        for (old, new) in SPELLINGS {
            name = name.replace(old, new);
        }
        entry.renamed(name)
    });
    let mut pairs = weights.entries().windows(2);
    match pairs.find(|pair| pair[0].name() == pair[1].name()) {
        None => Ok(weights),
        Some(pair) => Err(WeightsError::Malformed {
            path: weights.path().to_owned(),
            detail: format!(
                "`{}` appears twice, under an older and a newer name",
                excerpt(pair[0].name())
            ),
        }),
    }
}

/// Which supernet it is: by its stem's channels, if it has what only supernets have.
pub(super) fn recognise(weights: &StateDict) -> Result<OnceForAll, WeightsError> {
    let fail = |found: String| WeightsError::NotASupernet {
        path: weights.path().to_owned(),
        found,
        known: OnceForAll::ALL.map(OnceForAll::name).join(", "),
    };
    let Some(stem) = weights.get(STEM) else {
        return Err(fail(format!("it has no `{STEM}`")));
    };
    let is_matrix = |entry: &Entry| {
        let last = entry.name().rsplit('.').next();
        [Matrix::SevenToFive, Matrix::FiveToThree]
            .iter()
            .any(|matrix| last == Some(matrix.name()))
    };
    if !weights.entries().iter().any(is_matrix) {
        return Err(fail(format!(
            "it has no `{}`, so it is a network rather than a supernet, or one without transforms of \
             kernels",
            Matrix::SevenToFive.name()
        )));
    }
    let of_stem = |it: &OnceForAll| Some(&it.largest().blocks[0].channels) == stem.shape().first();
    let found = OnceForAll::ALL.into_iter().find(of_stem);
    found.ok_or_else(|| {
        let shape = format!("{:?}", stem.shape());
        fail(format!("its `{STEM}` is {}", excerpt(&shape)))
    })
}

pub(super) fn class_count(weights: &StateDict) -> Option<usize> {
    weights.get(CLASSIFIER)?.shape().first().copied()
}

/// Names and shapes of all entries of a supernet, by its largest network.
pub(super) fn entries(largest: &Architecture) -> Vec<(String, Vec<usize>)> {
    let has_hidden = largest.head.hidden.is_some();
    let mut entries = Vec::new();
    for (name, shape) in reference_entries(largest) {
        let Some(name) = theirs(&name, has_hidden, Some) else {
            continue;
        };
        for matrix in [Matrix::SevenToFive, Matrix::FiveToThree] {
            // The separable convolution has one kernel for all.
            if let Some(name) = matrix_name(&name, matrix).filter(|_| shape[2] == 7) {
                entries.push((name, vec![matrix.side(); 2]));
            }
        }
        // Their hidden layer is a convolution of one pixel.
        let shape = match name.starts_with("feature_mix_layer.conv.") {
            true => [&shape[..2], &[1, 1]].concat(),
            false => shape,
        };
        entries.push((name, shape));
    }
    entries
}

/// The name of a matrix next to the weight of a depthwise convolution; `None` next to all else.
pub(super) fn matrix_name(weight: &str, matrix: Matrix) -> Option<String> {
    let module = weight.strip_suffix(".weight")?;
    let is_depthwise = module.ends_with(DEPTHWISE);
    is_depthwise.then(|| format!("{module}.{}", matrix.name()))
}

/// What a supernet calls an entry of ours. `has_hidden` says whether it has a fully connected layer
/// before the classifier, and `block` which of its blocks after the first a layer is, from 0.
pub(super) fn theirs(
    ours: &str,
    has_hidden: bool,
    block: impl Fn(usize) -> Option<usize>,
) -> Option<String> {
    let (module, parameter) = ours.rsplit_once('.')?;
    let head_conv = match has_hidden {
        true => "final_expand_layer",
        false => "feature_mix_layer",
    };
    let theirs = match module {
        "stem.0" => "first_conv.conv".to_owned(),
        "stem.1" => "first_conv.bn".to_owned(),
        "separable_conv.0" => format!("blocks.0.conv.{DEPTHWISE}"),
        "separable_conv.1" => "blocks.0.conv.depth_conv.bn".to_owned(),
        "separable_conv.3" => "blocks.0.conv.point_linear.conv".to_owned(),
        "separable_conv.4" => "blocks.0.conv.point_linear.bn".to_owned(),
        "conv_before_pooling.0" => format!("{head_conv}.conv"),
        "conv_before_pooling.1" => format!("{head_conv}.bn"),
        "hidden" => "feature_mix_layer.conv".to_owned(),
        "classifier" => "classifier.linear".to_owned(),
        _ => {
            let (layer, part) = module.strip_prefix("mb_module.")?.split_once('.')?;
            let part = match part {
                "conv1" => "inverted_bottleneck.conv",
                "bn1" => "inverted_bottleneck.bn",
                "conv2" => DEPTHWISE,
                "bn2" => "depth_conv.bn",
                "mid_se.squeeze_conv" => "depth_conv.se.fc.reduce",
                "mid_se.excite_conv" => "depth_conv.se.fc.expand",
                "conv3" => "point_linear.conv",
                "bn3" => "point_linear.bn",
                _ => return None,
            };
            format!("blocks.{}.conv.{part}", block(layer.parse().ok()?)? + 1)
        }
    };
    Some(format!("{theirs}.{parameter}"))
}
