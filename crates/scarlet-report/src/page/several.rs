//! [`labels_html`]: a network that gives images any number of labels, as a page.

use super::data::LabelsData;
use super::tables::{self, number, text};
use super::{KEY, Page, accuracy_figure, header, percent};
use crate::picture::escaped;
use crate::{LabelScore, LabelsReport, MislabelledImage, ReportError};

/// How well a network gives images their labels, any number of each, as one HTML page that needs no
/// other file and no network: class by class, and the images that it is the furthest from right on; and
/// how it was trained, where that is told. It can be read without scripts, on narrow screens, and in light
/// or dark colours.
///
/// # Errors
///
/// [`ReportError::Architecture`] for a network that cannot be.
pub fn labels_html(report: &LabelsReport) -> Result<String, ReportError> {
    let mut figures: Vec<_> = report.scores.iter().map(accuracy_figure).collect();
    let mut sections = Vec::new();
    if let Some(training) = &report.training {
        figures.extend(super::cost_figures(&training.network)?);
        sections.push(super::training(&training.curves).replace(
            "<h2>Training</h2>\n",
            "<h2>Training</h2>\n<p class=\"note\">Accuracy is the share of the images that are given \
             exactly their labels, each from a probability of one half on.</p>\n",
        ));
    }
    sections.push(classes(report));
    sections.push(images(&report.images));
    sections.push(super::usage(&report.usage));
    let kind = match &report.training {
        Some(training) => {
            sections.push(format!(
                "<section>\n<h2>The network</h2>\n\
                 <p class=\"note\" data-needs-script hidden>As wide as its channels, from the image at the \
                 top to the classes at the bottom. {KEY}</p>\n{}</section>\n",
                super::drawn_network(&training.network)?
            ));
            sections.push(super::facts(&report.data, &training.settings));
            "Network training"
        }
        None => {
            sections.push(format!(
                "<section>\n<h2>What was evaluated</h2>{}</section>\n",
                tables::facts(&report.data)
            ));
            "Evaluation"
        }
    };
    let page = Page {
        title: &report.title,
        header: header(kind, &report.title, &report.lead, &figures),
        sections,
    };
    page.html(&LabelsData::of(report)?)
}

/// Every label, the worst told first; those that no image has last.
fn classes(report: &LabelsReport) -> String {
    let mut order: Vec<&LabelScore> = report.classes.iter().collect();
    let merit = |it: &LabelScore| it.average_precision.unwrap_or(f64::INFINITY);
    order.sort_by(|a, b| merit(a).total_cmp(&merit(b)));
    let columns = [
        text("Class"),
        number("Images"),
        number("Average precision"),
        number("Threshold"),
        number("Precision"),
        number("Recall"),
        number("F1"),
    ];
    let share = |value: Option<f64>| value.map_or("–".to_owned(), percent);
    let rows = order.into_iter().map(|class| {
        let cells = vec![
            class.name.clone(),
            class.images.to_string(),
            share(class.average_precision),
            format!("{:.3}", class.threshold),
            share(class.precision),
            share(class.recall),
            share(class.f1),
        ];
        ("", cells)
    });
    format!(
        "<section>\n<h2>Classes, the worst first</h2>\n<p>On the {}.</p>\n<p class=\"note\">Average precision \
         says how well the probability of a label puts the images that have it before all others, whatever \
         the threshold. From its threshold on, a label is given: precision is the share of the images given \
         it that have it, recall the share of the images that have it that are given it, F1 their harmonic \
         mean.</p>\n{}</section>\n",
        escaped(&report.judged_on),
        tables::table(&columns, rows)
    )
}

fn images(images: &[MislabelledImage]) -> String {
    if images.is_empty() {
        return String::new();
    }
    let shown = images
        .iter()
        .filter_map(|image| Some((image, image.image.as_ref()?)));
    let figures: String = shown
        .map(|(image, picture)| {
            let name = escaped(&image.name);
            format!(
                "<figure><div class=\"pair\"><img alt=\"{name}\" src=\"{}\"></div>\
                 <figcaption>{}<br><span class=\"mono\">{name}</span></figcaption></figure>\n",
                escaped(picture),
                said(image)
            )
        })
        .collect();
    let gallery = match figures.as_str() {
        "" => String::new(),
        figures => format!("<div class=\"gallery\">{figures}</div>\n"),
    };
    let columns = [text("Image"), text("Missing"), text("Wrong")];
    let rows = images.iter().map(|image| {
        let cells = vec![
            image.name.clone(),
            listed(&image.missing),
            listed(&image.wrong),
        ];
        ("", cells)
    });
    format!(
        "<section>\n<h2>The worst images</h2>\n<p class=\"note\">Those whose labels the network finds the \
         least probable. Each label is told with its probability; images are as the network sees \
         them.</p>\n{gallery}<details><summary>As a table</summary>{}</details></section>\n",
        tables::table(&columns, rows)
    )
}

fn said(image: &MislabelledImage) -> String {
    let parts = [("missing", &image.missing), ("wrong", &image.wrong)];
    let parts = parts.iter().filter(|(_, labels)| !labels.is_empty());
    let parts: Vec<String> = parts
        .map(|(what, labels)| format!("{what}: <b>{}</b>", escaped(&listed(labels))))
        .collect();
    parts.join("; ")
}

fn listed(labels: &[(String, f64)]) -> String {
    let labels = labels.iter();
    let labels = labels.map(|(name, probability)| format!("{name} ({:.0} %)", 100.0 * probability));
    labels.collect::<Vec<_>>().join(", ")
}
