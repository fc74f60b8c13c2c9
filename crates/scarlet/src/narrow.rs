//! Narrower blocks and heads that share the weights of whole ones, for supernets that are made of a
//! network.

use burn::module::{Param, RunningState};
use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};
use scarlet_arch::{Architecture, Operation, PlacedBlock};
use serde::{Deserialize, Serialize};

use crate::walk::{NodeWeights, Place};
use crate::{BlockModule, Scarlet};

/// What says how much a hidden channel, or a feature, matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Importance {
    /// The sum of its absolute weights in the projecting convolution, or in the classifier, which is
    /// what it adds to the output for each unit of its own (Cai et al., Once for All, arXiv
    /// 1908.09791).
    Projection,
    /// The same times the size of what it is before: the weight of its normalisation after the
    /// depthwise convolution, or after the last convolution, which is the standard deviation of the
    /// channel there. A feature that no normalisation made counts as with the other measure.
    #[default]
    Scaled,
}

/// The hidden channels of a block, or the features in front of a classifier, in the order in which
/// narrower blocks or heads have them: one with `n` of them keeps the first `n`, in the places that
/// they have in the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub struct ChannelOrder(Vec<usize>);

/// Numbers that are no order of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order of channels must have every number from 0 on once")]
pub struct NotAnOrder;

impl TryFrom<Vec<usize>> for ChannelOrder {
    type Error = NotAnOrder;

    fn try_from(order: Vec<usize>) -> Result<Self, NotAnOrder> {
        let mut seen = vec![false; order.len()];
        for &channel in &order {
            match seen.get_mut(channel) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(NotAnOrder),
            }
        }
        Ok(Self(order))
    }
}

impl From<ChannelOrder> for Vec<usize> {
    fn from(order: ChannelOrder) -> Self {
        order.0
    }
}

impl ChannelOrder {
    /// The most important channels of a block first; of equals, the earlier. Empty for a block that
    /// has no hidden channels.
    pub fn by(importance: Importance, block: &BlockModule) -> Self {
        let BlockModule::InvertedResidual(block) = block else {
            return Self(Vec::new());
        };
        let weights = block.conv3.weight.val().abs().sum_dim(0).flatten::<1>(0, 3);
        let values = match importance {
            Importance::Projection => weights,
            Importance::Scaled => weights * block.bn2.gamma.val().abs(),
        };
        Self::largest_first(values)
    }

    /// The most important features of a network first; of equals, the earlier.
    pub fn of_features(importance: Importance, network: &Scarlet) -> Self {
        let weights = network.classifier.weight.val().abs().sum_dim(1);
        let weights = weights.flatten::<1>(0, 1);
        let normalised = match network.hidden {
            Some(_) => None,
            None => network.head_conv.as_ref(),
        };
        Self::largest_first(match (importance, normalised) {
            (Importance::Scaled, Some(conv)) => weights * conv.bn.gamma.val().abs(),
            _ => weights,
        })
    }

    fn largest_first(values: Tensor<1>) -> Self {
        let values: Vec<f32> = values.into_data().iter::<f32>().collect();
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        Self(order)
    }

    /// Number of channels.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first `count` channels, by their places in the whole block.
    fn kept(&self, count: usize, device: &Device) -> Tensor<1, Int> {
        let mut kept: Vec<i64> = self.0.iter().take(count).map(|&it| it as i64).collect();
        kept.sort_unstable();
        Tensor::from_data(TensorData::from(kept.as_slice()), device)
    }

    /// What a narrower block of this order has of a whole block's tensor: of channels, in the first
    /// two dimensions, the first of the order, of kernels the middle. Where a dimension is as large as
    /// in the whole tensor, all of it.
    pub fn cut<const D: usize>(&self, mut whole: Tensor<D>, shape: [usize; D]) -> Tensor<D> {
        for (dim, to) in shape.into_iter().enumerate() {
            let from = whole.dims()[dim];
            if from == to {
                continue;
            }
            whole = match dim < 2 {
                true => {
                    let kept = self.kept(to, &whole.device());
                    whole.select(dim, kept)
                }
                false => whole.narrow(dim, (from - to) / 2, to),
            };
        }
        whole
    }

