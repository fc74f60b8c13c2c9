//! `scarlet deploy`.

use std::path::Path;

use super::calibration::{BATCH, calibrate};
use crate::cli::{ComputeArgs, DeployArgs};
use crate::error::CliError;
use crate::model::{Model, refuse_overwriting};
use crate::report::deploy::DeployReport;
use crate::report::{Setting, file_size, print_json};
use crate::terminal::Terminal;

pub(super) fn run(args: &DeployArgs, terminal: &Terminal) -> Result<(), CliError> {
    let terminal = &terminal.beside(&args.out);
    refuse_overwriting(&args.out, args.model.weights.as_deref())?;
    let compute = ComputeArgs {
        device: "cpu".to_owned(),
        threads: None,
    };
    let mut model = Model::open(&args.model, &compute, BATCH, terminal)?;
    let calibrated_on = match &args.int8 {
        Some(photographs) => Some(round(&mut model, photographs, terminal)?),
        None => None,
    };
    if args.bf16 {
        model.round_to_bf16()?;
    }
    model.save(&args.out)?;
    let report = DeployReport {
        setting: Setting::of(&model),
        file: args.out.display().to_string(),
        bytes: file_size(&args.out)?,
        calibrated_on,
    };
    if args.json {
        print_json(terminal, &report)
    } else {
        terminal.print(&report.text())
    }
}

/// Rounds the network to eight bits and returns how many photographs it was calibrated on.
fn round(model: &mut Model, photographs: &Path, terminal: &Terminal) -> Result<usize, CliError> {
    let (preprocessing, channels) = (model.preprocessing(), model.channels());
    calibrate(photographs, preprocessing, channels, terminal, |batches| {
        model.quantise(batches)
    })
}
