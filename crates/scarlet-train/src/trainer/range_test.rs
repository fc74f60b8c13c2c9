//! [`range_test`]: which learning rates a training can take.

use scarlet_data::dataset::Source;
use serde::Serialize;

use super::schedule::Ramp;
use super::{Control, Event, Observer, TrainConfig, Trainable, Trainer};
use crate::TrainError;

/// Steps of a test that comes to its end.
const STEPS: u64 = 100;
/// The largest rate of a test over the training's own, which is as far above the smallest.
const REACH: f64 = 1e3;
/// A running mean of the loss this many times as high as the lowest before it has diverged (as in
/// fastai's `lr_find`).
const DIVERGED: f64 = 4.0;
/// Share of the running mean that each step keeps of it.
const KEPT: f64 = 0.8;
/// Steps before which a test cannot say anything.
const FEWEST: usize = 12;
/// Standard deviation of the weights that smooth the loss, in steps.
const WINDOW: f64 = 4.0;
/// Standard errors of the smoothed loss that it must fall by. The lowest of many is low by chance already.
const SURE: f64 = 4.0;
/// Share of the first loss that it must fall by too: that of a new classifier, which gives all classes the same
/// probability, does not vary at all.
const LEAST_FALL: f64 = 0.01;

/// A step of a range test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RangePoint {
    /// The learning rate that the step was done with.
    pub learning_rate: f64,
    /// Mean loss of its mini-batch, before the step.
    pub loss: f64,
    /// The same, averaged over the steps around it.
    pub smoothed: f64,
}

/// How a range test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RangeEnd {
    /// With its last step.
    Complete,
    /// The loss had become several times as high as it was.
    Diverged,
    /// The loss or a weight was no number any more.
    NotFinite,
}

/// What a range test says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RangeVerdict {
    /// The rate at which the smoothed loss falls fastest, to two digits.
    Suggested(f64),
    /// The loss diverged within so few steps that there is nothing to see.
    DivergedAtOnce,
    /// The loss never fell by more than it varies, nor by a hundredth.
    NeverFell,
}

/// How the loss of a training goes while the learning rate rises.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RangeTest {
    /// Its steps, the smallest rate first.
    pub points: Vec<RangePoint>,
    /// How it ended.
    pub end: RangeEnd,
    /// What it says.
    pub verdict: RangeVerdict,
    /// The rate at which the smoothed loss is lowest.
    pub lowest_at: Option<f64>,
    /// The rate at which the smoothed loss falls fastest, of all up to there, over the rate's logarithm.
    pub steepest_at: Option<f64>,
    /// Where the test began, and where it would have ended.
    pub range: [f64; 2],
}

/// The learning rate range test of Smith (*Cyclical Learning Rates for Training Neural Networks*, arXiv
/// 1506.01186, section 3.3), with a rate that rises exponentially from a thousandth to a thousand times
/// the training's own within 100 steps, as Gugger (*How Do You Find A Good Learning Rate*, 2018) and
/// fastai have it. The suggestion is the rate at which the loss, averaged with Gaussian weights over the steps
/// around each, falls fastest over the rate's logarithm: the rule of PyTorch Lightning's finder, and one of
/// Gugger's two. His other, a tenth of the rate at which the loss is lowest, is too small for runs as short
/// as these: it brought fine-tuning on 1,350 photographs for 6 epochs to 80.6 % instead of 96.4 %
/// (EfficientNet-Lite0 at 64 pixels, crops of 35 % and more, 562 test images; 97.0 % with the run's own rate).
///
/// The network is used up. The same seed, images and device give the same test. `observer` is told of
/// the start and of every step and can stop it, for [`TrainError::Stopped`].
///
/// # Errors
///
/// As [`Trainer::train`]; but a loss that is no number ends the test only.
pub fn range_test<'s, M: Trainable>(
    config: &TrainConfig,
    model: M,
    sampler: M::Sampler,
    images: impl Into<Source<'s>>,
    mut observer: impl Observer,
) -> Result<RangeTest, TrainError> {
    let ramp = Ramp {
        from: config.learning_rate / REACH,
        to: config.learning_rate * REACH,
        steps: STEPS,
    };
    // The test neither evaluates nor keeps a network, and all layers are trained from its first step on.
    let config = TrainConfig {
        head_epochs: 0.0,
        average_decay: None,
        patience: None,
        calibration_images: 0,
        ..config.clone()
    };
    let mut watch = Watch::default();
    let mut stopped = false;
    let mut trainer = Trainer::new(config).with_observer(|event: &Event| {
        // Its epochs are no training's, and there is nothing to warn of.
        let diverges = match event {
            Event::Step {
                loss,
                learning_rate,
                ..
            } => watch.diverges(*learning_rate, *loss),
            Event::Started { .. } => false,
            _ => return Control::Continue,
        };
        stopped |= observer.event(event) == Control::Stop;
        match diverges || stopped {
            true => Control::Stop,
            false => Control::Continue,
        }
    });
    trainer.ramp = Some(ramp);
    let trained = trainer.train(model, sampler, images);
    let end = match trained {
        _ if stopped => return Err(TrainError::Stopped),
        Ok(_) if watch.seen.len() as u64 == STEPS => RangeEnd::Complete,
        Ok(_) => RangeEnd::Diverged,
        Err(TrainError::NotFinite { .. } | TrainError::WeightNotFinite { .. }) => {
            RangeEnd::NotFinite
        }
        Err(error) => return Err(error),
    };
    Ok(judged(&watch.seen, end, [ramp.from, ramp.to]))
}

