//! [`probe_html`]: networks compared on a data set, as a page.

use super::{document, header, percent, tables};
use crate::picture::escaped;
use crate::{ProbeReport, ProbedCurve, ReportError};

/// The comparison as one HTML page that needs no other file, no network and no scripts, in light or dark
/// colours.
///
/// # Errors
///
/// [`ReportError::Drawing`] if the plotting library fails.
pub fn probe_html(report: &ProbeReport) -> Result<String, ReportError> {
    let best = report
        .networks
        .iter()
        .max_by(|a, b| a.top1.total_cmp(&b.top1));
    let figures: Vec<(String, String)> = best
        .map(|best| {
            (
                percent(best.top1),
                format!("{}, {}", best.network, best.interval),
            )
        })
        .into_iter()
        .collect();
    let mut body = header("Linear probe", &report.title, &report.lead, &figures);
    body.push_str("\n<main>\n");
    if let Some(curve) = &report.curve {
        body.push_str(&curve_section(curve)?);
    }
    let columns = [
        tables::text("network"),
        tables::number("pixels"),
        tables::number("latency"),
        tables::number("mult-adds"),
        tables::number("top-1"),
        tables::number("95 % interval"),
    ];
    let rows = report.networks.iter().map(|row| {
        let row = row.clone();
        let cells = vec![
            row.network,
            row.pixels,
            row.latency,
            row.mult_adds,
            percent(row.top1),
            row.interval,
        ];
        ("", cells)
    });
    body.push_str(&format!(
        "<section>\n<h2>Networks</h2>\n{}</section>\n<section>\n<h2>Data</h2>{}</section>\n</main>",
        tables::table(&columns, rows),
        tables::facts(&report.data)
    ));
    Ok(document(&report.title, &[super::STYLE], &body, "", ""))
}

fn curve_section(curve: &ProbedCurve) -> Result<String, ReportError> {
    let sentences = curve.sentences.iter();
    let sentences = sentences.map(|sentence| format!("<p>{}</p>\n", escaped(sentence)));
    let columns = [
        tables::number("images"),
        tables::number("accuracy"),
        tables::number("95 % interval"),
    ];
    let rows = curve.rows.iter().map(|row| ("", row.to_vec()));
    Ok(format!(
        "<section>\n<h2>More images</h2>\n{}<div class=\"chart\">{}</div>\n\
         <details><summary>The points as a table</summary>{}</details>\n</section>\n",
        sentences.collect::<String>(),
        curve.chart.svg()?,
        tables::table(&columns, rows)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LogChart, ProbedRow};

    #[test]
    fn a_page_shows_networks_and_the_curve_where_there_is_one() {
        let row = |network: &str, top1: f64| ProbedRow {
            network: network.to_owned(),
            pixels: "160".to_owned(),
            latency: "1.10 ms".to_owned(),
            mult_adds: "200.0 M".to_owned(),
            top1,
            interval: "80.00 to 90.00 %".to_owned(),
        };
        let mut report = ProbeReport {
            title: "flowers <1>".to_owned(),
            lead: "Two networks.".to_owned(),
            networks: vec![row("small", 0.85), row("large", 0.87)],
            curve: None,
            data: Vec::new(),
        };
        let plain = probe_html(&report).unwrap();
        for part in [
            "flowers &lt;1&gt;",
            "<b>87.00 %</b>",
            "<td>small</td>",
            "1.10 ms",
        ] {
            assert!(plain.contains(part), "no {part:?} in {plain}");
        }
        assert!(!plain.contains("More images") && !plain.contains("<script"));
        report.curve = Some(ProbedCurve {
            sentences: vec!["twice the images would give about 90 %".to_owned()],
            chart: LogChart {
                curve: ("power law".to_owned(), vec![(100.0, 80.0), (800.0, 90.0)]),
                ..LogChart::default()
            },
            rows: vec![[
                "100".to_owned(),
                "80.00 %".to_owned(),
                "79 to 81 %".to_owned(),
            ]],
        });
        let page = probe_html(&report).unwrap();
        for part in [
            "<p>twice the images",
            "<svg ",
            ">\npower law\n<",
            "79 to 81 %",
        ] {
            assert!(page.contains(part), "no {part:?} in {page}");
        }
    }
}
