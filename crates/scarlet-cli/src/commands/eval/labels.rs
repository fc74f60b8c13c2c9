//! [`Labels`]: which class of the network each class folder is.

use std::path::Path;

use scarlet_data::{ImageFolder, imagenet};

use crate::error::CliError;

/// The classes of a folder as those of a network.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Labels {
    /// Of the folders, in their order, the index among ImageNet's classes.
    ImageNet(Vec<usize>),
    /// The names of the folders, which are the network's classes in the same order.
    Folders(Vec<String>),
}

impl Labels {
    /// Matches the class folders with a network of `classes` classes.
    pub(super) fn new(folder: &ImageFolder, path: &Path, classes: usize) -> Result<Self, CliError> {
        let names = &folder.classes;
        if classes == imagenet::classes().len()
            && let Some(indices) = folder.imagenet_indices()
        {
            return Ok(Self::ImageNet(indices));
        }
        if names.len() == classes {
            return Ok(Self::Folders(names.clone()));
        }
        let mut message = format!(
            "{} has {} class folders, but the network has {classes} classes",
            path.display(),
            names.len()
        );
        if classes == imagenet::classes().len()
            && let Some(name) = names
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
        Err(CliError::FolderClasses(message))
    }

    /// The network's class of a folder.
    pub(super) fn class(&self, folder: usize) -> usize {
        match self {
            Self::ImageNet(indices) => indices[folder],
            Self::Folders(_) => folder,
        }
    }

    /// What a class of the network is called.
    pub(super) fn name(&self, class: usize) -> String {
        match self {
            Self::ImageNet(_) => imagenet::classes()[class].name.to_owned(),
            Self::Folders(names) => names[class].clone(),
        }
    }

    pub(super) fn wnid(&self, class: usize) -> Option<&'static str> {
        match self {
            Self::ImageNet(_) => Some(imagenet::classes()[class].wnid),
            Self::Folders(_) => None,
        }
    }

    pub(super) fn is_whole_imagenet(&self) -> bool {
        matches!(self, Self::ImageNet(indices) if indices.len() == imagenet::classes().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(classes: &[&str]) -> ImageFolder {
        ImageFolder {
            samples: Vec::new(),
            classes: classes.iter().map(|&class| class.to_owned()).collect(),
        }
    }

    fn labels(classes: &[&str], network: usize) -> Result<Labels, CliError> {
        Labels::new(&folder(classes), Path::new("set"), network)
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
    fn another_number_of_classes_says_what_to_do() {
        let error = labels(&["n02124075", "rose"], 1000)
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "set has 2 class folders, but the network has 1000 classes: name the folders by \
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
