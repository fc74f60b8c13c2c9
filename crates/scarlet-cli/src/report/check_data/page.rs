//! The report as a page.

use std::path::Path;

use scarlet_io::atomic_file;
use scarlet_report::{
    ClassImages, DataCheck, Fact, Finding, PictureGroup, ShownPicture, check_html,
};

use super::text::percent_of;
use super::{CheckReport, Group, ImageRef};
use crate::error::CliError;
use crate::report::number::{counted, thousands};

/// Groups of a finding that are shown with pictures.
const GROUPS: usize = 60;
/// Pictures of a group that are shown.
const PICTURES: usize = 8;

/// Small pictures, by their paths.
type Thumbnails<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Writes the page, which appears whole or not at all.
pub(crate) fn write(
    path: &Path,
    report: &CheckReport,
    thumbnails: Thumbnails<'_>,
) -> Result<(), CliError> {
    let page = check_html(&data_check(report, thumbnails));
    let written: Result<(), std::io::Error> = atomic_file::write(path, |file| {
        std::io::Write::write_all(file, page.as_bytes())
    });
    written.map_err(|source| CliError::WriteFile {
        path: path.to_owned(),
        source,
    })
}

fn data_check(report: &CheckReport, thumbnails: Thumbnails<'_>) -> DataCheck {
    let fact = |name: &str, count: usize| Fact {
        name: name.to_owned(),
        value: thousands(count as u64),
    };
    let duplicates = &report.duplicates;
    let figures = vec![
        fact("images", report.images),
        fact("classes", report.classes.counts.len()),
        fact("pictures in several classes", duplicates.conflicts.len()),
        fact("pictures in several parts", duplicates.leaks.len()),
        match report.labels.checked {
            0 => Fact {
                name: "doubted labels: not checked".to_owned(),
                value: "–".to_owned(),
            },
            _ => fact("doubted labels", report.labels.doubts.len()),
        },
        fact("unreadable files", report.unreadable.len()),
    ];
    let mut lead = report.verdict();
    if let Some(first) = lead.get(..1).map(str::to_uppercase) {
        lead.replace_range(..1, &first);
    }
    lead.push('.');
    let facts = report.facts().into_iter();
    DataCheck {
        title: report.data.clone(),
        lead,
        figures,
        findings: findings(report, thumbnails),
        parts: report.parts.iter().map(|it| it.name.to_owned()).collect(),
        classes: report
            .classes
            .counts
            .iter()
            .map(|class| ClassImages {
                name: class.name.clone(),
                images: class.images.clone(),
            })
            .collect(),
        facts: facts
            .map(|(name, value)| Fact {
                name: name.to_owned(),
                value,
            })
            .collect(),
    }
}

fn findings(report: &CheckReport, thumbnails: Thumbnails<'_>) -> Vec<Finding> {
    let maker = Maker { report, thumbnails };
    let duplicates = &report.duplicates;
    let (spoiling, others) = report.class_findings();
    let mut findings = vec![
        maker.duplicates(
            true,
            ("picture in several classes", "pictures in several classes"),
            "At most one label of each is right: leave one copy, in the class that it belongs to.",
            &duplicates.conflicts,
        ),
        maker.duplicates(
            true,
            ("picture in several parts", "pictures in several parts"),
            "Accuracy on pictures that a network was trained on says little about other images: \
             leave each picture in one part only.",
            &duplicates.leaks,
        ),
        maker.doubts(),
        maker.unreadable(),
        maker.sentences(true, "Classes that cannot be trained", spoiling),
        maker.sentences(false, "Classes and folders", others),
        maker.duplicates(
            false,
            (
                "picture twice in one class and part",
                "pictures twice in one class and part",
            ),
            "They count more than others.",
            &duplicates.within_class,
        ),
    ];
    if let Some(pictures) = &report.pictures {
        for (one, many, meaning, images) in [
            (
                "blank picture",
                "blank pictures",
                "Of nearly one brightness everywhere.",
                &pictures.blank,
            ),
            (
                "small picture",
                "small pictures",
                "Less than half of what networks see: they are enlarged.",
                &pictures.small,
            ),
            (
                "picture of an odd shape",
                "pictures of an odd shape",
                "Three times wider or higher than most: networks see a small part.",
                &pictures.odd_shapes,
            ),
            (
                "grey picture among coloured ones",
                "grey pictures among coloured ones",
                "Colour may tell them apart, and not what is on them.",
                &pictures.grey_among_coloured,
            ),
        ] {
            findings.push(maker.images((one, many), meaning, images));
        }
    }
    let findings = findings.into_iter();
    findings
        .filter(|it| !(it.paths.is_empty() && it.sentences.is_empty()))
        .collect()
}

