//! [`Extent`] and [`ImageSize`]: how many images there are and how large, and how large networks should
//! see them.

use serde::Serialize;

use super::{Images, PhotographList};
use crate::PictureHeader;

/// Files whose headers are read.
const SAMPLE: usize = 64;
/// From so many photographs on, a network is trained from scratch as well as from public weights.
const ENOUGH_FOR_SCRATCH: usize = 10_000;
/// What resolutions are multiples of: the total stride of the networks for photographs.
const STEP: usize = 32;

/// How many photographs there are, and how large most of them are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Extent {
    /// Number of photographs.
    pub count: usize,
    /// Width of a photograph of middling size, in pixels.
    pub width: usize,
    /// Its height.
    pub height: usize,
    /// Whether most are in colour.
    pub coloured: bool,
}

impl Extent {
    /// Of a list, by the headers of some of its files; none where none of these can be read.
    pub fn of(list: &PhotographList) -> Option<Self> {
        let paths = list.paths();
        let step = paths.len().div_ceil(SAMPLE).max(1);
        let headers = paths.iter().step_by(step).filter_map(PictureHeader::read);
        let mut headers: Vec<PictureHeader> = headers.collect();
        let coloured = headers.iter().filter(|header| header.coloured).count();
        let coloured = 2 * coloured > headers.len();
        headers.sort_by_key(|header| {
            let shorter = header.width.min(header.height);
            (shorter, header.width.max(header.height), header.width)
        });
        let middle = headers.get(headers.len() / 2)?;
        Some(Self {
            count: paths.len(),
            width: middle.width as usize,
            height: middle.height as usize,
            coloured,
        })
    }

    /// The shorter side of a photograph of middling size.
    pub fn shorter_side(&self) -> usize {
        self.width.min(self.height)
    }

    /// Whether a public network that is trained further is likely to do better than one that is
    /// trained from scratch.
    pub fn suits_public_network(&self) -> bool {
        self.coloured && self.count < ENOUGH_FOR_SCRATCH
    }

    /// Height and width that networks which are trained from scratch should see, in pixels: 96 to
    /// 160, the more photographs the less, so that training takes hours and not days; less where
    /// photographs are smaller, which are not enlarged.
    pub fn resolution_from_scratch(&self) -> usize {
        let affordable = match self.count {
            0..=1_500 => 160,
            1_501..=5_000 => 128,
            _ => 96,
        };
        affordable.min(self.shorter_side().max(1).next_multiple_of(STEP))
    }

    /// Height and width that a network which was trained at `own` pixels and is trained further
    /// should see: the same, but less where there are many photographs, or where they are so small
    /// that enlarging them costs much and shows nothing more.
    pub fn resolution_from_weights(&self, own: usize) -> usize {
        let affordable = match self.count {
            0..=1_500 => 224,
            1_501..=4_000 => 160,
            _ => 128,
        };
        let enlarged = (self.shorter_side() * 13 / 10).next_multiple_of(STEP);
        own.min(affordable).min(enlarged.max(2 * STEP))
    }

    /// A smaller resolution that shows as much, where photographs are enlarged by more than is of
    /// use to be seen at `resolution`.
    pub fn instead_of(&self, resolution: usize) -> Option<usize> {
        let smaller = self.resolution_from_weights(resolution);
        (resolution >= 2 * self.shorter_side() && smaller < resolution).then_some(smaller)
    }
}

/// Height and width of the images of a data set, which all have the same. Networks see the whole of
/// one, in the middle of black where they see more pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ImageSize {
    /// Height of an image, in pixels.
    pub height: usize,
    /// Its width.
    pub width: usize,
    /// The smallest resolution of the network that shows all of it.
    pub fits: usize,
}

impl ImageSize {
    /// Of images for a network whose resolution is a multiple of `stride`.
    pub fn of(images: &Images, stride: usize) -> Self {
        let [_, height, width] = images.shape();
        Self {
            height,
            width,
            fits: height.max(width).next_multiple_of(stride.max(1)),
        }
    }

