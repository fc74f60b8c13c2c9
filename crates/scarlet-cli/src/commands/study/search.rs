//! `scarlet study search`.

use scarlet_train::run::{ComparisonConfig, RunConfig, RunError};

use super::pictures;
use super::tables::{generations, write_csv};
use crate::cli::study::SearchStudyArgs;
use crate::commands::search::prepare;
use crate::commands::watch::Watch;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::model::open_device;
use crate::report::print_json;
use crate::report::study::{FoundVolumes, found_text};
use crate::terminal::Terminal;

pub(super) fn run(args: &SearchStudyArgs, terminal: &Terminal) -> Result<(), CliError> {
    let device = open_device(&args.compute)?;
    let (folder, config) = RunConfig::open_existing(&args.folder)?;
    let comparison = ComparisonConfig {
        seeds: (0..u64::from(args.seeds)).collect(),
        evaluations: args.evaluations.unwrap_or(config.search.evaluations),
    };
    let watch = Watch::new(terminal.clone(), Interrupt::listen()?);
    let run = prepare(config, device, terminal)?.with_observer(watch);
    let searches = run
        .train_supernet(&folder)
        .and_then(|supernet| run.compare_searches(&folder, &supernet, &comparison))
        .inspect_err(|error| {
            if let RunError::Interrupted { .. } = error {
                terminal.note("stopped; the same command goes on from here");
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
