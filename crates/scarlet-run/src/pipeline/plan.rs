//! What a run is going to do, and the cheapest and costliest networks of its space.

use scarlet::Precision;
use scarlet_arch::graph::Graph;
use scarlet_arch::{Architecture, ArchitectureError, Cost, CostMetric, Genome, SearchSpace, Skip};
use scarlet_data::dataset::{Extent, ImageSize};
use scarlet_search::{Bound, Constraint};
use scarlet_train::latency::{LATENCY_METRIC, LatencyTable};
use scarlet_train::supernet::{path_architecture, plain_architecture};
use serde::Serialize;

use super::Estimate;
use super::choose::{chosen_layers, chosen_resolution};
use super::stages::Run;
use crate::RunError;

/// What a run is going to do.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// Number of networks in the space.
    pub networks: String,
    /// Layers that are searched for.
    pub layers: usize,
    /// Choices of each.
    pub choices: Vec<String>,
    /// Channels, height and width of the images.
    pub input: [usize; 3],
    /// Numbers of features in front of the classifier that the networks choose from; one where all have
    /// as many.
    pub features: Vec<usize>,
    /// Heights and widths that the networks choose from, in pixels; one where all see the same.
    pub resolutions: Vec<usize>,
    /// How many photographs there are and how large they are before they are brought to this size;
    /// none for images of one size.
    pub photographs: Option<Extent>,
    /// How large images of one size are before they are brought to this size; none for photographs.
    pub image_size: Option<ImageSize>,
    /// Their classes.
    pub classes: usize,
    /// Images that the supernet is trained on.
    pub train_images: usize,
    /// Images that candidates are judged by.
    pub holdout_images: usize,
    /// Images that the finished network is tested on.
    pub test_images: usize,
    /// The network of least mult-adds.
    pub cheapest: PricedNetwork,
    /// The network of most mult-adds.
    pub dearest: PricedNetwork,
    /// What a network must keep to.
    pub budget: Vec<String>,
    /// Those bounds of the budget that every network of the space keeps, each as a sentence.
    pub loose_budget: Vec<String>,
    /// What is to be large or small.
    pub objectives: Vec<String>,
    /// The numbers that candidates are judged and timed in.
    pub deploy: Precision,
    /// Whether the supernet is taken as its authors published it.
    pub published: bool,
    /// Updates of the supernet; none of a published one.
    pub supernet_steps: u64,
    /// Networks trained in each.
    pub paths_per_step: usize,
    /// Candidates to measure.
    pub evaluations: usize,
    /// Updates of the chosen network.
    pub train_steps: u64,
    /// How long it will take, where it was asked for.
    pub estimate: Option<Estimate>,
}

/// A network and what it costs.
#[derive(Debug, Clone, Serialize)]
pub struct PricedNetwork {
    /// Its choice in every layer.
    pub genome: Genome,
    /// Its layers.
    pub layers: String,
    /// Height and width of the images that it sees, in pixels, where the search chooses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<usize>,
    /// Its mult-adds.
    pub mult_adds: u64,
    /// Its trained numbers.
    pub parameters: u64,
    /// Its latency, where the run has a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
}

impl Run {
    /// What the run is going to do.
    ///
    /// # Errors
    ///
    /// None for a prepared run.
    pub fn plan(&self) -> Result<Plan, RunError> {
        let template = self.space.template();
        let side = template.preprocessing.resolution;
        let at_most = |limit| Constraint::new("mult_adds", limit, 0.0);
        // Of the layer that has the most, where each has its own.
        let layers = (0..self.space.layers()).map(|layer| self.space.choices(layer));
        let choices = layers
            .max_by_key(|choices| choices.len())
            .unwrap_or_default();
        let paths_per_step = self.new_sampler().paths_per_step();
        Ok(Plan {
            networks: self.space.size_exact(),
            layers: self.space.layers(),
            choices: choices.iter().map(ToString::to_string).collect(),
            input: [template.input_channels, side, side],
            features: self.space.features(),
            resolutions: self.space.resolutions().to_vec(),
            photographs: self.data.photographs,
            image_size: self.data.image_size,
            classes: template.classes,
            train_images: self.data.train.len(),
            holdout_images: self.data.holdout.len(),
            test_images: self.data.test.len(),
            cheapest: self.priced(&at_most(Bound::AtMost))?,
            dearest: self.priced(&at_most(Bound::AtLeast))?,
            budget: texts(&self.config.search.budget),
            loose_budget: self.loose_budget()?,
            objectives: texts(&self.config.search.objectives),
            deploy: self.config.search.deploy,
            published: self.is_published(),
            supernet_steps: match self.is_published() {
                true => 0,
                false => (self.config.supernet.recipe).steps(self.data.train.len(), paths_per_step),
            },
            paths_per_step,
            evaluations: self.config.search.evaluations,
            train_steps: self.config.train.recipe.steps(self.data.all.len(), 1),
            estimate: None,
        })
    }

