//! Which network a file holds, told by the entries in it.

use std::collections::HashMap;

use scarlet_arch::{
    Architecture, BatchNormSpec, Expansion, InvertedResidual, Operation, Padding, Preprocessing,
    SqueezeExcite,
};
use scarlet_engine::metadata::ARCHITECTURE_KEY;

use super::error::excerpt;
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
/// shapes, so nothing else can be derived from them. What the file or a `config.json` next to it says
/// of its origin settles them, then whose names it uses, and else [`Recognised::assumed`] tells what
/// was taken; also where the origin is a network that is not known here. `None` also where an entry is
/// missing.
///
/// [`Scarlet::save`]: crate::Scarlet::save
pub fn recognise(weights: &StateDict) -> Option<Recognised> {
    let naming = Naming::of(weights)?;
    let weights = weights.with_reference_names();
    let shapes = shapes(&weights);
    if let Some(architecture) = described(&weights).filter(|found| fits(found, &shapes)) {
        return Some(Recognised {
            architecture,
            naming,
            assumed: None,
        });
    }
    let origin = weights.origin();
    let classes = class_count(&shapes);
    let found = classes.and_then(|classes| {
        known(naming, origin, |network| {
            let network = of_file(network, &shapes)?.with_classes(classes);
            fits(&network, &shapes).then_some(network)
        })
    });
    let (architecture, assumed) = match found {
        Some(found) => found,
        None => searched(&shapes, origin)?,
    };
    Some(Recognised {
        architecture,
        naming,
        assumed,
    })
}

/// Finds the network of the [zoo](crate::zoo) that a file holds but for its classifier, which may be
/// missing, of several layers, or anything else: what training on other classes starts from. The
/// network has the zoo's number of classes.
pub fn recognise_without_classifier(weights: &StateDict) -> Option<Recognised> {
    const BODY: [&str; 5] = [
        "stem",
        "separable_conv",
        "mb_module",
        "conv_before_pooling",
        "hidden",
    ];
    let naming = Naming::of(weights)?;
    let weights = weights.with_reference_names();
    let mut shapes = shapes(&weights);
    shapes.retain(|name, _| BODY.contains(&name.split('.').next().unwrap_or_default()));
    let (architecture, assumed) = known(naming, weights.origin(), |network| {
        let network = of_file(network, &shapes)?;
        let mut expected = reference_entries(&network);
        expected.retain(|(name, _)| !name.starts_with("classifier."));
        are(&expected, &shapes).then_some(network)
    })?;
    Some(Recognised {
        architecture,
        naming,
        assumed,
    })
}

fn shapes(weights: &StateDict) -> Shapes<'_> {
    let entries = weights.entries().iter();
    entries
        .filter(|entry| !entry.is_step_counter())
        .map(|entry| (entry.name(), entry.shape()))
        .collect()
}

/// The network for images of as many channels as the file's.
fn of_file(mut network: Architecture, shapes: &Shapes) -> Option<Architecture> {
    let channels = *shapes.get("stem.0.weight")?.get(1)?;
    if (channels, network.input_channels) == (1, 3) {
        network.preprocessing = network.preprocessing.in_grey();
    }
    network.input_channels = channels;
    Some(network)
}

/// The network of the zoo that fits, as `fitted` makes it where it does, and what that leaves open.
fn known(
    naming: Naming,
    origin: Option<&Origin>,
    fitted: impl Fn(Architecture) -> Option<Architecture>,
) -> Option<(Architecture, Option<String>)> {
    // Modules with these names were only ever built so: the ports are of the authors' own weights.
    let padding = match naming {
        Naming::EfficientNetPyTorch => Some(Padding::Same),
        Naming::Torchvision => Some(Padding::Symmetric),
        Naming::Timm | Naming::Scarlet => None,
    };
    let pads_so = |it: &Architecture| padding.is_none_or(|padding| it.padding == padding);
    let as_built = |network: Architecture| match naming {
        Naming::Torchvision => as_torchvision(network),
        _ => network,
    };
    let named = origin.and_then(Origin::network).and_then(&fitted);
    if let Some(named) = named.clone().filter(pads_so) {
        return Some((as_built(named), None));
    }
    // The first that has the shapes is the commonest.
    let twins = zoo::networks().filter_map(|it| Some((it, fitted(it.architecture())?)));
    let mut twins: Vec<(&Network, Architecture)> = twins.collect();
    if let Some(activation) = origin.and_then(Origin::family) {
        twins.retain(|(_, network)| network.activations() == activation.name());
    }
    let taken = match twins.iter().find(|(_, network)| pads_so(network)) {
        Some(found) => found,
        None if naming == Naming::EfficientNetPyTorch => twins.first()?,
        None => return None,
    };
    let (network, architecture) = taken;
    let other = origin.filter(|it| it.family().is_none() && named.is_none());
    let assumed = match (other, naming) {
        (Some(other), _) => Some(in_place_of(other, network)),
        (None, Naming::Timm) => {
            let names: Vec<&str> = twins.iter().map(|(it, _)| timm_name(it)).collect();
            assumed_of(timm_name(network), architecture, &names)
        }
        (None, _) => None,
    };
    Some((as_built(architecture.clone()), assumed))
}

fn timm_name(network: &Network) -> &'static str {
    network.aliases().first().copied().unwrap_or(network.name())
}

/// What is to be known where a file says that it holds something else than the network that has its
/// shapes.
fn in_place_of(origin: &Origin, taken: &Network) -> String {
    let taken = timm_name(taken);
    format!(
        "{} says that the weights are of {}, which is not known here. They have the shapes of {taken} and \
         run as that, but shapes show neither activations nor padding, strides and constants: the \
         results may be wrong. If it is {taken}, say --origin {taken}",
        origin.place,
        excerpt(&origin.name),
    )
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
    architecture.validate().is_ok() && are(&reference_entries(architecture), shapes)
}

fn are(expected: &[(String, Vec<usize>)], shapes: &Shapes) -> bool {
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
