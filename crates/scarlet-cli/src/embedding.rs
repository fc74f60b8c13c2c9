//! Features of images as files that other programs read.

use std::ffi::OsStr;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use scarlet_io::atomic_file::OutputFile;
use scarlet_train::probe::{Features, Probed};

use crate::error::CliError;

/// What a file is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    /// NumPy's own, version 1.0.
    Npy,
}

fn format(path: &Path) -> Result<Format, CliError> {
    match path.extension().and_then(OsStr::to_str) {
        Some("csv") => Ok(Format::Csv),
        Some("npy") => Ok(Format::Npy),
        _ => Err(CliError::Embedding(path.to_owned())),
    }
}

/// Refuses a file of another kind than there are.
pub(crate) fn check(path: &Path) -> Result<(), CliError> {
    format(path).map(drop)
}

/// Writes the features of all images: first those that the classifier was fitted to, then those
/// that it was judged by.
pub(crate) fn write(path: &Path, probed: &Probed, classes: &[String]) -> Result<(), CliError> {
    match format(path)? {
        Format::Csv => csv(path, probed, classes),
        Format::Npy => {
            let parts = [&probed.fitted, &probed.judged];
            let images: usize = parts.map(Features::len).iter().sum();
            let features = || parts.iter().flat_map(|part| part.rows()).flatten();
            let width = probed.fitted.width();
            npy(
                path,
                "<f4",
                &format!("{images}, {width}"),
                features().copied().map(f32::to_le_bytes),
            )?;
            let labels = || parts.iter().flat_map(|part| part.labels());
            let labels = labels().map(|&label| i64::from(label).to_le_bytes());
            npy(&beside(path), "<i8", &format!("{images},"), labels)
        }
    }
}

/// `x.npy` becomes `x.labels.npy`.
fn beside(path: &Path) -> PathBuf {
    path.with_extension("labels.npy")
}

fn csv(path: &Path, probed: &Probed, classes: &[String]) -> Result<(), CliError> {
    written(path, |file| {
        let mut table = csv::Writer::from_writer(file);
        let features = (0..probed.fitted.width()).map(|feature| format!("f{feature}"));
        let heading = ["part", "class", "path"].map(str::to_owned);
        table.write_record(heading.into_iter().chain(features))?;
        for (part, features) in [("fitted", &probed.fitted), ("judged", &probed.judged)] {
            let images = features.names().iter().zip(features.labels());
            for ((name, &label), row) in images.zip(features.rows()) {
                let values = row.iter().map(f32::to_string);
                let image = [part, &classes[label as usize], name].map(str::to_owned);
                table.write_record(image.into_iter().chain(values))?;
            }
        }
        table.flush()
    })
}

/// An array in NumPy's format, as its documentation describes version 1.0.
fn npy<const N: usize>(
    path: &Path,
    kind: &str,
    shape: &str,
    values: impl Iterator<Item = [u8; N]>,
) -> Result<(), CliError> {
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
    // With magic number, version, length and line break a multiple of 64.
    let length = (header.len() + 11).next_multiple_of(64) - 10;
    header = format!("{header:<0$}\n", length - 1);
    written(path, |file| {
        file.write_all(b"\x93NUMPY\x01\x00")?;
        file.write_all(&(length as u16).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        values
            .into_iter()
            .try_for_each(|value| file.write_all(&value))
    })
}

fn written(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<OutputFile>) -> io::Result<()>,
) -> Result<(), CliError> {
    let output = || -> io::Result<()> {
        let mut file = BufWriter::new(OutputFile::create(path)?);
        fill(&mut file)?;
        file.into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .finish()
    };
    output().map_err(|source| CliError::WriteFile {
        path: path.to_owned(),
        source,
    })
}
