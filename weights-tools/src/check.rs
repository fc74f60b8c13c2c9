//! `check`: whether a network computes what another program computed.

use std::path::Path;

use scarlet::burn::tensor::{Device, Tensor, TensorData};
use scarlet::weights::{StateDict, recognise};
use scarlet::{Scarlet, ScarletConfig, device_by_name};

use crate::Verdict;
use crate::cli::CheckArgs;
use crate::error::ToolError;
use crate::inputs;
use crate::output::{say, tell};

pub(crate) fn run(args: &CheckArgs) -> Result<Verdict, ToolError> {
    let device = device_by_name(&args.device)?;
    let case = Case::open(&args.case)?;
    let weights = inputs::weights(&args.weights, &args.names.options())?;
    let found = recognise(&weights);
    let architecture = match &args.model {
        Some(model) => {
            let named = inputs::network(model)?;
            if let Some(difference) = found.and_then(|found| found.difference(&named)) {
                tell(format_args!("warning: {difference}"));
            }
            named
        }
        None => {
            if let Some(assumed) = found.and_then(|found| found.assumed) {
                tell(format_args!("warning: {assumed}"));
            }
            weights.architecture()?
        }
    };
    let architecture = architecture.with_classes(case.logits.shape[1]);
    let name = architecture.name.clone();
    let network = ScarletConfig::from(architecture)
        .try_init(&device)?
        .load(&weights)?;
    let found = run_network(&network, &case.input, &device)?;
    let worst = Worst::of(&found, &case.logits)?;

    let passed = worst.error <= args.tolerance;
    say(format_args!(
        "{name} on {}: largest relative error {:.3e} of {} logits, at image {}, class {}: \
         expected {}, found {}\n{} (tolerance {:e})",
        args.device,
        worst.error,
        found.len(),
        worst.image,
        worst.class,
        worst.expected,
        worst.found,
        if passed { "passed" } else { "FAILED" },
        args.tolerance,
    ))?;
    Ok(match passed {
        true => Verdict::Good,
        false => Verdict::Bad,
    })
}

/// What another program was given and what it computed.
struct Case {
    input: Values<4>,
    logits: Values<2>,
}

struct Values<const D: usize> {
    shape: [usize; D],
    values: Vec<f32>,
}

impl Case {
    fn open(path: &Path) -> Result<Self, ToolError> {
        let file = StateDict::open(path)?;
        let case = Self {
            input: read(&file, "input")?,
            logits: read(&file, "logits")?,
        };
        let (images, answers) = (case.input.shape[0], case.logits.shape[0]);
        if images != answers || case.logits.values.is_empty() {
            return Err(ToolError::Case {
                path: path.to_owned(),
                detail: format!("it has {images} images and logits of {answers}"),
            });
        }
        Ok(case)
    }
}

fn read<const D: usize>(file: &StateDict, name: &str) -> Result<Values<D>, ToolError> {
    let no_case = |detail: String| ToolError::Case {
        path: file.path().to_owned(),
        detail,
    };
    let entry = file
        .get(name)
        .ok_or_else(|| no_case(format!("it has no `{name}`")))?;
    let shape = entry
        .shape()
        .try_into()
        .map_err(|_| no_case(format!("`{name}` has shape {:?}", entry.shape())))?;
    Ok(Values {
        shape,
        values: entry.read_f32()?,
    })
}

/// The network's logits, row by row.
fn run_network(
    network: &Scarlet,
    input: &Values<4>,
    device: &Device,
) -> Result<Vec<f32>, ToolError> {
    let images = TensorData::new(input.values.clone(), input.shape);
    let images = Tensor::<4>::from_data(images, device);
    let logits = network.try_forward(images)?;
    logits
        .into_data()
        .convert::<f32>()
        .try_into_vec()
        .map_err(|error| ToolError::Compute(error.to_string()))
}

/// The logit that is furthest off.
struct Worst {
    /// Difference relative to the largest expected logit.
    error: f64,
    image: usize,
    class: usize,
    expected: f32,
    found: f32,
}

impl Worst {
    fn of(found: &[f32], expected: &Values<2>) -> Result<Self, ToolError> {
        let classes = expected.shape[1];
        if let Some(index) = found.iter().position(|value| !value.is_finite()) {
            return Err(ToolError::LogitNotFinite {
                value: found[index],
                image: index / classes,
                class: index % classes,
            });
        }
        let largest = expected
            .values
            .iter()
            .fold(f32::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
        let difference =
            |index: usize| (f64::from(found[index]) - f64::from(expected.values[index])).abs();
        let worst = (0..found.len())
            .max_by(|&a, &b| difference(a).total_cmp(&difference(b)))
            .unwrap_or(0);
        Ok(Self {
            error: difference(worst) / f64::from(largest),
            image: worst / classes,
            class: worst % classes,
            expected: expected.values[worst],
            found: found[worst],
        })
    }
}
