//! [`LearningCurve`]: how much more images would bring.

use std::collections::HashMap;
use std::f64::consts::FRAC_1_SQRT_2;

use scarlet_random::{Purpose, Random};
use serde::Serialize;

use super::power_law::{Measured, PowerLaw};
use super::{Features, LinearClassifier, Probed};
use crate::TrainError;
use crate::batch::answers;
use crate::folds::Folds;

/// Shares of the images that classifiers are fitted to, a root of two apart.
const SHARES: [f64; 7] = [
    0.125,
    FRAC_1_SQRT_2 / 4.0,
    0.25,
    FRAC_1_SQRT_2 / 2.0,
    0.5,
    FRAC_1_SQRT_2,
    1.0,
];
/// The place of the quarter among them.
const QUARTER: usize = 2;
/// How often each share is drawn, or the images are divided.
const DRAWS: usize = 5;
/// Images of a class that the smallest share must have.
const FEWEST: usize = 2;
/// Images that the last classifiers must be wrong about, for there to be something to say.
const FEWEST_MISTAKES: f64 = 10.0;
/// Times the number of images that is told about.
const FACTORS: [usize; 2] = [2, 4];
/// Samples of the bootstrap.
const SAMPLES: usize = 400;
/// Standard deviations that a point may be off the law.
const OFF: f64 = 3.0;
/// What it may be off anyway.
const NEGLIGIBLE: f64 = 2e-3;

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
struct Trial {
    /// Which of all judged images were judged.
    places: Vec<usize>,
    /// Of each share: images fitted to, and whether each judged one was put into a wrong class.
    shares: Vec<(usize, Vec<bool>)>,
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

/// Mean errors of each share, with draws and judged images counted so often.
fn errors(trials: &[Trial], draws: &[f64], images: &[f64]) -> Vec<f64> {
    let shares = 0..trials.first().map_or(0, |trial| trial.shares.len());
    let of_share = |share: usize| {
        let (mut wrong, mut all) = (0.0, 0.0);
        for (trial, draw) in trials.iter().zip(draws) {
            for (&place, &is_wrong) in trial.places.iter().zip(&trial.shares[share].1) {
                let weight = draw * images[place];
                all += weight;
                wrong += weight * f64::from(is_wrong);
            }
        }
        if all > 0.0 { wrong / all } else { 0.0 }
    };
    shares.map(of_share).collect()
}

/// How often each of so many is drawn, when so many are drawn with replacement.
fn drawn(random: &mut Random, count: usize) -> Vec<f64> {
    let mut times = vec![0.0; count];
    for _ in 0..count {
        times[random.below(count)] += 1.0;
    }
    times
}

/// What the trials say.
fn judged(
    trials: Vec<Trial>,
    images: usize,
    judged_images: usize,
    by_test: bool,
    seed: u64,
) -> LearningCurve {
    let counts: Vec<f64> = (0..SHARES.len())
        .map(|share| {
            let of_trial = |trial: &Trial| trial.shares[share].0 as f64;
            trials.iter().map(of_trial).sum::<f64>() / trials.len() as f64
        })
        .collect();
    let measured = |errors: &[f64]| -> Vec<Measured> {
        let points = counts.iter().zip(errors);
        let point = |(&images, &error): (&f64, &f64)| Measured { images, error };
        points.map(point).collect()
    };
    let plain = errors(&trials, &vec![1.0; trials.len()], &vec![1.0; judged_images]);
    let samples: Vec<Vec<f64>> = (0..SAMPLES)
        .map(|sample| {
            // Behind the counters of the draws.
            let counter = (DRAWS + sample) as u64;
            let mut random = Random::new(seed, Purpose::LearningCurve, counter);
            let draws = drawn(&mut random, trials.len());
            errors(&trials, &draws, &drawn(&mut random, judged_images))
        })
        .collect();
    let points = (0..SHARES.len()).map(|share| {
        let of_trial = |trial: &Trial| {
            let wrong = &trial.shares[share].1;
            let right = wrong.iter().filter(|&&it| !it).count();
            right as f64 / wrong.len().max(1) as f64
        };
        CurvePoint {
            images: counts[share].round() as usize,
            accuracy: 1.0 - plain[share],
            interval: interval(samples.iter().map(|errors| 1.0 - errors[share])),
            draws: trials.iter().map(of_trial).collect(),
        }
    });
    LearningCurve {
        images,
        judged_images,
        by_test,
        points: points.collect(),
        verdict: verdict(images, judged_images, &plain, &samples, measured),
    }
}

fn verdict(
    images: usize,
    judged_images: usize,
    plain: &[f64],
    samples: &[Vec<f64>],
    measured: impl Fn(&[f64]) -> Vec<Measured>,
) -> CurveVerdict {
    let last = plain.len() - 1;
    let mistakes = plain[last] * judged_images as f64;
    if mistakes < FEWEST_MISTAKES {
        return CurveVerdict::TooFewMistakes { mistakes };
    }
    let gain = |errors: &Vec<f64>| errors[QUARTER] - errors[last];
    if interval(samples.iter().map(gain))[0] <= 0.0 {
        return CurveVerdict::NoGain;
    }
    let Some(law) = PowerLaw::fit(&measured(plain)) else {
        return CurveVerdict::NoLaw;
    };
    let fitted = samples.iter().filter_map(|errors| {
        let points = measured(errors);
        PowerLaw::fit(&points).map(|law| (law, points))
    });
    let fitted: Vec<(PowerLaw, Vec<Measured>)> = fitted.collect();
    let off = |(law, points): (&PowerLaw, &[Measured]), place: usize| {
        points[place].error - law.error(points[place].images)
    };
    let own = measured(plain);
    let is_off = |place: usize| {
        let offs = fitted.iter().map(|(law, points)| off((law, points), place));
        let deviation = deviation(offs);
        off((&law, &own), place).abs() > OFF * deviation + NEGLIGIBLE
    };
    if fitted.is_empty() || (0..plain.len()).any(is_off) {
        return CurveVerdict::NoLaw;
    }
    let forecasts = FACTORS.map(|factor| {
        let images = factor * images;
        let of = |law: &PowerLaw| 1.0 - law.error(images as f64);
        Forecast {
            factor,
            images,
            accuracy: of(&law),
            interval: interval(fitted.iter().map(|(law, _)| of(law))),
        }
    });
    CurveVerdict::PowerLaw {
        law,
        forecasts: forecasts.to_vec(),
    }
}

/// What 95 % of the values are in.
fn interval(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * values.len().saturating_sub(1) as f64).round() as usize;
        values.get(place).copied().unwrap_or(0.0)
    };
    [at(0.025), at(0.975)]
}

