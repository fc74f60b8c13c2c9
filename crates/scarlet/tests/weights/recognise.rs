//! Telling which network a file holds.

use proptest::prelude::*;
use scarlet::Architecture;
use scarlet::arch::{self, Operation};
use scarlet::weights::{Entry, Naming, StateDict, formula, recognise, reference_entries};

#[test]
fn every_preset_is_recognised_whatever_its_classes() {
    for name in arch::NAMES.iter() {
        for classes in [1000, 7] {
            let preset = arch::by_name(name).unwrap().with_classes(classes);
            let found = recognise(&formula::state_dict(&preset)).unwrap();
            assert_eq!(found.architecture, preset);
            assert_eq!(found.naming, Naming::Scarlet);
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
                .layers
                .iter()
                .map(|layer| match layer.operation {
                    Operation::Identity => (true, false),
                    Operation::Linear => (false, true),
                    Operation::InvertedResidual(_) => (false, false),
                })
                .collect()
        };
        prop_assert_eq!(operations(&found), operations(&searched));
    }
}
