//! Judging a network: its accuracy, and the running statistics that it should be judged with.

use burn::module::Module;
use burn::tensor::Tensor;
use scarlet::{BlockModule, Scarlet, accuracy_interval};
use scarlet_data::dataset::{ImageSet, Source};
use scarlet_random::{Purpose, Random};
use serde::{Deserialize, Deserializer, Serialize};

use crate::TrainError;
use crate::batch::{Batcher, Targets, count_correct, count_exact};
use crate::deployment::Deployment;
use crate::error::require;
use crate::loss::{binary_cross_entropy, cross_entropy};
use crate::several::LabelEvidence;
use crate::trust::Evidence;

/// How well a network knows a set of images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Measurement {
    /// Number of images.
    pub images: usize,
    /// How many of them the network put into their class; of images with several labels, how many it
    /// gave exactly theirs, each label from a probability of one half on.
    pub correct: usize,
    /// Mean cross-entropy, in nats; of several labels, the mean of each label's.
    #[serde(deserialize_with = "nan_of_null")]
    pub loss: f64,
}

/// JSON has no NaN, and null is what one is written as.
fn nan_of_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

impl Measurement {
    /// Share of the images that were put into their class, from 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.images as f64
    }

    /// 95 % confidence interval of the accuracy ([`accuracy_interval`]).
    pub fn interval(&self) -> [f64; 2] {
        accuracy_interval(self.correct as u64, self.images as u64)
    }
}

/// Measures a network in inference, `batch_size` images at a time, in its
/// [deployed](scarlet::Deployed) form: on the CPU that takes a fraction of the time.
///
/// # Errors
///
/// When the images do not fit the network, or a photograph cannot be read.
pub fn measure<'a>(
    network: &Scarlet,
    images: impl Into<Source<'a>>,
    batch_size: usize,
) -> Result<Measurement, TrainError> {
    measure_deployed(Deployment::in_floats(), network, images, batch_size)
}

/// As [`measure`], deployed in this way.
pub(crate) fn measure_deployed<'a>(
    deployment: Deployment<'_>,
    network: &Scarlet,
    images: impl Into<Source<'a>>,
    batch_size: usize,
) -> Result<Measurement, TrainError> {
    let images = images.into();
    let mut tally = Tally::default();
    for_each_answer(
        deployment,
        network,
        images,
        batch_size,
        |_, logits, targets| tally.add(logits, targets),
    )?;
    Ok(tally.of(images.len()))
}

/// How many images would tell an accuracy as well as classes of so many tell the mean of theirs: where
/// all are equally hard, the mean's variance is that of one image times Σ 1/nᵢ over the squared number
/// of classes.
pub(crate) fn images_of_mean(classes: impl Iterator<Item = u64>) -> f64 {
    let (mut seen, mut reciprocals) = (0.0, 0.0);
    for images in classes.filter(|images| *images > 0) {
        seen += 1.0;
        reciprocals += 1.0 / images as f64;
    }
    seen * seen / reciprocals
}

/// As [`measure`], with what the network says of every image.
///
/// # Errors
///
/// As [`measure`].
pub fn judge<'a>(
    network: &Scarlet,
    images: impl Into<Source<'a>>,
    batch_size: usize,
) -> Result<(Measurement, Evidence), TrainError> {
    judge_deployed(Deployment::in_floats(), network, images, batch_size)
}

/// As [`judge`], deployed in this way.
///
/// # Errors
///
/// As [`measure`], and where images have several labels: see [`judge_labels`].
pub fn judge_deployed<'a>(
    deployment: Deployment<'_>,
    network: &Scarlet,
    images: impl Into<Source<'a>>,
    batch_size: usize,
) -> Result<(Measurement, Evidence), TrainError> {
    let images = images.into();
    let labels = images.labels().one()?;
    let mut evidence = Evidence::new(network.architecture().classes);
    let mut tally = Tally::default();
    for_each_answer(
        deployment,
        network,
        images,
        batch_size,
        |indices, logits, targets| {
            for (&image, row) in indices.iter().zip(rows(&logits)) {
                evidence.record(image, labels[image] as usize, &row);
            }
            tally.add(logits, targets);
        },
    )?;
    Ok((tally.of(images.len()), evidence))
}

/// As [`judge`], for images that may have several labels each.
///
/// # Errors
///
/// As [`measure`].
pub fn judge_labels<'a>(
    network: &Scarlet,
    images: impl Into<Source<'a>>,
    batch_size: usize,
) -> Result<(Measurement, LabelEvidence), TrainError> {
    let images = images.into();
    let mut evidence = LabelEvidence::new(network.architecture().classes);
    let mut tally = Tally::default();
    for_each_answer(
        Deployment::in_floats(),
        network,
        images,
        batch_size,
        |indices, logits, targets| {
            for (&image, row) in indices.iter().zip(rows(&logits)) {
                evidence.record(image, images.labels().of(image), &row);
            }
            tally.add(logits, targets);
        },
    )?;
    Ok((tally.of(images.len()), evidence))
}

