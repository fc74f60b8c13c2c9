//! Forward and backward passes, whose gradients make a step.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use scarlet::Scarlet;
use scarlet_arch::Cost;
use serde::{Deserialize, Serialize};

use super::teacher::Lesson;
use super::workers::Workers;
use crate::TrainError;
use crate::batch::{Batch, Batcher, HostBatch, Targets, count_correct, count_exact};
use crate::loss::{binary_cross_entropy, cross_entropy, weighted_cross_entropy};
use crate::resized::resized;

/// A network that learns from a mini-batch of its own.
pub(super) struct Pass {
    pub(super) network: Scarlet,
    pub(super) batch: HostBatch,
    /// Seed of what dropout and drop path leave out.
    pub(super) masks: u64,
}

impl Pass {
    /// Of one image.
    fn mult_adds(&self) -> u64 {
        let architecture = self.network.architecture();
        let cost = Cost::of(architecture, architecture.preprocessing.resolution);
        cost.map_or(0, |cost| cost.mult_adds)
    }
}

/// What a pass came to.
pub(super) struct Learnt {
    pub(super) network: Scarlet,
    pub(super) gradients: GradientsParams,
    pub(super) tally: Tally,
}

/// Sums over images.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) images: usize,
    correct: usize,
    pub(super) loss: f64,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.images += other.images;
        self.correct += other.correct;
        self.loss += other.loss;
    }

    pub(super) fn mean_loss(&self) -> f64 {
        self.loss / self.images as f64
    }

    pub(super) fn accuracy(&self) -> f64 {
        self.correct as f64 / self.images as f64
    }
}

/// The loss that a run makes small.
pub(super) struct Objective {
    pub(super) label_smoothing: f64,
    /// What the loss of each class's images weighs, `[classes]`, where this differs.
    pub(super) class_weights: Option<Tensor<1>>,
    pub(super) lesson: Option<Lesson>,
}

impl Objective {
    /// Does the passes of a step, side by side where there are several, which changes no bit. What
    /// they came to, in their order.
    ///
    /// # Errors
    ///
    /// When images do not fit a network.
    pub(super) fn learn(
        &self,
        passes: Vec<Pass>,
        batcher: &Batcher<'_>,
        workers: &Workers,
    ) -> Result<Vec<Learnt>, TrainError> {
        if passes.len() < 2 {
            let learnt = workers.map(
                passes,
                |_| 0,
                |pass| {
                    let mut learnt = self.pass(pass, batcher)?;
                    settle_statistics(&mut learnt.network);
                    Ok(learnt)
                },
            );
            return learnt.into_iter().collect();
        }
        let shared: Vec<Scarlet> = passes.iter().map(|pass| pass.network.clone()).collect();
        let alone = |pass: Pass| Pass {
            network: parted(&pass.network),
            ..pass
        };
        let learnt = workers.map(passes, Pass::mult_adds, |pass| {
            self.pass(alone(pass), batcher)
        });
        let learnt = learnt.into_iter().collect::<Result<Vec<_>, _>>()?;
        join_statistics(shared, &learnt);
        Ok(learnt)
    }

    fn pass(&self, pass: Pass, batcher: &Batcher<'_>) -> Result<Learnt, TrainError> {
        let Pass {
            network,
            batch,
            masks,
        } = pass;
        let batch = batcher.upload(batch);
        let images = batch.images.dims()[0];
        let (loss, correct) = self.loss(&network, batch, masks)?;
        let mean = f64::from(loss.clone().into_scalar::<f32>());
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        let tally = Tally {
            images,
            correct,
            loss: mean * images as f64,
        };
        Ok(Learnt {
            network,
            gradients,
            tally,
        })
    }

    /// The mean loss of a mini-batch, and how many of its images the network gets right: of several
    /// labels, all of them.
    fn loss(
        &self,
        network: &Scarlet,
        batch: Batch,
        masks: u64,
    ) -> Result<(Tensor<1>, usize), TrainError> {
        let seen = batch.images.clone().inner();
        let lesson = self.lesson.as_ref();
        let answer = lesson.map(|lesson| lesson.answer(seen)).transpose()?;
        let preprocessing = &network.architecture().preprocessing;
        let images = resized(batch.images, preprocessing);
        let logits = network.try_forward_seeded(images, masks)?;
        let (mut loss, correct) = self.of_targets(&logits, batch.targets);
        if let (Some(lesson), Some(answer)) = (lesson, answer) {
            loss = lesson.loss(loss, logits, answer);
        }
        Ok((loss, correct))
    }
}

