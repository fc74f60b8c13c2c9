//! Files of class names, one a line, in a network's order.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::DataError;
use crate::names::escaped;

/// What runs call the file of their classes, next to the weights.
pub const BESIDE_WEIGHTS: &str = "classes.txt";

/// More than the names of a hundred thousand classes take.
const LONGEST: u64 = 8 << 20;

/// The lines of a file with these names. Blanks around a name are a part of it; line breaks and
/// other control characters, which no class folder's name may have, are written escaped.
pub fn to_text(classes: &[String]) -> String {
    let line = |name: &String| match name.chars().any(char::is_control) {
        true => format!("{}\n", escaped(name)),
        false => format!("{name}\n"),
    };
    classes.iter().map(line).collect()
}

/// Reads such a file. Empty lines at its end and a byte order mark do not count, and lines may end
/// as on Windows.
///
/// # Errors
/// [`DataError::NotFound`], [`DataError::Read`], and [`DataError::TooLong`] for a file that no list
/// of names is as long as.
pub fn read(path: impl AsRef<Path>) -> Result<Vec<String>, DataError> {
    let text = read_text(path.as_ref(), LONGEST)?;
    let text = text.trim_start_matches('\u{FEFF}');
    let mut names: Vec<String> = text.lines().map(str::to_owned).collect();
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    Ok(names)
}

/// The names in `classes.txt` next to a file of weights; none if there is no such file, or it
/// cannot be read.
pub fn read_beside(weights: &Path) -> Option<Vec<String>> {
    let path = weights.parent()?.join(BESIDE_WEIGHTS);
    path.is_file().then(|| read(path).ok()).flatten()
}

/// A text of this many bytes at the most.
pub(crate) fn read_text(path: &Path, longest: u64) -> Result<String, DataError> {
    let read = |error| DataError::read(path, error);
    let mut text = String::new();
    let file = File::open(path).map_err(read)?;
    let length = file
        .take(longest + 1)
        .read_to_string(&mut text)
        .map_err(read)?;
    match length as u64 <= longest {
        true => Ok(text),
        false => Err(DataError::TooLong {
            path: path.into(),
            longest,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn names_survive_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("classes.txt");
        let names = [" cat", "dog ", "", "owl", "ä \u{301}", "  "].map(str::to_owned);
        fs::write(&path, to_text(&names)).unwrap();
        assert_eq!(read(&path).unwrap(), names);
        assert_eq!(
            read_beside(&folder.path().join("x.safetensors")).unwrap(),
            names
        );
        fs::write(&path, "\u{FEFF}tulip\r\n rose \r\n\r\n\n").unwrap();
        assert_eq!(read(&path).unwrap(), ["tulip", " rose "]);
        assert_eq!(
            to_text(&["a\nb".to_owned(), "c".to_owned()])
                .lines()
                .count(),
            2
        );
    }

    #[test]
    fn endless_files_are_not_read_to_their_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("classes.txt");
        let file = fs::File::create(&path).unwrap();
        file.set_len(1 << 40).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("is longer than 8388608 bytes"), "{error}");
        assert_eq!(read_beside(&path), None);
    }
}
