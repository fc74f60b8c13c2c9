//! The segments of a JPEG (ITU-T T.81, annex B), before anything is decoded.
//!
//! The decoder goes by the pixels: it does not notice when the last rows are cut off, nor much of what
//! is wrong with a header, where libjpeg stops.

/// What is wrong with a file's segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("it ends before the picture does")]
    Incomplete,
    /// One of the standard's codings that are neither baseline, extended sequential nor progressive
    /// Huffman coding.
    #[error("its coding is {0}")]
    RareCoding(&'static str),
    #[error("its marker {0:02X} means nothing")]
    Unknown(u8),
    #[error("its segment {0:02X} has a wrong length")]
    Length(u8),
    #[error("a Huffman table has codes that there cannot be")]
    HuffmanTable,
    #[error("a scan refines what no scan can hold")]
    Scan,
    #[error("a scan holds more blocks at once than there may be")]
    Blocks,
    #[error("more scans follow the one that holds the picture")]
    SecondScan,
}

const TEMPORARY: u8 = 0x01;
const PROGRESSIVE: u8 = 0xC2;
const HUFFMAN_TABLES: u8 = 0xC4;
const RESTART_0: u8 = 0xD0;
const RESTART_7: u8 = 0xD7;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;
const QUANTISATION_TABLES: u8 = 0xDB;
const RESTART_INTERVAL: u8 = 0xDD;

/// Blocks of 8 × 8 samples in a group of several components.
const MAX_BLOCKS: u32 = 10;
/// Bits by which a progressive scan may be coarser.
const MAX_SHIFT: u8 = 13;

/// Walks the segments to the end-of-image marker. They are skipped by their length, because an EXIF
/// thumbnail is a JPEG of its own with an end marker of its own.
pub(super) fn check(bytes: &[u8]) -> Result<(), Fault> {
    let mut frame = Frame::default();
    let mut position = 2; // Past the start-of-image marker, which told that this is a JPEG.
    loop {
        let rest = bytes.get(position..).ok_or(Fault::Incomplete)?;
        let skipped = find_marker(rest).ok_or(Fault::Incomplete)?;
        let marker = bytes[position + skipped + 1];
        position += skipped + 2;
        match marker {
            END_OF_IMAGE => return Ok(()),
            RESTART_0..=RESTART_7 | TEMPORARY => {}
            _ => {
                let length = bytes.get(position..position + 2).ok_or(Fault::Incomplete)?;
                let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                if length < 2 {
                    return Err(Fault::Length(marker));
                }
                let content = bytes.get(position + 2..position + length);
                frame.segment(marker, content.ok_or(Fault::Incomplete)?)?;
                // What follows a scan's until the next marker is compressed data.
                position += length;
            }
        }
    }
}

/// What the frame header says that scans go by.
#[derive(Debug, Default)]
struct Frame {
    is_progressive: bool,
    /// Whether a scan was seen: what comes then may be damaged data, and no header.
    has_scans: bool,
    /// Whether the first scan holds all components and coefficients.
    is_complete: bool,
    /// Number and blocks of each component.
    components: Vec<(u8, u32)>,
}

impl Frame {
    fn segment(&mut self, marker: u8, content: &[u8]) -> Result<(), Fault> {
        match marker {
            0xC0..=PROGRESSIVE => {
                let [_, _, _, _, _, count, components @ ..] = content else {
                    return Err(Fault::Length(marker));
                };
                if components.len() != 3 * usize::from(*count) {
                    return Err(Fault::Length(marker));
                }
                self.is_progressive = marker == PROGRESSIVE;
                let components = components.chunks_exact(3).map(|component| {
                    let blocks = u32::from(component[1] >> 4) * u32::from(component[1] & 15);
                    (component[0], blocks)
                });
                self.components = components.collect();
                Ok(())
            }
            0xC3 if !self.has_scans => Err(Fault::RareCoding("lossless")),
            0xC5..=0xC7 | 0xCD..=0xCF if !self.has_scans => Err(Fault::RareCoding("hierarchical")),
            0xC9..=0xCB if !self.has_scans => Err(Fault::RareCoding("arithmetic")),
            HUFFMAN_TABLES => huffman_tables(content),
            QUANTISATION_TABLES => quantisation_tables(content),
            RESTART_INTERVAL if content.len() != 2 => Err(Fault::Length(marker)),
            START_OF_SCAN => self.scan(content),
            // Extensions that nobody makes, and what the standard keeps for later.
            0x00..=0xBF | 0xC8 | 0xD8 | 0xDE | 0xDF | 0xF0..=0xFD => Err(Fault::Unknown(marker)),
            _ => Ok(()),
        }
    }

