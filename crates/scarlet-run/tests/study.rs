//! Studies: units of work, their files, and going on.
#![allow(clippy::unwrap_used, unreachable_pub)]

use std::fs;
use std::path::Path;

use burn::tensor::Device;
use scarlet_arch::{Architecture, Operation, SearchSpace, Skip};
use scarlet_data::dataset::{TrainTest, fashion_sample};
use scarlet_run::RunError;
use scarlet_run::study::{
    Question, Study, StudyConfig, StudyEvent, StudyPlan, Trainings, Variant, ranking, spread,
};
use scarlet_train::{Control, EvaluatorConfig, TrainConfig};
use serde_json::json;

/// Three layers that keep their shape, of two blocks and a skip each.
fn space() -> SearchSpace {
    let text = "C3@8/2:relu6 E1K3n@8:relu6 L L L P16:relu6";
    let mut template: Architecture = text.parse().unwrap();
    (template.input_channels, template.classes) = (1, 10);
    template.preprocessing.resolution = 28;
    let block = |text: &str| text.parse::<Operation>().unwrap();
    let choices = vec![block("E1K3"), block("E2K3"), Skip::Linear.operation()];
    SearchSpace::new(template, choices).unwrap()
}

fn config() -> StudyConfig {
    let training = TrainConfig {
        epochs: 1,
        batch_size: 16,
        ..TrainConfig::default()
    };
    StudyConfig {
        networks: 3,
        layer: 2,
        paths: 1,
        supernet: training.clone(),
        standalone: training,
        evaluator: EvaluatorConfig {
            batch_size: 32,
            calibration_images: 32,
            seed: 0,
        },
        ..StudyConfig::new(space())
    }
}

fn data() -> TrainTest {
    let sample = fashion_sample().unwrap();
    let few: Vec<usize> = (0..96).collect();
    TrainTest {
        train: sample.train.select(&few),
        test: sample.test.select(&few),
    }
}

fn device() -> Device {
    Device::flex().autodiff()
}

fn open(folder: &Path, config: StudyConfig) -> Result<Study, RunError> {
    Study::open(folder, config, data(), &device())
}

#[test]
fn units_are_done_once_and_answer_every_question() {
    let folder = tempfile::tempdir().unwrap();
    let study = open(folder.path(), config()).unwrap();
    let mut units = Vec::new();
    let mut observer = |event: &StudyEvent<'_>| {
        if let StudyEvent::Unit { name, done, total } = event {
            units.push(format!("{name} {done} of {total}"));
        }
        Control::Continue
    };
    let supernets = study.supernets(&Variant::SKIPS, &mut observer).unwrap();
    let supernets = supernets.unwrap();
    let standalone = study.standalone(&mut observer).unwrap().unwrap();
    assert_eq!(
        units[..3],
        [
            "supernet-stabilizer-fair-0 0 of 2".to_owned(),
            "supernet-identity-fair-0 1 of 2".to_owned(),
            format!("network-{} 0 of 3", study.genomes()[0]),
        ]
    );
    assert_eq!(units.len(), 5);

    for record in &supernets {
        assert_eq!(record.scores.len(), 3);
        assert_eq!(record.epochs.len(), 1);
        let similarity = &record.similarity;
        assert_eq!((similarity.layer, similarity.choices.len()), (2, 3));
        for (row, cosines) in similarity.cosine.iter().enumerate() {
            assert!((cosines[row] - 1.0).abs() < 1e-6);
            for (column, &cosine) in cosines.iter().enumerate() {
                assert!((-1.0..=1.0 + 1e-6).contains(&cosine));
                assert!((cosine - similarity.cosine[column][row]).abs() < 1e-12);
            }
        }
    }
    assert_eq!(supernets[0].similarity.choices, ["E1K3", "E2K3", "L"]);
    assert_eq!(supernets[1].similarity.choices, ["E1K3", "E2K3", "-"]);
    assert_eq!(spread(&supernets).len(), 4);
    assert_eq!(ranking(&supernets, &standalone).len(), 4);

    // Nothing is left but records, and they are read instead of made again.
    let leftovers = fs::read_dir(folder.path()).unwrap();
    let leftovers = leftovers.filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(leftovers.count(), 0);
    drop(study);
    // Of units whose process was killed before it could remove their checkpoints, too.
    let left = ["supernet-stabilizer-fair-0".to_owned()];
    let left = left
        .into_iter()
        .chain([format!("network-{}", config().genomes().unwrap()[1])]);
    let left: Vec<_> = left.map(|name| folder.path().join(name)).collect();
    for unit in &left {
        fs::create_dir(unit).unwrap();
        fs::write(unit.join("checkpoint.safetensors"), "of old").unwrap();
    }
    let study = open(folder.path(), config()).unwrap();
    let mut observer = |event: &StudyEvent<'_>| panic!("{event:?}");
    let again = study.supernets(&Variant::SKIPS, &mut observer).unwrap();
    assert_eq!(again.unwrap(), supernets);
    assert_eq!(
        study.standalone(&mut observer).unwrap().unwrap(),
        standalone
    );
    for unit in &left {
        assert!(!unit.exists(), "{unit:?}");
    }
}

