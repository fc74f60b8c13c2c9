//! [`Scarlet`]: a network built from any [`Architecture`].

use burn::module::{Module, Param};
use burn::nn::{Dropout, Identity, Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, module::adaptive_avg_pool2d};
use scarlet_arch::graph::{Features, Graph};
use scarlet_arch::{Architecture, Operation, PlacedLayer};
use scarlet_ops::Activation;

use crate::blocks::{
    ConvBn, ConvShape, ConvStyle, InvertedResidual, InvertedResidualConfig, SeparableConv,
    Stabilizer,
};
use crate::random::{FirstWeights, Masks};
use crate::{InputError, ModelCard, ScarletConfig};

/// One of a network's layers.
#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a network has few layers, most of them blocks"
)]
pub enum MbLayer {
    /// An inverted residual.
    InvertedResidual(InvertedResidual),
    /// The input, unchanged.
    Identity(Identity),
    /// A 1×1 convolution on the skip.
    Linear(Stabilizer),
}

impl MbLayer {
    /// `[batch, channels_in, height, width]` to
    /// `[batch, channels_out, ceil(height / stride), ceil(width / stride)]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_with(x, Masks::Device)
    }

    fn forward_with(&self, x: Tensor<4>, masks: Masks) -> Tensor<4> {
        match self {
            Self::InvertedResidual(block) => block.forward_with(x, masks),
            Self::Identity(_) => x,
            Self::Linear(stabilizer) => stabilizer.forward(x),
        }
    }
}

/// A mobile image network: stem, separable convolution, inverted residuals, head, classifier.
///
/// Made by a builder such as [`ScarletA`](crate::ScarletA) or from any architecture through
/// [`ScarletConfig`]. Shapes are `[batch, channels, height, width]`.
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct Scarlet {
    /// 3×3 convolution of stride 2, with ReLU6.
    pub stem: ConvBn,
    /// Depthwise separable convolution.
    pub separable_conv: SeparableConv,
    /// The layers that are searched for.
    pub mb_module: Vec<MbLayer>,
    /// 1×1 convolution with ReLU6.
    pub conv_before_pooling: ConvBn,
    /// In front of the classifier, in training.
    pub dropout: Dropout,
    /// From the mean over all positions to logits.
    pub classifier: Linear,
    #[module(skip)]
    architecture: Architecture,
    #[module(skip)]
    pub(crate) card: Option<Box<ModelCard>>,
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
        let style = ConvStyle {
            padding: architecture.padding,
            batch_norm: architecture.batch_norm,
        };
        let stem = ConvShape {
            channels_in: architecture.input_channels,
            channels_out: architecture.stem,
            kernel: 3,
            stride: 2,
            groups: 1,
        };
        let placed = architecture.placed_layers();
        let mb_module = placed
            .iter()
            .enumerate()
            .map(|(index, layer)| {
                // The rate grows linearly with depth, from 0 (Huang et al., arXiv 1603.09382).
                let drop_path = config.drop_path() * index as f64 / placed.len() as f64;
                build_layer(layer, &architecture, drop_path, weights, device)
            })
            .collect();
        let head = ConvShape::pointwise(architecture.channels_before_head(), architecture.head);
        Self {
            stem: ConvBn::new(stem, style, weights, device),
            separable_conv: SeparableConv::new(
                architecture.stem,
                architecture.separable,
                style,
                weights,
                device,
            ),
            mb_module,
            conv_before_pooling: ConvBn::new(head, style, weights, device),
            dropout: burn::nn::DropoutConfig::new(config.dropout()).init(),
            classifier: published_classifier(
                architecture.head,
                architecture.classes,
                weights,
                device,
            ),
            architecture,
            card: None,
        }
    }

    /// Puts already built layers into the place of this network's own.
    pub(crate) fn with_layers(mut self, layers: Vec<MbLayer>, architecture: Architecture) -> Self {
        self.mb_module = layers;
        self.architecture = architecture;
        self
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
    /// If the images have another number of channels, or a side that is not a multiple of the
    /// network's total stride; [`try_forward`](Self::try_forward) returns the error instead.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.try_forward(images)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Logits `[batch, classes]` of images `[batch, channels, height, width]`.
    ///
    /// # Errors
    ///
    /// [`InputError`] says what a side or the number of channels should be.
    pub fn try_forward(&self, images: Tensor<4>) -> Result<Tensor<2>, InputError> {
        self.try_forward_with(images, Masks::Device)
    }

    /// As [`try_forward`](Self::try_forward), but what dropout and drop path leave out in training
    /// is drawn from random streams named by `seed`, where `try_forward` draws it from Burn's
    /// generator of the device: the same is left out on every device, whoever else draws from its
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
        let pooled = adaptive_avg_pool2d(self.forward_features_with(images, masks), [1, 1]);
        let features = masks.drop_features(&self.dropout, pooled.flatten::<2>(1, 3));
        Ok(self.classifier.forward(features))
    }

    /// What the head sees before pooling:
    /// `[batch, head, height / stride, width / stride]` of images
    /// `[batch, channels, height, width]`, where stride is the network's total stride.
    pub fn forward_features(&self, images: Tensor<4>) -> Tensor<4> {
        self.forward_features_with(images, Masks::Device)
    }

    fn forward_features_with(&self, images: Tensor<4>, masks: Masks) -> Tensor<4> {
        let x = self.forward_layers_with(images, self.mb_module.len(), masks);
        (self.conv_before_pooling).forward_activated(Activation::Relu6, x)
    }

    /// What the first `count` layers make of images `[batch, channels, height, width]`, or all
    /// layers where there are no more: `[batch, channels, height / stride, width / stride]` with
    /// the channels and the stride behind them.
    pub fn forward_layers(&self, images: Tensor<4>, count: usize) -> Tensor<4> {
        self.forward_layers_with(images, count, Masks::Device)
    }

    fn forward_layers_with(&self, images: Tensor<4>, count: usize, masks: Masks) -> Tensor<4> {
        let layers = self.mb_module.iter().take(count).enumerate();
        layers.fold(self.forward_stem(images), |x, (index, layer)| {
            layer.forward_with(x, masks.of_layer(index))
        })
    }

    /// The last feature map at every stride from 4 on, for detection and segmentation heads:
    /// `[batch, channels, height / stride, width / stride]` each, shallowest first, of images
    /// `[batch, channels, height, width]`. [`feature_maps_info`](Self::feature_maps_info) names
    /// strides and channels.
    pub fn feature_maps(&self, images: Tensor<4>) -> Vec<Tensor<4>> {
        let taps = self.feature_maps_info();
        let mut maps = Vec::with_capacity(taps.len());
        let mut x = self.forward_stem(images);
        for (index, layer) in self.mb_module.iter().enumerate() {
            x = layer.forward(x);
            if taps.iter().any(|tap| tap.layer == index) {
                maps.push(x.clone());
            }
        }
        maps
    }

    /// Where [`feature_maps`](Self::feature_maps) come from, in the same order.
    pub fn feature_maps_info(&self) -> Vec<FeatureMapInfo> {
        let graph = Graph::of(&self.architecture);
        let mut taps: Vec<FeatureMapInfo> = Vec::new();
        for part in graph.parts() {
            let Features { channels, stride } = part.output;
            let (Some(layer), Some(stride)) = (part.layer, stride) else {
                continue;
            };
            if stride < 4 {
                continue;
            }
            taps.retain(|tap| tap.stride != stride);
            taps.push(FeatureMapInfo {
                layer,
                stride,
                channels,
            });
        }
        taps
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
        let mut linear = LinearConfig::new(self.architecture.head, classes).init(&device);
        let weights = Tensor::zeros([self.architecture.head, classes], &device);
        linear.weight = Param::from_tensor(weights);
        linear.bias = Some(Param::from_tensor(Tensor::zeros([classes], &device)));
        self.classifier = linear;
        self.architecture.classes = classes;
        self.card = None;
        self
    }

    /// The same network for grey images, `[batch, 1, height, width]`: its first kernels are summed
    /// over the channels, so that it makes of an image what it made of one with that image in every
    /// channel. Its preprocessing becomes [that of grey](scarlet_arch::Preprocessing::in_grey).
    pub fn in_grey(mut self) -> Self {
        let kernels = &self.stem.conv.weight;
        let is_trained = kernels.is_require_grad();
        // A weight of its own, not a result of the old one.
        let sum = kernels.val().sum_dim(1).detach();
        self.stem.conv.weight = Param::from_tensor(sum).set_require_grad(is_trained);
        self.architecture.input_channels = 1;
        self.architecture.preprocessing = self.architecture.preprocessing.in_grey();
        self
    }

    /// The modules of the graph's parts, in its order.
    pub(crate) fn parts(&self) -> Vec<PartModule<'_>> {
        let mut parts = vec![
            PartModule::Conv(&self.stem),
            PartModule::Separable(&self.separable_conv),
        ];
        parts.extend(self.mb_module.iter().map(PartModule::Layer));
        parts.push(PartModule::Conv(&self.conv_before_pooling));
        parts.push(PartModule::Classifier(&self.classifier));
        parts
    }

    fn forward_stem(&self, images: Tensor<4>) -> Tensor<4> {
        let x = self.stem.forward_activated(Activation::Relu6, images);
        self.separable_conv.forward(x)
    }
}

