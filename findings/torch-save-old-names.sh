#!/usr/bin/env bash
# PyTorch 2.15.0.
#
# Guess:     torch.save names each class in the pickle by the module that it has in Python 3, so that
#            `builtins`, `functools` or `collections` is what a reader looks for; what is saved loads as
#            an object of the same class.
# Behaviour: torch.save pickles with protocol 2, which is made for Python 2, and so Python writes the
#            names from there: range as `__builtin__ xrange`, functools.reduce as `__builtin__ reduce`,
#            filter as `itertools ifilter`, collections.UserDict as `UserDict IterableUserDict`. Python
#            2 lacks some exceptions, which are written as another: those load as another class. And
#            torch.load with weights_only does not know the old names of exceptions: ValueError stays
#            forbidden after add_safe_globals([ValueError]).
# Seen:      saved ModuleNotFoundError, ConnectionError and TimeoutError, loaded ImportError, OSError and
#            OSError; `except ConnectionError` does not catch it any more
#            with pickle_protocol=4 the names are those of Python 3 and the classes stay
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.15.0 numpy
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import collections
import functools
import io
import pickle
import pickletools
import zipfile
import torch

def saved(value, **options):
    file = io.BytesIO()
    torch.save(value, file, **options)
    file.seek(0)
    return file

def names(value):
    archive = zipfile.ZipFile(saved(value))
    stream = archive.read(next(name for name in archive.namelist() if name.endswith("/data.pkl")))
    return [argument for code, argument, _ in pickletools.genops(stream) if code.name == "GLOBAL"]

for value, expected in (
    (range(3), "__builtin__ xrange"),
    (str, "__builtin__ unicode"),
    (functools.reduce, "__builtin__ reduce"),
    (filter, "itertools ifilter"),
    (collections.UserDict(), "UserDict IterableUserDict"),
    (collections.OrderedDict(), "collections OrderedDict"),
    (ValueError("x"), "exceptions ValueError"),
):
    print(repr(value), "is written as", names(value))
    assert names(value) == [expected], "torch.save writes other names now"

# Our own file, with nothing in it but the exception's class and its text.
for error, other in ((ModuleNotFoundError, ImportError), (ConnectionError, OSError), (TimeoutError, OSError)):
    loaded = torch.load(saved(error("x")), weights_only=False)
    print(error.__name__, "is loaded as", type(loaded).__name__)
    assert type(loaded) is other, "torch.save keeps the class now"
    assert type(torch.load(saved(error("x"), pickle_protocol=4), weights_only=False)) is error

with torch.serialization.safe_globals([range, ValueError]):
    assert torch.load(saved(range(3))) == range(3)
    try:
        torch.load(saved(ValueError("x")))
    except pickle.UnpicklingError as refusal:
        assert "exceptions.ValueError was not an allowed global" in str(refusal)
        print("ValueError is allowed, and refused all the same")
    else:
        raise AssertionError("weights_only knows the old names of exceptions now")
PYTHON
