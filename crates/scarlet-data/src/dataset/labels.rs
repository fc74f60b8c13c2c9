//! [`Labels`]: the class of each image, or any number of classes of each.

use super::DatasetError;

/// What images are labelled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labels<'a> {
    /// For each image the index of its class.
    One(&'a [u32]),
    /// For each image any number of classes, even none.
    Several(&'a LabelSets),
}

impl<'a> Labels<'a> {
    /// For each image the index of its class.
    ///
    /// # Errors
    ///
    /// [`DatasetError::SeveralLabels`] where images may have several, so that whatever knows
    /// nothing of these refuses them.
    pub fn one(self) -> Result<&'a [u32], DatasetError> {
        match self {
            Self::One(labels) => Ok(labels),
            Self::Several(_) => Err(DatasetError::SeveralLabels),
        }
    }

    /// Number of images.
    #[allow(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(self) -> usize {
        match self {
            Self::One(labels) => labels.len(),
            Self::Several(sets) => sets.len(),
        }
    }

    /// The classes of an image.
    ///
    /// # Panics
    ///
    /// If there is no such image.
    pub fn of(self, image: usize) -> &'a [u32] {
        match self {
            Self::One(labels) => std::slice::from_ref(&labels[image]),
            Self::Several(sets) => sets.of(image),
        }
    }
}

/// For each image the indices of its classes, any number of them, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSets(Vec<Vec<u32>>);

impl LabelSets {
    /// Of images of these classes, in any order.
    pub fn new(sets: impl IntoIterator<Item = Vec<u32>>) -> Self {
        let ordered = |mut set: Vec<u32>| {
            set.sort_unstable();
            set.dedup();
            set
        };
        Self(sets.into_iter().map(ordered).collect())
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The classes of an image.
    ///
    /// # Panics
    ///
    /// If there is no such image.
    pub fn of(&self, image: usize) -> &[u32] {
        &self.0[image]
    }

    /// The classes of each image, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// For each of so many classes its number of images.
    pub fn counts(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        for &class in self.0.iter().flatten() {
            counts[class as usize] += 1;
        }
        counts
    }
}

/// Labels that images own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OwnLabels {
    One(Vec<u32>),
    Several(LabelSets),
}

impl OwnLabels {
    pub(super) fn view(&self) -> Labels<'_> {
        match self {
            Self::One(labels) => Labels::One(labels),
            Self::Several(sets) => Labels::Several(sets),
        }
    }

    /// Those of these images.
    pub(super) fn select(&self, images: &[usize]) -> Self {
        match self {
            Self::One(labels) => Self::One(images.iter().map(|&it| labels[it]).collect()),
            Self::Several(LabelSets(sets)) => Self::Several(LabelSets(
                images.iter().map(|&it| sets[it].clone()).collect(),
            )),
        }
    }

    /// These and others of the same kind after them.
    pub(super) fn joined(mut self, others: &Self) -> Self {
        match (&mut self, others) {
            (Self::One(all), Self::One(more)) => all.extend(more),
            (Self::Several(all), Self::Several(more)) => all.0.extend(more.0.iter().cloned()),
            // One class is a set of one, too.
            (Self::One(all), Self::Several(more)) => {
                let sets = all.iter().map(|&class| vec![class]);
                return Self::Several(LabelSets(sets.chain(more.0.iter().cloned()).collect()));
            }
            (Self::Several(all), Self::One(more)) => {
                all.0.extend(more.iter().map(|&class| vec![class]));
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_in_order_and_without_doubles() {
        let sets = LabelSets::new([vec![2, 0, 2], vec![], vec![1]]);
        assert_eq!(sets.of(0), [0, 2]);
        assert!(sets.of(1).is_empty());
        assert_eq!(sets.counts(4), [1, 1, 1, 0]);
        let own = OwnLabels::Several(sets).select(&[2, 0]);
        assert_eq!(own.view().of(1), [0, 2]);
        assert_eq!(own.view().of(0), [1]);
    }

    #[test]
    fn whatever_takes_one_class_refuses_several() {
        let sets = LabelSets::new([vec![0]]);
        assert_eq!(Labels::One(&[3]).one().unwrap(), [3]);
        let error = Labels::Several(&sets).one().unwrap_err().to_string();
        assert!(error.contains("exactly one class per image"), "{error}");
    }

    #[test]
    fn one_class_is_a_set_of_one() {
        let one = OwnLabels::One(vec![4]);
        let several = OwnLabels::Several(LabelSets::new([vec![1, 2]]));
        assert_eq!(one.clone().joined(&several).view().of(0), [4]);
        assert_eq!(several.clone().joined(&one).view().of(1), [4]);
        assert_eq!(one.clone().joined(&one), OwnLabels::One(vec![4, 4]));
        assert_eq!(several.clone().joined(&several).view().of(1), [1, 2]);
    }
}
