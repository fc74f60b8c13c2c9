//! How much energy a network takes: [`network_energy`], by the counters that Linux shows of the
//! processor's packages (RAPL, in `/sys/class/powercap`).
//!
//! The counters are those of whole packages: what other programs do at the same time, and what an idle
//! processor takes, is in them. So candidates are compared on a machine that does nothing else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burn::tensor::Device;
use scarlet::{Architecture, Precision};
use thiserror::Error;

use crate::TrainError;
use crate::latency::Subject;

/// The name of the metric, in millijoules per image.
pub const ENERGY_METRIC: &str = "energy_mj";

/// Where Linux shows its counters.
const POWERCAP: &str = "/sys/class/powercap";

/// How long a round takes at least: counters go on about once in a millisecond.
const ROUND: Duration = Duration::from_millis(200);
/// Rounds, of which the one that took least counts.
const ROUNDS: usize = 3;

/// Why energy cannot be measured, and what would mend it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EnergyError {
    /// The machine shows no counters.
    #[error(
        "energy cannot be measured here: {} has no counter of a processor package (intel-rapl). Linux \
         shows them on most x86 machines, but not in virtual ones; name latency_ms instead",
        folder.display()
    )]
    NoCounter {
        /// Where counters would be.
        folder: PathBuf,
    },
    /// A counter that cannot be read.
    #[error(
        "cannot read the energy counter {}: {source}. Where only root may, give others the right: sudo \
         chmod a+r {}",
        path.display(), path.display()
    )]
    Read {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A counter that shows no number.
    #[error("the energy counter {} shows {content:?}, which is no number", path.display())]
    NoNumber {
        /// Its file.
        path: PathBuf,
        /// What it shows.
        content: String,
    },
    /// The counters do not count.
    #[error("the energy counters in {} stood still for {milliseconds} ms of work", folder.display())]
    StoodStill {
        /// Where they are.
        folder: PathBuf,
        /// How long.
        milliseconds: u128,
    },
}

/// A counter of a processor's package.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Zone {
    folder: PathBuf,
    /// Microjoules at which it begins again at 0.
    range: u64,
}

/// The counters of a machine's processor packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnergyCounters {
    folder: PathBuf,
    zones: Vec<Zone>,
}

impl EnergyCounters {
    /// Those of this machine.
    ///
    /// # Errors
    ///
    /// When there are none, or they may not be read.
    pub fn open() -> Result<Self, EnergyError> {
        Self::open_in(Path::new(POWERCAP))
    }

    /// Of the zones `intel-rapl:0`, `intel-rapl:1` and so on those that are packages. Zones within them
    /// (`intel-rapl:0:0`, cores) and around them (`psys`, the whole platform), and `intel-rapl-mmio`,
    /// another view of the same counter, would count the same energy twice.
    fn open_in(folder: &Path) -> Result<Self, EnergyError> {
        let mut zones = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let number = name.to_str().and_then(|it| it.strip_prefix("intel-rapl:"));
            if number.is_none_or(|it| it.parse::<u32>().is_err()) {
                continue;
            }
            let zone = entry.path();
            let what = fs::read_to_string(zone.join("name")).unwrap_or_default();
            if what.trim().starts_with("package") {
                zones.push(Zone {
                    range: number_in(&zone.join("max_energy_range_uj"))?,
                    folder: zone,
                });
            }
        }
        zones.sort_by(|a, b| a.folder.cmp(&b.folder));
        let counters = Self {
            folder: folder.to_owned(),
            zones,
        };
        match counters.zones.is_empty() {
            true => Err(EnergyError::NoCounter {
                folder: counters.folder,
            }),
            false => counters.read().map(|_| counters),
        }
    }

    /// What each counter shows, in microjoules.
    fn read(&self) -> Result<Vec<u64>, EnergyError> {
        let zones = self.zones.iter();
        zones
            .map(|zone| number_in(&zone.folder.join("energy_uj")))
            .collect()
    }

    /// Microjoules that were taken between two readings.
    fn between(&self, before: &[u64], after: &[u64]) -> u64 {
        let counted = self.zones.iter().zip(before.iter().zip(after));
        counted
            .map(|(zone, (&before, &after))| match after >= before {
                true => after - before,
                // It began again.
                false => (zone.range - before.min(zone.range)) + after,
            })
            .sum()
    }

    /// Nanojoules that each call of `work` takes, and its error.
    fn of_each<E: From<EnergyError>>(
        &self,
        least: Duration,
        mut work: impl FnMut() -> Result<(), E>,
    ) -> Result<u64, E> {
        let before = self.read()?;
        let began = Instant::now();
        let mut calls = 0;
        while calls == 0 || began.elapsed() < least {
            work()?;
            calls += 1;
        }
        let taken = self.between(&before, &self.read()?);
        if taken == 0 {
            let error = EnergyError::StoodStill {
                folder: self.folder.clone(),
                milliseconds: began.elapsed().as_millis(),
            };
            return Err(error.into());
        }
        Ok(taken * 1000 / calls)
    }
}

