//! A whole run that is killed at any of its events, twice, comes to the same files, and never
//! leaves one that is half-written.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use burn::tensor::Device;
use scarlet::weights::Precision;
use scarlet::{Architecture, ScarletConfig};
use scarlet_run::pipeline::{Run, RunConfig, RunEvent, Stage, WholeNetwork};
use scarlet_train::Control;
use serde_json::{Value, json};

/// Name the folder of the run, and the event to die at, to the process that is to be killed.
const FOLDER: &str = "SCARLET_TEST_FOLDER";
const EVENT: &str = "SCARLET_TEST_EVENT";

/// Weights of a network whose parts are searched, where there are any.
const WEIGHTS: &str = "whole.safetensors";

/// Of 1×8×8 pixels in MNIST's format, 64 to train on and 8 to test, bright at the top or at the
/// bottom.
fn write_data(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (part, count) in [("train", 64u32), ("t10k", 8)] {
        let (mut images, mut labels) = (vec![0, 0, 8, 3], vec![0, 0, 8, 1]);
        for size in [count, 8, 8] {
            images.extend(size.to_be_bytes());
        }
        labels.extend(count.to_be_bytes());
        for image in 0..count {
            let class = image % 2;
            labels.push(class as u8);
            let pixel = |at: u32| (at / 32 == class) as u32 * 120 + (image * 31 + at * 57) % 100;
            images.extend((0..64).map(|at| pixel(at) as u8));
        }
        fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
        fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
    }
}

/// A search among networks that owe nothing to others, or among the parts of the network whose
/// weights `root` holds.
fn config(root: &Path) -> RunConfig {
    let (data, weights) = (root.join("data"), root.join(WEIGHTS));
    if weights.exists() {
        let changes = json!({
            "data": {"holdout": 0.2},
            "whole": {"epochs": 1, "batch_size": 32},
            "supernet": {"epochs": 1, "batch_size": 16},
            "search": {
                "evaluations": 4,
                "algorithm": {"population": 2},
                "calibration_images": 16,
                "batch_size": 16,
            },
            "train": {"epochs": 1, "batch_size": 32},
        });
        let whole = WholeNetwork::new(weights.display().to_string(), None);
        let source = data.display().to_string();
        let config = RunConfig::for_parts_of(whole, &source, None).unwrap();
        return config.with(changes).unwrap();
    }
    let changes = json!({
        "data": {"source": data.display().to_string(), "holdout": 0.2},
        "space": {
            "layers": [[8, 2], [8, 1]],
            "choices": ["E3K3"],
            "stem": 8,
            "separable": 8,
            "head": 16,
        },
        "supernet": {"epochs": 2, "batch_size": 13},
        "search": {
            "budget": ["mult_adds <= 300K"],
            "evaluations": 4,
            "algorithm": {"population": 2},
            "calibration_images": 16,
            "batch_size": 16,
        },
        "train": {"epochs": 2, "batch_size": 32},
    });
    RunConfig::default().with(changes).unwrap()
}

/// Runs what `root` holds the images of, from where its folder stands, and tells `observer` of
/// every event, counted from 1.
fn run(root: &Path, observer: impl Fn(usize, &RunEvent<'_>) + Send + Sync + 'static) {
    let out = root.join("run");
    let (folder, config) = match out.join("config.json").exists() {
        true => RunConfig::open_existing(&out).unwrap(),
        false => {
            let config = config(root);
            (config.new_folder(&out).unwrap(), config)
        }
    };
    let events = AtomicUsize::new(0);
    Run::prepare(config, Device::flex(), |_| {})
        .unwrap()
        .with_observer(move |event: &RunEvent<'_>| {
            observer(1 + events.fetch_add(1, Ordering::Relaxed), event);
            Control::Continue
        })
        .finish(&folder)
        .unwrap();
}

#[test]
#[ignore = "the process that dies in the other test"]
fn victim() {
    let (Some(root), Ok(last)) = (std::env::var_os(FOLDER), std::env::var(EVENT)) else {
        return;
    };
    let last: usize = last.parse().unwrap();
    run(&PathBuf::from(root), move |number, _| {
        if number == last {
            let id = std::process::id().to_string();
            let _ = Command::new("kill").args(["-KILL", &id]).status();
            thread::sleep(Duration::from_secs(600));
        }
    });
}

/// Whether the process was killed at its event of this number, before it was done.
fn killed_at(root: &Path, event: usize) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--ignored"])
        .env(FOLDER, root)
        .env(EVENT, event.to_string())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success() || status.signal() == Some(9), "{status}");
    !status.success()
}

