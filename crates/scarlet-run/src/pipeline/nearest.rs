//! Which setting somebody may have meant who wrote one that does not exist.

use serde_json::Value;

use super::overlay::join;

/// How like two words must be for one to be taken for the other's misspelling, in the section
/// where it was looked for.
const LIKENESS: f64 = 0.7;
/// The same in other sections, where there are far more words to be like.
const LIKENESS_ELSEWHERE: f64 = 0.85;

/// What other programs call our settings, one setting a line with its other names behind it.
const OTHER_NAMES: &str = "
    batch_size: batch bs batchsize mini_batch minibatch train_batch_size per_device_train_batch_size
    learning_rate: lr learn_rate lr0 base_lr max_lr init_lr initial_lr
    final_learning_rate: min_lr lr_min lrf final_lr end_lr eta_min
    epochs: epoch num_epochs n_epochs nb_epochs max_epochs num_train_epochs iterations iters
    warmup_epochs: warmup warm_up warmup_steps warmup_iters warmup_ratio lr_warmup_epochs
    weight_decay: wd decay l2 l2_regularization regularization
    label_smoothing: smoothing smooth
    balance: class_weight class_weights class_balance class_balanced weighted_sampler oversampling oversample
    clip_norm: clip clip_grad grad_clip gradient_clip gradient_clip_val max_norm max_grad_norm clipnorm
    average_decay: ema ema_decay model_ema model_ema_decay swa averaging
    layer_decay: layerwise_decay layer_lr_decay llrd lr_decay layer_wise_decay
    patience: early_stopping early_stop early_stopping_patience
    optimizer: optim opt optimiser solver
    seed: random_seed random_state rng manual_seed
    resolution: imgsz image_size img_size imagesize input_size crop_size size image_resolution res side
    source: dataset data_dir data_path train_dir folder root dir
    holdout: val_split validation_split val_size validation_size val_share valid_size val
    test: test_split test_size
    grey: gray grayscale greyscale black_and_white
    cache_folder: cache cache_dir
    cache_megabytes: cache_size cache_mb memory
    model: arch architecture backbone net
    weights: pretrained checkpoint ckpt pretrained_weights init
    freeze: frozen freeze_layers freeze_backbone frozen_stages
    dropout: drop drop_rate dropout_rate
    drop_path: droppath drop_path_rate stochastic_depth drop_connect
    augment: augmentation augmentations aug transforms
    resized_crop: random_resized_crop crop random_crop rrc
    flip: hflip horizontal_flip fliplr mirror random_flip
    erase: random_erasing random_erase erasing reprob cutout
    rand_augment: randaugment aa auto_augment autoaugment trivial_augment
    color_jitter: colour_jitter jitter colorjitter
    mixup: mixup_alpha
    cutmix: cutmix_alpha
    teacher: teacher_path teacher_model
    distillation: distill kd
    temperature: temp tau
    beta_1: beta1
    beta_2: beta2
    epsilon: eps
    evaluations: trials candidates num_trials samples num_samples budget_evaluations
    population: population_size pop_size pop
    generations: num_generations
    budget: constraint constraints limit
    objectives: objective goal goals metric metrics
    network: model
    train: training trainer
    supernet: super_net one_shot
    space: search_space
    seeds: seed num_seeds
";

/// The settings of `tree` that `key`, written in `section`, most likely stands for, as full paths:
/// by meaning before spelling, in its own section before others. Several where several sections
/// have it.
pub(super) fn nearest(tree: &Value, section: &str, key: &str) -> Vec<String> {
    let key = key.trim().to_lowercase().replace(['-', ' '], "_");
    let mut all = Vec::new();
    collect(tree, "", &mut all);
    let (own, others): (Vec<&Setting>, Vec<&Setting>) =
        all.iter().partition(|setting| setting.section == section);
    let meant = meant(&key);
    let with_name = |settings: &[&Setting], name: &str| -> Vec<String> {
        let found = settings.iter().filter(|setting| setting.name == name);
        found.map(|setting| setting.path()).collect()
    };
    let by_meaning = |settings: &[&Setting]| -> Vec<String> {
        let names = meant.iter().map(|name| with_name(settings, name));
        names.flatten().collect()
    };
    // In this order: `epochs` is a setting, if in another section, and not a misspelling.
    let ways: [&dyn Fn() -> Vec<String>; 5] = [
        &|| [with_name(&own, &key), by_meaning(&own)].concat(),
        &|| with_name(&others, &key),
        &|| by_meaning(&others),
        &|| most_alike(&own, &key, LIKENESS),
        &|| most_alike(&others, &key, LIKENESS_ELSEWHERE),
    ];
    let found = ways.iter().map(|way| way());
    found
        .into_iter()
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// Our names for what others call `key`.
fn meant(key: &str) -> Vec<&'static str> {
    let lines = OTHER_NAMES.lines().filter_map(|line| line.split_once(':'));
    lines
        .filter(|(_, names)| names.split_whitespace().any(|name| name == key))
        .map(|(ours, _)| ours.trim())
        .collect()
}

