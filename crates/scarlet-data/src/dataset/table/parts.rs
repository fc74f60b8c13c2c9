//! The parts of a data set whose photographs are listed in CSV files.

use std::path::{Path, PathBuf};

use super::rows::{Row, RowLabels, Table, is_name, of_table};
use crate::ClassOrder;
use crate::dataset::location::{TEST, TRAIN, VALIDATION, name};
use crate::dataset::{
    DatasetError, FolderNotices, LabelSets, Part, PhotographList, PhotographParts,
};
use crate::names::{NameMatcher, escaped, look_alikes};

/// What separates the labels in one column: the first of these that occurs anywhere, else blanks.
const SEPARATORS: [char; 2] = ['|', ';'];

/// The part that a name stands for.
pub(super) fn part_of(name: &str) -> Option<Part> {
    let name = name.to_lowercase();
    let names = |names: &[&str]| names.contains(&name.as_str());
    match () {
        () if names(&TRAIN) => Some(Part::Train),
        () if names(&VALIDATION) => Some(Part::Validation),
        () if names(&TEST) => Some(Part::Test),
        () => None,
    }
}

impl PhotographParts {
    /// The photographs that a CSV file lists, each with any number of classes, for training: by its
    /// column `split`; or, of a file `train.csv`, with `val.csv` and `test.csv` next to it; or all of
    /// them, to train on.
    ///
    /// The first line names the columns. `path` (or `file`, `filename`, `image`; else the first one)
    /// has the photographs' paths, relative to the folder of the file. One other column lists the
    /// labels of a photograph, separated by `|` or `;` if these occur and by blanks if not; several
    /// others are a class each, with 0 or 1. Classes are those of the training images, in this order.
    ///
    /// # Errors
    ///
    /// [`DatasetError::Table`] and [`DatasetError::TableLine`] for what does not fit, and
    /// [`DatasetError::ClassTooSmall`] for a class that a single training image has, or none.
    pub fn of_table(path: &Path, order: ClassOrder) -> Result<Self, DatasetError> {
        let tables = tables(path)?;
        let separator = Separator::of(tables.iter().map(|(table, _)| table), &[]);
        let mut rows: [Vec<(&Table, &Row)>; 3] = Default::default();
        for (table, part) in &tables {
            for row in &table.rows {
                let part = row.part.unwrap_or(*part);
                rows[part as usize].push((table, row));
            }
        }
        let [train, validation, test] = rows;
        if train.is_empty() {
            let problem = "no line is of the split `train`, so there is nothing to train on";
            return Err(of_table(path, problem));
        }
        let mut classes = Vec::new();
        for (table, row) in &train {
            if table.columns.is_none() {
                classes.extend(separator.names(table, row)?.into_iter().map(str::to_owned));
            }
        }
        let columns = tables.iter().filter(|(_, part)| *part == Part::Train);
        classes.extend(
            columns
                .flat_map(|(table, _)| table.columns.iter().flatten())
                .cloned(),
        );
        classes.sort();
        classes.dedup();
        let compare = order.compare(&classes);
        classes.sort_by(|a, b| compare(a, b));
        if classes.is_empty() {
            return Err(of_table(path, "no training image has a label"));
        }
        let list = |rows: &[(&Table, &Row)], whose| list(rows, &separator, &classes, whose);
        let whose = "no label of the training images";
        let train = list(&train, whose)?;
        let other = |rows: &[(&Table, &Row)]| match rows {
            [] => Ok(None),
            rows => list(rows, whose).map(Some),
        };
        let (validation, test) = (other(&validation)?, other(&test)?);
        if let Some(class) = train.class_counts().iter().position(|&count| count < 2) {
            return Err(DatasetError::ClassTooSmall {
                class: classes[class].clone(),
                images: train.class_counts()[class],
            });
        }
        let mut notices = notices(tables.iter().map(|(table, _)| table), &classes, order);
        let parts = [("val", validation.as_ref()), ("test", test.as_ref())];
        for (name, part) in parts {
            if let Some(part) = part {
                notices.add_missing(name, part);
            }
        }
        let lists = [Some(&train), validation.as_ref(), test.as_ref()];
        let lists: Vec<&PhotographList> = lists.into_iter().flatten().collect();
        notices.add_first_look(path.parent().unwrap_or(path), &lists);
        Ok(Self {
            train,
            validation,
            test,
            notices,
        })
    }
}

