//! Tensors as a pickle describes them: a part of a storage, with a shape and strides.

use std::io;

use burn::tensor::{BoolStore, DType};

use super::machine::{Machine, PickleError, damaged};
use super::values::{Id, Unread, Value, Values};

/// The numbers of one or more tensors, which lie outside of the pickle.
#[derive(Debug, Clone)]
pub(super) struct Storage {
    /// Its name in the container.
    pub(super) key: String,
    /// The type of its numbers, where it says one.
    pub(super) numbers: Numbers,
    /// How many bytes it has.
    pub(super) bytes: usize,
    /// Where it begins inside the container's storage of that name, in bytes.
    pub(super) start: usize,
    /// How many bytes tensors may reach from there.
    pub(super) reach: usize,
}

/// A type of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// One that weights can have.
    Known(DType),
    /// Bytes, which the tensors on them give a type.
    Untyped,
    /// One that is not read, and the size of an element; unknown where that is 0.
    Unread(Unread, usize),
}

impl Numbers {
    /// Bytes of an element, if known.
    pub(super) fn size(self) -> Option<usize> {
        match self {
            Self::Known(dtype) => Some(dtype.size()),
            Self::Untyped => Some(1),
            Self::Unread(_, size) => Some(size).filter(|size| *size > 0),
        }
    }

    /// By the name of a class of storages, such as `FloatStorage`.
    pub(super) fn of_storage(class: &str) -> Self {
        match class.strip_suffix("Storage").unwrap_or(class) {
            "Double" => Self::Known(DType::F64),
            "Float" => Self::Known(DType::F32),
            "Half" => Self::Known(DType::F16),
            "BFloat16" => Self::Known(DType::BF16),
            "Long" => Self::Known(DType::I64),
            "Int" => Self::Known(DType::I32),
            "Short" => Self::Known(DType::I16),
            "Char" => Self::Known(DType::I8),
            "Byte" => Self::Known(DType::U8),
            "Bool" => Self::Known(DType::Bool(BoolStore::Native)),
            "Untyped" => Self::Untyped,
            "ComplexFloat" => Self::Unread(Unread::Complex, 8),
            "ComplexDouble" => Self::Unread(Unread::Complex, 16),
            "QInt8" | "QUInt8" | "QUInt4x2" | "QUInt2x4" => Self::Unread(Unread::Quantised, 1),
            "QInt32" => Self::Unread(Unread::Quantised, 4),
            _ => Self::Unread(Unread::OtherType, 0),
        }
    }

    /// By the name of a type, such as `torch.float32`.
    fn of_dtype(name: &str) -> Self {
        match name.strip_prefix("torch.").unwrap_or(name) {
            "float64" | "double" => Self::Known(DType::F64),
            "float32" | "float" => Self::Known(DType::F32),
            "float16" | "half" => Self::Known(DType::F16),
            "bfloat16" => Self::Known(DType::BF16),
            "int64" | "long" => Self::Known(DType::I64),
            "int32" | "int" => Self::Known(DType::I32),
            "int16" | "short" => Self::Known(DType::I16),
            "int8" => Self::Known(DType::I8),
            "uint64" => Self::Known(DType::U64),
            "uint32" => Self::Known(DType::U32),
            "uint16" => Self::Known(DType::U16),
            "uint8" => Self::Known(DType::U8),
            "bool" => Self::Known(DType::Bool(BoolStore::Native)),
            name if name.starts_with("float8") => Self::Unread(Unread::Float8, 1),
            name if name.starts_with("complex") => Self::Unread(Unread::Complex, 0),
            name if name.starts_with(['q', 'b']) => Self::Unread(Unread::Quantised, 0),
            _ => Self::Unread(Unread::OtherType, 0),
        }
    }
}

/// A tensor on a storage.
#[derive(Debug, Clone)]
pub(super) struct StoredTensor {
    /// Index of the storage.
    pub(super) storage: usize,
    pub(super) dtype: DType,
    /// The first element, counted from the storage's beginning.
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
    /// Whether the values are stored with the opposite sign.
    pub(super) negated: bool,
}

impl StoredTensor {
    /// The tensor, where it lies inside its storage.
    pub(super) fn checked(self, storage: &Storage) -> Result<Self, PickleError> {
        let end = self.end();
        let fits = end
            .and_then(|end| end.checked_mul(self.dtype.size()))
            .is_some_and(|end| end <= storage.reach);
        match fits && self.byte_count().is_some() {
            true => Ok(self),
            false => damaged(format!(
                "a tensor of shape {} does not fit into its storage `{}` of {} bytes",
                excerpt(&format!("{:?}", self.shape)),
                excerpt(&storage.key),
                storage.reach
            )),
        }
    }

