//! Between which values of an objective networks are distinguished.

use scarlet_search::{Bound, Constraint, Direction, Objective};

use super::stages::Run;
use crate::RunError;

impl Run {
    /// The worst value of an objective that counts: the accuracy of guessing; of a cost its
    /// budget, or that of the furthest network where it has none. `None` for what can only be
    /// measured.
    pub(super) fn worst(&self, objective: &Objective) -> Result<Option<f64>, RunError> {
        if objective.name == "accuracy" {
            return Ok(Some(match objective.direction {
                Direction::Maximize => 1.0 / self.space.template().classes as f64,
                Direction::Minimize => 1.0,
            }));
        }
        let (towards, away) = match objective.direction {
            Direction::Minimize => (Bound::AtMost, Bound::AtLeast),
            Direction::Maximize => (Bound::AtLeast, Bound::AtMost),
        };
        let budget = self.config.search.budget.iter();
        let limits = budget
            .filter(|it| it.name == objective.name && it.bound == towards)
            .map(|constraint| constraint.limit);
        let tightest = match towards {
            Bound::AtMost => limits.reduce(f64::min),
            Bound::AtLeast => limits.reduce(f64::max),
        };
        match tightest {
            Some(limit) => Ok(Some(limit)),
            None => self.furthest(objective, away),
        }
    }

    /// The best conceivable value of an objective; `None` for what can only be measured.
    pub(super) fn best(&self, objective: &Objective) -> Result<Option<f64>, RunError> {
        match (objective.name.as_str(), objective.direction) {
            ("accuracy", Direction::Maximize) => Ok(Some(1.0)),
            ("accuracy", Direction::Minimize) => Ok(Some(0.0)),
            (_, Direction::Maximize) => self.furthest(objective, Bound::AtLeast),
            (_, Direction::Minimize) => self.furthest(objective, Bound::AtMost),
        }
    }

    fn furthest(&self, objective: &Objective, side: Bound) -> Result<Option<f64>, RunError> {
        let found = self.extreme(&Constraint::new(&objective.name, side, 0.0))?;
        Ok(found.map(|(_, value)| value))
    }
}
