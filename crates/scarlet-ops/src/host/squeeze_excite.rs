//! Squeeze-excite.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, TensorMetadata, tensor::FloatTensor};
use scarlet_kernels::training::{SqueezeExcite, SqueezeExciteOutput};

use super::SqueezeExciteShape;
use super::storage::{HostBackend, from_channels_first, from_row_major, give_back, images, shape};

#[derive(Debug, Clone)]
struct Layers<B: HostBackend> {
    /// Squeezing weight and bias, exciting weight and bias.
    tensors: [FloatTensor<B>; 4],
    shape: SqueezeExciteShape,
}

impl<B: HostBackend> Layers<B> {
    fn new(tensors: [FloatTensor<B>; 4], shape: SqueezeExciteShape) -> Self {
        let tensors = tensors.map(B::row_major);
        Self { tensors, shape }
    }

    fn view(&self) -> SqueezeExcite<'_> {
        let [squeeze_weight, squeeze_bias, excite_weight, excite_bias] =
            self.tensors.each_ref().map(B::values);
        SqueezeExcite {
            squeeze_weight,
            squeeze_bias,
            excite_weight,
            excite_bias,
            activation: self.shape.activation,
            gate: self.shape.gate,
        }
    }

    fn run(&self, x: FloatTensor<B>) -> (FloatTensor<B>, SqueezeExciteOutput) {
        let x = B::with_planes(x);
        let mut result = self.view().forward(images::<B>(&x));
        let output = std::mem::take(&mut result.output);
        (from_channels_first::<B>(output, shape::<B>(&x)), result)
    }
}

pub(super) fn forward<B: HostBackend>(
    x: FloatTensor<B>,
    layers: [FloatTensor<B>; 4],
    shape: SqueezeExciteShape,
) -> FloatTensor<B> {
    Layers::<B>::new(layers, shape).run(x).0
}

#[derive(Debug)]
struct Excite;

#[derive(Debug, Clone)]
struct Saved<B: HostBackend> {
    x: NodeId,
    layers: Layers<B>,
    /// Without the output.
    result: SqueezeExciteOutput,
}

impl<B: HostBackend> Backward<B, 5> for Excite {
    type State = Saved<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 5>,
        gradients: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let Saved { x, layers, result } = ops.state;
        let gradient = B::with_planes(gradients.consume::<B>(&ops.node));
        let x = B::with_planes(checkpointer.retrieve_node_output::<FloatTensor<B>>(x));
        let found = layers.view().backward(
            images::<B>(&x),
            &result.mean,
            &result.squeezed,
            &result.gate,
            images::<B>(&gradient),
        );
        let by_x = from_channels_first::<B>(found.input, shape::<B>(&x));
        give_back::<B>(gradient);
        give_back::<B>(x);
        let [x_node, nodes @ ..] = ops.parents;
        match x_node {
            Some(node) => gradients.register::<B>(node.id, by_x),
            None => give_back::<B>(by_x),
        }
        let found = [
            found.squeeze_weight,
            found.squeeze_bias,
            found.excite_weight,
            found.excite_bias,
        ];
        for ((node, values), tensor) in nodes.into_iter().zip(found).zip(layers.tensors) {
            if let Some(node) = node {
                let gradient = from_row_major::<B>(values, &tensor.shape());
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}

pub(super) fn tracked<B: HostBackend, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    layers: [FloatTensor<Autodiff<B, C>>; 4],
    shape: SqueezeExciteShape,
) -> FloatTensor<Autodiff<B, C>> {
    let [a, b, c, d] = layers.each_ref().map(|tensor| tensor.node());
    let nodes = [x.node(), a, b, c, d];
    let layers = Layers::<B>::new(layers.map(|tensor| tensor.into_primitive()), shape);
    match Excite.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let x_id = prep.checkpoint(&x);
            let (output, result) = layers.run(x.into_primitive());
            let saved = Saved {
                x: x_id,
                layers,
                result,
            };
            prep.finish(saved, output)
        }
        OpsKind::UnTracked(prep) => prep.finish(layers.run(x.into_primitive()).0),
    }
}
