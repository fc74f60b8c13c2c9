//! `scarlet study`.

mod pictures;
mod search;
mod tables;
use scarlet_run::study::{
    Question, Resolution, StandaloneRecord, Study, StudyEvent, StudyPlan, SupernetRecord, ranking,
    spread,
};
use scarlet_train::{Control, Event};
use serde::Serialize;

use self::tables::{pairs, places, scores, write_csv};
use crate::cli::study::{StudyArgs, StudyQuestion};
use crate::commands::warn_without_checksums;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::model::open_device;
use crate::report::number::percent;
use crate::report::print_json;
use crate::report::study::{SkipSimilarity, plan_text, ranking_text, similarity_text, spread_text};
use crate::study_settings::configuration;
use crate::terminal::{Progress, Terminal};

pub(super) fn run(args: &StudyArgs, terminal: &Terminal) -> Result<(), CliError> {
    let (question, args) = match &args.question {
        StudyQuestion::Similarity(args) => (Question::Similarity, args),
        StudyQuestion::Spread(args) => (Question::Spread, args),
        StudyQuestion::Ranking(args) => (Question::Ranking, args),
        StudyQuestion::Search(args) => return search::run(args, terminal),
    };
    let device = open_device(&args.compute)?.autodiff();
    let (config, data) = configuration(args)?;
    if args.dry_run {
        let plan = StudyPlan::of(&args.folder, question, config, &data, &device)?;
        return match args.json {
            true => print_json(terminal, &plan),
            false => terminal.print(&plan_text(&plan)),
        };
    }
    let study = Study::open(&args.folder, config, data, &device)?;
    warn_without_checksums(study.folder(), terminal);
    let watch = Watch {
        terminal,
        interrupt: Interrupt::listen()?,
        progress: None,
    };
    match question {
        Question::Similarity => similarity(&study, watch, args.json),
        Question::Spread => spread_of_accuracies(&study, watch, args.json),
        Question::Ranking => ranking_of_networks(&study, watch, args.json),
    }
}

fn similarity(study: &Study, mut watch: Watch<'_>, json: bool) -> Result<(), CliError> {
    let supernets = watch.supernets(study, Question::Similarity)?;
    write_csv(study.folder(), "similarity.csv", &pairs(&supernets))?;
    let picture = pictures::similarity(&supernets)?;
    study.folder().write("similarity.svg", picture.as_bytes())?;
    write_csv(study.folder(), "projection.csv", &places(&supernets))?;
    let picture = pictures::projection(&supernets)?;
    study.folder().write("projection.svg", picture.as_bytes())?;
    let rows = skip_similarities(&supernets);
    answer(json, watch.terminal, &rows, similarity_text)
}

fn spread_of_accuracies(study: &Study, mut watch: Watch<'_>, json: bool) -> Result<(), CliError> {
    let supernets = watch.supernets(study, Question::Spread)?;
    let rows = spread(&supernets);
    write_csv(study.folder(), "spread.csv", &rows)?;
    write_csv(study.folder(), "one-shot.csv", &scores(&supernets))?;
    let picture = pictures::spread(&supernets)?;
    study.folder().write("spread.svg", picture.as_bytes())?;
    answer(json, watch.terminal, &rows, spread_text)
}

fn ranking_of_networks(study: &Study, mut watch: Watch<'_>, json: bool) -> Result<(), CliError> {
    let networks = watch.networks(study)?;
    let supernets = watch.supernets(study, Question::Ranking)?;
    let rows = ranking(&supernets, &networks);
    let resolution = Resolution::of(&networks, study.test_images());
    warn_of_chance(resolution, watch.terminal);
    write_csv(study.folder(), "ranking.csv", &rows)?;
    write_csv(study.folder(), "one-shot.csv", &scores(&supernets))?;
    write_csv(study.folder(), "networks.csv", &networks)?;
    let picture = pictures::ranking(&supernets, &networks)?;
    study.folder().write("ranking.svg", picture.as_bytes())?;
    answer(json, watch.terminal, &rows, ranking_text)
}

fn warn_of_chance(resolution: Resolution, terminal: &Terminal) {
    if !resolution.is_enough() {
        terminal.warn(format_args!(
            "the networks' own accuracies have a standard deviation of {}, and the test images \
             measure each to within {}: correlations with them are mostly chance",
            percent(resolution.spread),
            percent(resolution.error)
        ));
    }
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
        question: Question,
    ) -> Result<Vec<SupernetRecord>, CliError> {
        let variants = question.variants();
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
                .note("stopped; run the same command to continue from here");
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
