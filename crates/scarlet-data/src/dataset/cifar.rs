//! The binary files of CIFAR-10 and CIFAR-100 (Krizhevsky, *Learning Multiple Layers of Features
//! from Tiny Images*, 2009): records of one or two labels and 3×32×32 bytes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{DatasetError, Images, TrainTest};

const SHAPE: [usize; 3] = [3, 32, 32];
const PIXELS: usize = 3 * 32 * 32;
/// Records that a file may have, twice as many as the largest of the data sets' files.
const MAX_RECORDS: usize = 100_000;
/// Bytes that a file of class names may have.
const MAX_NAMES: usize = 1 << 20;

/// Reads the folder that CIFAR-10's or CIFAR-100's archive of binary files unpacks to; CIFAR-100
/// with its 100 fine classes.
///
/// # Errors
///
/// When a file is missing, cannot be read or is not of the data set.
pub fn open_folder(folder: impl AsRef<Path>) -> Result<TrainTest, DatasetError> {
    let folder = folder.as_ref();
    let kind = match folder.join("fine_label_names.txt").is_file() {
        true => &CIFAR_100,
        false => &CIFAR_10,
    };
    let names = kind.read_names(folder)?;
    Ok(TrainTest {
        train: kind.read(folder, kind.train, &names)?,
        test: kind.read(folder, &[kind.test], &names)?,
    })
}

struct Kind {
    dataset: &'static str,
    expected: &'static str,
    /// Bytes in front of the pixels; the last is the label.
    labels: usize,
    names: &'static str,
    train: &'static [&'static str],
    test: &'static str,
}

const CIFAR_10: Kind = Kind {
    dataset: "CIFAR-10",
    expected: "a binary file of CIFAR-10",
    labels: 1,
    names: "batches.meta.txt",
    train: &[
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
    ],
    test: "test_batch.bin",
};

const CIFAR_100: Kind = Kind {
    dataset: "CIFAR-100",
    expected: "a binary file of CIFAR-100",
    labels: 2,
    names: "fine_label_names.txt",
    train: &["train.bin"],
    test: "test.bin",
};

impl Kind {
    fn read_names(&self, folder: &Path) -> Result<Vec<String>, DatasetError> {
        let bytes = self.read_file(folder, self.names, MAX_NAMES)?;
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        Ok(lines.map(str::to_owned).collect())
    }

    fn read(
        &self,
        folder: &Path,
        files: &[&str],
        names: &[String],
    ) -> Result<Images, DatasetError> {
        let record = self.labels + PIXELS;
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for file in files {
            let bytes = self.read_file(folder, file, MAX_RECORDS * record)?;
            if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
                return Err(DatasetError::Format {
                    path: folder.join(file),
                    expected: self.expected,
                    problem: format!(
                        "its {} bytes are not a number of records of {record} bytes",
                        bytes.len()
                    ),
                });
            }
            for record in bytes.chunks_exact(record) {
                labels.push(u32::from(record[self.labels - 1]));
                pixels.extend_from_slice(&record[self.labels..]);
            }
        }
        Images::new(SHAPE, pixels, labels, names)
    }

    /// Reads a file of this many bytes at the most.
    fn read_file(&self, folder: &Path, name: &str, most: usize) -> Result<Vec<u8>, DatasetError> {
        let path = folder.join(name);
        if !path.is_file() {
            return Err(DatasetError::Missing {
                folder: folder.to_owned(),
                name: name.to_owned(),
                dataset: self.dataset,
            });
        }
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes))
            .map_err(DatasetError::read(&path))?;
        match bytes.len() <= most {
            true => Ok(bytes),
            false => Err(DatasetError::Format {
                path,
                expected: self.expected,
                problem: format!("it has more than {most} bytes"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn record(labels: &[u8], pixel: u8) -> Vec<u8> {
        [labels, &[pixel; PIXELS]].concat()
    }

    #[test]
    fn both_data_sets_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        write("batches.meta.txt", b"airplane\nautomobile\n\n");
        for (index, file) in CIFAR_10.train.iter().enumerate() {
            write(file, &record(&[1], index as u8));
        }
        write("test_batch.bin", &record(&[0], 200));
        let ten = open_folder(folder.path()).unwrap();
        assert_eq!(ten.train.len(), 5);
        assert_eq!(ten.train.shape(), [3, 32, 32]);
        assert_eq!(ten.train.image(4), [4; PIXELS]);
        assert_eq!(ten.test.classes()[ten.test.label(0)], "airplane");

        write("fine_label_names.txt", b"apple\naquarium_fish\n");
        write(
            "train.bin",
            &[record(&[7, 1], 1), record(&[9, 0], 2)].concat(),
        );
        write("test.bin", &record(&[7, 1], 3));
        let hundred = open_folder(folder.path()).unwrap();
        assert_eq!(hundred.train.labels(), [1, 0]);
        assert_eq!(hundred.train.image(1), [2; PIXELS]);
    }

    #[test]
    fn damaged_folders_say_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let message = || open_folder(folder.path()).unwrap_err().to_string();
        assert!(message().contains("has no file `batches.meta.txt`, which CIFAR-10 consists of"));
        fs::write(folder.path().join("batches.meta.txt"), "a\n").unwrap();
        fs::write(folder.path().join("data_batch_1.bin"), [0; 100]).unwrap();
        assert!(message().contains("its 100 bytes are not a number of records of 3073 bytes"));
        // As long as one likes, and nothing in it.
        let names = File::create(folder.path().join("batches.meta.txt")).unwrap();
        names.set_len(1 << 40).unwrap();
        assert!(message().contains("it has more than 1048576 bytes"));
    }
}
