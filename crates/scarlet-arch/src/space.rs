//! [`SearchSpace`]: the networks that a search may choose from.

use serde::{Deserialize, Serialize};

use crate::json;
use crate::limits::{MAX_CHOICES, MAX_LAYERS};
use crate::presets::{Outline, SCARLET_PLAN, scarlet, scarlet_like};
use crate::style::Style;
use crate::validate::{out_of_range, range};
use crate::{
    Activation, Architecture, ArchitectureError, Block, CompoundScaling, Expansion, Genome,
    InvertedResidual, Operation, Preprocessing, SqueezeExcite,
};

/// What a layer does that is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Skip {
    /// Nothing: the plain network.
    Identity,
    /// A linear 1×1 convolution of the layer's channels and stride: SCARLET's stabilizer.
    Linear,
}

impl Skip {
    /// The layer's operation.
    pub fn operation(self) -> Operation {
        match self {
            Self::Identity => Operation::Identity,
            Self::Linear => Operation::Linear,
        }
    }
}

/// All networks that make one of some choices in each layer of a plan: the same ones in every layer,
/// or, where the space is [derived from a network](Self::elastic), each layer's own.
///
/// ```
/// use scarlet_arch::{SearchSpace, Skip, scarlet_b};
///
/// let space = SearchSpace::scarlet();
/// assert_eq!(space.choices(0).len(), 13);
/// assert_eq!(space.size_exact(), "1461920290375446110677"); // 13^19
///
/// let genome = space.encode(&scarlet_b())?;
/// assert_eq!(genome.to_string(), "676b01b6c166b6aacba");
/// let stabilized = space.with_skip(Skip::Linear)?.decode(&genome)?;
/// assert!(stabilized.to_string().contains("E6K7s E3K3s L E3K5"));
/// # Ok::<(), scarlet_arch::ArchitectureError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Description")]
pub struct SearchSpace {
    /// Everything but the layers' operations.
    template: Architecture,
    choices: Choices,
    /// What a gene behind those of the layers chooses from, where classifiers read different numbers of
    /// features; else none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    features: Vec<usize>,
    /// What a last gene chooses from, where networks see images at several resolutions; else none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    resolutions: Vec<usize>,
}

/// What the layers may do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum Choices {
    /// All of them the same.
    Same(Vec<Operation>),
    /// Each something of its own.
    ByLayer(Vec<Vec<Operation>>),
}

impl Choices {
    fn of(&self, layer: usize) -> &[Operation] {
        match self {
            Self::Same(choices) => choices,
            Self::ByLayer(layers) => &layers[layer],
        }
    }

    /// The lists that differ.
    fn lists_mut(&mut self) -> Vec<&mut Vec<Operation>> {
        match self {
            Self::Same(choices) => vec![choices],
            Self::ByLayer(layers) => layers.iter_mut().collect(),
        }
    }

    fn lists(&self) -> Vec<&[Operation]> {
        match self {
            Self::Same(choices) => vec![choices],
            Self::ByLayer(layers) => layers.iter().map(Vec::as_slice).collect(),
        }
    }
}

/// Choices as they are written, by the kind of the first: errors of a single list keep their words.
impl<'de> Deserialize<'de> for Choices {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;

        let written = Vec::<serde_json::Value>::deserialize(deserializer)?;
        let is_by_layer = written.first().is_some_and(serde_json::Value::is_array);
        let written = serde_json::Value::Array(written);
        let choices = match is_by_layer {
            true => serde_json::from_value(written).map(Self::ByLayer),
            false => serde_json::from_value(written).map(Self::Same),
        };
        choices.map_err(D::Error::custom)
    }
}

/// A space as it is written, not yet checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    template: json::Description,
    choices: Choices,
    #[serde(default)]
    features: Vec<usize>,
    #[serde(default)]
    resolutions: Vec<usize>,
}

impl TryFrom<Description> for SearchSpace {
    type Error = ArchitectureError;

    fn try_from(description: Description) -> Result<Self, ArchitectureError> {
        let template = description.template.into_architecture();
        let (template, activation) = template.map_err(|problem| ArchitectureError::Space {
            problem: format!("template: {problem}"),
        })?;
        let mut choices = description.choices;
        // In format 1 the template says the activation of all choices.
        if let Some(activation) = activation {
            for choice in choices.lists_mut().into_iter().flatten() {
                *choice = choice.with_activation(activation);
            }
        }
        Self::checked(template, choices)?.with_ends(description.features, description.resolutions)
    }
}

