//! `scarlet search`.

use std::path::{Path, absolute};
use std::time::Duration;

use rayon::current_num_threads;
use scarlet::arch::OnceForAll;
use scarlet::burn::tensor::Device;
use scarlet::device_by_name;
use scarlet::weights::{OfaSupernet, OpenOptions, Source};
use scarlet::zoo;
use scarlet_run::RunError;
use scarlet_run::RunFolder;
use scarlet_run::pipeline::{Run, RunConfig, Stage, WholeNetwork};
use serde::Serialize;

use crate::cli::ComputeArgs;
use crate::cli::run::{RunFolderArgs, RunSettingsArgs, SearchArgs, UntilArg};
use crate::commands::after::After;
use crate::commands::notices::tell;
use crate::commands::reading_progress::ReadingProgress;
use crate::commands::warn_without_checksums;
use crate::commands::watch::Watch;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::model::open_device;
use crate::model::weights_file::{architecture_of, get, open_weights};
use crate::new_folder::new_folder;
use crate::report::print_json;
use crate::report::search::{plan_text, result_text};
use crate::report::seen::{Originals, better_road, needless_enlarging, quoted, seen};
use crate::run_settings::{configuration, configuration_over};
use crate::terminal::Terminal;

pub(super) fn run(args: &SearchArgs, terminal: &Terminal) -> Result<(), CliError> {
    let supernet = args.supernet.as_deref();
    let theirs = supernet.map(RunConfig::read_existing).transpose()?;
    let new = || {
        let (settings, search) = (&args.settings, Some(&args.search));
        let Some(theirs) = &theirs else {
            return match args.from.as_deref() {
                Some(SCRATCH) => configuration(None, settings, search),
                Some(from) => parts_of(from, args, terminal),
                None => suited(args, terminal),
            };
        };
        let config = configuration(Some(theirs), settings, search)?;
        config.check_supernet_of(theirs)?;
        Ok(config)
    };
    let make = |run: &Run, path: &Path| {
        introduce(run, &args.settings, supernet.is_none(), terminal);
        check(run, path, supernet, terminal)?;
        let folder = match supernet {
            Some(other) => run.config().new_folder_from(path, other),
            None => run.config().new_folder(path),
        };
        Ok(folder?)
    };
    let evaluators = args.evaluate_on.iter().map(|name| device_by_name(name));
    let evaluators: Vec<Device> = evaluators.collect::<Result<_, _>>()?;
    let side_by_side = |run: Run| match evaluators.is_empty() {
        true => run,
        false => run.with_evaluators(evaluators),
    };
    if args.dry_run {
        let run = side_by_side(prepare(new()?, open_device(&args.compute)?, terminal)?);
        if supernet.is_none() {
            advise(&run, &args.settings, terminal);
        }
        // Nothing is there yet.
        check(&run, Path::new(""), supernet, terminal)?;
        let plan = run.timed_plan(supernet)?;
        return match args.json {
            true => print_json(terminal, &plan),
            false => terminal.print(&plan_text(&plan)),
        };
    }
    // Before all images are read; where those of a run that continues are from is in its folder.
    let mut after = None;
    if let Some(path) = &args.folder.resume {
        let config = RunConfig::read_existing(path)?;
        after = After::check(&args.after, &config.data.source)?;
    }
    let new = || {
        let config = new()?;
        after = After::check(&args.after, &config.data.source)?;
        Ok(config)
    };
    let (run, folder) = begin(new, make, &args.folder, &args.compute, terminal)?;
    let run = side_by_side(run);
    if let Some(until) = args.until {
        let stage = Stage::from(until);
        let result = run.finish_stage(&folder, stage);
        result.map_err(|error| ended(error, "search", &folder, terminal))?;
        return match args.json {
            true => print_json(
                terminal,
                &Reached {
                    stage,
                    folder: folder.path(),
                },
            ),
            false => terminal.print(&format!(
                "{stage} is done; {}",
                go_on("search", folder.path())
            )),
        };
    }
    let result = run.finish(&folder);
    let exported = result.map_err(|error| ended(error, "search", &folder, terminal))?;
    match args.json {
        true => print_json(terminal, &exported),
        false => terminal.print(&result_text(&exported, folder.path())),
    }?;
    let weights = folder.file("network/network.safetensors");
    after.map_or(Ok(()), |after| after.write(&weights, args.json, terminal))
}

