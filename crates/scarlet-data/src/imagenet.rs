//! The 1,000 classes of ImageNet (ILSVRC2012) in class order.
//!
//! Class order is that of the sorted WordNet ids, which is also the order of the folders that
//! [`ImageFolder`](crate::ImageFolder) reads and of the logits of every network trained on them.
//!
//! The names are WordNet 3.0's lemmas, © Princeton University under the WordNet licence; the list
//! was taken from the files `imagenet_synsets.txt` and `imagenet_synset_to_lemma.txt` of the
//! Python package `timm` 1.0.31, © Ross Wightman under Apache-2.0.

use std::sync::LazyLock;

/// One class of ImageNet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageNetClass {
    /// WordNet id, `n` and eight digits.
    pub wnid: &'static str,
    /// The first of [`lemmas`](Self::lemmas): short, but not unique (`crane` is a bird and a
    /// machine).
    pub name: &'static str,
    /// All of WordNet's words for the class, separated by commas.
    pub lemmas: &'static str,
}

static CLASSES: LazyLock<Vec<ImageNetClass>> = LazyLock::new(|| {
    include_str!("imagenet.tsv")
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(wnid, lemmas)| ImageNetClass {
            wnid,
            name: lemmas.split(", ").next().unwrap_or(lemmas),
            lemmas,
        })
        .collect()
});

/// The 1,000 classes; the index is the class, as in a network's logits.
///
/// ```
/// let classes = scarlet_data::imagenet::classes();
/// assert_eq!(classes[967].name, "espresso");
/// assert_eq!(classes[285].wnid, "n02124075");
/// ```
pub fn classes() -> &'static [ImageNetClass] {
    &CLASSES
}

/// The class whose WordNet id is `wnid`, if it is one of the 1,000.
///
/// ```
/// use scarlet_data::imagenet;
/// assert_eq!(imagenet::class_index("n01440764"), Some(0));
/// assert_eq!(imagenet::class_index("n99999999"), None);
/// ```
pub fn class_index(wnid: &str) -> Option<usize> {
    CLASSES.binary_search_by_key(&wnid, |class| class.wnid).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_classes_in_the_order_of_their_wordnet_ids() {
        let classes = classes();
        assert_eq!(classes.len(), 1_000);
        assert!(classes.windows(2).all(|pair| pair[0].wnid < pair[1].wnid));
        for class in classes {
            assert_eq!(class.wnid.len(), 9, "{class:?}");
            assert!(class.wnid.starts_with('n'), "{class:?}");
            assert!(class.wnid[1..].bytes().all(|b| b.is_ascii_digit()));
            assert!(!class.name.is_empty(), "{class:?}");
            assert!(class.lemmas.starts_with(class.name));
        }
    }

    #[test]
    fn well_known_classes_have_their_well_known_indices() {
        for (index, wnid, name) in [
            (0, "n01440764", "tench"),
            (134, "n02012849", "crane"),
            (281, "n02123045", "tabby"),
            (282, "n02123159", "tiger cat"),
            (285, "n02124075", "Egyptian cat"),
            (504, "n03063599", "coffee mug"),
            (517, "n03126707", "crane"),
            (967, "n07920052", "espresso"),
            (999, "n15075141", "toilet tissue"),
        ] {
            let class = classes()[index];
            assert_eq!((class.wnid, class.name), (wnid, name));
            assert_eq!(class_index(wnid), Some(index));
        }
        assert_eq!(classes()[0].lemmas, "tench, Tinca tinca");
    }
}
