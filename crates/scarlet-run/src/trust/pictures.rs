//! The images that a page shows, and where the network looked on them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use burn::tensor::{Tensor, TensorData};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use scarlet::trust::Answer;
use scarlet::{Architecture, GradCamError, Scarlet, unit_maps};
use scarlet_data::RgbImage;
use scarlet_report::Picture;
use scarlet_train::trust::Evidence;

use super::page::surest_mistakes;

/// The most images of a list that is shown.
const LISTED: usize = 12;

/// The most of one kind of mistake.
const OF_A_KIND: usize = 3;

/// The most of all.
const MOST: usize = 72;

/// Beyond this many classes kinds of mistakes are not shown one by one.
const MOST_CLASSES: usize = 60;

/// Sides of the images on the page, in pixels.
const SIDE: u32 = 128;

/// Smaller images show their pixels.
const SMALL: u32 = 64;

const JPEG_QUALITY: u8 = 82;

/// Images that a network looks at in one go.
const BATCH: usize = 16;

/// Which images are shown, by their places in the evidence.
#[derive(Debug, PartialEq)]
pub(super) struct Shown {
    /// All of them, each once; the first ones are those of the two lists.
    places: Vec<usize>,
    /// How many of them those are.
    listed: usize,
    /// Indices among them of the surest mistakes.
    pub(super) surest_mistakes: Vec<usize>,
    /// And of the least sure answers.
    pub(super) least_sure: Vec<usize>,
}

impl Shown {
    /// The surest mistakes, the least sure answers, then some of every kind of mistake, the most
    /// frequent first, and one right answer of each class.
    pub(super) fn choose(evidence: &Evidence, answers: &[Answer]) -> Self {
        let mut places: Vec<usize> = Vec::new();
        let mut index_of = |place: usize| match places.iter().position(|&it| it == place) {
            Some(index) => index,
            None => {
                places.push(place);
                places.len() - 1
            }
        };
        let wrong = surest_mistakes(answers);
        let surest_mistakes = wrong.iter().take(LISTED).map(|&it| index_of(it)).collect();
        let mut unsure: Vec<usize> = (0..answers.len()).collect();
        unsure.sort_by(|&a, &b| answers[a].confidence.total_cmp(&answers[b].confidence));
        let least_sure = unsure.iter().take(LISTED).map(|&it| index_of(it)).collect();
        let listed = places.len();
        if evidence.classes() <= MOST_CLASSES {
            let mut kinds: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
            // The surest of each kind first.
            for &place in unsure.iter().rev() {
                let kind = (evidence.labels()[place], answers[place].class);
                kinds.entry(kind).or_default().push(place);
            }
            let (right, mut wrong): (Vec<_>, Vec<_>) = kinds
                .into_iter()
                .partition(|((label, answer), _)| label == answer);
            wrong.sort_by_key(|(_, of_kind)| std::cmp::Reverse(of_kind.len()));
            let wrong = wrong.iter().flat_map(|(_, it)| it.iter().take(OF_A_KIND));
            let right = right.iter().flat_map(|(_, it)| it.first());
            for &place in wrong.chain(right) {
                if places.len() < MOST && !places.contains(&place) {
                    places.push(place);
                }
            }
        }
        Self {
            places,
            listed,
            surest_mistakes,
            least_sure,
        }
    }

    /// Reads the images and draws them, and says how many places the maps have in height and width. `read` gives what the network sees of the images with these
    /// indices in their set, one after the other.
    pub(super) fn draw<E>(
        &self,
        evidence: &Evidence,
        answers: &[Answer],
        network: &Architecture,
        maps_of: Option<&Scarlet>,
        name: impl Fn(usize) -> String,
        mut read: impl FnMut(&[usize]) -> Result<Vec<f32>, E>,
    ) -> Result<(Vec<Picture>, Option<[usize; 2]>), E> {
        let mut pictures = Vec::with_capacity(self.places.len());
        let mut sides = None;
        let (listed, rest) = self.places.split_at(self.listed);
        let batches = listed.chunks(BATCH).map(|batch| (batch, maps_of));
        let rest = rest.chunks(BATCH).map(|batch| (batch, None));
        for (batch, maps_of) in batches.chain(rest) {
            let images: Vec<usize> = batch
                .iter()
                .map(|&place| evidence.images()[place])
                .collect();
            let values = read(&images)?;
            let size = values.len() / batch.len();
            let classes: Vec<usize> = batch.iter().map(|&place| answers[place].class).collect();
            let maps = maps_of.and_then(|maps_of| maps(maps_of, &values, &classes).ok());
            sides = sides.or(maps.as_ref().map(|maps| [maps.height, maps.width]));
            for (index, (&place, planes)) in batch
                .iter()
                .zip(values.chunks_exact(size.max(1)))
                .enumerate()
            {
                let Some(image) = seen(planes, network) else {
                    continue;
                };
                let map = maps.as_ref().map(|maps| maps.over(index, &image));
                pictures.push(Picture {
                    name: name(evidence.images()[place]),
                    class: evidence.labels()[place],
                    answer: answers[place].class,
                    probability: answers[place].confidence,
                    image: data_uri(&image),
                    map: map.as_ref().map(data_uri),
                });
            }
        }
        Ok((pictures, sides))
    }
}