/// The photographs of a CSV file that a network of several labels is judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JudgedTable {
    /// Which part they are, if the file says it by its name or its column `split`.
    pub part: Option<&'static str>,
    /// The photographs, their classes being the network's.
    pub list: PhotographList,
    /// What people should know of the file.
    pub notices: FolderNotices,
}

impl JudgedTable {
    /// Of a file with a column `split`, the test part, or the validation part where there is no
    /// other; else all of it.
    ///
    /// # Errors
    ///
    /// [`DatasetError::Table`] and [`DatasetError::TableLine`] for what does not fit, labels that are
    /// none of the network's `classes` among it.
    pub fn read(path: &Path, classes: &[String]) -> Result<Self, DatasetError> {
        let table = Table::read(path)?;
        let separator = Separator::of([&table], classes);
        let of_file = part_of(&stem(path));
        let of_row = |row: &Row| row.part.or(of_file);
        let has = |part| table.rows.iter().any(|row| of_row(row) == Some(part));
        let parts = [Part::Test, Part::Validation];
        let part = parts.into_iter().find(|&part| has(part));
        let rows: Vec<(&Table, &Row)> = table
            .rows
            .iter()
            .filter(|row| part.is_none() || of_row(row) == part)
            .map(|row| (&table, row))
            .collect();
        Ok(Self {
            part: part.map(Part::name),
            list: list(&rows, &separator, classes, "no class of the network")?,
            notices: notices([&table], classes, ClassOrder::Natural),
        })
    }
}

/// A file and those of other parts next to it, each with its part.
fn tables(path: &Path) -> Result<Vec<(Table, Part)>, DatasetError> {
    let table = Table::read(path)?;
    if table.rows.iter().any(|row| row.part.is_some()) {
        return Ok(vec![(table, Part::Train)]);
    }
    let beside = |names: &[&str]| -> Vec<PathBuf> {
        let paths = names
            .iter()
            .map(|name| path.with_file_name(format!("{name}.csv")));
        paths.filter(|path| path.is_file()).collect()
    };
    let own = part_of(&stem(path)).unwrap_or(Part::Train);
    if own != Part::Train {
        return match beside(&TRAIN).first() {
            Some(train) => Err(of_table(
                path,
                format!(
                    "it is the {} part next to `{}`: give that file to train on",
                    own.name(),
                    escaped(&name(train))
                ),
            )),
            None => Ok(vec![(table, Part::Train)]),
        };
    }
    let mut tables = vec![(table, Part::Train)];
    if part_of(&stem(path)).is_none() {
        return Ok(tables);
    }
    for (names, part) in [(&VALIDATION[..], Part::Validation), (&TEST[..], Part::Test)] {
        match &beside(names)[..] {
            [] => {}
            [one] => {
                let table = Table::read(one)?;
                if table.rows.iter().any(|row| row.part.is_some()) {
                    let problem = format!(
                        "it has a column `split`, but is the {} part of `{}` itself: remove the column",
                        part.name(),
                        escaped(&name(path))
                    );
                    return Err(of_table(one, problem));
                }
                tables.push((table, part));
            }
            several => {
                return Err(DatasetError::SeveralFolders {
                    folder: path.parent().unwrap_or(path).to_owned(),
                    found: several.iter().map(|path| name(path)).collect(),
                });
            }
        }
    }
    Ok(tables)
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// What separates the labels in a column of them.
enum Separator {
    Mark(char),
    Blanks,
    /// There are names with blanks, and nothing that separates them.
    Nothing,
}

impl Separator {
    /// What separates those of these files, whose classes may be `known`.
    fn of<'a>(tables: impl IntoIterator<Item = &'a Table>, known: &[String]) -> Self {
        let rows = tables.into_iter().flat_map(|table| &table.rows);
        let fields: Vec<&str> = rows
            .filter_map(|row| match &row.labels {
                RowLabels::Listed(field) => Some(field.as_str()),
                RowLabels::Marked(_) => None,
            })
            .collect();
        let occurs = |mark: &char| fields.iter().any(|field| field.contains(*mark));
        match SEPARATORS.into_iter().find(occurs) {
            Some(mark) => Self::Mark(mark),
            None if known.iter().any(|name| name.contains(char::is_whitespace)) => Self::Nothing,
            None => Self::Blanks,
        }
    }

    /// The labels of a line.
    fn names<'a>(&self, table: &'a Table, row: &'a Row) -> Result<Vec<&'a str>, DatasetError> {
        let field = match &row.labels {
            RowLabels::Marked(marked) => {
                let columns = table.columns.as_deref().unwrap_or_default();
                return Ok(marked
                    .iter()
                    .map(|&it| columns[it as usize].as_str())
                    .collect());
            }
            RowLabels::Listed(field) => field,
        };
        let parts: Vec<&str> = match self {
            Self::Mark(mark) => field.split(*mark).map(str::trim).collect(),
            Self::Blanks => field.split_whitespace().collect(),
            Self::Nothing => vec![field.trim()],
        };
        let names: Vec<&str> = parts.into_iter().filter(|name| !name.is_empty()).collect();
        let other = |name: &&&str| !is_name(name) || name.contains(SEPARATORS);
        match names.iter().find(other) {
            None => Ok(names),
            Some(name) => Err(table.at(
                row.line,
                format!(
                    "`{}` is no label: separate labels by blanks, by `;` or by `|`, and by the same on \
                     all lines",
                    escaped(name)
                ),
            )),
        }
    }
}

