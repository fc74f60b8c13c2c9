//! [`Mix`]: mixup and cutmix, which blend the images of a mini-batch and their labels.

use scarlet_random::Random;
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::error::require;

/// Blends every image of a mini-batch with another one, and their labels with it; off by default.
/// With both kinds on, each mini-batch goes through one of them, either as likely.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mix {
    /// Mixup (Zhang et al., arXiv 1710.09412): pixels are blended by a share drawn from
    /// Beta(α, α). 0 switches it off; 0.2 is the customary α.
    pub mixup: f64,
    /// Cutmix (Yun et al., arXiv 1905.04899): a rectangle comes from the other image, whose share
    /// of the label is the rectangle's area. 0 switches it off; 1 is the customary α.
    pub cutmix: f64,
}

/// Beyond this, drawing from Beta(α, α) by rejection becomes slow, and mixtures alike.
const MAX_ALPHA: f64 = 2.0;

/// Whose labels a mini-batch has, besides its images' own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Partners<T> {
    /// What each image's partner is labelled with.
    pub(crate) labels: Vec<T>,
    /// The share of the images' own labels; the partners' is the rest.
    pub(crate) own_share: f64,
}

impl Mix {
    pub(crate) fn validate(&self) -> Result<(), TrainError> {
        for (name, alpha) in [("mix.mixup", self.mixup), ("mix.cutmix", self.cutmix)] {
            let expected = "from 0 (off) to 2";
            require((0.0..=MAX_ALPHA).contains(&alpha), name, alpha, expected)?;
        }
        Ok(())
    }

    /// Mixes `images` `[batch, channels, height, width]` of these labels, if any mixing is on.
    /// Every image's partner is the one before it; their order is random already.
    pub(crate) fn apply<T: Clone>(
        &self,
        images: &mut [f32],
        [height, width]: [usize; 2],
        labels: &[T],
        stream: &mut Random,
    ) -> Option<Partners<T>> {
        let cut = match (self.mixup > 0.0, self.cutmix > 0.0) {
            (false, false) => return None,
            (true, true) => stream.chance(0.5),
            (_, cut) => cut,
        };
        let size = images.len() / labels.len().max(1);
        let own_share = if cut {
            let area = Area::draw(1.0 - beta(self.cutmix, stream), height, width, stream);
            with_partner(images, size, |own, partner| {
                area.copy(own, partner, [height, width]);
            });
            1.0 - area.pixels() as f64 / (height * width) as f64
        } else {
            let share = beta(self.mixup, stream);
            with_partner(images, size, |own, partner| {
                for (own, partner) in own.iter_mut().zip(partner) {
                    *own = share as f32 * *own + (1.0 - share) as f32 * partner;
                }
            });
            share
        };
        let mut labels = labels.to_vec();
        labels.rotate_right(1);
        Some(Partners { labels, own_share })
    }
}

/// Changes every image, given its partner as it was.
fn with_partner(images: &mut [f32], size: usize, mut change: impl FnMut(&mut [f32], &[f32])) {
    let count = images.len() / size.max(1);
    if count == 0 {
        return;
    }
    // From the last on, so that each partner is still as it was; but the first one's is the last.
    let last = images[(count - 1) * size..].to_vec();
    for image in (1..count).rev() {
        let (before, from) = images.split_at_mut(image * size);
        change(&mut from[..size], &before[(image - 1) * size..]);
    }
    change(&mut images[..size], &last);
}

/// A rectangle of pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Area {
    top: usize,
    bottom: usize,
    left: usize,
    right: usize,
}

impl Area {
    /// A rectangle of the image's shape and of a share of its area, around a random pixel, less
    /// what lies outside.
    fn draw(share: f64, height: usize, width: usize, stream: &mut Random) -> Self {
        let half = 0.5 * share.max(0.0).sqrt();
        let side = |length: usize, stream: &mut Random| {
            let centre = stream.below(length);
            let reach = (half * length as f64) as usize;
            (centre.saturating_sub(reach), (centre + reach).min(length))
        };
        let (left, right) = side(width, stream);
        let (top, bottom) = side(height, stream);
        Self {
            top,
            bottom,
            left,
            right,
        }
    }

    fn pixels(&self) -> usize {
        (self.bottom - self.top) * (self.right - self.left)
    }

