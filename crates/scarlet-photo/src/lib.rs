//! Photographs as the networks of PyTorch read them, to the bit: what one photograph becomes before a
//! network sees it.
//!
//! - [`decode`](decode()): JPEG, PNG, WebP, BMP, GIF and TIFF files of every colour type to RGB,
//!   upright; as Pillow decodes them;
//! - [`PictureHeader`]: how large a picture is, without decoding it;
//! - [`eval_image`] and [`normalize`]: the evaluation transform, as torchvision does it on Pillow's
//!   images; [`input_of`] does both, and [`load_image`] for a file;
//! - [`resize`], [`shrink`], [`resize_crop`]: Pillow's antialiased resizing.
//!
//! ```
//! use scarlet_arch::Preprocessing;
//! use scarlet_photo::{RgbImage, input_of};
//!
//! // A camera's pixels: red, green, blue, row by row.
//! let pixels = vec![128; 640 * 480 * 3];
//! let image = RgbImage::from_raw(640, 480, pixels).expect("three bytes a pixel");
//! let input = input_of(&image, &Preprocessing::IMAGENET, 3)?;
//! assert_eq!(input.len(), 3 * 224 * 224);
//! # Ok::<(), scarlet_photo::PhotoError>(())
//! ```
//!
//! Without the default feature `decode` no files are read, and there are no decoders: in a browser, say,
//! which has its own.

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "decode")]
mod decode;
mod error;
#[cfg(feature = "decode")]
mod header;
mod input;
mod resample;
mod transform;

#[cfg(feature = "decode")]
pub use decode::kind::{FileKind, START};
#[cfg(feature = "decode")]
pub use decode::{DecodeOptions, caught, decode, decode_bytes, decode_with};
pub use error::PhotoError;
#[cfg(feature = "decode")]
pub use header::PictureHeader;
pub use image::{Rgb, RgbImage};
#[cfg(feature = "decode")]
pub use input::load_image;
pub use input::{check_channels, input_of};
pub use resample::{resize_crop, resize_weights};
pub use transform::{check_preprocessing, eval_image, grey_level, normalize, resize, shrink};