struct Setting {
    section: String,
    name: String,
}

impl Setting {
    fn path(&self) -> String {
        join(&self.section, &self.name)
    }
}

/// Every setting and section of a tree.
fn collect(tree: &Value, section: &str, all: &mut Vec<Setting>) {
    for (name, value) in tree.as_object().into_iter().flatten() {
        collect(value, &join(section, name), all);
        all.push(Setting {
            section: section.to_owned(),
            name: name.clone(),
        });
    }
}

/// Those whose name is spelt most like the key, if like enough.
fn most_alike(settings: &[&Setting], key: &str, least: f64) -> Vec<String> {
    let likeness = |setting: &Setting| strsim::jaro_winkler(&setting.name, key);
    let best = settings
        .iter()
        .map(|setting| likeness(setting))
        .fold(least, f64::max);
    let found = settings.iter().filter(|setting| likeness(setting) >= best);
    found.map(|setting| setting.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::RunConfig;
    use crate::standalone::{Recipe, StandaloneConfig};

    fn of_training(section: &str, key: &str) -> String {
        let config = StandaloneConfig::defaults(Recipe::Finetune, "fashion-sample").unwrap();
        nearest(&serde_json::to_value(config).unwrap(), section, key).join(" ")
    }

    #[test]
    fn other_programs_names_lead_to_ours() {
        for (key, ours) in [
            ("lr", "learning_rate"),
            ("LR", "learning_rate"),
            ("bs", "batch_size"),
            ("batch", "batch_size"),
            ("batch-size", "batch_size"),
            ("wd", "weight_decay"),
            ("num_epochs", "epochs"),
            ("optim", "optimizer"),
            ("ema", "average_decay"),
            ("warmup", "warmup_epochs"),
            ("early_stopping", "patience"),
            ("label_smooth", "label_smoothing"),
        ] {
            assert_eq!(of_training("train", key), format!("train.{ours}"), "{key}");
        }
        assert_eq!(of_training("network", "imgsz"), "network.resolution");
        assert_eq!(of_training("network", "pretrained"), "network.weights");
        assert_eq!(of_training("train.augment", "hflip"), "train.augment.flip");
        assert_eq!(
            of_training("train.optimizer", "beta1"),
            "train.optimizer.beta_1"
        );
    }

    #[test]
    fn a_setting_is_found_in_another_section() {
        assert_eq!(of_training("", "epochs"), "train.epochs");
        assert_eq!(of_training("", "lr"), "train.learning_rate");
        assert_eq!(of_training("data", "image_size"), "network.resolution");
        assert_eq!(of_training("train", "dropout"), "network.dropout");
        assert_eq!(of_training("network", "flip"), "train.augment.flip");
        assert_eq!(of_training("", "cutmix"), "train.mix.cutmix");
        let run = RunConfig::default().to_value();
        assert_eq!(
            nearest(&run, "", "epochs"),
            ["supernet.epochs", "train.epochs", "whole.epochs"]
        );
        assert_eq!(
            nearest(&run, "search", "pop_size"),
            ["search.algorithm.population"]
        );
    }

    #[test]
    fn misspellings_are_found_and_nonsense_is_not() {
        assert_eq!(of_training("train", "epocs"), "train.epochs");
        assert_eq!(of_training("", "trian"), "train");
        assert_eq!(of_training("data", "learning_rat"), "train.learning_rate");
        assert_eq!(of_training("train", "zzz"), "");
    }

    #[test]
    fn every_name_of_the_table_is_a_setting() {
        let (mut all, scratch) = (
            Vec::new(),
            StandaloneConfig::defaults(Recipe::Scratch, "fashion-sample"),
        );
        let finetune = StandaloneConfig::defaults(Recipe::Finetune, "fashion-sample");
        for config in [scratch.unwrap(), finetune.unwrap()] {
            collect(&serde_json::to_value(config).unwrap(), "", &mut all);
        }
        collect(&RunConfig::default().to_value(), "", &mut all);
        let elsewhere = ["seeds", "generations"];
        for line in OTHER_NAMES.lines().filter(|line| !line.trim().is_empty()) {
            let name = line.split_once(':').unwrap().0.trim();
            let known = all.iter().any(|setting| setting.name == name);
            assert!(known || elsewhere.contains(&name), "{name}");
        }
    }
}
