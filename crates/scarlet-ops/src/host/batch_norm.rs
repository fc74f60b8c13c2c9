//! Batch normalisation with the activation behind it.

use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{AutodiffBackend, tensor::FloatTensor};
use scarlet_kernels::training::{self, Statistics};

use super::norm::{NormTensors, gradient_tensors, statistics_tensors};
use super::storage::{HostBackend, from_channels_first, give_back, images, shape};
use super::{NormConstants, NormResult};

pub(super) fn forward<B: HostBackend>(
    x: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    constants: NormConstants,
) -> NormResult<B> {
    let norm = NormTensors::<B>::new(gamma, beta, constants);
    let (output, statistics) = normalise::<B>(x, &norm);
    let [mean, variance] = statistics_tensors::<B>(Some(&statistics));
    NormResult {
        output,
        mean,
        variance,
    }
}

fn normalise<B: HostBackend>(
    x: FloatTensor<B>,
    norm: &NormTensors<B>,
) -> (FloatTensor<B>, Statistics) {
    let x = B::with_planes(x);
    let result = training::batch_norm(images::<B>(&x), &norm.view());
    let output = from_channels_first::<B>(result.output, shape::<B>(&x));
    (output, result.statistics)
}

#[derive(Debug)]
struct BatchNorm;

#[derive(Debug, Clone)]
struct Saved<B: HostBackend> {
    x: NodeId,
    norm: NormTensors<B>,
    statistics: Statistics,
}

impl<B: HostBackend> Backward<B, 3> for BatchNorm {
    type State = Saved<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        gradients: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let Saved {
            x,
            norm,
            statistics,
        } = ops.state;
        let gradient = B::with_planes(gradients.consume::<B>(&ops.node));
        let x = B::with_planes(checkpointer.retrieve_node_output::<FloatTensor<B>>(x));
        let (by_x, learned) = training::batch_norm_backward(
            images::<B>(&x),
            &norm.view(),
            &statistics,
            images::<B>(&gradient),
        );
        let by_x = from_channels_first::<B>(by_x, shape::<B>(&x));
        give_back::<B>(gradient);
        give_back::<B>(x);
        let [by_gamma, by_beta] = gradient_tensors::<B>(Some(learned));
        for (node, gradient) in ops.parents.into_iter().zip([Some(by_x), by_gamma, by_beta]) {
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
    gamma: FloatTensor<Autodiff<B, C>>,
    beta: FloatTensor<Autodiff<B, C>>,
    constants: NormConstants,
) -> NormResult<Autodiff<B, C>> {
    let nodes = [x.node(), gamma.node(), beta.node()];
    let norm = NormTensors::<B>::new(gamma.into_primitive(), beta.into_primitive(), constants);
    let (output, statistics) = match BatchNorm.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let x_id = prep.checkpoint(&x);
            let (output, statistics) = normalise::<B>(x.into_primitive(), &norm);
            let saved = Saved {
                x: x_id,
                norm,
                statistics: statistics.clone(),
            };
            (prep.finish(saved, output), statistics)
        }
        OpsKind::UnTracked(prep) => {
            let (output, statistics) = normalise::<B>(x.into_primitive(), &norm);
            (prep.finish(output), statistics)
        }
    };
    let [mean, variance] =
        statistics_tensors::<B>(Some(&statistics)).map(Autodiff::<B, C>::from_inner);
    NormResult {
        output,
        mean,
        variance,
    }
}
