//! `scarlet export`.

use std::path::Path;

use scarlet::device_by_name;
use scarlet::onnx::{Batch, OnnxOptions};
use scarlet::weights::Precision;
use serde::Serialize;

use crate::cli::ExportArgs;
use crate::error::CliError;
use crate::model::{Loaded, refuse_overwriting};
use crate::report::number::megabytes;
use crate::report::{file_size, print_json};
use crate::terminal::Terminal;

#[derive(Serialize)]
struct Exported<'a> {
    path: &'a Path,
    /// Not known of what went into a pipe or a device.
    bytes: Option<u64>,
    model: &'a str,
    weights: &'a str,
    resolution: usize,
    classes: usize,
}

/// What the ending of a file says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Onnx,
    Safetensors,
}

impl Format {
    fn of(path: &Path) -> Result<Self, CliError> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("onnx") => Ok(Self::Onnx),
            Some("safetensors") => Ok(Self::Safetensors),
            _ => Err(CliError::ExportFormat(path.to_owned())),
        }
    }

    /// Refuses what was asked for and is of the other format.
    fn check(self, args: &ExportArgs) -> Result<(), CliError> {
        let (ending, foreign): (_, &[_]) = match self {
            Self::Onnx => (".safetensors", &[("half", args.half)]),
            Self::Safetensors => {
                let (images, opset) = (args.images.is_some(), args.opset.is_some());
                (".onnx", &[("images", images), ("opset", opset)])
            }
        };
        match foreign.iter().find(|(_, given)| *given) {
            Some(&(option, _)) => Err(CliError::ExportOption {
                option,
                ending,
                path: args.out.clone(),
            }),
            None => Ok(()),
        }
    }
}

pub(super) fn run(args: &ExportArgs, terminal: &Terminal) -> Result<(), CliError> {
    let terminal = &terminal.beside(&args.out);
    let format = Format::of(&args.out)?;
    format.check(args)?;
    refuse_overwriting(&args.out, args.model.weights.as_deref())?;
    let device = device_by_name("cpu")?;
    let loaded = Loaded::open(&args.model, &device, terminal)?;
    match format {
        Format::Onnx => {
            let side = loaded.architecture.preprocessing.resolution;
            let mut options = OnnxOptions::new().with_size(side, side);
            if let Some(images) = args.images {
                options = options.with_batch(Batch::Fixed(images));
            }
            if let Some(opset) = args.opset {
                options = options.with_opset(opset);
            }
            loaded.network.save_onnx(&args.out, &options)?;
        }
        Format::Safetensors => {
            let precision = if args.half {
                Precision::F16
            } else {
                Precision::F32
            };
            loaded.network.save(&args.out, precision)?;
        }
    }
    let exported = Exported {
        path: &args.out,
        bytes: file_size(&args.out)?,
        model: &loaded.architecture.name,
        weights: &loaded.weights,
        resolution: loaded.architecture.preprocessing.resolution,
        classes: loaded.architecture.classes,
    };
    if args.json {
        return print_json(terminal, &exported);
    }
    let size = exported
        .bytes
        .map(|bytes| format!(", {}", megabytes(bytes)));
    terminal.print(&format!(
        "{}: {} with {} classes for images of {} pixels{}",
        args.out.display(),
        exported.model,
        exported.classes,
        exported.resolution,
        size.unwrap_or_default()
    ))
}
