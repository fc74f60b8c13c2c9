//! [`ClassNames`]: what the classes of a network are called.

use std::path::Path;

use scarlet::ModelCard;
use scarlet_data::{class_list, imagenet};

use crate::error::CliError;
use crate::terminal::Terminal;

/// Names of all classes of a network, in its order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ClassNames {
    ImageNet,
    Given(Vec<String>),
    /// Nobody said.
    Unknown,
}

impl ClassNames {
    /// The names in `file`, one a line, or else those that the weights themselves say, or that are
    /// next to them in `home`, or else ImageNet's where the network has as many classes.
    pub(crate) fn of(
        classes: usize,
        file: Option<&Path>,
        card: Option<&ModelCard>,
        home: Option<&Path>,
        terminal: &Terminal,
    ) -> Result<Self, CliError> {
        if let Some(path) = file {
            return Self::read(classes, path);
        }
        let own = card.map(|card| Self::given(&card.classes));
        let beside = Self::beside(classes, home).unwrap_or_else(|error| {
            // Nobody asked for this file, which may be of another network.
            terminal.warn(format_args!("{error}; its names are not used"));
            Self::Unknown
        });
        Ok(match own {
            Some(own) => {
                // The weights can be parted from this file, but not from what they say themselves.
                if beside != Self::Unknown && beside.as_lines() != own.as_lines() {
                    terminal.warn(format_args!(
                        "{} next to the weights names other classes than the \
                         weights themselves; the weights' own names are used",
                        class_list::BESIDE_WEIGHTS
                    ));
                }
                own
            }
            None if beside == Self::Unknown && classes == imagenet::classes().len() => {
                Self::ImageNet
            }
            None => beside,
        })
    }

    /// The names that are next to the weights in `home`, if there are any.
    pub(crate) fn beside(classes: usize, home: Option<&Path>) -> Result<Self, CliError> {
        let beside = home.map(|home| home.join(class_list::BESIDE_WEIGHTS));
        match beside.filter(|path| path.is_file()) {
            Some(path) => Self::read(classes, &path),
            None => Ok(Self::Unknown),
        }
    }

    fn given(names: &[String]) -> Self {
        let imagenet = imagenet::classes().iter().map(|class| class.name);
        match imagenet.eq(names.iter().map(String::as_str)) {
            true => Self::ImageNet,
            false => Self::Given(names.to_vec()),
        }
    }

    /// All names, where they are known.
    pub(crate) fn all(&self) -> Option<Vec<String>> {
        match self {
            Self::ImageNet => {
                let classes = imagenet::classes().iter();
                Some(classes.map(|class| class.name.to_owned()).collect())
            }
            Self::Given(names) => Some(names.clone()),
            Self::Unknown => None,
        }
    }

    /// As a file of names has them, in which a name is one line.
    fn as_lines(&self) -> Option<String> {
        self.all().map(|names| class_list::to_text(&names))
    }

    fn read(classes: usize, path: &Path) -> Result<Self, CliError> {
        let names = class_list::read(path)?;
        if names.len() != classes {
            return Err(CliError::NameCount {
                path: path.to_owned(),
                found: names.len(),
                expected: classes,
            });
        }
        Ok(Self::given(&names))
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
    use std::fs;

    use super::*;

    fn of(
        classes: usize,
        file: Option<&Path>,
        home: Option<&Path>,
    ) -> Result<ClassNames, CliError> {
        ClassNames::of(classes, file, None, home, &Terminal::new(true, 0))
    }

    fn given(names: [&str; 2]) -> ClassNames {
        ClassNames::Given(names.map(str::to_owned).to_vec())
    }

    #[test]
    fn a_thousand_classes_are_taken_for_imagenets() {
        let names = of(1000, None, None).unwrap();
        assert_eq!(names.name(967), "espresso");
        assert_eq!(names.wnid(967), Some("n07920052"));
        let names = of(10, None, None).unwrap();
        assert_eq!(names.name(3), "class 3");
        assert_eq!(names.wnid(3), None);
    }

    #[test]
    fn names_come_from_a_file_with_as_many_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names.txt");
        fs::write(&path, "tulip\r\n rose \n\n").unwrap();
        let names = given(["tulip", " rose "]);
        assert_eq!(of(2, Some(&path), None).unwrap(), names);
        let error = of(3, Some(&path), None).unwrap_err().to_string();
        assert!(
            error.ends_with("names.txt names 2 classes, one per line, but the network has 3"),
            "{error}"
        );
    }

    #[test]
    fn names_beside_the_weights_are_used_where_they_fit() {
        let folder = tempfile::tempdir().unwrap();
        let (home, other) = (folder.path(), folder.path().join("other.txt"));
        assert_eq!(of(2, None, Some(home)).unwrap(), ClassNames::Unknown);
        fs::write(home.join("classes.txt"), "red\nblue\n").unwrap();
        fs::write(&other, "warm\ncold\n").unwrap();
        assert_eq!(of(2, None, Some(home)).unwrap(), given(["red", "blue"]));
        let asked = of(2, Some(&other), Some(home)).unwrap();
        assert_eq!(asked, given(["warm", "cold"]));
        assert_eq!(of(1000, None, Some(home)).unwrap(), ClassNames::ImageNet);
    }

    #[test]
    fn what_the_weights_say_themselves_goes_over_what_lies_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        let card = ModelCard::new(vec!["red".to_owned(), "blue".to_owned()]);
        let of = |file: Option<&Path>| {
            ClassNames::of(2, file, Some(&card), Some(home), &Terminal::new(true, 0)).unwrap()
        };
        assert_eq!(of(None), given(["red", "blue"]));
        for beside in ["red\nblue\n", "warm\ncold\n", "alone\n"] {
            fs::write(home.join("classes.txt"), beside).unwrap();
            assert_eq!(of(None), given(["red", "blue"]), "{beside:?}");
        }
        // But not over what was asked for.
        fs::write(home.join("other.txt"), "warm\ncold\n").unwrap();
        assert_eq!(of(Some(&home.join("other.txt"))), given(["warm", "cold"]));
        // ImageNet's names are known by more than themselves.
        let names = imagenet::classes().iter().map(|it| it.name.to_owned());
        let card = ModelCard::new(names.collect());
        let names = ClassNames::of(1000, None, Some(&card), None, &Terminal::new(true, 0)).unwrap();
        assert_eq!(names, ClassNames::ImageNet);
        assert_eq!(names.all().unwrap()[967], "espresso");
    }
}
