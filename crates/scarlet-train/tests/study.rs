//! Studies: units of work, their files, and going on.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::Path;

use common::{alone, device};
use scarlet_arch::{Architecture, Operation, SearchSpace, Skip};
use scarlet_train::dataset::{TrainTest, fashion_sample};
use scarlet_train::study::{Study, StudyConfig, StudyEvent, Variant, ranking, spread};
use scarlet_train::{Control, EvaluatorConfig, TrainConfig, TrainError};

/// Three layers that keep their shape, of two blocks and a skip each.
fn space() -> SearchSpace {
    let mut template: Architecture = "L@8 L@8 L@8".parse().unwrap();
    (template.input_channels, template.stem, template.separable) = (1, 8, 8);
    (template.head, template.classes) = (16, 10);
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

fn open(folder: &Path, config: StudyConfig) -> Result<Study, TrainError> {
    Study::open(folder, config, data(), &device())
}

#[test]
fn units_are_done_once_and_answer_every_question() {
    let _alone = alone();
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
    let study = open(folder.path(), config()).unwrap();
    let mut observer = |event: &StudyEvent<'_>| panic!("{event:?}");
    let again = study.supernets(&Variant::SKIPS, &mut observer).unwrap();
    assert_eq!(again.unwrap(), supernets);
    assert_eq!(
        study.standalone(&mut observer).unwrap().unwrap(),
        standalone
    );
}

#[test]
fn a_stopped_study_goes_on_to_the_same_result() {
    let _alone = alone();
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
}
