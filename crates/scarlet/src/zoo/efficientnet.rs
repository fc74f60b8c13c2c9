//! EfficientNet (Tan and Le, arXiv 1905.11946), with PyTorch's padding and with TensorFlow's, and
//! one that was pruned.

use super::network::*;

const EFFICIENTNET: Network = Network {
    family: "efficientnet",
    paper: "arXiv 1905.11946",
    ..PYTORCH
};
/// Converted from TensorFlow.
const TF_EFFICIENTNET: Network = Network {
    family: EFFICIENTNET.family,
    paper: EFFICIENTNET.paper,
    ..TENSORFLOW
};
const TABLE: &str = "arXiv 1905.11946v5, table 2";

const B0: &str = "[swish, se swish sigmoid] C3@32/2 E1K3s@16 | E6K3s4@24/2 E6K3s6 | \
                  E6K5s6@40/2 E6K5s10 | \
                  E6K3s10@80/2 E6K3s20 E6K3s20 E6K5s20@112 E6K5s28 E6K5s28 | \
                  E6K5s28@192/2 E6K5s48 E6K5s48 E6K5s48 E6K3s48@320 | P1280";
const B1: &str = "[swish, se swish sigmoid] C3@32/2 E1K3s@16 E1K3s | E6K3s4@24/2 E6K3s6 E6K3s6 | \
                  E6K5s6@40/2 E6K5s10 E6K5s10 | \
                  E6K3s10@80/2 E6K3s20 E6K3s20 E6K3s20 E6K5s20@112 E6K5s28 E6K5s28 E6K5s28 | \
                  E6K5s28@192/2 E6K5s48 E6K5s48 E6K5s48 E6K5s48 E6K3s48@320 E6K3s80 | P1280";
const B2: &str = "[swish, se swish sigmoid] C3@32/2 E1K3s@16 E1K3s | E6K3s4@24/2 E6K3s6 E6K3s6 | \
                  E6K5s6@48/2 E6K5s12 E6K5s12 | \
                  E6K3s12@88/2 E6K3s22 E6K3s22 E6K3s22 E6K5s22@120 E6K5s30 E6K5s30 E6K5s30 | \
                  E6K5s30@208/2 E6K5s52 E6K5s52 E6K5s52 E6K5s52 E6K3s52@352 E6K3s88 | P1408";
const B3: &str = "[swish, se swish sigmoid] C3@40/2 E1K3s@24 E1K3s | E6K3s6@32/2 E6K3s8 E6K3s8 | \
                  E6K5s8@48/2 E6K5s12 E6K5s12 | \
                  E6K3s12@96/2 E6K3s24 E6K3s24 E6K3s24 E6K3s24 E6K5s24@136 E6K5s34 E6K5s34 E6K5s34 \
                  E6K5s34 | \
                  E6K5s34@232/2 E6K5s58 E6K5s58 E6K5s58 E6K5s58 E6K5s58 E6K3s58@384 E6K3s96 | P1536";

