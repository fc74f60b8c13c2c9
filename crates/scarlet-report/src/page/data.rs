//! What the pages' script draws, as it is embedded in a page.

use scarlet_arch::{Architecture, Cost, Operation};
use scarlet_search::GenerationRecord;
use serde::Serialize;

use super::training::DRAWN_CLASSES;
use crate::metric::Metric;
use crate::{Mistakes, Reference, ReportError, RunReport, TrainingCurve, TrainingReport};

/// Of a search.
#[derive(Serialize)]
pub(super) struct SearchData<'a> {
    metrics: Vec<Metric>,
    /// Positions among the metrics.
    cost: usize,
    quality: usize,
    /// Upper bound of every metric, where it has one.
    budgets: Vec<Option<f64>>,
    plan: Plan,
    candidates: Vec<Entry<'a>>,
    chosen: Option<Network>,
    generations: &'a [GenerationRecord],
    training: &'a [TrainingCurve],
    references: &'a [Reference],
}

/// What all networks of the search share.
#[derive(Serialize)]
struct Plan {
    input_channels: usize,
    resolution: usize,
    stem: usize,
    separable: usize,
    head: usize,
    classes: usize,
    /// Channels and stride.
    layers: Vec<(usize, usize)>,
}

/// A network with all that its drawing needs.
#[derive(Serialize)]
struct Network {
    plan: Plan,
    layers: Vec<String>,
    /// Of every part, from the stem to the classifier.
    mult_adds: Vec<u64>,
}

#[derive(Serialize)]
struct Entry<'a> {
    genome: String,
    layers: Vec<String>,
    mult_adds: Vec<u64>,
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
        let mut candidates = Vec::with_capacity(search.candidates.len());
        for candidate in &search.candidates {
            search.check(candidate)?;
            candidates.push(Entry {
                genome: candidate.genome.to_string(),
                layers: candidate.layers.iter().map(Operation::to_string).collect(),
                mult_adds: mult_adds(&candidate.network(&search.template))?,
                values: &candidate.values,
                generation: candidate.generation,
                feasible: candidate.feasible,
                front: candidate.on_front,
                chosen: chosen.is_some_and(|chosen| chosen.genome == candidate.genome),
            });
        }
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
            plan: Plan::of(&search.template),
            candidates,
            chosen: chosen.map(|it| Network::of(&it.architecture)).transpose()?,
            generations: &search.generations,
            training: &report.training,
            references: &report.references,
        })
    }
}

/// Of the training of a single network.
#[derive(Serialize)]
pub(super) struct TrainingData<'a> {
    chosen: Network,
    training: &'a [TrainingCurve],
    /// Where there are not too many classes to be drawn.
    mistakes: Option<&'a Mistakes>,
}

impl<'a> TrainingData<'a> {
    pub(super) fn of(report: &'a TrainingReport) -> Result<Self, ReportError> {
        let mistakes = &report.mistakes;
        Ok(Self {
            chosen: Network::of(&report.network)?,
            training: &report.training,
            mistakes: (mistakes.classes.len() <= DRAWN_CLASSES).then_some(mistakes),
        })
    }
}

impl Network {
    fn of(network: &Architecture) -> Result<Self, ReportError> {
        Ok(Self {
            plan: Plan::of(network),
            layers: operations(network).map(|it| it.to_string()).collect(),
            mult_adds: mult_adds(network)?,
        })
    }
}

impl Plan {
    fn of(network: &Architecture) -> Self {
        let layers = network.layers.iter();
        Self {
            input_channels: network.input_channels,
            resolution: network.preprocessing.resolution,
            stem: network.stem,
            separable: network.separable,
            head: network.head,
            classes: network.classes,
            layers: layers.map(|it| (it.channels, it.stride)).collect(),
        }
    }
}

fn operations(network: &Architecture) -> impl Iterator<Item = Operation> + '_ {
    network.layers.iter().map(|layer| layer.operation)
}

fn mult_adds(network: &Architecture) -> Result<Vec<u64>, ReportError> {
    let cost = Cost::of(network, network.preprocessing.resolution)?;
    Ok(cost.parts.iter().map(|part| part.mult_adds).collect())
}
