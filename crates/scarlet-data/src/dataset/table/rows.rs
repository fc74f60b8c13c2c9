//! [`Table`]: the lines of a CSV file that lists photographs with their labels.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::dataset::{DatasetError, Part};
use crate::names::escaped;

use super::parts::part_of;

/// Names of the column with the photographs' paths, in any case.
const PATH: [&str; 6] = [
    "path",
    "file",
    "filename",
    "file_name",
    "image",
    "image_path",
];
/// Names of a column with all labels of a photograph, which need no others beside it.
const LIST: [&str; 4] = ["labels", "label", "tags", "classes"];
/// Name of the column that says which part a photograph belongs to.
const SPLIT: &str = "split";

/// A CSV file, read: its lines, and how they say what the labels are.
pub(super) struct Table {
    pub(super) path: PathBuf,
    pub(super) rows: Vec<Row>,
    /// The classes that have a column each; none where one column lists the labels.
    pub(super) columns: Option<Vec<String>>,
    /// Columns that say nothing of labels.
    pub(super) unused: Vec<String>,
}

/// A line.
pub(super) struct Row {
    /// Its number, from 1.
    pub(super) line: u64,
    /// The photograph.
    pub(super) photograph: PathBuf,
    /// What the column `split` says, where there is one.
    pub(super) part: Option<Part>,
    pub(super) labels: RowLabels,
}

/// What a line says of its labels.
pub(super) enum RowLabels {
    /// The field with all of them.
    Listed(String),
    /// The indices of the columns with a 1.
    Marked(Vec<u32>),
}

/// Where a file has what.
struct Header {
    path: usize,
    split: Option<usize>,
    labels: LabelColumns,
    fields: usize,
}

enum LabelColumns {
    List(usize),
    Classes(Vec<(usize, String)>),
}

impl Table {
    /// Reads a file and looks whether its photographs are there, but opens none of them.
    pub(super) fn read(path: &Path) -> Result<Self, DatasetError> {
        let file = File::open(path).map_err(DatasetError::read(path))?;
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .trim(Trim::All)
            .from_reader(file);
        let first = reader
            .headers()
            .map_err(|error| of_csv(path, error))?
            .clone();
        let folder = path.parent().unwrap_or(Path::new(""));
        let (header, unused) = Header::of(&first, path, folder)?;
        let mut rows = Vec::new();
        let mut record = StringRecord::new();
        while (reader.read_record(&mut record)).map_err(|error| of_csv(path, error))? {
            let line = line_of(&record, reader.position().line());
            rows.push(header.row(&record, line, path, folder)?);
        }
        if rows.is_empty() {
            return Err(of_table(
                path,
                "it lists no photographs below its first line",
            ));
        }
        let table = Self {
            path: path.to_owned(),
            rows,
            columns: match header.labels {
                LabelColumns::List(_) => None,
                LabelColumns::Classes(classes) => {
                    Some(classes.into_iter().map(|(_, name)| name).collect())
                }
            },
            unused,
        };
        table.check_photographs()?;
        Ok(table)
    }

    /// Refuses photographs that are not there, or listed twice.
    fn check_photographs(&self) -> Result<(), DatasetError> {
        let mut missing = self.rows.iter().filter(|row| !row.photograph.is_file());
        if let Some(row) = missing.next() {
            let more = match missing.count() {
                0 => String::new(),
                1 => ", nor that of 1 more line".to_owned(),
                more => format!(", nor those of {more} more lines"),
            };
            return Err(self.at(
                row.line,
                format!(
                    "there is no file `{}`{more}: paths are relative to the folder of the CSV file; \
                     correct them or remove these lines",
                    shown(&row.photograph)
                ),
            ));
        }
        let mut lines: HashMap<&Path, u64> = HashMap::new();
        for row in &self.rows {
            if let Some(first) = lines.insert(&row.photograph, row.line) {
                return Err(self.at(
                    row.line,
                    format!(
                        "`{}` is listed on line {first} already: put all its labels on one line",
                        shown(&row.photograph)
                    ),
                ));
            }
        }
        Ok(())
    }

    /// An error about a line.
    pub(super) fn at(&self, line: u64, problem: String) -> DatasetError {
        at(&self.path, line, problem)
    }
}

