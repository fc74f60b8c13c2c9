//! [`Scarlet`]: a network built from any [`Architecture`].

use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, module::adaptive_avg_pool2d};
use scarlet_arch::{Architecture, Head};

use crate::blocks::{BlockModule, ConvBn, ConvShape, ConvStyle, HiddenLayer};
use crate::random::{FirstWeights, Masks};
use crate::{InputError, ModelCard, ScarletConfig};

/// A mobile image network: blocks from the stem on, head, classifier.
///
/// Made by a builder such as [`ScarletA`](crate::ScarletA) or from any architecture through
/// [`ScarletConfig`]. Shapes are `[batch, channels, height, width]`.
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct Scarlet {
    /// Those of the [architecture](Self::architecture), in its order.
    pub blocks: Vec<BlockModule>,
    /// 1×1 convolution before the mean, if there is one.
    pub head_conv: Option<ConvBn>,
    /// Fully connected layer after the mean, if there is one.
    pub hidden: Option<HiddenLayer>,
    /// In front of the classifier, in training.
    pub dropout: Dropout,
    /// From features to logits.
    pub classifier: Linear,
    #[module(skip)]
    architecture: Architecture,
    #[module(skip)]
    pub(crate) card: Option<Box<ModelCard>>,
}

/// Of each channel of a map: `[batch, channels]`.
pub(crate) fn mean(map: Tensor<4>) -> Tensor<2> {
    adaptive_avg_pool2d(map, [1, 1]).flatten::<2>(1, 3)
}

/// What stands behind a network's blocks.
struct HeadModules {
    conv: Option<ConvBn>,
    hidden: Option<HiddenLayer>,
    classifier: Linear,
}

impl HeadModules {
    fn build(architecture: &Architecture, weights: &mut FirstWeights, device: &Device) -> Self {
        let style = ConvStyle::of(architecture);
        let mut features = architecture.channels_before_head();
        let conv = architecture.head.conv.map(|conv| {
            let shape = ConvShape::pointwise(features, conv.channels);
            features = conv.channels;
            ConvBn::new(shape, style, conv.activation, weights, device)
        });
        let hidden = architecture.head.hidden.map(|hidden| {
            let inputs = std::mem::replace(&mut features, hidden.channels);
            HiddenLayer::new(inputs, hidden, weights, device)
        });
        let classifier = published_classifier(features, architecture.classes, weights, device);
        Self {
            conv,
            hidden,
            classifier,
        }
    }
}

impl Scarlet {
    /// Builds what `config` describes, which must have been validated.
    pub(crate) fn build(
        config: &ScarletConfig,
        mut weights: FirstWeights,
        device: &Device,
    ) -> Self {
        let weights = &mut weights;
        let architecture = config.architecture().clone();
        let placed = architecture.placed_blocks();
        let (before, layers) = placed.split_at(architecture.blocks_before_layers());
        let style = ConvStyle::of(&architecture);
        // A seed means the weights in this order: layers, what is before them, what is after them.
        let layers: Vec<BlockModule> = layers
            .iter()
            .enumerate()
            .map(|(index, layer)| {
                // The rate grows linearly with depth, from 0 (Huang et al., arXiv 1603.09382).
                let drop_path = config.drop_path() * index as f64 / layers.len() as f64;
                BlockModule::build(layer, style, drop_path, weights, device)
            })
            .collect();
        let before = before.iter();
        let mut blocks: Vec<BlockModule> = before
            .map(|block| BlockModule::build(block, style, 0.0, weights, device))
            .collect();
        blocks.extend(layers);

        let HeadModules {
            conv,
            hidden,
            classifier,
        } = HeadModules::build(&architecture, weights, device);
        Self {
            blocks,
            head_conv: conv,
            hidden,
            dropout: DropoutConfig::new(config.dropout()).init(),
            classifier,
            architecture,
            card: None,
        }
    }

    /// The same with other modules after its blocks, whose weights are still to be set.
    pub(crate) fn with_new_head(mut self, head: Head) -> Self {
        let device = self.device();
        self.architecture.head = head;
        let weights = &mut FirstWeights::Device;
        let modules = HeadModules::build(&self.architecture, weights, &device);
        self.head_conv = modules.conv;
        self.hidden = modules.hidden;
        self.classifier = modules.classifier;
        self
    }

