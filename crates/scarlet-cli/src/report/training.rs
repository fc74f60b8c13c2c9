//! What `scarlet train` and `scarlet finetune` print.

use std::path::Path;
use std::time::Duration;

use indicatif::HumanDuration;
use scarlet_io::printable::shortened;
use scarlet_run::standalone::{
    CrossValidation, FoldResult, Preview, StandaloneConfig, StandalonePlan, StandaloneResult,
};
use scarlet_train::Optimizer;
use serde::Serialize;

use super::name::on_one_line;
use super::number::{accuracy, counted, interval, millions, percent, thousands};
use super::seen::{Originals, needless_enlarging, quoted, seen};

/// What a run would do.
pub(crate) fn plan_text(plan: &StandalonePlan) -> String {
    let seconds = Duration::try_from_secs_f64(plan.seconds).unwrap_or_default();
    let count = |number: usize| thousands(number as u64);
    let [recipe, changes] = recipe_lines(&plan.settings, plan.train_images);
    let mut rows = vec![
        ("network", format!("{}: {}", plan.network, plan.layers)),
        ("input", format!("{0} × {0} pixels", plan.resolution)),
        ("mult-adds", millions(plan.mult_adds)),
        ("parameters", thousands(plan.parameters)),
        (
            "classes",
            format!("{}: {}", plan.classes.len(), listed(&plan.classes)),
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
        ("recipe", recipe),
        ("images become", changes),
        ("time", format!("about {} here", HumanDuration(seconds))),
    ];
    if let Some(folds) = plan.folds {
        let networks =
            format!("{folds}, each without one fold of the images, and then 1 on all of them");
        rows.insert(rows.len() - 1, ("networks", networks));
    }
    // No table, which would cut long values.
    let rows = rows.iter();
    let rows: Vec<String> = rows
        .map(|(name, value)| format!("{name:<16} {value}"))
        .collect();
    let rows = format!("plan\n{}", rows.join("\n"));
    let originals = Originals {
        photographs: plan.photographs,
        images: plan.image_size,
    };
    let hint = needless_enlarging(plan.resolution, &originals, Some(plan.seconds));
    let seen = seen(plan.resolution, &originals);
    match hint {
        Some(hint) => format!("{seen}\n{rows}\n{hint}"),
        None => format!("{seen}\n{rows}"),
    }
}

/// Images, as a network would see them.
#[derive(Debug, Serialize)]
pub(crate) struct PreviewReport {
    /// The file that shows them.
    file: String,
    /// From the top.
    rows: Vec<PreviewedImage>,
}

#[derive(Debug, Serialize)]
struct PreviewedImage {
    class: String,
    /// Its file, or its number in its data set.
    image: String,
}

impl PreviewReport {
    pub(crate) fn new(file: &Path, preview: &Preview) -> Self {
        let rows = preview.rows.iter().map(|row| PreviewedImage {
            class: row.class.clone(),
            image: row.name.clone(),
        });
        Self {
            file: file.display().to_string(),
            rows: rows.collect(),
        }
    }

    pub(crate) fn text(&self) -> String {
        let rows = self.rows.iter().zip(1..);
        let rows = rows.map(|(row, number)| {
            let class = shortened(&on_one_line(&row.class), 60).into_owned();
            format!("\n  row {number}: {class}, {}", on_one_line(&row.image))
        });
        format!(
            "{} shows training images, a row each: first as in evaluation, then as in training{}",
            self.file,
            rows.collect::<String>()
        )
    }
}

/// How a network is trained, and what is done to its images.
pub(crate) fn recipe_lines(settings: &StandaloneConfig, images: usize) -> [String; 2] {
    let (train, network) = (&settings.train, &settings.network);
    let steps = train.steps(images, 1) as f64 / train.epochs as f64;
    let mut recipe = vec![
        match train.optimizer {
            Optimizer::AdamW { .. } => "AdamW".to_owned(),
            _ => "SGD".to_owned(),
        },
        format!("batches of {}", train.batch_size.min(images)),
        format!("learning rate {}", short(train.learning_rate)),
        format!(
            "{} of warm-up",
            counted(
                (steps * train.warmup_epochs).round() as u64,
                "step",
                "steps"
            )
        ),
    ];
    let mut add = |present: bool, text: String| {
        if present {
            recipe.push(text);
        }
    };
    add(
        train.head_epochs > 0.0,
        format!(
            "{} of the classifier alone",
            counted((steps * train.head_epochs).ceil() as u64, "step", "steps")
        ),
    );
    if let Some(decay) = train.layer_decay {
        add(true, format!("layer decay {}", short(decay)));
    }
    add(true, format!("weight decay {}", short(train.weight_decay)));
    add(
        train.label_smoothing > 0.0,
        format!("label smoothing {}", short(train.label_smoothing)),
    );
    let balance = train.balance;
    let part = |value: f64| match value {
        1.0 => String::new(),
        value => format!(" by {}", short(value)),
    };
    add(
        balance.sampling > 0.0,
        format!("classes shown equally often{}", part(balance.sampling)),
    );
    add(
        balance.loss > 0.0,
        format!("losses of classes equal{}", part(balance.loss)),
    );
    add(
        network.dropout > 0.0,
        format!("dropout {}", short(network.dropout)),
    );
    add(
        network.drop_path > 0.0,
        format!("drop path {}", short(network.drop_path)),
    );
    if let Some(decay) = train.average_decay {
        add(true, format!("weights averaged by {}", short(decay)));
    }
    [recipe.join(", "), augment_line(settings)]
}

fn augment_line(settings: &StandaloneConfig) -> String {
    let (augment, mix) = (&settings.train.augment, &settings.train.mix);
    let mut changes = Vec::new();
    if let Some(crop) = augment.resized_crop {
        changes.push(format!("cropped to {:.0} % or more", 100.0 * crop.scale[0]));
    }
    if augment.shift > 0 {
        let pixels = counted(augment.shift as u64, "pixel", "pixels");
        changes.push(format!("shifted by up to {pixels}"));
    }
    if augment.flip {
        changes.push("mirrored".to_owned());
    }
    if let Some(it) = augment.rand_augment {
        let (operations, magnitude) = (it.operations, it.magnitude);
        changes.push(format!("RandAugment {operations} × {magnitude}"));
    }
    if augment.color_jitter.is_some() {
        changes.push("varied in colour".to_owned());
    }
    if augment.erase > 0.0 {
        changes.push(format!("erased in part ({:.0} %)", 100.0 * augment.erase));
    }
    for (name, strength) in [("Mixup", mix.mixup), ("CutMix", mix.cutmix)] {
        if strength > 0.0 {
            changes.push(format!("{name} {}", short(strength)));
        }
    }
    match changes.is_empty() {
        true => "shown as they are".to_owned(),
        false => changes.join(", "),
    }
}

/// A setting with three significant digits at most.
fn short(value: f64) -> String {
    match value == 0.0 {
        true => "0".to_owned(),
        false => {
            let digits = (2 - value.abs().log10().floor() as i32).max(0) as usize;
            let text = format!("{value:.digits$}");
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            }
        }
    }
}

