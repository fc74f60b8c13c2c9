//! The files that were found, as CSV.

use std::io::{self, BufWriter};
use std::path::Path;

use scarlet_io::atomic_file::OutputFile;
use serde::Serialize;

use super::{CheckReport, Group, ImageRef};
use crate::error::CliError;

/// A finding about a file. A file may have several.
#[derive(Debug, Serialize)]
struct Row<'a> {
    finding: &'static str,
    /// Whether it spoils training or evaluation.
    spoils: bool,
    path: &'a str,
    class: &'a str,
    part: &'a str,
    /// The same for files of the same picture.
    group: Option<usize>,
    /// The reason of a file that cannot be read, or the class that one looks like.
    detail: &'a str,
    /// How probable that class is.
    probability: Option<f64>,
}

/// Writes every finding about a file, the worst first. The file appears whole or not at all.
pub(crate) fn write(path: &Path, report: &CheckReport) -> Result<(), CliError> {
    let output = || -> io::Result<()> {
        let mut table = csv::Writer::from_writer(BufWriter::new(OutputFile::create(path)?));
        for row in rows(report) {
            table.serialize(row)?;
        }
        let buffer = table.into_inner().map_err(|error| error.into_error())?;
        buffer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .finish()
    };
    output().map_err(|source| CliError::WriteFile {
        path: path.to_owned(),
        source,
    })
}

fn row<'a>(finding: &'static str, spoils: bool, image: &'a ImageRef) -> Row<'a> {
    Row {
        finding,
        spoils,
        path: &image.path,
        class: &image.class,
        part: image.part,
        group: None,
        detail: "",
        probability: None,
    }
}

fn rows(report: &CheckReport) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let duplicates = &report.duplicates;
    let mut group = 0;
    for (finding, spoils, groups) in [
        ("several classes", true, &duplicates.conflicts),
        ("several parts", true, &duplicates.leaks),
    ] {
        add(&mut rows, &mut group, finding, spoils, groups);
    }
    for doubt in &report.labels.doubts {
        rows.push(Row {
            detail: &doubt.looks_like,
            probability: Some(doubt.probability),
            ..row("doubted label", true, &doubt.image)
        });
    }
    for unreadable in &report.unreadable {
        rows.push(Row {
            detail: &unreadable.error,
            ..row("unreadable", true, &unreadable.image)
        });
    }
    let twice = &duplicates.within_class;
    add(&mut rows, &mut group, "duplicate", false, twice);
    if let Some(pictures) = &report.pictures {
        for (finding, images) in [
            ("blank", &pictures.blank),
            ("small", &pictures.small),
            ("odd shape", &pictures.odd_shapes),
            ("grey", &pictures.grey_among_coloured),
        ] {
            rows.extend(images.iter().map(|image| row(finding, false, image)));
        }
    }
    rows
}

fn add<'a>(
    rows: &mut Vec<Row<'a>>,
    number: &mut usize,
    finding: &'static str,
    spoils: bool,
    groups: &'a [Group],
) {
    for group in groups {
        *number += 1;
        for image in &group.images {
            rows.push(Row {
                group: Some(*number),
                detail: if group.exact { "same pixels" } else { "nearly" },
                ..row(finding, spoils, image)
            });
        }
    }
}
