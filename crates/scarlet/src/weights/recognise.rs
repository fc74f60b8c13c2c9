//! Which network a file holds, told by the entries in it.

use std::collections::HashMap;

use scarlet_arch::{
    Activation, Architecture, Expansion, InvertedResidual, Operation, Padding, SqueezeExcite,
};

use super::origin::set_activation;
use super::{Naming, StateDict, reference_entries};

/// The network that a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognised {
    /// The network, with the file's number of classes. Its name is a preset's, the one that the
    /// file itself gives, or `custom`.
    pub architecture: Architecture,
    /// Whose names the file uses.
    pub naming: Naming,
    /// What neither the shapes nor anything in or beside the file decide, as it was taken, with the
    /// way to choose otherwise. `None` where nothing was left open.
    pub assumed: Option<String>,
}

impl Recognised {
    /// How a network of the same layers differs from what the file says of itself, in what shapes do
    /// not show; `None` where it does not, or where the file says nothing.
    pub fn difference(&self, named: &Architecture) -> Option<String> {
        let found = &self.architecture;
        let hidden = |it: &Architecture| {
            let blocks = (it.blocks.clone(), it.head);
            (blocks, it.padding, it.batch_norm.epsilon)
        };
        let differs = self.assumed.is_none()
            && reference_entries(found) == reference_entries(named)
            && hidden(found) != hidden(named);
        let describe = |it: &Architecture| {
            let padding = match it.padding {
                Padding::Symmetric => "symmetric",
                Padding::Same => "TensorFlow's",
            };
            let epsilon = it.batch_norm.epsilon;
            let activations = it.activations();
            format!("{activations}, {padding} padding and an epsilon of {epsilon}")
        };
        differs.then(|| {
            format!(
                "by what they say of themselves, the weights are of {}, a network with {}; the one \
                 that was named has {}, and is what runs",
                found.name,
                describe(found),
                describe(named)
            )
        })
    }
}

/// Finds the network that a file holds, in this order:
///
/// 1. the description that the file carries, where it is one of [`Scarlet::save`]'s,
/// 2. the preset that has exactly the file's entries and shapes, but for the number of classes,
/// 3. the network of SCARLET's search space that has them: nineteen layers with its channels.
///
/// Strides, activations, padding and the constants of batch normalisation leave no trace in the
/// shapes, so nothing else can be derived from them. What the file or a `config.json` beside it says
/// of its origin settles them, and else [`Recognised::assumed`] tells what was taken. `None` also
/// where an entry is missing.
///
/// [`Scarlet::save`]: crate::Scarlet::save
pub fn recognise(weights: &StateDict) -> Option<Recognised> {
    let naming = Naming::of(weights)?;
    let weights = weights.with_reference_names();
    let shapes: Shapes = weights
        .entries()
        .iter()
        .filter(|entry| !entry.is_step_counter())
        .map(|entry| (entry.name(), entry.shape()))
        .collect();
    if let Some(architecture) = described(&weights).filter(|found| fits(found, &shapes)) {
        return Some(Recognised {
            architecture,
            naming,
            assumed: None,
        });
    }
    let (mut architecture, assumed) = match preset(&shapes) {
        Some(preset) => {
            let assumed = assumed_of_preset(&preset, naming);
            (preset, assumed)
        }
        None => searched(&shapes)?,
    };
    let origin = weights.origin();
    let is_settled = origin.is_some_and(|origin| origin.settle(&mut architecture));
    Some(Recognised {
        architecture,
        naming,
        assumed: assumed.filter(|_| !is_settled).map(str::to_owned),
    })
}

/// What the shapes of a preset leave open.
fn assumed_of_preset(preset: &Architecture, naming: Naming) -> Option<&'static str> {
    let has_twin = preset.name == "efficientnet-lite0" && naming == Naming::Timm;
    has_twin.then_some(
        "the file does not say which of timm's two networks of these shapes it holds; it was taken \
         for tf_efficientnet_lite0, which pads as TensorFlow does. If it is efficientnet_lite0, say \
         --origin efficientnet_lite0 (or tf_efficientnet_lite0 to be sure of that), with \
         scarlet-weights convert for a file that says it by itself",
    )
}

type Shapes<'a> = HashMap<&'a str, &'a [usize]>;

