//! [`Genome`]: the choices that make a network out of a search space.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ArchitectureError;
use crate::limits::{MAX_CHOICES, MAX_LAYERS};

/// One choice per layer, as numbers into a [`SearchSpace`](crate::SearchSpace)'s choices, and one of
/// the resolution where the space has several.
///
/// The text form, which is also the JSON form, has one character per choice, `0` to `9` and then
/// `a` to `z`: `27c0…`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Genome(Vec<u8>);

impl Genome {
    /// A genome of these choices, which a space has yet to know.
    ///
    /// # Errors
    ///
    /// When there are none, more than a network can have layers, or one that no space can have.
    pub fn new(genes: Vec<u8>) -> Result<Self, ArchitectureError> {
        let error = |problem| ArchitectureError::GenomeText {
            text: shortened(genes.iter().map(|&gene| to_digit(gene))),
            problem,
        };
        if let Some(position) = genes
            .iter()
            .position(|&gene| usize::from(gene) >= MAX_CHOICES)
        {
            return Err(error(format!(
                "choice {} of layer {} is beyond {}, the last that a space can have",
                genes[position],
                position + 1,
                MAX_CHOICES - 1,
            )));
        }
        if genes.is_empty() || genes.len() > MAX_LAYERS {
            return Err(error(format!(
                "it has {} choices, but must have from 1 to {MAX_LAYERS}",
                genes.len()
            )));
        }
        Ok(Self(genes))
    }

    /// A genome of choices that a space has.
    pub(crate) fn of_valid(genes: Vec<u8>) -> Self {
        Self(genes)
    }

    /// The choices, layer by layer, and behind them that of the resolution, where a space has
    /// [several](crate::SearchSpace::resolutions).
    pub fn genes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Genome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.0.iter().map(|&gene| to_digit(gene)).collect();
        f.pad(&text)
    }
}

impl FromStr for Genome {
    type Err = ArchitectureError;

    fn from_str(text: &str) -> Result<Self, ArchitectureError> {
        let mut genes = Vec::new();
        // One more than allowed is enough to be refused.
        for (index, character) in text.chars().take(MAX_LAYERS + 1).enumerate() {
            let gene = from_digit(character).ok_or_else(|| ArchitectureError::GenomeText {
                text: shortened(text.chars()),
                problem: format!(
                    "character {} is {character:?}, but must be 0 to 9 or a to z",
                    index + 1
                ),
            })?;
            genes.push(gene);
        }
        Self::new(genes)
    }
}

impl TryFrom<String> for Genome {
    type Error = ArchitectureError;

    fn try_from(text: String) -> Result<Self, ArchitectureError> {
        text.parse()
    }
}

impl From<Genome> for String {
    fn from(genome: Genome) -> Self {
        genome.to_string()
    }
}

fn to_digit(gene: u8) -> char {
    char::from_digit(gene.into(), MAX_CHOICES as u32).unwrap_or('?')
}

/// Lower case only, so that a genome has one text.
fn from_digit(character: char) -> Option<u8> {
    if character.is_ascii_uppercase() {
        return None;
    }
    let digit = character.to_digit(MAX_CHOICES as u32)?;
    u8::try_from(digit).ok()
}

fn shortened(characters: impl Iterator<Item = char>) -> String {
    const SHOWN: usize = 40;
    let mut characters = characters;
    let mut short: String = characters.by_ref().take(SHOWN).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(result: Result<Genome, ArchitectureError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn text_has_one_character_per_layer() {
        let genome = Genome::new(vec![0, 9, 10, 12, 35]).unwrap();
        assert_eq!(genome.to_string(), "09acz");
        assert_eq!("09acz".parse::<Genome>().unwrap(), genome);
        assert_eq!(genome.genes(), [0, 9, 10, 12, 35]);
    }

    #[test]
    fn json_is_the_text() {
        let genome: Genome = "1c0".parse().unwrap();
        assert_eq!(serde_json::to_string(&genome).unwrap(), "\"1c0\"");
        assert_eq!(serde_json::from_str::<Genome>("\"1c0\"").unwrap(), genome);
        assert!(serde_json::from_str::<Genome>("\"1C0\"").is_err());
    }

    #[test]
    fn wrong_genomes_are_errors() {
        assert_eq!(
            message("12-4".parse()),
            "genome \"12-4\": character 3 is '-', but must be 0 to 9 or a to z"
        );
        assert_eq!(
            message("".parse()),
            "genome \"\": it has 0 choices, but must have from 1 to 512"
        );
        assert_eq!(
            message(Genome::new(vec![1, 40])),
            "genome \"1?\": choice 40 of layer 2 is beyond 35, the last that a space can have"
        );
        let long = message("0".repeat(1 << 20).parse());
        assert!(long.contains("it has 513 choices"), "{long}");
        assert!(long.len() < 200, "{long}");
    }
}
