//! The page's tables.

use scarlet_arch::graph::Graph;
use scarlet_arch::{Architecture, Cost};
use scarlet_search::GenerationRecord;

use crate::metric::Metric;
use crate::picture::escaped;
use crate::{Candidate, ClassImages, Fact, Mistakes, ReportError, RunReport, TrainingCurve};

/// A column: its heading, and whether it holds numbers.
pub(super) type Column = (String, bool);

pub(super) fn text(heading: &str) -> Column {
    (heading.to_owned(), false)
}

pub(super) fn number(heading: &str) -> Column {
    (heading.to_owned(), true)
}

/// A row: its class, and its cells as text.
pub(super) type Row = (&'static str, Vec<String>);

pub(super) fn table(columns: &[Column], rows: impl IntoIterator<Item = Row>) -> String {
    let cell = |tag: &str, is_number: bool, content: &str| {
        let class = if is_number { " class=\"number\"" } else { "" };
        format!("<{tag}{class}>{}</{tag}>", escaped(content))
    };
    let head: String = columns
        .iter()
        .map(|(heading, is_number)| cell("th", *is_number, heading))
        .collect();
    let row = |(class, cells): Row| {
        let cells = cells.iter().zip(columns);
        let cells: String = cells
            .map(|(content, (_, is_number))| cell("td", *is_number, content))
            .collect();
        match class {
            "" => format!("<tr>{cells}</tr>\n"),
            class => format!("<tr class=\"{class}\">{cells}</tr>\n"),
        }
    };
    let body: String = rows.into_iter().map(row).collect();
    format!(
        "<div class=\"scroll\"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody>\
         </table></div>\n"
    )
}

pub(super) fn facts(facts: &[Fact]) -> String {
    if facts.is_empty() {
        return String::new();
    }
    let row = |fact: &Fact| {
        let (name, value) = (escaped(&fact.name), escaped(&fact.value));
        format!("<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>\n")
    };
    let rows: String = facts.iter().map(row).collect();
    format!("<table>{rows}</table>\n")
}

/// Classes with their images in each part.
pub(super) fn class_images(parts: &[String], classes: &[ClassImages]) -> String {
    let mut columns = vec![text("Class")];
    columns.extend(parts.iter().map(|part| number(part)));
    let rows = classes.iter().map(|class| {
        let counts = class.images.iter().map(u64::to_string);
        (
            "",
            std::iter::once(class.name.clone()).chain(counts).collect(),
        )
    });
    table(&columns, rows)
}

/// The members of the front, the cheapest first.
pub(super) fn front(report: &RunReport) -> Result<String, ReportError> {
    let search = &report.search;
    let (cost, _) = search.axes()?;
    let mut front: Vec<&Candidate> = search.candidates.iter().filter(|it| it.on_front).collect();
    front.sort_by(|a, b| {
        let by = |candidate: &Candidate| candidate.value(cost).unwrap_or(f64::INFINITY);
        by(a).total_cmp(&by(b))
    });
    let metrics: Vec<Metric> = (0..search.metrics.len())
        .map(|metric| search.shown(metric))
        .collect();
    let mut columns = vec![text("Genome")];
    columns.extend(metrics.iter().map(|metric| number(&metric.heading)));
    columns.push(number("Generation"));
    columns.push(text("Layers"));
    let chosen = report.chosen.as_ref().map(|chosen| &chosen.genome);
    let rows = front.into_iter().map(|candidate| {
        let mut cells = vec![candidate.genome.to_string()];
        for (index, metric) in metrics.iter().enumerate() {
            let value = candidate.value(index).map(|value| metric.show(value));
            cells.push(value.unwrap_or_default());
        }
        cells.push(candidate.generation.to_string());
        cells.push(candidate.layers_text());
        let class = if chosen == Some(&candidate.genome) {
            "chosen"
        } else {
            ""
        };
        (class, cells)
    });
    Ok(table(&columns, rows))
}

pub(super) fn layers(network: &Architecture) -> Result<String, ReportError> {
    let cost = Cost::of(network, network.preprocessing.resolution)?;
    let columns = [
        text("Part"),
        text("Does"),
        number("Channels"),
        number("Size"),
        number("Mult-adds"),
        number("Parameters"),
    ];
    let graph = Graph::of(network);
    let rows = graph.parts().iter().zip(&cost.parts).map(|(part, cost)| {
        let [channels, height, width] = cost.output;
        let cells = vec![
            part.name.clone(),
            part.label.clone(),
            channels.to_string(),
            format!("{height}×{width}"),
            cost.mult_adds.to_string(),
            cost.parameters.to_string(),
        ];
        ("", cells)
    });
    Ok(table(&columns, rows))
}

pub(super) fn generations(records: &[GenerationRecord]) -> String {
    let columns = [
        number("Generation"),
        number("Evaluated"),
        number("Within the bounds"),
        number("Failed"),
        number("Front"),
        number("Hypervolume"),
    ];
    let rows = records.iter().enumerate().map(|(index, record)| {
        let cells = vec![
            (index + 1).to_string(),
            record.evaluations.to_string(),
            record.feasible.to_string(),
            record.failed.to_string(),
            record.front.to_string(),
            format!("{:.6}", record.hypervolume),
        ];
        ("", cells)
    });
    table(&columns, rows)
}

pub(super) fn epochs(curves: &[TrainingCurve]) -> String {
    let columns = [
        text("Stage"),
        number("Epoch"),
        number("Loss"),
        number("Training (%)"),
        number("Validation (%)"),
        number("Learning rate"),
    ];
    let percent = |share: f64| format!("{:.2}", 100.0 * share);
    let rows = curves.iter().flat_map(|curve| {
        curve.epochs.iter().map(move |epoch| {
            let rate = epoch.learning_rate.map(|rate| format!("{rate:.6}"));
            let cells = vec![
                curve.stage.clone(),
                epoch.epoch.to_string(),
                format!("{:.4}", epoch.loss),
                percent(epoch.accuracy),
                epoch.validation_accuracy.map(percent).unwrap_or_default(),
                rate.unwrap_or_default(),
            ];
            ("", cells)
        })
    });
    table(&columns, rows)
}

/// The published networks and, above them, the chosen one.
pub(super) fn references(report: &RunReport) -> Result<String, ReportError> {
    let columns = [
        text("Network"),
        text("Data"),
        number("Accuracy (%)"),
        number("Mult-adds (M)"),
        number("Parameters (M)"),
    ];
    let millions = |count: u64| format!("{:.2}", count as f64 / 1e6);
    let percent = |share: f64| format!("{:.1}", 100.0 * share);
    let mut rows = Vec::new();
    if let Some(chosen) = &report.chosen {
        let cost = chosen.cost()?;
        let accuracy = chosen.accuracies.first().map(|judged| judged.accuracy);
        let cells = vec![
            chosen.architecture.name.clone(),
            "this run’s".to_owned(),
            accuracy.map(percent).unwrap_or_default(),
            millions(cost.mult_adds),
            millions(cost.parameters),
        ];
        rows.push(("chosen", cells));
    }
    for reference in &report.references {
        let cells = vec![
            reference.name.clone(),
            reference.data.clone(),
            percent(reference.accuracy),
            millions(reference.mult_adds),
            millions(reference.parameters),
        ];
        rows.push(("", cells));
    }
    Ok(table(&columns, rows))
}

/// Classes that a class was taken for in sight.
const TAKEN_FOR: usize = 3;

/// The classes of these indices, with what they were taken for.
pub(super) fn classes(mistakes: &Mistakes, indices: &[usize]) -> String {
    let columns = [
        text("Class"),
        number("Images"),
        number("Recall (%)"),
        number("95 % interval"),
        number("Precision (%)"),
        number("F1 (%)"),
        text("Taken for"),
    ];
    let percent = |share: f64| format!("{:.1}", 100.0 * share);
    let rows = indices.iter().map(|&index| {
        let class = &mistakes.classes[index];
        let confused = mistakes.confused.iter().filter(|it| it.class == index);
        let taken_for: Vec<String> = confused
            .take(TAKEN_FOR)
            .map(|it| format!("{} ({})", mistakes.classes[it.taken_for].name, it.images))
            .collect();
        let [low, high] = class.interval;
        let [precision, f1] = mistakes
            .precision_and_f1(index)
            .map(|share| share.map(percent).unwrap_or_default());
        let cells = vec![
            class.name.clone(),
            class.images.to_string(),
            percent(class.accuracy()),
            format!("{} to {}", percent(low), percent(high)),
            precision,
            f1,
            taken_for.join(", "),
        ];
        ("", cells)
    });
    table(&columns, rows)
}

/// Single images that are listed.
const MISTAKEN_IMAGES: usize = 20;

pub(super) fn mistaken_images(mistakes: &Mistakes) -> String {
    let columns = [
        text("Image"),
        text("Class"),
        text("Taken for"),
        number("Sure to (%)"),
    ];
    let name = |class: usize| mistakes.classes[class].name.clone();
    let rows = mistakes.images.iter().take(MISTAKEN_IMAGES).map(|image| {
        let cells = vec![
            image.name.clone(),
            name(image.class),
            name(image.taken_for),
            format!("{:.1}", 100.0 * image.probability),
        ];
        ("", cells)
    });
    table(&columns, rows)
}
