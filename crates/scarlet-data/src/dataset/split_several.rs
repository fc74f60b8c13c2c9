//! Dividing images of several classes each.

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
    // Of each class, how many images each part still lacks; one at least.
    let mut lacking: Vec<[f64; 2]> = counts
        .iter()
        .map(|&count| {
            let most = (count as f64 - 1.0).max(1.0);
            let aside = (share * count as f64).clamp(1.0, most);
            [count as f64 - aside, aside]
        })
        .collect();
    let images = sets.len() as f64;
    let mut room = [(1.0 - share) * images, share * images];
    let mut parts: Vec<Option<usize>> = vec![None; sets.len()];
    let order = Random::new(seed, Purpose::Split, 0).permutation(sets.len());
    let mut place = |image: usize, lacking: &mut Vec<[f64; 2]>, class: Option<usize>| {
        let wanted = class.map_or([0.0; 2], |class| lacking[class]);
        let part = match wanted[ASIDE].total_cmp(&wanted[REST]) {
            std::cmp::Ordering::Greater => ASIDE,
            std::cmp::Ordering::Less => REST,
            std::cmp::Ordering::Equal => usize::from(room[ASIDE] > room[REST]),
        };
        room[part] -= 1.0;
        for &class in sets.of(image) {
            lacking[class as usize][part] -= 1.0;
        }
        part
    };
    loop {
        let mut left = vec![0usize; classes.len()];
        for (image, part) in parts.iter().enumerate() {
            for &class in sets.of(image).iter().filter(|_| part.is_none()) {
                left[class as usize] += 1;
            }
        }
        let some = (0..classes.len()).filter(|&class| left[class] > 0);
        let Some(class) = some.min_by_key(|&class| left[class]) else {
            break;
        };
        for &image in &order {
            if parts[image].is_none() && sets.of(image).contains(&(class as u32)) {
                parts[image] = Some(place(image, &mut lacking, Some(class)));
            }
        }
    }
    for &image in &order {
        if parts[image].is_none() {
            parts[image] = Some(place(image, &mut lacking, None));
        }
    }
    let of = |part: usize| -> Vec<usize> {
        let images = (0..sets.len()).filter(|&image| parts[image] == Some(part));
        images.collect()
    };
    Ok((of(REST), of(ASIDE)))
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
