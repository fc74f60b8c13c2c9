//! Where the blocks of a network stand in a supernet.

use scarlet_arch::{Architecture, Block, InvertedResidual, Operation, PlacedBlock};

use super::PartError;

/// Kernels that a whole one of 7 can be cut to.
const KERNELS: [usize; 3] = [7, 5, 3];

/// Something that a supernet does not have, wherever it stands.
struct Beyond {
    field: &'static str,
    found: String,
    possible: String,
}

fn beyond(
    field: &'static str,
    found: impl ToString,
    possible: impl ToString,
) -> Result<(), Beyond> {
    Err(Beyond {
        field,
        found: found.to_string(),
        possible: possible.to_string(),
    })
}

fn same<T: PartialEq + ToString>(field: &'static str, found: T, whole: T) -> Result<(), Beyond> {
    match found == whole {
        true => Ok(()),
        false => beyond(field, found, whole),
    }
}

fn at_most(field: &'static str, found: usize, whole: usize) -> Result<(), Beyond> {
    match found <= whole {
        true => Ok(()),
        false => beyond(field, found, format!("{whole} at most")),
    }
}

/// For each layer of a network the layer of the largest one whose weights it has; none for one that is
/// left out. The blocks that are there in a stage are the first of it.
pub(super) fn blocks(
    largest: &Architecture,
    part: &Architecture,
) -> Result<Vec<Option<usize>>, PartError> {
    let fail = |place: &dyn Fn() -> String, problem: Beyond| PartError::Beyond {
        supernet: largest.name.clone(),
        place: place(),
        field: problem.field,
        found: problem.found,
        possible: problem.possible,
    };
    ends(largest, part).map_err(|problem| fail(&|| "the network".to_owned(), problem))?;

    let whole = largest.placed_layers();
    let mut found = Vec::new();
    // The layer of the largest network that comes next, if the stage continues.
    let mut next = 0;
    let mut stage = 0;
    for (index, block) in part.placed_layers().iter().enumerate() {
        if block.operation == Operation::Identity {
            found.push(None);
            continue;
        }
        let goes_on = next > 0 && block.channels_out == whole[next - 1].channels_out;
        if !goes_on {
            // Blocks that are left out at the end of a stage.
            while next > 0 && next < whole.len() && !starts_stage(&whole, next) {
                next += 1;
            }
            stage += 1;
        }
        let place = || format!("layer {}", index + 1);
        let depth = || depth_of(&whole, next - 1);
        let problem = match whole.get(next) {
            None if !goes_on => beyond("place", "behind the last stage", stages(&whole)),
            Some(_) if goes_on && starts_stage(&whole, next) => too_deep(stage, depth()),
            None => too_deep(stage, depth()),
            Some(it) => fits(block, it),
        };
        problem.map_err(|problem| fail(&place, problem))?;
        found.push(Some(next));
        next += 1;
    }
    // All stages must have begun.
    if (next..whole.len()).any(|index| starts_stage(&whole, index)) {
        let channels = |blocks: &[PlacedBlock]| blocks.last().map_or(0, |it| it.channels_out);
        let (found, expected) = (channels(&part.placed_blocks()), channels(&whole));
        return Err(fail(
            &|| "the last layer".to_owned(),
            Beyond {
                field: "number of channels",
                found: found.to_string(),
                possible: expected.to_string(),
            },
        ));
    }
    Ok(found)
}

/// What is before and after the layers, and what all of them share.
fn ends(largest: &Architecture, part: &Architecture) -> Result<(), Beyond> {
    same(
        "channels of images",
        part.input_channels,
        largest.input_channels,
    )?;
    same("number of classes", part.classes, largest.classes)?;
    if part.padding != largest.padding {
        beyond(
            "padding",
            format!("{:?}", part.padding),
            format!("{:?}", largest.padding),
        )?;
    }
    let epsilon = |it: &Architecture| it.batch_norm.epsilon;
    same(
        "epsilon of batch normalisation",
        epsilon(part),
        epsilon(largest),
    )?;
    let before = largest.blocks_before_layers();
    let start = |it: &Architecture| {
        let words: Vec<String> = it.blocks.iter().take(before).map(word).collect();
        words.join(" ")
    };
    same("beginning", start(part), start(largest))?;
    same("head", head(part), head(largest))
}