impl SearchSpace {
    /// All networks like `template` whose layers do one of the `choices` each. Channels and
    /// strides of its layers are the plan; their operations do not matter.
    ///
    /// # Errors
    ///
    /// When there are no choices, more than 36, twice the same or two kinds of skip, or when
    /// a choice does not fit a layer.
    pub fn new(template: Architecture, choices: Vec<Operation>) -> Result<Self, ArchitectureError> {
        Self::checked(template, Choices::Same(choices))
    }

    /// As [`new`](Self::new), where each layer has choices of its own, in the layers' order.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and when there are not as many lists as layers.
    pub fn by_layer(
        template: Architecture,
        choices: Vec<Vec<Operation>>,
    ) -> Result<Self, ArchitectureError> {
        Self::checked(template, Choices::ByLayer(choices))
    }

    fn checked(template: Architecture, choices: Choices) -> Result<Self, ArchitectureError> {
        for choices in choices.lists() {
            check_choices(choices)?;
        }
        // Otherwise a choice without expansion would become the stem's.
        if template.blocks_before_layers() != 2 {
            return Err(ArchitectureError::Space {
                problem: "the template must have a depthwise separable convolution (E1) after its \
                          stem"
                    .to_owned(),
            });
        }
        let layers = template.layers().len();
        range("search space", "number of layers", layers, 1, MAX_LAYERS)?;
        if let Choices::ByLayer(lists) = &choices {
            let found = lists.len();
            range(
                "search space",
                "number of lists of choices",
                found,
                layers,
                layers,
            )?;
        }
        let space = Self::unchecked(template, choices);
        // The plan as it stands: its total stride is the largest of all networks'.
        space.template.validate()?;
        // Not every network, but enough that one which `decode` refuses is an oddity.
        for choice in 0..space.most_choices() {
            space.of_choice(choice).validate()?;
        }
        Ok(space)
    }

    /// The network that makes the same choice in every layer; the last, where a layer has fewer.
    fn of_choice(&self, choice: usize) -> Architecture {
        let mut network = self.template.clone();
        for (index, layer) in network.layers_mut().iter_mut().enumerate() {
            let choices = self.choices.of(index);
            layer.operation = choices[choice.min(choices.len() - 1)];
        }
        network
    }

    /// The number of choices of the layer that has the most.
    pub fn most_choices(&self) -> usize {
        let lists = self.choices.lists().into_iter();
        lists.map(<[Operation]>::len).max().unwrap_or(0)
    }

    fn unchecked(mut template: Architecture, choices: Choices) -> Self {
        for layer in template.layers_mut() {
            layer.operation = Operation::Linear;
        }
        Self {
            template,
            choices,
            features: Vec::new(),
            resolutions: Vec::new(),
        }
    }

    /// SCARLET's own space: 19 layers of 13 choices, kernel 3, 5, 7 × expansion 3, 6 ×
    /// squeeze-excite no, yes, and a skip (Chu et al., arXiv 1908.06022).
    pub fn scarlet() -> Self {
        let mut choices = blocks(false);
        choices.extend(blocks(true));
        choices.push(Operation::Identity);
        Self::unchecked(
            scarlet("scarlet", plan(&SCARLET_PLAN)),
            Choices::Same(choices),
        )
    }

    /// The smaller space of the paper's analyses: SCARLET's 19 layers, the 6 choices without
    /// squeeze-excite and a skip, and ReLU6.
    pub fn without_squeeze_excite() -> Self {
        let mut choices = blocks(false);
        choices.push(Operation::Identity);
        let choices = choices.into_iter();
        Self::unchecked(
            scarlet("scarlet-relu6", plan(&SCARLET_PLAN)),
            Choices::Same(
                choices
                    .map(|choice| choice.with_activation(Activation::Relu6))
                    .collect(),
            ),
        )
    }

