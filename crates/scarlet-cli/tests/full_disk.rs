//! Runs on a disk that is full: a file system of few kilobytes in a namespace of its own, which is
//! enlarged before they go on. Where the system does not let users mount one, they are skipped.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{scarlet, tiny_data, tiny_run};
use scarlet::weights::StateDict;

/// Runs the program on the small disk, keeps what it left, and lets it go on with room.
const SCRIPT: &str = r#"
set -e
mount -t tmpfs -o "size=$KILOBYTES"k tmpfs "$DISK"
set +e
"$SCARLET" "$@" >/dev/null 2>"$KEPT/stderr"
echo $? >"$KEPT/code"
cp -r "$DISK" "$KEPT/left"
mount -o remount,size=64m tmpfs "$DISK" || exit 1
if [ -f "$DISK/run/config.json" ]; then
    "$SCARLET" "$COMMAND" --threads 1 --resume "$DISK/run" >/dev/null 2>>"$KEPT/resumed"
else
    "$SCARLET" "$@" >/dev/null 2>>"$KEPT/resumed"
fi
echo $? >>"$KEPT/resumed"
cp -r "$DISK/run" "$KEPT/run"
"#;

/// Whether users can mount a file system here; says so if not.
fn can_mount(folder: &Path) -> bool {
    let mounted = Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs"])
        .arg(folder)
        .output();
    let can = mounted.is_ok_and(|output| output.status.success());
    if !can {
        eprintln!("SKIPPED: this system does not let users mount a file system of their own");
    }
    can
}

/// What became of a run on a disk of so many kilobytes.
struct Outcome {
    /// The file that could not be written, as the message names it; none where there was room.
    refused: Option<String>,
    /// Where the files of the run that went on are.
    run: PathBuf,
}

/// `args` make the run in a folder `run` of `disk`, an empty folder to mount on.
fn run_on(disk: &Path, kept: &Path, kilobytes: usize, command: &str, args: &[String]) -> Outcome {
    fs::create_dir(kept).unwrap();
    let ran = Command::new("unshare")
        .args(["-rm", "sh", "-c", SCRIPT, "sh"])
        .args(args)
        .env("SCARLET", env!("CARGO_BIN_EXE_scarlet"))
        .env("COMMAND", command)
        .env("DISK", disk)
        .env("KEPT", kept)
        .env("KILOBYTES", kilobytes.to_string())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let read = |name: &str| fs::read_to_string(kept.join(name)).unwrap();
    let stderr = read("stderr");
    let refused = match read("code").trim() {
        "0" => None,
        code => {
            assert_eq!(code, "1", "{stderr}");
            assert!(stderr.contains("No space left on device"), "{stderr}");
            assert!(stderr.contains("; what was there before"), "{stderr}");
            let begin = stderr.find("cannot write").expect("it names the file");
            let path = stderr[begin..]
                .split_once(disk.to_str().unwrap())
                .unwrap()
                .1;
            let end = path.find(['`', ':']).unwrap();
            Some(path[..end].trim_start_matches('/').to_owned())
        }
    };
    assert_whole(&kept.join("left"));
    let resumed = read("resumed");
    assert!(resumed.ends_with("\n0\n") || resumed == "0\n", "{resumed}");
    let run = kept.join("run");
    assert_whole(&run);
    Outcome { refused, run }
}

/// Every file below a folder can be read as what it is.
fn assert_whole(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_whole(&path);
            continue;
        }
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
        let text = || fs::read_to_string(&path).unwrap();
        let whole = match path.extension().and_then(|ending| ending.to_str()) {
            Some("part") => false,
            Some("json") => json(&text()),
            Some("jsonl") => text().lines().all(json),
            Some("safetensors") => StateDict::open(&path).is_ok(),
            Some("html") => text().trim_end().ends_with("</html>"),
            _ => true,
        };
        assert!(whole, "{}", path.display());
    }
}

/// Runs on disks of all sizes up to one that is large enough, and compares what came out at last.
/// What could not be written on the way.
fn on_all_disks(
    root: &Path,
    command: &str,
    arguments: impl Fn(&Path) -> Vec<String>,
    step: usize,
    results: &[&str],
) -> BTreeSet<String> {
    let whole = root.join("whole");
    let ran = scarlet(arguments(&whole));
    assert_eq!(ran.code, 0, "{ran:?}");
    let disk = root.join("disk");
    fs::create_dir(&disk).unwrap();
    let args = arguments(&disk.join("run"));
    let mut refused = BTreeSet::new();
    for kilobytes in (step..).step_by(step) {
        let kept = root.join(format!("{kilobytes}k"));
        let outcome = run_on(&disk, &kept, kilobytes, command, &args);
        for name in results {
            let read = |folder: &Path| fs::read(folder.join(name)).unwrap();
            assert!(read(&outcome.run) == read(&whole), "{kilobytes}k: {name}");
        }
        match outcome.refused {
            Some(file) => refused.insert(file),
            None => break,
        };
    }
    refused
}

#[test]
fn a_search_on_a_full_disk_goes_on_once_there_is_room() {
    let root = tempfile::tempdir().unwrap();
    if !can_mount(root.path()) {
        return;
    }
    let data = root.path().join("data");
    tiny_data(&data);
    let refused = on_all_disks(
        root.path(),
        "search",
        |out| tiny_run("search", &data, out),
        24,
        &[
            "choice.json",
            "search/state.json",
            "network/network.safetensors",
            "network/network.onnx",
            "network/network.scarlet",
            "report.html",
        ],
    );
    // In the supernet's training, in the search, in the chosen network's training, at the end.
    for part in ["run/supernet/", "run/training/", "run/network/"] {
        assert!(
            refused.iter().any(|file| file.starts_with(part)),
            "{part}: {refused:?}"
        );
    }
    assert!(refused.contains("run/supernet/checkpoint.safetensors"));
}

#[test]
fn a_training_on_a_full_disk_goes_on_once_there_is_room() {
    let root = tempfile::tempdir().unwrap();
    if !can_mount(root.path()) {
        return;
    }
    let data = root.path().join("data");
    tiny_data(&data);
    let refused = on_all_disks(
        root.path(),
        "train",
        |out| {
            let mut args: Vec<String> = ["train", "--threads", "1", "--model", "E3K3@8/2 E3K3@8"]
                .map(str::to_owned)
                .to_vec();
            for (flag, value) in [
                ("--data", data.to_str().unwrap()),
                ("--out", out.to_str().unwrap()),
                ("--epochs", "2"),
                ("--batch", "16"),
            ] {
                args.extend([flag.to_owned(), value.to_owned()]);
            }
            args
        },
        64,
        &["best.safetensors", "last.safetensors", "result.json"],
    );
    for file in ["run/checkpoint.safetensors", "run/best.safetensors"] {
        assert!(refused.contains(file), "{file}: {refused:?}");
    }
}
