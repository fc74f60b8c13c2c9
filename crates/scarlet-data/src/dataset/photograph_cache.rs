//! [`PhotographCache`]: decoded photographs on disk.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf, absolute};
use std::sync::{Arc, OnceLock};
use std::time::UNIX_EPOCH;

use scarlet_arch::ResizeFilter;
use scarlet_io::atomic_file::OutputFile;
use sha2::{Digest, Sha256};

use super::{DatasetError, Stored};
use crate::RgbImage;

/// Raised whenever decoding or resizing comes to other pixels, or entries have another form.
const FORMAT: u32 = 2;
/// Width, height and checksum.
const HEADER: usize = 4 + 4 + 32;

/// A folder of what was stored of decoded photographs, for later epochs and later runs. It decides
/// on speed only: what is in it are the very pixels that decoding comes to.
///
/// An entry is a file whose name is a hash of all that determines its pixels: the photograph's
/// absolute path, size and time of change, and [what is stored](Stored) of it; whether a network
/// sees it in colour or grey is decided later. Several processes may share a folder: entries appear
/// whole or not at all, and carry a checksum, so that a damaged one is as good as none. Those of
/// photographs that changed or went away stay until somebody removes the folder, which costs
/// nothing but time.
#[derive(Debug)]
pub struct PhotographCache {
    folder: PathBuf,
    /// Why the first entry could not be written; no other is tried after it.
    failure: OnceLock<DatasetError>,
}

impl PhotographCache {
    /// Opens a folder, which is made where there is none.
    ///
    /// # Errors
    ///
    /// [`DatasetError::CacheFolder`] when it cannot be made or written to.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, DatasetError> {
        let folder = folder.into();
        let writable = || {
            fs::create_dir_all(&folder)?;
            OutputFile::create(&folder.join("entry"))
        };
        if let Err(source) = writable() {
            return Err(DatasetError::CacheFolder { folder, source });
        }
        Ok(Self {
            folder,
            failure: OnceLock::new(),
        })
    }

    /// Why an entry could not be written, as on a full disk. From then on no more are: photographs
    /// that have none are decoded whenever they are needed.
    pub fn failure(&self) -> Option<&DatasetError> {
        self.failure.get()
    }
}

/// The place of a photograph in a cache, there or not.
#[derive(Debug)]
pub(super) struct CacheEntry {
    cache: Arc<PhotographCache>,
    key: [u8; 32],
}

