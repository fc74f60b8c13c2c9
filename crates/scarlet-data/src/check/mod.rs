//! What is wrong with photographs, before anything is trained on them.
//!
//! - [`look`] and [`look_at_all`]: each file decoded once; of its pixels only a [`Looked`] is kept,
//!   some 500 bytes;
//! - [`duplicates`]: files that hold the same picture, as it is, resized, encoded again or cropped by
//!   a few per cent;
//! - [`same_files`]: files of the same bytes, at next to no cost;
//! - [`odd_shapes`] and [`Sizes`]: how large pictures are and which way they stand;
//! - [`thumbnail`]: small versions for pages.

mod compare;
mod duplicates;
mod fingerprint;
mod groups;
mod look;
mod nearest;
mod same_files;
mod sizes;
mod thumbnail;

pub use self::duplicates::{DuplicateGroup, duplicates};
pub use self::look::{Looked, Picture, look, look_at_all};
pub use self::same_files::same_files;
pub use self::sizes::{Sizes, odd_shapes};
pub use self::thumbnail::thumbnail;
