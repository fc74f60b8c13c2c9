//! [`LearningCurve`]: how much more images would bring.

use std::collections::HashMap;
use std::f64::consts::FRAC_1_SQRT_2;

use scarlet_random::{Purpose, Random};
use serde::Serialize;

use super::curve_verdict::judged;
use super::power_law::PowerLaw;
use super::{Features, LinearClassifier, Probed};
use crate::TrainError;
use crate::batch::answers;
use crate::folds::Folds;

/// Shares of the images that classifiers are fitted to, a root of two apart.
pub(super) const SHARES: [f64; 7] = [
    0.125,
    FRAC_1_SQRT_2 / 4.0,
    0.25,
    FRAC_1_SQRT_2 / 2.0,
    0.5,
    FRAC_1_SQRT_2,
    1.0,
];
/// How often each share is drawn, or the images are divided.
pub(super) const DRAWS: usize = 5;
/// Images of a class that the smallest share must have.
const FEWEST: usize = 2;
/// How the accuracy of a linear classifier on a network's features grows with the number of images.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LearningCurve {
    /// Images that there are to fit a classifier to.
    pub images: usize,
    /// Images that the classifiers were judged by.
    pub judged_images: usize,
    /// Whether these are test images; else each image was judged by classifiers fitted to others.
    pub by_test: bool,
    /// What classifiers fitted to shares of the images came to, the smallest first.
    pub points: Vec<CurvePoint>,
    /// What follows.
    pub verdict: CurveVerdict,
}

/// Classifiers fitted to so many images.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CurvePoint {
    /// Images that each was fitted to.
    pub images: usize,
    /// Their mean accuracy, from 0 to 1.
    pub accuracy: f64,
    /// 95 % interval, by drawing other images to fit to and to judge by.
    pub interval: [f64; 2],
    /// The accuracy of each draw.
    pub draws: Vec<f64>,
}

/// What a learning curve says about more images of the same kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[non_exhaustive]
pub enum CurveVerdict {
    /// The error follows a power law, which is continued.
    PowerLaw {
        /// The law.
        law: PowerLaw,
        /// Accuracies with more images.
        forecasts: Vec<Forecast>,
    },
    /// All images are no better than a quarter of them, as far as can be told.
    NoGain,
    /// The points are too far from any power law to continue one.
    NoLaw,
    /// So few images are put into a wrong class that nothing can be said about fewer.
    TooFewMistakes {
        /// How many, in the mean of the draws.
        mistakes: f64,
    },
}

/// An accuracy with more images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Forecast {
    /// Times as many images as there are.
    pub factor: usize,
    /// Images to fit a classifier to.
    pub images: usize,
    /// What the law says.
    pub accuracy: f64,
    /// 95 % interval, by fitting the law again where other images are drawn to fit to and to judge by. It
    /// does not cover that the law itself may be another.
    pub interval: [f64; 2],
}

impl LearningCurve {
    /// Classifiers that are fitted for a curve.
    pub const FITS: usize = SHARES.len() * DRAWS;

    /// Fits linear classifiers to shares of the images of a probe, from an eighth to all, each with the
    /// same share of every class and drawn several times at random, and judges them: by the test images, or
    /// where there are none by folds, each judged by classifiers fitted to shares of the others. A power law
    /// is fitted to the mean errors and continued to twice and four times the images. Intervals are
    /// percentiles of a bootstrap over draws and judged images (Efron, *The Annals of Statistics* 7, 1979).
    ///
    /// The weight of the penalty is chosen for each share in its first draw. `progress` is called after each
    /// classifier, [`FITS`](Self::FITS) times.
    ///
    /// # Errors
    ///
    /// [`TrainError::TooFewForCurve`] where a class has too few images for the smallest share.
    pub fn of(
        probed: &Probed,
        classes: &[String],
        seed: u64,
        progress: impl FnMut(),
    ) -> Result<Self, TrainError> {
        let all = match probed.by_test {
            true => probed.fitted.clone(),
            false => probed.fitted.clone().joined(&probed.judged),
        };
        check_enough(&all, classes, probed.by_test)?;
        let sections = match probed.by_test {
            true => vec![Section::of(&all, &probed.judged, (0..probed.judged.len()).collect()); 1],
            false => {
                let folds = Folds::new(all.labels(), classes, DRAWS, seed)?;
                let section = |fold| {
                    let inside = folds.inside(fold);
                    let judged = all.select(&inside);
                    Section::of(&all.select(&folds.outside(fold)), &judged, inside)
                };
                (0..DRAWS).map(section).collect()
            }
        };
        let trials = trials(&sections, classes.len(), seed, progress);
        let judged_images = match probed.by_test {
            true => probed.judged.len(),
            false => all.len(),
        };
        Ok(judged(
            trials,
            all.len(),
            judged_images,
            probed.by_test,
            seed,
        ))
    }
}

