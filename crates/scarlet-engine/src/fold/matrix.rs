//! 1×1 convolutions as matrices, in f64.

use nalgebra::DMatrix;

use crate::weights::Number;

/// `[rows, columns]`, row by row, as a matrix.
pub(super) fn from_rows<T: Number>(rows: usize, columns: usize, values: &[T]) -> DMatrix<f64> {
    let values = values.iter().map(|&value| value.into());
    DMatrix::from_row_iterator(rows, columns, values)
}

/// The values row by row.
pub(super) fn into_rows<T: Number>(matrix: &DMatrix<f64>) -> Vec<T> {
    let rows = matrix.transpose();
    rows.iter().map(|&value| T::from_f64(value)).collect()
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
