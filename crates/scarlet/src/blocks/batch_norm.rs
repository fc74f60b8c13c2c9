//! Batch normalisation with PyTorch's running statistics.

use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{Device, Tensor};
use scarlet_arch::BatchNormSpec;
use scarlet_ops::{Activation, BatchStatistics, Norm, activate};

pub(crate) fn batch_norm(channels: usize, spec: BatchNormSpec, device: &Device) -> BatchNorm {
    BatchNormConfig::new(channels)
        .with_epsilon(spec.epsilon)
        .with_momentum(spec.momentum)
        .init(device)
}

/// Whether the layer normalises over the batch: on an autodiff device, unless it is frozen.
pub(crate) fn trains(bn: &BatchNorm, x: &Tensor<4>) -> bool {
    x.device().is_autodiff() && bn.training.is_enabled()
}

/// Normalises `[batch, channels, height, width]` and applies the activation.
pub(crate) fn normalise(bn: &BatchNorm, activation: Activation, x: Tensor<4>) -> Tensor<4> {
    if !trains(bn, &x) {
        return activate(activation, bn.forward(x));
    }
    let values = values_per_channel(&x);
    let (output, statistics) = scarlet_ops::batch_norm_train(x, norm(bn, activation));
    learn(bn, statistics, values);
    output
}

/// The layer with the activation after it, for the training operations.
pub(crate) fn norm(bn: &BatchNorm, activation: Activation) -> Norm {
    Norm {
        gamma: bn.gamma.val(),
        beta: bn.beta.val(),
        epsilon: bn.epsilon,
        activation,
    }
}

/// Over how many values each channel is normalised.
pub(crate) fn values_per_channel(x: &Tensor<4>) -> usize {
    let [batch, _, height, width] = x.dims();
    batch * height * width
}

/// Moves the running statistics towards those of a batch of `values` values a channel.
///
/// The running variance follows PyTorch's rule, the unbiased estimate, where Burn's own layer
/// keeps the biased one: the two differ by n / (n − 1).
pub(crate) fn learn(bn: &BatchNorm, statistics: BatchStatistics, values: usize) {
    let device = statistics.mean.device();
    let update = |running: Tensor<1>, new: Tensor<1>| {
        running.to_device(&device).mul_scalar(1.0 - bn.momentum)
            + new.detach().mul_scalar(bn.momentum)
    };
    // A single value a channel has no variance to learn from; PyTorch refuses it, we keep the
    // running value finite.
    let values = values as f64;
    let bessel = values / (values - 1.0).max(1.0);
    let mean = update(bn.running_mean.value_sync(), statistics.mean);
    let variance = update(
        bn.running_var.value_sync(),
        statistics.variance.mul_scalar(bessel),
    );
    bn.running_mean.update(mean.detach());
    bn.running_var.update(variance.detach());
}
