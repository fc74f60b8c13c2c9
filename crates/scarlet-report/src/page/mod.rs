//! Pages: the result of a run, for a browser.
//!
//! All that matters is in a page as text and tables, so that it can be read without scripts; the
//! script draws what is easier to see, from the data that is embedded as JSON.

mod check;
mod data;
mod evaluation;
mod probe;
mod reliability;
mod search;
mod several;
mod tables;
mod training;
mod trust;

use scarlet_arch::{Architecture, Cost};
use serde::Serialize;

pub use self::check::check_html;
pub use self::evaluation::evaluation_html;
pub use self::probe::probe_html;
pub use self::search::html;
pub use self::several::labels_html;
pub use self::training::training_html;
use crate::metric::Metric;
use crate::picture::escaped;
use crate::{Fact, Judged, ReportError, TrainingCurve, Usage};

const STYLE: &str = include_str!("../../assets/page.css");
const SCRIPT: &str = concat!(
    include_str!("../../assets/page.js"),
    include_str!("../../assets/confusion.js")
);

/// A page but for its data.
struct Page<'a> {
    title: &'a str,
    /// The heading, as HTML.
    header: String,
    /// What comes after it, as HTML.
    sections: Vec<String>,
}

impl Page<'_> {
    /// The whole page, with what its script draws.
    fn html(&self, data: &impl Serialize) -> Result<String, ReportError> {
        // `<` occurs in JSON within strings only, where it may be written so; as it is, it could
        // end the script element around it.
        let data = serde_json::to_string(data)?.replace('<', "\\u003c");
        let body = format!("{}\n<main>\n{}</main>", self.header, self.sections.concat());
        let note = " Mult-adds and parameters are counted without batch normalisation’s running \
                    statistics.";
        let scripts = format!(
            "<script type=\"application/json\" id=\"run\">{data}</script>\n\
             <script>\n{SCRIPT}</script>\n"
        );
        Ok(document(self.title, &[STYLE], &body, note, &scripts))
    }
}

/// A whole page: its styles, what is in it as HTML, what its last line says besides who wrote it, and
/// scripts.
fn document(title: &str, styles: &[&str], body: &str, note: &str, scripts: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{} – scarlet</title>\n<style>\n{}</style>\n</head>\n<body>\n\
         {body}\n<footer>Written by scarlet {}.{note}</footer>\n{scripts}</body>\n</html>\n",
        escaped(title),
        styles.concat(),
        env!("CARGO_PKG_VERSION"),
    )
}

/// The heading: what kind of run it was, its name, what came of it in a sentence, and in figures, each
/// with its name.
fn header(kind: &str, title: &str, lead: &str, figures: &[(String, String)]) -> String {
    let items = figures.iter().enumerate().map(|(index, (value, name))| {
        let class = if index == 0 { " class=\"first\"" } else { "" };
        let (value, name) = (escaped(value), escaped(name));
        format!("<li{class}><b>{value}</b><span>{name}</span></li>")
    });
    format!(
        "<header>\n<p class=\"eyebrow\">{kind}</p>\n<h1>{}</h1>\n\
         <p class=\"lead\">{}</p>\n<ul class=\"figures\">{}</ul>\n</header>",
        escaped(title),
        escaped(lead),
        items.collect::<String>(),
    )
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// An accuracy as a figure: under it what it is of, and how well that tells it.
fn accuracy_figure(judged: &Judged) -> (String, String) {
    let mut name = judged.what.clone();
    if let (Some(images), Some([low, high])) = (judged.images, judged.interval) {
        name.push_str(&format!(
            ": {images} images, 95 % interval {:.2} to {}",
            100.0 * low,
            percent(high)
        ));
    }
    (percent(judged.accuracy), name)
}

fn cost_figures(network: &Architecture) -> Result<[(String, String); 2], ReportError> {
    let cost = Cost::of(network, network.preprocessing.resolution)?;
    let count = |name, value: u64| Metric::new(name, value as f64).show_with_unit(value as f64);
    Ok([
        (count("mult_adds", cost.mult_adds), "mult-adds".to_owned()),
        (
            count("parameters", cost.parameters),
            "parameters".to_owned(),
        ),
    ])
}

/// A network by its name, in text form, drawn, and as a table.
fn drawn_network(network: &Architecture) -> Result<String, ReportError> {
    Ok(format!(
        "<div><h3>{}</h3><p class=\"note mono described\">{}</p>\
         <div id=\"chosen-network\" class=\"chart\"></div>\
         <details><summary>The layers as a table</summary>{}</details></div>\n",
        escaped(&network.name),
        escaped(&network.layers_text()),
        tables::layers(network)?,
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

/// How training went, if anything was trained.
fn training(curves: &[TrainingCurve]) -> String {
    if curves.is_empty() {
        return String::new();
    }
    format!(
        "<section>\n<h2>Training</h2>\n<div id=\"training\" class=\"columns\"></div>\n\
         <details><summary>Epochs as a table</summary>{}</details>\n</section>\n",
        tables::epochs(curves)
    )
}

/// Follow-up commands, if there are any.
fn usage(usages: &[Usage]) -> String {
    if usages.is_empty() {
        return String::new();
    }
    let steps = usages.iter().map(|usage| {
        let (purpose, command) = (escaped(&usage.purpose), escaped(&usage.command));
        format!("<dt>{purpose}</dt><dd><code>{command}</code></dd>\n")
    });
    format!(
        "<section>\n<h2>Using the network</h2>\n<p>In the folder that this page is in:</p>\n\
         <dl class=\"usage\">{}</dl>\n</section>\n",
        steps.collect::<String>()
    )
}

fn facts(data: &[Fact], settings: &[Fact]) -> String {
    format!(
        "<section class=\"columns\">\n<div><h2>Data</h2>{}</div>\n\
         <div><h2>Settings</h2>{}</div>\n</section>\n",
        tables::facts(data),
        tables::facts(settings)
    )
}
