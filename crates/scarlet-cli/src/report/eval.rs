//! What `scarlet eval` prints.

use std::fmt::{self, Write};

use scarlet::Accuracy;
use scarlet::zoo::PublishedAccuracy;
use scarlet_data::PassedOver;
use scarlet_train::trust::{AfterSource, Figures};
use serde::Serialize;

use super::against::Against;
use super::augmented::Augmented;
use super::number::{counted, interval, percent, thousands};
use super::table::{Column, table};
use super::{Setting, Unreadable};

/// Classes printed for what a class was taken for.
const MISTAKES: usize = 3;

/// The accuracy of a network on labelled images. Accuracies are from 0 to 1.
#[derive(Debug, Serialize)]
pub(crate) struct EvalReport {
    #[serde(flatten)]
    pub(crate) setting: Setting,
    /// Where the images are from.
    pub(crate) folder: String,
    /// Which of its parts they are, if it has any.
    pub(crate) part: Option<&'static str>,
    /// Whether every image was looked at.
    pub(crate) complete: bool,
    /// Images that were evaluated.
    pub(crate) images: u64,
    /// Images there are.
    pub(crate) images_in_folder: usize,
    pub(crate) top1: f64,
    /// 95 % confidence interval of the top-1 accuracy.
    pub(crate) top1_interval: [f64; 2],
    pub(crate) top5: f64,
    /// 95 % confidence interval of the top-5 accuracy.
    pub(crate) top5_interval: [f64; 2],
    /// Mean of the classes' top-1 accuracies.
    pub(crate) mean_class_top1: f64,
    /// Whether the network can be trusted.
    pub(crate) trust: Figures,
    /// What several views of each image change, where there are several; all else is with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) augmented: Option<Augmented>,
    /// Compared with another network, where one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) against: Option<Against>,
    pub(crate) seconds: f64,
    pub(crate) images_per_second: f64,
    /// What is known of the network on the whole validation set, in percent.
    pub(crate) published: Option<PublishedAccuracy>,
    pub(crate) classes: Vec<ClassReport>,
    pub(crate) unreadable: Vec<Unreadable>,
    /// Files that are no images, by their endings.
    pub(crate) passed_over: PassedOver,
}

