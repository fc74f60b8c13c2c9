//! The result of a search for networks or a training run, as a page, a picture and a table.
//!
//! [`RunReport`], [`TrainingReport`] and [`EvaluationReport`] are plain data: whoever ran a search or trained a network
//! fills them in, and this crate only shows them.
//!
//! | what | function |
//! |---|---|
//! | a search as one page that any browser opens from the file system, without a network | [`html`] |
//! | the training of a single network as such a page | [`training_html`] |
//! | how a network does on labelled images as such a page | [`evaluation_html`] |
//! | networks compared on a data set as such a page, which needs no scripts | [`probe_html`] |
//! | a network that gives images any number of labels as such a page | [`labels_html`] |
//! | what is wrong with a data set as such a page, which needs no scripts | [`check_html`] |
//! | the front as a picture, for light and dark backgrounds | [`front_svg`] |
//! | every candidate, one per line | [`front_csv`] |
//! | similarities, spreads and rankings of a study | [`heat_maps_svg`], [`planes_svg`], [`strips_svg`], [`scatters_svg`] |
//! | how far several searches came | [`curves_svg`] |
//! | the loss by the learning rate, the accuracy by the number of images | [`LogChart`] |
//! | where a network's time goes, under the machine's roofs | [`roofline_svg`] |
//!
//! All return text; nothing here writes a file.
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod check;
mod csv;
mod curves;
mod error;
mod front;
mod log_chart;
mod metric;
mod page;
mod picture;
mod plane;
mod probe;
mod roofline;
mod run;
mod several;
mod study;
mod training;
mod trust;

pub use check::{ClassImages, DataCheck, Finding, PictureGroup, ShownPicture};
pub use csv::front_csv;
pub use curves::{Curve, curves_svg};
pub use error::ReportError;
pub use front::front_svg;
pub use log_chart::LogChart;
pub use page::{check_html, evaluation_html, html, labels_html, probe_html, training_html};
pub use plane::{Plane, PlanePoint, planes_svg};
pub use probe::{ProbeReport, ProbedCurve, ProbedRow};
pub use roofline::{Roofline, RooflinePoint, roofline_svg};
pub use run::{
    Candidate, Chosen, Fact, Judged, Reference, RunReport, SearchSummary, TrainedEpoch,
    TrainingCurve, Usage,
};
pub use several::{LabelScore, LabelsReport, LabelsTraining, MislabelledImage};
pub use study::{HeatMap, Scatter, Strip, heat_maps_svg, scatters_svg, strips_svg};
pub use training::{ClassScore, Confusion, MistakenImage, Mistakes, TrainingReport};
pub use trust::{CoverageRow, EvaluationReport, Picture, ReliabilityBin, ReliabilityCurve, Trust};
