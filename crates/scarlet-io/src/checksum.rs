//! Checksums that files carry in themselves, so that damage is noticed before it changes a result.
//!
//! Each is the CRC-32 of a file, or of a line of it, as eight hexadecimal digits. It finds every
//! changed byte and all but one in four billion of larger damages; it is no protection against
//! somebody who wants to deceive.
//!
//! | file | where the checksum is | computed over |
//! |---|---|---|
//! | a JSON object | the first entry, `checksum` | the file, the digits being zeros |
//! | a log of JSON objects | the last entry of each line, `crc` | the line without this entry |
//! | safetensors | the metadata entry `scarlet.checksum` | the file, the digits being zeros |

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
#[cfg(feature = "write")]
use std::io::{BufWriter, Write};
use std::ops::Range;
#[cfg(feature = "write")]
use std::path::Path;

use crc32fast::Hasher;
use thiserror::Error;

#[cfg(feature = "write")]
use crate::atomic_file;

/// Key of the metadata entry of safetensors files.
pub const METADATA_KEY: &str = "scarlet.checksum";
/// What stands for the digits while they are not known.
pub const PLACEHOLDER: &str = "00000000";

const DIGITS: usize = PLACEHOLDER.len();
const JSON_START: &[u8] = b"{\n  \"checksum\": \"";
const JSON_END: &[u8] = b"\",";
const LINE_START: &[u8] = b",\"crc\":\"";
const LINE_END: &[u8] = b"\"}";
/// Bytes that are read at a time.
const CHUNK: usize = 1 << 20;

/// A checksum that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "its checksum says {stored}, but its content comes to {found}: it is damaged, or was changed \
         after it was written"
)]
pub struct ChecksumError {
    stored: String,
    found: String,
}

fn digits(hasher: Hasher) -> String {
    format!("{:08x}", hasher.finalize())
}

fn crc(parts: &[&[u8]]) -> String {
    let mut hasher = Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    digits(hasher)
}

fn compare(stored: &[u8], found: String) -> Result<(), ChecksumError> {
    match stored == found.as_bytes() {
        true => Ok(()),
        false => Err(ChecksumError {
            stored: String::from_utf8_lossy(stored).into_owned(),
            found,
        }),
    }
}

/// Puts a checksum into a JSON object in `serde_json`'s pretty form, as its first entry and on a
/// line of its own. Other values, and objects without entries, stay as they are.
pub fn seal_json(json: Vec<u8>) -> Vec<u8> {
    let Some(rest) = json
        .strip_prefix(b"{")
        .filter(|rest| rest.starts_with(b"\n  \""))
    else {
        return json;
    };
    let found = crc(&[JSON_START, PLACEHOLDER.as_bytes(), JSON_END, rest]);
    [JSON_START, found.as_bytes(), JSON_END, rest].concat()
}

/// Checks the checksum of a JSON object that [`seal_json`] made, and overwrites the line with
/// blanks. Returns whether there was one.
///
/// # Errors
///
/// When it does not fit.
pub fn open_json(json: &mut [u8]) -> Result<bool, ChecksumError> {
    let end = JSON_START.len() + DIGITS;
    let rest = end + JSON_END.len();
    if !json.starts_with(JSON_START) || json.get(end..rest) != Some(JSON_END) {
        return Ok(false);
    }
    let (start, content) = json.split_at_mut(rest);
    let found = crc(&[JSON_START, PLACEHOLDER.as_bytes(), JSON_END, content]);
    compare(&start[JSON_START.len()..end], found)?;
    // The brace and the end of its line stay, so that errors of what follows name the right line.
    start[2..].fill(b' ');
    Ok(true)
}

/// Puts a checksum into a line of a log that is a JSON object, without its line break. Other
/// values, and objects without entries, stay as they are.
pub fn seal_line(line: &mut Vec<u8>) {
    if line.len() > 2 && line.starts_with(b"{") && line.ends_with(b"}") {
        let found = crc(&[line]);
        line.pop();
        line.extend_from_slice(&[LINE_START, found.as_bytes(), LINE_END].concat());
    }
}