/// Rates and losses so far, and a running mean of the losses.
#[derive(Default)]
struct Watch {
    seen: Vec<(f64, f64)>,
    mean: f64,
    weight: f64,
    lowest: Option<f64>,
}

impl Watch {
    fn diverges(&mut self, rate: f64, loss: f64) -> bool {
        self.seen.push((rate, loss));
        self.mean = KEPT * self.mean + (1.0 - KEPT) * loss;
        self.weight = KEPT * self.weight + (1.0 - KEPT);
        // Without the weight of the zero that it began with.
        let mean = self.mean / self.weight;
        let lowest = self.lowest.unwrap_or(mean).min(mean);
        self.lowest = Some(lowest);
        mean > DIVERGED * lowest
    }
}

/// What rates and losses say.
fn judged(seen: &[(f64, f64)], end: RangeEnd, range: [f64; 2]) -> RangeTest {
    let losses: Vec<f64> = seen.iter().map(|(_, loss)| *loss).collect();
    let smoothed: Vec<f64> = (0..losses.len()).map(|at| around(&losses, at)).collect();
    let points: Vec<RangePoint> = seen
        .iter()
        .zip(&smoothed)
        .map(|(&(learning_rate, loss), &smoothed)| RangePoint {
            learning_rate,
            loss,
            smoothed,
        })
        .collect();
    let lowest = (0..smoothed.len()).min_by(|&a, &b| smoothed[a].total_cmp(&smoothed[b]));
    let lowest = lowest.unwrap_or(0);
    let fall = |at: &usize| smoothed[at - 1] - smoothed[at + 1];
    let steepest = (1..lowest).max_by(|a, b| fall(a).total_cmp(&fall(b)));
    let verdict = if points.len() < FEWEST {
        RangeVerdict::DivergedAtOnce
    } else {
        match steepest.filter(|_| falls(&points, lowest)) {
            Some(steepest) => RangeVerdict::Suggested(rounded(points[steepest].learning_rate)),
            None => RangeVerdict::NeverFell,
        }
    };
    let is_suggested = matches!(verdict, RangeVerdict::Suggested(_));
    let rate = |at: usize| points[at].learning_rate;
    RangeTest {
        end,
        verdict,
        lowest_at: is_suggested.then(|| rate(lowest)),
        steepest_at: steepest.filter(|_| is_suggested).map(rate),
        points,
        range,
    }
}

/// The mean of the losses around a step, with Gaussian weights.
fn around(losses: &[f64], at: usize) -> f64 {
    let weigh = |(step, loss): (usize, &f64)| {
        let weight = gaussian(step as f64 - at as f64);
        (weight, weight * loss)
    };
    let sums = losses.iter().enumerate().map(weigh);
    let (weights, sum) = sums.fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
    sum / weights
}

fn gaussian(steps: f64) -> f64 {
    (-0.5 * (steps / WINDOW).powi(2)).exp()
}

