//! Folding changes no output.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor};
use common::{ENDS, between, operations, relative_error, signal, with_formula_weights};
use proptest::prelude::*;
use scarlet::arch::{
    Block, Expansion, InvertedResidual, Operation, Outline, SqueezeExcite, scarlet_like,
};
use scarlet::fold::{FoldError, FoldOptions, KeptReason, Outcome};
use scarlet::{Architecture, BlockModule, Scarlet, ScarletConfig};

const STRICT: FoldOptions = FoldOptions { max_condition: 1e3 };

/// Channels and strides of a small network's layers.
const PLAN: [(usize, usize); 11] = [
    (6, 1),
    (6, 1),
    (6, 1),
    (8, 2),
    (8, 1),
    (8, 1),
    (10, 1),
    (10, 1),
    (12, 2),
    (12, 1),
    (14, 1),
];

fn block(kernel: usize, expansion: usize, squeeze_excite: bool) -> Operation {
    Operation::InvertedResidual(InvertedResidual {
        squeeze_excite: squeeze_excite.then_some(SqueezeExcite::QUARTER),
        ..InvertedResidual::new(kernel, Expansion::Times(expansion))
    })
}

fn placed(operations: &[Operation], plan: &[(usize, usize)]) -> impl Iterator<Item = Block> {
    operations
        .iter()
        .zip(plan)
        .map(|(&operation, &(channels, stride))| Block {
            operation,
            channels,
            stride,
        })
}

fn architecture(operations: &[Operation], plan: &[(usize, usize)]) -> Architecture {
    let outline = Outline {
        stem: 4,
        separable: 4,
        head: 16,
    };
    let architecture = scarlet_like("folded", outline, placed(operations, plan));
    architecture.with_classes(5).with_resolution(32)
}

fn network(architecture: Architecture, seed: u64, device: &Device) -> Scarlet {
    let network = ScarletConfig::from(architecture).init(device);
    with_formula_weights(network, &format!("{seed}."))
}

fn in_f64<M: Module>(module: M) -> M {
    struct Cast;
    impl ModuleMapper for Cast {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|tensor| tensor.cast(DType::F64))
        }
    }
    module.map(&mut Cast)
}

fn logits(network: &Scarlet, input: Tensor<4>) -> Vec<f64> {
    network.forward(input).into_data().iter::<f64>().collect()
}

/// What folding does to a network's logits, relative to the largest.
fn folding_error(network: &Scarlet, folded: &Scarlet, dtype: DType) -> f64 {
    let input = signal("fold.input", [2, 3, 32, 32], &network.device()).cast(dtype);
    relative_error(&logits(folded, input.clone()), &logits(network, input))
}

fn is_stabilizer(layer: &Block) -> bool {
    layer.operation == Operation::Linear
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn random_paths_keep_their_function(
        operations in prop::collection::vec(operations(6), PLAN.len()),
        ends in 0..ENDS.len(),
        seed in any::<u64>(),
    ) {
        let device = Device::flex();
        let described = between(ends, placed(&operations, &PLAN));
        let single = network(described.clone(), seed, &device);
        let double = in_f64(network(described, seed, &device));
        let (folded, report) = match single.fold(&STRICT) {
            // A random matrix may well be close to singular.
            Err(FoldError::NearSingular { .. }) => return Ok(()),
            other => other.unwrap(),
        };
        prop_assert!(folding_error(&single, &folded, DType::F32) < 1e-3);

        let (folded, _) = double.fold(&STRICT).unwrap();
        prop_assert!(folding_error(&double, &folded, DType::F64) < 1e-9);

        // Every stabilizer is accounted for, and only those said to stay are there.
        let before = operations.iter().filter(|&&op| op == Operation::Linear).count();
        prop_assert_eq!(report.stabilizers.len(), before);
        let kept = report
            .stabilizers
            .iter()
            .filter(|fold| matches!(fold.outcome, Outcome::Kept(_)))
            .count();
        let after = folded.architecture();
        prop_assert_eq!(after.layers().iter().filter(|layer| is_stabilizer(layer)).count(), kept);

        // What comes out is what its architecture says: another network takes its weights.
        prop_assert!(after.validate().is_ok());
        let plain = ScarletConfig::from(after.clone()).init(&device);
        let reloaded = in_f64(plain).load_record(folded.clone().into_record());
        prop_assert_eq!(folding_error(&folded, &reloaded, DType::F64), 0.0);
    }
}

fn outcomes(operations: &[Operation], plan: &[(usize, usize)]) -> Vec<Outcome> {
    let device = Device::flex();
    let network = network(architecture(operations, plan), 7, &device);
    let (folded, report) = network.fold(&FoldOptions::default()).unwrap();
    assert!(folding_error(&network, &folded, DType::F32) < 1e-3);
    report
        .stabilizers
        .into_iter()
        .map(|fold| fold.outcome)
        .collect()
}

const LINEAR: Operation = Operation::Linear;

#[test]
fn a_stabilizer_before_a_block_without_shortcut_merges_into_it() {
    let ops = [block(3, 2, false), LINEAR, block(3, 2, true)];
    let found = outcomes(&ops, &[(6, 1), (6, 1), (8, 2)]);
    assert_eq!(found, [Outcome::MergedForward]);
}

