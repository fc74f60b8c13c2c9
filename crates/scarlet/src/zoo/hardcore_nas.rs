//! HardCoRe-NAS (Nayman et al., arXiv 2102.11646).

use super::network::*;

const HARDCORE: Network = Network {
    family: "hardcore-nas",
    paper: "arXiv 2102.11646",
    preprocessing: images(224, 0.875, Bilinear, IMAGENET),
    ..PYTORCH
};

networks! {
    /// HardCoRe-NAS-A (Nayman et al., arXiv 2102.11646).
    HardCoreNasA: HARDCORE {
        name: "hardcore-nas-a",
        aliases: &["hardcorenas_a"],
        text: "C3@32/2 E1K3@16:relu | E3K5@24/2:relu E3K5s24:relu | E3K5@40/2:relu E6K5s64:relu | \
               E6K5s64@80/2 E6K5s E6K5s@112 E6K5s | E6K5s@192/2 E6K5s | P960 F1280",
        published: Some(published(75.9, HARDCORE.paper).mult_adds(220.0)),
        weights: &[timm("hardcorenas_a.miil_green_in1k").measured(75.926, 92.486)],
    }

    /// HardCoRe-NAS-C (Nayman et al., arXiv 2102.11646).
    HardCoreNasC: HARDCORE {
        name: "hardcore-nas-c",
        aliases: &["hardcorenas_c"],
        text: "C3@32/2 E1K3@16:relu | E3K5@24/2:relu E3K5s24:relu | \
               E3K5@40/2:relu E3K5:relu E3K5:relu E3K5:relu | \
               E4K5@80/2 E6K5s E3K3 E3K3 E6K5s@112 E3K3 E3K3 E3K3 | E6K5s@192/2 E6K5s E3K3s | \
               P960 F1280",
        published: Some(published(77.1, HARDCORE.paper).mult_adds(270.0)),
        weights: &[timm("hardcorenas_c.miil_green_in1k").measured(77.092, 93.192)],
    }

    /// HardCoRe-NAS-F (Nayman et al., arXiv 2102.11646).
    HardCoreNasF: HARDCORE {
        name: "hardcore-nas-f",
        aliases: &["hardcorenas_f"],
        text: "C3@32/2 E1K3@16:relu | E3K5s16@24/2:relu E3K5s24:relu | \
               E6K5s40@40/2:relu E6K5s64:relu | \
               E6K5s64@80/2 E6K5s E3K3s64 E3K3s64 E6K3s@112 E6K5s E6K5s E3K3s88 | \
               E6K5s@192/2 E6K5s E6K3s E6K3s | P960 F1280",
        published: Some(published(78.1, HARDCORE.paper).mult_adds(340.0)),
        weights: &[timm("hardcorenas_f.miil_green_in1k").measured(78.1, 93.8)],
    }
}
