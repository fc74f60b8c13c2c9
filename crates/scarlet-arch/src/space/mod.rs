//! [`SearchSpace`]: the networks that a search may choose from.

mod changes;
mod choices;
mod genomes;
mod known;
mod skip;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use self::choices::{Choices, check_choices};
pub use self::skip::Skip;
use self::skip::is_skip;
use crate::json;
use crate::limits::MAX_LAYERS;
use crate::validate::range;
use crate::{Architecture, ArchitectureError, Operation};

/// All networks that make one of some choices in each layer of a plan: the same ones in every layer,
/// or, where the space is [derived from a network](Self::elastic), each layer's own.
///
/// ```
/// use scarlet_arch::{SearchSpace, Skip, scarlet_b};
///
/// let space = SearchSpace::scarlet();
/// assert_eq!(space.choices(0).len(), 13);
/// assert_eq!(space.size_exact(), "1461920290375446110677"); // 13^19
///
/// let genome = space.encode(&scarlet_b())?;
/// assert_eq!(genome.to_string(), "676b01b6c166b6aacba");
/// let stabilized = space.with_skip(Skip::Linear)?.decode(&genome)?;
/// assert!(stabilized.to_string().contains("E6K7s E3K3s L E3K5"));
/// # Ok::<(), scarlet_arch::ArchitectureError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Description")]
pub struct SearchSpace {
    /// Everything but the layers' operations.
    template: Architecture,
    choices: Choices,
    /// What a gene behind those of the layers chooses from, where classifiers read different numbers of
    /// features; else none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    features: Vec<usize>,
    /// What a last gene chooses from, where networks see images at several resolutions; else none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    resolutions: Vec<usize>,
}

/// A space as it is written, not yet checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    template: json::Description,
    choices: Choices,
    #[serde(default)]
    features: Vec<usize>,
    #[serde(default)]
    resolutions: Vec<usize>,
}

impl TryFrom<Description> for SearchSpace {
    type Error = ArchitectureError;

    fn try_from(description: Description) -> Result<Self, ArchitectureError> {
        let template = description.template.into_architecture();
        let (template, activation) = template.map_err(|problem| ArchitectureError::Space {
            problem: format!("template: {problem}"),
        })?;
        let mut choices = description.choices;
        // In format 1 the template says the activation of all choices.
        if let Some(activation) = activation {
            for choice in choices.lists_mut().into_iter().flatten() {
                *choice = choice.with_activation(activation);
            }
        }
        Self::checked(template, choices)?.with_ends(description.features, description.resolutions)
    }
}

impl SearchSpace {
    /// All networks like `template` whose layers do one of the `choices` each. Channels and
    /// strides of its layers are the plan; their operations do not matter.
    ///
    /// # Errors
    ///
    /// When there are no choices, more than 36, twice the same or two kinds of skip, or when
    /// a choice does not fit a layer.
    pub fn new(template: Architecture, choices: Vec<Operation>) -> Result<Self, ArchitectureError> {
        Self::checked(template, Choices::Same(choices))
    }

    /// As [`new`](Self::new), where each layer has choices of its own, in the layers' order.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and when there are not as many lists as layers.
    pub fn by_layer(
        template: Architecture,
        choices: Vec<Vec<Operation>>,
    ) -> Result<Self, ArchitectureError> {
        Self::checked(template, Choices::ByLayer(choices))
    }

    fn checked(template: Architecture, choices: Choices) -> Result<Self, ArchitectureError> {
        for choices in choices.lists() {
            check_choices(choices)?;
        }
        // Otherwise a choice without expansion would become the stem's.
        if template.blocks_before_layers() != 2 {
            return Err(ArchitectureError::Space {
                problem: "the template must have a depthwise separable convolution (E1) after its \
                          stem"
                    .to_owned(),
            });
        }
        let layers = template.layers().len();
        range("search space", "number of layers", layers, 1, MAX_LAYERS)?;
        if let Choices::ByLayer(lists) = &choices {
            let found = lists.len();
            range(
                "search space",
                "number of lists of choices",
                found,
                layers,
                layers,
            )?;
        }
        let space = Self::unchecked(template, choices);
        // The plan as it stands: its total stride is the largest of all networks'.
        space.template.validate()?;
        // Not every network, but enough that one which `decode` refuses is an oddity.
        for choice in 0..space.most_choices() {
            space.of_choice(choice).validate()?;
        }
        Ok(space)
    }

    /// The network that makes the same choice in every layer; the last, where a layer has fewer.
    fn of_choice(&self, choice: usize) -> Architecture {
        let mut network = self.template.clone();
        for (index, layer) in network.layers_mut().iter_mut().enumerate() {
            let choices = self.choices.of(index);
            layer.operation = choices[choice.min(choices.len() - 1)];
        }
        network
    }

    fn unchecked(mut template: Architecture, choices: Choices) -> Self {
        for layer in template.layers_mut() {
            layer.operation = Operation::Linear;
        }
        Self {
            template,
            choices,
            features: Vec::new(),
            resolutions: Vec::new(),
        }
    }

    /// What all networks of the space share. Its layers are the plan of channels and strides,
    /// each with the operation that uses them and chooses nothing, [`Operation::Linear`].
    pub fn template(&self) -> &Architecture {
        &self.template
    }

    /// The number of layers.
    pub fn layers(&self) -> usize {
        self.template.layers().len()
    }

    /// What `layer`, from 0, may do, in the order of the genes; empty for a layer that is none.
    pub fn choices(&self, layer: usize) -> &[Operation] {
        if layer < self.layers() {
            self.choices.of(layer)
        } else {
            &[]
        }
    }

    /// The number of choices of the layer that has the most.
    pub fn most_choices(&self) -> usize {
        let lists = self.choices.lists().into_iter();
        lists.map(<[Operation]>::len).max().unwrap_or(0)
    }

    /// What images may be seen at, in the order of the last gene: one resolution, without a gene, or
    /// several.
    pub fn resolutions(&self) -> &[usize] {
        match self.resolutions.as_slice() {
            [] => std::slice::from_ref(&self.template.preprocessing.resolution),
            several => several,
        }
    }

    /// The numbers of features that classifiers may read, in the order of their gene: one, without a
    /// gene, or several.
    pub fn features(&self) -> Vec<usize> {
        match self.features.as_slice() {
            [] => vec![self.template.features()],
            several => several.to_vec(),
        }
    }

    /// The kind of skip, and the gene that chooses it in the first layer that has one, if the space
    /// has skips. Where all layers have the same choices, the gene is that of every layer.
    pub fn skip(&self) -> Option<(Skip, u8)> {
        let lists = self.choices.lists();
        let mut skips = lists.into_iter().filter_map(|choices| {
            let gene = choices.iter().position(is_skip)?;
            let skip = match choices[gene] {
                Operation::Linear => Skip::Linear,
                _ => Skip::Identity,
            };
            Some((skip, gene as u8))
        });
        skips.next()
    }
}