    fn scan(&mut self, content: &[u8]) -> Result<(), Fault> {
        let length = Fault::Length(START_OF_SCAN);
        let (&count, content) = content.split_first().ok_or(length)?;
        let components = 2 * usize::from(count);
        if content.len() != components + 3 {
            return Err(length);
        }
        if self.is_complete {
            return Err(Fault::SecondScan);
        }
        self.is_complete =
            !self.is_progressive && !self.has_scans && self.components.len() == usize::from(count);
        self.has_scans = true;
        let (components, coefficients) = content.split_at(components);
        let blocks = components.chunks_exact(2).map(|component| {
            let mut all = self.components.iter();
            all.find(|it| it.0 == component[0]).map_or(0, |it| it.1)
        });
        if count > 1 && blocks.sum::<u32>() > MAX_BLOCKS {
            return Err(Fault::Blocks);
        }
        let (first, last) = (coefficients[0], coefficients[1]);
        let (before, shift) = (coefficients[2] >> 4, coefficients[2] & 15);
        // The mean of a block stands in scans of its own, which alone may hold several components.
        let band_is_right = match first {
            0 => last == 0,
            _ => first <= last && last < 64 && count == 1,
        };
        let shift_is_right = shift <= MAX_SHIFT && (before == 0 || before == shift + 1);
        match self.is_progressive && !(band_is_right && shift_is_right) {
            true => Err(Fault::Scan),
            false => Ok(()),
        }
    }
}

fn huffman_tables(mut content: &[u8]) -> Result<(), Fault> {
    while content.len() > 16 {
        let (counts, rest) = content[1..].split_at(16);
        let codes = counts.iter().map(|&count| usize::from(count)).sum();
        if codes > 256 || codes > rest.len() || !fits(counts) {
            return Err(Fault::HuffmanTable);
        }
        let (symbols, rest) = rest.split_at(codes);
        // A mean is said in that many bits.
        let is_of_means = content[0] >> 4 == 0;
        if is_of_means && symbols.iter().any(|&bits| bits > 15) {
            return Err(Fault::HuffmanTable);
        }
        content = rest;
    }
    match content.is_empty() {
        true => Ok(()),
        false => Err(Fault::Length(HUFFMAN_TABLES)),
    }
}

/// Whether there are codes of so many of each length from 1, none of which is all ones.
fn fits(counts: &[u8]) -> bool {
    let mut free = 1;
    counts.iter().all(|&count| {
        free = 2 * free - i32::from(count);
        count == 0 || free > 0
    })
}

fn quantisation_tables(mut content: &[u8]) -> Result<(), Fault> {
    while let Some((kind, values)) = content.split_first() {
        let bytes = if kind >> 4 == 0 { 64 } else { 128 };
        content = values
            .get(bytes..)
            .ok_or(Fault::Length(QUANTISATION_TABLES))?;
    }
    Ok(())
}