#[test]
fn a_stabilizer_that_widens_before_the_head_merges_into_it() {
    let found = outcomes(&[block(3, 2, false), LINEAR], &[(6, 1), (9, 1)]);
    assert_eq!(found, [Outcome::MergedForward]);
}

#[test]
fn a_stabilizer_behind_the_block_that_begins_the_stream_merges_backward() {
    let ops = [block(3, 2, false), LINEAR, block(3, 2, true)];
    let found = outcomes(&ops, &[(6, 1), (6, 1), (6, 1)]);
    assert_eq!(found, [Outcome::MergedBackward]);
}

#[test]
fn a_stabilizer_between_shortcuts_changes_the_basis_on_the_shorter_side() {
    let [b, s] = [block(3, 2, false), LINEAR];
    let plan = [(6, 1); 6];
    let found = outcomes(&[b, b, s, b, b, b], &plan);
    assert!(
        matches!(found[..], [Outcome::BasisChangedBackward { condition }] if condition > 1.0),
        "{found:?}"
    );
    let found = outcomes(&[b, b, b, b, s, b], &plan);
    assert!(
        matches!(found[..], [Outcome::BasisChangedForward { condition }] if condition > 1.0),
        "{found:?}"
    );
}

#[test]
fn a_downsampling_stabilizer_stays() {
    let found = outcomes(&[block(3, 2, false), LINEAR], &[(6, 1), (8, 2)]);
    assert_eq!(found, [Outcome::Kept(KeptReason::Downsamples)]);
}

#[test]
fn a_stabilizer_that_changes_channels_between_shortcuts_stays() {
    let b = block(3, 2, false);
    let found = outcomes(&[b, b, LINEAR, b], &[(6, 1), (6, 1), (8, 1), (8, 1)]);
    assert_eq!(found, [Outcome::Kept(KeptReason::ChangesChannels)]);
}

#[test]
fn a_merge_never_creates_a_shortcut() {
    // Merged, the last block would read 8 channels and write 8 at stride 1.
    let ops = [
        block(3, 2, false),
        block(3, 2, false),
        LINEAR,
        block(3, 2, false),
    ];
    let found = outcomes(&ops, &[(8, 1), (8, 1), (6, 1), (8, 1)]);
    assert_eq!(found, [Outcome::Kept(KeptReason::ChangesChannels)]);
}

/// Though it then writes as many channels as it reads.
#[test]
fn a_merge_gives_the_separable_convolution_no_shortcut() {
    let device = Device::flex();
    let text = "C3@8/2 E1K3@6 L@8 E3K3 E3K3@10/2 P16";
    let network = network(text.parse().unwrap(), 7, &device);
    let (folded, report) = network.fold(&FoldOptions::default()).unwrap();
    assert_eq!(report.stabilizers[0].outcome, Outcome::MergedBackward);
    assert!(folding_error(&network, &folded, DType::F32) < 1e-5);
    let left = folded.architecture().to_string();
    assert_eq!(left, "C3@8/2 E1K3n - E3K3 E3K3@10/2 P16");
    let again = ScarletConfig::from(folded.architecture().clone()).init(&device);
    let again = again.load(&folded.state_dict()).unwrap();
    assert!(folding_error(&folded, &again, DType::F32) < 1e-6);
}

#[test]
fn neighbouring_stabilizers_merge_into_one_another() {
    let b = block(3, 2, false);
    let found = outcomes(&[b, b, LINEAR, LINEAR, b, b], &[(6, 1); 6]);
    assert_eq!(found[0], Outcome::MergedForward);
    assert!(
        matches!(found[1], Outcome::BasisChangedBackward { .. }),
        "{found:?}"
    );
}

#[test]
fn a_near_singular_stabilizer_is_refused_with_its_condition_number() {
    let b = block(3, 2, false);
    let device = Device::flex();
    let network = network(
        architecture(&[b, b, LINEAR, b, b], &[(6, 1); 5]),
        7,
        &device,
    );
    let options = FoldOptions { max_condition: 1.0 };
    let error = network.fold_stabilizers(&options).unwrap_err();
    let FoldError::NearSingular {
        layer, condition, ..
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!(layer, 2);
    let message = error.to_string();
    // People count layers from 1.
    let said = format!("of layer 3 has condition number {condition:.3e}");
    assert!(message.contains(&said), "{message}");
    assert!(message.contains("FoldOptions::max_condition"), "{message}");
}

#[test]
fn folding_batch_norm_leaves_the_original_alone() {
    let device = Device::flex();
    let network = network(architecture(&[block(5, 3, true)], &[(6, 1)]), 3, &device);
    let input = signal("fold.input", [1, 3, 32, 32], &device);
    let before = logits(&network, input.clone());
    let folded = network.fold_batch_norm();
    assert_eq!(logits(&network, input), before);
    let BlockModule::Conv(stem) = &folded.blocks[0] else {
        panic!("a network begins with a convolution")
    };
    let variance = stem.bn.running_var.value().into_data();
    assert!(
        variance
            .iter::<f64>()
            .all(|x| (x + 1e-5 - 1.0).abs() < 1e-6)
    );
}
