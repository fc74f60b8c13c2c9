//! `scarlet deploy`.

use crate::cli::{ComputeArgs, DeployArgs};
use crate::error::CliError;
use crate::model::Model;
use crate::report::deploy::DeployReport;
use crate::report::{Setting, print_json};
use crate::terminal::Terminal;

pub(super) fn run(args: &DeployArgs, terminal: &Terminal) -> Result<(), CliError> {
    let compute = ComputeArgs {
        device: "cpu".to_owned(),
        threads: None,
    };
    let model = Model::open(&args.model, &compute, 1, terminal)?;
    model.save(&args.out)?;
    let written = std::fs::metadata(&args.out).map_err(|source| CliError::ReadFile {
        path: args.out.clone(),
        source,
    })?;
    let report = DeployReport {
        setting: Setting::of(&model),
        file: args.out.display().to_string(),
        bytes: written.len(),
    };
    if args.json {
        print_json(terminal, &report)
    } else {
        terminal.print(&report.text())
    }
}
