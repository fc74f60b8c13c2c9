//! PyTorch's checkpoints: legacy pickle streams, zip and TAR archives.
//!
//! A pickle is a program, and this is no interpreter of it: [`machine`] keeps what it builds as
//! plain data, so that whatever an honest checkpoint has next to its weights, optimizers and dates
//! and enumerations, is simply not looked at, and [`calls`] refuses what would run code.

mod calls;
mod containers;
mod gather;
mod input;
mod machine;
mod objects;
mod oldest;
mod storages;
mod tensors;
mod values;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use containers::{ContainerError, Contents};
use machine::{PickleError, Pickled};
use storages::Storages;
use tensors::StoredTensor;
pub(super) use values::Unread;
use values::{Id, Value};

use super::error::excerpt;
use super::origin::Origin;
use super::{Entry, StateDict, WeightsError};

/// The tensors of a PyTorch checkpoint whose first bytes are `start`, and the names of those that
/// are of a kind that is not read.
pub(super) fn open(
    path: &Path,
    start: &[u8],
) -> Result<(StateDict, Vec<(String, Unread)>), WeightsError> {
    let file = File::open(path).map_err(|source| WeightsError::Read {
        path: path.to_owned(),
        source,
    })?;
    let explain = |error| explain(path, start, error);
    let contents = match containers::open(file, start) {
        Some(contents) => contents.map_err(explain)?,
        None => {
            return Err(WeightsError::NotACheckpoint {
                path: path.to_owned(),
                found: describe(start),
            });
        }
    };
    let Contents {
        container,
        pickled,
        storages,
    } = contents;
    let gathered = gather::gather(&pickled).map_err(|error| explain(error.into()))?;
    if gathered.tensors.is_empty() && gathered.unread.is_empty() {
        return Err(without_tensors(path, &pickled));
    }
    let storages = Arc::new(storages);
    let entries: Vec<Entry> = gathered
        .tensors
        .into_iter()
        .map(|(name, index)| entry(name, &pickled, index, &storages))
        .collect();
    check_size(path, &entries)?;
    let origin = gather::named_network(&pickled)
        .map(|(name, key)| Origin::new(name, format!("its own `{key}`")));
    let weights = StateDict::new(path.to_owned(), container, entries).with_origin(origin);
    Ok((weights, gathered.unread))
}

fn entry(name: String, pickled: &Pickled, index: usize, storages: &Arc<Storages>) -> Entry {
    let tensor: StoredTensor = pickled.tensors[index].clone();
    let storage = &pickled.storages[tensor.storage];
    let (key, first) = (storage.key.clone(), storage.start);
    let storages = Arc::clone(storages);
    Entry::new(name, tensor.shape.clone(), tensor.dtype, move || {
        let (start, length) = tensor.window();
        tensor.arrange(storages.read(&key, first + start, length)?)
    })
}

/// A tensor can repeat one stored value any number of times, so a small file can ask for all of
/// a machine's memory. Weights do not repeat; compressed ones shrink by less than this.
fn check_size(path: &Path, entries: &[Entry]) -> Result<(), WeightsError> {
    const ALLOWANCE: u64 = 1 << 20;
    const FACTOR: u64 = 16;
    let file = std::fs::metadata(path)
        .map_err(|source| WeightsError::Read {
            path: path.to_owned(),
            source,
        })?
        .len();
    let tensors = entries.iter().fold(0u64, |sum, entry| {
        sum.saturating_add(entry.byte_count() as u64)
    });
    if tensors > ALLOWANCE.saturating_add(file.saturating_mul(FACTOR)) {
        return Err(WeightsError::Malformed {
            path: path.to_owned(),
            detail: format!("{file} bytes claim to hold {tensors} bytes of tensors"),
        });
    }
    Ok(())
}

/// Says what a pickle without tensors holds.
fn without_tensors(path: &Path, pickled: &Pickled) -> WeightsError {
    let values = &pickled.values;
    let object = |id: Id| match values.get(id) {
        Value::Object(object) if object.items.is_empty() => Some(values.type_name(id)),
        _ => None,
    };
    let weights = super::state_dict::WEIGHT_KEYS
        .iter()
        .find_map(|key| Some((*key, object(values.item(pickled.root, key)?)?)));
    let found = match (object(pickled.root), weights) {
        (Some(class), _) => Some((class, None)),
        (None, Some((key, class))) => Some((class, Some(key.to_owned()))),
        (None, None) => None,
    };
    if let Some((class, key)) = found {
        return WeightsError::NotAStateDict {
            path: path.to_owned(),
            class,
            key,
        };
    }
    let is_array = |id: Id| {
        let name = values.type_name(id);
        name.starts_with("numpy.") && name.ends_with("._reconstruct")
    };
    let dictionaries = super::state_dict::WEIGHT_KEYS
        .iter()
        .filter_map(|key| values.item(pickled.root, key))
        .chain([pickled.root]);
    let has_arrays = |id: Id| values.items(id).iter().any(|(_, value)| is_array(*value));
    if dictionaries.into_iter().any(has_arrays) {
        return WeightsError::NotACheckpoint {
            path: path.to_owned(),
            found: "its values are arrays of NumPy's and no tensors; save them in Python with \
                    `safetensors.numpy.save_file(arrays, \"weights.safetensors\")`"
                .to_owned(),
        };
    }
    let mut keys: Vec<String> = values
        .items(pickled.root)
        .iter()
        .filter_map(|(key, _)| values.key(*key))
        .collect();
    keys.sort();
    keys.dedup();
    WeightsError::NoTensors {
        path: path.to_owned(),
        key: None,
        available: keys,
    }
}

/// Says what an error means for the one who has the file.
fn explain(path: &Path, start: &[u8], error: ContainerError) -> WeightsError {
    let path = path.to_owned();
    let is_text = start
        .iter()
        .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    match error {
        ContainerError::Foreign(found) => WeightsError::NotACheckpoint { path, found },
        // The directory stands at an archive's end: without an end there is none.
        ContainerError::NoDirectory(detail) => WeightsError::Truncated { path, detail },
        ContainerError::Pickle(PickleError::Hostile { callable, place }) => WeightsError::Hostile {
            path,
            callable,
            place,
        },
        // Some texts begin as pickles do.
        ContainerError::Pickle(_) if is_text && !start.contains(&0) && start.len() < 512 => {
            WeightsError::NotACheckpoint {
                path,
                found: describe(start),
            }
        }
        ContainerError::Pickle(PickleError::Damaged(detail)) => {
            WeightsError::Malformed { path, detail }
        }
        ContainerError::Pickle(PickleError::Read(source)) => match source.kind() {
            io::ErrorKind::UnexpectedEof => WeightsError::Truncated {
                path,
                detail: match source.get_ref() {
                    Some(detail) => detail.to_string(),
                    None => "it ends in the middle of a pickle".to_owned(),
                },
            },
            _ if source.raw_os_error().is_some() => WeightsError::Read { path, source },
            _ => WeightsError::Malformed {
                path,
                detail: source.to_string(),
            },
        },
    }
}

/// The first bytes of a file of unknown kind, in words.
fn describe(start: &[u8]) -> String {
    let shown: String = start
        .iter()
        .take(12)
        .map(|byte| byte.escape_ascii().to_string())
        .collect();
    format!("it begins with \"{}\"", excerpt(&shown))
}
