//! The oldest container: a TAR archive, as PyTorch wrote before 0.1.10.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};

use super::containers::{ContainerError, Contents, check_byte_order};
use super::machine::{self, NamedTensors, PickleError, damaged};
use super::storages::Storages;
use super::tensors::{Numbers, Storage, StoredTensor};
use super::values::Value;
use crate::weights::Container;

pub(super) fn open(file: File) -> Result<Contents, ContainerError> {
    let mut archive = tar::Archive::new(BufReader::new(file));
    let mut members: HashMap<String, Vec<u8>> = HashMap::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry
            .path()?
            .to_string_lossy()
            .trim_start_matches("./")
            .to_owned();
        if ["sys_info", "storages", "tensors", "pickle"].contains(&name.as_str()) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            members.insert(name, bytes);
        }
    }
    if members.is_empty() {
        let kind = "it is a TAR archive of other files; unpack it, and name the file inside";
        return Err(ContainerError::Foreign(kind.to_owned()));
    }
    if let Some(system) = members.remove("sys_info") {
        check_byte_order(&machine::read(&mut system.as_slice())?)?;
    }
    let mut take = |name: &str| match members.remove(name) {
        Some(bytes) => Ok(bytes),
        None => damaged(format!("its TAR archive lacks `{name}`")),
    };
    let block = take("storages")?;
    let (storages, places) = tar_storages(&block)?;
    let named = tar_tensors(&take("tensors")?, &storages)?;
    let mut pickled = machine::read_with(&mut take("pickle")?.as_slice(), &named)?;
    pickled.storages = storages;
    Ok(Contents {
        container: Container::Tar,
        pickled,
        storages: Storages::Memory { block, places },
    })
}

/// Where the storages of the oldest container lie in its member of that name: their number, then
/// each after a description and the number of its elements, then a list of those that are parts of
/// others.
#[allow(clippy::type_complexity)]
fn tar_storages(
    block: &[u8],
) -> Result<(Vec<Storage>, HashMap<String, (usize, usize)>), PickleError> {
    let mut input = Cursor::new(block);
    let mut storages: Vec<Storage> = Vec::new();
    let mut places = HashMap::new();
    for _ in 0..tar_count(&mut input)? {
        let description = machine::read(&mut input)?;
        let values = &description.values;
        let [key, _, class] = *values.tuple(description.root) else {
            return damaged("a storage of its TAR archive has no description");
        };
        let (Some(key), Value::Global(class)) = (values.key(key), values.get(class)) else {
            return damaged("a storage of its TAR archive has no name or type");
        };
        let numbers = Numbers::of_storage(class.rsplit('.').next().unwrap_or_default());
        let elements = tar_size(&mut input)?;
        let place = input.position() as usize;
        let bytes = numbers.size().and_then(|size| elements.checked_mul(size));
        let end = bytes.and_then(|bytes| place.checked_add(bytes));
        let (Some(bytes), Some(end)) = (bytes, end.filter(|end| *end <= block.len())) else {
            return damaged("a storage of its TAR archive ends beyond it");
        };
        input.set_position(end as u64);
        places.insert(key.clone(), (place, bytes));
        storages.push(Storage {
            key,
            numbers,
            bytes,
            start: 0,
            reach: bytes,
        });
    }
    let views = machine::read(&mut input)?;
    for view in views.values.sequence(views.root) {
        let values = &views.values;
        let part = match *values.tuple(*view) {
            [key, whole, offset, elements] => {
                let sizes = values.size(offset).zip(values.size(elements));
                values.key(key).zip(values.key(whole)).zip(sizes)
            }
            _ => None,
        };
        let found = part.and_then(|((key, whole), (offset, elements))| {
            let whole = storages.iter().find(|storage| storage.key == whole)?;
            let size = whole.numbers.size()?;
            let start = offset.checked_mul(size)?;
            let bytes = elements.checked_mul(size)?;
            let (place, length) = *places.get(&whole.key)?;
            (start.checked_add(bytes)? <= length).then_some(())?;
            let numbers = whole.numbers;
            Some((key, numbers, place + start, bytes))
        });
        let Some((key, numbers, place, bytes)) = found else {
            return damaged("a storage of its TAR archive is a part of none");
        };
        places.insert(key.clone(), (place, bytes));
        storages.push(Storage {
            key,
            numbers,
            bytes,
            start: 0,
            reach: bytes,
        });
    }
    Ok((storages, places))
}

/// The tensors of the oldest container, by their names: their number, then of each a description,
/// the number of its axes twice as wide as need be, sizes, strides, and its place in its storage.
fn tar_tensors(bytes: &[u8], storages: &[Storage]) -> Result<NamedTensors, PickleError> {
    let by_key: HashMap<&str, usize> = storages
        .iter()
        .enumerate()
        .map(|(index, storage)| (storage.key.as_str(), index))
        .collect();
    let mut input = Cursor::new(bytes);
    let mut tensors = NamedTensors::new();
    for _ in 0..tar_count(&mut input)? {
        let description = machine::read(&mut input)?;
        let values = &description.values;
        let [key, storage, _] = *values.tuple(description.root) else {
            return damaged("a tensor of its TAR archive has no description");
        };
        let storage = values.key(storage);
        let storage = storage.and_then(|storage| by_key.get(storage.as_str()).copied());
        let (Some(key), Some(index)) = (values.key(key), storage) else {
            return damaged("a tensor of its TAR archive has no name or storage");
        };
        const MAX_AXES: u64 = 64;
        let mut axes = [0; 8];
        input.read_exact(&mut axes)?;
        let axes = u64::from(u32::from_le_bytes([axes[0], axes[1], axes[2], axes[3]]));
        if axes > MAX_AXES {
            return damaged(format!("a tensor of its TAR archive has {axes} axes"));
        }
        let mut sizes = || -> Result<Vec<usize>, PickleError> {
            (0..axes).map(|_| tar_size(&mut input)).collect()
        };
        let (shape, strides) = (sizes()?, sizes()?);
        let storage = &storages[index];
        let Numbers::Known(dtype) = storage.numbers else {
            return damaged("a tensor of its TAR archive is of an unknown type");
        };
        let tensor = StoredTensor {
            storage: index,
            dtype,
            offset: tar_size(&mut input)?,
            shape,
            strides,
            negated: false,
        };
        tensors.insert(key, tensor.checked(storage)?);
    }
    Ok(tensors)
}

fn tar_count(input: &mut impl BufRead) -> Result<usize, PickleError> {
    let count = machine::read(input)?;
    match count.values.size(count.root) {
        Some(count) => Ok(count),
        None => damaged("its TAR archive does not say how much it holds"),
    }
}

fn tar_size(input: &mut impl Read) -> Result<usize, PickleError> {
    let mut bytes = [0; 8];
    input.read_exact(&mut bytes)?;
    match usize::try_from(i64::from_le_bytes(bytes)) {
        Ok(size) => Ok(size),
        Err(_) => damaged("its TAR archive holds a negative size"),
    }
}
