//! [`PartFile`]: a download that is not finished.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ureq::http::HeaderValue;

use super::FetchError;

/// The longest tag that a server may give a version of a file.
const LONGEST_TAG: u64 = 1024;

/// The part of a file that is here, with the tag of the version that it is a part of.
pub(super) struct PartFile {
    path: PathBuf,
    file: File,
    length: u64,
    tag: Option<String>,
    /// The most bytes that it may have.
    largest: u64,
}

impl PartFile {
    pub(super) fn open(path: &Path, largest: u64) -> Result<Self, FetchError> {
        let failed = |source| FetchError::Cache {
            path: path.to_owned(),
            source,
        };
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(failed)?;
        let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(Self {
            tag: read_tag(&tag_path(path)),
            path: path.to_owned(),
            file,
            length,
            largest,
        })
    }

    /// Bytes that are here.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The most bytes that it may have.
    pub(super) fn largest(&self) -> u64 {
        self.largest
    }

    /// The tag of the version that it is a part of.
    pub(super) fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The tag to resume by, if there is something to resume.
    pub(super) fn resumable(&self) -> Option<&str> {
        self.tag().filter(|_| self.length > 0)
    }

    fn failed(&self, source: std::io::Error) -> FetchError {
        FetchError::Cache {
            path: self.path.clone(),
            source,
        }
    }

    /// Begins again with nothing, with the version of that tag.
    pub(super) fn restart(&mut self, tag: Option<String>) -> Result<(), FetchError> {
        // The old tag goes first: it must never stand next to bytes of another version.
        self.remove_tag()?;
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .map_err(|error| self.failed(error))?;
        self.length = 0;
        let tag = tag.filter(|tag| is_tag(tag));
        if let Some(tag) = &tag {
            fs::write(tag_path(&self.path), tag).map_err(|error| self.failed(error))?;
        }
        self.tag = tag;
        Ok(())
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.file
            .write_all(bytes)
            .map_err(|error| self.failed(error))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), FetchError> {
        self.remove_tag()
    }

    fn remove_tag(&self) -> Result<(), FetchError> {
        match fs::remove_file(tag_path(&self.path)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(self.failed(error)),
            _ => Ok(()),
        }
    }
}

/// Removes a part and its tag.
pub(super) fn discard(part: &Path) {
    // What cannot be removed is begun again from nothing.
    let _ = fs::remove_file(tag_path(part));
    let _ = fs::remove_file(part);
}

/// The tag in a file, unless it is none that could be sent to a server.
fn read_tag(path: &Path) -> Option<String> {
    let mut tag = String::new();
    let file = File::open(path).ok()?;
    file.take(LONGEST_TAG + 1).read_to_string(&mut tag).ok()?;
    is_tag(&tag).then_some(tag)
}

fn is_tag(text: &str) -> bool {
    text.len() as u64 <= LONGEST_TAG && HeaderValue::from_str(text).is_ok()
}

fn tag_path(part: &Path) -> PathBuf {
    let mut path = part.as_os_str().to_owned();
    path.push(".tag");
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_tag_is_no_tag() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("w.part");
        fs::write(&part, "half").unwrap();
        let tag = |bytes: &[u8]| {
            fs::write(tag_path(&part), bytes).unwrap();
            let file = PartFile::open(&part, 100).unwrap();
            file.resumable().map(str::to_owned)
        };
        assert_eq!(tag(b"\"1\"").as_deref(), Some("\"1\""));
        let long = vec![b'x'; 2000];
        for damaged in [&b"\"1\"\r\nX: y"[..], b"\0", b"\xff\xfe", &long] {
            assert_eq!(tag(damaged), None);
        }
    }
}
