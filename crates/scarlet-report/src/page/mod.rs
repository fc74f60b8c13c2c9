//! [`html`]: the run as one page.
//!
//! All that matters is in the page as text and tables, so that it can be read without scripts;
//! the script draws what is easier to see, from the data that is embedded as JSON.

mod data;
mod tables;

use self::data::PageData;
use crate::metric::Metric;
use crate::picture::escaped;
use crate::{Chosen, Reference, ReportError, RunReport, front_svg};

const STYLE: &str = include_str!("../../assets/page.css");
const SCRIPT: &str = include_str!("../../assets/page.js");

/// The run as one HTML page that needs no other file and no network: the front to explore, the
/// networks on it drawn layer by layer, how search and training went, the data and the settings.
/// It can be read without scripts, on narrow screens, and in light or dark colours.
///
/// # Errors
///
/// As [`front_svg`], and [`ReportError::Architecture`] for a network that cannot be.
pub fn html(report: &RunReport) -> Result<String, ReportError> {
    let title = escaped(&report.title);
    let mut sections = vec![front(report)?];
    if let Some(chosen) = &report.chosen {
        sections.push(networks(chosen)?);
    }
    sections.push(choices());
    sections.push(progress(report));
    if !report.training.is_empty() {
        sections.push(training(report));
    }
    if !report.references.is_empty() {
        sections.push(references(report)?);
    }
    sections.push(facts(report));
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} – scarlet</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         {}\n<main>\n{}</main>\n<footer>Written by scarlet {}. Mult-adds and parameters are \
         counted without batch normalisation’s running statistics.</footer>\n\
         <script type=\"application/json\" id=\"run\">{}</script>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        header(report)?,
        sections.concat(),
        env!("CARGO_PKG_VERSION"),
        PageData::of(report)?.to_json()?,
    ))
}

fn header(report: &RunReport) -> Result<String, ReportError> {
    let mut figures = Vec::new();
    let percent = |accuracy: f64| format!("{:.2} %", 100.0 * accuracy);
    if let Some(chosen) = &report.chosen {
        let cost = chosen.cost()?;
        let count = |name, value: u64| Metric::new(name, value as f64).show_with_unit(value as f64);
        let accuracies = [
            (chosen.test_accuracy, "test accuracy"),
            (chosen.held_out_accuracy, "accuracy on held-out images"),
            (chosen.inherited_accuracy, "with inherited weights"),
        ];
        for (accuracy, name) in accuracies {
            if let Some(accuracy) = accuracy {
                figures.push((percent(accuracy), name));
            }
        }
        figures.push((count("mult_adds", cost.mult_adds), "mult-adds"));
        figures.push((count("parameters", cost.parameters), "parameters"));
    }
    figures.push((
        report.search.candidates.len().to_string(),
        "networks evaluated",
    ));
    let items = figures.iter().enumerate().map(|(index, (value, name))| {
        let class = if index == 0 { " class=\"first\"" } else { "" };
        format!("<li{class}><b>{value}</b><span>{name}</span></li>")
    });
    let reason = report.chosen.as_ref().map(|chosen| escaped(&chosen.reason));
    Ok(format!(
        "<header>\n<p class=\"eyebrow\">Network search</p>\n<h1>{}</h1>\n\
         <p class=\"lead\">{}</p>\n<ul class=\"figures\">{}</ul>\n</header>",
        escaped(&report.title),
        reason.unwrap_or_else(|| "No network has been chosen yet.".to_owned()),
        items.collect::<String>(),
    ))
}

fn front(report: &RunReport) -> Result<String, ReportError> {
    let (toggle, published) = match report.references.is_empty() {
        true => ("", String::new()),
        false => (PUBLISHED_TOGGLE, published_note(&report.references)),
    };
    Ok(format!(
        "<section>\n<h2>The front</h2>\n<p>Every dot is a network that was evaluated; the line is \
         the best that was found up to each cost. <span data-needs-script hidden>Point at a dot, \
         or move with the arrow keys, to see what it is; click or press Enter to draw it \
         below.</span></p>\n\
         <div data-needs-script hidden><div class=\"toolbar\">\
         <label>Cost <select id=\"front-cost\"></select></label>\
         <span class=\"key\"><i style=\"background:var(--scarlet)\"></i>front</span>\
         <span class=\"key\"><i style=\"background:var(--dot)\"></i>other networks</span>\
         {toggle}</div>\n{published}<figure id=\"front\" class=\"chart\"></figure></div>\n\
         <noscript>{}</noscript>\n\
         <details><summary>The front as a table</summary>{}</details>\n</section>\n",
        front_svg(report)?,
        tables::front(report)?,
    ))
}

