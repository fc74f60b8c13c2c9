//! Which network a file holds, told by the entries in it.

use std::collections::HashMap;

use scarlet_arch::{Architecture, Block, Expansion, Operation};

use super::{Naming, StateDict, reference_entries};

/// The network that a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognised {
    /// The network, with the file's number of classes. Its name is a preset's, the one that the
    /// file itself gives, or `custom`.
    pub architecture: Architecture,
    /// Whose names the file uses.
    pub naming: Naming,
}

/// Finds the network that a file holds, in this order:
///
/// 1. the description that the file carries, where it is one of [`Scarlet::save`]'s,
/// 2. the preset that has exactly the file's entries and shapes, but for the number of classes,
/// 3. the network of SCARLET's search space that has them: nineteen layers with its channels.
///
/// Strides, activations, padding and the constants of batch normalisation leave no trace in the
/// shapes, so nothing else can be derived from them. `None` also where an entry is missing.
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
    let architecture = described(&weights)
        .filter(|architecture| fits(architecture, &shapes))
        .or_else(|| preset(&shapes))
        .or_else(|| searched(&shapes))?;
    Some(Recognised {
        architecture,
        naming,
    })
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

/// A network of SCARLET's search space: its plan of channels and strides, with the operations
/// that the shapes show.
///
/// The channels must be the plan's: they are what tells that the strides are, too.
fn searched(shapes: &Shapes) -> Option<Architecture> {
    let mut architecture = scarlet_arch::scarlet_a().with_classes(class_count(shapes)?);
    architecture.name = "custom".to_owned();
    let mut channels = architecture.separable;
    for (index, layer) in architecture.layers.iter_mut().enumerate() {
        layer.operation = operation(shapes, index, channels)?;
        if layer.operation != Operation::Identity {
            channels = layer.channels;
        }
    }
    fits(&architecture, shapes).then_some(architecture)
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
    Some(Operation::InvertedResidual(Block {
        kernel,
        expansion,
        squeeze_excite: shape("mid_se.squeeze_conv.weight").is_some(),
    }))
}
