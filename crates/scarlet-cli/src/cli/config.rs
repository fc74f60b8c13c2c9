//! Arguments of `scarlet config`.

use clap::{Args, ValueEnum, ValueHint};

use super::training::PresetArg;

/// List every setting, with its default and what it means
///
/// The output for a command is a TOML file that the command accepts with --config; it may be cut
/// down to the settings to change. A single setting is given with --set, as in
/// --set train.epochs=20.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scarlet config train
  scarlet config finetune --data flowers/ > flowers.toml
  scarlet config finetune --preset best
  scarlet config search")]
pub(crate) struct ConfigArgs {
    /// Command whose settings are listed [default: all four]
    #[arg(value_enum)]
    pub(crate) command: Option<ConfiguredCommand>,

    /// Images to show the defaults for, as for --data of the command [default: fashion-sample]
    #[arg(long, value_name = "SOURCE", value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<String>,

    /// Preset to show the settings of, as for --preset of train and finetune
    #[arg(long, value_enum, value_name = "PRESET")]
    pub(crate) preset: Option<PresetArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConfiguredCommand {
    /// Training from scratch
    Train,
    /// Training from weights
    Finetune,
    /// Searching, and training supernets
    Search,
    /// Studies of supernets
    Study,
}
