//! [`ResultsFile`]: every prediction of an evaluation, as CSV.

use std::ffi::OsString;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use scarlet_io::atomic_file::OutputFile;
use serde::Serialize;

use crate::error::CliError;

/// One image. A column is empty where there is nothing to say.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Row {
    /// Relative to the evaluated folder, or the image's number in a data set of other files.
    pub(crate) path: String,
    pub(crate) class: usize,
    pub(crate) class_name: String,
    pub(crate) predicted: Option<usize>,
    pub(crate) predicted_name: Option<String>,
    pub(crate) probability: Option<f32>,
    pub(crate) top1: Option<bool>,
    pub(crate) top5: Option<bool>,
    /// Why the image could not be read.
    pub(crate) error: Option<String>,
}

/// A CSV file that appears whole or not at all; until then it is a temporary file next to its
/// place. Into a pipe or a device it is written as it comes.
pub(crate) struct ResultsFile {
    path: PathBuf,
    writer: csv::Writer<BufWriter<OutputFile>>,
}

impl ResultsFile {
    pub(crate) fn create(path: &Path) -> Result<Self, CliError> {
        let file = OutputFile::create(path).map_err(|source| write_error(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            writer: csv::Writer::from_writer(BufWriter::new(file)),
        })
    }

    /// A line of any fields: the first names the columns.
    pub(crate) fn write_fields(&mut self, fields: &[String]) -> Result<(), CliError> {
        self.writer
            .write_record(fields)
            .map_err(|error| write_error(&self.path, error.into()))
    }

    pub(crate) fn write(&mut self, row: &Row) -> Result<(), CliError> {
        self.writer
            .serialize(row)
            .map_err(|error| write_error(&self.path, error.into()))
    }

    /// Puts the file into its place, or next to it when results are missing in it. Returns where.
    pub(crate) fn finish(self, is_partial: bool) -> Result<PathBuf, CliError> {
        let Self { path, writer } = self;
        let output = || -> io::Result<OutputFile> {
            let buffer = writer.into_inner().map_err(|error| error.into_error())?;
            buffer.into_inner().map_err(|error| error.into_error())
        };
        let output = output().map_err(|source| write_error(&path, source))?;
        if !is_partial || !output.replaces() {
            return match output.finish() {
                Ok(()) => Ok(path),
                Err(source) => Err(write_error(&path, source)),
            };
        }
        let partial = partial_path(&path);
        match output.finish_as(&partial) {
            Ok(()) => Ok(partial),
            Err(source) => Err(write_error(&partial, source)),
        }
    }
}

/// `results.csv` becomes `results.partial.csv`, so that nobody takes a part for the whole.
fn partial_path(path: &Path) -> PathBuf {
    let mut name = path.file_stem().map(OsString::from).unwrap_or_default();
    name.push(".partial");
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

fn write_error(path: &Path, source: io::Error) -> CliError {
    CliError::WriteFile {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn row() -> Row {
        Row {
            path: "rose/1, the first.jpg".into(),
            class: 1,
            class_name: "rose".into(),
            predicted: Some(0),
            predicted_name: Some("tulip".into()),
            probability: Some(0.5),
            top1: Some(false),
            top5: Some(true),
            error: None,
        }
    }

    #[test]
    fn a_file_appears_when_it_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        let mut file = ResultsFile::create(&path).unwrap();
        file.write(&row()).unwrap();
        assert!(!path.exists());
        assert_eq!(file.finish(false).unwrap(), path);
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "path,class,class_name,predicted,predicted_name,probability,top1,top5,error\n\
             \"rose/1, the first.jpg\",1,rose,0,tulip,0.5,false,true,\n"
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_part_goes_by_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        fs::write(&path, "of an earlier run").unwrap();
        let file = ResultsFile::create(&path).unwrap();
        let partial = file.finish(true).unwrap();
        assert_eq!(partial, folder.path().join("results.partial.csv"));
        assert_eq!(fs::read(&path).unwrap(), b"of an earlier run");
    }

    #[test]
    fn nothing_is_left_of_a_file_that_was_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let file = ResultsFile::create(&folder.path().join("results.csv")).unwrap();
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = ResultsFile::create(Path::new("no-such-folder/results.csv"))
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.starts_with("cannot write no-such-folder/results.csv: "),
            "{error}"
        );
    }

    #[test]
    fn a_folder_in_the_place_of_the_file_is_found_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let error = ResultsFile::create(folder.path())
            .err()
            .unwrap()
            .to_string();
        assert!(error.ends_with(": is a directory"), "{error}");
    }
}
