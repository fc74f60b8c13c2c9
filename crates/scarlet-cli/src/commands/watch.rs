//! [`Watch`]: shows how far a run is, and stops it at Ctrl-C.

use std::sync::{Mutex, PoisonError};

use indicatif::HumanDuration;
use scarlet_train::run::{RunEvent, RunObserver, Stage};
use scarlet_train::{Control, Event};

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

    fn training(&self, shown: &mut Shown, event: &Event) {
        match event {
            Event::Started {
                step,
                steps,
                images,
            } => {
                self.terminal.note(format_args!(
                    "  {} images, {} steps{}",
                    thousands(*images as u64),
                    thousands(*steps),
                    match step {
                        0 => String::new(),
                        step => format!(", going on behind step {}", thousands(*step)),
                    }
                ));
                shown.progress = Some(self.terminal.stage_progress("steps", *steps));
            }
            Event::Step {
                step,
                loss,
                accuracy,
                images_per_second,
                seconds_left,
                ..
            } => {
                if let Some(progress) = &mut shown.progress {
                    let left = std::time::Duration::try_from_secs_f64(*seconds_left);
                    progress.set(
                        *step,
                        format_args!(
                            "loss {loss:.3}, accuracy {}, {images_per_second:.0} images/s, about \
                             {} left",
                            percent(*accuracy),
                            HumanDuration(left.unwrap_or_default()),
                        ),
                    );
                }
            }
            Event::Epoch(epoch) => self.terminal.note(format_args!(
                "  epoch {:3}: loss {:.3}, accuracy {}",
                epoch.epoch,
                epoch.loss,
                percent(epoch.accuracy)
            )),
            Event::Finished { .. } => shown.progress = None,
            _ => {}
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
                shown.progress = None;
                if *stage != Stage::Choose {
                    self.terminal.note(stage);
                }
            }
            RunEvent::Training { event, .. } => self.training(&mut shown, event),
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
