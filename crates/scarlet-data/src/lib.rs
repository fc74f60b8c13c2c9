//! Photographs to batches: what a network trained on ImageNet reads.
//!
//! - [`decode`](decode()): JPEG, PNG, WebP, BMP, GIF and TIFF files of every colour type to RGB,
//!   upright;
//! - [`PictureHeader`]: how large a picture is, without decoding it;
//! - [`eval_image`] and [`normalize`]: the evaluation transform, as torchvision does it;
//! - [`Augment`]: random changes to training images, by a seeded [`Random`];
//! - [`ImageFolder`]: one sub-folder per class; [`list_images`]: any file or tree;
//!   [`PassedOver`]: what these leave out;
//! - [`names`]: the order of classes, and names that mean the same; [`class_list`]: files of them;
//! - [`Loader`]: batches, prepared by worker threads while the network computes;
//! - [`dataset`]: images with their classes, divided into parts, from folders of photographs, MNIST's and
//!   CIFAR's files, and an embedded sample;
//! - [`check`]: what is wrong with photographs: duplicates, blank and odd ones;
//! - [`contact_sheet`]: pictures side by side, as one;
//! - [`imagenet`]: names and WordNet ids of the 1,000 classes;
//! - [`ilsvrc`]: the ILSVRC2012 validation images arranged into class folders.
//!
//! ```no_run
//! use scarlet_arch::Preprocessing;
//! use scarlet_data::{ImageFolder, Loader, LoaderOptions};
//!
//! # fn main() -> Result<(), scarlet_data::DataError> {
//! let folder = ImageFolder::open("imagenet/val")?;
//! let loader = Loader::labelled(&folder, Preprocessing::IMAGENET, LoaderOptions::default());
//! for batch in loader.batches()? {
//!     let batch = batch?;
//!     // batch.images is [batch.len(), 3, 224, 224], batch.labels the classes.
//!     for failure in &batch.failures {
//!         eprintln!("skipped: {}", failure.error);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod augment;
pub mod check;
pub mod class_list;
pub mod dataset;
mod entry;
mod error;
mod folder;
pub mod ilsvrc;
pub mod imagenet;
mod loader;
pub mod names;
mod passed_over;
mod sheet;

pub use augment::{Augment, ColorJitter, Operation, RandAugment, ResizedCrop};
pub use error::DataError;
pub use folder::{ImageFolder, ImageTree, list_folder, list_images};
pub use loader::{Batch, Batches, Failure, Loader, LoaderOptions};
pub use names::ClassOrder;
pub use passed_over::PassedOver;
pub use scarlet_photo::{
    DecodeOptions, PhotoError, PictureHeader, Rgb, RgbImage, decode, decode_bytes, decode_with,
    eval_image, grey_level, load_image, normalize, resize, resize_weights, shrink,
};
pub use scarlet_random::{Random, seed_of};
pub use sheet::contact_sheet;
