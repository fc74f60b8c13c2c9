//! Images in memory to batches on a device.

use burn::tensor::{Device, Int, Tensor, TensorData};
use scarlet::Architecture;

use crate::TrainError;
use crate::augment::{Augment, Change};
use crate::dataset::Images;
use crate::random::{Purpose, Stream};

/// What a network reads in one pass.
pub(crate) struct Batch {
    /// `[batch, channels, height, width]`, normalised.
    pub(crate) images: Tensor<4>,
    /// `[batch]`
    pub(crate) labels: Tensor<1, Int>,
    /// The labels again, on the host.
    pub(crate) classes: Vec<usize>,
}

/// Makes batches out of images, normalised as a network wants them.
pub(crate) struct Batcher<'a> {
    images: &'a Images,
    /// For each channel, what a pixel value becomes.
    values: Vec<[f32; 256]>,
    device: Device,
}

impl<'a> Batcher<'a> {
    /// Checks that the images are what the network takes.
    pub(crate) fn new(
        images: &'a Images,
        network: &Architecture,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let [channels, height, width] = images.shape();
        let mismatch = |what, found, expected, hint| {
            Err(TrainError::Mismatch {
                what,
                found,
                expected,
                hint,
            })
        };
        if images.classes().len() != network.classes {
            return mismatch(
                "classes",
                images.classes().len(),
                network.classes,
                "set the number of classes of the search space or network",
            );
        }
        if channels != network.input_channels {
            return mismatch(
                "channels",
                channels,
                network.input_channels,
                "set the input channels of the search space or network",
            );
        }
        for (what, side) in [("rows", height), ("columns", width)] {
            let expected = network.preprocessing.resolution;
            if side != expected {
                return mismatch(
                    what,
                    side,
                    expected,
                    "pad the images, or set the resolution of the search space or network",
                );
            }
        }
        let preprocessing = &network.preprocessing;
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
            images,
            values,
            device: device.clone(),
        })
    }

    /// The images of these indices as they are.
    pub(crate) fn plain(&self, indices: &[usize]) -> Batch {
        self.batch(indices, |_| Change::default())
    }

    /// The images of these indices, changed at random, as the `number`th mini-batch of a run.
    pub(crate) fn augmented(
        &self,
        indices: &[usize],
        augment: &Augment,
        seed: u64,
        number: u64,
    ) -> Batch {
        let [_, height, width] = self.images.shape();
        let mut stream = Stream::new(seed, Purpose::Augment, number);
        self.batch(indices, |_| augment.draw(height, width, &mut stream))
    }

    fn batch(&self, indices: &[usize], mut change: impl FnMut(usize) -> Change) -> Batch {
        let [channels, height, width] = self.images.shape();
        let mut values = Vec::with_capacity(indices.len() * channels * height * width);
        let mut classes = Vec::with_capacity(indices.len());
        for &index in indices {
            let change = change(index);
            let planes = self.images.image(index).chunks_exact(height * width);
            for (plane, table) in planes.zip(&self.values) {
                change.apply(plane, width, table, &mut values);
            }
            classes.push(self.images.label(index));
        }
        let shape = [indices.len(), channels, height, width];
        let labels: Vec<i64> = classes.iter().map(|&class| class as i64).collect();
        Batch {
            images: Tensor::from_data(TensorData::new(values, shape), &self.device),
            labels: Tensor::from_data(TensorData::new(labels, [indices.len()]), &self.device),
            classes,
        }
    }
}

/// How many rows of logits `[batch, classes]` are largest at their class.
pub(crate) fn count_correct(logits: &Tensor<2>, classes: &[usize]) -> usize {
    let [_, width] = logits.dims();
    let values: Vec<f32> = logits.to_data().iter::<f32>().collect();
    let rows = values.chunks_exact(width.max(1));
    rows.zip(classes)
        .filter(|(row, class)| {
            let best = row
                .iter()
                .enumerate()
                .max_by(|a, b| a.1.total_cmp(b.1))
                .map(|(index, _)| index);
            best == Some(**class)
        })
        .count()
}