    /// Copies the rectangle in all channels.
    fn copy(&self, to: &mut [f32], from: &[f32], [height, width]: [usize; 2]) {
        let planes = to
            .chunks_exact_mut(height * width)
            .zip(from.chunks_exact(height * width));
        for (to, from) in planes {
            for row in self.top..self.bottom {
                let columns = row * width + self.left..row * width + self.right;
                to[columns.clone()].copy_from_slice(&from[columns]);
            }
        }
    }
}

/// A number from Beta(α, α), by Jöhnk's rejection (1964).
fn beta(alpha: f64, stream: &mut Random) -> f64 {
    loop {
        let x = stream.unit().powf(1.0 / alpha);
        let y = stream.unit().powf(1.0 / alpha);
        // Both underflow to 0 at the smallest α: the distribution is then a fair coin.
        if x + y == 0.0 {
            return if stream.chance(0.5) { 1.0 } else { 0.0 };
        }
        if x + y <= 1.0 {
            return x / (x + y);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use scarlet_random::Purpose;

    fn stream(counter: u64) -> Random {
        Random::new(3, Purpose::Mix, counter)
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let message = |mix: Mix| mix.validate().unwrap_err().to_string();
        let mix = Mix {
            mixup: -0.1,
            ..Mix::default()
        };
        assert_eq!(
            message(mix),
            "`mix.mixup` is -0.1, but must be from 0 (off) to 2"
        );
        let mix = Mix {
            cutmix: f64::NAN,
            ..Mix::default()
        };
        assert!(message(mix).contains("`mix.cutmix` is NaN"));
    }

    #[test]
    fn nothing_is_mixed_by_default() {
        let mut images = [1.0, 2.0];
        let partners = Mix::default().apply(&mut images, [1, 1], &[0, 1], &mut stream(0));
        assert_eq!((partners, images), (None, [1.0, 2.0]));
    }

    #[test]
    fn both_kinds_come_equally_often() {
        let mix = Mix {
            mixup: 1.0,
            cutmix: 1.0,
        };
        let cut = (0..1000).filter(|&counter| {
            let mut images = [0.0, 0.0, 1.0, 1.0];
            mix.apply(&mut images, [1, 2], &[0, 1], &mut stream(counter));
            images.iter().all(|&value| value == 0.0 || value == 1.0)
        });
        assert!((440..560).contains(&cut.count()));
    }

    #[test]
    fn shares_have_the_moments_of_their_distribution() {
        for alpha in [0.1, 0.2, 1.0, 2.0] {
            let mut stream = stream(1);
            let shares: Vec<f64> = (0..20_000).map(|_| beta(alpha, &mut stream)).collect();
            let mean = shares.iter().sum::<f64>() / 20_000.0;
            let variance = shares.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
            assert!((mean - 0.5).abs() < 0.015, "{alpha}: {mean}");
            let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            assert!((variance - expected).abs() < 0.01, "{alpha}: {variance}");
        }
    }

    proptest! {
        #[test]
        fn mixtures_stay_between_their_images_and_shares_match_their_pixels(
            count in 1usize..6,
            height in 1usize..9,
            width in 1usize..9,
            alpha in 0.05f64..2.0,
            cut: bool,
            counter: u64,
        ) {
            let mix = if cut {
                Mix { cutmix: alpha, ..Mix::default() }
            } else {
                Mix { mixup: alpha, ..Mix::default() }
            };
            // Every pixel of an image is its number.
            let size = 2 * height * width;
            let mut images: Vec<f32> = (0..count * size).map(|i| (i / size) as f32).collect();
            let classes: Vec<usize> = (0..count).collect();
            let partners = mix
                .apply(&mut images, [height, width], &classes, &mut stream(counter))
                .unwrap();
            prop_assert!((0.0..=1.0).contains(&partners.own_share));
            for (image, pixels) in images.chunks(size).enumerate() {
                let partner = (image + count - 1) % count;
                prop_assert_eq!(partners.labels[image], partner);
                let (own, other) = (image as f64, partner as f64);
                let expected = partners.own_share * own + (1.0 - partners.own_share) * other;
                let mean = pixels.iter().map(|&v| f64::from(v)).sum::<f64>() / size as f64;
                prop_assert!((mean - expected).abs() < 1e-4, "{} {}", mean, expected);
                if cut {
                    prop_assert!(pixels.iter().all(|&v| v == image as f32 || v == partner as f32));
                }
            }
        }
    }
}
