//! What `scarlet check-data` reports.

pub(crate) mod list;
pub(crate) mod page;
mod text;

use scarlet_data::PassedOver;
use serde::Serialize;

use super::number::counted;

/// Times that the largest class may be larger than the smallest before it is said.
const IMBALANCE: f64 = 5.0;

/// What is wrong with a data set.
#[derive(Debug, Serialize)]
pub(crate) struct CheckReport {
    /// Where the images are from.
    pub(crate) data: String,
    /// Number of images, those that cannot be read as well.
    pub(crate) images: usize,
    pub(crate) parts: Vec<PartCount>,
    /// What was found that spoils training or evaluation, in words.
    pub(crate) spoils: Vec<String>,
    pub(crate) unreadable: Vec<UnreadableImage>,
    pub(crate) duplicates: Duplicates,
    pub(crate) labels: Labels,
    pub(crate) classes: Classes,
    /// How photographs look; none of other data.
    pub(crate) pictures: Option<PictureFindings>,
    /// Files that are no images, by their ending.
    pub(crate) passed_over: PassedOver,
    /// In which order classes come, where their names have numbers.
    #[serde(skip)]
    pub(crate) order: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct PartCount {
    pub(crate) name: &'static str,
    pub(crate) images: usize,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ImageRef {
    /// Within the data's folder.
    pub(crate) path: String,
    pub(crate) class: String,
    pub(crate) part: &'static str,
}

#[derive(Debug, Serialize)]
pub(crate) struct UnreadableImage {
    #[serde(flatten)]
    pub(crate) image: ImageRef,
    pub(crate) error: String,
}

/// Groups of files that hold the same picture.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Duplicates {
    /// In several classes.
    pub(crate) conflicts: Vec<Group>,
    /// In several parts, under one label.
    pub(crate) leaks: Vec<Group>,
    /// In one part and class.
    pub(crate) within_class: Vec<Group>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Group {
    /// Whether the pixels are the same; else some are resized, encoded again or cropped.
    pub(crate) exact: bool,
    pub(crate) images: Vec<ImageRef>,
}

/// Labels that may be wrong.
#[derive(Debug, Serialize)]
pub(crate) struct Labels {
    /// How many were checked.
    pub(crate) checked: usize,
    /// By whose features.
    pub(crate) network: Option<String>,
    pub(crate) resolution: Option<usize>,
    /// Share of labels that the classifier would have given too, from 0 to 1.
    pub(crate) agreement: Option<f64>,
    /// The most certain first.
    pub(crate) doubts: Vec<Doubt>,
    /// Classes of too few images to be checked.
    pub(crate) small_classes: Vec<String>,
    /// Why none were checked.
    pub(crate) not_checked: Option<String>,
}

impl Labels {
    pub(crate) fn not_checked(why: &str) -> Self {
        Self {
            checked: 0,
            network: None,
            resolution: None,
            agreement: None,
            doubts: Vec::new(),
            small_classes: Vec::new(),
            not_checked: Some(why.to_owned()),
        }
    }
}

/// A label that may be wrong. Probabilities are from 0 to 1.
#[derive(Debug, Serialize)]
pub(crate) struct Doubt {
    #[serde(flatten)]
    pub(crate) image: ImageRef,
    pub(crate) looks_like: String,
    pub(crate) probability: f64,
    pub(crate) own_probability: f64,
}

/// How many images classes have.
#[derive(Debug, Serialize)]
pub(crate) struct Classes {
    pub(crate) counts: Vec<ClassCount>,
    /// What small classes have fewer images than.
    pub(crate) min_images: usize,
    /// Without an image that can be read.
    pub(crate) empty: Vec<String>,
    /// With images to evaluate on, but none to train on.
    pub(crate) not_trained: Vec<String>,
    /// Of a single image to train on.
    pub(crate) single: Vec<String>,
    /// Of few.
    pub(crate) small: Vec<String>,
    /// For parts other than the training images, classes that these have and they have not.
    pub(crate) missing: Vec<(&'static str, Vec<String>)>,
    /// How many times larger the largest class is than the smallest, of those to train on.
    pub(crate) imbalance: f64,
    /// What may be a mistake in the folders.
    pub(crate) doubts: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ClassCount {
    pub(crate) name: String,
    /// Images that can be read, in each of the parts.
    pub(crate) images: Vec<u64>,
}

/// How photographs look. Sizes are width and height in pixels.
#[derive(Debug, Serialize)]
pub(crate) struct PictureFindings {
    pub(crate) smallest: [u32; 2],
    pub(crate) median: [u32; 2],
    pub(crate) largest: [u32; 2],
    pub(crate) landscape: usize,
    pub(crate) portrait: usize,
    pub(crate) square: usize,
    /// Turned or mirrored by a note of the camera (EXIF).
    pub(crate) turned: usize,
    /// Without colour.
    pub(crate) grey: usize,
    /// Height and width that a public network is trained further with, unless told otherwise.
    pub(crate) networks_see: usize,
    /// Of nearly one brightness.
    pub(crate) blank: Vec<ImageRef>,
    /// Of less than half of what networks see.
    pub(crate) small: Vec<ImageRef>,
    /// Three times wider or higher than most.
    pub(crate) odd_shapes: Vec<ImageRef>,
    /// Grey ones, where they are few.
    pub(crate) grey_among_coloured: Vec<ImageRef>,
}

impl CheckReport {
    pub(crate) fn new(
        data: &str,
        images: usize,
        parts: Vec<PartCount>,
        duplicates: Duplicates,
        labels: Labels,
        classes: Classes,
    ) -> Self {
        let mut report = Self {
            data: data.to_owned(),
            images,
            parts,
            spoils: Vec::new(),
            unreadable: Vec::new(),
            duplicates,
            labels,
            classes,
            pictures: None,
            passed_over: PassedOver::default(),
            order: None,
        };
        report.judge();
        report
    }

    /// Says again what spoils training or evaluation.
    pub(crate) fn judge(&mut self) {
        let classes = &self.classes;
        let untrained = classes.empty.len() + classes.not_trained.len() + classes.single.len();
        let found = [
            (
                self.duplicates.conflicts.len(),
                "picture in several classes",
                "pictures in several classes",
            ),
            (
                self.duplicates.leaks.len(),
                "picture in several parts",
                "pictures in several parts",
            ),
            (self.labels.doubts.len(), "doubted label", "doubted labels"),
            (self.unreadable.len(), "unreadable file", "unreadable files"),
            (
                untrained,
                "class that cannot be trained",
                "classes that cannot be trained",
            ),
        ];
        self.spoils = found
            .into_iter()
            .filter(|&(count, ..)| count > 0)
            .map(|(count, one, many)| counted(count as u64, one, many))
            .collect();
    }

    /// Sentences about classes: first those that spoil training.
    pub(crate) fn class_findings(&self) -> (Vec<String>, Vec<String>) {
        let classes = &self.classes;
        let mut spoiling = Vec::new();
        let mut say = |names: &[String], text: &str| {
            if !names.is_empty() {
                spoiling.push(format!("{text}: {}", text::names(names)));
            }
        };
        say(&classes.empty, "no image that can be read");
        say(
            &classes.not_trained,
            "images to evaluate on, but none to train on",
        );
        say(&classes.single, "a single image to train on");
        let mut others = Vec::new();
        if !classes.small.is_empty() {
            others.push(format!(
                "fewer than {} images to train on: {}",
                classes.min_images,
                text::names(&classes.small)
            ));
        }
        for (part, names) in &classes.missing {
            others.push(format!("no {part} image: {}", text::names(names)));
        }
        if classes.imbalance >= IMBALANCE {
            others.push(format!(
                "the largest class has {:.0} times as many images to train on as the smallest",
                classes.imbalance
            ));
        }
        others.extend(classes.doubts.iter().cloned());
        if !self.passed_over.is_empty() {
            others.push(self.passed_over.to_string());
        }
        (spoiling, others)
    }
}
