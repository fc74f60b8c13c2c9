//! [`Folds`]: images divided so that each is classified by a network that was not trained on it
//! (cross-validation: Stone, *Journal of the Royal Statistical Society B* 36, 1974).

use scarlet_random::{Purpose, Random};
use serde::Serialize;

use crate::TrainError;
use crate::error::require;
use crate::trust::Evidence;

/// Images divided into folds of equal size, each with the same share of every class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folds {
    count: usize,
    /// For each image the fold that it is in, from 0.
    of: Vec<usize>,
}

impl Folds {
    /// Deals images out at random, but the same for the same `seed`: sizes of folds differ by one image
    /// at most, and so do a class's images in them. `labels` is for each image the index of its class.
    ///
    /// # Errors
    ///
    /// [`TrainError::Setting`] for fewer than two folds, and [`TrainError::TooManyFolds`] for more than
    /// the smallest class has images. Classes without images are let be.
    pub fn new(
        labels: &[u32],
        classes: &[String],
        count: usize,
        seed: u64,
    ) -> Result<Self, TrainError> {
        check_count(count)?;
        let mut by_class = vec![Vec::new(); classes.len()];
        for (image, &label) in labels.iter().enumerate() {
            by_class[label as usize].push(image);
        }
        let seen = by_class.iter().enumerate().filter(|(_, it)| !it.is_empty());
        let smallest = seen.min_by_key(|(_, images)| images.len());
        if let Some((class, images)) = smallest.filter(|(_, images)| images.len() < count) {
            return Err(TrainError::TooManyFolds {
                folds: count,
                class: classes[class].clone(),
                images: images.len(),
            });
        }
        let mut of = vec![0; labels.len()];
        let mut dealt = 0;
        for (class, mut images) in by_class.into_iter().enumerate() {
            Random::new(seed, Purpose::CrossValidation, class as u64).shuffle(&mut images);
            for image in images {
                of[image] = dealt % count;
                dealt += 1;
            }
        }
        Ok(Self { count, of })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The fold of an image, from 0.
    ///
    /// # Panics
    ///
    /// If there is no such image.
    pub fn of(&self, image: usize) -> usize {
        self.of[image]
    }

    /// The images of a fold, in order.
    pub fn inside(&self, fold: usize) -> Vec<usize> {
        self.images(|it| it == fold)
    }

    /// All other images, in order: those that the fold's network is trained on.
    pub fn outside(&self, fold: usize) -> Vec<usize> {
        self.images(|it| it != fold)
    }

    fn images(&self, wanted: impl Fn(usize) -> bool) -> Vec<usize> {
        let images = self.of.iter().enumerate();
        let images = images.filter(|(_, fold)| wanted(**fold));
        images.map(|(image, _)| image).collect()
    }
}

/// Refuses a number of folds that leaves nothing to train on, or nothing to judge by.
///
/// # Errors
///
/// [`TrainError::Setting`].
pub fn check_count(count: usize) -> Result<(), TrainError> {
    let expected = "at least 2: each fold is evaluated with a network trained on the others";
    require(count >= 2, "data.folds", count, expected)
}

/// What the network that was not trained on it says of every image.
#[derive(Debug, Clone, Serialize)]
pub struct OutOfFold {
    /// Names of the classes, in the order of the probabilities.
    classes: Vec<String>,
    images: Vec<Prediction>,
}

#[derive(Debug, Clone, Serialize)]
struct Prediction {
    path: String,
    class: usize,
    class_name: String,
    /// From 1.
    fold: usize,
    predicted: usize,
    predicted_name: String,
    probability: f32,
    right: bool,
    probabilities: Vec<f32>,
}

impl OutOfFold {
    /// By what the folds' networks say of the images, whose indices are those of the folds. `name` names
    /// an image by its index. Probabilities are those of the networks as they are, without a temperature.
    pub fn new(
        evidence: &Evidence,
        folds: &Folds,
        classes: &[String],
        name: impl Fn(usize) -> String,
    ) -> Self {
        let answers = evidence.answers(None);
        let images = evidence.images().iter().zip(evidence.labels());
        let images = images.zip(evidence.rows()).zip(&answers);
        let images = images.map(|(((&image, &class), logits), answer)| Prediction {
            path: name(image),
            class,
            class_name: classes[class].clone(),
            fold: folds.of(image) + 1,
            predicted: answer.class,
            predicted_name: classes[answer.class].clone(),
            probability: answer.confidence as f32,
            right: answer.right,
            probabilities: logits
                .iter()
                .map(|&logit| {
                    let below = f64::from(logit) - f64::from(logits[answer.class]);
                    (below.exp() * answer.confidence) as f32
                })
                .collect(),
        });
        Self {
            images: images.collect(),
            classes: classes.to_vec(),
        }
    }

