//! IDX files, as MNIST, Fashion-MNIST and their relatives come in; plain or compressed with gzip.
//!
//! An IDX file of bytes is a big-endian header (two zero bytes, 8 for unsigned bytes, the number
//! of dimensions, and each dimension in 32 bits) and the values, row-major (LeCun et al.,
//! *The MNIST database of handwritten digits*).

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::{DatasetError, Images, TrainTest};

/// Bytes that the images of a file may have: twice as many as EMNIST, the largest of these data
/// sets. Neither a damaged header nor a file that unfolds to far more than it is may ask for all
/// memory.
const MAX_PIXELS: usize = 1 << 30;
/// Labels that a file may have; each takes four bytes in the end.
const MAX_LABELS: usize = 1 << 26;

/// Reads one part of a data set: grey images `[images, height, width]` and their labels
/// `[images]`. There are as many classes as the largest label says, named by their numbers; see
/// [`Images::with_classes`].
///
/// # Errors
///
/// When a file cannot be read, is no IDX file of bytes, is cut off or too long, or when the files
/// do not belong together.
pub fn open(images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Images, DatasetError> {
    let (images, labels) = (images.as_ref(), labels.as_ref());
    parse(
        (images, read_file(images, MAX_PIXELS)?),
        (labels, read_file(labels, MAX_LABELS)?),
    )
}

/// Reads a folder with MNIST's four files (`train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
/// and the same with `t10k`), each with or without `.gz`.
///
/// # Errors
///
/// As [`open`], and when a file is missing.
pub fn open_folder(folder: impl AsRef<Path>) -> Result<TrainTest, DatasetError> {
    let folder = folder.as_ref();
    let part = |name: &str| {
        let images = find(folder, &format!("{name}-images-idx3-ubyte"))?;
        open(images, find(folder, &format!("{name}-labels-idx1-ubyte"))?)
    };
    Ok(TrainTest {
        train: part("train")?,
        test: part("t10k")?,
    })
}

fn find(folder: &Path, name: &str) -> Result<PathBuf, DatasetError> {
    [name.to_owned(), format!("{name}.gz")]
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| DatasetError::Missing {
            folder: folder.to_owned(),
            name: format!("{name}(.gz)"),
            dataset: "a data set in MNIST's format",
        })
}

/// The two contents, each with the name that errors call it by.
pub(super) fn parse(images: (&Path, Idx), labels: (&Path, Idx)) -> Result<Images, DatasetError> {
    let [count, height, width] = dimensions(images.0, &images.1, "an IDX file of grey images")?;
    let [label_count] = dimensions(labels.0, &labels.1, "an IDX file of labels")?;
    if label_count != count {
        return Err(DatasetError::Count {
            what: "labels",
            found: label_count,
            expected: count,
            why: format!("`{}` has that many images", images.0.display()),
        });
    }
    let labels: Vec<u32> = labels.1.values.into_iter().map(u32::from).collect();
    let classes = labels.iter().max().map_or(0, |&largest| largest + 1);
    let names = (0..classes).map(|class| class.to_string());
    Images::new([1, height, width], images.1.values, labels, names)
}

/// What an IDX file of bytes holds.
pub(super) struct Idx {
    dimensions: Vec<usize>,
    values: Vec<u8>,
}

impl Idx {
    /// Reads an IDX file of this many bytes at the most, unpacking it when it is compressed.
    pub(super) fn read(
        path: &Path,
        mut source: impl Read,
        most: usize,
    ) -> Result<Self, DatasetError> {
        let mut start = [0; 2];
        source
            .read_exact(&mut start)
            .map_err(DatasetError::read(path))?;
        let source = start.chain(source);
        if start == [0x1f, 0x8b] {
            Self::read_plain(path, MultiGzDecoder::new(source), most)
        } else {
            Self::read_plain(path, source, most)
        }
    }

    fn read_plain(path: &Path, mut source: impl Read, most: usize) -> Result<Self, DatasetError> {
        let wrong = |problem: String| DatasetError::Format {
            path: path.to_owned(),
            expected: "an IDX file of bytes",
            problem,
        };
        let cut_off = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => wrong("it ends in its header".to_owned()),
            _ => DatasetError::read(path)(error),
        };
        let mut magic = [0; 4];
        source.read_exact(&mut magic).map_err(cut_off)?;
        let [0, 0, 8, rank] = magic else {
            return Err(wrong(format!(
                "it starts with the bytes {magic:02x?} instead of 00, 00, 08 and the number of \
                 dimensions"
            )));
        };
        let mut dimensions = Vec::new();
        for _ in 0..rank {
            let mut size = [0; 4];
            source.read_exact(&mut size).map_err(cut_off)?;
            dimensions.push(u32::from_be_bytes(size) as usize);
        }
        let count = dimensions
            .iter()
            .try_fold(1usize, |count, &size| count.checked_mul(size))
            .filter(|&count| count <= most)
            .ok_or_else(|| {
                wrong(format!(
                    "its header asks for {dimensions:?} values, and no more than {most} are read"
                ))
            })?;

