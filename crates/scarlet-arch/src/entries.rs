//! Which entries a network's checkpoint has, by the nodes of its graph.

use crate::graph::{Graph, Node, Op};

impl Graph {
    /// Names and shapes of the entries in a checkpoint, under the names of the released
    /// checkpoints, in the order of computation. Step counters of batch normalisations are not
    /// among them.
    pub fn entries(&self) -> Vec<(String, Vec<usize>)> {
        let nodes = self.nodes().iter();
        nodes.flat_map(|node| self.entries_of(node)).collect()
    }

    /// The whole name of a node's batch normalisation, if it has one.
    ///
    /// # Panics
    ///
    /// May panic for a node of another graph.
    pub fn norm_name(&self, node: &Node) -> Option<String> {
        let norm = node.norm.as_ref()?;
        Some(self.below(node.part, norm.name))
    }

    /// Those of one node: the weights, which are `[out, in / groups, kernel, kernel]` of a
    /// convolution and `[out, in]` of a fully connected layer, the bias and the batch
    /// normalisation. A node without weights has none.
    ///
    /// # Panics
    ///
    /// May panic for a node of another graph.
    pub fn entries_of(&self, node: &Node) -> Vec<(String, Vec<usize>)> {
        let name = self.name(node);
        let mut entries = Entries(Vec::new());
        let (input, output) = (node.input.channels, node.output.channels);
        match node.op {
            Op::Conv {
                kernel,
                groups,
                bias,
                ..
            } => {
                // A graph that was not checked may have no groups.
                let input = input / groups.max(1);
                entries.weights(&name, &[output, input, kernel, kernel], bias);
            }
            Op::SqueezeExcite { inner, .. } => {
                let squeeze = format!("{name}.{}", Op::SQUEEZE);
                entries.weights(&squeeze, &[inner, input, 1, 1], true);
                let excite = format!("{name}.{}", Op::EXCITE);
                entries.weights(&excite, &[output, inner, 1, 1], true);
            }
            Op::Linear { bias, .. } => entries.weights(&name, &[output, input], bias),
            Op::Add { .. } | Op::GlobalMean => {}
        }
        if let Some(norm) = self.norm_name(node) {
            entries.norm(&norm, output);
        }
        entries.0
    }
}

struct Entries(Vec<(String, Vec<usize>)>);

impl Entries {
    fn add(&mut self, name: &str, parameter: &str, shape: &[usize]) {
        self.0.push((format!("{name}.{parameter}"), shape.to_vec()));
    }

    /// Of a convolution or a matrix, whose outputs are the shape's first size.
    fn weights(&mut self, name: &str, shape: &[usize], bias: bool) {
        self.add(name, "weight", shape);
        if bias {
            self.add(name, "bias", &shape[..1]);
        }
    }

    fn norm(&mut self, name: &str, channels: usize) {
        for parameter in ["weight", "bias", "running_mean", "running_var"] {
            self.add(name, parameter, &[channels]);
        }
    }
}
