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

/// Prints a line on standard error. When that is gone, nobody is left to tell.
pub(crate) fn tell(line: Arguments) {
    let _ = writeln!(io::stderr(), "{line}");
}
