//! The latency of whole networks.

use std::time::{Duration, Instant};

use burn::tensor::Device;
use scarlet::Precision;
use scarlet::{Architecture, DeployError, DeployOptions, Deployed, ScarletConfig};

use super::LatencyError;

/// Runs of a round, of which the shortest counts.
pub(super) const RUNS: usize = 5;
/// Runs before those that count: caches fill, and devices wake up.
const WARM_UP: usize = 2;
/// Rounds of a network that is measured by itself.
const ROUNDS: usize = 7;

/// How long a deployed network takes for a batch of images of its resolution, from memory to
/// memory: the shortest of many runs, after some that do not count. Its weights are random: they do not
/// matter, and neither do the ranges of int8, as long as there are some.
///
/// # Errors
///
/// When the network cannot be built or deployed, the device fails, or it computes in floats only, as all
/// but the CPU do, and others are asked for.
pub fn network_latency(
    architecture: &Architecture,
    device: &Device,
    batch: usize,
    threads: usize,
    precision: Precision,
) -> Result<Duration, LatencyError> {
    let mut subject = Subject::new(architecture, device, batch, threads, precision)?;
    let mut shortest = Duration::MAX;
    for _ in 0..ROUNDS {
        shortest = shortest.min(subject.time()?);
    }
    Ok(shortest)
}

/// A deployed network, and a batch for it.
pub(crate) struct Subject {
    pub(crate) network: Deployed,
    pub(crate) images: Vec<f32>,
}

impl Subject {
    pub(crate) fn new(
        architecture: &Architecture,
        device: &Device,
        batch: usize,
        threads: usize,
        precision: Precision,
    ) -> Result<Self, LatencyError> {
        for (setting, value) in [("batch", batch), ("threads", threads)] {
            if value == 0 {
                return Err(LatencyError::Zero { setting });
            }
        }
        let network = ScarletConfig::from(architecture.clone()).try_init_seeded(0, device)?;
        let options = DeployOptions::new().with_batch(batch).with_threads(threads);
        let side = architecture.preprocessing.resolution;
        let values = batch * architecture.input_channels * side * side;
        // Neither zero nor denormal, which some processors treat differently.
        let images: Vec<f32> = (0..values)
            .map(|value| (value % 255) as f32 / 127.0 - 1.0)
            .collect();
        let network = rounded(network.deploy(&options)?, precision, &images)?;
        Ok(Self { network, images })
    }

    /// The shortest of a few runs.
    pub(crate) fn time(&mut self) -> Result<Duration, LatencyError> {
        for _ in 0..WARM_UP {
            self.network.run(&self.images)?;
        }
        let mut shortest = Duration::MAX;
        for _ in 0..RUNS {
            let started = Instant::now();
            self.network.run(&self.images)?;
            shortest = shortest.min(started.elapsed());
        }
        Ok(shortest)
    }
}

/// The network in these numbers; int8 by the ranges of values that these images lead to.
fn rounded(
    network: Deployed,
    precision: Precision,
    images: &[f32],
) -> Result<Deployed, DeployError> {
    match precision {
        Precision::Float32 => Ok(network),
        Precision::Bfloat16 => network.to_bf16(),
        Precision::Int8 => {
            let mut calibration = network.calibrate()?;
            calibration.observe(images)?;
            calibration.finish()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Bytes of the file of a network that is timed in these numbers.
    fn bytes(architecture: &Architecture, precision: Precision) -> u64 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("timed.scarlet");
        let subject = Subject::new(architecture, &Device::flex(), 1, 1, precision).unwrap();
        assert_eq!(subject.network.precision(), precision);
        subject.network.save(&path).unwrap();
        fs::metadata(&path).unwrap().len()
    }

    #[test]
    fn random_weights_are_rounded_like_trained_ones() {
        // So deep that values could have died away, or grown beyond all numbers.
        for name in ["scarlet-a", "efficientnet-lite4"] {
            let network = scarlet::zoo::find(name).unwrap().architecture();
            let network = network.with_resolution(64).with_classes(10);
            let floats = bytes(&network, Precision::Float32) as f64;
            let int8 = bytes(&network, Precision::Int8) as f64;
            // What stays in floats takes four times as much.
            assert!(int8 < 0.3 * floats, "{name}: {int8} of {floats}");
            let bf16 = bytes(&network, Precision::Bfloat16) as f64;
            assert!(
                (0.5..0.6).contains(&(bf16 / floats)),
                "{name}: {bf16} of {floats}"
            );
        }
    }
}
