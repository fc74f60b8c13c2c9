//! Dividing images, class by class.

use std::collections::HashSet;
use std::path::Path;

use scarlet_random::{Purpose, Random};

use super::split_several::split_several;
use super::{DatasetError, Labels};
use crate::names::escaped;

/// As [`split`], or [`split_several`] where images may have several classes.
pub(super) fn split_labels(
    labels: Labels<'_>,
    classes: &[String],
    share: f64,
    seed: u64,
) -> Result<(Vec<usize>, Vec<usize>), DatasetError> {
    match labels {
        Labels::One(labels) => split(labels, classes, share, seed),
        Labels::Several(sets) => split_several(sets, classes, share, seed),
    }
}

/// Puts `share` of every class aside, at random but the same for the same `seed`: the indices of
/// the rest, and of what was put aside, in order. At least one image of every class is in each
/// part; classes without images are let be.
pub(super) fn split(
    labels: &[u32],
    classes: &[String],
    share: f64,
    seed: u64,
) -> Result<(Vec<usize>, Vec<usize>), DatasetError> {
    if !(share > 0.0 && share < 1.0) {
        return Err(DatasetError::Share { share });
    }
    let mut by_class = vec![Vec::new(); classes.len()];
    for (index, &label) in labels.iter().enumerate() {
        by_class[label as usize].push(index);
    }
    let (mut rest, mut aside) = (Vec::new(), Vec::new());
    for (class, mut indices) in by_class.into_iter().enumerate() {
        match indices.len() {
            0 => continue,
            1 => {
                return Err(DatasetError::ClassTooSmall {
                    class: classes[class].clone(),
                    images: 1,
                });
            }
            length => {
                Random::new(seed, Purpose::Split, class as u64).shuffle(&mut indices);
                let count = (share * length as f64).round() as usize;
                let (chosen, others) = indices.split_at(count.clamp(1, length - 1));
                aside.extend_from_slice(chosen);
                rest.extend_from_slice(others);
            }
        }
    }
    rest.sort_unstable();
    aside.sort_unstable();
    Ok((rest, aside))
}

/// Refuses images that no classifier can be trained on: of a single class, with a class of a single
/// image, or with names that do not tell their classes apart, line by line. Errors call them `found`.
pub fn check_classes(
    labels: &[u32],
    classes: &[String],
    found: impl AsRef<Path>,
) -> Result<(), DatasetError> {
    let mut known = HashSet::new();
    for name in classes {
        if name.chars().any(char::is_control) || !known.insert(name) {
            return Err(DatasetError::ClassName {
                found: found.as_ref().to_owned(),
                class: escaped(name),
            });
        }
    }
    let mut counts = vec![0usize; classes.len()];
    for &label in labels {
        counts[label as usize] += 1;
    }
    let mut there = (0..classes.len()).filter(|&class| counts[class] > 0);
    if let (Some(class), None) = (there.next(), there.next()) {
        return Err(DatasetError::SingleClass {
            found: found.as_ref().to_owned(),
            class: classes[class].clone(),
        });
    }
    match counts.iter().position(|&count| count == 1) {
        Some(class) => Err(DatasetError::ClassTooSmall {
            class: classes[class].clone(),
            images: 1,
        }),
        None => Ok(()),
    }
}
