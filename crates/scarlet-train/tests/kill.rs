//! A run whose process is killed at any moment goes on to the same result.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use common::{bits, images, supernet};
use scarlet::arch::Skip;
use scarlet_train::{
    Augment, Checkpoints, Event, PathSampler, Sampling, Supernet, TrainConfig, Trained, Trainer,
};

/// Names the folder of the run to the process that is to be killed.
const FOLDER: &str = "SCARLET_TEST_FOLDER";

fn run(checkpoints: Option<Checkpoints>) -> Trained<Supernet> {
    let config = TrainConfig {
        epochs: 5,
        batch_size: 4,
        average_decay: Some(0.9),
        augment: Augment {
            shift: 1,
            ..Augment::default()
        },
        ..TrainConfig::default()
    };
    let supernet = supernet(Skip::Linear, 1);
    let sampler = PathSampler::new(Sampling::StrictFairness, supernet.space(), 2);
    let mut trainer = Trainer::new(config);
    if let Some(checkpoints) = checkpoints {
        trainer = trainer.with_checkpoints(checkpoints);
    }
    trainer.train(supernet, sampler, &images(208)).unwrap()
}

/// With a checkpoint behind every step.
fn checkpoints(folder: &Path) -> Checkpoints {
    Checkpoints {
        every: Some(Duration::ZERO),
        ..Checkpoints::new(folder).resuming()
    }
}

#[test]
#[ignore = "the process that the other test kills"]
fn victim() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        run(Some(checkpoints(&PathBuf::from(folder))));
        // To be killed even if it was faster than whoever does it.
        thread::sleep(Duration::from_secs(600));
    }
}

#[test]
fn a_killed_run_goes_on_to_the_same_result() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("events.jsonl");
    let text = || fs::read_to_string(&log).unwrap_or_default();
    let logged = || text().lines().count();
    let finished = || text().contains(r#""event":"finished""#);
    for _ in 0..2 {
        let before = logged();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "victim", "--ignored"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Until it has got somewhere; it waits where it is done.
        while logged() < before + 5 && !finished() {
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
    }
    let resumed = run(Some(checkpoints(folder.path())));
    let whole = run(None);
    assert!(resumed.completed);
    assert_eq!(bits(&resumed.model), bits(&whole.model));
    assert_eq!(
        resumed.average.as_ref().map(bits),
        whole.average.as_ref().map(bits)
    );
    assert_eq!(
        format!("{:?}", resumed.epochs),
        format!("{:?}", whole.epochs)
    );
    // What a kill may have cut off is gone, and nothing is there twice.
    let text = fs::read_to_string(&log).unwrap();
    let events: Vec<Event> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let epochs = events.iter().filter_map(|event| match event {
        Event::Epoch(record) => Some(record.step),
        _ => None,
    });
    assert!(epochs.eq([4, 8, 12, 16, 20]));
    // It did go on, twice, from somewhere.
    let starts = events.iter().filter_map(|event| match event {
        Event::Started { step, .. } => Some(*step),
        _ => None,
    });
    let starts: Vec<u64> = starts.collect();
    assert!(starts.len() == 3 && starts[1] > 0, "{starts:?}");
    assert!(starts[2] >= starts[1], "{starts:?}");
}
