//! One image on its way into its class folder.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::DataError;
use crate::folder::file_name;

/// How an image comes into its class folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A second name for the same file: takes no space, needs the same file system.
    HardLink,
    /// A symbolic link to the image's absolute path: takes no space, breaks when the images move.
    SymLink,
    /// A copy.
    Copy,
    /// The image leaves its old folder.
    Move,
}

/// One image to bring into place.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) source: PathBuf,
    pub(super) target: PathBuf,
}

impl Step {
    /// Whether nothing is left to do. A target that exists must be the image.
    pub(super) fn is_done(&self, mode: Mode) -> Result<bool, DataError> {
        if mode == Mode::Move && self.source.is_symlink() {
            return Err(in_the_way(
                &self.source,
                "moving a symbolic link would not move the image; link or copy instead",
            ));
        }
        if !self.target.exists() {
            return Ok(false);
        }
        let length = |path: &Path| {
            fs::metadata(path)
                .map(|metadata| metadata.len())
                .map_err(|error| DataError::read(path, error))
        };
        if length(&self.target)? != length(&self.source)? {
            return Err(in_the_way(
                &self.target,
                "its size is not that of the image of the same name; delete it and plan again",
            ));
        }
        if mode != Mode::Move {
            return Ok(true);
        }
        // Both are there when a move between file systems was interrupted after its copy, or when
        // the images were linked or copied before.
        self.check_target_is_copy()?;
        Ok(false)
    }

    /// Refuses a target without which the image would be lost if its source were deleted.
    fn check_target_is_copy(&self) -> Result<(), DataError> {
        let canonical = |path: &Path| {
            path.canonicalize()
                .map_err(|error| DataError::read(path, error))
        };
        let read = |path: &Path| fs::read(path).map_err(|error| DataError::read(path, error));
        if canonical(&self.target)? == canonical(&self.source)?
            || read(&self.target)? != read(&self.source)?
        {
            return Err(in_the_way(
                &self.target,
                "it is not a copy of the image to be moved; delete it and plan again",
            ));
        }
        Ok(())
    }

    pub(super) fn carry_out(&self, mode: Mode) -> Result<(), DataError> {
        if let Some(folder) = self.target.parent() {
            fs::create_dir_all(folder).map_err(|error| DataError::write(folder, error))?;
        }
        // Links lead to the image itself, not to a link in the folder of images.
        let source = || {
            self.source
                .canonicalize()
                .map_err(|error| DataError::read(&self.source, error))
        };
        match mode {
            Mode::HardLink => hard_link(&source()?, &self.target),
            Mode::SymLink => symlink(&source()?, &self.target),
            Mode::Copy => copy_whole(&self.source, &self.target),
            Mode::Move if self.target.exists() => {
                self.check_target_is_copy()?;
                fs::remove_file(&self.source)
            }
            Mode::Move => move_whole(&self.source, &self.target),
        }
        .map_err(|error| DataError::write(&self.target, error))
    }
}

fn in_the_way(path: &Path, reason: &str) -> DataError {
    DataError::InTheWay {
        path: path.into(),
        reason: reason.into(),
    }
}

fn hard_link(source: &Path, target: &Path) -> io::Result<()> {
    fs::hard_link(source, target).map_err(|error| match error.kind() {
        io::ErrorKind::CrossesDevices => io::Error::new(
            error.kind(),
            "a hard link cannot reach another file system; link symbolically or copy",
        ),
        _ => error,
    })
}

fn move_whole(source: &Path, target: &Path) -> io::Result<()> {
    match fs::rename(source, target) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            copy_whole(source, target)?;
            fs::remove_file(source)
        }
        result => result,
    }
}

/// Copies into a temporary file next to the target, so that the target appears whole or not at all.
fn copy_whole(source: &Path, target: &Path) -> io::Result<()> {
    let mut part_name = OsString::from(".");
    part_name.push(file_name(target));
    part_name.push(".part");
    let part = target.with_file_name(part_name);
    let copied = (|| {
        let mut file = File::create(&part)?;
        io::copy(&mut File::open(source)?, &mut file)?;
        file.sync_all()?;
        fs::rename(&part, target)
    })();
    if copied.is_err() {
        // The copy's error is the one to report.
        let _ = fs::remove_file(&part);
    }
    copied
}

#[cfg(unix)]
fn symlink(source: &Path, target: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(source, target)
}

#[cfg(windows)]
fn symlink(source: &Path, target: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(source, target)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
