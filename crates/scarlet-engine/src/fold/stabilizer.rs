//! Stabilizers out of a network, as [`Architecture::remove_stabilizer`] decides: its module explains
//! the ways that there are. Here the weights follow.

use std::ops::Range;

use nalgebra::DMatrix;
use scarlet_arch::graph::{Graph, Op};
use scarlet_arch::{Architecture, Removal, StreamBound};

use super::matrix::{condition, from_rows, into_rows};
use super::report::{FoldError, FoldOptions, FoldReport, Outcome, StabilizerFold};
use crate::weights::{NetworkWeights, NodeWeights, Norm, Number};

impl<T: Number> NetworkWeights<T> {
    /// Removes every stabilizer that can go without changing the function, and says what became
    /// of each. Batch normalisation stays, except behind the projections that a change of basis
    /// touches, where only its bias does.
    ///
    /// # Errors
    ///
    /// [`FoldError::NearSingular`] when one has to be inverted and is too close to singular.
    pub fn fold_stabilizers(&self, options: &FoldOptions) -> Result<(Self, FoldReport), FoldError> {
        let mut folder = Folder::new(self);
        let mut report = FoldReport::default();
        let before = folder.architecture.blocks_before_layers();
        for block in 0..folder.architecture.blocks.len() {
            let layer = block.saturating_sub(before);
            if let Some(outcome) = folder.fold(block, layer, options)? {
                report.stabilizers.push(StabilizerFold { layer, outcome });
            }
        }
        Ok((folder.finish(), report))
    }
}

struct Folder<T> {
    architecture: Architecture,
    /// Before folding.
    graph: Graph,
    /// One for each node of the graph; none of what was removed.
    nodes: Vec<Option<NodeWeights<T>>>,
    /// Outputs of each node, as they are now.
    rows: Vec<usize>,
}

impl<T: Number> Folder<T> {
    fn new(weights: &NetworkWeights<T>) -> Self {
        let graph = Graph::of(weights.architecture());
        let outputs = graph.nodes().iter().map(|node| node.output.channels);
        Self {
            architecture: weights.architecture().clone(),
            nodes: weights.nodes.iter().cloned().map(Some).collect(),
            rows: outputs.collect(),
            graph,
        }
    }

    fn finish(self) -> NetworkWeights<T> {
        NetworkWeights::new(
            self.architecture,
            self.nodes.into_iter().flatten().collect(),
        )
    }

    /// Removes the stabilizer that is this block, the layer `layer`, where one stands there and can
    /// go.
    fn fold(
        &mut self,
        block: usize,
        layer: usize,
        options: &FoldOptions,
    ) -> Result<Option<Outcome>, FoldError> {
        let Some(removal) = self.architecture.remove_stabilizer(block) else {
            return Ok(None);
        };
        let stabilizer = self.nodes_of(block).start;
        let w = self.matrix(stabilizer);
        let outcome = match removal {
            Removal::MergedForward(end) => {
                self.absorb_at_end(end, &w);
                Outcome::MergedForward
            }
            Removal::MergedBackward(start) => {
                self.absorb_at_beginning(start, &w);
                Outcome::MergedBackward
            }
            Removal::BasisChangedForward(blocks, end) => {
                let (inverse, condition) = inverted(&w, layer, options)?;
                for block in blocks {
                    self.change_basis(block, &w, &inverse);
                }
                self.absorb_at_end(end, &w);
                Outcome::BasisChangedForward { condition }
            }
            Removal::BasisChangedBackward(blocks, start) => {
                let (inverse, condition) = inverted(&w, layer, options)?;
                for block in blocks {
                    self.change_basis(block, &inverse, &w);
                }
                self.absorb_at_beginning(start, &w);
                Outcome::BasisChangedBackward { condition }
            }
            Removal::Kept(reason) => return Ok(Some(Outcome::Kept(reason))),
        };
        self.nodes[stabilizer] = None;
        Ok(Some(outcome))
    }

    fn absorb_at_end(&mut self, bound: StreamBound, w: &DMatrix<f64>) {
        let end = match bound {
            StreamBound::Block(block) => self.expand(block),
            StreamBound::Linear(block) => Some(self.nodes_of(block).start),
            StreamBound::Head => self.first_of_head(),
        };
        let Some(end) = end else {
            unreachable!("only what has a matrix ends a stream")
        };
        self.multiply_inputs(end, w);
    }

    fn absorb_at_beginning(&mut self, bound: StreamBound, w: &DMatrix<f64>) {
        match bound {
            StreamBound::Block(block) => self.project(block, w),
            StreamBound::Linear(block) => {
                let node = self.nodes_of(block).start;
                let merged = w * self.matrix(node);
                self.set(node, &merged);
            }
            StreamBound::Head => unreachable!("it only ends a stream"),
        }
    }

