//! [`CostMetric`]: the costs that objectives and budgets can name.

use crate::{Cost, PartCost};

/// A cost of a network that objectives and budgets can name. A new one needs a field of [`Cost`] and
/// [`PartCost`], and an entry in [`ALL`](Self::ALL).
#[derive(Debug, Clone, Copy)]
pub struct CostMetric {
    name: &'static str,
    of: fn(&Cost) -> u64,
    of_part: fn(&PartCost) -> u64,
    adds_up: bool,
}

impl CostMetric {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self {
            name: "mult_adds",
            of: |cost| cost.mult_adds,
            of_part: |part| part.mult_adds,
            adds_up: true,
        },
        Self {
            name: "parameters",
            of: |cost| cost.parameters,
            of_part: |part| part.parameters,
            adds_up: true,
        },
        Self {
            name: "weight_bytes",
            of: |cost| cost.weight_bytes,
            of_part: |part| part.weight_bytes,
            adds_up: true,
        },
        Self {
            name: "peak_activation_bytes",
            of: |cost| cost.peak_activation_bytes,
            of_part: |part| part.peak_activation_bytes,
            adds_up: false,
        },
        Self {
            name: "moved_bytes",
            of: |cost| cost.moved_bytes,
            of_part: |part| part.moved_bytes,
            adds_up: true,
        },
    ];

    /// The cost of this name; `None` for accuracy, latency and whatever else is no cost.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name == name)
    }

    /// Its name in settings and tables.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether a network's is the sum of its parts'.
    pub fn adds_up(&self) -> bool {
        self.adds_up
    }

    /// That of a network.
    pub fn of(&self, cost: &Cost) -> u64 {
        (self.of)(cost)
    }

    /// That of a part.
    pub fn of_part(&self, cost: &PartCost) -> u64 {
        (self.of_part)(cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scarlet_a;

    #[test]
    fn what_adds_up_is_the_sum_of_the_parts() {
        let cost = Cost::of(&scarlet_a(), 224).unwrap();
        for metric in CostMetric::ALL {
            let parts = || cost.parts.iter().map(|part| metric.of_part(part));
            let expected = match metric.adds_up() {
                true => parts().sum(),
                false => parts().max().unwrap(),
            };
            assert_eq!(metric.of(&cost), expected, "{}", metric.name());
            assert_eq!(
                CostMetric::named(metric.name()).unwrap().name(),
                metric.name()
            );
        }
        assert!(CostMetric::named("accuracy").is_none());
    }
}
