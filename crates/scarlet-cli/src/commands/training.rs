//! What `scarlet train` and `scarlet finetune` have in common.

use std::path::Path;
use std::time::{Duration, Instant};

use scarlet_data::contact_sheet;
use scarlet_io::atomic_file;
use scarlet_run::RunError;
use scarlet_run::RunFolder;
use scarlet_run::standalone::{
    Preset, Recipe, Standalone, StandaloneConfig, StandaloneRecord, Start,
};
use scarlet_train::Control;

use super::after::After;
use super::fit::{Fit, fitted};
use super::notices::tell;
use super::reading_progress::ReadingProgress;
use super::training_progress::TrainingProgress;
use super::{finetune, learning_rate, warn_without_checksums};
use crate::cli::training::TrainingArgs;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::model::open_device;
use crate::new_folder::new_folder;
use crate::report::print_json;
use crate::report::seen::{Originals, better_road, needless_enlarging, quoted, seen};
use crate::report::training::{PreviewReport, plan_text, recipe_lines, result_text};
use crate::terminal::Terminal;

/// Images in a preview, and how often each is shown changed at random.
const PREVIEWED: usize = 8;
const SHOWN: usize = 7;

/// A run that is about to begin.
pub(super) struct New {
    pub(super) config: StandaloneConfig,
    pub(super) start: Start,
}

/// Begins the run that `new` makes, or goes on with the one that is named.
pub(super) fn run(
    command: &str,
    args: &TrainingArgs,
    terminal: &Terminal,
    new: impl Fn(Fit) -> Result<New, CliError>,
) -> Result<(), CliError> {
    let began = Instant::now();
    let device = open_device(&args.compute)?;
    let read = |new: New| -> Result<Standalone, CliError> {
        let reading = ReadingProgress::new(terminal);
        Ok(Standalone::prepare(
            new.config,
            new.start,
            &device,
            |total| reading.advance(total),
        )?)
    };
    let prepare = |new: New| -> Result<Standalone, CliError> {
        let run = read(new)?;
        tell(run.notices(), terminal);
        for (_, error) in run.unreadable() {
            terminal.warn(format_args!("left out: {error}"));
        }
        if let Some(error) = run.cache_failure() {
            terminal.warn(error);
        }
        let every = args.folder.checkpoint_every.map(Duration::from_secs);
        Ok(run.with_checkpoint_every(every))
    };
    // Only where there is still something to decide.
    let advise = |run: &Standalone| {
        let config = &run.record().config;
        let source = args.data.as_deref().unwrap_or(&config.data.source);
        let road = better_road(source, run.photographs().as_ref());
        if let Some(road) = road.filter(|_| config.recipe == Recipe::Scratch) {
            terminal.note(road);
        }
    };
    let new = || match args.settings.time {
        None => {
            let new = new(Fit::default())?;
            if let Some(preset) = args.settings.preset {
                terminal.note(Preset::from(preset).describe(&new.config));
            }
            Ok(new)
        }
        Some(time) => fitted(time.saturating_sub(began.elapsed()), &new, read, terminal),
    };
    if args.dry_run {
        let run = prepare(new()?)?;
        advise(&run);
        let plan = run.plan()?;
        return match args.json {
            true => print_json(terminal, &plan),
            false => terminal.print(&plan_text(&plan)),
        };
    }
    if let Some(path) = &args.preview {
        return preview(&prepare(new()?)?, path, args.json, terminal);
    }
    if args.find_learning_rate {
        return learning_rate::find(prepare(new()?)?, args, terminal);
    }
    let after;
    let (folder, run) = match &args.folder.resume {
        Some(path) => {
            let (folder, mut record) = StandaloneRecord::open(path)?;
            after = After::check(&args.after, &record.config.data.source)?;
            let began = match record.config.recipe {
                Recipe::Scratch => "train",
                Recipe::Finetune => "finetune",
            };
            if began != command {
                return Err(CliError::from(RunError::OtherRun {
                    path: path.clone(),
                    command: began,
                }));
            }
            warn_without_checksums(&folder, terminal);
            if let Some(epochs) = args.settings.epochs {
                let before = record.config.train.epochs;
                record = record.with_epochs(&folder, epochs)?;
                if epochs != before {
                    terminal.note(format_args!(
                        "continues to {epochs} epochs in total, instead of {before}: the learning rate \
                         follows the schedule of {epochs} from where the run is; its weights, its \
                         best epoch and the record of all epochs are kept"
                    ));
                }
            }
            if record.is_finished(&folder)? {
                terminal.note(format_args!(
                    "this run is finished, so only its result is written again; --epochs N \
                     continues to N epochs in total (it was made for {})",
                    record.config.train.epochs
                ));
            }
            let run = prepare(begun(&folder, record, terminal)?)?;
            (folder, run)
        }
        None => {
            let new = new()?;
            // Better now than after reading all images.
            after = After::check(&args.after, &new.config.data.source)?;
            let out = new_folder(args.folder.out.as_deref(), terminal)?;
            let run = prepare(new)?;
            let resolution = run.record().architecture.preprocessing.resolution;
            let originals = Originals {
                photographs: run.photographs(),
                images: run.image_size(),
            };
            terminal.note(seen(resolution, &originals));
            if let Some(hint) = needless_enlarging(resolution, &originals, None) {
                terminal.warn(hint);
            }
            advise(&run);
            (RunFolder::create(out, run.record())?, run)
        }
    };
    let [recipe, changes] = recipe_lines(&run.record().config, run.train_images());
    terminal.note(format_args!("recipe: {recipe}\nimages are {changes}"));
    let interrupt = Interrupt::listen()?;
    let mut progress = TrainingProgress::new(terminal, "");
    let result = run.train_telling(&folder, |told| {
        progress.told(told);
        match interrupt.is_requested() {
            true => Control::Stop,
            false => Control::Continue,
        }
    })?;
    if !result.completed {
        terminal.note(format_args!(
            "saved; resume with: scarlet {command} --resume {}",
            quoted(folder.path())
        ));
        return Err(CliError::Interrupted);
    }
    match args.json {
        true => print_json(terminal, &result),
        false => terminal.print(&result_text(&result, folder.path())),
    }?;
    // A network that was never judged has no best epoch.
    let weights = ["best.safetensors", "last.safetensors"].map(|name| folder.file(name));
    match (after, weights.iter().find(|it| it.is_file())) {
        (Some(after), Some(weights)) => after.write(weights, args.json, terminal),
        _ => Ok(()),
    }
}

