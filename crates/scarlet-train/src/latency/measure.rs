//! Measuring a table.

use std::time::Duration;

use burn::tensor::Device;
use scarlet::Precision;
use scarlet_arch::{Genome, SearchSpace};
use scarlet_random::{Purpose, Random};
use scarlet_search::kendall_tau;

use super::network::{RUNS, Subject};
use super::statistics::{Spread, milliseconds};
use super::table::{Circumstances, Times};
use super::{FixedPart, LatencyError, LatencyTable, TableCheck};
use crate::Control;
use crate::supernet::plain_architecture;

/// How a table is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSettings {
    /// The device's name, for the table.
    pub device: String,
    /// Threads of the CPU.
    pub threads: usize,
    /// Images of a call.
    pub batch: usize,
    /// Rounds in which all networks take turns.
    pub rounds: usize,
    /// Random networks that are measured whole, to check the table.
    pub check: usize,
    /// The numbers that networks are deployed in. The CPU alone computes in others than floats.
    pub deploy: Precision,
}

/// How far the measuring is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableProgress {
    /// Measurements done.
    pub done: usize,
    /// Measurements to do.
    pub total: usize,
}

impl LatencyTable {
    /// Measures a table on a device.
    ///
    /// As many networks are built as a layer has choices, so that each choice of each layer is in
    /// one of them, with neighbours as varied as those of any network. They take turns, together
    /// with those that the table is checked by.
    ///
    /// # Errors
    ///
    /// When a setting is 0, a network cannot be deployed on the device in these numbers, the device
    /// fails, or `progress` says [`Control::Stop`].
    pub fn measure(
        space: &SearchSpace,
        device: &Device,
        settings: &TableSettings,
        mut progress: impl FnMut(TableProgress) -> Control,
    ) -> Result<Self, LatencyError> {
        if settings.rounds == 0 {
            return Err(LatencyError::Zero { setting: "rounds" });
        }
        let designed = designed(space)?;
        let random = random(space, settings.check)?;
        let mut subjects = Vec::new();
        for genome in designed.iter().chain(&random) {
            let network = plain_architecture(space, genome)?;
            subjects.push(Subject::new(
                &network,
                device,
                settings.batch,
                settings.threads,
                settings.deploy,
            )?);
        }
        let mut parts = PartRounds::new(space);
        let mut whole = vec![Duration::MAX; subjects.len()];
        let total = settings.rounds * subjects.len();
        for round in 0..settings.rounds {
            for (index, subject) in subjects.iter_mut().enumerate() {
                whole[index] = whole[index].min(subject.time()?);
                if let Some(genome) = designed.get(index) {
                    parts.add(genome, subject)?;
                }
                let done = round * whole.len() + index + 1;
                if progress(TableProgress { done, total }) == Control::Stop {
                    return Err(LatencyError::Stopped);
                }
            }
        }
        let on = Circumstances {
            device: settings.device.clone(),
            threads: settings.threads,
            batch: settings.batch,
            rounds: settings.rounds,
            deploy: settings.deploy,
        };
        let mut table = Self::new(space, on, parts.finish())?;
        let whole: Vec<f64> = whole.into_iter().map(milliseconds).collect();
        let (of_designed, of_random) = whole.split_at(designed.len());
        let mut beyond = Vec::new();
        for (genome, whole) in designed.iter().zip(of_designed) {
            beyond.push(whole - table.latency_ms(genome)?);
        }
        table.overhead = Spread::of(&beyond);
        table.check = table.checked(&random, of_random)?;
        Ok(table)
    }

    /// Compares what the table says of networks with their measured latencies, in milliseconds.
    pub(super) fn checked(
        &self,
        genomes: &[Genome],
        measured: &[f64],
    ) -> Result<Option<TableCheck>, LatencyError> {
        if genomes.is_empty() {
            return Ok(None);
        }
        let mut predicted = Vec::new();
        for genome in genomes {
            predicted.push(self.latency_ms(genome)?);
        }
        let errors = predicted
            .iter()
            .zip(measured)
            .map(|(predicted, measured)| (predicted - measured).abs() / measured);
        Ok(Some(TableCheck {
            networks: genomes.len(),
            mean_error: errors.sum::<f64>() / genomes.len() as f64,
            // A single network, or equal ones, have no order.
            kendall_tau: kendall_tau(&predicted, measured).ok(),
            range_ms: measured
                .iter()
                .fold((f64::INFINITY, 0.0), |(low, high), &ms| {
                    (low.min(ms), high.max(ms))
                }),
        }))
    }
}

/// The rounds of every part, in milliseconds.
pub(super) struct PartRounds {
    fixed: Vec<(String, Vec<f64>)>,
    layers: Vec<Vec<Vec<f64>>>,
}

impl PartRounds {
    pub(super) fn new(space: &SearchSpace) -> Self {
        let choices = |layer| vec![Vec::new(); space.choices(layer).len()];
        Self {
            fixed: Vec::new(),
            layers: (0..space.layers()).map(choices).collect(),
        }
    }