/// Whether the smoothed loss is lower at a step than at the first by more than chance makes it: by several
/// standard errors of the difference, by how far losses are from their means.
fn falls(points: &[RangePoint], lowest: usize) -> bool {
    let squares = points[..=lowest].iter();
    let squares = squares.map(|it| (it.loss - it.smoothed).powi(2));
    let variance = squares.sum::<f64>() / (lowest + 1) as f64;
    // Sum of the squared weights of a mean, which at the ends has one side only.
    let weights = |at: usize| {
        let weights = (0..points.len()).map(|step| gaussian(step as f64 - at as f64));
        let (sum, squares) = weights.fold((0.0, 0.0), |(a, b), it| (a + it, b + it * it));
        squares / (sum * sum)
    };
    let error = (variance * (weights(0) + weights(lowest))).sqrt();
    let first = points[0].smoothed;
    first - points[lowest].smoothed > (SURE * error).max(LEAST_FALL * first)
}

/// To two significant digits.
fn rounded(rate: f64) -> f64 {
    // By its text, so that what is printed is what is meant, to the last bit.
    format!("{rate:.1e}").parse().unwrap_or(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A test whose loss is a function of the rate.
    fn of(loss: impl Fn(usize, f64) -> f64) -> RangeTest {
        let ramp = Ramp {
            from: 1e-6,
            to: 1.0,
            steps: STEPS,
        };
        let mut watch = Watch::default();
        let mut end = RangeEnd::Complete;
        for step in 0..STEPS {
            let rate = ramp.rate(step);
            if watch.diverges(rate, loss(step as usize, rate)) {
                end = RangeEnd::Diverged;
                break;
            }
        }
        judged(&watch.seen, end, [1e-6, 1.0])
    }

    /// From -1 to 1, the same at every call.
    fn noise(step: usize) -> f64 {
        (step * 7919 % 101) as f64 / 50.0 - 1.0
    }

    #[test]
    fn the_rate_of_the_steepest_fall_is_suggested() {
        // A logistic fall around 0.002 and a rise from 0.05 on, over the logarithm of the rate.
        let loss = |step: usize, rate: f64| {
            let fall = 1.0 / (1.0 + (-6.0 * (rate / 0.002).log10()).exp());
            let rise = (rate / 0.05).log10().max(0.0).powi(2);
            2.3 - 1.8 * fall + rise + 0.02 * noise(step)
        };
        let test = of(loss);
        let steepest = test.steepest_at.unwrap();
        assert!((0.0014..0.0028).contains(&steepest), "{steepest}");
        assert_eq!(test.verdict, RangeVerdict::Suggested(rounded(steepest)));
        let lowest = test.lowest_at.unwrap();
        assert!((0.01..0.1).contains(&lowest), "{lowest}");
        assert_eq!(test.points.len(), 100);
        assert_eq!(test.end, RangeEnd::Complete);
    }

    #[test]
    fn a_loss_that_explodes_ends_the_test_and_is_no_part_of_the_suggestion() {
        let test = of(|step, rate| match rate < 0.1 {
            true => 2.3 - step as f64 / 60.0,
            false => 1e6,
        });
        assert_eq!(test.end, RangeEnd::Diverged);
        assert!(test.points.len() < 90);
        assert!(test.lowest_at.unwrap() < 0.1);
        assert!(matches!(test.verdict, RangeVerdict::Suggested(rate) if rate < 0.1));
    }

    #[test]
    fn a_loss_that_only_varies_suggests_nothing() {
        for noisy in [0.0, 0.01, 0.3] {
            let test = of(|step, _| 2.3 + noisy * noise(step));
            assert_eq!(test.verdict, RangeVerdict::NeverFell, "{noisy}");
            assert_eq!((test.lowest_at, test.steepest_at), (None, None));
        }
        let hardly = of(|_, rate| 2.3 - 0.02 * rate);
        assert_eq!(hardly.verdict, RangeVerdict::NeverFell);
        let rising = of(|step, _| 2.3 + step as f64 / 40.0);
        assert_eq!(rising.verdict, RangeVerdict::NeverFell);
    }

    #[test]
    fn a_loss_that_explodes_at_once_says_so() {
        let test = of(|step, _| if step < 3 { 2.0 } else { 1e3 });
        assert_eq!(test.verdict, RangeVerdict::DivergedAtOnce);
        assert_eq!(test.end, RangeEnd::Diverged);
        assert_eq!(
            judged(&[], RangeEnd::NotFinite, [1e-6, 1.0]).verdict,
            RangeVerdict::DivergedAtOnce
        );
    }

    #[test]
    fn suggestions_have_two_digits() {
        assert_eq!(rounded(0.0012345), 0.0012);
        assert_eq!(rounded(0.0999), 0.1);
        assert_eq!(format!("{}", rounded(3.14159e-5)), "0.000031");
    }
}
