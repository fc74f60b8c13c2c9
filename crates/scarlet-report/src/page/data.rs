//! What the pages' script draws, as it is embedded in a page.

use std::collections::HashMap;

use scarlet_arch::graph::{self, Graph, Op};
use scarlet_arch::{Architecture, Cost, PartCost};
use scarlet_search::GenerationRecord;
use serde::Serialize;

use super::training::DRAWN_CLASSES;
use crate::metric::Metric;
use crate::{
    EvaluationReport, LabelsReport, Mistakes, Reference, ReportError, RunReport, TrainingCurve,
    TrainingReport, Trust,
};

/// Of a search.
#[derive(Serialize)]
pub(super) struct SearchData<'a> {
    metrics: Vec<Metric>,
    /// Positions among the metrics.
    cost: usize,
    quality: usize,
    /// Upper bound of every metric, where it has one.
    budgets: Vec<Option<f64>>,
    /// Of all networks, each once.
    parts: Vec<Part>,
    candidates: Vec<Entry<'a>>,
    chosen: Option<Network>,
    generations: &'a [GenerationRecord],
    training: &'a [TrainingCurve],
    references: &'a [Reference],
}

/// A part of a network, as it is drawn.
#[derive(Serialize, PartialEq, Eq, Hash, Clone)]
struct Part {
    name: String,
    /// What it does.
    label: String,
    /// For a layer, its number, from 1.
    layer: Option<usize>,
    /// Whether it does nothing.
    skip: bool,
    /// Channels.
    input: usize,
    output: usize,
    stride: usize,
    /// Side of the output, in pixels.
    size: usize,
    /// Side of its largest kernel.
    kernel: Option<usize>,
    /// For a layer of several convolutions, the most channels between them.
    inside: Option<usize>,
    squeeze_excite: bool,
    shortcut: bool,
    /// After its last convolution.
    activation: Option<String>,
    /// Whether it has no activation at all.
    linear: bool,
    mult_adds: u64,
}

/// A network with all that its drawing needs.
#[derive(Serialize)]
struct Network {
    /// Indices of its parts.
    parts: Vec<usize>,
}

#[derive(Serialize)]
struct Entry<'a> {
    genome: String,
    layers: String,
    /// Indices of its parts.
    parts: Vec<usize>,
    values: &'a [Option<f64>],
    generation: usize,
    feasible: bool,
    front: bool,
    chosen: bool,
}

impl<'a> SearchData<'a> {
    pub(super) fn of(report: &'a RunReport) -> Result<Self, ReportError> {
        let search = &report.search;
        let (cost, quality) = search.axes()?;
        let chosen = report.chosen.as_ref();
        let mut parts = Parts::default();
        let mut candidates = Vec::with_capacity(search.candidates.len());
        for candidate in &search.candidates {
            search.check(candidate)?;
            candidates.push(Entry {
                genome: candidate.genome.to_string(),
                layers: candidate.layers_text(),
                parts: parts.of(&candidate.network(&search.template))?,
                values: &candidate.values,
                generation: candidate.generation,
                feasible: candidate.feasible,
                front: candidate.on_front,
                chosen: chosen.is_some_and(|chosen| chosen.genome == candidate.genome),
            });
        }
        let chosen = chosen
            .map(|it| parts.network(&it.architecture))
            .transpose()?;
        Ok(Self {
            metrics: (0..search.metrics.len())
                .map(|metric| search.shown(metric))
                .collect(),
            cost,
            quality,
            budgets: search
                .metrics
                .iter()
                .map(|name| search.upper_bound(name))
                .collect(),
            parts: parts.all,
            candidates,
            chosen,
            generations: &search.generations,
            training: &report.training,
            references: &report.references,
        })
    }
}

/// Of the training of a single network.
#[derive(Serialize)]
pub(super) struct TrainingData<'a> {
    parts: Vec<Part>,
    chosen: Network,
    training: &'a [TrainingCurve],
    /// Where there are not too many classes to be drawn.
    mistakes: Option<&'a Mistakes>,
    /// Those that are in the page.
    pictures: Vec<PictureData<'a>>,
}

impl<'a> TrainingData<'a> {
    pub(super) fn of(report: &'a TrainingReport) -> Result<Self, ReportError> {
        let mistakes = &report.mistakes;
        let mut parts = Parts::default();
        Ok(Self {
            chosen: parts.network(&report.network)?,
            parts: parts.all,
            training: &report.training,
            mistakes: drawn(mistakes),
            pictures: report.trust.as_ref().map(pictures).unwrap_or_default(),
        })
    }
}

