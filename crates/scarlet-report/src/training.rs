//! [`TrainingReport`]: the training of a single network as plain data.

use scarlet_arch::Architecture;
use serde::{Deserialize, Serialize};

use crate::{Fact, Judged, ReportError, TrainingCurve, Trust, Usage};

/// Everything that is shown about the training of a single network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingReport {
    /// Heading of the page.
    pub title: String,
    /// What came of it, as a sentence.
    pub lead: String,
    /// The network, as it was trained.
    pub network: Architecture,
    /// Its accuracies, the one that counts most first.
    pub accuracies: Vec<Judged>,
    /// How its training went.
    pub training: Vec<TrainingCurve>,
    /// What it confuses.
    pub mistakes: Mistakes,
    /// Whether it can be trusted, where that was looked at.
    pub trust: Option<Trust>,
    /// How it can be used.
    pub usage: Vec<Usage>,
    /// What it was trained and judged on.
    pub data: Vec<Fact>,
    /// What the run was told: enough to repeat it.
    pub settings: Vec<Fact>,
}

/// What a network confuses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mistakes {
    /// The images, such as `90 test images`.
    pub judged_on: String,
    /// All classes, in the network's order.
    pub classes: Vec<ClassScore>,
    /// How many images of a class were taken for another, the most frequent of each class first.
    pub confused: Vec<Confusion>,
    /// Single images, those first that the network was surest of.
    pub images: Vec<MistakenImage>,
}

/// How many images of a class were put into it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassScore {
    /// Name of the class.
    pub name: String,
    /// Its images.
    pub images: u64,
    /// Those that were put into the class.
    pub right: u64,
    /// 95 % confidence interval of the share that was, from 0 to 1.
    pub interval: [f64; 2],
}

impl ClassScore {
    /// Share of the images that were put into the class, from 0 to 1; 0 without images.
    pub fn accuracy(&self) -> f64 {
        self.right as f64 / self.images.max(1) as f64
    }
}

/// Images of one class that were taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// Index of their class.
    pub class: usize,
    /// Index of the class that they were taken for.
    pub taken_for: usize,
    /// How many they are.
    pub images: u64,
}

/// An image that was put into a wrong class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MistakenImage {
    /// Its file, or its number in its data set.
    pub name: String,
    /// Index of its class.
    pub class: usize,
    /// Index of the class that it was taken for.
    pub taken_for: usize,
    /// The probability that the network gave that class, from 0 to 1.
    pub probability: f64,
}

impl Mistakes {
    /// Indices of the classes that there are images of, the lowest accuracy first, and of equals the
    /// one with more images.
    pub(crate) fn worst_classes(&self) -> Vec<usize> {
        let seen = |&index: &usize| self.classes[index].images > 0;
        let mut order: Vec<usize> = (0..self.classes.len()).filter(seen).collect();
        order.sort_by(|&a, &b| {
            let (a, b) = (&self.classes[a], &self.classes[b]);
            let by_accuracy = a.accuracy().total_cmp(&b.accuracy());
            by_accuracy.then(b.images.cmp(&a.images))
        });
        order
    }

    /// Of a class the share of the images that were put into it that are of it, and the harmonic mean
    /// of that and of the share of its images that were put into it; none where there are no images to
    /// tell it.
    pub(crate) fn precision_and_f1(&self, index: usize) -> [Option<f64>; 2] {
        let class = &self.classes[index];
        let confused = self.confused.iter().filter(|it| it.taken_for == index);
        let predicted = class.right + confused.map(|it| it.images).sum::<u64>();
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        [
            share(class.right, predicted),
            share(2 * class.right, class.images + predicted),
        ]
    }

    /// Refuses mistakes of classes that there are not.
    pub(crate) fn check(&self) -> Result<(), ReportError> {
        let confused = self.confused.iter().map(|it| [it.class, it.taken_for]);
        let images = self.images.iter().map(|it| [it.class, it.taken_for]);
        let classes = self.classes.len();
        match confused.chain(images).flatten().find(|&it| it >= classes) {
            None => Ok(()),
            Some(class) => Err(ReportError::UnknownClass { class, classes }),
        }
    }
}
