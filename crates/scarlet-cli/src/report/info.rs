//! What `scarlet info` prints.

use std::fmt::{self, Write};

use scarlet::ModelCard;
use scarlet::arch::graph::Graph;
use scarlet::arch::{Architecture, Cost, Published, ResizeFilter};
use scarlet::weights::KNOWN_WEIGHTS;
use serde::Serialize;

use super::name::in_a_row;
use super::number::{accuracy, megabytes, millions, thousands};
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
    pub(crate) cost: Cost,
    pub(crate) published: Option<Published>,
    /// What a file of weights says of its network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) card: Option<ModelCard>,
}

/// The presets.
#[derive(Debug, Serialize)]
pub(crate) struct ZooReport {
    pub(crate) networks: Vec<ZooEntry>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ZooEntry {
    pub(crate) name: String,
    pub(crate) resolution: usize,
    pub(crate) mult_adds: u64,
    pub(crate) parameters: u64,
    pub(crate) weight_bytes: u64,
    pub(crate) peak_activation_bytes: u64,
    pub(crate) published: Option<Published>,
    /// Whether the weights are downloaded when they are needed.
    pub(crate) public_weights: bool,
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
        let int8 = if self.int8 { ", int8" } else { "" };
        writeln!(
            text,
            "{name}{int8}, {side}×{side} pixels, {classes} classes"
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
    facts.push(format!("top-1 {:.1} %", published.top1));
    if let Some(top5) = published.top5 {
        facts.push(format!("top-5 {top5:.1} %"));
    }
    format!("Published: {}.", facts.join(", "))
}

impl ZooEntry {
    pub(crate) fn new(
        architecture: &Architecture,
        cost: &Cost,
        published: Option<Published>,
    ) -> Self {
        Self {
            name: architecture.name.clone(),
            resolution: cost.resolution,
            mult_adds: cost.mult_adds,
            parameters: cost.parameters,
            weight_bytes: cost.weight_bytes,
            peak_activation_bytes: cost.peak_activation_bytes,
            published,
            public_weights: KNOWN_WEIGHTS
                .iter()
                .any(|known| known.network == architecture.name && !known.sources.is_empty()),
        }
    }
}

impl ZooReport {
    pub(crate) fn text(&self) -> String {
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
                network.name.clone(),
                network.resolution.to_string(),
                millions(network.mult_adds),
                millions(network.parameters),
                megabytes(network.peak_activation_bytes),
                percent(network.published.map(|published| published.top1)),
                percent(network.published.and_then(|published| published.top5)),
                if network.public_weights {
                    "public"
                } else {
                    "not public"
                }
                .to_owned(),
            ]
        });
        format!(
            "{}\n\nMult-adds, parameters and activations are counted, accuracies on ImageNet were \
             published.\nPublic weights are downloaded when they are needed; others are given with \
             --weights.\nscarlet info NETWORK shows one part by part.",
            table(&columns, rows)
        )
    }
}
