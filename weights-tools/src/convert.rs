//! `convert`: any weight file to safetensors.

use scarlet::fold::FoldOptions;
use scarlet::weights::{Entry, Precision, StateDict, recognise};
use scarlet::{Architecture, Scarlet, ScarletConfig, device_by_name};

use crate::Verdict;
use crate::cli::ConvertArgs;
use crate::error::ToolError;
use crate::inputs;
use crate::output::{say, tell};

pub(crate) fn run(args: &ConvertArgs) -> Result<Verdict, ToolError> {
    let is_safetensors = args
        .output
        .extension()
        .is_some_and(|ending| ending == "safetensors");
    if !is_safetensors {
        return Err(ToolError::OutputEnding(args.output.clone()));
    }
    let precision = match args.f16 {
        true => Precision::F16,
        false => Precision::F32,
    };
    let weights = inputs::weights(&args.input, &args.names.options())?;
    let output = args.output.display();
    match network(args, &weights)? {
        Some(network) => {
            network.save(&args.output, precision)?;
            let name = &network.architecture().name;
            say(format_args!("wrote {output}: {name}"))?;
        }
        None if args.fold => return Err(ToolError::NothingToFold(args.input.clone())),
        None => {
            weights.save(&args.output, precision)?;
            say(format_args!(
                "wrote {output}: no known network, names unchanged"
            ))?;
            if let Err(error) = weights.architecture() {
                tell(format_args!("note: {error}"));
            }
        }
    }
    Ok(Verdict::Good)
}

/// The network in the file, folded if asked for; `None` if it is not known.
fn network(args: &ConvertArgs, weights: &StateDict) -> Result<Option<Scarlet>, ToolError> {
    let architecture = match &args.model {
        Some(model) => Some(with_classes_of(weights, inputs::network(model)?)),
        None => recognise(weights).map(|recognised| {
            if let Some(assumed) = &recognised.assumed {
                tell(format_args!("warning: {assumed}"));
            }
            recognised.architecture
        }),
    };
    let Some(architecture) = architecture else {
        return Ok(None);
    };
    let device = device_by_name("cpu")?;
    let network = ScarletConfig::from(architecture)
        .try_init(&device)?
        .load(weights)?;
    if !args.fold {
        return Ok(Some(network));
    }
    let (folded, report) = network.fold(&FoldOptions::default())?;
    for stabilizer in &report.stabilizers {
        say(format_args!("stabilizer of {stabilizer}"))?;
    }
    Ok(Some(folded))
}

/// The network with as many classes as the file has, which need not be those of a preset.
fn with_classes_of(weights: &StateDict, architecture: Architecture) -> Architecture {
    let weights = weights.with_reference_names();
    match weights.get("classifier.bias").map(Entry::shape) {
        Some(&[classes]) => architecture.with_classes(classes),
        _ => architecture,
    }
}
