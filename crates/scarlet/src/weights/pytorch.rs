//! PyTorch's checkpoints: legacy pickle streams, zip and TAR archives.

use std::io;
use std::path::Path;

use burn::tensor::{BoolStore, DType};
use pytorch_reader::{
    DType as PyTorchType, FileFormat, PickleError, PickleValue, PytorchError, PytorchReader,
};

use super::state_dict::WEIGHT_KEYS;
use super::{Container, Entry, StateDict, WeightsError};

/// Opens a PyTorch checkpoint whose first bytes are `start`.
pub(super) fn open(path: &Path, start: &[u8]) -> Result<StateDict, WeightsError> {
    let explain = |error| explain(path, start, error);
    let values = PytorchReader::read_pickle_data(path, None).map_err(explain)?;
    // The reader leaves out what is not a tensor, calls of any function among it. It never makes
    // them, but a file that asks for a shell does not deserve trust, nor to be passed on.
    if let Some((place, callable)) = find_call(&values, !holds_tensors(&values), String::new()) {
        return Err(WeightsError::Hostile {
            path: path.to_owned(),
            callable,
            place,
        });
    }
    let reader = PytorchReader::new(path).map_err(explain)?;
    let container = match reader.metadata().format_type {
        FileFormat::Zip => Container::Zip,
        FileFormat::Tar => Container::Tar,
        FileFormat::Legacy => Container::LegacyPickle,
        FileFormat::Pickle => Container::Pickle,
    };
    let entries: Vec<Entry> = reader.into_tensors().into_values().map(entry).collect();
    check_size(path, &entries)?;
    if entries.is_empty() {
        return Err(WeightsError::NoTensors {
            path: path.to_owned(),
            key: None,
            available: keys(&values),
        });
    }
    Ok(StateDict::new(path.to_owned(), container, entries))
}

fn entry(tensor: pytorch_reader::Tensor) -> Entry {
    let (name, dtype, shape, read) = tensor.into_parts();
    Entry::new(name, shape, element_type(dtype), read)
}

fn element_type(dtype: PyTorchType) -> DType {
    match dtype {
        PyTorchType::F64 => DType::F64,
        PyTorchType::F32 => DType::F32,
        PyTorchType::F16 => DType::F16,
        PyTorchType::BF16 => DType::BF16,
        PyTorchType::I64 => DType::I64,
        PyTorchType::I32 => DType::I32,
        PyTorchType::I16 => DType::I16,
        PyTorchType::I8 => DType::I8,
        PyTorchType::U64 => DType::U64,
        PyTorchType::U32 => DType::U32,
        PyTorchType::U16 => DType::U16,
        PyTorchType::U8 => DType::U8,
        PyTorchType::Bool => DType::Bool(BoolStore::Native),
    }
}

