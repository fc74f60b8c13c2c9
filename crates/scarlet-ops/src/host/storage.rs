//! Reading and making the tensors of backends whose memory is the host's.

use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use scarlet_kernels::training::{self, Images};

/// A backend whose `f32` tensors are slices.
pub(crate) trait HostBackend: Backend {
    /// The tensor `[batch, channels, height, width]` with positive strides and row-major planes,
    /// all in one slice; itself if it is so already.
    fn with_planes(tensor: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The tensor row-major; itself if it is so already.
    fn row_major(tensor: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The slice from the tensor's first value on.
    fn values(tensor: &FloatTensor<Self>) -> &[f32];

    /// Strides of a tensor with four dimensions.
    fn strides(tensor: &FloatTensor<Self>) -> [usize; 4];

    /// A tensor with the given strides over all of `values`.
    fn make(values: Vec<f32>, shape: &[usize], strides: &[usize]) -> FloatTensor<Self>;

    /// The values of a tensor that nobody else holds.
    fn take(tensor: FloatTensor<Self>) -> Option<Vec<f32>>;
}

/// The shape of a tensor with four dimensions.
pub(super) fn shape<B: HostBackend>(tensor: &FloatTensor<B>) -> [usize; 4] {
    tensor.shape().dims()
}

/// The tensor as the kernels see it; it must have gone through [`HostBackend::with_planes`].
pub(super) fn images<B: HostBackend>(tensor: &FloatTensor<B>) -> Images<'_> {
    let [image, channel, ..] = B::strides(tensor);
    Images::new(B::values(tensor), shape::<B>(tensor), [image, channel])
}

/// Whether each row follows the one before.
pub(super) fn planes_are_rows(shape: [usize; 4], strides: [usize; 4]) -> bool {
    let [_, _, height, width] = shape;
    (width <= 1 || strides[3] == 1) && (height <= 1 || strides[2] == width)
}

/// A tensor of values that lie `[channel][image][row][column]`.
pub(super) fn from_channels_first<B: HostBackend>(
    values: Vec<f32>,
    shape: [usize; 4],
) -> FloatTensor<B> {
    let [image, channel] = Images::channels_first_strides(shape);
    B::make(values, &shape, &[image, channel, shape[3], 1])
}

/// A row-major tensor.
pub(super) fn from_row_major<B: HostBackend>(values: Vec<f32>, shape: &[usize]) -> FloatTensor<B> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    B::make(values, shape, &strides)
}

/// A tensor with one dimension.
pub(super) fn from_vector<B: HostBackend>(values: Vec<f32>) -> FloatTensor<B> {
    let length = values.len();
    B::make(values, &[length], &[1])
}

/// Lets the kernels use a tensor's memory again if nobody else holds it.
pub(super) fn give_back<B: HostBackend>(tensor: FloatTensor<B>) {
    if let Some(values) = B::take(tensor) {
        training::give_buffer(values);
    }
}
