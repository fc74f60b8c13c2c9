//! [`TrainConfig`]: everything that determines a training run, as data.

use scarlet_data::Augment;
use serde::{Deserialize, Serialize};

use super::balance::Balance;
use super::schedule::Schedule;
use super::teacher::Distillation;
use crate::error::{TrainError, require};
use crate::limits::Limit;
use crate::mix::Mix;

/// How gradients change weights. Weight decay never applies to biases and batch normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, tag = "name", rename_all = "kebab-case")]
pub enum Optimizer {
    /// Stochastic gradient descent with momentum, as PyTorch has it: no dampening.
    Sgd {
        /// Share of the last step's direction that is kept; 0.9 where it is left out.
        #[serde(default = "defaults::momentum")]
        momentum: f64,
        /// Nesterov's variant.
        #[serde(default)]
        nesterov: bool,
    },
    /// Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101).
    AdamW {
        /// Decay of the mean of the gradients; PyTorch's 0.9 where it is left out.
        #[serde(default = "defaults::beta_1")]
        beta_1: f64,
        /// Decay of the mean of their squares; PyTorch's 0.999 where it is left out.
        #[serde(default = "defaults::beta_2")]
        beta_2: f64,
        /// Added to the root of the latter; PyTorch's 1e-8 where it is left out.
        #[serde(default = "defaults::epsilon")]
        epsilon: f64,
    },
}

impl Optimizer {
    /// AdamW with PyTorch's constants.
    pub fn adam_w() -> Self {
        Self::AdamW {
            beta_1: defaults::beta_1(),
            beta_2: defaults::beta_2(),
            epsilon: defaults::epsilon(),
        }
    }
}

/// What an optimizer's settings are where they are left out.
mod defaults {
    pub(super) fn momentum() -> f64 {
        0.9
    }

    /// Runs that do not say were recorded before there was a choice, and go on as they began.
    pub(super) fn calibration_images() -> usize {
        0
    }

    pub(super) fn beta_1() -> f64 {
        0.9
    }

    pub(super) fn beta_2() -> f64 {
        0.999
    }

    pub(super) fn epsilon() -> f64 {
        1e-8
    }
}

impl Default for Optimizer {
    fn default() -> Self {
        Self::Sgd {
            momentum: defaults::momentum(),
            nesterov: false,
        }
    }
}

/// Everything that determines a training run besides the network and the images: the same
/// configuration on the same device gives the same weights, whether or not the run was
/// interrupted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// How often the images are gone through.
    pub epochs: usize,
    /// Images per forward and backward pass. A supernet's step has as many passes as its sampler
    /// draws paths, each on images of its own.
    pub batch_size: usize,
    /// How gradients change weights.
    pub optimizer: Optimizer,
    /// Largest learning rate, reached at the end of the warm-up.
    pub learning_rate: f64,
    /// Learning rate of the last step, which a cosine leads to.
    pub final_learning_rate: f64,
    /// Epochs over which the learning rate grows linearly from almost 0.
    pub warmup_epochs: f64,
    /// Epochs, at the beginning, that train the classifier alone: the rest is in inference, so that a
    /// step takes a third of the time, and what trained weights know is not disturbed by a classifier
    /// that knows nothing yet. Supernets do not have it.
    pub head_epochs: f64,
    /// Weight decay, of convolutions and the classifier only.
    pub weight_decay: f64,
    /// Share of each label that is spread over all classes.
    pub label_smoothing: f64,
    /// How far classes of different sizes count alike.
    pub balance: Balance,
    /// Largest norm of all gradients together; larger ones are scaled down to it.
    pub clip_norm: Option<f64>,
    /// Decay of an exponential moving average of the weights, which is then what is judged and
    /// returned too. Early on a smaller one is used, `(1 + steps) / (10 + steps)`. Supernets have
    /// it with strict fairness only: an average visits all weights in every step, and a step along
    /// one uniformly drawn path has to do with that path's alone.
    pub average_decay: Option<f64>,
    /// Learning rate of each layer, relative to the layer behind it; the classifier has the whole.
    /// Smaller than 1, it keeps what the first layers of a trained network know. Supernets, whose
    /// layers are many networks', do not have it.
    pub layer_decay: Option<f64>,
    /// Stop when so many epochs have gone by without a better accuracy on the validation images.
    pub patience: Option<usize>,
    /// Training images, drawn by the seed, that batch normalisation is measured on whenever a
    /// network is judged or written for use, as they are and not changed at random; 0 for the
    /// running averages of training. Those lag: after few steps they are still closer to the first
    /// weights' statistics than to the last ones', most of all where the network's momentum is small
    /// (EfficientNet-Lite0's 0.01 forgets half in 69 steps). A larger momentum would follow the
    /// weights, but be of augmented images, and of the last few batches only. Training itself is not
    /// changed by this; frozen layers keep their statistics; supernets, whose paths the evaluator
    /// measures, have no use for it.
    #[serde(default = "defaults::calibration_images")]
    pub calibration_images: usize,
    /// Random changes to the images.
    pub augment: Augment,
    /// Mixing the images of a mini-batch.
    pub mix: Mix,
    /// A file with the weights of a network to learn from too, besides the labels; of the same
    /// classes, in the same order. Every path of a supernet learns from it.
    pub teacher: Option<String>,
    /// How much is learned from the teacher.
    pub distillation: Distillation,
    /// Seed of every random decision.
    pub seed: u64,
}