/// The default study's figures are published: neither its settings nor its networks may change.
/// What it was begun with must stay readable, too.
#[test]
fn the_default_study_stays_what_it_was() {
    let sample = fashion_sample().unwrap();
    let default = StudyConfig::small_images(&sample.train).unwrap();
    let begun: StudyConfig =
        serde_json::from_str(include_str!("golden/default-study.json")).unwrap();
    assert_eq!(default, begun);
    let (without_changes, _) = StudyConfig::configured(None, json!({})).unwrap();
    assert_eq!(without_changes, begun);
    let genomes = |config: &StudyConfig| {
        let genomes = config.genomes().unwrap();
        let genomes: Vec<String> = genomes.iter().map(ToString::to_string).collect();
        genomes.join(" ")
    };
    assert_eq!(
        genomes(&default),
        "4433214 1002430 4430432 3104213 1434443 2421003 0210000 2103402 2234103 3312243 1042020 \
         2131133 3414340 3012342 3443341 1322014 0242421 3120131 1420242 0024013"
    );
    // Those of the README's ranking.
    let by_depth = json!({"by_depth": true, "networks": 21});
    let (by_depth, _) = StudyConfig::configured(Some(begun), by_depth).unwrap();
    assert_eq!(
        genomes(&by_depth),
        "4444244 4444014 3144404 4441000 4224321 3314120 3321333 4441444 2444414 4421404 3443324 \
         1424313 1213041 3011303 4144444 4214444 3444004 4333404 3212144 3140201 3221322"
    );
}

