//! Images to batches on a device.

use burn::tensor::{Device, Int, Tensor, TensorData};
use rayon::prelude::*;
use scarlet::{Architecture, Prediction};
use scarlet_arch::Preprocessing;
use scarlet_data::dataset::{Labels, Source};
use scarlet_data::{Augment, DataError, Rgb, RgbImage, eval_image, grey_level};
use scarlet_random::{Purpose, Random, repeat_seed};

use crate::TrainError;
use crate::mix::{Mix, Partners};

/// What a network reads in one pass.
pub struct Batch {
    /// `[batch, channels, height, width]`, normalised.
    pub images: Tensor<4>,
    /// What it should say of them.
    pub targets: Targets,
}

/// What a network should say of a mini-batch.
#[allow(
    clippy::large_enum_variant,
    reason = "one for each pass, which is the first variant nearly always"
)]
pub enum Targets {
    /// One class of each image.
    One {
        /// `[batch]`
        labels: Tensor<1, Int>,
        /// The labels again, on the host.
        classes: Vec<usize>,
        /// Labels `[batch]` of the images that were mixed in, and the share of the images' own.
        partners: Option<(Tensor<1, Int>, f64)>,
    },
    /// Any number of classes of each image.
    Several {
        /// Of each class whether it is there, 1 or 0, and between where images are mixed:
        /// `[batch, classes]`.
        wanted: Tensor<2>,
        /// The images' own classes, on the host.
        sets: Vec<Vec<u32>>,
    },
}

/// An image, as an epoch shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Its index.
    pub image: usize,
    /// How often the epoch has shown it before.
    pub repeat: u64,
}

impl View {
    /// The first of an epoch.
    pub fn first(image: usize) -> Self {
        Self { image, repeat: 0 }
    }
}

/// The same before it is on a device.
pub struct HostBatch {
    /// `[batch, channels, height, width]`, normalised.
    pub values: Vec<f32>,
    pub(crate) targets: HostTargets,
}

/// [`Targets`] before they are on a device.
#[derive(Debug, PartialEq)]
pub(crate) enum HostTargets {
    One(Vec<usize>, Option<Partners<usize>>),
    Several(Vec<Vec<u32>>, Option<Partners<Vec<u32>>>),
}

/// Makes batches out of images, normalised as a network wants them.
pub struct Batcher<'a> {
    source: Source<'a>,
    channels: usize,
    preprocessing: Preprocessing,
    /// For each channel, what a pixel value becomes.
    values: Vec<[f32; 256]>,
    device: Device,
}

impl<'a> Batcher<'a> {
    /// Checks that the images are what the network takes.
    pub fn new(
        source: impl Into<Source<'a>>,
        network: &Architecture,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let source = source.into();
        let (channels, preprocessing) = (network.input_channels, network.preprocessing);
        check_fit(source, network)?;
        let values = (0..channels)
            .map(|channel| {
                // Grey images take the first of the three values, and channels beyond colour the
                // last.
                let channel = channel.min(preprocessing.mean.len() - 1);
                let (mean, std) = (preprocessing.mean[channel], preprocessing.std[channel]);
                std::array::from_fn(|pixel| (pixel as f32 / 255.0 - mean) / std)
            })
            .collect();
        Ok(Self {
            source,
            channels,
            preprocessing,
            values,
            device: device.clone(),
        })
    }

