//! From an architecture to what the kernels run, with weights that only have to be numbers.

use std::convert::Infallible;

use scarlet_arch::Architecture;
use scarlet_engine::{NetworkWeights, NotFinite};
use scarlet_kernels::Network;

/// The operations of a network, one for each node of its graph, as they are deployed: batch
/// normalisation is part of the convolutions.
pub(crate) fn lower(network: &Architecture) -> Result<Network, NotFinite> {
    let values = |name: &str, shape: &[usize]| Ok::<_, Infallible>(values(name, shape));
    match NetworkWeights::try_collect(network.clone(), values) {
        Ok(weights) => weights.lower(),
        Err(never) => match never {},
    }
}

/// Those of a checkpoint's entry. Normalisation changes nothing but the bias.
fn values(name: &str, shape: &[usize]) -> Vec<f32> {
    let count = shape.iter().product();
    let parameter = name.rsplit('.').next().unwrap_or_default();
    match (parameter, shape) {
        ("running_mean", _) => vec![0.0; count],
        ("running_var", _) | ("weight", [_]) => vec![1.0; count],
        _ => weights(count, shape[1..].iter().product()),
    }
}

/// Neither zeros nor denormal numbers, which some processors treat differently, and so small that
/// values keep their size from layer to layer, where each is made of so many.
fn weights(count: usize, inputs: usize) -> Vec<f32> {
    let size = (3.0 / inputs.max(1) as f32).sqrt();
    (0..count)
        .map(|index| size * ((index % 251) as f32 / 125.0 - 0.9961))
        .collect()
}
