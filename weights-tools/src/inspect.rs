//! `inspect`: what a file holds.

use std::collections::BTreeMap;
use std::fmt::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use scarlet::ModelCard;
use scarlet::arch::Padding;
use scarlet::weights::{Entry, Naming, Recognised, StateDict, recognise};
use serde::Serialize;

use crate::Verdict;
use crate::cli::InspectArgs;
use crate::error::ToolError;
use crate::inputs;
use crate::output::{cell, say, say_json};

pub(crate) fn run(args: &InspectArgs) -> Result<Verdict, ToolError> {
    let weights = inputs::weights(&args.file, &args.names.options())?;
    let contents = Contents::of(&args.file, &weights);
    if args.json {
        let json = serde_json::to_string_pretty(&contents)
            .map_err(|error| ToolError::Output(error.into()))?;
        say_json(&json)?;
    } else {
        say(format_args!("{}", contents.table()))?;
    }
    Ok(Verdict::Good)
}

/// What a file holds, as it is printed.
#[derive(Serialize)]
struct Contents<'a> {
    file: &'a str,
    container: &'static str,
    key: Option<&'a str>,
    naming: Option<&'static str>,
    network: Option<Network>,
    /// Why there is no network, in words.
    unknown: Option<String>,
    notes: &'a [String],
    /// What the file says of its network, where that can be read and fits it.
    card: Option<ModelCard>,
    metadata: &'a BTreeMap<String, String>,
    tensors: Vec<TensorRow<'a>>,
    totals: Totals,
}

#[derive(Serialize)]
struct Network {
    name: String,
    layers: String,
    classes: usize,
    activation: String,
    padding: &'static str,
    /// What the file does not say, and shapes do not show.
    assumed: Option<String>,
}

#[derive(Serialize)]
struct TensorRow<'a> {
    name: &'a str,
    shape: &'a [usize],
    #[serde(rename = "type")]
    dtype: String,
    bytes: usize,
}

#[derive(Serialize)]
struct Totals {
    tensors: usize,
    /// Values that training changes by gradients.
    parameters: usize,
    /// Values of the running statistics of batch normalisation.
    statistics: usize,
    bytes: usize,
}

impl<'a> Contents<'a> {
    fn of(file: &'a str, weights: &'a StateDict) -> Self {
        let recognised = recognise(weights);
        Self {
            file,
            container: weights.container().name(),
            key: weights.key(),
            naming: Naming::of(weights).map(Naming::name),
            unknown: match &recognised {
                Some(_) => None,
                None => weights.architecture().err().map(|error| error.to_string()),
            },
            card: card_of(weights, recognised.as_ref()),
            network: recognised.map(Network::new),
            notes: weights.notes(),
            metadata: weights.metadata(),
            tensors: weights.entries().iter().map(TensorRow::new).collect(),
            totals: Totals::of(weights.entries()),
        }
    }

    fn table(&self) -> String {
        let mut text = format!("{}: {}", self.file, self.container);
        if let Some(key) = self.key {
            let _ = write!(text, ", tensors under `{key}`");
        }
        if let Some(naming) = self.naming {
            let _ = write!(text, ", {naming} names");
        }
        let _ = match &self.network {
            Some(Network {
                name,
                layers,
                classes,
                activation,
                padding,
                assumed,
            }) => {
                let _ = write!(
                    text,
                    "\nnetwork: {name}, {classes} classes, {activation}, {padding} padding\n\
                     layers:  {layers}"
                );
                match assumed {
                    Some(assumed) => write!(text, "\nassumed: {assumed}"),
                    None => Ok(()),
                }
            }
            None => {
                let why = self.unknown.iter();
                let why: String = why.map(|why| format!("; {why}")).collect();
                write!(text, "\nnetwork: none known{why}")
            }
        };
        if let Some(card) = &self.card {
            write_card(&mut text, card);
        }
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(["tensor", "shape", "type", "bytes"]);
        for row in &self.tensors {
            table.add_row([
                cell(row.name),
                format!("{:?}", row.shape),
                row.dtype.clone(),
                row.bytes.to_string(),
            ]);
        }
        if let Some(column) = table.column_mut(3) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let Totals {
            tensors,
            parameters,
            statistics,
            bytes,
        } = self.totals;
        let _ = write!(
            text,
            "\n\n{table}\n\n{tensors} tensors: {parameters} parameters, {statistics} running \
             statistics, {bytes} bytes"
        );
        text
    }
}

/// What the file says of the network that was recognised in it; nothing where that is of other
/// classes.
fn card_of(weights: &StateDict, recognised: Option<&Recognised>) -> Option<ModelCard> {
    let card = weights.card().ok().flatten()?;
    let classes = recognised?.architecture.classes;
    card.check(classes).is_ok().then_some(card)
}

/// A name with its line breaks and other control characters shown.
fn on_one_line(name: &str) -> String {
    let shown = |c: char| match c.is_control() {
        true => c.escape_unicode().to_string(),
        false => c.to_string(),
    };
    name.chars().map(shown).collect()
}

/// A card, a line for each thing that it says.
fn write_card(text: &mut String, card: &ModelCard) {
    let names = card.classes.iter().map(|name| on_one_line(name));
    let names: Vec<String> = names.collect();
    let _ = write!(text, "\nclasses: {}", names.join(", "));
    if let Some(name) = &card.trained_on {
        let _ = write!(text, "\ntrained on: {name}");
        if let Some(images) = card.training_images {
            let _ = write!(text, ", {images} images");
        }
    }
    for judged in &card.accuracies {
        let [low, high] = judged.interval();
        let _ = write!(
            text,
            "\naccuracy: {:.2} % of {} {}, 95 % interval {:.2} to {:.2} %",
            100.0 * judged.share(),
            judged.images,
            judged.of,
            100.0 * low,
            100.0 * high
        );
    }
    if let Some(program) = &card.program {
        let _ = write!(text, "\ntrained by: {program}");
    }
}

impl Network {
    fn new(recognised: Recognised) -> Self {
        let architecture = recognised.architecture;
        Self {
            layers: architecture.layers_text(),
            classes: architecture.classes,
            activation: architecture.activations(),
            padding: match architecture.padding {
                Padding::Symmetric => "symmetric",
                Padding::Same => "same",
            },
            assumed: recognised.assumed,
            name: architecture.name,
        }
    }
}

impl<'a> TensorRow<'a> {
    fn new(entry: &'a Entry) -> Self {
        Self {
            name: entry.name(),
            shape: entry.shape(),
            dtype: format!("{:?}", entry.dtype()).to_lowercase(),
            bytes: entry.byte_count(),
        }
    }
}

impl Totals {
    fn of(entries: &[Entry]) -> Self {
        let is_statistic = |entry: &Entry| {
            matches!(
                entry.name().rsplit('.').next(),
                Some("running_mean" | "running_var")
            )
        };
        let count = |wanted: &dyn Fn(&Entry) -> bool| -> usize {
            entries
                .iter()
                .filter(|entry| entry.dtype().is_float() && wanted(entry))
                .map(Entry::value_count)
                .sum()
        };
        Self {
            tensors: entries.len(),
            parameters: count(&|entry| !is_statistic(entry)),
            statistics: count(&is_statistic),
            bytes: entries.iter().map(Entry::byte_count).sum(),
        }
    }
}