    /// A space of our own for small images, such as those of 32 × 32 pixels: SCARLET's 13 choices
    /// in 9 layers of 24, 40 and 80 channels and a total stride of 8. Values go from −1 to 1, and
    /// nothing is cropped.
    ///
    /// # Errors
    ///
    /// When a number is beyond the [limits](crate::limits).
    pub fn small_images(
        input_channels: usize,
        resolution: usize,
        classes: usize,
    ) -> Result<Self, ArchitectureError> {
        const PLAN: [(usize, usize); 9] = [
            (24, 1),
            (24, 1),
            (40, 2),
            (40, 1),
            (40, 1),
            (80, 2),
            (80, 1),
            (80, 1),
            (80, 1),
        ];
        let template = Architecture {
            input_channels,
            classes,
            preprocessing: Preprocessing {
                resolution,
                crop_ratio: 1.0,
                mean: [0.5; 3],
                std: [0.5; 3],
                ..Preprocessing::IMAGENET
            },
            ..scarlet_like("small", Outline::SMALL, plan(&PLAN))
        };
        Self::checked(template, Self::scarlet().choices)
    }

    /// The same space with another kind of skip in every layer, or with a skip where it had none and
    /// all layers have the same choices.
    ///
    /// # Errors
    ///
    /// When a skip would be the 37th choice.
    pub fn with_skip(mut self, skip: Skip) -> Result<Self, ArchitectureError> {
        let is_by_layer = matches!(self.choices, Choices::ByLayer(_));
        for choices in self.choices.lists_mut() {
            match choices.iter_mut().find(|choice| is_skip(choice)) {
                // In its old place, so that genomes keep their meaning.
                Some(choice) => *choice = skip.operation(),
                // A layer of its own choices has none because it can have none.
                None if is_by_layer => {}
                None => choices.push(skip.operation()),
            }
        }
        self.checked_again()
    }

    /// The same space without skips.
    ///
    /// # Errors
    ///
    /// When nothing else was to choose from.
    pub fn without_skip(mut self) -> Result<Self, ArchitectureError> {
        for choices in self.choices.lists_mut() {
            choices.retain(|choice| !is_skip(choice));
        }
        self.checked_again()
    }

    fn checked_again(self) -> Result<Self, ArchitectureError> {
        Self::checked(self.template, self.choices)?.with_ends(self.features, self.resolutions)
    }

    /// With these genes behind those of the layers, where they choose from anything.
    fn with_ends(
        self,
        features: Vec<usize>,
        resolutions: Vec<usize>,
    ) -> Result<Self, ArchitectureError> {
        let space = match features.is_empty() {
            true => self,
            false => self.with_features(features)?,
        };
        match resolutions.is_empty() {
            true => Ok(space),
            false => space.with_resolutions(resolutions),
        }
    }

    /// The same space with its channels multiplied, as [`CompoundScaling`] does it.
    ///
    /// # Errors
    ///
    /// When the factor is not positive, or leads beyond the [limits](crate::limits).
    pub fn with_width(mut self, factor: f64) -> Result<Self, ArchitectureError> {
        let scaling = CompoundScaling {
            width: factor,
            depth: 1.0,
            resolution: self.template.preprocessing.resolution,
        };
        for features in &mut self.features {
            let mut narrow = self.template.clone();
            narrow.head = narrow.head.with_features(*features);
            *features = scaling.apply(&narrow)?.features();
        }
        // Few may become as many as others.
        self.features.dedup();
        self.template = scaling.apply(&self.template)?;
        self.checked_again()
    }

    /// The same space for images of another size, the same for all its networks.
    ///
    /// # Errors
    ///
    /// When it is 0, or beyond the [limits](crate::limits).
    pub fn with_resolution(self, resolution: usize) -> Result<Self, ArchitectureError> {
        Self::checked(self.template.with_resolution(resolution), self.choices)?
            .with_ends(self.features, Vec::new())
    }

    /// The same space for another number of classes.
    ///
    /// # Errors
    ///
    /// When there are none, or too many.
    pub fn with_classes(mut self, classes: usize) -> Result<Self, ArchitectureError> {
        self.template = self.template.with_classes(classes);
        self.checked_again()
    }

    /// The same space with networks whose classifiers read one of these numbers of features, which the
    /// gene behind those of the layers chooses. The template's comes first. They are what the last
    /// convolution or fully connected layer in front of the classifier makes.
    ///
    /// # Errors
    ///
    /// When they do not begin with the template's or are not each smaller than the one before, when
    /// there are more than 36 of them, or the template has nothing between its layers and the
    /// classifier.
    pub fn with_features(mut self, features: Vec<usize>) -> Result<Self, ArchitectureError> {
        let own = self.template.features();
        check_shrinking("numbers of features", &features, own)?;
        if features.len() > 1 && self.template.head.with_features(1) == self.template.head {
            return Err(ArchitectureError::Space {
                problem:
                    "the template has no layer in front of its classifier that could have fewer \
                          features"
                        .to_owned(),
            });
        }
        self.features = several(features);
        self.check_number_of_genes()?;
        Ok(self)
    }

