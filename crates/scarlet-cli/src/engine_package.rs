//! [`EnginePackage`]: the npm package `scarlet-engine`, which runs networks in a browser.

use std::io;
use std::path::{Path, PathBuf};

use scarlet_io::limited;
use serde::Deserialize;
use thiserror::Error;

/// What the package is called.
const NAME: &str = "scarlet-engine";

/// Its version that opens the files which this program writes.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The largest description and script that are read, in bytes.
const MOST_TEXT: u64 = 1 << 20;
/// The largest module.
const MOST_MODULE: u64 = 32 << 20;

/// How a WebAssembly module begins.
const MAGIC: &[u8] = b"\0asm";

/// The engine for browsers.
#[derive(Debug)]
pub(crate) struct EnginePackage {
    /// A script that offers `open` and `pixels`.
    pub(crate) face: String,
    /// What it runs, in WebAssembly.
    pub(crate) module: Vec<u8>,
}

/// Why there is no engine for a page.
#[derive(Debug, Error)]
pub(crate) enum EnginePackageError {
    #[error(
        "the page needs the engine for browsers, and {} cannot be read: {source}. --engine takes the \
         folder of the package {NAME}, as npm install puts it in node_modules/{NAME}, or web/ of \
         scarlet's sources after web/build.sh",
        path.display()
    )]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "{} is no package {NAME} {VERSION}, which is the one that opens this program's files: {found}. Give \
         its folder with --engine",
        folder.display()
    )]
    Other { folder: PathBuf, found: String },
    #[error("{} is {what}: install the package {NAME} again", path.display())]
    Damaged { path: PathBuf, what: &'static str },
}

/// What is read of a `package.json`.
#[derive(Deserialize)]
struct Description {
    name: String,
    version: String,
}

impl EnginePackage {
    pub(crate) fn open(folder: &Path) -> Result<Self, EnginePackageError> {
        let text = |name: &str| {
            let path = folder.join(name);
            limited::read_to_string(&path, MOST_TEXT)
                .map_err(|source| EnginePackageError::Read { path, source })
        };
        let other = |found: String| EnginePackageError::Other {
            folder: folder.to_owned(),
            found,
        };
        let description: Description = serde_json::from_str(&text("package.json")?)
            .map_err(|error| other(format!("its package.json says: {error}")))?;
        let Description { name, version } = description;
        if (name.as_str(), version.as_str()) != (NAME, VERSION) {
            return Err(other(format!("it is {name:?} {version:?}")));
        }
        let face = text("index.js")?;
        let damaged = |name: &str, what| EnginePackageError::Damaged {
            path: folder.join(name),
            what,
        };
        if face.to_ascii_lowercase().contains("</script") {
            return Err(damaged(
                "index.js",
                "a script that cannot be embedded in a page",
            ));
        }
        let path = folder.join("scarlet.wasm");
        let module = limited::read(&path, MOST_MODULE)
            .map_err(|source| EnginePackageError::Read { path, source })?;
        if !module.starts_with(MAGIC) {
            return Err(damaged("scarlet.wasm", "no WebAssembly"));
        }
        Ok(Self { face, module })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn package(description: &str, face: &str, module: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("package.json"), description).unwrap();
        fs::write(at("index.js"), face).unwrap();
        fs::write(at("scarlet.wasm"), module).unwrap();
        folder
    }

    fn own() -> String {
        format!("{{\"name\": {NAME:?}, \"version\": {VERSION:?}, \"type\": \"module\"}}")
    }

    #[test]
    fn a_package_is_read_and_others_are_refused() {
        let good = package(&own(), "export {}", b"\0asm\x01\0\0\0");
        let engine = EnginePackage::open(good.path()).unwrap();
        assert_eq!(
            (engine.face.as_str(), engine.module.len()),
            ("export {}", 8)
        );

        let refused = |folder: &Path| EnginePackage::open(folder).unwrap_err().to_string();
        let other = package(&own().replace(VERSION, "0.0.1"), "", MAGIC);
        assert!(refused(other.path()).contains("it is \"scarlet-engine\" \"0.0.1\""));
        let list = package("[1]", "", MAGIC);
        assert!(refused(list.path()).contains("its package.json says: "));
        let closing = package(&own(), "'</SCRIPT>'", MAGIC);
        assert!(
            refused(closing.path())
                .contains("index.js is a script that cannot be embedded in a page")
        );
        let cut = package(&own(), "", b"\0as");
        assert!(refused(cut.path()).contains("scarlet.wasm is no WebAssembly"));
        fs::remove_file(cut.path().join("scarlet.wasm")).unwrap();
        assert!(refused(cut.path()).contains("scarlet.wasm cannot be read: "));
        assert!(refused(&cut.path().join("nowhere")).contains("after web/build.sh"));
    }
}
