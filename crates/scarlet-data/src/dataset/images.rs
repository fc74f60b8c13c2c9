//! [`Images`]: labelled images of one size.

use rayon::prelude::*;
use scarlet_arch::Architecture;

use super::DatasetError;
use super::split::split;
use crate::{Rgb, RgbImage, grey_level, resize};

/// Labelled images of one size in memory, 8 bits a channel.
///
/// ```
/// use scarlet_data::dataset::Images;
///
/// // Two images of one grey channel, 1×2 pixels.
/// let images = Images::new([1, 1, 2], vec![0, 255, 10, 20], vec![1, 0], ["cat", "dog"])?;
/// assert_eq!(images.len(), 2);
/// assert_eq!(images.image(1), [10, 20]);
/// assert_eq!(images.classes()[images.label(1)], "cat");
/// # Ok::<(), scarlet_data::dataset::DatasetError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    shape: [usize; 3],
    pixels: Vec<u8>,
    labels: Vec<u32>,
    classes: Vec<String>,
}

/// The two parts that a data set comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainTest {
    /// To train on.
    pub train: Images,
    /// To judge the finished network by, and for nothing else.
    pub test: Images,
}

impl TrainTest {
    /// Both in grey, as [`Images::in_grey`].
    pub fn in_grey(&self) -> Self {
        Self {
            train: self.train.in_grey(),
            test: self.test.in_grey(),
        }
    }
}

impl Images {
    /// Images of `shape` (channels, height, width): their `pixels`
    /// `[images, channels, height, width]` row-major, for each the index of its class, and the
    /// names of the classes.
    ///
    /// # Errors
    ///
    /// When the numbers of pixels and labels do not fit, there are no images, or a label is
    /// beyond the classes.
    pub fn new<N: Into<String>>(
        shape: [usize; 3],
        pixels: Vec<u8>,
        labels: Vec<u32>,
        classes: impl IntoIterator<Item = N>,
    ) -> Result<Self, DatasetError> {
        let classes: Vec<String> = classes.into_iter().map(Into::into).collect();
        let [channels, height, width] = shape;
        let values = channels.saturating_mul(height).saturating_mul(width);
        if labels.is_empty() || values == 0 {
            return Err(DatasetError::Count {
                what: "pixels",
                found: pixels.len(),
                expected: values.max(1),
                why: "a data set needs at least one image of one pixel".to_owned(),
            });
        }
        let expected = values.saturating_mul(labels.len());
        if pixels.len() != expected {
            return Err(DatasetError::Count {
                what: "pixel values",
                found: pixels.len(),
                expected,
                why: format!(
                    "there are {} labels, and an image has {channels}×{height}×{width} values",
                    labels.len()
                ),
            });
        }
        if let Some(image) = labels.iter().position(|&l| l as usize >= classes.len()) {
            return Err(DatasetError::Label {
                image,
                label: labels[image],
                classes: classes.len(),
            });
        }
        Ok(Self {
            shape,
            pixels,
            labels,
            classes,
        })
    }

