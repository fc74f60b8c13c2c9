//! [`LinearClassifier`]: multinomial logistic regression on features.

use burn::module::Param;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use scarlet::Scarlet;

use super::Features;
use super::solver::minimise;

/// Steps of the solver at most; it mostly ends before.
const STEPS: usize = 200;
/// Norm of the gradient that counts as a minimum.
const TOLERANCE: f64 = 1e-4;
/// Weights of the penalty that are tried.
const PENALTIES: [f64; 5] = [1e-3, 1e-2, 1e-1, 1.0, 10.0];
/// Of each class, every so many images say which penalty is best.
const ASIDE: usize = 5;

/// A classifier on features: each standardised, weighed and summed.
#[derive(Debug, Clone)]
pub struct LinearClassifier {
    mean: Tensor<2>,
    scale: Tensor<2>,
    /// `[features + 1, classes]`, the last row the biases.
    weights: Tensor<2>,
    penalty: f64,
}

impl LinearClassifier {
    /// Of least mean cross-entropy, and the penalty on weights that does best on a fifth of the
    /// features, which are fitted to in the end too. `classes` is the number of classes.
    pub fn fit(features: &Features, classes: usize) -> Self {
        let mut seen = vec![0_usize; classes];
        let (mut rest, mut aside) = (Vec::new(), Vec::new());
        for (index, &label) in features.labels().iter().enumerate() {
            let count = &mut seen[label as usize];
            *count += 1;
            // Never the first of a class.
            match (*count).is_multiple_of(ASIDE) {
                true => aside.push(index),
                false => rest.push(index),
            }
        }
        let penalty = match aside.is_empty() {
            true => PENALTIES[PENALTIES.len() / 2],
            false => {
                let (rest, aside) = (features.select(&rest), features.select(&aside));
                let losses = PENALTIES.map(|penalty| {
                    let fitted = Self::with_penalty(&rest, classes, penalty);
                    (penalty, fitted.loss(&aside))
                });
                let best = losses.into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
                best.map_or(1.0, |(penalty, _)| penalty)
            }
        };
        Self::with_penalty(features, classes, penalty)
    }

    /// The same with a given weight of the penalty, half the sum of squared weights over the number
    /// of images.
    pub fn with_penalty(features: &Features, classes: usize, penalty: f64) -> Self {
        let values = features.tensor();
        let [images, width] = values.dims();
        let mean = values.clone().mean_dim(0);
        let spread = (values.clone() - mean.clone()).powi_scalar(2).mean_dim(0);
        // Features that are always the same say nothing.
        let scale = spread.add_scalar(1e-6).sqrt().recip();
        let device = values.device();
        let mut fitted = Self {
            mean,
            scale,
            weights: Tensor::zeros([width + 1, classes], &device),
            penalty,
        };
        let inputs = fitted.inputs(values);
        let transposed = inputs.clone().transpose();
        let wanted = one_hot(features.labels(), classes, &device);
        let share = penalty / images as f64;
        // Biases are free.
        let penalised = Tensor::cat(
            vec![
                Tensor::ones([width, classes], &device),
                Tensor::zeros([1, classes], &device),
            ],
            0,
        );
        let objective = |weights: &Tensor<2>| {
            let logarithms = log_softmax(inputs.clone().matmul(weights.clone()), 1);
            let entropy = (logarithms.clone() * wanted.clone()).sum();
            let held = weights.clone() * penalised.clone();
            let squares = held.clone().powi_scalar(2).sum();
            let scalar = |it: Tensor<1>| f64::from(it.into_scalar::<f32>());
            let value = share * scalar(squares) / 2.0 - scalar(entropy) / images as f64;
            let errors = (logarithms.exp() - wanted.clone()).div_scalar(images as f64);
            let gradient = transposed.clone().matmul(errors) + held.mul_scalar(share);
            (value, gradient)
        };
        fitted.weights = minimise(fitted.weights.clone(), STEPS, TOLERANCE, objective);
        fitted
    }

    /// Logits `[images, classes]` of features.
    pub fn logits(&self, features: &Features) -> Tensor<2> {
        let inputs = self.inputs(features.tensor());
        inputs.matmul(self.weights.clone())
    }

    /// The network whose features they were, with this as its classifier.
    ///
    /// # Panics
    ///
    /// If the network has another number of features or classes.
    pub fn on(&self, mut network: Scarlet) -> Scarlet {
        let [rows, classes] = self.weights.dims();
        let width = rows - 1;
        let architecture = network.architecture();
        assert_eq!(
            [architecture.features(), architecture.classes],
            [width, classes],
            "a classifier of the network's features"
        );
        // Features are standardised by the weights.
        let weights = self.weights.clone().narrow(0, 0, width) * self.scale.clone().transpose();
        let shift = self.mean.clone().matmul(weights.clone());
        let biases = (self.weights.clone().narrow(0, width, 1) - shift).reshape([classes]);
        // As data: moving a tensor does not make it one with gradients.
        let device = network.device();
        let weights: Tensor<2> = Tensor::from_data(weights.into_data(), &device);
        let biases: Tensor<1> = Tensor::from_data(biases.into_data(), &device);
        network.classifier.weight = Param::from_tensor(weights);
        network.classifier.bias = Some(Param::from_tensor(biases));
        network
    }

    /// The weight of the penalty that it was fitted with.
    pub fn penalty(&self) -> f64 {
        self.penalty
    }

    fn inputs(&self, values: Tensor<2>) -> Tensor<2> {
        let [images, _] = values.dims();
        let ones = Tensor::ones([images, 1], &values.device());
        let standard = (values - self.mean.clone()) * self.scale.clone();
        Tensor::cat(vec![standard, ones], 1)
    }

    fn loss(&self, features: &Features) -> f64 {
        let logits = self.logits(features);
        let [images, classes] = logits.dims();
        let wanted = one_hot(features.labels(), classes, &logits.device());
        let entropy = (log_softmax(logits, 1) * wanted).sum();
        -f64::from(entropy.into_scalar::<f32>()) / images as f64
    }
}

fn one_hot(labels: &[u32], classes: usize, device: &Device) -> Tensor<2> {
    let labels: Vec<i64> = labels.iter().map(|&label| i64::from(label)).collect();
    let count = labels.len();
    let labels: Tensor<1, Int> = Tensor::from_data(TensorData::new(labels, [count]), device);
    labels.one_hot::<2>(classes).float()
}
