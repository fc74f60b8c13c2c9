use super::*;

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|&name| name.to_owned()).collect()
}

/// Labels of these classes, of which those that begin with `-` (which is left out) have no images.
fn matched(
    classes: &[&str],
    count: usize,
    known: &ClassNames,
) -> Result<(Labels, Vec<String>), CliError> {
    let has_images: Vec<bool> = classes.iter().map(|name| !name.starts_with('-')).collect();
    let classes: Vec<String> = names(classes)
        .iter()
        .map(|name| name.trim_start_matches('-').to_owned())
        .collect();
    let evaluated = EvaluatedClasses {
        names: &classes,
        has_images: &has_images,
        path: Path::new("set"),
    };
    Labels::new(&evaluated, count, known).map(|labels| (labels, classes))
}

fn unnamed(classes: &[&str], count: usize) -> Result<Labels, CliError> {
    matched(classes, count, &ClassNames::Unknown).map(|(labels, _)| labels)
}

fn imagenet_network(classes: &[&str]) -> Result<Labels, CliError> {
    matched(classes, 1000, &ClassNames::ImageNet).map(|(labels, _)| labels)
}

fn trained_on(classes: &[&str], network: &[&str]) -> Result<Labels, CliError> {
    let known = ClassNames::Given(names(network));
    matched(classes, network.len(), &known).map(|(labels, _)| labels)
}

fn decision(classes: &[&str], count: usize, known: &ClassNames) -> Option<Decision> {
    let (labels, classes) = matched(classes, count, known).unwrap();
    labels.decision(&classes)
}

#[test]
fn a_few_wordnet_ids_are_found_among_imagenets_classes() {
    let labels = imagenet_network(&["n02124075", "n07920052-espresso"]).unwrap();
    assert_eq!((labels.class(0), labels.class(1)), (285, 967));
    assert_eq!(labels.name(967), "espresso");
    assert_eq!(labels.wnid(285), Some("n02124075"));
    assert!(!labels.is_whole_imagenet());
    assert_eq!(decision(&["n02124075"], 1000, &ClassNames::ImageNet), None);
}

#[test]
fn numbers_are_imagenets_classes() {
    // As byte order has them, and a few only; those of empty folders are no matter.
    let labels = imagenet_network(&["0", "10", "100", "-docs", "9", "0967"]).unwrap();
    assert_eq!(
        [0, 1, 2, 4, 5].map(|class| labels.class(class)),
        [0, 10, 100, 9, 967]
    );
    assert_eq!(labels.name(labels.class(5)), "espresso");
    let all: Vec<String> = (0..1000).map(|class| class.to_string()).collect();
    let mut bytewise = all.clone();
    bytewise.sort();
    for order in [all, bytewise] {
        let classes: Vec<&str> = order.iter().map(String::as_str).collect();
        let labels = imagenet_network(&classes).unwrap();
        for (place, name) in order.iter().enumerate() {
            assert_eq!(labels.class(place).to_string(), *name);
        }
        assert!(!labels.is_whole_imagenet());
    }
    let Some(Decision::Clear(text)) = decision(&["0", "967"], 1000, &ClassNames::ImageNet) else {
        panic!("it is clear")
    };
    assert!(
        text.ends_with("counted from 0: `967` is espresso"),
        "{text}"
    );
    // ILSVRC2012's numbers go from 1 to 1,000 too.
    let all: Vec<String> = (1..=1000).map(|class| class.to_string()).collect();
    let classes: Vec<&str> = all.iter().map(String::as_str).collect();
    let error = imagenet_network(&classes).unwrap_err().to_string();
    assert!(
        error.contains("by the numbers of its classes, 0 to 999"),
        "{error}"
    );
    let error = imagenet_network(&["7", "07"]).unwrap_err().to_string();
    assert!(error.contains("(`7` is no such id)"), "{error}");
}

#[test]
fn imagenets_classes_are_known_by_their_names() {
    let labels = imagenet_network(&["Egyptian_cat", "espresso", "tench, Tinca tinca"]).unwrap();
    assert_eq!([0, 1, 2].map(|class| labels.class(class)), [285, 967, 0]);
    // A crane is a bird and a machine.
    assert!(imagenet_network(&["crane", "espresso"]).is_err());
}

