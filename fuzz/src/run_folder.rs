//! The folders of runs, of which any file may be damaged or missing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::{Target, small};

/// A folder as it was left, and what going on with it comes to.
struct Case {
    kind: &'static str,
    files: Files,
    results: Files,
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The files that a user looks at.
const RESULTS: [&str; 6] = [
    "best.safetensors",
    "last.safetensors",
    "classes.txt",
    "network/network.safetensors",
    "network/classes.txt",
    "choice.json",
];

/// The images of all runs, where each finds them.
fn data() -> &'static Path {
    static DATA: OnceLock<TempDir> = OnceLock::new();
    let folder = DATA.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        small::write_data(folder.path());
        folder
    });
    folder.path()
}

fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| {
        let train = |epochs| move |out: &Path| small::train(data(), out, epochs);
        vec![
            case("train", train(Some(2))),
            case("train", train(None)),
            case("search", |out| small::search(data(), out)),
        ]
    })
}

fn case(kind: &'static str, begin: impl FnOnce(&Path) -> Result<(), String>) -> Case {
    let out = tempfile::tempdir().expect("a temporary folder can be made");
    begin(out.path()).expect("nothing is damaged");
    let files = read(out.path());
    resume(kind, out.path()).expect("nothing is damaged");
    let results = results(out.path());
    Case {
        kind,
        files,
        results,
    }
}

fn resume(kind: &str, out: &Path) -> Result<(), String> {
    match kind {
        "train" => small::train(data(), out, None),
        _ => small::search(data(), out),
    }
}

fn read(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(&inner).expect("a folder can be listed") {
            let path = entry.expect("a folder can be listed").path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let name = path.strip_prefix(folder).expect("it is in the folder");
                    let bytes = fs::read(&path).expect("a file can be read");
                    files.insert(name.to_owned(), bytes);
                }
            }
        }
    }
    files
}

fn results(folder: &Path) -> Files {
    let mut files = read(folder);
    files.retain(|name, _| RESULTS.iter().any(|result| name == Path::new(result)));
    files
}

/// Each input names a case and a file in its first line; the rest is what the file now holds. An
/// empty one is missing.
pub(crate) fn target() -> Target {
    let mut seeds = Vec::new();
    for (number, case) in cases().iter().enumerate() {
        for (name, bytes) in &case.files {
            let mut seed = format!("{number} {}\n", name.display()).into_bytes();
            seed.extend(bytes);
            seeds.push(seed);
        }
    }
    Target {
        seeds,
        wrap: |bytes, _| bytes,
        feed,
    }
}

fn feed(path: &Path) -> bool {
    let input = fs::read(path).expect("the input can be read");
    let Some((case, name, bytes)) = split(&input) else {
        return false;
    };
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let out = folder.path();
    for (name, bytes) in &case.files {
        let path = out.join(name);
        let parent = path.parent().expect("it is in the folder");
        fs::create_dir_all(parent).expect("a folder can be made");
        fs::write(path, bytes).expect("a file can be written");
    }
    let damaged = out.join(name);
    match bytes {
        [] => fs::remove_file(&damaged).expect("a file can be removed"),
        bytes => fs::write(&damaged, bytes).expect("a file can be written"),
    }
    match resume(case.kind, out) {
        Ok(()) => {
            // What takes away the checksum of the settings is told to the user.
            let is_told = name == Path::new("config.json")
                && !String::from_utf8_lossy(bytes).contains("\"checksum\"");
            assert!(
                is_told || results(out) == case.results,
                "another result, and no error"
            );
            true
        }
        Err(error) => {
            drop(error);
            false
        }
    }
}

/// The case, the file and its content, if the first line is still one.
fn split(input: &[u8]) -> Option<(&'static Case, &'static Path, &[u8])> {
    let end = input.iter().position(|&byte| byte == b'\n')?;
    let (number, name) = std::str::from_utf8(&input[..end]).ok()?.split_once(' ')?;
    let case = cases().get(number.parse::<usize>().ok()?)?;
    let (name, _) = case.files.get_key_value(Path::new(name))?;
    Some((case, name, &input[end + 1..]))
}