    /// The same space with networks that see images at one of these resolutions, which the last gene
    /// of a genome chooses. The template's comes first.
    ///
    /// # Errors
    ///
    /// When they do not begin with the template's or are not each smaller than the one before, or
    /// when there are more than 36 of them.
    pub fn with_resolutions(mut self, resolutions: Vec<usize>) -> Result<Self, ArchitectureError> {
        let own = self.template.preprocessing.resolution;
        check_shrinking("resolutions", &resolutions, own)?;
        self.resolutions = several(resolutions);
        self.check_number_of_genes()?;
        Ok(self)
    }

    /// Every gene but those of the layers takes a place that a layer could have.
    fn check_number_of_genes(&self) -> Result<(), ArchitectureError> {
        let (layers, genes) = (self.layers(), self.genes().len());
        range(
            "search space",
            "number of layers",
            layers,
            1,
            MAX_LAYERS - (genes - layers),
        )
    }

    /// What all networks of the space share. Its layers are the plan of channels and strides,
    /// each with the operation that uses them and chooses nothing, [`Operation::Linear`].
    pub fn template(&self) -> &Architecture {
        &self.template
    }

    /// The number of layers.
    pub fn layers(&self) -> usize {
        self.template.layers().len()
    }

    /// What `layer`, from 0, may do, in the order of the genes; empty for a layer that is none.
    pub fn choices(&self, layer: usize) -> &[Operation] {
        if layer < self.layers() {
            self.choices.of(layer)
        } else {
            &[]
        }
    }

    /// What images may be seen at, in the order of the last gene: one resolution, without a gene, or
    /// several.
    pub fn resolutions(&self) -> &[usize] {
        match self.resolutions.as_slice() {
            [] => std::slice::from_ref(&self.template.preprocessing.resolution),
            several => several,
        }
    }

    /// The numbers of features that classifiers may read, in the order of their gene: one, without a
    /// gene, or several.
    pub fn features(&self) -> Vec<usize> {
        match self.features.as_slice() {
            [] => vec![self.template.features()],
            several => several.to_vec(),
        }
    }

    /// How many values each gene has: one gene for each layer, one for the features where their
    /// numbers differ, and one for the resolution where there are several.
    pub fn genes(&self) -> Vec<usize> {
        let layers = (0..self.layers()).map(|layer| self.choices(layer).len());
        let ends = [&self.features, &self.resolutions].into_iter();
        let ends = ends.filter(|values| !values.is_empty()).map(Vec::len);
        layers.chain(ends).collect()
    }

    /// The genome that has the first choice everywhere.
    pub fn first(&self) -> Genome {
        Genome::of_valid(vec![0; self.genes().len()])
    }

    /// The genome with these genes of layers, and these of the features and of the resolution where the
    /// space has such.
    ///
    /// # Errors
    ///
    /// When there are more genes than a genome can have.
    pub fn genome(
        &self,
        layers: impl IntoIterator<Item = u8>,
        features: u8,
        resolution: u8,
    ) -> Result<Genome, ArchitectureError> {
        let features = (!self.features.is_empty()).then_some(features);
        let resolution = (!self.resolutions.is_empty()).then_some(resolution);
        let genes = layers.into_iter().chain(features).chain(resolution);
        Genome::new(genes.collect::<Vec<_>>())
    }

    /// The kind of skip, and the gene that chooses it in the first layer that has one, if the space
    /// has skips. Where all layers have the same choices, the gene is that of every layer.
    pub fn skip(&self) -> Option<(Skip, u8)> {
        let lists = self.choices.lists();
        let mut skips = lists.into_iter().filter_map(|choices| {
            let gene = choices.iter().position(is_skip)?;
            let skip = match choices[gene] {
                Operation::Linear => Skip::Linear,
                _ => Skip::Identity,
            };
            Some((skip, gene as u8))
        });
        skips.next()
    }

