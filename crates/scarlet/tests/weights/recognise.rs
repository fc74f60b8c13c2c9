//! Telling which network a file holds.

use proptest::prelude::*;
use scarlet::arch::{self, Operation, Padding};
use scarlet::weights::{
    Entry, LoadOptions, Naming, OpenOptions, StateDict, formula, recognise,
    recognise_without_classifier, reference_entries,
};
use scarlet::{Architecture, zoo};

use super::pickle::{Value, write_legacy};

#[test]
fn every_preset_is_recognised_whatever_its_classes() {
    for network in zoo::networks() {
        for classes in [1000, 7] {
            let preset = network.architecture().with_classes(classes);
            let weights = formula::state_dict(&preset);
            let found = recognise(&weights).unwrap();
            assert_eq!(found.naming, Naming::Scarlet);
            // Networks that differ in padding, activation or preprocessing alone have the same
            // entries; the first of them is taken.
            let entries = reference_entries(&preset);
            assert_eq!(reference_entries(&found.architecture), entries);
            let first = zoo::networks().find(|it| {
                let twin = it.architecture().with_classes(classes);
                reference_entries(&twin) == entries
            });
            assert_eq!(found.architecture.name, first.unwrap().name());
        }
    }
}

#[test]
fn an_incomplete_file_is_not_recognised() {
    let weights = formula::state_dict(&arch::scarlet_c());
    let entries = weights.entries().iter().skip(1).cloned();
    assert_eq!(recognise(&StateDict::from_entries(entries)), None);
    let more = Entry::from_f32("mb_module.0.extra", vec![1], || vec![0.0]);
    let entries = weights.entries().iter().cloned().chain([more]);
    assert_eq!(recognise(&StateDict::from_entries(entries)), None);
}

#[test]
fn a_network_of_another_plan_is_not_taken_for_one_of_scarlets() {
    // The shapes of a short network could be those of a long one that ends in identities, but
    // for the channels; its strides would be wrong.
    let short: Architecture = "E3K3@24/2 E6K5@24/2".parse().unwrap();
    assert_eq!(recognise(&formula::state_dict(&short)), None);
}

#[test]
fn hostile_shapes_are_no_network() {
    // Sizes whose products overflow must not reach any arithmetic.
    let huge = usize::MAX / 2;
    let entries = reference_entries(&arch::scarlet_c())
        .into_iter()
        .map(|(name, shape)| {
            let shape = shape.iter().map(|_| huge).collect();
            Entry::from_f32(name, shape, Vec::new)
        });
    assert_eq!(recognise(&StateDict::from_entries(entries)), None);
    let entries = reference_entries(&arch::scarlet_c())
        .into_iter()
        .map(|(name, _)| Entry::from_f32(name, vec![], Vec::new));
    assert_eq!(recognise(&StateDict::from_entries(entries)), None);
}