/// Position of the next marker: `FF` with neither a stuffed zero nor a fill `FF` after it.
fn find_marker(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(0xFF, bytes)
        .find(|&index| !matches!(bytes.get(index + 1), None | Some(0x00 | 0xFF)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: [u8; 6] = [0xFF, 0xE1, 0x00, 0x04, 0xFF, 0xD9];
    const FRAME: [u8; 13] = [0xFF, 0xC2, 0x00, 0x0B, 8, 0, 8, 0, 8, 1, 1, 0x11, 0];
    const DATA: [u8; 5] = [0x12, 0xFF, 0x00, 0xFF, 0xD3];
    const END: [u8; 2] = [0xFF, 0xD9];

    fn read(parts: &[&[u8]]) -> Result<(), Fault> {
        check(&[&[0xFF, 0xD8], parts.concat().as_slice()].concat())
    }

    /// A scan of one component with these coefficients and shifts.
    fn scan(first: u8, last: u8, shifts: u8) -> Vec<u8> {
        let header = [0xFF, 0xDA, 0x00, 0x08, 1, 1, 0, first, last, shifts];
        [&header[..], &DATA].concat()
    }

    #[test]
    fn the_end_marker_is_found_behind_segments_and_scans() {
        let scan = scan(0, 0, 0);
        let cases: [&[&[u8]]; 4] = [
            &[&SEGMENT, &scan, &[0x34], &END],
            &[&SEGMENT, &scan, &SEGMENT, &scan, &END, b"more"],
            &[&SEGMENT, &[0xFF], &scan, &END],
            &[b"pad", &SEGMENT, &scan, &END],
        ];
        for parts in cases {
            assert_eq!(read(parts), Ok(()), "{parts:?}");
        }
    }

    #[test]
    fn without_the_end_marker_the_file_is_incomplete() {
        let scan = scan(0, 0, 0);
        // The marker inside the segment does not count.
        let cases: [&[&[u8]]; 5] = [
            &[],
            &[&SEGMENT],
            &[&SEGMENT[..5]],
            &[&SEGMENT[..3]],
            &[&SEGMENT, &scan, &[0x34, 0xFF]],
        ];
        for parts in cases {
            assert_eq!(read(parts), Err(Fault::Incomplete), "{parts:?}");
        }
    }

    #[test]
    fn segments_that_libjpeg_stops_at_are_faults() {
        let table = |counts: [u8; 16], codes: usize| {
            let length = (2 + 1 + 16 + codes) as u16;
            let mut segment = vec![0xFF, HUFFMAN_TABLES];
            segment.extend(length.to_be_bytes());
            segment.push(0);
            segment.extend(counts);
            segment.extend(vec![0; codes]);
            segment
        };
        let two = [0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        // The second one's code would be all ones.
        let full = [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(read(&[&table(full, 2), &END]), Err(Fault::HuffmanTable));
        let mut symbol = table(two, 2);
        symbol[22] = 16;
        assert_eq!(read(&[&symbol, &END]), Err(Fault::HuffmanTable));
        assert_eq!(read(&[&table(two, 2), &END]), Ok(()));
        assert_eq!(read(&[&table(two, 1), &END]), Err(Fault::HuffmanTable));
        assert_eq!(
            read(&[&table(two, 3), &END]),
            Err(Fault::Length(HUFFMAN_TABLES))
        );
        for (marker, fault) in [
            (0xF3, Fault::Unknown(0xF3)),
            (0x55, Fault::Unknown(0x55)),
            (RESTART_INTERVAL, Fault::Length(RESTART_INTERVAL)),
            (QUANTISATION_TABLES, Fault::Length(QUANTISATION_TABLES)),
            (START_OF_SCAN, Fault::Length(START_OF_SCAN)),
            (PROGRESSIVE, Fault::Length(PROGRESSIVE)),
            (0xC9, Fault::RareCoding("arithmetic")),
        ] {
            let segment = [0xFF, marker, 0x00, 0x03, 0x00];
            assert_eq!(read(&[&segment, &END]), Err(fault));
        }
    }

    #[test]
    fn one_scan_of_everything_is_the_last() {
        let mut frame = FRAME;
        let scan = scan(0, 63, 0);
        assert_eq!(
            read(&[&frame, &scan, &scan, &END]),
            Err(Fault::Scan),
            "progressive"
        );
        frame[1] = 0xC0;
        assert_eq!(read(&[&frame, &scan, &END]), Ok(()));
        assert_eq!(read(&[&frame, &scan, &scan, &END]), Err(Fault::SecondScan));
    }

    #[test]
    fn scans_of_a_progressive_picture_have_bands_and_shifts() {
        let read = |first, last, shifts| read(&[&FRAME, &scan(first, last, shifts), &END]);
        for (first, last, shifts) in [(0, 0, 0x01), (1, 63, 0x02), (6, 6, 0x21), (0, 0, 0xED)] {
            assert_eq!(read(first, last, shifts), Ok(()));
        }
        for (first, last, shifts) in [
            (0, 5, 0x00),
            (6, 5, 0x00),
            (1, 64, 0x00),
            (1, 5, 0x20),
            (1, 5, 0x0E),
        ] {
            assert_eq!(read(first, last, shifts), Err(Fault::Scan));
        }
    }
}
