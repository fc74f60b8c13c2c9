//! The nonlinearities of mobile networks.

use burn::tensor::Tensor;
use scarlet_ops::Activation;

/// `x · relu6(x + 3) / 6`, of any shape (Howard et al., MobileNetV3, arXiv 1905.02244).
pub fn h_swish<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    scarlet_ops::activate(Activation::HSwish, x)
}

/// `relu6(x + 3) / 6`, of any shape.
///
/// Burn's own module defaults to Keras' slope of 0.2; these networks are trained with 1/6.
pub fn h_sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    scarlet_ops::hard_sigmoid(x)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::{Device, Tensor, Tolerance};

    use super::*;

    #[test]
    fn slopes_and_limits_are_those_of_mobilenet() {
        let x = Tensor::<1>::from_floats([-4.0, -3.0, -1.0, 0.0, 1.0, 3.0, 5.0], &Device::flex());
        let sigmoid = [0.0, 0.0, 1.0 / 3.0, 0.5, 2.0 / 3.0, 1.0, 1.0f32];
        let swish = [0.0, 0.0, -1.0 / 3.0, 0.0, 2.0 / 3.0, 3.0, 5.0f32];
        let close = Tolerance::<f32>::absolute(1e-6);
        h_sigmoid(x.clone())
            .into_data()
            .assert_approx_eq(&sigmoid.into(), close);
        h_swish(x)
            .into_data()
            .assert_approx_eq(&swish.into(), close);
    }
}
