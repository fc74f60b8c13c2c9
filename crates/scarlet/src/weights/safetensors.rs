//! Safetensors: reading entry by entry, writing in full or half precision.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::{BoolStore, DType};
use half::f16;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use scarlet_engine::metadata::must_have_checksum;
use scarlet_io::checksum;

use super::pytorch::Unread;
use super::{Container, Entry, StateDict, WeightsError};

/// Bytes of the header's length, which a file begins with.
const LENGTH_BYTES: u64 = 8;
/// The longest header that the format allows.
const MAX_HEADER: u64 = 100_000_000;
/// The longest that is read: of some hundred thousand tensors.
const MAX_READ_HEADER: u64 = 32 << 20;

/// The type that weights are saved in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits: nothing is lost.
    F32,
    /// 16 bits for kernels and matrices, which make up 99 % of a network. Vectors, that is batch
    /// normalisation and biases, stay at 32 bits: half precision cannot hold small variances.
    F16,
}

/// Whether a file begins as safetensors does: the length of a JSON header, and a brace.
pub(super) fn is_safetensors(start: &[u8]) -> bool {
    let Some(length) = start.first_chunk::<8>() else {
        return false;
    };
    u64::from_le_bytes(*length) <= MAX_HEADER && start.get(8) == Some(&b'{')
}

/// Opens a safetensors file. Only the header is read.
pub(super) fn open(path: &Path) -> Result<(StateDict, Vec<(String, Unread)>), WeightsError> {
    let failed = |source| WeightsError::Read {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut length = [0; LENGTH_BYTES as usize];
    file.read_exact(&mut length).map_err(failed)?;
    let length = u64::from_le_bytes(length);
    let data = LENGTH_BYTES + length;
    if data > size {
        return Err(WeightsError::Truncated {
            path: path.to_owned(),
            detail: format!("its header has {length} bytes, the whole file {size}"),
        });
    }
    if length > MAX_READ_HEADER {
        return Err(WeightsError::Malformed {
            path: path.to_owned(),
            detail: format!("its header has {length} bytes, far more than names of weights take"),
        });
    }
    let mut header = Vec::new();
    (&mut file)
        .take(length)
        .read_to_end(&mut header)
        .map_err(failed)?;
    let place = checksum::place_in(&header);
    let header: Metadata =
        serde_json::from_slice(&header).map_err(|error| WeightsError::Malformed {
            path: path.to_owned(),
            detail: format!("header: {error}"),
        })?;
    let expected = data.saturating_add(header.data_len() as u64);
    if expected > size {
        return Err(WeightsError::Truncated {
            path: path.to_owned(),
            detail: format!("it has {size} of {expected} bytes"),
        });
    }
    if expected < size {
        return Err(WeightsError::Malformed {
            path: path.to_owned(),
            detail: format!("{} bytes follow the last tensor", size - expected),
        });
    }
    let mut metadata: BTreeMap<String, String> = header
        .metadata()
        .clone()
        .unwrap_or_default()
        .into_iter()
        .collect();
    // Of this file, not of what is made of its weights.
    let has_checksum = metadata.remove(checksum::METADATA_KEY).is_some();
    if !has_checksum && must_have_checksum(&metadata) {
        return Err(WeightsError::Malformed {
            path: path.to_owned(),
            detail: "it has lost its checksum".to_owned(),
        });
    }
    check(path, &mut file, has_checksum, place)?;
    let file = Arc::new(Mutex::new(file));
    let mut entries = Vec::new();
    let mut unread = Vec::new();
    for (name, info) in header.tensors() {
        let Some(dtype) = element_type(info.dtype) else {
            unread.push((name, unread_kind(info.dtype)));
            continue;
        };
        let (start, end) = info.data_offsets;
        let (offset, bytes) = (data + start as u64, end - start);
        let file = Arc::clone(&file);
        entries.push(Entry::new(name, info.shape.clone(), dtype, move || {
            read_at(&file, offset, bytes)
        }));
    }
    let weights = StateDict::new(path.to_owned(), Container::Safetensors, entries);
    Ok((weights.with_metadata(metadata), unread))
}

fn unread_kind(dtype: Dtype) -> Unread {
    match dtype {
        Dtype::C64 => Unread::Complex,
        Dtype::F8_E5M2
        | Dtype::F8_E4M3
        | Dtype::F8_E8M0
        | Dtype::F8_E4M3FNUZ
        | Dtype::F8_E5M2FNUZ => Unread::Float8,
        _ => Unread::OtherType,
    }
}

/// Checks the checksum of a file that has one.
fn check(
    path: &Path,
    file: &mut File,
    has_checksum: bool,
    place: Option<Range<usize>>,
) -> Result<(), WeightsError> {
    let place = match (has_checksum, place) {
        (false, _) => return Ok(()),
        (true, Some(place)) => place.start as u64 + LENGTH_BYTES..place.end as u64 + LENGTH_BYTES,
        (true, None) => {
            return Err(WeightsError::Malformed {
                path: path.to_owned(),
                detail: "its checksum is not where it was written".to_owned(),
            });
        }
    };
    let checked = checksum::check_file(file, place).map_err(|source| WeightsError::Read {
        path: path.to_owned(),
        source,
    })?;
    checked.map_err(|source| WeightsError::Damaged {
        path: path.to_owned(),
        source,
    })
}

/// Reads through one open handle rather than a memory map: the file may be replaced or cut while
/// it is open, which is an error here and would be a crash there.
fn read_at(file: &Mutex<File>, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(offset))?;
    let mut buffer = vec![0; bytes];
    file.read_exact(&mut buffer)?;
    Ok(buffer)
}

