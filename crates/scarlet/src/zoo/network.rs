//! [`Network`]: what is known of one network, and the words that the families' files say it in.

use scarlet_arch::{Architecture, BatchNormSpec, Padding, Preprocessing, ResizeFilter};

pub(super) use scarlet_arch::ResizeFilter::{Bicubic, Bilinear};

/// What is known of a network.
#[derive(Debug, Clone, Copy)]
pub struct Network {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) family: &'static str,
    pub(super) paper: &'static str,
    /// The layers, unless there is a `preset`.
    pub(super) text: &'static str,
    /// Of a network that `scarlet_arch` builds.
    pub(super) preset: Option<fn() -> Architecture>,
    pub(super) padding: Padding,
    pub(super) batch_norm: BatchNormSpec,
    pub(super) preprocessing: Preprocessing,
    pub(super) published: Option<Published>,
    pub(super) weights: &'static [PublicWeights],
    pub(super) without_weights: Option<&'static str>,
}

impl Network {
    /// Its name, such as `mobilenetv3-large`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What else it is called; timm's name, where timm has it, comes first.
    pub fn aliases(&self) -> &'static [&'static str] {
        self.aliases
    }

    /// The family, such as `mobilenetv3`.
    pub fn family(&self) -> &'static str {
        self.family
    }

    /// The paper it is from, as an arXiv number.
    pub fn paper(&self) -> &'static str {
        self.paper
    }

    /// The network for ImageNet's 1,000 classes, with the preprocessing of its first weights.
    pub fn architecture(&self) -> Architecture {
        if let Some(preset) = self.preset {
            return preset();
        }
        let layers: Architecture = self
            .text
            .parse()
            .expect("a test reads every text of this folder");
        Architecture {
            name: self.name.to_owned(),
            padding: self.padding,
            batch_norm: self.batch_norm,
            preprocessing: self.preprocessing,
            ..layers
        }
    }

    /// What was published about it, if a table of its authors' was at hand.
    pub fn published(&self) -> Option<Published> {
        self.published
    }

    /// Where its weights are, best first; empty if nowhere public.
    pub fn weights(&self) -> &'static [PublicWeights] {
        self.weights
    }

    /// Why there are no public weights, where there are none.
    pub fn without_weights(&self) -> Option<&'static str> {
        self.without_weights
    }

    /// ImageNet accuracy of the weights that one gets: as measured, else as published.
    pub fn accuracy(&self) -> Option<PublishedAccuracy> {
        let measured = self.weights.first().and_then(|weights| weights.accuracy);
        measured.or(self.published.map(|published| published.accuracy))
    }
}

/// ImageNet accuracy by someone else's measurement, in percent.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct PublishedAccuracy {
    /// The right class comes first.
    pub top1: f64,
    /// The right class is among the first five.
    pub top5: Option<f64>,
    /// Who says so, and where.
    pub source: &'static str,
}

/// What was published about a network, for comparison with what is counted or measured here.
///
/// The figures need not describe this crate's network of that name to the digit: authors counted
/// otherwise, or at another resolution.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Published {
    /// ImageNet accuracy.
    pub accuracy: PublishedAccuracy,
    /// Mult-adds, in millions.
    pub mult_adds: Option<f64>,
    /// Parameters, in millions.
    pub parameters: Option<f64>,
}

/// Weights that anyone can have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PublicWeights {
    place: Place,
    licence: &'static str,
    classes: usize,
    preprocessing: Option<Preprocessing>,
    accuracy: Option<PublishedAccuracy>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    /// A repository of timm's on the hub.
    Timm(&'static str),
    Source(&'static str),
}

impl PublicWeights {
    /// Where they are, as [`Source`](crate::weights::Source) reads it.
    pub fn source(&self) -> String {
        match self.place {
            Place::Timm(tag) => format!("hf:timm/{tag}/model.safetensors"),
            Place::Source(source) => source.to_owned(),
        }
    }

    /// What timm calls them, such as `mobilenetv3_large_100.ra_in1k`.
    pub fn tag(&self) -> Option<&'static str> {
        match self.place {
            Place::Timm(tag) => Some(tag),
            Place::Source(_) => None,
        }
    }

    /// Their licence.
    pub fn licence(&self) -> &'static str {
        self.licence
    }

    /// Classes that they distinguish; ImageNet's are 1,000.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How they want photographs, where it is otherwise than the network's own.
    pub fn preprocessing(&self) -> Option<Preprocessing> {
        self.preprocessing
    }

    /// Their ImageNet accuracy, where someone measured it.
    pub fn accuracy(&self) -> Option<PublishedAccuracy> {
        self.accuracy
    }

    /// timm's own measurement, at the resolution of the weights' preprocessing.
    pub(super) const fn measured(mut self, top1: f64, top5: f64) -> Self {
        self.accuracy = Some(PublishedAccuracy {
            top1,
            top5: Some(top5),
            source: "timm, results-imagenet.csv of 2025-10-30",
        });
        self
    }

    pub(super) const fn with_classes(mut self, classes: usize) -> Self {
        self.classes = classes;
        self
    }

    pub(super) const fn seeing(mut self, preprocessing: Preprocessing) -> Self {
        self.preprocessing = Some(preprocessing);
        self
    }
}

