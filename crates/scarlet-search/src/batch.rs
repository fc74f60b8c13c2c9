//! [`Batch`]: the genomes to evaluate next.

use std::collections::HashSet;

use crate::{Archive, GeneSpace, Genome, rng::Rng};

/// Random genomes to try before looking for an unevaluated one step by step.
const RANDOM_DRAWS: usize = 16;

/// A batch that fills up with genomes that were never evaluated.
pub(crate) struct Batch<'a> {
    space: &'a GeneSpace,
    archive: &'a Archive,
    genomes: Vec<Genome>,
    members: HashSet<Genome>,
    size: usize,
}

impl<'a> Batch<'a> {
    /// An empty batch for `size` genomes, or as many as are left in the space.
    pub(crate) fn new(space: &'a GeneSpace, archive: &'a Archive, size: usize) -> Self {
        let left = space.size().saturating_sub(archive.len() as u128);
        Self {
            space,
            archive,
            genomes: Vec::new(),
            members: HashSet::new(),
            size: usize::try_from(left).map_or(size, |left| size.min(left)),
        }
    }

    pub(crate) fn space(&self) -> &'a GeneSpace {
        self.space
    }

    pub(crate) fn is_full(&self) -> bool {
        self.genomes.len() >= self.size
    }

    /// Takes a genome if it is new and there is room; says whether it did.
    pub(crate) fn offer(&mut self, genome: &Genome) -> bool {
        let wanted = !self.is_full()
            && !self.archive.contains(genome)
            && self.members.insert(genome.clone());
        if wanted {
            self.genomes.push(genome.clone());
        }
        wanted
    }

    /// Takes a random new genome, if there is room.
    pub(crate) fn offer_random(&mut self, rng: &mut Rng) {
        if self.is_full() {
            return;
        }
        let mut genome = self.space.random(rng);
        for _ in 0..RANDOM_DRAWS {
            if self.is_new(&genome) {
                break;
            }
            genome = self.space.random(rng);
        }
        // Where nearly everything was evaluated, draws may miss the rest for ever; counting up
        // cannot, and a batch that is not full has something left to find.
        while !self.offer(&genome) {
            self.space.advance(&mut genome);
        }
    }

    pub(crate) fn into_genomes(self) -> Vec<Genome> {
        self.genomes
    }

    fn is_new(&self, genome: &Genome) -> bool {
        !self.archive.contains(genome) && !self.members.contains(genome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{Candidate, Outcome};

    #[test]
    fn fills_with_what_is_left_of_the_space() {
        let space = GeneSpace::uniform(3, 8).unwrap();
        let mut archive = Archive::default();
        let mut rng = Rng::new(0);
        for expected in [500, 12, 0] {
            let mut batch = Batch::new(&space, &archive, 500);
            while !batch.is_full() {
                batch.offer_random(&mut rng);
            }
            let genomes = batch.into_genomes();
            assert_eq!(genomes.len(), expected);
            for genome in genomes {
                space.check(&genome).unwrap();
                let outcome = Outcome::Values(Vec::new());
                assert!(archive.insert(Candidate::new(genome, outcome, None)));
            }
        }
        assert_eq!(archive.len() as u128, space.size());
    }

    #[test]
    fn refuses_what_is_known_and_what_is_too_much() {
        let space = GeneSpace::uniform(1, 9).unwrap();
        let mut archive = Archive::default();
        archive.insert(Candidate::new(vec![0], Outcome::Values(Vec::new()), None));
        let mut batch = Batch::new(&space, &archive, 2);
        assert!(!batch.offer(&vec![0]));
        assert!(batch.offer(&vec![1]));
        assert!(!batch.offer(&vec![1]));
        assert!(batch.offer(&vec![2]));
        assert!(!batch.offer(&vec![3]));
        batch.offer_random(&mut Rng::new(0));
        assert_eq!(batch.into_genomes(), [[1], [2]]);
    }
}
