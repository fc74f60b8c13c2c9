//! [`Token`]: what devices of other machines are protected by.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::DeviceError;

const TOKEN: &str = "SCARLET_TOKEN";
const TOKEN_FILE: &str = "SCARLET_TOKEN_FILE";
/// The longest token, in bytes.
const LONGEST: u64 = 4096;

/// The secret that a machine asks of others before they compute on a device that it serves. Both
/// sides take it from a file or from the environment, since everybody on a machine can see the
/// arguments of its programs.
///
/// It travels as it is over a `ws://` connection: it keeps strangers out of a network that is
/// trusted, not those who can read what is sent there.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token in a file, without blanks and line breaks around it.
    ///
    /// # Errors
    ///
    /// [`DeviceError::Token`] when the file cannot be read, or holds none.
    pub fn from_file(path: &Path) -> Result<Self, DeviceError> {
        let place = path.display();
        let bad = |reason: String| DeviceError::Token {
            place: place.to_string(),
            reason,
        };
        let mut text = String::new();
        File::open(path)
            .and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text))
            .map_err(|error| bad(error.to_string()))?;
        Self::new(&text).map_err(bad)
    }

    /// The token in the environment variable `SCARLET_TOKEN`, or in the file that
    /// `SCARLET_TOKEN_FILE` names; `None` where neither is set.
    ///
    /// # Errors
    ///
    /// [`DeviceError::Token`] when one is set and gives none: nothing is served to everybody
    /// because a variable came out empty.
    pub fn from_environment() -> Result<Option<Self>, DeviceError> {
        Self::from_variables(std::env::var_os(TOKEN), std::env::var_os(TOKEN_FILE))
    }

    fn from_variables(
        token: Option<OsString>,
        file: Option<OsString>,
    ) -> Result<Option<Self>, DeviceError> {
        let bad = |reason: String| DeviceError::Token {
            place: TOKEN.to_owned(),
            reason,
        };
        match (token, file) {
            (Some(token), _) => {
                let text = token
                    .to_str()
                    .ok_or_else(|| bad("it is no text".to_owned()))?;
                Self::new(text).map(Some).map_err(bad)
            }
            (None, Some(file)) => Self::from_file(Path::new(&file)).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        match text.len() as u64 {
            0 => Err("it is empty".to_owned()),
            length if length > LONGEST => Err(format!("it is longer than {LONGEST} bytes")),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// The token itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Does not show it.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_from_a_file_or_a_variable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, " secret\n").unwrap();
        let from = |token: Option<&str>, file: Option<&Path>| {
            let token = Token::from_variables(token.map(Into::into), file.map(Into::into));
            token.map(|token| token.map(|token| token.as_str().to_owned()))
        };
        assert_eq!(from(None, None), Ok(None));
        assert_eq!(from(Some("word\n"), None), Ok(Some("word".to_owned())));
        assert_eq!(from(None, Some(&path)), Ok(Some("secret".to_owned())));
        assert_eq!(from(Some("word"), Some(&path)), Ok(Some("word".to_owned())));

        // Set to nothing is not the same as not set.
        let error = from(Some(" "), Some(&path)).unwrap_err().to_string();
        assert!(error.contains("SCARLET_TOKEN: it is empty"), "{error}");
        let long = "x".repeat(5000);
        for text in ["\n", &long] {
            std::fs::write(&path, text).unwrap();
            let error = from(None, Some(&path)).unwrap_err().to_string();
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
        let error = from(None, Some(&folder.path().join("absent"))).unwrap_err();
        assert!(
            error.to_string().contains("absent: No such file"),
            "{error}"
        );
    }

    #[test]
    fn a_token_is_not_shown() {
        let token = Token::new("secret").unwrap();
        assert!(!format!("{token:?}").contains("secret"));
    }
}