    /// The network that is furthest on the constraint's side, as [`extreme`].
    pub(super) fn extreme(
        &self,
        constraint: &Constraint,
    ) -> Result<Option<(Genome, f64)>, RunError> {
        extreme(&self.space, self.latency_table.as_ref(), constraint)
    }

    /// The same, or the first network of the space where it cannot be computed.
    pub(super) fn extreme_or_first(&self, towards: &Constraint) -> Result<Genome, RunError> {
        match self.extreme(towards)? {
            Some((genome, _)) => Ok(genome),
            None => Ok(self.space.first()),
        }
    }

    fn priced(&self, towards: &Constraint) -> Result<PricedNetwork, RunError> {
        let genome = self.extreme_or_first(towards)?;
        let table = self.latency_table.as_ref();
        let latency_ms = table.map(|table| table.latency_ms(&genome)).transpose()?;
        let network = plain_architecture(&self.space, &genome)?;
        Ok(PricedNetwork {
            latency_ms,
            layers: chosen_layers(&self.space, &network),
            resolution: chosen_resolution(&self.space, &network),
            ..PricedNetwork::of(&network, genome)?
        })
    }
}

impl PricedNetwork {
    /// What the network of a genome costs, but for its latency, and without its resolution.
    pub(crate) fn of(network: &Architecture, genome: Genome) -> Result<Self, ArchitectureError> {
        let cost = Cost::of(network, network.preprocessing.resolution)?;
        Ok(Self {
            layers: network.layers_text(),
            resolution: None,
            mult_adds: cost.mult_adds,
            parameters: cost.parameters,
            latency_ms: None,
            genome,
        })
    }
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// The network of the space that is furthest on the constraint's side, and its value; `None` where
/// the constraint is on something that cannot be computed from the network.
///
/// Layers are nearly independent: one's choice changes what another costs only where a stabilizer
/// is removed between them. So the layers' own extremes are taken first, and then changed one at a
/// time for as long as that leads further.
fn extreme(
    space: &SearchSpace,
    table: Option<&LatencyTable>,
    constraint: &Constraint,
) -> Result<Option<(Genome, f64)>, RunError> {
    if constraint.name == LATENCY_METRIC {
        let extreme = table.map(|table| table.extreme(constraint.bound));
        return Ok(extreme.transpose()?);
    }
    let Some(metric) = CostMetric::named(&constraint.name) else {
        return Ok(None);
    };
    let mut genes = layers_extremes(space, metric, constraint.bound)?;
    let value = |genes: &[u8]| -> Result<u64, RunError> {
        let network = plain_architecture(space, &Genome::new(genes.to_vec())?)?;
        let cost = Cost::of(&network, network.preprocessing.resolution)?;
        Ok(metric.of(&cost))
    };
    let mut furthest = value(&genes)?;
    loop {
        let before = furthest;
        for (gene, values) in space.genes().into_iter().enumerate() {
            for choice in 0..values as u8 {
                let kept = std::mem::replace(&mut genes[gene], choice);
                let found = value(&genes)?;
                if is_better(constraint.bound, found, furthest) {
                    furthest = found;
                } else {
                    genes[gene] = kept;
                }
            }
        }
        if furthest == before {
            return Ok(Some((Genome::new(genes)?, furthest as f64)));
        }
    }
}

/// The choice of every layer that is furthest on a bound's side, each on its own.
fn layers_extremes(
    space: &SearchSpace,
    metric: CostMetric,
    bound: Bound,
) -> Result<Vec<u8>, RunError> {
    // Networks of one choice throughout, all at one resolution, show what it costs in every layer;
    // skips that keep the shape are none, the others stand for themselves.
    let space = match space.skip() {
        Some(_) => space.clone().with_skip(Skip::Identity)?,
        None => space.clone(),
    };
    let mut best: Vec<(u64, u8)> = Vec::new();
    for choice in 0..space.most_choices() as u8 {
        // A layer that has fewer makes its last.
        let mut genes = space.first().genes().to_vec();
        for (layer, gene) in genes.iter_mut().enumerate().take(space.layers()) {
            *gene = choice.min(space.choices(layer).len() as u8 - 1);
        }
        let network = path_architecture(&space, &Genome::new(genes.clone())?)?;
        let cost = Cost::of(&network, network.preprocessing.resolution)?;
        let graph = Graph::of(&network);
        for (part, cost) in graph.parts().iter().zip(&cost.parts) {
            let Some(layer) = part.layer else {
                continue;
            };
            let value = metric.of_part(cost);
            match best.get_mut(layer) {
                None => best.push((value, genes[layer])),
                Some(least) if is_better(bound, value, least.0) => {
                    *least = (value, genes[layer]);
                }
                Some(_) => {}
            }
        }
    }
    let layers = best.into_iter().map(|(_, choice)| choice);
    // No metric is less for more features or larger images.
    let furthest = |values: usize| match bound {
        Bound::AtMost => values as u8 - 1,
        Bound::AtLeast => 0,
    };
    let features = furthest(space.features().len());
    let resolution = furthest(space.resolutions().len());
    Ok(space.genome(layers, features, resolution)?.genes().to_vec())
}

fn is_better(bound: Bound, value: u64, than: u64) -> bool {
    match bound {
        Bound::AtMost => value < than,
        Bound::AtLeast => value > than,
    }
}

/// A bound on the other side, for the network that is furthest from a constraint's limit.
pub(super) fn opposite(constraint: &Constraint) -> Constraint {
    let bound = match constraint.bound {
        Bound::AtMost => Bound::AtLeast,
        Bound::AtLeast => Bound::AtMost,
    };
    Constraint::new(constraint.name.clone(), bound, constraint.limit)
}

/// Refuses a budget that no network of the space keeps.
pub(super) fn check_budget(
    space: &SearchSpace,
    table: Option<&LatencyTable>,
    budget: &[Constraint],
) -> Result<(), RunError> {
    for constraint in budget {
        let Some((genome, value)) = extreme(space, table, constraint)? else {
            continue;
        };
        if constraint.violation(value) > 0.0 {
            return Err(RunError::ImpossibleBudget {
                constraint: constraint.to_string(),
                extreme: match constraint.bound {
                    Bound::AtMost => "cheapest",
                    Bound::AtLeast => "costliest",
                },
                value: value.to_string(),
                layers: chosen_layers(space, &plain_architecture(space, &genome)?),
                genome: genome.to_string(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> SearchSpace {
        let small = SearchSpace::small_images(1, 16, 3).unwrap();
        let mut layers = small.template().layers()[..3].to_vec();
        // After skips, stabilizers that change the channels are merged into their neighbours.
        layers[2].stride = 1;
        let template = small.template().clone().with_layers(layers);
        let choices = ["E3K3", "E6K5s", "E3K7"].map(|text| text.parse().unwrap());
        SearchSpace::new(template, choices.to_vec())
            .unwrap()
            .with_skip(Skip::Linear)
            .unwrap()
    }

    #[test]
    fn extremes_are_those_of_all_networks() {
        let space = space();
        for name in [
            "mult_adds",
            "parameters",
            "weight_bytes",
            "peak_activation_bytes",
        ] {
            let mut values = Vec::new();
            for number in 0..64u8 {
                let genome = Genome::new(vec![number / 16, number / 4 % 4, number % 4]).unwrap();
                let network = plain_architecture(&space, &genome).unwrap();
                let cost = Cost::of(&network, 16).unwrap();
                values.push(match name {
                    "mult_adds" => cost.mult_adds,
                    "parameters" => cost.parameters,
                    "weight_bytes" => cost.weight_bytes,
                    _ => cost.peak_activation_bytes,
                });
            }
            let extreme = |bound| {
                let constraint = Constraint::new(name, bound, 0.0);
                extreme(&space, None, &constraint)
                    .unwrap()
                    .map(|(_, value)| value as u64)
            };
            assert_eq!(
                extreme(Bound::AtMost),
                values.iter().min().copied(),
                "{name}"
            );
            assert_eq!(
                extreme(Bound::AtLeast),
                values.iter().max().copied(),
                "{name}"
            );
        }
    }

    #[test]
    fn an_impossible_budget_names_the_cheapest_network() {
        let message = |text: &str| {
            let budget = [text.parse().unwrap()];
            check_budget(&space(), None, &budget)
                .unwrap_err()
                .to_string()
        };
        let error = message("mult_adds <= 1K");
        assert!(
            error.starts_with(
                "no network of this search space has mult_adds <= 1000: the cheapest has "
            ),
            "{error}"
        );
        assert!(error.contains("(`33"), "{error}");
        assert!(message("parameters >= 1G").contains("the costliest has "));
        check_budget(&space(), None, &["accuracy >= 0.9".parse().unwrap()]).unwrap();
    }
}