/// The module of one part of a network's graph.
pub(crate) enum PartModule<'a> {
    /// With ReLU6.
    Conv(&'a ConvBn),
    Separable(&'a SeparableConv),
    Layer(&'a MbLayer),
    Classifier(&'a Linear),
}

impl PartModule<'_> {
    /// What it makes of what reaches it; logits are `[batch, classes, 1, 1]`.
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Conv(conv) => conv.forward_activated(Activation::Relu6, x),
            Self::Separable(separable) => separable.forward(x),
            Self::Layer(layer) => layer.forward(x),
            Self::Classifier(classifier) => {
                let pooled = adaptive_avg_pool2d(x, [1, 1]);
                let logits = classifier.forward(pooled.flatten::<2>(1, 3));
                let [images, classes] = logits.dims();
                logits.reshape([images, classes, 1, 1])
            }
        }
    }
}

/// One of the maps that [`Scarlet::feature_maps`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeatureMapInfo {
    /// Index in `mb_module` of the layer whose output it is.
    pub layer: usize,
    /// Size of the image relative to the map.
    pub stride: usize,
    /// Channels.
    pub channels: usize,
}

fn build_layer(
    layer: &PlacedLayer,
    architecture: &Architecture,
    drop_path: f64,
    weights: &mut FirstWeights,
    device: &Device,
) -> MbLayer {
    let PlacedLayer {
        operation,
        channels_in,
        channels_out,
        stride,
    } = *layer;
    match operation {
        Operation::Identity => MbLayer::Identity(Identity::new()),
        Operation::Linear => MbLayer::Linear(Stabilizer::with_weights(
            channels_in,
            channels_out,
            stride,
            weights,
            device,
        )),
        Operation::InvertedResidual(block) => MbLayer::InvertedResidual(
            InvertedResidualConfig::new(channels_in, channels_out, block)
                .with_stride(stride)
                .with_activation(architecture.activation)
                .with_padding(architecture.padding)
                .with_batch_norm(architecture.batch_norm)
                .with_drop_path(drop_path)
                .init_with(weights, device),
        ),
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
