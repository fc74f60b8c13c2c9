//! [`FileKind`]: what a file is, as far as its first bytes tell.

/// Bytes from a file's start that [`FileKind::of`] wants to see.
pub const START: usize = 256;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    WebP,
    /// BMP, as Windows and OS/2 have it.
    Bmp,
    /// GIF.
    Gif,
    /// TIFF.
    Tiff,
    /// A known format that is not read: what to call it, with its article.
    Unread(&'static str),
    /// Something that a picture was expected instead of, and why that happens.
    Mistaken(&'static str),
    /// Nothing that is known here.
    Unknown,
}

impl FileKind {
    /// Whether it is of a format that is read.
    pub fn is_read(self) -> bool {
        matches!(
            self,
            Self::Jpeg | Self::Png | Self::WebP | Self::Bmp | Self::Gif | Self::Tiff
        )
    }

    /// Judges by a file's first bytes; [`START`] of them are enough.
    pub fn of(bytes: &[u8]) -> Self {
        let at = |offset: usize, magic: &[u8]| {
            bytes
                .get(offset..)
                .is_some_and(|rest| rest.starts_with(magic))
        };
        if at(0, b"\xFF\xD8\xFF") {
            Self::Jpeg
        } else if at(0, b"\x89PNG\r\n\x1A\n") {
            Self::Png
        } else if at(0, b"RIFF") && at(8, b"WEBP") {
            Self::WebP
        } else if at(0, b"GIF87a") || at(0, b"GIF89a") {
            Self::Gif
        } else if at(0, b"BM") && is_bitmap_header(bytes) {
            Self::Bmp
        } else if at(4, b"ftyp") {
            container(bytes.get(8..12).unwrap_or_default())
        } else if let Some(&(_, _, name)) =
            UNREAD.iter().find(|(offset, magic, _)| at(*offset, magic))
        {
            Self::Unread(name)
        } else if [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]
            .iter()
            .any(|m| at(0, *m))
        {
            Self::Tiff
        } else {
            text(bytes)
        }
    }
}

/// Signatures: where they stand, and whose they are. Cameras' raw files that build on TIFF come
/// before TIFF itself, whose first picture in them is a thumbnail.
const UNREAD: &[(usize, &[u8], &str)] = &[
    (8, b"CR\x02", "a camera's raw file (CR2)"),
    (0, b"IIRO", "a camera's raw file (ORF)"),
    (0, b"IIRS", "a camera's raw file (ORF)"),
    (0, b"IIU\0", "a camera's raw file (RW2)"),
    (0, b"FUJIFILMCCD-RAW", "a camera's raw file (RAF)"),
    (0, b"\xFF\x0A", "a JPEG XL image"),
    (0, b"\0\0\0\x0CJXL \r\n\x87\n", "a JPEG XL image"),
    (0, b"\0\0\0\x0CjP  \r\n\x87\n", "a JPEG 2000 image"),
    (0, b"\xFF\x4F\xFF\x51", "a JPEG 2000 image"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"gimp xcf", "a GIMP document"),
    (0, b"%PDF", "a PDF document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"\x76\x2F\x31\x01", "an OpenEXR image"),
    (0, b"#?RADIANCE", "a Radiance HDR image"),
    (0, b"qoif", "a QOI image"),
    (0, b"DDS ", "a DDS texture"),
    (0, b"\0\0\x01\0", "an icon"),
    (0, b"P5\n", "a PGM image"),
    (0, b"P6\n", "a PPM image"),
];

/// The known lengths of the header that follows a bitmap's file header: a text may begin with "BM".
fn is_bitmap_header(bytes: &[u8]) -> bool {
    let length = bytes.get(14..18).and_then(|length| length.try_into().ok());
    length.is_some_and(|length| {
        matches!(
            u32::from_le_bytes(length),
            12 | 16 | 40 | 52 | 56 | 64 | 108 | 124
        )
    })
}

/// A file of the ISO base media format, by its major brand.
fn container(brand: &[u8]) -> FileKind {
    FileKind::Unread(match brand {
        b"avif" | b"avis" => "an AVIF image",
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => {
            "a HEIC image"
        }
        b"crx " => "a camera's raw file (CR3)",
        _ => "a video",
    })
}

fn text(bytes: &[u8]) -> FileKind {
    let start = bytes.get(..bytes.len().min(START)).unwrap_or_default();
    let start = String::from_utf8_lossy(start);
    let start = start.trim_start_matches('\u{FEFF}').trim_start();
    let begins = |with: &str| {
        start
            .get(..with.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    if begins("<svg") || (begins("<?xml") && start.contains("<svg")) {
        FileKind::Unread("an SVG drawing")
    } else if begins("<!doctype html") || begins("<html") {
        FileKind::Mistaken("it is a web page, perhaps of a download that failed")
    } else if begins("version https://git-lfs") {
        FileKind::Mistaken("it is a pointer of Git LFS: fetch the file itself by `git lfs pull`")
    } else {
        FileKind::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        for (bytes, kind) in [
            (&b"\xFF\xD8\xFF\xE0"[..], FileKind::Jpeg),
            (b"\x89PNG\r\n\x1A\n\0\0", FileKind::Png),
            (b"RIFF\x10\0\0\0WEBPVP8 ", FileKind::WebP),
            (b"RIFF\x10\0\0\0WAVEfmt ", FileKind::Unknown),
            (b"GIF87a\x01\0", FileKind::Gif),
            (b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", FileKind::Bmp),
            (b"BMW and other cars", FileKind::Unknown),
            (b"MM\0*\0\0\0\x08", FileKind::Tiff),
            (b"II+\0\x08\0\0\0", FileKind::Tiff),
            (
                b"II*\0\x10\0\0\0CR\x02\0",
                FileKind::Unread("a camera's raw file (CR2)"),
            ),
            (b"\0\0\0\x18ftypheic", FileKind::Unread("a HEIC image")),
            (b"\0\0\0\x1Cftypavif", FileKind::Unread("an AVIF image")),
            (b"\0\0\0\x1Cftypisom", FileKind::Unread("a video")),
            (
                b"<?xml version='1.0'?>\n<svg>",
                FileKind::Unread("an SVG drawing"),
            ),
            (b"\xEF\xBB\xBF <SVG", FileKind::Unread("an SVG drawing")),
            (b"<?xml version='1.0'?>\n<note>", FileKind::Unknown),
            (b"", FileKind::Unknown),
        ] {
            assert_eq!(FileKind::of(bytes), kind, "{}", bytes.escape_ascii());
        }
        assert!(matches!(
            FileKind::of(b"<!DOCTYPE html>"),
            FileKind::Mistaken(_)
        ));
    }
}