    /// One past the last element that it reaches in its storage.
    fn end(&self) -> Option<usize> {
        if self.shape.len() != self.strides.len() {
            return None;
        }
        if self.shape.contains(&0) {
            return Some(self.offset);
        }
        let mut last = self.offset;
        for (size, stride) in self.shape.iter().zip(&self.strides) {
            last = last.checked_add((size - 1).checked_mul(*stride)?)?;
        }
        last.checked_add(1)
    }

    fn byte_count(&self) -> Option<usize> {
        let mut sizes = self.shape.iter();
        sizes.try_fold(self.dtype.size(), |product, size| {
            product.checked_mul(*size)
        })
    }

    /// Where its bytes lie in its storage: the first, and how many.
    pub(super) fn window(&self) -> (usize, usize) {
        let size = self.dtype.size();
        let end = self.end().unwrap_or(self.offset);
        (self.offset * size, (end - self.offset) * size)
    }

    /// Its values in row-major order and this machine's byte order, from those of its window.
    pub(super) fn arrange(&self, window: Vec<u8>) -> io::Result<Vec<u8>> {
        let size = self.dtype.size();
        let mut bytes = match self.is_contiguous() {
            true => window,
            false => self.gather(&window),
        };
        if cfg!(target_endian = "big") {
            bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        if matches!(self.dtype, DType::Bool(_)) {
            bytes
                .iter_mut()
                .for_each(|byte| *byte = u8::from(*byte != 0));
        }
        if self.negated {
            let sign = if cfg!(target_endian = "big") {
                0
            } else {
                size - 1
            };
            for value in bytes.chunks_exact_mut(size) {
                value[sign] ^= 0x80;
            }
        }
        Ok(bytes)
    }

    fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        let axes = self.shape.iter().zip(&self.strides).rev();
        axes.into_iter().all(|(size, stride)| {
            let follows = *size == 1 || *stride == expected;
            expected *= size;
            follows
        }) || self.shape.contains(&0)
    }

    fn gather(&self, window: &[u8]) -> Vec<u8> {
        let size = self.dtype.size();
        let mut bytes = Vec::with_capacity(self.byte_count().unwrap_or(0));
        let mut place = vec![0; self.shape.len()];
        let mut element = 0;
        'values: loop {
            bytes.extend_from_slice(&window[element * size..(element + 1) * size]);
            for axis in (0..place.len()).rev() {
                place[axis] += 1;
                element += self.strides[axis];
                if place[axis] < self.shape[axis] {
                    continue 'values;
                }
                element -= self.strides[axis] * self.shape[axis];
                place[axis] = 0;
            }
            return bytes;
        }
    }
}

/// A name for a message, not longer than anybody reads.
pub(super) fn excerpt(text: &str) -> String {
    crate::weights::error::excerpt(text)
}

/// Keeps a tensor and gives its value.
pub(super) fn add(machine: &mut Machine, tensor: StoredTensor) -> Id {
    machine.tensors.push(tensor);
    let index = (machine.tensors.len() - 1) as u32;
    machine.values.add(Value::Tensor(index))
}

/// What a persistent name stands for: `("storage", class, key, location, elements[, view])`.
pub(super) fn storage(machine: &mut Machine, id: Id) -> Result<Value, PickleError> {
    let values = &machine.values;
    let [tag, class, key, _, elements, rest @ ..] = values.tuple(id) else {
        return Ok(Value::Plain("something kept outside of the pickle"));
    };
    if values.text(*tag) != Some("storage") {
        return Ok(Value::Plain("something kept outside of the pickle"));
    }
    let class = match values.get(*class) {
        Value::Global(name) | Value::Text(name) => name.rsplit('.').next().unwrap_or_default(),
        _ => return damaged("a storage of its pickle has no type"),
    };
    let numbers = Numbers::of_storage(class);
    let (Some(key), Some(elements)) = (values.key(*key), values.size(*elements)) else {
        return damaged("a storage of its pickle has no name or size");
    };
    let size = numbers.size().unwrap_or(1);
    let Some(bytes) = elements.checked_mul(size) else {
        return damaged("a storage of its pickle is larger than any memory");
    };
    let (mut start, mut reach) = (0, bytes);
    // Early files have storages that are parts of others: their name, where they begin, their size.
    if let Some(view) = rest.first()
        && let [_, offset, elements] = values.tuple(*view)
    {
        let in_bytes = |id: Id| values.size(id)?.checked_mul(size);
        match (in_bytes(*offset), in_bytes(*elements)) {
            (Some(offset), Some(length))
                if offset.checked_add(length).is_some_and(|end| end <= bytes) =>
            {
                (start, reach) = (offset, length);
            }
            _ => return damaged("a storage of its pickle lies outside of the one it is part of"),
        }
    }
    machine.storages.push(Storage {
        key,
        numbers,
        bytes,
        start,
        reach,
    });
    Ok(Value::Storage((machine.storages.len() - 1) as u32))
}

