//! [`front_csv`]: every candidate as a line of a table.

use std::fmt::Write;

use crate::{Candidate, ReportError, RunReport};

/// Every candidate, one per line in the order of evaluation, with its metrics as they were
/// measured, and its layers; an empty field is a metric that was not measured.
///
/// Columns: `genome`, the metrics, `generation`, `feasible`, `on_front`, `chosen`, `layers`.
///
/// # Errors
///
/// [`ReportError::ValueCount`] if a candidate's values are not one per metric.
pub fn front_csv(report: &RunReport) -> Result<String, ReportError> {
    let search = &report.search;
    let chosen = report.chosen.as_ref().map(|chosen| &chosen.genome);
    let mut table = String::from("genome");
    for metric in &search.metrics {
        table.push(',');
        table.push_str(&quoted(metric));
    }
    table.push_str(",generation,feasible,on_front,chosen,layers\n");
    for candidate in &search.candidates {
        search.check(candidate)?;
        table.push_str(&candidate.genome.to_string());
        for metric in 0..search.metrics.len() {
            table.push(',');
            if let Some(value) = candidate.value(metric) {
                write!(table, "{value}").ok();
            }
        }
        let Candidate {
            generation,
            feasible,
            on_front,
            ..
        } = candidate;
        let is_chosen = chosen == Some(&candidate.genome);
        let layers = candidate.layers_text();
        writeln!(
            table,
            ",{generation},{feasible},{on_front},{is_chosen},{layers}"
        )
        .ok();
    }
    Ok(table)
}

/// A field as RFC 4180 wants it.
fn quoted(field: &str) -> String {
    match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}
