//! `scarlet latency-table`.

use std::path::Path;

use rayon::current_num_threads;
use scarlet::arch::{Architecture, SearchSpace};
use scarlet::burn::tensor::Device;
use scarlet::tflite;
use scarlet_io::atomic_file;
use scarlet_train::latency::{
    LatencyError, LatencyTable, MeasuredTimes, TableProgress, TableSettings, device_of,
};
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
    let target = args.out.as_deref().or(args.plan.as_deref());
    let target = target.unwrap_or(Path::new(""));
    let terminal = &terminal.beside(target);
    // Also of times from elsewhere --threads says on how many they were taken.
    let device = open_device(&args.compute)?;
    let reading = ReadingProgress::new(terminal);
    let config = configuration(None, &args.settings, None)?;
    let space = config.search_space(|total| reading.advance(total))?;
    drop(reading);
    if let Some(plan) = &args.plan {
        return write_plan(plan, &space, args.networks, terminal);
    }
    let (profiles, _) = args.profile.as_chunks::<2>();
    let table = match args.from.as_ref().or(args.profile.first()) {
        Some(times) => {
            let measured = args.from.as_ref().map(MeasuredTimes::read).transpose();
            let measured = measured.map_err(TrainError::from)?;
            let mut measured = measured.unwrap_or_else(|| MeasuredTimes::none(times));
            for [output, network] in profiles {
                let network = exported_architecture(network)?;
                let with = measured.with_profile(output, &network);
                measured = with.map_err(TrainError::from)?;
            }
            let on = (current_num_threads(), args.batch);
            LatencyTable::of_measured(&space, &measured, &device_of(times), on, args.deploy)
                .map_err(TrainError::from)?
        }
        None => measured(args, &space, &device, terminal)?,
    };
    if table.check.is_none() {
        terminal.note(
            "no whole network was timed except those of the parts, so the table's accuracy could not \
             be checked: add rows of operation `network`",
        );
    }
    table
        .check_error(args.max_error)
        .map_err(TrainError::from)?;
    table.save(target).map_err(TrainError::from)?;
    terminal.note(format_args!("the table is in {}", target.display()));
    match args.json {
        true => print_json(terminal, &table),
        false => terminal.print(&table_text(&table)),
    }
}

/// The network of a file that was profiled.
fn exported_architecture(path: &Path) -> Result<Architecture, CliError> {
    let said = tflite::describe(path).map_err(|source| CliError::ReadFile {
        path: path.to_owned(),
        source,
    })?;
    let json = said.and_then(|said| said.architecture);
    let json = json.ok_or_else(|| CliError::ForeignExport(path.to_owned()))?;
    Architecture::from_json(&json).map_err(|source| CliError::ModelFile {
        path: path.to_owned(),
        source: Box::new(source),
    })
}

/// Writes which networks another device is to time.
fn write_plan(
    path: &Path,
    space: &SearchSpace,
    check: usize,
    terminal: &Terminal,
) -> Result<(), CliError> {
    let plan = LatencyTable::plan(space, check).map_err(TrainError::from)?;
    let json = plan.to_json();
    atomic_file::write(path, |file| writeln!(file, "{json}")).map_err(|source| {
        CliError::WriteFile {
            path: path.to_owned(),
            source,
        }
    })?;
    terminal.print(&format!(
        "{}: {} networks; on the device: scarlet-latency {} > measured.csv",
        path.display(),
        plan.networks.len(),
        path.display()
    ))
}

fn measured(
    args: &LatencyTableArgs,
    space: &SearchSpace,
    device: &Device,
    terminal: &Terminal,
) -> Result<LatencyTable, CliError> {
    let settings = TableSettings {
        device: args.compute.device.clone(),
        threads: current_num_threads(),
        batch: args.batch,
        rounds: args.rounds,
        check: args.networks,
        deploy: args.deploy,
    };
    let interrupt = Interrupt::listen()?;
    let mut progress = None;
    let measured = LatencyTable::measure(space, device, &settings, |at: TableProgress| {
        progress
            .get_or_insert_with(|| terminal.progress("measurements", at.total))
            .advance(1);
        match interrupt.is_requested() {
            true => Control::Stop,
            false => Control::Continue,
        }
    });
    drop(progress);
    match measured {
        Err(LatencyError::Stopped) => Err(CliError::Interrupted),
        measured => Ok(measured.map_err(TrainError::from)?),
    }
}