fn head(network: &Architecture) -> String {
    let conv = (network.head.conv).map(|it| format!("P{}:{}", it.channels, it.activation));
    let hidden = network.head.hidden.map(|it| {
        let bias = if it.bias { "" } else { "n" };
        format!("F{}{bias}:{}", it.channels, it.activation)
    });
    let words: Vec<String> = conv.into_iter().chain(hidden).collect();
    words.join(" ")
}

fn word(block: &Block) -> String {
    let stride = match block.stride {
        1 => String::new(),
        stride => format!("/{stride}"),
    };
    format!("{}@{}{stride}", block.operation, block.channels)
}

/// Whether a stage begins with the layer: all have channels of their own.
fn starts_stage(whole: &[PlacedBlock], index: usize) -> bool {
    index == 0 || whole[index].channels_out != whole[index - 1].channels_out
}

/// The number of layers in the stage of one.
fn depth_of(whole: &[PlacedBlock], index: usize) -> usize {
    let channels = whole[index].channels_out;
    whole
        .iter()
        .filter(|it| it.channels_out == channels)
        .count()
}

fn too_deep(stage: usize, depth: usize) -> Result<(), Beyond> {
    let possible = format!("{depth} at most in stage {stage}");
    beyond("place in its stage", depth + 1, possible)
}

fn stages(whole: &[PlacedBlock]) -> String {
    let first = (0..whole.len()).filter(|&index| starts_stage(whole, index));
    let channels: Vec<String> = first.map(|it| whole[it].channels_out.to_string()).collect();
    format!("stages of {} channels", channels.join(", "))
}

/// Whether a block is a part of a whole one.
fn fits(part: &PlacedBlock, whole: &PlacedBlock) -> Result<(), Beyond> {
    let Operation::InvertedResidual(whole_block) = whole.operation else {
        return Ok(());
    };
    let Operation::InvertedResidual(block) = part.operation else {
        return beyond("operation", part.operation, "an inverted residual, or none");
    };
    same("number of channels", part.channels_out, whole.channels_out)?;
    same(
        "number of channels before it",
        part.channels_in,
        whole.channels_in,
    )?;
    same("stride", part.stride, whole.stride)?;
    let kernels = KERNELS
        .iter()
        .filter(|&&kernel| kernel <= whole_block.kernel);
    if !kernels.clone().any(|&kernel| kernel == block.kernel) {
        let kernels: Vec<String> = kernels.map(usize::to_string).collect();
        beyond("kernel", block.kernel, kernels.join(", "))?;
    }
    if !block.has_expansion() {
        beyond("expansion", "none", "an expanding convolution")?;
    }
    let hidden = |it: &InvertedResidual, channels| it.expansion.hidden(channels);
    let (part_hidden, whole_hidden) = (
        hidden(&block, part.channels_in),
        hidden(&whole_block, whole.channels_in),
    );
    at_most("number of hidden channels", part_hidden, whole_hidden)?;
    same("activation", block.activation, whole_block.activation)?;
    if block.activate_output || !block.shortcut {
        beyond(
            "output",
            "with an activation or without shortcut",
            "linear, with a shortcut",
        )?;
    }
    match (block.squeeze_excite, whole_block.squeeze_excite) {
        (None, None) => Ok(()),
        (Some(excite), Some(whole)) => {
            let words = |activation, gate| format!("{activation}, {gate}");
            same(
                "squeeze-excite",
                words(excite.activation, excite.gate),
                words(whole.activation, whole.gate),
            )?;
            let (inner, most) = (excite.inner(part_hidden), whole.inner(whole_hidden));
            at_most("width of squeeze-excite", inner, most)
        }
        (None, Some(_)) => beyond("squeeze-excite", "none", "with it"),
        (Some(_), None) => beyond("squeeze-excite", "with it", "none"),
    }
}
