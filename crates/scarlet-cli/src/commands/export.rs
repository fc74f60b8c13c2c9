//! `scarlet export`.

mod verified;

use std::path::Path;

use scarlet::onnx::OnnxOptions;
use scarlet::tflite::TfliteOptions;
use scarlet::weights::Precision;
use scarlet::{Int8, device_by_name};
use serde::Serialize;

use super::calibration::calibrate;
use crate::cli::ExportArgs;
use crate::error::CliError;
use crate::model::loaded::Loaded;
use crate::model::refuse_overwriting;
use crate::report::number::{counted, megabytes};
use crate::report::{file_size, print_json};
use crate::terminal::Terminal;
use crate::verify::{AskedRuntime, Certificate, Runtime};

#[derive(Serialize)]
struct Exported<'a> {
    path: &'a Path,
    /// Not known of what went into a pipe or a device.
    bytes: Option<u64>,
    model: &'a str,
    weights: &'a str,
    resolution: usize,
    classes: usize,
    /// Photographs that it was rounded to eight bits by, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    calibrated_on: Option<usize>,
    /// What the file's own runtime made of it, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<&'a Certificate>,
}

/// What the ending of a file says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Onnx,
    Safetensors,
    Tflite,
}

impl Format {
    fn of(path: &Path) -> Result<Self, CliError> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("onnx") => Ok(Self::Onnx),
            Some("safetensors") => Ok(Self::Safetensors),
            Some("tflite") => Ok(Self::Tflite),
            _ => Err(CliError::ExportFormat(path.to_owned())),
        }
    }

    /// Refuses what was asked for and is for files of other formats.
    fn check(self, args: &ExportArgs) -> Result<(), CliError> {
        const RUN: &[Format] = &[Format::Onnx, Format::Tflite];
        let run = ".onnx and .tflite";
        let options: [(_, _, &[Self], _); 6] = [
            ("int8", args.int8.is_some(), RUN, run),
            ("images", args.images.is_some(), RUN, run),
            ("verify", args.verify.is_some(), RUN, run),
            ("opset", args.opset.is_some(), &[Self::Onnx], ".onnx"),
            (
                "classes",
                args.classes.is_some(),
                &[Self::Tflite],
                ".tflite",
            ),
            ("half", args.half, &[Self::Safetensors], ".safetensors"),
        ];
        let mut options = options.into_iter();
        let refused = |option, ending| CliError::ExportOption {
            option,
            ending,
            path: args.out.clone(),
        };
        if let Some((option, _, _, ending)) =
            options.find(|(_, given, formats, _)| *given && !formats.contains(&self))
        {
            return Err(refused(option, ending));
        }
        // A runtime that does not read this format.
        let ending = args.out.extension().unwrap_or_default();
        match args.runtime.as_ref().map(|it| it.runtime.reads()) {
            Some([only]) if ending != *only => Err(refused(
                "runtime",
                match *only {
                    "onnx" => ".onnx in this runtime",
                    _ => ".tflite in this runtime",
                },
            )),
            _ => Ok(()),
        }
    }
}

/// The runtime to verify in: that which files of this format are for, unless another was named.
pub(super) fn asked_runtime(args: &ExportArgs) -> AskedRuntime {
    args.runtime.clone().unwrap_or_else(|| AskedRuntime {
        runtime: match Format::of(&args.out) {
            Ok(Format::Tflite) => Runtime::LiteRt,
            _ => Runtime::Onnx,
        },
        version: None,
    })
}

pub(super) fn run(args: &ExportArgs, terminal: &Terminal) -> Result<(), CliError> {
    let terminal = &terminal.beside(&args.out);
    check(args)?;
    let written = write(args, terminal)?;
    match args.json {
        true => print_json(terminal, &written.report(args))?,
        false => terminal.print(&written.text(args))?,
    }
    // What was seen is told first.
    written.verdict()
}

/// Refuses what cannot be done, as far as the arguments show it.
pub(super) fn check(args: &ExportArgs) -> Result<(), CliError> {
    Format::of(&args.out)?.check(args)?;
    refuse_overwriting(&args.out, args.model.weights.as_deref())?;
    verified::check(args)
}

/// A file that was written.
pub(super) struct Written {
    loaded: Loaded,
    bytes: Option<u64>,
    calibrated_on: Option<usize>,
    certificate: Option<Certificate>,
}

