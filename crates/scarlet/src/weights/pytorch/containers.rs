//! The containers that PyTorch has put its pickles and storages into.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::sync::Mutex;

use zip::read::{ArchiveOffset, Config};
use zip::result::ZipError;

use super::machine::{self, PickleError, Pickled, damaged};
use super::oldest;
use super::storages::{Archive, Storages};
use super::tensors::Storage;
use super::values::Values;
use crate::weights::Container;
use crate::weights::error::excerpt;

/// Why a container was not read.
#[derive(Debug)]
pub(super) enum ContainerError {
    Pickle(PickleError),
    /// The archive's directory, which stands at its end, is not there.
    NoDirectory(String),
    /// It is of another kind, which this text names, with what to do.
    Foreign(String),
}

impl<E: Into<PickleError>> From<E> for ContainerError {
    fn from(error: E) -> Self {
        Self::Pickle(error.into())
    }
}

/// A container's pickle, and where the numbers of its tensors are.
pub(super) struct Contents {
    pub(super) container: Container,
    pub(super) pickled: Pickled,
    pub(super) storages: Storages,
}

/// Where the magic word of a TAR archive stands.
const TAR_MAGIC: std::ops::Range<usize> = 257..262;
/// How far from the start of a legacy file its magic number can be.
const LEGACY_SEARCH: usize = 64;
/// The number 0x1950a86a20f9469cfc6c that legacy files begin with, as bytes and as text.
const LEGACY_BYTES: &[u8] = b"\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
const LEGACY_TEXT: &[u8] = b"119547037146038801333356";
/// The version of a legacy file.
const LEGACY_VERSION: usize = 1001;

/// Opens a container by its first bytes; none where it is no container of PyTorch's.
pub(super) fn open(file: File, start: &[u8]) -> Option<Result<Contents, ContainerError>> {
    let head = &start[..start.len().min(LEGACY_SEARCH)];
    let is_legacy = [LEGACY_BYTES, LEGACY_TEXT]
        .iter()
        .any(|magic| head.windows(magic.len()).any(|bytes| bytes == *magic));
    Some(
        if [b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06"]
            .iter()
            .any(|magic| start.starts_with(*magic))
        {
            open_zip(file)
        } else if start.get(TAR_MAGIC) == Some(b"ustar") {
            oldest::open(file)
        } else if is_legacy {
            open_legacy(file)
        } else if matches!(start.first(), Some(0x80 | b'(' | b'}' | b']' | b'c')) {
            open_pickle(file)
        } else {
            return None;
        },
    )
}

fn open_pickle(file: File) -> Result<Contents, ContainerError> {
    Ok(Contents {
        container: Container::Pickle,
        pickled: machine::read(&mut BufReader::new(file))?,
        storages: Storages::Nowhere,
    })
}

fn open_zip(file: File) -> Result<Contents, ContainerError> {
    let size = file.metadata()?.len();
    let mut archive = directory(file)?;
    let Some(folder) = pickle_folder(&archive) else {
        return Err(ContainerError::Foreign(foreign_archive(&archive)));
    };
    if let Some(kind) = foreign_pytorch(&archive, &folder) {
        return Err(ContainerError::Foreign(kind.to_owned()));
    }
    const LONGEST_WORD: u64 = 16;
    let order = format!("{folder}byteorder");
    if archive.index_for_name(&order).is_some()
        && member(&mut archive, &order, LONGEST_WORD)?.trim_ascii() != b"little"
    {
        return Err(big_endian().into());
    }
    // A pickle can be compressed to a hundredth, but honest ones are not.
    const ALLOWANCE: u64 = 1 << 20;
    const FACTOR: u64 = 64;
    const LONGEST: u64 = 64 << 20;
    let longest = ALLOWANCE
        .saturating_add(size.saturating_mul(FACTOR))
        .min(LONGEST);
    let pickle = member(&mut archive, &format!("{folder}data.pkl"), longest)?;
    let pickled = machine::read(&mut Cursor::new(pickle))?;
    Ok(Contents {
        container: Container::Zip,
        pickled,
        storages: Storages::Zip {
            archive: Box::new(Mutex::new(archive)),
            folder,
        },
    })
}

/// Reads an archive's directory where the archive says that it is.
///
/// The `zip` crate would otherwise look for it right before the archive's end, as if nothing could
/// stand between. PyTorch writes 76 bytes of ZIP64 records there; and where the directory's first
/// entry is of just that length, the second one would be taken for the first.
fn directory(file: File) -> Result<Archive, ContainerError> {
    let at = |archive_offset| {
        let file = BufReader::new(file.try_clone()?);
        Archive::with_config(Config { archive_offset }, file)
    };
    // Something may stand in front of the archive.
    let archive = at(ArchiveOffset::Known(0)).or_else(|_| at(ArchiveOffset::Detect));
    archive.map_err(|error| match error {
        ZipError::Io(error) if error.raw_os_error().is_some() => error.into(),
        error => ContainerError::NoDirectory(error.to_string()),
    })
}

/// The names of an archive's members.
fn names(archive: &Archive) -> impl Iterator<Item = String> {
    let names = archive.file_names().filter_map(Result::ok);
    names.map(|name| name.to_string())
}

/// The folder that holds `data.pkl`, with its slash: the outermost one.
fn pickle_folder(archive: &Archive) -> Option<String> {
    names(archive)
        .filter_map(|name| Some(name.strip_suffix("data.pkl")?.to_owned()))
        .filter(|folder| folder.is_empty() || folder.ends_with('/'))
        .min_by_key(String::len)
}

/// What an archive of PyTorch's is, where that is no checkpoint.
fn foreign_pytorch(archive: &Archive, folder: &str) -> Option<&'static str> {
    let has = |name: &str| {
        let name = format!("{folder}{name}");
        names(archive).any(|member| member.starts_with(&name))
    };
    if has("archive_format") || has("models/") {
        return Some(EXPORTED);
    }
    (has("constants.pkl") || has("code/")).then_some(
        "it is a TorchScript archive, a program with its weights; save its weights in Python \
         with `torch.save(torch.jit.load(path, map_location=\"cpu\").state_dict(), \
         \"weights.pth\")`",
    )
}

