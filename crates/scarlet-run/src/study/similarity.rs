//! How alike the outputs of one layer's choices are.

use burn::tensor::Tensor;
use scarlet_arch::Genome;
use scarlet_data::dataset::Images;
use scarlet_random::{Purpose, Random};
use scarlet_train::batch::Batcher;
use scarlet_train::{Supernet, recalibrate};

use super::{Similarity, StudyConfig};
use crate::RunError;

/// Compares what the choices of the study's layer make of `probe`, after the same random paths.
/// For each, batch normalisation is measured again on `calibration`.
pub(super) fn similarity(
    supernet: &Supernet,
    config: &StudyConfig,
    calibration: &Images,
    probe: &Images,
) -> Result<Similarity, RunError> {
    let space = supernet.space();
    let layer = config.layer - 1;
    let choices = space.choices(layer);
    let mut sums = vec![vec![0.0; choices.len()]; choices.len()];
    for path in 0..config.paths {
        let mut stream = Random::new(config.networks_seed, Purpose::Study, 1 + path as u64);
        let genes: Vec<u8> = (0..space.layers())
            .map(|layer| stream.below(space.choices(layer).len()) as u8)
            .collect();
        let mut outputs = Vec::with_capacity(choices.len());
        for choice in 0..choices.len() {
            let mut genes = genes.clone();
            genes[layer] = choice as u8;
            let network = supernet.path(&Genome::new(genes)?)?;
            let network = recalibrate(&network, calibration, config.evaluator.batch_size)?;
            let batcher = Batcher::new(probe, network.architecture(), &network.device())?;
            let all: Vec<usize> = (0..probe.len()).collect();
            let images = batcher.plain(&all)?.images;
            outputs.push(normalised(network.forward_layers(images, config.layer)));
        }
        for (row, a) in sums.iter_mut().zip(&outputs) {
            for (sum, b) in row.iter_mut().zip(&outputs) {
                *sum += cosine(a, b);
            }
        }
    }
    let mean = |sum: f64| sum / config.paths as f64;
    Ok(Similarity {
        layer: config.layer,
        choices: choices.iter().map(ToString::to_string).collect(),
        cosine: sums
            .into_iter()
            .map(|row| row.into_iter().map(mean).collect())
            .collect(),
    })
}

/// Every image's features `[images, channels, height, width]` as a vector of length 1, or 0 where
/// there is nothing but zeros.
fn normalised(features: Tensor<4>) -> Vec<Vec<f64>> {
    let [images, ..] = features.dims();
    let values: Vec<f64> = features.into_data().iter::<f64>().collect();
    let per_image = values.len() / images.max(1);
    let unit = |image: &[f64]| {
        let length = image.iter().map(|x| x * x).sum::<f64>().sqrt();
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        image.iter().map(|x| x * scale).collect()
    };
    values.chunks_exact(per_image.max(1)).map(unit).collect()
}

/// The mean over the images.
fn cosine(a: &[Vec<f64>], b: &[Vec<f64>]) -> f64 {
    let dot = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    a.iter().zip(b).map(dot).sum::<f64>() / a.len() as f64
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn cosines_are_means_over_images() {
        let features = |values: [f32; 8]| {
            let flat = Tensor::<1>::from_floats(values, &Device::flex());
            normalised(flat.reshape([2, 1, 2, 2]))
        };
        let a = features([1.0, 0.0, 0.0, 0.0, 3.0, 4.0, 0.0, 0.0]);
        let b = features([0.0, 2.0, 0.0, 0.0, 6.0, 8.0, 0.0, 0.0]);
        assert!((cosine(&a, &b) - 0.5).abs() < 1e-12);
        assert!((cosine(&a, &a) - 1.0).abs() < 1e-12);
        let zeros = features([0.0; 8]);
        assert_eq!(cosine(&a, &zeros), 0.0);
    }
}
