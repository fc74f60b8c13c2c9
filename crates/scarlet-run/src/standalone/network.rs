//! The network that is trained.

use burn::tensor::Device;
use scarlet::weights::{LoadOptions, StateDict, WeightsError};
use scarlet::{Scarlet, ScarletConfig};
use scarlet_arch::Architecture;
use scarlet_arch::graph::Graph;
use scarlet_random::weights_seed;
use scarlet_train::TrainError;
use scarlet_train::error::require;

use super::StandaloneConfig;
use crate::RunError;

/// Trained weights to begin with.
#[derive(Debug)]
pub(super) struct Weights {
    /// Channels of the images that they were trained on.
    pub(super) channels: usize,
    pub(super) entries: StateDict,
}

/// The network, ready to be trained: its weights drawn or loaded, its first stages frozen.
pub(super) fn build(
    config: &StandaloneConfig,
    architecture: &Architecture,
    weights: Option<&Weights>,
    device: &Device,
) -> Result<Scarlet, RunError> {
    let device = device.clone().autodiff();
    let settings = &config.network;
    let init = |architecture: Architecture| {
        ScarletConfig::from(architecture)
            .with_dropout(settings.dropout)
            .with_drop_path(settings.drop_path)
            .try_init_seeded(weights_seed(config.train.seed, 0), &device)
    };
    let network = match weights {
        Some(weights) => {
            let mut trained = architecture.clone();
            trained.input_channels = weights.channels;
            let options = match settings.keep_classifier {
                true => {
                    check_classifier(&weights.entries, architecture.classes)?;
                    LoadOptions::new()
                }
                false => LoadOptions::new().without_classifier(),
            };
            let network = init(trained)?.load_with(&weights.entries, &options)?;
            match weights.channels == architecture.input_channels {
                true => network,
                false => network.in_grey(),
            }
        }
        None => init(architecture.clone())?,
    };
    let network = match settings.keep_classifier {
        true => network,
        // From scratch too: for few classes, the published first weights are far too large.
        false => network.reset_classifier(architecture.classes),
    };
    let frozen = frozen_parts(architecture, settings.freeze)?;
    Ok(network.freeze_prefixes(&frozen).map_err(TrainError::from)?)
}

/// Refuses to keep a classifier of another number of classes.
fn check_classifier(weights: &StateDict, expected: usize) -> Result<(), RunError> {
    match weights.architecture() {
        Ok(architecture) if architecture.classes == expected => Ok(()),
        Ok(architecture) => Err(RunError::KeptClassifier {
            found: architecture.classes,
            expected,
        }),
        // Loading tells whether they fit the network that was named.
        Err(WeightsError::UnknownNetwork(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Names of the parts that the first stages consist of.
fn frozen_parts(architecture: &Architecture, stages: usize) -> Result<Vec<String>, RunError> {
    let graph = Graph::of(architecture);
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    let mut was_layer = false;
    // All but what makes vectors of the last map, which is what there is to train.
    let maps = graph.parts().iter();
    for part in maps.take_while(|part| part.output.stride.is_some()) {
        let is_layer = part.layer.is_some();
        if is_layer != was_layer || (is_layer && part.stride() > 1) {
            all.push(Vec::new());
        }
        was_layer = is_layer;
        if let Some(stage) = all.last_mut().filter(|_| !part.nodes.is_empty()) {
            stage.push(part.name.clone());
        }
    }
    require(
        stages <= all.len(),
        "network.freeze",
        stages,
        "no more than the network has: 1 for the stem, 1 for each stride, 1 in front of pooling",
    )?;
    Ok(all.into_iter().take(stages).flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_begin_where_the_image_shrinks() {
        let architecture: Architecture = "E3K3@8 E3K3@8/2 - E3K3@8 E3K3@16/2".parse().unwrap();
        let parts = |stages| frozen_parts(&architecture, stages).unwrap().join(" ");
        assert_eq!(parts(0), "");
        assert_eq!(parts(1), "stem separable_conv");
        assert_eq!(parts(2), "stem separable_conv mb_module.0");
        assert_eq!(
            parts(3),
            "stem separable_conv mb_module.0 mb_module.1 mb_module.3"
        );
        assert!(parts(5).ends_with("mb_module.4 conv_before_pooling"));
        let error = frozen_parts(&architecture, 6).unwrap_err().to_string();
        assert!(error.contains("`network.freeze` is 6"), "{error}");
    }
}