    /// The same network with other layers between its ends, described by `architecture`; it shares
    /// the weights of both. A network of a supernet is made so.
    ///
    /// # Panics
    ///
    /// If there are not as many blocks as the architecture has.
    pub fn with_layers(
        mut self,
        layers: impl IntoIterator<Item = BlockModule>,
        architecture: Architecture,
    ) -> Self {
        self.blocks.truncate(architecture.blocks_before_layers());
        self.blocks.extend(layers);
        let expected = architecture.blocks.len();
        assert_eq!(self.blocks.len(), expected, "a module for every block");
        self.architecture = architecture;
        self
    }

    /// The blocks that a search chooses: those of the architecture's
    /// [layers](Architecture::layers).
    pub fn layers(&self) -> &[BlockModule] {
        &self.blocks[self.architecture.blocks_before_layers()..]
    }

    /// The network as data.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The device that the weights live on.
    pub fn device(&self) -> Device {
        self.classifier.weight.lazy_device()
    }

    /// Logits `[batch, classes]` of images `[batch, channels, height, width]`.
    ///
    /// # Panics
    ///
    /// If the images have another number of channels, or no pixels;
    /// [`try_forward`](Self::try_forward) returns the error instead.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.try_forward(images)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Logits `[batch, classes]` of images `[batch, channels, height, width]`.
    ///
    /// # Errors
    ///
    /// [`InputError`] says what the number of channels or a side should be.
    pub fn try_forward(&self, images: Tensor<4>) -> Result<Tensor<2>, InputError> {
        self.try_forward_with(images, Masks::Device)
    }

    /// As [`try_forward`](Self::try_forward), but what dropout and drop path leave out in training
    /// is drawn from random streams named by `seed`, where `try_forward` draws it from Burn's
    /// generator of the device: the same is left out on every device, whatever else draws from its
    /// generator. Every pass of a training needs a seed of its own.
    ///
    /// # Errors
    ///
    /// As [`try_forward`](Self::try_forward).
    pub fn try_forward_seeded(
        &self,
        images: Tensor<4>,
        seed: u64,
    ) -> Result<Tensor<2>, InputError> {
        self.try_forward_with(images, Masks::Seeded(seed))
    }

    fn try_forward_with(&self, images: Tensor<4>, masks: Masks) -> Result<Tensor<2>, InputError> {
        InputError::check(&self.architecture, images.dims())?;
        let features = self.pool(self.forward_features_with(images, masks));
        let features = masks.drop_features(&self.dropout, features);
        Ok(self.classifier.forward(features))
    }

