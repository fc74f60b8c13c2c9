//! The supernet whose paths are parts of a network.

use burn::tensor::Device;
use scarlet::{ChannelOrder, Scarlet, ScarletConfig};
use scarlet_arch::{Genome, Operation, SearchSpace};
use scarlet_train::fingerprint::Fingerprint;
use scarlet_train::{Orders, Supernet, TrainError};
use serde::{Deserialize, Serialize};

use super::{Whole, other_weights};
use crate::files;
use crate::pipeline::Run;
use crate::{RunError, RunFolder};

/// What it holds.
#[derive(Serialize, Deserialize)]
struct Channels {
    /// A hash of the whole network's weights.
    network: String,
    /// Of every layer.
    orders: Vec<ChannelOrder>,
    /// Of the features, where there may be fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    features: Option<ChannelOrder>,
}

impl Channels {
    fn new(network: String, orders: Orders) -> Self {
        Self {
            network,
            orders: orders.layers,
            features: orders.features,
        }
    }

    fn orders(self) -> Orders {
        Orders {
            layers: self.orders,
            features: self.features,
        }
    }
}

impl Run {
    /// The supernet whose paths are parts of the untrained network, to measure how long things take.
    pub(in crate::pipeline) fn untrained_supernet_of(
        &self,
        whole: &Whole,
    ) -> Result<Supernet, RunError> {
        let settings = &self.config.supernet;
        let device = self.training_device();
        let network = whole.network(settings.dropout, settings.recipe.seed, &device)?;
        let importance = whole.settings.importance;
        Ok(Supernet::elastic(network, self.space.clone(), importance)?)
    }

    /// The supernet whose paths are parts of `teacher`. Which channels they have is written down, and
    /// taken from there when the run continues.
    pub(in crate::pipeline) fn supernet_of(
        &self,
        whole: &Whole,
        teacher: &Scarlet,
        folder: &RunFolder,
    ) -> Result<Supernet, RunError> {
        let settings = &self.config.supernet;
        let device = self.training_device();
        let network = whole
            .network(settings.dropout, settings.recipe.seed, &device)?
            .load(&teacher.state_dict())
            .map_err(TrainError::from)?;
        let given = Fingerprint::default().weights(teacher).finish();
        let path = folder.file(files::CHANNELS);
        if path.try_exists().map_err(TrainError::read(&path))? {
            let kept: Channels = folder.read_json(files::CHANNELS)?;
            if kept.network != given {
                return Err(other_weights(path, &kept.network, &given).into());
            }
            return Ok(Supernet::elastic_by(
                network,
                self.space.clone(),
                kept.orders(),
            )?);
        }
        let importance = whole.settings.importance;
        let supernet = Supernet::elastic(network, self.space.clone(), importance)?;
        let channels = Channels::new(given, supernet.orders());
        folder.write_json(files::CHANNELS, &channels)?;
        Ok(supernet)
    }
}

/// The parts of a network that keep all blocks with all of their kernels, all features and the same
/// share of hidden channels, as far as each can, at every resolution.
pub(in crate::pipeline) fn equal_parts(space: &SearchSpace) -> Result<Vec<Genome>, RunError> {
    // Choices as wide as the first, then narrower.
    let of_layer = |layer: usize| {
        let choices = space.choices(layer);
        let kernel = |operation: &Operation| match operation {
            Operation::InvertedResidual(block) => Some(block.kernel),
            _ => None,
        };
        let whole = choices.first().and_then(kernel);
        let genes = (0..choices.len()).filter(|&gene| kernel(&choices[gene]) == whole);
        genes.map(|gene| gene as u8).collect::<Vec<_>>()
    };
    let widths: Vec<Vec<u8>> = (0..space.layers()).map(of_layer).collect();
    let shares = widths.iter().map(Vec::len).max().unwrap_or(0);
    let mut parts = Vec::new();
    for resolution in 0..space.resolutions().len() as u8 {
        for share in 0..shares {
            let layers = widths.iter().map(|genes| genes[share.min(genes.len() - 1)]);
            parts.push(space.genome(layers, 0, resolution)?);
        }
    }
    Ok(parts)
}

/// The supernet of a run's folder with weights that are still to be read, where it is made of a
/// network.
pub(in crate::pipeline) fn unread_supernet(
    folder: &RunFolder,
    space: &SearchSpace,
    device: &Device,
) -> Result<Option<Supernet>, RunError> {
    if !folder.file(files::CHANNELS).exists() {
        return Ok(None);
    }
    let orders = folder.read_json::<Channels>(files::CHANNELS)?.orders();
    let whole = space.decode(&space.first())?;
    let network = ScarletConfig::from(whole);
    let network = network.try_init(device).map_err(TrainError::from)?;
    Ok(Some(Supernet::elastic_by(network, space.clone(), orders)?))
}

#[cfg(test)]
mod tests {
    use scarlet_arch::{Architecture, Elasticity};

    use super::*;

    #[test]
    fn equal_parts_are_as_wide_everywhere() {
        let network = "C3@8/2:relu6 E1K3@8:relu6 E4K5@12/2 E6K3@12 C1@16 P32";
        let network: Architecture = network.parse().unwrap();
        let network = network.with_resolution(64);
        let elasticity = Elasticity {
            features: vec![],
            resolutions: vec![0.5],
            ..Elasticity::default()
        };
        let space = SearchSpace::elastic(&network, &elasticity).unwrap();
        let parts = equal_parts(&space).unwrap();
        // 32 hidden channels of kernel 5 and 3, 72 of kernel 3 with a skip; half the resolution.
        let texts: Vec<String> = parts.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "0000", "2100", "4200", "6300", "0001", "2101", "4201", "6301"
            ]
        );
        for part in &parts {
            let part = space.decode(part).unwrap();
            assert!(part.layers()[0].operation.to_string().contains("K5"));
        }
    }
}
