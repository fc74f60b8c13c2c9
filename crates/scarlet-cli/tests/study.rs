//! `scarlet study`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::path::Path;

use common::{scarlet, tiny_data, tiny_run};
use scarlet_train::EpochRecord;
use scarlet_train::dataset::fashion_sample;
use scarlet_train::study::{
    OneShot, Similarity, StandaloneRecord, StudyConfig, SupernetRecord, Variant,
};
use scarlet_train::{RunFolder, Sampling};

/// A folder of a study whose units are all done: nothing has to be trained.
fn finished_study(folder: &Path) -> StudyConfig {
    let config = StudyConfig {
        networks: 3,
        ..StudyConfig::small_images(&fashion_sample().unwrap().train).unwrap()
    };
    let run = RunFolder::create(folder, &config).unwrap();
    let genomes = config.genomes().unwrap();
    let mut records = Vec::new();
    for variant in Variant::ALL {
        let scores = genomes.iter().enumerate().map(|(index, genome)| OneShot {
            genome: genome.clone(),
            recalibrated: match variant.stabilized {
                true => 0.5 + 0.1 * index as f64,
                false => 0.7 - 0.1 * index as f64,
            },
            as_trained: 0.1,
        });
        let record = SupernetRecord {
            variant,
            seed: 0,
            epochs: Vec::<EpochRecord>::new(),
            scores: scores.collect(),
            similarity: Similarity {
                layer: 4,
                choices: ["E3K3", "-"].map(str::to_owned).to_vec(),
                cosine: vec![vec![1.0, 0.25], vec![0.25, 1.0]],
            },
        };
        let sampling = match variant.sampling {
            Sampling::StrictFairness => "fair",
            Sampling::Uniform => "uniform",
        };
        let name = format!("supernet-{}-{sampling}-0.json", variant.skip_name());
        run.write_json(&name, &record).unwrap();
        records.push(record);
    }
    for (index, genome) in genomes.iter().enumerate() {
        let record = StandaloneRecord {
            genome: genome.clone(),
            accuracy: 0.8 + 0.01 * index as f64,
            mult_adds: 1_000_000,
        };
        run.write_json(&format!("network-{genome}.json"), &record)
            .unwrap();
    }
    config
}

#[test]
fn every_question_has_a_table_and_a_picture() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("study");
    finished_study(&folder);
    let path = folder.to_str().unwrap();
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();

    let json = scarlet(["study", "similarity", path, "--json"]).json();
    assert_eq!(json[0]["skip_with_blocks"], 0.25);
    assert_eq!(read("similarity.csv").lines().count(), 1 + 2 * 4);
    assert!(read("similarity.svg").contains("stabilizer, layer 4"));

    let json = scarlet(["study", "spread", path, "--json"]).json();
    assert_eq!(json.as_array().unwrap().len(), 4);
    assert!((json[0]["standard_deviation"].as_f64().unwrap() - 0.1).abs() < 1e-9);
    assert!(read("spread.csv").starts_with("skip,sampling,seed,recalibrated,networks,mean,"));
    assert_eq!(read("spread.svg").matches("<circle").count(), 6);

    let ran = scarlet(["study", "ranking", path]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("Kendall tau"), "{ran:?}");
    // Three accuracies 1 % apart, from 1,000 images.
    assert!(ran.stderr.contains("mostly chance"), "{ran:?}");
    let table = read("ranking.csv");
    let row = |start: &str| table.lines().find(|line| line.starts_with(start)).unwrap();
    assert!(row("stabilizer,fair,0,true").contains(",3,1.0,1.0,0.0,0.0"));
    assert!(row("identity,uniform,0,true").contains(",3,-1.0,-1.0,"));
    // All the same, so there is no ranking to correlate.
    assert!(row("stabilizer,fair,0,false").contains(",3,,,"));
    assert!(read("ranking.svg").contains("Kendall tau 1.00"));
    assert_eq!(read("networks.csv").lines().count(), 4);
}

#[test]
fn other_settings_and_impossible_ones_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("study");
    finished_study(&folder);
    let path = folder.to_str().unwrap();
    scarlet(["study", "spread", path, "--networks", "4"])
        .assert_fails(2, &["`networks` was 3, and now is 4"]);
    let fresh = root.path().join("fresh");
    scarlet(["study", "spread", fresh.to_str().unwrap(), "--layer", "8"])
        .assert_fails(2, &["`layer` is 8, but must be one of the space's layers"]);
    assert!(!fresh.exists());
    scarlet(["study", "spread", path, "--by-depth"])
        .assert_fails(2, &["`by_depth` was false, and now is true"]);
    scarlet(["study", "spread", path, "--data", "examples"]).assert_fails(
        2,
        &["`examples` holds photographs, but this needs images of one size"],
    );
    scarlet(["study", "colour", path]).assert_fails(2, &["unrecognized subcommand"]);
}

#[test]
fn searches_are_compared_on_the_supernet_of_a_run() {
    let root = tempfile::tempdir().unwrap();
    let (data, run) = (root.path().join("data"), root.path().join("run"));
    tiny_data(&data);
    let study = [
        "study",
        "search",
        run.to_str().unwrap(),
        "--seeds",
        "2",
        "--threads",
        "1",
    ];
    scarlet(study).assert_fails(2, &["holds no run"]);
    let mut train = tiny_run("supernet", &data, &run);
    train.insert(1, "train".to_owned());
    assert_eq!(scarlet(&train).code, 0);

    let ran = scarlet(study);
    assert_eq!(ran.code, 0, "{ran:?}");
    for other in ["random search", "regularized evolution"] {
        let verdict = format!("NSGA-II found the larger hypervolume than {other} with ");
        assert!(ran.stdout.contains(&verdict), "{ran:?}");
    }
    let table = fs::read_to_string(run.join("search/comparison.csv")).unwrap();
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let volumes: Vec<f64> = rows
        .records()
        .map(|row| row.unwrap()[5].parse().unwrap())
        .collect();
    // Two searches of two generations, two at random, two that begin with two and breed one by one.
    assert_eq!(volumes.len(), 2 * 2 + 2 * 2 + 2 * 3, "{table}");
    assert!(
        volumes.iter().all(|volume| (0.0..=1.0).contains(volume)),
        "{table}"
    );
    assert!(volumes.iter().any(|&volume| volume > 0.0), "{table}");
    let picture = fs::read_to_string(run.join("search/comparison.svg")).unwrap();
    assert!(picture.contains("Hypervolume over Candidates: NSGA-II, random search"));
    // Nothing is measured twice, and nothing comes out differently.
    let scores = fs::read(run.join("search/scores.jsonl")).unwrap();
    assert_eq!(scarlet(study).stdout, ran.stdout);
    assert_eq!(fs::read(run.join("search/scores.jsonl")).unwrap(), scores);
}
