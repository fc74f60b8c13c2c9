//! Reading the parts that a pickle's instructions are followed by.

use std::io::{self, BufRead, Read};

use super::machine::{PickleError, damaged};

/// Texts that are longer name nothing.
pub(super) const MAX_TEXT: usize = 1 << 16;

pub(super) fn take<const N: usize>(input: &mut impl Read) -> Result<[u8; N], PickleError> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// An unsigned number of this many bytes.
pub(super) fn unsigned(input: &mut impl Read, width: usize) -> Result<u64, PickleError> {
    let mut bytes = [0; 8];
    input.read_exact(&mut bytes[..width])?;
    Ok(u64::from_le_bytes(bytes))
}

pub(super) fn memo_index(instruction: u8, input: &mut impl BufRead) -> Result<u32, PickleError> {
    match instruction {
        b'h' | b'q' => Ok(unsigned(input, 1)? as u32),
        b'j' | b'r' => Ok(unsigned(input, 4)? as u32),
        _ => match line(input)?.parse() {
            Ok(index) => Ok(index),
            Err(_) => damaged("its pickle calls a value by what is no number"),
        },
    }
}

pub(super) fn skip(input: &mut impl BufRead, length: u64) -> Result<(), PickleError> {
    match io::copy(&mut input.take(length), &mut io::sink())? {
        skipped if skipped == length => Ok(()),
        _ => Err(PickleError::Read(io::ErrorKind::UnexpectedEof.into())),
    }
}

/// A line without its end.
pub(super) fn raw_line(input: &mut impl BufRead) -> Result<Vec<u8>, PickleError> {
    let mut bytes = Vec::new();
    input.take(MAX_TEXT as u64).read_until(b'\n', &mut bytes)?;
    match bytes.pop() {
        Some(b'\n') => {}
        Some(_) if bytes.len() + 1 == MAX_TEXT => return damaged("its pickle has too long a line"),
        _ => return Err(PickleError::Read(io::ErrorKind::UnexpectedEof.into())),
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(bytes)
}

pub(super) fn line(input: &mut impl BufRead) -> Result<String, PickleError> {
    match String::from_utf8(raw_line(input)?) {
        Ok(text) => Ok(text),
        Err(_) => damaged("its pickle has a line that is not text"),
    }
}

/// A text of protocol 0: Latin-1, with `\uXXXX` and `\UXXXXXXXX` for everything else.
pub(super) fn unescape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let digits = match (first, tail.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => 0,
        };
        let escaped = tail
            .get(1..1 + digits)
            .filter(|_| digits > 0)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .and_then(char::from_u32);
        match escaped {
            Some(character) => {
                text.push(character);
                rest = &tail[1 + digits..];
            }
            None => {
                text.push(char::from(*first));
                rest = tail;
            }
        }
    }
    text
}
