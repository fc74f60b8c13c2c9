//! Files that hold the same picture.

use std::collections::HashMap;
use std::path::PathBuf;

use rayon::prelude::*;

use super::Looked;
use super::compare::{Comparable, is_view};
use super::fingerprint::VIEWS;
use super::groups::Groups;
use super::nearest::{Candidate, candidates};
use crate::{DecodeOptions, PhotoError, decode_with};

/// Pairs that are compared at once, and pictures that are kept for it: 200 KB each at the most.
const AT_ONCE: usize = 128;
const KEPT: usize = 512;

/// Files that hold the same picture.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DuplicateGroup {
    /// Which files, in order.
    pub images: Vec<usize>,
    /// Whether their pixels are the same; else some are resized, encoded again or cropped.
    pub exact: bool,
}

impl DuplicateGroup {
    /// Of files, in order, whose pixels are the same.
    pub fn of_the_same(images: Vec<usize>) -> Self {
        Self {
            images,
            exact: true,
        }
    }
}

/// Groups of files that hold the same picture, in order of their first. Of those that could not be
/// decoded, `looked` is none. Blank pictures are the same only where all their pixels are. Pictures
/// that are nearly the same are found by [perceptual hashes](super::look()) of the whole and of its
/// crops, and then compared by their pixels, for which they are decoded once more.
///
/// `go_on` is asked now and then; where it says no there is no result.
pub fn duplicates(
    paths: &[PathBuf],
    looked: &[Option<Looked>],
    go_on: impl Fn() -> bool + Sync,
) -> Option<Vec<DuplicateGroup>> {
    let mut groups = Groups::new(paths.len());
    // One of each picture.
    let mut firsts: HashMap<[u8; 32], usize> = HashMap::new();
    let mut different = Vec::new();
    for (index, looked) in looked.iter().enumerate() {
        let Some(looked) = looked else { continue };
        let first = *firsts.entry(looked.digest).or_insert(index);
        if first != index {
            groups.join(first, index);
        } else if !looked.picture.blank {
            different.push((index, &looked.fingerprint));
        }
    }
    let prints: Vec<_> = different.iter().map(|&(_, print)| print).collect();
    let mut pairs = candidates(&prints, &go_on)?;
    pairs.sort_unstable();
    for pair in &mut pairs {
        pair.of = different[pair.of].0;
        pair.part = different[pair.part].0;
    }
    join_the_same(&mut groups, paths, &pairs, go_on)?;
    let digest = |index: usize| looked[index].as_ref().map(|looked| looked.digest);
    let groups = groups.several().into_iter();
    Some(
        groups
            .map(|images| DuplicateGroup {
                exact: images.iter().all(|&it| digest(it) == digest(images[0])),
                images,
            })
            .collect(),
    )
}

/// Joins those pairs that are the same picture, the closest first, without comparing those that are
/// in one group already.
fn join_the_same(
    groups: &mut Groups,
    paths: &[PathBuf],
    pairs: &[Candidate],
    go_on: impl Fn() -> bool,
) -> Option<()> {
    let mut kept: HashMap<usize, Option<Comparable>> = HashMap::new();
    for pairs in pairs.chunks(AT_ONCE) {
        if !go_on() {
            return None;
        }
        let apart = pairs
            .iter()
            .filter(|it| groups.of(it.of) != groups.of(it.part));
        let apart: Vec<&Candidate> = apart.collect();
        if kept.len() > KEPT {
            kept.clear();
        }
        let mut missing: Vec<usize> = apart.iter().flat_map(|it| [it.of, it.part]).collect();
        missing.sort_unstable();
        missing.dedup();
        missing.retain(|index| !kept.contains_key(index));
        let read: Vec<_> = missing
            .into_par_iter()
            .map(|index| {
                let options = DecodeOptions::default();
                let comparable = |image| Ok::<_, PhotoError>(Comparable::of(&image));
                // What has become unreadable since is the same as nothing.
                (index, decode_with(&paths[index], &options, comparable).ok())
            })
            .collect();
        kept.extend(read);
        let same = apart.into_par_iter().filter(|it| {
            let picture = |index| kept.get(index).and_then(Option::as_ref);
            match (picture(&it.part), picture(&it.of)) {
                (Some(part), Some(whole)) => is_view(part, whole, VIEWS[it.view]),
                _ => false,
            }
        });
        let same: Vec<&Candidate> = same.collect();
        for pair in same {
            groups.join(pair.of, pair.part);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::{Rgb, RgbImage, imageops};

    use super::super::look::tests::{save_jpeg, scene};
    use super::super::look_at_all;
    use super::*;

    fn found(paths: &[PathBuf]) -> Vec<DuplicateGroup> {
        let looked = look_at_all(paths, || true).unwrap();
        let looked: Vec<_> = looked.into_iter().map(Result::ok).collect();
        duplicates(paths, &looked, || true).unwrap()
    }

    #[test]
    fn copies_are_found_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for seed in 0..12 {
            save_jpeg(&scene(seed, 160, 120), &path(&format!("{seed:02}.jpg")), 92);
        }
        let saved = |name: &str| crate::decode(path(name), &DecodeOptions::default()).unwrap();
        fs::copy(path("01.jpg"), path("a-copied.jpg")).unwrap();
        saved("02.jpg").save(path("b-png.png")).unwrap();
        save_jpeg(&saved("03.jpg"), &path("c-again.jpg"), 70);
        save_jpeg(
            &crate::resize(&saved("04.jpg"), 90, 70),
            &path("d-small.jpg"),
            90,
        );
        let crop = imageops::crop_imm(&saved("05.jpg"), 8, 0, 152, 114).to_image();
        save_jpeg(&crop, &path("e-crop.jpg"), 90);
        save_jpeg(
            &crate::resize(&saved("05.jpg"), 240, 180),
            &path("f-large.jpg"),
            90,
        );
        fs::write(path("g-damaged.jpg"), b"\xff\xd8\xff").unwrap();
        let mut paths: Vec<PathBuf> = fs::read_dir(folder.path())
            .unwrap()
            .map(|it| it.unwrap().path())
            .collect();
        paths.sort();
        let groups = found(&paths);
        let names = |group: &DuplicateGroup| -> Vec<String> {
            let name = |&index: &usize| paths[index].file_stem().unwrap().to_str().unwrap().into();
            group.images.iter().map(name).collect()
        };
        let named: Vec<_> = groups
            .iter()
            .map(|it| (names(it).join(" "), it.exact))
            .collect();
        let expected = [
            ("01 a-copied", true),
            ("02 b-png", true),
            ("03 c-again", false),
            ("04 d-small", false),
            ("05 e-crop f-large", false),
        ];
        let expected = expected.map(|(names, exact)| (names.to_owned(), exact));
        assert_eq!(named, expected);
    }

    #[test]
    fn blank_pictures_are_the_same_only_where_all_pixels_are() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [200, 200, 201].map(|level| {
            let name = format!("{}.png", fs::read_dir(folder.path()).unwrap().count());
            let path = folder.path().join(name);
            RgbImage::from_pixel(40, 40, Rgb([level; 3]))
                .save(&path)
                .unwrap();
            path
        });
        let groups = found(&paths);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].images, [0, 1]);
    }

    #[test]
    fn it_stops_when_it_is_asked_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        scene(1, 20, 20).save(&path).unwrap();
        let looked = look_at_all(std::slice::from_ref(&path), || true).unwrap();
        let looked: Vec<_> = looked.into_iter().map(Result::ok).collect();
        assert_eq!(duplicates(&[path], &looked, || false), None);
    }
}
