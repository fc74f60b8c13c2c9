//! [`LabelEvidence`]: what a network says of images of known labels.

use scarlet::{Threshold, sigmoid};

use super::{average_precision, threshold};

/// The logits that a network has for images of known labels, any number of each.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelEvidence {
    classes: usize,
    images: Vec<usize>,
    sets: Vec<Vec<u32>>,
    logits: Vec<f32>,
}

impl LabelEvidence {
    /// None yet, of a network of so many classes.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            images: Vec::new(),
            sets: Vec::new(),
            logits: Vec::new(),
        }
    }

    /// Adds an image, by its index in its set, with the indices of its classes and its logits.
    ///
    /// # Panics
    ///
    /// If the logits are not as many as the classes, or a label is not one of them.
    pub fn record(&mut self, image: usize, labels: &[u32], logits: &[f32]) {
        assert_eq!(logits.len(), self.classes, "a logit for each class");
        let among = labels.iter().all(|&label| (label as usize) < self.classes);
        assert!(among, "labels among the classes");
        self.images.push(image);
        self.sets.push(labels.to_vec());
        self.logits.extend_from_slice(logits);
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Classes of the network.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The images' indices in their set, in the order in which they were added.
    pub fn images(&self) -> &[usize] {
        &self.images
    }

    /// The classes of an image, by its place in that order.
    ///
    /// # Panics
    ///
    /// If there is no such image.
    pub fn labels(&self, place: usize) -> &[u32] {
        &self.sets[place]
    }

    /// The logits of an image, by its place in that order.
    ///
    /// # Panics
    ///
    /// If there is no such image.
    pub fn logits(&self, place: usize) -> &[f32] {
        &self.logits[place * self.classes..][..self.classes]
    }

    /// Of each image the probability of a class, in that order.
    pub fn probabilities(&self, class: usize) -> Vec<f64> {
        let places = 0..self.len();
        places
            .map(|place| sigmoid(self.logits(place)[class]))
            .collect()
    }

    /// Of each image whether it has a class, in that order.
    pub fn present(&self, class: usize) -> Vec<bool> {
        let has = |set: &Vec<u32>| set.contains(&(class as u32));
        self.sets.iter().map(has).collect()
    }

    /// Of each class its [average precision](average_precision()); none where no image has it.
    pub fn average_precisions(&self) -> Vec<Option<f64>> {
        let classes = 0..self.classes;
        let of = |class| average_precision(&self.probabilities(class), &self.present(class));
        classes.map(of).collect()
    }

    /// The mean of the classes' average precisions, of those that some image has; none where no image
    /// has any.
    pub fn mean_average_precision(&self) -> Option<f64> {
        mean(self.average_precisions().into_iter().flatten())
    }

    /// Of each class the probability from which on its label is best given to these images: that of the
    /// highest F1. One half where no image has the class.
    pub fn thresholds(&self) -> Vec<Threshold> {
        let classes = 0..self.classes;
        let of = |class| threshold::fit(&self.probabilities(class), &self.present(class));
        classes.map(of).collect()
    }

    /// Mean binary cross-entropy of an image's labels, in nats.
    ///
    /// # Panics
    ///
    /// If there is no such image.
    pub fn loss(&self, place: usize) -> f64 {
        let set = &self.sets[place];
        let losses = (0..).zip(self.logits(place)).map(|(class, &logit)| {
            let logit = f64::from(logit);
            let wanted = f64::from(u8::from(set.contains(&class)));
            logit.max(0.0) - logit * wanted + (-logit.abs()).exp().ln_1p()
        });
        losses.sum::<f64>() / self.classes.max(1) as f64
    }
}

/// None of no values.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut count, mut sum) = (0usize, 0.0);
    for value in values {
        count += 1;
        sum += value;
    }
    (count > 0).then(|| sum / count as f64)
}
