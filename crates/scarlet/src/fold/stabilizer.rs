//! Stabilizers out of a network, as [`Architecture::remove_stabilizer`] decides: its module explains
//! the ways that there are. Here the weights follow.

use burn::module::{Module, Param};
use burn::nn::{Identity, Linear};
use nalgebra::DMatrix;
use scarlet_arch::{Architecture, Removal, StreamBound};

use super::batch_norm::with_bias_only;
use super::matrix::{condition, from_weight, into_vector, into_weight, tensor, values};
use super::report::{FoldError, FoldOptions, FoldReport, Outcome, StabilizerFold};
use crate::BlockModule;
use crate::Scarlet;
use crate::blocks::InvertedResidual;

impl Scarlet {
    /// Removes every stabilizer that can go without changing the function, and says what became
    /// of each. Batch normalisation stays, except behind the projections that a change of basis
    /// touches, where only its bias does.
    ///
    /// # Errors
    ///
    /// [`FoldError::NearSingular`] when one has to be inverted and is too close to singular.
    pub fn fold_stabilizers(&self, options: &FoldOptions) -> Result<(Self, FoldReport), FoldError> {
        let mut folder = Folder::new(self.valid());
        let mut report = FoldReport::default();
        let before = folder.architecture.blocks_before_layers();
        for block in 0..folder.network.blocks.len() {
            let layer = block.saturating_sub(before);
            if let Some(outcome) = folder.fold(block, layer, options)? {
                report.stabilizers.push(StabilizerFold { layer, outcome });
            }
        }
        Ok((folder.finish(), report))
    }
}

struct Folder {
    network: Scarlet,
    architecture: Architecture,
}

impl Folder {
    fn new(network: Scarlet) -> Self {
        let architecture = network.architecture().clone();
        Self {
            network,
            architecture,
        }
    }

    fn finish(self) -> Scarlet {
        let layers = self.network.layers().to_vec();
        self.network.with_layers(layers, self.architecture)
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
        let BlockModule::Linear(stabilizer) = &self.network.blocks[block] else {
            unreachable!("the architecture is the network's own")
        };
        let w = from_weight(&stabilizer.weight.val());
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
        self.network.blocks[block] = BlockModule::Identity(Identity::new());
        Ok(Some(outcome))
    }

    fn absorb_at_end(&mut self, bound: StreamBound, w: &DMatrix<f64>) {
        match bound {
            StreamBound::Block(index) => {
                let Some(conv1) = &mut self.block_mut(index).conv1 else {
                    unreachable!("only a block that expands ends a stream")
                };
                let merged = from_weight(&conv1.weight.val()) * w;
                conv1.weight = into_weight(&merged, &conv1.weight);
            }
            StreamBound::Linear(index) => {
                if let BlockModule::Linear(next) = &mut self.network.blocks[index] {
                    let merged = from_weight(&next.weight.val()) * w;
                    next.weight = into_weight(&merged, &next.weight);
                }
            }
            StreamBound::Head => {
                let network = &mut self.network;
                if let Some(conv) = &mut network.head_conv {
                    let merged = from_weight(&conv.conv.weight.val()) * w;
                    conv.conv.weight = into_weight(&merged, &conv.conv.weight);
                    return;
                }
                let linear = match &mut network.hidden {
                    Some(hidden) => &mut hidden.linear,
                    None => &mut network.classifier,
                };
                absorb_in_linear(linear, w);
            }
        }
    }

    fn absorb_at_beginning(&mut self, bound: StreamBound, w: &DMatrix<f64>) {
        match bound {
            StreamBound::Block(index) => project(self.block_mut(index), w),
            StreamBound::Linear(index) => {
                if let BlockModule::Linear(previous) = &mut self.network.blocks[index] {
                    let merged = w * from_weight(&previous.weight.val());
                    previous.weight = into_weight(&merged, &previous.weight);
                }
            }
            StreamBound::Head => unreachable!("it only ends a stream"),
        }
    }

    /// `expand ← expand · read`, `project ← write · project`.
    fn change_basis(&mut self, index: usize, read: &DMatrix<f64>, write: &DMatrix<f64>) {
        let block = self.block_mut(index);
        if let Some(conv1) = &mut block.conv1 {
            let merged = from_weight(&conv1.weight.val()) * read;
            conv1.weight = into_weight(&merged, &conv1.weight);
        }
        project(block, write);
    }

    fn block_mut(&mut self, index: usize) -> &mut InvertedResidual {
        match &mut self.network.blocks[index] {
            BlockModule::InvertedResidual(block) => block,
            _ => unreachable!("the architecture is the network's own"),
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

/// `matrix ← matrix · w`, of a fully connected layer, whose weight is `[inputs, outputs]`: a mean
/// over pixels before it does not stand in the way of a matrix.
fn absorb_in_linear(linear: &mut Linear, w: &DMatrix<f64>) {
    let weight = linear.weight.val();
    let [inputs, outputs] = weight.dims();
    let transposed = DMatrix::from_row_slice(inputs, outputs, &values(weight.to_data()));
    // (matrix · w)ᵀ = wᵀ · matrixᵀ.
    let merged = w.transpose() * transposed;
    let rows: Vec<f64> = merged.transpose().iter().copied().collect();
    let merged = tensor(rows, [merged.nrows(), outputs], &weight);
    linear.weight = Param::initialized(linear.weight.id, merged);
}

/// `project ← w · project`.
fn project(block: &mut InvertedResidual, w: &DMatrix<f64>) {
    let (conv, bn) = projected(block.conv3.clone(), block.bn3.clone(), w);
    block.conv3 = conv;
    block.bn3 = bn;
}

/// W · BN(conv(x)) as a convolution and what carries its bias. In inference BN is affine,
/// s · conv(x) + b with s = gamma / sqrt(var + eps) and b = beta − mean · s.
fn projected(
    mut conv: burn::nn::conv::Conv2d,
    bn: burn::nn::BatchNorm,
    w: &DMatrix<f64>,
) -> (burn::nn::conv::Conv2d, burn::nn::BatchNorm) {
    let gamma = values(bn.gamma.val().to_data());
    let beta = values(bn.beta.val().to_data());
    let mean = values(bn.running_mean.value().to_data());
    let variance = values(bn.running_var.value().to_data());
    let scale: Vec<f64> = gamma
        .iter()
        .zip(&variance)
        .map(|(gamma, variance)| gamma / (variance + bn.epsilon).sqrt())
        .collect();
    let bias = DMatrix::from_iterator(
        beta.len(),
        1,
        (0..beta.len()).map(|channel| beta[channel] - mean[channel] * scale[channel]),
    );
    let mut weight = from_weight(&conv.weight.val());
    for (mut row, scale) in weight.row_iter_mut().zip(&scale) {
        row *= *scale;
    }
    conv.weight = into_weight(&(w * weight), &conv.weight);
    let bias: Vec<f64> = (w * bias).iter().copied().collect();
    let bias = into_vector(bias, &bn.beta.val());
    (conv, with_bias_only(bn, bias))
}