fn operation() -> impl Strategy<Value = Operation> {
    let block = (0..3usize, 0..3usize, any::<bool>()).prop_map(|(kernel, expansion, se)| {
        let text = format!(
            "{}K{}{}",
            ["E3", "E6", "H40"][expansion],
            [3, 5, 7][kernel],
            if se { "s" } else { "" }
        );
        text.parse().unwrap()
    });
    prop_oneof![
        6 => block,
        1 => Just(Operation::Identity),
        1 => Just(Operation::Linear),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_network_of_the_search_space_is_read_off_its_shapes(
        operations in prop::collection::vec(operation(), 19),
        classes in 1..2000usize,
    ) {
        let text: Vec<String> = operations.iter().map(ToString::to_string).collect();
        let searched: Architecture = text.join(" ").parse().unwrap();
        let searched = searched.with_classes(classes);
        let found = recognise(&formula::state_dict(&searched)).unwrap().architecture;
        // Where the input has as many channels as the block hides, `H40` says the same as `E1`
        // with an expanding convolution, and a multiple may be written as a factor.
        prop_assert_eq!(reference_entries(&found), reference_entries(&searched));
        prop_assert_eq!(found.total_stride(), searched.total_stride());
        let operations = |network: &Architecture| -> Vec<(bool, bool)> {
            network
                .layers()
                .iter()
                .map(|layer| match layer.operation {
                    Operation::Identity => (true, false),
                    Operation::Linear => (false, true),
                    Operation::InvertedResidual(_) | Operation::Conv(_) => (false, false),
                })
                .collect()
        };
        prop_assert_eq!(operations(&found), operations(&searched));
    }
}

/// FairNAS-A's layers, in SCARLET's plan.
const FAIRNAS_A: &str = "E3K7 E3K3 E3K7 E6K3 E6K7 E3K3 E3K3 E6K7 E6K7 E3K5 E6K3 E3K5 E3K5 E6K3 E6K3 \
                         E6K7 E6K3 E6K7 E6K5";

#[test]
fn what_shapes_leave_open_is_said() {
    let presets = recognise(&formula::state_dict(&arch::scarlet_b())).unwrap();
    assert_eq!(presets.assumed, None);

    let mut searched: Architecture = FAIRNAS_A.parse().unwrap();
    let fairnas = recognise(&formula::state_dict(&searched)).unwrap();
    assert_eq!(fairnas.architecture.activations(), "relu6");
    assert_eq!(
        (fairnas.architecture.name.as_str(), fairnas.assumed),
        ("fairnas-a", None)
    );

    // Who names the layers alone gets SCARLET's activation, and is told.
    let weights = formula::state_dict(&searched);
    let named = recognise(&weights).unwrap().difference(&searched).unwrap();
    assert!(
        named.contains("of fairnas-a, a network with relu6"),
        "{named}"
    );
    let itself = recognise(&weights).unwrap();
    assert_eq!(itself.difference(&itself.architecture), None);

    searched.layers_mut()[5].operation = "E6K5s".parse().unwrap();
    let unknown = recognise(&formula::state_dict(&searched)).unwrap();
    assert_eq!(unknown.architecture.activations(), "h-swish");
    let assumed = unknown.assumed.unwrap();
    assert!(assumed.contains("h-swish was taken"), "{assumed}");
    assert!(assumed.contains("--origin fairnas"), "{assumed}");
}

/// A small file with the entries of a network, without values, for those that only look at shapes.
fn save(folder: &std::path::Path, weights: &StateDict) -> std::path::PathBuf {
    let path = folder.join("model.safetensors");
    weights
        .save(&path, scarlet::weights::Precision::F16)
        .unwrap();
    path
}

#[test]
fn what_a_file_says_of_its_origin_settles_what_shapes_leave_open() {
    let folder = tempfile::tempdir().unwrap();
    let lite0 = zoo::by_name("efficientnet-lite0").unwrap().with_classes(3);
    let path = save(
        folder.path(),
        &super::load::under_timm_names(&formula::state_dict(&lite0)),
    );
    let found = |options: OpenOptions| {
        let found = recognise(&StateDict::open_with(&path, &options).unwrap()).unwrap();
        let architecture = found.architecture;
        (
            architecture.padding,
            architecture.batch_norm.epsilon,
            found.assumed,
        )
    };
    let from = |origin: &str| OpenOptions {
        origin: Some(origin.to_owned()),
        ..OpenOptions::default()
    };
    let (padding, epsilon, assumed) = found(OpenOptions::default());
    assert_eq!((padding, epsilon), (Padding::Same, 1e-3));
    assert!(assumed.unwrap().contains("--origin efficientnet_lite0"));
    let torch = (Padding::Symmetric, 1e-5, None);
    assert_eq!(found(from("efficientnet_lite0")), torch);
    let tensorflow = (Padding::Same, 1e-3, None);
    assert_eq!(found(from("tf_efficientnet_lite0")), tensorflow);
    let error = StateDict::open_with(&path, &from("nobody"));
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("known are scarlet, fairnas, and the names of networks"),
        "{error}"
    );

    let beside = folder.path().join("config.json");
    std::fs::write(&beside, r#"{"architecture": "efficientnet_lite0"}"#).unwrap();
    assert_eq!(found(OpenOptions::default()), torch);
    std::fs::write(&beside, r#"{"architecture": "tf_efficientnet_lite0.in1k"}"#).unwrap();
    assert_eq!(found(OpenOptions::default()), tensorflow);
}

#[test]
fn a_checkpoints_own_note_settles_it_too() {
    let folder = tempfile::tempdir().unwrap();
    let lite0 = zoo::by_name("efficientnet-lite0").unwrap().with_classes(3);
    let weights = super::load::under_timm_names(&formula::state_dict(&lite0));
    for (note, padding) in [
        (
            ("arch", Value::Text("efficientnet_lite0")),
            Padding::Symmetric,
        ),
        (
            ("arch", Value::Text("tf_efficientnet_lite0")),
            Padding::Same,
        ),
        (
            (
                "args",
                Value::dict([("model", Value::Text("efficientnet_lite0"))]),
            ),
            Padding::Symmetric,
        ),
    ] {
        let file = Value::dict([("state_dict", Value::state_dict(&weights)), note]);
        let path = write_legacy(folder.path(), "file.pth", &file);
        let found = recognise(&StateDict::open(path).unwrap()).unwrap();
        assert_eq!((found.architecture.padding, found.assumed), (padding, None));
    }
}

/// Networks of timm 1.0.31 whose entries have the same names and shapes: with PyTorch's padding, and
/// converted from TensorFlow.
const TWINS: [(&str, &str); 12] = [
    ("efficientnet_b0", "tf_efficientnet_b0"),
    ("efficientnet_b1", "tf_efficientnet_b1"),
    ("efficientnet_b2", "tf_efficientnet_b2"),
    ("efficientnet_b3", "tf_efficientnet_b3"),
    ("efficientnet_lite0", "tf_efficientnet_lite0"),
    ("efficientnet_lite1", "tf_efficientnet_lite1"),
    ("efficientnet_lite2", "tf_efficientnet_lite2"),
    ("efficientnet_lite3", "tf_efficientnet_lite3"),
    ("efficientnet_lite4", "tf_efficientnet_lite4"),
    ("mobilenetv3_large_100", "tf_mobilenetv3_large_100"),
    ("mobilenetv3_small_075", "tf_mobilenetv3_small_075"),
    ("mobilenetv3_small_100", "tf_mobilenetv3_small_100"),
];

#[test]
fn the_zoo_has_both_of_every_pair_of_twins() {
    for (torch, tensorflow) in TWINS {
        let [torch, tensorflow] = [torch, tensorflow].map(|name| zoo::by_name(name).unwrap());
        assert_eq!(reference_entries(&torch), reference_entries(&tensorflow));
        assert_eq!(
            (torch.padding, torch.batch_norm.epsilon),
            (Padding::Symmetric, 1e-5)
        );
        assert_eq!(
            (tensorflow.padding, tensorflow.batch_norm.epsilon),
            (Padding::Same, 1e-3)
        );
    }
    // And no network of the zoo has a twin that is missing here.
    for network in zoo::networks() {
        let name = network.aliases().first().copied().unwrap_or_default();
        let other = match name.strip_prefix("tf_") {
            Some(other) => other.to_owned(),
            None => format!("tf_{name}"),
        };
        let is_pair = zoo::find(&other).is_ok() && !name.is_empty();
        let known = TWINS.iter().any(|(a, b)| [*a, *b].contains(&name));
        assert_eq!(is_pair, known, "{name}");
    }
}

#[test]
fn a_network_that_is_not_known_is_not_taken_for_its_twin_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let lite0 = zoo::by_name("efficientnet-lite0").unwrap().with_classes(3);
    let weights = formula::state_dict(&lite0);
    let names = [
        super::load::under_timm_names(&weights),
        super::load::under_efficientnet_names(&weights),
        weights,
    ];
    for weights in names {
        let note = ("arch", Value::Text("efficientnet_blur_lite0"));
        let file = Value::dict([("state_dict", Value::state_dict(&weights)), note]);
        let path = write_legacy(folder.path(), "file.pth", &file);
        let assumed = recognise(&StateDict::open(path).unwrap()).unwrap().assumed;
        let assumed = assumed.unwrap();
        assert!(
            assumed.contains("its own `arch` says that the weights are of efficientnet_blur_lite0"),
            "{assumed}"
        );
        assert!(
            assumed.contains("say --origin tf_efficientnet_lite0"),
            "{assumed}"
        );
    }
}

#[test]
fn the_ports_networks_pad_as_tensorflow_whatever_they_are_called() {
    let folder = tempfile::tempdir().unwrap();
    let lite0 = zoo::by_name("efficientnet-lite0").unwrap().with_classes(3);
    let weights = super::load::under_efficientnet_names(&formula::state_dict(&lite0));
    // The name of timm's own, which pads otherwise.
    let note = ("arch", Value::Text("efficientnet_lite0"));
    let file = Value::dict([("state_dict", Value::state_dict(&weights)), note]);
    let path = write_legacy(folder.path(), "file.pth", &file);
    let found = recognise(&StateDict::open(path).unwrap()).unwrap();
    assert_eq!(found.naming, Naming::EfficientNetPyTorch);
    let architecture = found.architecture;
    assert_eq!(
        (architecture.padding, architecture.batch_norm.epsilon),
        (Padding::Same, 1e-3)
    );
    assert_eq!(found.assumed, None);
}

#[test]
fn a_body_is_recognised_without_its_classifier() {
    let lite0 = zoo::by_name("efficientnet-lite0").unwrap();
    let weights = super::load::under_timm_names(&formula::state_dict(&lite0));
    let body = || {
        let entries = weights.entries().iter().cloned();
        entries.filter(|entry| !entry.name().starts_with("classifier."))
    };
    let layer = |name: &str, shape: [usize; 2]| {
        Entry::from_f32(name, shape.to_vec(), move || vec![0.0; shape[0] * shape[1]])
    };
    let features = lite0.features();
    let several = [
        layer("classifier.0.weight", [16, features]),
        layer("classifier.2.weight", [3, 16]),
    ];
    for head in [&several[..0], &several] {
        let weights = StateDict::from_entries(body().chain(head.iter().cloned()));
        assert_eq!(recognise(&weights), None);
        let found = recognise_without_classifier(&weights).unwrap();
        assert_eq!(found.architecture, lite0);
        assert!(found.assumed.is_some());
        let error = weights.architecture().unwrap_err().to_string();
        assert!(
            error.contains("holds efficientnet-lite0: its classifier is missing"),
            "{error}"
        );
    }
    // Less than the body is none.
    let less = StateDict::from_entries(body().skip(1));
    assert_eq!(recognise_without_classifier(&less), None);
}

#[test]
fn a_files_own_names_can_be_given_others() {
    let folder = tempfile::tempdir().unwrap();
    let lite0 = zoo::by_name("efficientnet-lite0").unwrap().with_classes(3);
    let weights = super::load::under_timm_names(&formula::state_dict(&lite0));
    let entries = weights.entries().iter().cloned().map(|entry| {
        let name = entry.name().to_owned();
        match name.strip_prefix("classifier.") {
            Some(rest) => entry.renamed(format!("queue.{rest}")),
            None => entry.renamed(format!("backbone.{name}")),
        }
    });
    let path = save(folder.path(), &StateDict::from_entries(entries));
    let renamed = |text: &str| OpenOptions {
        renamings: vec![text.parse().unwrap()],
        ..OpenOptions::default()
    };
    // Left out, as it is no part of a known network; so it has to be named before that.
    let left = StateDict::open_with(&path, &OpenOptions::default()).unwrap();
    assert_eq!(recognise(&left), None);
    let found = StateDict::open_with(&path, &renamed("queue=classifier")).unwrap();
    let found = recognise(&found).unwrap().architecture;
    assert_eq!(
        (found.name.as_str(), found.classes),
        ("efficientnet-lite0", 3)
    );
    let error = StateDict::open_with(&path, &renamed("nothing=classifier"));
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("backbone") && error.contains("queue"),
        "{error}"
    );
}