/// What a network saw of an image, as people see it, in the page's size.
pub(super) fn seen(planes: &[f32], network: &Architecture) -> Option<RgbImage> {
    let preprocessing = &network.preprocessing;
    let side = preprocessing.resolution;
    let pixels = side * side;
    let channels = planes.len().checked_div(pixels)?;
    if channels == 0 || planes.len() != channels * pixels {
        return None;
    }
    let level = |channel: usize, pixel: usize| {
        let channel = channel.min(channels - 1);
        let (mean, std) = (preprocessing.mean[channel], preprocessing.std[channel]);
        let value = planes[channel * pixels + pixel] * std + mean;
        (value * 255.0).round().clamp(0.0, 255.0) as u8
    };
    let image = RgbImage::from_fn(side as u32, side as u32, |x, y| {
        let pixel = y as usize * side + x as usize;
        image::Rgb(std::array::from_fn(|channel| level(channel, pixel)))
    });
    Some(match side as u32 {
        side if side < SMALL => {
            let side = side * (SIDE / side);
            resize(&image, side, side, FilterType::Nearest)
        }
        side if side > SIDE => resize(&image, SIDE, SIDE, FilterType::Triangle),
        _ => image,
    })
}

/// Maps of some images, from 0 to 1.
struct Maps {
    values: Vec<f32>,
    height: usize,
    width: usize,
}

fn maps(network: &Scarlet, values: &[f32], classes: &[usize]) -> Result<Maps, GradCamError> {
    let architecture = network.architecture();
    let channels = architecture.input_channels;
    let pixels = values.len() / (classes.len() * channels).max(1);
    // Networks see squares.
    let side = pixels.isqrt();
    let shape = [classes.len(), channels, side, side];
    let data = TensorData::new(values.to_vec(), shape);
    let images = Tensor::from_data(data, &network.device().without_autodiff());
    let maps = unit_maps(network.grad_cam(images, classes)?);
    let [_, height, width] = maps.dims();
    Ok(Maps {
        values: maps.into_data().iter::<f32>().collect(),
        height,
        width,
    })
}

impl Maps {
    /// An image in dim greys, its map over it in colours from red to yellow.
    fn over(&self, index: usize, image: &RgbImage) -> RgbImage {
        let map = &self.values[index * self.height * self.width..][..self.height * self.width];
        let (across, down) = (image.width() as f32, image.height() as f32);
        RgbImage::from_fn(image.width(), image.height(), |x, y| {
            let at = |place: u32, of: f32, cells: usize| {
                let place = (place as f32 + 0.5) / of * cells as f32 - 0.5;
                place.clamp(0.0, cells as f32 - 1.0)
            };
            let value = self.between(map, at(y, down, self.height), at(x, across, self.width));
            let [red, green, blue] = image.get_pixel(x, y).0.map(f32::from);
            let grey = 0.75 * (0.299 * red + 0.587 * green + 0.114 * blue);
            let ink = [255.0, 40.0 + 190.0 * value, 30.0 + 40.0 * value];
            let share = 0.75 * value;
            image::Rgb(ink.map(|ink| (grey + (ink - grey) * share).round() as u8))
        })
    }

    /// A map's value between four of its places.
    fn between(&self, map: &[f32], row: f32, column: f32) -> f32 {
        let (top, left) = (row.floor() as usize, column.floor() as usize);
        let (bottom, right) = (
            (top + 1).min(self.height - 1),
            (left + 1).min(self.width - 1),
        );
        let (down, along) = (row - top as f32, column - left as f32);
        let at = |row: usize, column: usize| map[row * self.width + column];
        let upper = at(top, left) * (1.0 - along) + at(top, right) * along;
        let lower = at(bottom, left) * (1.0 - along) + at(bottom, right) * along;
        upper * (1.0 - down) + lower * down
    }
}

