//! Times networks on the machine where it is copied: a single small program without a tensor library.
//!
//! ```text
//! scarlet latency-table --plan plan.json          # here: which networks are to be timed
//! ./scarlet-latency plan.json > measured.csv        # there
//! scarlet latency-table --from measured.csv --out table.json
//! ```
//!
//! The networks run on the kernels that `scarlet deploy` has too, and take turns in rounds, so that a
//! slow minute is a slow minute for all. For each part the median over the rounds is written, for each
//! whole network the shortest time.
#![deny(missing_docs)]

mod lower;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use scarlet_arch::{ArchitectureError, Genome, TimedPart, TimingPlan};
use scarlet_engine::ClassifierError;
use scarlet_kernels::{Engine, EngineError, EngineSettings};
use thiserror::Error;

const USAGE: &str = "\
Times networks, part by part and whole, and prints a table as CSV.

Usage: scarlet-latency PLAN [--threads N] [--batch N] [--rounds N]

  PLAN         what `scarlet latency-table --plan PLAN` wrote
  --threads N  threads of the CPU [1]
  --batch N    images of a call [1]
  --rounds N   rounds that every time is the median of [30]";

/// Runs of a round, of which the shortest counts.
const RUNS: usize = 5;

#[derive(Debug, Error)]
enum TimingError {
    #[error("{0}\n\n{USAGE}")]
    Usage(String),
    #[error("cannot read `{}`: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` cannot be timed: {source}", path.display())]
    Plan {
        path: PathBuf,
        source: Box<ArchitectureError>,
    },
    #[error("network {genome} cannot be run: {source}")]
    Engine {
        genome: Genome,
        source: Box<ClassifierError>,
    },
    #[error("cannot write the table: {0}")]
    Write(#[from] io::Error),
}

/// What the command line asks for.
struct Arguments {
    plan: PathBuf,
    threads: usize,
    batch: usize,
    rounds: usize,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, TimingError> {
        let usage = TimingError::Usage;
        let mut plan = None;
        let (mut threads, mut batch, mut rounds) = (1, 1, 30);
        while let Some(argument) = arguments.next() {
            let target = match argument.as_str() {
                "--threads" => &mut threads,
                "--batch" => &mut batch,
                "--rounds" => &mut rounds,
                option if option.starts_with('-') => {
                    return Err(usage(format!("there is no option `{option}`")));
                }
                _ if plan.is_some() => return Err(usage(format!("a second plan, `{argument}`"))),
                path => {
                    plan = Some(PathBuf::from(path));
                    continue;
                }
            };
            let value = arguments.next().unwrap_or_default();
            *target = match value.parse() {
                Ok(number) if (1..=10_000).contains(&number) => number,
                _ => {
                    return Err(usage(format!(
                        "`{argument} {value}`: give a number from 1 to 10000"
                    )));
                }
            };
        }
        let plan = plan.ok_or_else(|| usage("no plan was given".to_owned()))?;
        Ok(Self {
            plan,
            threads,
            batch,
            rounds,
        })
    }
}

/// A network that takes its turns.
struct Subject {
    genome: Genome,
    engine: Engine,
    images: Vec<f32>,
    parts: Vec<TimedPart>,
    shortest: Duration,
}

type Rows = BTreeMap<(String, String), Vec<f64>>;

impl Subject {
    /// A round: the whole network, then its parts.
    fn round(&mut self, rows: &mut Rows) -> Result<(), EngineError> {
        self.engine.run(&self.images)?;
        for _ in 0..RUNS {
            let started = Instant::now();
            self.engine.run(&self.images)?;
            self.shortest = self.shortest.min(started.elapsed());
        }
        let mut times = vec![Duration::ZERO; self.parts.len()];
        for step in self.engine.profile(&self.images, RUNS)? {
            // A step that does the work of two parts at once is with the first.
            let place = step.operations.start;
            let part = self.parts.iter().rposition(|it| it.nodes.start <= place);
            times[part.unwrap_or_default()] += step.time;
        }
        for (part, time) in self.parts.iter().zip(times) {
            // What was merged into the part before it takes no time of its own.
            let row = rows.entry((part.operation.clone(), part.shape.clone()));
            row.or_default().push(milliseconds(time));
        }
        Ok(())
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let middle = times.len() / 2;
    match times.len() % 2 {
        0 => (times[middle - 1] + times[middle]) / 2.0,
        _ => times[middle],
    }
}

fn run() -> Result<(), TimingError> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let path = &arguments.plan;
    let json = std::fs::read_to_string(path).map_err(|source| TimingError::Read {
        path: path.clone(),
        source,
    })?;
    let plan = TimingPlan::from_json(&json).map_err(|source| TimingError::Plan {
        path: path.clone(),
        source: Box::new(source),
    })?;
    let mut subjects = Vec::new();
    for planned in plan.networks {
        let genome = planned.genome;
        let side = planned.network.preprocessing.resolution;
        let settings = EngineSettings::new(side)
            .with_batch(arguments.batch)
            .with_threads(arguments.threads);
        let refused = |source: ClassifierError| TimingError::Engine {
            genome: genome.clone(),
            source: Box::new(source),
        };
        let network = lower::lower(&planned.network).map_err(|error| refused(error.into()))?;
        let engine = Engine::new(&network, settings).map_err(|error| refused(error.into()))?;
        let values = arguments.batch * planned.network.input_channels * side * side;
        subjects.push(Subject {
            genome,
            engine,
            images: (0..values)
                .map(|value| (value % 255) as f32 / 127.0 - 1.0)
                .collect(),
            parts: TimedPart::all_of(&planned.network, side),
            shortest: Duration::MAX,
        });
    }
    let mut rows = Rows::new();
    for _ in 0..arguments.rounds {
        for subject in &mut subjects {
            let round = subject.round(&mut rows);
            round.map_err(|source| TimingError::Engine {
                genome: subject.genome.clone(),
                source: Box::new(source.into()),
            })?;
        }
    }
    let mut out = io::stdout().lock();
    writeln!(out, "operation,shape,milliseconds")?;
    for ((operation, shape), times) in rows {
        // Activations in parentheses have commas.
        let operation = match operation.contains(',') {
            true => format!("\"{operation}\""),
            false => operation,
        };
        writeln!(out, "{operation},{shape},{:.6}", median(times))?;
    }
    for subject in &subjects {
        let whole = milliseconds(subject.shortest);
        writeln!(out, "network,{},{whole:.6}", subject.genome)?;
    }
    Ok(out.flush()?)
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}
