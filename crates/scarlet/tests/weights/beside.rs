//! What stands beside the weights in a pickle: honest things, which are not looked at, and calls
//! that run code, which are refused wherever they stand.

use std::path::Path;

use scarlet::weights::StateDict;

use super::pickle::{Value, legacy, write_legacy, write_zip};

fn weights(value: f32) -> Value {
    Value::dict([("w", Value::tensor(&[1], vec![value]))])
}

/// The instructions for a text.
fn text(text: &str) -> Vec<u8> {
    let mut bytes = vec![b'X'];
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// The tensor of one value, on the storage `0` of the archive.
fn tensor() -> Vec<u8> {
    join(&[
        b"ctorch._utils\n_rebuild_tensor_v2\n((",
        &text("storage"),
        b"ctorch\nFloatStorage\n",
        &text("0"),
        &text("cpu"),
        b"K\x01tQK\x00K\x01\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR",
    ])
}

/// What Python programs put beside their weights.
fn honest() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (
            "a defaultdict",
            join(&[
                b"ccollections\ndefaultdict\nc__builtin__\nlist\n\x85R(",
                &text("loss"),
                b"](G\x3f\xf0\0\0\0\0\0\0eu",
            ]),
        ),
        ("a deque", b"ccollections\ndeque\n)R(K\x01K\x02e".to_vec()),
        ("a bounded deque", b"ccollections\ndeque\n]K\x05\x86RK\x01a".to_vec()),
        (
            "a Counter",
            join(&[b"ccollections\nCounter\n}", &text("a"), b"K\x01s\x85R"]),
        ),
        (
            "a dictionary of somebody's own",
            join(&[b"cmy.package\nConfig\n)R(", &text("lr"), b"K\x01u}b"]),
        ),
        (
            "an enumeration",
            join(&[b"ctorchvision.transforms\nInterpolationMode\n", &text("bicubic"), b"\x85R"]),
        ),
        (
            "an enumeration by its name",
            join(&[b"c__builtin__\ngetattr\ncmy.package\nMode\n", &text("BICUBIC"), b"\x86R"]),
        ),
        (
            "a method of an object",
            join(&[b"cbuiltins\ngetattr\ncmy\nThing\n)\x81", &text("step"), b"\x86R"]),
        ),
        ("an itemgetter", b"coperator\nitemgetter\nK\x01\x85R".to_vec()),
        (
            "an attrgetter",
            join(&[b"coperator\nattrgetter\n", &text("lr"), b"\x85R"]),
        ),
        (
            "a partial",
            b"cfunctools\npartial\nc__builtin__\ndict\n\x85R(c__builtin__\ndict\n)}Ntb".to_vec(),
        ),
        (
            "NumPy's number",
            join(&[
                b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n",
                &text("f8"),
                b"\x89\x88\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
                b"C\x08\0\0\0\0\0\0\xf0\x3f\x86R",
            ]),
        ),
        (
            "NumPy's array",
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01K\x01\x85Nt\
              b"
            .to_vec(),
        ),
        (
            "a namespace",
            join(&[b"cargparse\nNamespace\n)\x81}(", &text("lr"), b"K\x01ub"]),
        ),
        (
            "a path",
            join(&[b"cpathlib\nPosixPath\n", &text("data"), b"\x85R"]),
        ),
        ("a date", b"cdatetime\ndatetime\nC\x0a\x07\xe8\x01\x01\0\0\0\0\0\0\x85R".to_vec()),
        ("a set", b"c__builtin__\nset\n](K\x01K\x02e\x85R".to_vec()),
        ("a set of protocol 4", b"\x8f(K\x01K\x02\x90".to_vec()),
        ("a frozen set", b"(K\x01K\x02\x91".to_vec()),
        ("tuples as keys", b"}K\x01K\x02\x86K\x03s".to_vec()),
        ("None and numbers as keys", b"}(NK\x01G\0\0\0\0\0\0\0\0K\x02\x88K\x03u".to_vec()),
        ("a large number", b"\x8a\x09\0\0\0\0\0\0\0\0\x01".to_vec()),
        ("a number of protocol 0", b"L18446744073709551616L\n".to_vec()),
        ("a slice", b"c__builtin__\nslice\nK\x00K\x03N\x87R".to_vec()),
        ("a complex number", b"c__builtin__\ncomplex\nG\0\0\0\0\0\0\0\0\x85R".to_vec()),
        (
            "a whole optimizer",
            join(&[
                b"ctorch.optim.sgd\nSGD\n)\x81}(",
                &text("state"),
                b"}K\x00}",
                &text("momentum_buffer"),
                &tensor(),
                b"ss",
                &text("param_groups"),
                b"]ub",
            ]),
        ),
        (
            "an object with a tensor",
            join(&[b"cmy\nThing\n)\x81}", &text("x"), &tensor(), b"sb"]),
        ),
        (
            "a call with a tensor",
            join(&[b"cmy\nthing\n", &tensor(), b"\x85R"]),
        ),
        ("an object of Python 2", b"(imy\nOld\n".to_vec()),
        ("another object of Python 2", b"(cmy\nOld\no".to_vec()),
        ("an object with keywords", b"cmy\nThing\n)}\x92".to_vec()),
        ("a class by its number", b"\x82\x05".to_vec()),
        ("a device", join(&[b"ctorch\ndevice\n", &text("cuda"), b"\x85R"])),
        ("a type", b"ctorch\nfloat8_e4m3fn\n".to_vec()),
        (
            "a sparse tensor",
            join(&[b"ctorch._utils\n_rebuild_sparse_tensor\nN", &tensor(), b"\x86R"]),
        ),
        (
            "a quantised tensor",
            join(&[b"ctorch._utils\n_rebuild_qtensor\n", &tensor(), b"\x85R"]),
        ),
        ("what lies elsewhere", join(&[&text("a name of its own"), b"Q"])),
        ("a value of nothing", b"cmy\nThing\nN\x86N0".to_vec()),
    ]
}

