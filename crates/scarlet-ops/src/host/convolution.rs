//! Ordinary convolution.

use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use scarlet_kernels::training::{self, ConvolutionShape};

use super::storage::{HostBackend, from_channels_first, from_row_major, give_back, images, shape};

pub(super) fn forward<B: HostBackend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    convolution: ConvolutionShape,
) -> FloatTensor<B> {
    let (x, weight) = (B::with_planes(x), B::row_major(weight));
    let channels = shape::<B>(&weight)[0];
    let (output, shape) =
        training::convolution(images::<B>(&x), B::values(&weight), channels, convolution);
    from_channels_first::<B>(output, shape)
}

#[derive(Debug)]
struct Convolution;

#[derive(Debug, Clone)]
struct Saved {
    x: NodeId,
    weight: NodeId,
    convolution: ConvolutionShape,
}

impl<B: HostBackend> Backward<B, 2> for Convolution {
    type State = Saved;

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        gradients: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let Saved {
            x,
            weight,
            convolution,
        } = ops.state;
        let gradient = B::with_planes(gradients.consume::<B>(&ops.node));
        let [x, weight] =
            [x, weight].map(|id| checkpointer.retrieve_node_output::<FloatTensor<B>>(id));
        let (x, weight) = (B::with_planes(x), B::row_major(weight));
        let (x_shape, weight_shape) = (shape::<B>(&x), shape::<B>(&weight));
        let [x_node, weight_node] = ops.parents;
        let (by_x, by_weight) = training::convolution_backward(
            images::<B>(&x),
            B::values(&weight),
            convolution,
            images::<B>(&gradient),
            x_node.is_some(),
        );
        give_back::<B>(gradient);
        give_back::<B>(x);
        if let (Some(node), Some(values)) = (x_node, by_x) {
            gradients.register::<B>(node.id, from_channels_first::<B>(values, x_shape));
        }
        if let Some(node) = weight_node {
            gradients.register::<B>(node.id, from_row_major::<B>(by_weight, &weight_shape));
        }
    }
}

pub(super) fn tracked<B: HostBackend, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    weight: FloatTensor<Autodiff<B, C>>,
    convolution: ConvolutionShape,
) -> FloatTensor<Autodiff<B, C>> {
    let nodes = [x.node(), weight.node()];
    let prep = Convolution.prepare::<C>(nodes).compute_bound().stateful();
    let run = |x: FloatTensor<Autodiff<B, C>>, weight: FloatTensor<Autodiff<B, C>>| {
        forward::<B>(x.into_primitive(), weight.into_primitive(), convolution)
    };
    match prep {
        OpsKind::Tracked(mut prep) => {
            let saved = Saved {
                x: prep.checkpoint(&x),
                weight: prep.checkpoint(&weight),
                convolution,
            };
            let output = run(x, weight);
            prep.finish(saved, output)
        }
        OpsKind::UnTracked(prep) => prep.finish(run(x, weight)),
    }
}
