//! Printing. Whatever names are in a text, it leaves here without anything that a terminal would
//! obey.

use std::fmt::{Arguments, Display};
use std::io::{self, Write};

use scarlet_io::printable::{self, printable};

use crate::error::ToolError;

/// The longest name in a table: one more would make all rows as wide.
const WIDEST: usize = 120;

/// Prints a line. Unlike `println!`, it returns the error of a reader that hung up.
pub(crate) fn say(line: Arguments) -> Result<(), ToolError> {
    write(&printable(&line.to_string()))
}

/// Prints a text of JSON.
pub(crate) fn say_json(json: &str) -> Result<(), ToolError> {
    write(&printable::json(json))
}

fn write(text: &str) -> Result<(), ToolError> {
    let mut output = io::stdout().lock();
    writeln!(output, "{text}")?;
    Ok(output.flush()?)
}

/// Tells standard error; nobody is left to tell when that is gone.
pub(crate) fn tell(message: impl Display) {
    let message = printable::message(&message.to_string());
    let _ = writeln!(io::stderr(), "{message}");
}

/// A name as tables show it.
pub(crate) fn cell(name: &str) -> String {
    printable::shortened(&name.escape_default().to_string(), WIDEST).into_owned()
}
