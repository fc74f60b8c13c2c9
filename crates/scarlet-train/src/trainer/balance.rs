//! [`Balance`]: classes of different sizes made to count alike.

use scarlet_data::dataset::Labels;
use scarlet_random::{Purpose, Random};
use serde::{Deserialize, Serialize};

use super::TrainConfig;
use crate::TrainError;
use crate::batch::View;
use crate::error::require;

/// How far classes of different sizes count alike. A class of n images is shown in proportion to
/// n^(1 − `sampling`), and the loss of each of its images weighs in proportion to n^(−`loss`): with
/// both at 0, images are taken as they are; with one of them at 1, all classes count the same.
///
/// Where classes are balanced, epochs are compared by the mean of the classes' accuracies.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Balance {
    /// How far classes are shown equally often, from 0 to 1. An epoch has as many images as without:
    /// some of large classes are left out, others in every epoch, and those of small ones are shown
    /// again, each time changed at random in another way.
    pub sampling: f64,
    /// How far the losses of classes weigh the same, from 0 to 1. The mean weight is 1. An image's
    /// whole loss is weighed by its own class, the part of label smoothing too (PyTorch's weights are of
    /// the terms of a loss, so that smoothing would favour small classes in images of others).
    pub loss: f64,
}

impl Balance {
    /// Whether it changes anything.
    pub fn is_set(self) -> bool {
        self != Self::default()
    }

    pub(super) fn validate(self) -> Result<(), TrainError> {
        let parts = [
            ("balance.sampling", self.sampling),
            ("balance.loss", self.loss),
        ];
        for (name, value) in parts {
            require((0.0..=1.0).contains(&value), name, value, "from 0 to 1")?;
        }
        require(
            self.sampling + self.loss <= 1.0,
            "balance.loss",
            self.loss,
            "at most 1 together with balance.sampling: more would make small classes count more than \
             large ones",
        )
    }

    /// For each class, the share of an epoch's images that are of it.
    pub(super) fn shares(self, labels: &[u32], classes: usize) -> Vec<f64> {
        let drawn: Vec<f64> = counts(labels, classes)
            .into_iter()
            .map(|images| match images {
                0 => 0.0,
                images => (images as f64).powf(1.0 - self.sampling),
            })
            .collect();
        let sum: f64 = drawn.iter().sum();
        drawn.into_iter().map(|drawn| drawn / sum).collect()
    }

    /// For each class, what the loss of its images weighs; none where all weigh 1.
    pub(super) fn weights(self, labels: &[u32], classes: usize) -> Option<Vec<f32>> {
        if self.loss == 0.0 {
            return None;
        }
        let weights: Vec<f64> = counts(labels, classes)
            .into_iter()
            // One without images is never asked for.
            .map(|images| (images.max(1) as f64).powf(-self.loss))
            .collect();
        let shares = self.shares(labels, classes);
        let mean: f64 = weights.iter().zip(&shares).map(|(a, b)| a * b).sum();
        Some(
            weights
                .iter()
                .map(|weight| (weight / mean) as f32)
                .collect(),
        )
    }
}

/// Images of each class.
pub(super) fn counts(labels: &[u32], classes: usize) -> Vec<u64> {
    let mut counts = vec![0; classes];
    for &label in labels {
        counts[label as usize] += 1;
    }
    counts
}

/// Which images an epoch shows, and in which order.
pub struct Order {
    seed: u64,
    images: usize,
    /// The images of each class that has some, and its share of the epoch, where classes are
    /// balanced.
    classes: Vec<(Vec<usize>, f64)>,
}

impl Order {
    /// That of a training on images of these labels. Images of several are not balanced.
    pub fn new(config: &TrainConfig, labels: Labels<'_>, classes: usize) -> Self {
        let mut balanced = Vec::new();
        if config.balance.sampling > 0.0
            && let Labels::One(labels) = labels
        {
            let shares = config.balance.shares(labels, classes);
            balanced.extend(shares.into_iter().map(|share| (Vec::new(), share)));
            for (image, &label) in labels.iter().enumerate() {
                balanced[label as usize].0.push(image);
            }
            balanced.retain(|(images, _): &(Vec<usize>, f64)| !images.is_empty());
        }
        Self {
            seed: config.seed,
            images: labels.len(),
            classes: balanced,
        }
    }