#[test]
fn what_stands_beside_the_weights_never_stops_them() {
    let folder = tempfile::tempdir().unwrap();
    for (what, instructions) in honest() {
        let beside = || Value::Raw(instructions.clone());
        let file = Value::dict([("state_dict", weights(3.0)), ("beside", beside())]);
        let reversed = Value::dict([("beside", beside()), ("state_dict", weights(3.0))]);
        // The tensors among what stands beside are on the first storage, which is there by then.
        let paths = [
            write_legacy(folder.path(), "legacy.pth", &file),
            write_zip(folder.path(), "zip.pth", "archive", &file),
            write_zip(folder.path(), "reversed.pth", "archive", &reversed),
        ];
        for path in paths {
            let weights = StateDict::open(&path)
                .unwrap_or_else(|error| panic!("{what} in {}: {error}", path.display()));
            assert_eq!(weights.entries().len(), 1, "{what}");
            assert_eq!(
                weights.get("w").unwrap().read_f32().unwrap(),
                [3.0],
                "{what}"
            );
        }
    }
}

#[test]
fn weights_in_a_dictionary_of_any_kind_are_found() {
    let folder = tempfile::tempdir().unwrap();
    for call in [
        &b"ccollections\ndefaultdict\nc__builtin__\nlist\n\x85R"[..],
        b"cmy.package\nStateDict\n)\x81",
        b"ccollections\nOrderedDict\n]\x85R",
        b"cargparse\nNamespace\n)R",
    ] {
        let items = join(&[call, b"(", &text("w"), &tensor(), b"u"]);
        let unused = Value::dict([("w", Value::tensor(&[1], vec![5.0]))]);
        let file = Value::dict([("unused", unused), ("state_dict", Value::Raw(items))]);
        let path = write_zip(folder.path(), "file.pth", "archive", &file);
        let weights = StateDict::open(path).unwrap();
        assert_eq!(weights.get("w").unwrap().read_f32().unwrap(), [5.0]);
    }
}

#[test]
fn what_is_set_last_stands() {
    let folder = tempfile::tempdir().unwrap();
    let twice = Value::Dict(vec![
        ("w".to_owned(), Value::tensor(&[1], vec![1.0])),
        ("w".to_owned(), Value::tensor(&[1], vec![2.0])),
    ]);
    let path = write_legacy(folder.path(), "file.pth", &twice);
    let weights = StateDict::open(path).unwrap();
    assert_eq!(weights.get("w").unwrap().read_f32().unwrap(), [2.0]);

    let twins = Value::dict([
        ("a.b", Value::tensor(&[1], vec![1.0])),
        ("a", Value::dict([("b", Value::tensor(&[1], vec![2.0]))])),
    ]);
    let path = write_legacy(folder.path(), "file.pth", &twins);
    let error = StateDict::open(path).unwrap_err().to_string();
    assert!(error.contains("two tensors are called `a.b`"), "{error}");
}

