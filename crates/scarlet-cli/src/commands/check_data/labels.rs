//! Whether labels are likely to be right.

use std::path::{Path, PathBuf};

use scarlet::burn::tensor::Device;
use scarlet_train::probe::{Features, check_labels};

use super::{Listed, uninterrupted};
use crate::cli::{CheckDataArgs, DEFAULT_MODEL, ModelArgs, NamesArgs};
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::model::loaded::Loaded;
use crate::report::check_data::{Doubt, Labels};
use crate::terminal::Terminal;

/// Photographs that a network sees at once.
const BATCH: usize = 16;
/// How many times larger than they are small pictures are shown to the network at most.
const ENLARGED: f64 = 2.5;
/// What resolutions are multiples of.
const STEP: usize = 32;

/// The readable photographs.
pub(super) struct Readable<'a> {
    pub(super) listed: Vec<&'a Listed>,
    pub(super) paths: Vec<&'a Path>,
    /// Of each a number that those of the same picture have in common.
    pub(super) groups: Vec<usize>,
    /// Shorter side of a photograph of middling size.
    pub(super) side: usize,
}

pub(super) fn check(
    readable: &Readable<'_>,
    classes: &[String],
    args: &CheckDataArgs,
    device: &Device,
    interrupt: &Interrupt,
    terminal: &Terminal,
) -> Result<Labels, CliError> {
    if args.no_labels {
        return Ok(Labels::not_checked("--no-labels"));
    }
    let loaded = match open(args, device, terminal) {
        Ok(loaded) => loaded,
        // What nobody asked for may be missing.
        Err(CliError::Fetch(error)) if args.weights.is_none() && args.model.is_none() => {
            terminal.warn(format_args!("labels are not checked: {error}"));
            return Ok(Labels::not_checked(&format!(
                "the weights of {DEFAULT_MODEL} are not available; --weights FILE takes those of any \
                 network"
            )));
        }
        Err(error) => return Err(error),
    };
    let own = loaded.architecture.preprocessing.resolution;
    let enlarged = (ENLARGED * readable.side as f64) as usize;
    let resolution = match args.resolution {
        Some(resolution) => resolution,
        None => own.min(enlarged.next_multiple_of(STEP).max(2 * STEP)),
    };
    let name = &loaded.architecture.name;
    terminal.note(format_args!(
        "labels: {name} looks at {resolution}×{resolution} pixels"
    ));
    let photographs: Vec<(PathBuf, u32)> = readable
        .listed
        .iter()
        .zip(&readable.paths)
        .map(|(listed, &path)| (path.to_owned(), listed.class as u32))
        .collect();
    let mut progress = terminal.progress("labels", photographs.len());
    let features = Features::of_files(&loaded.network, resolution, photographs, BATCH, |images| {
        progress.advance(images);
        !interrupt.is_requested()
    })?;
    drop(progress);
    let features = uninterrupted(features)?;
    let go_on = || !interrupt.is_requested();
    let found = uninterrupted(check_labels(
        &features,
        classes.len(),
        &readable.groups,
        go_on,
    ))?;
    let doubts = found.doubts.iter().map(|doubt| {
        let listed = readable.listed[doubt.image];
        Doubt {
            image: super::findings::image(listed, classes),
            looks_like: classes[doubt.looks_like].clone(),
            probability: doubt.probability,
            own_probability: doubt.own_probability,
        }
    });
    Ok(Labels {
        checked: found.checked,
        network: Some(name.clone()),
        resolution: Some(resolution),
        agreement: Some(found.agreement).filter(|_| found.checked > 0),
        doubts: doubts.collect(),
        small_classes: found
            .small_classes
            .iter()
            .map(|&class| classes[class].clone())
            .collect(),
        not_checked: None,
    })
}

fn open(args: &CheckDataArgs, device: &Device, terminal: &Terminal) -> Result<Loaded, CliError> {
    let model = ModelArgs {
        model: args.model.clone(),
        weights: args.weights.clone(),
        random_init: false,
        seed: 0,
        num_classes: None,
        resolution: args.resolution,
        names: NamesArgs::default(),
    };
    let loaded = Loaded::open(&model, device, terminal)?;
    match loaded.architecture.input_channels {
        1 | 3 => Ok(loaded),
        channels => Err(CliError::NoColours(channels)),
    }
}
