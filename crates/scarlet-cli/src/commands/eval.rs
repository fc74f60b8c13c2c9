//! `scarlet eval`.

mod against;
mod augmented;
mod evaluation;
pub(super) mod labels;
mod page;
mod several;
pub(super) mod subject;

use std::time::Instant;

use scarlet::zoo;
use scarlet_data::dataset::Location;
use scarlet_train::trust::{Figures, is_fitted_on_test};

use crate::cli::EvalArgs;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::model::{Model, refuse_overwriting};
use crate::report::eval::{EvalReport, class_reports};
use crate::report::{Setting, print_json};
use crate::results_file::ResultsFile;
use crate::terminal::Terminal;
use evaluation::Evaluation;
use labels::{Decision, EvaluatedClasses, Labels};
use page::PageFile;
use subject::Subject;

pub(super) fn run(args: &EvalArgs, terminal: &Terminal) -> Result<(), CliError> {
    let mut terminal = terminal.clone();
    for path in [&args.results, &args.report].into_iter().flatten() {
        terminal = terminal.beside(path);
    }
    let terminal = &terminal;
    if let Location::Table(table) = Location::find(&args.source)? {
        return several::run(args, &table, terminal);
    }
    let subject = Subject::find(&args.source)?;
    let results = args
        .results
        .as_deref()
        .map(ResultsFile::create)
        .transpose()?;
    let page = match &args.report {
        Some(path) => {
            refuse_overwriting(path, args.model.weights.as_deref())?;
            Some(PageFile::create(path)?)
        }
        None => None,
    };
    let inference = &args.inference;
    let open = match args.report {
        Some(_) => Model::open_with_network,
        None => Model::open,
    };
    let mut model = open(&args.model, &inference.compute, inference.batch, terminal)?;
    model.require_one_label("a folder of classes")?;
    let labels = match_labels(args, &model, &subject, terminal)?;
    for warning in subject.notices.warnings() {
        terminal.warn(warning);
    }
    match labels.decision(&subject.classes) {
        Some(Decision::Doubtful(text)) => terminal.warn(text),
        Some(Decision::Clear(text)) => terminal.note(text),
        None => {}
    }
    let is_of_run = subject.part != Some("test") && is_trained_on(&model, args);
    // Without parts there is nothing that the training left out.
    let is_seen = is_of_run && subject.part.is_none();
    if is_seen {
        terminal.warn(
            "the network seems to have been trained on these images, and is better on those than on \
             any others",
        );
    }

    let interrupt = Interrupt::listen()?;
    let mut evaluation = Evaluation::new(args, &mut model, &subject, &labels, results)?;
    let started = Instant::now();
    let complete = evaluation.run(&interrupt, terminal)?;
    let seconds = started.elapsed().as_secs_f64();

    let Evaluation {
        results,
        accuracy,
        evidence,
        plain,
        views,
        unreadable,
        unread,
        ..
    } = evaluation;
    if let Some(results) = results {
        let path = results.finish(!complete)?;
        terminal.note(format_args!("every prediction is in {}", path.display()));
    }
    let against = match &args.against {
        Some(other) if complete && !evidence.is_empty() => {
            let first = against::First {
                subject: &subject,
                evidence: &evidence,
            };
            against::compare(args, other, &first, &interrupt, terminal)?
        }
        _ => None,
    };
    let own = model.temperature();
    let is_fitted_here = is_of_run || own.is_some_and(is_fitted_on_test);
    let figures = Figures::new(&evidence, own.map(|own| own.value), is_fitted_here);
    let failed = unreadable.len();
    let lost = subject.classes_without(&unread);
    let total = accuracy.total();
    let is_imagenet = labels.is_whole_imagenet() && !args.model.random_init;
    let report = EvalReport {
        setting: Setting::of(&model),
        folder: args.source.display().to_string(),
        part: subject.part,
        complete,
        images: total.images,
        images_in_folder: subject.len(),
        top1: total.top1(),
        top1_interval: total.top1_interval(),
        top5: total.top5(),
        top5_interval: total.top5_interval(),
        mean_class_top1: accuracy.mean_class_top1(),
        trust: figures,
        augmented: views.map(|views| augmented::compare(&views, &evidence, &plain)),
        against,
        seconds,
        images_per_second: total.images as f64 / seconds,
        published: zoo::find(&model.architecture().name)
            .ok()
            .and_then(zoo::Network::accuracy)
            .filter(|_| is_imagenet),
        classes: class_reports(
            &accuracy,
            |class| labels.name(class),
            |class| labels.wnid(class),
        ),
        unreadable,
        passed_over: subject.notices.passed_over.clone(),
    };
    if let Some(page) = page.filter(|_| complete && report.images > 0) {
        let shown = page::Shown {
            args,
            model: &model,
            subject: &subject,
            labels: &labels,
            evidence: &evidence,
            report: &report,
            is_seen,
        };
        page.write(&shown.html()?)?;
        if let Some(path) = &args.report {
            terminal.note(format_args!("the page is {}", path.display()));
        }
    }
    if args.json {
        print_json(terminal, &report)?;
    } else {
        terminal.print(&report.text(args.worst))?;
    }
    let lacks_other = args.against.is_some() && report.against.is_none() && report.images > 0;
    if !complete || lacks_other {
        return Err(CliError::Interrupted);
    }
    if report.images == 0 {
        return Err(CliError::Unreadable {
            failed,
            total: failed,
        });
    }
    match lost.is_empty() {
        true => Ok(()),
        // As in training: what was printed is no accuracy of this network on these classes.
        false => Err(CliError::UnreadableClasses(lost)),
    }
}

/// Which class of the network each class of the images is.
fn match_labels(
    args: &EvalArgs,
    model: &Model,
    subject: &Subject,
    terminal: &Terminal,
) -> Result<Labels, CliError> {
    let names = model.class_names(None, terminal)?;
    let evaluated = EvaluatedClasses {
        names: &subject.classes,
        has_images: &subject.has_images(),
        path: &args.source,
    };
    let count = model.architecture().classes;
    Labels::new(&evaluated, count, &names).map_err(|refusal| match refusal {
        CliError::EvaluatedClasses(text) => {
            CliError::EvaluatedClasses(text + &subject.deeper().unwrap_or_default())
        }
        error => error,
    })
}

/// Whether a network's file says that it was trained on images of this name.
pub(super) fn is_trained_on(model: &Model, args: &EvalArgs) -> bool {
    let name = args.source.canonicalize();
    let name = name.as_deref().unwrap_or(&args.source).file_name();
    let trained_on = model.card().and_then(|card| card.trained_on.as_deref());
    match (trained_on, name) {
        (Some(trained_on), Some(name)) => trained_on == name.to_string_lossy(),
        _ => false,
    }
}
