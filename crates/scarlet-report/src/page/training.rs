//! [`training_html`]: the training of a single network as a page.

use super::data::TrainingData;
use super::{KEY, Page, accuracy_figure, header, tables, trust};
use crate::picture::escaped;
use crate::{Mistakes, ReportError, TrainingReport, Trust};

/// The most classes whose confusion is drawn: of more, nothing could be distinguished.
pub(super) const DRAWN_CLASSES: usize = 60;

/// Classes in sight; the rest is folded away.
const WORST_CLASSES: usize = 10;

/// The training as one HTML page that needs no other file and no network: its accuracy, how training
/// went, what the network confuses, how to use it, its layers, the data and the settings. It can be
/// read without scripts, on narrow screens, and in light or dark colours.
///
/// # Errors
///
/// [`ReportError::Architecture`] for a network that cannot be, and [`ReportError::UnknownClass`] where
/// a mistake is of a class that there is not.
pub fn training_html(report: &TrainingReport) -> Result<String, ReportError> {
    report.mistakes.check()?;
    if let Some(trust) = &report.trust {
        trust.check(report.mistakes.classes.len())?;
    }
    let trust = report.trust.as_ref();
    let trusted = |section: fn(&Trust) -> String| trust.map(section).unwrap_or_default();
    let mut figures: Vec<_> = report.accuracies.iter().map(accuracy_figure).collect();
    figures.extend(trust.map(trust::figures).unwrap_or_default());
    figures.extend(super::cost_figures(&report.network)?);
    let page = Page {
        title: &report.title,
        header: header("Network training", &report.title, &report.lead, &figures),
        sections: vec![
            super::training(&report.training),
            mistakes(&report.mistakes, trust),
            trust
                .map(|trust| trust::pictures(trust, &report.mistakes))
                .unwrap_or_default(),
            trusted(trust::calibration),
            trusted(trust::coverage),
            super::usage(&report.usage),
            network(report)?,
            super::facts(&report.data, &report.settings),
        ],
    };
    page.html(&TrainingData::of(report)?)
}

/// What the network confuses; where there are pictures, a square of the matrix shows its own.
pub(super) fn mistakes(mistakes: &Mistakes, trust: Option<&Trust>) -> String {
    let has_pictures = trust.is_some_and(|trust| !trust.pictures.is_empty());
    let (choose, cell) = match has_pictures {
        true => (
            " Choose a square, by a click or the arrow keys, to see its images.",
            "<div id=\"cell\" class=\"cell\" aria-live=\"polite\"></div>",
        ),
        false => ("", ""),
    };
    let matrix = match mistakes.classes.len() {
        2..=DRAWN_CLASSES => format!(
            "<div data-needs-script hidden><p class=\"note\">A row per class, a column per answer: \
             the darker, the more of the row’s images.{choose}</p>\
             <figure id=\"confusion\" class=\"chart scroll\"></figure>{cell}</div>\n"
        ),
        _ => String::new(),
    };
    let worst = mistakes.worst_classes();
    let (first, rest) = worst.split_at(worst.len().min(WORST_CLASSES));
    let rest = match rest {
        [] => String::new(),
        rest => format!(
            "<details><summary>The other {} classes</summary>{}</details>\n",
            rest.len(),
            tables::classes(mistakes, rest)
        ),
    };
    let images = match mistakes.images.as_slice() {
        [] => String::new(),
        // The pictures say it too.
        _ if has_pictures => format!(
            "<details><summary>The most confident mistakes as a table</summary>{}</details>\n",
            tables::mistaken_images(mistakes)
        ),
        _ => format!(
            "<h3>The most confident mistakes</h3>\n{}",
            tables::mistaken_images(mistakes)
        ),
    };
    format!(
        "<section>\n<h2>What it confuses</h2>\n<p>On the {}.</p>\n{matrix}\
         <h3>Classes, the worst first</h3>\n<p class=\"note\">Recall is the share of a class’s images that \
         were put into it, with its 95 % interval; precision is the share of the images put into it \
         that are of it; F1 is their harmonic mean.</p>\n{}{rest}{images}</section>\n",
        escaped(&mistakes.judged_on),
        tables::classes(mistakes, first),
    )
}

fn network(report: &TrainingReport) -> Result<String, ReportError> {
    Ok(format!(
        "<section>\n<h2>The network</h2>\n\
         <p class=\"note\" data-needs-script hidden>As wide as its channels, from the image at the \
         top to the classes at the bottom. {KEY}</p>\n{}</section>\n",
        super::drawn_network(&report.network)?
    ))
}
