//! [`Judges`]: the supernet, or whatever candidates inherit from, on every device that candidates are measured on.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use burn::tensor::Device;
use scarlet::Precision;
use scarlet_arch::Genome;
use scarlet_data::dataset::{ImageSet, Source};
use sha2::{Digest, Sha256};

use crate::deployment::Deployment;
use crate::error::require;
use crate::fingerprint::Fingerprint;
use crate::measure::measure_deployed;
use crate::{Ancestor, Control, Measurement, TrainError};

/// What candidates are measured with; workers share it.
///
/// Devices round differently, so the genome decides which of different devices measures it. Among
/// devices that are the same, whichever is free does.
pub(super) struct Judges {
    replicas: Vec<Replica>,
    /// Of the scores that each group of replicas comes to.
    fingerprints: Vec<String>,
    workers: usize,
    /// Threads of each worker.
    threads: usize,
    calibration: Option<ImageSet>,
    holdout: ImageSet,
    batch_size: usize,
    /// The numbers that candidates are judged in.
    precision: Precision,
}

/// What candidates inherit from on a device, in inference.
struct Replica {
    ancestor: Ancestor,
    device: Device,
    /// Number of the group that it is in, with those on the same device.
    group: usize,
}

/// Candidates of one group that are still to be measured, by their places.
#[derive(Default)]
struct Queue {
    places: Vec<usize>,
    next: AtomicUsize,
}

impl Queue {
    fn pop(&self) -> Option<usize> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        self.places.get(next).copied()
    }
}

impl Judges {
    /// One judge, with an ancestor in inference and the fingerprint of its scores. Statistics of
    /// batch normalisation are measured on `calibration`, accuracy on `holdout`.
    pub(super) fn new(
        ancestor: Ancestor,
        fingerprint: String,
        calibration: Option<ImageSet>,
        holdout: ImageSet,
        batch_size: usize,
    ) -> Self {
        Self {
            replicas: vec![Replica {
                device: ancestor.device(),
                ancestor,
                group: 0,
            }],
            fingerprints: vec![fingerprint],
            workers: 1,
            threads: rayon::current_num_threads(),
            calibration,
            holdout,
            batch_size,
            precision: Precision::Float32,
        }
    }

    /// The same, judging in these numbers; int8 is calibrated on the images that statistics are measured
    /// on.
    pub(super) fn with_precision(mut self, precision: Precision) -> Result<Self, TrainError> {
        let images = self.calibration.as_ref().map_or(0, ImageSet::len);
        check_calibration(precision, "calibration_images", images)?;
        if precision != self.precision {
            for fingerprint in &mut self.fingerprints {
                let judged = format!("judged in {precision}");
                *fingerprint = Fingerprint::default()
                    .text(fingerprint)
                    .text(&judged)
                    .finish();
            }
        }
        self.precision = precision;
        Ok(self)
    }

    /// The same with so many workers on these devices in turn, at least one on each.
    pub(super) fn with_workers(
        mut self,
        workers: usize,
        devices: &[Device],
    ) -> Result<Self, TrainError> {
        require(!devices.is_empty(), "devices", 0, "at least one")?;
        require(workers > 0, "workers", workers, "at least 1")?;
        let own = self.replicas.swap_remove(0);
        let fingerprint = self.fingerprints.swap_remove(0);
        self.fingerprints.clear();
        let mut groups: Vec<&Device> = Vec::new();
        let mut replicas = Vec::with_capacity(devices.len());
        for device in devices {
            let known = groups.iter().position(|&other| other == device);
            let group = known.unwrap_or_else(|| {
                // Scores of the ancestor's own device go by the plain fingerprint, alone or not.
                self.fingerprints.push(match *device == own.device {
                    true => fingerprint.clone(),
                    false => Fingerprint::default()
                        .text(&fingerprint)
                        .text(&format!("{device:?}"))
                        .finish(),
                });
                groups.push(device);
                groups.len() - 1
            });
            let ancestor = caught(device, || Ok(own.ancestor.on(device)))?;
            replicas.push(Replica {
                ancestor,
                device: device.clone(),
                group,
            });
        }
        self.workers = workers.max(devices.len());
        self.threads = (rayon::current_num_threads() / self.workers).max(1);
        self.replicas = replicas;
        Ok(self)
    }

    /// What the genome's score depends on.
    pub(super) fn fingerprint(&self, genome: &Genome) -> &str {
        &self.fingerprints[self.group(genome)]
    }

    /// Groups get candidates by the number of their devices, whatever is known already.
    fn group(&self, genome: &Genome) -> usize {
        let hash = Sha256::digest(genome.genes());
        let number = hash.iter().take(8).fold(0, |number: u64, &byte| {
            number.wrapping_shl(8) | u64::from(byte)
        });
        self.replicas[(number % self.replicas.len() as u64) as usize].group
    }

