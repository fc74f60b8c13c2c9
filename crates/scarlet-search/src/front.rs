//! [`Front`]: points that do not dominate each other.

use crate::point::dominates;

/// Positions of points that do not dominate each other, with their objectives close together:
/// every new point is compared with most of them, and that is where sorting spends its time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Front {
    positions: Vec<usize>,
    /// The objectives of all points, one point after the other.
    objectives: Vec<f64>,
}

impl Front {
    /// Positions of the points, in the order in which they came.
    pub(crate) fn positions(&self) -> &[usize] {
        &self.positions
    }

    pub(crate) fn into_positions(self) -> Vec<usize> {
        self.positions
    }

    /// Whether a point dominates the new one.
    pub(crate) fn dominates(&self, new: &[f64]) -> bool {
        // Latest first: they are the nearest to the new one, and the likeliest to dominate it.
        let mut members = self.objectives.rchunks_exact(new.len().max(1));
        members.any(|member| dominates(member, new))
    }

    /// Adds a point that no point dominates.
    pub(crate) fn push(&mut self, position: usize, new: &[f64]) {
        self.positions.push(position);
        self.objectives.extend_from_slice(new);
    }

    /// Takes out the points that the new one dominates.
    pub(crate) fn remove_dominated_by(&mut self, new: &[f64]) {
        let dimension = new.len();
        let mut kept = 0;
        for member in 0..self.positions.len() {
            let objectives = member * dimension..(member + 1) * dimension;
            if dominates(new, &self.objectives[objectives.clone()]) {
                continue;
            }
            if kept < member {
                self.positions[kept] = self.positions[member];
                self.objectives.copy_within(objectives, kept * dimension);
            }
            kept += 1;
        }
        self.positions.truncate(kept);
        self.objectives.truncate(kept * dimension);
    }
}
