//! The network that a text names or describes.

use std::path::Path;

use scarlet::Deployed;
use scarlet::arch::{self, Architecture};
use scarlet::zoo;

use crate::cli::ModelArgs;
use crate::error::CliError;

/// The network that `text` names or describes: a preset, a JSON file, a deployed file, or layers.
pub(crate) fn architecture(text: &str) -> Result<Architecture, CliError> {
    let path = Path::new(text);
    if is_description(path) {
        return read_architecture(path);
    }
    if Deployed::is_file(path) {
        return Ok(Deployed::read_architecture(path)?);
    }
    match zoo::by_name(text) {
        Ok(architecture) => Ok(architecture),
        Err(_) if looks_like_layers(text) => Ok(text.parse()?),
        Err(_) if path.is_file() => Err(CliError::NotAModelFile(path.to_owned())),
        Err(unknown) => Err(unknown.into()),
    }
}

pub(super) fn read_architecture(path: &Path) -> Result<Architecture, CliError> {
    let json = arch::read_json_file(path).map_err(|source| CliError::ReadFile {
        path: path.to_owned(),
        source,
    })?;
    Architecture::from_json(&json).map_err(|source| CliError::ModelFile {
        path: path.to_owned(),
        source: Box::new(source),
    })
}

/// Whether `text` names a network by a file.
pub(crate) fn is_model_file(text: &str) -> bool {
    is_description(Path::new(text)) || Deployed::is_file(text)
}

fn is_description(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "json")
}

/// Whether someone who wrote `text` meant layers and no name, be there a typo or not.
fn looks_like_layers(text: &str) -> bool {
    text.starts_with('[')
        || text.contains(['@', '|'])
        || text.split_whitespace().any(|token| {
            let mut characters = token.chars();
            match characters.next() {
                Some('E' | 'e' | 'H' | 'h' | 'C') => {
                    characters.next().is_some_and(|next| next.is_ascii_digit())
                }
                _ => matches!(token, "-" | "L"),
            }
        })
}

/// With the number of classes and the resolution that `args` ask for.
pub(super) fn adapt(
    mut architecture: Architecture,
    args: &ModelArgs,
) -> Result<Architecture, CliError> {
    if let Some(classes) = args.num_classes {
        architecture.classes = classes;
    }
    if let Some(resolution) = args.resolution {
        architecture.preprocessing.resolution = resolution;
    }
    architecture.validate()?;
    Ok(architecture)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn names_and_layers_are_told_apart() {
        for text in [
            "E3K7 E6K5",
            "E9",
            "e3k7",
            "- - -",
            "L",
            "K3@24",
            "h12K3 | x",
        ] {
            assert!(looks_like_layers(text), "{text}");
        }
        for text in [
            "scarlet-a",
            "scarlett a",
            "efficientnet",
            "High",
            "",
            "hrnet",
        ] {
            assert!(!looks_like_layers(text), "{text}");
        }
    }

    #[test]
    fn a_model_is_a_name_or_layers_or_a_json_file() {
        assert_eq!(architecture("ScarletB").unwrap().name, "scarlet-b");
        let custom = architecture("E3K3@24/2 - E6K5s@24").unwrap();
        assert_eq!(custom.layers().len(), 3);

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.json");
        fs::write(&path, custom.to_json()).unwrap();
        assert_eq!(architecture(path.to_str().unwrap()).unwrap(), custom);

        fs::write(&path, "{\n").unwrap();
        let error = architecture(path.to_str().unwrap()).unwrap_err().report();
        assert!(
            error.contains("net.json cannot be built: line 2"),
            "{error}"
        );
    }

    #[test]
    fn weights_in_the_place_of_a_model_are_pointed_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.pth.tar");
        fs::write(&path, "").unwrap();
        let error = architecture(path.to_str().unwrap()).unwrap_err();
        assert!(error.to_string().contains("--weights"), "{error}");
    }
}
