//! MnasNet (Tan et al., arXiv 1807.11626), with squeeze-excite (A1, timm's `semnasnet`) and without
//! (B1), and Single-Path NAS (Stamoulis et al., arXiv 1904.02877), whose space is around it.

use super::network::*;

const MNASNET: Network = Network {
    family: "mnasnet",
    paper: "arXiv 1807.11626",
    ..PYTORCH
};
const SINGLE_PATH: Network = Network {
    family: "spnasnet",
    paper: "arXiv 1904.02877",
    preprocessing: images(224, 0.875, Bilinear, IMAGENET),
    ..PYTORCH
};
const TPU: &str = "github.com/tensorflow/tpu, models/official/mnasnet";

networks! {
    /// MnasNet-A1 (Tan et al., arXiv 1807.11626), with squeeze-excite.
    MnasNetA1: MNASNET {
        name: "mnasnet-a1",
        aliases: &["semnasnet_100", "mnasnet_a1", "semnasnet"],
        text: "[relu, se relu sigmoid] C3@32/2 E1K3@16 | E6K3@24/2 E6K3 | \
               E3K5s6@40/2 E3K5s10 E3K5s10 | E6K3@80/2 E6K3 E6K3 E6K3 E6K3s20@112 E6K3s28 | \
               E6K5s28@160/2 E6K5s40 E6K5s40 E6K3@320 | P1280",
        published: Some(published(75.2, TPU).top5(92.5).mult_adds(312.0).parameters(3.9)),
        weights: &[timm("semnasnet_100.rmsp_in1k").measured(75.452, 92.608)],
    }

    /// MnasNet-B1 (Tan et al., arXiv 1807.11626), without squeeze-excite.
    MnasNetB1: MNASNET {
        name: "mnasnet-b1",
        aliases: &["mnasnet_100", "mnasnet_b1", "mnasnet1_0"],
        text: "[relu] C3@32/2 E1K3@16 | E3K3@24/2 E3K3 E3K3 | E3K5@40/2 E3K5 E3K5 | \
               E6K5@80/2 E6K5 E6K5 E6K3@96 E6K3 | E6K5@192/2 E6K5 E6K5 E6K5 E6K3@320 | P1280",
        weights: &[timm("mnasnet_100.rmsp_in1k").measured(74.672, 92.108)],
    }

    /// MnasNet-small (Tan et al., arXiv 1807.11626).
    MnasNetSmall: MNASNET {
        name: "mnasnet-small",
        aliases: &["mnasnet_small"],
        text: "[relu, se relu sigmoid] C3@8/2 E1K3 | E3K3@16/2 | E6K3/2 E6K3 | \
               E6K5s4@32/2 E6K5s8 E6K5s8 E6K5s8 E6K3s8 E6K3s8 E6K3s8 | \
               E6K5s8@88/2 E6K5s22 E6K5s22 E6K3@144 | P1280",
        published: Some(published(66.0, TPU).mult_adds(68.0).parameters(2.0)),
        weights: &[timm("mnasnet_small.lamb_in1k").measured(66.204, 86.47)],
    }

    /// The network that Single-Path NAS found (Stamoulis et al., arXiv 1904.02877).
    SpNasNet: SINGLE_PATH {
        name: "spnasnet",
        aliases: &["spnasnet_100"],
        text: "[relu] C3@32/2 E1K3@16 | E3K3@24/2 E3K3 E3K3 | E6K5@40/2 E3K3 E3K3 E3K3 | \
               E6K5@80/2 E3K3 E3K3 E3K3 E6K5@96 E3K5 E3K5 E3K5 | \
               E6K5@192/2 E6K5 E6K5 E6K5 E6K3@320 | P1280",
        published: Some(published(74.96, SINGLE_PATH.paper).top5(92.21)),
        weights: &[timm("spnasnet_100.rmsp_in1k").measured(74.086, 91.826)],
    }
}
