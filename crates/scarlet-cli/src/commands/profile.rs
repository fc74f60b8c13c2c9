//! `scarlet profile`.

use scarlet::InstructionSet;
use scarlet_io::atomic_file;
use scarlet_kernels::Peak;
use scarlet_report::roofline_svg;

use crate::cli::ProfileArgs;
use crate::error::CliError;
use crate::model::Model;
use crate::report::profile::ProfileReport;
use crate::report::{Setting, print_json};
use crate::terminal::Terminal;

pub(super) fn run(args: &ProfileArgs, terminal: &Terminal) -> Result<(), CliError> {
    let mut model = Model::measured(&args.subject, &args.compute, terminal)?;
    let batch = args.subject.batch;
    let images = model.any_images(batch);
    let parts = model.profile(&images, args.runs)?;
    let threads = rayon::current_num_threads();
    let peak = Peak::measure(threads, InstructionSet::detect())
        .map_err(|error| CliError::Deploy(error.into()))?;
    let report = ProfileReport::new(
        Setting::of(&model),
        (batch, threads, args.runs),
        peak,
        &parts,
    );
    let mut terminal = terminal.clone();
    if let Some(path) = &args.svg {
        terminal = terminal.beside(path);
        let svg = roofline_svg(&report.roofline())?;
        let written = atomic_file::write(path, |file| file.write_all(svg.as_bytes()));
        written.map_err(|source| CliError::WriteFile {
            path: path.clone(),
            source,
        })?;
        terminal.note(format_args!("the roofline is in {}", path.display()));
    }
    if args.json {
        print_json(&terminal, &report)
    } else {
        terminal.print(&report.text())
    }
}
