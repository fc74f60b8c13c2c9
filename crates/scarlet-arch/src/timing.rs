//! [`TimedPart`] and [`TimingPlan`]: what of networks is timed where this program does not run.

use serde::{Deserialize, Serialize};

use crate::graph::Graph;
use crate::{Architecture, ArchitectureError, Genome};

/// A part of a network as a table of times names it.
///
/// ```
/// use scarlet_arch::{Architecture, TimedPart};
///
/// let network: Architecture = "[relu6] C3@32/2 E1K3@16 E6K3@24/2 - P1280".parse()?;
/// let rows: Vec<_> = TimedPart::all_of(&network.with_classes(10), 224)
///     .into_iter()
///     .map(|part| (part.operation, part.shape))
///     .collect();
/// let rows: Vec<_> = rows.iter().map(|(a, b)| (&**a, &**b)).collect();
/// assert_eq!(
///     rows,
///     [
///         ("stem@32/2", "3x224x224"),
///         ("separable_conv@16", "32x112x112"),
///         ("E6K3@24/2:relu6", "16x112x112"),
///         ("conv_before_pooling@1280", "24x56x56"),
///         ("classifier@10", "1280x56x56"),
///     ]
/// );
/// # Ok::<(), scarlet_arch::ArchitectureError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimedPart {
    /// Its name, the prefix of its entries in a checkpoint.
    pub part: String,
    /// For one of the architecture's layers, its index, from 0.
    pub layer: Option<usize>,
    /// Indices of its nodes in the network's [`Graph`].
    pub nodes: std::ops::Range<usize>,
    /// What it does: a layer's word in the text of the network, or the name of another part with its
    /// output channels and its stride, where that is not 1.
    pub operation: String,
    /// What reaches it: channels, height and width, such as `16x112x112`.
    pub shape: String,
}

impl TimedPart {
    /// The parts that do something, in the order of computation, for images of `resolution` pixels
    /// in both directions.
    pub fn all_of(network: &Architecture, resolution: usize) -> Vec<Self> {
        let graph = Graph::of(network);
        let sizes = graph.sizes(resolution, resolution);
        let words: Vec<String> = network.layers().iter().map(|it| it.word()).collect();
        let parts = graph.parts().iter().filter(|part| !part.nodes.is_empty());
        let parts = parts.map(|part| {
            let before = part.nodes.start.checked_sub(1);
            let [height, width] = before.map_or([resolution; 2], |node| sizes[node]);
            let word = part.layer.and_then(|layer| words.get(layer));
            let operation = word.cloned().unwrap_or_else(|| {
                let stride = match part.stride() {
                    1 => String::new(),
                    stride => format!("/{stride}"),
                };
                format!("{}@{}{stride}", part.name, part.output.channels)
            });
            Self {
                part: part.name.clone(),
                layer: part.layer,
                nodes: part.nodes.clone(),
                operation,
                shape: format!("{}x{height}x{width}", part.input.channels),
            }
        });
        parts.collect()
    }
}

/// The networks that are to be timed, part by part and whole, for a table of a search space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TimingPlan {
    version: u32,
    /// The networks.
    pub networks: Vec<PlannedNetwork>,
}

/// A network that is to be timed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PlannedNetwork {
    /// Its choices in the space, by which its time is found again.
    pub genome: Genome,
    /// What it is.
    pub network: Architecture,
}

impl TimingPlan {
    const VERSION: u32 = 1;

    /// A plan for these networks.
    pub fn new(networks: impl IntoIterator<Item = (Genome, Architecture)>) -> Self {
        let networks = networks.into_iter();
        Self {
            version: Self::VERSION,
            networks: networks
                .map(|(genome, network)| PlannedNetwork { genome, network })
                .collect(),
        }
    }

    /// The plan as JSON.
    pub fn to_json(&self) -> String {
        // Plain data, whose names are text.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// When it is no plan, of another version, or a network of it is not valid.
    pub fn from_json(json: &str) -> Result<Self, ArchitectureError> {
        let plan: Self = serde_json::from_str(json).map_err(|error| ArchitectureError::Json {
            line: error.line(),
            column: error.column(),
            message: format!("no plan of what is to be timed: {error}"),
        })?;
        if plan.version != Self::VERSION {
            let message = format!(
                "the plan is of version {}, but this program reads version {}",
                plan.version,
                Self::VERSION
            );
            return Err(ArchitectureError::Json {
                line: 0,
                column: 0,
                message,
            });
        }
        for planned in &plan.networks {
            planned.network.validate()?;
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scarlet_a;

    #[test]
    fn a_plan_comes_back_from_its_text() {
        let plan = TimingPlan::new([("01a".parse().unwrap(), scarlet_a())]);
        let json = plan.to_json();
        assert_eq!(TimingPlan::from_json(&json).unwrap(), plan);
        let message = |json: &str| TimingPlan::from_json(json).unwrap_err().to_string();
        let error = message(&json.replace("\"version\": 1", "\"version\": 7"));
        assert!(
            error.contains("of version 7, but this program reads version 1"),
            "{error}"
        );
        assert!(message("{}").contains("missing field"));
        assert!(message("?").contains("no plan"));
    }

    #[test]
    fn every_part_of_scarlet_a_has_a_row() {
        let parts = TimedPart::all_of(&scarlet_a(), 224);
        let layers: Vec<_> = parts.iter().filter(|it| it.layer.is_some()).collect();
        assert_eq!(layers[0].operation, "E3K7@32/2");
        assert_eq!(layers[0].shape, "16x112x112");
        let nodes = Graph::of(&scarlet_a()).nodes().len();
        assert_eq!(parts.iter().map(|it| it.nodes.len()).sum::<usize>(), nodes);
    }
}
