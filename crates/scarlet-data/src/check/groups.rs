//! [`Groups`]: things that belong together, put together pair by pair.

/// Disjoint sets of indices.
#[derive(Debug, Clone)]
pub(super) struct Groups(Vec<usize>);

impl Groups {
    pub(super) fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    /// The smallest index of the group.
    pub(super) fn of(&mut self, mut index: usize) -> usize {
        while self.0[index] != index {
            self.0[index] = self.0[self.0[index]];
            index = self.0[index];
        }
        index
    }

    pub(super) fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.of(a), self.of(b));
        let (first, second) = (a.min(b), a.max(b));
        self.0[second] = first;
    }

    /// Groups of more than one, each in order, in the order of their first.
    pub(super) fn several(mut self) -> Vec<Vec<usize>> {
        let mut groups = vec![Vec::new(); self.0.len()];
        for index in 0..self.0.len() {
            let first = self.of(index);
            groups[first].push(index);
        }
        groups.retain(|group| group.len() > 1);
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_together_is_put_together() {
        let mut groups = Groups::new(7);
        for (a, b) in [(5, 3), (1, 6), (3, 0), (6, 1)] {
            groups.join(a, b);
        }
        assert_eq!(groups.of(5), 0);
        assert_eq!(groups.several(), [vec![0, 3, 5], vec![1, 6]]);
    }
}