/// Of an evaluation.
#[derive(Serialize)]
pub(super) struct EvaluationData<'a> {
    /// Where there are not too many classes to be drawn.
    mistakes: Option<&'a Mistakes>,
    /// Those that are in the page.
    pictures: Vec<PictureData<'a>>,
}

impl<'a> EvaluationData<'a> {
    pub(super) fn of(report: &'a EvaluationReport) -> Self {
        Self {
            mistakes: drawn(&report.mistakes),
            pictures: pictures(&report.trust),
        }
    }
}

/// Of a network that gives images any number of labels.
#[derive(Serialize)]
pub(super) struct LabelsData<'a> {
    parts: Vec<Part>,
    chosen: Option<Network>,
    training: &'a [TrainingCurve],
}

impl<'a> LabelsData<'a> {
    pub(super) fn of(report: &'a LabelsReport) -> Result<Self, ReportError> {
        let training = report.training.as_ref();
        let mut parts = Parts::default();
        let chosen = training.map(|training| parts.network(&training.network));
        Ok(Self {
            chosen: chosen.transpose()?,
            parts: parts.all,
            training: training.map_or(&[], |training| &training.curves),
        })
    }
}

/// Of a picture what the page's script does not find in the page itself.
#[derive(Serialize)]
struct PictureData<'a> {
    name: &'a str,
    class: usize,
    answer: usize,
    probability: f64,
}

fn pictures(trust: &Trust) -> Vec<PictureData<'_>> {
    let pictures = trust.pictures.iter();
    let pictures = pictures.map(|picture| PictureData {
        name: &picture.name,
        class: picture.class,
        answer: picture.answer,
        probability: picture.probability,
    });
    pictures.collect()
}

fn drawn(mistakes: &Mistakes) -> Option<&Mistakes> {
    (mistakes.classes.len() <= DRAWN_CLASSES).then_some(mistakes)
}

/// The different parts of networks: there are many networks, and they have most of them in common.
#[derive(Default)]
struct Parts {
    all: Vec<Part>,
    places: HashMap<Part, usize>,
}

impl Parts {
    fn network(&mut self, network: &Architecture) -> Result<Network, ReportError> {
        let parts = self.of(network)?;
        Ok(Network { parts })
    }

    /// Indices of a network's parts.
    fn of(&mut self, network: &Architecture) -> Result<Vec<usize>, ReportError> {
        let graph = Graph::of(network);
        let cost = Cost::of(network, network.preprocessing.resolution)?;
        let parts = graph.parts().iter().zip(&cost.parts);
        Ok(parts
            .map(|(part, cost)| self.place(Part::of(&graph, part, cost)))
            .collect())
    }

    fn place(&mut self, part: Part) -> usize {
        *self.places.entry(part).or_insert_with_key(|part| {
            self.all.push(part.clone());
            self.all.len() - 1
        })
    }
}

impl Part {
    fn of(graph: &Graph, part: &graph::Part, cost: &PartCost) -> Self {
        let nodes = graph.nodes_of(part);
        let convs = nodes.iter().filter_map(|node| match node.op {
            Op::Conv {
                kernel, activation, ..
            } => Some((kernel, activation, node.output.channels)),
            _ => None,
        });
        let convs: Vec<_> = convs.collect();
        let between = convs.iter().rev().skip(1);
        let inside = between.map(|&(_, _, channels)| channels).max();
        let has = |is: fn(&Op) -> bool| nodes.iter().any(|node| is(&node.op));
        Self {
            name: part.name.clone(),
            label: part.label.clone(),
            layer: part.layer.map(|index| index + 1),
            skip: nodes.is_empty(),
            input: part.input.channels,
            output: part.output.channels,
            stride: part.stride(),
            size: cost.output[1],
            kernel: convs.iter().map(|&(kernel, ..)| kernel).max(),
            // What is around the layers is drawn as a single step.
            inside: inside.filter(|_| part.layer.is_some()),
            squeeze_excite: has(|op| matches!(op, Op::SqueezeExcite { .. })),
            shortcut: has(|op| matches!(op, Op::Add { .. })),
            activation: convs
                .last()
                .and_then(|&(_, activation, _)| activation)
                .map(|activation| activation.to_string()),
            linear: !has(|op| {
                matches!(
                    op,
                    Op::Conv {
                        activation: Some(_),
                        ..
                    } | Op::Linear {
                        activation: Some(_),
                        ..
                    } | Op::SqueezeExcite { .. }
                )
            }),
            mult_adds: cost.mult_adds,
        }
    }
}
