//! [`Views`]: several views of each image, whose probabilities are averaged.

use clap::ValueEnum;
use scarlet::arch::Architecture;
use serde::Serialize;

use crate::error::CliError;
use crate::model::Model;

/// How further views of an image are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Augmentation {
    /// The image, and its mirror image
    Flip,
    /// Crops of the same size at the centre and at the four corners
    Crops,
}

/// Several views of each image.
///
/// Those of Krizhevsky, Sutskever and Hinton (2012): crops are taken from the central square of the
/// resized photograph, the middle one being what the network sees without them, and each may be mirrored.
#[derive(Debug, Clone)]
pub(crate) struct Views {
    kinds: Vec<Augmentation>,
    /// The network, reading the square that views are cut from.
    reader: Architecture,
    channels: usize,
    /// Side of the square, and of a view, in pixels.
    square: usize,
    side: usize,
    /// Rows above each crop and columns left of it; the first is the middle.
    corners: Vec<[usize; 2]>,
}

/// What a network says of images `[images, classes]`.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    /// Its logits for the images as they are otherwise shown.
    pub(crate) plain: Vec<f32>,
    /// Logits whose probabilities, by the network's temperature, are the mean of those of all views.
    pub(crate) averaged: Vec<f32>,
}

impl Views {
    /// The views that are asked for, of a network's images; none where nothing is. Images of one size
    /// (not `photographs`) have no border to crop from.
    pub(crate) fn new(
        asked: &[Augmentation],
        network: &Architecture,
        photographs: bool,
    ) -> Result<Option<Self>, CliError> {
        let mut kinds = Vec::new();
        for &kind in asked {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        if kinds.is_empty() {
            return Ok(None);
        }
        let mut reader = network.clone();
        let side = network.preprocessing.resolution;
        let resized = network.preprocessing.resized_side();
        let mut square = side;
        if kinds.contains(&Augmentation::Crops) {
            // Offsets round to even, so that the middle of the square is the usual crop to the pixel
            // where the border is a multiple of 2 on each side.
            square += resized.saturating_sub(side) / 4 * 4;
            if square == side || !photographs {
                return Err(CliError::NoBorder { side, resized });
            }
            reader.preprocessing.resolution = square;
            reader.preprocessing = reader.preprocessing.with_side(resized);
        }
        let border = square - side;
        let mut corners = vec![[border / 2; 2]];
        if border > 0 {
            corners.extend([[0, 0], [0, border], [border, 0], [border, border]]);
        }
        Ok(Some(Self {
            channels: network.input_channels,
            kinds,
            reader,
            square,
            side,
            corners,
        }))
    }

    /// How they are made.
    pub(crate) fn kinds(&self) -> &[Augmentation] {
        &self.kinds
    }

    /// How many there are of each image.
    pub(crate) fn count(&self) -> usize {
        self.corners.len() * self.mirrored().len()
    }

    /// The network, with the preprocessing that images are read with.
    pub(crate) fn reader(&self) -> &Architecture {
        &self.reader
    }

    /// In words: `flip and crops, 10 views of each image`.
    pub(crate) fn text(&self) -> String {
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.name()).collect();
        format!(
            "{}, {} views of each image",
            kinds.join(" and "),
            self.count()
        )
    }

    /// What a network says of images `[images, channels, square, square]`, as they were read.
    pub(crate) fn answers(&self, model: &mut Model, images: &[f32]) -> Result<Answers, CliError> {
        let temperature = model.temperature().map_or(1.0, |it| it.value.get());
        let mut plain = None;
        let mut logs: Vec<f64> = Vec::new();
        let classes = model.architecture().classes;
        for &corner in &self.corners {
            for &mirrored in self.mirrored() {
                let view = self.view(images, corner, mirrored);
                let logits = model.logits(&view)?.to_vec();
                add_logs(&mut logs, &logits, classes, temperature);
                plain.get_or_insert(logits);
            }
        }
        let views = (self.count() as f64).ln();
        let averaged = logs.iter().map(|log| ((log - views) * temperature) as f32);
        Ok(Answers {
            averaged: averaged.collect(),
            plain: plain.unwrap_or_default(),
        })
    }

    fn mirrored(&self) -> &'static [bool] {
        match self.kinds.contains(&Augmentation::Flip) {
            true => &[false, true],
            false => &[false],
        }
    }

    /// One view of all images, `[images, channels, side, side]`.
    fn view(&self, images: &[f32], [top, left]: [usize; 2], mirrored: bool) -> Vec<f32> {
        let (square, side) = (self.square, self.side);
        let planes = images.len() / (square * square);
        debug_assert!(planes.is_multiple_of(self.channels));
        let mut view = Vec::with_capacity(planes * side * side);
        for plane in images.chunks_exact(square * square) {
            for row in plane.chunks_exact(square).skip(top).take(side) {
                let row = &row[left..][..side];
                match mirrored {
                    true => view.extend(row.iter().rev()),
                    false => view.extend_from_slice(row),
                }
            }
        }
        view
    }
}