/// Calls that run code, and the name that a refusal gives.
fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let system = |end: &[u8]| join(&[b"cos\nsystem\n", &text("true"), b"\x85R", end]);
    vec![
        ("os.system", system(b"")),
        // What becomes of the result does not matter.
        ("os.system", system(b"0N")),
        ("os.system", join(&[b"(", &system(b""), b"1N"])),
        ("os.system", join(&[b"}", &system(b""), b"K\x01s"])),
        (
            "os.system",
            join(&[b"cmy\nThing\n)\x81", &system(b""), b"b"]),
        ),
        (
            "posix.system",
            join(&[b"(", &text("true"), b"iposix\nsystem\n"]),
        ),
        ("os.system", join(&[b"(cos\nsystem\n", &text("true"), b"o"])),
        (
            "subprocess.Popen",
            join(&[b"csubprocess\nPopen\n", &text("true"), b"\x85\x81"]),
        ),
        ("subprocess.Popen", join(&[b"csubprocess\nPopen\n)}\x92"])),
        (
            "os.system",
            join(&[
                &text("os"),
                &text("system"),
                b"\x93",
                &text("true"),
                b"\x85R",
            ]),
        ),
        (
            "builtins.eval",
            join(&[b"cbuiltins\neval\n", &text("1"), b"\x85R"]),
        ),
        (
            "builtins.execfile",
            join(&[b"c__builtin__\nexecfile\n", &text("x"), b"\x85R"]),
        ),
        (
            "builtins.getattr(…, '__globals__')",
            join(&[
                b"cbuiltins\ngetattr\ncmy\nThing\n",
                &text("__globals__"),
                b"\x86R",
            ]),
        ),
        // An attribute of a module is what its dotted name says.
        (
            "os.path.os.system",
            join(&[
                b"cbuiltins\ngetattr\ncos\npath.os\n",
                &text("system"),
                b"\x86R)R",
            ]),
        ),
        // Python 2 had other names for the same.
        (
            "subprocess.Popen",
            join(&[b"ccommands\nPopen\n", &text("true"), b"\x85R"]),
        ),
        (
            "builtins.map",
            join(&[b"citertools\nimap\ncmy\nrun\n", &text("x"), b"\x86R"]),
        ),
        (
            "numpy.os.system",
            join(&[b"cnumpy\nos.system\n", &text("x"), b"\x85R"]),
        ),
        (
            "os.system",
            join(&[b"cfunctools\npartial\ncos\nsystem\n", &text("x"), b"\x86R"]),
        ),
        (
            "os.system",
            b"ccollections\ndefaultdict\ncos\nsystem\n\x85R".to_vec(),
        ),
        (
            "os.system",
            join(&[b"cmy\nrun\n(cos\nsystem\n", &text("x"), b"t\x85R"]),
        ),
        (
            "builtins.map",
            join(&[b"cbuiltins\nmap\ncos\nsystem\n](", &text("x"), b"e\x86R"]),
        ),
        (
            "operator.attrgetter",
            join(&[
                b"coperator\nattrgetter\n",
                &text("x"),
                b"\x85Rcmy\nThing\n\x85R",
            ]),
        ),
        (
            "operator.methodcaller",
            join(&[
                b"coperator\nmethodcaller\n",
                &text("x"),
                b"\x85Rcmy\nThing\n\x85R",
            ]),
        ),
        (
            "pathlib.Path.unlink",
            join(&[b"cpathlib\nPath.unlink\n", &text("x"), b"\x85R"]),
        ),
        (
            "cloudpickle.cloudpickle._make_function",
            b"ccloudpickle.cloudpickle\n_make_function\n)R".to_vec(),
        ),
        (
            "torch.load",
            join(&[b"ctorch\nload\n", &text("x"), b"\x85R"]),
        ),
    ]
}