    /// The images of an epoch, a function of the seed and its number alone.
    pub fn of(&self, epoch: u64) -> Vec<View> {
        let mut stream = Random::new(self.seed, Purpose::Order, epoch);
        if self.classes.is_empty() {
            let order = stream.permutation(self.images).into_iter();
            return order.map(View::first).collect();
        }
        let mut views = Vec::with_capacity(self.images);
        // Systematic sampling: each class gets its share of the places rounded down or up, in the
        // mean of the epochs exactly its share.
        let mut end = stream.unit();
        for (class, (images, share)) in self.classes.iter().enumerate() {
            end += share * self.images as f64;
            let end = match class + 1 == self.classes.len() {
                // Whatever was rounded.
                true => self.images,
                false => (end as usize).min(self.images),
            };
            let places = end - views.len();
            let order = stream.permutation(images.len());
            let place = |place: usize| View {
                image: images[order[place % order.len()]],
                repeat: (place / order.len()) as u64,
            };
            views.extend((0..places).map(place));
        }
        let order = stream.permutation(views.len());
        order.into_iter().map(|place| views[place]).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// 60 images of class 0, none of class 1, 6 of class 2 and 24 of class 3.
    fn labels() -> Vec<u32> {
        [(0, 60), (2, 6), (3, 24)]
            .into_iter()
            .flat_map(|(class, images)| std::iter::repeat_n(class, images))
            .collect()
    }

    fn order(sampling: f64) -> Order {
        let balance = Balance {
            sampling,
            ..Balance::default()
        };
        let config = TrainConfig {
            balance,
            ..TrainConfig::default()
        };
        Order::new(&config, Labels::One(&labels()), 4)
    }

    fn shown(views: &[View]) -> Vec<usize> {
        let mut shown = vec![0; 4];
        for view in views {
            shown[labels()[view.image] as usize] += 1;
        }
        shown
    }

    #[test]
    fn every_class_is_shown_as_often() {
        for epoch in 0..20 {
            assert_eq!(shown(&order(1.0).of(epoch)), [30, 0, 30, 30]);
        }
    }

    #[test]
    fn half_a_balance_is_between() {
        // By hand: roots of 60, 6 and 24 are 7.746, 2.449 and 4.899, their sum 15.095.
        let epochs = 400;
        let mut sums = [0; 4];
        for epoch in 0..epochs {
            let views = order(0.5).of(epoch);
            assert_eq!(views.len(), 90);
            for (sum, shown) in sums.iter_mut().zip(shown(&views)) {
                *sum += shown;
            }
        }
        for (sum, expected) in sums.iter().zip([46.19, 0.0, 14.61, 29.21]) {
            let mean = *sum as f64 / epochs as f64;
            assert!((mean - expected).abs() < 0.1, "{mean} {expected}");
        }
    }

    #[test]
    fn images_of_a_class_are_shown_equally_often_and_repeats_are_told_apart() {
        let views = order(1.0).of(3);
        let of_small: Vec<&View> = views.iter().filter(|it| labels()[it.image] == 2).collect();
        let different: HashSet<(usize, u64)> =
            of_small.iter().map(|it| (it.image, it.repeat)).collect();
        assert_eq!(different.len(), 30);
        assert!(of_small.iter().all(|it| it.repeat < 5));
        // Of a large class no image comes twice, and it is others in each epoch.
        let of_large = |views: &[View]| -> HashSet<usize> {
            let large = views.iter().filter(|it| labels()[it.image] == 0);
            large.map(|it| it.image).collect()
        };
        assert_eq!(of_large(&views).len(), 30);
        assert_ne!(of_large(&views), of_large(&order(1.0).of(4)));
    }

    #[test]
    fn without_balance_the_order_is_what_it_was() {
        let plain: Vec<usize> = order(0.0).of(5).iter().map(|it| it.image).collect();
        assert_eq!(plain, Random::new(0, Purpose::Order, 5).permutation(90));
    }

    #[test]
    fn weights_are_of_mean_one_and_make_classes_weigh_the_same() {
        let balance = Balance {
            sampling: 0.0,
            loss: 1.0,
        };
        let weights = balance.weights(&labels(), 4).unwrap();
        let sums = [60.0, 0.0, 6.0, 24.0].iter().zip(&weights);
        let sums: Vec<f32> = sums.map(|(images, weight)| images * weight).collect();
        assert!((sums.iter().sum::<f32>() - 90.0).abs() < 1e-3, "{sums:?}");
        for class in [0, 2, 3] {
            assert!((sums[class] - 30.0).abs() < 1e-3, "{sums:?}");
        }
        assert_eq!(Balance::default().weights(&labels(), 4), None);
    }

    #[test]
    fn more_than_balanced_is_refused() {
        let message = |sampling, loss| {
            Balance { sampling, loss }
                .validate()
                .unwrap_err()
                .to_string()
        };
        assert!(
            message(0.6, 0.6).contains("`balance.loss` is 0.6, but must be at most 1 together")
        );
        assert!(message(-0.1, 0.0).contains("`balance.sampling` is -0.1"));
        assert!(message(0.0, f64::NAN).contains("`balance.loss` is NaN"));
        Balance {
            sampling: 0.5,
            loss: 0.5,
        }
        .validate()
        .unwrap();
    }
}