impl Augmentation {
    fn name(self) -> &'static str {
        match self {
            Self::Flip => "flip",
            Self::Crops => "crops",
        }
    }
}

/// Adds probabilities to others, both as logarithms, `[images, classes]`.
fn add_logs(sums: &mut Vec<f64>, logits: &[f32], classes: usize, temperature: f64) {
    let is_first = sums.is_empty();
    for (image, row) in logits.chunks_exact(classes.max(1)).enumerate() {
        let scaled = || row.iter().map(|&logit| f64::from(logit) / temperature);
        let top = scaled().fold(f64::NEG_INFINITY, f64::max);
        let norm = top + scaled().map(|it| (it - top).exp()).sum::<f64>().ln();
        for (class, log) in scaled().map(|it| it - norm).enumerate() {
            if is_first {
                sums.push(log);
                continue;
            }
            let sum = &mut sums[image * classes + class];
            let (high, low) = (sum.max(log), sum.min(log));
            *sum = high + (low - high).exp().ln_1p();
        }
    }
}

#[cfg(test)]
mod tests {
    use scarlet::trust::Temperature;

    use super::*;

    fn views(
        asked: &[Augmentation],
        resolution: usize,
        ratio: f64,
    ) -> Result<Option<Views>, CliError> {
        let mut network: Architecture = "E3K3@8/2".parse().unwrap();
        network.preprocessing.resolution = resolution;
        network.preprocessing.crop_ratio = ratio;
        Views::new(asked, &network, true)
    }

    #[test]
    fn views_are_the_middle_the_corners_and_their_mirror_images() {
        // A square of 4×4 in photographs resized to 6, a multiple of 4 larger than 0 at most.
        let views = views(&[Augmentation::Crops, Augmentation::Flip], 2, 0.33)
            .unwrap()
            .unwrap();
        assert_eq!((views.square, views.side, views.count()), (6, 2, 10));
        assert_eq!(views.text(), "crops and flip, 10 views of each image");
        assert_eq!(views.reader().preprocessing.resolution, 6);
        let image: Vec<f32> = (0..36).map(|it| it as f32).collect();
        let cut = |corner, mirrored| views.view(&image, corner, mirrored);
        assert_eq!(views.corners[0], [2, 2]);
        assert_eq!(cut([2, 2], false), [14.0, 15.0, 20.0, 21.0]);
        assert_eq!(cut([2, 2], true), [15.0, 14.0, 21.0, 20.0]);
        assert_eq!(cut(views.corners[4], false), [28.0, 29.0, 34.0, 35.0]);
        // Several planes, one after the other.
        let two = [image.clone(), image.iter().map(|it| it + 100.0).collect()].concat();
        assert_eq!(
            views.view(&two, [0, 4], false)[4..],
            [104.0, 105.0, 110.0, 111.0]
        );
    }

    #[test]
    fn crops_need_a_border() {
        assert!(views(&[], 224, 0.875).unwrap().is_none());
        assert_eq!(
            views(&[Augmentation::Flip], 224, 1.0)
                .unwrap()
                .unwrap()
                .count(),
            2
        );
        let error = views(&[Augmentation::Crops], 224, 1.0)
            .unwrap_err()
            .to_string();
        assert!(error.contains("--augment flip"), "{error}");
        // 224 of 256: 32 more, as it is.
        let crops = views(&[Augmentation::Crops], 224, 0.875).unwrap().unwrap();
        assert_eq!(
            (crops.square, crops.reader().preprocessing.resized_side()),
            (256, 256)
        );
    }

    #[test]
    fn probabilities_are_averaged_not_logits() {
        // scipy.special.softmax of the logits over 2, averaged: 0.6225, 0.3775 and 0.2689, 0.7311.
        let mut logs = Vec::new();
        add_logs(&mut logs, &[1.0, 0.0], 2, 2.0);
        add_logs(&mut logs, &[0.0, 2.0], 2, 2.0);
        let probabilities: Vec<f64> = logs.iter().map(|it| it.exp() / 2.0).collect();
        assert!(
            (probabilities[0] - 0.445_700).abs() < 1e-6,
            "{probabilities:?}"
        );
        assert!(
            (probabilities[1] - 0.554_300).abs() < 1e-6,
            "{probabilities:?}"
        );
        // As logits by that temperature again.
        let again = Temperature::new(2.0).unwrap();
        let logits: Vec<f32> = logs
            .iter()
            .map(|it| ((it - 2f64.ln()) * 2.0) as f32)
            .collect();
        let found = again.probabilities(&logits);
        assert!((f64::from(found[0]) - probabilities[0]).abs() < 1e-6);
    }
}
