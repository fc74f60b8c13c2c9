//! Where a deployed network's time goes.

use std::time::Duration;

use scarlet_kernels::StepProfile;

use crate::part::Part;

/// Where the time of one part of a network goes.
#[derive(Debug, Clone, PartialEq)]
pub struct PartProfile {
    /// Name of the part: the prefix of its entries in a checkpoint, such as `mb_module.3`.
    pub part: String,
    /// What the part does, such as `E3K7s`.
    pub label: String,
    /// For one of the architecture's layers, its index, from 0.
    pub layer: Option<usize>,
    /// What is executed for it. A step that does the work of two parts at once, as that of the
    /// stem and the depthwise convolution behind it, is with the first.
    pub steps: Vec<StepProfile>,
}

impl PartProfile {
    /// Multiplications, for all images.
    pub fn mult_adds(&self) -> u64 {
        self.steps.iter().map(|step| step.mult_adds).sum()
    }

    /// Bytes read and written, for all images.
    pub fn bytes(&self) -> u64 {
        self.steps.iter().map(|step| step.bytes).sum()
    }

    /// The sum of the steps' shortest times.
    pub fn time(&self) -> Duration {
        self.steps.iter().map(|step| step.time).sum()
    }
}

/// The steps with the parts that they are of.
pub(crate) fn by_part(parts: &[Part], steps: Vec<StepProfile>) -> Vec<PartProfile> {
    let mut profiles: Vec<PartProfile> = Vec::new();
    for step in steps {
        let Some(part) = parts
            .iter()
            .rfind(|part| part.first_operation <= step.operations.start)
        else {
            continue;
        };
        match profiles.last_mut() {
            Some(last) if last.part == part.name => last.steps.push(step),
            _ => profiles.push(PartProfile {
                part: part.name.clone(),
                label: part.label.clone(),
                layer: part.layer,
                steps: vec![step],
            }),
        }
    }
    profiles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_with_the_part_of_their_first_operation() {
        let parts = [
            ("stem", "3×3 conv", None, 0),
            ("separable_conv", "3×3 depthwise, 1×1", None, 1),
            ("mb_module.0", "E3K3", Some(0), 3),
        ];
        let parts = parts.map(|(name, label, layer, first_operation)| Part {
            name: name.to_owned(),
            label: label.to_owned(),
            layer,
            first_operation,
        });
        let step = |operations, mult_adds| StepProfile {
            kind: "step",
            operations,
            mult_adds,
            bytes: 10,
            time: Duration::from_micros(mult_adds),
        };
        let profiles = by_part(
            &parts,
            vec![step(0..2, 5), step(2..3, 7), step(3..5, 1), step(5..5, 2)],
        );
        let found: Vec<_> = profiles
            .iter()
            .map(|p| (p.part.as_str(), p.mult_adds(), p.bytes(), p.time()))
            .collect();
        let time = Duration::from_micros;
        assert_eq!(
            found,
            [
                ("stem", 5, 10, time(5)),
                ("separable_conv", 7, 10, time(7)),
                ("mb_module.0", 3, 20, time(3)),
            ]
        );
        assert_eq!((&*profiles[2].label, profiles[2].layer), ("E3K3", Some(0)));
    }
}
