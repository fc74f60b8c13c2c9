//! [`training_html`]: the training of a single network as a page.

use super::data::TrainingData;
use super::{KEY, Page, accuracy_figure, header, tables};
use crate::picture::escaped;
use crate::{Mistakes, ReportError, TrainingReport};

/// The most classes whose confusion is drawn: of more, nothing could be told apart.
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
    let mut figures: Vec<_> = report.accuracies.iter().map(accuracy_figure).collect();
    figures.extend(super::cost_figures(&report.network)?);
    let page = Page {
        title: &report.title,
        header: header("Network training", &report.title, &report.lead, &figures),
        sections: vec![
            super::training(&report.training),
            mistakes(&report.mistakes),
            super::usage(&report.usage),
            network(report)?,
            super::facts(&report.data, &report.settings),
        ],
    };
    page.html(&TrainingData::of(report)?)
}

fn mistakes(mistakes: &Mistakes) -> String {
    let matrix = match mistakes.classes.len() {
        2..=DRAWN_CLASSES => {
            "<div data-needs-script hidden><p class=\"note\">A row per class, a column per answer: \
             the darker, the more of the row’s images.</p>\
             <figure id=\"confusion\" class=\"chart scroll\"></figure></div>\n"
        }
        _ => "",
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
        _ => format!(
            "<h3>The most confident mistakes</h3>\n{}",
            tables::mistaken_images(mistakes)
        ),
    };
    format!(
        "<section>\n<h2>What it confuses</h2>\n<p>On the {}.</p>\n{matrix}\
         <h3>Classes, the worst first</h3>\n{}{rest}{images}</section>\n",
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
