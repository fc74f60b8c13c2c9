//! Stabilizers out of a network.
//!
//! Think of the tensor that shortcuts carry on as a *stream*. A block with a shortcut reads it
//! through its expanding convolution and adds its projection to it; a block without one ends
//! the stream and begins the next. A stabilizer W multiplies the stream. It goes away exactly,
//! in the cheapest way that applies:
//!
//! 1. nothing reads the stream between W and the convolution that ends it: that one absorbs W,
//!    `end ← end · W`;
//! 2. nothing was added between the convolution that begins the stream and W: that one absorbs
//!    W, `begin ← W · begin`;
//! 3. W is square: the blocks between change their basis. Behind W, `expand ← expand · W`,
//!    `project ← W⁻¹ · project`, and the end absorbs W; or before W, `expand ← expand · W⁻¹`,
//!    `project ← W · project`, and the beginning absorbs W. The side with fewer blocks is taken:
//!    both invert the same W, and each projection on the way loses accuracy.
//!
//! Otherwise W stays, as a layer of its own.

use burn::module::Module;
use burn::nn::Identity;
use nalgebra::DMatrix;
use scarlet_arch::{Architecture, Expansion, Operation};

use super::batch_norm::with_bias_only;
use super::matrix::{condition, from_weight, into_vector, into_weight, values};
use super::report::{FoldError, FoldOptions, FoldReport, KeptReason, Outcome, StabilizerFold};
use crate::Scarlet;
use crate::blocks::InvertedResidual;
use crate::network::MbLayer;

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
        for layer in 0..folder.network.mb_module.len() {
            if let MbLayer::Linear(_) = folder.network.mb_module[layer] {
                let outcome = folder.fold(layer, options)?;
                report.stabilizers.push(StabilizerFold { layer, outcome });
            }
        }
        Ok((folder.finish(), report))
    }
}

/// Where a stream ends or begins, seen from a stabilizer.
#[derive(Clone, Copy, PartialEq)]
enum Bound {
    /// The separable convolution in front of the layers.
    Separable,
    /// A block without shortcut.
    Block(usize),
    /// Another stabilizer.
    Linear(usize),
    /// The convolution behind the layers.
    Head,
    /// A block whose first operation is not a 1×1 convolution.
    Closed,
}