/// Nanojoules that a deployed network takes for an image of its resolution, from memory to memory: the
/// least of several rounds. Its weights are random, as those of
/// [`network_latency`](crate::latency::network_latency) are.
///
/// # Errors
///
/// When the machine has no counters or they may not be read, and those of `network_latency`.
pub fn network_energy(
    architecture: &Architecture,
    device: &Device,
    threads: usize,
    precision: Precision,
) -> Result<u64, TrainError> {
    let counters = EnergyCounters::open()?;
    let mut subject = Subject::new(architecture, device, 1, threads, precision)?;
    // Caches fill, and the clock rises.
    subject.time()?;
    let mut least = u64::MAX;
    for _ in 0..ROUNDS {
        let round: Result<u64, TrainError> = counters.of_each(ROUND, || {
            subject.network.run(&subject.images)?;
            Ok(())
        });
        least = least.min(round?);
    }
    Ok(least)
}

fn number_in(path: &Path) -> Result<u64, EnergyError> {
    let content = fs::read_to_string(path).map_err(|source| EnergyError::Read {
        path: path.to_owned(),
        source,
    })?;
    content.trim().parse().map_err(|_| EnergyError::NoNumber {
        path: path.to_owned(),
        content: content.trim().chars().take(40).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine whose zones show this: folder, name, energy and range.
    fn machine(zones: &[(&str, &str, &str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (zone, name, energy, range) in zones {
            let zone = folder.path().join(zone);
            fs::create_dir(&zone).unwrap();
            fs::write(zone.join("name"), format!("{name}\n")).unwrap();
            fs::write(zone.join("energy_uj"), format!("{energy}\n")).unwrap();
            fs::write(zone.join("max_energy_range_uj"), format!("{range}\n")).unwrap();
        }
        folder
    }

    /// Two packages, with everything that Linux shows around them.
    fn server() -> tempfile::TempDir {
        machine(&[
            ("intel-rapl", "", "0", "0"),
            ("intel-rapl:0", "package-0", "5000", "262143328850"),
            ("intel-rapl:0:0", "core", "3000", "262143328850"),
            ("intel-rapl:1", "package-1", "262143328000", "262143328850"),
            ("intel-rapl:2", "psys", "9000", "262143328850"),
            ("intel-rapl-mmio:0", "package-0", "5000", "262143328850"),
            ("dtpm", "", "0", "0"),
        ])
    }

    #[test]
    fn every_package_is_counted_once() {
        let server = server();
        let counters = EnergyCounters::open_in(server.path()).unwrap();
        assert_eq!(counters.read().unwrap(), [5000, 262_143_328_000]);
    }

    #[test]
    fn a_counter_that_begins_again_goes_on() {
        let server = server();
        let counters = EnergyCounters::open_in(server.path()).unwrap();
        let mut calls = 0;
        let each: Result<u64, EnergyError> = counters.of_each(Duration::ZERO, || {
            calls += 1;
            for (zone, energy) in [("intel-rapl:0", "5600"), ("intel-rapl:1", "150")] {
                fs::write(server.path().join(zone).join("energy_uj"), energy).unwrap();
            }
            Ok(())
        });
        // 600 in the first package; 850 up to the end and 150 from the beginning in the second.
        assert_eq!((each.unwrap(), calls), (1_600_000, 1));
    }

    #[test]
    fn machines_without_counters_say_so() {
        let refused = |folder: &Path| EnergyCounters::open_in(folder).unwrap_err().to_string();
        let nowhere = tempfile::tempdir().unwrap();
        for folder in [nowhere.path().to_owned(), nowhere.path().join("none")] {
            assert!(refused(&folder).contains("has no counter of a processor package"));
        }
        let strange = machine(&[("intel-rapl:0", "package-0", "many", "10")]);
        assert!(refused(strange.path()).ends_with("shows \"many\", which is no number"));
        fs::remove_file(strange.path().join("intel-rapl:0/energy_uj")).unwrap();
        let message = refused(strange.path());
        assert!(message.contains("sudo chmod a+r"), "{message}");

        let still = server();
        let counters = EnergyCounters::open_in(still.path()).unwrap();
        let error = counters.of_each(Duration::ZERO, || Ok::<_, EnergyError>(()));
        assert!(
            matches!(error, Err(EnergyError::StoodStill { .. })),
            "{error:?}"
        );
    }
}
