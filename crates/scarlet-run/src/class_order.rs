//! Whether other weights have the same classes in the same order.

use std::path::Path;

use scarlet::ModelCard;
use scarlet::weights::StateDict;
use scarlet_data::class_list;
use scarlet_data::names::NameMatcher;

use crate::RunError;

/// Refuses weights that are to be trained on, or learnt from, if they themselves, or else `classes.txt`
/// next to them, say that their classes are these, but in another order.
pub(crate) fn check_class_order(weights: &Path, classes: &[String]) -> Result<(), RunError> {
    let own = card(weights).map(|card| card.classes);
    let Some(theirs) = own.or_else(|| class_list::read_beside(weights)) else {
        return Ok(());
    };
    let places = NameMatcher::new(classes).places(&theirs);
    let known = places.iter().all(Option::is_some) && places.len() == classes.len();
    let first = (0..places.len()).find(|&place| places[place] != Some(place));
    match first.filter(|_| known) {
        Some(place) => Err(RunError::OtherClassOrder {
            path: weights.to_owned(),
            place,
            theirs: theirs[place].clone(),
            ours: classes[place].clone(),
        }),
        None => Ok(()),
    }
}

/// Refuses weights that are to be trained on with their classifier, or learnt from, if they give an image
/// any number of labels and the images have one class each, or the other way round.
pub(crate) fn check_label_count(weights: &Path, several: bool) -> Result<(), RunError> {
    let theirs = card(weights).is_some_and(|card| card.several_labels.is_some());
    match theirs == several {
        true => Ok(()),
        false => Err(RunError::OtherLabelCount {
            path: weights.to_owned(),
            theirs: labels_per_image(theirs),
            ours: labels_per_image(several),
        }),
    }
}

fn labels_per_image(several: bool) -> &'static str {
    match several {
        true => "any number of labels per image",
        false => "exactly one class per image",
    }
}

fn card(weights: &Path) -> Option<ModelCard> {
    let weights = StateDict::open(weights).ok()?;
    weights.card().ok().flatten()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_same_classes_in_another_order_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("best.safetensors");
        let names = |list: &[&str]| list.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        let natural = names(&["1", "2", "10"]);
        check_class_order(&weights, &natural).unwrap();
        let write = |list| {
            let text = class_list::to_text(&names(list));
            fs::write(folder.path().join("classes.txt"), text).unwrap();
        };
        write(&["01", "2", "10"]);
        check_class_order(&weights, &natural).unwrap();
        // Other names, or another number of them, say nothing about order.
        write(&["one", "two", "ten"]);
        check_class_order(&weights, &natural).unwrap();
        write(&["2", "1"]);
        check_class_order(&weights, &natural).unwrap();
        write(&["1", "10", "2"]);
        let error = check_class_order(&weights, &natural)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("its class 1 (counted from 0) is `10`, but the images' is `2`"),
            "{error}"
        );
        assert!(error.contains("data.class_order"), "{error}");
    }

    #[test]
    fn what_the_weights_say_themselves_goes_over_what_lies_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("best.safetensors");
        let names = |list: &[&str]| list.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        let network: scarlet::Architecture = "E3K3@8/2".parse().unwrap();
        scarlet::ScarletConfig::from(network.with_classes(2))
            .init(&burn::tensor::Device::flex())
            .with_card(scarlet::ModelCard::new(names(&["cat", "dog"])))
            .unwrap()
            .save(&weights, scarlet::weights::Precision::F32)
            .unwrap();
        check_class_order(&weights, &names(&["cat", "dog"])).unwrap();
        let text = class_list::to_text(&names(&["dog", "cat"]));
        fs::write(folder.path().join("classes.txt"), text).unwrap();
        check_class_order(&weights, &names(&["cat", "dog"])).unwrap();
        check_class_order(&weights, &names(&["dog", "cat"])).unwrap_err();
    }
}