    /// The number of networks, rounded; infinite when it is beyond an f64.
    pub fn size(&self) -> f64 {
        let genes = self.genes().into_iter();
        genes.map(|values| values as f64).product()
    }

    /// The number of networks, in all its decimal digits.
    pub fn size_exact(&self) -> String {
        // Little end first, in base 10.
        let mut digits = vec![1];
        for values in self.genes() {
            let mut carry = 0;
            for digit in &mut digits {
                carry += *digit * values;
                *digit = carry % 10;
                carry /= 10;
            }
            while carry > 0 {
                digits.push(carry % 10);
                carry /= 10;
            }
        }
        digits.iter().rev().map(usize::to_string).collect()
    }

    /// The network that a genome describes, under the space's name with the genome behind it.
    ///
    /// # Errors
    ///
    /// When the genome has another number of layers than the space, or a choice that it does not
    /// have, or when the network is not [valid](Architecture::validate).
    pub fn decode(&self, genome: &Genome) -> Result<Architecture, ArchitectureError> {
        let error = |problem| ArchitectureError::Genome {
            genome: genome.to_string(),
            problem,
        };
        let genes = genome.genes();
        let expected = self.genes().len();
        if genes.len() != expected {
            let layers = self.layers();
            return Err(error(match expected == layers {
                true => format!(
                    "it has {} layers, but this search space has {expected}",
                    genes.len()
                ),
                false => format!(
                    "it has {} genes, but this search space has {expected}: {layers} layers{}{}",
                    genes.len(),
                    if self.features.is_empty() {
                        ""
                    } else {
                        ", features"
                    },
                    if self.resolutions.is_empty() {
                        ""
                    } else {
                        ", a resolution"
                    },
                ),
            }));
        }
        let mut network = self.template.clone();
        network.name = format!("{}-{genome}", self.template.name);
        for (index, (layer, &gene)) in network.layers_mut().iter_mut().zip(genes).enumerate() {
            let choices = self.choices.of(index);
            layer.operation = *choices.get(usize::from(gene)).ok_or_else(|| {
                error(format!(
                    "layer {} has choice {gene}, but this search space has 0 to {}",
                    index + 1,
                    choices.len() - 1
                ))
            })?;
        }
        let mut ends = genes[self.layers()..].iter();
        let mut end = |what: &str, values: &[usize]| match values.is_empty() {
            true => Ok(None),
            false => {
                let gene = ends.next().copied().unwrap_or(0);
                let value = values.get(usize::from(gene)).copied();
                value.map(Some).ok_or_else(|| {
                    let last = values.len() - 1;
                    error(format!(
                        "its {what} is {gene}, but this search space has 0 to {last}"
                    ))
                })
            }
        };
        if let Some(features) = end("choice of features", &self.features)? {
            network.head = network.head.with_features(features);
        }
        if let Some(resolution) = end("resolution", &self.resolutions)? {
            network = network.with_resolution(resolution);
        }
        network.validate()?;
        Ok(network)
    }

    /// The genome that describes a network's layers. Either kind of skip is the space's, so that
    /// a plain network has its place in a stabilized space. What the layers do not decide (name,
    /// classes, preprocessing, padding, batch normalisation) may differ.
    ///
    /// # Errors
    ///
    /// [`ArchitectureError::NotInSpace`] names the first difference.
    pub fn encode(&self, network: &Architecture) -> Result<Genome, ArchitectureError> {
        let template = &self.template;
        same(
            "network",
            "input_channels",
            network.input_channels,
            template.input_channels,
        )?;
        let different = |field, found: String, expected: String| ArchitectureError::NotInSpace {
            place: "network".to_owned(),
            field,
            found,
            expected,
        };
        let (found, expected) = (stem(network), stem(template));
        if found != expected {
            return Err(different("stem", found, expected));
        }
        let style = Style::SCARLET;
        let head = |it: &Architecture| it.head.text(&style).join(" ");
        let features = self.features.iter();
        let mut features = features.map(|&features| template.head.with_features(features));
        let features_gene = features.position(|known| known == network.head);
        if network.head != template.head && features_gene.is_none() {
            return Err(different("head", head(network), head(template)));
        }
        same(
            "network",
            "number of layers",
            network.layers().len(),
            self.layers(),
        )?;

        let layers = network.layers().iter().zip(template.layers());
        let genes = layers
            .enumerate()
            .map(|(index, (layer, place))| self.gene(index, layer, place));
        let mut genes = genes.collect::<Result<Vec<_>, _>>()?;
        genes.extend(features_gene.map(|gene| gene as u8));
        if !self.resolutions.is_empty() {
            let resolution = network.preprocessing.resolution;
            let mut resolutions = self.resolutions.iter();
            let gene = resolutions.position(|&known| known == resolution);
            let unknown = || {
                let known: Vec<_> = self.resolutions.iter().map(usize::to_string).collect();
                different("resolution", resolution.to_string(), known.join(" "))
            };
            genes.push(gene.ok_or_else(unknown)? as u8);
        }
        Genome::new(genes)
    }

