//! Writes checkpoints as PyTorch does, and as nobody should.

use std::path::{Path, PathBuf};

use scarlet::weights::StateDict;

/// A value to be pickled.
pub(crate) enum Value {
    Int(u16),
    Text(&'static str),
    /// Shape, strides and the values of the storage behind them.
    Tensor(Vec<usize>, Vec<usize>, Vec<f32>),
    /// Instructions that leave one value.
    Raw(Vec<u8>),
    /// A call of `module.name` with a text.
    Call(&'static str, &'static str, &'static str),
    Dict(Vec<(String, Value)>),
}

impl Value {
    /// A tensor that lies in memory as it is read.
    pub(crate) fn tensor(shape: &[usize], values: Vec<f32>) -> Self {
        let strides = (0..shape.len())
            .map(|axis| shape[axis + 1..].iter().product())
            .collect();
        Self::Tensor(shape.to_vec(), strides, values)
    }

    pub(crate) fn dict<const N: usize>(items: [(&str, Value); N]) -> Self {
        Self::Dict(
            items
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    }

    /// All entries of a state dict.
    pub(crate) fn state_dict(weights: &StateDict) -> Self {
        Self::Dict(
            weights
                .entries()
                .iter()
                .map(|entry| {
                    let values = entry.read_f32().unwrap();
                    (entry.name().to_owned(), Self::tensor(entry.shape(), values))
                })
                .collect(),
        )
    }
}

/// Writes `value` as PyTorch 1.0 did: a stream of pickles, then the storages.
pub(crate) fn write_legacy(folder: &Path, name: &str, value: &Value) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, legacy(value)).unwrap();
    path
}

pub(crate) fn legacy(value: &Value) -> Vec<u8> {
    let mut file = Vec::new();
    // The magic number 0x1950a86a20f9469cfc6c as a ten-byte integer, and the version, 1001.
    file.extend(b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.");
    file.extend(b"\x80\x02M\xe9\x03.");
    file.extend(b"\x80\x02}(");
    text(&mut file, "protocol_version");
    file.extend(b"M\xe9\x03");
    text(&mut file, "little_endian");
    file.extend(b"\x88u.");

    let (pickle, storages) = pickle(value);
    file.extend(pickle);

    file.extend(b"\x80\x02](");
    for key in 0..storages.len() {
        text(&mut file, &key.to_string());
    }
    file.extend(b"e.");
    for values in storages {
        file.extend((values.len() as i64).to_le_bytes());
        file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
    file
}

/// The pickle alone, and the storages of its tensors.
fn pickle(value: &Value) -> (Vec<u8>, Vec<Vec<f32>>) {
    let mut storages = Vec::new();
    let mut pickle = b"\x80\x02".to_vec();
    write_value(&mut pickle, &mut storages, value);
    pickle.push(b'.');
    (pickle, storages)
}

/// Writes `value` as PyTorch does since 1.6: a zip archive whose members are stored as they are,
/// in a folder of that name, with ZIP64 records in front of the archive's end.
pub(crate) fn write_zip(folder: &Path, name: &str, inner: &str, value: &Value) -> PathBuf {
    let (pickle, storages) = pickle(value);
    let mut members = vec![(format!("{inner}/data.pkl"), pickle)];
    members.push((format!("{inner}/byteorder"), b"little".to_vec()));
    for (key, values) in storages.iter().enumerate() {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        members.push((format!("{inner}/data/{key}"), bytes.collect()));
    }
    write_members(folder, name, &members)
}

pub(crate) fn write_members(folder: &Path, name: &str, members: &[(String, Vec<u8>)]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, archive(members)).unwrap();
    path
}

fn archive(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let offset = file.len() as u32;
        let mut common = Vec::new();
        for number in [20u16, 0, 0, 0, 0] {
            common.extend(number.to_le_bytes());
        }
        common.extend(crc32(content).to_le_bytes());
        for _ in 0..2 {
            common.extend((content.len() as u32).to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend(0u16.to_le_bytes());
        file.extend(b"PK\x03\x04");
        file.extend(&common);
        file.extend(name.as_bytes());
        file.extend(content);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, size) = (file.len() as u64, directory.len() as u64);
    let count = members.len() as u64;
    file.extend(directory);
    let records = file.len() as u64;
    file.extend(b"PK\x06\x06");
    file.extend(44u64.to_le_bytes());
    file.extend([20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for number in [count, count, size, start] {
        file.extend(number.to_le_bytes());
    }
    file.extend(b"PK\x06\x07\0\0\0\0");
    file.extend(records.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    file.extend(b"PK\x05\x06\0\0\0\0");
    for _ in 0..2 {
        file.extend((count as u16).to_le_bytes());
    }
    file.extend((size as u32).to_le_bytes());
    file.extend((start as u32).to_le_bytes());
    file.extend([0, 0]);
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    let table = |index: u32| {
        (0..8).fold(index, |value, _| match value & 1 {
            1 => (value >> 1) ^ 0xedb8_8320,
            _ => value >> 1,
        })
    };
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (crc >> 8) ^ table((crc ^ u32::from(*byte)) & 0xff)
    })
}

fn text(file: &mut Vec<u8>, text: &str) {
    file.push(b'X');
    file.extend((text.len() as u32).to_le_bytes());
    file.extend(text.as_bytes());
}

fn int(file: &mut Vec<u8>, value: usize) {
    file.push(b'J');
    file.extend(i32::try_from(value).unwrap().to_le_bytes());
}

fn tuple(file: &mut Vec<u8>, values: &[usize]) {
    file.push(b'(');
    for value in values {
        int(file, *value);
    }
    file.push(b't');
}

fn write_value(file: &mut Vec<u8>, storages: &mut Vec<Vec<f32>>, value: &Value) {
    match value {
        Value::Int(value) => {
            file.push(b'M');
            file.extend(value.to_le_bytes());
        }
        Value::Text(value) => text(file, value),
        Value::Raw(instructions) => file.extend(instructions),
        Value::Call(module, name, argument) => {
            file.extend(format!("c{module}\n{name}\n").as_bytes());
            text(file, argument);
            file.extend(b"\x85R");
        }
        Value::Dict(items) => {
            file.extend(b"ccollections\nOrderedDict\n)R(");
            for (key, value) in items {
                text(file, key);
                write_value(file, storages, value);
            }
            file.push(b'u');
        }
        Value::Tensor(shape, strides, values) => {
            file.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
            text(file, "storage");
            file.extend(b"ctorch\nFloatStorage\n");
            text(file, &storages.len().to_string());
            text(file, "cpu");
            int(file, values.len());
            file.extend(b"NtQK\x00");
            tuple(file, shape);
            tuple(file, strides);
            file.extend(b"\x89ccollections\nOrderedDict\n)RtR");
            storages.push(values.clone());
        }
    }
}
