//! Which labels a linear classifier on a network's features doubts.

use scarlet_random::{Purpose, Random};

use super::Features;
use super::discriminant::{Folds, standardised};

/// Parts that images are divided into: each is judged by a classifier fitted to the others.
const FOLDS: usize = 5;
/// Steps of the search for a temperature.
const STEPS: usize = 60;
/// A label that is more probable than this is not doubted.
const IMPROBABLE: f64 = 0.02;
/// The share of a class's threshold that is enough for an image to look like it.
const REACHED: f64 = 0.5;
/// Where it is searched for.
const TEMPERATURES: [f64; 2] = [0.2, 50.0];

/// A label that may be wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelDoubt {
    /// The image, by its place among the features.
    pub image: usize,
    /// Its class.
    pub given: usize,
    /// The class that it looks like.
    pub looks_like: usize,
    /// How probable this is, from 0 to 1.
    pub probability: f64,
    /// How probable its own class is.
    pub own_probability: f64,
}

/// What a look at labels came to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LabelCheck {
    /// The most certain first.
    pub doubts: Vec<LabelDoubt>,
    /// Images whose labels were looked at.
    pub checked: usize,
    /// Share of these that the classifier would have given their label.
    pub agreement: f64,
    /// Classes of too few images to be checked.
    pub small_classes: Vec<usize>,
}

/// Doubts labels by the thresholds of confident learning (Northcutt, Jiang and Chuang, *Confident
/// Learning: Estimating Uncertainty in Dataset Labels*, arXiv 1911.00068, section 3.1): how probable a
/// class is, on average, for the images that are labelled so. An image is doubted where its own class is
/// less probable than 0.02 and another reaches half of its threshold; where several do, the most probable
/// counts. (The paper asks for the whole threshold, and nothing of the own class: where classes are hard
/// to tell apart that doubts every tenth label.) Every image is judged by a
/// classifier that was fitted to other images: of five folds, which hold as many of every class,
/// all but its own. The classifier is a linear discriminant, whose probabilities are softened by a
/// temperature (Guo et al., arXiv 1706.04599) so that given labels are as probable as they can be.
///
/// `groups` says of each image which others show the same picture, by a number that these have in
/// common: they are kept in one fold. Classes of fewer than five groups are left out. `go_on` is
/// asked now and then; where it says no there is no result.
pub fn check_labels(
    features: &Features,
    classes: usize,
    groups: &[usize],
    mut go_on: impl FnMut() -> bool,
) -> Option<LabelCheck> {
    let labels: Vec<usize> = features.labels().iter().map(|&it| it as usize).collect();
    let (folds, small_classes) = folds(&labels, classes, groups);
    let images: Vec<usize> = (0..labels.len())
        .filter(|&it| folds[it].is_some())
        .collect();
    // Classes as they are numbered among those that are checked.
    let kept: Vec<usize> = (0..classes)
        .filter(|class| images.iter().any(|&it| labels[it] == *class))
        .collect();
    let mut check = LabelCheck {
        doubts: Vec::new(),
        checked: images.len(),
        agreement: 0.0,
        small_classes,
    };
    if kept.len() < 2 {
        check.checked = 0;
        return Some(check);
    }
    let place = |class: usize| kept.iter().position(|&it| it == class).unwrap_or_default();
    let given: Vec<usize> = images.iter().map(|&it| place(labels[it])).collect();
    let folds: Vec<usize> = images.iter().filter_map(|&it| folds[it]).collect();
    let width = features.width();
    let all: Vec<&[f32]> = features.rows().collect();
    let rows: Vec<&[f32]> = images.iter().map(|&it| all[it]).collect();
    let values = standardised(&rows, width);
    let fitted = Folds::of(&values, width, &given, &folds, &mut go_on)?;
    let mut logits = vec![Vec::new(); images.len()];
    for fold in 0..FOLDS {
        if !go_on() {
            return None;
        }
        let Some(discriminant) = fitted.without(fold) else {
            continue;
        };
        for (image, logits) in logits.iter_mut().enumerate() {
            if folds[image] == fold {
                *logits = discriminant.logits(&values[image * width..(image + 1) * width]);
            }
        }
    }
    let temperature = temperature(&logits, &given);
    let softened: Vec<Vec<f64>> = logits.iter().map(|it| softmax(it, temperature)).collect();
    let agreeing = softened.iter().zip(&given);
    let agreeing = agreeing.filter(|(probabilities, given)| most(probabilities) == Some(**given));
    check.agreement = agreeing.count() as f64 / images.len() as f64;
    for (image, other) in confident(&softened, &given) {
        check.doubts.push(LabelDoubt {
            image: images[image],
            given: kept[given[image]],
            looks_like: kept[other],
            probability: softened[image][other],
            own_probability: softened[image][given[image]],
        });
    }
    let margin = |it: &LabelDoubt| it.probability - it.own_probability;
    check
        .doubts
        .sort_by(|a, b| margin(b).total_cmp(&margin(a)).then(a.image.cmp(&b.image)));
    Some(check)
}

