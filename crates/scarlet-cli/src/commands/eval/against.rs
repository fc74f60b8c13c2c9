//! `scarlet eval --against`: two networks on the same images.

use std::collections::HashMap;

use scarlet::accuracy_interval;
use scarlet::trust::mcnemar_exact;
use scarlet_train::trust::Evidence;

use super::evaluation::Evaluation;
use super::match_labels;
use super::subject::Subject;
use crate::cli::{EvalArgs, ModelArgs};
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::model::Model;
use crate::report::Setting;
use crate::report::against::Against;
use crate::terminal::Terminal;

/// What the first network said.
pub(super) struct First<'a> {
    pub(super) subject: &'a Subject,
    pub(super) evidence: &'a Evidence,
}

/// Evaluates the other network on the same images, and compares the two; nothing where that was
/// interrupted.
pub(super) fn compare(
    args: &EvalArgs,
    other: &str,
    first: &First<'_>,
    interrupt: &Interrupt,
    terminal: &Terminal,
) -> Result<Option<Against>, CliError> {
    // What was asked for of the first network is its own.
    let model = ModelArgs {
        weights: Some(other.to_owned()),
        model: None,
        random_init: false,
        num_classes: None,
        resolution: None,
        ..args.model.clone()
    };
    let inference = &args.inference;
    let mut model = Model::open(&model, &inference.compute, inference.batch, terminal)?;
    model.require_one_label("--against")?;
    let labels = match_labels(args, &model, first.subject, terminal)?;
    let mut evaluation = Evaluation::new(args, &mut model, first.subject, &labels, None)?;
    if !evaluation.run(interrupt, terminal)? {
        return Ok(None);
    }
    let [[both_wrong, only_other], [only_this, both_right]] =
        agreement(first.evidence, &evaluation.evidence);
    let images = both_wrong + only_other + only_this + both_right;
    let top1 = |right: u64| {
        (
            right as f64 / images.max(1) as f64,
            accuracy_interval(right, images),
        )
    };
    let (this_top1, _) = top1(both_right + only_this);
    let (other_top1, other_top1_interval) = top1(both_right + only_other);
    Ok(Some(Against {
        other: Setting::of(&model),
        images,
        this_top1,
        other_top1,
        other_top1_interval,
        only_this,
        only_other,
        p_value: mcnemar_exact(only_this, only_other),
    }))
}

/// How many images the first answers wrong or right (the outer index), and the second.
pub(super) fn agreement(first: &Evidence, second: &Evidence) -> [[u64; 2]; 2] {
    let second = right(second);
    let mut counts = [[0u64; 2]; 2];
    for (image, is_right) in right(first) {
        if let Some(&other) = second.get(&image) {
            counts[usize::from(is_right)][usize::from(other)] += 1;
        }
    }
    counts
}

/// For each image whether its answer is right.
fn right(evidence: &Evidence) -> HashMap<usize, bool> {
    let answers = evidence.answers(None);
    let images = evidence.images().iter().copied();
    images.zip(answers.iter().map(|it| it.right)).collect()
}
