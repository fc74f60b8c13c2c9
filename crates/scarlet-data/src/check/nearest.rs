//! Pairs of pictures whose hashes are close, without comparing all with all.

use rayon::prelude::*;

use super::fingerprint::{Fingerprint, Hash, VIEWS, distance};

/// Bits of a band, which are looked up together.
const BAND: usize = 16;
const BANDS: usize = 64 * super::fingerprint::WORDS / BAND;
/// Hashes of so many different bits are close. Up to 31 of them are found without fail, since then
/// one of the 16 bands differs in at most one bit; of those beyond, nearly all.
const CLOSE: u32 = 44;
/// The most close pictures that are kept of each.
const MOST: usize = 24;

/// A picture that may be what a view of another shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    pub(super) distance: u32,
    /// The larger picture.
    pub(super) of: usize,
    /// The view of it.
    pub(super) view: usize,
    /// The picture that may be this view.
    pub(super) part: usize,
}

/// For each picture those of which it may be a view, the closest first (multi-index hashing:
/// Norouzi, Punjani and Fleet, arXiv 1307.2982). None where `go_on` says no.
pub(super) fn candidates(
    prints: &[&Fingerprint],
    go_on: impl Fn() -> bool + Sync,
) -> Option<Vec<Candidate>> {
    let mut close: Vec<Vec<Candidate>> = vec![Vec::new(); prints.len()];
    for band in 0..BANDS {
        let index = Index::of(prints, band);
        close
            .par_iter_mut()
            .enumerate()
            .try_for_each(|(part, close)| {
                if !go_on() {
                    return None;
                }
                let hash = &prints[part].0[0];
                for (of, view) in index.near(hash) {
                    let other = &prints[of].0[view];
                    let distance = distance(hash, other);
                    if of != part && distance <= CLOSE {
                        close.push(Candidate {
                            distance,
                            of,
                            view,
                            part,
                        });
                    }
                }
                close.sort_unstable();
                keep_closest(close);
                Some(())
            })?;
    }
    Some(close.into_iter().flatten().collect())
}

/// Of sorted candidates the closest view of each picture, and the closest pictures.
fn keep_closest(close: &mut Vec<Candidate>) {
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in close.iter() {
        if kept.len() == MOST {
            break;
        }
        if kept.iter().all(|it| it.of != candidate.of) {
            kept.push(*candidate);
        }
    }
    *close = kept;
}

/// The views of all pictures by one band of their hashes.
struct Index {
    band: usize,
    /// For each value of the band where its entries begin.
    starts: Vec<u32>,
    /// `picture · views + view`
    entries: Vec<u32>,
}

impl Index {
    fn of(prints: &[&Fingerprint], band: usize) -> Self {
        let values = || {
            let views = prints.iter().flat_map(|print| &print.0);
            views.map(|hash| band_of(hash, band))
        };
        let mut starts = vec![0_u32; (1 << BAND) + 1];
        for value in values() {
            starts[value + 1] += 1;
        }
        for value in 0..1 << BAND {
            starts[value + 1] += starts[value];
        }
        let mut next = starts.clone();
        let mut entries = vec![0; prints.len() * VIEWS.len()];
        for (entry, value) in values().enumerate() {
            entries[next[value] as usize] = entry as u32;
            next[value] += 1;
        }
        Self {
            band,
            starts,
            entries,
        }
    }

    /// Pictures and their views whose band differs in at most one bit.
    fn near(&self, hash: &Hash) -> impl Iterator<Item = (usize, usize)> {
        let value = band_of(hash, self.band);
        let values = (0..BAND).map(move |bit| value ^ (1 << bit)).chain([value]);
        values
            .flat_map(|value| {
                let range = self.starts[value] as usize..self.starts[value + 1] as usize;
                &self.entries[range]
            })
            .map(|&entry| {
                let entry = entry as usize;
                (entry / VIEWS.len(), entry % VIEWS.len())
            })
    }
}

fn band_of(hash: &Hash, band: usize) -> usize {
    let word = hash[band * BAND / 64];
    (word >> (band * BAND % 64)) as usize & ((1 << BAND) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random hashes, of which each third is an earlier one with some bits changed.
    fn prints(count: usize) -> Vec<Fingerprint> {
        let mut random = crate::Random::new(7, 0_u64, 0);
        let mut word = || {
            let parts = [(); 4].map(|()| random.below(1 << 16) as u64);
            parts.iter().fold(0, |word, part| word << 16 | part)
        };
        let mut prints: Vec<Fingerprint> = Vec::new();
        for index in 0..count {
            let mut views = [[0; 4]; VIEWS.len()];
            for view in &mut views {
                *view = [word(), word(), word(), word()];
            }
            if index % 3 == 2 {
                let mut copy = prints[index / 2].0[index % VIEWS.len()];
                for _ in 0..index % 32 {
                    let bit = word() as usize % 256;
                    copy[bit / 64] ^= 1 << (bit % 64);
                }
                views[0] = copy;
            }
            prints.push(Fingerprint(views));
        }
        prints
    }

    #[test]
    fn all_close_pairs_are_found() {
        let prints = prints(300);
        let prints: Vec<&Fingerprint> = prints.iter().collect();
        let found = candidates(&prints, || true).unwrap();
        let mut expected = 0;
        for (part, print) in prints.iter().enumerate() {
            for (of, other) in prints.iter().enumerate().filter(|&(of, _)| of != part) {
                let nearest = other.0.iter().map(|view| distance(&print.0[0], view)).min();
                if nearest.is_some_and(|apart| apart < 32) {
                    expected += 1;
                    let is_it = |it: &&Candidate| (it.part, it.of) == (part, of);
                    let found = found.iter().find(is_it);
                    assert_eq!(found.map(|it| it.distance), nearest, "{part} of {of}");
                }
            }
        }
        assert!(expected >= 100, "{expected}");
        assert!(candidates(&prints, || false).is_none());
    }

    #[test]
    fn of_many_the_closest_are_kept() {
        let all: Vec<Fingerprint> = vec![Fingerprint([[5; 4]; VIEWS.len()]); 200];
        let prints: Vec<&Fingerprint> = all.iter().collect();
        let found = candidates(&prints, || true).unwrap();
        assert_eq!(found.len(), 200 * MOST);
    }
}