const EXPORTED: &str = "it is a program of torch.export (.pt2); save its weights in Python with \
                        `torch.save(torch.export.load(path).state_dict, \"weights.pth\")`";

/// What an archive without a pickle is.
fn foreign_archive(archive: &Archive) -> String {
    let names: Vec<String> = names(archive).take(1000).collect();
    let any = |test: &dyn Fn(&str) -> bool| names.iter().any(|name| test(name));
    let ends = |end: &'static str| move |name: &str| name.ends_with(end);
    if any(&ends("archive_format"))
        || any(&|name| name.contains("serialized_exported_program"))
        || any(&|name| name.contains("models/") && name.ends_with(".json"))
    {
        return EXPORTED.to_owned();
    }
    if any(&ends(".npy")) {
        return "it is an archive of NumPy's arrays (.npz); save them in Python with \
                `safetensors.numpy.save_file(dict(numpy.load(path)), \"weights.safetensors\")`"
            .to_owned();
    }
    if any(&ends("model.weights.h5")) {
        return "it is a model of Keras".to_owned();
    }
    if any(&ends(".pth")) || any(&ends(".pt")) || any(&ends(".safetensors")) {
        return "it is an archive with weights in it; unpack it, and name the file inside"
            .to_owned();
    }
    let first = names.first().map(|name| excerpt(name));
    match first {
        Some(first) => format!("it is a zip archive without `data.pkl`; it holds `{first}`"),
        None => "it is an empty zip archive".to_owned(),
    }
}

