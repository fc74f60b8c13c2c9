//! What a report's page shows of whether a network can be trusted.

mod labels;
mod page;
mod pictures;

pub use self::labels::{label_scores, mislabelled};
pub use self::page::{Looks, mistakes, trust};
