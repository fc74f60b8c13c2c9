//! Batch normalisation into the convolution before it.

use crate::weights::{NetworkWeights, NodeWeights, Norm, Number};

impl<T: Number> NetworkWeights<T> {
    /// The same function in inference, with every batch normalisation moved into its convolution:
    /// what is left has mean 0, variance 1 − epsilon, factor 1 and the folded bias.
    pub fn fold_batch_norm(mut self) -> Self {
        for node in &mut self.nodes {
            if let NodeWeights::Conv {
                weight,
                norm: Some(norm),
                ..
            } = node
            {
                let bias = fold(weight, norm);
                *norm = Norm::with_bias_only(bias, norm.epsilon);
            }
        }
        self
    }
}

/// y = (W x − mean) · s + beta with s = gamma / sqrt(var + eps), hence W ← s W and
/// bias = beta − mean · s, which is returned.
pub(crate) fn fold<T: Number>(weight: &mut [T], norm: &Norm<T>) -> Vec<T> {
    let epsilon = T::from_f64(norm.epsilon);
    let channels = norm.factor.len();
    let kernel = weight.len() / channels.max(1);
    let scales = norm.factor.iter().zip(&norm.variance);
    let scales = scales.map(|(&factor, &variance)| factor / (variance + epsilon).square_root());
    let scales: Vec<T> = scales.collect();
    for (kernel, &scale) in weight.chunks_exact_mut(kernel.max(1)).zip(&scales) {
        for weight in kernel {
            *weight = *weight * scale;
        }
    }
    let biases = norm.bias.iter().zip(&norm.mean).zip(scales);
    biases
        .map(|((&bias, &mean), scale)| bias - mean * scale)
        .collect()
}

impl<T: Number> Norm<T> {
    /// A batch normalisation that adds `bias` in inference and does nothing else.
    pub(crate) fn with_bias_only(bias: Vec<T>, epsilon: f64) -> Self {
        let one = T::from_f64(1.0);
        let channels = bias.len();
        Self {
            factor: vec![one; channels],
            bias,
            mean: vec![T::from_f64(0.0); channels],
            variance: vec![one - T::from_f64(epsilon); channels],
            epsilon,
        }
    }
}
