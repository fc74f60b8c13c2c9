//! [`StudyConfig`]: everything that determines a study, as data.

use scarlet_arch::{Genome, SearchSpace, Skip};
use scarlet_data::dataset::Images;
use scarlet_random::{Purpose, Random};
use scarlet_train::error::{require, require_different};
use scarlet_train::limits::Limit;
use scarlet_train::{Augment, EvaluatorConfig, Sampling, StabilizerInit, TrainConfig};
use serde::{Deserialize, Serialize};

use super::settings::space_for;
use crate::RunError;
use crate::pipeline::SpaceSettings;

/// Everything that determines a study apart from the images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyConfig {
    /// Where the images are from: see [`Location`](scarlet_data::dataset::Location).
    pub source: String,
    /// This many of its training images are trained on, of every class the same share; by default
    /// all.
    pub images: Option<usize>,
    /// The networks that are studied. Its kind of skip does not matter: studies choose it.
    pub space: SearchSpace,
    /// Every supernet is trained once for each of these seeds.
    pub seeds: Vec<u64>,
    /// Random networks of the space, the same for every supernet.
    pub networks: usize,
    /// Whether they are as many of every depth, rather than drawn uniformly: uniform paths are
    /// nearly all of middling depth, and of accuracies that can hardly be distinguished.
    pub by_depth: bool,
    /// Seed of their choice.
    pub networks_seed: u64,
    /// The layer, from 1, whose choices' outputs are compared.
    pub layer: usize,
    /// Random paths in front of that layer which the similarity is the mean over.
    pub paths: usize,
    /// First weights of the stabilizers.
    pub stabilizer: StabilizerInit,
    /// How supernets are trained; its seed is that of the supernet. Strict fairness and uniform
    /// sampling see the same number of images, so the former makes fewer, larger steps.
    pub supernet: TrainConfig,
    /// How a stand-alone network is trained.
    pub standalone: TrainConfig,
    /// How networks are measured.
    pub evaluator: EvaluatorConfig,
}

impl StudyConfig {
    /// A study of 20 networks and one seed, on the embedded sample of Fashion-MNIST.
    pub fn new(space: SearchSpace) -> Self {
        Self {
            source: "fashion-sample".to_owned(),
            images: None,
            space,
            seeds: vec![0],
            networks: 20,
            by_depth: false,
            networks_seed: 0,
            layer: 3,
            paths: 4,
            stabilizer: StabilizerInit::default(),
            supernet: TrainConfig::default(),
            standalone: TrainConfig::default(),
            evaluator: EvaluatorConfig::default(),
        }
    }

    /// A study on small images that takes some minutes on two cores for some thousand of them: 7
    /// layers at a half and a quarter of the images' sides, of 4 blocks and a skip each, the space
    /// of [`SpaceSettings::default`].
    ///
    /// # Errors
    ///
    /// When no such network can read the images.
    pub fn small_images(images: &Images) -> Result<Self, RunError> {
        let augment = Augment {
            shift: 2,
            flip: true,
            ..Augment::default()
        };
        Ok(Self {
            layer: 4,
            supernet: TrainConfig {
                epochs: 8,
                batch_size: 16,
                learning_rate: 0.1,
                warmup_epochs: 1.0,
                calibration_images: 0,
                augment,
                ..TrainConfig::default()
            },
            standalone: TrainConfig {
                epochs: 8,
                weight_decay: 5e-4,
                // As the published studies were, before there was a choice.
                calibration_images: 0,
                augment,
                ..TrainConfig::default()
            },
            evaluator: EvaluatorConfig {
                calibration_images: 256,
                ..EvaluatorConfig::default()
            },
            ..Self::new(space_for(&SpaceSettings::default(), images)?)
        })
    }

    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// [`TrainError::Setting`](scarlet_train::TrainError::Setting) names the first that is out of its range.
    pub fn validate(&self) -> Result<(), RunError> {
        let natural = "at least 1";
        require_different(&self.seeds)?;
        require(self.networks >= 2, "networks", self.networks, "at least 2")?;
        // Half, so that drawing different ones comes to an end soon.
        require(
            self.networks as f64 <= self.space.size() / 2.0,
            "networks",
            self.networks,
            "at most half of the networks that the space has",
        )?;
        Limit::Evaluations.check("networks", self.networks)?;
        require(
            (1..=self.space.layers()).contains(&self.layer),
            "layer",
            self.layer,
            "one of the space's layers, counted from 1",
        )?;
        require(self.paths > 0, "paths", self.paths, natural)?;
        let images = self.images.unwrap_or(1);
        require(images > 0, "images", images, natural)?;
        require(
            self.space.skip().is_some(),
            "space",
            "without a skip",
            "one with a skip, where a stabilizer is placed",
        )?;
        let batch_size = self.evaluator.batch_size;
        Limit::Batch.check("evaluator.batch_size", batch_size)?;
        let calibration = self.evaluator.calibration_images;
        require(
            calibration > 0,
            "evaluator.calibration_images",
            calibration,
            "at least 1: studies measure with and without them",
        )?;
        self.supernet.validate()?;
        Ok(self.standalone.validate()?)
    }