/// The photographs of these lines, their labels being of these classes; others are `whose` not.
fn list(
    rows: &[(&Table, &Row)],
    separator: &Separator,
    classes: &[String],
    whose: &str,
) -> Result<PhotographList, DatasetError> {
    let matcher = NameMatcher::new(classes);
    let mut sets = Vec::with_capacity(rows.len());
    for (table, row) in rows {
        let mut set = Vec::new();
        for name in separator.names(table, row)? {
            let Some(class) = matcher.exact(name) else {
                let alike: Vec<String> = matcher
                    .alike(name)
                    .into_iter()
                    .map(|name| format!("`{}`", escaped(name)))
                    .collect();
                let alike = match alike.is_empty() {
                    true => String::new(),
                    false => format!(" (there is {})", alike.join(", ")),
                };
                return Err(table.at(
                    row.line,
                    format!(
                        "`{}` is {whose}{alike}: correct it, or remove it",
                        escaped(name)
                    ),
                ));
            };
            set.push(class as u32);
        }
        sets.push(set);
    }
    let paths = rows.iter().map(|(_, row)| row.photograph.clone()).collect();
    Ok(PhotographList::several(
        paths,
        LabelSets::new(sets),
        classes.to_vec(),
    ))
}

fn notices<'a>(
    tables: impl IntoIterator<Item = &'a Table>,
    classes: &[String],
    order: ClassOrder,
) -> FolderNotices {
    let mut notices = FolderNotices {
        order: order.decision(classes),
        ..FolderNotices::default()
    };
    for names in look_alikes(classes) {
        let names: Vec<String> = names
            .iter()
            .map(|name| format!("`{}`", escaped(name)))
            .collect();
        notices.doubts.push(format!(
            "{} are treated as {} labels: write them alike if they are one",
            names.join(" and "),
            names.len()
        ));
    }
    for table in tables {
        for column in &table.unused {
            notices.doubts.push(format!(
                "column `{}` of `{}` is not used: the labels are in one column",
                escaped(column),
                escaped(&name(&table.path))
            ));
        }
    }
    notices
}
