//! Batch normalisation into the convolution before it.

use burn::module::{Module, Param, RunningState};
use burn::nn::BatchNorm;
use burn::tensor::Tensor;

use crate::Scarlet;
use crate::walk::NodeWeights;

impl Scarlet {
    /// The same function in inference, with every batch normalisation moved into its
    /// convolution: what is left has mean 0, variance 1 − eps, weight 1 and the folded bias.
    pub fn fold_batch_norm(&self) -> Self {
        // `valid` also detaches the running statistics, which clones would share.
        let mut network = self.valid();
        for weights in network.node_weights() {
            if let NodeWeights::Conv {
                weight,
                norm: Some(norm),
                ..
            } = weights
            {
                fold(weight, norm);
            }
        }
        network
    }
}

/// y = (W x − mean) · s + beta with s = gamma / sqrt(var + eps), hence W ← s W and
/// bias = beta − mean · s.
fn fold(weight: &mut Param<Tensor<4>>, norm: &mut BatchNorm) {
    let scale = norm.gamma.val() / (norm.running_var.value() + norm.epsilon).sqrt();
    let bias = norm.beta.val() - norm.running_mean.value() * scale.clone();
    let [channels, ..] = weight.dims();
    *weight = weight
        .clone()
        .map(|weight| weight * scale.reshape([channels, 1, 1, 1]));
    *norm = with_bias_only(norm.clone(), bias);
}

/// A batch normalisation that adds `bias` in inference and does nothing else.
pub(super) fn with_bias_only(mut bn: BatchNorm, bias: Tensor<1>) -> BatchNorm {
    bn.gamma = Param::initialized(bn.gamma.id, bias.ones_like());
    bn.running_mean = RunningState::new(bias.zeros_like());
    bn.running_var = RunningState::new(bias.ones_like() - bn.epsilon);
    bn.beta = Param::initialized(bn.beta.id, bias);
    bn
}
