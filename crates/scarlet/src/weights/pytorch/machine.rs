//! [`Machine`]: a pickle's instructions, carried out on plain data.
//!
//! A pickle is a program for a machine with a stack and a memo; Python's `pickletools` documents
//! every instruction. What a program can ask of this machine is bounded by the number of its
//! instructions, of which each adds at most one value.

use std::collections::HashMap;
use std::io::{self, BufRead};

use super::input::{MAX_TEXT, line, memo_index, raw_line, skip, take, unescape, unsigned};
use super::tensors::{self, Storage, StoredTensor};
use super::values::{Id, Value, Values};

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
pub(super) const MAX_GLOBALS: usize = 4096;
pub(super) const MAX_GLOBAL_LENGTH: usize = 512;

pub(super) struct Machine<'a> {
    pub(super) values: Values,
    pub(super) storages: Vec<Storage>,
    pub(super) tensors: Vec<StoredTensor>,
    pub(super) stack: Vec<Id>,
    /// Heights of the stack at each open mark.
    pub(super) marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    pub(super) globals: HashMap<Box<str>, Id>,
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

    pub(super) fn add(&mut self, value: Value) -> Id {
        self.values.add(value)
    }

    fn push(&mut self, value: Value) -> Result<(), PickleError> {
        let id = self.add(value);
        self.stack.push(id);
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Result<Id, PickleError> {
        if self.marks.last() == Some(&self.stack.len()) {
            return damaged("its pickle takes a value from an empty stack");
        }
        match self.stack.pop() {
            Some(id) => Ok(id),
            None => damaged("its pickle takes a value from an empty stack"),
        }
    }

    pub(super) fn top(&mut self) -> Result<Id, PickleError> {
        let id = self.pop()?;
        self.stack.push(id);
        Ok(id)
    }

    /// Everything above the last mark.
    pub(super) fn pop_to_mark(&mut self) -> Result<Vec<Id>, PickleError> {
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
            false => damaged("its pickle has an invalid number"),
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
}

fn pairs(items: Vec<Id>) -> Result<Vec<(Id, Id)>, PickleError> {
    match items.as_chunks() {
        (pairs, []) => Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect()),
        _ => damaged("its pickle has a key without a value"),
    }
}
