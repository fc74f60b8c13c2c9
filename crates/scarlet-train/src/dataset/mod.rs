//! Images: photographs in folders, MNIST's and CIFAR's files, and an embedded sample.
//!
//! - [`Images`]: the images, their classes, and how they are divided;
//! - [`Photographs`]: photographs of any size, decoded when they are needed;
//! - [`Source`]: either of these, which is what can be trained on;
//! - [`folder`]: photographs made [`Images`] of one size;
//! - [`idx`]: IDX files, as MNIST and Fashion-MNIST come in, plain or compressed with gzip;
//! - [`cifar`]: the binary files of CIFAR-10 and CIFAR-100;
//! - [`Location`]: which of these a name or a folder stands for;
//! - [`fashion_sample`]: 7,000 images of Fashion-MNIST that need no file.

pub mod cifar;
mod error;
pub mod folder;
pub mod idx;
mod images;
mod location;
mod photographs;
mod sample;
mod source;
mod split;

pub use error::DatasetError;
pub use images::{Images, TrainTest};
pub use location::{Location, PhotographParts};
pub use photographs::{PhotographList, PhotographOptions, Photographs, Stored, Unreadable};
pub use sample::{FASHION_MNIST_CLASSES, fashion_sample};
pub use source::Source;
