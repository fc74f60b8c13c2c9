//! Folders of new runs.

use std::path::{Path, PathBuf};

use scarlet_train::TrainError;

use crate::error::CliError;
use crate::terminal::Terminal;

/// Where a run is kept unless told otherwise.
const DEFAULT: &str = "scarlet-run";

/// The folder of a new run: the one that was asked for, which must not hold a run yet, or the next
/// free name.
pub(crate) fn new_folder(asked: Option<&Path>, terminal: &Terminal) -> Result<PathBuf, CliError> {
    let Some(asked) = asked else {
        let free = free(Path::new(DEFAULT), 1);
        if free != Path::new(DEFAULT) {
            terminal.note(format_args!(
                "{DEFAULT} already holds a run (continue it with --resume {DEFAULT}), so this one \
                 is kept in {}",
                free.display()
            ));
        }
        return Ok(free);
    };
    match holds_run(asked) {
        true => Err(TrainError::Exists {
            path: config(asked),
        }
        .into()),
        false => Ok(asked.to_owned()),
    }
}

/// The first of `run`, `run-2`, `run-3` and so on that holds no run, from this number on.
fn free(run: &Path, number: usize) -> PathBuf {
    let numbered = match number {
        1 => run.to_owned(),
        _ => PathBuf::from(format!("{}-{number}", run.display())),
    };
    match holds_run(&numbered) {
        true => free(run, number + 1),
        false => numbered,
    }
}

fn holds_run(folder: &Path) -> bool {
    config(folder).exists()
}

fn config(folder: &Path) -> PathBuf {
    folder.join("config.json")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_next_free_name_is_taken_and_another_ones_run_is_not() {
        let root = tempfile::tempdir().unwrap();
        let run = root.path().join("run");
        let make = |name: &str| {
            fs::create_dir_all(root.path().join(name)).unwrap();
            fs::write(root.path().join(name).join("config.json"), "{}").unwrap();
        };
        assert_eq!(free(&run, 1), run);
        // Folders that hold no run may be used.
        fs::create_dir(&run).unwrap();
        assert_eq!(free(&run, 1), run);
        make("run");
        assert_eq!(free(&run, 1), root.path().join("run-2"));
        make("run-2");
        make("run-4");
        assert_eq!(free(&run, 1), root.path().join("run-3"));

        let terminal = Terminal::new(true, 0);
        let other = root.path().join("other");
        assert_eq!(new_folder(Some(&other), &terminal).unwrap(), other);
        let refused = new_folder(Some(&run), &terminal).unwrap_err().to_string();
        assert!(
            refused.contains("run/config.json` exists already"),
            "{refused}"
        );
    }
}
