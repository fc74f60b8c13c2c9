//! The embedded sample of Fashion-MNIST.

use std::path::Path;

use super::idx::{self, Idx};
use super::{DatasetError, Images, TrainTest};

/// The classes of Fashion-MNIST, in the order of its labels.
pub const FASHION_MNIST_CLASSES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// More than the sample's files have.
const MAX_BYTES: usize = 1 << 24;

macro_rules! file {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/data/fashion-mnist-sample/",
                $name
            )),
        )
    };
}

/// 6,000 training and 1,000 test images of Fashion-MNIST (Xiao et al., arXiv 1708.07747), grey,
/// 28×28 pixels, in 10 classes of equal size: real data that needs no file. The data set is
/// Zalando's, under the MIT licence; see `data/NOTICE.md` next to the sources.
///
/// # Errors
///
/// None that the sample of this crate could cause.
pub fn fashion_sample() -> Result<TrainTest, DatasetError> {
    Ok(TrainTest {
        train: part(
            file!("train-images-idx3-ubyte.gz"),
            file!("train-labels-idx1-ubyte.gz"),
        )?,
        test: part(
            file!("t10k-images-idx3-ubyte.gz"),
            file!("t10k-labels-idx1-ubyte.gz"),
        )?,
    })
}

fn read((name, bytes): (&str, &[u8])) -> Result<Idx, DatasetError> {
    Idx::read(Path::new(name), bytes, MAX_BYTES)
}

fn part(images: (&str, &[u8]), labels: (&str, &[u8])) -> Result<Images, DatasetError> {
    let images = (Path::new(images.0), read(images)?);
    let labels = (Path::new(labels.0), read(labels)?);
    idx::parse(images, labels)?.with_classes(FASHION_MNIST_CLASSES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_balanced_and_real() {
        let sample = fashion_sample().unwrap();
        assert_eq!(sample.train.class_counts(), [600; 10]);
        assert_eq!(sample.test.class_counts(), [100; 10]);
        assert_eq!(sample.train.shape(), [1, 28, 28]);
        // The whole data set's well-known mean and deviation are 0.2860 and 0.3530.
        let (mean, deviation) = sample.train.channel_statistics()[0];
        assert!((mean - 0.286).abs() < 0.005, "{mean}");
        assert!((deviation - 0.353).abs() < 0.005, "{deviation}");
        // Its first image is an ankle boot.
        assert_eq!(sample.train.classes()[sample.train.label(0)], "Ankle boot");
    }
}
