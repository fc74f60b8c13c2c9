//! [`Watch`]: shows how far a run is, and stops it at Ctrl-C.

use std::sync::{Mutex, PoisonError};

use scarlet_run::pipeline::{RunEvent, RunObserver, Stage};
use scarlet_train::Control;

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
    /// The best accuracy among them, from 0 to 1.
    best: Option<f64>,
}

impl Watch {
    pub(super) fn new(terminal: Terminal, interrupt: Interrupt) -> Self {
        Self {
            terminal,
            interrupt,
            shown: Mutex::default(),
        }
    }
}

impl Shown {
    fn searching(&mut self, terminal: &Terminal, event: &RunEvent<'_>) {
        match event {
            RunEvent::Searching {
                known,
                evaluations,
                best,
            } => {
                self.progress = Some(terminal.stage_progress("candidates", *evaluations as u64));
                self.candidates = *known;
                self.best = *best;
            }
            RunEvent::Candidate(measurement) => {
                self.candidates += 1;
                let accuracy = measurement.accuracy();
                self.best = Some(self.best.map_or(accuracy, |best| best.max(accuracy)));
            }
            RunEvent::Generation { record, .. } => self.candidates = record.evaluations,
            _ => {}
        }
        let message = match self.best {
            Some(best) => format!("best accuracy so far {}", percent(best)),
            None => "none measured yet".to_owned(),
        };
        if let Some(progress) = &mut self.progress {
            progress.set(self.candidates as u64, message);
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
            other => shown.searching(&self.terminal, other),
        }
        match self.interrupt.is_requested() {
            true => Control::Stop,
            false => Control::Continue,
        }
    }
}

#[cfg(test)]
mod tests {
    use scarlet_search::GenerationRecord;

    use super::*;

    #[test]
    fn a_search_is_shown_from_its_beginning_and_from_where_it_was() {
        let terminal = Terminal::new(true, 0);
        let mut shown = Shown::default();
        let measured = |correct: usize| {
            let text = format!(r#"{{"images":10,"correct":{correct},"loss":0.1}}"#);
            serde_json::from_str(&text).unwrap()
        };
        shown.searching(
            &terminal,
            &RunEvent::Searching {
                known: 0,
                evaluations: 8,
                best: None,
            },
        );
        assert!(shown.progress.is_some());
        shown.searching(&terminal, &RunEvent::Candidate(&measured(3)));
        assert_eq!((shown.candidates, shown.best), (1, Some(0.3)));
        // After an interruption.
        shown.searching(
            &terminal,
            &RunEvent::Searching {
                known: 4,
                evaluations: 8,
                best: Some(0.7),
            },
        );
        shown.searching(&terminal, &RunEvent::Candidate(&measured(5)));
        assert_eq!((shown.candidates, shown.best), (5, Some(0.7)));
        let record = GenerationRecord {
            evaluations: 8,
            feasible: 1,
            failed: 0,
            front: 1,
            hypervolume: 0.0,
        };
        shown.searching(
            &terminal,
            &RunEvent::Generation {
                record: &record,
                evaluations: 8,
            },
        );
        assert_eq!(shown.candidates, 8);
    }
}
