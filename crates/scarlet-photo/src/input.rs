//! A photograph as a network's input.

#[cfg(feature = "decode")]
use std::path::Path;

use image::RgbImage;
use scarlet_arch::Preprocessing;

#[cfg(feature = "decode")]
use crate::{DecodeOptions, decode_with};
use crate::{PhotoError, eval_image, normalize};

/// An image as a network's input `[channels, resolution, resolution]`: of 3 channels, or of 1 for a
/// network that sees grey.
///
/// # Errors
/// As [`eval_image`], and [`PhotoError::InvalidOption`] for another number of channels.
pub fn input_of(
    image: &RgbImage,
    preprocessing: &Preprocessing,
    channels: usize,
) -> Result<Vec<f32>, PhotoError> {
    check_channels(channels)?;
    values(&eval_image(image, preprocessing)?, preprocessing, channels)
}

/// Reads one file as a network's input `[channels, resolution, resolution]`: of 3 channels, or of 1
/// for a network that sees grey.
///
/// # Errors
/// As [`decode`](crate::decode()) and [`eval_image`], and [`PhotoError::InvalidOption`] for another number
/// of channels.
#[cfg(feature = "decode")]
pub fn load_image(
    path: impl AsRef<Path>,
    preprocessing: &Preprocessing,
    channels: usize,
    options: &DecodeOptions,
) -> Result<Vec<f32>, PhotoError> {
    check_channels(channels)?;
    let image = decode_with(path, options, |image| eval_image(&image, preprocessing))?;
    values(&image, preprocessing, channels)
}

/// Those of an image of the network's own size.
fn values(
    image: &RgbImage,
    preprocessing: &Preprocessing,
    channels: usize,
) -> Result<Vec<f32>, PhotoError> {
    let mut values = vec![0.0; image.as_raw().len() / 3 * channels];
    normalize(image, preprocessing, &mut values)?;
    Ok(values)
}

/// Refuses numbers of channels that photographs cannot have.
///
/// # Errors
/// [`PhotoError::InvalidOption`] for any but 3 and 1.
pub fn check_channels(channels: usize) -> Result<(), PhotoError> {
    match channels {
        1 | 3 => Ok(()),
        _ => Err(PhotoError::InvalidOption {
            name: "channels",
            reason: format!(
                "a network of {channels} channels cannot look at photographs, which are read in \
                 colour (3) or in grey (1)"
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_has_the_channels_of_its_network() {
        let image = RgbImage::from_pixel(40, 30, image::Rgb([255, 255, 255]));
        let preprocessing = Preprocessing {
            resolution: 8,
            mean: [0.5, 0.0, 0.75],
            std: [0.5, 0.25, 0.25],
            ..Preprocessing::IMAGENET
        };
        let colour = input_of(&image, &preprocessing, 3).unwrap();
        let planes: Vec<&[f32]> = colour.chunks(64).collect();
        assert_eq!(planes, [[1.0; 64], [4.0; 64], [1.0; 64]]);
        assert_eq!(input_of(&image, &preprocessing, 1).unwrap(), [1.0; 64]);
        let error = input_of(&image, &preprocessing, 4).unwrap_err().to_string();
        assert!(
            error.starts_with("channels: a network of 4 channels"),
            "{error}"
        );
    }
}