/// What one of PyTorch's functions that build tensors gives; none for every other function.
pub(super) fn call(
    machine: &mut Machine,
    name: &str,
    arguments: Id,
) -> Result<Option<Id>, PickleError> {
    if name == "torch.storage._load_from_bytes" {
        return Ok(Some(unread(machine, Unread::PlainPickle)));
    }
    let Some(function) = name
        .strip_prefix("torch._utils._rebuild_")
        .or_else(|| name.strip_prefix("torch._tensor._rebuild_"))
    else {
        return Ok(None);
    };
    let kind = match function {
        "tensor" => return rebuild(machine, arguments, 4).map(Some),
        "tensor_v2" => return rebuild(machine, arguments, 6).map(Some),
        "tensor_v3" => return rebuild(machine, arguments, 7).map(Some),
        "parameter" | "parameter_with_state" | "device_tensor_from_cpu_tensor" => {
            return Ok(machine.values.tuple(arguments).first().copied());
        }
        "qtensor" => Unread::Quantised,
        "nested_tensor" => Unread::Nested,
        "meta_tensor_no_storage" => Unread::Meta,
        _ if function.starts_with("sparse") => Unread::Sparse,
        _ => Unread::Subclass,
    };
    Ok(Some(unread(machine, kind)))
}

fn unread(machine: &mut Machine, kind: Unread) -> Id {
    machine.values.add(Value::Unread(kind))
}

/// `(storage, offset, size, stride[, requires_grad, hooks[, dtype][, metadata]])`; the type with
/// seven fields and more alone.
fn rebuild(machine: &mut Machine, arguments: Id, fields: usize) -> Result<Id, PickleError> {
    let values = &machine.values;
    let arguments = values.tuple(arguments);
    if arguments.len() < fields {
        return damaged("a tensor of its pickle lacks a part of its description");
    }
    let index = match values.get(arguments[0]) {
        Value::Storage(index) => *index as usize,
        Value::Unread(kind) => {
            let kind = *kind;
            return Ok(unread(machine, kind));
        }
        _ => return Ok(unread(machine, Unread::Subclass)),
    };
    let storage = &machine.storages[index];
    let numbers = match (fields, arguments.get(6).map(|id| values.get(*id))) {
        (7, Some(Value::Global(dtype))) => Numbers::of_dtype(dtype),
        (7, _) => return damaged("a tensor of its pickle has no type"),
        _ => storage.numbers,
    };
    let flags = arguments.get(fields).copied();
    let (dtype, negated) = match (numbers, sign(values, flags)) {
        (Numbers::Known(dtype), Some(negated)) if dtype.is_float() || !negated => (dtype, negated),
        (Numbers::Known(_), _) => return Ok(unread(machine, Unread::Subclass)),
        (Numbers::Untyped, _) => return damaged("a tensor of its pickle has no type"),
        (Numbers::Unread(kind, _), _) => return Ok(unread(machine, kind)),
    };
    let sizes = |id: Id| -> Option<Vec<usize>> {
        let is_sequence = matches!(values.get(id), Value::Tuple(_) | Value::List(_));
        let sizes = values.sequence(id).iter().map(|size| values.size(*size));
        is_sequence.then(|| sizes.collect()).flatten()
    };
    // `torch.Size` is a tuple of its own.
    let shape = match values.get(arguments[2]) {
        Value::Object(size) => values
            .tuple(size.arguments)
            .first()
            .and_then(|id| sizes(*id)),
        _ => sizes(arguments[2]),
    };
    let (Some(offset), Some(shape), Some(strides)) =
        (values.size(arguments[1]), shape, sizes(arguments[3]))
    else {
        return damaged("a tensor of its pickle has an invalid size");
    };
    if shape.len() > MAX_AXES {
        return damaged(format!("a tensor of its pickle has {} axes", shape.len()));
    }
    let tensor = StoredTensor {
        storage: index,
        dtype,
        offset,
        shape,
        strides,
        negated,
    };
    let tensor = tensor.checked(storage)?;
    Ok(add(machine, tensor))
}

/// More axes than PyTorch's tensors can have.
const MAX_AXES: usize = 64;

/// Whether a tensor is stored with the opposite sign, from what PyTorch writes about lazy views;
/// none where it writes anything else that would change the values.
fn sign(values: &Values, flags: Option<Id>) -> Option<bool> {
    let mut negated = false;
    for (name, value) in flags.map_or(&[][..], |flags| values.items(flags)) {
        match (values.text(*name), *value == Values::TRUE) {
            (_, false) => {}
            (Some("neg"), true) => negated = true,
            // The conjugate of what is real is itself; complex numbers are not read at all.
            (Some("conj"), true) => {}
            _ => return None,
        }
    }
    Some(negated)
}
