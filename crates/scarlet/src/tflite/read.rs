//! What a file says of its network, without reading the network.
//!
//! Files come from anywhere: every place is looked up within the bytes, and where it leads outside
//! there is nothing.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use zip::ZipArchive;

use super::metadata::LABELS;
use super::schema::{IDENTIFIER, number};
use crate::exported::{Constant, Contents};
use scarlet_engine::metadata::{ARCHITECTURE_KEY, CARD_KEY};

/// The most bytes of a file that is read.
const LARGEST: u64 = 2 << 30;
/// The most bytes of names that are read: as many as a card may have.
const LONGEST_LABELS: u64 = 4 << 20;

/// What a TensorFlow Lite file says of its network, where this program wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Described {
    /// The [`Architecture`](crate::Architecture) as JSON.
    pub architecture: Option<String>,
    /// The [`ModelCard`](crate::ModelCard) as JSON.
    pub card: Option<String>,
    /// Whether the network computes in bytes.
    pub int8: bool,
}

/// What a file says of its network; none if it is no TensorFlow Lite file.
///
/// # Errors
///
/// When the file cannot be read.
pub fn describe(path: impl AsRef<Path>) -> io::Result<Option<Described>> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(of_bytes(&bytes))
}

/// Number of the element type of bytes in a tensor.
const BYTE: i8 = super::schema::Element::Byte as i8;

fn of_bytes(bytes: &[u8]) -> Option<Described> {
    let model = View::root(bytes, IDENTIFIER)?;
    let buffers = model.tables(number::MODEL_BUFFERS);
    let text = |name: &str| {
        let entries = model.tables(number::MODEL_METADATA);
        let mut entries = entries.into_iter();
        let entry = entries.find(|it| it.bytes(number::METADATA_NAME) == Some(name.as_bytes()))?;
        let buffer = entry.unsigned(number::METADATA_BUFFER)? as usize;
        let bytes = buffers.get(buffer)?.bytes(number::BUFFER_DATA)?;
        String::from_utf8(bytes.to_vec()).ok()
    };
    let subgraphs = model.tables(number::MODEL_SUBGRAPHS);
    let tensors = subgraphs
        .first()
        .map(|it| it.tables(number::SUBGRAPH_TENSORS));
    let mut tensors = tensors.unwrap_or_default().into_iter();
    Some(Described {
        architecture: text(ARCHITECTURE_KEY),
        card: text(CARD_KEY),
        int8: tensors.any(|it| it.byte(number::TENSOR_ELEMENT) == Some(BYTE)),
    })
}

/// All that a file of this program holds; none if it is no TensorFlow Lite file.
pub(crate) fn contents(bytes: &[u8]) -> Option<Contents> {
    let Described {
        architecture,
        card,
        int8,
    } = of_bytes(bytes)?;
    let model = View::root(bytes, IDENTIFIER)?;
    let buffers = model.tables(number::MODEL_BUFFERS);
    let subgraphs = model.tables(number::MODEL_SUBGRAPHS);
    let tensors = subgraphs.first()?.tables(number::SUBGRAPH_TENSORS);
    let constant = |tensor: View<'_>| {
        // Floats are what a tensor without a type holds.
        if tensor.byte(number::TENSOR_ELEMENT).unwrap_or_default() != 0 {
            return None;
        }
        let buffer = buffers.get(tensor.unsigned(number::TENSOR_BUFFER)? as usize)?;
        let (values, rest) = buffer.bytes(number::BUFFER_DATA)?.as_chunks::<4>();
        let name = str::from_utf8(tensor.bytes(number::TENSOR_NAME)?).ok()?;
        let shape = tensor.words(number::TENSOR_SHAPE).into_iter();
        let constant = Constant {
            shape: shape.map(|size| size as usize).collect(),
            values: values.iter().map(|it| f32::from_le_bytes(*it)).collect(),
            channels_last: true,
        };
        rest.is_empty().then(|| (name.to_owned(), constant))
    };
    Some(Contents {
        architecture,
        card,
        labels: labels(bytes),
        int8,
        tensors: tensors.into_iter().filter_map(constant).collect(),
    })
}

/// The classes' names in the archive after the network, if there is one.
fn labels(bytes: &[u8]) -> Option<Vec<String>> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let mut text = String::new();
    let file = archive.by_name(LABELS).ok()?;
    file.take(LONGEST_LABELS).read_to_string(&mut text).ok()?;
    Some(text.lines().map(str::to_owned).collect())
}

/// A table somewhere in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    file: &'a [u8],
    place: usize,
}

impl<'a> View<'a> {
    /// The table that a file of this kind begins with.
    pub(super) fn root(file: &'a [u8], identifier: &str) -> Option<Self> {
        if file.get(4..8)? != identifier.as_bytes() {
            return None;
        }
        let place = unsigned(file, 0)? as usize;
        Some(Self { file, place })
    }

    /// Where a field is, if the table has it.
    fn field(self, number: u16) -> Option<usize> {
        let back = i64::from(unsigned(self.file, self.place)? as i32);
        let list = usize::try_from(i64::try_from(self.place).ok()? - back).ok()?;
        let size = short(self.file, list)?;
        let entry = 4 + 2 * number;
        if entry >= size {
            return None;
        }
        match short(self.file, list + usize::from(entry))? {
            0 => None,
            offset => Some(self.place + usize::from(offset)),
        }
    }

    /// Where what a field points to begins.
    fn target(self, number: u16) -> Option<usize> {
        let field = self.field(number)?;
        field.checked_add(unsigned(self.file, field)? as usize)
    }

    pub(super) fn byte(self, number: u16) -> Option<i8> {
        Some(*self.file.get(self.field(number)?)? as i8)
    }

    pub(super) fn unsigned(self, number: u16) -> Option<u32> {
        unsigned(self.file, self.field(number)?)
    }

    /// A list of bytes, or a text.
    pub(super) fn bytes(self, number: u16) -> Option<&'a [u8]> {
        let list = self.target(number)?;
        let length = unsigned(self.file, list)? as usize;
        self.file.get(list + 4..)?.get(..length)
    }

    /// A list of numbers of four bytes.
    pub(super) fn words(self, number: u16) -> Vec<u32> {
        let list = self.target(number);
        let length = list
            .and_then(|list| unsigned(self.file, list))
            .unwrap_or_default();
        let words =
            (0..length as usize).map_while(|index| unsigned(self.file, list? + 4 + 4 * index));
        words.collect()
    }

    #[cfg(test)]
    pub(super) fn table(self, number: u16) -> Option<Self> {
        let place = self.target(number)?;
        Some(Self { place, ..self })
    }

    /// A list of tables; without those that the file does not hold.
    pub(super) fn tables(self, number: u16) -> Vec<Self> {
        let Some(list) = self.target(number) else {
            return Vec::new();
        };
        let length = unsigned(self.file, list).unwrap_or_default() as usize;
        let entries = (0..length).map_while(|index| {
            let entry = list + 4 + 4 * index;
            let place = entry.checked_add(unsigned(self.file, entry)? as usize)?;
            Some(Self { place, ..self })
        });
        entries.collect()
    }
}

fn unsigned(file: &[u8], place: usize) -> Option<u32> {
    let bytes = file.get(place..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

fn short(file: &[u8], place: usize) -> Option<u16> {
    let bytes = file.get(place..)?.first_chunk()?;
    Some(u16::from_le_bytes(*bytes))
}
