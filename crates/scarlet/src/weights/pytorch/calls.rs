//! Which calls have no place in a checkpoint. Nothing is ever called; but a file that asks Python
//! to run programs deserves no trust, nor to be passed on.

use super::values::{Id, Value, Values};

/// Modules, and functions of them, that run programs, load code or reach the machine, as far as
/// no honest checkpoint has them. A name that is missing here costs a warning, not safety.
const DANGEROUS: &[&str] = &[
    "IPython",
    "_ctypes",
    "_io.FileIO",
    "_io.open",
    "_operator.call",
    "_pickle",
    "_posixsubprocess",
    "_thread",
    "_winapi",
    "aiohttp",
    "asyncio",
    "bdb",
    "cProfile",
    "cffi",
    "cloudpickle",
    "code.InteractiveConsole",
    "code.InteractiveInterpreter",
    "code.interact",
    "codecs.open",
    "codeop",
    "concurrent.futures",
    "ctypes",
    "dill",
    "distutils",
    "doctest",
    "ensurepip",
    "fileinput",
    "ftplib",
    "functools.reduce",
    "gc",
    "http.client",
    "http.server",
    "httpx",
    "idlelib",
    "imaplib",
    "imp",
    "importlib",
    "inspect",
    "io.FileIO",
    "io.open",
    "io.open_code",
    "itertools.starmap",
    "joblib",
    "jsonpickle",
    "lib2to3",
    "linecache",
    "logging.config",
    "marshal",
    "multiprocessing",
    "nt",
    "numpy.distutils",
    "numpy.f2py",
    "numpy.fromfile",
    "numpy.load",
    "numpy.memmap",
    "numpy.testing",
    "operator.call",
    "os",
    "pandas.eval",
    "pandas.read_pickle",
    "pdb",
    "pickle",
    "pip",
    "pkgutil",
    "poplib",
    "posix",
    "profile.Profile",
    "profile.run",
    "pty",
    "pydoc",
    "requests",
    "runpy",
    "sched.scheduler",
    "setuptools",
    "shelve",
    "shutil",
    "signal",
    "smtplib",
    "socket",
    "socketserver",
    "sqlite3",
    "ssl",
    "subprocess",
    "sys",
    "tarfile",
    "telnetlib",
    "tempfile",
    "threading.Thread",
    "threading.Timer",
    "timeit",
    "torch._inductor",
    "torch.hub",
    "torch.jit.load",
    "torch.load",
    "torch.package",
    "torch.save",
    "torch.serialization.load",
    "torch.serialization.save",
    "torch.utils.collect_env",
    "torch.utils.cpp_extension",
    "torch.utils.model_zoo",
    "trace.Trace",
    "types.CodeType",
    "types.FunctionType",
    "urllib",
    "venv",
    "webbrowser",
    "winreg",
    "xmlrpc",
    "yaml",
    "zipfile",
    "zipimport",
];

/// Names inside dangerous modules that honest checkpoints do have.
const HARMLESS: &[&str] = &[
    "inspect.Parameter",
    "inspect.Signature",
    "inspect._ParameterKind",
    "inspect._empty",
    "os.PathLike",
    "os.path",
    "os.stat_result",
    "os.terminal_size",
    "os.times_result",
    "os.uname_result",
    "posix.stat_result",
    "posix.uname_result",
    "signal.Signals",
    "urllib.parse",
    "yaml.YAMLObject",
];

const DANGEROUS_BUILTINS: &[&str] = &[
    "__build_class__",
    "__import__",
    "apply",
    "breakpoint",
    "compile",
    "delattr",
    "eval",
    "exec",
    "execfile",
    "exit",
    "file",
    "filter",
    "globals",
    "help",
    "input",
    "locals",
    "map",
    "open",
    "quit",
    "raw_input",
    "reload",
    "setattr",
    "vars",
];

/// What gives an attribute by its name: harmless where that is a value, such as an enumeration's.
const ATTRIBUTE: &str = "builtins.getattr";

/// Objects that run what they hold when they are called.
const RUNNERS: &[&str] = &[
    "functools.partial",
    "operator.attrgetter",
    "operator.itemgetter",
    "operator.methodcaller",
];

