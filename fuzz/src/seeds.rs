//! Good input.

use std::path::Path;

/// The weight files of the library's tests.
pub(crate) fn weight_files() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/scarlet/tests/weights/data");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the tests' weight files are there")
        .map(|entry| entry.expect("a folder can be listed").path())
        .collect();
    // The order of a folder is not always the same.
    files.sort();
    files
        .iter()
        .map(|path| std::fs::read(path).expect("a file can be read"))
        .collect()
}
