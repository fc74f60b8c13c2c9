//! Settings as users write them: files in TOML, and values on the command line.

use std::fs;
use std::path::Path;

use scarlet_run::pipeline::{ComparisonConfig, RunConfig};
use scarlet_run::standalone::{Recipe, StandaloneConfig};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Target;

// The program's own, which depends on nothing else of it.
#[path = "../../crates/scarlet-cli/src/toml_settings.rs"]
mod toml_settings;

const SEEDS: [&str; 5] = [
    "[data]\nsource = \"fashion-sample\"\nholdout = 0.25\n\
     [train]\nepochs = 4\nlearning_rate = 0.5\nclip_norm = 1.0\naverage_decay = 0.99\n\
     [train.augment]\nflip = true\nshift = 2\nerase = 0.25\n\
     [train.optimizer]\nname = \"adam-w\"\nbeta_2 = 0.99\n",
    "[search]\nevaluations = 30\nbudget = [\"mult_adds <= 5M\", \"parameters >= 1K\"]\n\
     objectives = [\"maximize accuracy\", \"minimize mult_adds weight 2 reference 5M\"]\n\
     [search.algorithm]\nname = \"nsga2\"\npopulation = 20\n\
     [search.stall]\ngenerations = 5\ntolerance = 0.1\n",
    "[space]\nplan = \"small\"\nchoices = [\"E3K3\", \"E6K5s\"]\nskip = \"stabilizer\"\nwidth = 0.5\n\
     [supernet]\nsampling = \"strict-fairness\"\nepochs = 2\nwarmup_epochs = 0.5\n",
    "train.mix.cutmix = 1.0\ntrain.patience = 3\nnetwork.dropout = 0.2\nnetwork.freeze = 2\n\
     network.resolution = 96\ndata.cache_megabytes = 100\ntrain.final_learning_rate = 1e-5\n\
     train.weight_decay = nan\ntrain.layer_decay = inf\n",
    "seeds = [0, 1, 2]\nevaluations = 100\n",
];

pub(crate) fn target() -> Target {
    Target {
        seeds: SEEDS.map(|text| text.as_bytes().to_vec()).to_vec(),
        wrap: |bytes, _| bytes,
        feed,
    }
}

fn feed(path: &Path) -> bool {
    let bytes = fs::read(path).expect("the input can be read");
    let text = String::from_utf8_lossy(&bytes);
    for line in text.lines() {
        if let Some((key, value)) = line.split_once('=')
            && let Err(error) = toml_settings::value(key, value)
        {
            drop(error.to_string());
        }
    }
    let tree = match toml_settings::parse(&text) {
        Ok(tree) => tree,
        Err(error) => {
            drop(error.to_string());
            return false;
        }
    };
    let mut accepted = checked(RunConfig::default().with(tree.clone()), &tree);
    for recipe in [Recipe::Scratch, Recipe::Finetune] {
        let config = StandaloneConfig::defaults(recipe, "fashion-sample").expect("they are there");
        let changed = config.with(tree.clone());
        if let Ok(config) = &changed
            && let Err(error) = config.train.validate()
        {
            drop(error.to_string());
        }
        accepted |= checked(changed, &tree);
    }
    let comparison = ComparisonConfig {
        seeds: vec![0],
        evaluations: 10,
    };
    accepted | checked(comparison.with(tree.clone()), &tree)
}

/// What is accepted says what was written, and survives the run's folder.
fn checked<C, E>(changed: Result<C, E>, tree: &Value) -> bool
where
    C: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
    E: std::fmt::Display,
{
    let config = match changed {
        Ok(config) => config,
        Err(error) => {
            drop(error.to_string());
            return false;
        }
    };
    let text = serde_json::to_string(&config).expect("settings have a JSON form");
    let again: C = serde_json::from_str(&text).expect("what is written can be read");
    assert_eq!(
        again, config,
        "settings changed on their way through a file"
    );
    let kept: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_numbers_kept(tree, &kept);
    true
}

/// Every number that was set is there: none has become a missing value.
fn assert_numbers_kept(set: &Value, kept: &Value) {
    match (set, kept) {
        (Value::Object(set), Value::Object(kept)) => {
            for (key, value) in set {
                assert_numbers_kept(value, kept.get(key).unwrap_or(&Value::Null));
            }
        }
        (Value::Number(set), kept) => {
            assert_eq!(kept.as_f64(), set.as_f64(), "a number was lost");
        }
        _ => {}
    }
}
