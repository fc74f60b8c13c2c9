//! Addition.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use scarlet_kernels::training;

use super::storage::{HostBackend, from_channels_first, give_back, images, shape};

pub(super) fn forward<B: HostBackend>(x: FloatTensor<B>, y: FloatTensor<B>) -> FloatTensor<B> {
    let (x, y) = (B::with_planes(x), B::with_planes(y));
    let sum = training::add(images::<B>(&x), images::<B>(&y));
    let sum = from_channels_first::<B>(sum, shape::<B>(&x));
    give_back::<B>(x);
    give_back::<B>(y);
    sum
}

#[derive(Debug)]
struct Addition;

impl<B: HostBackend> Backward<B, 2> for Addition {
    type State = ();

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let gradient = gradients.consume::<B>(&ops.node);
        for node in ops.parents.into_iter().flatten() {
            gradients.register::<B>(node.id, gradient.clone());
        }
    }
}

pub(super) fn tracked<B: HostBackend, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    y: FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let prep = Addition.prepare::<C>([x.node(), y.node()]).compute_bound();
    prep.stateless(forward::<B>(x.into_primitive(), y.into_primitive()))
}
