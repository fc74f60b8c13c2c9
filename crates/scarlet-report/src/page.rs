//! [`html`]: the run as one page.

use crate::picture::escaped;
use crate::{Fact, ReportError, RunReport, front_svg};

/// The run as one HTML page that needs no other file and no network.
///
/// # Errors
///
/// As [`front_svg`].
pub fn html(report: &RunReport) -> Result<String, ReportError> {
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{0}</title>\n\
         <h1>{0}</h1>\n{1}\n<h2>Data</h2>\n{2}\n<h2>Settings</h2>\n{3}\n</html>\n",
        escaped(&report.title),
        front_svg(report)?,
        facts(&report.data),
        facts(&report.settings),
    ))
}

fn facts(facts: &[Fact]) -> String {
    let row = |fact: &Fact| {
        let (name, value) = (escaped(&fact.name), escaped(&fact.value));
        format!("<tr><th>{name}</th><td>{value}</td></tr>")
    };
    let rows: String = facts.iter().map(row).collect();
    format!("<table>{rows}</table>")
}
