//! [`Evidence`]: what a network says of images of known classes.

use scarlet::trust::{Answer, Temperature};
use scarlet::{Accuracy, Prediction};

/// The logits that a network has for images of known classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    classes: usize,
    images: Vec<usize>,
    labels: Vec<usize>,
    logits: Vec<f32>,
}

impl Evidence {
    /// None yet, of a network of so many classes.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            images: Vec::new(),
            labels: Vec::new(),
            logits: Vec::new(),
        }
    }

    /// Adds an image, by its index in its set, with the index of its class and its logits.
    ///
    /// # Panics
    ///
    /// If the logits are not as many as the classes, or the label is not one of them.
    pub fn record(&mut self, image: usize, label: usize, logits: &[f32]) {
        assert_eq!(logits.len(), self.classes, "a logit for each class");
        assert!(label < self.classes, "a label among the classes");
        self.images.push(image);
        self.labels.push(label);
        self.logits.extend_from_slice(logits);
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Classes of the network.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The images' indices in their set, in the order in which they were added.
    pub fn images(&self) -> &[usize] {
        &self.images
    }

    /// The index of each image's class, in the same order.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The answer for each image, in the same order, with the logits divided by a temperature if
    /// there is one.
    pub fn answers(&self, temperature: Option<Temperature>) -> Vec<Answer> {
        let rows = self.rows().zip(&self.labels);
        rows.map(|(row, &label)| Answer::of(row, label, temperature))
            .collect()
    }

    /// Right and wrong answers, counted.
    pub fn accuracy(&self) -> Accuracy {
        let mut accuracy = Accuracy::default();
        for (answer, &label) in self.answers(None).iter().zip(&self.labels) {
            let prediction = Prediction {
                class: answer.class,
                probability: answer.confidence as f32,
            };
            accuracy.record(label, &[prediction]);
        }
        accuracy
    }

    /// The temperature that suits these images, by [`Temperature::fit`].
    pub fn temperature(&self) -> Option<Temperature> {
        Temperature::fit(&self.logits, &self.labels)
    }

    /// In two halves, with the same share of every class: of each its first, third, … image in the
    /// first half, in the order in which they were added.
    pub(super) fn halves(&self) -> [Self; 2] {
        let mut halves = [Self::new(self.classes), Self::new(self.classes)];
        let mut seen = vec![0usize; self.classes];
        for ((&image, &label), row) in self.images.iter().zip(&self.labels).zip(self.rows()) {
            halves[seen[label] % 2].record(image, label, row);
            seen[label] += 1;
        }
        halves
    }

    /// Its logits, in the same order.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.logits.chunks_exact(self.classes.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_share_every_class() {
        let mut evidence = Evidence::new(3);
        for (image, label) in [0, 0, 0, 1, 0, 1, 2].into_iter().enumerate() {
            evidence.record(10 + image, label, &[image as f32, 0.0, 0.0]);
        }
        let [first, second] = evidence.halves();
        assert_eq!(first.images(), [10, 12, 13, 16]);
        assert_eq!(second.images(), [11, 14, 15]);
        assert_eq!(first.labels(), [0, 0, 1, 2]);
        assert_eq!(second.logits, [1.0, 0.0, 0.0, 4.0, 0.0, 0.0, 5.0, 0.0, 0.0]);
    }

    #[test]
    fn answers_are_counted() {
        let mut evidence = Evidence::new(2);
        evidence.record(0, 1, &[0.0, 1.0]);
        evidence.record(1, 1, &[1.0, 0.0]);
        let accuracy = evidence.accuracy();
        assert_eq!((accuracy.total().first, accuracy.total().images), (1, 2));
        assert_eq!(accuracy.mistaken_for(1), [(0, 1)]);
        assert!(!evidence.is_empty());
    }
}
