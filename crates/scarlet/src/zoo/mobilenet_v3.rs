//! MobileNetV3 (Howard et al., arXiv 1905.02244): the published ones, a minimal one without
//! squeeze-excite, h-swish and kernels of 5, and versions of timm's.

use super::network::*;
use scarlet_arch::{BatchNormSpec, Preprocessing};

const V3: Network = Network {
    family: "mobilenetv3",
    paper: "arXiv 1905.02244",
    ..PYTORCH
};
/// Converted from TensorFlow.
const TF_V3: Network = Network {
    family: V3.family,
    paper: V3.paper,
    preprocessing: images(224, 0.875, Bilinear, HALVES),
    ..TENSORFLOW
};
/// Of the weights that were first trained on ImageNet-21k.
const MIIL: Preprocessing = images(224, 0.875, Bilinear, UNCHANGED);
const SLIM: &str = "github.com/tensorflow/models, research/slim/nets/mobilenet";

const LARGE: &str = "C3@16/2 E1K3:relu | E4K3@24/2:relu E3K3:relu | \
                     E3K5s24@40/2:relu E3K5s32:relu E3K5s32:relu | \
                     E6K3@80/2 H200K3 H184K3 H184K3 E6K3s@112 E6K3s | E6K5s@160/2 E6K5s E6K5s | \
                     P960 F1280";
const SMALL: &str = "C3@16/2 | E1K3s8/2:relu | H72K3@24/2:relu H88K3:relu | \
                     E4K5s@40/2 E6K5s64 E6K5s64 E3K5s32@48 E3K5s40 | E6K5s@96/2 E6K5s E6K5s | \
                     P576 F1024";
const SMALL_X075: &str = "C3@16/2 | E1K3s8/2:relu | H72K3@24/2:relu H88K3:relu | \
                          E4K5s@32/2 E6K5s E6K5s E3K5s@40 E3K5s32 | E6K5s64@72/2 E6K5s112 E6K5s112 | \
                          P432 F1024";