/// What `--from` takes for networks that owe nothing to others.
const SCRATCH: &str = "scratch";

/// Whose parts are searched where nothing else is said.
const PUBLIC: &str = "efficientnet-lite0";

/// The settings of a search that does not say where it starts: from a public network where that
/// suits the images and nothing is asked for that only networks of their own have.
fn suited(args: &SearchArgs, terminal: &Terminal) -> Result<RunConfig, CliError> {
    let settings = &args.settings;
    let scratch = configuration(None, settings, Some(&args.search))?;
    let is_plan =
        settings.space.is_some() || settings.choices.is_some() || settings.width.is_some();
    if is_plan || !scratch.suits_public_network() {
        return Ok(scratch);
    }
    match parts_of(PUBLIC, args, terminal) {
        Ok(config) => {
            terminal.note(format_args!(
                "starts from {PUBLIC}, whose parts are searched; --from takes another network, or \
                 {SCRATCH}"
            ));
            Ok(config)
        }
        Err(CliError::Fetch(error)) => {
            terminal.warn(format_args!(
                "{error}\nstarts from scratch, which needs more images and time for the same \
                 accuracy; --from also takes a file of weights"
            ));
            Ok(scratch)
        }
        Err(error) => Err(error),
    }
}

/// Where the authors of Once-for-All publish their supernets.
const ONCE_FOR_ALL: &str = "https://raw.githubusercontent.com/han-cai/files/master/ofa/ofa_nets/";

/// Where the supernet of a name is, if there is one.
fn published(name: &str) -> Option<String> {
    let supernet = match name {
        "ofa-mbv3" => OnceForAll::MobileNetV3,
        "ofa-mbv3-w1.2" => OnceForAll::MobileNetV3Wide,
        "ofa-proxyless" => OnceForAll::Proxyless,
        _ => return None,
    };
    Some(format!("{ONCE_FOR_ALL}{}", supernet.name()))
}

/// The settings of a search among the parts of a network, whose weights are downloaded if need be.
fn parts_of(from: &str, args: &SearchArgs, terminal: &Terminal) -> Result<RunConfig, CliError> {
    let published = published(from).filter(|_| !Path::new(from).exists());
    let from = published.as_deref().unwrap_or(from);
    // What neither is a file nor could be one is a name.
    let is_name = !from.contains(['/', '\\', '.', ':']) && !Path::new(from).exists();
    let known = match zoo::find(from) {
        Err(unknown) if is_name => return Err(unknown.into()),
        found => found.ok().filter(|_| !Path::new(from).exists()),
    };
    let source: Option<Source> = match known {
        Some(_) => None,
        None => Some(from.parse()?),
    };
    if let Some(network) = known.filter(|network| network.weights().is_empty()) {
        return Err(CliError::NoPublicWeights(network.name()));
    }
    let path = get(terminal, |fetcher| match &source {
        Some(source) => fetcher.fetch(source),
        None => fetcher.fetch_known(from),
    })?;
    let options = match &source {
        Some(source) => OpenOptions::default().with_origin_of(source),
        None => OpenOptions {
            origin: Some(from.to_owned()),
            ..OpenOptions::default()
        },
    };
    let weights = open_weights(&path, &options, terminal)?;
    if !OfaSupernet::holds(&weights) {
        architecture_of(&weights, terminal)?;
    }
    let path = absolute(&path).unwrap_or(path);
    let whole = WholeNetwork::new(path.display().to_string(), options.origin);
    let base = |source: &str, resolution| Ok(RunConfig::for_parts_of(whole, source, resolution)?);
    configuration_over(base, &args.settings, Some(&args.search))
}

