//! What `scarlet info` prints.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use scarlet::ModelCard;
use scarlet::arch::graph::Graph;
use scarlet::arch::{Architecture, Cost, CostMetric, ResizeFilter};
use scarlet::zoo::{Network, Published};
use serde::Serialize;

use super::name::in_a_row;
use super::number::{accuracy, megabytes, millions, percent, thousands};
use super::numbers;
use super::table::{Column, table};

/// How everything is counted.
const CONVENTION: &str = "\
Mult-adds: multiplications of convolutions, squeeze-excite's too, and of the classifier.
Parameters: what is trained; running statistics of batch normalisation are not.
Activations: the most bytes of f32 tensors alive at once, for one image.";

/// A network and its price.
#[derive(Debug, Serialize)]
pub(crate) struct InfoReport<'a> {
    pub(crate) architecture: &'a Architecture,
    /// The layers in text form.
    pub(crate) layers: String,
    /// Whether its weights were given rounded to eight bits.
    pub(crate) int8: bool,
    /// Whether they were given rounded to bfloat16; not said of others.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) bf16: bool,
    pub(crate) cost: Cost,
    #[serde(serialize_with = "published_json")]
    pub(crate) published: Option<Published>,
    /// What a file of weights says of its network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) card: Option<ModelCard>,
}

/// The zoo, or a part of it.
#[derive(Debug, Serialize)]
pub(crate) struct ZooReport {
    pub(crate) networks: Vec<ZooEntry>,
    /// What all of them keep to.
    pub(crate) budget: Vec<String>,
    /// The one of them with the highest known top-1 accuracy.
    pub(crate) most_accurate: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ZooEntry {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) family: &'static str,
    pub(crate) resolution: usize,
    /// By the names of [`CostMetric`].
    #[serde(flatten)]
    pub(crate) costs: BTreeMap<&'static str, u64>,
    /// On ImageNet, in percent: of the weights that one gets, else as published.
    pub(crate) top1: Option<f64>,
    pub(crate) top5: Option<f64>,
    /// Who measured it.
    pub(crate) accuracy_source: Option<&'static str>,
    #[serde(serialize_with = "published_json")]
    pub(crate) published: Option<Published>,
    /// Whether the weights are downloaded when they are needed.
    pub(crate) public_weights: bool,
    /// Where its weights are, best first.
    pub(crate) weights: Vec<Weights>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Weights {
    source: String,
    licence: &'static str,
    classes: usize,
}

fn published_json<S: serde::Serializer>(
    published: &Option<Published>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Figures {
        mult_adds: Option<f64>,
        parameters: Option<f64>,
        top1: f64,
        top5: Option<f64>,
        source: &'static str,
    }
    let figures = published.map(|it| Figures {
        mult_adds: it.mult_adds,
        parameters: it.parameters,
        top1: it.accuracy.top1,
        top5: it.accuracy.top5,
        source: it.accuracy.source,
    });
    figures.serialize(serializer)
}

impl InfoReport<'_> {
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        let Architecture {
            name,
            classes,
            preprocessing,
            ..
        } = self.architecture;
        let side = self.cost.resolution;
        let numbers = numbers(self.int8, self.bf16);
        writeln!(
            text,
            "{name}{numbers}, {side}×{side} pixels, {classes} classes"
        )?;
        writeln!(text, "{}\n", self.layers)?;
        writeln!(text, "{}\n", self.parts())?;
        if let Some(published) = &self.published {
            writeln!(text, "{}\n", published_text(published, &self.cost))?;
        }
        if let Some(card) = &self.card {
            writeln!(text, "{}", card_text(card))?;
        }
        writeln!(text, "{CONVENTION}")?;
        let filter = match preprocessing.filter {
            ResizeFilter::Bilinear => "bilinear",
            ResizeFilter::Bicubic => "bicubic",
        };
        writeln!(
            text,
            "Input: RGB, shorter side to {} pixels ({filter}), centre {side}×{side};\nmean {:.3?}, \
             standard deviation {:.3?}.",
            preprocessing.resized_side(),
            preprocessing.mean,
            preprocessing.std,
        )
    }

    fn parts(&self) -> String {
        let columns = [
            Column::Left("part"),
            Column::Left("layer"),
            Column::Right("output"),
            Column::Right("mult-adds"),
            Column::Right("parameters"),
            Column::Right("activations"),
        ];
        let graph = Graph::of(self.architecture);
        let parts = graph.parts().iter().zip(&self.cost.parts);
        let parts = parts.map(|(part, cost)| {
            let [channels, height, width] = cost.output;
            vec![
                part.name.clone(),
                part.description(),
                format!("{channels}×{height}×{width}"),
                thousands(cost.mult_adds),
                thousands(cost.parameters),
                megabytes(cost.peak_activation_bytes),
            ]
        });
        let total = vec![
            "total".to_owned(),
            String::new(),
            String::new(),
            thousands(self.cost.mult_adds),
            thousands(self.cost.parameters),
            megabytes(self.cost.peak_activation_bytes),
        ];
        table(&columns, parts.chain([total]))
    }
}