/// Weights on timm's pages of the hub, with the licence that timm's configurations state.
pub(super) const fn timm(tag: &'static str) -> PublicWeights {
    PublicWeights {
        place: Place::Timm(tag),
        licence: "Apache-2.0",
        classes: 1000,
        preprocessing: None,
        accuracy: None,
    }
}

/// Weights in a Python package.
pub(super) const fn package(source: &'static str) -> PublicWeights {
    PublicWeights {
        place: Place::Source(source),
        ..timm("")
    }
}

/// A top-1 accuracy in percent, and where it was published.
pub(super) const fn published(top1: f64, source: &'static str) -> Published {
    Published {
        accuracy: PublishedAccuracy {
            top1,
            top5: None,
            source,
        },
        mult_adds: None,
        parameters: None,
    }
}

impl Published {
    pub(super) const fn top5(mut self, percent: f64) -> Self {
        self.accuracy.top5 = Some(percent);
        self
    }

    pub(super) const fn mult_adds(mut self, millions: f64) -> Self {
        self.mult_adds = Some(millions);
        self
    }

    pub(super) const fn parameters(mut self, millions: f64) -> Self {
        self.parameters = Some(millions);
        self
    }
}

/// Mean and standard deviation of each channel, of values in [0, 1].
pub(super) type Statistics = ([f32; 3], [f32; 3]);
/// Those of ImageNet's images.
pub(super) const IMAGENET: Statistics = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
/// Values from −1 to 1.
pub(super) const HALVES: Statistics = ([0.5; 3], [0.5; 3]);
/// Values from 0 to 1.
pub(super) const UNCHANGED: Statistics = ([0.0; 3], [1.0; 3]);

pub(super) const fn images(
    resolution: usize,
    crop_ratio: f64,
    filter: ResizeFilter,
    (mean, std): Statistics,
) -> Preprocessing {
    Preprocessing {
        resolution,
        crop_ratio,
        filter,
        mean,
        std,
    }
}

/// What networks that were trained in PyTorch have in common.
pub(super) const PYTORCH: Network = Network {
    name: "",
    aliases: &[],
    family: "",
    paper: "",
    text: "",
    preset: None,
    padding: Padding::Symmetric,
    batch_norm: BatchNormSpec {
        epsilon: 1e-5,
        momentum: 0.1,
    },
    preprocessing: images(224, 0.875, Bicubic, IMAGENET),
    published: None,
    weights: &[],
    without_weights: None,
};

/// What networks that were trained in TensorFlow have in common.
pub(super) const TENSORFLOW: Network = Network {
    padding: Padding::Same,
    batch_norm: BatchNormSpec {
        epsilon: 1e-3,
        momentum: 0.01,
    },
    ..PYTORCH
};

/// A family's networks: of each its docs, its builder, what it is based on, and what it has of its
/// own. Makes the builders and the list `NETWORKS`.
macro_rules! networks {
    ($(
        $(#[$docs:meta])*
        $builder:ident: $base:ident { $($field:ident: $value:expr),* $(,)? }
    )*) => {
        $(
            $(#[$docs])*
            #[derive(Debug, Clone, Copy)]
            pub struct $builder;

            #[allow(clippy::new_ret_no_self, reason = "the name stands for a configuration")]
            impl $builder {
                /// What is known of the network.
                pub const NETWORK: $crate::zoo::Network =
                    $crate::zoo::Network { $($field: $value,)* ..$base };

                /// The network's configuration, for 1,000 classes unless changed.
                pub fn new() -> $crate::ScarletConfig {
                    Self::NETWORK.architecture().into()
                }
            }
        )*

        /// In the order of the file.
        pub(super) const NETWORKS: &[&$crate::zoo::Network] = &[$(&$builder::NETWORK),*];
    };
}
pub(super) use networks;
