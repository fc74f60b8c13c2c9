//! [`Stop`]: when a search ends.

use serde::{Deserialize, Serialize};

use crate::{GenerationRecord, SearchError, config::require};

/// When a search ends: at whichever of these comes first. A search also ends when every genome of
/// its space has been evaluated; without any limit, only then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// Most genomes to evaluate, failed ones included. The last generation is cut short to meet
    /// the budget exactly.
    #[serde(default)]
    pub evaluations: Option<usize>,
    /// Most generations, the first, random one included.
    #[serde(default)]
    pub generations: Option<usize>,
    /// When too little progress is made.
    #[serde(default)]
    pub stall: Option<Stall>,
}

/// Too little progress, measured by the hypervolume of everything found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stall {
    /// Generations to look back.
    pub generations: usize,
    /// Over these, the hypervolume must have grown by more than this fraction of what it was.
    /// Generations without any do not count: where nothing has come up to the reference point yet,
    /// nothing is known of the progress.
    #[serde(default)]
    pub tolerance: f64,
}

impl Default for Stop {
    /// Ends after 120 generations.
    fn default() -> Self {
        Self::after_generations(120)
    }
}

impl Stop {
    /// Ends only when every genome of the space has been evaluated.
    pub fn never() -> Self {
        Self {
            evaluations: None,
            generations: None,
            stall: None,
        }
    }

    /// Ends after this many evaluations.
    pub fn after_evaluations(evaluations: usize) -> Self {
        Self {
            evaluations: Some(evaluations),
            ..Self::never()
        }
    }

    /// Ends after this many generations.
    pub fn after_generations(generations: usize) -> Self {
        Self {
            generations: Some(generations),
            ..Self::never()
        }
    }

    pub(crate) fn validate(&self) -> Result<(), SearchError> {
        let positive = |limit: Option<usize>, setting| {
            require(limit != Some(0), setting, 0, "at least 1, or absent")
        };
        positive(self.evaluations, "stop.evaluations")?;
        positive(self.generations, "stop.generations")?;
        let Some(Stall {
            generations,
            tolerance,
        }) = self.stall
        else {
            return Ok(());
        };
        positive(Some(generations), "stop.stall.generations")?;
        require(
            tolerance.is_finite() && tolerance >= 0.0,
            "stop.stall.tolerance",
            tolerance,
            "a number of 0 or more",
        )
    }

    /// Why a search with this history should end; `None` if it should continue.
    pub(crate) fn reason(&self, history: &[GenerationRecord]) -> Option<StopReason> {
        let last = history.last()?;
        if self
            .evaluations
            .is_some_and(|most| last.evaluations >= most)
        {
            Some(StopReason::Evaluations)
        } else if self.generations.is_some_and(|most| history.len() >= most) {
            Some(StopReason::Generations)
        } else if self.stall.is_some_and(|stall| stall.is_reached(history)) {
            Some(StopReason::Stall)
        } else {
            None
        }
    }
}

impl Stall {
    fn is_reached(&self, history: &[GenerationRecord]) -> bool {
        let Some(then) = history.len().checked_sub(self.generations + 1) else {
            return false;
        };
        let (then, now) = (&history[then], &history[history.len() - 1]);
        let growth = now.hypervolume - then.hypervolume;
        then.hypervolume > 0.0 && growth <= self.tolerance * then.hypervolume
    }
}

/// Why a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StopReason {
    /// The budget of evaluations is spent.
    Evaluations,
    /// The generations are over.
    Generations,
    /// The hypervolume no longer grows enough.
    Stall,
    /// Every genome of the space has been evaluated.
    SpaceExhausted,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(hypervolumes: &[f64]) -> Vec<GenerationRecord> {
        let record = |(index, &hypervolume): (usize, &f64)| GenerationRecord {
            evaluations: 10 * (index + 1),
            feasible: usize::from(hypervolume >= 0.0),
            failed: 0,
            front: 1,
            hypervolume: hypervolume.max(0.0),
        };
        hypervolumes.iter().enumerate().map(record).collect()
    }

    #[test]
    fn whichever_comes_first() {
        let stop = Stop {
            evaluations: Some(30),
            generations: Some(4),
            stall: None,
        };
        assert_eq!(stop.reason(&[]), None);
        assert_eq!(stop.reason(&history(&[1.0, 1.0])), None);
        assert_eq!(
            stop.reason(&history(&[1.0; 3])),
            Some(StopReason::Evaluations)
        );
        let stop = Stop::after_generations(3);
        assert_eq!(
            stop.reason(&history(&[1.0; 3])),
            Some(StopReason::Generations)
        );
        assert_eq!(Stop::never().reason(&history(&[1.0; 300])), None);
    }

    #[test]
    fn stall_looks_back_from_the_first_hypervolume() {
        let stop = Stop {
            stall: Some(Stall {
                generations: 2,
                tolerance: 0.1,
            }),
            ..Stop::never()
        };
        let infeasible = -1.0;
        assert_eq!(stop.reason(&history(&[infeasible; 9])), None);
        assert_eq!(stop.reason(&history(&[infeasible, 1.0, 1.0])), None);
        assert_eq!(
            stop.reason(&history(&[infeasible, 1.0, 1.0, 1.05])),
            Some(StopReason::Stall)
        );
        // Feasible, but not up to the reference point yet.
        assert_eq!(stop.reason(&history(&[0.0; 9])), None);
        assert_eq!(stop.reason(&history(&[0.0, 0.0, 1.0])), None);
        assert_eq!(stop.reason(&history(&[1.0, 1.05, 1.2])), None);
        assert_eq!(stop.reason(&history(&[1.0, 1.05])), None);
    }

    #[test]
    fn limits_of_zero_are_refused() {
        let message = |stop: Stop| stop.validate().unwrap_err().to_string();
        assert_eq!(
            message(Stop::after_evaluations(0)),
            "`stop.evaluations` is 0; it must be at least 1, or absent"
        );
        assert!(message(Stop::after_generations(0)).contains("stop.generations"));
        let stall = |generations, tolerance| Stop {
            stall: Some(Stall {
                generations,
                tolerance,
            }),
            ..Stop::never()
        };
        assert!(message(stall(0, 0.0)).contains("stop.stall.generations"));
        assert!(message(stall(1, f64::NAN)).contains("stop.stall.tolerance"));
        assert!(message(stall(1, -0.1)).contains("a number of 0 or more"));
    }
}
