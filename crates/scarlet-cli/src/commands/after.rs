//! The file for an app that the commands that train write at the end.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use scarlet_data::dataset::Location;
use scarlet_data::list_images;

use super::export;
use crate::cli::after::AfterArgs;
use crate::cli::{ExportArgs, ModelArgs, NamesArgs};
use crate::error::CliError;
use crate::terminal::Terminal;
use crate::verify::Run;

/// What was asked for, and can be done as far as that is known before the training.
pub(super) struct After<'a> {
    args: &'a AfterArgs,
    out: &'a Path,
    /// The folder of the photographs; none is needed for a file of floats that nobody verifies.
    photographs: Option<PathBuf>,
}

impl<'a> After<'a> {
    /// Refuses, before hours of training, what would fail after it; none if nothing was asked for.
    /// `data` is where the images of the run are from.
    pub(super) fn check(args: &'a AfterArgs, data: &str) -> Result<Option<Self>, CliError> {
        let Some(out) = args.export.as_deref() else {
            return Ok(None);
        };
        let mut after = Self {
            args,
            out,
            photographs: None,
        };
        if args.int8 || args.verify {
            let data = Path::new(data);
            // The photographs that a CSV file lists are around it.
            let folder = match Location::find(data) {
                Ok(Location::Table(table)) => table.parent().map_or(data.into(), Path::to_owned),
                _ => data.to_owned(),
            };
            let is_of_photographs = folder.is_dir() && list_images(&folder).is_ok();
            if !is_of_photographs {
                return Err(CliError::NoPhotographs(data.display().to_string()));
            }
            after.photographs = Some(folder);
        }
        let export = after.export_args(Path::new(""));
        export::check(&export)?;
        let folder = out.parent().filter(|it| !it.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|it| !it.is_dir()) {
            let source = fs::read_dir(folder).err();
            return Err(CliError::WriteFile {
                path: out.to_owned(),
                source: source.unwrap_or_else(|| io::ErrorKind::NotADirectory.into()),
            });
        }
        if args.verify {
            let asked = export::asked_runtime(&export);
            Run::check(&asked, args.python.as_deref())?;
        }
        Ok(Some(after))
    }

    /// Exports the weights of a run that is finished.
    pub(super) fn write(
        &self,
        weights: &Path,
        json: bool,
        terminal: &Terminal,
    ) -> Result<(), CliError> {
        let args = self.export_args(weights);
        let written = export::write(&args, terminal)?;
        let text = written.text(&args);
        match json {
            // The run's own object is all that standard output has.
            true => terminal.note(text),
            false => terminal.print(&text)?,
        }
        written.verdict()
    }

    /// Those of `scarlet export`.
    fn export_args(&self, weights: &Path) -> ExportArgs {
        let part = |names: &[&str]| {
            let folder = self.photographs.clone()?;
            let parts = names.iter().map(|name| folder.join(name));
            let part = parts.into_iter().find(|it| it.is_dir());
            Some(part.unwrap_or(folder))
        };
        ExportArgs {
            out: self.out.to_owned(),
            images: None,
            opset: None,
            classes: None,
            int8: self.args.int8.then(|| part(&["train"])).flatten(),
            verify: self.args.verify.then(|| part(&["test", "val"])).flatten(),
            runtime: self.args.runtime.clone(),
            python: self.args.python.clone(),
            verify_seconds: ExportArgs::VERIFY_SECONDS,
            half: false,
            json: false,
            model: ModelArgs {
                model: None,
                weights: Some(weights.display().to_string()),
                random_init: false,
                seed: 0,
                num_classes: None,
                resolution: None,
                names: NamesArgs::default(),
            },
        }
    }
}