/// Reads the lines of a log from its first on.
///
/// Earlier versions wrote lines without checksums. So such a line is taken as it is, but not after
/// one that has a checksum.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lines {
    sealed: bool,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line<'a> {
    /// The JSON object of a line whose checksum fits.
    Sealed(Cow<'a, [u8]>),
    /// A line without a checksum, of an earlier version.
    Plain(&'a [u8]),
    /// A line with a checksum that does not fit, or without the one that it should have.
    Damaged,
}

impl Lines {
    /// What the next line holds, with or without its line break.
    pub fn next<'a>(&mut self, line: &'a [u8]) -> Line<'a> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let Some((content, stored)) = parts_of(line) else {
            return match self.sealed {
                true => Line::Damaged,
                false => Line::Plain(line),
            };
        };
        self.sealed = true;
        let content = [content, b"}"].concat();
        match stored == crc(&[&content]).as_bytes() {
            true => Line::Sealed(content.into()),
            false => Line::Damaged,
        }
    }
}

/// A line's content without its closing brace, and its digits.
fn parts_of(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.strip_suffix(LINE_END)?;
    let (rest, stored) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
    Some((rest.strip_suffix(LINE_START)?, stored))
}

/// Where the digits are in the header of a safetensors file, if it has the entry.
pub fn place_in(header: &[u8]) -> Option<Range<usize>> {
    let start = format!("\"{METADATA_KEY}\":\"");
    let at = header
        .windows(start.len())
        .position(|window| window == start.as_bytes())?;
    let digits = at + start.len()..at + start.len() + DIGITS;
    (header.get(digits.end) == Some(&b'"')).then_some(digits)
}

/// Writes a safetensors file that begins with `head`, in whose metadata [`METADATA_KEY`] has
/// [`PLACEHOLDER`] for a value, which the checksum takes the place of. The file appears whole or
/// not at all.
///
/// # Errors
///
/// Those of `write`, and when the file cannot be written or `head` lacks the entry.
#[cfg(feature = "write")]
pub fn write_file<E: From<io::Error>>(
    path: &Path,
    head: &[u8],
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let place = place_in(head).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    atomic_file::write_seekable(path, |file| {
        let mut hashed = Hashed {
            file: BufWriter::with_capacity(CHUNK, &mut *file),
            hasher: Hasher::new(),
        };
        hashed.write_all(head)?;
        write(&mut hashed)?;
        let Hashed { mut file, hasher } = hashed;
        file.seek(SeekFrom::Start(place.start as u64))?;
        file.write_all(digits(hasher).as_bytes())?;
        Ok(file.flush()?)
    })
}

/// Checks the whole of an open file, whose digits are in this place.
///
/// # Errors
///
/// When the file cannot be read; the inner error when the checksum does not fit.
pub fn check_file(file: &mut File, place: Range<u64>) -> io::Result<Result<(), ChecksumError>> {
    let mut hasher = Hasher::new();
    let mut stored = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    hash(file.take(place.start), &mut hasher)?;
    file.take(place.end - place.start)
        .read_to_end(&mut stored)?;
    hasher.update(PLACEHOLDER.as_bytes());
    hash(file, &mut hasher)?;
    Ok(compare(&stored, digits(hasher)))
}

/// Checks the whole of a file's bytes, whose digits are in this place.
///
/// # Errors
///
/// When the checksum does not fit, or there is no such place.
pub fn check_bytes(bytes: &[u8], place: Range<usize>) -> Result<(), ChecksumError> {
    let stored = bytes.get(place.clone()).unwrap_or_default();
    let [before, behind] = [bytes.get(..place.start), bytes.get(place.end..)];
    let parts = [before, Some(PLACEHOLDER.as_bytes()), behind];
    compare(stored, crc(&parts.map(Option::unwrap_or_default)))
}

