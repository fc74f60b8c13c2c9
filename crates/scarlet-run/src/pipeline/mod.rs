//! The whole road as a library: from images and a budget to a trained network in a folder.
//!
//! A [`Run`] is made from a [`RunConfig`], which says everything that decides its result, and
//! keeps what it does in a [`RunFolder`](crate::RunFolder):
//!
//! | stage | what it does | what it leaves in the folder |
//! |---|---|---|
//! | [`Run::train_whole`] | trains the network that the search starts from, if it starts from one | `whole/` |
//! | [`Run::train_supernet`] | trains all networks of the space at once | `supernet/` |
//! | [`Run::search`] | measures candidates by the supernet's weights | `search/`, `front.csv` |
//! | [`Run::choose`] | picks one of them | `choice.json` |
//! | [`Run::train_network`] | trains it on its own | `training/` |
//! | [`Run::export`] | measures it on the test images, writes it for use | `network/`, `result.json`, `front.svg`, `report.html` |
//!
//! Every file appears whole or not at all, and every stage finds what it has done before: a run
//! that was interrupted or killed continues to the same network, bit for bit.
//!
//! ```
//! # #[cfg(feature = "flex")] {
//! use burn::tensor::Device;
//! use scarlet_run::pipeline::{Run, RunConfig};
//!
//! let config = RunConfig::default();
//! let run = Run::prepare(config, Device::flex(), |_| {})?;
//! let plan = run.plan()?;
//! assert_eq!(plan.train_images, 5_400);
//! # }
//! # Ok::<(), scarlet_run::RunError>(())
//! ```

mod budget;
mod choose;
mod compare;
mod config;
mod corners;
mod data;
mod estimate;
mod export;
mod folder;
mod latency;
mod lead;
mod measured;
mod nearest;
mod observer;
mod overlay;
mod plan;
mod report;
mod search;
mod space;
mod stages;
mod supernet;
mod timing;
mod train;
mod whole;
mod wrong;

pub use choose::{Choice, ChooseSettings, Rule, extract_uncalibrated};
pub use compare::{ComparedSearch, ComparisonConfig, ComparisonPlan};
pub use config::RunConfig;
pub use data::{DataSettings, Input, RunData};
pub use estimate::Estimate;
pub use export::{DeployedResult, ExportSettings, Exported, WholeResult};
pub(crate) use lead::interval_of;
pub use lead::{BudgetUse, Lead};
pub use observer::{RunEvent, RunObserver, Stage};
pub(crate) use overlay::changed;
pub use plan::{Plan, PricedNetwork};
pub use search::SearchSettings;
pub use space::{ChoiceSet, Choices, Plans, SkipKind, SpaceSettings};
pub use stages::Run;
pub use supernet::{SupernetSettings, open_supernet};
pub use train::TrainSettings;
pub use whole::{WholeNetwork, WholeSettings};
