//! Printing.

use std::fmt::Arguments;
use std::io::{self, Write};

use crate::error::ToolError;

/// Prints a line. Unlike `println!`, it returns the error of a reader that hung up.
pub(crate) fn say(line: Arguments) -> Result<(), ToolError> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}