    /// `expand ← expand · read`, `project ← write · project`.
    fn change_basis(&mut self, block: usize, read: &DMatrix<f64>, write: &DMatrix<f64>) {
        if let Some(expand) = self.expand(block) {
            self.multiply_inputs(expand, read);
        }
        self.project(block, write);
    }

    /// `matrix ← matrix · w`. A mean over pixels before a fully connected layer does not stand in the way
    /// of a matrix.
    fn multiply_inputs(&mut self, node: usize, w: &DMatrix<f64>) {
        let matrix = self.matrix(node);
        let merged = match self.nodes[node] {
            // (matrix · w)ᵀ = wᵀ · matrixᵀ: sums in this order since the first version, so that files
            // stay the same.
            Some(NodeWeights::Linear { .. }) => (w.transpose() * matrix.transpose()).transpose(),
            _ => matrix * w,
        };
        self.set(node, &merged);
    }

    /// `project ← w · project`. W · BN(conv(x)) is a convolution and what carries its bias: in inference
    /// BN is affine, s · conv(x) + b with s = factor / sqrt(variance + epsilon) and b = bias − mean · s.
    fn project(&mut self, block: usize, w: &DMatrix<f64>) {
        let Some(&node) = self.convolutions(block).last() else {
            unreachable!("only an inverted residual writes to a stream")
        };
        let mut matrix = self.matrix(node);
        let Some(NodeWeights::Conv {
            weight,
            norm: Some(norm),
            ..
        }) = &mut self.nodes[node]
        else {
            unreachable!("a projection is normalised")
        };
        let scales = norm.factor.iter().zip(&norm.variance);
        let scales = scales.map(|(&factor, &variance)| {
            let (factor, variance): (f64, f64) = (factor.into(), variance.into());
            factor / (variance + norm.epsilon).sqrt()
        });
        let scales: Vec<f64> = scales.collect();
        let biases = norm.bias.iter().zip(&norm.mean).zip(&scales);
        let biases = biases.map(|((&bias, &mean), scale)| {
            let (bias, mean): (f64, f64) = (bias.into(), mean.into());
            bias - mean * scale
        });
        let bias = DMatrix::from_iterator(scales.len(), 1, biases);
        for (mut row, scale) in matrix.row_iter_mut().zip(&scales) {
            row *= *scale;
        }
        let merged = w * matrix;
        self.rows[node] = merged.nrows();
        *weight = into_rows(&merged);
        *norm = Norm::with_bias_only(into_rows(&(w * bias)), norm.epsilon);
    }

    /// The nodes of a block, which the graph's first parts are.
    fn nodes_of(&self, block: usize) -> Range<usize> {
        self.graph.parts()[block].nodes.clone()
    }

    /// The convolutions of an inverted residual: two, or three where the first expands.
    fn convolutions(&self, block: usize) -> Vec<usize> {
        let nodes = self.nodes_of(block);
        nodes
            .filter(|&node| matches!(self.graph.nodes()[node].op, Op::Conv { .. }))
            .collect()
    }

    /// The node that expands a block, if there is one.
    fn expand(&self, block: usize) -> Option<usize> {
        match self.convolutions(block)[..] {
            [expand, _, _] => Some(expand),
            _ => None,
        }
    }

    /// The first convolution or matrix behind the blocks.
    fn first_of_head(&self) -> Option<usize> {
        let head = &self.graph.parts()[self.architecture.blocks.len()..];
        let mut nodes = head.iter().flat_map(|part| part.nodes.clone());
        nodes.find(|&node| !matches!(self.nodes[node], Some(NodeWeights::None)))
    }

    /// A node's matrix, `[outputs, inputs]`.
    fn matrix(&self, node: usize) -> DMatrix<f64> {
        match &self.nodes[node] {
            Some(NodeWeights::Conv { weight, .. } | NodeWeights::Linear { weight, .. }) => {
                let rows = self.rows[node];
                from_rows(rows, weight.len() / rows, weight)
            }
            _ => unreachable!("the architecture is the network's own"),
        }
    }

    fn set(&mut self, node: usize, matrix: &DMatrix<f64>) {
        self.rows[node] = matrix.nrows();
        if let Some(NodeWeights::Conv { weight, .. } | NodeWeights::Linear { weight, .. }) =
            &mut self.nodes[node]
        {
            *weight = into_rows(matrix);
        }
    }
}

/// The inverse of a stabilizer and its condition number.
fn inverted(
    w: &DMatrix<f64>,
    layer: usize,
    options: &FoldOptions,
) -> Result<(DMatrix<f64>, f64), FoldError> {
    let condition = condition(w);
    let near_singular = FoldError::NearSingular {
        layer,
        condition,
        limit: options.max_condition,
    };
    if condition > options.max_condition {
        return Err(near_singular);
    }
    let inverse = w.clone().try_inverse().ok_or(near_singular)?;
    Ok((inverse, condition))
}
