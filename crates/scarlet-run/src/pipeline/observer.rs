//! What a run reports while it runs.

use std::fmt;
use std::path::Path;

use scarlet_search::GenerationRecord;
use scarlet_train::{Control, Event, Measurement};
use serde::{Deserialize, Serialize};

use super::Choice;

/// A part of the road.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The network that the others are parts of is trained on the images.
    Whole,
    /// All networks are trained at once.
    Supernet,
    /// Candidates are measured.
    Search,
    /// One of them is chosen.
    Choose,
    /// It is trained on its own.
    Train,
    /// It is measured on the test images and written for use.
    Export,
}

impl Stage {
    /// What a run does in this stage: `training the supernet` and so on.
    pub fn doing(self) -> &'static str {
        match self {
            Self::Whole => "training the whole network",
            Self::Supernet => "training the supernet",
            Self::Search => "searching",
            Self::Choose => "choosing a network",
            Self::Train => "training the chosen network",
            Self::Export => "testing and exporting",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.doing())
    }
}

/// Something that happened in a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunEvent<'a> {
    /// A stage begins.
    Started(Stage),
    /// The supernet or the chosen network was trained a little further.
    Training {
        /// Which of them.
        stage: Stage,
        /// What happened.
        event: &'a Event,
    },
    /// A search begins or continues.
    Searching {
        /// Candidates known from before.
        known: usize,
        /// How many candidates the search may measure.
        evaluations: usize,
        /// The best accuracy among those known, from 0 to 1.
        best: Option<f64>,
    },
    /// A candidate was measured.
    Candidate(&'a Measurement),
    /// Something else of a candidate was measured, its latency or energy.
    Measured {
        /// The metric's name.
        metric: &'static str,
        /// In the metric's unit.
        value: f64,
    },
    /// A generation of the search was done, in this run or before.
    Generation {
        /// Its result.
        record: &'a GenerationRecord,
        /// How many candidates the search may measure.
        evaluations: usize,
    },
    /// A search of a comparison begins.
    Comparing {
        /// What breeds its candidates.
        algorithm: &'a str,
        /// Its seed.
        seed: u64,
        /// Searches done.
        done: usize,
        /// Searches of the comparison.
        total: usize,
    },
    /// A network was chosen.
    Chosen(&'a Choice),
    /// A file of the run's results was written.
    Wrote(&'a Path),
}

/// Watches a run: shows its progress, say, and stops it when the user asks for it. Workers report
/// from threads of their own.
pub trait RunObserver: Send + Sync {
    /// Called for everything that happens.
    fn event(&self, event: &RunEvent<'_>) -> Control;
}

impl<F: Fn(&RunEvent<'_>) -> Control + Send + Sync> RunObserver for F {
    fn event(&self, event: &RunEvent<'_>) -> Control {
        self(event)
    }
}
