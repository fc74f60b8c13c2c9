//! How well a public network's features tell classes apart: a linear classifier on top of what the
//! network sees, in seconds and without training it (a linear probe; Alain and Bengio,
//! arXiv 1610.01644).

mod curve_verdict;
mod discriminant;
mod files;
mod labels;
mod learning_curve;
mod linear;
mod power_law;
mod solver;
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use scarlet::{Accuracy, DeployOptions, Scarlet};
use scarlet_data::dataset::{ImageSet, Source};

use crate::TrainError;
use crate::batch::{Batcher, answers};

pub use self::labels::{LabelCheck, LabelDoubt, check_labels};
pub use self::learning_curve::{CurvePoint, CurveVerdict, Forecast, LearningCurve};
pub use self::linear::LinearClassifier;
pub use self::power_law::PowerLaw;

/// What a network's classifier reads of images, with their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// `[images, width]`
    values: Vec<f32>,
    width: usize,
    labels: Vec<u32>,
    names: Vec<String>,
}

impl Features {
    /// Those of a network in inference, `batch_size` images at a time, each seen as in evaluation.
    /// `progress` is told how many images are done.
    ///
    /// # Errors
    ///
    /// When the images do not fit the network, or a photograph cannot be read.
    pub fn of<'a>(
        network: &Scarlet,
        images: impl Into<Source<'a>>,
        batch_size: usize,
        mut progress: impl FnMut(usize),
    ) -> Result<Self, TrainError> {
        let images = images.into();
        let network = network.valid();
        let batcher = Batcher::new(images, network.architecture(), &network.device())?;
        let network = network.without_classifier();
        let width = network.architecture().classes;
        let batch_size = batch_size.clamp(1, images.len());
        let mut deployed = network.deploy(&DeployOptions::new().with_batch(batch_size))?;
        let mut values = Vec::with_capacity(images.len() * width);
        let indices: Vec<usize> = (0..images.len()).collect();
        for indices in indices.chunks(batch_size) {
            let features = deployed.forward(batcher.plain(indices)?.images)?;
            values.extend(features.into_data().iter::<f32>());
            progress(indices.len());
        }
        Ok(Self {
            values,
            width,
            labels: images.labels().one()?.to_vec(),
            names: (0..images.len()).map(|index| images.name(index)).collect(),
        })
    }

    /// Number of images.
    #[allow(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Number of each image's features.
    pub fn width(&self) -> usize {
        self.width
    }

    /// For each image the index of its class.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Where each image is: a photograph's file, or an image's number among those of its part.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The features of each image.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }

    fn select(&self, indices: &[usize]) -> Self {
        let row = |&index: &usize| &self.values[index * self.width..(index + 1) * self.width];
        Self {
            values: indices.iter().flat_map(row).copied().collect(),
            width: self.width,
            labels: indices.iter().map(|&index| self.labels[index]).collect(),
            names: indices
                .iter()
                .map(|&index| self.names[index].clone())
                .collect(),
        }
    }

    /// These and others of the same network behind them.
    fn joined(mut self, others: &Self) -> Self {
        self.values.extend_from_slice(&others.values);
        self.labels.extend_from_slice(&others.labels);
        self.names.extend_from_slice(&others.names);
        self
    }

    fn tensor(&self) -> Tensor<2> {
        let data = TensorData::new(self.values.clone(), [self.labels.len(), self.width]);
        Tensor::from_data(data, &Device::flex())
    }
}

/// What a probe came to.
#[derive(Debug, Clone)]
pub struct Probed {
    /// Features of the images that the classifier was fitted to.
    pub fitted: Features,
    /// Features of those that it was judged by.
    pub judged: Features,
    /// Whether these are test images; else they were held out of the training images.
    pub by_test: bool,
    /// How it did on them.
    pub accuracy: Accuracy,
    /// The classifier.
    pub classifier: LinearClassifier,
}

/// Fits a linear classifier to what a network sees of training images and judges it by others: test
/// images where there are any, else those held out.
pub fn probe(
    network: &Scarlet,
    train: &ImageSet,
    holdout: &ImageSet,
    test: Option<&ImageSet>,
    batch_size: usize,
    mut progress: impl FnMut(usize),
) -> Result<Probed, TrainError> {
    let mut features = |images| Features::of(network, images, batch_size, &mut progress);
    let (train, holdout): (Features, Features) = (features(train)?, features(holdout)?);
    let (fitted, judged) = match test {
        Some(test) => {
            let test = features(test)?;
            (train.joined(&holdout), test)
        }
        None => (train, holdout),
    };
    let classes = network.architecture().classes;
    let classifier = LinearClassifier::fit(&fitted, classes);
    let mut accuracy = Accuracy::default();
    let given = answers(&classifier.logits(&judged));
    for (&label, answer) in judged.labels.iter().zip(given) {
        accuracy.record(label as usize, &[answer]);
    }
    Ok(Probed {
        fitted,
        judged,
        by_test: test.is_some(),
        accuracy,
        classifier,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes whose second feature tells them apart, the first being noise and the third
    /// always the same.
    fn features(count: usize, shift: f32) -> Features {
        let noise = |index: usize| (index * 37 % 101) as f32 / 50.0 - 1.0;
        let labels: Vec<u32> = (0..count).map(|index| (index % 2) as u32).collect();
        let row = |index: usize| {
            let class = if index.is_multiple_of(2) { -1.0 } else { 1.0 };
            [noise(index), shift + class + 0.3 * noise(index + 7), 5.0]
        };
        Features {
            values: (0..count).flat_map(row).collect(),
            width: 3,
            names: labels.iter().map(u32::to_string).collect(),
            labels,
        }
    }

    #[test]
    fn classes_that_a_line_parts_are_told_apart() {
        let fitted = LinearClassifier::fit(&features(60, 4.0), 2);
        let test = features(40, 4.0);
        let answers = answers(&fitted.logits(&test));
        let right = answers.iter().zip(test.labels());
        let right = right.filter(|(answer, label)| answer.class == **label as usize);
        assert_eq!(right.count(), 40);
    }

    #[test]
    fn a_class_of_one_image_is_fitted_too() {
        let mut few = features(4, 0.0);
        few.labels = vec![0, 1, 1, 2];
        let fitted = LinearClassifier::fit(&few, 4);
        assert_eq!(fitted.logits(&few).dims(), [4, 4]);
    }

    #[test]
    fn the_minimum_has_no_slope() {
        // The probabilities' means are the classes' shares, for biases are free.
        let fitted = LinearClassifier::with_penalty(&features(60, 1.0), 2, 1.0);
        let logits = fitted.logits(&features(60, 1.0));
        let shares = burn::tensor::activation::softmax(logits, 1).mean_dim(0);
        let shares: Vec<f32> = shares.into_data().iter().collect();
        assert!((shares[0] - 0.5).abs() < 1e-3, "{shares:?}");
    }
}
