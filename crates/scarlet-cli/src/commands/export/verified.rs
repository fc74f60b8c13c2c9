//! The file that was written, run where it is to run.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use scarlet::onnx::Batch;
use scarlet::{DeployOptions, Deployed};
use scarlet_data::LoaderOptions;

use crate::cli::ExportArgs;
use crate::commands::calibration::{BATCH, calibrate};
use crate::commands::eval::labels::{EvaluatedClasses, Labels};
use crate::commands::eval::subject::Subject;
use crate::error::CliError;
use crate::model::loaded::Loaded;
use crate::terminal::Terminal;
use crate::verify::{AskedRuntime, Certificate, Comparison, Here, ImagesFile, Run};

/// The most photographs that are looked at.
const MOST: usize = 256;

/// Refuses to verify what nobody can read again.
pub(super) fn check(args: &ExportArgs) -> Result<(), CliError> {
    let is_stream = fs::metadata(&args.out).is_ok_and(|it| !it.is_file());
    match args.verify.is_some() && is_stream {
        true => Err(CliError::VerifiesNoFile(args.out.clone())),
        false => Ok(()),
    }
}

/// Removes the certificate of an earlier file.
pub(super) fn forget(args: &ExportArgs) -> Result<(), CliError> {
    let path = Certificate::path(&args.out);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound && args.verify.is_some() => {
            Err(CliError::WriteFile { path, source })
        }
        _ => Ok(()),
    }
}

/// Runs the file and the network on the same photographs, and writes the certificate.
pub(super) fn verify(
    photographs: &Path,
    asked: &AskedRuntime,
    loaded: &Loaded,
    args: &ExportArgs,
    terminal: &Terminal,
) -> Result<Certificate, CliError> {
    let runtime = asked.runtime;
    let architecture = &loaded.architecture;
    let (subject, labels) = subject(photographs, loaded, terminal)?;
    let subject = subject.thinned(MOST);
    let side = architecture.preprocessing.resolution;
    let channels = architecture.input_channels;
    let threads = rayon::current_num_threads();
    let batch = match args.images {
        Some(Batch::Fixed(images)) => images,
        _ => 1,
    };
    let options = DeployOptions::new()
        .with_batch(batch)
        .with_size(side, side)
        .with_threads(threads);
    let floats = Here::new(loaded.network.deploy(&options)?);
    // What computes with eight bits is compared with what does so here.
    let (mut here, mut floats) = match &args.int8 {
        Some(calibrated_on) => {
            let options = options.with_batch(batch.max(BATCH));
            let network = loaded.network.deploy(&options)?;
            let rounded = rounded(network, calibrated_on, loaded, terminal)?;
            (Here::new(rounded), Some(floats))
        }
        None => (floats, None),
    };
    let mut images = ImagesFile::create()?;
    let mut classes = Vec::new();
    let options = LoaderOptions {
        batch_size: batch,
        channels,
        ..LoaderOptions::default()
    };
    let mut progress = terminal.progress("photographs", subject.len());
    for batch in subject.batches(architecture, options)? {
        let batch = batch?;
        for failure in &batch.failures {
            terminal.warn(&failure.error);
        }
        progress.advance(batch.len() + batch.failures.len());
        if !batch.is_empty() {
            here.add(&batch.images)?;
            if let Some(floats) = &mut floats {
                floats.add(&batch.images)?;
            }
            images.add(batch.len(), &batch.images)?;
            let labels = labels.as_ref();
            let class = |&index: &usize| labels.map(|it| it.class(subject.label(index)));
            classes.extend(batch.indices.iter().filter_map(class));
        }
    }
    drop(progress);
    if images.images == 0 {
        return Err(CliError::NothingToVerify(photographs.to_owned()));
    }
    let run = Run {
        runtime,
        version: asked.version.as_deref(),
        python: args.python.as_deref(),
        model: &args.out,
        shape: [channels, side, side],
        classes: architecture.classes,
        threads,
        limit: Duration::from_secs(args.verify_seconds),
    };
    let answers = run.answers(&images)?;
    let labels = labels.is_some().then_some(classes.as_slice());
    let with = |here: &Here| {
        let comparison = Comparison {
            there: &answers.logits,
            here: &here.logits,
            classes: architecture.classes,
            labels,
        };
        comparison.agreement()
    };
    let agreement = with(&here);
    let floats = floats.as_ref().map(with);
    let read = |source| CliError::ReadFile {
        path: args.out.clone(),
        source,
    };
    let file = fs::read(&args.out).map_err(read)?;
    let certificate = Certificate {
        file: args.out.clone(),
        bytes: file.len() as u64,
        crc32: format!("{:08x}", crc32fast::hash(&file)),
        model: architecture.name.clone(),
        weights: loaded.weights.clone(),
        int8: floats.is_some(),
        runtime: runtime.package(),
        runtime_version: answers.said.version,
        python: answers.said.python,
        photographs: photographs.to_owned(),
        images: images.images,
        same_class: agreement.same_class,
        same_class_as_floats: floats.as_ref().map(|it| it.same_class),
        passed: floats.is_none().then(|| agreement.is_within_floats()),
        largest_logit: agreement.largest_logit,
        largest_logit_error: agreement.largest_logit_error,
        top1: agreement.top1,
        milliseconds_there: answers.said.milliseconds,
        milliseconds_here: here.milliseconds(),
        batch: answers.said.batch,
        threads,
        program: concat!("scarlet ", env!("CARGO_PKG_VERSION")),
    };
    certificate.save()?;
    Ok(certificate)
}

/// The network of eight bits, as suits these photographs.
fn rounded(
    network: Deployed,
    photographs: &Path,
    loaded: &Loaded,
    terminal: &Terminal,
) -> Result<Deployed, CliError> {
    let preprocessing = loaded.architecture.preprocessing;
    let channels = loaded.architecture.input_channels;
    let mut calibration = network.calibrate()?;
    calibrate(photographs, preprocessing, channels, terminal, |batches| {
        for images in batches {
            let images = images?;
            // Of a batch of files that cannot be read there are none.
            if !images.is_empty() {
                calibration.observe(&images)?;
            }
        }
        Ok(())
    })?;
    Ok(calibration.finish()?)
}

/// The photographs, with the network's classes of theirs where they have any.
fn subject(
    photographs: &Path,
    loaded: &Loaded,
    terminal: &Terminal,
) -> Result<(Subject, Option<Labels>), CliError> {
    let names = loaded.class_names(None, terminal)?;
    if let Ok(subject) = Subject::find(photographs) {
        let evaluated = EvaluatedClasses {
            names: &subject.classes,
            has_images: &subject.has_images(),
            path: photographs,
        };
        let labels = Labels::new(&evaluated, loaded.architecture.classes, &names);
        let labels = labels.inspect_err(|error| {
            terminal.note(format_args!("no accuracy is reported: {error}"));
        });
        return Ok((subject, labels.ok()));
    }
    Ok((Subject::unlabelled(photographs)?, None))
}
