//! How long a run will take, from a few of its own steps.

use std::path::Path;
use std::time::{Duration, Instant};

use scarlet_arch::Genome;
use scarlet_data::dataset::Source;
use scarlet_search::{Bound, Constraint};
use scarlet_train::supernet::plain_architecture;
use scarlet_train::trainer::time_steps;
use scarlet_train::{Ancestor, ScoreCache};
use serde::Serialize;

use super::folder;
use super::plan::Plan;
use super::stages::Run;
use crate::RunError;

/// Steps that are timed.
const STEPS: u64 = 2;

/// How long the stages of a run will take, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// Training of the network that the others are parts of, where they are.
    pub whole_seconds: f64,
    /// Training of the supernet.
    pub supernet_seconds: f64,
    /// Search.
    pub search_seconds: f64,
    /// Training of the chosen network.
    pub train_seconds: f64,
}

impl Estimate {
    /// All together.
    pub fn seconds(&self) -> f64 {
        self.whole_seconds + self.supernet_seconds + self.search_seconds + self.train_seconds
    }
}

impl Run {
    /// The plan, with the time that a few steps of each stage let expect. A network that uses
    /// much of the budget stands for the chosen one. `supernet` is the folder of the run whose
    /// supernet is taken over: what it has been trained already takes no time.
    ///
    /// # Errors
    ///
    /// When a step fails, or there is no such supernet.
    pub fn timed_plan(&self, supernet: Option<&Path>) -> Result<Plan, RunError> {
        let mut plan = self.plan()?;
        let whole_seconds = self.time_whole(supernet)?;
        let left = match supernet {
            Some(folder) => {
                folder::require_supernet(folder)?;
                self.supernet_steps_left(folder)?
            }
            None => plan.supernet_steps,
        };
        let (ancestor, step) = match left {
            0 => (self.new_ancestor()?, Duration::ZERO),
            _ => self.time_supernet()?,
        };
        let genome = self.within_budget()?;
        let candidate = self.time_candidate(&ancestor, &genome)?;
        let plain = plain_architecture(&self.space, &genome)?;
        let network = self.with_random_weights(plain)?;
        let recipe = &self.config.train.recipe;
        let lesson = self.lesson_of(self.untrained_whole()?.as_ref(), recipe);
        let taught = lesson.as_ref().map(|lesson| lesson.network.architecture());
        let sides = [Some(network.architecture()), taught].into_iter().flatten();
        let side = sides.map(|it| it.preprocessing.resolution).max();
        let mut room = None;
        let images = Source::from(&self.data.all).fitted(side.unwrap_or(0), &mut room);
        let (_, train_step) = time_steps(recipe, network, lesson, (), images, STEPS)?;
        plan.estimate = Some(Estimate {
            whole_seconds,
            supernet_seconds: step.as_secs_f64() * left as f64,
            search_seconds: candidate.as_secs_f64() * plan.evaluations as f64,
            train_seconds: train_step.as_secs_f64() * plan.train_steps as f64,
        });
        Ok(plan)
    }

    /// The supernet after a few steps, and how long one took; a published one takes none.
    pub(super) fn time_supernet(&self) -> Result<(Ancestor, Duration), RunError> {
        if let Some(published) = self.published()? {
            return Ok((published.into(), Duration::ZERO));
        }
        let (recipe, images) = (&self.config.supernet.recipe, &self.data.train);
        let (supernet, sampler) = (self.new_supernet()?, self.new_sampler());
        let lesson = self.lesson_of(self.untrained_whole()?.as_ref(), recipe);
        let (supernet, step) = time_steps(recipe, supernet, lesson, sampler, images, STEPS)?;
        Ok((supernet.into(), step))
    }

    /// A network that uses much of what the budget allows: the costliest in mult-adds, changed
    /// layer by layer until it keeps the budget.
    pub(super) fn within_budget(&self) -> Result<Genome, RunError> {
        let towards = Constraint::new("mult_adds", Bound::AtLeast, 0.0);
        Ok(self.improved(self.extreme_or_first(&towards)?)?.0)
    }

    /// How long a candidate takes, `genome` with other first layers standing for all.
    pub(super) fn time_candidate(
        &self,
        ancestor: &Ancestor,
        genome: &Genome,
    ) -> Result<Duration, RunError> {
        let mut evaluator = self.evaluator(ancestor, ScoreCache::in_memory())?;
        // As many as are measured side by side.
        let mut genomes = Vec::new();
        for choice in 0..self.space.choices(0).len().min(self.side_by_side()) as u8 {
            let mut genes = genome.genes().to_vec();
            genes[0] = choice;
            genomes.push(Genome::new(genes)?);
        }
        let begin = Instant::now();
        evaluator.scores(&genomes)?;
        Ok(begin.elapsed() / genomes.len() as u32 + self.time_measuring(genome)?)
    }
}
