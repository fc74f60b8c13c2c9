//! What the trials of a learning curve say, with a bootstrap over draws and judged images.

use scarlet_random::{Purpose, Random};

use super::learning_curve::{
    CurvePoint, CurveVerdict, DRAWS, Forecast, LearningCurve, SHARES, Trial,
};
use super::power_law::{Measured, PowerLaw};

/// The place of the quarter among them.
const QUARTER: usize = 2;
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
pub(super) fn judged(
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
