//! `scarlet study`.

mod pictures;
mod search;
mod tables;

use self::tables::{pairs, scores, write_csv};
use scarlet_train::dataset::{DatasetError, Location, TrainTest};
use scarlet_train::study::{
    Resolution, StandaloneRecord, Study, StudyConfig, StudyEvent, SupernetRecord, Variant, ranking,
    spread,
};
use scarlet_train::{Control, Event, TrainError};
use serde::Serialize;

use crate::cli::study::{StudyArgs, StudyQuestion, SupernetStudyArgs};
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::model::open_device;
use crate::report::number::percent;
use crate::report::print_json;
use crate::report::study::{SkipSimilarity, ranking_text, similarity_text, spread_text};
use crate::run_settings::make_absolute;
use crate::terminal::{Progress, Terminal};

pub(super) fn run(args: &StudyArgs, terminal: &Terminal) -> Result<(), CliError> {
    match &args.question {
        StudyQuestion::Similarity(args) => similarity(args, terminal),
        StudyQuestion::Spread(args) => spread_of_accuracies(args, terminal),
        StudyQuestion::Ranking(args) => ranking_of_networks(args, terminal),
        StudyQuestion::Search(args) => search::run(args, terminal),
    }
}

fn open<'a>(
    args: &SupernetStudyArgs,
    terminal: &'a Terminal,
) -> Result<(Study, Watch<'a>), CliError> {
    let device = open_device(&args.compute)?.autodiff();
    let (config, data) = configured(args)?;
    let study = Study::open(&args.folder, config, data, &device)?;
    let watch = Watch {
        terminal,
        interrupt: Interrupt::listen()?,
        progress: None,
    };
    Ok((study, watch))
}

fn similarity(args: &SupernetStudyArgs, terminal: &Terminal) -> Result<(), CliError> {
    let (study, mut watch) = open(args, terminal)?;
    let supernets = watch.supernets(&study, &Variant::SKIPS)?;
    write_csv(study.folder(), "similarity.csv", &pairs(&supernets))?;
    let picture = pictures::similarity(&supernets)?;
    study.folder().write("similarity.svg", picture.as_bytes())?;
    let rows = skip_similarities(&supernets);
    answer(args.json, terminal, &rows, similarity_text)
}

fn spread_of_accuracies(args: &SupernetStudyArgs, terminal: &Terminal) -> Result<(), CliError> {
    let (study, mut watch) = open(args, terminal)?;
    let supernets = watch.supernets(&study, &Variant::SKIPS)?;
    let rows = spread(&supernets);
    write_csv(study.folder(), "spread.csv", &rows)?;
    write_csv(study.folder(), "one-shot.csv", &scores(&supernets))?;
    let picture = pictures::spread(&supernets)?;
    study.folder().write("spread.svg", picture.as_bytes())?;
    answer(args.json, terminal, &rows, spread_text)
}

fn ranking_of_networks(args: &SupernetStudyArgs, terminal: &Terminal) -> Result<(), CliError> {
    let (study, mut watch) = open(args, terminal)?;
    let networks = watch.networks(&study)?;
    let supernets = watch.supernets(&study, &Variant::ALL)?;
    let rows = ranking(&supernets, &networks);
    warn_of_chance(Resolution::of(&networks, study.test_images()), terminal);
    write_csv(study.folder(), "ranking.csv", &rows)?;
    write_csv(study.folder(), "one-shot.csv", &scores(&supernets))?;
    write_csv(study.folder(), "networks.csv", &networks)?;
    let picture = pictures::ranking(&supernets, &networks)?;
    study.folder().write("ranking.svg", picture.as_bytes())?;
    answer(args.json, terminal, &rows, ranking_text)
}

fn warn_of_chance(resolution: Resolution, terminal: &Terminal) {
    if !resolution.is_enough() {
        terminal.warn(format_args!(
            "the networks' own accuracies lie {} apart (standard deviation), and the test images \
             measure each to {}: correlations with them are mostly chance",
            percent(resolution.spread),
            percent(resolution.error)
        ));
    }
}