#[test]
fn the_only_matrix_is_the_classifier_whatever_it_is_called() {
    let lite0 = zoo::by_name("efficientnet-lite0").unwrap().with_classes(3);
    let weights = super::load::under_timm_names(&formula::state_dict(&lite0));
    for head in [
        "classifier.1",
        "fc",
        "head",
        "head.fc",
        "last_linear",
        "my_own.head.3",
    ] {
        let entries = weights.entries().iter().cloned();
        let renamed = StateDict::from_entries(entries.map(|entry| {
            match entry.name().strip_prefix("classifier.").map(str::to_owned) {
                Some(rest) => entry.renamed(format!("{head}.{rest}")),
                None => entry,
            }
        }));
        let found = recognise(&renamed).unwrap().architecture;
        assert_eq!(
            (found.name.as_str(), found.classes),
            ("efficientnet-lite0", 3),
            "{head}"
        );
        super::load::build(&lite0).load(&renamed).unwrap();
        let options = LoadOptions::new().without_classifier();
        let other = lite0.clone().with_classes(7);
        super::load::build(&other)
            .load_with(&renamed, &options)
            .unwrap();
    }
    // Several layers are no classifier that a network here has; a new one can take their place.
    let entries = weights.entries().iter().cloned().map(|entry| {
        match entry.name().strip_prefix("classifier.").map(str::to_owned) {
            Some(rest) => entry.renamed(format!("head.fc1.{rest}")),
            None => entry,
        }
    });
    let second = Entry::from_f32("head.fc2.weight", vec![5, 3], || vec![0.0; 15]);
    let several = StateDict::from_entries(entries.chain([second]));
    assert!(super::load::build(&lite0).load(&several).is_err());
    let options = LoadOptions::new().without_classifier();
    super::load::build(&lite0)
        .load_with(&several, &options)
        .unwrap();
}

#[test]
fn a_known_network_that_cannot_be_run_is_named() {
    let b4 = Entry::from_f32("conv_stem.weight", vec![17_548_616], Vec::new);
    let classifier = Entry::from_f32("classifier.weight", vec![1000, 1792], Vec::new);
    let weights = StateDict::from_entries([b4, classifier]);
    let error = weights.architecture().unwrap_err().to_string();
    assert!(
        error.contains("EfficientNet-B4") && error.contains("JSON"),
        "{error}"
    );

    let folder = tempfile::tempdir().unwrap();
    let file = Value::dict([
        ("arch", Value::Text("resnet50_of_mine")),
        (
            "state_dict",
            Value::dict([("w", Value::tensor(&[1], vec![1.0]))]),
        ),
    ]);
    let path = write_legacy(folder.path(), "file.pth", &file);
    let error = StateDict::open(path)
        .unwrap()
        .architecture()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("resnet50_of_mine (says its own `arch`)"),
        "{error}"
    );
}
