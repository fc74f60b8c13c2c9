//! [`Supernet`]: all networks of a search space, sharing their weights.

mod elastic;

use burn::module::{Module, ModuleVisitor, Param};
use burn::nn::Identity;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use scarlet::{Architecture, BlockModule, ChannelOrder, Scarlet, ScarletConfig};
#[cfg(doc)]
use scarlet_arch::Skip;
use scarlet_arch::{ArchitectureError, Genome, Operation, PlacedBlock, SearchSpace};
use serde::{Deserialize, Serialize};

use crate::TrainError;
use scarlet_random::weights_seed;

pub use self::elastic::Orders;

/// First weights of the stabilizers. The paper does not say; both are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StabilizerInit {
    /// The identity, padded with zeros where the channels differ: training starts from a plain
    /// skip, and a matrix that stays near it is safely inverted when the stabilizer is removed.
    #[default]
    Identity,
    /// As the networks' own convolutions: normal with standard deviation `sqrt(2 / channels)`.
    Normal,
}

/// Configuration of a [`Supernet`].
#[derive(Debug, Clone)]
pub struct SupernetConfig {
    space: SearchSpace,
    stabilizer: StabilizerInit,
    dropout: f64,
}

impl SupernetConfig {
    /// The supernet of a search space. Where the space's skip is [`Skip::Linear`], a stabilizer
    /// stands on every skip; where it is [`Skip::Identity`], the ablation, only where a skip
    /// cannot do without: at layers that downsample or change channels.
    pub fn new(space: SearchSpace) -> Self {
        Self {
            space,
            stabilizer: StabilizerInit::default(),
            dropout: 0.0,
        }
    }

    /// First weights of the stabilizers.
    pub fn with_stabilizer(mut self, init: StabilizerInit) -> Self {
        self.stabilizer = init;
        self
    }

    /// Probability of dropping a feature in front of the classifier, in training. Default: 0.
    pub fn with_dropout(mut self, probability: f64) -> Self {
        self.dropout = probability;
        self
    }

    /// Builds the supernet with random weights, the same for the same `seed` and device.
    ///
    /// # Errors
    ///
    /// When the dropout is no probability.
    pub fn try_init(&self, seed: u64, device: &Device) -> Result<Supernet, TrainError> {
        let template = self.space.template();
        // One network per choice, that makes it in every layer. Weights are only drawn when they
        // are used, so what is not taken over costs nothing.
        let mut by_choice = Vec::new();
        for index in 0..self.space.most_choices() {
            let mut architecture = template.clone();
            for (place, layer) in architecture.layers_mut().iter_mut().enumerate() {
                layer.operation = match self.space.choices(place).get(index) {
                    None | Some(Operation::Identity) => Operation::Linear,
                    Some(&other) => other,
                };
            }
            let config = ScarletConfig::from(architecture).with_dropout(self.dropout);
            let network = config.try_init_seeded(weights_seed(seed, index + 1), device)?;
            let before = network.architecture().blocks_before_layers();
            by_choice.push(network.blocks.into_iter().skip(before));
        }
        let ends = ScarletConfig::from(template.clone())
            .with_dropout(self.dropout)
            .try_init_seeded(weights_seed(seed, 0), device)?;
        let layers = (0..self.space.layers())
            .map(|layer| {
                let choices = self.space.choices(layer);
                // Of every network, so that all stay at the same layer.
                let built: Vec<_> = by_choice.iter_mut().map(Iterator::next).collect();
                let built = built.into_iter().zip(choices);
                let choices = built.filter_map(|(built, choice)| {
                    let built = built?;
                    let keeps = *choice == Operation::Identity && keeps_shape(template, layer);
                    Some(match built {
                        BlockModule::Linear(_) if keeps => BlockModule::Identity(Identity::new()),
                        BlockModule::Linear(stabilizer)
                            if self.stabilizer == StabilizerInit::Identity =>
                        {
                            BlockModule::Linear(stabilizer.with_identity())
                        }
                        other => other,
                    })
                });
                ChoiceLayer {
                    choices: choices.collect(),
                    order: None,
                }
            })
            .collect();
        Ok(Supernet {
            ends: without_layers(ends),
            layers,
            features: None,
            space: self.space.clone(),
        })
    }
}

/// The template's network without the layers, which every path brings itself.
fn without_layers(mut network: Scarlet) -> Scarlet {
    let before = network.architecture().blocks_before_layers();
    network.blocks.truncate(before);
    network
}

/// All choices of one layer.
#[derive(Module, Debug)]
pub struct ChoiceLayer {
    /// Blocks with weights of their own: one for each choice, in the order of the search space; in a
    /// supernet that is made [of a network](Supernet::elastic) the whole block, and the skip if
    /// there is one.
    pub choices: Vec<BlockModule>,
    /// How the others are cut out of the whole block, where they are.
    #[module(skip)]
    order: Option<ChannelOrder>,
}

impl ChoiceLayer {
    /// The block of a gene that `placed` describes, in a network like `architecture`.
    fn block(&self, gene: u8, placed: &PlacedBlock, architecture: &Architecture) -> BlockModule {
        match (&self.order, placed.operation) {
            (None, _) => self.choices[usize::from(gene)].clone(),
            (Some(order), Operation::InvertedResidual(_)) => {
                self.choices[0].narrowed(placed, architecture, order)
            }
            (Some(_), _) => self.choices[self.choices.len() - 1].clone(),
        }
    }
}

