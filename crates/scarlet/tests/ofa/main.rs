//! Once-for-All's supernets against their authors' package, in double precision: parts of each, and what
//! is no supernet or no part of one.
#![allow(clippy::unwrap_used, unreachable_pub)]

#[path = "../common/mod.rs"]
mod common;
mod errors;
mod parts;
#[path = "../weights/pickle.rs"]
#[allow(dead_code, reason = "checkpoints alone are written")]
mod pickle;
mod supernet;