    /// A smaller resolution that shows as much, where at `resolution` networks see mostly black.
    pub fn instead_of(&self, resolution: usize) -> Option<usize> {
        let wasted = resolution >= 2 * self.height.max(self.width);
        (wasted && self.fits < resolution).then_some(self.fits)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::ClassOrder;
    use image::{GrayImage, RgbImage};

    use super::*;
    use crate::dataset::PhotographParts;

    fn extent(count: usize, width: usize, height: usize) -> Extent {
        Extent {
            count,
            width,
            height,
            coloured: true,
        }
    }

    #[test]
    fn a_folder_is_as_large_as_its_middling_photograph() {
        let root = tempfile::tempdir().unwrap();
        let save = |class: &str, name: &str, width, height| {
            let folder = root.path().join(class);
            std::fs::create_dir_all(&folder).unwrap();
            RgbImage::new(width, height)
                .save(folder.join(name))
                .unwrap();
        };
        for (index, side) in [10, 50, 60, 70, 900].into_iter().enumerate() {
            save("a", &format!("{index}.png"), side + 20, side);
        }
        let list = |root: &Path| {
            PhotographParts::list(root, ClassOrder::Natural)
                .unwrap()
                .train
        };
        assert_eq!(Extent::of(&list(root.path())), Some(extent(5, 80, 60)));
        // What cannot be read counts, and says nothing.
        std::fs::write(root.path().join("a/5.png"), "no picture").unwrap();
        assert_eq!(Extent::of(&list(root.path())), Some(extent(6, 80, 60)));
        for index in 0..5 {
            let path = root.path().join(format!("a/g{index}.png"));
            GrayImage::new(80, 60).save(path).unwrap();
        }
        let grey = Extent::of(&list(root.path())).unwrap();
        assert!(!grey.coloured && !grey.suits_public_network());

        let other = tempfile::tempdir().unwrap();
        std::fs::create_dir(other.path().join("b")).unwrap();
        std::fs::write(other.path().join("b/1.png"), "no picture").unwrap();
        assert_eq!(Extent::of(&list(other.path())), None);
    }

    #[test]
    fn photographs_are_seen_at_96_to_160_pixels() {
        let side = |count, width, height| extent(count, width, height).resolution_from_scratch();
        assert_eq!(side(800, 500, 375), 160);
        assert_eq!(side(4_000, 500, 375), 128);
        assert_eq!(side(50_000, 500, 375), 96);
        // And not enlarged.
        assert_eq!(side(800, 120, 100), 128);
        assert_eq!(side(800, 32, 32), 32);
    }

    #[test]
    fn small_photographs_are_hardly_enlarged() {
        let side = |count, side| extent(count, side, side).resolution_from_weights(224);
        assert_eq!(side(800, 500), 224);
        assert_eq!(side(800, 100), 160);
        assert_eq!(side(800, 64), 96);
        assert_eq!(side(800, 32), 64);
        assert_eq!(side(800, 8), 64);
        assert_eq!(side(3_000, 500), 160);
        assert_eq!(side(9_000, 500), 128);
        // A network that was trained at less stays there.
        assert_eq!(extent(800, 500, 500).resolution_from_weights(48), 48);
    }

    #[test]
    fn needless_enlarging_has_a_way_out() {
        assert_eq!(extent(800, 32, 32).instead_of(224), Some(64));
        assert_eq!(extent(800, 40, 32).instead_of(96), Some(64));
        assert_eq!(extent(800, 32, 32).instead_of(64), None);
        assert_eq!(extent(800, 500, 375).instead_of(224), None);
        assert_eq!(extent(800, 200, 200).instead_of(224), None);
    }

    #[test]
    fn images_in_the_middle_of_black_have_a_way_out() {
        let images = Images::new([1, 28, 20], vec![0; 560], vec![0], ["a"]).unwrap();
        let size = ImageSize::of(&images, 32);
        assert_eq!((size.height, size.width, size.fits), (28, 20, 32));
        assert_eq!(size.instead_of(224), Some(32));
        assert_eq!(size.instead_of(56), Some(32));
        assert_eq!(size.instead_of(55), None);
        assert_eq!(size.instead_of(32), None);
        // No smaller resolution suits the network.
        assert_eq!(ImageSize::of(&images, 64).instead_of(64), None);
    }

    #[test]
    fn few_photographs_in_colour_suit_a_public_network() {
        assert!(extent(2_000, 500, 375).suits_public_network());
        assert!(!extent(10_000, 500, 375).suits_public_network());
    }
}