#[test]
fn numbers_of_a_network_whose_classes_have_no_names() {
    let labels = unnamed(&["3", "0"], 10).unwrap();
    assert_eq!((labels.class(0), labels.class(1)), (3, 0));
    assert_eq!(labels.name(3), "3");
    // From 1, whatever order they come in.
    let twelve = [
        "1", "10", "11", "12", "2", "3", "4", "5", "6", "7", "8", "9",
    ];
    let labels = unnamed(&twelve, 12).unwrap();
    assert_eq!((labels.class(1), labels.class(4)), (9, 1));
    assert_eq!(labels.name(9), "10");
    let Some(Decision::Doubtful(text)) = decision(&twelve, 12, &ClassNames::Unknown) else {
        panic!("it is doubtful")
    };
    assert!(text.contains("counted from 1"), "{text}");
    assert!(text.contains("torchvision's ImageFolder"), "{text}");
    // Whichever of them have images.
    let few = [
        "-1", "-10", "11", "-12", "-2", "-3", "-4", "-5", "-6", "-7", "-8", "-9",
    ];
    assert_eq!(unnamed(&few, 12).unwrap().class(2), 10);
    let Some(Decision::Doubtful(text)) = decision(&["1", "2"], 5, &ClassNames::Unknown) else {
        panic!("it is doubtful")
    };
    assert!(text.ends_with("so they may count from 1"), "{text}");
    assert!(unnamed(&["1", "20"], 12).is_err());
}

#[test]
fn other_folders_are_the_networks_classes_in_order() {
    let labels = unnamed(&["n02124075", "rose"], 2).unwrap();
    assert_eq!((labels.class(1), labels.name(1)), (1, "rose".to_owned()));
    assert_eq!(labels.wnid(0), None);
    // A folder too many that has no images.
    let labels = unnamed(&["-docs", "lily", "rose"], 2).unwrap();
    assert_eq!((labels.class(1), labels.name(0)), (0, "lily".to_owned()));
    let Some(Decision::Clear(text)) = decision(&["lily", "rose"], 2, &ClassNames::Unknown) else {
        panic!("it is clear")
    };
    assert!(text.contains("in the order of their names"), "{text}");
    let Some(Decision::Doubtful(text)) = decision(&["c1", "c2"], 2, &ClassNames::Unknown) else {
        panic!("it is doubtful")
    };
    assert!(
        text.starts_with("classes are in the order of their numbers: c1, c2"),
        "{text}"
    );
}

#[test]
fn known_names_decide_on_the_class() {
    let labels = trained_on(&["emu", "dog"], &["cat", "dog", "emu"]).unwrap();
    assert_eq!((labels.class(0), labels.class(1)), (2, 1));
    assert_eq!(labels.name(0), "cat");
    let error = trained_on(&["cat", "fox"], &["cat", "dog"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "set has images of class `fox`, but the classes that the network was trained on are \
         cat, dog (classes.txt next to its weights): give the folder that the network was \
         trained on, or give its class folders these names"
    );
}

#[test]
fn names_that_are_written_almost_so_match_or_are_shown() {
    let labels = trained_on(&["cafe\u{301}", "DOG ", "07"], &["7", "dog", "café"]).unwrap();
    assert_eq!([0, 1, 2].map(|class| labels.class(class)), [2, 1, 0]);
    let error = trained_on(&["Cafe\u{301}"], &["café", "CAFÉ", "x"]).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("images of class `Cafe\\u{301}`"), "{error}");
    assert!(error.contains("is not clear"), "{error}");
}

#[test]
fn numbers_stand_for_any_names() {
    let numbered = trained_on(&["0", "1"], &["shirt", "coat"]).unwrap();
    assert_eq!(
        (numbered.class(1), numbered.name(1)),
        (1, "coat".to_owned())
    );
    let named = trained_on(&["shirt", "coat"], &["0", "1"]).unwrap();
    assert_eq!((named.class(1), named.name(1)), (1, "coat".to_owned()));
    let few = trained_on(&["0", "2"], &["shirt", "coat", "bag"]).unwrap();
    assert_eq!((few.class(1), few.name(2)), (2, "bag".to_owned()));
}

#[test]
fn another_number_of_classes_says_what_to_do() {
    let error = imagenet_network(&["n02124075", "rose"])
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "set has images of 2 classes, but the network has 1000 classes: name the folders by \
         ImageNet's WordNet ids, as in n02124075 (`rose` is no such id), or by the numbers of its \
         classes, 0 to 999, or give a network that was trained on these classes with --weights"
    );
    let error = unnamed(&["rose"], 10).unwrap_err().to_string();
    assert!(
        error.contains("but the network has 10 classes: give"),
        "{error}"
    );
}
