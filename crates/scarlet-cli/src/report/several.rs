//! What `scarlet eval` prints of a network that gives images any number of labels.

use std::fmt::{self, Write};

use scarlet_train::several::{ClassFigures, LabelFigures};
use serde::Serialize;

use super::number::{counted, percent, thousands};
use super::table::{Column, table};
use super::{Setting, Unreadable};

/// How well a network tells the labels of images. Shares are from 0 to 1.
#[derive(Debug, Serialize)]
pub(crate) struct LabelsEvalReport {
    #[serde(flatten)]
    pub(crate) setting: Setting,
    /// The CSV file that lists the images.
    pub(crate) source: String,
    /// Which of its parts they are, if it has any.
    pub(crate) part: Option<&'static str>,
    /// Whether every image was looked at.
    pub(crate) complete: bool,
    /// Images that were evaluated.
    pub(crate) images: usize,
    /// Images that are listed.
    pub(crate) images_listed: usize,
    pub(crate) mean_average_precision: Option<f64>,
    /// Of all labels together, each given from its class's threshold on.
    pub(crate) precision: Option<f64>,
    pub(crate) recall: Option<f64>,
    pub(crate) f1: Option<f64>,
    /// Mean of the classes' F1.
    pub(crate) mean_f1: Option<f64>,
    /// Share of the images that are given exactly their labels.
    pub(crate) exact: f64,
    /// Mean binary cross-entropy of a label, in nats.
    pub(crate) loss: f64,
    /// The images that the thresholds were fitted on; one half for all classes where there are none.
    pub(crate) thresholds_of: Option<String>,
    pub(crate) seconds: f64,
    pub(crate) images_per_second: f64,
    /// In the network's order.
    pub(crate) classes: Vec<LabelReport>,
    pub(crate) unreadable: Vec<Unreadable>,
}

#[derive(Debug, Serialize)]
pub(crate) struct LabelReport {
    pub(crate) class: usize,
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) figures: ClassFigures,
}

impl LabelReport {
    pub(crate) fn all(names: &[String], figures: &LabelFigures) -> Vec<Self> {
        let classes = names.iter().zip(&figures.classes).enumerate();
        let classes = classes.map(|(class, (name, figures))| Self {
            class,
            name: name.clone(),
            figures: figures.clone(),
        });
        classes.collect()
    }
}

impl LabelsEvalReport {
    /// For people, with the `worst` classes.
    pub(crate) fn text(&self, worst: usize) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text, worst);
        text
    }

    fn write(&self, text: &mut String, worst: usize) -> fmt::Result {
        if !self.complete {
            writeln!(
                text,
                "PARTIAL RESULT: interrupted after {} of {} images\n",
                thousands((self.images + self.unreadable.len()) as u64),
                thousands(self.images_listed as u64)
            )?;
        }
        let (network, weights) = (self.setting.network(), &self.setting.weights);
        write!(text, "{network} ({weights}) on {}", self.source)?;
        match self.part {
            Some(part) => writeln!(text, ", its {part} images")?,
            None => writeln!(text)?,
        }
        writeln!(
            text,
            "  mean average precision  {:>8}",
            share(self.mean_average_precision)
        )?;
        writeln!(
            text,
            "  labels                  {:>8}   precision, recall {}, F1 {}",
            share(self.precision),
            share(self.recall),
            share(self.f1)
        )?;
        writeln!(
            text,
            "  per class               {:>8}   mean of the classes' F1",
            share(self.mean_f1)
        )?;
        writeln!(
            text,
            "  exact                   {:>8}   of the images are given exactly their labels",
            percent(self.exact)
        )?;
        match &self.thresholds_of {
            Some(of) => writeln!(text, "  thresholds: one per class, fitted on {of}")?,
            None => writeln!(text, "  thresholds: 0.5 for all classes")?,
        }
        write!(
            text,
            "  {}, {:.1} images/s",
            counted(self.images as u64, "image", "images"),
            self.images_per_second
        )?;
        match self.unreadable.len() {
            0 => writeln!(text)?,
            unreadable => writeln!(text, "; {unreadable} unreadable and left out")?,
        }
        let mut classes: Vec<&LabelReport> = self.classes.iter().collect();
        let merit = |it: &LabelReport| it.figures.average_precision.unwrap_or(f64::INFINITY);
        classes.sort_by(|a, b| merit(a).total_cmp(&merit(b)));
        classes.truncate(worst);
        match classes.is_empty() {
            true => Ok(()),
            false => writeln!(text, "\n{}", class_table(&classes)),
        }
    }
}

fn share(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), percent)
}

fn class_table(classes: &[&LabelReport]) -> String {
    let columns = [
        Column::Left("worst classes"),
        Column::Right("images"),
        Column::Right("average precision"),
        Column::Right("threshold"),
        Column::Right("precision"),
        Column::Right("recall"),
        Column::Right("F1"),
    ];
    let rows = classes.iter().map(|class| {
        let figures = &class.figures;
        vec![
            class.name.clone(),
            figures.images.to_string(),
            share(figures.average_precision),
            format!("{:.3}", figures.threshold.get()),
            share(figures.precision),
            share(figures.recall),
            share(figures.f1),
        ]
    });
    table(&columns, rows)
}
