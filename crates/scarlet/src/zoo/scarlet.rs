//! SCARLET (Chu et al., arXiv 1908.06022): A, B and C as published, and two that are scaled from A.

use super::network::*;
use scarlet_arch::{scarlet_a, scarlet_a2, scarlet_a4, scarlet_b, scarlet_c};

const SCARLET: Network = Network {
    family: "scarlet",
    paper: "arXiv 1908.06022",
    without_weights: Some(
        "its authors give them out by questionnaire, see github.com/xiaomi-automl/SCARLET-NAS",
    ),
    ..PYTORCH
};
/// Published with little more than an accuracy.
const SCALED: Network = Network {
    without_weights: Some("they were never published"),
    ..SCARLET
};
const PAPER: &str = SCARLET.paper;

networks! {
    /// SCARLET-A (Chu et al., arXiv 1908.06022): 365 M mult-adds at 224, 6.7 M parameters,
    /// published top-1 76.9 %.
    ///
    /// ```
    /// # #[cfg(feature = "flex")] {
    /// use burn::tensor::{Device, Tensor};
    /// use scarlet::ScarletA;
    ///
    /// let device = Device::flex();
    /// let network = ScarletA::new().with_classes(10).init(&device);
    /// let logits = network.forward(Tensor::zeros([1, 3, 64, 64], &device));
    /// assert_eq!(logits.dims(), [1, 10]);
    /// # }
    /// ```
    ScarletA: SCARLET {
        name: "scarlet-a",
        preset: Some(scarlet_a),
        published: Some(published(76.9, PAPER).top5(93.4).mult_adds(365.0).parameters(6.7)),
    }

    /// SCARLET-B (Chu et al., arXiv 1908.06022): 327 M mult-adds at 224 (329 M published),
    /// 6.5 M parameters, published top-1 76.3 %.
    ScarletB: SCARLET {
        name: "scarlet-b",
        preset: Some(scarlet_b),
        published: Some(published(76.3, PAPER).top5(93.0).mult_adds(329.0).parameters(6.5)),
    }

    /// SCARLET-C (Chu et al., arXiv 1908.06022): 280 M mult-adds at 224, 6.1 M parameters,
    /// published top-1 75.6 %.
    ScarletC: SCARLET {
        name: "scarlet-c",
        preset: Some(scarlet_c),
        published: Some(published(75.6, PAPER).top5(92.6).mult_adds(280.0).parameters(6.0)),
    }

    /// SCARLET-A2: A by compound scaling. The paper gives 79.5 % top-1; the coefficients are
    /// ours (see [`scarlet_arch::scarlet_a2`]).
    ScarletA2: SCALED {
        name: "scarlet-a2",
        preset: Some(scarlet_a2),
        published: Some(published(79.5, PAPER)),
    }

    /// SCARLET-A4: A by compound scaling. The paper gives 82.3 % top-1; the coefficients are
    /// ours (see [`scarlet_arch::scarlet_a4`]).
    ScarletA4: SCALED {
        name: "scarlet-a4",
        preset: Some(scarlet_a4),
        published: Some(published(82.3, PAPER).mult_adds(4200.0).parameters(27.8)),
    }
}