const PUBLISHED_TOGGLE: &str = "<label><input type=\"checkbox\" id=\"front-published\"> \
    <span class=\"key\"><i class=\"hollow\"></i>published networks</span></label>";

/// Shown with the published networks: what their places in the front mean.
fn published_note(references: &[Reference]) -> String {
    let mut data: Vec<&str> = references.iter().map(|it| it.data.as_str()).collect();
    data.dedup();
    let not = match references.iter().all(|it| it.comparable) {
        true => "",
        false => " Accuracies on different data cannot be compared with each other.",
    };
    format!(
        "<p class=\"note\" id=\"front-published-note\" hidden>Hollow: published networks, with \
         their accuracy on {} and their cost at the resolution that each is made for.{not}</p>\n",
        escaped(&data.join(", "))
    )
}

fn networks(chosen: &Chosen) -> Result<String, ReportError> {
    Ok(format!(
        "<section>\n<h2>The chosen network</h2>\n\
         <p class=\"note\" data-needs-script hidden>As wide as its channels, from the image at the \
         top to the classes at the bottom. {KEY}</p>\n\
         <div class=\"columns\">\n<div><h3>{}</h3><p class=\"note mono described\">{}</p>\
         <div id=\"chosen-network\" class=\"chart\"></div>\
         <details><summary>The layers as a table</summary>{}</details></div>\n\
         <div data-needs-script hidden><h3 id=\"pinned-title\">Pinned</h3>\
         <p class=\"note described\" id=\"pinned-words\"></p>\
         <div id=\"pinned-network\" class=\"chart\"></div></div>\n</div>\n{}</section>\n",
        escaped(&chosen.architecture.name),
        escaped(&chosen.architecture.to_string()),
        tables::layers(&chosen.architecture)?,
        tables::facts(&chosen.notes),
    ))
}

/// What the colours and marks in drawings of networks mean.
const KEY: &str = "<span class=\"toolbar\">\
    <span class=\"key\"><i class=\"square\" style=\"background:var(--k3)\"></i>3×3</span>\
    <span class=\"key\"><i class=\"square\" style=\"background:var(--k5)\"></i>5×5</span>\
    <span class=\"key\"><i class=\"square\" style=\"background:var(--k7)\"></i>7×7</span>\
    <span class=\"key\"><i style=\"background:var(--paper);border:2.5px solid var(--blue)\"></i>\
    squeeze-excite</span>\
    <span class=\"key\"><i class=\"square\" style=\"background:var(--linear)\"></i>linear</span>\
    <span class=\"key\">( shortcut</span></span>";

fn choices() -> String {
    format!(
        "<section data-needs-script hidden>\n<h2>What the front chose</h2>\n\
         <p>A row per network of the front, the cheapest first, and a column per layer. The \
         colour is the kernel, the height the expansion, a line a skipped layer. Click a row to \
         draw its network.</p>\n<p class=\"note\">{KEY}</p>\n\
         <figure id=\"choices\" class=\"chart scroll\"></figure>\n</section>\n"
    )
}

fn progress(report: &RunReport) -> String {
    format!(
        "<section>\n<h2>How the search went</h2>\n\
         <p>The hypervolume is what the front dominates: it grows as the search finds better \
         networks.</p>\n<div id=\"progress\" class=\"columns\"></div>\n\
         <details><summary>Generations as a table</summary>{}</details>\n</section>\n",
        tables::generations(&report.search.generations)
    )
}

fn training(report: &RunReport) -> String {
    format!(
        "<section>\n<h2>Training</h2>\n<div id=\"training\" class=\"columns\"></div>\n\
         <details><summary>Epochs as a table</summary>{}</details>\n</section>\n",
        tables::epochs(&report.training)
    )
}

fn references(report: &RunReport) -> Result<String, ReportError> {
    let note = match report.references.iter().all(|it| it.comparable) {
        true => "",
        false => {
            "<p class=\"note\">Accuracies of different data sets cannot be compared with each \
             other; sizes and costs can.</p>"
        }
    };
    Ok(format!(
        "<section>\n<h2>Beside published networks</h2>\n{note}{}</section>\n",
        tables::references(report)?
    ))
}

fn facts(report: &RunReport) -> String {
    format!(
        "<section class=\"columns\">\n<div><h2>Data</h2>{}</div>\n\
         <div><h2>Settings</h2>{}</div>\n</section>\n",
        tables::facts(&report.data),
        tables::facts(&report.settings)
    )
}