        let mut values = Vec::new();
        // One more than there should be tells a file that is too long.
        source
            .take(count as u64 + 1)
            .read_to_end(&mut values)
            .map_err(DatasetError::read(path))?;
        if values.len() != count {
            let length = match values.len() < count {
                true => format!("only {}", values.len()),
                false => "more".to_owned(),
            };
            return Err(wrong(format!(
                "its header says {dimensions:?}, which is {count} values, but it has {length}"
            )));
        }
        Ok(Self { dimensions, values })
    }
}

fn read_file(path: &Path, most: usize) -> Result<Idx, DatasetError> {
    let file = File::open(path).map_err(DatasetError::read(path))?;
    Idx::read(path, BufReader::new(file), most)
}

fn dimensions<const N: usize>(
    path: &Path,
    idx: &Idx,
    expected: &'static str,
) -> Result<[usize; N], DatasetError> {
    <[usize; N]>::try_from(idx.dimensions.as_slice()).map_err(|_| DatasetError::Format {
        path: path.to_owned(),
        expected,
        problem: format!("it has {} dimensions instead of {N}", idx.dimensions.len()),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn idx(dimensions: &[u32], values: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
        for size in dimensions {
            bytes.extend_from_slice(&size.to_be_bytes());
        }
        bytes.extend_from_slice(values);
        bytes
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn parsed(images: &[u8], labels: &[u8]) -> Result<Images, DatasetError> {
        let (a, b) = (Path::new("images"), Path::new("labels"));
        let read = |name, bytes| Idx::read(name, bytes, 1_000);
        parse((a, read(a, images)?), (b, read(b, labels)?))
    }

    fn message(images: &[u8], labels: &[u8]) -> String {
        parsed(images, labels).unwrap_err().to_string()
    }

    #[test]
    fn files_are_read_plain_or_compressed() {
        let images = idx(&[2, 2, 1], &[1, 2, 3, 4]);
        let labels = idx(&[2], &[2, 0]);
        let plain = parsed(&images, &labels).unwrap();
        assert_eq!(plain.shape(), [1, 2, 1]);
        assert_eq!(plain.image(1), [3, 4]);
        assert_eq!(plain.labels(), [2, 0]);
        assert_eq!(plain.classes(), ["0", "1", "2"]);
        assert_eq!(parsed(&gzip(&images), &gzip(&labels)).unwrap(), plain);
    }

    #[test]
    fn a_folder_takes_either_kind_of_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let images = idx(&[1, 1, 1], &[9]);
        let labels = idx(&[1], &[0]);
        fs::write(path("train-images-idx3-ubyte"), &images).unwrap();
        fs::write(path("train-labels-idx1-ubyte.gz"), gzip(&labels)).unwrap();
        fs::write(path("t10k-images-idx3-ubyte.gz"), gzip(&images)).unwrap();
        let missing = open_folder(folder.path()).unwrap_err().to_string();
        assert!(
            missing.contains("has no file `t10k-labels-idx1-ubyte(.gz)`"),
            "{missing}"
        );
        fs::write(path("t10k-labels-idx1-ubyte"), &labels).unwrap();
        let both = open_folder(folder.path()).unwrap();
        assert_eq!(both.train, both.test);
    }

    #[test]
    fn damaged_files_say_what_is_wrong() {
        let images = idx(&[2, 1, 1], &[1, 2]);
        let labels = idx(&[2], &[0, 1]);
        assert!(message(b"PNG...", &labels).contains("starts with the bytes [50, 4e, 47, 2e]"));
        assert!(message(&images[..9], &labels).contains("it ends in its header"));
        assert!(message(&images[..17], &labels).contains("2 values, but it has only 1"));
        let long = [&images[..], &[0]].concat();
        assert!(message(&long, &labels).contains("2 values, but it has more"));
        assert!(message(&labels, &labels).contains("1 dimensions instead of 3"));
        assert_eq!(
            message(&images, &idx(&[1], &[0])),
            "1 labels were given, but 2 are needed: `images` has that many images"
        );
        let huge = idx(&[u32::MAX, u32::MAX, u32::MAX], &[]);
        assert!(message(&huge, &labels).contains("its header asks for"));
        // Megabytes in a kilobyte.
        let bomb = gzip(&idx(&[1, 1_000, 1_000], &vec![0; 1_000_000]));
        assert!(bomb.len() < 10_000);
        let bomb = message(&bomb, &labels);
        assert!(bomb.contains("no more than 1000 are read"), "{bomb}");
        let cut = gzip(&images);
        assert!(message(&cut[..cut.len() - 9], &labels).starts_with("cannot read `images`"));
        assert!(
            open("none", "none")
                .unwrap_err()
                .to_string()
                .contains("cannot read `none`")
        );
    }
}
