//! What an ONNX file says of its network, without reading the network.
//!
//! The file is a protocol buffer, a list of fields, each after its number and kind; of the fields
//! of ONNX's `ModelProto` only the metadata are read, which are pairs of texts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Numbers of the fields, in <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.
const METADATA: u64 = 14;
const KEY: u64 = 1;
const VALUE: u64 = 2;
/// Bytes of the longest pair that is read: more than the largest card.
const LONGEST: u64 = 8 << 20;
/// The most pairs that are read.
const MOST: usize = 1_000;

/// The pairs of texts that a file holds; none if it is no ONNX file.
pub(crate) fn read(path: &Path) -> io::Result<Option<BTreeMap<String, String>>> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    match fields(&mut BufReader::new(file)) {
        Ok(pairs) => Ok(Some(pairs)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn fields(file: &mut (impl Read + Seek)) -> io::Result<BTreeMap<String, String>> {
    let end = file.seek(SeekFrom::End(0))?;
    file.rewind()?;
    let mut pairs = BTreeMap::new();
    while file.stream_position()? < end {
        let (field, kind) = tag(file)?;
        let length = match kind {
            0 => {
                varint(file)?;
                continue;
            }
            1 => 8,
            2 => varint(file)?,
            5 => 4,
            _ => return Err(invalid()),
        };
        let left = end - file.stream_position()?;
        if length > left {
            return Err(invalid());
        }
        if field == METADATA && kind == 2 && length <= LONGEST && pairs.len() < MOST {
            let mut bytes = vec![0; usize::try_from(length).map_err(|_| invalid())?];
            file.read_exact(&mut bytes)?;
            pairs.extend(pair(&bytes)?);
        } else {
            file.seek_relative(i64::try_from(length).map_err(|_| invalid())?)?;
        }
    }
    Ok(pairs)
}

/// A pair of texts, if it has both.
fn pair(mut bytes: &[u8]) -> io::Result<Option<(String, String)>> {
    let (mut key, mut value) = (None, None);
    while !bytes.is_empty() {
        let (field, kind) = tag(&mut bytes)?;
        if kind != 2 {
            return Err(invalid());
        }
        let length = usize::try_from(varint(&mut bytes)?).map_err(|_| invalid())?;
        let (text, rest) = bytes.split_at_checked(length).ok_or_else(invalid)?;
        let text = || String::from_utf8(text.to_vec()).map_err(|_| invalid());
        match field {
            KEY => key = Some(text()?),
            VALUE => value = Some(text()?),
            _ => {}
        }
        bytes = rest;
    }
    Ok(key.zip(value))
}

/// The number of a field, and its kind.
fn tag(file: &mut impl Read) -> io::Result<(u64, u64)> {
    let tag = varint(file)?;
    match tag >> 3 {
        0 => Err(invalid()),
        field => Ok((field, tag & 7)),
    }
}

/// A number in groups of seven bits, the lowest first.
fn varint(file: &mut impl Read) -> io::Result<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        number |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return Ok(number);
        }
    }
    Err(invalid())
}

fn invalid() -> io::Error {
    io::Error::from(io::ErrorKind::InvalidData)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A version, some bytes, a pair of texts, an eight-byte number.
    const MODEL: &[u8] =
        b"\x08\x08\x3a\x03abc\x72\x0a\x0a\x03key\x12\x03val\x59\x00\x00\x00\x00\x00\x00\x00\x00";

    #[test]
    fn metadata_are_read_and_all_else_is_passed_over() {
        let pairs = fields(&mut Cursor::new(MODEL)).unwrap();
        assert_eq!(
            pairs,
            BTreeMap::from([("key".to_owned(), "val".to_owned())])
        );
    }

    #[test]
    fn whatever_is_cut_or_changed_is_an_error_or_other_texts() {
        for end in 1..MODEL.len() {
            let _ = fields(&mut Cursor::new(&MODEL[..end]));
            for bit in 0..8 {
                let mut changed = MODEL.to_vec();
                changed[end] ^= 1 << bit;
                let _ = fields(&mut Cursor::new(changed));
            }
        }
        // A length beyond the end.
        assert!(fields(&mut Cursor::new(b"\x72\xff\xff\xff\xff\x7f".as_slice())).is_err());
        assert!(fields(&mut Cursor::new(b"no protocol buffer".as_slice())).is_err());
    }
}
