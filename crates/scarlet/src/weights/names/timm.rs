//! timm's names, which number blocks within stages: `blocks.2.0.conv_pw`.

use super::parts::{Pair, Parts, Place, Role};

pub(super) fn place(module: &str, modules: &Parts<'_>) -> Option<Place> {
    Some(match module {
        "conv_stem" => Place::Stem(Pair::Conv),
        "bn1" => Place::Stem(Pair::Norm),
        // After the mean it is a fully connected layer, and has no normalisation.
        "conv_head" if modules.has("bn2") => Place::HeadConv(Pair::Conv),
        "conv_head" => Place::Hidden,
        "bn2" => Place::HeadConv(Pair::Norm),
        "classifier" => Place::Classifier,
        _ => return block(module, modules),
    })
}

fn block(module: &str, modules: &Parts<'_>) -> Option<Place> {
    let (stage, rest) = module.strip_prefix("blocks.")?.split_once('.')?;
    let (number, part) = rest.split_once('.')?;
    let key = (stage.parse().ok()?, number.parse().ok()?);
    let has = |part: &str| modules.has(&format!("blocks.{stage}.{number}.{part}"));
    let role = match part {
        "se.conv_reduce" => Role::Squeeze,
        "se.conv_expand" => Role::Excite,
        // The same names mean other things where there is no expanding convolution.
        _ if has("conv_pwl") => match part {
            "conv_pw" => Role::Expand(Pair::Conv),
            "bn1" => Role::Expand(Pair::Norm),
            "conv_dw" => Role::Depthwise(Pair::Conv),
            "bn2" => Role::Depthwise(Pair::Norm),
            "conv_pwl" => Role::Project(Pair::Conv),
            "bn3" => Role::Project(Pair::Norm),
            _ => return None,
        },
        _ if has("conv_dw") => match part {
            "conv_dw" => Role::Depthwise(Pair::Conv),
            "bn1" => Role::Depthwise(Pair::Norm),
            "conv_pw" => Role::Project(Pair::Conv),
            "bn2" => Role::Project(Pair::Norm),
            _ => return None,
        },
        "conv" => Role::Only(Pair::Conv),
        "bn1" => Role::Only(Pair::Norm),
        _ => return None,
    };
    Some(Place::Block(key, role))
}
