//! `scarlet arrange-val`.

use scarlet_data::ilsvrc::{Arrangement, Expected, GroundTruth, Mode};

use crate::cli::{ArrangeMode, ArrangeValArgs};
use crate::error::CliError;
use crate::terminal::Terminal;

pub(super) fn run(args: &ArrangeValArgs, terminal: &Terminal) -> Result<(), CliError> {
    let mode = match args.mode {
        ArrangeMode::Link => Mode::HardLink,
        ArrangeMode::Symlink => Mode::SymLink,
        ArrangeMode::Copy => Mode::Copy,
        ArrangeMode::Move => Mode::Move,
    };
    let expected = args.expect.map_or(Expected::Full, Expected::Images);
    let truth = GroundTruth::read(&args.truth, args.synset_map.as_deref())?;
    let plan = Arrangement::plan(&args.images, &truth, &args.target, mode, expected)?;
    terminal.print(&plan.to_string())?;
    if args.dry_run {
        return terminal.print("nothing was changed");
    }

    let mut progress = terminal.progress("images", plan.in_place() + plan.remaining().len());
    let mut in_place = 0;
    plan.run(|now, _| {
        progress.advance(now - in_place);
        in_place = now;
    })?;
    drop(progress);
    terminal.print(&format!(
        "{in_place} images are in {}",
        args.target.display()
    ))
}
