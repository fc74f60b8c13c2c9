//! [`Machine`]: a pickle's instructions, carried out on plain data.
//!
//! A pickle is a program for a machine with a stack and a memo; Python's `pickletools` documents
//! every instruction. What a program can ask of this machine is bounded by the number of its
//! instructions, of which each adds at most one value.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};

use super::calls;
use super::tensors::{self, Storage, StoredTensor};
use super::values::{Id, Object, Value, Values};

/// Why a pickle was not read.
#[derive(Debug)]
pub(super) enum PickleError {
    Read(io::Error),
    /// It contradicts itself, or is none.
    Damaged(String),
    /// It asks for a call that runs code: of what, and under which keys.
    Hostile {
        callable: String,
        place: String,
    },
}

impl From<io::Error> for PickleError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

pub(super) fn damaged<T>(detail: impl Into<String>) -> Result<T, PickleError> {
    Err(PickleError::Damaged(detail.into()))
}

/// A pickle's content.
#[derive(Debug)]
pub(super) struct Pickled {
    pub(super) values: Values,
    pub(super) root: Id,
    pub(super) storages: Vec<Storage>,
    pub(super) tensors: Vec<StoredTensor>,
}

/// Tensors that a pickle names instead of building them, as the oldest container has it.
pub(super) type NamedTensors = HashMap<String, StoredTensor>;

/// Instructions of the longest pickle that is read: of a hundred thousand tensors.
const MAX_INSTRUCTIONS: usize = 4_000_000;
/// Different classes and functions that a pickle may name, and the length of a name.
const MAX_GLOBALS: usize = 4096;
const MAX_GLOBAL_LENGTH: usize = 512;
/// Texts that are longer name nothing.
const MAX_TEXT: usize = 1 << 16;

pub(super) struct Machine<'a> {
    pub(super) values: Values,
    pub(super) storages: Vec<Storage>,
    pub(super) tensors: Vec<StoredTensor>,
    stack: Vec<Id>,
    /// Heights of the stack at each open mark.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    globals: HashMap<Box<str>, Id>,
    named: Option<&'a NamedTensors>,
}

/// Reads one pickle and leaves `input` at its end.
pub(super) fn read(input: &mut impl BufRead) -> Result<Pickled, PickleError> {
    Machine::new(None).run(input)
}

/// As [`read`], for a pickle that names tensors.
pub(super) fn read_with(
    input: &mut impl BufRead,
    named: &NamedTensors,
) -> Result<Pickled, PickleError> {
    Machine::new(Some(named)).run(input)
}

impl<'a> Machine<'a> {
    fn new(named: Option<&'a NamedTensors>) -> Self {
        Self {
            values: Values::new(),
            storages: Vec::new(),
            tensors: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            globals: HashMap::new(),
            named,
        }
    }

    fn run(mut self, input: &mut impl BufRead) -> Result<Pickled, PickleError> {
        for _ in 0..MAX_INSTRUCTIONS {
            let [instruction] = take(input)?;
            if instruction == b'.' {
                let root = self.pop()?;
                return Ok(Pickled {
                    values: self.values,
                    root,
                    storages: self.storages,
                    tensors: self.tensors,
                });
            }
            self.step(instruction, input)?;
        }
        damaged(format!(
            "its pickle has more than {MAX_INSTRUCTIONS} instructions"
        ))
    }