fn element_type(dtype: Dtype) -> Option<DType> {
    Some(match dtype {
        Dtype::F64 => DType::F64,
        Dtype::F32 => DType::F32,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        Dtype::I64 => DType::I64,
        Dtype::I32 => DType::I32,
        Dtype::I16 => DType::I16,
        Dtype::I8 => DType::I8,
        Dtype::U64 => DType::U64,
        Dtype::U32 => DType::U32,
        Dtype::U16 => DType::U16,
        Dtype::U8 => DType::U8,
        Dtype::BOOL => DType::Bool(BoolStore::Native),
        _ => return None,
    })
}

impl StateDict {
    /// Writes the floating-point entries, and the metadata, as safetensors, which PyTorch's
    /// `safetensors.torch.load_file` reads too. Step counters and other integers are left out. A
    /// [checksum](scarlet_io::checksum) is put into the metadata, which [`open`](Self::open) checks.
    ///
    /// The file appears whole or not at all.
    ///
    /// # Errors
    ///
    /// When an entry cannot be read, is not finite or too large for `precision`, or the file
    /// cannot be written.
    pub fn save(&self, path: impl AsRef<Path>, precision: Precision) -> Result<(), WeightsError> {
        let path = path.as_ref();
        let entries = in_writing_order(self, precision);
        let mut metadata = self.metadata().clone();
        metadata.insert(
            checksum::METADATA_KEY.to_owned(),
            checksum::PLACEHOLDER.to_owned(),
        );
        let header = header(&entries, &metadata);
        let head = [&(header.len() as u64).to_le_bytes()[..], &header].concat();
        checksum::write_file(path, &head, |file| {
            for (entry, saved_as) in &entries {
                write_entry(file, entry, *saved_as)?;
            }
            Ok(())
        })
        .map_err(|error| match error {
            Failed::Entry(error) => error,
            Failed::Io(source) => WeightsError::Write {
                path: path.to_owned(),
                source,
            },
        })
    }
}

/// Entries with their type in the file: wide types first, so that all are aligned.
fn in_writing_order(weights: &StateDict, precision: Precision) -> Vec<(&Entry, Dtype)> {
    let saved_as = |entry: &Entry| match precision {
        Precision::F16 if entry.shape().len() > 1 => Dtype::F16,
        _ => Dtype::F32,
    };
    let mut entries: Vec<(&Entry, Dtype)> = weights
        .entries()
        .iter()
        .filter(|entry| entry.dtype().is_float())
        .map(|entry| (entry, saved_as(entry)))
        .collect();
    entries.sort_by_key(|(_, dtype)| std::cmp::Reverse(*dtype));
    entries
}

/// The JSON header, padded so that the tensors after it are aligned.
fn header(entries: &[(&Entry, Dtype)], metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let mut offset = 0;
    let mut header = serde_json::Map::new();
    header.insert("__metadata__".to_owned(), serde_json::json!(metadata));
    for (entry, dtype) in entries {
        let end = offset + entry.value_count() * dtype.bitsize() / 8;
        let info = TensorInfo {
            dtype: *dtype,
            shape: entry.shape().to_vec(),
            data_offsets: (offset, end),
        };
        header.insert(entry.name().to_owned(), serde_json::json!(info));
        offset = end;
    }
    let mut header = serde_json::Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(LENGTH_BYTES as usize), b' ');
    header
}

/// Why writing stopped.
enum Failed {
    Entry(WeightsError),
    Io(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn write_entry(file: &mut dyn Write, entry: &Entry, dtype: Dtype) -> Result<(), Failed> {
    let values = entry.read_f32().map_err(Failed::Entry)?;
    let bytes: Vec<u8> = match dtype {
        Dtype::F16 => to_half(entry, &values)
            .map_err(Failed::Entry)?
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
        _ => values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
    };
    Ok(file.write_all(&bytes)?)
}

fn to_half(entry: &Entry, values: &[f32]) -> Result<Vec<f16>, WeightsError> {
    values
        .iter()
        .enumerate()
        .map(|(index, &value)| {
            let half = f16::from_f32(value);
            match half.is_finite() {
                true => Ok(half),
                false => Err(WeightsError::HalfOverflow {
                    entry: entry.name().to_owned(),
                    index,
                    value,
                }),
            }
        })
        .collect()
}
