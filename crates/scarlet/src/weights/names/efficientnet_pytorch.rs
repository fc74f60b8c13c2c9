//! Names of EfficientNet-PyTorch and its relatives, which number blocks through:
//! `_blocks.3._expand_conv`.

use super::parts::{Pair, Place, Role};

pub(super) fn place(module: &str) -> Option<Place> {
    Some(match module {
        "_conv_stem" => Place::Stem(Pair::Conv),
        "_bn0" => Place::Stem(Pair::Norm),
        "_conv_head" => Place::HeadConv(Pair::Conv),
        "_bn1" => Place::HeadConv(Pair::Norm),
        "_fc" => Place::Classifier,
        _ => {
            let (number, part) = module.strip_prefix("_blocks.")?.split_once('.')?;
            let role = match part {
                "_expand_conv" => Role::Expand(Pair::Conv),
                "_bn0" => Role::Expand(Pair::Norm),
                "_depthwise_conv" => Role::Depthwise(Pair::Conv),
                "_bn1" => Role::Depthwise(Pair::Norm),
                "_se_reduce" => Role::Squeeze,
                "_se_expand" => Role::Excite,
                "_project_conv" => Role::Project(Pair::Conv),
                "_bn2" => Role::Project(Pair::Norm),
                _ => return None,
            };
            Place::Block((0, number.parse().ok()?), role)
        }
    })
}