    /// The whole tensor that [`cut`](Self::cut) makes `part` of, with zeros elsewhere: of a
    /// narrower block's gradient, the whole block's.
    pub fn put_back<const D: usize>(&self, mut part: Tensor<D>, shape: [usize; D]) -> Tensor<D> {
        for dim in (0..D).rev() {
            let (from, to) = (part.dims()[dim], shape[dim]);
            if from == to {
                continue;
            }
            let mut wider = part.dims();
            wider[dim] = to;
            let device = part.device();
            let zeros = Tensor::zeros(wider, &device);
            part = match dim < 2 {
                true => {
                    let kept = self.kept(from, &device);
                    zeros.select_assign(dim, kept, part, IndexingUpdateOp::Add)
                }
                false => {
                    let start = (to - from) / 2;
                    let ranges: [_; D] = std::array::from_fn(|at| match at == dim {
                        true => start..start + from,
                        false => 0..wider[at],
                    });
                    zeros.slice_assign(ranges, part)
                }
            };
        }
        part
    }
}

impl BlockModule {
    /// The narrower block that `placed` describes, of a network like `architecture`: with fewer
    /// hidden channels than this one, a smaller kernel, or both. Its weights are copies of their
    /// parts of this block's, as they are now, and go by the same ids; its running statistics are
    /// its own. Where it is not narrower, it is this block.
    pub fn narrowed(
        &self,
        placed: &PlacedBlock,
        architecture: &Architecture,
        order: &ChannelOrder,
    ) -> Self {
        let mut whole = self.clone();
        let (Self::InvertedResidual(block), Operation::InvertedResidual(_)) =
            (self, placed.operation)
        else {
            return whole;
        };
        let device = block.conv3.weight.lazy_device();
        let mut narrow = Self::new(placed, architecture, &device);
        let (mut from, mut to) = (Vec::new(), Vec::new());
        whole.nodes(&mut from);
        narrow.nodes(&mut to);
        match move_parts(from, to, order) {
            true => narrow,
            false => self.clone(),
        }
    }
}

impl Scarlet {
    /// The same network with this many features in front of its classifier. The weights after its
    /// blocks are copies of their parts of this one's, as they are now, and go by the same ids; running
    /// statistics there are its own. With as many features, or none that could be fewer, it is this
    /// network.
    ///
    /// # Panics
    ///
    /// If there are not as many features, or the order is of another number of them.
    pub fn with_fewer_features(&self, features: usize, order: &ChannelOrder) -> Self {
        let head = self.architecture().head;
        let narrow = head.with_features(features);
        if narrow == head {
            return self.clone();
        }
        let mut whole = self.clone();
        let mut network = self.clone().with_new_head(narrow);
        move_parts(whole.head_weights(), network.head_weights(), order);
        network
    }
}

/// Puts its part of each whole node in the place of a narrower one; says whether one is smaller.
fn move_parts(
    mut whole: Vec<NodeWeights<'_>>,
    mut narrow: Vec<NodeWeights<'_>>,
    order: &ChannelOrder,
) -> bool {
    let mut is_narrower = false;
    for (from, to) in whole.iter_mut().zip(&mut narrow) {
        for (from, to) in from.places().into_iter().zip(to.places()) {
            is_narrower |= move_part(from, to, order);
        }
    }
    is_narrower
}

/// Puts its part of `whole` in a narrower place; says whether it is smaller.
fn move_part(whole: Place<'_>, narrow: Place<'_>, order: &ChannelOrder) -> bool {
    match (whole, narrow) {
        (Place::Kernel(whole), Place::Kernel(narrow)) => part_of(whole, narrow, order),
        (Place::Vector(whole), Place::Vector(narrow)) => part_of(whole, narrow, order),
        (Place::Matrix(whole), Place::Matrix(narrow)) => part_of(whole, narrow, order),
        (Place::Statistic(whole), Place::Statistic(narrow)) => {
            let shape = narrow.value().dims();
            let value = whole.value_sync().detach();
            let is_smaller = value.dims() != shape;
            *narrow = RunningState::new(order.cut(value, shape));
            is_smaller
        }
        // Blocks of the same kind have the same entries.
        _ => false,
    }
}

fn part_of<const D: usize>(
    whole: &Param<Tensor<D>>,
    narrow: &mut Param<Tensor<D>>,
    order: &ChannelOrder,
) -> bool {
    let shape: [usize; D] = narrow.lazy_shape().dims();
    let is_trained = whole.is_require_grad();
    let is_smaller = whole.lazy_shape().dims::<D>() != shape;
    *narrow = whole.clone().map(|weight| {
        // A weight of its own, not a result of the whole one.
        let part = order.cut(weight.detach(), shape).detach();
        part.set_require_grad(is_trained)
    });
    is_smaller
}
