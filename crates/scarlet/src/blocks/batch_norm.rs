//! Batch normalisation with PyTorch's running statistics.

use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{Device, Tensor, module::batch_norm_train};
use scarlet_arch::BatchNormSpec;

pub(crate) fn batch_norm(channels: usize, spec: BatchNormSpec, device: &Device) -> BatchNorm {
    BatchNormConfig::new(channels)
        .with_epsilon(spec.epsilon)
        .with_momentum(spec.momentum)
        .init(device)
}

/// Normalises `[batch, channels, height, width]`.
///
/// In training (on an autodiff device, unless frozen) the running variance follows PyTorch's
/// rule, the unbiased estimate, where Burn's own layer keeps the biased one: on a batch of
/// n = batch · height · width values a channel, the two differ by n / (n − 1).
pub(crate) fn normalise(bn: &BatchNorm, x: Tensor<4>) -> Tensor<4> {
    if !(x.device().is_autodiff() && bn.training.is_enabled()) {
        return bn.forward(x);
    }
    let [batch, _, height, width] = x.dims();
    let values = (batch * height * width) as f64;
    let device = x.device();
    let result = batch_norm_train(x, bn.gamma.val(), bn.beta.val(), bn.epsilon);
    let update = |running: Tensor<1>, new: Tensor<1>| {
        running.to_device(&device).mul_scalar(1.0 - bn.momentum)
            + new.detach().mul_scalar(bn.momentum)
    };
    // A single value a channel has no variance to learn from; PyTorch refuses it, we keep the
    // running value finite.
    let bessel = values / (values - 1.0).max(1.0);
    let mean = update(bn.running_mean.value_sync(), result.mean);
    let variance = update(
        bn.running_var.value_sync(),
        result.variance.mul_scalar(bessel),
    );
    bn.running_mean.update(mean.detach());
    bn.running_var.update(variance.detach());
    result.output
}
