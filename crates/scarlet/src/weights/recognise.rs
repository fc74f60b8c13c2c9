//! Which network a file holds, told by the entries in it.

use std::collections::HashMap;

use scarlet_arch::{
    Architecture, BatchNormSpec, Expansion, InvertedResidual, Operation, Padding, Preprocessing,
    SqueezeExcite,
};
use scarlet_engine::metadata::ARCHITECTURE_KEY;

use super::origin::{Origin, set_activation};
use super::{Naming, StateDict, reference_entries};
use crate::zoo::{self, Network};

/// The network that a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognised {
    /// The network, with the file's number of classes. Its name is one of the zoo's, the one that
    /// the file itself gives, or `custom`.
    pub architecture: Architecture,
    /// Whose names the file uses.
    pub naming: Naming,
    /// What neither the shapes nor anything in or next to the file decide, as it was taken, with
    /// the way to choose otherwise. `None` where nothing was left open.
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
/// 2. the network of the [zoo](crate::zoo) that has exactly the file's entries and shapes, but for
///    the numbers of classes and of the image's channels,
/// 3. the network of SCARLET's search space that has them: nineteen layers with its channels.
///
/// Strides, activations, padding and the constants of batch normalisation leave no trace in the
/// shapes, so nothing else can be derived from them. What the file or a `config.json` next to it
/// says of its origin settles them, then whose names it uses, and else [`Recognised::assumed`]
/// tells what was taken. `None` also where an entry is missing.
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
    let origin = weights.origin();
    let (architecture, assumed) = match known(&shapes, naming, origin) {
        Some(found) => found,
        None => searched(&shapes, origin)?,
    };
    Some(Recognised {
        architecture,
        naming,
        assumed,
    })
}

/// The network of the zoo that has these shapes, and what they leave open.
fn known(
    shapes: &Shapes,
    naming: Naming,
    origin: Option<&Origin>,
) -> Option<(Architecture, Option<String>)> {
    let classes = class_count(shapes)?;
    let channels = *shapes.get("stem.0.weight")?.get(1)?;
    let of_file = |mut architecture: Architecture| {
        if (channels, architecture.input_channels) == (1, 3) {
            architecture.preprocessing = architecture.preprocessing.in_grey();
        }
        architecture.input_channels = channels;
        architecture.with_classes(classes)
    };
    // The first that has them is the commonest.
    let twins = zoo::networks().map(|network| (network, of_file(network.architecture())));
    let mut twins: Vec<(&Network, Architecture)> =
        twins.filter(|(_, network)| fits(network, shapes)).collect();
    let named = origin.and_then(Origin::network).map(of_file);
    if let Some(named) = named.filter(|named| fits(named, shapes)) {
        return Some((named, None));
    }
    if let Some(activation) = origin.and_then(Origin::family) {
        twins.retain(|(_, network)| network.activations() == activation.name());
    }
    let is_tensorflows = |it: &&(&Network, Architecture)| it.1.padding == Padding::Same;
    match naming {
        Naming::EfficientNetPyTorch => {
            // These ports are of the authors' own weights.
            let found = twins.iter().find(is_tensorflows).or(twins.first())?;
            Some((found.1.clone(), None))
        }
        Naming::Torchvision => {
            let found = twins.iter().find(|it| !is_tensorflows(it))?;
            Some((as_torchvision(found.1.clone()), None))
        }
        Naming::Scarlet => Some((twins.first()?.1.clone(), None)),
        Naming::Timm => {
            let (network, architecture) = twins.first()?;
            let names: Vec<&str> = twins.iter().map(|(it, _)| timm_name(it)).collect();
            Some((
                architecture.clone(),
                assumed_of(timm_name(network), architecture, &names),
            ))
        }
    }
}

fn timm_name(network: &Network) -> &'static str {
    network.aliases().first().copied().unwrap_or(network.name())
}

/// What shapes leave open where several of timm's networks have them.
fn assumed_of(name: &str, network: &Architecture, twins: &[&str]) -> Option<String> {
    let others: Vec<&str> = twins.iter().copied().filter(|it| *it != name).collect();
    let first = others.first()?;
    let padding = match network.padding {
        Padding::Same => "which pads as TensorFlow does",
        Padding::Symmetric => "which pads as PyTorch does",
    };
    Some(format!(
        "the file does not say which of timm's networks of these shapes it holds; it was taken for \
         {name}, {padding}. If it is {}, say --origin {first} (or {name} to be sure of that), with \
         scarlet-weights convert for a file that records it",
        others.join(" or "),
    ))
}

/// A network as torchvision 0.29 builds it: in MobileNetV3 and MnasNet with constants of batch
/// normalisation of its own, and trained on images that were resized by a triangle filter.
fn as_torchvision(mut network: Architecture) -> Architecture {
    let is_efficientnet = network.name.starts_with("efficientnet");
    if network.head.hidden.is_some() {
        network.batch_norm = BatchNormSpec {
            epsilon: 1e-3,
            momentum: 0.01,
        };
    }
    if !is_efficientnet {
        network.preprocessing = Preprocessing::IMAGENET;
    }
    network
}

type Shapes<'a> = HashMap<&'a str, &'a [usize]>;

fn described(weights: &StateDict) -> Option<Architecture> {
    let json = weights.metadata().get(ARCHITECTURE_KEY)?;
    Architecture::from_json(json).ok()
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

/// A network of SCARLET's search space: its plan of channels and strides, with the operations
/// that the shapes show; and what they leave open.
///
/// The channels must be the plan's: they are what tells that the strides are, too.
fn searched(shapes: &Shapes, origin: Option<&Origin>) -> Option<(Architecture, Option<String>)> {
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
    if let Some(activation) = origin.and_then(Origin::family) {
        set_activation(&mut architecture, activation);
        return Some((architecture, None));
    }
    let assumed = "shapes do not show which activation the layers have, and the file does not say \
                   it; h-swish was taken, as in SCARLET. If it is ReLU6, as in FairNAS, say \
                   --origin fairnas (or scarlet to be sure of h-swish), with scarlet-weights convert \
                   for a file that records it";
    Some((architecture, Some(assumed.to_owned())))
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