    /// A line for each image, with the probability of its most probable class.
    pub fn to_csv(&self) -> String {
        let mut table = csv::Writer::from_writer(Vec::new());
        let columns = [
            "path",
            "class",
            "class_name",
            "fold",
            "predicted",
            "predicted_name",
            "probability",
            "right",
        ];
        // Into memory nothing fails.
        let _ = table.write_record(columns);
        for image in &self.images {
            let _ = table.write_record([
                &image.path,
                &image.class.to_string(),
                &image.class_name,
                &image.fold.to_string(),
                &image.predicted.to_string(),
                &image.predicted_name,
                &image.probability.to_string(),
                &image.right.to_string(),
            ]);
        }
        let bytes = table.into_inner().unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(classes: usize) -> Vec<String> {
        (0..classes).map(|class| format!("class {class}")).collect()
    }

    #[test]
    fn every_image_is_in_one_fold_and_every_class_in_equal_shares() {
        // 7 of class 0, 11 of class 1, none of class 2, 5 of class 3.
        let labels: Vec<u32> = [(0, 7), (1, 11), (3, 5)]
            .into_iter()
            .flat_map(|(class, images)| vec![class; images])
            .collect();
        let folds = Folds::new(&labels, &names(4), 5, 3).unwrap();
        let mut all = Vec::new();
        for fold in 0..folds.count() {
            let inside = folds.inside(fold);
            assert!(matches!(inside.len(), 4 | 5), "{inside:?}");
            for (class, images) in [(0, 7), (1, 11), (3, 5)] {
                let here = inside.iter().filter(|&&it| labels[it] == class).count();
                assert!(
                    here == images / 5 || here == images.div_ceil(5),
                    "{class} {here}"
                );
            }
            let mut both = [inside.clone(), folds.outside(fold)].concat();
            both.sort_unstable();
            assert_eq!(both, (0..labels.len()).collect::<Vec<_>>());
            all.extend(inside);
        }
        all.sort_unstable();
        assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
    }

    #[test]
    fn the_seed_alone_decides() {
        let labels = [vec![0; 20], vec![1; 20]].concat();
        let of = |seed| Folds::new(&labels, &names(2), 4, seed).unwrap();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn folds_that_cannot_be_are_refused() {
        let message = |count| {
            let labels = [0, 0, 0, 1, 1, 1, 1];
            let folds = Folds::new(&labels, &names(2), count, 0);
            folds.map(|_| ()).unwrap_err().to_string()
        };
        for count in [0, 1] {
            let error = message(count);
            assert!(
                error.starts_with(&format!("`data.folds` is {count}, but must be at least 2")),
                "{error}"
            );
        }
        assert_eq!(
            message(4),
            "4 folds cannot all have an image of class `class 0`, which has 3 to train on: ask for at \
             most 3 folds, or add images to the class"
        );
        Folds::new(&[0, 0, 0, 1, 1, 1, 1], &names(2), 3, 0).unwrap();
    }

    #[test]
    fn predictions_are_written_with_their_folds() {
        let labels = [0, 1, 0, 1];
        let classes = ["a, b".to_owned(), "c".to_owned()];
        let folds = Folds::new(&labels, &classes, 2, 0).unwrap();
        let mut evidence = Evidence::new(2);
        for (image, &label) in labels.iter().enumerate() {
            // Odds of 3 to 1 for class 0.
            evidence.record(image, label as usize, &[3f32.ln(), 0.0]);
        }
        let all = OutOfFold::new(&evidence, &folds, &classes, |image| format!("{image}.png"));
        let text = all.to_csv();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5);
        assert_eq!(
            lines[2],
            format!("1.png,1,c,{},0,\"a, b\",0.75,false", folds.of(1) + 1)
        );
        let json = serde_json::to_value(&all).unwrap();
        assert_eq!(json["classes"][0], "a, b");
        let probabilities = json["images"][1]["probabilities"].as_array().unwrap();
        assert!((probabilities[1].as_f64().unwrap() - 0.25).abs() < 1e-6);
    }
}
