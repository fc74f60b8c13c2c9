//! The networks that a run chooses from.

use scarlet_arch::{
    Activation, Architecture, ArchitectureError, Block, Operation, Outline, Preprocessing,
    SearchSpace, Skip, scarlet_like,
};
use scarlet_data::dataset::normalised_by;
use serde::{Deserialize, Serialize};

use super::{Input, WholeNetwork};

/// A plan of channels and strides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Plans {
    /// Ours, for small images and little time: 7 layers of 16 to 64 channels, total stride 4 to 8.
    Tiny,
    /// Ours, for small images: 9 layers of 24 to 80 channels, total stride 8
    /// ([`SearchSpace::small_images`]).
    Small,
    /// SCARLET's own, for photographs: 19 layers of 32 to 320 channels, total stride 32.
    Scarlet,
}

/// What a layer may do, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChoiceSet {
    /// SCARLET's 13: kernels 3, 5, 7, expansions 3, 6, squeeze-excite or not, and a skip.
    Scarlet,
    /// The 7 of the paper's analyses: no squeeze-excite, ReLU6.
    Plain,
    /// 5: kernels 3, 5, expansions 3, 6, no squeeze-excite, and a skip.
    Few,
}

/// What a layer may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Choices {
    /// A set by name.
    Named(ChoiceSet),
    /// Operations in their text form, such as `E3K5s`; a skip among them is replaced by the
    /// space's.
    Listed(Vec<Operation>),
}

/// What a skipped layer does while the supernet is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipKind {
    /// SCARLET's stabilizer: a linear 1×1 convolution that is folded away afterwards.
    Stabilizer,
    /// Nothing: the ablation.
    Identity,
    /// No layer can be skipped.
    None,
}

/// The networks to choose from: a plan of channels and strides, and what each layer may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceSettings {
    /// The plan to start from.
    pub plan: Plans,
    /// What a layer may do.
    pub choices: Choices,
    /// What a skipped layer does.
    pub skip: SkipKind,
    /// Factor on the plan's channels.
    pub width: f64,
    /// Channels and stride of every layer, instead of the plan's.
    pub layers: Option<Vec<(usize, usize)>>,
    /// Channels of the first convolution, instead of the plan's.
    pub stem: Option<usize>,
    /// Channels before the first layer, instead of the plan's.
    pub separable: Option<usize>,
    /// Channels before the classifier, instead of the plan's.
    pub head: Option<usize>,
    /// A network with weights whose parts are the networks to choose from, instead of those of a
    /// plan: all but `skip` is then its own.
    #[serde(default)]
    pub from: Option<WholeNetwork>,
}

impl Default for SpaceSettings {
    fn default() -> Self {
        Self {
            plan: Plans::Tiny,
            choices: Choices::Named(ChoiceSet::Few),
            skip: SkipKind::Stabilizer,
            width: 1.0,
            layers: None,
            stem: None,
            separable: None,
            head: None,
            from: None,
        }
    }
}

impl SpaceSettings {
    /// Total stride of the space's networks.
    pub(crate) fn stride(&self) -> Result<usize, ArchitectureError> {
        Ok(self.template()?.total_stride())
    }

    /// Height and width that photographs are read in unless told otherwise, in pixels.
    pub(super) fn photograph(&self) -> usize {
        match self.plan {
            Plans::Tiny => 32,
            Plans::Small => 64,
            Plans::Scarlet => 224,
        }
    }

    /// The space for images: their channels, size and classes, and how they are normalised.
    ///
    /// # Errors
    ///
    /// When there can be no such network.
    pub(crate) fn build(&self, input: &Input) -> Result<SearchSpace, ArchitectureError> {
        let mut template = self.template()?;
        template.input_channels = input.channels;
        template.classes = input.classes;
        template.preprocessing = Preprocessing {
            resolution: input.side,
            ..Preprocessing::IMAGENET
        }
        .with_side(input.shown);
        template.preprocessing = normalised_by(template.preprocessing, &input.statistics);
        let space = SearchSpace::new(template, self.operations())?;
        let space = match self.skip {
            SkipKind::Stabilizer => space.with_skip(Skip::Linear)?,
            SkipKind::Identity => space.with_skip(Skip::Identity)?,
            SkipKind::None => space.without_skip()?,
        };
        match self.width == 1.0 {
            true => Ok(space),
            false => space.with_width(self.width),
        }
    }