    /// Different random networks, in the order in which they are drawn.
    ///
    /// # Errors
    ///
    /// None for settings that are [valid](Self::validate).
    pub fn genomes(&self) -> Result<Vec<Genome>, RunError> {
        let layers = self.space.layers();
        let mut stream = Random::new(self.networks_seed, Purpose::Study, 0);
        let mut genomes: Vec<Genome> = Vec::with_capacity(self.networks);
        for attempt in 0.. {
            if genomes.len() == self.networks {
                break;
            }
            let mut genes: Vec<u8> = (0..layers)
                .map(|layer| stream.below(self.space.choices(layer).len()) as u8)
                .collect();
            if let Some((_, skip)) = self.space.skip().filter(|_| self.by_depth) {
                self.give_depth(&mut genes, 1 + attempt % layers, skip, &mut stream);
            }
            let genome = Genome::new(genes)?;
            if !genomes.contains(&genome) {
                genomes.push(genome);
            }
        }
        Ok(genomes)
    }

    /// Skips layers, or gives blocks to skipped ones, until `depth` of them are not skipped.
    fn give_depth(&self, genes: &mut [u8], depth: usize, skip: u8, stream: &mut Random) {
        let mut order: Vec<usize> = (0..genes.len()).collect();
        stream.shuffle(&mut order);
        let (kept, skipped) = order.split_at(depth);
        for &layer in skipped {
            genes[layer] = skip;
        }
        for &layer in kept {
            while genes[layer] == skip {
                genes[layer] = stream.below(self.space.choices(layer).len()) as u8;
            }
        }
    }
}

/// A question to a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// How alike are the outputs of a layer's choices?
    Similarity,
    /// How far do one-shot accuracies lie apart?
    Spread,
    /// Does a supernet rank networks as their own training does?
    Ranking,
}

impl Question {
    /// The supernets that answer it, each with every seed.
    pub fn variants(self) -> &'static [Variant] {
        match self {
            Self::Similarity | Self::Spread => &Variant::SKIPS,
            Self::Ranking => &Variant::ALL,
        }
    }

    /// Whether networks are trained on their own for it.
    pub fn trains_networks(self) -> bool {
        self == Self::Ranking
    }
}

/// What differs between the supernets of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Whether skips have a stabilizer or are identities.
    pub stabilized: bool,
    /// How paths are drawn.
    pub sampling: Sampling,
}

impl Variant {
    /// With and without stabilizers, in strict fairness.
    pub const SKIPS: [Self; 2] = [
        Self::new(true, Sampling::StrictFairness),
        Self::new(false, Sampling::StrictFairness),
    ];

