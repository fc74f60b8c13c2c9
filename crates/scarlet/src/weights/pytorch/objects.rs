//! Classes, functions and their calls: the instructions by which a pickle would have Python make
//! objects.

use std::io::BufRead;

use super::calls;
use super::input::line;
use super::machine::{MAX_GLOBAL_LENGTH, MAX_GLOBALS, Machine, PickleError, damaged};
use super::tensors;
use super::values::{Id, Object, Value};

impl Machine<'_> {
    pub(super) fn object(
        &mut self,
        instruction: u8,
        input: &mut impl BufRead,
    ) -> Result<(), PickleError> {
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
    pub(super) fn global(&mut self, name: String) -> Result<(), PickleError> {
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
