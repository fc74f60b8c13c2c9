//! TIFF to RGB: the first page.
//!
//! The decoder is used directly rather than through `image`, which has no palettes, grey with alpha,
//! two or four bits of grey, nor JPEG in TIFF, all of which Pillow reads.

use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use image::{Rgb, RgbImage};
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::memory::Memory;
use super::pixels::{cmyk_to_rgb, high, turned};
use crate::PhotoError;

const JPEG_COMPRESSION: u16 = 7;
const ASSOCIATED_ALPHA: u16 = 1;
const PALETTE: u16 = 3;
const BLACK_IS_ZERO: u16 = 1;
const PHOTOMETRIC_INTERPRETATION: u16 = 262;

pub(super) fn decode(
    bytes: &[u8],
    name: &Path,
    memory: &mut Memory<'_>,
) -> Result<(RgbImage, Orientation), PhotoError> {
    let failed = |error| failure(name, error);
    // The decoder knows no palettes: the indices are read as levels of grey.
    let levels = palette_as_grey(bytes);
    let has_palette = levels.is_some();
    let source = Cursor::new(levels.as_deref().unwrap_or(bytes));
    let mut limits = Limits::default();
    // Palettes are read within these limits too; pixels are claimed by their own size below.
    limits.decoding_buffer_size = usize::try_from(memory.limit())
        .unwrap_or(usize::MAX)
        .max(1 << 20);
    limits.intermediate_buffer_size = limits.decoding_buffer_size;
    let mut decoder = Decoder::new(source).map_err(failed)?.with_limits(limits);
    let (width, height) = decoder.dimensions().map_err(failed)?;
    let kind = decoder.colortype().map_err(failed)?;
    let tag = decoder.find_tag_unsigned::<u16>(Tag::Orientation);
    let orientation = tag
        .map_err(failed)?
        .and_then(|value| Orientation::from_exif(value.min(255) as u8))
        .unwrap_or(Orientation::NoTransforms);
    let colors = match has_palette {
        true => decoder.get_tag_u16_vec(Tag::ColorMap).map_err(failed)?,
        false => Vec::new(),
    };
    let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples);
    let premultiplied = extra
        .map_err(failed)?
        .is_some_and(|extra| extra.first() == Some(&ASSOCIATED_ALPHA));
    let layout = decoder.image_buffer_layout().map_err(failed)?;

    let mut beside = layout.complete_len as u64;
    let compression = decoder.find_tag_unsigned::<u16>(Tag::Compression);
    if compression.map_err(failed)? == Some(JPEG_COMPRESSION) {
        // A strip or tile is decoded beside the others.
        let (width, height) = decoder.chunk_dimensions();
        let pixels = u64::from(width) * u64::from(height);
        beside = beside.saturating_add(pixels.saturating_mul(4));
    }
    memory.claim(
        width,
        height,
        beside.max(turned(orientation, width, height)),
    )?;
    let mut decoded = DecodingResult::U8(Vec::new());
    let layout = decoder.read_image_to_buffer(&mut decoded).map_err(failed)?;
    let values = match decoded {
        DecodingResult::U8(values) => Values::Bytes(values),
        DecodingResult::U16(values) => Values::Words(values),
        _ => return Err(unsupported(name, "its samples are not of 8 or 16 bits")),
    };
    let samples = Samples::new(
        values,
        kind.bit_depth(),
        [width as usize, height as usize],
        layout.planes > 1,
    );
    let color = pixel_reader(kind, has_palette.then_some(colors), premultiplied)
        .ok_or_else(|| unsupported(name, &format!("its pixels are {kind:?}")))?;
    if samples.channels < usize::from(kind.num_samples()) {
        return Err(PhotoError::Damaged {
            path: name.into(),
            reason: "it holds fewer pixels than it says".into(),
        });
    }
    let image = RgbImage::from_fn(width, height, |x, y| {
        let sample = |channel| samples.value(x as usize, y as usize, channel);
        Rgb(color(&sample))
    });
    Ok((image, orientation))
}

/// What was decoded, and how it lies.
struct Samples {
    values: Values,
    bits: u8,
    width: usize,
    height: usize,
    channels: usize,
    /// Whether one channel comes after the other, rather than one pixel after the other.
    planar: bool,
}

enum Values {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
}

impl Samples {
    fn new(values: Values, bits: u8, [width, height]: [usize; 2], planar: bool) -> Self {
        let length = match &values {
            Values::Bytes(values) => values.len(),
            Values::Words(values) => values.len(),
        };
        let mut samples = Self {
            values,
            bits,
            width,
            height,
            channels: 0,
            planar,
        };
        let one = match bits {
            8 | 16 => width * height,
            bits => samples.row_bytes(bits) * height,
        };
        // There may be more than those of the colour.
        samples.channels = length.checked_div(one).unwrap_or_default();
        samples
    }

    /// Bytes of a row of pixels that share bytes.
    fn row_bytes(&self, bits: u8) -> usize {
        (self.width * usize::from(bits)).div_ceil(8)
    }

    /// A sample: its high byte, or as it is where it has fewer than 8 bits.
    fn value(&self, x: usize, y: usize, channel: usize) -> u8 {
        let pixel = y * self.width + x;
        let place = match self.planar {
            true => channel * self.width * self.height + pixel,
            false => pixel * self.channels + channel,
        };
        match &self.values {
            Values::Words(values) => high(values[place]),
            Values::Bytes(values) if self.bits == 8 => values[place],
            Values::Bytes(values) => {
                let bit = x * usize::from(self.bits);
                let byte = values[y * self.row_bytes(self.bits) + bit / 8];
                let shift = 8 - usize::from(self.bits) - bit % 8;
                (byte >> shift) & ((1 << self.bits) - 1)
            }
        }
    }
}

