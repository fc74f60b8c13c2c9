//! [`Origin`]: what a file, or a text beside it, says about where its weights come from.
//!
//! Shapes leave open which activation a network has, how it pads, and how its images were prepared.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use scarlet_arch::{Activation, Architecture, BatchNormSpec, Padding, Preprocessing, ResizeFilter};
use serde::Deserialize;

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

/// Names that [`OpenOptions::origin`](super::OpenOptions::origin) takes: origins that settle what
/// shapes leave open.
pub const ORIGINS: [&str; 4] = [
    "scarlet",
    "fairnas",
    "tf_efficientnet_lite0",
    "efficientnet_lite0",
];

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

    /// Whether the name is one of those, whose networks may have a number at their end.
    pub(super) fn is(&self, name: &str) -> bool {
        let key = |text: &str| text.replace(['-', '_', ' '], "").to_ascii_lowercase();
        let rest = key(&self.name).strip_prefix(&key(name)).map(str::to_owned);
        match name {
            "scarlet" | "fairnas" => rest.is_some(),
            _ => rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
        }
    }

    /// Puts what it settles into a network that was found by its shapes; whether it did.
    pub(super) fn settle(&self, architecture: &mut Architecture) -> bool {
        let is_lite0 = architecture.name == "efficientnet-lite0";
        let settled = if self.is("scarlet") && !is_lite0 {
            set_activation(architecture, Activation::HSwish);
            true
        } else if self.is("fairnas") && !is_lite0 {
            set_activation(architecture, Activation::Relu6);
            true
        } else if self.is("tf_efficientnet_lite0") && is_lite0 {
            true
        } else if self.is("efficientnet_lite0") && is_lite0 {
            // timm's own training of the network, which differs from TensorFlow's in all of this.
            architecture.padding = Padding::Symmetric;
            architecture.batch_norm = BatchNormSpec {
                epsilon: 1e-5,
                momentum: 0.1,
            };
            architecture.preprocessing = Preprocessing {
                filter: ResizeFilter::Bicubic,
                ..Preprocessing::IMAGENET
            };
            true
        } else {
            false
        };
        if settled && let Some(images) = &self.images {
            images.settle(architecture);
        }
        settled
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
    use super::*;

    #[test]
    fn a_name_settles_what_shapes_leave_open() {
        let settled = |name: &str| {
            let mut lite0 = scarlet_arch::by_name("efficientnet-lite0").unwrap();
            let settles = Origin::new(name, "a test").settle(&mut lite0);
            (settles, lite0.padding, lite0.batch_norm.epsilon)
        };
        let tensorflow = (true, Padding::Same, 1e-3);
        assert_eq!(settled("tf_efficientnet_lite0.in1k"), tensorflow);
        let torch = (true, Padding::Symmetric, 1e-5);
        assert_eq!(settled("efficientnet_lite0"), torch);
        let unsettled = (false, Padding::Same, 1e-3);
        assert_eq!(settled("efficientnet_lite01"), unsettled);
        assert_eq!(settled("resnet50"), unsettled);
        assert_eq!(settled("scarlet_a"), unsettled);

        let text = "E3K3@24/2 - E6K5@40/2";
        let mut searched: Architecture = text.parse().unwrap();
        assert!(Origin::new("FairNAS_A", "a test").settle(&mut searched));
        assert_eq!(searched.to_string(), format!("[relu6] {text}"));
        assert!(Origin::new("SCARLET-B", "a test").settle(&mut searched));
        assert_eq!(searched.to_string(), text);
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
        let mut lite0 = scarlet_arch::by_name("efficientnet-lite0").unwrap();
        assert!(Origin::beside(&weights).unwrap().settle(&mut lite0));
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
        let mut lite0 = scarlet_arch::by_name("efficientnet-lite0").unwrap();
        assert!(Origin::beside(&weights).unwrap().settle(&mut lite0));
        assert_eq!(lite0.preprocessing.std, Preprocessing::IMAGENET.std);
    }
}
