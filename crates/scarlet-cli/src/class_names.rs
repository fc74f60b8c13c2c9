//! [`ClassNames`]: what the classes of a network are called.

use std::fs;
use std::path::Path;

use scarlet_data::imagenet;

use crate::error::CliError;

/// Names of all classes of a network, in its order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ClassNames {
    ImageNet,
    Given(Vec<String>),
    /// Nobody said.
    Unknown,
}

impl ClassNames {
    /// The names in `file`, one a line, or else ImageNet's where the network has as many classes.
    pub(crate) fn of(classes: usize, file: Option<&Path>) -> Result<Self, CliError> {
        match file {
            Some(path) => Self::read(classes, path),
            None if classes == imagenet::classes().len() => Ok(Self::ImageNet),
            None => Ok(Self::Unknown),
        }
    }

    fn read(classes: usize, path: &Path) -> Result<Self, CliError> {
        let text = fs::read_to_string(path).map_err(|source| CliError::ReadFile {
            path: path.to_owned(),
            source,
        })?;
        let names: Vec<String> = text
            .trim_end()
            .lines()
            .map(|line| line.trim().to_owned())
            .collect();
        if names.len() != classes {
            return Err(CliError::NameCount {
                path: path.to_owned(),
                found: names.len(),
                expected: classes,
            });
        }
        Ok(Self::Given(names))
    }

    pub(crate) fn name(&self, class: usize) -> String {
        match self {
            Self::ImageNet => imagenet::classes()
                .get(class)
                .map(|class| class.name.to_owned()),
            Self::Given(names) => names.get(class).cloned(),
            Self::Unknown => None,
        }
        .unwrap_or_else(|| format!("class {class}"))
    }

    /// WordNet id of an ImageNet class.
    pub(crate) fn wnid(&self, class: usize) -> Option<&'static str> {
        match self {
            Self::ImageNet => imagenet::classes().get(class).map(|class| class.wnid),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_classes_are_taken_for_imagenets() {
        let names = ClassNames::of(1000, None).unwrap();
        assert_eq!(names.name(967), "espresso");
        assert_eq!(names.wnid(967), Some("n07920052"));
        let names = ClassNames::of(10, None).unwrap();
        assert_eq!(names.name(3), "class 3");
        assert_eq!(names.wnid(3), None);
    }

    #[test]
    fn names_come_from_a_file_with_as_many_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names.txt");
        fs::write(&path, "tulip\r\n rose \n\n").unwrap();
        let names = ClassNames::of(2, Some(&path)).unwrap();
        assert_eq!(
            names,
            ClassNames::Given(vec!["tulip".into(), "rose".into()])
        );
        let error = ClassNames::of(3, Some(&path)).unwrap_err().to_string();
        assert!(
            error.ends_with("names.txt names 2 classes, one a line, but the network has 3"),
            "{error}"
        );
    }
}