/// All files below a folder, by their path in it.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => collect(root, &path, files),
                false => {
                    let name = path.strip_prefix(root).unwrap().to_owned();
                    files.insert(name, fs::read(&path).unwrap());
                }
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(folder, folder, &mut found);
    found
}

/// Every file can be read as what it is.
fn assert_whole(folder: &Path) {
    for (name, bytes) in files(folder) {
        let parsed = match name.extension().and_then(|ending| ending.to_str()) {
            Some("json") => serde_json::from_slice::<Value>(&bytes).is_ok(),
            Some("jsonl") => {
                let text = String::from_utf8(bytes).unwrap();
                text.lines()
                    .all(|line| serde_json::from_str::<Value>(line).is_ok())
            }
            Some("safetensors") => safetensors::SafeTensors::deserialize(&bytes).is_ok(),
            Some("html") => bytes.trim_ascii_end().ends_with(b"</html>"),
            Some("svg") => bytes.trim_ascii_end().ends_with(b"</svg>"),
            _ => true,
        };
        assert!(parsed, "{}", name.display());
    }
}

/// What two runs to the same result have in common: all but times, and the numbers that Burn gives
/// to parameters, which checkpoints and scores go by.
fn results(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut results = files(folder);
    results.retain(|name, _| {
        let name = name.to_str().unwrap();
        !name.ends_with("checkpoint.safetensors") && !name.ends_with(".jsonl")
    });
    let result = results.get_mut(Path::new("result.json")).unwrap();
    let mut value: Value = serde_json::from_slice(result).unwrap();
    value["seconds"].take();
    // It is over the times too.
    value["checksum"].take();
    *result = value.to_string().into_bytes();
    results
}

#[test]
fn a_run_that_is_killed_at_any_event_comes_to_the_same_files() {
    let root = tempfile::tempdir().unwrap();
    write_data(&root.path().join("data"));
    kill_at_every_event(root.path(), &[]);
}

#[test]
fn so_does_one_among_the_parts_of_a_network() {
    let root = tempfile::tempdir().unwrap();
    write_data(&root.path().join("data"));
    let network: Architecture = "C3@8/2:relu6 E1K3@8:relu6 E4K5s@8 E3K3@8 P16"
        .parse()
        .unwrap();
    let network = ScarletConfig::from(network).with_resolution(8);
    let network = network.try_init_seeded(3, &Device::flex()).unwrap();
    let weights = root.path().join(WEIGHTS);
    network.save(weights, Precision::F32).unwrap();
    kill_at_every_event(root.path(), &[Stage::Whole]);
}

/// Besides the stages that every run has, `more` must have several events.
fn kill_at_every_event(root: &Path, more: &[Stage]) {
    let out = root.join("run");
    // Which stage each event belongs to.
    let stages: Arc<Mutex<Vec<Stage>>> = Arc::default();
    let seen = Arc::clone(&stages);
    run(root, move |_, event| {
        let mut seen = seen.lock().unwrap();
        let stage = match event {
            RunEvent::Started(stage) => *stage,
            _ => *seen.last().unwrap(),
        };
        seen.push(stage);
    });
    let expected = results(&out);
    for name in ["choice.json", "network/network.scarlet", "report.html"] {
        assert!(expected.contains_key(Path::new(name)), "{name}");
    }
    let stages = stages.lock().unwrap().clone();
    for stage in [
        Stage::Supernet,
        Stage::Search,
        Stage::Choose,
        Stage::Train,
        Stage::Export,
    ]
    .iter()
    .chain(more)
    {
        let events = stages.iter().filter(|it| *it == stage).count();
        assert!(events >= 3, "{stage}: {events}");
    }

    let mut again = 0;
    for event in 1..=stages.len() {
        fs::remove_dir_all(&out).unwrap();
        assert!(killed_at(root, event), "event {event}");
        assert_whole(&out);
        // The second time it has less to do.
        again += usize::from(killed_at(root, event));
        assert_whole(&out);
        run(root, |_, _| {});
        assert_whole(&out);
        let found = results(&out);
        assert!(
            found.keys().eq(expected.keys()),
            "event {event}: {:?}",
            found.keys()
        );
        for (name, bytes) in found {
            let name_of = name.display();
            assert!(bytes == expected[&name], "event {event}: {name_of} differs");
        }
    }
    assert!(again > stages.len() / 2, "{again} of {}", stages.len());
}
