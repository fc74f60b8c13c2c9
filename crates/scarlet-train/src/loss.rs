//! What training minimises.

use burn::tensor::activation::{log_sigmoid, log_softmax, softmax};
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

/// Mean binary cross-entropy of logits `[batch, classes]` and what is wanted of each, from 0 to 1;
/// of the latter the share `smoothing` becomes one half, as Keras does it (`BinaryCrossentropy`).
///
/// With y wanted of the logit x, −y ln σ(x) − (1 − y) ln(1 − σ(x)) = (1 − y) x − ln σ(x), which no
/// logit overflows where ln σ is computed as such; PyTorch's `binary_cross_entropy_with_logits` has the
/// same form.
pub(crate) fn binary_cross_entropy(
    logits: Tensor<2>,
    wanted: Tensor<2>,
    smoothing: f64,
) -> Tensor<1> {
    let wanted = wanted
        .mul_scalar(1.0 - smoothing)
        .add_scalar(0.5 * smoothing);
    let not_wanted = wanted.neg().add_scalar(1.0);
    (not_wanted * logits.clone() - log_sigmoid(logits)).mean()
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

    /// From PyTorch 2.15: `binary_cross_entropy_with_logits(x, y * (1 - s) + 0.5 * s)` and the gradient
    /// of x, in f64.
    #[test]
    fn several_labels_cost_and_teach_as_in_pytorch() {
        let device = Device::flex().autodiff();
        let wanted = Tensor::<2>::from_floats([[1.0, 0.0, 0.25], [0.0, 1.0, 1.0]], &device);
        for (smoothing, expected, gradients) in [
            (
                0.0,
                17.29484787166588,
                [
                    -0.0833333333,
                    0.030404254,
                    0.1170956878,
                    0.1666666667,
                    -0.1666666667,
                    -0.0729705832,
                ],
            ),
            (
                0.1,
                16.463597871665883,
                [
                    -0.075,
                    0.0220709206,
                    0.1129290211,
                    0.1583333333,
                    -0.1583333333,
                    -0.0646372499,
                ],
            ),
        ] {
            let logits = [[0.0, -1.5, 3.0], [40.0, -60.0, 0.25]];
            let logits = Tensor::<2>::from_floats(logits, &device).require_grad();
            let loss = binary_cross_entropy(logits.clone(), wanted.clone(), smoothing);
            assert!((value(loss.clone()) / expected - 1.0).abs() < 1e-6);
            let found = logits.grad(&loss.backward()).unwrap();
            let found: Vec<f32> = found.into_data().iter().collect();
            for (found, expected) in found.into_iter().zip(gradients) {
                assert!(
                    (f64::from(found) - expected).abs() < 1e-7,
                    "{found} {expected}"
                );
            }
        }
    }

    #[test]
    fn logits_of_zero_cost_ln_2_and_point_to_the_labels() {
        let device = Device::flex().autodiff();
        let logits = Tensor::<2>::zeros([2, 3], &device).require_grad();
        let wanted = Tensor::<2>::from_floats([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]], &device);
        let loss = binary_cross_entropy(logits.clone(), wanted, 0.0);
        assert!((value(loss.clone()) - 2.0f64.ln()).abs() < 1e-7);
        let gradient = logits.grad(&loss.backward()).unwrap();
        let gradient: Vec<f32> = gradient.into_data().iter().collect();
        let expected = [-1.0, 1.0, 1.0, 1.0, -1.0, -1.0].map(|sign| sign * 0.5 / 6.0);
        assert!(
            gradient
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-7),
            "{gradient:?}"
        );
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
