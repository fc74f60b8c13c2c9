//! [`Storages`]: the bytes that a pickle's tensors are made of, wherever a container keeps them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::{Mutex, MutexGuard, PoisonError};

use zip::{CompressionMethod, ZipArchive};

/// An archive whose members are read one at a time.
pub(super) type Archive = ZipArchive<BufReader<File>>;

/// Where the bytes of storages are.
pub(super) enum Storages {
    /// Members of an archive, in this folder of it.
    Zip {
        archive: Box<Mutex<Archive>>,
        folder: String,
    },
    /// Parts of a file: for each key where it begins and how long it is.
    File {
        file: Mutex<File>,
        places: HashMap<String, (u64, usize)>,
    },
    /// Parts of a block of memory.
    Memory {
        block: Vec<u8>,
        places: HashMap<String, (usize, usize)>,
    },
    /// There are none.
    Nowhere,
}

impl Storages {
    /// `length` bytes of the storage `key` from `start` on.
    pub(super) fn read(&self, key: &str, start: usize, length: usize) -> io::Result<Vec<u8>> {
        if length == 0 {
            return Ok(Vec::new());
        }
        match self {
            Self::Zip { archive, folder } => read_member(
                &mut lock(archive),
                &format!("{folder}data/{key}"),
                start,
                length,
            ),
            Self::File { file, places } => {
                let (place, size) = *places.get(key).ok_or_else(|| absent(key))?;
                within(start, length, size)?;
                let mut file = lock(file);
                file.seek(SeekFrom::Start(place + start as u64))?;
                let mut bytes = vec![0; length];
                file.read_exact(&mut bytes)?;
                Ok(bytes)
            }
            Self::Memory { block, places } => {
                let (place, size) = *places.get(key).ok_or_else(|| absent(key))?;
                within(start, length, size)?;
                let bytes = block.get(place + start..place + start + length);
                Ok(bytes.ok_or_else(|| absent(key))?.to_vec())
            }
            Self::Nowhere => Err(absent(key)),
        }
    }
}

fn read_member(
    archive: &mut Archive,
    name: &str,
    start: usize,
    length: usize,
) -> io::Result<Vec<u8>> {
    let index = archive.index_for_name(name).ok_or_else(|| absent(name))?;
    let mut member = archive.by_index(index)?;
    // PyTorch can leave the checksums out, and writes 0 in their place.
    if member.crc32() == 0 && member.compression() == CompressionMethod::Stored {
        drop(member);
        member = archive.by_index_raw(index)?;
    }
    within(
        start,
        length,
        usize::try_from(member.size()).unwrap_or(usize::MAX),
    )?;
    io::copy(&mut (&mut member).take(start as u64), &mut io::sink())?;
    let mut bytes = Vec::new();
    // A compressed member may claim any size; more is asked for as it comes.
    bytes.reserve_exact(length.min(MOST_AT_ONCE));
    (&mut member).take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    // The checksum is compared where the member ends.
    if start + length == usize::try_from(member.size()).unwrap_or(0) {
        io::copy(&mut member, &mut io::sink())?;
    }
    Ok(bytes)
}

/// Memory that is asked for before there is anything to fill it with.
const MOST_AT_ONCE: usize = 256 << 20;

fn within(start: usize, length: usize, size: usize) -> io::Result<()> {
    match start.checked_add(length) {
        Some(end) if end <= size => Ok(()),
        _ => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("its storage has {size} bytes"),
        )),
    }
}

fn absent(key: &str) -> io::Error {
    let key = crate::weights::error::excerpt(key);
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("its storage `{key}` is not in the file"),
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