    /// What all images are labelled with.
    pub fn labels(&self) -> Labels<'a> {
        self.source.labels()
    }

    /// Number of classes.
    pub(crate) fn classes(&self) -> usize {
        self.source.classes().len()
    }

    /// Where an image is: its file, or its number in its data set.
    pub fn name(&self, index: usize) -> String {
        self.source.name(index)
    }

    /// The images of these indices as they are.
    pub fn plain(&self, indices: &[usize]) -> Result<Batch, TrainError> {
        Ok(self.upload(self.plain_on_host(indices)?))
    }

    /// The images of these indices as they are, on the host: `[batch, channels, height, width]`.
    pub fn plain_values(&self, indices: &[usize]) -> Result<Vec<f32>, TrainError> {
        Ok(self.plain_on_host(indices)?.values)
    }

    fn plain_on_host(&self, indices: &[usize]) -> Result<HostBatch, TrainError> {
        self.read(indices, |place, planes| match self.source {
            Source::Images(images) => {
                self.normalize_planes(images.image(indices[place]), planes);
                Ok(())
            }
            Source::Photographs(photographs) => {
                let image = photographs.read(indices[place])?;
                let side = self.preprocessing.resolution as u32;
                match image.dimensions() == (side, side) {
                    true => self.normalize(&image, planes),
                    false => self.normalize(&eval_image(&image, &self.preprocessing)?, planes),
                }
                Ok(())
            }
        })
    }

    /// What the values of images, `[images, channels, height, width]`, were before they were normalised;
    /// grey ones in colour.
    pub fn pictures(&self, values: &[f32]) -> Vec<RgbImage> {
        let side = self.preprocessing.resolution;
        let size = side * side;
        let pixel = |channel: usize, value: f32| {
            let channel = channel.min(self.preprocessing.mean.len() - 1);
            let (mean, std) = (
                self.preprocessing.mean[channel],
                self.preprocessing.std[channel],
            );
            // What was erased may be any number.
            ((value * std + mean) * 255.0).round().clamp(0.0, 255.0) as u8
        };
        let picture = |planes: &[f32]| {
            RgbImage::from_fn(side as u32, side as u32, |x, y| {
                let at = y as usize * side + x as usize;
                Rgb([0, 1, 2].map(|channel| {
                    let channel = channel.min(self.channels - 1);
                    pixel(channel, planes[channel * size + at])
                }))
            })
        };
        values
            .chunks_exact(self.channels * size)
            .map(picture)
            .collect()
    }

    /// These images, changed at random as in this epoch of a run. What an image becomes depends on
    /// the seed, the epoch, its index and how often it came before alone.
    pub fn augmented(
        &self,
        views: &[View],
        augment: &Augment,
        seed: u64,
        epoch: u64,
    ) -> Result<HostBatch, TrainError> {
        let number = |index| epoch * self.source.len() as u64 + index as u64;
        let side = self.preprocessing.resolution;
        let nothing = *augment == Augment::default();
        let indices: Vec<usize> = views.iter().map(|view| view.image).collect();
        self.read(&indices, |place, planes| {
            let View {
                image: index,
                repeat,
            } = views[place];
            let seed = repeat_seed(seed, repeat);
            let mut stream = Random::new(seed, Purpose::Augment, number(index));
            let changed = match self.source {
                Source::Images(images) if nothing => {
                    self.normalize_planes(images.image(index), planes);
                    return Ok(());
                }
                Source::Images(images) => {
                    let image = images.to_rgb(index);
                    augment.apply(&image, &self.preprocessing, &mut stream)?
                }
                Source::Photographs(photographs) => {
                    let image = photographs.read(index)?;
                    augment.apply(&image, &self.preprocessing, &mut stream)?
                }
            };
            self.normalize(&changed, planes);
            augment.erase(planes, [side, side], &mut stream);
            Ok(())
        })
    }

    /// Mixes the images of a mini-batch.
    pub(crate) fn mix(&self, batch: &mut HostBatch, mix: &Mix, stream: &mut Random) {
        let side = self.preprocessing.resolution;
        let (values, sides) = (&mut batch.values, [side, side]);
        match &mut batch.targets {
            HostTargets::One(classes, partners) => {
                *partners = mix.apply(values, sides, classes, stream);
            }
            HostTargets::Several(sets, partners) => {
                *partners = mix.apply(values, sides, sets, stream);
            }
        }
    }

    /// Onto the device.
    pub(crate) fn upload(&self, batch: HostBatch) -> Batch {
        let labels = |classes: &[usize]| {
            let labels: Vec<i64> = classes.iter().map(|&class| class as i64).collect();
            let data = TensorData::new(labels, [classes.len()]);
            Tensor::from_data(data, &self.device)
        };
        let side = self.preprocessing.resolution;
        let size = self.channels * side * side;
        let shape = [batch.values.len() / size, self.channels, side, side];
        Batch {
            images: Tensor::from_data(TensorData::new(batch.values, shape), &self.device),
            targets: match batch.targets {
                HostTargets::One(classes, partners) => Targets::One {
                    labels: labels(&classes),
                    partners: partners
                        .map(|partners| (labels(&partners.labels), partners.own_share)),
                    classes,
                },
                HostTargets::Several(sets, partners) => Targets::Several {
                    wanted: self.wanted(&sets, partners),
                    sets,
                },
            },
        }
    }

    /// Of each class whether it is there: `[batch, classes]`. Binary cross-entropy is linear in it, so
    /// that those of mixed images are mixed like their losses.
    fn wanted(&self, sets: &[Vec<u32>], partners: Option<Partners<Vec<u32>>>) -> Tensor<2> {
        let classes = self.classes();
        let mut wanted = vec![0.0f32; sets.len() * classes];
        let mut add = |sets: &[Vec<u32>], share: f64| {
            for (row, set) in wanted.chunks_exact_mut(classes).zip(sets) {
                for &class in set {
                    row[class as usize] += share as f32;
                }
            }
        };
        match partners {
            None => add(sets, 1.0),
            Some(partners) => {
                add(sets, partners.own_share);
                add(&partners.labels, 1.0 - partners.own_share);
            }
        }
        let data = TensorData::new(wanted, [sets.len(), classes]);
        Tensor::from_data(data, &self.device)
    }

    /// Fills the planes of each image by `fill`, which is told its place among the indices, side by
    /// side on all threads.
    fn read(
        &self,
        indices: &[usize],
        fill: impl Fn(usize, &mut [f32]) -> Result<(), DataError> + Sync,
    ) -> Result<HostBatch, TrainError> {
        let size = self.channels * self.preprocessing.resolution.pow(2);
        let mut values = vec![0.0; indices.len() * size];
        values
            .par_chunks_exact_mut(size)
            .enumerate()
            .try_for_each(|(place, planes)| fill(place, planes))?;
        let targets = match self.source.labels() {
            Labels::One(labels) => {
                let classes = indices.iter().map(|&index| labels[index] as usize);
                HostTargets::One(classes.collect(), None)
            }
            Labels::Several(sets) => {
                let sets = indices.iter().map(|&index| sets.of(index).to_vec());
                HostTargets::Several(sets.collect(), None)
            }
        };
        Ok(HostBatch { values, targets })
    }

    fn normalize_planes(&self, pixels: &[u8], planes: &mut [f32]) {
        let size = planes.len() / self.channels;
        let channels = pixels
            .chunks_exact(size)
            .zip(planes.chunks_exact_mut(size))
            .zip(&self.values);
        for ((pixels, plane), table) in channels {
            for (value, &pixel) in plane.iter_mut().zip(pixels) {
                *value = table[usize::from(pixel)];
            }
        }
    }

    fn normalize(&self, image: &RgbImage, planes: &mut [f32]) {
        if self.channels == 1 {
            for (value, pixel) in planes.iter_mut().zip(image.pixels()) {
                *value = self.values[0][usize::from(grey_level(pixel.0))];
            }
            return;
        }
        let pixels = image.as_raw().chunks_exact(3);
        let size = planes.len() / self.channels;
        for (channel, plane) in planes.chunks_exact_mut(size).enumerate() {
            for (value, pixel) in plane.iter_mut().zip(pixels.clone()) {
                *value = self.values[channel][usize::from(pixel[channel])];
            }
        }
    }
}

