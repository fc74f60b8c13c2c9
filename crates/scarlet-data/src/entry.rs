//! What the entries of a folder are: images, other files, strays.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use scarlet_photo::{FileKind, START};

/// Endings of the formats that are read.
const IMAGES: &[&str] = &[
    "jpg", "jpeg", "jpe", "jfif", "jif", "jfi", "png", "apng", "webp", "bmp", "dib", "gif", "tif",
    "tiff",
];

/// Endings of cameras' raw files, many of which are TIFF files whose first picture is a thumbnail.
const RAW: &[&str] = &[
    "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "iiq", "kdc", "mrw", "nef", "nrw",
    "orf", "pef", "raf", "raw", "rw2", "sr2", "srf", "srw", "x3f",
];

/// What is in folders of images without being a part of them, besides what begins with a dot.
const STRAYS: &[&str] = &[
    "$recycle.bin",
    "@eadir",
    "__macosx",
    "__pycache__",
    "#recycle",
    "desktop.ini",
    "ehthumbs.db",
    "icon\r",
    "lost+found",
    "recycler",
    "system volume information",
    "thumbs.db",
];

/// Whether an entry of this name is left by an operating system or a tool, and no part of the data.
pub(crate) fn is_stray(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
        || STRAYS.iter().any(|stray| name.eq_ignore_ascii_case(stray))
}

/// What a file is, for a list of images.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// To be decoded.
    Image,
    /// Anything else, by its ending with the dot, in small letters; empty where there is none.
    Other(String),
}

impl Entry {
    /// Judges a file by its ending, and where that is no image's, by how it begins.
    pub(crate) fn of(path: &Path) -> Self {
        let ending = path.extension().unwrap_or_default();
        let is_one_of = |list: &[&str]| list.iter().any(|known| ending.eq_ignore_ascii_case(known));
        if is_one_of(IMAGES) {
            return Self::Image;
        }
        match beginning(path) {
            FileKind::Tiff if is_one_of(RAW) => {}
            kind if kind.is_read() => return Self::Image,
            _ => {}
        }
        let ending = ending.to_string_lossy().to_lowercase();
        Self::Other(match ending.is_empty() {
            true => ending,
            false => format!(".{ending}"),
        })
    }
}

/// By the first bytes of a file; unknown if it cannot be read.
fn beginning(path: &Path) -> FileKind {
    // Opening a pipe might wait for ever.
    if !path.is_file() {
        return FileKind::Unknown;
    }
    let mut bytes = Vec::with_capacity(START);
    match File::open(path).and_then(|file| file.take(START as u64).read_to_end(&mut bytes)) {
        Ok(_) => FileKind::of(&bytes),
        Err(_) => FileKind::Unknown,
    }
}

/// Whether an ending, with its dot, is that of images of a format that is not read.
pub(crate) fn is_unread_image(ending: &str) -> bool {
    const OTHERS: &[&str] = &[
        "ai", "avif", "dds", "eps", "exr", "hdr", "heic", "heif", "hif", "ico", "j2k", "jp2",
        "jpx", "jxl", "pbm", "pdf", "pgm", "pnm", "ppm", "psb", "psd", "qoi", "svg", "svgz", "tga",
        "xcf",
    ];
    let ending = ending.trim_start_matches('.');
    OTHERS.contains(&ending) || RAW.contains(&ending)
}
