//! [`PassedOver`]: what a list of images leaves out.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::entry::is_unread_image;
use crate::names::escaped;

/// Counts of what was found among images and is none, or is of no class. Prints as
/// `passed over: 12 .heic, 3 .txt`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// Files by their ending.
    #[serde(flatten)]
    kinds: BTreeMap<String, usize>,
    #[serde(skip)]
    beside_classes: usize,
    #[serde(skip)]
    circles: usize,
    /// Names of links that lead nowhere.
    #[serde(skip)]
    broken: Vec<String>,
}

impl PassedOver {
    /// Whether there was nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many files have this ending, given with its dot and in small letters; those without an
    /// ending have the empty one.
    pub fn files(&self, ending: &str) -> usize {
        self.kinds.get(ending).copied().unwrap_or_default()
    }

    /// Adds what was found elsewhere.
    pub fn extend(&mut self, other: &Self) {
        for (kind, count) in &other.kinds {
            *self.kinds.entry(kind.clone()).or_default() += count;
        }
        self.beside_classes += other.beside_classes;
        self.circles += other.circles;
        self.broken.extend_from_slice(&other.broken);
    }

    /// One more file with this ending.
    pub(crate) fn add(&mut self, ending: String) {
        *self.kinds.entry(ending).or_default() += 1;
    }

    /// This many images outside the class folders.
    pub(crate) fn add_beside_classes(&mut self, images: usize) {
        self.beside_classes += images;
    }

    /// This many links to folders that they are in themselves.
    pub(crate) fn add_circles(&mut self, links: usize) {
        self.circles += links;
    }

    /// A link that leads nowhere, where a class folder could be.
    pub(crate) fn add_broken(&mut self, name: String) {
        self.broken.push(name);
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kinds: Vec<(&String, &usize)> = self.kinds.iter().collect();
        // The most frequent first.
        kinds.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let mut parts: Vec<String> = kinds
            .iter()
            .map(|(kind, count)| match kind.is_empty() {
                true => format!("{count} without an ending"),
                false => format!("{count} {}", escaped(kind)),
            })
            .collect();
        match self.beside_classes {
            0 => {}
            1 => parts.push("1 image outside the class folders".to_owned()),
            count => parts.push(format!("{count} images outside the class folders")),
        }
        match self.circles {
            0 => {}
            1 => parts.push("1 link that leads in a circle".to_owned()),
            count => parts.push(format!("{count} links that lead in circles")),
        }
        if let [first, rest @ ..] = self.broken.as_slice() {
            let first = escaped(first);
            parts.push(match rest.len() {
                0 => format!(
                    "`{first}`, a link that leads nowhere: if it stood for a class, that is missing"
                ),
                more => format!(
                    "`{first}` and {more} more links that lead nowhere: classes that they stood for \
                     are missing"
                ),
            });
        }
        write!(f, "passed over: {}", parts.join(", "))?;
        let unread: Vec<String> = kinds
            .iter()
            .filter(|(kind, _)| is_unread_image(kind))
            .map(|(kind, _)| escaped(kind))
            .collect();
        match unread.as_slice() {
            [] => Ok(()),
            [one] => write!(f, " ({one} is not read: convert it to JPEG or PNG)"),
            many => write!(
                f,
                " ({} are not read: convert them to JPEG or PNG)",
                many.join(", ")
            ),
        }
    }
}
