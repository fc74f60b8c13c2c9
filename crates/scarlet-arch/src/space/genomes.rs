//! Networks as genomes of a space, and back.

use super::SearchSpace;
use super::skip::is_skip;
use crate::style::Style;
use crate::{Architecture, ArchitectureError, Block, Genome, Operation};

impl SearchSpace {
    /// How many values each gene has: one gene for each layer, one for the features where their
    /// numbers differ, and one for the resolution where there are several.
    pub fn genes(&self) -> Vec<usize> {
        let layers = (0..self.layers()).map(|layer| self.choices(layer).len());
        let ends = [&self.features, &self.resolutions].into_iter();
        let ends = ends.filter(|values| !values.is_empty()).map(Vec::len);
        layers.chain(ends).collect()
    }

    /// The genome that has the first choice everywhere.
    pub fn first(&self) -> Genome {
        Genome::of_valid(vec![0; self.genes().len()])
    }

    /// The genome with these genes of layers, and these of the features and of the resolution where the
    /// space has such.
    ///
    /// # Errors
    ///
    /// When there are more genes than a genome can have.
    pub fn genome(
        &self,
        layers: impl IntoIterator<Item = u8>,
        features: u8,
        resolution: u8,
    ) -> Result<Genome, ArchitectureError> {
        let features = (!self.features.is_empty()).then_some(features);
        let resolution = (!self.resolutions.is_empty()).then_some(resolution);
        let genes = layers.into_iter().chain(features).chain(resolution);
        Genome::new(genes.collect::<Vec<_>>())
    }

    /// The number of networks, rounded; infinite when it is beyond an f64.
    pub fn size(&self) -> f64 {
        let genes = self.genes().into_iter();
        genes.map(|values| values as f64).product()
    }

    /// The number of networks, in all its decimal digits.
    pub fn size_exact(&self) -> String {
        // Little end first, in base 10.
        let mut digits = vec![1];
        for values in self.genes() {
            let mut carry = 0;
            for digit in &mut digits {
                carry += *digit * values;
                *digit = carry % 10;
                carry /= 10;
            }
            while carry > 0 {
                digits.push(carry % 10);
                carry /= 10;
            }
        }
        digits.iter().rev().map(usize::to_string).collect()
    }

    /// The network that a genome describes, under the space's name with the genome behind it.
    ///
    /// # Errors
    ///
    /// When the genome has another number of layers than the space, or a choice that it does not
    /// have, or when the network is not [valid](Architecture::validate).
    pub fn decode(&self, genome: &Genome) -> Result<Architecture, ArchitectureError> {
        let error = |problem| ArchitectureError::Genome {
            genome: genome.to_string(),
            problem,
        };
        let genes = genome.genes();
        let expected = self.genes().len();
        if genes.len() != expected {
            let layers = self.layers();
            return Err(error(match expected == layers {
                true => format!(
                    "it has {} layers, but this search space has {expected}",
                    genes.len()
                ),
                false => format!(
                    "it has {} genes, but this search space has {expected}: {layers} layers{}{}",
                    genes.len(),
                    if self.features.is_empty() {
                        ""
                    } else {
                        ", features"
                    },
                    if self.resolutions.is_empty() {
                        ""
                    } else {
                        ", a resolution"
                    },
                ),
            }));
        }
        let mut network = self.template.clone();
        network.name = format!("{}-{genome}", self.template.name);
        for (index, (layer, &gene)) in network.layers_mut().iter_mut().zip(genes).enumerate() {
            let choices = self.choices.of(index);
            layer.operation = *choices.get(usize::from(gene)).ok_or_else(|| {
                error(format!(
                    "layer {} has choice {gene}, but this search space has 0 to {}",
                    index + 1,
                    choices.len() - 1
                ))
            })?;
        }
        let mut ends = genes[self.layers()..].iter();
        let mut end = |what: &str, values: &[usize]| match values.is_empty() {
            true => Ok(None),
            false => {
                let gene = ends.next().copied().unwrap_or(0);
                let value = values.get(usize::from(gene)).copied();
                value.map(Some).ok_or_else(|| {
                    let last = values.len() - 1;
                    error(format!(
                        "its {what} is {gene}, but this search space has 0 to {last}"
                    ))
                })
            }
        };
        if let Some(features) = end("choice of features", &self.features)? {
            network.head = network.head.with_features(features);
        }
        if let Some(resolution) = end("resolution", &self.resolutions)? {
            network = network.with_resolution(resolution);
        }
        network.validate()?;
        Ok(network)
    }

