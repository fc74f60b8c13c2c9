//! The header is what the functions are.
#![allow(clippy::unwrap_used)]

use std::path::Path;

/// `SCARLET_WRITE_HEADER=1 cargo test --release --test header` writes it anew.
#[test]
fn the_header_is_that_of_the_functions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let made = cbindgen::Builder::new()
        .with_config(config)
        .with_src(root.join("src/open.rs"))
        .with_src(root.join("src/classifier.rs"))
        .generate()
        .unwrap();
    let mut header = Vec::new();
    made.write(&mut header);
    let header = String::from_utf8(header).unwrap();
    let path = root.join("include/scarlet.h");
    if std::env::var_os("SCARLET_WRITE_HEADER").is_some() {
        std::fs::write(&path, &header).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == header,
        "include/scarlet.h is not that of the functions: run \
         SCARLET_WRITE_HEADER=1 cargo test --release --test header"
    );
}
