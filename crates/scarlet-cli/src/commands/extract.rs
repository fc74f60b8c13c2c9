//! `scarlet extract`.

use scarlet::weights::Precision;
use scarlet_train::run::{Rule, RunConfig, extract};

use crate::cli::run::ExtractArgs;
use crate::error::CliError;
use crate::model::open_device;
use crate::report::print_json;
use crate::report::search::choice_text;
use crate::terminal::Terminal;

pub(super) fn run(args: &ExtractArgs, terminal: &Terminal) -> Result<(), CliError> {
    let device = open_device(&args.compute)?;
    let (folder, _) = RunConfig::open_existing(&args.run)?;
    let rule = Rule::from(args.choose.clone());
    let (choice, extracted) = extract(&folder, &rule, &args.budget, &device)?;
    let precision = match args.half {
        true => Precision::F16,
        false => Precision::F32,
    };
    extracted.network.save(&args.output, precision)?;
    match args.json {
        true => print_json(terminal, &choice),
        false => terminal.print(&choice_text(&choice)),
    }
}
