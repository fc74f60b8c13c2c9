//! MobileNetV2 (Sandler et al., arXiv 1801.04381), which introduced inverted residuals, at three
//! widths.

use super::network::*;

const V2: Network = Network {
    family: "mobilenetv2",
    paper: "arXiv 1801.04381",
    ..PYTORCH
};
const SLIM: &str = "github.com/tensorflow/models, research/slim/nets/mobilenet";

networks! {
    /// MobileNetV2 (Sandler et al., arXiv 1801.04381).
    MobileNetV2: V2 {
        name: "mobilenetv2",
        aliases: &["mobilenetv2_100", "mobilenet_v2"],
        text: "[relu6] C3@32/2 E1K3@16 | E6K3@24/2 E6K3 | E6K3@32/2 E6K3 E6K3 | \
               E6K3@64/2 E6K3 E6K3 E6K3 E6K3@96 E6K3 E6K3 | E6K3@160/2 E6K3 E6K3 E6K3@320 | P1280",
        published: Some(published(71.8, SLIM).top5(91.0).mult_adds(300.0).parameters(3.47)),
        weights: &[timm("mobilenetv2_100.ra_in1k").measured(72.91, 91.0)],
    }

    /// MobileNetV2 at half the width.
    MobileNetV2X050: V2 {
        name: "mobilenetv2-0.5",
        aliases: &["mobilenetv2_050"],
        text: "[relu6] C3@16/2 E1K3@8 | E6K3@16/2 E6K3 | E6K3/2 E6K3 E6K3 | \
               E6K3@32/2 E6K3 E6K3 E6K3 E6K3@48 E6K3 E6K3 | E6K3@80/2 E6K3 E6K3 E6K3@160 | P1280",
        published: Some(published(65.4, SLIM).top5(86.4).mult_adds(97.0).parameters(1.95)),
        weights: &[timm("mobilenetv2_050.lamb_in1k").measured(65.928, 86.114)],
    }

    /// MobileNetV2 at 1.4 times the width.
    MobileNetV2X140: V2 {
        name: "mobilenetv2-1.4",
        aliases: &["mobilenetv2_140"],
        text: "[relu6] C3@48/2 E1K3@24 | E6K3@32/2 E6K3 | E6K3@48/2 E6K3 E6K3 | \
               E6K3@88/2 E6K3 E6K3 E6K3 E6K3@136 E6K3 E6K3 | E6K3@224/2 E6K3 E6K3 E6K3@448 | \
               P1792",
        published: Some(published(75.0, SLIM).top5(92.5).mult_adds(582.0).parameters(6.06)),
        weights: &[timm("mobilenetv2_140.ra_in1k").measured(76.528, 93.008)],
    }
}