/// A member of an archive, of at most `longest` bytes.
fn member(archive: &mut Archive, name: &str, longest: u64) -> Result<Vec<u8>, ContainerError> {
    let unreadable = |error: &dyn std::fmt::Display| {
        ContainerError::from(PickleError::Damaged(format!(
            "`{}`: {error}",
            excerpt(name)
        )))
    };
    let mut member = match archive.by_name(name) {
        Ok(member) => member,
        Err(error) => return Err(unreadable(&error)),
    };
    let mut bytes = Vec::new();
    if let Err(error) = (&mut member).take(longest + 1).read_to_end(&mut bytes) {
        // PyTorch can leave the checksums out, and writes 0 in their place.
        if member.crc32() != 0 || (bytes.len() as u64) < member.size() {
            return Err(unreadable(&error));
        }
    }
    match bytes.len() as u64 > longest {
        true => Err(unreadable(&format!(
            "it has more than the {longest} bytes that a file of this size should hold"
        ))),
        false => Ok(bytes),
    }
}

fn big_endian() -> PickleError {
    PickleError::Damaged(
        "it was written on a big-endian machine, which is not supported; load it and save it \
         again in Python on another machine"
            .to_owned(),
    )
}

pub(super) fn check_byte_order(system: &Pickled) -> Result<(), PickleError> {
    let little = system.values.item(system.root, "little_endian");
    match little {
        Some(Values::TRUE) => Ok(()),
        Some(_) => Err(big_endian()),
        None => damaged("its header does not say in which order its bytes are"),
    }
}

fn open_legacy(file: File) -> Result<Contents, ContainerError> {
    let mut input = BufReader::new(file);
    machine::read(&mut input)?;
    let version = machine::read(&mut input)?;
    if version.values.size(version.root) != Some(LEGACY_VERSION) {
        return damaged("its version is not one that PyTorch has written").map_err(Into::into);
    }
    check_byte_order(&machine::read(&mut input)?)?;
    let pickled = machine::read(&mut input)?;
    let keys = machine::read(&mut input)?;
    let start = input.stream_position()?;
    let mut file = input.into_inner();
    let places = legacy_places(&pickled.storages, &keys, start, &mut file)?;
    Ok(Contents {
        container: Container::LegacyPickle,
        pickled,
        storages: Storages::File {
            file: Mutex::new(file),
            places,
        },
    })
}

/// Where the storages of a legacy file are: one after the other, in the order of their keys, each
/// after the number of its elements.
fn legacy_places(
    storages: &[Storage],
    keys: &Pickled,
    mut place: u64,
    file: &mut File,
) -> Result<HashMap<String, (u64, usize)>, PickleError> {
    const COUNT: u64 = 8;
    let end = file.metadata()?.len();
    let mut declared: HashMap<&str, &Storage> = HashMap::new();
    for storage in storages {
        let known = declared.entry(&storage.key).or_insert(storage);
        if (known.bytes, known.numbers) != (storage.bytes, storage.numbers) {
            return damaged(format!(
                "it describes its storage `{}` twice",
                excerpt(&storage.key)
            ));
        }
    }
    let mut places = HashMap::new();
    for key in keys.values.sequence(keys.root) {
        let key = keys.values.key(*key).unwrap_or_default();
        let Some(storage) = declared.get(key.as_str()) else {
            return damaged(format!("it has a storage `{}` of no tensor", excerpt(&key)));
        };
        let Some(size) = storage.numbers.size() else {
            return damaged(format!(
                "its storage `{}` is of an unknown type",
                excerpt(&key)
            ));
        };
        let begin = place.saturating_add(COUNT);
        let next = begin.saturating_add(storage.bytes as u64);
        if next > end {
            return Err(PickleError::Read(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!(
                    "a storage of {} bytes ends beyond the end of the file",
                    storage.bytes
                ),
            )));
        }
        file.seek(SeekFrom::Start(place))?;
        let mut count = [0; COUNT as usize];
        file.read_exact(&mut count)?;
        if u64::from_le_bytes(count) != (storage.bytes / size) as u64 {
            return damaged(format!(
                "its storage `{}` has another size than its pickle says",
                excerpt(&key)
            ));
        }
        places.insert(key, (begin, storage.bytes));
        place = next;
    }
    Ok(places)
}
