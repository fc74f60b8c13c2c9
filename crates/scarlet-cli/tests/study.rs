//! `scarlet study`.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;
use std::fs;
use std::path::Path;

use common::{scarlet, tiny_data, tiny_run};
use scarlet_data::dataset::fashion_sample;
use scarlet_run::RunFolder;
use scarlet_run::study::{
    OneShot, Similarity, StandaloneRecord, StudyConfig, SupernetRecord, Variant,
};
use scarlet_train::EpochRecord;
use scarlet_train::Sampling;

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
            Sampling::Sandwich => "sandwich",
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

    let table = read("projection.csv");
    assert_eq!(table.lines().count(), 1 + 2 * 2);
    assert!(table.starts_with("skip,seed,layer,choice,x,y,explained\n"));
    // Two points lie opposite each other, sqrt(2 - 2 · 0.25) apart.
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let places: Vec<f64> = rows
        .records()
        .map(|row| row.unwrap()[4].parse().unwrap())
        .collect();
    assert!(
        ((places[0] - places[1]).abs() - 1.5f64.sqrt()).abs() < 1e-9,
        "{table}"
    );
    assert!(read("projection.svg").contains("identity, layer 4, 100 % of the variance"));

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
fn settings_are_a_file_and_a_dry_run_says_what_they_come_to() {
    let root = tempfile::tempdir().unwrap();
    let (data, file) = (root.path().join("data"), root.path().join("study.toml"));
    tiny_data(&data);
    let text = "seeds = [5, 7]\nnetworks = 3\nlayer = 2\n\
                [space]\nlayers = [[8, 2], [8, 1]]\nstem = 8\nseparable = 8\nhead = 16\n\
                [supernet]\nepochs = 3\nbatch_size = 8\n\
                [standalone]\nepochs = 9\n";
    fs::write(&file, text).unwrap();
    let folder = root.path().join("study");
    let paths = [&data, &file, &folder].map(|path| path.to_str().unwrap());
    let args = |more: &[&str]| -> Vec<String> {
        let [data, file, folder] = paths;
        let args = ["study", "ranking", folder, "--data", data, "--config", file];
        let more = more.iter().chain(&["--dry-run", "--threads", "1"]);
        args.iter().chain(more).map(|&it| it.to_owned()).collect()
    };
    let plan = scarlet(args(&[
        "--choices",
        "plain",
        "--network-epochs",
        "2",
        "--set",
        "networks=4",
        "--json",
    ]))
    .json();
    assert_eq!(plan["input"], serde_json::json!([1, 8, 8]));
    assert_eq!(plan["choices"].as_array().unwrap().len(), 7);
    assert_eq!(plan["space"], "49");
    // Four kinds of two seeds. 64 images are 8 steps of 8, or one of seven paths; three epochs.
    assert_eq!(plan["supernets"]["left"], 8);
    assert_eq!(plan["supernets"]["steps"], 4 * 3 * (8 + 1));
    assert_eq!(plan["standalone"]["left"], 4);
    assert_eq!(plan["standalone"]["steps"], 4 * 2);
    assert!(plan["supernets"]["seconds"].as_f64().unwrap() > 0.0);

    let ran = scarlet(args(&["--space", "tiny"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    for words in [
        "2 layers of E3K3 E3K5 E6K3 E6K5 L: 25 networks, 3 of which are compared",
        "64 to train on, 8 to test",
        "supernets   8 of 8 to train: 108 steps, about ",
        "networks    3 of 3 to train: 27 steps, about ",
        "cheapest    ",
        "time        about ",
    ] {
        assert!(ran.stdout.contains(words), "no {words:?} in {}", ran.stdout);
    }
    assert!(!folder.exists());

    scarlet(args(&["--set", "supernet.epoch=3"])).assert_fails(
        2,
        &["no setting `supernet.epoch`; did you mean `supernet.epochs`?"],
    );
    scarlet(args(&["--set", "epochs"])).assert_fails(2, &["write KEY=VALUE"]);
    scarlet(args(&["--width", "0"])).assert_fails(2, &["width"]);
    fs::write(&file, "[space]\nskip = \"none\"\n").unwrap();
    scarlet(args(&[])).assert_fails(2, &["a stabilizer is placed"]);
    fs::write(&file, "[space\n").unwrap();
    scarlet(args(&[])).assert_fails(2, &["study.toml cannot be read", "line 1"]);
}

#[test]
fn a_dry_run_of_a_finished_study_has_nothing_left() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("study");
    finished_study(&folder);
    let plan = |more: &[&str]| {
        let args = ["study", "ranking", folder.to_str().unwrap(), "--dry-run"];
        scarlet(args.iter().chain(more))
    };
    let json = plan(&["--json"]).json();
    let nothing =
        |total| serde_json::json!({"total": total, "left": 0, "steps": 0, "seconds": 0.0});
    assert_eq!(json["supernets"], nothing(4));
    assert_eq!(json["standalone"], nothing(3));
    // Nor is it forgotten that its settings cannot be changed any more.
    plan(&["--choices", "plain"]).assert_fails(2, &["`space.choices` was [\"E3K3\""]);
    assert_eq!(plan(&["--choices", "few"]).code, 0);
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
    let with = |more: &[&str]| scarlet(study.iter().chain(more));
    assert_eq!(scarlet(&train).code, 0);
    let plan = with(&["--dry-run", "--json", "--set", "seeds=[3,4,9]"]).json();
    assert_eq!(plan["seeds"], serde_json::json!([3, 4, 9]));
    assert_eq!(
        (&plan["evaluations"], &plan["candidates"]),
        (&4.into(), &36.into())
    );
    assert_eq!(plan["supernet_steps"], 0);
    let ran = with(&["--dry-run", "--evaluations", "7"]);
    for words in [
        "algorithms  NSGA-II, random search, regularized evolution\n",
        "seeds       0, 1\n",
        "supernet    trained\n",
        "candidates  7 of each search, 42 in all, about ",
    ] {
        assert!(ran.stdout.contains(words), "no {words:?} in {ran:?}");
    }
    assert!(!run.join("search/comparison.csv").exists());
    with(&["--set", "seed=3"]).assert_fails(2, &["no setting `seed`; did you mean `seeds`?"]);
    with(&["--set", "seeds=[3,3]"]).assert_fails(2, &["`seeds` is [3, 3]"]);
    with(&["--set", "evaluations=0"]).assert_fails(2, &["`evaluations` is 0"]);

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

    // A supernet that is not trained is the plan's first part.
    fs::remove_dir_all(run.join("supernet")).unwrap();
    let plan = with(&["--dry-run", "--json"]).json();
    assert_eq!(plan["supernet_steps"], 12);
    assert!(plan["supernet_seconds"].as_f64().unwrap() > 0.0);
    let ran = with(&["--dry-run"]);
    assert!(
        ran.stdout.contains("supernet    12 steps to train, about "),
        "{ran:?}"
    );
}
