//! Dividing images of several classes each.

use std::cmp::Ordering;

use scarlet_random::{Purpose, Random};

use super::{DatasetError, LabelSets};

/// Which of the two parts.
const REST: usize = 0;
const ASIDE: usize = 1;

/// Puts about `share` of every class aside, at random but the same for the same `seed`: the indices
/// of the rest, and of what was put aside, in order. Every class is in the rest, and where other
/// classes leave room for it in what was put aside too.
///
/// Iterative stratification: of the class with the fewest images left, each goes where that class
/// lacks the most, then where images lack the most (Sechidis, Tsoumakas and Vlahavas, *On the
/// Stratification of Multi-label Data*, ECML PKDD 2011, algorithm 1).
pub(super) fn split_several(
    sets: &LabelSets,
    classes: &[String],
    share: f64,
    seed: u64,
) -> Result<(Vec<usize>, Vec<usize>), DatasetError> {
    if !(share > 0.0 && share < 1.0) {
        return Err(DatasetError::Share { share });
    }
    let counts = sets.counts(classes.len());
    if let Some(class) = counts.iter().position(|&count| count == 1) {
        return Err(DatasetError::ClassTooSmall {
            class: classes[class].clone(),
            images: 1,
        });
    }
    let mut division = Division::new(sets, &counts, share);
    let order = Random::new(seed, Purpose::Split, 0).permutation(sets.len());
    while let Some(class) = division.rarest() {
        for &image in &order {
            if division.parts[image].is_none() && sets.of(image).contains(&(class as u32)) {
                division.place(image, Some(class));
            }
        }
    }
    for &image in &order {
        if division.parts[image].is_none() {
            division.place(image, None);
        }
    }
    Ok((division.of(REST), division.of(ASIDE)))
}

/// Images on their way into the two parts.
struct Division<'a> {
    sets: &'a LabelSets,
    /// The part of each image that has one.
    parts: Vec<Option<usize>>,
    /// Of each class, how many images each part still lacks.
    lacking: Vec<[f64; 2]>,
    /// How many images each part still lacks.
    room: [f64; 2],
    /// Of each class, its images without a part, and those in the rest.
    left: Vec<usize>,
    kept: Vec<usize>,
}

impl<'a> Division<'a> {
    fn new(sets: &'a LabelSets, counts: &[usize], share: f64) -> Self {
        let lacking = counts.iter().map(|&count| {
            let count = count as f64;
            // One at least in each.
            let aside = (share * count).clamp(1.0, (count - 1.0).max(1.0));
            [count - aside, aside]
        });
        let images = sets.len() as f64;
        Self {
            sets,
            parts: vec![None; sets.len()],
            lacking: lacking.collect(),
            room: [(1.0 - share) * images, share * images],
            left: counts.to_vec(),
            kept: vec![0; counts.len()],
        }
    }

    /// The class with the fewest images left that has some.
    fn rarest(&self) -> Option<usize> {
        let some = (0..self.left.len()).filter(|&class| self.left[class] > 0);
        some.min_by_key(|&class| self.left[class])
    }

    /// Puts an image where this class lacks the most.
    fn place(&mut self, image: usize, class: Option<usize>) {
        let [rest, aside] = class.map_or([0.0; 2], |class| self.lacking[class]);
        let wanted = match aside.total_cmp(&rest) {
            Ordering::Greater => ASIDE,
            Ordering::Less => REST,
            Ordering::Equal if self.room[ASIDE] > self.room[REST] => ASIDE,
            Ordering::Equal => REST,
        };
        let classes = || self.sets.of(image).iter().map(|&class| class as usize);
        // The last image that could be trained on.
        let is_last = |class: usize| self.kept[class] == 0 && self.left[class] == 1;
        let part = if classes().any(is_last) { REST } else { wanted };
        self.room[part] -= 1.0;
        self.parts[image] = Some(part);
        for &class in self.sets.of(image) {
            let class = class as usize;
            self.lacking[class][part] -= 1.0;
            self.left[class] -= 1;
            self.kept[class] += usize::from(part == REST);
        }
    }

    /// The images of a part, in order.
    fn of(&self, part: usize) -> Vec<usize> {
        let images = (0..self.parts.len()).filter(|&image| self.parts[image] == Some(part));
        images.collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|class| format!("class {class}")).collect()
    }

    #[test]
    fn a_class_of_a_single_image_and_a_share_that_is_none_are_refused() {
        let sets = LabelSets::new([vec![0], vec![0, 1]]);
        let error = split_several(&sets, &names(2), 0.5, 0).unwrap_err();
        assert!(
            error.to_string().contains("class `class 1` has only 1"),
            "{error}"
        );
        let error = split_several(&sets, &names(2), 1.0, 0).unwrap_err();
        assert!(error.to_string().contains("over 0 and under 1"), "{error}");
    }

    #[test]
    fn images_without_labels_are_divided_too() {
        let sets = LabelSets::new(vec![vec![]; 20]);
        let (rest, aside) = split_several(&sets, &names(2), 0.25, 3).unwrap();
        assert_eq!((rest.len(), aside.len()), (15, 5));
    }

    proptest! {
        #[test]
        fn every_image_is_in_one_part_and_every_class_near_its_share(
            chosen in prop::collection::vec(prop::collection::vec(any::<bool>(), 4), 40..120),
            seed: u64,
        ) {
            let sets = LabelSets::new(chosen.iter().map(|set| {
                (0..4).filter(|&class| set[class as usize]).collect()
            }));
            let counts = sets.counts(4);
            prop_assume!(counts.iter().all(|&count| count != 1));
            let (rest, aside) = split_several(&sets, &names(4), 0.2, seed).unwrap();
            let mut all = [rest.clone(), aside.clone()].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..chosen.len()).collect::<Vec<_>>());
            let mut held = [0usize; 4];
            for &image in &aside {
                for &class in sets.of(image) {
                    held[class as usize] += 1;
                }
            }
            for (held, count) in held.iter().zip(&counts) {
                let wanted = 0.2 * *count as f64;
                prop_assert!((*held as f64 - wanted).abs() <= 3.0 + 0.1 * wanted, "{held} of {count}");
                prop_assert!(*count == 0 || held < count);
            }
            prop_assert_eq!(split_several(&sets, &names(4), 0.2, seed).unwrap(), (rest, aside));
        }
    }
}
