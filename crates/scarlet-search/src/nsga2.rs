//! NSGA-II.

use serde::{Deserialize, Serialize};

use crate::{
    Crossover, Point, SearchError,
    algorithm::{Members, Strategy},
    batch::Batch,
    config::{require, require_genomes},
    crowding_distances, non_dominated_fronts,
    operators::mutate,
    rng::Rng,
};

/// Matings in a row that may bring nothing new before a random genome joins the batch.
const FRUITLESS_MATINGS: usize = 50;

/// NSGA-II (Deb, Pratap, Agarwal and Meyarivan 2002).
///
/// Every generation has as many children as the population has members. Parents are chosen by
/// binary tournament, by front and then by crowding distance; they mix by crossover and mutate.
/// Of parents and children the best fronts survive, and of the last front that fits only in part
/// the least crowded. Constraints act through constrained domination ([`Point::dominates`]), the
/// objectives' weights through the crowding distance ([`crowding_distances`]).
///
/// No genome is evaluated twice in a search: children already known are bred again, and where
/// mating keeps bringing nothing new, random genomes fill the generation.
///
/// [`Point::dominates`]: crate::Point::dominates
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nsga2 {
    /// Members of the population, at least 2.
    pub population: usize,
    /// How two parents mix.
    pub crossover: Crossover,
    /// Probability that they mix at all, rather than both leaving a mutated copy.
    pub crossover_probability: f64,
    /// Probability that a gene of a child takes another choice.
    pub mutation_probability: f64,
}

impl Default for Nsga2 {
    fn default() -> Self {
        Self {
            population: 75,
            crossover: Crossover::SinglePoint,
            crossover_probability: 0.9,
            mutation_probability: 0.1,
        }
    }
}

impl Strategy for Nsga2 {
    fn validate(&self) -> Result<(), SearchError> {
        let probability = |value: f64, setting| {
            require((0.0..=1.0).contains(&value), setting, value, "from 0 to 1")
        };
        require_genomes(2, "population", self.population)?;
        probability(self.crossover_probability, "crossover_probability")?;
        probability(self.mutation_probability, "mutation_probability")
    }

    fn first_batch(&self) -> usize {
        self.population
    }

    fn later_batch(&self) -> usize {
        self.population
    }

    fn breed(&self, parents: &Members<'_>, rng: &mut Rng, batch: &mut Batch<'_>) {
        let mut tournaments = Tournaments::new(parents.len());
        let mut fruitless = 0;
        while !batch.is_full() {
            if parents.len() < 2 || fruitless >= FRUITLESS_MATINGS {
                batch.offer_random(rng);
                fruitless = 0;
                continue;
            }
            let a = parents.genome(tournaments.winner(rng));
            let b = parents.genome(tournaments.winner(rng));
            let children = match rng.chance(self.crossover_probability) {
                true => self.crossover.cross(a, b, rng),
                false => [a.to_vec(), b.to_vec()],
            };
            fruitless += 1;
            for mut child in children {
                mutate(&mut child, batch.space(), self.mutation_probability, rng);
                if batch.offer(&child) {
                    fruitless = 0;
                }
            }
        }
    }

    /// The survivors, best first: by front, and within a front from the least to the most crowded.
    /// That order is all that the tournaments need to know.
    fn survive(&self, members: &Members<'_>, rng: &mut Rng) -> Vec<usize> {
        let points = members.points();
        let weights = members.problem.weights();
        let mut survivors = Vec::with_capacity(self.population);
        for mut front in non_dominated_fronts(&points) {
            let room = self.population - survivors.len();
            if room == 0 {
                break;
            }
            // Lest age decide between equals.
            rng.shuffle(&mut front);
            let crowded: Vec<&Point> = front.iter().map(|&member| points[member]).collect();
            let distances = crowding_distances(&crowded, &weights);
            let mut order: Vec<usize> = (0..front.len()).collect();
            order.sort_by(|&a, &b| distances[b].total_cmp(&distances[a]));
            let best = order.iter().take(room).map(|&place| front[place]);
            survivors.extend(best.map(|member| members.positions[member]));
        }
        survivors
    }
}

/// Binary tournaments in a population that is ordered from best to worst. Members are drawn as
/// cards from a shuffled deck, so that all compete equally often.
struct Tournaments {
    deck: Vec<usize>,
    members: usize,
}

impl Tournaments {
    fn new(members: usize) -> Self {
        let deck = Vec::with_capacity(members);
        Self { deck, members }
    }

    fn winner(&mut self, rng: &mut Rng) -> usize {
        let first = self.draw(rng);
        let second = self.draw(rng);
        first.min(second)
    }

    fn draw(&mut self, rng: &mut Rng) -> usize {
        if self.deck.is_empty() {
            self.deck.extend(0..self.members);
            rng.shuffle(&mut self.deck);
        }
        self.deck.pop().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Archive, Candidate, GeneSpace, SearchConfig, archive::Outcome, problem::Problem};

    #[test]
    fn members_compete_equally_often() {
        let mut rng = Rng::new(0);
        let mut tournaments = Tournaments::new(10);
        for _ in 0..20 {
            let mut winners: Vec<usize> = (0..5).map(|_| tournaments.winner(&mut rng)).collect();
            winners.sort_unstable();
            winners.dedup();
            // One deck: five pairs of different members, of which the better wins.
            assert_eq!(winners.len(), 5);
            assert_eq!(winners[0], 0);
            assert!(!winners.contains(&9));
        }
    }

    #[test]
    fn survivors_stand_best_first() {
        // Three fronts: 0 to 3 on a line, of which 2 is the most crowded; 4 and 5; 6 alone; and
        // two infeasible points.
        let points = [
            Point::feasible([0.0, 9.0]),
            Point::feasible([5.0, 4.0]),
            Point::feasible([6.0, 3.0]),
            Point::feasible([9.0, 0.0]),
            Point::feasible([6.0, 6.0]),
            Point::feasible([7.0, 5.0]),
            Point::feasible([9.0, 9.0]),
            Point::new([0.0, 0.0], 2.0),
            Point::new([9.0, 9.0], 1.0),
        ];
        let objectives = ["minimize a", "minimize b"].map(|text| text.parse().unwrap());
        let config = SearchConfig::new(GeneSpace::uniform(1, 9).unwrap(), objectives.into());
        let problem = Problem::new(&config, &["a".to_owned(), "b".to_owned()]).unwrap();
        let mut archive = Archive::default();
        for (genome, point) in (0u8..).zip(points) {
            let outcome = Outcome::Values(Vec::new());
            archive.insert(Candidate::new(vec![genome], outcome, Some(point)));
        }
        let members = Members {
            problem: &problem,
            archive: &archive,
            positions: (0..9).rev().collect(),
        };
        let survivors = |population: usize, seed: u64| {
            let nsga2 = Nsga2 {
                population,
                ..Nsga2::default()
            };
            nsga2.survive(&members, &mut Rng::new(seed))
        };
        for seed in 0..10 {
            let all = survivors(9, seed);
            assert!(all[..2] == [0, 3] || all[..2] == [3, 0]);
            assert_eq!(all[2..4], [1, 2]);
            assert!(all[4..6] == [4, 5] || all[4..6] == [5, 4]);
            assert_eq!(all[6..], [6, 8, 7]);
            assert_eq!(survivors(3, seed)[2], 1);
            assert_eq!(survivors(7, seed), all[..7]);
        }
        let firsts: Vec<usize> = (0..10).map(|seed| survivors(2, seed)[0]).collect();
        assert!(
            firsts.contains(&0) && firsts.contains(&3),
            "equals take turns"
        );
    }
}