/// One side of a stabilizer: the blocks with shortcuts up to where the stream ends or begins.
struct Side {
    blocks: Vec<usize>,
    bound: Bound,
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
        let layers = self.network.mb_module.clone();
        self.network.with_layers(layers, self.architecture)
    }

    fn fold(&mut self, layer: usize, options: &FoldOptions) -> Result<Outcome, FoldError> {
        let MbLayer::Linear(stabilizer) = &self.network.mb_module[layer] else {
            unreachable!("only stabilizers are folded")
        };
        if stabilizer.stride() != 1 {
            return Ok(Outcome::Kept(KeptReason::Downsamples));
        }
        let w = from_weight(&stabilizer.weight.val());
        let behind = self.side(layer + 1..self.network.mb_module.len(), Bound::Head);
        let before = self.side((0..layer).rev(), Bound::Separable);
        let forward = self.can_end(behind.bound, w.ncols());
        let backward = self.can_begin(before.bound, w.nrows());

        if forward && behind.blocks.is_empty() {
            self.absorb_at_end(behind.bound, &w);
            self.remove(layer);
            return Ok(Outcome::MergedForward);
        }
        if backward && before.blocks.is_empty() {
            self.absorb_at_beginning(before.bound, &w);
            self.remove(layer);
            return Ok(Outcome::MergedBackward);
        }
        if !w.is_square() {
            return Ok(Outcome::Kept(KeptReason::ChangesChannels));
        }
        if !forward && !backward {
            return Ok(Outcome::Kept(KeptReason::NothingToAbsorbIt));
        }
        let condition = condition(&w);
        let near_singular = FoldError::NearSingular {
            layer,
            condition,
            limit: options.max_condition,
        };
        if condition > options.max_condition {
            return Err(near_singular);
        }
        let inverse = w.clone().try_inverse().ok_or(near_singular)?;
        let outcome = if forward && (!backward || behind.blocks.len() <= before.blocks.len()) {
            for &block in &behind.blocks {
                self.change_basis(block, &w, &inverse);
            }
            self.absorb_at_end(behind.bound, &w);
            Outcome::BasisChangedForward { condition }
        } else {
            for &block in &before.blocks {
                self.change_basis(block, &inverse, &w);
            }
            self.absorb_at_beginning(before.bound, &w);
            Outcome::BasisChangedBackward { condition }
        };
        self.remove(layer);
        Ok(outcome)
    }

    /// Walks from a stabilizer along `layers` to where the stream ends or begins.
    fn side(&self, layers: impl Iterator<Item = usize>, last: Bound) -> Side {
        let mut blocks = Vec::new();
        for index in layers {
            match &self.network.mb_module[index] {
                MbLayer::Identity(_) => {}
                MbLayer::Linear(_) => {
                    let bound = Bound::Linear(index);
                    return Side { blocks, bound };
                }
                MbLayer::InvertedResidual(block) if !block.has_shortcut() => {
                    let bound = Bound::Block(index);
                    return Side { blocks, bound };
                }
                MbLayer::InvertedResidual(block) if block.conv1.is_none() => {
                    let bound = Bound::Closed;
                    return Side { blocks, bound };
                }
                MbLayer::InvertedResidual(_) => blocks.push(index),
            }
        }
        let bound = last;
        Side { blocks, bound }
    }

    /// Whether what ends a stream can read one of `channels_in` channels: a block must have an
    /// expanding convolution, and must not gain a shortcut by its new width.
    fn can_end(&self, bound: Bound, channels_in: usize) -> bool {
        match bound {
            Bound::Block(index) => {
                self.block(index).conv1.is_some()
                    && !self.would_gain_shortcut(index, channels_in, self.channels_out(index))
            }
            Bound::Linear(_) | Bound::Head => true,
            Bound::Separable | Bound::Closed => false,
        }
    }

    /// Whether what begins a stream can write one of `channels_out` channels.
    fn can_begin(&self, bound: Bound, channels_out: usize) -> bool {
        match bound {
            Bound::Block(index) => {
                !self.would_gain_shortcut(index, self.channels_in(index), channels_out)
            }
            Bound::Linear(_) | Bound::Separable => true,
            Bound::Head | Bound::Closed => false,
        }
    }

    fn would_gain_shortcut(&self, index: usize, channels_in: usize, channels_out: usize) -> bool {
        self.architecture.layers[index].stride == 1 && channels_in == channels_out
    }

    fn absorb_at_end(&mut self, bound: Bound, w: &DMatrix<f64>) {
        match bound {
            Bound::Block(index) => {
                let block = self.block_mut(index);
                let Some(conv1) = &mut block.conv1 else {
                    unreachable!("`can_end` asks for an expanding convolution")
                };
                let merged = from_weight(&conv1.weight.val()) * w;
                conv1.weight = into_weight(&merged, &conv1.weight);
                self.keep_hidden_width(index, merged.nrows(), merged.ncols());
            }
            Bound::Linear(index) => {
                if let MbLayer::Linear(next) = &mut self.network.mb_module[index] {
                    let merged = from_weight(&next.weight.val()) * w;
                    next.weight = into_weight(&merged, &next.weight);
                }
            }
            Bound::Head => {
                let conv = &mut self.network.conv_before_pooling.conv;
                let merged = from_weight(&conv.weight.val()) * w;
                conv.weight = into_weight(&merged, &conv.weight);
            }
            Bound::Separable | Bound::Closed => unreachable!("`can_end` rules them out"),
        }
    }

    fn absorb_at_beginning(&mut self, bound: Bound, w: &DMatrix<f64>) {
        match bound {
            Bound::Block(index) => {
                project(self.block_mut(index), w);
                self.architecture.layers[index].channels = w.nrows();
            }
            Bound::Linear(index) => {
                if let MbLayer::Linear(previous) = &mut self.network.mb_module[index] {
                    let merged = w * from_weight(&previous.weight.val());
                    previous.weight = into_weight(&merged, &previous.weight);
                    self.architecture.layers[index].channels = w.nrows();
                }
            }
            Bound::Separable => {
                let pair = self.network.separable_conv.pointwise.clone();
                let (conv, bn) = projected(pair.conv, pair.bn, w);
                self.network.separable_conv.pointwise = crate::blocks::ConvBn { conv, bn };
                self.architecture.separable = w.nrows();
            }
            Bound::Head | Bound::Closed => unreachable!("`can_begin` rules them out"),
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

    fn remove(&mut self, layer: usize) {
        self.network.mb_module[layer] = MbLayer::Identity(Identity::new());
        self.architecture.layers[layer].operation = Operation::Identity;
    }

    /// A block that reads fewer or more channels than before keeps its hidden ones.
    fn keep_hidden_width(&mut self, index: usize, hidden: usize, channels_in: usize) {
        if let Operation::InvertedResidual(block) = &mut self.architecture.layers[index].operation
            && block.expansion.hidden(channels_in) != hidden
        {
            block.expansion = Expansion::To(hidden);
        }
    }

    fn block(&self, index: usize) -> &InvertedResidual {
        match &self.network.mb_module[index] {
            MbLayer::InvertedResidual(block) => block,
            _ => unreachable!("a side names blocks only"),
        }
    }

    fn block_mut(&mut self, index: usize) -> &mut InvertedResidual {
        match &mut self.network.mb_module[index] {
            MbLayer::InvertedResidual(block) => block,
            _ => unreachable!("a side names blocks only"),
        }
    }

    fn channels_in(&self, index: usize) -> usize {
        let block = self.block(index);
        match &block.conv1 {
            Some(conv) => conv.weight.dims()[1],
            None => block.conv2.weight.dims()[0],
        }
    }

    fn channels_out(&self, index: usize) -> usize {
        self.block(index).conv3.weight.dims()[0]
    }
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
