//! PP-LCNet (Cui et al., arXiv 2109.15099): depthwise separable convolutions with h-swish, late
//! squeeze-excites, at three widths.

use super::network::*;

const LCNET: Network = Network {
    family: "lcnet",
    paper: "arXiv 2109.15099",
    ..PYTORCH
};
const PADDLE: &str = "github.com/PaddlePaddle/PaddleClas, PP-LCNet";

networks! {
    /// PP-LCNet (Cui et al., arXiv 2109.15099).
    LcNet: LCNET {
        name: "lcnet",
        aliases: &["lcnet_100", "pplcnet_x1_0"],
        text: "C3@16/2 E1K3a@32 | E1K3a@64/2 E1K3an | E1K3a@128/2 E1K3an | \
               E1K3a@256/2 E1K5an E1K5an E1K5an E1K5an E1K5an | E1K5sa@512/2 E1K5san | F1280",
        published: Some(published(71.32, PADDLE).top5(90.03).mult_adds(161.0).parameters(3.0)),
        weights: &[timm("lcnet_100.ra2_in1k").measured(72.13, 90.376)],
    }

    /// PP-LCNet at half the width.
    LcNetX050: LCNET {
        name: "lcnet-0.5",
        aliases: &["lcnet_050", "pplcnet_x0_5"],
        text: "C3@8/2 E1K3a@16 | E1K3a@32/2 E1K3an | E1K3a@64/2 E1K3an | \
               E1K3a@128/2 E1K5an E1K5an E1K5an E1K5an E1K5an | E1K5sa@256/2 E1K5san | F1280",
        published: Some(published(63.14, PADDLE).top5(84.66).mult_adds(47.0).parameters(1.9)),
        weights: &[timm("lcnet_050.ra2_in1k").measured(63.138, 84.402)],
    }

    /// PP-LCNet at three quarters of the width.
    LcNetX075: LCNET {
        name: "lcnet-0.75",
        aliases: &["lcnet_075", "pplcnet_x0_75"],
        text: "C3@16/2 E1K3a@24 | E1K3a@48/2 E1K3an | E1K3a@96/2 E1K3an | \
               E1K3a@192/2 E1K5an E1K5an E1K5an E1K5an E1K5an | E1K5sa@384/2 E1K5san | F1280",
        published: Some(published(68.18, PADDLE).top5(88.3).mult_adds(99.0).parameters(2.4)),
        weights: &[timm("lcnet_075.ra2_in1k").measured(68.786, 88.384)],
    }
}