/// What a fold of a cross-validation came to.
pub(crate) fn fold_line(fold: &FoldResult) -> String {
    format!(
        "fold {}: {}",
        fold.fold,
        accuracy(fold.right as u64, fold.images as u64)
    )
}

/// What all folds came to.
fn folds_text(crossed: &CrossValidation, folder: &Path) -> String {
    let spread = crossed
        .standard_deviation
        .map_or(String::new(), |deviation| {
            format!(
                ", standard deviation of the folds {:.2} points",
                100.0 * deviation
            )
        });
    format!(
        "\n{} folds: mean {}, 95 % interval {} ({} of {} right){spread}{}\n\
         each image was classified by a network that was not trained on it; the network below was trained on \
         all of them\n\
         what was predicted for each: {}",
        crossed.folds.len(),
        percent(crossed.mean_accuracy),
        interval(crossed.interval),
        thousands(crossed.right as u64),
        counted(crossed.images as u64, "image", "images"),
        of_classes(Some(crossed.class_accuracy)),
        quoted(&folder.join("out-of-fold.csv"))
    )
}

/// The result of a run, and what can be done with it.
pub(crate) fn result_text(result: &StandaloneResult, folder: &Path) -> String {
    let mut text = format!(
        "trained for {}",
        counted(result.epochs as u64, "epoch", "epochs")
    );
    if let Some(crossed) = &result.cross_validation {
        text.push_str(&folds_text(crossed, folder));
    }
    if let (Some(epoch), Some(precision)) =
        (result.best_epoch, result.validation_mean_average_precision)
    {
        let images = counted(result.validation_images as u64, "image", "images");
        text.push_str(&format!(
            "\nbest epoch {epoch}: held out mean average precision {} ({images})",
            percent(precision)
        ));
    } else if let (Some(epoch), Some(accuracy)) = (result.best_epoch, result.validation_accuracy) {
        text.push_str(&format!(
            "\nbest epoch {epoch}: held out {}{}",
            judged(accuracy, result.validation_images),
            of_classes(result.validation_class_accuracy)
        ));
    }
    if let Some(precision) = result.test_mean_average_precision {
        let images = counted(result.test_images as u64, "image", "images");
        let precision = percent(precision);
        text.push_str(&format!(
            "\ntest mean average precision {precision} ({images})"
        ));
    } else if let Some(accuracy) = result.test_accuracy {
        let accuracy = judged(accuracy, result.test_images);
        let mean = of_classes(result.test_class_accuracy);
        text.push_str(&format!("\ntest {accuracy}{mean}"));
    }
    let weights = [("best", "best.safetensors"), ("last", "last.safetensors")];
    let there = weights.iter().find(|(_, name)| folder.join(name).is_file());
    if let Some((which, name)) = there {
        let path = quoted(&folder.join(name));
        text.push_str(&format!(
            "\nthe {which} weights are in {path}\n\
             use them: scarlet predict PHOTO --weights {path}"
        ));
    }
    let report = folder.join("report.html");
    if report.is_file() {
        text.push_str(&format!(
            "\nwhat it confuses, and how training went: {}",
            quoted(&report)
        ));
    }
    text
}

