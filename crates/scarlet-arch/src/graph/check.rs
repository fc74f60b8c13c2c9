//! What every reader of a graph may rely on.

use std::collections::HashSet;

use super::{Features, Graph, Node, Op};
use crate::limits::{MAX_KERNEL, MAX_RESOLUTION};

/// Why a graph is not that of a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// It has no nodes, or does not end in logits.
    #[error("the graph must end in a fully connected layer without activation")]
    NoLogits,
    /// A number is out of its range.
    #[error("`{place}`: {field} is {found}, but must be {allowed}")]
    OutOfRange {
        /// Name of the node.
        place: String,
        /// Name of the number.
        field: &'static str,
        /// The number.
        found: usize,
        /// The range, in words.
        allowed: String,
    },
    /// Shapes do not fit.
    #[error("`{place}` {verb} {found}, but must {} {expected}", verb.trim_end_matches('s'))]
    Shape {
        /// Name of the node or part.
        place: String,
        /// What it does with that shape: `reads`, `adds` or `makes`.
        verb: &'static str,
        /// The shape.
        found: Features,
        /// What it should be, in words.
        expected: String,
    },
    /// A node has a batch normalisation that it must not have.
    #[error("`{0}` must not have a batch normalisation: only convolutions without bias do")]
    Norm(String),
    /// Two nodes, batch normalisations or parts have the same name.
    #[error("the name `{0}` is used twice")]
    DuplicateName(String),
    /// Parts, their nodes or their layers do not follow each other.
    #[error("part `{part}`: {problem}")]
    Part {
        /// Name of the part.
        part: String,
        /// What does not follow.
        problem: &'static str,
    },
}

impl Graph {
    /// Checks that every reader may rely on this:
    ///
    /// - **Chain.** The first node reads the image, at stride 1; every other one reads what the
    ///   node before it makes. An [`Op::Add`] also reads what a node before that made.
    /// - **Convolutions** have an odd kernel, so that every one makes `ceil(size / stride)` of a
    ///   size; a stride of at least 1, by which the output's is larger than the input's; groups that
    ///   divide the channels of both; and no bias where they have a batch normalisation. Nothing
    ///   else has one.
    /// - **Squeeze-excite** has at least one channel inside; it and the sum make the shape that they
    ///   read, which for a sum is that of both maps.
    /// - **Vectors** are what means make of maps; fully connected layers alone read them, and make
    ///   others. The last node is one without activation: what it makes are the logits.
    /// - **Parts** hold all nodes, one part after the other; an empty one passes on what reaches
    ///   it. Those that are an architecture's layers are numbered from 0 on.
    /// - **Names** of parts are different from each other, and so are the whole names of nodes and
    ///   their batch normalisations.
    ///
    /// # Errors
    ///
    /// Names the first part or node of which this is not true.
    pub fn check(&self) -> Result<(), GraphError> {
        let mut last = Features {
            channels: self.input_channels,
            stride: Some(1),
        };
        let (mut names, mut node_names) = (HashSet::new(), HashSet::new());
        let (mut next, mut layers) = (0, 0);
        for (index, part) in self.parts.iter().enumerate() {
            let fail = |problem| {
                Err(GraphError::Part {
                    part: part.name.clone(),
                    problem,
                })
            };
            if !names.insert(part.name.as_str()) {
                return Err(GraphError::DuplicateName(part.name.clone()));
            }
            if let Some(layer) = part.layer {
                if layer != layers {
                    return fail("its layer does not follow the layer before");
                }
                layers += 1;
            }
            let nodes = self.nodes.get(part.nodes.clone());
            let Some(nodes) = nodes.filter(|_| part.nodes.start == next) else {
                return fail("its nodes do not follow those of the part before");
            };
            next = part.nodes.end;
            expect(|| part.name.clone(), "reads", part.input, last)?;
            for (node, at) in nodes.iter().zip(part.nodes.clone()) {
                if node.part != index {
                    return fail("one of its nodes says that it belongs to another part");
                }
                expect(|| self.name(node), "reads", node.input, last)?;
                self.check_node(at, node)?;
                let norm = node.norm.as_ref().map(|norm| norm.name);
                for name in [node.name].into_iter().chain(norm) {
                    let name = self.below(index, name);
                    if !node_names.insert(name.clone()) {
                        return Err(GraphError::DuplicateName(name));
                    }
                }
                last = node.output;
            }
            expect(|| part.name.clone(), "makes", part.output, last)?;
        }
        match self.nodes.last().map(|node| node.op) {
            Some(Op::Linear {
                activation: None, ..
            }) if next == self.nodes.len() => Ok(()),
            _ => Err(GraphError::NoLogits),
        }
    }

    /// Checks what a node makes of what it reads.
    fn check_node(&self, index: usize, node: &Node) -> Result<(), GraphError> {
        let (input, output) = (node.input, node.output);
        let place = || self.name(node);
        let out_of_range = |field, found, allowed: String| {
            Err(GraphError::OutOfRange {
                place: place(),
                field,
                found,
                allowed,
            })
        };
        if output.channels == 0 {
            return out_of_range("channels", 0, "at least 1".to_owned());
        }
        let reads_map = !matches!(node.op, Op::Linear { .. });
        if input.stride.is_some() != reads_map {
            return Err(GraphError::Shape {
                place: place(),
                verb: "reads",
                found: input,
                expected: if reads_map { "a map" } else { "a vector" }.to_owned(),
            });
        }
        let mut may_have_norm = false;
        let made = match node.op {
            Op::Conv {
                kernel,
                stride,
                groups,
                bias,
                ..
            } => {
                if kernel.is_multiple_of(2) || kernel > MAX_KERNEL {
                    let allowed = format!("odd, from 1 to {MAX_KERNEL}");
                    return out_of_range("kernel", kernel, allowed);
                }
                if !(1..=MAX_RESOLUTION).contains(&stride) {
                    let allowed = format!("from 1 to {MAX_RESOLUTION}");
                    return out_of_range("stride", stride, allowed);
                }
                let divides = |channels: usize| groups > 0 && channels.is_multiple_of(groups);
                if !divides(input.channels) || !divides(output.channels) {
                    let (before, after) = (input.channels, output.channels);
                    let allowed = format!("a divisor of the channels {before} and {after}");
                    return out_of_range("groups", groups, allowed);
                }
                may_have_norm = !bias;
                Features {
                    channels: output.channels,
                    stride: input.stride.map(|before| before.saturating_mul(stride)),
                }
            }
            Op::SqueezeExcite { inner: 0, .. } => {
                return out_of_range("inner channels", 0, "at least 1".to_owned());
            }
            Op::SqueezeExcite { .. } => input,
            Op::Add { from } => {
                if from >= index.saturating_sub(1) {
                    let allowed = "before that of the node that it reads".to_owned();
                    return out_of_range("the index of what it adds", from, allowed);
                }
                expect(place, "adds", self.nodes[from].output, input)?;
                input
            }
            Op::GlobalMean => Features {
                stride: None,
                ..input
            },
            Op::Linear { .. } => Features {
                channels: output.channels,
                stride: None,
            },
        };
        if node.norm.is_some() && !may_have_norm {
            return Err(GraphError::Norm(place()));
        }
        expect(place, "makes", output, made)
    }
}

fn expect(
    place: impl Fn() -> String,
    verb: &'static str,
    found: Features,
    expected: Features,
) -> Result<(), GraphError> {
    if found == expected {
        return Ok(());
    }
    Err(GraphError::Shape {
        place: place(),
        verb,
        found,
        expected: expected.to_string(),
    })
}
