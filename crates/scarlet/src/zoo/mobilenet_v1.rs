//! MobileNetV1 (Howard et al., arXiv 1704.04861): depthwise separable convolutions alone.

use super::network::*;

const V1: Network = Network {
    family: "mobilenetv1",
    paper: "arXiv 1704.04861",
    preprocessing: images(224, 0.875, Bicubic, HALVES),
    ..PYTORCH
};
const SLIM: &str = "github.com/tensorflow/models, research/slim/nets/mobilenet_v1.md";

networks! {
    /// MobileNetV1 (Howard et al., arXiv 1704.04861).
    MobileNetV1: V1 {
        name: "mobilenetv1",
        aliases: &["mobilenetv1_100", "mobilenet_v1"],
        text: "[relu6] C3@32/2 E1K3a@64 | E1K3a@128/2 E1K3an | E1K3a@256/2 E1K3an | \
               E1K3a@512/2 E1K3an E1K3an E1K3an E1K3an E1K3an | E1K3a@1024/2 E1K3an",
        published: Some(published(70.9, SLIM).top5(89.9).mult_adds(569.0).parameters(4.24)),
        weights: &[timm("mobilenetv1_100.ra4_e3600_r224_in1k").measured(75.388, 92.31)],
    }
}
