//! Pickles with everything that Python programs put beside weights, and with calls that nobody
//! should put there.

/// The instructions for a text.
fn text(text: &str) -> Vec<u8> {
    let mut bytes = vec![b'X', text.len() as u8, 0, 0, 0];
    bytes.extend(text.as_bytes());
    bytes
}

/// The tensor of a few values on the storage `0`, with what follows its usual description.
fn tensor(end: &[u8]) -> Vec<u8> {
    [
        &b"ctorch._utils\n_rebuild_tensor_v2\n(("[..],
        &text("storage"),
        b"ctorch\nFloatStorage\n",
        &text("0"),
        &text("cpu"),
        b"K\x04tQK\x01K\x03\x85K\x01\x85\x89ccollections\nOrderedDict\n)R",
        end,
        b"tRq\x07",
    ]
    .concat()
}

/// One pickle for each kind of value, with weights before and after it.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let negated = [&b"}"[..], &text("neg"), b"\x88s"].concat();
    let optimizer = [
        &b"ctorch.optim.sgd\nSGD\n)\x81}("[..],
        &text("state"),
        b"}K\x00h\x07sub",
    ]
    .concat();
    let module = [
        &b"cmy\nNet\n)\x81}("[..],
        &text("_parameters"),
        b"}(",
        &text("w"),
        b"h\x07u",
        &text("_buffers"),
        b"}",
        &text("_modules"),
        b"}",
        &text("_non_persistent_buffers_set"),
        b"\x8f(K\x01\x90ub",
    ]
    .concat();
    let values: [&[u8]; 26] = [
        b"ccollections\ndefaultdict\nc__builtin__\nlist\n\x85R(K\x01]u",
        b"ccollections\ndeque\n)R(K\x01K\x02e",
        b"ccollections\nCounter\n}K\x01K\x02s\x85R",
        b"ccollections\nOrderedDict\n](K\x01K\x02\x86e\x85R",
        b"c__builtin__\ngetattr\ncmy\nMode\nU\x03ONE\x86R",
        b"c__builtin__\ngetattr\nh\x07U\x0b__globals__\x86R",
        b"coperator\nitemgetter\nK\x01\x85RK\x01\x85R",
        b"cfunctools\npartial\nc__builtin__\ndict\n\x85R(h\x07)}Ntb",
        b"cos\nsystem\nU\x04true\x85R",
        b"U\x02os\x8c\x06system\x93)R0N",
        b"c__builtin__\nset\n](K\x01K\x02e\x85R",
        b"(K\x01K\x02\x91\x94",
        b"}(NK\x01K\x02K\x03\x86\x88G\0\0\0\0\0\0\0\0K\x01u",
        b"L18446744073709551616L\nI01\nI-3\nF1.5\nV\\u00e9\nS'x'\ntK\x01\x8a\x02\xff\xff2",
        b"(imy\nOld\n}b",
        b"(cmy\nOld\nK\x01o",
        b"cmy\nThing\n)}\x92",
        b"\x82\x05\x83\x05\x00",
        b"ctorch._utils\n_rebuild_qtensor\nh\x07\x85R",
        b"ctorch._utils\n_rebuild_parameter\nh\x07\x89N\x87R",
        b"ctorch._tensor\n_rebuild_from_type_v2\nctorch._utils\n_rebuild_tensor_v2\nN)N(tR",
        b"ctorch.storage\n_load_from_bytes\nC\x03abc\x85R",
        b"\x96\x03\0\0\0\0\0\0\0abc\x8e\x01\0\0\0\0\0\0\0a",
        b"}q\x09h\x09K\x01h\x09s",
        &optimizer,
        &module,
    ];
    values
        .iter()
        .map(|value| {
            [
                &b"\x80\x04}q\x01("[..],
                &text("state_dict"),
                b"}q\x02(",
                &text("conv_stem.weight"),
                &tensor(b""),
                &text("criterion.weight"),
                &tensor(&negated),
                b"u",
                &text("beside"),
                value,
                &text("ema"),
                b"h\x02u.",
            ]
            .concat()
        })
        .collect()
}
