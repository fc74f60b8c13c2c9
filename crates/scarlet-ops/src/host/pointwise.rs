//! Pointwise convolution.

use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use scarlet_kernels::training;

use super::storage::{HostBackend, from_channels_first, from_row_major, give_back, images, shape};

pub(super) fn forward<B: HostBackend>(x: FloatTensor<B>, weight: FloatTensor<B>) -> FloatTensor<B> {
    let (x, weight) = (B::with_planes(x), B::row_major(weight));
    let ([batch, _, height, width], [channels, ..]) = (shape::<B>(&x), shape::<B>(&weight));
    let output = training::pointwise(images::<B>(&x), B::values(&weight), channels);
    from_channels_first::<B>(output, [batch, channels, height, width])
}

#[derive(Debug)]
struct Pointwise;

/// What the gradients need: each only if the other one's is wanted.
#[derive(Debug, Clone)]
struct Saved {
    x: Option<NodeId>,
    weight: Option<NodeId>,
}

impl<B: HostBackend> Backward<B, 2> for Pointwise {
    type State = Saved;

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        gradients: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let gradient = B::with_planes(gradients.consume::<B>(&ops.node));
        let [batch, channels, height, width] = shape::<B>(&gradient);
        let [x_node, weight_node] = ops.parents;
        let mut retrieve = |id| checkpointer.retrieve_node_output::<FloatTensor<B>>(id);
        if let (Some(node), Some(x)) = (weight_node, ops.state.x) {
            let x = B::with_planes(retrieve(x));
            let shape = [channels, shape::<B>(&x)[1], 1, 1];
            let values =
                training::pointwise_weight_gradient(images::<B>(&x), images::<B>(&gradient));
            give_back::<B>(x);
            gradients.register::<B>(node.id, from_row_major::<B>(values, &shape));
        }
        if let (Some(node), Some(weight)) = (x_node, ops.state.weight) {
            let weight = B::row_major(retrieve(weight));
            let channels = shape::<B>(&weight)[1];
            let values = training::pointwise_input_gradient(
                images::<B>(&gradient),
                B::values(&weight),
                channels,
            );
            let shape = [batch, channels, height, width];
            gradients.register::<B>(node.id, from_channels_first::<B>(values, shape));
        }
        give_back::<B>(gradient);
    }
}

pub(super) fn tracked<B: HostBackend, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    weight: FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let nodes = [x.node(), weight.node()];
    match Pointwise.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let saved = Saved {
                x: weight.is_tracked().then(|| prep.checkpoint(&x)),
                weight: x.is_tracked().then(|| prep.checkpoint(&weight)),
            };
            let output = forward::<B>(x.into_primitive(), weight.into_primitive());
            prep.finish(saved, output)
        }
        OpsKind::UnTracked(prep) => {
            prep.finish(forward::<B>(x.into_primitive(), weight.into_primitive()))
        }
    }
}