    /// Carries out one instruction, by groups.
    fn step(&mut self, instruction: u8, input: &mut impl BufRead) -> Result<(), PickleError> {
        match instruction {
            // The protocol, and the length of the part that follows: of no use here.
            0x80 => take::<1>(input).map(drop),
            0x95 => take::<8>(input).map(drop),
            b'N' | 0x88 | 0x89 | b'I' | b'L' | b'F' | b'G' | b'J' | b'K' | b'M' | 0x8a | 0x8b => {
                self.number(instruction, input)
            }
            b'V' | b'X' | b'T' | b'U' | b'S' | b'B' | b'C' | 0x8c | 0x8d | 0x8e | 0x96 => {
                self.text(instruction, input)
            }
            b'(' | b'0' | b'1' | b'2' | b'g' | b'h' | b'j' | b'p' | b'q' | b'r' | 0x94 => {
                self.arrange(instruction, input)
            }
            b')' | b']' | b'}' | b't' | b'l' | b'd' | 0x85..=0x87 | 0x8f | 0x91 => {
                self.collect(instruction)
            }
            b'a' | b'e' | b's' | b'u' | 0x90 => self.extend(instruction),
            b'c' | b'i' | b'o' | b'R' | b'b' | 0x81 | 0x92 | 0x93 => {
                self.object(instruction, input)
            }
            b'P' => {
                let name = line(input)?;
                let id = self.add(Value::Text(name.into()));
                self.persistent(id)
            }
            b'Q' => {
                let id = self.pop()?;
                self.persistent(id)
            }
            // Classes by a number that Python programs agree on among themselves.
            0x82..=0x84 => {
                let width = [1, 2, 4][usize::from(instruction - 0x82)];
                let number = unsigned(input, width)?;
                self.global(format!("copyreg.extension {number}"))
            }
            0x97 | 0x98 => damaged("its pickle keeps bytes outside of itself"),
            _ => damaged(format!("0x{instruction:02x} is no instruction of a pickle")),
        }
    }

    fn add(&mut self, value: Value) -> Id {
        self.values.add(value)
    }

    fn push(&mut self, value: Value) -> Result<(), PickleError> {
        let id = self.add(value);
        self.stack.push(id);
        Ok(())
    }

    fn pop(&mut self) -> Result<Id, PickleError> {
        if self.marks.last() == Some(&self.stack.len()) {
            return damaged("its pickle takes a value where there is none");
        }
        match self.stack.pop() {
            Some(id) => Ok(id),
            None => damaged("its pickle takes a value where there is none"),
        }
    }

    fn top(&mut self) -> Result<Id, PickleError> {
        let id = self.pop()?;
        self.stack.push(id);
        Ok(id)
    }

    /// Everything above the last mark.
    fn pop_to_mark(&mut self) -> Result<Vec<Id>, PickleError> {
        match self.marks.pop() {
            Some(height) => Ok(self.stack.split_off(height)),
            None => damaged("its pickle ends a collection that never began"),
        }
    }

    fn number(&mut self, instruction: u8, input: &mut impl BufRead) -> Result<(), PickleError> {
        let shared = match instruction {
            b'N' => Values::NONE,
            0x88 => Values::TRUE,
            0x89 => Values::FALSE,
            b'F' => {
                line(input)?;
                Values::FLOAT
            }
            b'G' => {
                take::<8>(input)?;
                Values::FLOAT
            }
            b'I' => match line(input)?.as_str() {
                "00" => Values::FALSE,
                "01" => Values::TRUE,
                text => self.integer(text)?,
            },
            b'L' => {
                let text = line(input)?;
                self.integer(text.strip_suffix('L').unwrap_or(&text))?
            }
            b'J' => {
                let number = i32::from_le_bytes(take(input)?);
                self.add(Value::Int(number.into()))
            }
            b'K' | b'M' => {
                let number = unsigned(input, if instruction == b'K' { 1 } else { 2 })?;
                self.add(Value::Int(number as i64))
            }
            _ => {
                let length = unsigned(input, if instruction == 0x8a { 1 } else { 4 })?;
                self.long(input, length)?
            }
        };
        self.stack.push(shared);
        Ok(())
    }

