//! Spaces of the networks that are parts of one network: narrower, with smaller kernels, shallower,
//! with fewer features, for smaller images.

use crate::{
    Architecture, ArchitectureError, Expansion, InvertedResidual, Operation, PlacedBlock,
    SearchSpace, Skip, SqueezeExcite, SqueezedWidth,
};

/// Hidden channels, features and resolutions come in multiples of this, as in the published networks.
const DIVISOR: usize = 8;
/// The smallest kernel that another one is cut down to.
const SMALLEST_KERNEL: usize = 3;

/// How much smaller the networks of an [elastic space](SearchSpace::elastic) may be.
#[derive(Debug, Clone, PartialEq)]
pub struct Elasticity {
    /// Shares of a block's hidden channels that may be kept, besides all of them; above 0, under 1.
    pub hidden: Vec<f64>,
    /// Whether kernels may be cut down to their middle: 7 to 5 and 3, 5 to 3.
    pub kernels: bool,
    /// What stands for a block that is left out, where its input has its output's shape; without it
    /// no block is left out.
    pub skip: Option<Skip>,
    /// Shares of the features that may reach the classifier, besides all of them; above 0, under 1. A
    /// network with nothing between its layers and the classifier keeps all.
    pub features: Vec<f64>,
    /// Shares of the network's resolution that images may be seen at, besides all of it; above 0,
    /// under 1.
    pub resolutions: Vec<f64>,
}

impl Default for Elasticity {
    /// All, three quarters, a half and a quarter of the hidden channels and of the features; kernels;
    /// skips with stabilizers; and all, five sixths, two thirds and half of the resolution.
    fn default() -> Self {
        Self {
            hidden: vec![0.75, 0.5, 0.25],
            kernels: true,
            skip: Some(Skip::Linear),
            features: vec![0.75, 0.5, 0.25],
            resolutions: vec![5.0 / 6.0, 2.0 / 3.0, 0.5],
        }
    }
}

impl SearchSpace {
    /// The networks that are parts of `network`, which is the one of all genes 0: each inverted
    /// residual with fewer hidden channels, a smaller kernel, or left out. The choices of a layer
    /// go from the whole block to the least of it.
    ///
    /// Hidden channels, features and resolutions are multiples of 8; squeeze-excite keeps the width inside that
    /// it has in the whole block.
    ///
    /// # Errors
    ///
    /// When a share is out of range, no block can be changed, or the network is none that a space
    /// can be made of.
    pub fn elastic(
        network: &Architecture,
        elasticity: &Elasticity,
    ) -> Result<Self, ArchitectureError> {
        network.validate()?;
        check_shares("hidden channels", &elasticity.hidden)?;
        check_shares("the features", &elasticity.features)?;
        check_shares("the resolution", &elasticity.resolutions)?;
        if network.blocks_before_layers() != 2 {
            return Err(ArchitectureError::Space {
                problem: format!(
                    "{} has no depthwise separable convolution (E1) after its stem, which parts of \
                     a network need",
                    network.name
                ),
            });
        }
        let placed = network.placed_layers();
        let choices: Vec<_> = placed
            .iter()
            .map(|block| parts(block, elasticity))
            .collect();
        if choices.iter().all(|choices| choices.len() == 1) {
            return Err(ArchitectureError::Space {
                problem: format!(
                    "no block of {} can be made smaller or left out",
                    network.name
                ),
            });
        }
        let resolution = network.preprocessing.resolution;
        let features = match network.head.with_features(1) == network.head {
            true => vec![network.features()],
            false => with_shares(network.features(), &elasticity.features),
        };
        Self::by_layer(network.clone(), choices)?
            .with_features(features)?
            .with_resolutions(with_shares(resolution, &elasticity.resolutions))
    }
}

fn check_shares(of: &str, shares: &[f64]) -> Result<(), ArchitectureError> {
    match (shares.iter()).find(|share| !(**share > 0.0 && **share < 1.0)) {
        None => Ok(()),
        Some(share) => Err(ArchitectureError::Space {
            problem: format!("{share} is no share of {of}: above 0 and under 1"),
        }),
    }
}