fn deviation(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const JUDGED: usize = 1_000;

    /// Trials in which images are put into a wrong class with a probability that depends on how many
    /// images there are to fit to; images that are hard in one trial are so in others.
    fn trials(images: usize, law: impl Fn(f64) -> f64) -> Vec<Trial> {
        let hardness: Vec<f64> = {
            let mut random = Random::new(1, 99u64, 0);
            (0..JUDGED).map(|_| random.unit()).collect()
        };
        let trial = |draw: u64| {
            let mut random = Random::new(2, 99u64, draw);
            let share = |share: &f64| {
                let count = (share * images as f64).round();
                let error = law(count);
                // A little more or less in each draw.
                let error = error * random.between(0.96, 1.04);
                let wrong = hardness.iter().map(|hardness| *hardness < error);
                (count as usize, wrong.collect())
            };
            Trial {
                places: (0..JUDGED).collect(),
                shares: SHARES.iter().map(share).collect(),
            }
        };
        (0..DRAWS as u64).map(trial).collect()
    }

    fn curve(images: usize, law: impl Fn(f64) -> f64) -> LearningCurve {
        judged(trials(images, law), images, JUDGED, true, 0)
    }

    #[test]
    fn a_known_law_is_continued_within_its_interval() {
        let law = |images: f64| 3.0 * images.powf(-0.5) + 0.05;
        let CurveVerdict::PowerLaw { forecasts, .. } = curve(1_600, law).verdict else {
            panic!("a law");
        };
        assert_eq!(forecasts.len(), 2);
        for forecast in forecasts {
            let expected = 1.0 - law(forecast.images as f64);
            let [low, high] = forecast.interval;
            assert!(low < forecast.accuracy && forecast.accuracy < high);
            assert!((forecast.accuracy - expected).abs() < 0.02, "{forecast:?}");
            assert!(high - low < 0.12, "{forecast:?}");
        }
    }

    #[test]
    fn what_the_points_do_not_say_is_not_said() {
        assert_eq!(curve(1_600, |_| 0.2).verdict, CurveVerdict::NoGain);
        assert_eq!(
            curve(1_600, |images| 0.1 + images / 1e5).verdict,
            CurveVerdict::NoGain
        );
        // Falls all at once, at half of the images.
        let step = |images: f64| if images < 700.0 { 0.5 } else { 0.1 };
        assert_eq!(curve(1_600, step).verdict, CurveVerdict::NoLaw);
        let good = curve(1_600, |images| 1.0 / images).verdict;
        assert!(
            matches!(good, CurveVerdict::TooFewMistakes { .. }),
            "{good:?}"
        );
    }

    #[test]
    fn points_are_means_of_their_draws() {
        let curve = curve(1_600, |images| 3.0 * images.powf(-0.5));
        assert_eq!(curve.points.len(), SHARES.len());
        assert_eq!(curve.points[0].images, 200);
        assert_eq!(curve.points[6].images, 1_600);
        for point in &curve.points {
            let mean = point.draws.iter().sum::<f64>() / DRAWS as f64;
            assert!((point.accuracy - mean).abs() < 1e-9);
            assert!(point.interval[0] <= mean && mean <= point.interval[1]);
            assert!(point.interval[0] < point.interval[1]);
        }
    }

    #[test]
    fn images_that_are_drawn_more_often_weigh_more() {
        let trials = vec![Trial {
            places: vec![1, 0],
            shares: vec![(8, vec![true, false])],
        }];
        assert_eq!(errors(&trials, &[1.0], &[1.0, 1.0]), [0.5]);
        assert_eq!(errors(&trials, &[2.0], &[1.0, 3.0]), [0.75]);
        assert_eq!(errors(&trials, &[1.0], &[2.0, 0.0]), [0.0]);
    }
}