/// As JPEG in a URI; an image that cannot be encoded, which none is, stays empty.
pub(super) fn data_uri(image: &RgbImage) -> String {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    match encoder.encode_image(image) {
        Ok(()) => format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(&bytes)),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evidence of three classes: label, answer, logit of the answer.
    fn evidence(of: &[(usize, usize, f32)]) -> Evidence {
        let mut evidence = Evidence::new(3);
        for (image, &(label, answer, logit)) in of.iter().enumerate() {
            let mut logits = [0.0; 3];
            logits[answer] = logit;
            evidence.record(100 + image, label, &logits);
        }
        evidence
    }

    #[test]
    fn mistakes_come_first_and_each_image_once() {
        let evidence = evidence(&[
            (0, 0, 9.0),
            (0, 1, 1.0),
            (2, 1, 5.0),
            (0, 0, 0.5),
            (2, 2, 7.0),
        ]);
        let shown = Shown::choose(&evidence, &evidence.answers(None));
        assert_eq!(shown.places, [2, 1, 3, 4, 0]);
        assert_eq!(shown.surest_mistakes, [0, 1]);
        assert_eq!(shown.least_sure, [2, 1, 0, 3, 4]);
        assert_eq!(shown.listed, 5);
    }

    #[test]
    fn some_of_every_kind_are_shown_and_not_too_many() {
        let many: Vec<(usize, usize, f32)> = (0..300)
            .map(|image| (image % 3, image / 3 % 3, 1.0 + image as f32 / 50.0))
            .collect();
        let evidence = evidence(&many);
        let answers = evidence.answers(None);
        let shown = Shown::choose(&evidence, &answers);
        assert_eq!(
            (shown.surest_mistakes.len(), shown.least_sure.len()),
            (12, 12)
        );
        // Six kinds of mistakes, of which some are among the surest, and three classes.
        assert!(shown.places.len() > 24 && shown.places.len() <= MOST);
        for kind in (0..3).flat_map(|label| (0..3).map(move |answer| (label, answer))) {
            let of_kind =
                |&&place: &&usize| (evidence.labels()[place], answers[place].class) == kind;
            assert!(shown.places.iter().filter(of_kind).count() > 0, "{kind:?}");
        }
    }

    fn grey_network(side: usize) -> Architecture {
        let network: Architecture = "E3K3@8/2".parse().unwrap();
        let mut network = network.with_classes(3).with_resolution(side);
        network.input_channels = 1;
        network.preprocessing.mean = [0.5; 3];
        network.preprocessing.std = [0.25; 3];
        network
    }

    #[test]
    fn an_image_is_shown_as_it_was_seen() {
        let image = seen(&[-2.0, 0.0, 2.0, 1.0], &grey_network(2)).unwrap();
        assert_eq!(image.dimensions(), (128, 128));
        let at = |x, y| image.get_pixel(x, y).0;
        assert_eq!(at(0, 0), [0; 3]);
        assert_eq!(at(127, 0), [128; 3]);
        assert_eq!(at(0, 127), [255; 3]);
        assert_eq!(at(127, 127), [191; 3]);
        assert_eq!(seen(&[0.0; 3], &grey_network(2)), None);
        let large = seen(&vec![0.0; 300 * 300], &grey_network(300)).unwrap();
        assert_eq!(large.dimensions(), (128, 128));
    }

    #[test]
    fn a_map_is_bright_where_the_network_looked() {
        let maps = Maps {
            values: vec![0.0; 4]
                .into_iter()
                .chain([0.0, 0.0, 0.0, 1.0])
                .collect(),
            height: 2,
            width: 2,
        };
        let image = RgbImage::from_pixel(40, 40, image::Rgb([100; 3]));
        let dark = maps.over(0, &image);
        assert!(dark.pixels().all(|pixel| pixel.0 == [75; 3]));
        let bright = maps.over(1, &image);
        assert_eq!(bright.get_pixel(0, 0).0, [75; 3]);
        assert_eq!(bright.get_pixel(39, 39).0, [210, 191, 71]);
    }

    #[test]
    fn pictures_are_data_of_the_page() {
        let evidence = evidence(&[(0, 1, 2.0), (1, 1, 3.0)]);
        let answers = evidence.answers(None);
        let shown = Shown::choose(&evidence, &answers);
        let mut asked = Vec::new();
        let (pictures, sides) = shown
            .draw(
                &evidence,
                &answers,
                &grey_network(8),
                None,
                |image| format!("image {image}"),
                |images| -> Result<Vec<f32>, ()> {
                    asked.extend_from_slice(images);
                    Ok(vec![0.5; images.len() * 64])
                },
            )
            .unwrap();
        assert_eq!(sides, None);
        assert_eq!(asked, [100, 101]);
        assert_eq!(pictures[0].name, "image 100");
        assert_eq!((pictures[0].class, pictures[0].answer), (0, 1));
        let start = "data:image/jpeg;base64,/9j/";
        assert!(pictures.iter().all(|it| it.image.starts_with(start)));
        assert!(pictures.iter().all(|it| it.map.is_none()));
    }
}