    fn template(&self) -> Result<Architecture, ArchitectureError> {
        let small = || SearchSpace::small_images(1, 32, 10);
        let (template, outline) = match self.plan {
            Plans::Tiny => (tiny(small()?.template()), TINY),
            Plans::Small => (small()?.template().clone(), Outline::SMALL),
            Plans::Scarlet => (SearchSpace::scarlet().template().clone(), Outline::SCARLET),
        };
        let layers = match &self.layers {
            Some(layers) => plan(layers),
            None => template.layers().to_vec(),
        };
        let outline = Outline {
            stem: self.stem.unwrap_or(outline.stem),
            separable: self.separable.unwrap_or(outline.separable),
            head: self.head.unwrap_or(outline.head),
        };
        Ok(Architecture {
            preprocessing: template.preprocessing,
            input_channels: template.input_channels,
            classes: template.classes,
            ..scarlet_like(&template.name, outline, layers)
        })
    }

    fn operations(&self) -> Vec<Operation> {
        let scarlet = SearchSpace::scarlet();
        let all = scarlet.choices(0).iter().copied();
        match &self.choices {
            Choices::Listed(choices) => choices.clone(),
            Choices::Named(ChoiceSet::Scarlet) => all.collect(),
            Choices::Named(ChoiceSet::Plain) => all
                .filter(|choice| !has_squeeze_excite(choice))
                .map(|choice| choice.with_activation(Activation::Relu6))
                .collect(),
            Choices::Named(ChoiceSet::Few) => all
                .filter(|choice| !has_squeeze_excite(choice) && kernel(choice) < 7)
                .collect(),
        }
    }
}

/// Channels around the layers of our plan for little time.
const TINY: Outline = Outline {
    stem: 16,
    separable: 16,
    head: 256,
};

fn tiny(small: &Architecture) -> Architecture {
    const PLAN: [(usize, usize); 7] = [
        (16, 1),
        (16, 1),
        (32, 2),
        (32, 1),
        (32, 1),
        (64, 1),
        (64, 1),
    ];
    Architecture {
        name: "tiny".to_owned(),
        ..small.clone().with_layers(plan(&PLAN))
    }
}

fn plan(places: &[(usize, usize)]) -> Vec<Block> {
    let block = |&(channels, stride): &(usize, usize)| Block {
        operation: Operation::Linear,
        channels,
        stride,
    };
    places.iter().map(block).collect()
}

fn has_squeeze_excite(operation: &Operation) -> bool {
    matches!(operation, Operation::InvertedResidual(block) if block.squeeze_excite.is_some())
}

/// 0 for a skip.
fn kernel(operation: &Operation) -> usize {
    match operation {
        Operation::InvertedResidual(block) => block.kernel,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> Input {
        Input {
            channels: 1,
            side: 32,
            shown: 28,
            crop_ratio: None,
            classes: 2,
            statistics: vec![(0.2, 0.0)],
        }
    }

    #[test]
    fn sets_of_choices_have_their_sizes() {
        for (set, count) in [
            (ChoiceSet::Scarlet, 13),
            (ChoiceSet::Plain, 7),
            (ChoiceSet::Few, 5),
        ] {
            let settings = SpaceSettings {
                choices: Choices::Named(set),
                ..SpaceSettings::default()
            };
            let space = settings.build(&input()).unwrap();
            assert_eq!(space.choices(0).len(), count);
            assert!(matches!(space.skip(), Some((Skip::Linear, _))));
        }
        let plain = SpaceSettings {
            skip: SkipKind::None,
            ..SpaceSettings::default()
        };
        assert_eq!(plain.build(&input()).unwrap().choices(0).len(), 4);
    }

    #[test]
    fn the_images_decide_on_input_and_classes() {
        let space = SpaceSettings::default().build(&input()).unwrap();
        let template = space.template();
        assert_eq!((template.input_channels, template.classes), (1, 2));
        assert_eq!(template.preprocessing.resolution, 32);
        // Photographs are to look like the images, which have black around them.
        assert_eq!(template.preprocessing.resized_side(), 28);
        assert_eq!(template.preprocessing.mean, [0.2; 3]);
        assert_eq!(template.preprocessing.std, [0.001; 3]);
    }

    #[test]
    fn plans_can_be_changed() {
        let settings = SpaceSettings {
            plan: Plans::Small,
            width: 2.0,
            layers: Some(vec![(8, 2), (16, 1)]),
            head: Some(40),
            choices: Choices::Listed(vec!["E3K3".parse().unwrap(), "E6K7s".parse().unwrap()]),
            ..SpaceSettings::default()
        };
        assert_eq!(settings.stride().unwrap(), 4);
        let space = settings.build(&input()).unwrap();
        assert_eq!(space.layers(), 2);
        assert_eq!(space.template().layers()[1].channels, 32);
        assert_eq!(space.choices(0).len(), 3);
    }
}
