//! What graphs and all that is read off them are compared with: networks walked by hand, without
//! a graph.

pub(crate) mod cost;
pub(crate) mod entries;
pub(crate) mod operations;

use scarlet_arch::{Architecture, Expansion, Operation};

/// The name of the part that is this block.
pub(crate) fn part_name(network: &Architecture, index: usize) -> String {
    let follows_stem = |operation| matches!(operation, Operation::InvertedResidual(it) if it.expansion == Expansion::Times(1));
    let second = network.blocks.get(1).map(|block| block.operation);
    let before = if second.is_some_and(follows_stem) {
        2
    } else {
        1
    };
    match index {
        0 => "stem".to_owned(),
        1 if before == 2 => "separable_conv".to_owned(),
        _ => format!("mb_module.{}", index - before),
    }
}
