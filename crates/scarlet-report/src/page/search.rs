//! [`html`]: a search as a page.

use super::data::SearchData;
use super::{KEY, Page, accuracy_figure, header, tables};
use crate::picture::escaped;
use crate::{Chosen, Reference, ReportError, RunReport, front_svg};

/// The run as one HTML page that needs no other file and no network: the front to explore, the
/// networks on it drawn layer by layer, how search and training went, how to use the result, the data
/// and the settings. It can be read without scripts, on narrow screens, and in light or dark colours.
///
/// # Errors
///
/// As [`front_svg`], and [`ReportError::Architecture`] for a network that cannot be.
pub fn html(report: &RunReport) -> Result<String, ReportError> {
    let mut sections = vec![front(report)?];
    if let Some(chosen) = &report.chosen {
        sections.push(networks(chosen)?);
    }
    sections.push(choices());
    sections.push(progress(report));
    sections.push(super::training(&report.training));
    sections.push(super::usage(&report.usage));
    if !report.references.is_empty() {
        sections.push(references(report)?);
    }
    sections.push(super::facts(&report.data, &report.settings));
    let reason = report.chosen.as_ref().map(|chosen| chosen.reason.as_str());
    let page = Page {
        title: &report.title,
        header: header(
            "Network search",
            &report.title,
            reason.unwrap_or("No network has been chosen yet."),
            &figures(report)?,
        ),
        sections,
    };
    page.html(&SearchData::of(report)?)
}

/// What is shown large: the chosen network's accuracies and costs.
fn figures(report: &RunReport) -> Result<Vec<(String, String)>, ReportError> {
    let mut figures = Vec::new();
    if let Some(chosen) = &report.chosen {
        figures.extend(chosen.accuracies.iter().map(accuracy_figure));
        figures.extend(super::cost_figures(&chosen.architecture)?);
    }
    figures.push((
        report.search.candidates.len().to_string(),
        "networks evaluated".to_owned(),
    ));
    Ok(figures)
}

fn front(report: &RunReport) -> Result<String, ReportError> {
    let (toggle, published) = match report.references.is_empty() {
        true => ("", String::new()),
        false => (PUBLISHED_TOGGLE, published_note(&report.references)),
    };
    Ok(format!(
        "<section>\n<h2>The front</h2>\n<p>Every dot is a network that was evaluated; the line is \
         the best that was found up to each cost.{} <span data-needs-script hidden>Point at a dot, \
         or move with the arrow keys, to see what it is; click or press Enter to draw it \
         below.</span></p>\n\
         <div data-needs-script hidden><div class=\"toolbar\">\
         <label>Cost <select id=\"front-cost\"></select></label>\
         <span class=\"key\"><i style=\"background:var(--scarlet)\"></i>front</span>\
         <span class=\"key\"><i style=\"background:var(--dot)\"></i>other networks</span>\
         {toggle}</div>\n{published}<figure id=\"front\" class=\"chart\"></figure></div>\n\
         <noscript>{}</noscript>\n\
         <details><summary>The front as a table</summary>{}</details>\n</section>\n",
        match &report.search.judged_in {
            Some(numbers) => format!(
                " All were evaluated in {}, the numeric type in which the network will run.",
                escaped(numbers)
            ),
            None => String::new(),
        },
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
         <div class=\"columns\">\n{}\
         <div data-needs-script hidden><h3 id=\"pinned-title\">Pinned</h3>\
         <p class=\"note described\" id=\"pinned-words\"></p>\
         <div id=\"pinned-network\" class=\"chart\"></div></div>\n</div>\n{}</section>\n",
        super::drawn_network(&chosen.architecture)?,
        tables::facts(&chosen.notes),
    ))
}

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

fn references(report: &RunReport) -> Result<String, ReportError> {
    let note = match report.references.iter().all(|it| it.comparable) {
        true => "",
        false => {
            "<p class=\"note\">Accuracies on different data sets cannot be compared with each \
             other; sizes and costs can.</p>"
        }
    };
    Ok(format!(
        "<section>\n<h2>Compared with published networks</h2>\n{note}{}</section>\n",
        tables::references(report)?
    ))
}