impl Header {
    /// By the names of the columns; and those that are not used.
    fn of(
        first: &StringRecord,
        path: &Path,
        folder: &Path,
    ) -> Result<(Self, Vec<String>), DatasetError> {
        let names: Vec<&str> = first
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}'))
            .collect();
        let among = |names: &[&str], name: &str| names.contains(&name.to_lowercase().as_str());
        let place = |known: &[&str]| names.iter().position(|name| among(known, name));
        let by_name = place(&PATH);
        let path_column = by_name.unwrap_or(0);
        if by_name.is_none()
            && let Some(name) = names.first().filter(|name| !name.is_empty())
            && folder.join(name).is_file()
        {
            return Err(at(
                path,
                1,
                format!(
                    "`{}` is a photograph, but the first line names the columns, such as \
                     `path,labels`: add such a line",
                    escaped(name)
                ),
            ));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(**name)) {
            let problem = format!("two columns are called `{}`: rename one", escaped(twice));
            return Err(at(path, 1, problem));
        }
        let split = place(&[SPLIT]).filter(|&split| split != path_column);
        let others: Vec<usize> = (0..names.len())
            .filter(|&column| column != path_column && Some(column) != split)
            .collect();
        let list = others
            .iter()
            .copied()
            .find(|&column| among(&LIST, names[column]));
        let (labels, unused) = match (list, &others[..]) {
            (Some(list), _) => {
                let unused = others.iter().filter(|&&column| column != list);
                let unused = unused.map(|&column| names[column].to_owned()).collect();
                (LabelColumns::List(list), unused)
            }
            (None, []) => {
                return Err(of_table(
                    path,
                    "its first line has no column for labels: it names the columns, separated by \
                     commas, such as `path,labels`, or `path` and one column for each class",
                ));
            }
            (None, [only]) => (LabelColumns::List(*only), Vec::new()),
            (None, several) => {
                let classes = several
                    .iter()
                    .map(|&column| (column, names[column].to_owned()));
                (LabelColumns::Classes(classes.collect()), Vec::new())
            }
        };
        if let LabelColumns::Classes(classes) = &labels
            && let Some((column, _)) = classes.iter().find(|(_, name)| !is_name(name))
        {
            let problem = format!(
                "column {} has no name that a class can have: name it, or remove it",
                column + 1
            );
            return Err(at(path, 1, problem));
        }
        let header = Self {
            path: path_column,
            split,
            labels,
            fields: names.len(),
        };
        Ok((header, unused))
    }

    fn row(
        &self,
        record: &StringRecord,
        line: u64,
        path: &Path,
        folder: &Path,
    ) -> Result<Row, DatasetError> {
        let refused = |problem: String| Err(at(path, line, problem));
        if record.len() != self.fields {
            return refused(format!(
                "it has {} fields, but the first line has {}: add what is missing, and put quotes \
                 around fields with a comma",
                record.len(),
                self.fields
            ));
        }
        let photograph = &record[self.path];
        if photograph.is_empty() {
            return refused("it names no photograph: add its path, or remove the line".to_owned());
        }
        let part = match self
            .split
            .map(|split| (part_of(&record[split]), &record[split]))
        {
            None => None,
            Some((Some(part), _)) => Some(part),
            Some((None, other)) => {
                return refused(format!(
                    "its split is `{}`, but there are `train`, `val` and `test`",
                    escaped(other)
                ));
            }
        };
        let labels = match &self.labels {
            LabelColumns::List(column) => RowLabels::Listed(record[*column].to_owned()),
            LabelColumns::Classes(classes) => {
                let mut marked = Vec::new();
                for (class, (column, name)) in classes.iter().enumerate() {
                    match &record[*column] {
                        "1" | "1.0" => marked.push(class as u32),
                        "0" | "0.0" => {}
                        other => {
                            return refused(format!(
                                "column `{}` has `{}`, but the column of a class has 0 or 1: correct \
                                 it, or remove a column that is of no class; one column that lists \
                                 all labels is called `labels`",
                                escaped(name),
                                escaped(other)
                            ));
                        }
                    }
                }
                RowLabels::Marked(marked)
            }
        };
        Ok(Row {
            line,
            photograph: folder.join(photograph),
            part,
            labels,
        })
    }
}

/// Whether a class can be called so.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(char::is_control)
}

/// The line that a record begins on. For the reader it begins with the blank lines in front of it;
/// `after` is where the next one does.
fn line_of(record: &StringRecord, after: u64) -> u64 {
    let from = record.position().map_or(1, csv::Position::line);
    let breaks = record
        .iter()
        .map(|field| field.matches('\n').count() as u64);
    let blank = after.saturating_sub(from + breaks.sum::<u64>() + 1);
    from + blank
}

fn at(path: &Path, line: u64, problem: String) -> DatasetError {
    DatasetError::TableLine {
        path: path.to_owned(),
        line,
        problem,
    }
}

pub(super) fn of_table(path: &Path, problem: impl Into<String>) -> DatasetError {
    DatasetError::Table {
        path: path.to_owned(),
        problem: problem.into(),
    }
}

fn of_csv(path: &Path, error: csv::Error) -> DatasetError {
    let line = error.position().map(csv::Position::line);
    match (error.into_kind(), line) {
        (csv::ErrorKind::Io(source), _) => DatasetError::read(path)(source),
        (csv::ErrorKind::Utf8 { pos, .. }, line) => {
            let line = pos.map_or(line.unwrap_or(1), |pos| pos.line());
            at(
                path,
                line,
                "it is not UTF-8: save the file as CSV in UTF-8".to_owned(),
            )
        }
        (_, line) => at(
            path,
            line.unwrap_or(1),
            "it is no line of a CSV file: check its quotes and commas".to_owned(),
        ),
    }
}

fn shown(path: &Path) -> String {
    escaped(&path.display().to_string())
}