struct Maker<'a> {
    report: &'a CheckReport,
    thumbnails: Thumbnails<'a>,
}

impl Maker<'_> {
    fn finding(&self, spoils: bool, heading: String, meaning: &str) -> Finding {
        Finding {
            heading,
            meaning: meaning.to_owned(),
            spoils,
            sentences: Vec::new(),
            groups: Vec::new(),
            more: 0,
            paths: Vec::new(),
        }
    }

    fn counted(&self, count: usize, (one, many): (&str, &str)) -> String {
        counted(count as u64, one, many)
    }

    /// The path from where the command was given.
    fn path(&self, image: &ImageRef) -> String {
        let folder = Path::new(&self.report.data);
        match folder.is_dir() && self.report.pictures.is_some() {
            true => folder.join(&image.path).display().to_string(),
            false => image.path.clone(),
        }
    }

    fn shown(&self, image: &ImageRef, note: String) -> ShownPicture {
        ShownPicture {
            thumbnail: (self.thumbnails)(&image.path),
            path: image.path.clone(),
            note,
        }
    }

    fn duplicates(
        &self,
        spoils: bool,
        names: (&str, &str),
        meaning: &str,
        groups: &[Group],
    ) -> Finding {
        let group = |group: &Group| {
            let note = |image: &ImageRef| format!("{}, {}", image.class, image.part);
            let shown = group.images.iter().take(PICTURES);
            PictureGroup {
                note: match group.exact {
                    true => "the same pixels".to_owned(),
                    false => "nearly the same: resized, encoded again or cropped".to_owned(),
                },
                pictures: shown.map(|image| self.shown(image, note(image))).collect(),
                more: group.images.len().saturating_sub(PICTURES),
            }
        };
        Finding {
            groups: groups.iter().take(GROUPS).map(group).collect(),
            more: groups.len().saturating_sub(GROUPS),
            paths: groups
                .iter()
                .flat_map(|group| &group.images)
                .map(|image| self.path(image))
                .collect(),
            ..self.finding(spoils, self.counted(groups.len(), names), meaning)
        }
    }

    fn doubts(&self) -> Finding {
        let doubts = &self.report.labels.doubts;
        let shown = doubts.iter().take(GROUPS).map(|doubt| {
            let note = format!(
                "{}, looks like {} ({})",
                doubt.image.class,
                doubt.looks_like,
                percent_of(doubt.probability)
            );
            self.shown(&doubt.image, note)
        });
        Finding {
            groups: together(shown),
            more: doubts.len().saturating_sub(GROUPS),
            paths: doubts.iter().map(|doubt| self.path(&doubt.image)).collect(),
            ..self.finding(
                true,
                self.counted(doubts.len(), ("doubted label", "doubted labels")),
                "A classifier that has not seen the image finds its label improbable and another class \
                 probable. The surest come first. Some of these will be right.",
            )
        }
    }

    fn unreadable(&self) -> Finding {
        let unreadable = &self.report.unreadable;
        Finding {
            sentences: unreadable
                .iter()
                .take(GROUPS)
                .map(|it| it.error.clone())
                .collect(),
            more: unreadable.len().saturating_sub(GROUPS),
            paths: unreadable.iter().map(|it| self.path(&it.image)).collect(),
            ..self.finding(
                true,
                self.counted(unreadable.len(), ("unreadable file", "unreadable files")),
                "They are left out of training and of every accuracy.",
            )
        }
    }

    fn sentences(&self, spoils: bool, heading: &str, sentences: Vec<String>) -> Finding {
        Finding {
            sentences,
            ..self.finding(spoils, heading.to_owned(), "")
        }
    }

    fn images(&self, names: (&str, &str), meaning: &str, images: &[ImageRef]) -> Finding {
        let shown = images.iter().take(GROUPS);
        let shown = shown.map(|image| self.shown(image, image.class.clone()));
        Finding {
            groups: together(shown),
            more: images.len().saturating_sub(GROUPS),
            paths: images.iter().map(|image| self.path(image)).collect(),
            ..self.finding(false, self.counted(images.len(), names), meaning)
        }
    }
}

/// Pictures that do not belong together, side by side.
fn together(pictures: impl Iterator<Item = ShownPicture>) -> Vec<PictureGroup> {
    let pictures: Vec<ShownPicture> = pictures.collect();
    match pictures.is_empty() {
        true => Vec::new(),
        false => vec![PictureGroup {
            note: String::new(),
            pictures,
            more: 0,
        }],
    }
}
