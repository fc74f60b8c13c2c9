//! Running the program, and what it is run on.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

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
