//! What several tests need.
#![allow(dead_code, reason = "each test uses its own part")]

use std::collections::HashMap;

use safetensors::tensor::{Dtype, TensorView};
use scarlet_engine::metadata::{ARCHITECTURE_KEY, CARD_KEY};
use scarlet_engine::{Architecture, ModelCard, formula};

/// Networks of many kinds, with stabilizers that fold in every way and one that stays.
pub(crate) const NETWORKS: [&str; 5] = [
    "C3@8/2 E3K3@12 E3K3@12 L@12 E3K5s@12 E3K3@12 L@12 L@12 E6K3@16/2 P24",
    "E3K3@24/2 L@24 E6K5s@40/2 E3K3@40",
    "[swish, se swish sigmoid] C5@8 E3K3s2@12/2 L@12 E1K5a@12 C1@16/2 F32n",
    "[relu6] C3@8/2 E1K3an@8 E1K3a@12/2 E1K3an L@16/2 E1K3a@16/2",
    "C3@8/2 E3K3@8 E3K3@8 L@8 E3K3@8 F24:relu",
];

pub(crate) fn network(text: &str) -> Architecture {
    let network: Architecture = text.parse().unwrap();
    network.with_classes(5).with_resolution(40)
}

pub(crate) fn card() -> ModelCard {
    let names = ["rose", "lily", "tulip", "daisy", "poppy"].map(str::to_owned);
    ModelCard::new(names.to_vec()).with_training("flowers", 70)
}

/// Entries of a file of weights: names, sizes and values.
pub(crate) type Entries = Vec<(String, Vec<usize>, Vec<f32>)>;

/// Formula weights of a network.
pub(crate) fn entries(architecture: &Architecture) -> Entries {
    let graph = scarlet_engine::arch::graph::Graph::of(architecture);
    let entries = graph.entries().into_iter().map(|(name, shape)| {
        let values = formula::entry(&name, &shape);
        (name, shape, values)
    });
    entries.collect()
}

/// The bytes of a file of these weights, as this metadata describes them.
pub(crate) fn safetensors(entries: &Entries, metadata: HashMap<String, String>) -> Vec<u8> {
    let bytes = entries.iter().map(|(_, _, values)| {
        let values = values.iter();
        values.flat_map(|value| value.to_le_bytes()).collect()
    });
    let bytes: Vec<Vec<u8>> = bytes.collect();
    let tensors = entries.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        let tensor = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
        (name.clone(), tensor)
    });
    safetensors::serialize(tensors, Some(metadata)).unwrap()
}

/// What says of a file of weights which network it holds.
pub(crate) fn metadata(architecture: &Architecture) -> HashMap<String, String> {
    [
        (ARCHITECTURE_KEY.to_owned(), architecture.to_json()),
        (CARD_KEY.to_owned(), card().to_json()),
    ]
    .into()
}

pub(crate) fn bits(logits: &[f32]) -> Vec<u32> {
    logits.iter().map(|logit| logit.to_bits()).collect()
}

/// The largest difference relative to the largest expected value.
pub(crate) fn error(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0f32, |max, x| max.max(x.abs()));
    let pairs = found.iter().zip(expected);
    pairs.fold(0f32, |max, (a, b)| max.max((a - b).abs())) / largest
}