    /// Features `[batch, features]` of the last map.
    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        self.features_of(mean(x))
    }

    /// Features `[batch, features]` of the last map's mean `[batch, channels]`.
    pub(crate) fn features_of(&self, mean: Tensor<2>) -> Tensor<2> {
        match &self.hidden {
            Some(hidden) => hidden.forward(mean),
            None => mean,
        }
    }

    /// What is averaged for the classifier: `[batch, channels, height / stride, width / stride]`
    /// of images `[batch, channels, height, width]`, where stride is the network's total stride;
    /// sides are rounded up.
    pub fn forward_features(&self, images: Tensor<4>) -> Tensor<4> {
        self.forward_features_with(images, Masks::Device)
    }

    fn forward_features_with(&self, images: Tensor<4>, masks: Masks) -> Tensor<4> {
        let x = self.forward_blocks(images, self.blocks.len(), masks);
        match &self.head_conv {
            Some(conv) => conv.forward(x),
            None => x,
        }
    }

    /// What the first `count` layers make of images `[batch, channels, height, width]`, or all
    /// layers where there are no more: `[batch, channels, height / stride, width / stride]` with
    /// the channels and the stride after them.
    pub fn forward_layers(&self, images: Tensor<4>, count: usize) -> Tensor<4> {
        let before = self.architecture.blocks_before_layers();
        self.forward_blocks(images, before.saturating_add(count), Masks::Device)
    }

    fn forward_blocks(&self, images: Tensor<4>, count: usize, masks: Masks) -> Tensor<4> {
        let before = self.architecture.blocks_before_layers();
        let blocks = self.blocks.iter().take(count).enumerate();
        blocks.fold(images, |x, (index, block)| {
            // What is before the layers is never left out.
            block.forward_with(x, masks.of_layer(index.saturating_sub(before)))
        })
    }

    /// Replaces the classifier by a new one for `classes` classes, with all weights 0.
    ///
    /// Every class is then as likely as any other, and the first loss is ln(`classes`) whatever the
    /// features are. The first weights of the published networks, which a network is
    /// [built](crate::ScarletConfig) with, suit a thousand classes: for ten, they make logits so
    /// large that training first has to undo them, and distorts trained features on the way. A
    /// single layer has no symmetry that random weights would have to break: the gradients of its
    /// classes differ from the first step on. A [card](Self::card) is of the old classes, and goes
    /// with them.
    ///
    /// # Panics
    ///
    /// If `classes` is 0.
    pub fn reset_classifier(mut self, classes: usize) -> Self {
        assert!(classes > 0, "a classifier needs at least one class");
        let device = self.device();
        let features = self.architecture.features();
        let mut linear = LinearConfig::new(features, classes).init(&device);
        let weights = Tensor::zeros([features, classes], &device);
        linear.weight = Param::from_tensor(weights);
        linear.bias = Some(Param::from_tensor(Tensor::zeros([classes], &device)));
        self.classifier = linear;
        self.architecture.classes = classes;
        self.card = None;
        self
    }

    /// The same network with its features in place of logits: `[batch, features]`, what the
    /// classifier read (in timm, `num_classes=0`). It is written, deployed and exported like any
    /// other, with a classifier of that many classes that passes on what it reads.
    pub fn without_classifier(self) -> Self {
        let features = self.architecture.features();
        let device = self.device();
        let mut network = self.reset_classifier(features);
        network.classifier.weight = Param::from_tensor(Tensor::eye(features, &device));
        network
    }

    /// The same network for grey images, `[batch, 1, height, width]`: its first kernels are summed
    /// over the channels, so that it makes of an image what it made of one with that image in every
    /// channel. Its preprocessing becomes [that of grey](scarlet_arch::Preprocessing::in_grey).
    pub fn in_grey(mut self) -> Self {
        // The first block of a valid network is a convolution.
        if let Some(BlockModule::Conv(stem)) = self.blocks.first_mut() {
            let kernels = &stem.conv.weight;
            let is_trained = kernels.is_require_grad();
            // A weight of its own, not a result of the old one.
            let sum = kernels.val().sum_dim(1).detach();
            stem.conv.weight = Param::from_tensor(sum).set_require_grad(is_trained);
        }
        self.architecture.input_channels = 1;
        self.architecture.preprocessing = self.architecture.preprocessing.in_grey();
        self
    }

    /// The modules of the graph's parts, in its order.
    pub(crate) fn parts(&self) -> Vec<PartModule<'_>> {
        let blocks = self.blocks.iter().map(PartModule::Block);
        let conv = self.head_conv.iter().map(PartModule::HeadConv);
        let hidden = self.hidden.iter().map(PartModule::Hidden);
        let classifier = PartModule::Classifier {
            classifier: &self.classifier,
            reads_map: self.hidden.is_none(),
        };
        let parts = blocks.chain(conv).chain(hidden).chain([classifier]);
        parts.collect()
    }
}

/// The module of one part of a network's graph.
pub(crate) enum PartModule<'a> {
    Block(&'a BlockModule),
    HeadConv(&'a ConvBn),
    /// With the mean before it.
    Hidden(&'a HiddenLayer),
    Classifier {
        classifier: &'a Linear,
        /// Whether the mean belongs to it.
        reads_map: bool,
    },
}

impl PartModule<'_> {
    /// What it makes of what reaches it; vectors are `[batch, values, 1, 1]`.
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let vector = match self {
            Self::Block(block) => return block.forward(x),
            Self::HeadConv(conv) => return conv.forward(x),
            Self::Hidden(hidden) => hidden.forward(mean(x)),
            Self::Classifier {
                classifier,
                reads_map: true,
            } => classifier.forward(mean(x)),
            Self::Classifier { classifier, .. } => classifier.forward(x.flatten::<2>(1, 3)),
        };
        let [images, values] = vector.dims();
        vector.reshape([images, values, 1, 1])
    }
}

/// Weights uniform in ±1/sqrt(classes), biases 0, as the released networks are initialised.
fn published_classifier(
    features: usize,
    classes: usize,
    weights: &mut FirstWeights,
    device: &Device,
) -> Linear {
    let bound = 1.0 / (classes as f64).sqrt();
    let mut linear = LinearConfig::new(features, classes).init(device);
    linear.weight = weights.uniform(bound, [features, classes], device);
    linear.bias = Some(Initializer::Zeros.init([classes], device));
    linear
}
