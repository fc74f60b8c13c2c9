//! Files of the same bytes.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

/// Bytes from each end of a file that are read to tell it from others of its size.
const END: u64 = 4096;

/// Groups of files that hold the same bytes, each in order. Only files of the same size are opened,
/// of these first the ends are read, and all of it only where these agree. Files that cannot be read
/// are in no group.
pub fn same_files<P: AsRef<Path> + Sync>(paths: &[P]) -> Vec<Vec<usize>> {
    let all = vec![(0..paths.len()).collect()];
    let sizes = divided(all, |index| size(paths[index].as_ref()));
    let ends = divided(sizes, |index| ends(paths[index].as_ref()).ok());
    let mut groups = divided(ends, |index| whole(paths[index].as_ref()).ok());
    groups.sort();
    groups
}

/// Divides groups further by what `key` says of each, and keeps those of more than one.
fn divided<K: std::hash::Hash + Eq + Send>(
    groups: Vec<Vec<usize>>,
    key: impl Fn(usize) -> Option<K> + Sync,
) -> Vec<Vec<usize>> {
    let mut divided = Vec::new();
    for group in groups {
        let keys: Vec<Option<K>> = group.par_iter().map(|&index| key(index)).collect();
        let mut parts: HashMap<K, Vec<usize>> = HashMap::new();
        for (index, key) in group.into_iter().zip(keys) {
            if let Some(key) = key {
                parts.entry(key).or_default().push(index);
            }
        }
        divided.extend(parts.into_values().filter(|part| part.len() > 1));
    }
    divided
}

fn size(path: &Path) -> Option<u64> {
    let metadata = fs::metadata(path).ok()?;
    // Empty files are no pictures, and devices have no size.
    (metadata.is_file() && metadata.len() > 0).then_some(metadata.len())
}

fn ends(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut bytes = Vec::new();
    file.by_ref().take(END).read_to_end(&mut bytes)?;
    file.seek(SeekFrom::Start(length.saturating_sub(END)))?;
    file.take(END).read_to_end(&mut bytes)?;
    Ok(Sha256::digest(&bytes).into())
}

fn whole(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut bytes = vec![0; 1 << 16];
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(hash.finalize().into()),
            count => hash.update(&bytes[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_bytes_are_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let mut long = vec![7; 3 * END as usize];
        let contents: [&[u8]; 7] = [b"one", b"two", &long.clone(), b"two", b"", b"", b"one"];
        long[END as usize + 9] = 8;
        let mut paths: Vec<_> = (0..contents.len() + 2)
            .map(|index| folder.path().join(index.to_string()))
            .collect();
        for (path, content) in paths.iter().zip(contents) {
            fs::write(path, content).unwrap();
        }
        // The same size and ends, but other bytes between them.
        fs::write(&paths[7], &long).unwrap();
        paths.push(folder.path().to_owned());
        assert_eq!(same_files(&paths), [[0, 6], [1, 3]]);
        fs::copy(&paths[7], &paths[8]).unwrap();
        assert_eq!(same_files(&paths), [[0, 6], [1, 3], [7, 8]]);
    }
}
