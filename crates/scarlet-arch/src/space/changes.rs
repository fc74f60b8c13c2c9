//! The same space with other skips, widths, resolutions, classes or features.

use super::SearchSpace;
use super::choices::Choices;
use super::skip::{Skip, is_skip};
use crate::limits::{MAX_CHOICES, MAX_LAYERS};
use crate::validate::range;
use crate::{ArchitectureError, CompoundScaling};

impl SearchSpace {
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
    pub(super) fn with_ends(
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
