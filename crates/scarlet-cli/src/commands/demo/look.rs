//! Where on an image a network sees a class.

use scarlet::burn::tensor::{Tensor, TensorData};
use scarlet::{GradCamError, Scarlet, unit_maps};
use serde::Serialize;

use super::problem::Problem;

/// How much each part of an image speaks for a class, from 0 to 1, row by row.
#[derive(Debug, Serialize)]
pub(super) struct Map {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

/// Grad-CAM of an image of `side × side` pixels, as it goes into the network.
pub(super) fn look(
    network: &Scarlet,
    input: Vec<f32>,
    side: usize,
    class: usize,
) -> Result<Map, Problem> {
    let shape = [1, network.architecture().input_channels, side, side];
    let image = Tensor::from_data(TensorData::new(input, shape), &network.device());
    let map = network
        .grad_cam(image, &[class])
        .map_err(|error| match error {
            GradCamError::UnknownClass { .. } => Problem::Class(error.to_string()),
            error => Problem::Network(error.to_string()),
        })?;
    let [_, height, width] = map.dims();
    let values: Vec<f32> = unit_maps(map)
        .try_into_vec_as()
        .map_err(|error| Problem::Network(error.to_string()))?;
    match values.iter().all(|value| value.is_finite()) {
        true => Ok(Map {
            width,
            height,
            values,
        }),
        false => Err(Problem::Network(
            "the gradients are not finite: the network's weights are damaged".to_owned(),
        )),
    }
}