impl Objective {
    /// What the labels alone make of logits `[batch, classes]`.
    fn of_targets(&self, logits: &Tensor<2>, targets: Targets) -> (Tensor<1>, usize) {
        let smoothing = self.label_smoothing;
        let (labels, classes, partners) = match targets {
            Targets::One {
                labels,
                classes,
                partners,
            } => (labels, classes, partners),
            Targets::Several { wanted, sets } => {
                let loss = binary_cross_entropy(logits.clone(), wanted, smoothing);
                return (loss, count_exact(logits, &sets));
            }
        };
        let of_labels = |labels| match &self.class_weights {
            Some(weights) => weighted_cross_entropy(logits.clone(), labels, smoothing, weights),
            None => cross_entropy(logits.clone(), labels, smoothing),
        };
        let mut loss = of_labels(labels);
        if let Some((partners, own_share)) = partners {
            // Cross-entropy is linear in the label.
            let other = of_labels(partners);
            loss = loss.mul_scalar(own_share) + other.mul_scalar(1.0 - own_share);
        }
        (loss, count_correct(logits, &classes))
    }
}

/// Ends what the thread that calls this has changed of running statistics. The next pass may be done on
/// another, and Burn takes the mean of what several threads have changed.
fn settle_statistics(network: &mut Scarlet) {
    for norm in network.batch_norms_mut() {
        for statistic in [&norm.running_mean, &norm.running_var] {
            statistic.value_sync();
        }
    }
}

/// Moves the running statistics that the networks of a step share as if their passes had come one
/// after another.
fn join_statistics(mut shared: Vec<Scarlet>, learnt: &[Learnt]) {
    let mut changes = Vec::new();
    for (shared, learnt) in shared.iter_mut().zip(learnt) {
        // `valid` also takes in what was learnt on another thread.
        let mut own = learnt.network.valid();
        for (shared, own) in shared.batch_norms_mut().zip(own.batch_norms_mut()) {
            let momentum = own.momentum;
            for (shared, own) in [
                (&shared.running_mean, &own.running_mean),
                (&shared.running_var, &own.running_var),
            ] {
                let before = shared.value_sync().without_autodiff();
                changes.push((shared.clone(), before, own.value(), momentum));
            }
        }
    }
    for (shared, before, after, momentum) in changes {
        let others = shared.value_sync().without_autodiff() - before;
        let joined = after + others.mul_scalar(1.0 - momentum);
        shared.update(Tensor::from_inner(joined));
    }
}

/// The same network with running statistics and nodes for its gradients of its own. Networks that
/// share nodes are one graph to Burn, and one waits for the other.
fn parted(network: &Scarlet) -> Scarlet {
    network.valid().train()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use scarlet::{Architecture, ScarletConfig};
    use scarlet_data::Augment;

    use super::*;
    use crate::batch::View;
    use scarlet_data::dataset::fashion_sample;

    #[test]
    fn shared_statistics_move_as_by_one_pass_after_another() {
        let device = Device::flex().autodiff();
        let mut architecture: Architecture = "E3K3@8/2 E3K3@8".parse().unwrap();
        architecture.input_channels = 1;
        let config = ScarletConfig::from(architecture).with_classes(10);
        let config = config.with_resolution(28);
        let network = config.try_init_seeded(5, &device).unwrap();
        let images = fashion_sample().unwrap().train;
        let batcher = Batcher::new(&images, network.architecture(), &device).unwrap();
        let batch = |pass: usize| {
            let views = (0..6).map(|image| View::first(6 * pass + image));
            let views: Vec<_> = views.collect();
            batcher
                .augmented(&views, &Augment::default(), 1, 0)
                .unwrap()
        };
        let objective = Objective {
            label_smoothing: 0.0,
            class_weights: None,
            lesson: None,
        };
        let pass = |network: &Scarlet, number| Pass {
            network: network.clone(),
            batch: batch(number),
            masks: 3,
        };
        let workers = Workers::new(3, 6, network.architecture(), &device);

        let alone = parted(&network);
        for number in 0..3 {
            let passes = vec![pass(&alone, number)];
            objective.learn(passes, &batcher, &workers).unwrap();
        }
        let passes = (0..3).map(|number| pass(&network, number)).collect();
        objective.learn(passes, &batcher, &workers).unwrap();

        let statistics = |network: &Scarlet| -> Vec<f32> {
            let mut network = network.valid();
            let norms = network.batch_norms_mut();
            let states =
                norms.flat_map(|norm| [norm.running_mean.value(), norm.running_var.value()]);
            let values =
                states.flat_map(|state| state.into_data().iter::<f32>().collect::<Vec<_>>());
            values.collect()
        };
        let (expected, joined) = (statistics(&alone), statistics(&network));
        assert!(expected.iter().any(|value| ![0.0, 1.0].contains(value)));
        for (expected, joined) in expected.iter().zip(&joined) {
            assert!((expected - joined).abs() <= 1e-6 * expected.abs().max(1.0));
        }
    }
}
