//! Supernets and the parts of them that `make_ofa.py` looks at.

use std::collections::HashMap;

use burn::tensor::{Device, Tensor};
use scarlet::arch::{Genome, OnceForAll};
use scarlet::weights::{Entry, OfaSupernet, StateDict, formula};
use scarlet::{Architecture, Scarlet};
use serde::Deserialize;

use crate::common::{golden_path, signal};

/// As in `make_ofa.py`.
pub const CLASSES: usize = 20;

#[derive(Deserialize)]
pub struct Cases {
    /// Of each supernet those of its batch normalisations.
    pub scales: HashMap<String, HashMap<String, f32>>,
    pub cases: Vec<Case>,
}

#[derive(Deserialize)]
pub struct Case {
    pub supernet: String,
    pub ks: Vec<usize>,
    pub e: Vec<usize>,
    pub d: Vec<usize>,
    pub side: usize,
    pub parameters: u64,
    pub mult_adds: u64,
}

impl Cases {
    pub fn open() -> Self {
        let text = std::fs::read_to_string(golden_path("ofa.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The weights that `make_ofa.py` gives a supernet.
    pub fn weights(&self, published: OnceForAll) -> StateDict {
        let scales = &self.scales[published.name()];
        StateDict::from_entries(entries(published).into_iter().map(|(name, shape)| {
            let module = name.rsplit_once('.').unwrap().0;
            let values = tuned(&name, &shape, published, scales.get(module).copied());
            Entry::from_f32(name, shape, move || values.clone())
        }))
    }
}

fn norm(name: String, channels: usize, add: &mut dyn FnMut(String, &[usize])) {
    for parameter in ["weight", "bias", "running_mean", "running_var"] {
        add(format!("{name}.{parameter}"), &[channels]);
    }
}

/// Names and shapes of a supernet's tensors as the package of 2023 has them, written from its modules.
pub fn entries(published: OnceForAll) -> Vec<(String, Vec<usize>)> {
    let (width, channels): (_, &[usize]) = match published {
        OnceForAll::MobileNetV3 => ([16, 16, 960, 1280], &[24, 40, 80, 112, 160]),
        OnceForAll::MobileNetV3Wide => ([24, 24, 1152, 1536], &[32, 48, 96, 136, 192]),
        OnceForAll::Proxyless => ([40, 24, 0, 1664], &[32, 56, 104, 128, 248, 416]),
    };
    let [stem, first, expanded, features] = width;
    let mut entries = Vec::new();
    let mut add = |name: String, shape: &[usize]| entries.push((name, shape.to_vec()));
    add("first_conv.conv.weight".into(), &[stem, 3, 3, 3]);
    norm("first_conv.bn".into(), stem, &mut add);
    add(
        "blocks.0.conv.depth_conv.conv.weight".into(),
        &[stem, 1, 3, 3],
    );
    norm("blocks.0.conv.depth_conv.bn".into(), stem, &mut add);
    add(
        "blocks.0.conv.point_linear.conv.weight".into(),
        &[first, stem, 1, 1],
    );
    norm("blocks.0.conv.point_linear.bn".into(), first, &mut add);
    let mut input = first;
    let mut block = 1;
    for (stage, &output) in channels.iter().enumerate() {
        let excites = published != OnceForAll::Proxyless && [1, 3, 4].contains(&stage);
        for _ in 0..if stage == 5 { 1 } else { 4 } {
            let hidden = 6 * input;
            let name = |part: &str| format!("blocks.{block}.conv.{part}");
            add(
                name("inverted_bottleneck.conv.conv.weight"),
                &[hidden, input, 1, 1],
            );
            norm(name("inverted_bottleneck.bn.bn"), hidden, &mut add);
            add(name("depth_conv.conv.5to3_matrix"), &[9, 9]);
            add(name("depth_conv.conv.7to5_matrix"), &[25, 25]);
            add(name("depth_conv.conv.conv.weight"), &[hidden, 1, 7, 7]);
            norm(name("depth_conv.bn.bn"), hidden, &mut add);
            if excites {
                // Nearest to a quarter among multiples of 8; no whole block is far below it.
                let inner = (hidden / 4 + 4) / 8 * 8;
                add(
                    name("depth_conv.se.fc.reduce.weight"),
                    &[inner, hidden, 1, 1],
                );
                add(name("depth_conv.se.fc.reduce.bias"), &[inner]);
                add(
                    name("depth_conv.se.fc.expand.weight"),
                    &[hidden, inner, 1, 1],
                );
                add(name("depth_conv.se.fc.expand.bias"), &[hidden]);
            }
            add(
                name("point_linear.conv.conv.weight"),
                &[output, hidden, 1, 1],
            );
            norm(name("point_linear.bn.bn"), output, &mut add);
            (input, block) = (output, block + 1);
        }
    }
    if expanded > 0 {
        add(
            "final_expand_layer.conv.weight".into(),
            &[expanded, input, 1, 1],
        );
        norm("final_expand_layer.bn".into(), expanded, &mut add);
        add(
            "feature_mix_layer.conv.weight".into(),
            &[features, expanded, 1, 1],
        );
    } else {
        add(
            "feature_mix_layer.conv.weight".into(),
            &[features, input, 1, 1],
        );
        norm("feature_mix_layer.bn".into(), features, &mut add);
    }
    add("classifier.linear.weight".into(), &[CLASSES, features]);
    add("classifier.linear.bias".into(), &[CLASSES]);
    entries
}

/// As `tune` and `scale` of `make_ofa.py`.
fn tuned(name: &str, shape: &[usize], published: OnceForAll, scale: Option<f32>) -> Vec<f32> {
    let mut values = formula::entry(name, shape);
    let mut multiply = |factor: f32| values.iter_mut().for_each(|value| *value *= factor);
    if name.ends_with("7to5_matrix") {
        multiply(7.0 / 5.0);
    } else if name.ends_with("5to3_matrix") {
        multiply(5.0 / 3.0);
    } else if name.ends_with("running_var") {
        multiply(scale.unwrap());
    } else if name.ends_with("running_mean") {
        multiply(scale.unwrap().sqrt());
    } else if name == "feature_mix_layer.conv.weight" && published != OnceForAll::Proxyless {
        multiply(4.0);
    } else if name == "classifier.linear.bias" {
        multiply(0.1);
    } else if name.contains("point_linear") && shape.len() == 4 && !name.starts_with("blocks.0.") {
        for row in values.chunks_exact_mut(shape[1]) {
            row[shape[1] / 2..]
                .iter_mut()
                .for_each(|value| *value *= 0.2);
        }
    }
    values
}

impl Case {
    pub fn published(&self) -> OnceForAll {
        let mut all = OnceForAll::ALL.into_iter();
        all.find(|it| it.name() == self.supernet).unwrap()
    }

    /// The genes of the case: kernels within expansions, and behind them what is left out.
    pub fn genome(&self) -> Genome {
        let stages = self.d.iter().enumerate().flat_map(|(stage, &depth)| {
            let blocks = if stage == 5 { 1 } else { 4 };
            (0..blocks).map(move |block| block < depth)
        });
        let genes = stages.zip(self.ks.iter().zip(&self.e));
        let genes = genes.map(|(is_there, (kernel, factor))| match is_there {
            true => {
                let kernel = [7, 5, 3].iter().position(|it| it == kernel).unwrap();
                let factor = [6, 4, 3].iter().position(|it| it == factor).unwrap();
                (3 * factor + kernel) as u8
            }
            false => 9,
        });
        Genome::new(genes.collect()).unwrap()
    }

    pub fn images(&self, device: &Device) -> Tensor<4> {
        let side = self.side;
        let shape = [2, 3, side, side];
        let offset = signal("offset", [2, 3, 1, 1], device) * 2.5;
        signal(&format!("input.{side}"), shape, device) + offset.expand(shape)
    }

    pub fn architecture(&self, supernet: &OfaSupernet) -> Architecture {
        supernet.space(&[]).unwrap().decode(&self.genome()).unwrap()
    }
}

pub fn logits(network: &Scarlet, case: &Case) -> Vec<f64> {
    let images = case.images(&network.device());
    network.forward(images).into_data().iter().collect()
}

/// Weights of which none is read: names and shapes alone.
pub fn shapes(published: OnceForAll) -> Vec<Entry> {
    let entries = entries(published).into_iter();
    let entry = |(name, shape)| Entry::from_f32(name, shape, || panic!("is not to be read"));
    entries.map(entry).collect()
}