    fn gene(&self, index: usize, layer: &Block, plan: &Block) -> Result<u8, ArchitectureError> {
        let place = format!("layer {}", index + 1);
        if layer.operation != Operation::Identity {
            same(&place, "channels", layer.channels, plan.channels)?;
            same(&place, "stride", layer.stride, plan.stride)?;
        }
        let choices = self.choices.of(index);
        let gene = choices.iter().position(|choice| {
            *choice == layer.operation || is_skip(choice) && is_skip(&layer.operation)
        });
        gene.map(|gene| gene as u8)
            .ok_or_else(|| ArchitectureError::NotInSpace {
                place,
                field: "operation",
                found: layer.operation.to_string(),
                expected: choices
                    .iter()
                    .map(Operation::to_string)
                    .collect::<Vec<_>>()
                    .join(" "),
            })
    }
}

fn is_skip(operation: &Operation) -> bool {
    matches!(operation, Operation::Identity | Operation::Linear)
}

/// Refuses numbers that do not begin with a template's own and shrink from there.
fn check_shrinking(what: &str, numbers: &[usize], own: usize) -> Result<(), ArchitectureError> {
    let shrink = numbers.windows(2).all(|pair| pair[1] < pair[0]);
    let least = numbers.last().is_some_and(|&least| least > 0);
    if numbers.first() != Some(&own) || !shrink || !least {
        return Err(ArchitectureError::Space {
            problem: format!(
                "its {what} are {numbers:?}, but must begin with {own}, that of the template, and \
                 each be smaller than the one before"
            ),
        });
    }
    let count = numbers.len();
    if count > MAX_CHOICES {
        return Err(ArchitectureError::Space {
            problem: format!(
                "it has {count} {what}, but a gene chooses from at most {MAX_CHOICES}"
            ),
        });
    }
    Ok(())
}

/// What a gene chooses from: one value needs none.
fn several(values: Vec<usize>) -> Vec<usize> {
    match values.len() {
        1 => Vec::new(),
        _ => values,
    }
}

/// As many choices as a gene has digits for, no two of them the same.
fn check_choices(choices: &[Operation]) -> Result<(), ArchitectureError> {
    range(
        "search space",
        "number of choices",
        choices.len(),
        1,
        MAX_CHOICES,
    )?;
    for (index, choice) in choices.iter().enumerate() {
        let same = |other: &Operation| choice == other || is_skip(choice) && is_skip(other);
        if choices[..index].iter().any(same) {
            let choice = format!("choice {index} ({choice})");
            return Err(out_of_range(
                "search space",
                "choices",
                choice,
                "different from every other, with one kind of skip",
            ));
        }
    }
    Ok(())
}

/// SCARLET's kernels and expansions.
fn blocks(squeeze_excite: bool) -> Vec<Operation> {
    let mut blocks = Vec::new();
    for factor in [3, 6] {
        for kernel in [3, 5, 7] {
            blocks.push(Operation::InvertedResidual(InvertedResidual {
                squeeze_excite: squeeze_excite.then_some(SqueezeExcite::QUARTER),
                ..InvertedResidual::new(kernel, Expansion::Times(factor))
            }));
        }
    }
    blocks
}

/// The blocks before the layers, in words.
fn stem(network: &Architecture) -> String {
    let blocks = &network.blocks[..network.blocks_before_layers()];
    let words: Vec<String> = blocks.iter().map(Block::word).collect();
    words.join(" ")
}

fn plan(places: &[(usize, usize)]) -> Vec<Block> {
    places
        .iter()
        .map(|&(channels, stride)| Block {
            operation: Operation::Linear,
            channels,
            stride,
        })
        .collect()
}

