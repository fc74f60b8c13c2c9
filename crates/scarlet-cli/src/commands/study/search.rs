//! `scarlet study search`.

use scarlet_run::pipeline::RunConfig;

use super::pictures;
use super::tables::{generations, write_csv};
use crate::cli::study::SearchStudyArgs;
use crate::commands::search::prepare;
use crate::commands::watch::Watch;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::model::open_device;
use crate::report::print_json;
use crate::report::study::{FoundVolumes, comparison_text, found_text};
use crate::study_settings::comparison;
use crate::terminal::Terminal;

pub(super) fn run(args: &SearchStudyArgs, terminal: &Terminal) -> Result<(), CliError> {
    let device = open_device(&args.compute)?;
    let (folder, config) = RunConfig::open_existing(&args.folder)?;
    let comparison = comparison(args, config.search.evaluations)?;
    if args.dry_run {
        let run = prepare(config, device, terminal)?;
        let plan = run.timed_comparison(&folder, &comparison)?;
        return match args.json {
            true => print_json(terminal, &plan),
            false => terminal.print(&comparison_text(&plan)),
        };
    }
    let watch = Watch::new(terminal.clone(), Interrupt::listen()?);
    let run = prepare(config, device, terminal)?.with_observer(watch);
    let searches = run
        .train_whole(&folder)
        .and_then(|teacher| run.train_supernet(&folder, teacher.as_ref()))
        .and_then(|supernet| run.compare_searches(&folder, &supernet, &comparison))
        .inspect_err(|error| {
            if error.can_go_on() {
                terminal.note("stopped; run the same command to continue from here");
            }
        })?;
    write_csv(&folder, "search/comparison.csv", &generations(&searches))?;
    let picture = pictures::searches(&searches)?;
    folder.write("search/comparison.svg", picture.as_bytes())?;
    let found = FoundVolumes::of(&searches);
    match args.json {
        true => print_json(terminal, &found),
        false => terminal.print(&found_text(&found)),
    }
}
