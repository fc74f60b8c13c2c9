//! Files that appear whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// Names of files that are not finished. What a killed process leaves of them can be told apart
/// from what a user put there.
const PREFIX: &str = ".scarlet-";
const SUFFIX: &str = ".part";

/// A temporary file beside `path`, to be put there when it is whole; until then, it vanishes
/// when it is dropped.
///
/// # Errors
///
/// When `path` is a folder, or no file can be made beside it.
pub fn create_beside(path: &Path) -> io::Result<NamedTempFile> {
    // Better now than after hours of work.
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // A temporary file is private to its owner; results are as readable as any new file.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder_of(path))
}

/// Puts a file that is whole into its place, once all of it has reached the disk.
///
/// # Errors
///
/// When it cannot be written or moved; then `path` holds what it held before.
pub fn put(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The new name too must survive a crash. Not every system can sync a folder.
    if let Ok(folder) = File::open(folder_of(path)) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Writes a file through a temporary one in the same folder, so that `path` holds either what it
/// held before or all of what `write` wrote, even after a crash or on a full disk.
///
/// # Errors
///
/// Those of `write`, and of [`create_beside`] and [`put`].
pub fn write<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let mut temporary = create_beside(path)?;
    let mut writer = BufWriter::with_capacity(1 << 20, temporary.as_file_mut());
    write(&mut writer)?;
    writer.flush()?;
    drop(writer);
    Ok(put(temporary, path)?)
}

/// Removes what killed processes left unfinished in a folder that nobody else is writing to.
///
/// # Errors
///
/// When the folder cannot be read, or a file not removed.
pub fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in folder.read_dir()? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) && entry.file_type()?.is_file() {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        write::<io::Error>(&path, |file| file.write_all(b"old")).unwrap();
        let error = write(&path, |file| {
            file.write_all(b"new, but then")?;
            Err(io::Error::other("the disk is full"))
        })
        .unwrap_err();
        assert_eq!(error.to_string(), "the disk is full");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