    /// With and without stabilizers, in strict fairness and in uniform sampling.
    pub const ALL: [Self; 4] = [
        Self::new(true, Sampling::StrictFairness),
        Self::new(false, Sampling::StrictFairness),
        Self::new(true, Sampling::Uniform),
        Self::new(false, Sampling::Uniform),
    ];

    /// A variant.
    pub const fn new(stabilized: bool, sampling: Sampling) -> Self {
        Self {
            stabilized,
            sampling,
        }
    }

    /// `stabilizer` or `identity`.
    pub fn skip_name(self) -> &'static str {
        match self.stabilized {
            true => "stabilizer",
            false => "identity",
        }
    }

    /// `fair`, `uniform` or `sandwich`.
    pub fn sampling_name(self) -> &'static str {
        match self.sampling {
            Sampling::StrictFairness => "fair",
            Sampling::Uniform => "uniform",
            Sampling::Sandwich => "sandwich",
        }
    }

    pub(super) fn skip(self) -> Skip {
        match self.stabilized {
            true => Skip::Linear,
            false => Skip::Identity,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> StudyConfig {
        StudyConfig::new(SearchSpace::small_images(1, 32, 10).unwrap())
    }

    #[test]
    fn networks_are_different_and_always_the_same() {
        let config = config();
        let genomes = config.genomes().unwrap();
        assert_eq!(genomes.len(), 20);
        for (index, genome) in genomes.iter().enumerate() {
            assert!(!genomes[..index].contains(genome));
            config.space.decode(genome).unwrap();
        }
        assert_eq!(genomes, config.genomes().unwrap());
        // More networks leave the first as they were.
        let more = StudyConfig {
            networks: 25,
            ..config
        };
        assert_eq!(more.genomes().unwrap()[..20], genomes);
    }

    #[test]
    fn every_depth_has_its_networks() {
        let config = StudyConfig {
            networks: 45,
            by_depth: true,
            ..config()
        };
        let (_, skip) = config.space.skip().unwrap();
        let layers = config.space.layers();
        let mut of_depth = vec![0; layers + 1];
        for genome in config.genomes().unwrap() {
            of_depth[genome.genes().iter().filter(|&&gene| gene != skip).count()] += 1;
        }
        assert_eq!(of_depth[0], 0);
        // The shallowest may be drawn twice, which leaves its turn to the next.
        assert!(
            of_depth[1..].iter().all(|&it| (4..=6).contains(&it)),
            "{of_depth:?}"
        );
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let message = |change: fn(&mut StudyConfig)| {
            let mut config = config();
            change(&mut config);
            config.validate().unwrap_err().to_string()
        };
        config().validate().unwrap();
        let images = Images::new([3, 8, 8], vec![0; 192], vec![0], ["a"]).unwrap();
        let small = StudyConfig::small_images(&images).unwrap();
        small.validate().unwrap();
        let template = small.space.template();
        assert_eq!((template.input_channels, template.classes), (3, 1));
        assert_eq!(
            message(|c| c.seeds.clear()),
            "`seeds` is none, but must be at least one"
        );
        assert_eq!(
            message(|c| c.seeds = vec![1, 2, 1]),
            "`seeds` is [1, 2, 1], but must be different from each other"
        );
        assert!(message(|c| c.networks = 1).contains("at least 2"));
        assert!(message(|c| c.networks = usize::MAX).contains("half of the networks"));
        assert!(message(|c| c.layer = 0).contains("`layer` is 0"));
        assert!(message(|c| c.layer = 10).contains("counted from 1"));
        assert!(message(|c| c.paths = 0).contains("`paths`"));
        assert!(message(|c| c.evaluator.calibration_images = 0).contains("with and without"));
        assert!(message(|c| c.supernet.epochs = 0).contains("`epochs`"));
        assert!(message(|c| c.space = c.space.clone().without_skip().unwrap()).contains("`space`"));
    }
}