    fn integer(&mut self, text: &str) -> Result<Id, PickleError> {
        if let Ok(number) = text.parse() {
            return Ok(self.add(Value::Int(number)));
        }
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        match !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            true => Ok(Values::LONG),
            false => damaged("its pickle has a number that is none"),
        }
    }

    /// An integer of any length, in two's complement, the lowest byte first.
    fn long(&mut self, input: &mut impl BufRead, length: u64) -> Result<Id, PickleError> {
        if length > 8 {
            skip(input, length)?;
            return Ok(Values::LONG);
        }
        let mut bytes = [0; 8];
        let length = length as usize;
        input.read_exact(&mut bytes[..length])?;
        if length > 0 && bytes[length - 1] & 0x80 != 0 {
            bytes[length..].fill(0xff);
        }
        Ok(self.add(Value::Int(i64::from_le_bytes(bytes))))
    }

    fn text(&mut self, instruction: u8, input: &mut impl BufRead) -> Result<(), PickleError> {
        match instruction {
            b'V' => {
                let text = raw_line(input)?;
                let text = unescape(&text);
                return self.push(Value::Text(text.into()));
            }
            b'S' => {
                let text = line(input)?;
                let text = text.trim_matches(['\'', '"']);
                return self.push(Value::Text(text.into()));
            }
            _ => {}
        }
        let width = match instruction {
            b'U' | b'C' | 0x8c => 1,
            b'X' | b'T' | b'B' => 4,
            _ => 8,
        };
        let length = unsigned(input, width)?;
        let is_text = matches!(instruction, b'X' | b'T' | b'U' | 0x8c | 0x8d);
        if !is_text || length > MAX_TEXT as u64 {
            skip(input, length)?;
            self.stack.push(Values::BYTES);
            return Ok(());
        }
        let mut bytes = vec![0; length as usize];
        input.read_exact(&mut bytes)?;
        match String::from_utf8(bytes) {
            Ok(text) => self.push(Value::Text(text.into()))?,
            // Python 2 had one type for texts and bytes.
            Err(_) => self.stack.push(Values::BYTES),
        }
        Ok(())
    }

    fn arrange(&mut self, instruction: u8, input: &mut impl BufRead) -> Result<(), PickleError> {
        match instruction {
            b'(' => self.marks.push(self.stack.len()),
            b'0' => {
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
            }
            b'1' => {
                self.pop_to_mark()?;
            }
            b'2' => {
                let id = self.top()?;
                self.stack.push(id);
            }
            b'g' | b'h' | b'j' => {
                let index = memo_index(instruction, input)?;
                match self.memo.get(&index) {
                    Some(id) => self.stack.push(*id),
                    None => return damaged(format!("its pickle lacks what it calls {index}")),
                }
            }
            _ => {
                let index = match instruction {
                    0x94 => self.memo.len() as u32,
                    _ => memo_index(instruction, input)?,
                };
                let id = self.top()?;
                self.memo.insert(index, id);
            }
        }
        Ok(())
    }

    fn collect(&mut self, instruction: u8) -> Result<(), PickleError> {
        let value = match instruction {
            b')' => Value::Tuple(Box::new([])),
            b']' | 0x8f => Value::List(Vec::new()),
            b'}' => Value::Dict(Vec::new()),
            b't' => Value::Tuple(self.pop_to_mark()?.into()),
            b'l' | 0x91 => Value::List(self.pop_to_mark()?),
            b'd' => Value::Dict(pairs(self.pop_to_mark()?)?),
            _ => {
                let mut items = Vec::new();
                for _ in 0x85..=instruction {
                    items.push(self.pop()?);
                }
                items.reverse();
                Value::Tuple(items.into())
            }
        };
        self.push(value)
    }

    /// Adds items to the collection below them.
    fn extend(&mut self, instruction: u8) -> Result<(), PickleError> {
        let items = match instruction {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_to_mark()?,
        };
        let collection = self.top()?;
        let keyed = matches!(instruction, b's' | b'u');
        match (self.values.get_mut(collection), keyed) {
            (Value::List(list), false) => list.extend(items),
            (Value::Dict(dictionary), true) => dictionary.extend(pairs(items)?),
            (Value::Object(object), true) => object.items.extend(pairs(items)?),
            // What holds no tensors by name may be of any kind.
            (Value::Object(_) | Value::Global(_) | Value::Unread(_), false) => {}
            _ => return damaged("its pickle adds items to what holds none"),
        }
        Ok(())
    }

    fn object(&mut self, instruction: u8, input: &mut impl BufRead) -> Result<(), PickleError> {
        match instruction {
            b'c' => {
                let name = dotted(&line(input)?, &line(input)?);
                return self.global(name);
            }
            0x93 => {
                let name = self.pop()?;
                let module = self.pop()?;
                let (Some(module), Some(name)) = (self.values.text(module), self.values.text(name))
                else {
                    return damaged("its pickle names a class by what is no text");
                };
                let name = dotted(module, name);
                return self.global(name);
            }
            b'b' => {
                let state = self.pop()?;
                let object = self.top()?;
                // A dictionary's own attributes, such as a state dict's `_metadata`, are no items.
                if let Value::Object(object) = self.values.get_mut(object) {
                    object.state = Some(state);
                }
                return Ok(());
            }
            _ => {}
        }
        let (callable, arguments) = match instruction {
            b'i' => {
                let name = dotted(&line(input)?, &line(input)?);
                let arguments = self.pop_to_mark()?;
                self.global(name)?;
                (self.pop()?, self.add(Value::Tuple(arguments.into())))
            }
            b'o' => {
                let mut arguments = self.pop_to_mark()?;
                if arguments.is_empty() {
                    return damaged("its pickle calls nothing");
                }
                let callable = arguments.remove(0);
                (callable, self.add(Value::Tuple(arguments.into())))
            }
            0x92 => {
                let keywords = self.pop()?;
                let arguments = self.pop()?;
                let callable = self.pop()?;
                self.judge(callable, keywords)?;
                (callable, arguments)
            }
            _ => {
                let arguments = self.pop()?;
                (self.pop()?, arguments)
            }
        };
        let result = self.call(callable, arguments)?;
        self.stack.push(result);
        Ok(())
    }

    /// Puts the class or function of that name on the stack.
    fn global(&mut self, name: String) -> Result<(), PickleError> {
        if let Some(id) = self.globals.get(name.as_str()) {
            self.stack.push(*id);
            return Ok(());
        }
        if name.len() > MAX_GLOBAL_LENGTH || self.globals.len() >= MAX_GLOBALS {
            return damaged("its pickle names too many classes, or one with too long a name");
        }
        let name: Box<str> = name.into();
        let id = self.add(Value::Global(name.clone()));
        self.globals.insert(name, id);
        self.stack.push(id);
        Ok(())
    }

    fn judge(&self, callable: Id, arguments: Id) -> Result<(), PickleError> {
        match calls::hostile(&self.values, callable, arguments) {
            None => Ok(()),
            Some(callable) => Err(PickleError::Hostile {
                callable,
                place: self.place(),
            }),
        }
    }

    /// What a call would give. Each is judged here, whatever becomes of its result.
    fn call(&mut self, mut callable: Id, mut arguments: Id) -> Result<Id, PickleError> {
        loop {
            self.judge(callable, arguments)?;
            let name = match self.values.get(callable) {
                Value::Global(name) => name.clone(),
                _ => Box::from(""),
            };
            // A tensor of a class of its own: the tensor is what its first argument makes of the
            // third.
            if matches!(
                &*name,
                "torch._tensor._rebuild_from_type_v2" | "torch._tensor._rebuild_from_type"
            ) && let [inner, _, inner_arguments, ..] = *self.values.tuple(arguments)
                && matches!(self.values.get(inner_arguments), Value::Tuple(_))
            {
                (callable, arguments) = (inner, inner_arguments);
                continue;
            }
            if calls::gives_attribute(&name) {
                return self.attribute(callable, arguments);
            }
            if let Some(value) = tensors::call(self, &name, arguments)? {
                return Ok(value);
            }
            let value = match self.collection(&name, arguments) {
                Some(value) => value,
                None => Value::Object(Box::new(Object {
                    callable,
                    arguments,
                    state: None,
                    items: Vec::new(),
                })),
            };
            return Ok(self.add(value));
        }
    }

    /// The attribute of a class, under its dotted name, or of anything else.
    fn attribute(&mut self, callable: Id, arguments: Id) -> Result<Id, PickleError> {
        if let [owner, attribute, ..] = *self.values.tuple(arguments)
            && let Value::Global(owner) = self.values.get(owner)
            && let Some(attribute) = self.values.text(attribute)
        {
            let name = dotted(owner, attribute);
            self.global(name)?;
            return self.pop();
        }
        Ok(self.add(Value::Object(Box::new(Object {
            callable,
            arguments,
            state: None,
            items: Vec::new(),
        }))))
    }

    /// What a call of a known collection gives: one that may hold weights.
    fn collection(&self, name: &str, arguments: Id) -> Option<Value> {
        let first = self.values.tuple(arguments).first().copied();
        match name {
            "collections.OrderedDict" | "collections.Counter" | "builtins.dict" => {
                let Some(first) = first else {
                    return Some(Value::Dict(Vec::new()));
                };
                let pair = |id: &Id| match *self.values.sequence(*id) {
                    [key, value] => Some((key, value)),
                    _ => None,
                };
                Some(Value::Dict(match self.values.get(first) {
                    Value::Dict(items) => items.clone(),
                    _ => self
                        .values
                        .sequence(first)
                        .iter()
                        .filter_map(pair)
                        .collect(),
                }))
            }
            "builtins.set" | "builtins.frozenset" | "builtins.list" | "collections.deque" => {
                let items = first.map(|first| self.values.sequence(first).to_vec());
                Some(Value::List(items.unwrap_or_default()))
            }
            _ => None,
        }
    }

    fn persistent(&mut self, id: Id) -> Result<(), PickleError> {
        if let Some(named) = self.named {
            let key = self.values.key(id);
            let tensor = key.and_then(|key| named.get(&key));
            let Some(tensor) = tensor.cloned() else {
                return damaged("its pickle names a tensor that is not there");
            };
            let value = tensors::add(self, tensor);
            self.stack.push(value);
            return Ok(());
        }
        let value = tensors::storage(self, id)?;
        self.push(value)
    }

    /// The keys of the dictionaries that are being filled, outermost first, as far as the stack
    /// shows them: where in the file a call stands.
    fn place(&self) -> String {
        let fills = |height: usize| {
            let below = height
                .checked_sub(1)
                .and_then(|below| self.stack.get(below));
            below
                .is_some_and(|id| matches!(self.values.get(*id), Value::Dict(_) | Value::Object(_)))
        };
        let mut starts = vec![0];
        starts.extend(&self.marks);
        let mut keys: Vec<&str> = Vec::new();
        for (index, start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(self.stack.len());
            // Above a mark, keys and values take turns, and the last key is the one of interest;
            // without one, a single key stands right above its dictionary.
            let odd = (end - start) % 2;
            let last = end.checked_sub(2 - odd).filter(|last| last >= start);
            let key = match fills(*start) {
                true => last,
                false => (start + 1..end).find(|place| fills(*place)),
            };
            keys.extend(key.and_then(|key| self.values.text(*self.stack.get(key)?)));
        }
        keys.join(".")
    }
}