    /// One round of a network.
    fn add(&mut self, genome: &Genome, subject: &mut Subject) -> Result<(), LatencyError> {
        for part in subject.network.part_times(&subject.images, RUNS)? {
            self.push(genome, part.layer, part.part, milliseconds(part.time));
        }
        Ok(())
    }

    /// The time of a part of a network: a layer, or another part of this name.
    pub(super) fn push(&mut self, genome: &Genome, layer: Option<usize>, part: String, ms: f64) {
        let rounds = match layer {
            Some(layer) => &mut self.layers[layer][usize::from(genome.genes()[layer])],
            None => self.fixed(part),
        };
        rounds.push(ms);
    }

    fn fixed(&mut self, part: String) -> &mut Vec<f64> {
        let place = self.fixed.iter().position(|(name, _)| *name == part);
        let place = place.unwrap_or_else(|| {
            self.fixed.push((part, Vec::new()));
            self.fixed.len() - 1
        });
        &mut self.fixed[place].1
    }

    pub(super) fn finish(self) -> Times {
        let fixed = self.fixed.into_iter().map(|(part, rounds)| FixedPart {
            part,
            time: Spread::of(&rounds),
        });
        let layers = self.layers.iter();
        Times {
            fixed: fixed.collect(),
            // A layer that does nothing was never timed, and takes no time.
            layers: layers
                .map(|choices| choices.iter().map(|it| Spread::of(it)).collect())
                .collect(),
        }
    }
}

/// As many networks as a layer has choices; every choice of every layer is in one of them. From
/// layer to layer the choice goes on by one, so that a skip, which may be merged into a neighbour
/// that is one too, stands between blocks.
pub(super) fn designed(space: &SearchSpace) -> Result<Vec<Genome>, LatencyError> {
    (0..space.most_choices())
        .map(|first| {
            let gene = |layer| ((first + layer) % space.choices(layer).len()) as u8;
            let genes = (0..space.layers()).map(gene);
            Ok(Genome::new(genes.collect())?)
        })
        .collect()
}

pub(super) fn random(space: &SearchSpace, count: usize) -> Result<Vec<Genome>, LatencyError> {
    let mut stream = Random::new(0, Purpose::Latency, 0);
    (0..count)
        .map(|_| {
            let genes =
                (0..space.layers()).map(|layer| stream.below(space.choices(layer).len()) as u8);
            Ok(Genome::new(genes.collect())?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use scarlet_arch::Skip;

    fn space() -> SearchSpace {
        let small = SearchSpace::small_images(1, 8, 3).unwrap();
        let layers = small.template().layers()[..4].to_vec();
        let template = small.template().clone().with_layers(layers);
        let choices = ["E3K3", "E6K5s"].map(|text| text.parse().unwrap());
        SearchSpace::new(template, choices.to_vec())
            .unwrap()
            .with_skip(Skip::Linear)
            .unwrap()
    }

    fn settings() -> TableSettings {
        TableSettings {
            device: "cpu".to_owned(),
            threads: 1,
            batch: 2,
            rounds: 2,
            check: 3,
            deploy: Precision::Float32,
        }
    }

    #[test]
    fn every_choice_of_every_layer_is_measured() {
        let mut seen = Vec::new();
        let table = LatencyTable::measure(&space(), &Device::flex(), &settings(), |at| {
            seen.push((at.done, at.total));
            Control::Continue
        })
        .unwrap();
        let all: Vec<_> = (1..=12).map(|done| (done, 12)).collect();
        assert_eq!(seen, all);
        let parts: Vec<_> = table.fixed.iter().map(|part| &*part.part).collect();
        assert_eq!(
            parts,
            [
                "stem",
                "separable_conv",
                "conv_before_pooling",
                "classifier",
            ]
        );
        for (layer, entries) in table.layers.iter().enumerate() {
            for entry in entries {
                // Skips that keep the shape do nothing, and the first layer's is merged into the
                // convolution before it. Layer 3 downsamples.
                let idle = entry.choice == "-" && layer != 2;
                assert_eq!(entry.time.ms == 0.0, idle, "{layer} {entry:?}");
            }
        }
        let check = table.check.as_ref().unwrap();
        assert_eq!(check.networks, 3);
        assert!(check.mean_error.is_finite());
        table.check_space(&space()).unwrap();
    }

    #[test]
    fn measuring_can_be_stopped_and_needs_rounds() {
        let message = |settings: &TableSettings| {
            let stop = |_| Control::Stop;
            let result = LatencyTable::measure(&space(), &Device::flex(), settings, stop);
            result.unwrap_err().to_string()
        };
        assert!(message(&settings()).contains("stopped before everything was measured"));
        let none = |change: fn(&mut TableSettings)| {
            let mut settings = settings();
            change(&mut settings);
            message(&settings)
        };
        assert_eq!(
            none(|it| it.rounds = 0),
            "`rounds` is 0, but must be at least 1"
        );
        assert!(none(|it| it.batch = 0).contains("`batch` is 0"));
        assert!(none(|it| it.threads = 0).contains("`threads` is 0"));
    }
}
