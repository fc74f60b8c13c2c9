//! Batch normalisation into the convolution before it.

use burn::module::{Module, Param, RunningState};
use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;

use crate::Scarlet;
use crate::blocks::{ConvBn, InvertedResidual};
use crate::network::MbLayer;

impl Scarlet {
    /// The same function in inference, with every batch normalisation moved into its
    /// convolution: what is left has mean 0, variance 1 − eps, weight 1 and the folded bias.
    pub fn fold_batch_norm(&self) -> Self {
        // `valid` also detaches the running statistics, which clones would share.
        let mut network = self.valid();
        network.stem = fold_conv_bn(network.stem);
        let separable = &mut network.separable_conv;
        separable.depthwise = fold_conv_bn(separable.depthwise.clone());
        separable.pointwise = fold_conv_bn(separable.pointwise.clone());
        network.conv_before_pooling = fold_conv_bn(network.conv_before_pooling);
        network.mb_module = network.mb_module.into_iter().map(fold_layer).collect();
        network
    }
}

fn fold_layer(layer: MbLayer) -> MbLayer {
    match layer {
        MbLayer::InvertedResidual(block) => MbLayer::InvertedResidual(fold_block(block)),
        MbLayer::Identity(_) | MbLayer::Linear(_) => layer,
    }
}

fn fold_block(mut block: InvertedResidual) -> InvertedResidual {
    if let (Some(conv), Some(bn)) = (block.conv1.take(), block.bn1.take()) {
        let (conv, bn) = fold_pair(conv, bn);
        (block.conv1, block.bn1) = (Some(conv), Some(bn));
    }
    (block.conv2, block.bn2) = fold_pair(block.conv2, block.bn2);
    (block.conv3, block.bn3) = fold_pair(block.conv3, block.bn3);
    block
}

fn fold_conv_bn(pair: ConvBn) -> ConvBn {
    let (conv, bn) = fold_pair(pair.conv, pair.bn);
    ConvBn { conv, bn }
}

/// y = (W x − mean) · s + beta with s = gamma / sqrt(var + eps), hence W ← s W and
/// bias = beta − mean · s.
pub(super) fn fold_pair(mut conv: Conv2d, bn: BatchNorm) -> (Conv2d, BatchNorm) {
    let scale = bn.gamma.val() / (bn.running_var.value() + bn.epsilon).sqrt();
    let bias = bn.beta.val() - bn.running_mean.value() * scale.clone();
    let [channels, ..] = conv.weight.dims();
    conv.weight = conv
        .weight
        .map(|weight| weight * scale.reshape([channels, 1, 1, 1]));
    let folded = with_bias_only(bn, bias);
    (conv, folded)
}

/// A batch normalisation that adds `bias` in inference and does nothing else.
pub(super) fn with_bias_only(mut bn: BatchNorm, bias: Tensor<1>) -> BatchNorm {
    bn.gamma = Param::initialized(bn.gamma.id, bias.ones_like());
    bn.running_mean = RunningState::new(bias.zeros_like());
    bn.running_var = RunningState::new(bias.ones_like() - bn.epsilon);
    bn.beta = Param::initialized(bn.beta.id, bias);
    bn
}
