//! `scarlet latency-table`.

use rayon::current_num_threads;
use scarlet_train::latency::{LatencyError, LatencyTable, TableProgress, TableSettings};
use scarlet_train::{Control, TrainError};

use crate::cli::LatencyTableArgs;
use crate::commands::reading_progress::ReadingProgress;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::model::open_device;
use crate::report::latency::table_text;
use crate::report::print_json;
use crate::run_settings::configuration;
use crate::terminal::Terminal;

pub(super) fn run(args: &LatencyTableArgs, terminal: &Terminal) -> Result<(), CliError> {
    let terminal = &terminal.beside(&args.out);
    let device = open_device(&args.compute)?;
    let reading = ReadingProgress::new(terminal);
    let config = configuration(None, &args.settings, None)?;
    let space = config.search_space(|total| reading.advance(total))?;
    drop(reading);
    let settings = TableSettings {
        device: args.compute.device.clone(),
        threads: current_num_threads(),
        batch: args.batch,
        rounds: args.rounds,
        check: args.networks,
    };
    let interrupt = Interrupt::listen()?;
    let mut progress = None;
    let measured = LatencyTable::measure(&space, &device, &settings, |at: TableProgress| {
        progress
            .get_or_insert_with(|| terminal.progress("measurements", at.total))
            .advance(1);
        match interrupt.is_requested() {
            true => Control::Stop,
            false => Control::Continue,
        }
    });
    drop(progress);
    let table = match measured {
        Err(LatencyError::Stopped) => return Err(CliError::Interrupted),
        measured => measured.map_err(TrainError::from)?,
    };
    table
        .check_error(args.max_error)
        .map_err(TrainError::from)?;
    table.save(&args.out).map_err(TrainError::from)?;
    terminal.note(format_args!("the table is in {}", args.out.display()));
    match args.json {
        true => print_json(terminal, &table),
        false => terminal.print(&table_text(&table)),
    }
}
