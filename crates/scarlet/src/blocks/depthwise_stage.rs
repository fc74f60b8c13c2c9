//! The middle of a block: a depthwise convolution and the normalisations around it.

use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use scarlet_ops::{Activation, DepthwiseStage};

use super::batch_norm::{learn, norm, normalise, trains, values_per_channel};
use super::conv::{convolve, padding};

/// Normalisation and activation (if `before` is given), depthwise convolution, normalisation and
/// activation, of `[batch, channels, height, width]`.
///
/// In training this is one operation: all of it works channel by channel, so that each channel
/// is read and written once.
pub(crate) fn depthwise_stage(
    before: Option<&BatchNorm>,
    conv: &Conv2d,
    behind: &BatchNorm,
    activation: Activation,
    x: Tensor<4>,
) -> Tensor<4> {
    if !before.into_iter().chain([behind]).all(|bn| trains(bn, &x)) {
        let x = match before {
            Some(bn) => normalise(bn, activation, x),
            None => x,
        };
        return normalise(behind, activation, convolve(conv, x));
    }
    let [_, _, height, width] = x.dims();
    let values = values_per_channel(&x);
    let stage = DepthwiseStage {
        norm_before: before.map(|bn| norm(bn, activation)),
        weight: conv.weight.val(),
        stride: conv.stride[0],
        padding: padding(conv, height, width),
        norm_after: norm(behind, activation),
    };
    let trained = stage.train(x);
    if let (Some(bn), Some(statistics)) = (before, trained.norm_before) {
        learn(bn, statistics, values);
    }
    learn(
        behind,
        trained.norm_after,
        values_per_channel(&trained.output),
    );
    trained.output
}