/// A pixel's colour by its samples.
type PixelReader = Box<dyn Fn(&dyn Fn(usize) -> u8) -> [u8; 3]>;

fn pixel_reader(
    kind: ColorType,
    palette: Option<Vec<u16>>,
    premultiplied: bool,
) -> Option<PixelReader> {
    Some(match (kind, palette) {
        (ColorType::Gray(1 | 2 | 4 | 8), Some(colors)) => {
            let count = colors.len() / 3;
            Box::new(move |sample| {
                let index = usize::from(sample(0));
                // All reds, all greens, all blues.
                std::array::from_fn(|channel| {
                    let level = colors
                        .get(channel * count + index)
                        .filter(|_| index < count);
                    level.map_or(0, |&level| high(level))
                })
            })
        }
        (ColorType::Gray(bits @ (1 | 2 | 4)), None) => {
            let scale = 255 / ((1 << bits) - 1);
            Box::new(move |sample| [sample(0) * scale; 3])
        }
        (
            ColorType::Gray(8 | 16)
            | ColorType::GrayA(8 | 16)
            | ColorType::Multiband {
                bit_depth: 8 | 16,
                num_samples: 2,
            },
            None,
        ) => Box::new(|sample| [sample(0); 3]),
        (ColorType::RGBA(8 | 16), None) if premultiplied => Box::new(|sample| {
            let alpha = u16::from(sample(3));
            std::array::from_fn(|channel| {
                let level = u16::from(sample(channel)) * 255;
                level.checked_div(alpha).unwrap_or(0).min(255) as u8
            })
        }),
        (ColorType::RGB(8 | 16) | ColorType::RGBA(8 | 16), None) => {
            Box::new(|sample| [sample(0), sample(1), sample(2)])
        }
        (ColorType::CMYK(8 | 16) | ColorType::CMYKA(8 | 16), None) => {
            Box::new(|sample| cmyk_to_rgb(std::array::from_fn(sample)))
        }
        (ColorType::YCbCr(8), None) => Box::new(|sample| {
            // JFIF's conversion (ITU-T T.871).
            let [y, blue, red] = [0, 1, 2].map(|channel| f32::from(sample(channel)));
            let (blue, red) = (blue - 128.0, red - 128.0);
            [
                y + 1.402 * red,
                y - 0.344_136 * blue - 0.714_136 * red,
                y + 1.772 * blue,
            ]
            .map(|level| level.round() as u8)
        }),
        _ => return None,
    })
}

/// A copy of a file whose first page has a palette, which says that its pixels are levels of grey;
/// none if it has no palette.
fn palette_as_grey(bytes: &[u8]) -> Option<Vec<u8>> {
    let (place, value) = Directory::read(bytes)?.short(PHOTOMETRIC_INTERPRETATION)?;
    if value != PALETTE {
        return None;
    }
    let grey = match bytes.starts_with(b"II") {
        true => BLACK_IS_ZERO.to_le_bytes(),
        false => BLACK_IS_ZERO.to_be_bytes(),
    };
    let mut bytes = bytes.to_vec();
    bytes.get_mut(place..place + 2)?.copy_from_slice(&grey);
    Some(bytes)
}

/// The first directory of a file, in the classic form or that of BigTIFF.
struct Directory<'a> {
    bytes: &'a [u8],
    entries: usize,
    start: usize,
    big: bool,
}

impl<'a> Directory<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let big = number(bytes, 2, 2)? == 43;
        let place = usize::try_from(match big {
            true => number(bytes, 8, 8)?,
            false => number(bytes, 4, 4)?,
        })
        .ok()?;
        let width = if big { 8 } else { 2 };
        Some(Self {
            bytes,
            entries: usize::try_from(number(bytes, place, width)?).ok()?,
            start: place + width,
            big,
        })
    }

    /// Where the value of a tag is that holds one number of 16 bits, and the number.
    fn short(&self, tag: u16) -> Option<(usize, u16)> {
        let (size, value) = if self.big { (20, 12) } else { (12, 8) };
        let mut place = self.start;
        for _ in 0..self.entries {
            if number(self.bytes, place, 2)? == u64::from(tag) {
                let place = place + value;
                return Some((place, number(self.bytes, place, 2)? as u16));
            }
            place = place.checked_add(size)?;
        }
        None
    }
}

/// A number of so many bytes, in the file's byte order.
fn number(bytes: &[u8], place: usize, width: usize) -> Option<u64> {
    let field = bytes.get(place..place.checked_add(width)?)?;
    let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    Some(match bytes.starts_with(b"II") {
        true => field.iter().rev().fold(0, push),
        false => field.iter().fold(0, push),
    })
}

fn unsupported(name: &Path, reason: &str) -> PhotoError {
    PhotoError::Unsupported {
        path: name.into(),
        reason: reason.into(),
    }
}

fn failure(name: &Path, error: TiffError) -> PhotoError {
    match error {
        TiffError::UnsupportedError(error) => unsupported(name, &error.to_string()),
        error => PhotoError::Damaged {
            path: name.into(),
            reason: error.to_string(),
        },
    }
}
