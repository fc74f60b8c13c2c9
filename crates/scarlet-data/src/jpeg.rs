//! Whether a JPEG is all there.

/// Walks a JPEG's segments (ITU-T T.81, annex B) to its end-of-image marker.
///
/// The decoder fills what is missing with grey and reports success, so a file cut short must be
/// recognised beforehand. Segments are skipped by their length, because an EXIF thumbnail is a JPEG
/// of its own with an end marker of its own.
pub(crate) fn check_complete(bytes: &[u8]) -> Result<(), &'static str> {
    const TRUNCATED: &str = "the file ends before the picture does";
    let mut position = 2; // Past the start-of-image marker, which told that this is a JPEG.
    loop {
        // Anything that is not a marker is entropy-coded data, or fill between segments.
        position += find_marker(&bytes[position..]).ok_or(TRUNCATED)?;
        let marker = bytes[position];
        position += 1;
        match marker {
            END_OF_IMAGE => return Ok(()),
            RESTART_0..=RESTART_7 | TEMPORARY => {}
            _ => {
                let length = bytes.get(position..position + 2).ok_or(TRUNCATED)?;
                position += usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
                if position > bytes.len() {
                    return Err(TRUNCATED);
                }
            }
        }
    }
}

const TEMPORARY: u8 = 0x01;
const RESTART_0: u8 = 0xD0;
const RESTART_7: u8 = 0xD7;
const END_OF_IMAGE: u8 = 0xD9;

/// Index of the byte that names the next marker: after `FF`, neither a stuffed zero nor a fill `FF`.
fn find_marker(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(2)
        .position(|pair| pair[0] == 0xFF && pair[1] != 0x00 && pair[1] != 0xFF)
        .map(|index| index + 1)
}
