//! 1×1 convolutions as matrices, in f64 on the host.

use burn::module::Param;
use burn::tensor::{Tensor, TensorData};
use nalgebra::DMatrix;

/// `[channels_out, channels_in, 1, 1]` as a matrix.
pub(super) fn from_weight(weight: &Tensor<4>) -> DMatrix<f64> {
    let [rows, columns, ..] = weight.dims();
    DMatrix::from_row_slice(rows, columns, &values(weight.to_data()))
}

/// A weight of the device and type of `like`.
pub(super) fn into_weight(matrix: &DMatrix<f64>, like: &Param<Tensor<4>>) -> Param<Tensor<4>> {
    let values: Vec<f64> = matrix.transpose().iter().copied().collect();
    let shape = [matrix.nrows(), matrix.ncols(), 1, 1];
    Param::initialized(like.id, tensor(values, shape, &like.val()))
}

/// A vector of the device and type of `like`.
pub(super) fn into_vector(values: Vec<f64>, like: &Tensor<1>) -> Tensor<1> {
    let length = values.len();
    tensor(values, [length], like)
}

pub(super) fn values(data: TensorData) -> Vec<f64> {
    data.iter::<f64>().collect()
}

/// A tensor of the device and type of `like`.
pub(super) fn tensor<const D: usize>(
    values: Vec<f64>,
    shape: [usize; D],
    like: &Tensor<D>,
) -> Tensor<D> {
    let data = TensorData::new(values, shape);
    Tensor::from_data(data, (&like.device(), like.dtype()))
}

/// The ratio of the largest to the smallest singular value; infinite for a singular matrix.
pub(super) fn condition(matrix: &DMatrix<f64>) -> f64 {
    let singular = matrix.singular_values();
    let (smallest, largest) = (singular.min(), singular.max());
    // Written so that NaN counts as singular.
    if smallest > 0.0 {
        largest / smallest
    } else {
        f64::INFINITY
    }
}