networks! {
    /// MobileNetV3-Large (Howard et al., arXiv 1905.02244).
    MobileNetV3Large: V3 {
        name: "mobilenetv3-large",
        aliases: &["mobilenetv3_large_100", "mobilenet_v3_large"],
        text: LARGE,
        published: Some(published(75.2, SLIM).mult_adds(217.0).parameters(5.4)),
        weights: &[
            timm("mobilenetv3_large_100.ra_in1k").measured(75.784, 92.528),
            timm("mobilenetv3_large_100.miil_in21k").with_classes(11_221)
                .seeing(MIIL),
            timm("mobilenetv3_large_100.miil_in21k_ft_in1k").measured(77.92, 92.894)
                .seeing(MIIL),
            timm("mobilenetv3_large_100.ra4_e3600_r224_in1k").measured(76.31, 92.842)
                .seeing(images(224, 0.95, Bicubic, HALVES)),
        ],
    }

    /// MobileNetV3-Small (Howard et al., arXiv 1905.02244).
    MobileNetV3Small: V3 {
        name: "mobilenetv3-small",
        aliases: &["mobilenetv3_small_100", "mobilenet_v3_small"],
        text: SMALL,
        published: Some(published(67.5, SLIM).mult_adds(66.0).parameters(2.9)),
        weights: &[timm("mobilenetv3_small_100.lamb_in1k").measured(67.636, 87.638)],
    }

    /// MobileNetV3-Small at three quarters of the width.
    MobileNetV3SmallX075: V3 {
        name: "mobilenetv3-small-0.75",
        aliases: &["mobilenetv3_small_075"],
        text: SMALL_X075,
        published: Some(published(65.4, SLIM).mult_adds(44.0).parameters(2.4)),
        weights: &[timm("mobilenetv3_small_075.lamb_in1k").measured(65.284, 85.462)],
    }

    /// MobileNetV3-Small at half the width.
    MobileNetV3SmallX050: V3 {
        name: "mobilenetv3-small-0.5",
        aliases: &["mobilenetv3_small_050"],
        text: "C3@16/2 | E1K3s8@8/2:relu | E5K3@16/2:relu H56K3:relu | \
               E4K5s@24/2 E6K5s40 E6K5s40 E3K5s24 E3K5s24 | E6K5s40@48/2 E6K5s E6K5s | P288 F1024",
        weights: &[timm("mobilenetv3_small_050.lamb_in1k").measured(57.918, 80.144)],
    }

    /// An early MobileNetV3-Large of timm's: no shortcut around the first block, h-swish in later
    /// squeeze-excites, whose widths are not rounded.
    MobileNetV3Rw: V3 {
        name: "mobilenetv3-rw",
        aliases: &["mobilenetv3_rw"],
        batch_norm: BatchNormSpec { epsilon: 1e-3, ..V3.batch_norm },
        text: "[h-swish, se h-swish h-sigmoid] C3@16/2 E1K3n:relu | E4K3@24/2:relu E3K3:relu | \
               E3K5s(relu,h-sigmoid)@40/2:relu E3K5s(relu,h-sigmoid):relu \
               E3K5s(relu,h-sigmoid):relu | E6K3@80/2 H200K3 H184K3 H184K3 E6K3s@112 E6K3s | \
               E6K5s@160/2 E6K5s E6K5s | P960 F1280n",
        weights: &[timm("mobilenetv3_rw.rmsp_in1k").measured(75.616, 92.696)],
    }

    /// MobileNetV3-Large as its authors trained it, with TensorFlow's padding.
    TfMobileNetV3Large: TF_V3 {
        name: "tf-mobilenetv3-large",
        aliases: &["tf_mobilenetv3_large_100"],
        text: LARGE,
        published: Some(published(75.2, SLIM).mult_adds(217.0).parameters(5.4)),
        weights: &[timm("tf_mobilenetv3_large_100.in1k").measured(75.51, 92.6)],
    }

    /// MobileNetV3-Small as its authors trained it, with TensorFlow's padding.
    TfMobileNetV3Small: TF_V3 {
        name: "tf-mobilenetv3-small",
        aliases: &["tf_mobilenetv3_small_100"],
        text: SMALL,
        published: Some(published(67.5, SLIM).mult_adds(66.0).parameters(2.9)),
        weights: &[timm("tf_mobilenetv3_small_100.in1k").measured(67.922, 87.686)],
    }

    /// MobileNetV3-Small at three quarters of the width as its authors trained it, with TensorFlow's
    /// padding.
    TfMobileNetV3SmallX075: TF_V3 {
        name: "tf-mobilenetv3-small-0.75",
        aliases: &["tf_mobilenetv3_small_075"],
        text: SMALL_X075,
        published: Some(published(65.4, SLIM).mult_adds(44.0).parameters(2.4)),
        weights: &[timm("tf_mobilenetv3_small_075.in1k").measured(65.706, 86.13)],
    }

    /// MobileNetV3-Large without squeeze-excite, h-swish and kernels of 5, with TensorFlow's
    /// padding.
    TfMobileNetV3LargeMinimal: TF_V3 {
        name: "tf-mobilenetv3-large-minimal",
        aliases: &["tf_mobilenetv3_large_minimal_100"],
        text: "[relu] C3@16/2 E1K3 | E4K3@24/2 E3K3 | E3K3@40/2 E3K3 E3K3 | \
               E6K3@80/2 H200K3 H184K3 H184K3 E6K3@112 E6K3 | E6K3@160/2 E6K3 E6K3 | P960 F1280",
        published: Some(published(72.3, SLIM).mult_adds(209.0).parameters(3.9)),
        weights: &[timm("tf_mobilenetv3_large_minimal_100.in1k").measured(72.27, 90.664)],
    }
}
