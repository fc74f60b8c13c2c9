//! `scarlet check-data`.

mod arrays;
mod findings;
mod labels;
mod photographs;
mod thumbnails;
use std::path::Path;

use scarlet_data::dataset::{Location, Part};

use self::findings::Findings;
use super::notices::tell_order;
use crate::cli::CheckDataArgs;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::model::open_device;
use crate::report::check_data::{list, page};
use crate::report::print_json;
use crate::terminal::Terminal;

/// An image, by where it is, its class and its part.
struct Listed {
    path: String,
    class: usize,
    part: Part,
}

pub(super) fn run(args: &CheckDataArgs, terminal: &Terminal) -> Result<(), CliError> {
    let mut terminal = terminal.clone();
    for path in args.report.iter().chain(&args.list) {
        terminal = terminal.beside(path);
    }
    let terminal = &terminal;
    let location = Location::find(&args.data)?;
    let device = open_device(&args.compute)?;
    let interrupt = Interrupt::listen()?;
    let findings = match location.images()? {
        Some(images) => arrays::findings(images, args)?,
        // Whatever has no images of one size is a folder of photographs.
        None => photographs::findings(Path::new(&args.data), args, &device, &interrupt, terminal)?,
    };
    let Findings { report, pictures } = findings;
    tell_order(report.order.as_deref(), terminal);
    if let Some(path) = &args.list {
        list::write(path, &report)?;
        terminal.note(format_args!("the files are listed in {}", path.display()));
    }
    if let Some(path) = &args.report {
        let thumbnails = |path: &str| pictures.thumbnail(path);
        page::write(path, &report, &thumbnails)?;
        terminal.note(format_args!("the page is {}", path.display()));
    }
    match args.json {
        true => print_json(terminal, &report)?,
        false => terminal.print(&report.text(args.show))?,
    }
    match args.strict && !report.spoils.is_empty() {
        true => Err(CliError::SpoiledData(report.spoils.join(", "))),
        false => Ok(()),
    }
}

/// An error where the user wants the command to end.
fn uninterrupted<T>(result: Option<T>) -> Result<T, CliError> {
    result.ok_or(CliError::Interrupted)
}