networks! {
    /// EfficientNet-B0 (Tan and Le, arXiv 1905.11946).
    EfficientNetB0: EFFICIENTNET {
        name: "efficientnet-b0",
        aliases: &["efficientnet_b0"],
        text: B0,
        published: Some(published(77.1, TABLE).mult_adds(390.0).parameters(5.3)),
        weights: &[
            timm("efficientnet_b0.ra_in1k").measured(77.698, 93.538),
            timm("efficientnet_b0.ra4_e3600_r224_in1k").measured(78.568, 94.34)
                .seeing(images(224, 0.9, Bicubic, HALVES)),
        ],
    }

    /// EfficientNet-B1 (Tan and Le, arXiv 1905.11946).
    EfficientNetB1: EFFICIENTNET {
        name: "efficientnet-b1",
        aliases: &["efficientnet_b1"],
        text: B1,
        preprocessing: images(240, 0.9, Bicubic, HALVES),
        published: Some(published(79.1, TABLE).mult_adds(700.0).parameters(7.8)),
        weights: &[
            timm("efficientnet_b1.ra4_e3600_r240_in1k").measured(80.404, 95.152),
            timm("efficientnet_b1.ft_in1k").measured(77.592, 93.636)
                .seeing(images(224, 0.875, Bicubic, IMAGENET)),
        ],
    }

    /// EfficientNet-B2 (Tan and Le, arXiv 1905.11946), at timm's resolution.
    EfficientNetB2: EFFICIENTNET {
        name: "efficientnet-b2",
        aliases: &["efficientnet_b2"],
        text: B2,
        preprocessing: images(256, 0.875, Bicubic, IMAGENET),
        published: Some(published(80.1, TABLE).mult_adds(1000.0).parameters(9.2)),
        weights: &[timm("efficientnet_b2.ra_in1k").measured(79.324, 94.582)],
    }

    /// EfficientNet-B3 (Tan and Le, arXiv 1905.11946), at timm's resolution.
    EfficientNetB3: EFFICIENTNET {
        name: "efficientnet-b3",
        aliases: &["efficientnet_b3"],
        text: B3,
        preprocessing: images(288, 0.875, Bicubic, IMAGENET),
        published: Some(published(81.6, TABLE).mult_adds(1800.0).parameters(12.0)),
        weights: &[timm("efficientnet_b3.ra2_in1k").measured(81.472, 95.696)],
    }

    /// EfficientNet-B0 as its authors trained it, with TensorFlow's padding.
    TfEfficientNetB0: TF_EFFICIENTNET {
        name: "tf-efficientnet-b0",
        aliases: &["tf_efficientnet_b0"],
        text: B0,
        published: Some(published(77.1, TABLE).mult_adds(390.0).parameters(5.3)),
        weights: &[
            timm("tf_efficientnet_b0.ns_jft_in1k").measured(78.68, 94.372),
            timm("tf_efficientnet_b0.aa_in1k").measured(76.882, 93.27),
            timm("tf_efficientnet_b0.ap_in1k").measured(77.1, 93.258)
                .seeing(images(224, 0.875, Bicubic, HALVES)),
            timm("tf_efficientnet_b0.in1k").measured(76.542, 93.008),
        ],
    }

    /// EfficientNet-B1 as its authors trained it, with TensorFlow's padding.
    TfEfficientNetB1: TF_EFFICIENTNET {
        name: "tf-efficientnet-b1",
        aliases: &["tf_efficientnet_b1"],
        text: B1,
        preprocessing: images(240, 0.882, Bicubic, IMAGENET),
        published: Some(published(79.1, TABLE).mult_adds(700.0).parameters(7.8)),
        weights: &[
            timm("tf_efficientnet_b1.ns_jft_in1k").measured(81.388, 95.756),
            timm("tf_efficientnet_b1.aa_in1k").measured(78.84, 94.202),
            timm("tf_efficientnet_b1.ap_in1k").measured(79.288, 94.316)
                .seeing(images(240, 0.882, Bicubic, HALVES)),
            timm("tf_efficientnet_b1.in1k").measured(78.546, 94.096),
        ],
    }

    /// EfficientNet-B2 as its authors trained it, with TensorFlow's padding.
    TfEfficientNetB2: TF_EFFICIENTNET {
        name: "tf-efficientnet-b2",
        aliases: &["tf_efficientnet_b2"],
        text: B2,
        preprocessing: images(260, 0.89, Bicubic, IMAGENET),
        published: Some(published(80.1, TABLE).mult_adds(1000.0).parameters(9.2)),
        weights: &[
            timm("tf_efficientnet_b2.ns_jft_in1k").measured(82.412, 96.238),
            timm("tf_efficientnet_b2.aa_in1k").measured(80.074, 94.906),
            timm("tf_efficientnet_b2.ap_in1k").measured(80.3, 95.032).seeing(images(260, 0.89, Bicubic, HALVES)),
            timm("tf_efficientnet_b2.in1k").measured(79.612, 94.714),
        ],
    }

    /// EfficientNet-B3 as its authors trained it, with TensorFlow's padding.
    TfEfficientNetB3: TF_EFFICIENTNET {
        name: "tf-efficientnet-b3",
        aliases: &["tf_efficientnet_b3"],
        text: B3,
        preprocessing: images(300, 0.904, Bicubic, IMAGENET),
        published: Some(published(81.6, TABLE).mult_adds(1800.0).parameters(12.0)),
        weights: &[
            timm("tf_efficientnet_b3.ns_jft_in1k").measured(84.054, 96.926),
            timm("tf_efficientnet_b3.aa_in1k").measured(81.648, 95.724),
            timm("tf_efficientnet_b3.ap_in1k").measured(81.842, 95.614).seeing(images(300, 0.904, Bicubic, HALVES)),
            timm("tf_efficientnet_b3.in1k").measured(80.878, 95.308),
        ],
    }

    /// EfficientNet-B1, pruned by knapsack (Aflalo et al., arXiv 2002.08258).
    EfficientNetB1Pruned: TF_EFFICIENTNET {
        name: "efficientnet-b1-pruned",
        aliases: &["efficientnet_b1_pruned"],
        paper: "arXiv 2002.08258",
        text: "[swish, se swish sigmoid] C3@32/2 E1K3s@16 E1K3s | E3K3s4@12/2 H62K3s6 E4K3s6 | \
               H70K5s6@35/2 H61K5s10 H51K5s10 | \
               E5K3s10@74/2 H188K3s20 H137K3s20 H164K3s20 H399K5s20@67 E3K5s28 H160K5s28 \
               H213K5s28 | \
               H637K5s27@192/2 H806K5s48 H798K5s48 H891K5s48 H990K5s48 E6K3s48@320 H1912K3s80 | \
               P1280",
        preprocessing: images(240, 0.882, Bicubic, HALVES),
        weights: &[timm("efficientnet_b1_pruned.in1k").measured(78.252, 93.82)],
    }
}
