//! [`Origin`]: what a file, or a text next to it, says about where its weights come from.
//!
//! Shapes leave open which activation a network has, how it pads, and how its images were prepared.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use scarlet_arch::{Activation, Architecture, ResizeFilter};
use serde::Deserialize;

use crate::zoo;

/// A network's name among those who trained it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Origin {
    pub(super) name: String,
    /// Where that is said.
    pub(super) place: String,
    images: Option<Images>,
}

/// How images were prepared, in the words of timm's `config.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Images {
    mean: Option<[f32; 3]>,
    std: Option<[f32; 3]>,
    crop_pct: Option<f64>,
    interpolation: Option<String>,
    input_size: Option<[usize; 3]>,
}

/// The parts of timm's `config.json` that are of use.
#[derive(Deserialize)]
struct Config {
    architecture: String,
    pretrained_cfg: Option<Images>,
}

impl Origin {
    pub(super) fn new(name: impl Into<String>, place: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            place: place.into(),
            images: None,
        }
    }

    /// What `config.json` in a weight file's folder says, if there is one that names a network.
    pub(super) fn beside(weights: &Path) -> Option<Self> {
        const LONGEST: u64 = 1 << 20;
        let path = weights.with_file_name("config.json");
        let mut text = String::new();
        let file = File::open(path).ok()?;
        file.take(LONGEST).read_to_string(&mut text).ok()?;
        let config: Config = serde_json::from_str(&text).ok()?;
        Some(Self {
            images: config.pretrained_cfg,
            ..Self::new(config.architecture, "config.json beside it")
        })
    }

    /// Whether it settles anything: a network's name or that of its weights, or one of the families
    /// whose layers have the same shapes.
    pub(super) fn is_known(&self) -> bool {
        self.family().is_some() || self.network().is_some()
    }

    /// The network of that name, as its weights want it.
    pub(super) fn network(&self) -> Option<Architecture> {
        let mut network = zoo::by_name(&self.name).ok().or_else(|| {
            // Of weights that are not known, the network may be.
            let (name, _) = self.name.rsplit_once('.')?;
            zoo::by_name(name).ok()
        })?;
        if let Some(images) = &self.images {
            images.settle(&mut network);
        }
        Some(network)
    }

    /// Of a network of SCARLET's search space, which is none of the zoo: the activation in all its
    /// layers.
    pub(super) fn family(&self) -> Option<Activation> {
        let key = self.name.replace(['-', '_', ' '], "").to_ascii_lowercase();
        if key.starts_with("scarlet") {
            Some(Activation::HSwish)
        } else if key.starts_with("fairnas") {
            Some(Activation::Relu6)
        } else {
            None
        }
    }
}

/// The same activation in every layer.
pub(super) fn set_activation(architecture: &mut Architecture, activation: Activation) {
    for layer in architecture.layers_mut() {
        layer.operation = layer.operation.with_activation(activation);
    }
}

impl Images {
    fn settle(&self, architecture: &mut Architecture) {
        let mut settled = architecture.clone();
        let preprocessing = &mut settled.preprocessing;
        preprocessing.mean = self.mean.unwrap_or(preprocessing.mean);
        preprocessing.std = self.std.unwrap_or(preprocessing.std);
        preprocessing.crop_ratio = self.crop_pct.unwrap_or(preprocessing.crop_ratio);
        preprocessing.resolution = self
            .input_size
            .map_or(preprocessing.resolution, |[_, height, _]| height);
        preprocessing.filter = match self.interpolation.as_deref() {
            Some("bicubic") => ResizeFilter::Bicubic,
            Some("bilinear") => ResizeFilter::Bilinear,
            _ => preprocessing.filter,
        };
        // Numbers that no network can have are not this file's.
        if settled.validate().is_ok() {
            *architecture = settled;
        }
    }
}

#[cfg(test)]
mod tests {
    use scarlet_arch::{Padding, Preprocessing};

    use super::*;

    #[test]
    fn a_name_settles_what_shapes_leave_open() {
        let network = |name: &str| {
            let network = Origin::new(name, "a test").network();
            network.map(|it| (it.padding, it.batch_norm.epsilon))
        };
        let tensorflow = Some((Padding::Same, 1e-3));
        assert_eq!(network("tf_efficientnet_lite0.in1k"), tensorflow);
        // Weights of one's own.
        assert_eq!(network("tf_efficientnet_lite0.mine"), tensorflow);
        assert_eq!(
            network("efficientnet_lite0"),
            Some((Padding::Symmetric, 1e-5))
        );
        assert_eq!(network("efficientnet_lite01"), None);
        assert_eq!(network("resnet50"), None);

        let family = |name: &str| Origin::new(name, "a test").family();
        assert_eq!(family("FairNAS_A"), Some(Activation::Relu6));
        assert_eq!(family("SCARLET-B"), Some(Activation::HSwish));
        assert_eq!(family("efficientnet_lite0"), None);
        assert!(!Origin::new("resnet50", "a test").is_known());
    }

    #[test]
    fn the_text_beside_a_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("model.safetensors");
        assert_eq!(Origin::beside(&weights), None);
        let write = |text: &str| std::fs::write(folder.path().join("config.json"), text).unwrap();
        write("[]");
        assert_eq!(Origin::beside(&weights), None);
        write(
            r#"{"architecture": "efficientnet_lite0", "num_classes": 1000, "pretrained_cfg": {
                "tag": "ra_in1k", "input_size": [3, 256, 256], "interpolation": "bilinear",
                "crop_pct": 0.9, "mean": [0.4, 0.5, 0.6], "std": [0.1, 0.2, 0.3]}}"#,
        );
        let lite0 = Origin::beside(&weights).unwrap().network().unwrap();
        let expected = Preprocessing {
            resolution: 256,
            crop_ratio: 0.9,
            filter: ResizeFilter::Bilinear,
            mean: [0.4, 0.5, 0.6],
            std: [0.1, 0.2, 0.3],
        };
        assert_eq!(lite0.preprocessing, expected);
        // A deviation of zero would divide by it.
        write(r#"{"architecture": "efficientnet_lite0", "pretrained_cfg": {"std": [0, 0, 0]}}"#);
        let lite0 = Origin::beside(&weights).unwrap().network().unwrap();
        assert_eq!(lite0.preprocessing.std, Preprocessing::IMAGENET.std);
    }
}
