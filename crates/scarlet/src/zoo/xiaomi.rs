//! FairNAS (Chu et al., arXiv 1907.01845) and MoGA (Chu et al., arXiv 1908.01314), by SCARLET's
//! authors. FairNAS has the stem, the head and the plan of channels that SCARLET took over.

use super::network::*;
use scarlet_arch::Preprocessing;

const FAIRNAS: Network = Network {
    family: "fairnas",
    paper: "arXiv 1907.01845",
    preprocessing: Preprocessing::IMAGENET,
    without_weights: Some(
        "its authors keep them at github.com/xiaomi-automl/FairNAS, without a licence",
    ),
    ..PYTORCH
};
const MOGA: Network = Network {
    family: "moga",
    paper: "arXiv 1908.01314",
    preprocessing: Preprocessing::IMAGENET,
    without_weights: Some(
        "its authors give them out by questionnaire, see github.com/xiaomi-automl/MoGA",
    ),
    ..PYTORCH
};
const FAIRNAS_TABLE: &str = "arXiv 1907.01845, table 2";
const MOGA_TABLE: &str = "arXiv 1908.01314, table 3";

networks! {
    /// FairNAS-A (Chu et al., arXiv 1907.01845).
    FairNasA: FAIRNAS {
        name: "fairnas-a",
        text: "[relu6] E3K7 E3K3 | E3K7 E6K3 E6K7 E3K3 | E3K3 E6K7 E6K7 E3K5 | \
               E6K3 E3K5 E3K5 E6K3 | E6K3 E6K7 E6K3 E6K7 | E6K5",
        published: Some(published(75.3, FAIRNAS_TABLE).top5(92.4).mult_adds(388.0).parameters(4.6)),
    }

    /// FairNAS-B (Chu et al., arXiv 1907.01845).
    FairNasB: FAIRNAS {
        name: "fairnas-b",
        text: "[relu6] E3K5 E3K3 | E3K5 E3K3 E6K3 E3K5 | E3K7 E3K3 E6K3 E3K5 | \
               E3K3 E6K3 E3K7 E3K3 | E6K7 E6K5 E6K7 E6K3 | E6K5",
        published: Some(published(75.1, FAIRNAS_TABLE).top5(92.3).mult_adds(345.0).parameters(4.5)),
    }

    /// FairNAS-C (Chu et al., arXiv 1907.01845).
    FairNasC: FAIRNAS {
        name: "fairnas-c",
        text: "[relu6] E3K5 E3K3 | E3K7 E3K3 E3K3 E3K3 | E3K3 E3K3 E3K3 E6K3 | \
               E3K3 E3K3 E3K3 E3K3 | E6K7 E6K7 E6K3 E6K3 | E6K5",
        published: Some(published(74.7, FAIRNAS_TABLE).top5(92.1).mult_adds(321.0).parameters(4.4)),
    }

    /// MoGA-A (Chu et al., arXiv 1908.01314).
    MoGaA: MOGA {
        name: "moga-a",
        text: "[h-swish, se h-swish h-sigmoid] C3@16/2 E1K3:relu | E6K5@24/2:relu E6K7:relu | \
               E6K3@40/2:relu E6K3s(relu,h-sigmoid):relu E3K3s(relu,h-sigmoid):relu | \
               E6K3s@80/2 E6K3 E6K7 E3K7s E6K7@112 E6K3 | E6K3@160/2 E6K5s E6K5s | P960 F1280n",
        published: Some(published(75.9, MOGA_TABLE).top5(92.8).mult_adds(304.0).parameters(5.1)),
    }
}
