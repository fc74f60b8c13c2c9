//! [`Watch`]: shows how far a run is, and stops it at Ctrl-C.

use std::sync::{Mutex, PoisonError};

use scarlet_train::Control;
use scarlet_train::run::{RunEvent, RunObserver, Stage};

use super::training_progress::TrainingProgress;
use crate::interrupt::Interrupt;
use crate::report::number::{percent, thousands};
use crate::report::search::mult_adds;
use crate::terminal::{StageProgress, Terminal};

pub(super) struct Watch {
    terminal: Terminal,
    interrupt: Interrupt,
    shown: Mutex<Shown>,
}

/// What is on the screen.
#[derive(Default)]
struct Shown {
    training: Option<TrainingProgress>,
    progress: Option<StageProgress>,
    /// Candidates known.
    candidates: usize,
    best: f64,
}

impl Watch {
    pub(super) fn new(terminal: Terminal, interrupt: Interrupt) -> Self {
        Self {
            terminal,
            interrupt,
            shown: Mutex::default(),
        }
    }

    fn searching(&self, shown: &mut Shown, event: &RunEvent<'_>) {
        match event {
            RunEvent::Candidate(measurement) => {
                shown.candidates += 1;
                shown.best = shown.best.max(measurement.accuracy());
            }
            RunEvent::Generation {
                record,
                evaluations,
            } => {
                shown.candidates = record.evaluations;
                if shown.progress.is_none() {
                    let total = *evaluations as u64;
                    shown.progress = Some(self.terminal.stage_progress("candidates", total));
                }
            }
            _ => {}
        }
        if let Some(progress) = &mut shown.progress {
            progress.set(
                shown.candidates as u64,
                format_args!("best accuracy so far {}", percent(shown.best)),
            );
        }
    }
}

impl RunObserver for Watch {
    fn event(&self, event: &RunEvent<'_>) -> Control {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            RunEvent::Started(stage) => {
                (shown.training, shown.progress) = (None, None);
                if *stage != Stage::Choose {
                    self.terminal.note(stage);
                }
            }
            RunEvent::Comparing {
                algorithm,
                seed,
                done,
                total,
            } => {
                *shown = Shown::default();
                self.terminal.note(format_args!(
                    "{algorithm}, seed {seed} ({} of {total})",
                    done + 1
                ));
            }
            RunEvent::Training { event, .. } => shown
                .training
                .get_or_insert_with(|| TrainingProgress::new(&self.terminal, "  "))
                .event(event),
            RunEvent::Chosen(choice) => self.terminal.note(format_args!(
                "chose {}: {} mult-adds, {} parameters\n  {}",
                choice.genome,
                mult_adds(choice.mult_adds),
                thousands(choice.parameters),
                choice.layers
            )),
            other => self.searching(&mut shown, other),
        }
        match self.interrupt.is_requested() {
            true => Control::Stop,
            false => Control::Continue,
        }
    }
}