/// Names as far as they can be taken in.
fn listed(names: &[String]) -> String {
    const MOST: usize = 20;
    let shown: Vec<_> = names
        .iter()
        .take(MOST)
        .map(|it| shortened(&on_one_line(it), 60).into_owned())
        .collect();
    let more = match names.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    shown.join(", ") + &more
}

/// The mean of the classes' accuracies, where it is told.
fn of_classes(mean: Option<f64>) -> String {
    mean.map_or(String::new(), |mean| {
        format!("; mean of the classes {}", percent(mean))
    })
}

/// An accuracy with the images that it is of.
fn judged(share: f64, images: usize) -> String {
    let right = (share * images as f64).round() as u64;
    accuracy(right, images as u64)
}

#[cfg(test)]
mod tests {
    use scarlet_run::standalone::Recipe;
    use serde_json::json;

    use super::*;

    #[test]
    fn accuracies_are_told_with_their_images() {
        let result = serde_json::json!({
            "completed": true, "epochs": 3, "best_epoch": 2,
            "validation_accuracy": 0.75, "validation_images": 8,
            "test_accuracy": 0.892, "test_images": 1_000,
        });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("report.html"), "").unwrap();
        let text = result_text(&serde_json::from_value(result).unwrap(), folder.path());
        for part in [
            "trained for 3 epochs",
            "best epoch 2: held out 75.00 % (6 of 8 images, 95 % interval 40.93 to 92.85 %)",
            "test 89.20 % (892 of 1,000 images, 95 % interval 87.12 to 90.98 %)",
            "/report.html",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("mean of the classes"));
        let balanced = serde_json::json!({
            "completed": true, "epochs": 3, "best_epoch": 2,
            "validation_accuracy": 0.75, "validation_images": 8, "validation_class_accuracy": 0.625,
            "test_accuracy": 0.892, "test_images": 1_000, "test_class_accuracy": 0.8125,
        });
        let text = result_text(&serde_json::from_value(balanced).unwrap(), folder.path());
        assert!(
            text.contains("%); mean of the classes 62.50 %\ntest 89.20 %"),
            "{text}"
        );
        assert!(text.contains("%); mean of the classes 81.25 %"), "{text}");
    }

    #[test]
    fn a_recipe_is_told_in_two_lines() {
        let given = json!({
            "network": {"drop_path": 0.1},
            "train": {
                "epochs": 4, "batch_size": 10, "learning_rate": 0.00123456, "warmup_epochs": 0.5,
                "head_epochs": 1, "average_decay": 0.9987, "layer_decay": null,
                "augment": {"erase": 0.25, "resized_crop": {"scale": [0.35, 1]}, "shift": 0},
                "mix": {"cutmix": 1},
            },
        });
        let config = StandaloneConfig::for_data(Recipe::Finetune, "fashion-sample", &given);
        assert_eq!(
            recipe_lines(&config.unwrap(), 100),
            [
                "AdamW, batches of 10, learning rate 0.00123, 5 steps of warm-up, 10 steps of the \
                 classifier alone, weight decay 0.01, label smoothing 0.1, dropout 0.2, drop path \
                 0.1, weights averaged by 0.999",
                "cropped to 35 % or more, mirrored, erased in part (25 %), CutMix 1",
            ]
        );
    }

    #[test]
    fn numbers_are_short() {
        for (value, expected) in [
            (0.0, "0"),
            (0.05, "0.05"),
            (4e-5, "0.00004"),
            (1.0, "1"),
            (0.98765, "0.988"),
            (120.0, "120"),
        ] {
            assert_eq!(short(value), expected);
        }
    }
}