fn keys(values: &PickleValue) -> Vec<String> {
    let PickleValue::Dict(values) = values else {
        return Vec::new();
    };
    let mut keys: Vec<String> = values.keys().cloned().collect();
    keys.sort();
    keys
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

fn holds_tensors(value: &PickleValue) -> bool {
    match value {
        PickleValue::Dict(items) => items.values().any(holds_tensors),
        PickleValue::List(items) => items.iter().any(holds_tensors),
        PickleValue::Unsupported(name) => name == "torch.Tensor",
        _ => false,
    }
}

/// Finds a call that a checkpoint has no business asking for, and the keys that lead to it: one
/// that runs code, or any that stands where there should be weights.
fn find_call(
    value: &PickleValue,
    without_tensors: bool,
    place: String,
) -> Option<(String, String)> {
    let inside = |key: &str| match place.is_empty() {
        true => key.to_owned(),
        false => format!("{place}.{key}"),
    };
    match value {
        PickleValue::Dict(items) => {
            let mut keys: Vec<&String> = items.keys().collect();
            keys.sort();
            keys.into_iter()
                .find_map(|key| find_call(&items[key], without_tensors, inside(key)))
        }
        PickleValue::List(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| find_call(item, without_tensors, inside(&index.to_string()))),
        PickleValue::Unsupported(callable) => {
            let for_weights = without_tensors
                && (place.is_empty() || WEIGHT_KEYS.contains(&place.as_str()))
                && !HARMLESS.iter().any(|name| is_in(callable, name));
            (for_weights || runs_code(callable)).then(|| {
                let place = match place.is_empty() {
                    true => "the top level".to_owned(),
                    false => place,
                };
                (place, callable.clone())
            })
        }
        _ => None,
    }
}

/// Values that honest checkpoints carry beside their weights, or whole.
const HARMLESS: &[&str] = &["torch", "numpy", "collections", "argparse.Namespace", "int"];

/// Modules, and functions of them, that run programs, load code or reach the machine, as far as
/// no honest checkpoint has them. Nothing is ever called, so that a name which is missing here
/// costs a warning, not safety.
const DANGEROUS: &[&str] = &[
    "_pickle",
    "asyncio",
    "bdb",
    "cProfile",
    "cffi",
    "cloudpickle",
    "code.InteractiveConsole",
    "code.InteractiveInterpreter",
    "code.interact",
    "codeop",
    "commands.getoutput",
    "commands.getstatusoutput",
    "ctypes",
    "dill",
    "distutils",
    "doctest",
    "ftplib",
    "http.client",
    "imp",
    "importlib",
    "marshal",
    "multiprocessing",
    "nt",
    "numpy.f2py",
    "numpy.testing",
    "operator",
    "os",
    "pdb",
    "pickle",
    "pip",
    "pkgutil",
    "posix",
    "pty",
    "pydoc",
    "requests",
    "runpy",
    "setuptools",
    "shelve",
    "shutil",
    "smtplib",
    "socket",
    "ssl",
    "subprocess",
    "sys",
    "tempfile",
    "timeit",
    "torch.hub",
    "torch.serialization.load",
    "torch.utils.cpp_extension",
    "types.CodeType",
    "types.FunctionType",
    "urllib",
    "venv",
    "webbrowser",
];

const DANGEROUS_BUILTINS: &[&str] = &[
    "__import__",
    "apply",
    "breakpoint",
    "compile",
    "delattr",
    "eval",
    "exec",
    "execfile",
    "exit",
    "filter",
    "getattr",
    "globals",
    "input",
    "locals",
    "map",
    "open",
    "quit",
    "setattr",
    "vars",
];

fn runs_code(callable: &str) -> bool {
    let builtin = ["builtins.", "__builtin__."]
        .iter()
        .find_map(|module| callable.strip_prefix(module));
    match builtin {
        Some(name) => DANGEROUS_BUILTINS.contains(&name),
        None => DANGEROUS.iter().any(|name| is_in(callable, name)),
    }
}

/// Whether a dotted name is `name` or something in it.
fn is_in(callable: &str, name: &str) -> bool {
    callable
        .strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Says what a reader's error means for the one who has the file.
fn explain(path: &Path, start: &[u8], error: PytorchError) -> WeightsError {
    let path = path.to_owned();
    let detail = error.to_string();
    let cut_off = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
    match error {
        PytorchError::Io(source) if !cut_off(&source) => match source.raw_os_error() {
            Some(_) => WeightsError::Read { path, source },
            None => WeightsError::Malformed { path, detail },
        },
        PytorchError::Io(_) => WeightsError::Truncated { path, detail },
        PytorchError::Pickle(PickleError::Io(source)) | PytorchError::Tar(source)
            if cut_off(&source) =>
        {
            WeightsError::Truncated { path, detail }
        }
        // A zip archive's directory stands at its end: without an end there is no directory.
        PytorchError::Zip(_) if start.starts_with(b"PK") => {
            WeightsError::Truncated { path, detail }
        }
        PytorchError::InvalidFormat(message) => match message {
            // The reader keeps only the text of an error inside the legacy header.
            _ if message.contains("legacy format: IO error")
                || message.contains("beyond the end of the file") =>
            {
                WeightsError::Truncated {
                    path,
                    detail: message,
                }
            }
            _ if message.starts_with("not a PyTorch checkpoint") => WeightsError::NotACheckpoint {
                path,
                found: describe(start),
            },
            _ => WeightsError::Malformed {
                path,
                detail: message,
            },
        },
        _ => WeightsError::Malformed { path, detail },
    }
}

/// The first bytes of a file of unknown kind, in words.
fn describe(start: &[u8]) -> String {
    let shown: String = start
        .iter()
        .take(12)
        .map(|byte| byte.escape_ascii().to_string())
        .collect();
    format!("it begins with \"{shown}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_judged_by_module() {
        for callable in [
            "posix.system",
            "os.system",
            "subprocess.Popen",
            "builtins.eval",
            "__builtin__.execfile",
            "torch.hub.load",
            "os",
        ] {
            assert!(runs_code(callable), "{callable}");
        }
        for callable in [
            "numpy.core.multiarray.scalar",
            "collections.OrderedDict",
            "torch.float32",
            "argparse.Namespace",
            "builtins.complex",
            "types.SimpleNamespace",
            "functools.partial",
            "code.models.Net",
            "ossaudio.x",
            "optimizers.State",
        ] {
            assert!(!runs_code(callable), "{callable}");
        }
    }
}
