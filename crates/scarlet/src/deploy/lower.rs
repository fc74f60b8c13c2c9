//! From a folded network to the operations that the kernels run.

use burn::nn::conv::Conv2d;
use burn::tensor::{Tensor, TensorData};
use scarlet_arch as arch;
use scarlet_kernels::{
    Activation, Convolution, Depthwise, Linear, Network, Operation, PaddingRule, Pointwise,
    SqueezeExcite as Excite,
};

use super::Part;
use crate::blocks::{ConvBn, InvertedResidual, SqueezeExcite};
use crate::{MbLayer, Scarlet};

/// Weights that would make every result worthless.
#[derive(Debug, thiserror::Error)]
#[error(
    "the weights of `{part}` are not finite once batch normalisation is folded into them: the \
     training that made them diverged, or they are damaged"
)]
pub struct NotFinite {
    /// The part of the network, as profiles call it.
    pub part: String,
}

/// The operations of a network whose batch normalisation is folded, and its parts. All weights in
/// them are finite.
pub(crate) fn lower(network: &Scarlet) -> Result<(Network, Vec<Part>), NotFinite> {
    let architecture = network.architecture();
    let mut lowering = Lowering {
        operations: Vec::new(),
        parts: Vec::new(),
        padding: architecture.padding,
        inner: match architecture.activation {
            arch::Activation::HSwish => Activation::HSwish,
            arch::Activation::Relu6 => Activation::Relu6,
        },
    };
    lowering.begin("stem");
    lowering.stem(&network.stem);
    lowering.begin("separable");
    let separable = &network.separable_conv;
    let (conv, bias) = parts(&separable.depthwise);
    lowering.depthwise(conv, bias, Activation::Relu6);
    let (conv, bias) = parts(&separable.pointwise);
    lowering.pointwise(&conv.weight.val(), bias, 1, Activation::None);
    for (index, (layer, described)) in network
        .mb_module
        .iter()
        .zip(&architecture.layers)
        .enumerate()
    {
        if !matches!(layer, MbLayer::Identity(_)) {
            lowering.begin(&format!("{} {}", index + 1, described.operation));
        }
        match layer {
            MbLayer::Identity(_) => {}
            MbLayer::Linear(linear) => {
                let weight = linear.weight.val();
                let bias = vec![0.0; weight.dims()[0]];
                lowering.pointwise(&weight, bias, linear.stride(), Activation::None);
            }
            MbLayer::InvertedResidual(block) => lowering.block(block),
        }
    }
    lowering.begin("head");
    let (conv, bias) = parts(&network.conv_before_pooling);
    lowering.pointwise(&conv.weight.val(), bias, 1, Activation::Relu6);
    lowering.operations.push(Operation::GlobalMean);
    lowering.begin("classifier");
    lowering.classifier(&network.classifier);
    lowering.check()?;
    let lowered = Network {
        input_channels: architecture.input_channels,
        operations: lowering.operations,
    };
    Ok((lowered, lowering.parts))
}

struct Lowering {
    operations: Vec<Operation>,
    parts: Vec<Part>,
    padding: arch::Padding,
    inner: Activation,
}

impl Lowering {
    /// What follows belongs to this part.
    fn begin(&mut self, name: &str) {
        self.parts.push(Part {
            name: name.to_owned(),
            first_operation: self.operations.len(),
        });
    }

    fn check(&self) -> Result<(), NotFinite> {
        let finite = |values: &Vec<f32>| values.iter().all(|value| value.is_finite());
        let is_good = |operation: &Operation| weights(operation).into_iter().all(finite);
        match self
            .operations
            .iter()
            .position(|operation| !is_good(operation))
        {
            None => Ok(()),
            Some(index) => {
                let mut parts = self.parts.iter().rev();
                let part = parts.find(|part| part.first_operation <= index);
                Err(NotFinite {
                    part: part.map_or(String::new(), |part| part.name.clone()),
                })
            }
        }
    }

    fn stem(&mut self, stem: &ConvBn) {
        let (conv, bias) = parts(stem);
        let [output, input, kernel, _] = conv.weight.dims();
        let stride = conv.stride[0];
        let padding = self.padding(kernel);
        self.operations.push(Operation::Convolution(Convolution {
            input,
            output,
            kernel,
            stride,
            padding,
            weight: values(conv.weight.val().into_data()),
            bias,
            activation: Activation::Relu6,
        }));
    }

