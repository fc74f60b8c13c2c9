//! [`LoadReport`]: what fits a network and what does not, by name.

use std::collections::HashSet;
use std::fmt;

use scarlet_arch::Architecture;

use super::error::excerpt;
use super::{LoadOptions, StateDict, reference_entries};

/// An entry that has no partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The most similar name on the other side that has no partner either.
    pub nearest: Option<String>,
}

/// Differences between a network and a file, under the names of the released checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadReport {
    /// Number of entries that fit.
    pub fitting: usize,
    /// What the network needs and the file lacks.
    pub missing: Vec<Misfit>,
    /// What the file has and the network does not.
    pub unused: Vec<Misfit>,
    /// Entries of another shape: name, expected, found.
    pub wrong_shape: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl LoadReport {
    /// Compares what a checkpoint of `architecture` must hold with what `weights` holds, whoever's
    /// names it uses. Step counters count as nothing.
    pub fn compare(
        architecture: &Architecture,
        weights: &StateDict,
        options: &LoadOptions,
    ) -> Self {
        let mut weights = weights.with_reference_names();
        let mut expected = reference_entries(architecture);
        expected.retain(|(name, _)| options.loads(name));
        weights.retain(|entry| options.loads(entry.name()));
        Self::of(&expected, &weights)
    }

    /// Compares the names and shapes that are needed with those of `weights`.
    pub(super) fn of(expected: &[(String, Vec<usize>)], weights: &StateDict) -> Self {
        let mut report = Self::default();
        for (name, shape) in expected {
            match weights.get(name) {
                None => report.missing.push(Misfit {
                    name: name.clone(),
                    shape: shape.clone(),
                    nearest: None,
                }),
                Some(entry) if entry.shape() != shape => {
                    report
                        .wrong_shape
                        .push((name.clone(), shape.clone(), entry.shape().to_vec()))
                }
                Some(_) => report.fitting += 1,
            }
        }
        let expected: HashSet<&str> = expected.iter().map(|(name, _)| name.as_str()).collect();
        report.unused = weights
            .entries()
            .iter()
            .filter(|entry| !entry.is_step_counter())
            .filter(|entry| !expected.contains(entry.name()))
            .map(|entry| Misfit {
                name: entry.name().to_owned(),
                shape: entry.shape().to_vec(),
                nearest: None,
            })
            .collect();
        report.find_nearest();
        report
    }

    /// Whether everything fits.
    pub fn is_exact(&self) -> bool {
        self.missing.is_empty() && self.unused.is_empty() && self.wrong_shape.is_empty()
    }

    /// Finds the nearest names, for those that are shown: similarity is costly, and a file of
    /// another network has hundreds of names.
    fn find_nearest(&mut self) {
        let (missing, unused) = (self.missing.clone(), self.unused.clone());
        for (misfits, others) in [(&mut self.missing, &unused), (&mut self.unused, &missing)] {
            for misfit in misfits.iter_mut().take(SHOWN) {
                misfit.nearest = nearest(misfit, others);
            }
        }
    }
}

/// Differences of a kind that are shown.
const SHOWN: usize = 10;

fn nearest(misfit: &Misfit, others: &[Misfit]) -> Option<String> {
    const SIMILAR: f64 = 0.6;
    // Comparing takes as long as the product of the lengths, and no layer's name is so long.
    const LONGEST: usize = 200;
    if misfit.name.len() > LONGEST {
        return None;
    }
    let similarity = |other: &Misfit| {
        let names = strsim::normalized_damerau_levenshtein(&misfit.name, &other.name);
        // Of similar names, one of the same shape is the likelier partner.
        names
            + if misfit.shape == other.shape {
                0.2
            } else {
                0.0
            }
    };
    others
        .iter()
        .filter(|other| other.name.len() <= LONGEST)
        .map(|other| (similarity(other), other))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, other)| other.name.clone())
}

impl fmt::Display for LoadReport {
    /// One line for each of the first differences of a kind, then how many more there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_exact() {
            return write!(f, "all {} entries fit", self.fitting);
        }
        write!(f, "{} entries fit", self.fitting)?;
        section(f, "missing in the file", &self.missing, write_misfit)?;
        section(f, "unused", &self.unused, write_misfit)?;
        section(f, "of another shape", &self.wrong_shape, |f, item| {
            let (name, expected, found) = item;
            let (name, found) = (excerpt(name), excerpt(&format!("{found:?}")));
            write!(f, "{name}: expected {expected:?}, found {found}")
        })
    }
}

fn write_misfit(f: &mut fmt::Formatter<'_>, misfit: &Misfit) -> fmt::Result {
    let shape = format!("{:?}", misfit.shape);
    write!(f, "{} {}", excerpt(&misfit.name), excerpt(&shape))?;
    match &misfit.nearest {
        Some(nearest) => write!(f, " (nearest: {})", excerpt(nearest)),
        None => Ok(()),
    }
}

fn section<T>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    items: &[T],
    write_item: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    write!(f, "\n{} {title}:", items.len())?;
    for item in items.iter().take(SHOWN) {
        write!(f, "\n  ")?;
        write_item(f, item)?;
    }
    match items.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => write!(f, "\n  and {more} more"),
    }
}