impl Default for TrainConfig {
    /// Ours, for small images: 10 epochs of SGD.
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 64,
            optimizer: Optimizer::default(),
            learning_rate: 0.05,
            final_learning_rate: 0.0,
            warmup_epochs: 0.5,
            head_epochs: 0.0,
            weight_decay: 4e-5,
            label_smoothing: 0.1,
            balance: Balance::default(),
            clip_norm: None,
            average_decay: None,
            layer_decay: None,
            patience: None,
            calibration_images: 512,
            augment: Augment::default(),
            mix: Mix::default(),
            teacher: None,
            distillation: Distillation::default(),
            seed: 0,
        }
    }
}

impl TrainConfig {
    /// Updates of a whole run over so many images, `passes` mini-batches each.
    pub fn steps(&self, images: usize, passes: usize) -> u64 {
        Schedule::new(self, images, passes).steps
    }

    /// Refuses settings that images of several labels each do not have.
    ///
    /// # Errors
    ///
    /// [`TrainError::Setting`] names the first.
    pub fn check_several(&self) -> Result<(), TrainError> {
        let Balance { sampling, loss } = self.balance;
        for (name, value) in [("balance.sampling", sampling), ("balance.loss", loss)] {
            let expected = "0 where images have several labels each: an image cannot be shown more \
                            often for one of its labels alone, and mean average precision counts all \
                            classes alike as it is";
            require(value == 0.0, name, value, expected)?;
        }
        let teacher = self.teacher.as_deref();
        require(
            teacher.is_none(),
            "teacher",
            teacher.unwrap_or_default(),
            "left out where images have several labels each: only one class per image is learnt from a \
             teacher",
        )
    }

    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// [`TrainError::Setting`] names the first that is out of its range.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.distillation.validate()?;
        let positive = "a positive number";
        let natural = "at least 1";
        let share = "at least 0 and under 1";
        let from_zero = "0 or a positive number";
        let finite_from = |value: f64, least: f64| value >= least && value.is_finite();
        Limit::Epochs.check("epochs", self.epochs)?;
        Limit::Batch.check("batch_size", self.batch_size)?;
        require(
            self.learning_rate > 0.0 && self.learning_rate.is_finite(),
            "learning_rate",
            self.learning_rate,
            positive,
        )?;
        require(
            (0.0..=self.learning_rate).contains(&self.final_learning_rate),
            "final_learning_rate",
            self.final_learning_rate,
            "from 0 to the learning rate",
        )?;
        require(
            finite_from(self.warmup_epochs, 0.0),
            "warmup_epochs",
            self.warmup_epochs,
            from_zero,
        )?;
        require(
            finite_from(self.head_epochs, 0.0),
            "head_epochs",
            self.head_epochs,
            from_zero,
        )?;
        require(
            finite_from(self.weight_decay, 0.0),
            "weight_decay",
            self.weight_decay,
            from_zero,
        )?;
        require(
            (0.0..1.0).contains(&self.label_smoothing),
            "label_smoothing",
            self.label_smoothing,
            share,
        )?;
        self.balance.validate()?;
        if let Some(norm) = self.clip_norm {
            require(norm > 0.0 && norm.is_finite(), "clip_norm", norm, positive)?;
        }
        if let Some(decay) = self.average_decay {
            require((0.0..1.0).contains(&decay), "average_decay", decay, share)?;
        }
        if let Some(decay) = self.layer_decay {
            let expected = "over 0, at most 1";
            require(decay > 0.0 && decay <= 1.0, "layer_decay", decay, expected)?;
        }
        if let Some(patience) = self.patience {
            require(patience > 0, "patience", patience, natural)?;
        }
        match self.optimizer {
            Optimizer::Sgd { momentum, nesterov } => {
                require((0.0..1.0).contains(&momentum), "momentum", momentum, share)?;
                require(
                    momentum > 0.0 || !nesterov,
                    "momentum",
                    momentum,
                    "positive for Nesterov's variant",
                )?;
            }
            Optimizer::AdamW {
                beta_1,
                beta_2,
                epsilon,
            } => {
                require((0.0..1.0).contains(&beta_1), "beta_1", beta_1, share)?;
                require((0.0..1.0).contains(&beta_2), "beta_2", beta_2, share)?;
                require(
                    epsilon > 0.0 && epsilon.is_finite(),
                    "epsilon",
                    epsilon,
                    positive,
                )?;
            }
        }
        self.mix.validate()?;
        Ok(self.augment.validate()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_named() {
        let message = |change: fn(&mut TrainConfig)| {
            let mut config = TrainConfig::default();
            change(&mut config);
            config.validate().unwrap_err().to_string()
        };
        TrainConfig::default().validate().unwrap();
        assert_eq!(
            message(|c| c.epochs = 0),
            "`epochs` is 0, but must be at least 1"
        );
        assert!(message(|c| c.batch_size = 0).contains("`batch_size`"));
        assert!(message(|c| c.learning_rate = f64::NAN).contains("`learning_rate` is NaN"));
        assert!(message(|c| c.final_learning_rate = 1.0).contains("`final_learning_rate`"));
        assert!(message(|c| c.warmup_epochs = -1.0).contains("`warmup_epochs`"));
        assert!(message(|c| c.head_epochs = f64::NAN).contains("`head_epochs`"));
        assert!(message(|c| c.weight_decay = f64::INFINITY).contains("`weight_decay`"));
        assert!(message(|c| c.label_smoothing = 1.0).contains("`label_smoothing`"));
        assert!(message(|c| c.clip_norm = Some(0.0)).contains("`clip_norm`"));
        assert!(message(|c| c.average_decay = Some(1.0)).contains("`average_decay`"));
        assert!(message(|c| c.augment.erase = 2.0).contains("augment.erase: 2 is"));
        assert!(message(|c| c.layer_decay = Some(0.0)).contains("`layer_decay` is 0"));
        assert!(message(|c| c.patience = Some(0)).contains("`patience` is 0"));
        assert!(message(|c| c.mix.cutmix = 9.0).contains("`mix.cutmix` is 9"));
        let nesterov = |c: &mut TrainConfig| {
            c.optimizer = Optimizer::Sgd {
                momentum: 0.0,
                nesterov: true,
            }
        };
        assert!(message(nesterov).contains("positive for Nesterov's variant"));
    }

    #[test]
    fn settings_have_defaults_and_unknown_ones_are_refused() {
        let config: TrainConfig =
            serde_json::from_str(r#"{"epochs": 3, "augment": {"flip": true}}"#).unwrap();
        assert_eq!((config.epochs, config.batch_size), (3, 64));
        // What was recorded before the setting existed goes on as it began.
        assert_eq!(config.calibration_images, 0);
        assert!(TrainConfig::default().calibration_images > 0);
        assert!(config.augment.flip);
        assert!(serde_json::from_str::<TrainConfig>(r#"{"epoch": 3}"#).is_err());
    }
}
