//! What `scarlet train` and `scarlet finetune` print.

use std::path::Path;
use std::time::Duration;

use indicatif::HumanDuration;
use scarlet_train::standalone::{StandalonePlan, StandaloneResult};

use super::number::{millions, percent, thousands};
use super::table::{Column, table};

/// What a run would do.
pub(crate) fn plan_text(plan: &StandalonePlan) -> String {
    let seconds = Duration::try_from_secs_f64(plan.seconds).unwrap_or_default();
    let count = |number: usize| thousands(number as u64);
    let rows = [
        ("network", format!("{}: {}", plan.network, plan.layers)),
        ("input", format!("{0} × {0} pixels", plan.resolution)),
        ("mult-adds", millions(plan.mult_adds)),
        ("parameters", thousands(plan.parameters)),
        (
            "classes",
            format!("{}: {}", plan.classes.len(), plan.classes.join(", ")),
        ),
        (
            "training images",
            format!(
                "{}, {} of them in memory",
                count(plan.train_images),
                count(plan.images_in_memory)
            ),
        ),
        ("held-out images", count(plan.validation_images)),
        ("test images", count(plan.test_images)),
        ("epochs", count(plan.epochs)),
        ("steps", thousands(plan.steps)),
        ("time", format!("about {} here", HumanDuration(seconds))),
    ];
    table(
        &[Column::Left("plan"), Column::Left("")],
        rows.map(|(name, value)| vec![name.to_owned(), value]),
    )
}

/// What a run came to, and what can be done with it.
pub(crate) fn result_text(result: &StandaloneResult, folder: &Path) -> String {
    let mut text = format!("trained for {} epochs", result.epochs);
    if let (Some(epoch), Some(accuracy)) = (result.best_epoch, result.validation_accuracy) {
        text.push_str(&format!(
            "\nbest epoch {epoch}: {} of the held-out images right",
            percent(accuracy)
        ));
    }
    if let Some(accuracy) = result.test_accuracy {
        text.push_str(&format!("\n{} of the test images right", percent(accuracy)));
    }
    let folder = folder.display();
    text.push_str(&format!(
        "\nthe best weights are in {folder}/best.safetensors\n\
         use them: scarlet predict PHOTO --weights {folder}/best.safetensors"
    ));
    text
}