/// All networks of a search space, sharing their weights: every layer has a block of its own for
/// each of its choices, and a [`Genome`] is a path through them.
///
/// A path is a plain [`Scarlet`] that shares the supernet's weights and running statistics, so it
/// costs what a plain network costs, in memory and time: the blocks of the other choices are not
/// touched, and have no gradients and no optimizer state before they are first used.
///
/// ```
/// # #[cfg(feature = "flex")] {
/// use burn::tensor::{Device, Tensor};
/// use scarlet_arch::{SearchSpace, Skip};
/// use scarlet_train::SupernetConfig;
///
/// let space = SearchSpace::small_images(1, 32, 10)?.with_skip(Skip::Linear)?;
/// let device = Device::flex();
/// let supernet = SupernetConfig::new(space).try_init(7, &device)?;
/// let genome = "0c5c31c2c".parse()?;
/// let logits = supernet.forward(Tensor::zeros([2, 1, 32, 32], &device), &genome)?;
/// assert_eq!(logits.dims(), [2, 10]);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Module, Debug)]
pub struct Supernet {
    /// What is before the layers and after them; shared by all paths.
    pub ends: Scarlet,
    /// The layers that are searched for.
    pub layers: Vec<ChoiceLayer>,
    /// Which features paths with fewer of them keep, where there are such.
    #[module(skip)]
    features: Option<ChannelOrder>,
    #[module(skip)]
    space: SearchSpace,
}

impl Supernet {
    /// The order in which each layer's narrower choices have the channels of its whole block, and
    /// narrower heads the features; none where every choice has weights of its own.
    pub fn orders(&self) -> Orders {
        let layers = self.layers.iter();
        Orders {
            layers: layers.filter_map(|layer| layer.order.clone()).collect(),
            features: self.features.clone(),
        }
    }

    /// The search space whose networks share these weights.
    pub fn space(&self) -> &SearchSpace {
        &self.space
    }

    /// The network that a genome stands for, sharing the supernet's weights and running
    /// statistics: to train it is to train the supernet.
    ///
    /// # Errors
    ///
    /// When the genome is not of the supernet's space.
    pub fn path(&self, genome: &Genome) -> Result<Scarlet, TrainError> {
        let architecture = self.path_architecture(genome)?;
        let placed = architecture.placed_layers();
        let choices = self.layers.iter().zip(genome.genes()).zip(&placed);
        let layers: Vec<_> = choices
            .map(|((layer, &gene), placed)| layer.block(gene, placed, &architecture))
            .collect();
        let ends = match &self.features {
            Some(order) => (self.ends).with_fewer_features(architecture.features(), order),
            None => self.ends.clone(),
        };
        Ok(ends.with_layers(layers, architecture))
    }

    /// The gradients of one of its paths as those of its own weights: where a path has a part of a
    /// block, or of the features, with zeros for the rest of it.
    pub(crate) fn whole_gradients(&self, gradients: GradientsParams) -> GradientsParams {
        let mut whole = gradients;
        if let Some(order) = &self.features {
            let gradients = &mut whole;
            let mut of_whole = Whole { order, gradients };
            self.ends.head_conv.visit(&mut of_whole);
            self.ends.hidden.visit(&mut of_whole);
            self.ends.classifier.visit(&mut of_whole);
        }
        for layer in &self.layers {
            if let (Some(order), Some(block)) = (&layer.order, layer.choices.first()) {
                let gradients = &mut whole;
                block.visit(&mut Whole { order, gradients });
            }
        }
        whole
    }

    /// The device that the weights live on.
    pub fn device(&self) -> Device {
        self.ends.device()
    }

    /// Logits `[batch, classes]` of images `[batch, channels, height, width]`, along one path.
    ///
    /// # Errors
    ///
    /// When the genome is not of the supernet's space, or the images do not fit its networks.
    pub fn forward(&self, images: Tensor<4>, genome: &Genome) -> Result<Tensor<2>, TrainError> {
        Ok(self.path(genome)?.try_forward(images)?)
    }

    /// A path as it is trained: stabilizers are layers of their own.
    ///
    /// # Errors
    ///
    /// When the genome is not of the supernet's space.
    pub fn path_architecture(&self, genome: &Genome) -> Result<Architecture, TrainError> {
        Ok(path_architecture(&self.space, genome)?)
    }

    /// A path as it is used, and priced: without the stabilizers that can be removed. This is the
    /// architecture of the [extracted](Supernet::extract) network.
    ///
    /// # Errors
    ///
    /// When the genome is not of the supernet's space.
    pub fn plain_architecture(&self, genome: &Genome) -> Result<Architecture, TrainError> {
        Ok(plain_architecture(&self.space, genome)?)
    }
}

/// Widens the gradients of the parameters that it visits to their size.
struct Whole<'a> {
    order: &'a ChannelOrder,
    gradients: &'a mut GradientsParams,
}

impl ModuleVisitor for Whole<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            let shape: [usize; D] = param.lazy_shape().dims();
            let gradient = self.order.put_back(gradient, shape);
            self.gradients.register(param.id, gradient);
        }
    }
}

/// See [`Supernet::path_architecture`].
pub fn path_architecture(
    space: &SearchSpace,
    genome: &Genome,
) -> Result<Architecture, ArchitectureError> {
    let mut path = space.decode(genome)?;
    for (index, layer) in path.layers_mut().iter_mut().enumerate() {
        if layer.operation == Operation::Identity && !keeps_shape(space.template(), index) {
            layer.operation = Operation::Linear;
        }
    }
    Ok(path)
}

/// See [`Supernet::plain_architecture`].
pub fn plain_architecture(
    space: &SearchSpace,
    genome: &Genome,
) -> Result<Architecture, ArchitectureError> {
    Ok(path_architecture(space, genome)?.without_stabilizers())
}

/// Whether the output of a layer of the plan has its input's size and channels. No layer of a plan
/// is a skip.
fn keeps_shape(template: &Architecture, layer: usize) -> bool {
    let placed = template.placed_layers()[layer];
    placed.stride == 1 && placed.channels_in == placed.channels_out
}
