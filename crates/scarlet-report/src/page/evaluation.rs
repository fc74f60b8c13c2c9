//! [`evaluation_html`]: how a network does on labelled images, as a page.

use super::data::EvaluationData;
use super::{Page, accuracy_figure, header, tables, training, trust};
use crate::{EvaluationReport, ReportError};

/// How a network does on labelled images, as one HTML page that needs no other file and no network:
/// its accuracy, whether it is right as often as it says, when it should keep silent, what it confuses,
/// and the images that say so. It can be read without scripts, on narrow screens, and in light or dark
/// colours.
///
/// # Errors
///
/// [`ReportError::UnknownClass`] where a mistake or a picture is of a class that there is not, and
/// [`ReportError::UnknownPicture`] where one is to be shown that there is not.
pub fn evaluation_html(report: &EvaluationReport) -> Result<String, ReportError> {
    report.mistakes.check()?;
    report.trust.check(report.mistakes.classes.len())?;
    let mut figures: Vec<_> = report.accuracies.iter().map(accuracy_figure).collect();
    figures.extend(trust::figures(&report.trust));
    let page = Page {
        title: &report.title,
        header: header("Evaluation", &report.title, &report.lead, &figures),
        sections: vec![
            training::mistakes(&report.mistakes, Some(&report.trust)),
            trust::pictures(&report.trust, &report.mistakes),
            trust::calibration(&report.trust),
            trust::coverage(&report.trust),
            super::usage(&report.usage),
            format!(
                "<section>\n<h2>What was evaluated</h2>{}</section>\n",
                tables::facts(&report.data)
            ),
        ],
    };
    page.html(&EvaluationData::of(report))
}
