//! torchvision's names, which are numbers: of MobileNetV2 `features.3.conv.1.0`, of MobileNetV3
//! `features.3.block.1.0`, of EfficientNet `features.3.0.block.1.0`, of MnasNet
//! `layers.9.0.layers.3`.

use super::parts::{Pair, Parts, Place, Role};

pub(super) fn place(module: &str, modules: &Parts<'_>) -> Option<Place> {
    let path: Vec<&str> = module.split('.').collect();
    match *path.as_slice() {
        ["features", "0", pair] => Some(Place::Stem(of_pair(pair)?)),
        // The last of the features is a convolution before the mean.
        ["features", _, pair] => Some(Place::HeadConv(of_pair(pair)?)),
        ["features", number, "conv", ref rest @ ..] => {
            let expands = modules.has(&format!("features.{number}.conv.3"));
            let key = (0, number.parse().ok()?);
            Some(Place::Block(key, in_mobilenet_v2(rest, expands)?))
        }
        ["features", number, "block", ref rest @ ..] => {
            let block = format!("features.{number}.block");
            let key = (0, number.parse().ok()?);
            Some(Place::Block(key, in_block(rest, &block, modules)?))
        }
        ["features", stage, number, "block", ref rest @ ..] => {
            let block = format!("features.{stage}.{number}.block");
            let key = (stage.parse().ok()?, number.parse().ok()?);
            Some(Place::Block(key, in_block(rest, &block, modules)?))
        }
        ["layers", number] => in_mnasnet(number),
        ["layers", stage, number, "layers", part] => {
            let role = match part {
                "0" => Role::Expand(Pair::Conv),
                "1" => Role::Expand(Pair::Norm),
                "3" => Role::Depthwise(Pair::Conv),
                "4" => Role::Depthwise(Pair::Norm),
                "6" => Role::Project(Pair::Conv),
                "7" => Role::Project(Pair::Norm),
                _ => return None,
            };
            let key = (stage.parse().ok()?, number.parse().ok()?);
            Some(Place::Block(key, role))
        }
        // MobileNetV3 has a fully connected layer before the last.
        ["classifier", "0"] if modules.has("classifier.3") => Some(Place::Hidden),
        ["classifier", "3" | "1"] => Some(Place::Classifier),
        _ => None,
    }
}

fn of_pair(number: &str) -> Option<Pair> {
    match number {
        "0" => Some(Pair::Conv),
        "1" => Some(Pair::Norm),
        _ => None,
    }
}

fn in_mobilenet_v2(rest: &[&str], expands: bool) -> Option<Role> {
    Some(match (rest, expands) {
        (["0", pair], true) => Role::Expand(of_pair(pair)?),
        (["1", pair], true) => Role::Depthwise(of_pair(pair)?),
        (["2"], true) => Role::Project(Pair::Conv),
        (["3"], true) => Role::Project(Pair::Norm),
        (["0", pair], false) => Role::Depthwise(of_pair(pair)?),
        (["1"], false) => Role::Project(Pair::Conv),
        (["2"], false) => Role::Project(Pair::Norm),
        _ => return None,
    })
}

/// In a block whose convolutions are numbered through, with a squeeze-excite among them.
fn in_block(rest: &[&str], block: &str, modules: &Parts<'_>) -> Option<Role> {
    let is_excite = |number: usize| modules.has(&format!("{block}.{number}.fc1"));
    let (number, part) = match rest {
        [number, part] => (number.parse::<usize>().ok()?, *part),
        _ => return None,
    };
    match part {
        "fc1" => return Some(Role::Squeeze),
        "fc2" => return Some(Role::Excite),
        _ => {}
    }
    let numbers = modules.numbers_below(block).into_iter();
    let convs: Vec<usize> = numbers.filter(|&number| !is_excite(number)).collect();
    let roles: &[fn(Pair) -> Role] = match convs.len() {
        2 => &[Role::Depthwise, Role::Project],
        3 => &[Role::Expand, Role::Depthwise, Role::Project],
        _ => return None,
    };
    let position = convs.iter().position(|&it| it == number)?;
    Some(roles[position](of_pair(part)?))
}

/// MnasNet's stem, separable convolution and head are numbered among its stages; activations have
/// numbers too.
fn in_mnasnet(number: &str) -> Option<Place> {
    let first = |role| Place::Block((0, 0), role);
    Some(match number {
        "0" => Place::Stem(Pair::Conv),
        "1" => Place::Stem(Pair::Norm),
        "3" => first(Role::Depthwise(Pair::Conv)),
        "4" => first(Role::Depthwise(Pair::Norm)),
        "6" => first(Role::Project(Pair::Conv)),
        "7" => first(Role::Project(Pair::Norm)),
        "14" => Place::HeadConv(Pair::Conv),
        "15" => Place::HeadConv(Pair::Norm),
        _ => return None,
    })
}
