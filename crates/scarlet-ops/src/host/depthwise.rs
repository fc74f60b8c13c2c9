//! Depthwise convolution, with the normalisations on both sides of it.

use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{AutodiffBackend, tensor::FloatTensor};
use scarlet_kernels::training::{self, DepthwiseOutput, DepthwiseStage, Statistics};

use super::norm::{NormTensors, gradient_tensors, statistics_tensors};
use super::storage::{HostBackend, from_channels_first, from_row_major, give_back, images, shape};
use super::{DepthwiseResult, DepthwiseShape};

/// The stage with its tensors.
#[derive(Debug, Clone)]
struct Stage<B: HostBackend> {
    weight: FloatTensor<B>,
    norm_before: Option<NormTensors<B>>,
    norm_after: Option<NormTensors<B>>,
    shape: DepthwiseShape,
}

impl<B: HostBackend> Stage<B> {
    /// `norms` are gamma and beta in front, gamma and beta after.
    fn new(weight: FloatTensor<B>, norms: [FloatTensor<B>; 4], shape: DepthwiseShape) -> Self {
        let [before_gamma, before_beta, after_gamma, after_beta] = norms;
        Self {
            weight: B::row_major(weight),
            norm_before: (shape.norm_before)
                .map(|constants| NormTensors::new(before_gamma, before_beta, constants)),
            norm_after: (shape.norm_after)
                .map(|constants| NormTensors::new(after_gamma, after_beta, constants)),
            shape,
        }
    }

    fn view(&self) -> DepthwiseStage<'_> {
        DepthwiseStage {
            norm_before: self.norm_before.as_ref().map(NormTensors::view),
            weight: B::values(&self.weight),
            kernel: shape::<B>(&self.weight)[2],
            stride: self.shape.stride,
            padding: self.shape.padding,
            norm_after: self.norm_after.as_ref().map(NormTensors::view),
        }
    }

    fn run(&self, x: FloatTensor<B>) -> DepthwiseOutput {
        self.view().forward(images::<B>(&B::with_planes(x)))
    }
}

pub(super) fn forward<B: HostBackend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    norms: [FloatTensor<B>; 4],
    shape: DepthwiseShape,
) -> DepthwiseResult<B> {
    let result = Stage::<B>::new(weight, norms, shape).run(x);
    if let Some(convolved) = result.convolved {
        training::give_buffer(convolved);
    }
    let [before_mean, before_variance] = statistics_tensors::<B>(result.norm_before.as_ref());
    let [after_mean, after_variance] = statistics_tensors::<B>(result.norm_after.as_ref());
    DepthwiseResult {
        output: from_channels_first::<B>(result.output, result.shape),
        before_mean,
        before_variance,
        after_mean,
        after_variance,
    }
}

#[derive(Debug)]
struct Depthwise;

#[derive(Debug, Clone)]
struct Saved<B: HostBackend> {
    x: NodeId,
    stage: Stage<B>,
    convolved: Option<Vec<f32>>,
    before: Option<Statistics>,
    after: Option<Statistics>,
}

impl<B: HostBackend> Backward<B, 6> for Depthwise {
    type State = Saved<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 6>,
        gradients: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let Saved {
            x,
            stage,
            convolved,
            before,
            after,
        } = ops.state;
        let gradient = B::with_planes(gradients.consume::<B>(&ops.node));
        let x = B::with_planes(checkpointer.retrieve_node_output::<FloatTensor<B>>(x));
        let found = stage.view().backward(
            images::<B>(&x),
            convolved.as_deref(),
            before.as_ref(),
            after.as_ref(),
            images::<B>(&gradient),
        );
        let by_x = from_channels_first::<B>(found.input, shape::<B>(&x));
        give_back::<B>(gradient);
        give_back::<B>(x);
        if let Some(convolved) = convolved {
            training::give_buffer(convolved);
        }
        let by_weight = from_row_major::<B>(found.weight, &shape::<B>(&stage.weight));
        let [before_gamma, before_beta] = gradient_tensors::<B>(found.norm_before);
        let [after_gamma, after_beta] = gradient_tensors::<B>(found.norm_after);
        let found = [
            Some(by_x),
            Some(by_weight),
            before_gamma,
            before_beta,
            after_gamma,
            after_beta,
        ];
        for (node, gradient) in ops.parents.into_iter().zip(found) {
            match (node, gradient) {
                (Some(node), Some(gradient)) => gradients.register::<B>(node.id, gradient),
                (None, Some(gradient)) => give_back::<B>(gradient),
                _ => {}
            }
        }
    }
}

pub(super) fn tracked<B: HostBackend, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    weight: FloatTensor<Autodiff<B, C>>,
    norms: [FloatTensor<Autodiff<B, C>>; 4],
    shape: DepthwiseShape,
) -> DepthwiseResult<Autodiff<B, C>> {
    let [a, b, c, d] = norms.each_ref().map(|tensor| tensor.node());
    let nodes = [x.node(), weight.node(), a, b, c, d];
    let norms = norms.map(|tensor| tensor.into_primitive());
    let stage = Stage::<B>::new(weight.into_primitive(), norms, shape);
    let prep = Depthwise.prepare::<C>(nodes).compute_bound().stateful();
    let (output, before, after) = match prep {
        OpsKind::Tracked(mut prep) => {
            let x_id = prep.checkpoint(&x);
            let result = stage.run(x.into_primitive());
            let saved = Saved {
                x: x_id,
                stage,
                convolved: result.convolved,
                before: result.norm_before.clone(),
                after: result.norm_after.clone(),
            };
            let output = from_channels_first::<B>(result.output, result.shape);
            (
                prep.finish(saved, output),
                result.norm_before,
                result.norm_after,
            )
        }
        OpsKind::UnTracked(prep) => {
            let result = stage.run(x.into_primitive());
            if let Some(convolved) = result.convolved {
                training::give_buffer(convolved);
            }
            let output = from_channels_first::<B>(result.output, result.shape);
            (prep.finish(output), result.norm_before, result.norm_after)
        }
    };
    let constants = |statistics: Option<&Statistics>| {
        statistics_tensors::<B>(statistics).map(Autodiff::<B, C>::from_inner)
    };
    let [before_mean, before_variance] = constants(before.as_ref());
    let [after_mean, after_variance] = constants(after.as_ref());
    DepthwiseResult {
        output,
        before_mean,
        before_variance,
        after_mean,
        after_variance,
    }
}
