//! `scarlet probe`.

use std::time::Instant;

use scarlet::Precision;
use scarlet::arch::Cost;
use scarlet::burn::tensor::Device;
use scarlet_io::atomic_file;
use scarlet_report::probe_html;
use scarlet_run::standalone::{Recipe, Standalone, StandaloneConfig};
use scarlet_train::TrainError;
use scarlet_train::latency::network_latency;
use scarlet_train::probe::{LearningCurve, Probed};

use super::finetune;
use super::notices::tell;
use super::reading_progress::ReadingProgress;
use crate::cli::ProbeArgs;
use crate::embedding;
use crate::error::CliError;
use crate::model::named::architecture;
use crate::model::open_device;
use crate::report::eval::class_reports;
use crate::report::learning_curve::LearningCurveReport;
use crate::report::print_json;
use crate::report::probe::{ProbeReport, ProbedNetwork};
use crate::report::seen::{Originals, seen};
use crate::run_settings::require_one_class;
use crate::terminal::Terminal;

/// Networks that are compared unless others are named: their weights are small and public.
const NETWORKS: [&str; 3] = [
    "efficientnet-lite0",
    "efficientnet-lite1",
    "efficientnet-lite2",
];

/// Of the shares of a learning curve.
const SEED: u64 = 0;

pub(super) fn run(args: &ProbeArgs, terminal: &Terminal) -> Result<(), CliError> {
    if let Some(path) = &args.embed {
        embedding::check(path)?;
    }
    let terminal = &match &args.report {
        Some(path) => terminal.beside(path),
        None => terminal.clone(),
    };
    require_one_class(&args.data)?;
    let device = open_device(&args.compute)?;
    let names: Vec<Option<&str>> = match (&args.weights, args.model.as_slice()) {
        (Some(_), _) => vec![None],
        // Features are one network's.
        (None, []) if args.embed.is_some() => vec![Some(NETWORKS[0])],
        (None, []) => NETWORKS.into_iter().map(Some).collect(),
        (None, models) => models.iter().map(|model| Some(model.as_str())).collect(),
    };
    if args.embed.is_some() && names.len() > 1 {
        return Err(CliError::EmbedOne(names.len()));
    }
    let are_named = args.weights.is_some() || !args.model.is_empty();
    let mut report = ProbeReport::new(&args.data);
    let mut failed = None;
    let mut best: Option<Best> = None;
    for name in names {
        let subject = match Subject::open(name, args, &device, terminal) {
            Ok(subject) => subject,
            // What nobody asked for may be missing.
            Err(CliError::Fetch(error)) if !are_named => {
                terminal.warn(format_args!("left out: {error}"));
                failed = Some(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        let (network, probed) = subject.probe(&device, terminal)?;
        if let Some(path) = &args.embed {
            embedding::write(path, &probed, subject.run.classes())?;
            terminal.note(format_args!("features are in {}", path.display()));
        }
        let top1 = network.top1;
        let name = network.network.clone();
        report.add(network, &probed);
        if args.learning_curve && best.as_ref().is_none_or(|best| top1 > best.top1) {
            let classes = subject.run.classes().to_vec();
            best = Some(Best {
                name,
                top1,
                probed,
                classes,
            });
        }
    }
    match failed {
        Some(error) if report.networks.is_empty() => return Err(error.into()),
        _ => {}
    }
    if let Some(best) = best {
        report.learning_curve = Some(best.learning_curve(terminal)?);
    }
    if let Some(path) = &args.report {
        let page = probe_html(&report.page())?;
        atomic_file::write(path, |file| file.write_all(page.as_bytes())).map_err(|source| {
            CliError::WriteFile {
                path: path.clone(),
                source,
            }
        })?;
        terminal.note(format_args!("the page is {}", path.display()));
    }
    match args.json {
        true => print_json(terminal, &report),
        false => terminal.print(&report.text()),
    }
}

/// The network that is most accurate so far.
struct Best {
    name: String,
    top1: f64,
    probed: Probed,
    classes: Vec<String>,
}

impl Best {
    fn learning_curve(self, terminal: &Terminal) -> Result<LearningCurveReport, CliError> {
        let mut progress = terminal.progress("classifiers", LearningCurve::FITS);
        let curve = LearningCurve::of(&self.probed, &self.classes, SEED, || progress.advance(1))?;
        Ok(LearningCurveReport::new(self.name, curve))
    }
}

/// A network and the images that it is to be judged by.
struct Subject {
    run: Standalone,
    /// By which it is downloaded; none for the user's own.
    name: Option<String>,
}

impl Subject {
    fn open(
        name: Option<&str>,
        args: &ProbeArgs,
        device: &Device,
        terminal: &Terminal,
    ) -> Result<Self, CliError> {
        let mut config = StandaloneConfig::defaults(Recipe::Finetune, &args.data)?;
        config.network.model = name.map(str::to_owned);
        config.network.weights = args.weights.clone();
        config.network.resolution = args.resolution;
        // Every image is seen once, as in evaluation.
        config.train.augment.resized_crop = None;
        let model = name.map(architecture).transpose()?;
        let start = finetune::weights(&config, model, terminal)?;
        let reading = ReadingProgress::new(terminal);
        let run = Standalone::prepare(config, start, device, |total| reading.advance(total))?;
        drop(reading);
        Ok(Self {
            run,
            name: name.map(str::to_owned),
        })
    }

    fn probe(
        &self,
        device: &Device,
        terminal: &Terminal,
    ) -> Result<(ProbedNetwork, Probed), CliError> {
        let run = &self.run;
        let architecture = &run.record().architecture;
        let resolution = architecture.preprocessing.resolution;
        tell(run.notices(), terminal);
        for (_, error) in run.unreadable() {
            terminal.warn(format_args!("left out: {error}"));
        }
        let originals = Originals {
            photographs: run.photographs(),
            images: run.image_size(),
        };
        terminal.note(format_args!(
            "{}: {}",
            architecture.name,
            seen(resolution, &originals)
        ));
        let began = Instant::now();
        let mut progress = terminal.progress("images", run.images());
        let probed = run.probe(|images| progress.advance(images))?;
        drop(progress);
        let seconds = began.elapsed().as_secs_f64();
        let cost = Cost::of(architecture, resolution).map_err(TrainError::from)?;
        let latency = network_latency(architecture, device, 1, 1, Precision::Float32)
            .map_err(TrainError::from)?;
        let total = probed.accuracy.total();
        let classes = run.classes();
        Ok((
            ProbedNetwork {
                network: architecture.name.clone(),
                model: self.name.clone(),
                resolution,
                features: probed.fitted.width(),
                mult_adds: cost.mult_adds,
                latency_ms: latency.as_secs_f64() * 1e3,
                top1: total.top1(),
                top1_interval: total.top1_interval(),
                suits: false,
                penalty: probed.classifier.penalty(),
                seconds,
                classes: class_reports(&probed.accuracy, |class| classes[class].clone(), |_| None),
            },
            probed,
        ))
    }
}
