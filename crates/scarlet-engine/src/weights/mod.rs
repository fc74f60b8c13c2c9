//! [`NetworkWeights`]: a network's weights as plain numbers.

mod number;
#[cfg(feature = "safetensors")]
pub(crate) mod safetensors;

pub use number::Number;

use scarlet_arch::Architecture;
use scarlet_arch::graph::{Graph, Node, Op};

/// The weights of a network as plain numbers, in the order of its [graph](Graph): what is folded and
/// lowered to what the kernels run.
///
/// ```
/// use scarlet_arch::scarlet_c;
/// use scarlet_engine::{Model, NetworkWeights};
///
/// let network = scarlet_c().with_classes(10);
/// // All weights and variances 1, to see how it is done.
/// let weights = NetworkWeights::try_collect(network, |_name, shape| {
///     Ok::<_, std::convert::Infallible>(vec![1.0; shape.iter().product()])
/// })?;
/// assert_eq!(Model::of(weights)?.architecture().classes, 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkWeights<T: Number = f32> {
    architecture: Architecture,
    /// One for each node of the graph.
    pub(crate) nodes: Vec<NodeWeights<T>>,
}

/// The weights of one node, in the order of a checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NodeWeights<T> {
    Conv {
        /// `[out, in / groups, kernel, kernel]`.
        weight: Vec<T>,
        bias: Option<Vec<T>>,
        norm: Option<Norm<T>>,
    },
    SqueezeExcite {
        squeeze_weight: Vec<T>,
        squeeze_bias: Vec<T>,
        excite_weight: Vec<T>,
        excite_bias: Vec<T>,
    },
    Linear {
        /// `[out, in]`.
        weight: Vec<T>,
        bias: Option<Vec<T>>,
    },
    /// Sums and means have none.
    None,
}

/// A batch normalisation: `(x − mean) / sqrt(variance + epsilon) · factor + bias`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Norm<T> {
    pub(crate) factor: Vec<T>,
    pub(crate) bias: Vec<T>,
    pub(crate) mean: Vec<T>,
    pub(crate) variance: Vec<T>,
    pub(crate) epsilon: f64,
}

impl<T: Number> NetworkWeights<T> {
    /// The weights that `values` gives for each entry of a checkpoint of the network, by its name and
    /// shape, in the order of [`Graph::entries`].
    ///
    /// # Errors
    ///
    /// The first that `values` gives.
    ///
    /// # Panics
    ///
    /// When `values` gives another number of values than the shape has.
    pub fn try_collect<E>(
        architecture: Architecture,
        mut values: impl FnMut(&str, &[usize]) -> Result<Vec<T>, E>,
    ) -> Result<Self, E> {
        let graph = Graph::of(&architecture);
        let nodes = graph.nodes().iter().map(|node| {
            let entries = graph.entries_of(node).into_iter();
            let values = entries.map(|(name, shape)| {
                let values = values(&name, &shape)?;
                let expected: usize = shape.iter().product();
                assert_eq!(values.len(), expected, "the values of `{name}`");
                Ok(values)
            });
            let values: Vec<Vec<T>> = values.collect::<Result<_, E>>()?;
            Ok(NodeWeights::of(node, values))
        });
        let nodes = nodes.collect::<Result<_, E>>()?;
        Ok(Self {
            architecture,
            nodes,
        })
    }

    /// These nodes of this network, one for each of its graph's.
    #[cfg(feature = "safetensors")]
    pub(crate) fn new(architecture: Architecture, nodes: Vec<NodeWeights<T>>) -> Self {
        Self {
            architecture,
            nodes,
        }
    }

    /// The network as data.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// All values, entry after entry of a checkpoint, in the order of [`Graph::entries`].
    pub fn into_values(self) -> impl Iterator<Item = Vec<T>> {
        self.nodes.into_iter().flat_map(NodeWeights::into_values)
    }
}

impl<T: Number> NodeWeights<T> {
    /// Those of a node, from the values of its entries.
    fn of(node: &Node, values: Vec<Vec<T>>) -> Self {
        let mut values = values.into_iter();
        // There are as many as the node has entries.
        let mut next = || values.next().unwrap_or_default();
        match node.op {
            Op::Conv { bias, .. } => Self::Conv {
                weight: next(),
                bias: bias.then(&mut next),
                norm: node.norm.as_ref().map(|norm| Norm {
                    factor: next(),
                    bias: next(),
                    mean: next(),
                    variance: next(),
                    epsilon: norm.spec.epsilon,
                }),
            },
            Op::SqueezeExcite { .. } => Self::SqueezeExcite {
                squeeze_weight: next(),
                squeeze_bias: next(),
                excite_weight: next(),
                excite_bias: next(),
            },
            Op::Linear { bias, .. } => Self::Linear {
                weight: next(),
                bias: bias.then(&mut next),
            },
            Op::Add { .. } | Op::GlobalMean => Self::None,
        }
    }

    /// The values of its entries, in their order.
    fn into_values(self) -> Vec<Vec<T>> {
        match self {
            Self::Conv { weight, bias, norm } => {
                let norm = norm.map(|norm| [norm.factor, norm.bias, norm.mean, norm.variance]);
                let values = [weight].into_iter().chain(bias);
                values.chain(norm.into_iter().flatten()).collect()
            }
            Self::SqueezeExcite {
                squeeze_weight,
                squeeze_bias,
                excite_weight,
                excite_bias,
            } => vec![squeeze_weight, squeeze_bias, excite_weight, excite_bias],
            Self::Linear { weight, bias } => [weight].into_iter().chain(bias).collect(),
            Self::None => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_in_the_order_of_a_checkpoint() {
        let text = "[swish, se swish sigmoid] C5@8 E3K3s2@12/2 L@12 E1K5a@12 C1@16/2 F32n";
        let architecture: Architecture = text.parse().unwrap();
        let entries = Graph::of(&architecture).entries();
        let mut names = Vec::new();
        let mut count = 0;
        let weights = NetworkWeights::try_collect(architecture, |name, shape| {
            names.push((name.to_owned(), shape.to_vec()));
            count += 1;
            Ok::<_, ()>(vec![count as f32; shape.iter().product()])
        });
        assert_eq!(names, entries);
        let values = weights.unwrap().into_values();
        for (index, (values, (_, shape))) in values.zip(&entries).enumerate() {
            assert_eq!(values, vec![(index + 1) as f32; shape.iter().product()]);
            count -= 1;
        }
        assert_eq!(count, 0);
    }
}
