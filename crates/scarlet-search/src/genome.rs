//! [`Genome`] and [`GeneSpace`]: what is searched.

use serde::{Deserialize, Serialize};

use crate::{SearchError, rng::Rng};

/// One choice per gene, each counted from 0.
///
/// A plain vector, so that any type of genome with at most 256 choices per gene converts at no
/// cost.
pub type Genome = Vec<u8>;

/// The number of choices of every gene: the genomes that a search may try.
///
/// ```
/// use scarlet_search::GeneSpace;
///
/// let space = GeneSpace::uniform(19, 13)?;
/// assert_eq!(space.size(), 13u128.pow(19));
/// assert!(space.check(&[12; 19]).is_ok());
/// assert!(space.check(&[13; 19]).is_err());
/// # Ok::<(), scarlet_search::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub struct GeneSpace {
    choices: Vec<usize>,
}

impl GeneSpace {
    /// A space of as many genes as there are numbers, each the choices of its gene.
    ///
    /// # Errors
    ///
    /// [`SearchError::EmptySpace`] without genes, [`SearchError::InvalidChoices`] for a gene whose
    /// choices are not 1 to 256.
    pub fn new(choices: impl Into<Vec<usize>>) -> Result<Self, SearchError> {
        let choices = choices.into();
        if choices.is_empty() {
            return Err(SearchError::EmptySpace);
        }
        match choices.iter().position(|count| !(1..=256).contains(count)) {
            Some(gene) => Err(SearchError::InvalidChoices {
                gene,
                choices: choices[gene],
            }),
            None => Ok(Self { choices }),
        }
    }

    /// A space of `genes` genes with `choices` choices each.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn uniform(genes: usize, choices: usize) -> Result<Self, SearchError> {
        Self::new(vec![choices; genes])
    }

    /// The number of choices of every gene.
    pub fn choices(&self) -> &[usize] {
        &self.choices
    }

    /// Number of different genomes; `u128::MAX` if they are more than that.
    pub fn size(&self) -> u128 {
        self.choices
            .iter()
            .fold(1, |size: u128, &count| size.saturating_mul(count as u128))
    }

    /// Checks that a genome belongs to the space.
    ///
    /// # Errors
    ///
    /// [`SearchError::InvalidGenome`] says which gene does not.
    pub fn check(&self, genome: &[u8]) -> Result<(), SearchError> {
        let invalid = |reason| {
            Err(SearchError::InvalidGenome {
                genome: genome.to_vec(),
                reason,
            })
        };
        if genome.len() != self.choices.len() {
            let (found, expected) = (genome.len(), self.choices.len());
            return invalid(format!("it has {found} genes instead of {expected}"));
        }
        let mut genes = genome.iter().zip(&self.choices);
        match genes.position(|(&choice, &count)| usize::from(choice) >= count) {
            Some(gene) => invalid(format!(
                "gene {gene} is {}, but has {} choices, counted from 0",
                genome[gene], self.choices[gene]
            )),
            None => Ok(()),
        }
    }

    pub(crate) fn random(&self, rng: &mut Rng) -> Genome {
        self.choices
            .iter()
            .map(|&count| rng.below(count) as u8)
            .collect()
    }

    /// Counts one up, the first gene fastest, and from the last genome back to the first.
    pub(crate) fn advance(&self, genome: &mut [u8]) {
        for (choice, &count) in genome.iter_mut().zip(&self.choices) {
            if usize::from(*choice) + 1 < count {
                *choice += 1;
                return;
            }
            *choice = 0;
        }
    }
}

impl TryFrom<Vec<usize>> for GeneSpace {
    type Error = SearchError;

    fn try_from(choices: Vec<usize>) -> Result<Self, SearchError> {
        Self::new(choices)
    }
}

impl From<GeneSpace> for Vec<usize> {
    fn from(space: GeneSpace) -> Self {
        space.choices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advancing_visits_every_genome_once() {
        let space = GeneSpace::new([2, 1, 3]).unwrap();
        let mut genome = vec![1, 0, 1];
        let mut visited = std::collections::HashSet::new();
        for _ in 0..space.size() {
            space.check(&genome).unwrap();
            assert!(visited.insert(genome.clone()));
            space.advance(&mut genome);
        }
        assert_eq!(genome, [1, 0, 1]);
    }

    #[test]
    fn size_saturates() {
        assert_eq!(GeneSpace::uniform(3, 256).unwrap().size(), 1 << 24);
        assert_eq!(GeneSpace::uniform(40, 256).unwrap().size(), u128::MAX);
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let message = |error: SearchError| error.to_string();
        assert!(message(GeneSpace::new([]).unwrap_err()).contains("no genes"));
        assert_eq!(
            message(GeneSpace::new([3, 0]).unwrap_err()),
            "gene 1 has 0 choices; a gene needs 1 to 256"
        );
        assert!(message(GeneSpace::new([257]).unwrap_err()).contains("257 choices"));

        let space = GeneSpace::new([2, 3]).unwrap();
        assert_eq!(
            message(space.check(&[1]).unwrap_err()),
            "genome [1] is not in the search space: it has 1 genes instead of 2"
        );
        assert_eq!(
            message(space.check(&[1, 3]).unwrap_err()),
            "genome [1, 3] is not in the search space: gene 1 is 3, but has 3 choices, counted \
             from 0"
        );
        assert!(serde_json::from_str::<GeneSpace>("[2, 300]").is_err());
    }
}
