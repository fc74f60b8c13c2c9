//! Files, networks and devices that commands name.

use std::path::Path;

use scarlet::Architecture;
use scarlet::arch;
use scarlet::weights::{Fetcher, OpenOptions, Progress, Source, StateDict};
use scarlet::zoo;

use crate::error::ToolError;
use crate::output::tell;

/// Opens the weights that `text` names, downloaded if need be, and says what was decided about them.
pub(crate) fn weights(text: &str, options: &OpenOptions) -> Result<StateDict, ToolError> {
    let source: Source = text.parse()?;
    let path = Fetcher::new().on_progress(show_progress()).fetch(&source)?;
    let options = options.clone().with_origin_of(&source);
    let weights = StateDict::open_with(path, &options)?;
    for note in weights.notes() {
        tell(format_args!("note: {note}"));
    }
    Ok(weights)
}

/// Says every few megabytes how far a download is.
fn show_progress() -> impl FnMut(Progress) {
    const STEP: u64 = 4 << 20;
    let mut next = STEP;
    move |progress: Progress| {
        if progress.received < next {
            return;
        }
        next = progress.received + STEP;
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let received = megabytes(progress.received);
        match progress.total {
            Some(total) => tell(format_args!("{received:.1} of {:.1} MB", megabytes(total))),
            None => tell(format_args!("{received:.1} MB")),
        }
    }
}

/// The network that `text` names or describes: a preset, a JSON file, or layers.
pub(crate) fn network(text: &str) -> Result<Architecture, ToolError> {
    let path = Path::new(text);
    if path.extension().is_some_and(|ending| ending == "json") {
        let json = arch::read_json_file(path).map_err(|source| ToolError::ReadFile {
            path: path.to_owned(),
            source,
        })?;
        return Architecture::from_json(&json).map_err(|source| ToolError::ModelFile {
            path: path.to_owned(),
            source: Box::new(source),
        });
    }
    match zoo::by_name(text) {
        Ok(architecture) => Ok(architecture),
        // A name is one word with a letter after its first; layers have digits there.
        Err(_) if looks_like_layers(text) => Ok(text.parse()?),
        Err(unknown) => Err(unknown.into()),
    }
}

fn looks_like_layers(text: &str) -> bool {
    text.split([' ', '|']).any(|token| {
        let operation = token.split(['@', '/']).next().unwrap_or_default();
        matches!(operation, "-" | "L") || token.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_and_layers_are_told_apart() {
        assert_eq!(network("ScarletB").unwrap().name, "scarlet-b");
        assert_eq!(network("E3K3@24 - L@16").unwrap().layers().len(), 3);
        assert_eq!(network("-@16 L@24/2").unwrap().layers().len(), 2);
        let error = network("scarlett-c").unwrap_err().to_string();
        assert!(error.contains("did you mean \"scarlet-c\""), "{error}");
        let error = network("E3K3@24 E3K").unwrap_err().to_string();
        assert!(error.contains("token 2 \"E3K\""), "{error}");
        let error = network("absent.json").unwrap_err().to_string();
        assert!(error.contains("cannot read `absent.json`"), "{error}");
    }
}
