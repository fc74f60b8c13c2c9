//! Batches of images at another size.

use burn::tensor::{Tensor, TensorData};
use scarlet_arch::Preprocessing;
use scarlet_data::resize_weights;

/// Images `[batch, channels, height, width]` at the resolution of a network that reads them, resized
/// as its photographs are. Weights sum to 1, so that normalised images stay normalised.
pub(crate) fn resized(images: Tensor<4>, to: &Preprocessing) -> Tensor<4> {
    let [_, _, height, width] = images.dims();
    let side = to.resolution;
    if [height, width] == [side, side] {
        return images;
    }
    let device = images.device();
    let weights = |length: usize| -> Tensor<4> {
        let weights = resize_weights(length, side, to.filter);
        Tensor::from_data(TensorData::new(weights, [1, 1, side, length]), &device)
    };
    let narrow = images.matmul(weights(width).swap_dims(2, 3));
    weights(height).matmul(narrow)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use scarlet_data::{RgbImage, resize};

    use super::*;

    #[test]
    fn it_is_the_resizing_of_photographs() {
        let image = RgbImage::from_fn(24, 24, |x, y| {
            scarlet_data::Rgb([(x * 9) as u8, (y * 7) as u8, (x * y % 251) as u8])
        });
        let to = Preprocessing {
            resolution: 16,
            ..Preprocessing::IMAGENET
        };
        let planes = |image: &RgbImage| -> Vec<f32> {
            let pixels = || image.pixels();
            (0..3)
                .flat_map(|channel| pixels().map(move |pixel| f32::from(pixel.0[channel])))
                .collect()
        };
        let data = TensorData::new([planes(&image), planes(&image)].concat(), [2, 3, 24, 24]);
        let images = Tensor::from_data(data, &Device::flex());
        let found = resized(images.clone(), &to);
        assert_eq!(found.dims(), [2, 3, 16, 16]);
        let expected = planes(&resize(&image, 16, 16));
        let found: Vec<f32> = found.into_data().iter().collect();
        for (found, expected) in found.iter().zip(expected.iter().chain(&expected)) {
            // Pillow rounds after each pass.
            assert!((found - expected).abs() < 1.1, "{found} {expected}");
        }
        let same = Preprocessing {
            resolution: 24,
            ..to
        };
        let unchanged = resized(images.clone(), &same).into_data();
        assert_eq!(unchanged, images.into_data());
    }
}