/// Logits `[batch, classes]`, row by row.
fn rows(logits: &Tensor<2>) -> Vec<Vec<f32>> {
    let [_, classes] = logits.dims();
    let values: Vec<f32> = logits.to_data().iter::<f32>().collect();
    values
        .chunks_exact(classes.max(1))
        .map(<[f32]>::to_vec)
        .collect()
}

/// Right answers and the summed loss of some images.
#[derive(Default)]
struct Tally {
    correct: usize,
    loss: f64,
}

impl Tally {
    fn add(&mut self, logits: Tensor<2>, targets: Targets) {
        let images = logits.dims()[0] as f64;
        let mean = match targets {
            Targets::One {
                labels, classes, ..
            } => {
                self.correct += count_correct(&logits, &classes);
                cross_entropy(logits, labels, 0.0)
            }
            Targets::Several { wanted, sets } => {
                self.correct += count_exact(&logits, &sets);
                binary_cross_entropy(logits, wanted, 0.0)
            }
        };
        self.loss += f64::from(mean.into_scalar::<f32>()) * images;
    }

    fn of(self, images: usize) -> Measurement {
        Measurement {
            images,
            correct: self.correct,
            loss: self.loss / images as f64,
        }
    }
}

/// Deploys a network and runs it over all images, a batch at a time: `each` gets their indices, logits
/// `[batch, classes]`, and what these should have said.
fn for_each_answer(
    deployment: Deployment<'_>,
    network: &Scarlet,
    images: Source<'_>,
    batch_size: usize,
    mut each: impl FnMut(&[usize], Tensor<2>, Targets),
) -> Result<(), TrainError> {
    check_batch_size(batch_size)?;
    let network = network.valid();
    let device = deployment.device(&network.device());
    let batcher = Batcher::new(images, network.architecture(), &device)?;
    let mut deployed = deployment.deploy(&network, batch_size.min(images.len()))?;
    let indices: Vec<usize> = (0..images.len()).collect();
    for indices in indices.chunks(batch_size) {
        let batch = batcher.plain(indices)?;
        each(indices, deployed.forward(batch.images)?, batch.targets);
    }
    Ok(())
}

/// The same network in inference, with the running statistics of its batch normalisation measured
/// anew: the mean over the batches of `images`, in their order, of each batch's statistics. Images
/// that do not fill the last batch are left out, unless it is the only one. The given network keeps
/// its own statistics, and frozen layers keep theirs in the returned one too.
///
/// A path of a supernet needs this before it is judged, because the statistics that the supernet has
/// gathered are a mixture of all paths'; and so does a network that was trained for few steps, whose
/// running averages still remember its first weights.
///
/// # Errors
///
/// When the images do not fit the network, or a photograph cannot be read.
pub fn recalibrate<'a>(
    network: &Scarlet,
    images: impl Into<Source<'a>>,
    batch_size: usize,
) -> Result<Scarlet, TrainError> {
    check_batch_size(batch_size)?;
    let images = images.into();
    // `valid` parts the running statistics from those of the given network. Statistics are only
    // gathered on an autodiff device.
    let network = network.valid().train();
    let device = network.device().autodiff();
    let batcher = Batcher::new(images, network.architecture(), &device)?;
    // A clone shares the running statistics, and nothing else that is changed here. Without gradients
    // nothing is kept for a backward pass.
    let mut gathering = network.clone().no_grad();
    // Inference leaves no branch out, so its statistics are those of all branches.
    let blocks = gathering.blocks.into_iter();
    gathering.blocks = blocks.map(BlockModule::without_drop_path).collect();
    let indices: Vec<usize> = (0..images.len()).collect();
    for (seen, indices) in indices
        .chunks_exact(batch_size.min(images.len()))
        .enumerate()
    {
        // The cumulative mean: the weight of the nth batch is 1/n.
        for norm in gathering.batch_norms_mut() {
            norm.momentum = 1.0 / (seen + 1) as f64;
        }
        gathering.try_forward(batcher.plain(indices)?.images)?;
    }
    Ok(network.valid())
}

/// So many of the training images, drawn by the seed, to [measure](recalibrate) statistics on; none
/// for 0.
pub fn calibration(training: Source<'_>, images: usize, seed: u64) -> Option<ImageSet> {
    (images > 0).then(|| {
        let mut chosen = Random::new(seed, Purpose::Calibration, 0).permutation(training.len());
        chosen.truncate(images);
        training.select(&chosen)
    })
}

fn check_batch_size(batch_size: usize) -> Result<(), TrainError> {
    require(batch_size > 0, "batch_size", batch_size, "at least 1")
}