/// The fold of each image, none for those of small classes; and these classes.
fn folds(labels: &[usize], classes: usize, groups: &[usize]) -> (Vec<Option<usize>>, Vec<usize>) {
    // A group counts for the class of its first image.
    let mut firsts = vec![None; groups.iter().max().map_or(0, |last| last + 1)];
    let mut by_class = vec![Vec::new(); classes];
    for (&group, &label) in groups.iter().zip(labels) {
        if firsts[group].is_none() {
            firsts[group] = Some(label);
            by_class[label].push(group);
        }
    }
    let mut places = vec![None; firsts.len()];
    let mut small = Vec::new();
    for (class, mut groups) in by_class.into_iter().enumerate() {
        if groups.len() < FOLDS {
            if !groups.is_empty() {
                small.push(class);
            }
            continue;
        }
        Random::new(0, Purpose::Folds, class as u64).shuffle(&mut groups);
        for (place, group) in groups.into_iter().enumerate() {
            places[group] = Some((place + class) % FOLDS);
        }
    }
    let is_small = |label: &usize| small.contains(label);
    let folds = groups.iter().zip(labels);
    let folds = folds.map(|(&group, label)| places[group].filter(|_| !is_small(label)));
    (folds.collect(), small)
}

/// Images of an improbable class, with the class that they look like.
fn confident(probabilities: &[Vec<f64>], given: &[usize]) -> Vec<(usize, usize)> {
    let classes = probabilities.first().map_or(0, Vec::len);
    let (mut sums, mut counts) = (vec![0.0; classes], vec![0.0; classes]);
    for (probabilities, &given) in probabilities.iter().zip(given) {
        sums[given] += probabilities[given];
        counts[given] += 1.0;
    }
    let thresholds: Vec<f64> = sums
        .iter()
        .zip(&counts)
        .map(|(sum, count)| sum / f64::max(*count, 1.0))
        .collect();
    let doubt = |(image, probabilities): (usize, &Vec<f64>)| {
        let own = given[image];
        let reaches = |class: &usize| probabilities[*class] >= REACHED * thresholds[*class];
        let others = (0..classes).filter(|class| *class != own).filter(reaches);
        let class = others.max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]))?;
        (probabilities[own] < IMPROBABLE).then_some((image, class))
    };
    let all = probabilities.iter().enumerate();
    all.filter_map(doubt).collect()
}

fn most(probabilities: &[f64]) -> Option<usize> {
    (0..probabilities.len()).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]))
}

fn softmax(logits: &[f64], temperature: f64) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits
        .iter()
        .map(|logit| ((logit - largest) / temperature).exp())
        .collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// The temperature at which given labels are most probable, by golden-section search over its