impl CacheEntry {
    /// The entry of a photograph as it is now; `None` for a file that cannot be looked at.
    pub(super) fn of(cache: &Arc<PhotographCache>, path: &Path, stored: Stored) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let changed = metadata.modified().ok()?;
        let (behind, distance) = match changed.duration_since(UNIX_EPOCH) {
            Ok(distance) => (true, distance),
            Err(error) => (false, error.duration()),
        };
        let stored = match stored {
            Stored::Evaluation(preprocessing) => format!(
                "evaluation {} of {} {}",
                preprocessing.resolution,
                preprocessing.resized_side(),
                match preprocessing.filter {
                    ResizeFilter::Bilinear => "bilinear",
                    ResizeFilter::Bicubic => "bicubic",
                }
            ),
            Stored::Shrunk(side) => format!("shrunk {side}"),
            Stored::Whole => "whole".to_owned(),
        };
        let length = metadata.len();
        let version = env!("CARGO_PKG_VERSION");
        let mut hash = Sha256::new();
        hash.update(format!(
            "{FORMAT} {version} {stored} {length} {behind} {} {}\n",
            distance.as_secs(),
            distance.subsec_nanos()
        ));
        hash.update(absolute(path).ok()?.as_os_str().as_encoded_bytes());
        Some(Self {
            cache: Arc::clone(cache),
            key: hash.finalize().into(),
        })
    }

    /// The pixels, if they are there and whole.
    pub(super) fn read(&self) -> Option<RgbImage> {
        let mut bytes = fs::read(self.path()).ok()?;
        let header: [u8; HEADER] = bytes.get(..HEADER)?.try_into().ok()?;
        let side = |place: usize| {
            let bytes: [u8; 4] = header[place..place + 4].try_into().ok()?;
            Some(u32::from_le_bytes(bytes))
        };
        let (width, height) = (side(0)?, side(4)?);
        let pixels = bytes.split_off(HEADER);
        // Of a length that does not fit, or no picture at all.
        let expected = u64::from(width) * u64::from(height) * 3;
        if pixels.is_empty() || pixels.len() as u64 != expected {
            return None;
        }
        (header[8..] == self.checksum(width, height, &pixels))
            .then(|| RgbImage::from_raw(width, height, pixels))?
    }

    /// Writes the pixels, unless writing has failed before.
    pub(super) fn write(&self, image: &RgbImage) {
        if self.cache.failure().is_some() {
            return;
        }
        let path = self.path();
        if let Err(source) = self.try_write(&path, image) {
            // Of several threads that find the disk full, one reports it.
            let _ = self
                .cache
                .failure
                .set(DatasetError::CacheEntry { path, source });
        }
    }

    fn try_write(&self, path: &Path, image: &RgbImage) -> io::Result<()> {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let ((width, height), pixels) = (image.dimensions(), image.as_raw());
        let mut file = OutputFile::create(path)?;
        file.write_all(&width.to_le_bytes())?;
        file.write_all(&height.to_le_bytes())?;
        file.write_all(&self.checksum(width, height, pixels))?;
        file.write_all(pixels)?;
        // The checksum tells what a crash of the machine has left of it.
        file.finish_unsynced()
    }

    fn checksum(&self, width: u32, height: u32, pixels: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update(width.to_le_bytes());
        hash.update(height.to_le_bytes());
        hash.update(pixels);
        hash.finalize().into()
    }

    /// In one of 256 folders, since not every file system likes millions of files in one.
    fn path(&self) -> PathBuf {
        let name: String = self.key.iter().map(|byte| format!("{byte:02x}")).collect();
        let (folder, name) = name.split_at(2);
        self.cache.folder.join(folder).join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that stands for a photograph, and a cache next to it.
    struct Place {
        root: tempfile::TempDir,
        cache: Arc<PhotographCache>,
    }

    impl Place {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            fs::write(root.path().join("photo.jpg"), "as it was").unwrap();
            let cache = Arc::new(PhotographCache::open(root.path().join("a/cache")).unwrap());
            Self { root, cache }
        }

        fn photo(&self) -> PathBuf {
            self.root.path().join("photo.jpg")
        }

        fn entry(&self, stored: Stored) -> CacheEntry {
            CacheEntry::of(&self.cache, &self.photo(), stored).unwrap()
        }
    }

    fn image() -> RgbImage {
        RgbImage::from_fn(5, 3, |x, y| crate::Rgb([x as u8, y as u8, 9]))
    }

    #[test]
    fn what_is_written_is_read_whatever_happens_to_others() {
        let place = Place::new();
        let entry = place.entry(Stored::Shrunk(7));
        assert!(entry.read().is_none());
        entry.write(&image());
        assert_eq!(entry.read().unwrap(), image());
        // Found by what determines it, in another process too.
        let other = Arc::new(PhotographCache::open(place.cache.folder.clone()).unwrap());
        let again = CacheEntry::of(&other, &place.photo(), Stored::Shrunk(7)).unwrap();
        assert_eq!(again.read().unwrap(), image());
        for stored in [Stored::Shrunk(8), Stored::Whole] {
            assert!(place.entry(stored).read().is_none());
        }
        assert_eq!(place.cache.failure().map(ToString::to_string), None);
    }

    #[test]
    fn a_changed_photograph_has_another_entry() {
        let place = Place::new();
        place.entry(Stored::Whole).write(&image());
        fs::write(place.photo(), "and as it is").unwrap();
        assert!(place.entry(Stored::Whole).read().is_none());
        // Of the same length, but later.
        let file = fs::File::options().write(true).open(place.photo()).unwrap();
        let before = place.entry(Stored::Whole);
        before.write(&image());
        file.set_modified(UNIX_EPOCH + std::time::Duration::from_secs(5))
            .unwrap();
        assert!(place.entry(Stored::Whole).read().is_none());
        assert!(before.read().is_some());
        fs::remove_file(place.photo()).unwrap();
        assert!(CacheEntry::of(&place.cache, &place.photo(), Stored::Whole).is_none());
    }

    #[test]
    fn a_damaged_entry_is_as_good_as_none() {
        let place = Place::new();
        let entry = place.entry(Stored::Whole);
        entry.write(&image());
        let whole = fs::read(entry.path()).unwrap();
        for length in [0, 7, HEADER, whole.len() - 1] {
            fs::write(entry.path(), &whole[..length]).unwrap();
            assert!(entry.read().is_none(), "{length} bytes");
        }
        for place in [0, 5, 20, HEADER + 4] {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            fs::write(entry.path(), changed).unwrap();
            assert!(entry.read().is_none(), "byte {place}");
        }
        let other = place.entry(Stored::Shrunk(3));
        fs::create_dir_all(other.path().parent().unwrap()).unwrap();
        fs::write(other.path(), &whole).unwrap();
        assert!(other.read().is_none(), "another photograph's");
        entry.write(&image());
        assert_eq!(entry.read().unwrap(), image());
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_an_error_and_a_full_one_is_done_without() {
        let place = Place::new();
        let error = PhotographCache::open(place.photo().join("cache")).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("photo.jpg/cache` for decoded photographs"),
            "{error}"
        );

        let folder = place.cache.folder.clone();
        fs::remove_dir_all(&folder).unwrap();
        fs::write(&folder, "in the way").unwrap();
        let entry = place.entry(Stored::Whole);
        entry.write(&image());
        let failure = place.cache.failure().unwrap().to_string();
        assert!(
            failure.contains("photographs that are not kept yet are decoded again"),
            "{failure}"
        );
        fs::remove_file(&folder).unwrap();
        entry.write(&image());
        assert!(entry.read().is_none());
    }
}
