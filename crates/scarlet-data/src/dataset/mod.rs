//! Images: photographs in folders, MNIST's and CIFAR's files, and an embedded sample.
//!
//! - [`Images`]: the images, their classes, and how they are divided;
//! - [`Photographs`]: photographs of any size, decoded when they are needed;
//! - [`PhotographCache`]: a folder that decoded ones are kept in;
//! - [`ImageSet`] and [`Source`]: either of these, owned or not, which is what can be trained on;
//! - [`idx`]: IDX files, as MNIST and Fashion-MNIST come in, plain or compressed with gzip;
//! - [`cifar`]: the binary files of CIFAR-10 and CIFAR-100;
//! - [`Labels`] and [`LabelSets`]: the class of each image, or any number of classes of each, as a
//!   CSV file gives them;
//! - [`Extent`] and [`ImageSize`]: how many images there are and how large, and the resolution that
//!   suits them;
//! - [`Location`]: which of these a name or a folder stands for;
//! - [`FolderListing`]: all photographs of a folder, whatever is wrong with it;
//! - [`fashion_sample`]: 7,000 images of Fashion-MNIST that need no file.

pub mod cifar;
mod error;
mod extent;
pub mod idx;
mod images;
mod labels;
mod listing;
mod location;
mod normalisation;
mod notices;
mod part_reader;
mod photograph_cache;
mod photographs;
mod sample;
mod set;
mod source;
mod split;
mod split_several;
mod table;

pub use error::DatasetError;
pub use extent::{Extent, ImageSize};
pub use images::{Images, TrainTest};
pub use labels::{LabelSets, Labels};
pub use listing::{FolderListing, ListedPhotograph, Part};
pub use location::{Location, PhotographParts};
pub use normalisation::normalised_by;
pub use notices::FolderNotices;
pub use part_reader::PartReader;
pub use photograph_cache::PhotographCache;
pub use photographs::{PhotographList, PhotographOptions, Photographs, Stored, Unreadable};
pub use sample::{FASHION_MNIST_CLASSES, fashion_sample};
pub use set::ImageSet;
pub use source::Source;
pub use split::check_classes;
pub use table::JudgedTable;
