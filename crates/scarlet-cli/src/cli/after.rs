//! What happens to a network after its training.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::verify::AskedRuntime;

/// A file for an app, from the command that trains.
#[derive(Debug, Args)]
#[command(next_help_heading = "Export")]
pub(crate) struct AfterArgs {
    /// After training, also write the network for other programs: a file ending in .tflite or
    /// .onnx, as scarlet export writes it. With --resume, also for a finished run
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) export: Option<PathBuf>,

    /// Quantise that file to eight bits, calibrated on up to 512 of the training photographs
    #[arg(long, requires = "export")]
    pub(crate) int8: bool,

    /// Run that file in its own runtime, in Python, on up to 256 of the photographs (of test, or val,
    /// where the folder has one), and write FILE.verify.json
    #[arg(long, requires = "export")]
    pub(crate) verify: bool,

    /// Runtime to verify in, as for scarlet export
    #[arg(long, value_name = "NAME", requires = "verify")]
    pub(crate) runtime: Option<AskedRuntime>,

    /// Python in which the runtime is installed [default: python3]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::ExecutablePath, requires = "verify")]
    pub(crate) python: Option<PathBuf>,
}