/// Writes the file, and verifies it where that was asked for.
pub(super) fn write(args: &ExportArgs, terminal: &Terminal) -> Result<Written, CliError> {
    let format = Format::of(&args.out)?;
    let device = device_by_name("cpu")?;
    let loaded = Loaded::open(&args.model, &device, terminal)?;
    let side = loaded.architecture.preprocessing.resolution;
    let (int8, calibrated_on) = match &args.int8 {
        Some(photographs) => {
            let (int8, seen) = round(&loaded, photographs, terminal)?;
            (Some(int8), Some(seen))
        }
        None => (None, None),
    };
    match format {
        Format::Onnx => {
            let mut options = OnnxOptions::new().with_size(side, side);
            if let Some(batch) = args.images {
                options = options.with_batch(batch);
            }
            if let Some(opset) = args.opset {
                options = options.with_opset(opset);
            }
            if let Some(int8) = int8 {
                options = options.with_int8(int8);
            }
            loaded.network.save_onnx(&args.out, &options)?;
        }
        Format::Tflite => {
            let mut options = TfliteOptions::new().with_size(side, side);
            if let Some(batch) = args.images {
                options = options.with_batch(batch);
            }
            let names = loaded.class_names(args.classes.as_deref(), terminal)?;
            if let Some(names) = names.all() {
                options = options.with_labels(names);
            }
            if let Some(int8) = int8 {
                options = options.with_int8(int8);
            }
            loaded.network.save_tflite(&args.out, &options)?;
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
    verified::forget(args)?;
    let certificate = match (&args.verify, format) {
        (Some(photographs), Format::Onnx | Format::Tflite) => Some(verified::verify(
            photographs,
            &asked_runtime(args),
            &loaded,
            args,
            terminal,
        )?),
        _ => None,
    };
    Ok(Written {
        bytes: file_size(&args.out)?,
        loaded,
        calibrated_on,
        certificate,
    })
}

impl Written {
    fn report<'a>(&'a self, args: &'a ExportArgs) -> Exported<'a> {
        let architecture = &self.loaded.architecture;
        Exported {
            path: &args.out,
            bytes: self.bytes,
            model: &architecture.name,
            weights: &self.loaded.weights,
            resolution: architecture.preprocessing.resolution,
            classes: architecture.classes,
            calibrated_on: self.calibrated_on,
            certificate: self.certificate.as_ref(),
        }
    }

    /// As people read it.
    pub(super) fn text(&self, args: &ExportArgs) -> String {
        text(&self.report(args), args)
    }

    /// The error, if the file's own runtime computes something else.
    pub(super) fn verdict(&self) -> Result<(), CliError> {
        let certificate = self.certificate.as_ref();
        certificate.map_or(Ok(()), Certificate::verdict)
    }
}

/// How the network is rounded to suit photographs, and how many these were.
fn round(
    loaded: &Loaded,
    photographs: &Path,
    terminal: &Terminal,
) -> Result<(Int8, usize), CliError> {
    let preprocessing = loaded.architecture.preprocessing;
    let channels = loaded.architecture.input_channels;
    if !matches!(channels, 1 | 3) {
        return Err(CliError::NoColours(channels));
    }
    let side = preprocessing.resolution;
    let mut calibration = Int8::calibrate(&loaded.network, (side, side))?;
    let seen = calibrate(photographs, preprocessing, channels, terminal, |batches| {
        for images in batches {
            let images = images?;
            // Of a batch of files that cannot be read there are none.
            if !images.is_empty() {
                calibration.observe(&images)?;
            }
        }
        Ok(())
    })?;
    Ok((calibration.finish()?, seen))
}

fn text(exported: &Exported<'_>, args: &ExportArgs) -> String {
    let size = exported
        .bytes
        .map(|bytes| format!(", {}", megabytes(bytes)));
    let int8 = exported.calibrated_on.map(|seen| {
        let photographs = counted(seen as u64, "photograph", "photographs");
        format!(", in eight bits, calibrated on {photographs}")
    });
    let line = format!(
        "{}: {} with {} classes for images of {} pixels{}{}",
        args.out.display(),
        exported.model,
        exported.classes,
        exported.resolution,
        int8.unwrap_or_default(),
        size.unwrap_or_default()
    );
    match exported.certificate {
        Some(certificate) => {
            let path = Certificate::path(&args.out);
            format!("{line}\n{}", certificate.text(&path))
        }
        None => line,
    }
}
