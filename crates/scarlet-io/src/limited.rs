//! Files that are read whole, but not if they are larger than anything that makes sense.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads a file of at most so many bytes.
///
/// # Errors
///
/// [`io::ErrorKind::FileTooLarge`] for a longer one, of which no more is read; and when it cannot be
/// read.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {most} bytes, the most that is read of such a file"),
        )),
        false => Ok(bytes),
    }
}

/// The same of a text in UTF-8.
///
/// # Errors
///
/// Those of [`read`], and [`io::ErrorKind::InvalidData`] for what is no text.
pub fn read_to_string(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_up_to_their_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(read(&path, 3).unwrap(), b"abc");
        assert_eq!(read_to_string(&path, 3).unwrap(), "abc");
        let error = read(&path, 2).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert!(error.to_string().contains("more than 2 bytes"), "{error}");
        std::fs::write(&path, b"\xff").unwrap();
        let error = read_to_string(&path, 3).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        // Of a file without an end, too.
        #[cfg(target_os = "linux")]
        assert!(read(Path::new("/dev/zero"), 9).is_err());
    }
}
