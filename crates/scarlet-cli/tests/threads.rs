//! Where the system allows few threads, as in a container with a limit.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, unreachable_pub)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use common::{photograph, tiny_data};

/// A user that has no processes, so that the limit is the program's alone.
const USER: &str = "61234";

/// Runs the program where it may have so many threads, its own one included; none where this takes
/// more rights than there are.
fn limited(threads: usize, folder: &Path, args: &[&str]) -> Option<Output> {
    let output = Command::new("setpriv")
        .args([
            "--reuid",
            USER,
            "--regid",
            USER,
            "--clear-groups",
            "prlimit",
        ])
        .arg(format!("--nproc={threads}"))
        .arg(env!("CARGO_BIN_EXE_scarlet"))
        .args(args)
        .current_dir(folder)
        .env("SCARLET_CACHE", folder.join("cache"))
        .output()
        .ok()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let not_begun = stderr.starts_with("setpriv: ") || stderr.starts_with("prlimit: ");
    (!not_begun).then_some(output)
}

#[test]
fn few_threads_are_enough_or_an_error_that_says_so() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    tiny_data(&folder.join("data"));
    let picture = folder.join("coffee.png");
    fs::copy(photograph("coffee.png"), &picture).unwrap();
    let bench = [
        "bench",
        "--model",
        "E3K3@8/2",
        "--resolution",
        "32",
        "--runs",
        "2",
    ];
    let train = [
        "train",
        "--data",
        "data",
        "--model",
        "E3K3@8/2",
        "--epochs",
        "1",
        "--threads",
        "2",
        "--dry-run",
    ];
    let predict = [
        "predict",
        "coffee.png",
        "--model",
        "E3K3@8/2",
        "--random-init",
        "--size",
        "32",
    ];
    let mut done = 0;
    // What a thread that has just ended leaves behind is chance, so each is tried a few times.
    for _ in 0..4 {
        for threads in [1, 2, 3, 4, 5] {
            for args in [&bench[..], &train, &predict] {
                let Some(output) = limited(threads, folder, args) else {
                    eprintln!("skipped: no rights to limit another user's threads");
                    return;
                };
                let stderr = String::from_utf8(output.stderr).unwrap();
                assert!(
                    !stderr.contains("panicked"),
                    "{threads}: {args:?}: {stderr}"
                );
                let ends_well = match output.status.code() {
                    Some(0) => true,
                    Some(1) => stderr.contains("raise"),
                    _ => false,
                };
                assert!(ends_well, "{threads}: {args:?}: {} {stderr}", output.status);
                done += usize::from(output.status.success());
            }
        }
    }
    assert!(done > 30, "{done} of 60");
}
