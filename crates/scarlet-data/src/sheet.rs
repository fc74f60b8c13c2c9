//! [`contact_sheet`]: pictures side by side, to be looked at.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage, imageops};

use crate::DataError;

/// Pixels between pictures.
const GAP: u32 = 4;

/// Pictures in rows on white, as the bytes of a PNG file. All cells are as large as the largest
/// picture; smaller ones stand at the upper left.
///
/// # Errors
///
/// [`DataError::Sheet`] without pictures, or with more than a PNG file holds.
pub fn contact_sheet(rows: &[Vec<RgbImage>]) -> Result<Vec<u8>, DataError> {
    let pictures = || rows.iter().flatten();
    let largest = |side: fn(&RgbImage) -> u32| pictures().map(side).max().unwrap_or(0);
    let cell = [largest(RgbImage::width), largest(RgbImage::height)];
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let side = |cells: usize, cell: u32| {
        let pixels = cells as u64 * u64::from(cell + GAP) + u64::from(GAP);
        u32::try_from(pixels).map_err(|_| DataError::Sheet("it would be too large".to_owned()))
    };
    if cell.contains(&0) {
        return Err(DataError::Sheet("there are no pictures".to_owned()));
    }
    let [width, height] = [side(columns, cell[0])?, side(rows.len(), cell[1])?];
    let mut sheet = RgbImage::from_pixel(width, height, Rgb([255; 3]));
    for (row, pictures) in rows.iter().enumerate() {
        for (column, picture) in pictures.iter().enumerate() {
            let at =
                |place: usize, cell: u32| i64::from(GAP) + place as i64 * i64::from(cell + GAP);
            imageops::replace(&mut sheet, picture, at(column, cell[0]), at(row, cell[1]));
        }
    }
    let mut file = Cursor::new(Vec::new());
    sheet
        .write_to(&mut file, ImageFormat::Png)
        .map_err(|error| DataError::Sheet(error.to_string()))?;
    Ok(file.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode_bytes;

    #[test]
    fn pictures_stand_in_rows() {
        let red = RgbImage::from_pixel(3, 2, Rgb([255, 0, 0]));
        let blue = RgbImage::from_pixel(2, 2, Rgb([0, 0, 255]));
        let bytes = contact_sheet(&[vec![red.clone(), blue], vec![red]]).unwrap();
        let sheet = decode_bytes(&bytes, "sheet", &Default::default()).unwrap();
        assert_eq!(sheet.dimensions(), (18, 16));
        for (at, pixel) in [
            ((0, 0), [255, 255, 255]),
            ((4, 4), [255, 0, 0]),
            ((11, 5), [0, 0, 255]),
            // The second picture is narrower than its cell.
            ((13, 5), [255, 255, 255]),
            ((6, 11), [255, 0, 0]),
            ((11, 11), [255, 255, 255]),
        ] {
            assert_eq!(sheet.get_pixel(at.0, at.1).0, pixel, "{at:?}");
        }
    }

    #[test]
    fn a_sheet_needs_pictures() {
        let none = contact_sheet(&[vec![], vec![RgbImage::new(0, 3)]]).unwrap_err();
        assert!(none.to_string().contains("there are no pictures"), "{none}");
    }
}
