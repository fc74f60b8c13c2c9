//! Multi-objective search over vectors of choices: NSGA-II, its baselines, and the measures that
//! tell how good a search was.
//!
//! A candidate is a [`Genome`]: one choice per gene, out of a [`GeneSpace`]. What it is worth is
//! for an [`Evaluator`] to say, which measures whole batches and may spread them as it likes. What
//! is wanted of it is data: [`Objective`]s and [`Constraint`]s over the names of what is measured.
//!
//! ```
//! use scarlet_search::{Algorithm, EvaluatorFn, GeneSpace, Nsga2, Search, SearchConfig, Stop};
//!
//! // Six layers of four choices each: wider ones are better and costlier, with less and less return.
//! let evaluator = EvaluatorFn::new(["accuracy", "mult_adds"], |genes| {
//!     let width: f64 = genes.iter().map(|&gene| f64::from(gene)).sum();
//!     let mult_adds: f64 = genes.iter().map(|&gene| f64::from(gene).powi(2)).sum();
//!     Ok(vec![width / (width + 5.0), mult_adds])
//! });
//! let config = SearchConfig {
//!     constraints: vec!["mult_adds <= 30".parse()?],
//!     algorithm: Algorithm::Nsga2(Nsga2 { population: 20, ..Nsga2::default() }),
//!     stop: Stop::after_evaluations(400),
//!     seed: 7,
//!     ..SearchConfig::new(
//!         GeneSpace::uniform(6, 4)?,
//!         vec!["maximize accuracy".parse()?, "minimize mult_adds".parse()?],
//!     )
//! };
//!
//! let mut search = Search::new(config, evaluator)?;
//! while let Some(generation) = search.step()? {
//!     println!("{} evaluated, hypervolume {}", generation.evaluations, generation.hypervolume);
//!     // `search.state().save(path)?` here makes the search resumable.
//! }
//! let found = search.into_state();
//! let best = found.best(&"maximize accuracy".parse()?, &["mult_adds <= 12".parse()?])?;
//! assert_eq!(best.and_then(|candidate| candidate.value(1)), Some(12.0));
//! # Ok::<(), scarlet_search::SearchError>(())
//! ```
//!
//! The same configuration and seed give the same result on every platform, however the evaluator
//! spreads its work, and whether or not the search was interrupted: see [`SearchState`].
//!
//! | question | where |
//! |---|---|
//! | how candidates are bred and kept | [`Nsga2`], [`RandomSearch`], [`RegularizedEvolution`] |
//! | which candidates are best | [`SearchState::front`], [`SearchState::knee`], [`SearchState::best`] |
//! | how good a set of candidates is | [`hypervolume()`] |
//! | how well one ranking foretells another | [`kendall_tau`], [`spearman_rho`], [`top_k_regret`] |

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod algorithm;
mod archive;
mod baselines;
mod batch;
mod config;
mod crowding;
mod error;
mod evaluator;
mod front;
mod genome;
mod hypervolume;
mod nsga2;
mod objective;
mod operators;
mod pareto;
mod point;
mod problem;
mod rank_correlation;
mod rng;
mod search;
mod sorting;
mod state;
mod stop;

pub use algorithm::Algorithm;
pub use archive::{Archive, Candidate};
pub use baselines::{RandomSearch, RegularizedEvolution};
pub use config::SearchConfig;
pub use crowding::crowding_distances;
pub use error::SearchError;
pub use evaluator::{Evaluation, Evaluator, EvaluatorError, EvaluatorFn};
pub use genome::{GeneSpace, Genome};
pub use hypervolume::hypervolume;
pub use nsga2::Nsga2;
pub use objective::{Bound, Constraint, Direction, Objective};
pub use operators::Crossover;
pub use pareto::{knee_point, non_dominated};
pub use point::Point;
pub use rank_correlation::{RankCorrelationError, kendall_tau, spearman_rho, top_k_regret};
pub use search::Search;
pub use sorting::non_dominated_fronts;
pub use state::{GenerationRecord, SearchState};
pub use stop::{Stall, Stop, StopReason};
