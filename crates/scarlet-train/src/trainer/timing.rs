//! How long the steps of a training take.

use std::time::{Duration, Instant};

use scarlet_data::dataset::Source;

use super::{Control, Event, Teacher, TrainConfig, Trainable, Trainer};
use crate::TrainError;

/// Does a few steps of a training; returns what it trained and how long one of `steps` took, behind
/// one that is not timed, for it also draws buffers and optimizer state, unless it is the only one.
/// Nothing is judged, neither on the way nor at the end, so that a recipe's patience does not matter.
pub fn time_steps<'s, M: Trainable>(
    recipe: &TrainConfig,
    model: M,
    teacher: Option<Teacher>,
    sampler: M::Sampler,
    images: impl Into<Source<'s>>,
    steps: u64,
) -> Result<(M, Duration), TrainError> {
    let mut begin = Instant::now();
    let mut took = Duration::ZERO;
    let recipe = TrainConfig {
        patience: None,
        calibration_images: 0,
        ..recipe.clone()
    };
    let mut trainer = Trainer::new(recipe);
    if let Some(teacher) = teacher {
        trainer = trainer.with_teacher(teacher);
    }
    let trained = trainer
        .with_observer(|event: &Event| {
            let Event::Step { step, .. } = event else {
                return Control::Continue;
            };
            match *step {
                1 => (took, begin) = (begin.elapsed(), Instant::now()),
                step => took = begin.elapsed() / (step as u32 - 1),
            }
            match *step > steps {
                true => Control::Stop,
                false => Control::Continue,
            }
        })
        .train(model, sampler, images)?;
    Ok((trained.model, took))
}
