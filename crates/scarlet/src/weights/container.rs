//! [`Container`]: what a checkpoint is stored in.

/// How a file keeps its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Container {
    /// A pickle stream followed by the tensors, as PyTorch wrote before 1.6.
    LegacyPickle,
    /// A zip archive around a pickle, as PyTorch writes since 1.6.
    Zip,
    /// A TAR archive, as PyTorch wrote before 0.1.10.
    Tar,
    /// A pickle without tensors.
    Pickle,
    /// A JSON header followed by the tensors.
    Safetensors,
    /// No file: the tensors come from a program.
    Memory,
}

impl Container {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::LegacyPickle => "PyTorch legacy pickle",
            Self::Zip => "PyTorch zip",
            Self::Tar => "PyTorch TAR",
            Self::Pickle => "pickle",
            Self::Safetensors => "safetensors",
            Self::Memory => "memory",
        }
    }
}
