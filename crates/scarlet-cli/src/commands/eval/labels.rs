//! [`Labels`]: which class of the network each class of the images is.

use std::path::Path;

use scarlet_data::imagenet;

use crate::class_names::ClassNames;
use crate::error::CliError;

/// The classes of images as those of a network.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Labels {
    /// For each of the images' classes, the index among ImageNet's.
    ImageNet(Vec<usize>),
    /// For each of the images' classes, the index among the network's, which go by these names.
    Named {
        indices: Vec<usize>,
        names: Vec<String>,
    },
}

impl Labels {
    /// Matches the classes of the images at `path` with those of a network of `count` classes: by
    /// their names, where the network's are known, or else by their order.
    pub(super) fn new(
        classes: &[String],
        path: &Path,
        count: usize,
        names: &ClassNames,
    ) -> Result<Self, CliError> {
        let is_imagenet = count == imagenet::classes().len();
        if is_imagenet && let Some(indices) = indices(classes, imagenet::class_index) {
            return Ok(Self::ImageNet(indices));
        }
        if let ClassNames::Given(names) = names {
            let place = |name: &str| names.iter().position(|known| known == name);
            if let Some(indices) = indices(classes, place) {
                let names = names.clone();
                return Ok(Self::Named { indices, names });
            }
            if let Some(name) = classes.iter().find(|name| place(name).is_none())
                && !(are_numbers(classes) || are_numbers(names))
            {
                return Err(CliError::EvaluatedClasses(format!(
                    "{} has images of class `{name}`, but the classes that the network was trained \
                     on are {} (classes.txt beside its weights): give the folder that the network \
                     was trained on, or name its class folders so",
                    path.display(),
                    names.join(", ")
                )));
            }
        }
        if classes.len() == count {
            return Ok(Self::Named {
                indices: (0..count).collect(),
                names: match names {
                    // Numbers say less.
                    ClassNames::Given(names) if are_numbers(classes) => names.clone(),
                    _ => classes.to_vec(),
                },
            });
        }
        let mut message = format!(
            "{} has images of {} classes, but the network has {count} classes",
            path.display(),
            classes.len()
        );
        if is_imagenet
            && let Some(name) = classes
                .iter()
                .find(|name| imagenet::class_index(name).is_none())
        {
            message.push_str(&format!(
                ": name the folders by ImageNet's WordNet ids, as in n02124075 (`{name}` is none), \
                 or give a network that was trained on these classes with --weights"
            ));
        } else {
            message.push_str(
                ": give the folder that the network was trained on, or a network that was trained \
                 on these classes with --weights",
            );
        }
        Err(CliError::EvaluatedClasses(message))
    }

    /// The network's class of one of the images' classes.
    pub(super) fn class(&self, class: usize) -> usize {
        match self {
            Self::ImageNet(indices) | Self::Named { indices, .. } => indices[class],
        }
    }

    /// What a class of the network is called.
    pub(super) fn name(&self, class: usize) -> String {
        match self {
            Self::ImageNet(_) => imagenet::classes()[class].name.to_owned(),
            Self::Named { names, .. } => names[class].clone(),
        }
    }

    pub(super) fn wnid(&self, class: usize) -> Option<&'static str> {
        match self {
            Self::ImageNet(_) => Some(imagenet::classes()[class].wnid),
            Self::Named { .. } => None,
        }
    }

    pub(super) fn is_whole_imagenet(&self) -> bool {
        matches!(self, Self::ImageNet(indices) if indices.len() == imagenet::classes().len())
    }
}

fn indices(classes: &[String], place: impl Fn(&str) -> Option<usize>) -> Option<Vec<usize>> {
    classes.iter().map(|name| place(name)).collect()
}

/// Whether classes go by their numbers, as those of MNIST's files do.
fn are_numbers(classes: &[String]) -> bool {
    let is_number = |(number, name): (usize, &String)| *name == number.to_string();
    classes.iter().enumerate().all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    fn labels(classes: &[&str], network: usize) -> Result<Labels, CliError> {
        let unknown = ClassNames::Unknown;
        Labels::new(&names(classes), Path::new("set"), network, &unknown)
    }

    fn trained_on(classes: &[&str], network: &[&str]) -> Result<Labels, CliError> {
        let known = ClassNames::Given(names(network));
        Labels::new(&names(classes), Path::new("set"), network.len(), &known)
    }

    #[test]
    fn a_few_wordnet_ids_are_found_among_imagenets_classes() {
        let labels = labels(&["n02124075", "n07920052"], 1000).unwrap();
        assert_eq!((labels.class(0), labels.class(1)), (285, 967));
        assert_eq!(labels.name(967), "espresso");
        assert_eq!(labels.wnid(285), Some("n02124075"));
        assert!(!labels.is_whole_imagenet());
    }

    #[test]
    fn other_folders_are_the_networks_classes_in_order() {
        let labels = labels(&["n02124075", "rose"], 2).unwrap();
        assert_eq!((labels.class(1), labels.name(1)), (1, "rose".to_owned()));
        assert_eq!(labels.wnid(0), None);
    }

    #[test]
    fn known_names_decide_on_the_class() {
        let labels = trained_on(&["emu", "dog"], &["cat", "dog", "emu"]).unwrap();
        assert_eq!((labels.class(0), labels.class(1)), (2, 1));
        assert_eq!(labels.name(0), "cat");
        let error = trained_on(&["cat", "fox"], &["cat", "dog"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "set has images of class `fox`, but the classes that the network was trained on are \
             cat, dog (classes.txt beside its weights): give the folder that the network was \
             trained on, or name its class folders so"
        );
    }

    #[test]
    fn numbers_stand_for_any_names() {
        let numbered = trained_on(&["0", "1"], &["shirt", "coat"]).unwrap();
        assert_eq!(
            (numbered.class(1), numbered.name(1)),
            (1, "coat".to_owned())
        );
        let named = trained_on(&["shirt", "coat"], &["0", "1"]).unwrap();
        assert_eq!((named.class(1), named.name(1)), (1, "coat".to_owned()));
        let few = trained_on(&["0", "1"], &["shirt", "coat", "bag"]).unwrap_err();
        assert!(
            few.to_string().contains("the network has 3 classes"),
            "{few}"
        );
    }

    #[test]
    fn another_number_of_classes_says_what_to_do() {
        let error = labels(&["n02124075", "rose"], 1000)
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "set has images of 2 classes, but the network has 1000 classes: name the folders by \
             ImageNet's WordNet ids, as in n02124075 (`rose` is none), or give a network that was \
             trained on these classes with --weights"
        );
        let error = labels(&["rose"], 10).unwrap_err().to_string();
        assert!(
            error.contains("but the network has 10 classes: give"),
            "{error}"
        );
    }
}
