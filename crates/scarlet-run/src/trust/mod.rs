//! What a report's page shows of whether a network can be trusted.

mod page;
mod pictures;

pub use self::page::{Looks, mistakes, trust};