/// Says what networks will see, and whether there is a better way, where it can still be taken:
/// after a supernet that is trained already it is too late.
pub(super) fn introduce(run: &Run, settings: &RunSettingsArgs, begins: bool, terminal: &Terminal) {
    let resolution = run.space().template().preprocessing.resolution;
    let originals = Originals {
        photographs: run.data().photographs,
        images: run.data().image_size,
    };
    terminal.note(seen(resolution, &originals));
    if let Some(hint) = needless_enlarging(resolution, &originals, None) {
        terminal.warn(hint);
    }
    if begins {
        advise(run, settings, terminal);
    }
}

fn advise(run: &Run, settings: &RunSettingsArgs, terminal: &Terminal) {
    if run.config().space.from.is_some() {
        return;
    }
    let source = settings.data.as_deref();
    let source = source.unwrap_or(&run.config().data.source);
    if let Some(road) = better_road(source, run.data().photographs.as_ref()) {
        terminal.note(road);
    }
}

/// How far a run was to come.
#[derive(Serialize)]
struct Reached<'a> {
    stage: Stage,
    folder: &'a Path,
}

impl From<UntilArg> for Stage {
    fn from(until: UntilArg) -> Self {
        match until {
            UntilArg::Whole => Self::Whole,
            UntilArg::Supernet => Self::Supernet,
            UntilArg::Search => Self::Search,
            UntilArg::Choose => Self::Choose,
            UntilArg::Train => Self::Train,
        }
    }
}

/// Checks a run that is to be made in `folder`, with the supernet of another if there is one.
fn check(
    run: &Run,
    folder: &Path,
    supernet: Option<&Path>,
    terminal: &Terminal,
) -> Result<(), CliError> {
    run.check_search()?;
    run.check_teachers(folder, supernet)?;
    if let Some(doubt) = run.budget_doubt()? {
        terminal.warn(doubt);
    }
    for loose in run.loose_budget()? {
        terminal.note(loose);
    }
    Ok(())
}

/// The run of what `new` sets, in a folder that `make` makes, or the one that is named; watched.
pub(super) fn begin(
    new: impl FnOnce() -> Result<RunConfig, CliError>,
    make: impl FnOnce(&Run, &Path) -> Result<RunFolder, CliError>,
    args: &RunFolderArgs,
    compute: &ComputeArgs,
    terminal: &Terminal,
) -> Result<(Run, RunFolder), CliError> {
    let watch = Watch::new(terminal.clone(), Interrupt::listen()?);
    let device = open_device(compute)?;
    let every = args.checkpoint_every.map(Duration::from_secs);
    let watched = |run: Run| run.with_observer(watch).with_checkpoint_every(every);
    match &args.resume {
        Some(path) => {
            let (folder, config) = RunConfig::open_existing(path)?;
            warn_without_checksums(&folder, terminal);
            if folder.file("result.json").is_file() {
                terminal.note(
                    "this run is finished, so its result is only shown again; scarlet search \
                     --supernet reuses its supernet in a new run",
                );
            }
            let run = prepare(config, device, terminal)?;
            Ok((watched(run), folder))
        }
        None => {
            let config = new()?;
            // Better now than after reading all images.
            let out = new_folder(args.out.as_deref(), terminal)?;
            let run = prepare(config, device, terminal)?;
            let folder = make(&run, &out)?;
            Ok((watched(run), folder))
        }
    }
}

pub(super) fn prepare(
    config: RunConfig,
    device: Device,
    terminal: &Terminal,
) -> Result<Run, CliError> {
    let reading = ReadingProgress::new(terminal);
    let run = Run::prepare(config, device, |total| reading.advance(total))?;
    drop(reading);
    let run = run.with_workers(current_num_threads());
    tell(&run.data().notices, terminal);
    for (_, error) in &run.data().unreadable {
        terminal.warn(format_args!("left out: {error}"));
    }
    if let Some(error) = run.data().cache_failure() {
        terminal.warn(error);
    }
    Ok(run)
}

/// What a run ended with, and how it can be gone on with, if it can.
pub(super) fn ended(
    error: RunError,
    command: &str,
    folder: &RunFolder,
    terminal: &Terminal,
) -> CliError {
    if error.can_go_on() {
        terminal.note(go_on(command, folder.path()));
    }
    error.into()
}

fn go_on(command: &str, folder: &Path) -> String {
    format!("resume with: scarlet {command} --resume {}", quoted(folder))
}
