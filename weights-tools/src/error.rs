//! What can go wrong in the tool.

use std::io;
use std::path::PathBuf;

use scarlet::arch::ArchitectureError;
use scarlet::fold::FoldError;
use scarlet::weights::{FetchError, WeightsError};
use scarlet::{ConfigError, DeviceError, InputError};

#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolError {
    #[error(transparent)]
    Weights(#[from] WeightsError),

    #[error(transparent)]
    Fetch(#[from] FetchError),

    #[error(transparent)]
    Config(#[from] ConfigError),

    #[error(transparent)]
    Architecture(#[from] ArchitectureError),
    #[error(transparent)]
    UnknownModel(#[from] scarlet::zoo::UnknownNetwork),

    #[error(transparent)]
    Device(#[from] DeviceError),

    #[error(transparent)]
    Fold(#[from] FoldError),

    #[error("the case's input does not fit the network: {0}")]
    Input(#[from] InputError),

    #[error("cannot read `{}`: {source}", .path.display())]
    ReadFile { path: PathBuf, source: io::Error },

    #[error("`{}` is not a network: {source}", .path.display())]
    ModelFile {
        path: PathBuf,
        source: Box<ArchitectureError>,
    },

    #[error(
        "`{}` would be safetensors: give the output a name that ends in .safetensors", .0.display()
    )]
    OutputEnding(PathBuf),

    #[error("`{0}` fits no known network, and folding needs one: name it with --model")]
    NothingToFold(String),

    #[error("`{}` is not a case: {detail}; a case holds `input`, [batch, 3, height, width], and \
             `logits`, [batch, classes]", .path.display())]
    Case { path: PathBuf, detail: String },

    #[error("the network's logits hold {value} at image {image}, class {class}")]
    LogitNotFinite {
        value: f32,
        image: usize,
        class: usize,
    },

    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),

    #[error("{0}")]
    Compute(String),
}

impl ToolError {
    /// 2 where the command line asks for what there is not, 1 for all else.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Weights(WeightsError::UnknownOrigin(_)) => 2,
            _ => 1,
        }
    }

    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