#[derive(Debug, Serialize)]
pub(crate) struct ClassReport {
    /// Index among the network's classes.
    pub(crate) class: usize,
    pub(crate) name: String,
    /// WordNet id, of ImageNet's classes.
    pub(crate) wnid: Option<&'static str>,
    pub(crate) images: u64,
    pub(crate) top1: f64,
    /// 95 % confidence interval of the top-1 accuracy.
    pub(crate) top1_interval: [f64; 2],
    pub(crate) top5: f64,
    /// Every wrong first prediction, the most frequent first.
    pub(crate) mistaken_for: Vec<Mistake>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Mistake {
    pub(crate) class: usize,
    pub(crate) name: String,
    pub(crate) images: u64,
}

/// The classes that there were images of, the worst first.
pub(crate) fn class_reports(
    accuracy: &Accuracy,
    name: impl Fn(usize) -> String,
    wnid: impl Fn(usize) -> Option<&'static str>,
) -> Vec<ClassReport> {
    accuracy
        .worst_classes()
        .into_iter()
        .map(|(class, score)| ClassReport {
            class,
            name: name(class),
            wnid: wnid(class),
            images: score.images,
            top1: score.top1(),
            top1_interval: score.top1_interval(),
            top5: score.top5(),
            mistaken_for: accuracy
                .mistaken_for(class)
                .into_iter()
                .map(|(class, images)| Mistake {
                    class,
                    name: name(class),
                    images,
                })
                .collect(),
        })
        .collect()
}

impl EvalReport {
    /// For people, with the `worst` classes.
    pub(crate) fn text(&self, worst: usize) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text, worst);
        text
    }

    fn write(&self, text: &mut String, worst: usize) -> fmt::Result {
        let evaluated = counted(self.images, "image", "images");
        let seen = self.images as usize + self.unreadable.len();
        if !self.complete {
            writeln!(
                text,
                "PARTIAL RESULT: interrupted after {} of {} images\n",
                thousands(seen as u64),
                thousands(self.images_in_folder as u64)
            )?;
        }
        let network = self.setting.network();
        let weights = &self.setting.weights;
        write!(text, "{network} ({weights}) on {}", self.folder)?;
        match self.part {
            Some(part) => writeln!(text, ", its {part} images")?,
            None => writeln!(text)?,
        }
        writeln!(
            text,
            "  top-1     {:>8}   95 % interval {}",
            percent(self.top1),
            interval(self.top1_interval)
        )?;
        writeln!(
            text,
            "  top-5     {:>8}   95 % interval {}",
            percent(self.top5),
            interval(self.top5_interval)
        )?;
        writeln!(
            text,
            "  per class {:>8}   mean of the classes' top-1",
            percent(self.mean_class_top1)
        )?;
        if let Some(augmented) = self.augmented.as_ref().filter(|_| self.images > 0) {
            write!(text, "{}", augmented.lines())?;
        }
        if self.images > 0 {
            writeln!(text, "  {}", calibration(&self.trust))?;
            writeln!(text, "  {}", threshold(&self.trust))?;
        }
        if let Some(published) = &self.published {
            let top5 = published
                .top5
                .map_or(String::new(), |top5| format!(", top-5 {top5:.1} %"));
            writeln!(text, "  published: top-1 {:.1} %{top5}", published.top1)?;
        }
        write!(
            text,
            "  {evaluated} of {}, {:.1} images/s",
            counted(self.classes.len() as u64, "class", "classes"),
            self.images_per_second
        )?;
        match self.unreadable.len() {
            0 => writeln!(text)?,
            unreadable => writeln!(text, "; {unreadable} unreadable and left out")?,
        }

        if let Some(against) = &self.against {
            write!(text, "\n{}", against.text())?;
        }
        let worst = &self.classes[..worst.min(self.classes.len())];
        if !worst.is_empty() {
            writeln!(text, "\n{}", class_table(worst))?;
        }
        Ok(())
    }
}

/// How far the network is from being right as often as it says.
fn calibration(figures: &Figures) -> String {
    let points = |share: f64| format!("{:.1}", 100.0 * share);
    let before = points(figures.before.expected_calibration_error);
    let by_chance = points(figures.as_it_is().by_chance);
    let [error, other] = match &figures.after {
        Some(after) => {
            let error = points(after.reliability.expected_calibration_error);
            match after.source {
                AfterSource::Network => [error, format!("{before} without its temperature, ")],
                AfterSource::Halves => [before, format!("{error} with a temperature, ")],
            }
        }
        None => [before, String::new()],
    };
    format!("calibration error {error} points ({other}{by_chance} by chance alone)")
}

/// What it takes for answers that are almost always right.
fn threshold(figures: &Figures) -> String {
    let wanted = format!("{:.0} %", 100.0 * figures.wanted_accuracy);
    match &figures.threshold {
        Some(found) if found.point.threshold == 0.0 => {
            format!("{wanted} right without a threshold")
        }
        Some(found) => format!(
            "{wanted} right with --threshold {}, which answers {} of the images; 95 % interval {}",
            found.point.threshold,
            percent(found.coverage),
            interval(found.interval)
        ),
        None => format!("{wanted} right with no threshold"),
    }
}

fn class_table(classes: &[ClassReport]) -> String {
    let columns = [
        Column::Left("worst classes"),
        Column::Left(""),
        Column::Right("images"),
        Column::Right("top-1"),
        Column::Left("95 % interval"),
        Column::Right("top-5"),
        Column::Left("taken for"),
    ];
    let rows = classes.iter().map(|class| {
        let mistakes: Vec<String> = class
            .mistaken_for
            .iter()
            .take(MISTAKES)
            .map(|mistake| format!("{} ({})", mistake.name, mistake.images))
            .collect();
        vec![
            class.name.clone(),
            class.wnid.unwrap_or_default().to_owned(),
            class.images.to_string(),
            percent(class.top1),
            interval(class.top1_interval),
            percent(class.top5),
            mistakes.join(", "),
        ]
    });
    table(&columns, rows)
}
