//! [`Certificate`]: that an exported file computes what the network computes, in the runtime that
//! will run it.

mod runtime;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use scarlet::Deployed;
use scarlet_io::atomic_file;
use serde::Serialize;

pub(crate) use self::runtime::{AskedRuntime, ImagesFile, Run, Runtime, RuntimeError};
use crate::error::CliError;
use crate::report::number::{accuracy, counted};

/// The largest error of a logit, over the largest logit, that another order of sums in floats
/// explains.
const TOLERANCE: f64 = 1e-3;

/// What was seen of a file in its own runtime, and of the network here.
#[derive(Debug, Serialize)]
pub(crate) struct Certificate {
    pub(crate) file: PathBuf,
    pub(crate) bytes: u64,
    /// The file's CRC-32, so that another file is not taken for it.
    pub(crate) crc32: String,
    pub(crate) model: String,
    pub(crate) weights: String,
    /// Whether the file computes with eight bits; what is here does so too then, by the rounding of
    /// `scarlet deploy --int8`.
    pub(crate) int8: bool,
    pub(crate) runtime: &'static str,
    pub(crate) runtime_version: String,
    pub(crate) python: String,
    pub(crate) photographs: PathBuf,
    pub(crate) images: usize,
    /// Images of the same class there and here.
    pub(crate) same_class: usize,
    /// As the network in floats, of a file of eight bits.
    pub(crate) same_class_as_floats: Option<usize>,
    pub(crate) largest_logit: f64,
    pub(crate) largest_logit_error: f64,
    /// Of images whose class is known.
    pub(crate) top1: Option<Top1>,
    /// Of one call, the median.
    pub(crate) milliseconds_there: f64,
    pub(crate) milliseconds_here: f64,
    /// Images of one call.
    pub(crate) batch: usize,
    pub(crate) threads: usize,
    pub(crate) program: &'static str,
    /// Whether the logits agree as far as floats can; nothing is said of eight bits.
    pub(crate) passed: Option<bool>,
}

/// Images that were put into their class.
#[derive(Debug, Serialize)]
pub(crate) struct Top1 {
    pub(crate) there: u64,
    pub(crate) here: u64,
}

impl Certificate {
    /// Where it is written: next to the file.
    pub(crate) fn path(file: &Path) -> PathBuf {
        let mut name = OsString::from(file);
        name.push(".verify.json");
        name.into()
    }

    /// Writes it next to the file.
    pub(crate) fn save(&self) -> Result<PathBuf, CliError> {
        let path = Self::path(&self.file);
        let json =
            serde_json::to_string_pretty(self).map_err(|error| CliError::Print(error.into()))?;
        atomic_file::write(&path, |file| writeln!(file, "{json}")).map_err(|source| {
            CliError::WriteFile {
                path: path.clone(),
                source,
            }
        })?;
        Ok(path)
    }

    /// The error, if the logits should agree and do not.
    pub(crate) fn verdict(&self) -> Result<(), CliError> {
        match self.passed {
            Some(false) => Err(CliError::Disagrees {
                file: self.file.clone(),
                runtime: self.runtime,
                error: self.relative_error(),
            }),
            _ => Ok(()),
        }
    }

    fn relative_error(&self) -> f64 {
        self.largest_logit_error / self.largest_logit.max(f64::MIN_POSITIVE)
    }

    /// As people read it.
    pub(crate) fn text(&self, path: &Path) -> String {
        let images = self.images as u64;
        let mut lines = vec![
            format!(
                "verified     by {} {} (Python {}) on {}",
                self.runtime,
                self.runtime_version,
                self.python,
                counted(images, "photograph", "photographs"),
            ),
            format!("same class   {}", accuracy(self.same_class as u64, images)),
        ];
        if let Some(same) = self.same_class_as_floats {
            lines.push(format!("as in floats {}", accuracy(same as u64, images)));
        }
        lines.push(format!(
            "logits       differ by at most {:.2e} of the largest",
            self.relative_error()
        ));
        if let Some(top1) = &self.top1 {
            lines.push(format!("top-1 there  {}", accuracy(top1.there, images)));
            lines.push(format!("top-1 here   {}", accuracy(top1.here, images)));
        }
        lines.push(format!(
            "time         {:.2} ms there, {:.2} ms here, for {} on {}",
            self.milliseconds_there,
            self.milliseconds_here,
            counted(self.batch as u64, "image", "images"),
            counted(self.threads as u64, "thread", "threads"),
        ));
        lines.push(format!("certificate  {}", path.display()));
        lines.join("\n")
    }
}

