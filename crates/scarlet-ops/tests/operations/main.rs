//! Every operation on every CPU device against Burn's own operations in `f64`, and against
//! finite differences.
#![cfg(any(feature = "flex", feature = "ndarray"))]
#![cfg_attr(
    feature = "ndarray",
    allow(deprecated, reason = "NdArray is supported while Burn has it")
)]
#![allow(clippy::unwrap_used, unreachable_pub)]

mod autodiff;
mod cases;
mod compare;

use cases::{
    AdditionCase, BatchNormCase, ConvolutionCase, DepthwiseCase, PointwiseCase, SqueezeExciteCase,
};
use compare::Case;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn config(cases: u32) -> ProptestConfig {
    // The same cases on every run: where a value sits on a kink, f32 and f64 may fall to
    // different sides of it, which no tolerance covers.
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(2024),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn addition_is_burns(case in any::<Case<AdditionCase>>()) {
        case.check_against_burn();
    }

    #[test]
    fn pointwise_is_burns(case in any::<Case<PointwiseCase>>()) {
        case.check_against_burn();
    }

    #[test]
    fn convolution_is_burns(case in any::<Case<ConvolutionCase>>()) {
        case.check_against_burn();
    }

    #[test]
    fn batch_norm_is_burns(case in any::<Case<BatchNormCase>>()) {
        case.check_against_burn();
    }

    #[test]
    fn depthwise_is_burns(case in any::<Case<DepthwiseCase>>()) {
        case.check_against_burn();
    }

    #[test]
    fn squeeze_excite_is_burns(case in any::<Case<SqueezeExciteCase>>()) {
        case.check_against_burn();
    }
}

proptest! {
    #![proptest_config(config(16))]

    #[test]
    fn addition_has_the_slope_that_it_says(case in any::<Case<AdditionCase>>()) {
        case.check_slope();
    }

    #[test]
    fn pointwise_has_the_slope_that_it_says(case in any::<Case<PointwiseCase>>()) {
        case.check_slope();
    }

    #[test]
    fn convolution_has_the_slope_that_it_says(case in any::<Case<ConvolutionCase>>()) {
        case.check_slope();
    }

    #[test]
    fn batch_norm_has_the_slope_that_it_says(case in any::<Case<BatchNormCase>>()) {
        case.check_slope();
    }

    #[test]
    fn depthwise_has_the_slope_that_it_says(case in any::<Case<DepthwiseCase>>()) {
        case.check_slope();
    }

    #[test]
    fn squeeze_excite_has_the_slope_that_it_says(case in any::<Case<SqueezeExciteCase>>()) {
        case.check_slope();
    }
}
