//! What graphs and all that is read off them are compared with: networks walked by hand, without
//! a graph.

pub(crate) mod cost;
pub(crate) mod entries;
pub(crate) mod operations;
