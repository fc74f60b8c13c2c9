//! What the units of work of a study come to: each is a file of its folder.

use scarlet_arch::Genome;
use scarlet_train::EpochRecord;
use serde::{Deserialize, Serialize};

use super::Variant;

/// A supernet, and how it judged the networks of the study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupernetRecord {
    /// What kind of supernet.
    pub variant: Variant,
    /// Its seed.
    pub seed: u64,
    /// How its training went.
    pub epochs: Vec<EpochRecord>,
    /// One-shot accuracies, in the order of the study's networks.
    pub scores: Vec<OneShot>,
    /// How alike the outputs of a layer's choices are.
    pub similarity: Similarity,
}

/// What a supernet says about a network, without training it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneShot {
    /// The network.
    pub genome: Genome,
    /// Accuracy from 0 to 1, with batch normalisation's statistics measured again for the network.
    pub recalibrated: f64,
    /// The same with the statistics that the supernet gathered while it was trained.
    pub as_trained: f64,
}

impl OneShot {
    /// The accuracy with statistics measured again, or not.
    pub fn accuracy(&self, recalibrated: bool) -> f64 {
        match recalibrated {
            true => self.recalibrated,
            false => self.as_trained,
        }
    }
}

/// How alike the outputs of one layer's choices are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Similarity {
    /// The layer, from 1.
    pub layer: usize,
    /// What the choices are, in text form.
    pub choices: Vec<String>,
    /// Mean cosine similarity of every choice's output with every other's.
    pub cosine: Vec<Vec<f64>>,
}

impl Similarity {
    /// The mean over several supernets, of the same layer and choices; `None` of none.
    pub fn mean_of(records: &[&Self]) -> Option<Self> {
        let first = records.first()?;
        let mean = |row: usize, column: usize| {
            let values = records.iter().map(|it| it.cosine[row][column]);
            values.sum::<f64>() / records.len() as f64
        };
        let count = first.choices.len();
        let row = |row| (0..count).map(|column| mean(row, column)).collect();
        Some(Self {
            layer: first.layer,
            choices: first.choices.clone(),
            cosine: (0..count).map(row).collect(),
        })
    }

    /// The mean over the pairs of a skip and a block.
    pub fn skip_with_blocks(&self) -> f64 {
        self.mean(|a, b| self.is_skip(a) != self.is_skip(b))
    }

    /// The mean over the pairs of two different blocks.
    pub fn blocks(&self) -> f64 {
        self.mean(|a, b| a != b && !self.is_skip(a) && !self.is_skip(b))
    }

    /// Whether one of the choices is the layer's skip.
    pub fn is_skip(&self, choice: usize) -> bool {
        matches!(self.choices[choice].as_str(), "-" | "L")
    }

    /// NaN where no pair is meant.
    fn mean(&self, is_meant: impl Fn(usize, usize) -> bool) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for (a, row) in self.cosine.iter().enumerate() {
            for (b, cosine) in row.iter().enumerate() {
                if is_meant(a, b) {
                    sum += cosine;
                    count += 1.0;
                }
            }
        }
        sum / count
    }
}

/// A network of the study, trained on its own from scratch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandaloneRecord {
    /// The network.
    pub genome: Genome,
    /// Its accuracy, from 0 to 1.
    pub accuracy: f64,
    /// Multiplications of its plain form.
    pub mult_adds: u64,
}