fn check_fit(source: Source<'_>, network: &Architecture) -> Result<(), TrainError> {
    let check = |what, found, expected, hint| match found == expected {
        true => Ok(()),
        false => Err(TrainError::Mismatch {
            what,
            found,
            expected,
            hint,
        }),
    };
    check(
        "classes",
        source.classes().len(),
        network.classes,
        "set the number of classes of the search space or network",
    )?;
    let Source::Images(images) = source else {
        // Photographs become what the network wants, in colour or grey.
        let channels = if network.input_channels == 1 { 1 } else { 3 };
        return check(
            "channels",
            channels,
            network.input_channels,
            "photographs are read in colour (3) or grey (1)",
        );
    };
    let [channels, height, width] = images.shape();
    check(
        "channels",
        channels,
        network.input_channels,
        "set the input channels of the search space or network",
    )?;
    for (what, side) in [("rows", height), ("columns", width)] {
        check(
            what,
            side,
            network.preprocessing.resolution,
            "pad the images, or set the resolution of the search space or network",
        )?;
    }
    Ok(())
}

/// How many rows of logits `[batch, classes]` are largest at their class.
pub(crate) fn count_correct(logits: &Tensor<2>, classes: &[usize]) -> usize {
    let best = by_row(logits, |row| largest(row).0);
    best.iter().zip(classes).filter(|(a, b)| a == b).count()
}

/// Of how many rows of logits `[batch, classes]` those classes that are at least as probable as not
/// are these.
pub(crate) fn count_exact(logits: &Tensor<2>, sets: &[Vec<u32>]) -> usize {
    let present = by_row(logits, |row| {
        let present = (0..).zip(row).filter(|(_, logit)| **logit >= 0.0);
        present.map(|(class, _)| class).collect::<Vec<u32>>()
    });
    present.iter().zip(sets).filter(|(a, b)| a == b).count()
}

/// The class at which each row of logits `[batch, classes]` is largest, and its probability.
pub fn answers(logits: &Tensor<2>) -> Vec<Prediction> {
    by_row(logits, |row| {
        let (class, largest) = largest(row);
        let sum: f32 = row.iter().map(|logit| (logit - largest).exp()).sum();
        Prediction {
            class,
            probability: 1.0 / sum,
        }
    })
}

fn by_row<T>(logits: &Tensor<2>, of: impl FnMut(&[f32]) -> T) -> Vec<T> {
    let [_, width] = logits.dims();
    let values: Vec<f32> = logits.to_data().iter::<f32>().collect();
    values.chunks_exact(width.max(1)).map(of).collect()
}

/// Where a row is largest, and how large.
fn largest(row: &[f32]) -> (usize, f32) {
    let best = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or((0, 0.0), |(place, &value)| (place, value))
}