fn hash(mut file: impl Read, hasher: &mut Hasher) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(bytes) => hasher.update(&chunk[..bytes]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What is written to a file, and its checksum.
#[cfg(feature = "write")]
struct Hashed<W> {
    file: W,
    hasher: Hasher,
}

#[cfg(feature = "write")]
impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each byte of a file changed in turn, in each of some ways.
    fn all_changes(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        let changes = [0x01, 0x02, 0x20, 0x80, 0xff];
        let places = (0..bytes.len()).flat_map(move |at| changes.map(|change| (at, change)));
        places.map(|(at, change)| {
            let mut changed = bytes.to_vec();
            changed[at] ^= change;
            changed
        })
    }

    #[test]
    fn the_checksum_is_the_one_that_everybody_computes() {
        // The check value of CRC-32 (ISO-HDLC).
        assert_eq!(crc(&[b"1234", b"56789"]), "cbf43926");
    }

    #[test]
    fn no_byte_of_a_json_file_changes_unnoticed() {
        let json = b"{\n  \"a\": 1,\n  \"b\": [2, 3]\n}\n".to_vec();
        let sealed = seal_json(json.clone());
        assert!(sealed.starts_with(b"{\n  \"checksum\": \""));
        let mut opened = sealed.clone();
        assert_eq!(open_json(&mut opened), Ok(true));
        assert_eq!(opened.trim_ascii_end().len() + 1, sealed.len());
        let value = |json: &[u8]| serde_json::from_slice::<serde_json::Value>(json).unwrap();
        assert_eq!(value(&opened), value(&json));
        // The same line as in the file.
        assert_eq!(
            opened.split(|&byte| byte == b'\n').nth(2),
            Some(&b"  \"a\": 1,"[..])
        );
        for mut changed in all_changes(&sealed) {
            let opened = open_json(&mut changed);
            // Where the line is no longer recognised, it is an entry that nobody knows.
            assert!(
                opened.is_err() || opened == Ok(false) && changed.ends_with(&json[2..]),
                "{}",
                String::from_utf8_lossy(&changed)
            );
        }
        let mut plain = json.clone();
        assert_eq!((open_json(&mut plain), plain), (Ok(false), json));
        for other in [&b"7\n"[..], b"{}\n", b"[]\n", b""] {
            assert_eq!(seal_json(other.to_vec()), other);
            assert_eq!(open_json(&mut other.to_vec()), Ok(false));
        }
    }

    #[test]
    fn no_byte_of_a_log_changes_unnoticed() {
        let sealed = |json: &str| {
            let mut line = json.as_bytes().to_vec();
            seal_line(&mut line);
            line
        };
        let (first, second) = (sealed("{\"a\":1}"), sealed("{\"a\":2}"));
        assert!(second.starts_with(b"{\"a\":2,\"crc\":\""));
        let mut lines = Lines::default();
        // Before the first with a checksum, lines of earlier versions.
        assert_eq!(lines.next(b"{\"a\":0}\n"), Line::Plain(b"{\"a\":0}"));
        assert_eq!(lines.next(&first), Line::Sealed(b"{\"a\":1}"[..].into()));
        assert_eq!(lines.next(b"{\"a\":0}\n"), Line::Damaged);
        for changed in all_changes(&second) {
            assert_eq!(lines.clone().next(&changed), Line::Damaged);
        }
        assert_eq!(lines.next(&second), Line::Sealed(b"{\"a\":2}"[..].into()));
        assert_eq!(sealed("7"), b"7");
    }

    #[test]
    fn no_byte_of_a_file_changes_unnoticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        let head = format!("{{\"{METADATA_KEY}\":\"{PLACEHOLDER}\"}}");
        let place = place_in(head.as_bytes()).unwrap();
        let write = |head: &str| {
            write_file::<io::Error>(&path, head.as_bytes(), |file| file.write_all(b"numbers"))
        };
        assert!(write("{}").is_err());
        write(&head).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.ends_with(b"}numbers"));
        assert_ne!(&bytes[place.clone()], PLACEHOLDER.as_bytes());
        let place = place.start as u64..place.end as u64;
        let check = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let found = check_file(&mut File::open(&path).unwrap(), place.clone()).unwrap();
            let of_bytes = check_bytes(bytes, place.start as usize..place.end as usize);
            assert_eq!(of_bytes.is_ok(), found.is_ok());
            found
        };
        assert_eq!(check(&bytes), Ok(()));
        for changed in all_changes(&bytes) {
            let error = check(&changed).unwrap_err().to_string();
            assert!(error.contains("it is damaged"), "{error}");
        }
        assert!(check(&bytes[..bytes.len() - 1]).is_err());
        assert!(check(&[&bytes[..], b"0"].concat()).is_err());
        assert!(check(b"").is_err());
        assert_eq!(place_in(b"{\"scarlet.checksum\":\"1234\"}"), None);
        assert_eq!(place_in(b"{\"scarlet.checksum\":{}}"), None);
    }
}