fn same(
    place: &str,
    field: &'static str,
    found: usize,
    expected: usize,
) -> Result<(), ArchitectureError> {
    if found == expected {
        return Ok(());
    }
    Err(ArchitectureError::NotInSpace {
        place: place.to_owned(),
        field,
        found: found.to_string(),
        expected: expected.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cost, efficientnet_lite0, scarlet_a, scarlet_b};

    fn message<T: std::fmt::Debug>(result: Result<T, ArchitectureError>) -> String {
        result.unwrap_err().to_string()
    }

    fn genome(text: &str) -> Genome {
        text.parse().unwrap()
    }

    #[test]
    fn spaces_have_their_known_sizes() {
        let space = SearchSpace::scarlet();
        assert_eq!(space.layers(), 19);
        assert_eq!(space.size_exact(), "1461920290375446110677");
        assert!((space.size() / 1.461_920_290_375_446e21 - 1.0).abs() < 1e-12);
        let small = SearchSpace::without_squeeze_excite();
        assert_eq!(small.size_exact(), "11398895185373143");
        assert_eq!(small.choices(0)[0].to_string(), "E3K3:relu6");
        let single = SearchSpace::new(scarlet_a(), vec![Operation::Linear]).unwrap();
        assert_eq!((single.size(), single.size_exact()), (1.0, "1".to_owned()));
    }

    #[test]
    fn choices_are_the_blocks_and_a_skip() {
        let space = SearchSpace::scarlet();
        let names: Vec<String> = space.choices(18).iter().map(Operation::to_string).collect();
        assert_eq!(
            names.join(" "),
            "E3K3 E3K5 E3K7 E6K3 E6K5 E6K7 E3K3s E3K5s E3K7s E6K3s E6K5s E6K7s -"
        );
        assert!(space.choices(19).is_empty());
        assert_eq!(space.skip(), Some((Skip::Identity, 12)));
        let stabilized = space.with_skip(Skip::Linear).unwrap();
        assert_eq!(stabilized.skip(), Some((Skip::Linear, 12)));
        let plain = stabilized.without_skip().unwrap();
        assert_eq!((plain.skip(), plain.choices(0).len()), (None, 12));
        assert_eq!(
            plain.with_skip(Skip::Identity).unwrap(),
            SearchSpace::scarlet()
        );
    }

    #[test]
    fn a_new_kind_of_skip_keeps_its_gene() {
        let choices = vec![Operation::Identity, blocks(false)[0]];
        let space = SearchSpace::new(scarlet_a(), choices).unwrap();
        let stabilized = space.with_skip(Skip::Linear).unwrap();
        assert_eq!(stabilized.skip(), Some((Skip::Linear, 0)));
    }

    #[test]
    fn every_layer_can_be_skipped() {
        let skips = genome(&"c".repeat(19));
        let plain = SearchSpace::scarlet();
        let network = plain.decode(&skips).unwrap();
        assert_eq!(network.total_stride(), 2);
        assert_eq!(network.channels_before_head(), 16);
        let stabilized = plain
            .with_skip(Skip::Linear)
            .unwrap()
            .decode(&skips)
            .unwrap();
        assert_eq!(stabilized.total_stride(), 32);
        assert_eq!(stabilized.channels_before_head(), 320);
    }

    #[test]
    fn plain_networks_have_a_place_in_a_stabilized_space() {
        let space = SearchSpace::scarlet();
        let found = space.encode(&scarlet_b()).unwrap();
        let stabilized = space.with_skip(Skip::Linear).unwrap();
        assert_eq!(stabilized.encode(&scarlet_b()).unwrap(), found);
    }

    #[test]
    fn width_resolution_and_classes_can_be_chosen() {
        let space = SearchSpace::scarlet()
            .with_width(0.5)
            .and_then(|space| space.with_resolution(96))
            .and_then(|space| space.with_classes(10))
            .unwrap();
        let network = space.decode(&genome(&"0".repeat(19))).unwrap();
        let cost = Cost::of(&network, 96).unwrap();
        assert_eq!(cost.parts[0].output, [16, 48, 48]);
        assert_eq!(cost.parts[20].output, [160, 3, 3]);
        assert_eq!(cost.parts[22].output, [10, 1, 1]);
    }

    #[test]
    fn small_images_fit_small_budgets() {
        let space = SearchSpace::small_images(1, 32, 10).unwrap();
        let cost = |gene: &str| {
            let network = space.decode(&genome(&gene.repeat(9))).unwrap();
            Cost::of(&network, 32).unwrap()
        };
        let (least, most) = (cost("0"), cost("b"));
        assert!(
            least.mult_adds < 7_000_000 && least.parameters < 250_000,
            "{least:?}"
        );
        assert!(
            most.mult_adds > 16_000_000 && most.parameters > 800_000,
            "{most:?}"
        );
        assert_eq!(least.parts[10].output, [80, 4, 4]);
    }

    #[test]
    fn json_round_trip_is_checked() {
        let space = SearchSpace::scarlet().with_width(0.75).unwrap();
        let json = serde_json::to_string(&space).unwrap();
        assert_eq!(serde_json::from_str::<SearchSpace>(&json).unwrap(), space);
        let twice = json.replace("\"E6K7\"", "\"E6K5\"");
        let error = serde_json::from_str::<SearchSpace>(&twice).unwrap_err();
        assert!(error.to_string().contains("choice 5 (E6K5)"), "{error}");
    }

    #[test]
    fn wrong_spaces_are_errors() {
        assert_eq!(
            message(SearchSpace::new(scarlet_a(), vec![])),
            "search space: number of choices is 0, but must be from 1 to 36"
        );
        let skips = vec![Operation::Identity, Operation::Linear];
        assert_eq!(
            message(SearchSpace::new(scarlet_a(), skips)),
            "search space: choices is choice 1 (L), but must be different from every other, \
             with one kind of skip"
        );
        assert_eq!(
            message(SearchSpace::scarlet().with_resolution(0)),
            "preprocessing: resolution is 0, but must be from 1 to 8192"
        );
        assert_eq!(
            message(SearchSpace::scarlet().with_classes(0)),
            "network: classes is 0, but must be from 1 to 1000000"
        );
        assert_eq!(
            message(SearchSpace::scarlet().with_width(-1.0)),
            "scaling: width is -1, but must be above 0, up to 64"
        );
    }

    #[test]
    fn genomes_of_other_spaces_are_errors() {
        let space = SearchSpace::scarlet();
        assert_eq!(
            message(space.decode(&genome("0c"))),
            "genome 0c: it has 2 layers, but this search space has 19"
        );
        assert_eq!(
            message(space.decode(&genome("0000000000d00000000"))),
            "genome 0000000000d00000000: layer 11 has choice 13, but this search space has 0 to 12"
        );
    }

    #[test]
    fn networks_of_other_spaces_are_errors() {
        let space = SearchSpace::scarlet();
        assert_eq!(
            message(space.encode(&efficientnet_lite0())),
            "network: number of layers is 15, but this search space has 19"
        );
        let encode = |text: &str| message(space.encode(&text.parse().unwrap()));
        assert_eq!(
            encode("E3K3@32"),
            "network: number of layers is 1, but this search space has 19"
        );
        let layers = |third: &str| format!("E3K3 E3K3 {third} {}", "E3K3 ".repeat(16));
        assert_eq!(
            encode(&layers("E3K3@48")),
            "layer 3: channels is 48, but this search space has 40"
        );
        assert_eq!(
            encode(&layers("E3K3/1")),
            "layer 3: stride is 1, but this search space has 2"
        );
        assert_eq!(
            encode(&layers("E3K3:swish")),
            "layer 3: operation is E3K3:swish, but this search space has E3K3 E3K5 E3K7 E6K3 E6K5 \
             E6K7 E3K3s E3K5s E3K7s E6K3s E6K5s E6K7s -"
        );
        assert_eq!(
            encode(&layers("E4K3")),
            "layer 3: operation is E4K3, but this search space has E3K3 E3K5 E3K7 E6K3 E6K5 E6K7 \
             E3K3s E3K5s E3K7s E6K3s E6K5s E6K7s -"
        );
        assert_eq!(
            message(space.encode(&scarlet_like(
                "narrow",
                Outline {
                    stem: 16,
                    ..Outline::SCARLET
                },
                scarlet_a().layers().to_vec()
            ))),
            "network: stem is C3@16/2:relu6 E1K3n@16:relu6, but this search space has \
             C3@32/2:relu6 E1K3@16:relu6"
        );
    }
}
