//! What the operations of a folded network are called in the file: as in a checkpoint.

use scarlet_arch::{Architecture, Operation};

/// Names of the operations that a folded network of this architecture lowers to, in their order.
pub(super) fn operation_names(architecture: &Architecture) -> Vec<String> {
    let mut names: Vec<String> = ["stem", "separable_conv.0", "separable_conv.3"]
        .map(str::to_owned)
        .to_vec();
    for (index, layer) in architecture.placed_layers().iter().enumerate() {
        let mut add = |part: &str| names.push(format!("mb_module.{index}.{part}"));
        match layer.operation {
            Operation::Identity => {}
            Operation::Linear => add("linear"),
            Operation::InvertedResidual(block) => {
                if block.has_expansion() {
                    add("conv1");
                }
                add("conv2");
                if block.squeeze_excite {
                    add("mid_se");
                }
                add("conv3");
                if layer.has_shortcut() {
                    add("shortcut");
                }
            }
        }
    }
    names.extend(["conv_before_pooling", "mean", "classifier"].map(str::to_owned));
    names
}