/// Refuses images of which the smallest share has too few of a class.
fn check_enough(all: &Features, classes: &[String], by_test: bool) -> Result<(), TrainError> {
    let of_pool = match by_test {
        true => 1.0,
        false => 1.0 - 1.0 / DRAWS as f64,
    };
    let least = (FEWEST as f64 / (SHARES[0] * of_pool)).ceil() as usize;
    let mut counts = vec![0; classes.len()];
    for &label in all.labels() {
        counts[label as usize] += 1;
    }
    let smallest = (0..counts.len()).min_by_key(|&class| counts[class]);
    match smallest.filter(|&class| counts[class] < least) {
        Some(class) => Err(TrainError::TooFewForCurve {
            class: classes[class].clone(),
            images: counts[class],
            least,
        }),
        None => Ok(()),
    }
}

/// Images to draw from, and those to judge by.
#[derive(Clone)]
struct Section {
    pool: Features,
    judged: Features,
    /// Which of all judged images these are.
    places: Vec<usize>,
}

impl Section {
    fn of(pool: &Features, judged: &Features, places: Vec<usize>) -> Self {
        Self {
            pool: pool.clone(),
            judged: judged.clone(),
            places,
        }
    }

    /// The images in random order, by class.
    fn shuffled(&self, seed: u64, draw: usize, classes: usize) -> Vec<Vec<usize>> {
        let mut by_class = vec![Vec::new(); classes];
        for (image, &label) in self.pool.labels().iter().enumerate() {
            by_class[label as usize].push(image);
        }
        let mut random = Random::new(seed, Purpose::LearningCurve, draw as u64);
        by_class.iter_mut().for_each(|them| random.shuffle(them));
        by_class
    }
}

/// What a draw's classifiers came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trial {
    /// Which of all judged images were judged.
    pub(super) places: Vec<usize>,
    /// Of each share: images fitted to, and whether each judged one was put into a wrong class.
    pub(super) shares: Vec<(usize, Vec<bool>)>,
}

fn trials(
    sections: &[Section],
    classes: usize,
    seed: u64,
    mut progress: impl FnMut(),
) -> Vec<Trial> {
    let mut penalties: HashMap<usize, f64> = HashMap::new();
    let mut trials: Vec<Trial> = Vec::new();
    for draw in 0..DRAWS {
        let section = &sections[draw % sections.len()];
        let by_class = section.shuffled(seed, draw, classes);
        let mut shares = Vec::new();
        for (place, share) in SHARES.iter().enumerate() {
            let is_all = place + 1 == SHARES.len();
            // All images of one section are the same in every draw.
            let known = trials.first().filter(|_| is_all && sections.len() == 1);
            if let Some(known) = known {
                shares.push(known.shares[place].clone());
                progress();
                continue;
            }
            // The shares of a draw are parts of each other, so that its curve varies less.
            let of_class = |images: &Vec<usize>| {
                let count = (share * images.len() as f64).round() as usize;
                images[..count].to_vec()
            };
            let mut images: Vec<usize> = by_class.iter().flat_map(of_class).collect();
            images.sort_unstable();
            let fitted = section.pool.select(&images);
            let classifier = match penalties.get(&place) {
                Some(&penalty) => LinearClassifier::with_penalty(&fitted, classes, penalty),
                None => LinearClassifier::fit(&fitted, classes),
            };
            penalties.insert(place, classifier.penalty());
            let given = answers(&classifier.logits(&section.judged));
            let given = given.iter().zip(section.judged.labels());
            let wrong = given.map(|(answer, &label)| answer.class != label as usize);
            shares.push((fitted.len(), wrong.collect()));
            progress();
        }
        trials.push(Trial {
            places: section.places.clone(),
            shares,
        });
    }
    trials
}
