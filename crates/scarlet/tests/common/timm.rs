//! Networks under timm's names, written from the other end than they are read: which blocks there
//! are in which stages, a file of timm's own says, by the names of its running statistics.

use std::collections::{BTreeMap, HashSet};

use scarlet::Architecture;
use scarlet::arch::graph::{Graph, Op};
use scarlet::weights::{Entry, StateDict, formula};

use super::Golden;

/// Formula weights under timm's names with timm's running statistics.
pub fn state_dict(architecture: &Architecture, statistics: &Golden) -> StateDict {
    let named: HashSet<String> = statistics.names().into_iter().collect();
    let entries = names(architecture, statistics).into_iter();
    StateDict::from_entries(entries.map(|(_, theirs, shape)| {
        let values = match named.contains(&theirs) {
            true => statistics.get(&theirs),
            false => formula::entry(&theirs, &shape),
        };
        Entry::from_f32(theirs, shape, move || values.clone())
    }))
}

/// Of each entry in the order of computation our name, theirs, and the shape that it has there.
pub fn names(
    architecture: &Architecture,
    statistics: &Golden,
) -> Vec<(String, String, Vec<usize>)> {
    let graph = Graph::of(architecture);
    let mut norms = norms(statistics).into_iter();
    let mut entries = Vec::new();
    for node in graph.nodes() {
        let norm = node.norm.as_ref().map(|_| norms.next().unwrap());
        let (module, is_hidden) = match (&norm, node.op) {
            (Some(norm), _) => (norm.convolution.clone(), false),
            (None, Op::SqueezeExcite { .. }) => {
                // It follows the depthwise convolution of its block, and stands before the last.
                let block = norms.as_slice()[0].block.clone().unwrap();
                (format!("{block}.se"), false)
            }
            (None, _) if graph.name(node) == "hidden" => ("conv_head".to_owned(), true),
            (None, _) => ("classifier".to_owned(), false),
        };
        for (ours, shape) in graph.entries_of(node) {
            let parameter = ours.rsplit('.').next().unwrap();
            let is_vector = shape.len() == 1;
            let theirs = match (&node.op, &norm) {
                (Op::SqueezeExcite { .. }, _) => {
                    let conv = match ours.contains(Op::SQUEEZE) {
                        true => "conv_reduce",
                        false => "conv_expand",
                    };
                    format!("{module}.{conv}.{parameter}")
                }
                (Op::Conv { .. }, Some(norm)) if is_vector => format!("{}.{parameter}", norm.name),
                _ => format!("{module}.{parameter}"),
            };
            // Their hidden layer is a convolution.
            let shape = match shape.as_slice() {
                &[outputs, inputs] if is_hidden => vec![outputs, inputs, 1, 1],
                _ => shape,
            };
            entries.push((ours, theirs, shape));
        }
    }
    assert!(norms.next().is_none(), "a normalisation too many");
    entries
}

/// A batch normalisation of timm's and the convolution before it.
struct Norm {
    name: String,
    block: Option<String>,
    convolution: String,
}

/// In the order of computation.
fn norms(statistics: &Golden) -> Vec<Norm> {
    let names = statistics.names().into_iter();
    let norms = names.filter_map(|name| Some(name.strip_suffix(".running_mean")?.to_owned()));
    let norms: Vec<String> = norms.collect();
    // Stage, block and number of the normalisation within it.
    let mut blocks: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
    for norm in &norms {
        if let ["blocks", stage, block, part] = *norm.split('.').collect::<Vec<_>>() {
            let key = (stage.parse().unwrap(), block.parse().unwrap());
            blocks.entry(key).or_default().push(part.to_owned());
        }
    }
    let outside = |name: &str, convolution: &str| Norm {
        name: name.to_owned(),
        block: None,
        convolution: convolution.to_owned(),
    };
    let mut found = vec![outside("bn1", "conv_stem")];
    for ((stage, block), mut parts) in blocks {
        parts.sort();
        let convolutions: &[&str] = match parts.len() {
            1 => &["conv"],
            2 => &["conv_dw", "conv_pw"],
            _ => &["conv_pw", "conv_dw", "conv_pwl"],
        };
        let block = format!("blocks.{stage}.{block}");
        found.extend(
            parts
                .iter()
                .zip(convolutions)
                .map(|(part, convolution)| Norm {
                    name: format!("{block}.{part}"),
                    block: Some(block.clone()),
                    convolution: format!("{block}.{convolution}"),
                }),
        );
    }
    if norms.iter().any(|name| name == "bn2") {
        found.push(outside("bn2", "conv_head"));
    }
    found
}