/// What the folder's study was begun with, or the defaults, with what `args` say; and its images.
fn configured(args: &SupernetStudyArgs) -> Result<(StudyConfig, TrainTest), CliError> {
    let stored = Study::stored_config(&args.folder)?;
    let given = args.data.as_ref().or(stored.as_ref().map(|it| &it.source));
    let source = given.map_or_else(|| "fashion-sample".to_owned(), String::clone);
    let read = || {
        let images = Location::find(&source)?.images()?;
        images.ok_or_else(|| DatasetError::SizesDiffer {
            found: source.clone(),
        })
    };
    let mut data = read().map_err(TrainError::from)?;
    let mut config = match stored {
        Some(stored) => stored,
        None => StudyConfig::small_images(&data.train)?,
    };
    config.source = source;
    make_absolute(&mut config.source);
    config.images = args.images.or(config.images);
    config.by_depth |= args.by_depth;
    if let Some(seeds) = args.seeds {
        config.seeds = (0..u64::from(seeds)).collect();
    }
    let settings = [
        (&mut config.networks, args.networks),
        (&mut config.layer, args.layer),
        (&mut config.supernet.epochs, args.supernet_epochs),
        (&mut config.standalone.epochs, args.network_epochs),
    ];
    for (setting, given) in settings {
        *setting = given.unwrap_or(*setting);
    }
    if let Some(images) = config.images.filter(|&images| images < data.train.len()) {
        let share = images as f64 / data.train.len() as f64;
        (_, data.train) = data.train.split(share, 0).map_err(TrainError::from)?;
    }
    Ok((config, data))
}

fn answer<R: Serialize>(
    json: bool,
    terminal: &Terminal,
    rows: &[R],
    text: fn(&[R]) -> String,
) -> Result<(), CliError> {
    match json {
        true => print_json(terminal, &rows),
        false => terminal.print(&text(rows)),
    }
}

fn skip_similarities(supernets: &[SupernetRecord]) -> Vec<SkipSimilarity> {
    let row = |record: &SupernetRecord| {
        let similarity = &record.similarity;
        SkipSimilarity {
            skip: record.variant.skip_name(),
            seed: record.seed,
            skip_with_blocks: similarity.skip_with_blocks(),
            blocks: similarity.blocks(),
        }
    };
    supernets.iter().map(row).collect()
}

/// Shows how far a study is, and stops it on Ctrl-C.
struct Watch<'a> {
    terminal: &'a Terminal,
    interrupt: Interrupt,
    progress: Option<Progress>,
}

impl Watch<'_> {
    fn supernets(
        &mut self,
        study: &Study,
        variants: &[Variant],
    ) -> Result<Vec<SupernetRecord>, CliError> {
        let records = study.supernets(variants, &mut |event: &StudyEvent<'_>| self.see(event))?;
        self.finish(records)
    }

    fn networks(&mut self, study: &Study) -> Result<Vec<StandaloneRecord>, CliError> {
        let records = study.standalone(&mut |event: &StudyEvent<'_>| self.see(event))?;
        self.finish(records)
    }

    fn finish<R>(&mut self, records: Option<R>) -> Result<R, CliError> {
        self.progress = None;
        records.ok_or_else(|| {
            self.terminal
                .note("stopped; the same command goes on from here");
            CliError::Interrupted
        })
    }

    fn see(&mut self, event: &StudyEvent<'_>) -> Control {
        match event {
            StudyEvent::Unit { name, done, total } => {
                self.progress = None;
                self.terminal
                    .note(format_args!("{name} ({} of {total})", done + 1));
            }
            StudyEvent::Training(Event::Started { step, steps, .. }) => {
                let left = steps.saturating_sub(*step);
                self.progress = Some(self.terminal.progress("steps", left as usize));
            }
            StudyEvent::Training(Event::Step { .. }) => {
                if let Some(progress) = &mut self.progress {
                    progress.advance(1);
                }
            }
            _ => {}
        }
        match self.interrupt.is_requested() {
            true => Control::Stop,
            false => Control::Continue,
        }
    }
}
