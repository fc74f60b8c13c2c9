//! Files that people take for checkpoints, told by how they begin or end.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::Deployed;

/// What a file is, with what to do, where it is no checkpoint; `start` are its first bytes.
pub(super) fn foreign_kind(path: &Path, start: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let text = text.to_ascii_lowercase();
    let at = |offset: usize, magic: &[u8]| start[offset.min(start.len())..].starts_with(magic);
    let is_table = || ends_as_table(path);
    let found = if is_markup(&text) {
        "it is a web page, which is what a link to a download page or a login gives; follow the \
         page's own link, or fetch with access"
    } else if text.starts_with("version https://git-lfs") {
        "it is a Git LFS pointer, not the file that it points to; run `git lfs pull`"
    } else if text.starts_with('{') && text.contains("\"weight_map\"") {
        "it is the index of a checkpoint in several files; open those, or save the weights as one \
         file"
    } else if text.starts_with('{') && !at(0, b"}") {
        "it is a JSON text"
    } else if is_onnx(start) {
        "it is an ONNX model; save the weights of the PyTorch network that it was exported from, \
         with `torch.save(network.state_dict(), \"weights.pth\")`"
    } else if at(0, b"\x89HDF") {
        "it is an HDF5 file of Keras, whose networks are others"
    } else if at(4, b"TFL3") {
        "it is a model of TensorFlow Lite, whose weights are rounded or laid out otherwise"
    } else if is_table() {
        "it is a checkpoint of TensorFlow; convert it in Python, for example by timm's scripts"
    } else if at(4, b"PTMF") || at(4, b"ET1") || at(4, b"ORTM") {
        "it is a program for a mobile runtime; save the weights that it was made from, with \
         `torch.save(network.state_dict(), \"weights.pth\")`"
    } else if Deployed::is_file(path) {
        "it is a network that scarlet deployed: its layers are packed and have no names; take the \
         weights that it was made from"
    } else if at(0, b"GGUF") {
        "it is a GGUF file of a language model"
    } else if at(0, b"\x93NUMPY") {
        "it is a single array of NumPy's"
    } else if at(0, b"\x89PNG") || at(0, b"\xff\xd8\xff") || at(0, b"GIF8") || at(8, b"WEBP") {
        "it is a picture"
    } else if at(0, b"%PDF") {
        "it is a PDF text"
    } else if let Some(packer) = packer(start) {
        return Some(format!("it is compressed with {packer}; unpack it first"));
    } else {
        return None;
    };
    Some(found.to_owned())
}

fn packer(start: &[u8]) -> Option<&'static str> {
    let packers: [(&[u8], &str); 6] = [
        (&[0x1f, 0x8b], "gzip"),
        (b"BZh", "bzip2"),
        (&[0xfd, b'7', b'z', b'X', b'Z'], "xz"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
        (b"7z\xbc\xaf", "7-Zip"),
        (b"Rar!", "RAR"),
    ];
    let found = packers.iter().find(|(magic, _)| start.starts_with(magic));
    found.map(|(_, name)| *name)
}

/// HTML or XML: an angle bracket, and what may follow it.
fn is_markup(text: &str) -> bool {
    let rest = text.strip_prefix('<');
    rest.and_then(|rest| rest.chars().next())
        .is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '!' | '?'))
}

/// A protocol buffer that begins with ONNX's version and the name of the program that wrote it.
fn is_onnx(start: &[u8]) -> bool {
    let [0x08, version, 0x12, length, name @ ..] = start else {
        return false;
    };
    let name = name.get(..usize::from(*length).min(name.len()));
    (1..=30).contains(version)
        && (1..=100).contains(length)
        && name.is_some_and(|name| name.iter().all(u8::is_ascii_graphic))
}

/// TensorFlow's tables end in a number of their own.
fn ends_as_table(path: &Path) -> bool {
    const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
    let mut end = [0; 8];
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::End(-8))?;
        file.read_exact(&mut end)
    });
    read.is_ok() && u64::from_le_bytes(end) == MAGIC
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_another_kind_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let kind = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            foreign_kind(&path, content)
        };
        let table = [&[0; 40][..], &0xdb47_7524_8b80_fb57u64.to_le_bytes()].concat();
        let cases: [(&[u8], &str); 17] = [
            (b"\n<!DOCTYPE html>", "web page"),
            (b"\xef\xbb\xbf<head><title>Sign in", "web page"),
            (b"<!-- moved --><html>", "web page"),
            (b"<?xml version='1.0'?><Error>", "web page"),
            (
                b"version https://git-lfs.github.com/spec/v1\n",
                "git lfs pull",
            ),
            (b"{\"weight_map\": {}}", "several files"),
            (b"{\"a\": 1}", "JSON"),
            (b"\x08\x08\x12\x07pytorch\x1a\x05", "ONNX"),
            (b"\x89HDF\r\n", "Keras"),
            (b"\x1c\0\0\0TFL3", "TensorFlow Lite"),
            (&table, "checkpoint of TensorFlow"),
            (b"\x1c\0\0\0ET12", "mobile runtime"),
            (b"GGUF\x03", "GGUF"),
            (b"\x93NUMPY\x01", "NumPy"),
            (b"\x89PNG\r\n", "picture"),
            (&[0x1f, 0x8b, 8], "gzip"),
            (b"BZh91AY", "bzip2"),
        ];
        for (content, expected) in cases {
            let found = kind(content).unwrap();
            assert!(found.contains(expected), "{expected}: {found}");
        }
        for content in [&b"\x80\x02}."[..], b"PK\x03\x04", b"}", b"", b"< 3 weights"] {
            assert_eq!(kind(content), None);
        }
    }
}