    /// Measures candidates side by side, and hands over each as soon as it is done. Once `receive`
    /// has had enough, workers still end what they are at, which is handed over too.
    pub(super) fn measure(
        &self,
        genomes: &[Genome],
        receive: impl FnMut(&Genome, Result<Measurement, TrainError>) -> Control,
    ) {
        self.measure_by(thread::Builder::new, genomes, receive);
    }

    fn measure_by(
        &self,
        thread: fn() -> thread::Builder,
        genomes: &[Genome],
        mut receive: impl FnMut(&Genome, Result<Measurement, TrainError>) -> Control,
    ) {
        let mut queues: Vec<Queue> = Vec::new();
        queues.resize_with(self.fingerprints.len(), Queue::default);
        for (place, genome) in genomes.iter().enumerate() {
            queues[self.group(genome)].places.push(place);
        }
        let enough = AtomicBool::new(false);
        // No score waits in the channel: a worker begins another candidate only when its last score
        // has been received, however long that takes.
        let (sender, receiver) = mpsc::sync_channel(0);
        let next = |queue: &Queue| match enough.load(Ordering::Relaxed) {
            true => None,
            false => queue.pop().map(|place| &genomes[place]),
        };
        let judged = |replica: &Replica, genome: &Genome| {
            caught(&replica.device, || self.score(replica, genome))
        };
        let (next, judged) = (&next, &judged);
        thread::scope(|scope| {
            let mut served = vec![false; queues.len()];
            for worker in 0..self.workers {
                let replica = &self.replicas[worker % self.replicas.len()];
                let queue = &queues[replica.group];
                let sender = sender.clone();
                let thread = thread().name(format!("scarlet-judge-{worker}"));
                let started = thread.spawn_scoped(scope, move || {
                    while let Some(genome) = next(queue) {
                        if sender.send((genome, judged(replica, genome))).is_err() {
                            break;
                        }
                    }
                });
                served[replica.group] |= started.is_ok();
            }
            drop(sender);
            // What no thread could be started for, as where a container has a limit, is done here.
            for replica in &self.replicas {
                while !served[replica.group]
                    && let Some(genome) = next(&queues[replica.group])
                {
                    if receive(genome, judged(replica, genome)) == Control::Stop {
                        enough.store(true, Ordering::Relaxed);
                    }
                }
            }
            for (genome, score) in receiver {
                if receive(genome, score) == Control::Stop {
                    enough.store(true, Ordering::Relaxed);
                }
            }
        });
    }

    fn score(&self, replica: &Replica, genome: &Genome) -> Result<Measurement, TrainError> {
        let images = self.calibration.as_ref();
        let extracted = (replica.ancestor).take_out(genome, images, self.batch_size)?;
        let network = &extracted.network;
        let side = network.architecture().preprocessing.resolution;
        let mut room = None;
        let holdout = Source::from(&self.holdout).fitted(side, &mut room);
        let deployment = Deployment {
            precision: self.precision,
            calibration: images.map(Source::from),
            threads: self.threads,
        };
        measure_deployed(deployment, network, holdout, self.batch_size)
    }
}

/// Refuses to calibrate int8 on no images; `setting` says how many there are.
pub fn check_calibration(
    precision: Precision,
    setting: &'static str,
    images: usize,
) -> Result<(), TrainError> {
    let expected =
        "at least 1 where networks are deployed in int8, which is calibrated on these images";
    let is_enough = images > 0 || precision != Precision::Int8;
    require(is_enough, setting, images, expected)
}

/// Does work on a device, and takes a panic for its failure: so Burn tells of a device that has
/// gone away or has no memory left.
pub fn caught<T>(
    device: &Device,
    work: impl FnOnce() -> Result<T, TrainError>,
) -> Result<T, TrainError> {
    // What the work leaves half done is not used again: the failure ends the evaluation.
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        Err(TrainError::BrokeDown {
            device: format!("{device:?}"),
            problem: message(payload.as_ref()),
        })
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "it does not say why".to_owned())
}

#[cfg(test)]
mod tests {
    use scarlet_arch::SearchSpace;

    use burn::module::Module;

    use super::*;
    use crate::{Supernet, SupernetConfig};
    use scarlet_data::dataset::Images;

    /// Tests draw weights from one generator at a time, so each makes its supernet once.
    fn supernet() -> Supernet {
        let small = SearchSpace::small_images(1, 16, 3).unwrap();
        let layers = small.template().layers()[..3].to_vec();
        let template = small.template().clone().with_layers(layers);
        let choices = ["E3K3", "E6K3", "E3K5"].map(|text| text.parse().unwrap());
        let space = SearchSpace::new(template, choices.to_vec()).unwrap();
        let device = Device::flex().autodiff();
        let supernet = SupernetConfig::new(space).try_init(1, &device);
        supernet.unwrap().valid()
    }

