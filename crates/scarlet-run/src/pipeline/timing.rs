//! When the stages of a run began and ended.

use std::time::Duration;

use scarlet_train::{EventLog, TrainError};
use serde::{Deserialize, Serialize};

use super::Stage;
use crate::RunError;
use crate::RunFolder;

/// A line of the run's log. Stages that an interruption has parted have several.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(super) enum StageEvent {
    /// A stage began or continued.
    Started { stage: Stage },
    /// It ended, or was interrupted, after this many seconds.
    Ended {
        stage: Stage,
        seconds: f64,
        completed: bool,
    },
}

pub(super) fn open(folder: &RunFolder) -> Result<EventLog, TrainError> {
    EventLog::open(folder.path(), |_: &StageEvent| true)
}

/// How long a stage took, all its parts together; those that ended by a kill are not known.
pub(super) fn time_of(folder: &RunFolder, stage: Stage) -> Result<Duration, RunError> {
    let events = EventLog::read::<StageEvent>(folder.path())?;
    let seconds = events.into_iter().filter_map(|event| match event {
        StageEvent::Ended {
            stage: ended,
            seconds,
            ..
        } if ended == stage => Some(seconds),
        _ => None,
    });
    Ok(Duration::try_from_secs_f64(seconds.sum()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_add_up_over_interruptions() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(root.path(), &1).unwrap();
        let ended = |seconds, completed| StageEvent::Ended {
            stage: Stage::Search,
            seconds,
            completed,
        };
        open(&folder).unwrap().append(&ended(1.5, false)).unwrap();
        let stage = Stage::Search;
        let mut log = open(&folder).unwrap();
        log.append(&StageEvent::Started { stage }).unwrap();
        log.append(&ended(2.0, true)).unwrap();
        let events: Vec<StageEvent> = EventLog::read(folder.path()).unwrap();
        assert_eq!(
            events,
            [
                ended(1.5, false),
                StageEvent::Started { stage },
                ended(2.0, true)
            ]
        );
        assert_eq!(
            time_of(&folder, stage).unwrap(),
            Duration::from_millis(3_500)
        );
        assert_eq!(time_of(&folder, Stage::Train).unwrap(), Duration::ZERO);
    }
}
