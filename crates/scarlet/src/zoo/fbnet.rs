//! FBNet-C (Wu et al., arXiv 1812.03443) and FBNetV3 (Dai et al., arXiv 2006.02049).

use super::network::*;

const FBNET: Network = Network {
    family: "fbnet",
    paper: "arXiv 1812.03443",
    preprocessing: images(224, 0.875, Bilinear, IMAGENET),
    ..PYTORCH
};
const V3: Network = Network {
    family: "fbnetv3",
    paper: "arXiv 2006.02049",
    preprocessing: images(224, 0.95, Bilinear, IMAGENET),
    ..PYTORCH
};
const MOBILE_VISION: &str = "github.com/facebookresearch/mobile-vision, README";

networks! {
    /// FBNet-C (Wu et al., arXiv 1812.03443).
    FbNetC: FBNET {
        name: "fbnet-c",
        aliases: &["fbnetc_100", "fbnetc"],
        text: "[relu] C3@16/2 H16K3 | E6K3@24/2 H24K3 H24K3 | E6K5@32/2 E3K5 E6K5 E6K3 | \
               E6K5@64/2 E3K5 E6K5 E6K5 E6K5@112 E6K5 E6K5 E3K5 | \
               E6K5@184/2 E6K5 E6K5 E6K5 E6K3@352 | P1984",
        published: Some(published(74.9, MOBILE_VISION).mult_adds(383.0).parameters(5.5)),
        weights: &[timm("fbnetc_100.rmsp_in1k").measured(75.12, 92.384)],
    }

    /// FBNetV3-B (Dai et al., arXiv 2006.02049).
    FbNetV3B: V3 {
        name: "fbnetv3-b",
        aliases: &["fbnetv3_b"],
        text: "[h-swish, se h-swish h-sigmoid] C3@16/2 E1K3 E1K3 | E4K5@24/2 E2K5 E2K5 E2K5 | \
               E5K5s8@40/2 E3K5s16 E3K5s16 E3K5s16 E3K5s16 | \
               E5K5@72/2 E3K3 E3K3 E3K3 E3K3 E5K3s24@120 E3K5s32 E3K5s32 E3K5s32 E3K5s32 E3K5s32 \
               | E6K3s32@184/2 E4K5s48 E4K5s48 E4K5s48 E4K5s48 E4K5s48 E6K5s48@224 | P1344 F1984n",
        weights: &[timm("fbnetv3_b.ra2_in1k").measured(78.184, 94.238)],
    }

    /// FBNetV3-D (Dai et al., arXiv 2006.02049).
    FbNetV3D: V3 {
        name: "fbnetv3-d",
        aliases: &["fbnetv3_d"],
        text: "[h-swish, se h-swish h-sigmoid] C3@24/2 E1K3@16 E1K3 | \
               E5K3@24/2 E2K3 E2K3 E2K3 E2K3 E2K3 | E4K5s8@40/2 E3K3s16 E3K3s16 E3K3s16 E3K3s16 | \
               E5K3@72/2 E3K3 E3K3 E3K3 E3K3 E5K3s24@128 E3K5s32 E3K5s32 E3K5s32 E3K5s32 E3K5s32 \
               E3K5s32 | E6K3s32@208/2 E5K5s56 E5K5s56 E5K5s56 E5K5s56 E5K5s56 E6K5s56@240 | \
               P1440 F1984n",
        weights: &[timm("fbnetv3_d.ra2_in1k").measured(78.658, 94.454)],
    }
}
