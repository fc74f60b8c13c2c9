//! SHA-256 checksums.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::FetchError;

/// The checksum of a text, in lower-case hexadecimal digits.
pub(super) fn sha256_of_text(text: &str) -> String {
    hexadecimal(&Sha256::digest(text.as_bytes()))
}

/// Checks that a file, which came from `origin`, has the checksum `expected`.
pub(super) fn check_sha256(path: &Path, expected: &str, origin: &str) -> Result<(), FetchError> {
    let found = sha256_of_file(path).map_err(|source| FetchError::Cache {
        path: path.to_owned(),
        source,
    })?;
    if found == expected {
        return Ok(());
    }
    Err(FetchError::Checksum {
        origin: origin.to_owned(),
        expected: expected.to_owned(),
        found,
    })
}

/// The checksum of a file's content, in lower-case hexadecimal digits.
pub(super) fn sha256_of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&hasher.finalize())),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// The checksum that a file holds, in lower-case hexadecimal digits.
pub(super) fn read_checksum(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(64)
        .read_to_string(&mut text)
        .ok()?;
    super::is_checksum(&text).then_some(text)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