/// What both sides made of the same images.
pub(crate) struct Comparison<'a> {
    pub(crate) there: &'a [f32],
    pub(crate) here: &'a [f32],
    pub(crate) classes: usize,
    /// The class of each image, where it is known.
    pub(crate) labels: Option<&'a [usize]>,
}

/// What a [`Comparison`] comes to.
pub(crate) struct Agreement {
    pub(crate) same_class: usize,
    pub(crate) largest_logit: f64,
    pub(crate) largest_logit_error: f64,
    pub(crate) top1: Option<Top1>,
}

impl Comparison<'_> {
    pub(crate) fn agreement(&self) -> Agreement {
        let best = |logits: &[f32]| -> Vec<usize> {
            let images = logits.chunks_exact(self.classes);
            images.map(largest).collect()
        };
        let (there, here) = (best(self.there), best(self.here));
        let right = |classes: &[usize], labels: &[usize]| {
            classes.iter().zip(labels).filter(|(a, b)| a == b).count() as u64
        };
        let errors = self.there.iter().zip(self.here);
        // A logit that is no number is as far away as can be.
        let error = |(there, here): (&f32, &f32)| {
            let error = f64::from((there - here).abs());
            if error.is_nan() { f64::INFINITY } else { error }
        };
        Agreement {
            same_class: there.iter().zip(&here).filter(|(a, b)| a == b).count(),
            largest_logit: self
                .here
                .iter()
                .fold(0.0, |most, it| f64::from(it.abs()).max(most)),
            largest_logit_error: errors.map(error).fold(0.0, f64::max),
            top1: self.labels.map(|labels| Top1 {
                there: right(&there, labels),
                here: right(&here, labels),
            }),
        }
    }
}

impl Agreement {
    /// Whether floats may differ so.
    pub(crate) fn is_within_floats(&self) -> bool {
        self.largest_logit_error <= TOLERANCE * self.largest_logit
    }
}

fn largest(logits: &[f32]) -> usize {
    let mut best = 0;
    for (index, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = index;
        }
    }
    best
}

/// Logits by the network here, call by call, and how long they take.
pub(crate) struct Here {
    network: Deployed,
    pub(crate) logits: Vec<f32>,
    times: Vec<Duration>,
}

impl Here {
    /// The first calls, which warm up what a processor has, do not count.
    const WARM_UP: usize = 3;

    pub(crate) fn new(network: Deployed) -> Self {
        Self {
            network,
            logits: Vec::new(),
            times: Vec::new(),
        }
    }

    /// Adds the logits of the images of one call.
    pub(crate) fn add(&mut self, images: &[f32]) -> Result<(), CliError> {
        if self.times.is_empty() {
            for _ in 0..Self::WARM_UP {
                self.network.run(images)?;
            }
        }
        let began = Instant::now();
        let logits = self.network.run(images)?;
        self.times.push(began.elapsed());
        self.logits.extend_from_slice(logits);
        Ok(())
    }

    /// The median time of a call.
    pub(crate) fn milliseconds(&mut self) -> f64 {
        self.times.sort_unstable();
        let median = self.times.get(self.times.len() / 2);
        1000.0 * median.map_or(0.0, Duration::as_secs_f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_is_counted() {
        let comparison = Comparison {
            there: &[1.0, 2.0, 3.0, 1.0, 0.0, 5.0],
            here: &[1.0, 2.5, 3.0, 1.0, 6.0, 5.0],
            classes: 2,
            labels: Some(&[1, 1, 1]),
        };
        let agreement = comparison.agreement();
        assert_eq!(agreement.same_class, 2);
        assert_eq!(
            (agreement.largest_logit, agreement.largest_logit_error),
            (6.0, 6.0)
        );
        let top1 = agreement.top1.as_ref().unwrap();
        assert_eq!((top1.there, top1.here), (2, 1));
        assert!(!agreement.is_within_floats());
    }

    #[test]
    fn what_is_no_number_does_not_agree() {
        let comparison = Comparison {
            there: &[f32::NAN, 1.0],
            here: &[0.0, 1.0],
            classes: 2,
            labels: None,
        };
        let agreement = comparison.agreement();
        assert_eq!(agreement.largest_logit_error, f64::INFINITY);
        assert!(!agreement.is_within_floats());
    }
}