    fn judges(supernet: &Supernet) -> Judges {
        let pixels = (0..12 * 256u32).map(|it| (it * 37 % 251) as u8).collect();
        let labels = (0..12).map(|image| image % 3).collect();
        let images = Images::new([1, 16, 16], pixels, labels, ["a", "b", "c"]).unwrap();
        Judges::new(supernet.into(), "own".to_owned(), None, images.into(), 4)
    }

    fn genomes() -> Vec<Genome> {
        let genes = |number: u8| vec![number / 9, number / 3 % 3, number % 3];
        (0..27).map(|it| Genome::new(genes(it)).unwrap()).collect()
    }

    fn losses(judges: &Judges) -> Vec<(String, f64)> {
        let mut losses = Vec::new();
        judges.measure(&genomes(), |genome, score| {
            losses.push((genome.to_string(), score.unwrap().loss));
            Control::Continue
        });
        losses.sort_by(|a, b| a.0.cmp(&b.0));
        losses
    }

    #[test]
    fn equal_devices_share_their_work_and_the_fingerprint() {
        let (supernet, device) = (supernet(), Device::flex());
        let expected = losses(&judges(&supernet));
        assert_eq!(expected.len(), 27);
        // Every device has a worker, however few are asked for.
        let both = judges(&supernet).with_workers(1, &[device.clone(), device]);
        let both = both.unwrap();
        assert_eq!(both.workers, 2);
        assert!(genomes().iter().all(|it| both.fingerprint(it) == "own"));
        assert_eq!(losses(&both), expected);
    }

    #[test]
    fn the_genome_decides_which_of_different_devices_measures_it() {
        let (other, supernet) = (supernet(), supernet());
        // There is one kind of device here, so networks of other weights stand for another.
        let different = |workers: usize| {
            let device = Device::flex();
            let devices = [device.clone(), device.clone(), device];
            let mut judges = judges(&supernet).with_workers(workers, &devices).unwrap();
            judges.replicas[2].ancestor = (&other).into();
            judges.replicas[2].group = 1;
            judges.fingerprints.push("other".to_owned());
            judges
        };
        let expected = losses(&different(3));
        for workers in [4, 7] {
            assert_eq!(losses(&different(workers)), expected);
        }
        let (own, other) = (losses(&judges(&supernet)), losses(&judges(&other)));
        let judges = different(3);
        let mut counts = [0, 0];
        for (place, genome) in genomes().iter().enumerate() {
            let is_own = judges.fingerprint(genome) == "own";
            let by_it = if is_own { &own } else { &other };
            assert_eq!(expected[place], by_it[place]);
            counts[usize::from(!is_own)] += 1;
        }
        // By the number of their devices.
        assert!(counts[0] > counts[1] && counts[1] > 3, "{counts:?}");
    }

    #[test]
    fn without_threads_the_caller_does_the_work() {
        let supernet = supernet();
        let devices = [Device::flex(), Device::flex()];
        let judges = judges(&supernet).with_workers(3, &devices).unwrap();
        // No system has room for such a stack.
        let refused = || thread::Builder::new().stack_size(usize::MAX / 4);
        let mut found = Vec::new();
        judges.measure_by(refused, &genomes(), |genome, score| {
            found.push((genome.to_string(), score.unwrap().loss));
            Control::Continue
        });
        assert_eq!(found, losses(&judges));
        let mut received = 0;
        judges.measure_by(refused, &genomes(), |_, score| {
            score.unwrap();
            received += 1;
            Control::Stop
        });
        assert_eq!(received, 1);
    }

    #[test]
    fn workers_end_what_they_are_at() {
        let judges = judges(&supernet()).with_workers(2, &[Device::flex()]);
        let mut received = 0;
        judges.unwrap().measure(&genomes(), |_, score| {
            score.unwrap();
            received += 1;
            Control::Stop
        });
        // The worker whose score came first may have begun another candidate before the stop, and
        // the other worker ends the one it is at.
        assert!((1..=3).contains(&received), "{received}");
    }

    #[test]
    fn a_panic_is_the_failure_of_its_device() {
        let device = Device::flex();
        let failed =
            |work: fn() -> Result<(), TrainError>| caught(&device, work).unwrap_err().to_string();
        let lost = failed(|| panic!("connection {} is lost", 3));
        assert!(lost.contains("Flex"), "{lost}");
        assert!(lost.contains("connection 3 is lost"), "{lost}");
        assert!(failed(|| panic!("no memory")).contains("no memory"));
        assert!(failed(|| panic::panic_any(3)).contains("does not say why"));
        assert_eq!(
            failed(|| Err(TrainError::Stopped)),
            TrainError::Stopped.to_string()
        );
    }
}
