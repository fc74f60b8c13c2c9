//! [`DataCheck`]: what is wrong with a data set, as plain data.

use serde::{Deserialize, Serialize};

use crate::Fact;

/// Everything that is shown about a check of a data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataCheck {
    /// Heading of the page.
    pub title: String,
    /// What came of it, as a sentence.
    pub lead: String,
    /// Figures, the one that counts most first: each with what it is of.
    pub figures: Vec<Fact>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// Names of the data's parts, and images of each class in them.
    pub parts: Vec<String>,
    /// The classes.
    pub classes: Vec<ClassImages>,
    /// More about the data.
    pub facts: Vec<Fact>,
}

/// A kind of thing that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is, with how many there are.
    pub heading: String,
    /// What it means, and what to do about it.
    pub meaning: String,
    /// Whether it spoils training or evaluation.
    pub spoils: bool,
    /// Sentences, one for each that has no picture.
    pub sentences: Vec<String>,
    /// Pictures that belong together.
    pub groups: Vec<PictureGroup>,
    /// Groups that are not shown.
    pub more: usize,
    /// All files that it is about.
    pub paths: Vec<String>,
}

/// Pictures that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PictureGroup {
    /// What is said of all of them; may be empty.
    pub note: String,
    /// The pictures.
    pub pictures: Vec<ShownPicture>,
    /// Pictures that are not shown.
    pub more: usize,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownPicture {
    /// A small version as a `data:` address; none where it cannot be shown.
    pub thumbnail: Option<String>,
    /// Where it is.
    pub path: String,
    /// What is said of it; may be empty.
    pub note: String,
}

/// How many images a class has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassImages {
    /// Name of the class.
    pub name: String,
    /// Its images in each part.
    pub images: Vec<u64>,
}
