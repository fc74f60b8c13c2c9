//! Running the program, and what it is run on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::Duration;

use assert_cmd::Command;
use scarlet_data::{Rgb, RgbImage};
use tempfile::TempDir;

/// A network small enough for tests, of total stride 32.
pub const TINY: &str = "E3K3@16/2 E3K5s@24/2 - E3K3@32/2 E3K3@40/2";

/// What the program did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `scarlet` at the repository's root, with nothing of the user's.
pub fn scarlet<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_scarlet"))
        .args(args)
        .current_dir(root())
        .env("COLUMNS", "100")
        .env("SCARLET_CACHE", root().join("no-such-folder"))
        // Burn's default device, which nothing may ask for: Burn panics at a name it does not know.
        .env("BURN_DEVICE", "nowhere")
        .output()
        .unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs `scarlet` with a random tiny network of `classes` classes.
#[allow(dead_code, reason = "not every test file computes")]
pub fn scarlet_tiny(classes: usize, args: &[&str]) -> Ran {
    let classes = classes.to_string();
    let network = ["--model", TINY, "--random-init", "--size", "64"];
    let class_count = ["--num-classes", classes.as_str()];
    let network = network.iter().chain(&class_count);
    scarlet(args.iter().chain(network).copied().collect::<Vec<_>>())
}

impl Ran {
    /// Standard output as JSON.
    #[allow(dead_code, reason = "not every test file reads JSON")]
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Checks that the program failed with `code` and said every one of `parts`.
    #[allow(dead_code, reason = "not every test file expects failures")]
    pub fn assert_fails(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "no {part:?} in {}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// One of the photographs that ship with the project.
#[allow(dead_code, reason = "not every test file looks at photographs")]
pub fn photograph(name: &str) -> PathBuf {
    root().join("examples/photos").join(name)
}

/// Copies a photograph, creating folders on the way.
#[allow(dead_code, reason = "not every test file looks at photographs")]
pub fn copy_photograph(name: &str, target: &Path) {
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::copy(photograph(name), target).unwrap();
}

/// Writes the first half of a photograph.
#[allow(dead_code, reason = "not every test file looks at photographs")]
pub fn write_damaged_photograph(target: &Path) {
    let bytes = fs::read(photograph("china.jpg")).unwrap();
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::write(target, &bytes[..bytes.len() / 2]).unwrap();
}

/// Writes a data set in MNIST's format: 64 training and 8 test images of 8×8 pixels in 2 classes,
/// bright at the top or at the bottom.
#[allow(dead_code, reason = "not every test file searches")]
pub fn tiny_data(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (part, count) in [("train", 64u32), ("t10k", 8)] {
        let (mut images, mut labels) = (vec![0, 0, 8, 3], vec![0, 0, 8, 1]);
        for size in [count, 8, 8] {
            images.extend(size.to_be_bytes());
        }
        labels.extend(count.to_be_bytes());
        let mut state = 1u32;
        for image in 0..count {
            let class = image % 2;
            labels.push(class as u8);
            for pixel in 0..64 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let bright = (pixel / 32 == class) as u8;
                images.push(bright * 120 + (state >> 25) as u8);
            }
        }
        fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
        fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
    }
}

/// Photographs of three classes that differ in colour, of many sizes.
#[allow(dead_code, reason = "not every test file trains")]
pub fn photographs(each: u32) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let mut state = 1u32;
    for (class, name) in ["blue", "green", "red"].iter().enumerate() {
        fs::create_dir_all(root.path().join(name)).unwrap();
        for index in 0..each {
            let image = RgbImage::from_fn(18 + index % 7, 24 - index % 5, |_, _| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let mut pixel = [(state >> 26) as u8; 3];
                pixel[2 - class] += 150;
                Rgb(pixel)
            });
            image
                .save(root.path().join(name).join(format!("{index:02}.png")))
                .unwrap();
        }
    }
    root
}

/// Arguments of a run of seconds over [`tiny_data`].
#[allow(dead_code, reason = "not every test file searches")]
pub fn tiny_run(command: &str, data: &Path, out: &Path) -> Vec<String> {
    let mut args: Vec<String> = [command, "--threads", "1", "--data"]
        .map(str::to_owned)
        .to_vec();
    args.push(data.display().to_string());
    args.push("--out".to_owned());
    args.push(out.display().to_string());
    for setting in [
        "data.holdout=0.2",
        "space.layers=[[8, 2], [8, 1]]",
        "space.choices=[\"E3K3\"]",
        "space.stem=8",
        "space.separable=8",
        "space.head=16",
        "supernet.epochs=4",
        "supernet.batch_size=8",
        "search.budget=[\"mult_adds <= 300K\"]",
        "search.evaluations=4",
        "search.algorithm.population=2",
        "search.calibration_images=16",
        "search.batch_size=16",
        "train.epochs=4",
        "train.batch_size=16",
    ] {
        args.push("--set".to_owned());
        args.push(setting.to_owned());
    }
    args
}

/// How far a run is: lines of one of its logs.
#[allow(dead_code, reason = "not every test file kills")]
pub fn lines(path: &Path) -> usize {
    fs::read(path).map_or(0, |bytes| bytes.iter().filter(|&&b| b == b'\n').count())
}

/// Waits until a process has come somewhere. Whether it is still running.
#[allow(dead_code, reason = "not every test file waits")]
pub fn wait_until(child: &mut Child, is_there: impl Fn() -> bool) -> bool {
    while !is_there() {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    child.try_wait().unwrap().is_none()
}

/// Kills a process as soon as it has come somewhere. Whether it was still running.
#[allow(dead_code, reason = "not every test file kills")]
pub fn kill_when(mut child: Child, is_there: impl Fn() -> bool) -> bool {
    wait_until(&mut child, is_there);
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

/// Starts a process that goes on with a run's folder, and kills it when its log has grown by so many
/// lines. On a busy machine that may come too late: then the folder is put back as it was and the
/// process started again, so many times at most. Whether it was killed.
#[allow(dead_code, reason = "not every test file kills")]
pub fn kill_after(
    start: impl Fn() -> Child,
    run: &Path,
    log: &str,
    growth: usize,
    tries: usize,
) -> bool {
    let kept = tempfile::tempdir().unwrap();
    copy(run, kept.path());
    let log = run.join(log);
    let before = lines(&log);
    (0..tries).any(|_| {
        let killed = kill_when(start(), || lines(&log) >= before + growth);
        if !killed {
            fs::remove_dir_all(run).unwrap();
            copy(kept.path(), run);
        }
        killed
    })
}

/// What a folder holds, if it is there, into another.
#[allow(dead_code, reason = "not every test file kills")]
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).into_iter().flatten() {
        let entry = entry.unwrap();
        let (path, copied) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy(&path, &copied),
            false => drop(fs::copy(&path, &copied).unwrap()),
        }
    }
}

/// Files that are not whole.
#[allow(dead_code, reason = "not every test file kills")]
pub fn unfinished(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(unfinished(&path));
        } else if path
            .extension()
            .is_some_and(|it| it == "part" || it == "tmp")
        {
            found.push(path);
        }
    }
    found
}
