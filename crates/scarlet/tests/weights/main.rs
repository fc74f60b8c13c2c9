//! Reading, loading, recognising, writing and fetching weights.
#![cfg(feature = "flex")]
#![allow(clippy::unwrap_used)]

mod beside;
#[cfg(feature = "fetch")]
mod fetch;
mod kinds;
mod load;
mod pickle;
mod read;
mod recognise;
mod save;
