//! The report as text.

use std::fmt::Write;

use super::{CheckReport, Group, ImageRef};
use crate::report::name::on_one_line;
use crate::report::number::{counted, percent, thousands};

/// Names that are written out.
const NAMES: usize = 8;
/// Paths of a group that are written out.
const PATHS: usize = 4;

/// Names in a row, not too many.
pub(super) fn names(names: &[String]) -> String {
    let shown = names.iter().take(NAMES).map(|name| on_one_line(name));
    let shown: Vec<_> = shown.collect();
    let more = match names.len().saturating_sub(NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", shown.join(", "))
}

/// A section: its heading, and lines of which so many are shown.
fn section(text: &mut String, heading: &str, lines: &[String], show: usize) {
    if lines.is_empty() {
        return;
    }
    // Writing to a string cannot fail.
    let _ = writeln!(text, "\n{heading}");
    for line in lines.iter().take(show) {
        let _ = writeln!(text, "  {line}");
    }
    match lines.len().saturating_sub(show) {
        0 => {}
        more => {
            let _ = writeln!(text, "  and {} more", thousands(more as u64));
        }
    }
}

fn group(group: &Group) -> String {
    let how = if group.exact {
        "the same pixels"
    } else {
        "nearly the same"
    };
    let paths = group.images.iter().take(PATHS);
    let paths: Vec<_> = paths.map(|image| on_one_line(&image.path)).collect();
    let more = match group.images.len().saturating_sub(PATHS) {
        0 => String::new(),
        more => format!("  and {more} more"),
    };
    format!("{how}  {}{more}", paths.join("  "))
}

fn paths(images: &[ImageRef]) -> Vec<String> {
    let path = |image: &ImageRef| on_one_line(&image.path).into_owned();
    images.iter().map(path).collect()
}

impl CheckReport {
    /// What was found, the worst first, `show` of each kind.
    pub(crate) fn text(&self, show: usize) -> String {
        let parts: Vec<String> = self
            .parts
            .iter()
            .map(|part| format!("{} {}", part.name, thousands(part.images as u64)))
            .collect();
        let parts = match parts.len() {
            1 => String::new(),
            _ => format!(" ({})", parts.join(", ")),
        };
        let mut text = format!(
            "{}: {} of {}{parts}\n{}\n",
            on_one_line(&self.data),
            counted(self.images as u64, "image", "images"),
            counted(self.classes.counts.len() as u64, "class", "classes"),
            self.verdict()
        );
        self.spoiling(&mut text, show);
        self.others(&mut text, show);
        text
    }

    /// What came of it, as a sentence.
    pub(super) fn verdict(&self) -> String {
        match self.spoils.is_empty() {
            false => format!("spoils training or evaluation: {}", self.spoils.join(", ")),
            true if self.labels.checked == 0 => {
                "nothing was found that spoils training or evaluation; labels were not checked"
                    .to_owned()
            }
            true => "nothing was found that spoils training or evaluation".to_owned(),
        }
    }

    fn spoiling(&self, text: &mut String, show: usize) {
        let groups = |groups: &[Group]| groups.iter().map(group).collect::<Vec<_>>();
        let duplicates = &self.duplicates;
        section(
            text,
            "the same picture in several classes: at most one label is right",
            &groups(&duplicates.conflicts),
            show,
        );
        section(
            text,
            "the same picture in several parts: accuracies on it say little",
            &groups(&duplicates.leaks),
            show,
        );
        let doubts: Vec<String> = self
            .labels
            .doubts
            .iter()
            .map(|doubt| {
                format!(
                    "{}  looks like {} ({}), not {} ({})",
                    on_one_line(&doubt.image.path),
                    on_one_line(&doubt.looks_like),
                    percent_of(doubt.probability),
                    on_one_line(&doubt.image.class),
                    percent_of(doubt.own_probability)
                )
            })
            .collect();
        section(text, "labels that are likely to be wrong", &doubts, show);
        let unreadable: Vec<String> = self
            .unreadable
            .iter()
            .map(|it| on_one_line(&it.error).into_owned())
            .collect();
        section(text, "files that cannot be read", &unreadable, show);
        let (spoiling, _) = self.class_findings();
        section(
            text,
            "classes that cannot be trained",
            &spoiling,
            usize::MAX,
        );
    }

    fn others(&self, text: &mut String, show: usize) {
        let (_, classes) = self.class_findings();
        section(text, "classes and folders", &classes, usize::MAX);
        let twice: Vec<String> = self.duplicates.within_class.iter().map(group).collect();
        section(
            text,
            "the same picture in one class and part: it counts more than others",
            &twice,
            show,
        );
        if let Some(pictures) = &self.pictures {
            for (heading, images) in [
                ("of nearly one brightness everywhere", &pictures.blank),
                ("less than half of what networks see", &pictures.small),
                (
                    "three times wider or higher than most",
                    &pictures.odd_shapes,
                ),
                ("grey among coloured ones", &pictures.grey_among_coloured),
            ] {
                section(text, heading, &paths(images), show);
            }
        }
        let _ = writeln!(text);
        for fact in self.facts() {
            let _ = writeln!(text, "{:<12}{}", fact.0, fact.1);
        }
    }

    /// What else there is to say: names and values.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let labels = &self.labels;
        let mut facts = Vec::new();
        match (&labels.not_checked, labels.agreement) {
            (Some(why), _) => facts.push(("labels", format!("not checked: {why}"))),
            (None, Some(agreement)) => {
                let network = labels.network.as_deref().unwrap_or_default();
                let left_out = match labels.small_classes.as_slice() {
                    [] => String::new(),
                    classes => format!("; too few images to check: {}", names(classes)),
                };
                facts.push((
                    "labels",
                    format!(
                        "{} checked by a linear classifier on the features of {network}, which agrees with {} \
                         of them{left_out}",
                        thousands(labels.checked as u64),
                        percent(agreement)
                    ),
                ));
            }
            (None, None) => facts.push((
                "labels",
                "not checked: fewer than two classes have five images".to_owned(),
            )),
        }
        if let Some(pictures) = &self.pictures {
            let size = |[width, height]: [u32; 2]| format!("{width}×{height}");
            facts.push((
                "sizes",
                format!(
                    "{} to {}, most about {}; networks see {see}×{see} by default",
                    size(pictures.smallest),
                    size(pictures.largest),
                    size(pictures.median),
                    see = pictures.networks_see
                ),
            ));
            let turned = match pictures.turned {
                0 => String::new(),
                count => format!(
                    ", {} rotated by the camera's tag (EXIF), which torchvision ignores",
                    thousands(count as u64)
                ),
            };
            facts.push((
                "shapes",
                format!(
                    "{} landscape, {} portrait, {} square{turned}",
                    thousands(pictures.landscape as u64),
                    thousands(pictures.portrait as u64),
                    thousands(pictures.square as u64)
                ),
            ));
            if pictures.grey > 0 {
                facts.push(("grey", thousands(pictures.grey as u64)));
            }
        }
        facts
    }
}

/// `97 %` of a number from 0 to 1.
pub(super) fn percent_of(probability: f64) -> String {
    format!("{:.0} %", 100.0 * probability)
}