/// A number, of channels or pixels, and these shares of it that are multiples of 8 and less than it, the
/// largest first.
///
/// # Errors
///
/// When a share is not above 0 and under 1.
pub fn shares_of(whole: usize, shares: &[f64]) -> Result<Vec<usize>, ArchitectureError> {
    check_shares("the whole", shares)?;
    Ok(with_shares(whole, shares))
}

/// A number and these shares of it that are multiples of 8 and less than it, the largest first.
fn with_shares(whole: usize, shares: &[f64]) -> Vec<usize> {
    let mut shares = shares.to_vec();
    shares.sort_by(|a, b| b.total_cmp(a));
    let mut numbers = vec![whole];
    for share in shares {
        let number = (whole as f64 * share / DIVISOR as f64).round() as usize * DIVISOR;
        if numbers.last().is_some_and(|&last| number < last) && number > 0 {
            numbers.push(number);
        }
    }
    numbers
}

/// What a block may be cut down to, from the whole of it to the least.
fn parts(placed: &PlacedBlock, elasticity: &Elasticity) -> Vec<Operation> {
    let Operation::InvertedResidual(whole) = placed.operation else {
        return vec![placed.operation];
    };
    let kernels = (SMALLEST_KERNEL..=whole.kernel).rev().step_by(2);
    let kernels: Vec<usize> = match elasticity.kernels && whole.kernel > SMALLEST_KERNEL {
        true => kernels.collect(),
        false => vec![whole.kernel],
    };
    let hidden = whole.expansion.hidden(placed.channels_in);
    let widths = match whole.has_expansion() {
        true => with_shares(hidden, &elasticity.hidden),
        false => vec![hidden],
    };
    let mut parts = Vec::new();
    for &width in &widths {
        for &kernel in &kernels {
            parts.push(Operation::InvertedResidual(part(
                whole, hidden, width, kernel,
            )));
        }
    }
    if placed.has_shortcut() {
        parts.extend(elasticity.skip.map(Skip::operation));
    }
    parts
}