#[test]
fn calls_that_run_code_are_refused_wherever_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    for (name, instructions) in hostile() {
        let file = Value::dict([
            ("state_dict", weights(1.0)),
            (
                "beside",
                Value::dict([("x", Value::Raw(instructions.clone()))]),
            ),
        ]);
        for path in [
            write_legacy(folder.path(), "legacy.pth", &file),
            write_zip(folder.path(), "zip.pth", "archive", &file),
        ] {
            let error = StateDict::open(path).unwrap_err().to_string();
            assert!(error.contains("was refused"), "{name}: {error}");
            assert!(error.contains(&format!("`{name}`")), "{name}: {error}");
        }
    }
    // In the pickles around the one with the weights, too.
    let good = legacy(&Value::dict([("state_dict", weights(1.0))]));
    let version = good
        .windows(6)
        .position(|part| part == b"\x80\x02M\xe9\x03.");
    let mut changed = good.clone();
    let call = b"cos\nsystem\n)R0";
    let place = version.unwrap() + 2;
    changed.splice(place..place, call.iter().copied());
    let path = folder.path().join("header.pth");
    std::fs::write(&path, changed).unwrap();
    let error = StateDict::open(path).unwrap_err().to_string();
    assert!(error.contains("`os.system`"), "{error}");
}

#[test]
fn the_keys_of_a_call_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let call = || Value::Call("os", "system", "true");
    for (file, place) in [
        (
            Value::dict([("a", Value::dict([("b", call())]))]),
            "(at `a.b`)",
        ),
        (
            Value::dict([
                ("x", Value::Int(1)),
                ("a", Value::dict([("y", Value::Int(1)), ("b", call())])),
            ]),
            "(at `a.b`)",
        ),
        (
            Value::Raw(join(&[b"}", &text("k"), b"cos\nsystem\n)Rs"])),
            "(at `k`)",
        ),
        (call(), "`os.system`; nothing"),
    ] {
        let path = write_legacy(folder.path(), "file.pth", &file);
        let error = StateDict::open(path).unwrap_err().to_string();
        assert!(error.contains(place), "{place}: {error}");
    }
}

#[test]
fn long_names_are_cut_and_cannot_change_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let error = |file: &Value| {
        let path = write_legacy(folder.path(), "file.pth", file);
        StateDict::open(path).unwrap_err().to_string()
    };
    let key = format!("\x1b[2J{}", "k".repeat(50_000));
    let file = Value::Dict(vec![(key, Value::Int(1))]);
    let text = error(&file);
    assert!(text.len() < 600 && text.contains("\\u{1b}[2Jkkk"), "{text}");
    let many = (0..5000).map(|key| (format!("key{key:04}"), Value::Int(1)));
    let text = error(&Value::Dict(many.collect()));
    assert!(text.len() < 600 && text.contains("and 4980 more"), "{text}");
    let module = format!("os.{}", "m".repeat(400));
    let call = Value::Raw(format!("c{module}\nx\n)R").into_bytes());
    let text = error(&Value::dict([("x", call)]));
    assert!(text.len() < 600 && text.contains("…"), "{text}");
}

#[test]
fn a_pickle_cannot_ask_for_all_memory() {
    let folder = tempfile::tempdir().unwrap();
    let error = |instructions: Vec<u8>| {
        let path = folder.path().join("file.pth");
        std::fs::write(&path, legacy(&Value::Raw(instructions))).unwrap();
        StateDict::open(&path).unwrap_err().to_string()
    };
    let endless = error([b"]"[..].repeat(5_000_000), b"N".to_vec()].concat());
    assert!(
        endless.contains("more than 4000000 instructions"),
        "{endless}"
    );
    // A dictionary in a dictionary twice, forty times over, has a tensor under 2⁴⁰ names.
    let mut doubled = join(&[b"}", &text("w"), &tensor(), b"s"]);
    for level in 0..40u8 {
        doubled.extend([b'q', level, b'0', b'}', b'(']);
        doubled.extend(text("a"));
        doubled.extend([b'h', level]);
        doubled.extend(text("b"));
        doubled.extend([b'h', level, b'u']);
    }
    let doubled = error(doubled);
    assert!(doubled.contains("repeats itself"), "{doubled}");
    // A value inside itself has no last name either.
    let looped = error(b"}q\x00(K\x01h\x00K\x02h\x00u".to_vec());
    assert!(looped.contains("repeats itself"), "{looped}");
    // A compressed pickle is only read as far as a file of that size may have one.
    let path = folder.path().join("bomb.pth");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("archive/data.pkl", options).unwrap();
    std::io::Write::write_all(&mut archive, &vec![b'N'; 20 << 20]).unwrap();
    archive.finish().unwrap();
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size < 50_000, "{size}");
    let error = StateDict::open(&path).unwrap_err().to_string();
    assert!(error.contains("more than the"), "{error}");
    assert!(!Path::new("scarlet-pickle-was-executed").exists());
}
