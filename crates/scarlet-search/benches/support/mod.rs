//! A search problem of realistic shape, the same in `pymoo_peer.py`: SCARLET's 19 layers of 13
//! choices, their multiply-adds and parameters, and a made-up accuracy.

use scarlet_search::{Evaluation, EvaluatorFn, GeneSpace, SearchConfig, SearchError};
use serde::Serialize;

/// Output channels and stride of the 19 layers.
const LAYERS: [(u64, u64); 19] = [
    (32, 2),
    (32, 1),
    (40, 2),
    (40, 1),
    (40, 1),
    (40, 1),
    (80, 2),
    (80, 1),
    (80, 1),
    (80, 1),
    (96, 1),
    (96, 1),
    (96, 1),
    (96, 1),
    (192, 2),
    (192, 1),
    (192, 1),
    (192, 1),
    (320, 1),
];

/// Number of choices of a layer: blocks of every kernel, expansion and squeeze-excite, and a skip.
const CHOICES: usize = 13;

/// A block's kernel, expansion, and whether it has squeeze-excite.
type Block = (u64, u64, bool);

fn blocks() -> impl Iterator<Item = Block> {
    let kernels = |expansion, excite| [3, 5, 7].map(|kernel| (kernel, expansion, excite));
    [(3, false), (6, false), (3, true), (6, true)]
        .into_iter()
        .flat_map(move |(expansion, excite)| kernels(expansion, excite))
}

/// Whole numbers, so that sums are the same in any order and language.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Tables {
    /// Multiply-adds of each choice of each layer, at 224 pixels.
    pub(crate) mult_adds: Vec<Vec<u64>>,
    /// Parameters of each choice of each layer.
    pub(crate) parameters: Vec<Vec<u64>>,
    /// What each choice of each layer adds to the made-up quality.
    pub(crate) gain: Vec<Vec<u64>>,
    /// What each pair of choices in neighbouring layers adds to it, by layer, choice in it, and
    /// choice in the next.
    pub(crate) harmony: Vec<Vec<Vec<u64>>>,
    /// Multiply-adds, parameters of stem, head and classifier.
    pub(crate) fixed: (u64, u64),
    /// The quality of half the accuracy.
    pub(crate) half: u64,
}

impl Tables {
    pub(crate) fn new() -> Self {
        let mut tables = Self {
            mult_adds: Vec::new(),
            parameters: Vec::new(),
            gain: Vec::new(),
            harmony: Vec::new(),
            // 3×3 stem to 32, depthwise 3×3 and 1×1 to 16 at 112 pixels; 1×1 to 1280 at 7 pixels;
            // 1000 classes. Batch normalisation has two parameters per channel.
            fixed: (
                112 * 112 * (27 * 32 + 9 * 32 + 32 * 16) + 49 * 320 * 1280 + 1280 * 1000,
                27 * 32 + 64 + 9 * 32 + 64 + 32 * 16 + 32 + 320 * 1280 + 2560 + 1280 * 1000 + 1000,
            ),
            half: 19 * 1_000,
        };
        let (mut channels, mut side) = (16, 112);
        for (layer, (output, stride)) in LAYERS.into_iter().enumerate() {
            let (input, before) = (channels, side);
            let after = before / stride;
            // A skip that changes the shape is a 1×1 convolution.
            let skip = match (input, stride) == (output, 1) {
                true => (0, 0),
                false => (after * after * input * output, input * output),
            };
            let costs: Vec<(u64, u64)> = blocks()
                .map(|block| block_costs(block, input, output, before, after))
                .chain([skip])
                .collect();
            tables
                .mult_adds
                .push(costs.iter().map(|cost| cost.0).collect());
            tables
                .parameters
                .push(costs.iter().map(|cost| cost.1).collect());

            // Wider is better, by the luck of the draw much or little; what fits its neighbour
            // helps.
            let luck = |index: usize| draw((1_000 * layer + index) as u64);
            let size = |(kernel, expansion, excite): Block| {
                kernel * 30 + expansion * 60 + u64::from(excite) * 150
            };
            let sizes = blocks().map(size).chain([0]).enumerate();
            let gain = sizes.map(|(choice, size)| size + luck(choice) % 500);
            tables.gain.push(gain.collect());
            let pair = |index: usize| luck(100 + index) % 300;
            let row = |first: usize| (0..CHOICES).map(|it| pair(first * CHOICES + it)).collect();
            tables.harmony.push((0..CHOICES).map(row).collect());
            (channels, side) = (output, after);
        }
        tables
    }

    /// Accuracy, multiply-adds and parameters of a genome.
    pub(crate) fn measure(&self, genes: &[u8]) -> Vec<f64> {
        let sum = |table: &[Vec<u64>]| -> u64 {
            table
                .iter()
                .zip(genes)
                .map(|(row, &choice)| row[usize::from(choice)])
                .sum()
        };
        let neighbours = genes.windows(2).zip(&self.harmony);
        let harmony: u64 = neighbours
            .map(|(pair, table)| table[usize::from(pair[0])][usize::from(pair[1])])
            .sum();
        let quality = sum(&self.gain) + harmony;
        vec![
            quality as f64 / (quality + self.half) as f64,
            (self.fixed.0 + sum(&self.mult_adds)) as f64,
            (self.fixed.1 + sum(&self.parameters)) as f64,
        ]
    }

    pub(crate) fn into_evaluator(self) -> EvaluatorFn<impl FnMut(&[u8]) -> Evaluation> {
        let metrics = ["accuracy", "mult_adds", "parameters"];
        EvaluatorFn::new(metrics, move |genes| Ok(self.measure(genes)))
    }
}

/// Multiply-adds and parameters of an inverted residual, as the paper's networks count them.
fn block_costs(
    (kernel, expansion, excite): Block,
    input: u64,
    output: u64,
    before: u64,
    after: u64,
) -> (u64, u64) {
    let hidden = input * expansion;
    let squeezed = hidden / 4;
    let excite = match excite {
        true => (
            2 * hidden * squeezed,
            2 * hidden * squeezed + hidden + squeezed,
        ),
        false => (0, 0),
    };
    let weights = [input * hidden, kernel * kernel * hidden, hidden * output];
    (
        weights[0] * before * before + (weights[1] + weights[2]) * after * after + excite.0,
        weights.iter().sum::<u64>() + 2 * (2 * hidden + output) + excite.1,
    )
}

/// Splitmix64's finaliser.
fn draw(index: u64) -> u64 {
    let mut z = (index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Accuracy and parameters up, multiply-adds down, without limits.
pub(crate) fn config() -> Result<SearchConfig, SearchError> {
    let objectives = [
        "maximize accuracy",
        "minimize mult_adds",
        "maximize parameters",
    ];
    Ok(SearchConfig::new(
        GeneSpace::uniform(LAYERS.len(), CHOICES)?,
        objectives
            .iter()
            .map(|text| text.parse())
            .collect::<Result<_, _>>()?,
    ))
}