/// Writes what a run would show its network.
fn preview(run: &Standalone, path: &Path, json: bool, terminal: &Terminal) -> Result<(), CliError> {
    let terminal = terminal.beside(path);
    let preview = run.preview(PREVIEWED, SHOWN)?;
    let report = PreviewReport::new(path, &preview);
    let rows: Vec<_> = preview.rows.into_iter().map(|row| row.images).collect();
    let sheet = contact_sheet(&rows)?;
    atomic_file::write(path, |file| file.write_all(&sheet)).map_err(|source| {
        CliError::WriteFile {
            path: path.to_owned(),
            source,
        }
    })?;
    match json {
        true => print_json(&terminal, &report),
        false => terminal.print(&report.text()),
    }
}

/// What a run goes on with: its checkpoint, or where it began if it has none yet.
fn begun(
    folder: &RunFolder,
    record: StandaloneRecord,
    terminal: &Terminal,
) -> Result<New, CliError> {
    let StandaloneRecord {
        config,
        architecture,
        ..
    } = record;
    let start = match (has_checkpoint(folder.path()), config.recipe) {
        (false, Recipe::Finetune) => finetune::weights(&config, Some(architecture), terminal)?,
        _ => Start::Checkpoint(architecture),
    };
    Ok(New { config, start })
}

fn has_checkpoint(folder: &Path) -> bool {
    folder.join("checkpoint.safetensors").is_file()
}