/// The name of what runs code, where a call of `callable` with `arguments` does.
pub(super) fn hostile(values: &Values, callable: Id, arguments: Id) -> Option<String> {
    let name = match values.get(callable) {
        Value::Global(name) => &**name,
        Value::Object(object) => match values.get(object.callable) {
            Value::Global(name) if RUNNERS.contains(&&**name) => return Some(name.to_string()),
            _ => "",
        },
        _ => "",
    };
    if runs_code(name) {
        return Some(name.to_owned());
    }
    let keywords = values.items(arguments).iter().map(|(_, value)| value);
    let arguments = values.sequence(arguments);
    if name == ATTRIBUTE {
        let attribute = arguments.get(1).and_then(|name| values.text(*name));
        let hidden = attribute.filter(|attribute| attribute.split('.').any(is_hidden))?;
        return Some(format!("{name}(…, '{hidden}')"));
    }
    // A function that is handed over can be called by whoever takes it.
    let mut handed = arguments
        .iter()
        .chain(keywords)
        .flat_map(|argument| std::iter::once(argument).chain(values.sequence(*argument)));
    handed.find_map(|argument| match values.get(*argument) {
        Value::Global(name) if runs_code(name) || &**name == ATTRIBUTE => Some(name.to_string()),
        _ => None,
    })
}

/// Whether it gives an attribute by its name.
pub(super) fn gives_attribute(name: &str) -> bool {
    name == ATTRIBUTE
}

/// Attributes such as `__globals__`, from which everything else can be reached.
fn is_hidden(attribute: &str) -> bool {
    attribute.len() > 4 && attribute.starts_with("__") && attribute.ends_with("__")
}

fn runs_code(callable: &str) -> bool {
    match callable.strip_prefix("builtins.") {
        Some(name) => DANGEROUS_BUILTINS.contains(&name) || name.split('.').skip(1).any(is_hidden),
        None => {
            let is_in_any = |names: &[&str]| names.iter().any(|name| is_in(callable, name));
            (is_in_any(DANGEROUS) && !is_in_any(HARMLESS))
                || is_path_method(callable)
                || callable.split('.').any(|part| REACHES.contains(&part))
                || is_reached(callable)
        }
    }
}

/// Attributes from which everything else can be reached.
const REACHES: &[&str] = &[
    "__globals__",
    "__builtins__",
    "__subclasses__",
    "__import__",
];

/// Modules that others import, so that they are attributes of those, as in `numpy.os.system`.
const IMPORTED: &[&str] = &[
    "builtins",
    "ctypes",
    "importlib",
    "nt",
    "os",
    "posix",
    "pty",
    "runpy",
    "shutil",
    "socket",
    "subprocess",
    "sys",
];

/// Whether a name leads through one module into another one, and there to what runs code.
fn is_reached(callable: &str) -> bool {
    let starts = callable
        .match_indices('.')
        .map(|(dot, _)| &callable[dot + 1..]);
    let mut inner = starts.filter(|rest| IMPORTED.iter().any(|module| is_in(rest, module)));
    // A class may well be called as a module is.
    inner.any(|rest| rest.contains('.') && runs_code(rest))
}

/// A method of a path, such as `pathlib.Path.unlink`; the paths themselves do nothing.
fn is_path_method(callable: &str) -> bool {
    let rest = callable.strip_prefix("pathlib.");
    rest.and_then(|rest| rest.rsplit_once('.'))
        .is_some_and(|(_, method)| method.starts_with(|first: char| first.is_ascii_lowercase()))
}

/// Whether a dotted name is `name` or something in it.
fn is_in(callable: &str, name: &str) -> bool {
    callable
        .strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
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
            "builtins.execfile",
            "torch.hub.load",
            "os",
            "pathlib.Path.unlink",
            "pathlib._local.PosixPath.write_text",
            "builtins.object.__subclasses__",
            "my.Model.__init__.__globals__",
            "numpy.os.system",
            "os.path.os.system",
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
            "pathlib.PosixPath",
            "pathlib._local.PosixPath",
            "operator.itemgetter",
            "os.path.join",
            "my.package.os",
        ] {
            assert!(!runs_code(callable), "{callable}");
        }
    }
}
