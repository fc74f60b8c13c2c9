//! Names of a pickle's tensors: the keys that lead to them.

use std::collections::{HashMap, HashSet};

use super::machine::{PickleError, Pickled, damaged};
use super::values::{Id, Object, Unread, Value, Values};

/// What a pickle holds by name.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Names of tensors, with their index.
    pub(super) tensors: Vec<(String, usize)>,
    /// Names of tensors of kinds that are not read.
    pub(super) unread: Vec<(String, Unread)>,
}

/// Dictionaries inside each other that are looked into.
const MAX_DEPTH: usize = 100;
/// Values that are looked at, and bytes of all names together. A pickle can have one dictionary
/// stand in many places, and so a tensor have more names than the file has bytes.
const MAX_VISITS: usize = 4_000_000;
const MAX_NAME_BYTES: usize = 64 << 20;

/// Collects the tensors in dictionaries, lists and modules. What else may hold some, such as an
/// optimizer that was saved whole, holds no weights.
pub(super) fn gather(pickled: &Pickled) -> Result<Gathered, PickleError> {
    let mut walk = Walk {
        values: &pickled.values,
        gathered: Gathered::default(),
        visits: 0,
        name_bytes: 0,
    };
    walk.visit(pickled.root, &mut Vec::new())?;
    Ok(walk.gathered)
}

/// The network that a checkpoint says it is of, and the key that says so, as training scripts note
/// it next to the weights.
pub(super) fn named_network(pickled: &Pickled) -> Option<(String, String)> {
    const NAMES: [&str; 4] = ["arch", "architecture", "model_name", "model"];
    const LONGEST: usize = 100;
    let values = &pickled.values;
    let named = |dictionary: Id, place: &str| {
        NAMES.iter().find_map(|name| {
            let text = values.text(values.item(dictionary, name)?)?;
            (text.len() <= LONGEST).then(|| (text.to_owned(), format!("{place}{name}")))
        })
    };
    named(pickled.root, "").or_else(|| {
        let settings = values.item(pickled.root, "args")?;
        // A namespace keeps its values as its state.
        let settings = match values.get(settings) {
            Value::Object(object) => object.state.unwrap_or(settings),
            _ => settings,
        };
        named(settings, "args.")
    })
}

struct Walk<'a> {
    values: &'a Values,
    gathered: Gathered,
    visits: usize,
    name_bytes: usize,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, id: Id, path: &mut Vec<String>) -> Result<(), PickleError> {
        self.visits += 1;
        if self.visits > MAX_VISITS || self.name_bytes > MAX_NAME_BYTES {
            return damaged("its pickle repeats itself without end");
        }
        let values = self.values;
        match values.get(id) {
            Value::Tensor(index) => {
                let name = self.name(path);
                self.gathered.tensors.push((name, *index as usize));
            }
            Value::Unread(kind) => {
                let name = self.name(path);
                self.gathered.unread.push((name, *kind));
            }
            // Nothing that nests so deep is a state dict.
            _ if path.len() >= MAX_DEPTH => {}
            Value::Dict(items) => self.visit_items(items, path)?,
            Value::Object(object) => match Module::of(values, object) {
                Some(module) => self.visit_module(&module, path)?,
                None => self.visit_items(&object.items, path)?,
            },
            Value::Tuple(_) | Value::List(_) => {
                for (index, item) in values.sequence(id).iter().enumerate() {
                    path.push(index.to_string());
                    self.visit(*item, path)?;
                    path.pop();
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn visit_items(
        &mut self,
        items: &'a [(Id, Id)],
        path: &mut Vec<String>,
    ) -> Result<(), PickleError> {
        // As in Python, what is set last stands.
        let last: HashMap<Key, usize> = items
            .iter()
            .enumerate()
            .map(|(place, (key, _))| (self.key(*key, place), place))
            .collect();
        for (place, (key, value)) in items.iter().enumerate() {
            self.visits += 1;
            let key = self.key(*key, place);
            if last.get(&key) != Some(&place) || !self.may_hold_tensors(*value) {
                continue;
            }
            path.push(match key {
                Key::Text(text) => text.to_owned(),
                Key::Number(number) => number.to_string(),
                Key::Other(place) => format!("#{place}"),
            });
            self.visit(*value, path)?;
            path.pop();
        }
        Ok(())
    }

    fn key(&self, id: Id, place: usize) -> Key<'a> {
        match self.values.get(id) {
            Value::Text(text) => Key::Text(text),
            Value::Int(number) => Key::Number(*number),
            _ => Key::Other(place),
        }
    }

    fn may_hold_tensors(&self, id: Id) -> bool {
        matches!(
            self.values.get(id),
            Value::Tensor(_)
                | Value::Unread(_)
                | Value::Dict(_)
                | Value::List(_)
                | Value::Tuple(_)
                | Value::Object(_)
        )
    }

    fn visit_module(
        &mut self,
        module: &Module<'a>,
        path: &mut Vec<String>,
    ) -> Result<(), PickleError> {
        self.visit_items(module.parameters, path)?;
        let not_saved = module.not_saved.iter();
        let not_saved: HashSet<&str> = not_saved.filter_map(|id| self.values.text(*id)).collect();
        for buffer in module.buffers.chunks(1) {
            let name = buffer.first().and_then(|(name, _)| self.values.text(*name));
            if !name.is_some_and(|name| not_saved.contains(name)) {
                self.visit_items(buffer, path)?;
            }
        }
        self.visit_items(module.modules, path)
    }

    fn name(&mut self, path: &[String]) -> String {
        let name = path.join(".");
        self.name_bytes += name.len();
        name
    }
}

/// What an entry of a dictionary is called by.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Text(&'a str),
    Number(i64),
    /// Something that names nothing, by its place.
    Other(usize),
}

/// A `torch.nn.Module` that was saved whole: what its `state_dict()` would be made of.
struct Module<'a> {
    parameters: &'a [(Id, Id)],
    buffers: &'a [(Id, Id)],
    modules: &'a [(Id, Id)],
    /// Names of buffers that a state dict leaves out.
    not_saved: &'a [Id],
}

impl<'a> Module<'a> {
    fn of(values: &'a Values, object: &Object) -> Option<Self> {
        let state = object.state?;
        let table = |name: &str| Some(values.items(values.item(state, name)?));
        let not_saved = values.item(state, "_non_persistent_buffers_set");
        Some(Self {
            parameters: table("_parameters")?,
            buffers: table("_buffers")?,
            modules: table("_modules")?,
            not_saved: not_saved.map_or(&[], |names| values.sequence(names)),
        })
    }
}
