//! Convolutions without bias.

use burn::backend::Dispatch;
use burn::tensor::{Tensor, module, ops::ConvOptions};
use scarlet_kernels::Padding;
use scarlet_kernels::training::ConvolutionShape;

use crate::host::{self, DepthwiseShape, TrainingOps};

/// The 1×1 convolution of `[batch, channels_in, height, width]` with a weight
/// `[channels_out, channels_in, 1, 1]`: `[batch, channels_out, height, width]`.
///
/// # Panics
///
/// If the shapes do not fit each other.
pub fn pointwise_conv2d(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    let ([_, channels, ..], weight_shape) = (x.dims(), weight.dims());
    assert_eq!(
        weight_shape[1..],
        [channels, 1, 1],
        "a pointwise weight for {channels} channels is [_, {channels}, 1, 1]"
    );
    if !host::has_kernels(&x, [weight.dtype()]) {
        return convolve_plainly(x, weight, 1, Padding::default(), 1);
    }
    Tensor::from_dispatch(Dispatch::pointwise(
        x.into_dispatch(),
        weight.into_dispatch(),
    ))
}

/// The convolution of `[batch, channels_in, height, width]` with a weight
/// `[channels_out, channels_in, kernel, kernel]`:
/// `[batch, channels_out, (height + top + bottom − kernel) / stride + 1, …]`.
///
/// # Panics
///
/// If the shapes do not fit each other, or `stride` is 0.
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, stride: usize, padding: Padding) -> Tensor<4> {
    let kernel = check(&x, &weight, x.dims()[1], stride, padding);
    if !host::has_kernels(&x, [weight.dtype()]) {
        return convolve_plainly(x, weight, stride, padding, 1);
    }
    let shape = ConvolutionShape {
        kernel,
        stride,
        padding,
    };
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(Dispatch::convolution(x, weight, shape))
}

/// The depthwise convolution of `[batch, channels, height, width]`, one filter a channel, with a
/// weight `[channels, 1, kernel, kernel]`:
/// `[batch, channels, (height + top + bottom − kernel) / stride + 1, …]`.
///
/// # Panics
///
/// If the shapes do not fit each other, or `stride` is 0.
pub fn depthwise_conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    stride: usize,
    padding: Padding,
) -> Tensor<4> {
    check(&x, &weight, 1, stride, padding);
    let channels = x.dims()[1];
    assert_eq!(weight.dims()[0], channels, "one filter a channel");
    if !host::has_kernels(&x, [weight.dtype()]) {
        return convolve_plainly(x, weight, stride, padding, channels);
    }
    let shape = DepthwiseShape {
        stride,
        padding,
        norm_before: None,
        norm_after: None,
    };
    let none = Tensor::<1>::empty([0], &x.device()).into_dispatch();
    let result = Dispatch::depthwise(
        x.into_dispatch(),
        weight.into_dispatch(),
        none.clone(),
        none.clone(),
        none.clone(),
        none,
        shape,
    );
    Tensor::from_dispatch(result.output)
}

/// Checks that a convolution has an output, and returns its kernel.
pub(crate) fn check(
    x: &Tensor<4>,
    weight: &Tensor<4>,
    channels_in: usize,
    stride: usize,
    padding: Padding,
) -> usize {
    let ([_, _, height, width], weight) = (x.dims(), weight.dims());
    let kernel = weight[2];
    assert_eq!(
        weight[1..],
        [channels_in, kernel, kernel],
        "a weight with {channels_in} input channels and a square kernel"
    );
    assert!(stride > 0, "a convolution's stride is at least 1");
    let [rows, columns] = [
        height + padding.top + padding.bottom,
        width + padding.left + padding.right,
    ];
    assert!(
        kernel <= rows && kernel <= columns,
        "a kernel of {kernel} is larger than the padded image, {rows}×{columns}"
    );
    kernel
}

/// A convolution by Burn's operation.
pub(crate) fn convolve_plainly(
    x: Tensor<4>,
    weight: Tensor<4>,
    stride: usize,
    padding: Padding,
    groups: usize,
) -> Tensor<4> {
    let Padding {
        top,
        bottom,
        left,
        right,
    } = padding;
    let padding = [(top, bottom), (left, right)];
    let options = ConvOptions::new_with_padding([stride; 2], padding, [1, 1], groups);
    module::conv2d(x, weight, None, options)
}
