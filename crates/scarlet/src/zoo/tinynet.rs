//! TinyNet (Han et al., arXiv 2010.14819): EfficientNet-B0, made smaller in resolution, depth and
//! width.

use super::network::*;

const TINYNET: Network = Network {
    family: "tinynet",
    paper: "arXiv 2010.14819",
    ..PYTORCH
};

networks! {
    /// TinyNet-A (Han et al., arXiv 2010.14819).
    TinyNetA: TINYNET {
        name: "tinynet-a",
        aliases: &["tinynet_a"],
        text: "[swish, se swish sigmoid] C3@32/2 E1K3s@16 | E6K3s4@24/2 E6K3s6 | \
               E6K5s6@40/2 E6K5s10 | \
               E6K3s10@80/2 E6K3s20 E6K3s20 E6K3s20 E6K5s20@112 E6K5s28 E6K5s28 E6K5s28 | \
               E6K5s28@192/2 E6K5s48 E6K5s48 E6K5s48 E6K5s48 E6K3s48@320 | P1280",
        preprocessing: images(192, 0.875, Bicubic, IMAGENET),
        weights: &[timm("tinynet_a.in1k").measured(77.666, 93.532)],
    }

    /// TinyNet-B (Han et al., arXiv 2010.14819).
    TinyNetB: TINYNET {
        name: "tinynet-b",
        aliases: &["tinynet_b"],
        text: "[swish, se swish sigmoid] C3@32/2 E1K3s@16 | E6K3s4@24/2 E6K3s6 | \
               E6K5s6@32/2 E6K5s8 | E6K3s8@64/2 E6K3s16 E6K3s16 E6K5s16@88 E6K5s22 E6K5s22 | \
               E6K5s22@144/2 E6K5s36 E6K5s36 E6K5s36 E6K3s36@240 | P1280",
        preprocessing: images(188, 0.875, Bicubic, IMAGENET),
        weights: &[timm("tinynet_b.in1k").measured(74.946, 92.194)],
    }

    /// TinyNet-C (Han et al., arXiv 2010.14819).
    TinyNetC: TINYNET {
        name: "tinynet-c",
        aliases: &["tinynet_c"],
        text: "[swish, se swish sigmoid] C3@32/2 E1K3s@8 | E6K3s2@16/2 E6K3s4 | \
               E6K5s4@24/2 E6K5s6 | E6K3s6@40/2 E6K3s10 E6K3s10 E6K5s10@64 E6K5s16 E6K5s16 | \
               E6K5s16@104/2 E6K5s26 E6K5s26 E6K3s26@176 | P1280",
        preprocessing: images(184, 0.875, Bicubic, IMAGENET),
        weights: &[timm("tinynet_c.in1k").measured(71.214, 89.746)],
    }

    /// TinyNet-D (Han et al., arXiv 2010.14819).
    TinyNetD: TINYNET {
        name: "tinynet-d",
        aliases: &["tinynet_d"],
        text: "[swish, se swish sigmoid] C3@32/2 E1K3s@8 | E6K3s2@16/2 | E6K5s4@24/2 | \
               E6K3s6@40/2 E6K3s10 E6K5s10@64 E6K5s16 | \
               E6K5s16@104/2 E6K5s26 E6K5s26 E6K3s26@176 | P1280",
        preprocessing: images(152, 0.875, Bicubic, IMAGENET),
        weights: &[timm("tinynet_d.in1k").measured(66.936, 87.078)],
    }

    /// TinyNet-E (Han et al., arXiv 2010.14819).
    TinyNetE: TINYNET {
        name: "tinynet-e",
        aliases: &["tinynet_e"],
        text: "[swish, se swish sigmoid] C3@32/2 E1K3s@8 | E6K3s2@16/2 | E6K5s4@24/2 | \
               E6K3s6@40/2 E6K3s10 E6K5s10@56 E6K5s14 | E6K5s14@96/2 E6K5s24 E6K3s24@160 | P1280",
        preprocessing: images(106, 0.875, Bicubic, IMAGENET),
        published: Some(published(59.9, TINYNET.paper).mult_adds(24.0)),
        weights: &[timm("tinynet_e.in1k").measured(59.874, 81.774)],
    }
}