    /// The same images with other names for their classes.
    ///
    /// # Errors
    ///
    /// When there are not as many names as classes.
    pub fn with_classes<N: Into<String>>(
        mut self,
        classes: impl IntoIterator<Item = N>,
    ) -> Result<Self, DatasetError> {
        let names: Vec<String> = classes.into_iter().map(Into::into).collect();
        if names.len() != self.classes.len() {
            return Err(DatasetError::Count {
                what: "class names",
                found: names.len(),
                expected: self.classes.len(),
                why: "every class has one".to_owned(),
            });
        }
        self.classes = names;
        Ok(self)
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images, which no constructor allows.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Channels, height and width of every image.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The pixels of an image, `[channels, height, width]` row-major.
    ///
    /// # Panics
    ///
    /// If there is no such image.
    pub fn image(&self, index: usize) -> &[u8] {
        let values = self.values_per_image();
        &self.pixels[index * values..][..values]
    }

    /// An image in colour, of its first three channels; where there are fewer, the last is
    /// repeated.
    ///
    /// # Panics
    ///
    /// If there is no such image.
    pub fn to_rgb(&self, index: usize) -> RgbImage {
        let [channels, height, width] = self.shape;
        let pixels = self.image(index);
        let size = height * width;
        RgbImage::from_fn(width as u32, height as u32, |x, y| {
            let place = y as usize * width + x as usize;
            Rgb(std::array::from_fn(|channel| {
                pixels[channel.min(channels - 1) * size + place]
            }))
        })
    }

    /// The index of an image's class.
    ///
    /// # Panics
    ///
    /// If there is no such image.
    pub fn label(&self, index: usize) -> usize {
        self.labels[index] as usize
    }

    /// For each image the index of its class.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// For each class its number of images.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for &label in &self.labels {
            counts[label as usize] += 1;
        }
        counts
    }

    /// Mean and standard deviation of every channel, of values from 0 to 1: what a network's
    /// input is normalised by.
    pub fn channel_statistics(&self) -> Vec<(f64, f64)> {
        let [channels, height, width] = self.shape;
        let mut sums = vec![(0u64, 0u64); channels];
        for plane in self.pixels.chunks_exact(height * width).enumerate() {
            let (sum, squares) = &mut sums[plane.0 % channels];
            for &value in plane.1 {
                *sum += u64::from(value);
                *squares += u64::from(value) * u64::from(value);
            }
        }
        let count = (self.len() * height * width) as f64;
        sums.into_iter()
            .map(|(sum, squares)| {
                let mean = sum as f64 / count;
                let variance = (squares as f64 / count - mean * mean).max(0.0);
                (mean / 255.0, variance.sqrt() / 255.0)
            })
            .collect()
    }

    /// The images of these indices, in their order; an index may come more than once.
    ///
    /// # Panics
    ///
    /// If `indices` is empty or one of them is no image.
    pub fn select(&self, indices: &[usize]) -> Self {
        assert!(!indices.is_empty(), "a selection needs at least one image");
        let mut pixels = Vec::with_capacity(indices.len() * self.values_per_image());
        for &index in indices {
            pixels.extend_from_slice(self.image(index));
        }
        Self {
            shape: self.shape,
            pixels,
            labels: indices.iter().map(|&index| self.labels[index]).collect(),
            classes: self.classes.clone(),
        }
    }

    /// Puts `share` of every class aside, at random but the same for the same `seed`: the rest,
    /// and what was put aside. At least one image of every class is in each part; images keep
    /// their order.
    ///
    /// # Errors
    ///
    /// When the share is not over 0 and under 1, or a class has a single image. Classes without
    /// images are let be.
    pub fn split(&self, share: f64, seed: u64) -> Result<(Self, Self), DatasetError> {
        let (rest, aside) = split(&self.labels, &self.classes, share, seed)?;
        Ok((self.select(&rest), self.select(&aside)))
    }

    /// The same images among these classes, which begin with their own: those that a part of a
    /// data set has no image of.
    ///
    /// # Errors
    ///
    /// When an image's class is not among them.
    pub fn among(self, classes: &[String]) -> Result<Self, DatasetError> {
        Self::new(self.shape, self.pixels, self.labels, classes.to_vec())
    }

    /// Grey images as such of three equal channels; others as they are.
    pub fn in_color(&self) -> Self {
        let [channels, height, width] = self.shape;
        if channels != 1 {
            return self.clone();
        }
        let planes = self.pixels.chunks_exact(height * width);
        Self {
            shape: [3, height, width],
            pixels: planes.flat_map(|plane| plane.repeat(3)).collect(),
            labels: self.labels.clone(),
            classes: self.classes.clone(),
        }
    }

    /// Images of three channels in grey, as photographs become grey; others as they are.
    pub fn in_grey(&self) -> Self {
        let [channels, height, width] = self.shape;
        if channels != 3 {
            return self.clone();
        }
        let size = height * width;
        let grey = |image: &[u8]| -> Vec<u8> {
            let color = |place| std::array::from_fn(|channel| image[channel * size + place]);
            (0..size).map(|place| grey_level(color(place))).collect()
        };
        Self {
            shape: [1, height, width],
            pixels: self.pixels.chunks_exact(3 * size).flat_map(grey).collect(),
            labels: self.labels.clone(),
            classes: self.classes.clone(),
        }
    }

    /// The same images as a network takes them: [fitted](Self::fitted) to its resolution, and in
    /// grey or in colour where it has one or three channels.
    pub fn for_network(&self, network: &Architecture) -> Self {
        let images = self.fitted(network.preprocessing.resolution);
        match (self.shape[0], network.input_channels) {
            (1, 3) => images.in_color(),
            (3, 1) => images.in_grey(),
            _ => images,
        }
    }

    /// The same images in `side` × `side` pixels, at least 1: smaller ones in the middle of black,
    /// as [`padded`](Self::padded); larger ones shrunk until their longer side fits, antialiased,
    /// as Pillow's bilinear filter does it.
    pub fn fitted(&self, side: usize) -> Self {
        let side = side.max(1);
        let [_, height, width] = self.shape;
        match self.size_within(side) {
            size if size == [height, width] => self.centred(side),
            size => self.resized(size).centred(side),
        }
    }

    /// The shorter side of what [`fitted`](Self::fitted) shows of an image, without the black.
    pub fn shorter_side_within(&self, side: usize) -> usize {
        let [height, width] = self.size_within(side.max(1));
        height.min(width)
    }

    fn size_within(&self, side: usize) -> [usize; 2] {
        let [_, height, width] = self.shape;
        let longer = height.max(width);
        match longer <= side {
            true => [height, width],
            false => [height, width].map(|length| (length * side / longer).max(1)),
        }
    }

    /// Plane by plane.
    fn resized(&self, [height, width]: [usize; 2]) -> Self {
        let [channels, from_height, from_width] = self.shape;
        let resized = |plane: &[u8]| -> Vec<u8> {
            let pixel = |x, y| Rgb([plane[y as usize * from_width + x as usize]; 3]);
            let image = RgbImage::from_fn(from_width as u32, from_height as u32, pixel);
            let image = resize(&image, width as u32, height as u32);
            image.pixels().map(|pixel| pixel[0]).collect()
        };
        let planes = self.pixels.par_chunks_exact(from_height * from_width);
        Self {
            shape: [channels, height, width],
            pixels: planes.flat_map_iter(resized).collect(),
            labels: self.labels.clone(),
            classes: self.classes.clone(),
        }
    }

    /// The same images in the middle of black ones of `side` × `side` pixels; an odd pixel goes
    /// to the bottom and right.
    ///
    /// # Errors
    ///
    /// When the images are larger than that.
    pub fn padded(&self, side: usize) -> Result<Self, DatasetError> {
        let [_, height, width] = self.shape;
        if height > side || width > side {
            return Err(DatasetError::TooLarge {
                height,
                width,
                target: side,
                largest: height.max(width),
            });
        }
        Ok(self.centred(side))
    }

    /// As [`padded`](Self::padded), for images that are no larger.
    fn centred(&self, side: usize) -> Self {
        let [channels, height, width] = self.shape;
        if (height, width) == (side, side) {
            return self.clone();
        }
        let (top, left) = ((side - height) / 2, (side - width) / 2);
        let mut pixels = vec![0; self.len() * channels * side * side];
        for (row, source) in self.pixels.chunks_exact(width).enumerate() {
            let (plane, y) = (row / height, row % height);
            let start = (plane * side + top + y) * side + left;
            pixels[start..start + width].copy_from_slice(source);
        }
        Self {
            shape: [channels, side, side],
            pixels,
            labels: self.labels.clone(),
            classes: self.classes.clone(),
        }
    }

    fn values_per_image(&self) -> usize {
        self.shape.iter().product()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbered(labels: &[u32], classes: usize) -> Images {
        let pixels = (0..labels.len()).map(|index| index as u8).collect();
        let names = (0..classes).map(|class| format!("class {class}"));
        Images::new([1, 1, 1], pixels, labels.to_vec(), names).unwrap()
    }

    fn message<T: std::fmt::Debug>(result: Result<T, DatasetError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let new = |pixels: usize, labels: &[u32]| {
            message(Images::new(
                [3, 2, 2],
                vec![0; pixels],
                labels.to_vec(),
                ["a", "b"],
            ))
        };
        assert_eq!(
            new(13, &[0]),
            "13 pixel values were given, but 12 are needed: there are 1 labels, and an image has \
             3×2×2 values"
        );
        assert_eq!(
            new(24, &[1, 2]),
            "image 1 (counted from 0) has label 2, but there are 2 classes"
        );
        assert!(new(0, &[]).contains("at least one image"));
        assert!(message(numbered(&[0], 1).with_classes(["a", "b"])).contains("2 class names"));
    }

    #[test]
    fn a_class_with_one_image_cannot_be_split() {
        assert_eq!(
            message(numbered(&[0, 0, 1], 2).split(0.5, 0)),
            "class `class 1` has only 1 image, but to be trained on or divided a class needs at \
             least 2: add images to it or leave it out"
        );
        assert!(message(numbered(&[0, 0], 1).split(1.0, 0)).contains("under 1, but 1 was given"));
        assert!(numbered(&[0, 0], 2).split(0.5, 0).is_ok());
    }

    #[test]
    fn padding_keeps_the_image_in_the_middle() {
        let images = Images::new([2, 1, 2], vec![1, 2, 3, 4], vec![0], ["a"]).unwrap();
        let padded = images.padded(3).unwrap();
        assert_eq!(padded.shape(), [2, 3, 3]);
        assert_eq!(
            padded.image(0),
            [0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0]
        );
        assert!(message(padded.padded(2)).contains("resolution of at least 3"));
        assert_eq!(padded.padded(3).unwrap(), padded);
    }

    #[test]
    fn larger_images_are_shrunk_and_smaller_ones_padded() {
        // Two channels of 2×4 pixels, of which the first has a bright half.
        let first = [0, 0, 200, 200, 0, 0, 200, 200];
        let pixels = [first, [80; 8]].concat();
        let images = Images::new([2, 2, 4], pixels, vec![0], ["a"]).unwrap();
        for side in [4, 5] {
            assert_eq!(images.fitted(side), images.padded(side).unwrap());
            assert_eq!(images.shorter_side_within(side), 2);
        }
        // Pillow: Image.resize((2, 1), BILINEAR); black below, as the image is not square.
        let shrunk = images.fitted(2);
        assert_eq!(shrunk.shape(), [2, 2, 2]);
        assert_eq!(shrunk.image(0), [29, 171, 0, 0, 80, 80, 0, 0]);
        assert_eq!(images.shorter_side_within(2), 1);
        assert_eq!(images.fitted(0).shape(), [2, 1, 1]);
    }

    #[test]
    fn shrunk_images_are_what_photographs_become() {
        let pixels = (0..28 * 28).map(|place| (place * 7 % 251) as u8).collect();
        let images = Images::new([1, 28, 28], pixels, vec![0], ["a"]).unwrap();
        for side in [16, 32] {
            let preprocessing = scarlet_arch::Preprocessing {
                resolution: side,
                ..scarlet_arch::Preprocessing::IMAGENET
            };
            let preprocessing = preprocessing.with_side(images.shorter_side_within(side));
            let photograph = crate::eval_image(&images.to_rgb(0), &preprocessing).unwrap();
            assert_eq!(photograph, images.fitted(side).to_rgb(0));
        }
    }

    #[test]
    fn grey_becomes_three_equal_channels() {
        let grey = Images::new([1, 1, 2], vec![1, 2, 3, 4], vec![0, 0], ["a"]).unwrap();
        let color = grey.in_color();
        assert_eq!(color.shape(), [3, 1, 2]);
        assert_eq!(color.image(1), [3, 4, 3, 4, 3, 4]);
        assert_eq!(color.in_color(), color);
    }

    #[test]
    fn color_becomes_grey_and_a_network_decides_on_it() {
        let color = Images::new([3, 1, 2], vec![255, 7, 0, 7, 0, 7], vec![0], ["a"]).unwrap();
        let grey = color.in_grey();
        assert_eq!(
            (grey.shape(), grey.image(0)),
            ([1, 1, 2], [76, 7].as_slice())
        );
        assert_eq!(grey.in_grey(), grey);
        assert_eq!(color.to_rgb(0).as_raw(), &[255, 0, 0, 7, 7, 7]);
        assert_eq!(grey.to_rgb(0).as_raw(), &[76, 76, 76, 7, 7, 7]);

        let mut network: Architecture = "E3K3@8".parse().unwrap();
        network.preprocessing.resolution = 2;
        for (images, channels, expected) in [
            (&color, 3, color.padded(2).unwrap()),
            (&color, 1, grey.padded(2).unwrap()),
            (&grey, 1, grey.padded(2).unwrap()),
            (&grey, 3, grey.in_color().padded(2).unwrap()),
        ] {
            network.input_channels = channels;
            assert_eq!(images.for_network(&network), expected);
        }
    }

    #[test]
    fn a_part_may_lack_classes() {
        let names = ["class 0", "class 1", "class 2"].map(str::to_owned);
        let part = numbered(&[0, 1], 2).among(&names).unwrap();
        assert_eq!(
            (part.labels(), part.classes()),
            ([0, 1].as_slice(), names.as_slice())
        );
        assert!(message(numbered(&[2], 3).among(&names[..2])).contains("2 classes"));
    }

    #[test]
    fn statistics_are_per_channel() {
        let images = Images::new([2, 1, 2], vec![0, 255, 51, 51], vec![0], ["a"]).unwrap();
        let statistics = images.channel_statistics();
        assert!((statistics[0].0 - 0.5).abs() < 1e-12 && (statistics[0].1 - 0.5).abs() < 1e-12);
        assert!((statistics[1].0 - 0.2).abs() < 1e-12 && statistics[1].1 < 1e-7);
    }

    proptest! {
        #[test]
        fn a_split_has_every_image_once_and_every_class_twice(
            sizes in prop::collection::vec(2usize..20, 1..5),
            share in 0.01f64..0.99,
            seed: u64,
        ) {
            let labels: Vec<u32> = sizes
                .iter()
                .enumerate()
                .flat_map(|(class, &size)| vec![class as u32; size])
                .collect();
            let images = numbered(&labels, sizes.len());
            let (rest, aside) = images.split(share, seed).unwrap();
            let mut all: Vec<u8> = [rest.pixels.clone(), aside.pixels.clone()].concat();
            prop_assert!(rest.pixels.is_sorted() && aside.pixels.is_sorted());
            all.sort_unstable();
            prop_assert_eq!(&all, &images.pixels);
            for (class, &size) in sizes.iter().enumerate() {
                let wanted = ((share * size as f64).round() as usize).clamp(1, size - 1);
                prop_assert_eq!(aside.class_counts()[class], wanted);
                prop_assert_eq!(rest.class_counts()[class], size - wanted);
            }
            prop_assert_eq!(images.split(share, seed).unwrap(), (rest, aside));
        }
    }
}
