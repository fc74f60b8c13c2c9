//! [`Values`]: what a pickle builds, as plain data.

/// The place of a value in [`Values`].
///
/// Python's values may stand in several places at once, and so do these: taking one from the memo
/// copies four bytes, whatever it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Id(u32);

/// What is kept of a Python value: what tensors, their names and a judgement of calls need.
#[derive(Debug)]
pub(super) enum Value {
    None,
    Int(i64),
    Text(Box<str>),
    /// A number, bytes or a long text, of which only the kind is of use.
    Plain(&'static str),
    Tuple(Box<[Id]>),
    /// A list or a set.
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function, by its dotted name.
    Global(Box<str>),
    /// An index into the storages that the pickle names.
    Storage(u32),
    /// An index into the tensors that the pickle builds.
    Tensor(u32),
    /// A tensor of a kind that is not read.
    Unread(Unread),
    /// What a call of a class or function gives, which nobody calls here.
    Object(Box<Object>),
}

/// What a call would give in Python.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) callable: Id,
    pub(super) arguments: Id,
    pub(super) state: Option<Id>,
    /// Items that were set, where it is a dictionary of some kind.
    pub(super) items: Vec<(Id, Id)>,
}

/// A kind of tensor that is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Integers with scales.
    Quantised,
    /// Indices and values.
    Sparse,
    /// Tensors of several sizes in one.
    Nested,
    /// Complex numbers.
    Complex,
    /// Floats of eight bits.
    Float8,
    /// Another type of numbers.
    OtherType,
    /// Without values.
    Meta,
    /// A class of somebody's own, or one that is spread over several machines.
    Subclass,
    /// Written by `pickle` alone, which keeps the numbers inside the pickle.
    PlainPickle,
}

impl Unread {
    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Quantised => "quantised",
            Self::Sparse => "sparse",
            Self::Nested => "nested",
            Self::Complex => "complex",
            Self::Float8 => "float8",
            Self::OtherType => "of a type of numbers that no weight has",
            Self::Meta => "without values, on the device \"meta\"",
            Self::Subclass => "a subclass with a layout of its own",
            Self::PlainPickle => "written by pickle.dump instead of torch.save",
        }
    }

    /// What to save instead, in Python.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Quantised => {
                "save the state dict of the network in floating point, from before it was \
                 quantised, or of each quantised tensor `tensor.dequantize()`"
            }
            Self::Sparse => "save `tensor.to_dense()` in its place",
            Self::Nested => "save the tensors one by one",
            Self::Complex => "save `torch.view_as_real(tensor)` in its place",
            Self::Float8 | Self::OtherType => "save `tensor.float()` in its place",
            Self::Meta => "load the weights into the network before saving its state dict",
            Self::Subclass => "save a plain tensor, such as `tensor.full_tensor()`, in its place",
            Self::PlainPickle => "save with `torch.save(state_dict, \"weights.pth\")`",
        }
    }
}

/// All values of one pickle.
#[derive(Debug)]
pub(super) struct Values(Vec<Value>);

/// Values of which one serves for all.
const SHARED: [Value; 6] = [
    Value::None,
    Value::Plain("bool"),
    Value::Plain("bool"),
    Value::Plain("float"),
    Value::Plain("bytes"),
    Value::Plain("int"),
];

impl Values {
    pub(super) const NONE: Id = Id(0);
    pub(super) const FALSE: Id = Id(1);
    pub(super) const TRUE: Id = Id(2);
    pub(super) const FLOAT: Id = Id(3);
    pub(super) const BYTES: Id = Id(4);
    pub(super) const LONG: Id = Id(5);

    pub(super) fn new() -> Self {
        Self(Vec::from(SHARED))
    }

    pub(super) fn add(&mut self, value: Value) -> Id {
        self.0.push(value);
        // The machine ends long before there are so many.
        Id((self.0.len() - 1) as u32)
    }

    pub(super) fn get(&self, id: Id) -> &Value {
        &self.0[id.0 as usize]
    }

    pub(super) fn get_mut(&mut self, id: Id) -> &mut Value {
        &mut self.0[id.0 as usize]
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A text or a number as text: what names an entry of a dictionary.
    pub(super) fn key(&self, id: Id) -> Option<String> {
        match self.get(id) {
            Value::Text(text) => Some(text.to_string()),
            Value::Int(number) => Some(number.to_string()),
            _ => None,
        }
    }

    pub(super) fn size(&self, id: Id) -> Option<usize> {
        match self.get(id) {
            Value::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The values of a tuple; none of anything else.
    pub(super) fn tuple(&self, id: Id) -> &[Id] {
        match self.get(id) {
            Value::Tuple(items) => items,
            _ => &[],
        }
    }

    /// The values of a tuple or list; none of anything else.
    pub(super) fn sequence(&self, id: Id) -> &[Id] {
        match self.get(id) {
            Value::Tuple(items) => items,
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The items of a dictionary of any kind.
    pub(super) fn items(&self, id: Id) -> &[(Id, Id)] {
        match self.get(id) {
            Value::Dict(items) => items,
            Value::Object(object) => &object.items,
            _ => &[],
        }
    }

    /// What stands last under `key` of a dictionary.
    pub(super) fn item(&self, dictionary: Id, key: &str) -> Option<Id> {
        let mut items = self.items(dictionary).iter().rev();
        let found = items.find(|(name, _)| self.text(*name) == Some(key));
        found.map(|(_, value)| *value)
    }

    /// The name of a value's Python type, for messages.
    pub(super) fn type_name(&self, id: Id) -> String {
        match self.get(id) {
            Value::None => "None".to_owned(),
            Value::Int(_) => "int".to_owned(),
            Value::Text(_) => "str".to_owned(),
            Value::Plain(kind) => (*kind).to_owned(),
            Value::Tuple(_) => "tuple".to_owned(),
            Value::List(_) => "list".to_owned(),
            Value::Dict(_) => "dict".to_owned(),
            Value::Global(name) => name.to_string(),
            Value::Storage(_) => "torch.storage".to_owned(),
            Value::Tensor(_) | Value::Unread(_) => "torch.Tensor".to_owned(),
            Value::Object(object) => self.class_name(object),
        }
    }

    /// The class of an object, or the function that made it.
    fn class_name(&self, object: &Object) -> String {
        // These make an object of the class that is their first argument.
        const MAKERS: [&str; 3] = [
            "copyreg._reconstructor",
            "copyreg.__newobj__",
            "copyreg.__newobj_ex__",
        ];
        let global = |id: Id| match self.get(id) {
            Value::Global(name) => Some(&**name),
            _ => None,
        };
        let class = match global(object.callable) {
            Some(maker) if MAKERS.contains(&maker) => {
                let class = self.tuple(object.arguments).first();
                class.and_then(|class| global(*class)).or(Some(maker))
            }
            callable => callable,
        };
        class.unwrap_or("an object").to_owned()
    }
}