#[test]
fn settings_are_those_of_a_file() {
    let configured = |changes| StudyConfig::configured(None, changes);
    let (config, data) = configured(json!({
        "seeds": [3, 4],
        "space": {"plan": "small", "choices": "plain", "width": 0.5},
        "supernet": {"epochs": 2, "augment": {"flip": false}},
        "evaluator": {"batch_size": 50},
    }))
    .unwrap();
    assert_eq!(config.seeds, [3, 4]);
    assert_eq!(
        (config.supernet.epochs, config.supernet.augment.shift),
        (2, 2)
    );
    assert_eq!(config.evaluator.calibration_images, 256);
    let template = config.space.template();
    // The sample's 28 pixels, rounded up to this plan's stride.
    assert_eq!(template.preprocessing.resolution, 32);
    assert_eq!(template.preprocessing.mean, [0.5; 3]);
    assert_eq!(template.layers()[8].channels, 40);
    let choices = config.space.choices(0).iter().map(ToString::to_string);
    let choices: Vec<String> = choices.collect();
    assert_eq!(
        choices,
        [
            "E3K3:relu6",
            "E3K5:relu6",
            "E3K7:relu6",
            "E6K3:relu6",
            "E6K5:relu6",
            "E6K7:relu6",
            "L"
        ]
    );
    let scarlet = configured(json!({"space": {"choices": "scarlet"}})).unwrap();
    assert_eq!(scarlet.0.space.choices(0).len(), 13);

    // A study takes as many images as it is told, padded to what its networks read.
    let folder = tempfile::tempdir().unwrap();
    let few = StudyConfig {
        images: Some(100),
        ..config
    };
    let plan = StudyPlan::of(folder.path(), Question::Spread, few, &data, &device());
    let plan = plan.unwrap();
    assert_eq!((plan.input, plan.train_images), ([1, 32, 32], 100));
    assert_eq!(plan.space, "40353607");
    assert_eq!((plan.supernets.total, plan.supernets.left), (4, 4));
    assert!(plan.cheapest.mult_adds < plan.dearest.mult_adds);
    assert_eq!(plan.standalone.total, 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    let message = |changes| configured(changes).unwrap_err().to_string();
    assert!(message(json!({"seed": 3})).contains("no setting `seed`; did you mean `seeds`?"));
    assert!(
        message(json!({"supernet": {"epoch": 3}}))
            .contains("no setting `supernet.epoch`; did you mean `supernet.epochs`?")
    );
    assert!(
        message(json!({"space": {"pan": "tiny"}}))
            .contains("no setting `space.pan`; did you mean `space.plan`?")
    );
    assert!(
        message(json!({"space": {"plan": "huge"}}))
            .contains("`space.plan` is \"huge\", but must be \"tiny\"")
    );
    assert!(message(json!({"networks": "many"})).contains("these settings cannot be"));
    assert!(message(json!({"source": "nowhere"})).contains("`nowhere` is neither a folder"));
}

#[test]
fn a_plan_counts_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let plan = |question| StudyPlan::of(folder.path(), question, config(), &data(), &device());
    let before = plan(Question::Ranking).unwrap();
    let left = |trainings: &Trainings| (trainings.left, trainings.total, trainings.steps);
    // 96 images make 6 steps of 16, and 2 of three paths.
    assert_eq!(left(&before.supernets), (4, 4, 2 * 2 + 2 * 6));
    assert_eq!(left(&before.standalone), (3, 3, 3 * 6));
    let study = open(folder.path(), config()).unwrap();
    let mut go_on = |_: &StudyEvent<'_>| Control::Continue;
    study.supernets(&Variant::SKIPS[..1], &mut go_on).unwrap();
    drop(study);
    let after = plan(Question::Similarity).unwrap();
    assert_eq!(left(&after.supernets), (1, 2, 2));
    assert_eq!(left(&after.standalone), (0, 0, 0));
    let other = StudyConfig {
        layer: 1,
        ..config()
    };
    let error = StudyPlan::of(folder.path(), Question::Spread, other, &data(), &device());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("`layer` was 2, and now is 1"), "{error}");
}

#[test]
fn a_stopped_study_goes_on_to_the_same_result() {
    let whole = tempfile::tempdir().unwrap();
    let study = open(whole.path(), config()).unwrap();
    let mut go_on = |_: &StudyEvent<'_>| Control::Continue;
    let expected = study.supernets(&Variant::SKIPS[..1], &mut go_on).unwrap();

    let stopped = tempfile::tempdir().unwrap();
    let study = open(stopped.path(), config()).unwrap();
    let mut steps = 0;
    let mut stop = |event: &StudyEvent<'_>| match event {
        StudyEvent::Training(scarlet_train::Event::Step { .. }) => {
            steps += 1;
            match steps {
                1 => Control::Stop,
                _ => Control::Continue,
            }
        }
        _ => Control::Continue,
    };
    let nothing = study.supernets(&Variant::SKIPS[..1], &mut stop).unwrap();
    assert_eq!(nothing, None);
    drop(study);
    let study = open(stopped.path(), config()).unwrap();
    let found = study.supernets(&Variant::SKIPS[..1], &mut go_on).unwrap();
    assert_eq!(found, expected);
}

#[test]
fn other_settings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Study::stored_config(folder.path()).unwrap(), None);
    drop(open(folder.path(), config()).unwrap());
    assert_eq!(Study::stored_config(folder.path()).unwrap(), Some(config()));
    let other = StudyConfig {
        layer: 1,
        ..config()
    };
    let error = open(folder.path(), other).err().unwrap().to_string();
    assert!(error.contains("`layer` was 2, and now is 1"), "{error}");
    let error = StudyConfig {
        networks: 0,
        ..config()
    };
    let error = open(folder.path(), error).err().unwrap().to_string();
    assert!(error.contains("`networks` is 0"), "{error}");
    let mut other = config();
    other.supernet.epochs = 3;
    let error = open(folder.path(), other).err().unwrap().to_string();
    assert!(
        error.contains("`supernet.epochs` was 1, and now is 3"),
        "{error}"
    );
}