fn part(whole: InvertedResidual, hidden: usize, width: usize, kernel: usize) -> InvertedResidual {
    let whole = InvertedResidual { kernel, ..whole };
    if width == hidden {
        return whole;
    }
    InvertedResidual {
        expansion: Expansion::To(width),
        squeeze_excite: whole.squeeze_excite.map(|excite| SqueezeExcite {
            width: SqueezedWidth::To(excite.inner(hidden)),
            ..excite
        }),
        ..whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cost, efficientnet_lite0, scarlet_a};

    fn words(space: &SearchSpace, layer: usize) -> String {
        let choices = space.choices(layer).iter();
        choices
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn parts_go_from_the_whole_to_the_least() {
        let space = SearchSpace::elastic(&efficientnet_lite0(), &Elasticity::default()).unwrap();
        assert_eq!(space.layers(), 15);
        // 16 to 24 channels with stride 2: 96 hidden ones, nothing to skip.
        assert_eq!(
            words(&space, 0),
            "E6K3:relu6 H72K3:relu6 H48K3:relu6 H24K3:relu6"
        );
        // 40 channels, kernel 5, with a shortcut.
        assert_eq!(
            words(&space, 3),
            "E6K5:relu6 E6K3:relu6 H184K5:relu6 H184K3:relu6 H120K5:relu6 H120K3:relu6 \
             H64K5:relu6 H64K3:relu6 L"
        );
        assert_eq!(space.features(), [1280, 960, 640, 320]);
        assert_eq!(space.resolutions(), [224, 184, 152, 112]);
        assert_eq!(space.first().to_string(), "0".repeat(17));
        let whole = space.decode(&space.first()).unwrap();
        assert_eq!(whole.layers(), efficientnet_lite0().layers());
        assert_eq!(whole.preprocessing, efficientnet_lite0().preprocessing);
        let genome = "00000000000000012".parse().unwrap();
        let small = space.decode(&genome).unwrap();
        assert_eq!(small.features(), 960);
        assert_eq!(small.preprocessing.resolution, 152);
        assert_eq!(space.encode(&small).unwrap(), genome);
        let other = space
            .encode(&small.clone().with_resolution(151))
            .unwrap_err();
        assert!(other.to_string().contains("resolution"), "{other}");
        let mut other = small;
        other.head = other.head.with_features(961);
        let other = space.encode(&other).unwrap_err().to_string();
        assert!(other.contains("head") && other.contains("P961"), "{other}");
        let message = |genome: &str| {
            let refused = space.decode(&genome.parse().unwrap());
            refused.unwrap_err().to_string()
        };
        let beyond = message("00000000000000004");
        assert!(beyond.contains("resolution is 4"), "{beyond}");
        let beyond = message("00000000000000040");
        assert!(beyond.contains("choice of features is 4"), "{beyond}");
        let short = message(&"0".repeat(15));
        assert!(
            short.contains("15 layers, features, a resolution"),
            "{short}"
        );
    }

    #[test]
    fn the_features_are_those_before_the_classifier() {
        let features = |text: &str| {
            let network: Architecture = text.parse().unwrap();
            let space = SearchSpace::elastic(&network, &Elasticity::default()).unwrap();
            let json = serde_json::to_string(&space).unwrap();
            assert_eq!(serde_json::from_str::<SearchSpace>(&json).unwrap(), space);
            let narrow = space.genome(vec![0; space.layers()], 1, 0).unwrap();
            let narrow = space.decode(&narrow).unwrap();
            (
                space.features(),
                narrow.head.text(&crate::style::Style::SCARLET).join(" "),
            )
        };
        assert_eq!(
            features("C3@8/2 E1K3@8 E3K3@16 P64"),
            (vec![64, 48, 32, 16], "P48".to_owned())
        );
        let (several, head) = features("C3@8/2 E1K3@8 E3K3@16 P64 F32");
        assert_eq!((several, head.as_str()), (vec![32, 24, 16, 8], "P64 F24"));
        let (several, head) = features("C3@8/2 E1K3@8 E3K3@16");
        assert_eq!((several, head.as_str()), (vec![16], ""));
    }

    #[test]
    fn squeeze_excite_keeps_its_width() {
        let network: Architecture = "C3@8/2 E1K3@8 E4K7s@8 L@16/2 E6K3@16".parse().unwrap();
        let elasticity = Elasticity {
            hidden: vec![0.5],
            skip: None,
            features: vec![],
            resolutions: vec![],
            ..Elasticity::default()
        };
        let space = SearchSpace::elastic(&network, &elasticity).unwrap();
        assert_eq!(
            words(&space, 0),
            "E4K7s E4K5s E4K3s H16K7s8 H16K5s8 H16K3s8"
        );
        assert_eq!(words(&space, 1), "L");
        assert_eq!(words(&space, 2), "E6K3 H48K3");
        assert_eq!(space.size_exact(), "12");
        let json = serde_json::to_string(&space).unwrap();
        assert_eq!(serde_json::from_str::<SearchSpace>(&json).unwrap(), space);
    }

    #[test]
    fn the_least_costs_the_least() {
        let space = SearchSpace::elastic(&scarlet_a(), &Elasticity::default()).unwrap();
        let last = space.genes().into_iter().map(|values| values as u8 - 1);
        let least = crate::Genome::new(last.collect::<Vec<_>>()).unwrap();
        let cost = |genome: &crate::Genome| {
            let network = space.decode(genome).unwrap();
            let resolution = network.preprocessing.resolution;
            Cost::of(&network, resolution).unwrap().mult_adds
        };
        assert_eq!(cost(&space.first()), 365_307_392);
        let ratio = cost(&space.first()) / cost(&least);
        assert!(ratio >= 12, "{ratio}");
    }

    #[test]
    fn what_cannot_be_made_smaller_is_refused() {
        let message = |text: &str, elasticity: &Elasticity| {
            let network: Architecture = text.parse().unwrap();
            let space = SearchSpace::elastic(&network, elasticity);
            space.unwrap_err().to_string()
        };
        let stiff = "C3@8/2 E1K3@8 E1K3n@16/2 L@24/2";
        assert!(
            message(stiff, &Elasticity::default())
                .contains("no block of custom can be made smaller")
        );
        let elasticity = Elasticity {
            hidden: vec![1.0],
            ..Elasticity::default()
        };
        assert!(message("E3K3@16", &elasticity).contains("1 is no share of hidden channels"));
        let elasticity = Elasticity {
            resolutions: vec![0.5, 0.0],
            ..Elasticity::default()
        };
        assert!(message("E3K3@16", &elasticity).contains("0 is no share of the resolution"));
    }
}
