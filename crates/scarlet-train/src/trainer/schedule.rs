//! Steps, mini-batches and learning rates: what happens when, as functions of the step alone.

use std::f64::consts::PI;

use super::TrainConfig;

/// Learning rates that rise by the same factor from step to step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ramp {
    pub(super) from: f64,
    pub(super) to: f64,
    /// At least 2.
    pub(super) steps: u64,
}

impl Ramp {
    /// The rate of a step, from 0.
    pub(super) fn rate(&self, step: u64) -> f64 {
        let done = step as f64 / (self.steps - 1) as f64;
        self.from * (self.to / self.from).powf(done)
    }
}

/// How a run divides into steps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    images: usize,
    batch_size: usize,
    pub(super) passes: usize,
    steps_per_epoch: u64,
    pub(super) steps: u64,
    warmup: f64,
    /// Steps at the beginning that train the classifier alone.
    head: f64,
    learning_rate: f64,
    final_learning_rate: f64,
    /// What the rates are instead, where it is to be found out which will do.
    ramp: Option<Ramp>,
}

impl Schedule {
    /// `passes` mini-batches make a step. Images that do not fill the last step of an epoch are
    /// left out of it; it is other images in every epoch.
    pub(super) fn new(config: &TrainConfig, images: usize, passes: usize) -> Self {
        let batch_size = config.batch_size.min(images);
        let batches = images / batch_size;
        // With fewer images than a step needs, a step goes through them more than once.
        let steps_per_epoch = (batches / passes).max(1) as u64;
        Self {
            images,
            batch_size,
            passes,
            steps_per_epoch,
            steps: steps_per_epoch.saturating_mul(config.epochs as u64),
            warmup: config.warmup_epochs * steps_per_epoch as f64,
            head: config.head_epochs * steps_per_epoch as f64,
            learning_rate: config.learning_rate,
            final_learning_rate: config.final_learning_rate,
            ramp: None,
        }
    }

    /// The same images with these rates, and as many steps as they have.
    pub(super) fn with_ramp(self, ramp: Ramp) -> Self {
        Self {
            steps: ramp.steps,
            ramp: Some(ramp),
            ..self
        }
    }

    /// The epoch of a step, both from 0.
    pub(super) fn epoch(&self, step: u64) -> u64 {
        step / self.steps_per_epoch
    }

    /// Whether a step, from 0, trains the classifier alone.
    pub(super) fn trains_head_alone(&self, step: u64) -> bool {
        (step as f64) < self.head
    }

    /// Steps of the warm-up.
    pub(super) fn warmup_steps(&self) -> u64 {
        self.warmup.ceil() as u64
    }

    /// Whether a step, from 0, is the last of its epoch.
    pub(super) fn ends_epoch(&self, step: u64) -> bool {
        (step + 1).is_multiple_of(self.steps_per_epoch)
    }

    /// Whether a step, from 0, is one of about twenty of its epoch, or its last.
    pub(super) fn is_milestone(&self, step: u64) -> bool {
        let every = (self.steps_per_epoch / 20).max(1);
        (step % self.steps_per_epoch + 1).is_multiple_of(every) || self.ends_epoch(step)
    }

    /// The number of a mini-batch among all of the run.
    pub(super) fn number(&self, step: u64, pass: usize) -> u64 {
        step * self.passes as u64 + pass as u64
    }

    /// The images of a pass, out of the order of its epoch.
    pub(super) fn mini_batch<'a, T>(&self, order: &'a [T], step: u64, pass: usize) -> &'a [T] {
        let batches = self.images / self.batch_size;
        let in_epoch = (step % self.steps_per_epoch) as usize * self.passes + pass;
        &order[in_epoch % batches * self.batch_size..][..self.batch_size]
    }

    /// Linear warm-up, then half a cosine (Loshchilov and Hutter, arXiv 1608.03983).
    pub(super) fn learning_rate(&self, step: u64) -> f64 {
        if let Some(ramp) = self.ramp {
            return ramp.rate(step);
        }
        let done = (step + 1) as f64;
        if done <= self.warmup {
            return self.learning_rate * done / self.warmup;
        }
        let left = self.steps as f64 - self.warmup;
        let progress = ((done - self.warmup) / left.max(1.0)).min(1.0);
        let range = self.learning_rate - self.final_learning_rate;
        self.final_learning_rate + 0.5 * range * (1.0 + (PI * progress).cos())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn schedule(images: usize, passes: usize) -> Schedule {
        let config = TrainConfig {
            epochs: 4,
            batch_size: 10,
            learning_rate: 2.0,
            final_learning_rate: 0.5,
            warmup_epochs: 1.0,
            ..TrainConfig::default()
        };
        Schedule::new(&config, images, passes)
    }

    #[test]
    fn rates_rise_linearly_and_fall_along_a_cosine() {
        let schedule = schedule(105, 1);
        assert_eq!(
            (schedule.steps, schedule.epoch(9), schedule.epoch(10)),
            (40, 0, 1)
        );
        assert!((schedule.learning_rate(0) - 0.2).abs() < 1e-12);
        assert!((schedule.learning_rate(9) - 2.0).abs() < 1e-12);
        assert!((schedule.learning_rate(24) - 1.25).abs() < 1e-12);
        assert!((schedule.learning_rate(39) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn rates_of_a_ramp_rise_by_the_same_factor() {
        let ramp = Ramp {
            from: 1e-3,
            to: 10.0,
            steps: 5,
        };
        let schedule = schedule(105, 1).with_ramp(ramp);
        assert_eq!(schedule.steps, 5);
        for (step, expected) in [1e-3, 1e-2, 0.1, 1.0, 10.0].into_iter().enumerate() {
            let rate = schedule.learning_rate(step as u64);
            assert!((rate / expected - 1.0).abs() < 1e-12, "{rate}");
        }
    }

    #[test]
    fn every_image_of_an_epoch_comes_at_most_once() {
        let schedule = schedule(105, 3);
        assert_eq!(schedule.steps, 12);
        let order: Vec<usize> = (0..105).rev().collect();
        let mut seen: HashSet<usize> = HashSet::new();
        for step in 3..6 {
            assert_eq!(schedule.ends_epoch(step), step == 5);
            for pass in 0..3 {
                let batch = schedule.mini_batch(&order, step, pass);
                assert_eq!(batch.len(), 10);
                seen.extend(batch);
            }
        }
        assert_eq!(seen.len(), 90);
    }

    #[test]
    fn few_images_come_again_in_the_same_step() {
        let schedule = schedule(7, 3);
        let order: Vec<usize> = (0..7).collect();
        assert_eq!(schedule.steps, 4);
        assert_eq!(schedule.mini_batch(&order, 0, 2).len(), 7);
    }
}