/// logarithm.
fn temperature(logits: &[Vec<f64>], given: &[usize]) -> f64 {
    let loss = |logarithm: f64| -> f64 {
        let temperature = logarithm.exp();
        let losses = logits.iter().zip(given).map(|(logits, &given)| {
            let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let powers = logits.iter().map(|it| ((it - largest) / temperature).exp());
            powers.sum::<f64>().ln() - (logits[given] - largest) / temperature
        });
        losses.sum()
    };
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let [mut low, mut high] = TEMPERATURES.map(f64::ln);
    for _ in 0..STEPS {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        match loss(left) < loss(right) {
            true => high = right,
            false => low = left,
        }
    }
    ((low + high) / 2.0).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clusters of classes in a few dimensions, with noise.
    fn clusters(per_class: usize, classes: usize) -> Features {
        let width = 6;
        let mut random = Random::new(3, Purpose::Split, 0);
        let mut noise = || random.below(2001) as f32 / 1000.0 - 1.0;
        let labels: Vec<u32> = (0..per_class * classes)
            .map(|index| (index % classes) as u32)
            .collect();
        let mut values = Vec::new();
        for &label in &labels {
            for place in 0..width {
                let centre = if place == label as usize { 3.0 } else { 0.0 };
                values.push(centre + noise());
            }
        }
        Features {
            values,
            width,
            names: labels.iter().map(u32::to_string).collect(),
            labels,
        }
    }

    fn alone(features: &Features) -> Vec<usize> {
        (0..features.len()).collect()
    }

    #[test]
    fn wrong_labels_are_doubted_and_right_ones_are_not() {
        let mut features = clusters(40, 4);
        let groups = alone(&features);
        let clean = check_labels(&features, 4, &groups, || true).unwrap();
        assert!(clean.doubts.len() <= 1, "{:?}", clean.doubts);
        assert!(clean.agreement > 0.98, "{}", clean.agreement);
        let wrong = [5, 50, 77, 120];
        for image in wrong {
            features.labels[image] = (features.labels[image] + 1) % 4;
        }
        let check = check_labels(&features, 4, &groups, || true).unwrap();
        // One may be too near to the others to be improbable enough.
        assert!(check.doubts.len() >= 3, "{:?}", check.doubts);
        for doubt in &check.doubts {
            assert!(wrong.contains(&doubt.image), "{doubt:?}");
            assert_eq!((doubt.given + 3) % 4, doubt.looks_like);
            assert!(doubt.probability > 0.8 && doubt.own_probability < 0.2);
        }
        assert_eq!(check.checked, 160);
        assert_eq!(check_labels(&features, 4, &groups, || true), Some(check));
    }

    #[test]
    fn copies_of_a_wrong_label_do_not_vouch_for_each_other() {
        let mut features = clusters(40, 3);
        let mut groups = alone(&features);
        // The same picture five times, under the wrong label.
        let row = features.values[..6].to_vec();
        for copy in [30, 31, 32, 33] {
            features.values[copy * 6..(copy + 1) * 6].copy_from_slice(&row);
            groups[copy] = 0;
        }
        for copy in [0, 30, 31, 32, 33] {
            features.labels[copy] = 2;
        }
        let check = check_labels(&features, 3, &groups, || true).unwrap();
        let doubted: Vec<usize> = check.doubts.iter().map(|it| it.image).take(5).collect();
        for copy in [0, 30, 31, 32, 33] {
            assert!(doubted.contains(&copy), "{doubted:?}");
        }
    }

    #[test]
    fn small_classes_are_left_out() {
        let mut features = clusters(20, 3);
        for image in 0..features.len() {
            if features.labels[image] == 2 && image > 12 {
                features.labels[image] = 0;
            }
        }
        let groups = alone(&features);
        let check = check_labels(&features, 4, &groups, || true).unwrap();
        assert_eq!(check.small_classes, [2]);
        assert_eq!(check.checked, 56);
        assert!(check.doubts.iter().all(|it| it.looks_like != 2));
        // Of one class nothing can be said.
        features.labels.fill(1);
        let check = check_labels(&features, 4, &groups, || true).unwrap();
        assert_eq!((check.checked, check.doubts.len()), (0, 0));
        assert_eq!(
            check_labels(&clusters(9, 3), 3, &alone(&clusters(9, 3)), || false),
            None
        );
    }

    #[test]
    fn a_doubted_class_is_improbable_and_another_reaches_half_its_threshold() {
        let probabilities = [
            [0.96, 0.02, 0.02],
            [0.01, 0.59, 0.40],
            [0.30, 0.40, 0.30],
            [0.03, 0.95, 0.02],
            [0.01, 0.19, 0.80],
        ];
        let probabilities: Vec<Vec<f64>> = probabilities.iter().map(|it| it.to_vec()).collect();
        // Thresholds are the means of the own class: (0.96 + 0.01 + 0.03) / 3, 0.4 and 0.8. The second
        // looks like both others, the fourth's own class is not improbable enough.
        assert_eq!(confident(&probabilities, &[0, 0, 1, 0, 2]), [(1, 1)]);
        // 0.45 is less than half of 1.
        let far = vec![
            vec![0.01, 0.45, 0.54],
            vec![0.0, 1.0, 0.0],
            vec![0.0, 0.0, 1.0],
        ];
        assert_eq!(confident(&far, &[0, 1, 2]), [(0, 2)]);
        let nothing_near = vec![vec![0.0, 0.25, 0.25, 0.25, 0.25]; 1];
        let sure = (1..5).map(|class| {
            let mut sure = vec![0.0; 5];
            sure[class] = 1.0;
            sure
        });
        let all: Vec<Vec<f64>> = nothing_near.into_iter().chain(sure).collect();
        assert!(confident(&all, &[0, 1, 2, 3, 4]).is_empty());
        assert!(confident(&[], &[]).is_empty());
    }

    #[test]
    fn a_temperature_makes_labels_as_probable_as_can_be() {
        // Three of four right with logits that claim 0.999: at best they claim 0.75.
        let logits = vec![vec![7.0, 0.0]; 4];
        let found = temperature(&logits, &[0, 0, 0, 1]);
        assert!((found - 7.0 / 3.0_f64.ln()).abs() < 1e-3, "{found}");
        let soft = softmax(&[7.0, 0.0], found);
        assert!((soft[0] - 0.75).abs() < 1e-3, "{soft:?}");
    }
}