    /// The genome that describes a network's layers. Either kind of skip is the space's, so that
    /// a plain network has its place in a stabilized space. What the layers do not decide (name,
    /// classes, preprocessing, padding, batch normalisation) may differ.
    ///
    /// # Errors
    ///
    /// [`ArchitectureError::NotInSpace`] names the first difference.
    pub fn encode(&self, network: &Architecture) -> Result<Genome, ArchitectureError> {
        let template = &self.template;
        same(
            "network",
            "input_channels",
            network.input_channels,
            template.input_channels,
        )?;
        let different = |field, found: String, expected: String| ArchitectureError::NotInSpace {
            place: "network".to_owned(),
            field,
            found,
            expected,
        };
        let (found, expected) = (stem(network), stem(template));
        if found != expected {
            return Err(different("stem", found, expected));
        }
        let style = Style::SCARLET;
        let head = |it: &Architecture| it.head.text(&style).join(" ");
        let features = self.features.iter();
        let mut features = features.map(|&features| template.head.with_features(features));
        let features_gene = features.position(|known| known == network.head);
        if network.head != template.head && features_gene.is_none() {
            return Err(different("head", head(network), head(template)));
        }
        same(
            "network",
            "number of layers",
            network.layers().len(),
            self.layers(),
        )?;

        let layers = network.layers().iter().zip(template.layers());
        let genes = layers
            .enumerate()
            .map(|(index, (layer, place))| self.gene(index, layer, place));
        let mut genes = genes.collect::<Result<Vec<_>, _>>()?;
        genes.extend(features_gene.map(|gene| gene as u8));
        if !self.resolutions.is_empty() {
            let resolution = network.preprocessing.resolution;
            let mut resolutions = self.resolutions.iter();
            let gene = resolutions.position(|&known| known == resolution);
            let unknown = || {
                let known: Vec<_> = self.resolutions.iter().map(usize::to_string).collect();
                different("resolution", resolution.to_string(), known.join(" "))
            };
            genes.push(gene.ok_or_else(unknown)? as u8);
        }
        Genome::new(genes)
    }

    fn gene(&self, index: usize, layer: &Block, plan: &Block) -> Result<u8, ArchitectureError> {
        let place = format!("layer {}", index + 1);
        if layer.operation != Operation::Identity {
            same(&place, "channels", layer.channels, plan.channels)?;
            same(&place, "stride", layer.stride, plan.stride)?;
        }
        let choices = self.choices.of(index);
        let gene = choices.iter().position(|choice| {
            *choice == layer.operation || is_skip(choice) && is_skip(&layer.operation)
        });
        gene.map(|gene| gene as u8)
            .ok_or_else(|| ArchitectureError::NotInSpace {
                place,
                field: "operation",
                found: layer.operation.to_string(),
                expected: choices
                    .iter()
                    .map(Operation::to_string)
                    .collect::<Vec<_>>()
                    .join(" "),
            })
    }
}

/// The blocks before the layers, in words.
fn stem(network: &Architecture) -> String {
    let blocks = &network.blocks[..network.blocks_before_layers()];
    let words: Vec<String> = blocks.iter().map(Block::word).collect();
    words.join(" ")
}

fn same(
    place: &str,
    field: &'static str,
    found: usize,
    expected: usize,
) -> Result<(), ArchitectureError> {
    if found == expected {
        return Ok(());
    }
    Err(ArchitectureError::NotInSpace {
        place: place.to_owned(),
        field,
        found: found.to_string(),
        expected: expected.to_string(),
    })
}