/// Key of the metadata entry with the architecture as JSON.
pub(crate) const ARCHITECTURE_KEY: &str = "scarlet.architecture";

fn described(weights: &StateDict) -> Option<Architecture> {
    let json = weights.metadata().get(ARCHITECTURE_KEY)?;
    Architecture::from_json(json).ok()
}

fn preset(shapes: &Shapes) -> Option<Architecture> {
    let classes = class_count(shapes)?;
    scarlet_arch::NAMES
        .iter()
        .filter_map(|name| scarlet_arch::by_name(name).ok())
        .map(|architecture| architecture.with_classes(classes))
        .find(|architecture| fits(architecture, shapes))
}

fn class_count(shapes: &Shapes) -> Option<usize> {
    shapes.get("classifier.bias")?.first().copied()
}

/// Whether a checkpoint of `architecture` has exactly these entries.
fn fits(architecture: &Architecture, shapes: &Shapes) -> bool {
    if architecture.validate().is_err() {
        return false;
    }
    let expected = reference_entries(architecture);
    expected.len() == shapes.len()
        && expected
            .iter()
            .all(|(name, shape)| shapes.get(name.as_str()) == Some(&shape.as_slice()))
}

/// The layers of FairNAS-A (Chu et al., arXiv 1907.01845), by SCARLET's authors: the same plan, but
/// ReLU6 throughout.
const FAIRNAS_A: &str = "E3K7 E3K3 E3K7 E6K3 E6K7 E3K3 E3K3 E6K7 E6K7 E3K5 E6K3 E3K5 E3K5 E6K3 E6K3 \
                         E6K7 E6K3 E6K7 E6K5";

/// A network of SCARLET's search space: its plan of channels and strides, with the operations
/// that the shapes show; and what they leave open.
///
/// The channels must be the plan's: they are what tells that the strides are, too.
fn searched(shapes: &Shapes) -> Option<(Architecture, Option<&'static str>)> {
    let mut architecture = scarlet_arch::scarlet_a().with_classes(class_count(shapes)?);
    architecture.name = "custom".to_owned();
    let mut channels = architecture.blocks[1].channels;
    for (index, layer) in architecture.layers_mut().iter_mut().enumerate() {
        layer.operation = operation(shapes, index, channels)?;
        if layer.operation != Operation::Identity {
            channels = layer.channels;
        }
    }
    if !fits(&architecture, shapes) {
        return None;
    }
    let fairnas = FAIRNAS_A.parse::<Architecture>();
    if fairnas.is_ok_and(|fairnas| fairnas.layers() == architecture.layers()) {
        architecture.name = "fairnas-a".to_owned();
        set_activation(&mut architecture, Activation::Relu6);
        return Some((architecture, None));
    }
    let assumed = "shapes do not show which activation the layers have, and the file does not say \
                   it; h-swish was taken, as in SCARLET. If it is ReLU6, as in FairNAS, say \
                   --origin fairnas (or scarlet to be sure of h-swish), with scarlet-weights convert \
                   for a file that says it by itself";
    Some((architecture, Some(assumed)))
}

/// What layer `index` does, `channels_in` channels wide at its input.
fn operation(shapes: &Shapes, index: usize, channels_in: usize) -> Option<Operation> {
    let shape = |part: &str| {
        shapes
            .get(format!("mb_module.{index}.{part}").as_str())
            .copied()
    };
    let Some(depthwise) = shape("conv2.weight") else {
        return Some(match shape("weight") {
            Some(_) => Operation::Linear,
            None => Operation::Identity,
        });
    };
    let (hidden, kernel) = (*depthwise.first()?, *depthwise.get(2)?);
    let expansion = match shape("conv1.weight") {
        None => Expansion::Times(1),
        Some(_) if hidden > channels_in && hidden.is_multiple_of(channels_in) => {
            Expansion::Times(hidden / channels_in)
        }
        Some(_) => Expansion::To(hidden),
    };
    let has_squeeze_excite = shape("mid_se.squeeze_conv.weight").is_some();
    Some(Operation::InvertedResidual(InvertedResidual {
        squeeze_excite: has_squeeze_excite.then_some(SqueezeExcite::QUARTER),
        ..InvertedResidual::new(kernel, expansion)
    }))
}