fn pairs(items: Vec<Id>) -> Result<Vec<(Id, Id)>, PickleError> {
    match items.as_chunks() {
        (pairs, []) => Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect()),
        _ => damaged("its pickle has a key without a value"),
    }
}

/// Modules that have other names since Python 3, by which it finds them still.
const RENAMED_MODULES: [(&str, &str); 15] = [
    ("BaseHTTPServer", "http.server"),
    ("CGIHTTPServer", "http.server"),
    ("SimpleHTTPServer", "http.server"),
    ("SimpleXMLRPCServer", "xmlrpc.server"),
    ("SocketServer", "socketserver"),
    ("UserDict", "collections"),
    ("__builtin__", "builtins"),
    ("_winreg", "winreg"),
    ("cPickle", "pickle"),
    ("commands", "subprocess"),
    ("copy_reg", "copyreg"),
    ("httplib", "http.client"),
    ("thread", "_thread"),
    ("urllib2", "urllib.request"),
    ("xmlrpclib", "xmlrpc.client"),
];

/// Functions that have moved.
const MOVED: [(&str, &str); 3] = [
    ("builtins.reduce", "functools.reduce"),
    ("itertools.ifilter", "builtins.filter"),
    ("itertools.imap", "builtins.map"),
];

/// The name of a class or function of a module, as Python 3 has it.
fn dotted(module: &str, name: &str) -> String {
    let find = |names: &[(&str, &'static str)], old: &str| {
        let found = names.iter().find(|(name, _)| *name == old);
        found.map(|(_, new)| *new)
    };
    let module = find(&RENAMED_MODULES, module).unwrap_or(module);
    let name = format!("{module}.{name}");
    find(&MOVED, &name).map_or(name, str::to_owned)
}

fn take<const N: usize>(input: &mut impl Read) -> Result<[u8; N], PickleError> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// An unsigned number of so many bytes.
fn unsigned(input: &mut impl Read, width: usize) -> Result<u64, PickleError> {
    let mut bytes = [0; 8];
    input.read_exact(&mut bytes[..width])?;
    Ok(u64::from_le_bytes(bytes))
}

fn memo_index(instruction: u8, input: &mut impl BufRead) -> Result<u32, PickleError> {
    match instruction {
        b'h' | b'q' => Ok(unsigned(input, 1)? as u32),
        b'j' | b'r' => Ok(unsigned(input, 4)? as u32),
        _ => match line(input)?.parse() {
            Ok(index) => Ok(index),
            Err(_) => damaged("its pickle calls a value by what is no number"),
        },
    }
}

fn skip(input: &mut impl BufRead, length: u64) -> Result<(), PickleError> {
    match io::copy(&mut input.take(length), &mut io::sink())? {
        skipped if skipped == length => Ok(()),
        _ => Err(PickleError::Read(io::ErrorKind::UnexpectedEof.into())),
    }
}

/// A line without its end.
fn raw_line(input: &mut impl BufRead) -> Result<Vec<u8>, PickleError> {
    let mut bytes = Vec::new();
    input.take(MAX_TEXT as u64).read_until(b'\n', &mut bytes)?;
    match bytes.pop() {
        Some(b'\n') => {}
        Some(_) if bytes.len() + 1 == MAX_TEXT => return damaged("its pickle has too long a line"),
        _ => return Err(PickleError::Read(io::ErrorKind::UnexpectedEof.into())),
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(bytes)
}

fn line(input: &mut impl BufRead) -> Result<String, PickleError> {
    match String::from_utf8(raw_line(input)?) {
        Ok(text) => Ok(text),
        Err(_) => damaged("its pickle has a line that is no text"),
    }
}

/// A text of protocol 0: Latin-1, with `\uXXXX` and `\UXXXXXXXX` for everything else.
fn unescape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let digits = match (first, tail.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => 0,
        };
        let escaped = tail
            .get(1..1 + digits)
            .filter(|_| digits > 0)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .and_then(char::from_u32);
        match escaped {
            Some(character) => {
                text.push(character);
                rest = &tail[1 + digits..];
            }
            None => {
                text.push(char::from(*first));
                rest = tail;
            }
        }
    }
    text
}