/// What a file says of its network, a line for each.
fn card_text(card: &ModelCard) -> String {
    let mut text = format!("Classes: {}.\n", in_a_row(&card.classes));
    if let Some(name) = &card.trained_on {
        let images = card.training_images.map(thousands);
        let images = images.map(|images| format!(", {images} images"));
        text.push_str(&format!(
            "Trained on: {name}{}.\n",
            images.unwrap_or_default()
        ));
    }
    for judged in &card.accuracies {
        let accuracy = accuracy(judged.right, judged.images);
        text.push_str(&format!("Accuracy on {}: {accuracy}.\n", judged.of));
    }
    if let Some(several) = &card.several_labels {
        text.push_str("Labels: any number per image, each by the sigmoid of its own logit.\n");
        for judged in &several.mean_average_precisions {
            let (images, value) = (thousands(judged.images), percent(judged.value));
            let of = &judged.of;
            text.push_str(&format!(
                "Mean average precision on {images} {of}: {value}.\n"
            ));
        }
        if let (Some(of), Some(images)) = (&several.of, several.images) {
            let images = thousands(images);
            text.push_str(&format!(
                "Thresholds: one per class, fitted on {images} {of}.\n"
            ));
        }
    }
    if let Some(temperature) = &card.temperature {
        text.push_str(&format!(
            "Temperature: {}, fitted on {} {}.\n",
            temperature.value,
            thousands(temperature.images),
            temperature.of
        ));
    }
    if let Some(program) = &card.program {
        text.push_str(&format!("Trained by: {program}.\n"));
    }
    text
}

fn published_text(published: &Published, cost: &Cost) -> String {
    let mut facts = Vec::new();
    if let Some(mult_adds) = published.mult_adds {
        facts.push(format!(
            "{mult_adds:.0} M mult-adds (counted here {})",
            millions(cost.mult_adds)
        ));
    }
    if let Some(parameters) = published.parameters {
        facts.push(format!(
            "{parameters} M parameters (counted here {})",
            millions(cost.parameters)
        ));
    }
    facts.push(format!("top-1 {:.1} %", published.accuracy.top1));
    if let Some(top5) = published.accuracy.top5 {
        facts.push(format!("top-5 {top5:.1} %"));
    }
    format!("Published: {}.", facts.join(", "))
}

impl ZooEntry {
    /// What a budget can be on.
    pub(crate) fn metrics() -> impl Iterator<Item = &'static str> {
        let costs = CostMetric::ALL.into_iter().map(|metric| metric.name());
        costs.chain(["accuracy"])
    }

    pub(crate) fn new(network: &Network, cost: &Cost) -> Self {
        let accuracy = network.accuracy();
        let weights = network.weights().iter().map(|it| Weights {
            source: it.source(),
            licence: it.licence(),
            classes: it.classes(),
        });
        Self {
            name: network.name(),
            aliases: network.aliases(),
            family: network.family(),
            resolution: cost.resolution,
            costs: CostMetric::ALL.map(|it| (it.name(), it.of(cost))).into(),
            top1: accuracy.map(|it| it.top1),
            top5: accuracy.and_then(|it| it.top5),
            accuracy_source: accuracy.map(|it| it.source),
            published: network.published(),
            public_weights: !network.weights().is_empty(),
            weights: weights.collect(),
        }
    }

    /// The value of a metric as budgets count it: accuracies from 0 to 1. `None` for one that there
    /// is not; not a number where it is not known.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        match name {
            "accuracy" => Some(self.top1.map_or(f64::NAN, |top1| top1 / 100.0)),
            _ => self.costs.get(name).map(|&cost| cost as f64),
        }
    }
}

impl ZooReport {
    pub(crate) fn text(&self) -> String {
        if self.networks.is_empty() {
            return "No network of the zoo matches; scarlet info without options lists all."
                .to_owned();
        }
        let columns = [
            Column::Left("network"),
            Column::Right("pixels"),
            Column::Right("mult-adds"),
            Column::Right("parameters"),
            Column::Right("activations"),
            Column::Right("top-1"),
            Column::Right("top-5"),
            Column::Left("weights"),
        ];
        let rows = self.networks.iter().map(|network| {
            let percent = |value: Option<f64>| {
                value.map_or("–".to_owned(), |value| format!("{value:.1} %"))
            };
            vec![
                network.name.to_owned(),
                network.resolution.to_string(),
                millions(network.costs["mult_adds"]),
                millions(network.costs["parameters"]),
                megabytes(network.costs["peak_activation_bytes"]),
                percent(network.top1),
                percent(network.top5),
                if network.public_weights {
                    "public"
                } else {
                    "not public"
                }
                .to_owned(),
            ]
        });
        let mut text = table(&columns, rows);
        if let Some(best) = self.most_accurate.filter(|_| self.networks.len() > 1) {
            let within = match self.budget.as_slice() {
                [] => "of these".to_owned(),
                budget => format!("within {}", budget.join(" and ")),
            };
            let top1 = self.networks.iter().find(|it| it.name == best);
            let top1 = top1.and_then(|it| it.top1).unwrap_or_default();
            text.push_str(&format!(
                "\n\nThe most accurate {within}: {best}, {top1:.1} %."
            ));
        }
        text.push_str(
            "\n\nMult-adds, parameters and activations are counted at the network's own resolution. \
             Accuracies are\non ImageNet: of the weights that are downloaded, else as published; \
             --json names the sources.\nPublic weights are downloaded when needed; give others \
             with --weights.\nscarlet info NETWORK shows one part by part.",
        );
        text
    }
}