    fn block(&mut self, block: &InvertedResidual) {
        let start = self.operations.len() - 1;
        if let (Some(conv), Some(bn)) = (&block.conv1, &block.bn1) {
            let bias = values(bn.beta.val().into_data());
            self.pointwise(&conv.weight.val(), bias, 1, self.inner);
        }
        let bias = values(block.bn2.beta.val().into_data());
        self.depthwise(&block.conv2, bias, self.inner);
        if let Some(se) = &block.mid_se {
            self.squeeze_excite(se);
        }
        let bias = values(block.bn3.beta.val().into_data());
        self.pointwise(&block.conv3.weight.val(), bias, 1, Activation::None);
        if block.has_shortcut() {
            self.operations.push(Operation::Add(start));
        }
    }

    fn pointwise(
        &mut self,
        weight: &Tensor<4>,
        bias: Vec<f32>,
        stride: usize,
        activation: Activation,
    ) {
        let [output, input, ..] = weight.dims();
        self.operations.push(Operation::Pointwise(Pointwise {
            input,
            output,
            stride,
            weight: values(weight.to_data()),
            bias,
            activation,
        }));
    }

    fn depthwise(&mut self, conv: &Conv2d, bias: Vec<f32>, activation: Activation) {
        let [channels, _, kernel, _] = conv.weight.dims();
        let stride = conv.stride[0];
        let padding = self.padding(kernel);
        self.operations.push(Operation::Depthwise(Depthwise {
            channels,
            kernel,
            stride,
            padding,
            weight: values(conv.weight.val().into_data()),
            bias,
            activation,
        }));
    }

    fn squeeze_excite(&mut self, se: &SqueezeExcite) {
        let (squeeze, excite) = (&se.squeeze_conv, &se.excite_conv);
        let [squeezed, channels, ..] = squeeze.weight.dims();
        self.operations.push(Operation::SqueezeExcite(Excite {
            channels,
            squeezed,
            squeeze_weight: values(squeeze.weight.val().into_data()),
            squeeze_bias: bias_of(squeeze),
            excite_weight: values(excite.weight.val().into_data()),
            excite_bias: bias_of(excite),
        }));
    }

    fn classifier(&mut self, classifier: &burn::nn::Linear) {
        // Burn keeps `[input, output]`, the kernels read `[output, input]`.
        let weight = classifier.weight.val();
        let [input, output] = weight.dims();
        self.operations.push(Operation::Linear(Linear {
            input,
            output,
            weight: values(weight.transpose().into_data()),
            bias: match &classifier.bias {
                Some(bias) => values(bias.val().into_data()),
                None => vec![0.0; output],
            },
        }));
    }

    fn padding(&self, kernel: usize) -> PaddingRule {
        match self.padding {
            arch::Padding::Symmetric => PaddingRule::all(kernel / 2),
            arch::Padding::Same => PaddingRule::Same,
        }
    }
}

/// All weights of an operation.
fn weights(operation: &Operation) -> Vec<&Vec<f32>> {
    match operation {
        Operation::Convolution(it) => vec![&it.weight, &it.bias],
        Operation::Pointwise(it) => vec![&it.weight, &it.bias],
        Operation::Depthwise(it) => vec![&it.weight, &it.bias],
        Operation::Linear(it) => vec![&it.weight, &it.bias],
        Operation::SqueezeExcite(it) => vec![
            &it.squeeze_weight,
            &it.squeeze_bias,
            &it.excite_weight,
            &it.excite_bias,
        ],
        Operation::GlobalMean | Operation::Add(_) => Vec::new(),
    }
}

/// A folded convolution, and the bias that its batch normalisation carries.
fn parts(pair: &ConvBn) -> (&Conv2d, Vec<f32>) {
    (&pair.conv, values(pair.bn.beta.val().into_data()))
}

fn bias_of(conv: &Conv2d) -> Vec<f32> {
    match &conv.bias {
        Some(bias) => values(bias.val().into_data()),
        None => vec![0.0; conv.weight.dims()[0]],
    }
}

fn values(data: TensorData) -> Vec<f32> {
    data.iter().collect()
}
