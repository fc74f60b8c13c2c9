//! What training minimises.

use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Int, Tensor};

/// Mean cross-entropy of logits `[batch, classes]` and labels `[batch]`, where the share
/// `smoothing` of the probability is spread over all classes (Szegedy et al., arXiv 1512.00567).
pub(crate) fn cross_entropy(
    logits: Tensor<2>,
    labels: Tensor<1, Int>,
    smoothing: f64,
) -> Tensor<1> {
    let log_probabilities = log_softmax(logits, 1);
    let hit = log_probabilities
        .clone()
        .gather(1, labels.unsqueeze_dim(1))
        .mean()
        .mul_scalar(-(1.0 - smoothing));
    if smoothing == 0.0 {
        return hit;
    }
    hit - log_probabilities.mean().mul_scalar(smoothing)
}

/// The same with each image's part weighed by its class: `weights` is `[classes]`.
pub(crate) fn weighted_cross_entropy(
    logits: Tensor<2>,
    labels: Tensor<1, Int>,
    smoothing: f64,
    weights: &Tensor<1>,
) -> Tensor<1> {
    let log_probabilities = log_softmax(logits, 1);
    let weights = weights.clone().gather(0, labels.clone()).unsqueeze_dim(1);
    let hit = log_probabilities.clone().gather(1, labels.unsqueeze_dim(1));
    let wanted =
        hit.mul_scalar(1.0 - smoothing) + log_probabilities.mean_dim(1).mul_scalar(smoothing);
    (wanted * weights).mean().neg()
}

/// The divergence of the student's probabilities from the teacher's, both softened by
/// `temperature`, times its square so that gradients keep their size (Hinton et al., arXiv
/// 1503.02531). Both are logits `[batch, classes]`.
pub(crate) fn distillation(student: Tensor<2>, teacher: Tensor<2>, temperature: f64) -> Tensor<1> {
    let [batch, _] = student.dims();
    let student = log_softmax(student.div_scalar(temperature), 1);
    let teacher = teacher.div_scalar(temperature);
    let wanted = softmax(teacher.clone(), 1);
    let divergence = wanted * (log_softmax(teacher, 1) - student);
    divergence
        .sum()
        .mul_scalar(temperature * temperature / batch as f64)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn value(loss: Tensor<1>) -> f64 {
        f64::from(loss.into_scalar::<f32>())
    }

    #[test]
    fn smoothing_spreads_probability_over_all_classes() {
        let device = Device::flex();
        let logits = Tensor::<2>::from_floats([[2.0, 0.0, -1.0], [0.5, 0.5, 3.0]], &device);
        let labels = Tensor::<1, Int>::from_ints([0, 1], &device);
        // By hand: log-sum-exp of the rows.
        let rows = [[2.0f64, 0.0, -1.0], [0.5, 0.5, 3.0]];
        let lse = rows.map(|row| row.iter().map(|x| x.exp()).sum::<f64>().ln());
        let plain = ((lse[0] - 2.0) + (lse[1] - 0.5)) / 2.0;
        assert!((value(cross_entropy(logits.clone(), labels.clone(), 0.0)) - plain).abs() < 1e-6);
        let uniform = (lse[0] - 1.0 / 3.0 + lse[1] - 4.0 / 3.0) / 2.0;
        let smoothed = 0.9 * plain + 0.1 * uniform;
        assert!((value(cross_entropy(logits, labels, 0.1)) - smoothed).abs() < 1e-6);
    }

    #[test]
    fn weights_are_of_an_image_s_class() {
        let device = Device::flex();
        let logits = Tensor::<2>::from_floats([[2.0, 0.0, -1.0], [0.5, 0.5, 3.0]], &device);
        let labels = Tensor::<1, Int>::from_ints([0, 1], &device);
        let alone = |image: usize, smoothing| {
            let logits = logits.clone().narrow(0, image, 1);
            value(cross_entropy(
                logits,
                labels.clone().narrow(0, image, 1),
                smoothing,
            ))
        };
        let weights = Tensor::<1>::from_floats([0.5, 3.0, 100.0], &device);
        for smoothing in [0.0, 0.1] {
            let expected = (0.5 * alone(0, smoothing) + 3.0 * alone(1, smoothing)) / 2.0;
            let found = value(weighted_cross_entropy(
                logits.clone(),
                labels.clone(),
                smoothing,
                &weights,
            ));
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }

    #[test]
    fn distillation_is_a_divergence() {
        let device = Device::flex();
        let teacher = Tensor::<2>::from_floats([[1.0, 2.0]], &device);
        assert!(value(distillation(teacher.clone(), teacher.clone(), 4.0)).abs() < 1e-6);
        let student = Tensor::<2>::from_floats([[0.0, 0.0]], &device);
        let p = 1.0 / (1.0 + 0.5f64.exp());
        let expected = 4.0 * (p * (2.0 * p).ln() + (1.0 - p) * (2.0 * (1.0 - p)).ln());
        assert!((value(distillation(student, teacher, 2.0)) - expected).abs() < 1e-6);
    }
}
