//! Knowledge distillation: learning from a network besides the labels (Hinton, Vinyals and Dean,
//! arXiv 1503.02531).

use std::path::PathBuf;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use scarlet::weights::StateDict;
use scarlet::{Architecture, Scarlet, ScarletConfig};
use scarlet_arch::Preprocessing;
use serde::{Deserialize, Serialize};

use super::TrainConfig;
use crate::TrainError;
use crate::error::require;
use crate::fingerprint::Fingerprint;
use crate::loss::distillation;

/// How much is learned from a teacher.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Distillation {
    /// Share of the loss that is the divergence from the teacher's probabilities, from 0 to 1;
    /// the rest is cross-entropy.
    pub weight: f64,
    /// By how much both networks' logits are divided before they are compared.
    pub temperature: f64,
}

impl Default for Distillation {
    /// Ours.
    fn default() -> Self {
        Self {
            weight: 0.5,
            temperature: 4.0,
        }
    }
}

impl Distillation {
    pub(super) fn validate(&self) -> Result<(), TrainError> {
        require(
            (0.0..=1.0).contains(&self.weight),
            "distillation.weight",
            self.weight,
            "from 0 to 1",
        )?;
        require(
            self.temperature > 0.0 && self.temperature.is_finite(),
            "distillation.temperature",
            self.temperature,
            "a positive number",
        )
    }
}

/// A network to learn from, besides the labels.
#[derive(Debug, Clone)]
pub struct Teacher {
    /// The network. It reads the same images as its student, normalised as it is used to, at the
    /// larger resolution of both.
    pub network: Scarlet,
    /// How much is learned from it.
    pub distillation: Distillation,
}

impl Teacher {
    /// The teacher that a training's settings name, if they do, for images of the student's size.
    pub(super) fn of(
        config: &TrainConfig,
        student: &Architecture,
        device: &Device,
    ) -> Result<Option<Self>, TrainError> {
        let Some(path) = &config.teacher else {
            return Ok(None);
        };
        let weights = StateDict::open(PathBuf::from(path))?;
        let resolution = student.preprocessing.resolution;
        let architecture = weights.architecture()?.with_resolution(resolution);
        let device = device.clone().inner();
        let network = ScarletConfig::from(architecture).try_init(&device)?;
        Ok(Some(Self {
            network: network.load(&weights)?,
            distillation: config.distillation,
        }))
    }
}

/// Refuses settings whose teacher cannot teach networks like `student`: better now than behind what
/// comes before the training.
pub fn check_teacher(
    config: &TrainConfig,
    student: &Architecture,
    device: &Device,
) -> Result<(), TrainError> {
    if let Some(teacher) = Teacher::of(config, student, device)? {
        Lesson::new(&teacher, student)?;
    }
    Ok(())
}

/// A teacher at work.
#[derive(Debug)]
pub(super) struct Lesson {
    network: Scarlet,
    distillation: Distillation,
    /// Factor and addend `[1, channels, 1, 1]` that make of the student's input the teacher's.
    change: Option<(Tensor<4>, Tensor<4>)>,
}

impl Lesson {
    /// Of a teacher whose student is one of networks like `student`.
    pub(super) fn new(teacher: &Teacher, student: &Architecture) -> Result<Self, TrainError> {
        teacher.distillation.validate()?;
        let taught = teacher.network.architecture();
        for (what, found, expected) in [
            ("classes", taught.classes, student.classes),
            ("channels", taught.input_channels, student.input_channels),
        ] {
            if found != expected {
                return Err(TrainError::OtherTeacher {
                    what,
                    found,
                    expected,
                });
            }
        }
        // `valid` parts its running statistics from those of a network that may be trained on.
        let network = teacher.network.valid();
        let (own, other) = (&student.preprocessing, &taught.preprocessing);
        let change = change(own, other, student.input_channels, &network.device());
        Ok(Self {
            network,
            distillation: teacher.distillation,
            change,
        })
    }

    /// Height and width of what it sees, in pixels, unless its student sees more.
    pub(super) fn resolution(&self) -> usize {
        self.network.architecture().preprocessing.resolution
    }

    /// A hash of the teacher's weights, of what it is shown, and of how much is learnt from it.
    pub(super) fn fingerprint(&self) -> String {
        let preprocessing = format!("{:?}", self.network.architecture().preprocessing);
        let fingerprint = Fingerprint::default()
            .text(&preprocessing)
            .text(&format!("{:?}", self.distillation));
        fingerprint.weights(&self.network).finish()
    }

    /// What the teacher says to the images `[batch, channels, height, width]` of its student, before
    /// they are shrunk for it: logits `[batch, classes]`.
    pub(super) fn answer(&self, images: Tensor<4>) -> Result<Tensor<2>, TrainError> {
        let images = match &self.change {
            Some((factor, addend)) => images * factor.clone() + addend.clone(),
            None => images,
        };
        Ok(self.network.try_forward(images)?)
    }

    /// The loss with the divergence of the student's logits from the teacher's.
    pub(super) fn loss(
        &self,
        loss: Tensor<1>,
        student: Tensor<2>,
        teacher: Tensor<2>,
    ) -> Tensor<1> {
        let Distillation {
            weight,
            temperature,
        } = self.distillation;
        let teacher = Tensor::from_inner(teacher);
        let divergence = distillation(student, teacher, temperature);
        loss.mul_scalar(1.0 - weight) + divergence.mul_scalar(weight)
    }
}

/// What makes of images normalised in one way those normalised in another.
fn change(
    from: &Preprocessing,
    to: &Preprocessing,
    channels: usize,
    device: &Device,
) -> Option<(Tensor<4>, Tensor<4>)> {
    if (from.mean, from.std) == (to.mean, to.std) {
        return None;
    }
    // As in a batch, channels beyond colour take the last.
    let channel = |index: usize| index.min(from.mean.len() - 1);
    let factor = |index| from.std[channel(index)] / to.std[channel(index)];
    let addend = |index| {
        let index = channel(index);
        (from.mean[index] - to.mean[index]) / to.std[index]
    };
    let tensor = |value: &dyn Fn(usize) -> f32| {
        let values: Vec<f32> = (0..channels).map(value).collect();
        Tensor::from_data(TensorData::new(values, [1, channels, 1, 1]), device)
    };
    Some((tensor(&factor), tensor(&addend)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_teacher_sees_images_as_it_is_used_to() {
        let from = Preprocessing {
            mean: [0.25; 3],
            std: [0.5; 3],
            ..Preprocessing::IMAGENET
        };
        let to = Preprocessing {
            mean: [0.5; 3],
            std: [0.125; 3],
            ..Preprocessing::IMAGENET
        };
        let (factor, addend) = change(&from, &to, 2, &Device::flex()).unwrap();
        // A pixel of 0.75 is 1 to the student and 2 to the teacher.
        let seen = factor + addend;
        let values: Vec<f32> = seen.into_data().iter().collect();
        assert_eq!(values, [2.0, 2.0]);
        assert!(change(&from, &from.clone(), 2, &Device::flex()).is_none());
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let message = |weight, temperature| {
            let settings = Distillation {
                weight,
                temperature,
            };
            settings.validate().unwrap_err().to_string()
        };
        assert_eq!(
            message(1.5, 1.0),
            "`distillation.weight` is 1.5, but must be from 0 to 1"
        );
        assert!(message(0.5, 0.0).contains("`distillation.temperature` is 0"));
    }
}
